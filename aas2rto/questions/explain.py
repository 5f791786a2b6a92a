"""Why a candidate has the score it has: every factor, fit and site, with numbers and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto import loop
from aas2rto.errors import UsageError
from aas2rto.factors import Decision
from aas2rto.outputs.lists import iso_minutes
from aas2rto.steps import fit as fitting
from aas2rto.steps.cycle import Parts, Scored
from aas2rto.steps.evaluate import RULES, Column
from aas2rto.steps.fit import Fits
from aas2rto.steps.rank import apply, seen_from, site_columns
from aas2rto.store import Store
from aas2rto.tables import marks as feedback


def explain_stored(parts: Parts, store: Store, candidate_id: str, now: Time) -> dict[str, Any]:
    """Explain a candidate of the store as it stands at `now`; nothing is stored.

    Parameters
    ----------
    parts : Parts
    store : Store
    candidate_id : str
    now : Time

    Returns
    -------
    dict
        See `explain`.
    """
    found = recall(parts, store, candidate_id, now)
    told = explain(parts, found.table, found.photometry, found.fits, now)
    marks = feedback.standing(found.said, found.photometry, now.utc.mjd)
    marks = marks.drop(columns="candidate_id")
    told["feedback"] = [{str(k): _plain(v) for k, v in m.items()} for m in marks.to_dict("records")]
    told["state"] = str(found.table["state"].iloc[0])
    aliases = store.identities.aliases(now.utc.mjd)
    name = found.table["candidate_id"].iloc[0]
    told["aliases"] = aliases.loc[aliases["candidate_id"] == name, "alias"].tolist()
    told["annotations"] = {
        k: _plain(v) for k, v in _record(found.notes).items() if k != "candidate_id"
    }
    return told


@dataclass(frozen=True)
class Recalled:
    """A candidate of the store at some time, before it is scored: tables of one candidate."""

    table: pd.DataFrame
    photometry: pd.DataFrame
    fits: Fits
    said: pd.DataFrame
    notes: pd.DataFrame


def recall(parts: Parts, store: Store, candidate_id: str, now: Time) -> Recalled:
    """Put together what the store knows of a candidate at `now`; nothing is stored."""
    held = store.candidates(now.utc.mjd, state=None)
    held = held[held["id"] == store.identities.key_of(candidate_id)].reset_index(drop=True)
    if held.empty:
        raise UsageError(
            f"{candidate_id} was not known yet at {now.utc.isot[:16]} UTC; give a later --now"
        )
    candidate_id = held["candidate_id"].iloc[0]
    known = store.photometry.as_known(held, now.utc.mjd)
    photometry = known.photometry
    notes = store.facts.as_known(now.utc.mjd)
    notes = notes[notes["candidate_id"] == candidate_id].dropna(axis=1, how="all")
    table = loop.assemble(held, known.summary, notes, parts.case.config.score.base)
    said = store.marks.as_known(now.utc.mjd)
    said = said[said["candidate_id"] == candidate_id]
    table = feedback.join(table, said, photometry, now)
    fits = fitting.fit(parts.models, table, photometry, store, save=False)
    return Recalled(table, photometry, fits, said, notes)


def explain(
    parts: Parts, table: pd.DataFrame, photometry: pd.DataFrame, fits: Fits, now: Time
) -> dict[str, Any]:
    """Explain one candidate.

    Parameters
    ----------
    parts : Parts
    table : DataFrame
        One row of the candidate table.
    photometry : DataFrame
        Of this candidate, as known now.
    fits : Fits
        Of this candidate.
    now : Time

    Returns
    -------
    dict
        ``candidate_id, now, score, decision, reason, factors, fits, observatories``, ready for
        JSON but for an infinite score.
    """
    scored = assess(parts, table, photometry, fits, now)
    row = scored.table.iloc[0]
    failures = [*fits.failures, *(f for column in scored.columns for f in column.failures)]
    return {
        "candidate_id": str(row["candidate_id"]),
        "name": str(row["name"]),
        "ra": float(row["ra"]),
        "dec": float(row["dec"]),
        "now": now.utc.isot,
        "score": float(row["score"]),
        "decision": str(row["decision"]),
        "reason": str(row["reason"]),
        "base_score": float(row["base_score"]),
        "factors": [_factor(column) for column in scored.columns if _is_told(column)],
        "fits": {name: _fit(found) for name, found in fits.tables.items()},
        "observatories": _sites(parts, scored, now),
        "last_mag": _plain(row["last_mag"]),
        "last_band": str(row["last_band"]),
        "n_detections": int(row["n_detections"]),
        "redshift": _plain(row["redshift"]),
        "spectral_type": str(row["spectral_type"]),
        "failures": [str(failure) for failure in failures],
    }


def assess(
    parts: Parts, table: pd.DataFrame, photometry: pd.DataFrame, fits: Fits, now: Time
) -> Scored:
    """Score one candidate with all factors, whatever the first of them say."""
    prefiltered = loop.assess_light_curves(parts, table, photometry, now)
    prefiltered.keep[:] = True
    joined = fitting.add_peak_probability(
        fitting.join(table, fits, parts.case.config.model_choice), now.utc.mjd
    )
    scored = loop.score(parts, joined, prefiltered, now)
    return loop.with_tomorrow(parts, scored, photometry, now) if parts.looks_ahead else scored


def _is_told(column: Column) -> bool:
    """Leave out the rules beside the factors where they say nothing."""
    return column.name not in RULES or bool(column.factor.decision[0])


def _factor(column: Column) -> dict[str, Any]:
    factor = column.factor
    return {
        "name": column.name,
        "value": _plain(factor.value[0]),
        "decision": Decision(factor.decision[0]).label,
        "reason": str(factor.reason[0]),
        "inputs": {
            name: _plain(np.atleast_1d(np.asarray(values, dtype=object))[0])
            for name, values in factor.inputs.items()
        },
    }


def _fit(table: pd.DataFrame) -> dict[str, Any]:
    record = _record(table)
    told = {k: _plain(v) for k, v in record.items() if k not in {"candidate_id", "digest"}}
    parameters = told.get("parameters")
    return {**told, **(parameters if isinstance(parameters, dict) else {})}


def _record(table: pd.DataFrame) -> dict[str, Any]:
    records = table.to_dict("records")
    return {str(key): value for key, value in records[0].items()} if records else {}


def _sites(parts: Parts, scored: Scored, now: Time) -> dict[str, Any]:
    told = {}
    for site in parts.case.observatories:
        table = seen_from(
            site, scored.table, parts.site_factors, now, min_altitude=parts.min_altitude
        )
        columns = site_columns(site, table, parts.site_factors, now)
        told[site.name] = _site(apply(table, columns), columns, scored)
    return told


def _site(table: pd.DataFrame, columns: Sequence[Column], scored: Scored) -> dict[str, Any]:
    row = table.iloc[0]
    out = scored.verdict.decision[0] != Decision.KEEP
    science = scored.table.iloc[0]
    return {
        "score": float(science["score"] if out else row["site_score"]),
        "decision": str(science["decision"] if out else row["decision"]),
        "reason": str(science["reason"] if out else row["reason"]),
        "factor": _plain(float(np.prod([column.factor.value[0] for column in columns]))),
        "factors": [_factor(column) for column in columns if _is_told(column)],
        "altitude": _plain(row["altitude"]),
        "azimuth": _plain(row["azimuth"]),
        "airmass": _plain(row["airmass"]),
        "moon_sep": _plain(row["moon_sep"]),
        "sets": _time(row["sets"]),
        "rises": _time(row["rises"]),
        "hours_left": _plain(row["hours_left"]),
        "observable_now": bool(row["observable_now"]),
        "status": str(row["status"]),
    }


def _time(mjd: float) -> str | None:
    return iso_minutes(np.array([mjd], dtype=float))[0] or None


def _plain(value: Any) -> Any:
    """Make a value fit for JSON; NaN and infinities become None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(one) for one in value]
    return value


