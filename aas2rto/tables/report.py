"""What a source answers to a poll: data, verified empty, or failed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pandas as pd

from aas2rto.tables import photometry

OBJECT_COLUMNS: dict[str, str] = {
    "object_id": "str",
    "survey": "str",
    "ra": "float64",
    "dec": "float64",
    "known_at": "float64",
    "also_known_as": "object",
}
"""Columns of a report's objects: which they are, and where. One row per survey object.

``object_id`` is the survey's own id as text (``ZTF26aakkrjv``, a diaObjectId, a ToO's name);
``survey`` is ``ztf``, ``lsst``, ``atlas``, ``tns``, ``too`` or a name of the user's. Positions are
ICRS degrees, ``known_at`` MJD (UTC); ``also_known_as`` holds further names, a tuple of texts, and
may be missing."""

FACT_COLUMNS: dict[str, str] = {
    "object_id": "str",
    "key": "str",
    "value": "object",
    "known_at": "float64",
    "origin": "str",
}
"""Columns of a report's facts: what somebody says of an object, and since when.

``key`` is one of `FACTS`, or a name that starts with the broker's, such as
``fink_snn_sn_vs_all``. ``value`` is a number, a bool, a text or whatever JSON can say; None or NaN
takes back what this source said before. ``known_at`` is MJD (UTC). ``origin`` says in words
where the value is from and may be missing; of a redshift it is shown."""

HISTORY_COLUMNS: dict[str, str] = {
    "survey": "str",
    "curve_id": "str",
    "band": "str",
    "ra": "float64",
    "dec": "float64",
    "mjd": "float64",
    "mag": "float64",
    "magerr": "float64",
}
"""Columns of a report's histories: one row per measurement of total brightness.

