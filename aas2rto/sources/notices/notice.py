"""What a notice says, and how well it says where: one form for JSON, VOEvent and sky maps."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aas2rto.errors import InputError
from aas2rto.text.words import MJD_EPOCH, in_range, one_line

DEFAULT_CONTAINMENT = 0.9
"""Where a notice does not say: nasa-gcn/gcn-schema, core/Localization.schema.json."""

MOST_BYTES = 32 * 2**20
"""GCN's largest messages are multi-order maps of some 2 MB."""

UNREAL = frozenset({"test", "injection", "planned", "commanded", "utility", "prediction"})
"""Tenses (core/Alert.schema.json) and roles (VOEvent 2.0, Sect. 3.1) of what did not happen."""

ARCHIVAL = "archival"


class Kind(StrEnum):
    """What a notice does to what was said before."""

    NEW = "new"
    UPDATE = "update"
    RETRACTION = "retraction"


@dataclass(frozen=True)
class Notice:
    """What a notice says of an event.

    Parameters
    ----------
    mission, event : str
        Together the key: all notices of one event have the same.
    kind : Kind
    tense : str
        ``current``; ``archival``; or one of `UNREAL`.
    told_at : float or None
        When it was sent [d, MJD UTC].
    time : float or None
        Of the event [d, MJD UTC].
    ra, dec : float or None
        ICRS [deg].
    r90 : float or None
        Radius that holds 90 % [deg]; None: it does not say.
    sky_map : bytes
        FITS; empty: none came along.
    map_url : str
        Where one lies.
    words : str
        For people, in one line.
    facts : mapping
        Ready for JSON: ``far``, ``group``, whatever a map's file should tell.
    doubts : tuple of str
        What it says and cannot be so, one sentence each; the rest of it counts.
    """

    mission: str
    event: str
    kind: Kind = Kind.NEW
    tense: str = "current"
    told_at: float | None = None
    time: float | None = None
    ra: float | None = None
    dec: float | None = None
    r90: float | None = None
    sky_map: bytes = b""
    map_url: str = ""
    words: str = ""
    facts: Mapping[str, Any] | None = None
    doubts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For people: ``EP 01709999999``; of LIGO, Virgo & KAGRA the event alone."""
        return self.event if self.mission == "LVK" else f"{self.mission} {self.event}"

    @property
    def key(self) -> str:
        """For files and tables: ``EP-01709999999``."""
        return safe(self.name.replace(" ", "-"))

    @property
    def is_real(self) -> bool:
        """Whether it tells of something that happened, and not long ago."""
        return self.tense not in UNREAL and self.tense != ARCHIVAL


def safe(name: str) -> str:
    """Return a name with nothing in it that a file system or a terminal takes for more."""
    kept = "".join(one if one.isalnum() or one in "-_.+" else "_" for one in name)
    return kept.strip(".")[:80] or "event"


def number(value: Any) -> float | None:
    """Return a number that is one; texts that are, too."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def first_text(value: Any) -> str:
    """Return a text, or the first of a list of them: ids and names come as either."""
    if isinstance(value, list | tuple):
        value = next((one for one in value if isinstance(one, str | int) and str(one).strip()), "")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return one_line(str(value).strip(), 80)


def mjd(value: Any) -> float | None:
    """Return an ISO time as MJD (UTC), with or without a zone; None of what is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    found = (moment - MJD_EPOCH) / dt.timedelta(days=1)
    return found if in_range(found) else None


def position(ra: Any, dec: Any) -> tuple[float | None, float | None]:
    """Return a position [deg] if both are there and possible."""
    found = number(ra), number(dec)
    if found[0] is None or found[1] is None or not (-360 <= found[0] <= 360):
        return None, None
    return (found[0] % 360.0, found[1]) if abs(found[1]) <= 90 else (None, None)


def radius90(error: Any, containment: Any) -> float | None:
    """Return the radius that holds 90 % [deg].

    Parameters
    ----------
    error : float or list
        Radius, or semi-major axis, semi-minor axis and position angle [deg]: the larger counts.
    containment : float or None
        What it holds, 0 to 1; None: `DEFAULT_CONTAINMENT`.

    Notes
    -----
    Of a Gaussian in two dimensions, the radius r holds 1 - exp(-r^2 / 2 sigma^2): from 68 % to 90 %
    it grows by sqrt(ln 0.1 / ln 0.32) = 1.42.

    Examples
    --------
    >>> round(radius90(1.0, 0.68), 2), radius90([0.22, 0.19, 153], None)
    (1.42, 0.22)
    """
    values = error if isinstance(error, list | tuple) else [error]
    axes = [one for one in map(number, values[:2]) if one is not None and 0 < one <= 180]
    if not axes:
        return None
    holds = number(containment)
    if holds is None or not 0 < holds < 1:
        holds = DEFAULT_CONTAINMENT
    return max(axes) * math.sqrt(math.log(1 - DEFAULT_CONTAINMENT) / math.log(1 - holds))


def unreadable(why: str) -> InputError:
    """Build the error of a notice that cannot be used."""
    return InputError(f"is no notice that can be used: {why}")
