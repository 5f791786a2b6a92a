"""Why a candidate has the score it has: every factor, fit and site, with numbers and words."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Decision
from aas2rto.outputs.cells import iso_minutes
from aas2rto.questions.counterfactual import counterfactual, overtaking
from aas2rto.steps.column import RULES, Column, effect_of
from aas2rto.steps.combine import EXCLUDED_SCORE, why
from aas2rto.steps.cycle import Judged, Parts, Ranking, Scored
from aas2rto.steps.fit_memory import FitMemory, OnlyRead
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import Known, as_known
from aas2rto.steps.present import present_magnitude
from aas2rto.steps.uncertain import COLUMN as P_TOP
from aas2rto.store import Store
from aas2rto.tables import marks
from aas2rto.tables.effect import PRODUCT, Effect
from aas2rto.tables.photometry import NEGATIVE, SUSPECT, WHY
from aas2rto.text.json_values import plain
from aas2rto.text.words import counted


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
    known = as_known(parts, store, now, candidate_id=candidate_id)
    judged = judge(parts, known, now, memory=OnlyRead(store.fits), in_full=True)
    told = explain_judged(parts, store, known, judged)
    return {**told, "p_top5": _chances(parts, store, str(told["candidate_id"]), now)}


def explain_judged(parts: Parts, store: Store, known: Known, judged: Judged) -> dict[str, Any]:
    """Explain a candidate that has been judged alone and in full; nothing is stored.

    Parameters
    ----------
    parts : Parts
    store : Store
        Asked for its names, and for what made its points suspect.
    known : Known
        What was known of this candidate alone.
    judged : Judged
        With ``in_full``.

    Returns
    -------
    dict
        See `explain`.
    """
    name, mjd = str(known.table["candidate_id"].iloc[0]), float(judged.at.utc.mjd)
    key = store.identities.key_of(name)
    suspicions = None if key is None else store.photometry.suspicions(key)
    told = _told(parts, known, judged, suspicions)
    said = marks.standing(known.said, known.photometry, mjd).drop(columns="candidate_id")
    told["feedback"] = [{str(k): plain(v) for k, v in m.items()} for m in said.to_dict("records")]
    told["state"] = str(known.table["state"].iloc[0])
    told["aliases"] = store.identities.aliases_of(name, mjd)
    notes = _record(known.notes)
    told["annotations"] = {key: plain(notes[key]) for key in notes if key != "candidate_id"}
    return told


def _chances(parts: Parts, store: Store, candidate_id: str, now: Time) -> dict[str, float]:
    """Return its chance to be among the first five of each list, if the config asks for it."""
    if not parts.case.config.score.draws:
        return {}
    judged = judge(parts, as_known(parts, store, now), now, memory=OnlyRead(store.fits))
    found = {}
    for ranking in judged.rankings:
        row = ranking.table[ranking.table["candidate_id"] == candidate_id]
        if len(row) and np.isfinite(row[P_TOP].iloc[0]):
            found[ranking.observatory] = float(row[P_TOP].iloc[0])
    return found


def explain(
    parts: Parts,
    known: Known,
    now: Time,
    *,
    memory: FitMemory,
    suspicions: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Explain one candidate.

    Parameters
    ----------
    parts : Parts
    known : Known
        What is known now of this candidate alone.
    now : Time
    memory : FitMemory
        Earlier fits.
    suspicions : DataFrame, optional
        ``survey, measurement_id, why`` of suspect points.

    Returns
    -------
    dict
        ``candidate_id, now, score, decision, reason, factors, fits, observatories``, ready for
        JSON but for an infinite score.
    """
    judged = judge(parts, known, now, memory=memory, in_full=True)
    return _told(parts, known, judged, suspicions)


def _told(
    parts: Parts, known: Known, judged: Judged, suspicions: pd.DataFrame | None
) -> dict[str, Any]:
    scored, now = judged.scored, judged.at
    row = scored.table.iloc[0]
    failures = [*judged.fits.failures, *(f for column in scored.columns for f in column.failures)]
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
        "fits": {name: _fit(found) for name, found in judged.fits.tables.items()},
        "observatories": {r.observatory: _site(r, scored) for r in judged.rankings[1:]},
        "last_mag": plain(row["last_mag"]),
        "last_detection": plain(row["last_detection"]),
        "last_band": str(row["last_band"]),
        "n_detections": int(row["n_detections"]),
        "magnitude": _magnitude(parts, row, judged.fits.tables, float(now.utc.mjd)),
        "set_aside": _set_aside(row, parts.case.config.candidates.quiet),
        "suspect": _suspect(known.photometry, suspicions),
        "redshift": plain(row["redshift"]),
        "spectral_type": str(row["spectral_type"]),
        "failures": [str(failure) for failure in failures],
    }


STALE = 5.0
"""Older than this [d], the last magnitude is stale; the default of the factor `magnitude`."""


