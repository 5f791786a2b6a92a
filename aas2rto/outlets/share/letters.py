"""From a night's list to what is said of each candidate, before any service's own form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from aas2rto.outlets.bundle.archive import Night
from aas2rto.outlets.lco.guards import known_reasons
from aas2rto.outlets.starlists.targets import plain
from aas2rto.store.requests import Request
from aas2rto.text.words import MJD_EPOCH, is_date


@dataclass(frozen=True)
class Letter:
    """What is said of a candidate.

    Parameters
    ----------
    candidate_id, name : str
    aliases : tuple of str
        Its other names.
    ra, dec : float
        ICRS [deg].
    rank, of : int
        Its place, and how many the list has.
    score : float
    mag, band : float or None and str
        Latest detection.
    start : float or None
        Begin of its slot [d, MJD UTC].
    exposure_s : float or None
    redshift : float or None
    why : str
        The reason for its rank, one line of ASCII.
    not_sent : tuple of str
        Why it should not be sent; empty: it may.
    """

    candidate_id: str
    name: str
    aliases: tuple[str, ...]
    ra: float
    dec: float
    rank: int
    of: int
    score: float
    mag: float | None
    band: str
    start: float | None
    exposure_s: float | None
    redshift: float | None
    why: str
    not_sent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """Whose list it is, and of which night.

    Parameters
    ----------
    project, site, evening : str
    now : float
        [d, MJD UTC]
    """

    project: str
    site: str
    evening: str
    now: float

    @property
    def origin(self) -> str:
        """How the list calls itself elsewhere: ``aas2rto:PROJECT``."""
        return f"aas2rto:{self.project}"

    def key(self, *words: str) -> str:
        """Return a short text that is the same for the same night, site and words."""
        told = "|".join((self.project, self.site, self.evening, *words))
        return hashlib.sha256(told.encode()).hexdigest()[:10]


def letters(
    night: Night,
    aliases: Mapping[str, Sequence[str]],
    ledger: Sequence[Request],
    *,
    most: int,
    guards: Sequence[str],
) -> list[Letter]:
    """Return what there is to say of the first of a list.

    Parameters
    ----------
    night : Night
    aliases : mapping
        Other names by candidate.
    ledger : sequence of Request
        Of all telescopes: what was asked for.
    most : int
    guards : sequence of str
        See `aas2rto.outlets.lco.guards.known_reasons`.
    """
    (one,) = night.plan.nights
    by_id = one.table.set_index("candidate_id", drop=False)
    found = night.targets.sort_values("rank", kind="stable").head(most)
    return [
        _letter(row, by_id.loc[row["candidate_id"]].to_dict(), len(by_id), aliases, ledger, guards)
        for row in found.to_dict("records")
    ]


def _letter(
    row: Mapping[Any, Any],
    candidate: Mapping[Any, Any],
    of: int,
    aliases: Mapping[str, Sequence[str]],
    ledger: Sequence[Request],
    guards: Sequence[str],
) -> Letter:
    name, key = str(row["name"]), str(row["candidate_id"])
    place = float(row["ra"]), float(row["dec"])
    others = tuple(one for one in dict.fromkeys((key, *aliases.get(key, ()))) if one != name)
    return Letter(
        candidate_id=key,
        name=name,
        aliases=others,
        ra=round(place[0], 7),
        dec=round(place[1], 7),
        rank=int(row["rank"]),
        of=of,
        score=float(row["score"]),
        mag=_known(row["mag"]),
        band=str(row["band"]),
        start=_known(row["start"]),
        exposure_s=_known(row["exposure_s"]),
        redshift=_known(candidate.get("redshift", np.nan)),
        why=plain(str(candidate.get("reason", "")), 400),
        not_sent=tuple(known_reasons(candidate, *place, ledger, guards)),
    )


def _known(value: Any) -> float | None:
    number = float(value) if value is not None else np.nan
    return round(number, 6) if np.isfinite(number) else None


def iso(mjd: float | None) -> str | None:
    """Return a time as ``2026-12-01T00:40:00Z``; None of none."""
    if mjd is None or not is_date(mjd):
        return None
    return f"{MJD_EPOCH + timedelta(seconds=round(mjd * 86400)):%Y-%m-%dT%H:%M:%S}Z"


def digest(body: Any) -> str:
    """Return a short text that changes when what is to be sent does."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
