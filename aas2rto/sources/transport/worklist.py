"""Which objects still need their light curve, best first: the state between two polls.

Services list many objects in one answer but hand out light curves one by one, at one question
per second or a hundred per hour. A list that is longer than a cycle must not be lost with the
cursor that moved past it, so it lives in the cursor itself. So does what failed: an object that
a service cannot answer for is asked for alone, later and later, while the others go on.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from aas2rto.sources.packets.format import UNUSABLE
from aas2rto.sources.poll_result import Harvest
from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.tables.report import is_older

FORGET_AFTER = 60.0
"""Days after which an object that was neither listed nor wanted is forgotten."""

MAX_PENDING = 5000
"""Objects that may wait for their light curves; the oldest give way."""

MAX_FAILED = 2000
"""Objects whose failure is remembered; those that may be asked for the soonest give way."""

MAX_FAILURES = 3
"""Light curves that may fail in one poll, and how often an empty answer is doubted."""

MAX_WASTED = 5
"""Questions about single objects that may fail within an hour before only objects are asked for
that the service itself has listed, or has answered for before."""

HOUR = 1.0 / 24.0
LONGEST_WAIT = 7.0
"""[d] A failed object is asked for again after this time at the latest."""

FIRST_WAIT, FIRST_WAIT_OF_STRANGERS = 10.0 / 1440.0, HOUR
"""[d] Wait after the first failure, doubled at each further one: of objects that the service
has listed or answered for, and of others, which it may simply not know."""

WHOLE_SERVICE = frozenset({Cause.THROTTLED, Cause.REFUSED, Cause.UNREACHABLE})
"""What would meet every other object, too."""

ABOUT_THE_OBJECT = frozenset({400, 404, 410, 422, 500})
"""Statuses that a single object can cause: it is unknown, refused, or the server stumbles over
it. Statuses such as 502, 503 and 504 are the service's own."""

SURVEY_IDS = {
    "ztf": re.compile(r"(?:^|:)(ZTF\d{2}[a-z]{7})$"),
    # diaObjectIds have 15 to 19 digits.
    "lsst": re.compile(r"(?:^|:)(\d{15,19})$"),
    "antares": re.compile(r"(?:^|:)(ANT\d{4}[0-9a-z]+)$"),
}