def _magnitude(
    parts: Parts, row: pd.Series, fits: Mapping[str, pd.DataFrame], now: float
) -> dict[str, Any] | None:
    """Say how old the last magnitude is if it is stale, and what the fit says of now."""
    settings = [one.settings for one in parts.factors if "stale" in one.settings]
    limit = min((float(one["stale"]) for one in settings), default=STALE)
    age = now - float(row["last_detection"])
    if not age > limit:
        return None
    band, name = str(row["last_band"]), str(row.get("model") or "")
    told = f"the last magnitude, {row['last_mag']:.2f} in {band}, is stale: {age:.1f} d old"
    present = np.nan
    for bound in parts.models:
        if bound.name == name and name in fits:
            present = present_magnitude(bound, _record(fits[name]), band, now)
    if np.isfinite(present):
        told += (
            f"; by the fit ({name}) it is {present:.2f} now "
            "(magnitude: {use: model} in the config takes that)"
        )
    return {"age": plain(age), "present": plain(present), "sentence": told}


def _suspect(points: pd.DataFrame, suspicions: pd.DataFrame | None) -> dict[str, Any] | None:
    """Say which test made points suspect; None: there are none."""
    rows = points[points["kind"] == SUSPECT]
    if rows.empty:
        return None
    key = ["survey", "measurement_id"]
    known = {} if suspicions is None else suspicions.set_index(key)[WHY].to_dict()
    named = [known.get(one) for one in zip(rows["survey"], rows["measurement_id"], strict=True)]
    unknown = np.where(rows["flux"] < 0, NEGATIVE, "an older program did not keep why")
    why = [str(word or other) for word, other in zip(named, unknown, strict=True)]
    told = Counter(why).most_common()
    listed = "; ".join(f"{n} of them {word}" if len(told) > 1 else word for word, n in told)
    columns = (rows["mjd"].tolist(), rows["band"].tolist(), why)
    return {
        "points": [{"mjd": m, "band": b, "why": w} for m, b, w in zip(*columns, strict=True)],
        "sentence": f"{counted(len(rows), 'suspect point')}, in fits only: {listed}",
    }


def _set_aside(row: pd.Series, quiet: float | None) -> dict[str, Any] | None:
    """Say which detections do not belong to the present outburst; None: all do."""
    n = int(row["n_set_aside"])
    if not n:
        return None
    last, first = _time(row["last_set_aside"]), _time(row["first_detection"])
    begins = f"the present outburst began on {first} UTC" if first else "there is no outburst now"
    gap = (
        f"more than {quiet:g} d without a detection came between"
        if first
        else (f"a single one with nothing for {quiet:g} d before or after it belongs to none")
    )
    sentence = f"{counted(n, 'detection')} set aside, the last on {last} UTC: {begins}; {gap}"
    return {"detections": n, "last": last, "began": first, "sentence": sentence}


def _is_told(column: Column) -> bool:
    """Leave out the rules beside the factors where they say nothing."""
    return column.name not in RULES or bool(column.factor.decision[0])


def _factor(column: Column) -> dict[str, Any]:
    factor = column.factor
    return {
        "name": column.name,
        "value": plain(factor.value[0]),
        "effect": column.effect.written(float(factor.value[0])),
        "decision": Decision(factor.decision[0]).label,
        "reason": str(factor.reason[0]),
        "inputs": {
            name: plain(np.atleast_1d(np.asarray(values, dtype=object))[0])
            for name, values in factor.inputs.items()
        },
    }


def _fit(table: pd.DataFrame) -> dict[str, Any]:
    record = _record(table)
    told = {k: plain(v) for k, v in record.items() if k not in {"candidate_id", "digest"}}
    parameters = told.get("parameters")
    return {**told, **(parameters if isinstance(parameters, dict) else {})}


def _record(table: pd.DataFrame) -> dict[str, Any]:
    records = table.to_dict("records")
    return {str(key): value for key, value in records[0].items()} if records else {}


def _site(ranking: Ranking, scored: Scored) -> dict[str, Any]:
    """Say how a site sees the candidate; where it is out, what the science list says stands."""
    seen = ranking.table if len(ranking.table) else ranking.out
    row, science, columns = seen.iloc[0], scored.table.iloc[0], ranking.columns
    if scored.verdict.decision[0] != Decision.KEEP:
        said = {key: science[key] for key in ("score", "decision", "reason")}
    elif len(ranking.table):
        reasons = [part for part in (science["reason"], why(columns)[0]) if part]
        said = {"score": row["site_score"], "decision": row["decision"]}
        said["reason"] = "; ".join(reasons)
    else:
        said = {"score": row.get("site_score", EXCLUDED_SCORE), "reason": row["reason"]}
        said["decision"] = Decision.EXCLUDE.label
    effect = effect_of(columns)
    value = effect.joint([float(column.factor.value[0]) for column in columns])
    return {
        "score": float(said["score"]),
        "decision": str(said["decision"]),
        "reason": str(said["reason"]),
        "factor": plain(value),
        "effect": effect.written(value),
        "factors": [_factor(column) for column in columns if _is_told(column)],
        "altitude": plain(row.get("altitude")),
        "azimuth": plain(row.get("azimuth")),
        "airmass": plain(row.get("airmass")),
        "moon_sep": plain(row.get("moon_sep")),
        "sets": _time(row.get("sets", np.nan)),
        "rises": _time(row.get("rises", np.nan)),
        "hours_left": plain(row.get("hours_left")),
        "observable_now": bool(row.get("observable_now", False)),
        "status": _status(
            row,
            is_out=not len(ranking.table) and scored.verdict.decision[0] == Decision.KEEP,
        ),
    }


