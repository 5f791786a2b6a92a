"""Which objects still need their light curve, best first: the state between two polls.

Services list many objects in one answer but hand out light curves one by one, at one question
per second or a hundred per hour. A list that is longer than a cycle must not be lost with the
cursor that moved past it, so it lives in the cursor itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from aas2rto.sources.packets.format import UNUSABLE
from aas2rto.sources.poll_result import Harvest
from aas2rto.sources.transport.http import Cause, HttpError
from aas2rto.sources.transport.pacing import Deadline

FORGET_AFTER = 60.0
"""Days after which an object that was neither listed nor wanted is forgotten."""

MAX_PENDING = 5000
"""Objects that may wait for their light curves; the oldest give way."""

MAX_FAILURES = 3
"""Light curves that may fail in one poll before the others are left to the next."""

WHOLE_SERVICE = frozenset({Cause.THROTTLED, Cause.REFUSED, Cause.UNREACHABLE})
"""What would meet every other object, too."""

SURVEY_IDS = {
    "ztf": re.compile(r"(?:^|:)(ZTF\d{2}[a-z]{7})$"),
    # diaObjectIds have 15 to 19 digits.
    "lsst": re.compile(r"(?:^|:)(\d{15,19})$"),
}


def wanted_ids(wanted: pd.DataFrame, survey: str) -> list[str]:
    """Return the names that a survey gave to the wanted candidates, best candidate first.

    Parameters
    ----------
    wanted : DataFrame
        As in :class:`aas2rto.tables.report.PollRequest`.
    survey : str
        ``ztf`` or ``lsst``.
    """
    if wanted.empty:
        return []
    rows = zip(wanted["aliases"], wanted["candidate_id"], strict=True)
    matches = (
        SURVEY_IDS[survey].search(str(alias))
        for aliases, candidate_id in rows
        for alias in (*aliases, candidate_id)
    )
    return list(dict.fromkeys(match[1] for match in matches if match))


class Worklist:
    """Objects that wait for a light curve, and those that have one.

    Parameters
    ----------
    state : mapping
        What `state` returned at the end of the last poll; empty at first.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        # Newest detection listed [survey's MJD], and how often fetching has failed.
        self._pending: dict[str, tuple[float, int]] = {
            name: (float(newest), int(tries))
            for name, (newest, tries) in state.get("pending", {}).items()
        }
        # Newest detection fetched [survey's MJD], and when [MJD, UTC].
        self._done: dict[str, tuple[float, float]] = {
            name: (float(newest), float(when))
            for name, (newest, when) in state.get("done", {}).items()
        }

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, name: str, newest: float) -> None:
        """List an object; it waits only if `newest` is later than what was fetched."""
        if newest > self._done.get(name, (float("-inf"), 0.0))[0]:
            known, tries = self._pending.get(name, (newest, 0))
            self._pending[name] = (max(known, newest), tries)

    def order(self, wanted: Sequence[str], *, now: float, refresh: float) -> list[str]:
        """Return the objects to fetch, best first.

        Parameters
        ----------
        wanted : sequence of str
            Names of the candidates that are ranked, best first.
        now : float
            MJD (UTC).
        refresh : float
            Days after which a wanted object is fetched again though nothing new was listed.

        Returns
        -------
        list of str
            Ranked objects with new detections, then new objects (newest first), then ranked
            objects whose light curve was never fetched or is old. What failed before comes
            after what did not.
        """
        place = {name: rank for rank, name in enumerate(wanted)}
        worst = len(place)

        def urgency(name: str) -> tuple[int, int, float]:
            newest, tries = self._pending[name]
            return tries, place.get(name, worst), -newest

        waiting = sorted(self._pending, key=urgency)
        old = [
            name
            for name in wanted
            if name not in self._pending and self._fetched_at(name) <= now - refresh
        ]
        return waiting + old

    def groups(self, names: Sequence[str], size: int) -> list[list[str]]:
        """Split names for questions about several objects; what failed before is asked alone."""
        good = [name for name in names if self._pending.get(name, (0.0, 0))[1] == 0]
        alone = [[name] for name in names if self._pending.get(name, (0.0, 0))[1] > 0]
        return [good[k : k + size] for k in range(0, len(good), size)] + alone

    def _fetched_at(self, name: str) -> float:
        return self._done.get(name, (0.0, float("-inf")))[1]

    def newest(self, name: str) -> float:
        """Return the newest detection that was listed or fetched of an object [survey's MJD]."""
        return max(self._pending.get(name, (0.0, 0))[0], self._done.get(name, (0.0, 0.0))[0])

    def work(
        self,
        names: Sequence[str],
        fetch: Callable[[str], bool],
        harvest: Harvest,
        until: Deadline,
    ) -> None:
        """Fetch light curves until all are there or the time is over.

        Parameters
        ----------
        names : sequence of str
            In the order of `order`.
        fetch : callable
            Asks for one object and adds what comes to `harvest`; returns whether anything came.
        harvest : Harvest
        until : Deadline

        Raises
        ------
        HttpError
            If the service failed for any object; the others have been fetched.
        """
        failures: list[HttpError] = []
        for name in names:
            if until.left() <= 0 or len(failures) >= MAX_FAILURES:
                break
            try:
                self.settle(name, harvest.now, came=fetch(name))
            except HttpError as error:
                if error.cause is Cause.OUT_OF_TIME:
                    break
                if error.cause in WHOLE_SERVICE:
                    raise
                if not self._gives_up(name, error):
                    self.postpone(name)
                    failures.append(error)
                    continue
                if name in self._pending:
                    harvest.problems.append(f"{error}; no light curve of {name}, listed before")
                self.finish(name, harvest.now)
            except UNUSABLE as error:
                # It would be as unusable in the next cycle, and must not hold up the others.
                harvest.problems.append(
                    f"{harvest.source}: the light curve of {name} cannot be used: {error!r}"
                )
                self.finish(name, harvest.now)
        if failures:
            raise failures[-1]

    def settle(self, name: str, now: float, *, came: bool) -> None:
        """Note what an answer brought.

        A service that has listed an object has a light curve of it, while overloaded ones answer
        with nothing: an empty answer is doubted three times. What only others have listed may
        well be unknown to it.
        """
        if came or self._pending.get(name, (0.0, MAX_FAILURES))[1] >= MAX_FAILURES:
            self.finish(name, now)
        else:
            self.postpone(name)

    def _gives_up(self, name: str, error: HttpError) -> bool:
        """Say whether a light curve will never come.

        A service need not know what other services have found; what it has listed itself is
        given three chances, since "not found" may also mean that a whole route is missing.
        """
        tries = self._pending.get(name, (0.0, MAX_FAILURES))[1]
        return error.cause is Cause.NOT_FOUND and tries >= MAX_FAILURES

    def finish(self, name: str, now: float) -> None:
        """Note that the light curve has come."""
        self._done[name] = (self.newest(name), now)
        self._pending.pop(name, None)

    def postpone(self, name: str) -> None:
        """Note that it has not: the object waits behind those that never failed."""
        if name in self._pending:
            newest, tries = self._pending[name]
            self._pending[name] = (newest, tries + 1)

    def state(self, now: float) -> dict[str, Any]:
        """Return what goes into the cursor."""
        newest_first = sorted(self._pending.items(), key=lambda item: -item[1][0])
        return {
            "pending": {name: list(value) for name, value in newest_first[:MAX_PENDING]},
            "done": {
                name: list(value)
                for name, value in self._done.items()
                if value[1] > now - FORGET_AFTER
            },
        }
