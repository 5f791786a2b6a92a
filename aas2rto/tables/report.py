"""What a source answers to a poll: data, verified empty, or failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    "name": "str",
    "too": "bool",
    "base_score": "float64",
    "redshift": "float64",
    "redshift_source": "str",
    "spectral_type": "str",
    "host": "str",
    "comment": "str",
    "magnitude": "float64",
    "valid_until": "float64",
}
"""Columns of a report's objects; missing ones count as unknown. One row per survey object.

``object_id`` is the survey's own id as text (``ZTF26aakkrjv``, a diaObjectId, a ToO's name);
``survey`` is ``ztf``, ``lsst``, ``atlas``, ``tns``, ``too`` or a name of the user's. Positions are
ICRS degrees, ``known_at`` and ``valid_until`` MJD (UTC)."""

ANNOTATION_COLUMNS: dict[str, str] = {
    "object_id": "str",
    "key": "str",
    "value": "object",
    "known_at": "float64",
}
"""Columns of a report's annotations: what a broker says about an object, such as
``fink_snn_sn_vs_all`` = 0.93. ``value`` is a float, a bool or a text; unknown ones have no row."""


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
    """

    now: float
    cursor: Mapping[str, Any] = field(default_factory=dict)
    wanted: pd.DataFrame = field(default_factory=pd.DataFrame)
    deadline: float = 60.0


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
    annotations : DataFrame
        See `ANNOTATION_COLUMNS`.
    cursor : mapping
        Stored in the transaction of the data, and handed to the next poll.
    newest_alert : float or None
        MJD (UTC) of the newest alert seen, which tells a dark stream from a quiet one.
    problems : tuple of str
        One line for each file or record that could not be used: where, what, why.
    error : str
        Why it failed, in one line without secrets.
    retry_at : float or None
        MJD (UTC) before which asking again is useless.
    acknowledge : callable
        Called once, after the store has committed: commits stream offsets, moves files.
    """

    source: str
    outcome: Outcome
    objects: pd.DataFrame = field(default_factory=pd.DataFrame)
    photometry: pd.DataFrame = field(default_factory=photometry.empty)
    annotations: pd.DataFrame = field(default_factory=pd.DataFrame)
    cursor: Mapping[str, Any] = field(default_factory=dict)
    newest_alert: float | None = None
    problems: tuple[str, ...] = ()
    error: str = ""
    retry_at: float | None = None
    acknowledge: Callable[[], None] = _nothing


def failed(source: str, error: str, *, retry_at: float | None = None) -> Report:
    """Build the report of a poll that brought nothing but an error."""
    return Report(source, Outcome.FAILED, error=error, retry_at=retry_at)