def _status(row: pd.Series, *, is_out: bool) -> str:
    """Say why a site cannot observe it: the sky, else the telescope or people."""
    status = str(row.get("status", "unknown"))
    return status or (str(row["reason"]) if is_out else "")


def _time(mjd: float) -> str | None:
    return iso_minutes(np.array([mjd], dtype=float))[0] or None


def compare(
    first: Mapping[str, Any], second: Mapping[str, Any], *, effect: Effect = PRODUCT
) -> dict[str, Any]:
    """Say why one candidate ranks above or below another, factor by factor.

    Parameters
    ----------
    first, second : mapping
        As `explain` returns them.
    effect : Effect
        What their factors do to a score.

    Returns
    -------
    dict
        ``sentence``, and for each factor the two values and their ``ratio``; of a sum, that is
        their difference.
    """
    others = {factor["name"]: factor for factor in second["factors"]}
    pairs = [
        {
            "name": factor["name"],
            first["candidate_id"]: factor["value"],
            second["candidate_id"]: others[factor["name"]]["value"],
            "ratio": effect.between(factor["value"], others[factor["name"]]["value"]),
        }
        for factor in first["factors"]
        if factor["name"] in others
    ]
    return {
        "over": second["candidate_id"],
        "sentence": _sentence(first, second, pairs, effect),
        "factors": pairs,
    }


def what_would_do(
    parts: Parts,
    store: Store,
    told: Sequence[Mapping[str, Any]],
    now: Time,
    *,
    known: Known | None = None,
) -> dict[str, Any] | None:
    """Say what would bring in a candidate that is left out, or put it above another.

    Parameters
    ----------
    parts : Parts
    store : Store
        Is only read.
    told : sequence of mapping
        What `explain_stored` said of the candidate and, optionally, of the one to compare it with.
    now : Time
    known : Known, optional
        What is known at `now` of all that are active, for who holds it already.

    Returns
    -------
    dict or None
        See `aas2rto.questions.counterfactual`; None if it is ranked, and above the other.
    """
    first, *others = told
    names = [str(one["candidate_id"]) for one in told]
    is_kept = [one["decision"] == Decision.KEEP.label for one in told]
    below = len(told) == 2 and all(is_kept) and first["score"] <= others[0]["score"]
    seen = [site["decision"] == Decision.KEEP.label for site in first["observatories"].values()]
    if is_kept[0] and not below and (any(seen) or not seen):
        return None
    memory = OnlyRead(store.fits)
    held = known is not None and set(names) <= set(known.table["candidate_id"])

    @functools.cache
    def everyone() -> Known:
        return known if known is not None and held else as_known(parts, store, now, also=names)

    if not below:
        alone = as_known(parts, store, now, candidate_id=names[0])
        return counterfactual(parts, alone, names[0], now, memory=memory, everyone=everyone)
    effect = parts.case.config.score.effect
    gains = [
        (float(effect.step(np.nan if one["ratio"] is None else one["ratio"])), one["name"])
        for one in compare(first, others[0], effect=effect)["factors"]
    ]
    against = [name for gain, name in sorted(gains, key=lambda one: one[0]) if gain < 0]
    pair = (names[0], names[1])
    settings = overtaking(parts, everyone(), pair, against, now, memory=memory)
    nothing = f"no single setting would put {names[0]} above {names[1]}"
    sentence = "; or ".join(one["sentence"] for one in settings) or nothing
    return {"factor": "", "sentence": sentence, "settings": settings}


def _sentence(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    pairs: Sequence[Mapping[str, Any]],
    effect: Effect,
) -> str:
    one, other = first["candidate_id"], second["candidate_id"]
    for this, told in ((one, first), (other, second)):
        if told["decision"] != Decision.KEEP.label:
            return f"{this} is not ranked ({told['decision']}: {told['reason']})"
    higher = "above" if first["score"] >= second["score"] else "below"
    strong = sorted(
        (pair for pair in pairs if pair["ratio"]), key=lambda pair: -effect.strength(pair["ratio"])
    )
    because = ", ".join(f"{pair['name']} {effect.typed(pair['ratio'])}" for pair in strong[:3])
    return f"{one} ranks {higher} {other} ({first['score']:.4g} : {second['score']:.4g}): {because}"