``curve_id`` is the release's own name of a light curve in one band (and one field), ``ra, dec`` its
position [deg, ICRS], ``mjd`` UTC, ``mag, magerr`` AB [mag]. They are joined by position to whatever
lies within an arcsecond, see `aas2rto.store.histories`."""

FACTS: dict[str, str] = {
    "name": "str",
    "too": "bool",
    "base_score": "float64",
    "redshift": "float64",
    "spectral_type": "str",
    "host": "str",
    "comment": "str",
    "magnitude": "float64",
    "valid_until": "float64",
}
"""Keys of the facts that have a column of their own in the candidate table; ``valid_until`` is MJD
(UTC)."""

LONGEST_WAIT = 1.0
"""However long a service wishes to be left alone, it is asked again after this [d]."""


def is_older(at: float | None, now: float, days: float) -> bool:
    """Tell whether what was done at `at` [d, MJD UTC] was done so many days ago, or never.

    What lies more than a day ahead was noted by a clock that had jumped: it counts as never, or
    it would not be done again for years.
    """
    return at is None or at <= now - days or at > now + LONGEST_WAIT


REDSHIFT_SOURCE = "redshift_source"
"""In a row of `split`: the origin of its redshift."""


class Outcome(StrEnum):
    """The three things that a poll can answer."""

    DATA = "data"
    EMPTY = "empty"
    FAILED = "failed"


@dataclass(frozen=True)
class PollRequest:
    """What the loop tells a source when it asks.

    Parameters
    ----------
    now : float
        MJD (UTC) of the cycle. Nothing known later may be in the answer.
    cursor : mapping
        What the source's last committed report carried; empty at first.
    wanted : DataFrame
        Candidates that would profit from more data, best first: ``candidate_id, ra, dec,
        score, first_detection, last_detection, last_mag, aliases`` (a tuple of texts).
    deadline : float
        Seconds after which the loop goes on without this source.
    reacting : bool
        If True, this is no regular poll: a stream has news, and nothing else is to be asked.
    """

    now: float
    cursor: Mapping[str, Any] = field(default_factory=dict)
    wanted: pd.DataFrame = field(default_factory=pd.DataFrame)
    deadline: float = 60.0
    reacting: bool = False


def _nothing() -> None:
    """Acknowledge nothing."""


@dataclass(frozen=True)
class Report:
    """The answer of one source to one poll.

    Parameters
    ----------
    source : str
        Name of the source in the config.
    outcome : Outcome
        ``failed`` may still carry data that came before the failure.
    objects : DataFrame
        See `OBJECT_COLUMNS`.
    photometry : DataFrame
        As in :mod:`aas2rto.tables.photometry`, with the survey's ``object_id`` in ``candidate_id``.
    facts : DataFrame
        See `FACT_COLUMNS`.
    cursor : mapping
        Stored in the transaction of the data, and handed to the next poll.
    newest_alert : float or None
        MJD (UTC) of the newest alert seen, which tells a dark stream from a quiet one.
    problems : tuple of str
        One line for each file or record that could not be used: where, what, why.
    notes : tuple of str
        One line for each thing that people should know and that is no problem: what waits for its
        time, what was there twice, how the rows of a file were used.
    error : str
        Why it failed, in one line without secrets.
    retry_at : float or None
        MJD (UTC) before which asking again is useless.
    acknowledge : callable
        Called once, after the store has committed: commits stream offsets, moves files.
    histories : DataFrame
        Light curves of total brightness from data releases, see `HISTORY_COLUMNS`.
    """

    source: str
    outcome: Outcome
    objects: pd.DataFrame = field(default_factory=pd.DataFrame)
    photometry: pd.DataFrame = field(default_factory=photometry.empty)
    facts: pd.DataFrame = field(default_factory=pd.DataFrame)
    cursor: Mapping[str, Any] = field(default_factory=dict)
    newest_alert: float | None = None
    problems: tuple[str, ...] = ()
    error: str = ""
    retry_at: float | None = None
    acknowledge: Callable[[], None] = _nothing
    notes: tuple[str, ...] = ()
    histories: pd.DataFrame = field(default_factory=pd.DataFrame)


def failed(source: str, error: str, *, retry_at: float | None = None) -> Report:
    """Build the report of a poll that brought nothing but an error."""
    return Report(source, Outcome.FAILED, error=error, retry_at=retry_at)


def split(rows: Iterable[Mapping[Any, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split rows that say all of an object at once into the objects and facts of a report.

    Parameters
    ----------
    rows : iterable of mapping
        Each with those of `OBJECT_COLUMNS` that are known; every other entry is a fact that is
        known since the row's ``known_at``. NaN and an empty text say nothing, None takes back.
        ``redshift_source`` is the origin of the redshift.

    Returns
    -------
    objects, facts : DataFrame

    Examples
    --------
    >>> split([{"object_id": "a", "survey": "mine", "ra": 1.0, "dec": 2.0, "known_at": 61000.0,
    ...         "redshift": 0.1, "mine_score": 0.9}])[1][["key", "value"]].to_numpy().tolist()
    [['redshift', 0.1], ['mine_score', 0.9]]
    """
    known = list(rows)
    return object_table(known), fact_table(fact for row in known for fact in facts_of(row))


def facts_of(row: Mapping[Any, Any]) -> list[tuple[Any, ...]]:
    """Return the facts in one row of `split`, in the order of `FACT_COLUMNS`."""
    origin = row.get(REDSHIFT_SOURCE) or ""
    return [
        (row["object_id"], key, value, row["known_at"], origin if key == "redshift" else "")
        for key, value in row.items()
        if key not in OBJECT_COLUMNS and key != REDSHIFT_SOURCE and not _is_blank(value)
    ]


def _is_blank(value: Any) -> bool:
    """Tell whether a value says nothing; False says that somebody knows that it is not so."""
    return value == "" if isinstance(value, str) else isinstance(value, float) and math.isnan(value)


def object_table(rows: Iterable[Mapping[Any, Any]]) -> pd.DataFrame:
    """Build the objects of a report from those of `OBJECT_COLUMNS` that any row knows."""
    known = list(rows)
    blank = {"float64": math.nan, "object": ()}
    return pd.DataFrame(
        {
            name: pd.Series([row.get(name, blank.get(dtype, "")) for row in known], dtype=dtype)
            for name, dtype in OBJECT_COLUMNS.items()
            if any(name in row for row in known)
        }
    )


def fact_table(rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """Build the facts of a report from tuples in the order of `FACT_COLUMNS`."""
    columns = list(zip(*rows, strict=True)) or [()] * len(FACT_COLUMNS)
    # A column of objects: pandas would make NaN of None, and numbers of truths.
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtype)
            for (name, dtype), values in zip(FACT_COLUMNS.items(), columns, strict=True)
        }
    )
