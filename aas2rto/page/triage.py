"""The newest candidates with what decides at first sight: a way of looking, as of SN Hunter."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.factors import Decision
from aas2rto.factors.class_probability import said_by
from aas2rto.page.classes import Opinion, opinion_of
from aas2rto.page.night import Night
from aas2rto.page.rows import number, time_of
from aas2rto.tables.marks import OPINIONS, TRIAGE
from aas2rto.tables.photometry import DETECTION, mag_from_flux
from aas2rto.tables.records import records

SHORTEST, LONGEST, USUAL = 12.0, 168.0, 72.0
"""How far back discoveries may lie [h]: 12 h to 7 d, as ALeRCE's SN Hunter offers; 3 d."""

FEWEST, MOST, SHOWN = 10, 1000, 50
"""Candidates of one view: as SN Hunter offers."""

SORTS = ("score", "probability", "new", "detections")

COLUMN = "alerce_probabilities"
"""Whose classifiers are shown where the config has no factor `class_probability`."""

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class View:
    """What is looked at.

    Parameters
    ----------
    hours : float
        Discovered so long ago at most [h], 12 to 168.
    n : int
        The first so many, 10 to 1000.
    sort : str
        One of `SORTS`.
    classifier, class_ : str
        Of the probability; empty: those of the config's first factor `class_probability`, or of
        the classifier that most candidates have, and its most probable class.
    """

    hours: float = USUAL
    n: int = SHOWN
    sort: str = SORTS[0]
    classifier: str = ""
    class_: str = ""

    @classmethod
    def of(cls, hours: float, n: int, sort: str, classifier: str, class_: str) -> View:
        """Read a question: what lies outside is brought to the nearest that can be."""
        hours = USUAL if math.isnan(hours) else min(max(hours, SHORTEST), LONGEST)
        sort = sort if sort in SORTS else SORTS[0]
        return cls(hours, min(max(n, FEWEST), MOST), sort, classifier[:200], class_[:200])


@dataclass(frozen=True)
class Triage:
    """A view with its candidates.

    Parameters
    ----------
    view : View
        With the classifier and the class that were taken.
    rows : list of dict
        Ready for JSON.
    found : int
        Discovered in that time; more than there are rows if `view.n` is smaller.
    classifiers, classes : list of str
        That can be chosen.
    asks_tns : bool
        Whether the config has a source that knows what is reported.
    """

    view: View
    rows: list[dict[str, Any]]
    found: int
    classifiers: list[str]
    classes: list[str]
    asks_tns: bool


def triage(night: Night, view: View) -> Triage:
    """Return the candidates that were discovered lately, whether ranked or left out.

    Parameters
    ----------
    night : Night
    view : View

    Notes
    -----
    Rejected candidates leave the store's active set, and with it this view, in the cycle after.
    """
    table = night.judged.scored.table
    age = night.mjd - table["first_detection"].to_numpy(float)
    recent = np.flatnonzero(age <= view.hours / 24)  # NaN, never detected: not discovered
    column, classifier, class_ = _wanted(night, view)
    values = table[column].to_numpy(object) if column in table else np.full(len(table), None)
    names = Counter(str(one) for value in values[recent] for one in _names(value))
    classifier = classifier or min(names, key=lambda one: (-names[one], one), default="")
    said = {row: opinion_of(column, classifier, said_by(values[row], classifier)) for row in recent}
    classes = sorted({name for one in said.values() if one for name, _ in one.classes})
    class_ = class_ if class_ in classes else ""
    order = _order(night, recent, view.sort, [_chance(said[row], class_) for row in recent])
    chosen = recent[order][: view.n]
    told = _rows(night, chosen, [said[row] for row in chosen], class_)
    kinds = {one.part.name for one in night.parts.case.sources}
    taken = View(view.hours, view.n, view.sort, classifier, class_)
    return Triage(taken, told, len(recent), sorted(names), classes, "tns" in kinds)


def _wanted(night: Night, view: View) -> tuple[str, str, str]:
    """Return the annotation, the classifier and the class whose probability is shown."""
    factors = [one for one in night.parts.case.factors if one.part.name == "class_probability"]
    if not factors:
        return COLUMN, view.classifier, view.class_
    column, classifier, class_ = (
        str(getattr(factors[0].options, key)) for key in ("column", "classifier", "class_")
    )
    if view.classifier and view.classifier != classifier:
        return column, view.classifier, view.class_
    return column, classifier, view.class_ or class_