def wanted_ids(wanted: pd.DataFrame, survey: str) -> list[str]:
    """Return the names that a survey gave to the wanted candidates, best candidate first.

    Parameters
    ----------
    wanted : DataFrame
        As in :class:`aas2rto.tables.report.PollRequest`.
    survey : str
        ``ztf``, ``lsst`` or ``antares``.
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
    """Objects that wait for a light curve, those that have one, and those that failed.

    Parameters
    ----------
    state : mapping
        What `state` returned at the end of the last poll; empty at first.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        # Newest detection listed [survey's MJD], and how often the answer was empty.
        self._pending: dict[str, tuple[float, int]] = {
            name: (float(newest), int(tries))
            for name, (newest, tries) in state.get("pending", {}).items()
        }
        # Newest detection fetched [survey's MJD], and when [MJD, UTC].
        self._done: dict[str, tuple[float, float]] = {
            name: (float(newest), float(when))
            for name, (newest, when) in state.get("done", {}).items()
        }
        # How often asking has failed, and when to ask again [MJD, UTC].
        self._failed: dict[str, tuple[int, float]] = {
            name: (int(times), float(when))
            for name, (times, when) in state.get("failed", {}).items()
        }
        # When questions about single objects were wasted [MJD, UTC].
        self._wasted: list[float] = [float(when) for when in state.get("wasted", ())]

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
            after what did not, once its time to be asked for again has come.
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
            if name not in self._pending and is_older(self._fetched_at(name), now, refresh)
        ]
        good = [name for name in (*waiting, *old) if name not in self._failed]
        due = [name for name in (*waiting, *old) if self._is_due(name, now)]
        return good + sorted(due, key=lambda name: self._failed[name][0])

    def groups(self, names: Sequence[str], size: int) -> list[list[str]]:
        """Split names for questions about several objects; what failed before is asked alone."""
        doubtful = {name for name in names if self._is_doubtful(name)}
        good = [name for name in names if name not in doubtful]
        alone = [[name] for name in names if name in doubtful]
        return [good[k : k + size] for k in range(0, len(good), size)] + alone

    def _is_doubtful(self, name: str) -> bool:
        return name in self._failed or self._pending.get(name, (0.0, 0))[1] > 0

    def _is_due(self, name: str, now: float) -> bool:
        # What is to wait for longer than the longest wait was noted by a clock that had jumped.
        until = self._failed.get(name, (0, now + 1))[1]
        return until <= now or until > now + 2 * LONGEST_WAIT

    def _fetched_at(self, name: str) -> float:
        return self._done.get(name, (0.0, float("-inf")))[1]

    def newest(self, name: str) -> float:
        """Return the newest detection that was listed or fetched of an object [survey's MJD]."""
        return max(self._pending.get(name, (0.0, 0))[0], self._done.get(name, (0.0, 0.0))[0])

    def _is_trusted(self, name: str) -> bool:
        """Say whether the service should know an object: it listed it, or answered before."""
        return name in self._pending or name in self._done

    def work(
        self,
        names: Sequence[str],
        fetch: Callable[[Sequence[str]], Sequence[bool]],
        harvest: Harvest,
        until: Deadline,
        *,
        size: int = 1,
        strange: frozenset[int] = frozenset({404}),
    ) -> None:
        """Fetch light curves until all are there or the time is over.

        Parameters
        ----------
        names : sequence of str
            In the order of `order`.
        fetch : callable
            Asks for a group of objects in one question and adds what comes to `harvest`; says of
            each whether anything came.
        harvest : Harvest
        until : Deadline
        size : int
            Objects per question. A group that fails is asked for one by one.
        strange : frozenset of int
            Statuses by which this service says that it does not know an object.

        Raises
        ------
        HttpError
            If the service failed; what had come before is in `harvest`. An object that the
            service cannot answer for is no failure of the service, unless all that was asked
            for failed and there were `MAX_FAILURES` of them.
        """
        waiting = deque(self.groups(names, size))
        trial = _Trial(strange)
        while waiting and until.left() > 0 and not trial.is_lost():
            group = [name for name in waiting.popleft() if self._may_ask(name, harvest.now)]
            try:
                if group:
                    self._ask(group, fetch, trial, harvest)
            except HttpError as error:
                if error.cause is Cause.OUT_OF_TIME:
                    break
                if error.cause in WHOLE_SERVICE:
                    raise
                if len(group) > 1 and error.status in ABOUT_THE_OBJECT:
                    self._waste(harvest.now)
                    waiting.extendleft([name] for name in reversed(group))
                else:
                    self._note_failure(group, error, trial, harvest)
        trial.judge()

    def _ask(
        self,
        group: Sequence[str],
        fetch: Callable[[Sequence[str]], Sequence[bool]],
        trial: _Trial,
        harvest: Harvest,
    ) -> None:
        try:
            came = fetch(group)
        except UNUSABLE as error:
            # It would be as unusable in the next cycle, and must not hold up the others.
            names = ", ".join(group)
            harvest.problems.append(
                f"{harvest.source}: the light curve of {names} cannot be used: {error!r}"
            )
            for name in group:
                self.finish(name, harvest.now)
            return
        trial.successes += 1
        for name, some in zip(group, came, strict=True):
            self.settle(name, harvest.now, came=some)

    def _may_ask(self, name: str, now: float) -> bool:
        """Say whether a question is left for an object that the service may not know."""
        return self._is_trusted(name) or self._wasted_lately(now) < MAX_WASTED

    def _wasted_lately(self, now: float) -> int:
        return sum(now - HOUR < when <= now for when in self._wasted)

    def _waste(self, now: float) -> None:
        self._wasted.append(now)

    def _note_failure(
        self, group: Sequence[str], error: HttpError, trial: _Trial, harvest: Harvest
    ) -> None:
        for name in group:
            is_listed = name in self._pending
            times = self._fail(name, error, harvest.now)
            if error.status in trial.strange and not is_listed:
                continue  # A service need not know what others have found.
            trial.note(error)
            if error.status in ABOUT_THE_OBJECT:
                harvest.problems.append(f"{error}; {name} is asked for again later, alone")
            if error.cause is Cause.NOT_FOUND and is_listed and times > MAX_FAILURES:
                # "Not found" may also mean that a whole route is missing: it had its chances.
                harvest.problems.append(f"{error}; no light curve of {name}, listed before")
                self._pending.pop(name)

    def _fail(self, name: str, error: HttpError, now: float) -> int:
        """Note that asking for an object failed; returns how often it has by now."""
        times = self._failed.get(name, (0, 0.0))[0] + 1
        first = FIRST_WAIT
        if error.status in ABOUT_THE_OBJECT:
            self._waste(now)
            first = FIRST_WAIT if self._is_trusted(name) else FIRST_WAIT_OF_STRANGERS
        self._failed[name] = (times, now + min(first * 2.0 ** min(times - 1, 30), LONGEST_WAIT))
        return times

    def settle(self, name: str, now: float, *, came: bool) -> None:
        """Note what an answer brought.

        A service that has listed an object has a light curve of it, while overloaded ones answer
        with nothing: an empty answer is doubted three times. What only others have listed may
        well be unknown to it.
        """
        self._failed.pop(name, None)
        if came or self._pending.get(name, (0.0, MAX_FAILURES))[1] >= MAX_FAILURES:
            self.finish(name, now)
        else:
            self.postpone(name)

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
        last_first = sorted(self._failed.items(), key=lambda item: -item[1][1])
        return {
            "pending": {name: list(value) for name, value in newest_first[:MAX_PENDING]},
            "done": {
                name: list(value)
                for name, value in self._done.items()
                if value[1] > now - FORGET_AFTER
            },
            "failed": {
                name: list(value)
                for name, value in last_first[:MAX_FAILED]
                if now - FORGET_AFTER < value[1]
            },
            "wasted": [when for when in self._wasted if now - HOUR < when <= now],
        }


class _Trial:
    """Whether what fails in a poll is single objects, or the service.

    Parameters
    ----------
    strange : frozenset of int
        As in `Worklist.work`.
    """

    def __init__(self, strange: frozenset[int]) -> None:
        self.strange = strange
        self.successes = 0
        self._about_objects: list[HttpError] = []
        self._others: list[HttpError] = []

    def note(self, error: HttpError) -> None:
        """Note a failure of an object that the service might have answered for."""
        about_object = error.status in ABOUT_THE_OBJECT
        (self._about_objects if about_object else self._others).append(error)

    def is_lost(self) -> bool:
        """Say whether the rest is better left to the next poll."""
        return len(self._others) >= MAX_FAILURES or self._all_failed()

    def _all_failed(self) -> bool:
        return self.successes == 0 and len(self._about_objects) >= MAX_FAILURES

    def judge(self) -> None:
        """Raise the last error if the service failed, not single objects."""
        if self._others:
            raise self._others[-1]
        if self._all_failed():
            raise self._about_objects[-1]
