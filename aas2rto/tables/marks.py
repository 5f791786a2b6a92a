"""What people say of candidates: observed, veto, possible, bogus, pin, comment, and more.

A mark is kept with its time and author and is never changed: the newest mark of a kind counts, and
one that ends at once takes the earlier ones back. ``observed``, ``veto`` and ``snooze`` exclude a
candidate, as a rule of their own beside the factors; ``failed`` and ``clouded`` say that a visit
came to nothing, and lift an ``observed`` that was said before; ``pin`` puts a candidate at the top,
but lifts neither a rejection nor a limit of a site. ``possible`` and ``bogus`` say what somebody
thinks that it is, the newer of the two counts: they move nothing by themselves, but factors can
read them as the column `TRIAGE`. Everything follows from the marks, the
photometry and `now`.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from erfa import ErfaWarning  # type: ignore[import-untyped]
from numpy.typing import NDArray

from aas2rto.errors import UsageError
from aas2rto.tables.photometry import DETECTION, LIMIT, mag_from_flux
from aas2rto.text.words import in_range, iso, out_of_range
from aas2rto.units import parse


class Kind(StrEnum):
    """What can be said."""

    OBSERVED = "observed"
    FAILED = "failed"
    CLOUDED = "clouded"
    VETO = "veto"
    PIN = "pin"
    SNOOZE = "snooze"
    POSSIBLE = "possible"
    BOGUS = "bogus"
    COMMENT = "comment"


EXCLUDING = (Kind.VETO, Kind.OBSERVED, Kind.SNOOZE)
"""Kinds that take a candidate out of the lists; the first that stands gives the reason."""

CAME_TO_NOTHING = (Kind.FAILED, Kind.CLOUDED)
"""Kinds that free the candidate, and the time in a plan."""

VISITS = (Kind.OBSERVED, *CAME_TO_NOTHING)
"""Kinds that tell of a visit; the name of an observatory may follow them."""

OPINIONS = {Kind.POSSIBLE: 1.0, Kind.BOGUS: -1.0}
"""Kinds that say what a candidate is thought to be, and what factors then read."""

TRIAGE = "triage"
"""Column for factors: 1 possible, -1 bogus, 0 where nobody has said so."""

_WORDS = {
    Kind.OBSERVED: "observed",
    Kind.FAILED: "failed",
    Kind.CLOUDED: "clouded out",
    Kind.VETO: "vetoed",
    Kind.PIN: "pinned",
    Kind.SNOOZE: "snoozed",
    Kind.POSSIBLE: "called possible",
    Kind.BOGUS: "called bogus",
    Kind.COMMENT: "comment",
}


@dataclass(frozen=True)
class Ending:
    """When a mark ends: whichever comes first; never, if nothing is said.

    Parameters
    ----------
    until : float or None
        [d, MJD UTC]
    mag : float or None
        When the candidate has changed by this much in any band [mag].
    new_data : bool
        When a measurement that is no upper limit becomes known.
    """

    until: float | None = None
    mag: float | None = None
    new_data: bool = False

    def __bool__(self) -> bool:
        return self.new_data or self.until is not None or self.mag is not None

    def __str__(self) -> str:
        told = []
        if self.until is not None:
            told.append(f"until {_minutes(self.until)}")
        if self.new_data:
            told.append("until new data")
        if self.mag is not None:
            told.append(f"until it changes by {self.mag:g} mag")
        return " or ".join(told)


def ending(texts: Iterable[str], now: Time) -> Ending:
    """Read when a mark ends.

    Parameters
    ----------
    texts : iterable of str
        Each one of: a time, ISO (UTC) or MJD; a duration such as ``3d`` or ``12 h``; ``new-data``;
        a change such as ``0.5 mag``; ``now``, which takes earlier marks of the kind back.
    now : Time
        Durations count from here.

    Raises
    ------
    UsageError
        If a text is none of these, or a time is over already.

    Examples
    --------
    >>> ending(["3d", "0.5 mag"], Time(61119.0, format="mjd"))
    Ending(until=61122.0, mag=0.5, new_data=False)
    """
    found = Ending()
    for text in texts:
        one = _one_ending(text.strip(), now.utc.mjd)
        times = [t for t in (found.until, one.until) if t is not None]
        changes = [m for m in (found.mag, one.mag) if m is not None]
        found = Ending(
            min(times, default=None), min(changes, default=None), found.new_data or one.new_data
        )
    return found


def _one_ending(text: str, now: float) -> Ending:
    if text == "now":
        return Ending(until=now)
    if text.replace("_", "-").replace(" ", "-") == "new-data":
        return Ending(new_data=True)
    change, length, time = _quantity(text, "mag"), _quantity(text, "day"), _time(text)
    if change is not None and change > 0:
        return Ending(mag=change)
    until = now + length if length is not None else time
    if until is None:
        raise UsageError(
            f"--until: {text!r} is no end; write a time (2026-03-25T20:00, or an MJD), a duration "
            "(3d, 12 h), new-data, a change (0.5 mag), or now to take a mark back"
        )
    if not in_range(until):
        raise UsageError(f"--until: {out_of_range(text)}; write 2026-03-25T20:00, an MJD, or 3d")
    if until <= now:
        raise UsageError(
            f"--until: {text} is over already; write a later time, or now to take a mark back"
        )
    return Ending(until=until)


def _quantity(text: str, unit: str) -> float | None:
    try:
        return parse(text, unit)
    except ValueError:
        return None


def _time(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ErfaWarning)  # of years far away, refused below
            warnings.simplefilter("ignore", RuntimeWarning)  # of years beyond all numbers
            return float(Time(text.removesuffix("Z"), scale="utc").mjd)
    except ValueError:
        return None


def rows(
    candidate_id: str,
    kind: Kind,
    now: Time,
    *,
    ends: Ending = Ending(),
    observatories: Sequence[str] = (),
    author: str = "",
    comment: str = "",
) -> list[dict[str, Any]]:
    """Return the rows of a mark for `Marks.save` of the store.

    Parameters
    ----------
    candidate_id : str
    kind : Kind
    now : Time
        When it was said.
    ends : Ending
        When it ends.
    observatories : sequence of str
        Where it holds; everywhere if there is none. ``observed`` always holds everywhere, and
        tells where it was.
    author, comment : str

    Raises
    ------
    UsageError
        If a snooze has no end, a comment no text, what came to nothing an end other than now, or
        an opinion is meant for one site.
    """
    if kind in OPINIONS and any(observatories):
        raise UsageError(
            f"{kind.value} says what the candidate is, and holds everywhere: leave out the "
            "observatory (veto NAME --observatory SITE takes it out of one list)"
        )
    if kind is Kind.SNOOZE and not ends:
        raise UsageError(
            "a snooze needs an end: --until a time, 3d, new-data or '0.5 mag' "
            "(veto is for candidates that should not come back)"
        )
    if kind is Kind.COMMENT and not comment.strip():
        raise UsageError("a comment needs a text: comment WORDS, or --comment '...'")
    if kind in CAME_TO_NOTHING and ends and ends != Ending(until=now.utc.mjd):
        raise UsageError(
            f"{kind.value} has no end: the candidate is free at once; --until now takes it back"
        )
    said = {
        "candidate_id": candidate_id,
        "kind": kind.value,
        "at": now.utc.mjd,
        "until": ends.until,
        "until_mag": ends.mag,
        "until_new_data": ends.new_data,
        "author": author.strip(),
        "comment": " ".join(comment.split()),
    }
    return [{**said, "observatory": site} for site in observatories or ("",)]


@dataclass(frozen=True)
class Spoken:
    """What the words after a kind of mark say.

    Parameters
    ----------
    observatory : str
        Where it was observed; empty if the words do not say.
    ends : Ending
    words : list of str
        The rest: a comment.
    """

    observatory: str
    ends: Ending
    words: list[str]


def spoken(kind: Kind, words: Sequence[str], now: Time, observatories: Collection[str]) -> Spoken:
    """Read the words after a kind of mark, as in ``observed la_palma_not`` or ``snooze 3d``.

    Parameters
    ----------
    kind : Kind
    words : sequence of str
    now : Time
        Durations count from here.
    observatories : collection of str
        Names that may follow ``observed``, ``failed`` and ``clouded``.

    Raises
    ------
    UsageError
        If a snooze does not begin with an end that can be read.

    Examples
    --------
    >>> spoken(Kind.VETO, ["a", "star"], Time(61119.0, format="mjd"), []).words
    ['a', 'star']
    """
    rest = list(words)
    observatory, ends = "", Ending()
    if kind in VISITS and rest and rest[0] in observatories:
        observatory = rest.pop(0)
    if kind is Kind.SNOOZE:
        ends, rest = _spoken_end(rest, now)
    return Spoken(observatory, ends, rest)


def _spoken_end(words: list[str], now: Time) -> tuple[Ending, list[str]]:
    """Read when a snooze ends from the first two words, or from the first."""
    for count in (2, 1):
        if len(words) < count:
            continue
        try:
            return ending([" ".join(words[:count])], now), words[count:]
        except UsageError:
            continue
    raise UsageError(
        "a snooze needs an end: snooze 3d, snooze 12h, snooze new-data, snooze 0.5 mag"
    )


def standing(feedback: pd.DataFrame, photometry: pd.DataFrame, now_mjd: float) -> pd.DataFrame:
    """Tell which marks stand.

    Parameters
    ----------
    feedback : DataFrame
        From ``store.marks.as_known``, in the order in which it was said.
    photometry : DataFrame
        Of these candidates, as known at `now_mjd`.
    now_mjd : float
        [d, UTC]

    Returns
    -------
    DataFrame
        `feedback` with ``active`` and ``sentence``.
    """
    marks = feedback[feedback["at"] <= now_mjd].reset_index(drop=True)
    records = marks.to_dict("records")
    ended = np.array([_has_ended(r, photometry, now_mjd) for r in records], dtype=bool)
    sentences = np.array([sentence(record) for record in records], dtype=object)
    return marks.assign(active=_is_newest(records) & ~ended, sentence=sentences)


def _is_newest(records: Sequence[Mapping[Any, Any]]) -> NDArray[np.bool_]:
    """Tell which marks no later one of the same kind replaces; one for everywhere replaces all.

    What came to nothing also lifts the earlier ``observed`` of that site, or of an unknown one; an
    opinion replaces the earlier ones of either kind, and taking one back only those of its own.
    """
    newest = np.ones(len(records), dtype=bool)
    later: dict[tuple[str, str], set[str]] = {}
    undone: dict[str, set[str]] = {}
    for row in reversed(range(len(records))):
        record = records[row]
        if record["kind"] == Kind.COMMENT:
            continue
        who, where = record["candidate_id"], record["observatory"]
        site = "" if record["kind"] == Kind.OBSERVED else where
        said = later.setdefault((who, record["kind"]), set())
        newest[row] = "" not in said and site not in said
        said.add(site)
        if record["kind"] in OPINIONS and not is_taken_back(record):
            for kind in OPINIONS:
                later.setdefault((who, kind), set()).add(site)
        lifted = undone.setdefault(who, set())
        if record["kind"] == Kind.OBSERVED:
            newest[row] &= not lifted if where == "" else not lifted & {"", where}
        elif record["kind"] in CAME_TO_NOTHING and newest[row] and not is_taken_back(record):
            lifted.add(where)
    return newest


def is_taken_back(record: Mapping[Any, Any]) -> bool:
    """Tell whether a mark ended when it was said: it takes earlier ones of its kind back."""
    return bool(record["until"] <= record["at"])


def _has_ended(record: Mapping[Any, Any], photometry: pd.DataFrame, now_mjd: float) -> bool:
    if record["until"] <= now_mjd:  # NaN: no such end
        return True
    if not record["until_new_data"] and not np.isfinite(record["until_mag"]):
        return False
    own = photometry[photometry["candidate_id"] == record["candidate_id"]].reset_index(drop=True)
    later = own["known_at"] > record["at"]
    if record["until_new_data"] and (later & (own["kind"] != LIMIT)).any():
        return True
    return bool(_change(own, later) >= record["until_mag"])


def _change(photometry: pd.DataFrame, later: pd.Series[bool]) -> float:
    """Return the largest change of the last magnitude in any band since then [mag].

    Infinite where there was no detection in any band before, and there is one now.
    """
    detected, band = photometry["kind"] == DETECTION, photometry["band"].astype(str)
    before = photometry[detected & ~later].groupby(band)["flux"].last()
    now = photometry[detected].groupby(band)["flux"].last()
    if before.empty:
        return np.inf if len(now) else 0.0
    both = before.index.intersection(now.index)
    change = np.abs(mag_from_flux(now[both]) - mag_from_flux(before[both]))
    return float(change.max())


def sentence(record: Mapping[Any, Any]) -> str:
    """Say in one line who said what, when, and until when.

    Examples
    --------
    >>> sentence({"kind": "veto", "observatory": "", "author": "Anna", "at": 61119.5,
    ...           "until": float("nan"), "until_mag": float("nan"), "until_new_data": False,
    ...           "comment": "near a star"})
    'vetoed by Anna on 2026-03-20 12:00 UTC: near a star'
    """
    parts = [_WORDS[Kind(record["kind"])]]
    if record["observatory"]:
        parts.append(f"at {record['observatory']}")
    if record["author"]:
        parts.append(f"by {record['author']}")
    parts.append(f"on {_minutes(record['at'])}")
    ends = str(_ending_of(record))
    told = " ".join([*parts, ends] if ends else parts)
    return f"{told}: {record['comment']}" if record["comment"] else told


def _ending_of(record: Mapping[Any, Any]) -> Ending:
    until, mag = (float(record[name]) for name in ("until", "until_mag"))
    return Ending(
        until if np.isfinite(until) else None,
        mag if np.isfinite(mag) else None,
        bool(record["until_new_data"]),
    )


def _minutes(mjd: float) -> str:
    return iso(mjd).replace("T", " ") + " UTC"


def join(
    candidates: pd.DataFrame, feedback: pd.DataFrame, photometry: pd.DataFrame, now: Time
) -> pd.DataFrame:
    """Put what people say beside the candidates.

    Parameters
    ----------
    candidates : DataFrame
    feedback : DataFrame
        From ``store.marks.as_known``.
    photometry : DataFrame
        As known at `now`.
    now : Time

    Returns
    -------
    DataFrame
        `candidates` with ``mark`` (why it is out everywhere) and ``pin`` (who pinned it), empty
        where nobody said so, and ``mark_<observatory>``, ``pin_<observatory>`` where somebody
        spoke of a single site; and `TRIAGE`.
    """
    marks = standing(feedback, photometry, now.utc.mjd)
    marks = marks[marks["active"]]
    columns: dict[str, NDArray[Any]] = {TRIAGE: _opinions(candidates, marks)}
    columns["mark"] = _sentences(candidates, marks, EXCLUDING, "")
    columns["pin"] = _sentences(candidates, marks, (Kind.PIN,), "")
    for site in sorted(set(marks["observatory"]) - {""}):
        columns[f"mark_{site}"] = _sentences(candidates, marks, EXCLUDING, site)
        columns[f"pin_{site}"] = _sentences(candidates, marks, (Kind.PIN,), site)
    return candidates.assign(**columns)


def _opinions(candidates: pd.DataFrame, marks: pd.DataFrame) -> NDArray[np.float64]:
    """Return what each candidate is thought to be, of the marks that stand."""
    said = marks[marks["kind"].isin(list(OPINIONS))]
    values = [OPINIONS[Kind(kind)] for kind in said["kind"].tolist()]
    found = dict(zip(said["candidate_id"].tolist(), values, strict=True))
    return np.array([found.get(one, 0.0) for one in candidates["candidate_id"].tolist()], float)


def _sentences(
    candidates: pd.DataFrame, marks: pd.DataFrame, kinds: Sequence[Kind], site: str
) -> NDArray[np.object_]:
    """Return the sentence of each candidate's mark of the first of these kinds."""
    found: dict[str, str] = {}
    for kind in kinds:
        everywhere = (kind is Kind.OBSERVED) & (site == "")
        here = (marks["observatory"] == site) | everywhere
        chosen = marks[(marks["kind"] == kind) & here]
        for candidate_id, text in zip(chosen["candidate_id"], chosen["sentence"], strict=True):
            found.setdefault(candidate_id, text)
    ids = candidates["candidate_id"].tolist()
    return np.array([found.get(one, "") for one in ids], dtype=object)


def told(candidates: pd.DataFrame, what: str, observatory: str = "") -> NDArray[np.object_]:
    """Return the sentence of the mark that stands for each candidate, empty where there is none.

    Parameters
    ----------
    candidates : DataFrame
        After `join`; without its columns, nobody said anything.
    what : str
        ``mark`` (it is out) or ``pin``.
    observatory : str
        Also those for this site alone.
    """
    sentences = np.full(len(candidates), "", dtype=object)
    names = [what, f"{what}_{observatory}"] if observatory else [what]
    for name in reversed(names):
        if name in candidates:
            said = candidates[name].to_numpy(object)
            sentences = np.where(said != "", said, sentences)
    return sentences