def _names(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Mapping) else []


def _chance(said: Opinion | None, class_: str) -> float:
    """Return the probability of a class, or of the most probable one; NaN if nobody says it."""
    if said is None:
        return math.nan
    return dict(said.classes).get(class_, math.nan) if class_ else said.classes[0][1]


def _order(night: Night, rows: Rows, sort: str, chance: Sequence[float]) -> Rows:
    """Return the best first; what is unknown comes last, and the newer one breaks ties."""
    table, verdict = night.judged.scored.table.iloc[rows], night.judged.scored.verdict
    first = table["first_detection"].to_numpy(float)
    kept = verdict.decision[rows] == Decision.KEEP
    key = {
        "score": np.where(kept, np.asarray(verdict.score, float)[rows], np.nan),
        "probability": np.array(chance, dtype=float),
        "new": first,
        "detections": table["n_detections"].to_numpy(float),
    }[sort]
    return np.lexsort((-first, np.where(np.isfinite(key), -key, np.inf)))


def _rows(
    night: Night, rows: Rows, said: Sequence[Opinion | None], class_: str
) -> list[dict[str, Any]]:
    scored = night.judged.scored
    table = scored.table.iloc[rows]
    firsts = first_points(night.known.photometry, table["candidate_id"].tolist())
    told = []
    for place, (row, one, opinion) in enumerate(zip(rows, records(table), said, strict=True), 1):
        name, decision = str(one["candidate_id"]), Decision(scored.verdict.decision[row])
        is_in = decision == Decision.KEEP
        found: dict[str, Any] = {"place": place, "candidate_id": name, "name": _text(one["name"])}
        found |= {"ra": number(one["ra"]), "dec": number(one["dec"])}
        found |= _discovery(night, one, firsts.get(name, {}))
        found["score"] = number(scored.verdict.score[row]) if is_in else None
        found |= {"decision": decision.label, "reason": str(scored.verdict.reason[row])}
        found |= {"last_mag": number(one["last_mag"]), "last_band": _text(one["last_band"])}
        found |= {"n_detections": int(one["n_detections"]), "reported": _reported(one)}
        found |= _class(opinion, class_)
        found |= _opinion(night, name, number(one.get(TRIAGE)))
        told.append(found)
    return told


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _discovery(night: Night, row: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of the first detection."""
    mjd = float(row["first_detection"])
    told = {"first_detection": time_of(mjd), "first_mjd": mjd, "age_days": night.mjd - mjd}
    return told | {f"first_{key}": first.get(key) for key in ("band", "mag", "survey")}


def first_points(photometry: pd.DataFrame, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the first detection of each candidate: ``band, mag, survey``.

    Parameters
    ----------
    photometry : DataFrame
    names : sequence of str
        Candidates.
    """
    own = photometry["candidate_id"].isin(names) & (photometry["kind"] == DETECTION)
    points = photometry[own].sort_values("mjd", kind="stable").drop_duplicates("candidate_id")
    mags = mag_from_flux(points["flux"].to_numpy(float)).tolist()
    columns = (points[key].astype(str).tolist() for key in ("candidate_id", "band", "survey"))
    return {
        name: {"band": band, "mag": number(mag), "survey": survey}
        for name, band, survey, mag in zip(*columns, mags, strict=True)
    }


def _reported(row: Mapping[str, Any]) -> str:
    """Return the name in TNS; empty if the source `tns` found none, or was not asked."""
    found = _text(row.get("tns_name"))
    return f"{_text(row.get('tns_prefix'))} {found}".strip() if found else ""


def _class(opinion: Opinion | None, class_: str) -> dict[str, Any]:
    """Return the probability that is asked for, and the most probable class."""
    p = number(_chance(opinion, class_))
    if opinion is None:
        return {"class": class_, "probability": p, "version": "", "top": "", "top_probability": p}
    top, highest = opinion.classes[0]
    told = {"class": class_ or top, "probability": p, "version": opinion.version}
    return told | {"top": top, "top_probability": highest}


def _opinion(night: Night, name: str, value: float | None) -> dict[str, Any]:
    """Return what people think that it is, and their sentence."""
    kinds = {number: kind for kind, number in OPINIONS.items()}
    kind = kinds.get(value or 0.0)
    said = [one for one in night.said.get(name, ()) if one["kind"] in OPINIONS]
    return {
        "opinion": "" if kind is None else kind.value,
        "opinion_sentence": str(said[-1]["sentence"]) if said else "",
    }