def compare(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Say why one candidate ranks above or below another, factor by factor.

    Parameters
    ----------
    first, second : mapping
        As `explain` returns them.

    Returns
    -------
    dict
        ``sentence``, and for each factor the two values and their ratio.
    """
    others = {factor["name"]: factor for factor in second["factors"]}
    pairs = [
        {
            "name": factor["name"],
            first["candidate_id"]: factor["value"],
            second["candidate_id"]: others[factor["name"]]["value"],
            "ratio": _ratio(factor["value"], others[factor["name"]]["value"]),
        }
        for factor in first["factors"]
        if factor["name"] in others
    ]
    return {"over": second["candidate_id"], "sentence": _sentence(first, second, pairs),
            "factors": pairs}  # fmt: skip


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _sentence(
    first: Mapping[str, Any], second: Mapping[str, Any], pairs: Sequence[Mapping[str, Any]]
) -> str:
    one, other = first["candidate_id"], second["candidate_id"]
    for this, told in ((one, first), (other, second)):
        if told["decision"] != Decision.KEEP.label:
            return f"{this} is not ranked ({told['decision']}: {told['reason']})"
    higher = "above" if first["score"] >= second["score"] else "below"
    strong = sorted(
        (pair for pair in pairs if pair["ratio"]), key=lambda pair: -abs(np.log(pair["ratio"]))
    )
    because = ", ".join(f"{pair['name']} x{pair['ratio']:.3g}" for pair in strong[:3])
    return f"{one} ranks {higher} {other} ({first['score']:.4g} : {second['score']:.4g}): {because}"
