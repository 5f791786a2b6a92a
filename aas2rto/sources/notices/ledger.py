"""What is known of events, and what the next notice of one changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aas2rto.sources.notices.notice import Kind, Notice
from aas2rto.tables.candidates import separation

REMEMBERED = 500
"""Events; GCN sends some thousand a year, and updates come within days."""

SECOND = 1.0 / 86400.0

SAME_PLACE = 10.0
"""[arcsec] Targets so near to each other may be one candidate: above all usual merge radii."""

SURVEY = "too"
"""As of files of ToOs: objects of this survey may move (`aas2rto.store.identities`)."""

NEVER = frozenset({("Fermi", "GBM")})
"""Missions and instruments whose positions are good to degrees, whatever error a notice states
(Connaughton et al. 2015, ApJS 216, 32: systematic errors of 3.7 deg and more)."""


@dataclass(frozen=True)
class Limits:
    """What becomes a target.

    Parameters
    ----------
    radius : float
        Largest radius that holds 90 % [deg].
    radius_of : mapping
        The same of some missions.
    base_score : float
    lifetime : float
        After the event [d].
    """

    radius: float
    radius_of: Mapping[str, float]
    base_score: float
    lifetime: float


@dataclass(frozen=True)
class Change:
    """What a notice changes.

    Parameters
    ----------
    target : mapping or None
        A row of a report: a new target, one that moves, or one that ends.
    map : mapping or None
        What to tell of the map that it brings.
    ends_map : bool
        Whether the event's map is void.
    """

    target: Mapping[str, Any] | None = None
    map: Mapping[str, Any] | None = None
    ends_map: bool = False


@dataclass
class Ledger:
    """Events by key: when the last notice was sent, the target's radius, whether it was retracted.

    Parameters
    ----------
    known : mapping
        What `events` was before.
    limits : Limits
    now : float
        [d, MJD UTC]
    """

    known: Mapping[str, Any]
    limits: Limits
    now: float
    events: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        """Take what is there; what is no mapping is left out."""
        rows = self.known.items()
        self.events = {str(key): dict(row) for key, row in rows if isinstance(row, Mapping)}

    def take(self, notice: Notice) -> Change:
        """Return what a notice changes, and remember it.

        Tests change nothing. A retraction ends target and map. What was sent before the newest
        notice of its event changes nothing, nor does one that knows the place less well.
        """
        if not notice.is_real:
            return Change()
        before = self.events.get(notice.key, {})
        told = self.now if notice.told_at is None else min(notice.told_at, self.now)
        if notice.kind is Kind.RETRACTION:
            return self._retract(notice, before, told)
        if told < float(before.get("told", 0.0)):
            return Change()
        row = {**before, "told": told, "time": notice.time or before.get("time") or told}
        row.pop("retracted", None)
        target = self._target(notice, row)
        if target is not None:
            row["r90"], row["ra"], row["dec"] = notice.r90, notice.ra, notice.dec
        self._remember(notice.key, row)
        told_of = {
            "event": notice.name,
            "time": row["time"],
            "told_at": told,
            "words": notice.words,
            **(notice.facts or {}),
        }
        return Change(target, told_of if notice.sky_map else None)

    def _retract(self, notice: Notice, before: Mapping[str, Any], told: float) -> Change:
        self._remember(notice.key, {**before, "told": told, "retracted": True, "r90": None})
        if before.get("r90") is None or self._is_wanted_by_others(notice.key, before):
            return Change(ends_map=True)
        target = {
            "object_id": notice.key,
            "survey": SURVEY,
            "ra": before["ra"],
            "dec": before["dec"],
            # Only what says that it is a target outranks what a target said before.
            "too": True,
            "base_score": None,
            "valid_until": self.now - SECOND,
            "comment": "retracted",
        }
        return Change(target, ends_map=True)

    def _is_wanted_by_others(self, key: str, row: Mapping[str, Any]) -> bool:
        """Tell whether another event has a target at the same place, which is one candidate."""
        return any(
            other.get("r90") is not None
            and separation(row["ra"], row["dec"], other["ra"], other["dec"]) <= SAME_PLACE
            for name, other in self.events.items()
            if name != key
        )

    def _target(self, notice: Notice, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return a target if the place is known well enough, and better than it was."""
        largest = self.limits.radius_of.get(notice.mission, self.limits.radius)
        until = float(row["time"]) + self.limits.lifetime
        instrument = str((notice.facts or {}).get("instrument", ""))
        if (
            notice.ra is None
            or notice.r90 is None
            or notice.r90 > largest * (1 + 1e-9)
            or until <= self.now
            or (notice.mission, instrument) in NEVER
            or notice.r90 > (row.get("r90") or notice.r90)
        ):
            return None
        words = f": {notice.words}" if notice.words else ""
        link = f", map {notice.map_url}" if notice.map_url else ""
        return {
            "object_id": notice.key,
            "survey": SURVEY,
            "ra": notice.ra,
            "dec": notice.dec,
            "name": notice.name,
            "too": True,
            "base_score": self.limits.base_score,
            "valid_until": until,
            "comment": f"{notice.name}{words}, 90 % within {notice.r90 * 60:.2g} arcmin{link}",
            "gcn_mission": notice.mission,
            "gcn_time": row["time"],
            "gcn_r90": notice.r90,
        }

    def _remember(self, key: str, row: dict[str, Any]) -> None:
        self.events.pop(key, None)
        self.events[key] = row
        for old in list(self.events)[:-REMEMBERED]:
            del self.events[old]
