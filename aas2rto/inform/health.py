"""Whether the loop is well, for those who watch services: systemd, containers, Prometheus."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from astropy.time import Time

from aas2rto import __version__
from aas2rto.config.case import Case
from aas2rto.config.redaction import Redactor
from aas2rto.guard import attempt
from aas2rto.steps import streams
from aas2rto.steps.cycle import Cycle
from aas2rto.store import Store
from aas2rto.store.outbox import OPEN, State
from aas2rto.text.words import iso

MISSED = 3
"""So many intervals without a cycle that was done are too many."""

SECONDS_A_DAY = 86400.0
SHOWN_TEXT = 500


@dataclass
class Health:
    """What is known of a loop, taken down after each cycle and told between them.

    Parameters
    ----------
    case : Case
    store : Store
        Read by `took` and `lost` alone, in the thread of the loop.
    clock : callable
        Tells the time.
    publish : callable
        Given the state after each cycle, for a file.
    """

    case: Case
    store: Store
    clock: Callable[[], Time]
    publish: Callable[[Mapping[str, Any]], None] = lambda _: None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _began: float = 0.0
    _done: float | None = None
    _told: dict[str, Any] = field(default_factory=dict)
    _lost: int = 0
    _error: str = ""
    _refused: str = ""

    def __post_init__(self) -> None:
        self._began = self._mjd()

    def _mjd(self) -> float:
        return float(self.clock().utc.mjd)

    @property
    def patience(self) -> float:
        """How long a cycle may be missing [s]: some intervals, and the wait for sources."""
        loop = self.case.config.loop
        return MISSED * loop.interval + loop.deadline

    def took(self, cycle: Cycle) -> None:
        """Take down a cycle that was done."""
        seconds = round(sum(cycle.timings.values()), 3)
        ranked = cycle.report.get("funnel", {}).get("ranked", 0)
        told = {"cycle_seconds": seconds, "problems": len(cycle.problems), "ranked": ranked}
        with self._lock:
            self._done, self._lost, self._error = self._mjd(), 0, ""
        self._take_down(told)

    def lost(self, error: str) -> None:
        """Take down that a cycle was lost, and why."""
        with self._lock:
            self._lost += 1
            self._error = Redactor.of(self.case)(error)[:SHOWN_TEXT]
        self._take_down({})

    def refused(self, why: str) -> None:
        """Take down that another config was refused; empty once one was taken."""
        with self._lock:
            self._refused = Redactor.of(self.case)(why)[:SHOWN_TEXT]
        self._publish()

    def _take_down(self, told: Mapping[str, Any]) -> None:
        read = attempt("health", self._of_store)
        with self._lock:
            self._told = {**self._told, **told, **(read.value or {})}
        self._publish()

    def _publish(self) -> None:
        attempt("health", lambda: self.publish(self.state()))

    def _of_store(self) -> dict[str, Any]:
        """Read from the store what does not change until the next cycle, or hardly."""
        verdicts = streams.verdicts(self.case, self.store.sources, self._mjd())
        outbox = self.store.outbox
        channels = {part.name: outbox.channel(part.name).stopped for part in self.case.messengers}
        return {
            "sources": {name: _of_source(one) for name, one in verdicts.items()},
            "messages": {
                name: _of_channel(states)
                for name, states in outbox.counts().items()
                if name in channels
            },
            "channels_stopped": sorted(name for name, stopped in channels.items() if stopped),
        }

    def state(self) -> dict[str, Any]:
        """Return what is known, as of now; safe in any thread, and quick."""
        now = self._mjd()
        with self._lock:
            told, done, lost = dict(self._told), self._done, self._lost
            error, refused = self._error, self._refused
        since = self._began if done is None else done
        age = (now - since) * SECONDS_A_DAY
        sources = told.get("sources", {})
        dark = sorted(name for name, one in sources.items() if one["dark"])
        failing = sorted(name for name, one in sources.items() if one["failures"])
        waiting = sum(one["waiting"] for one in told.get("messages", {}).values())
        troubled = bool(lost or dark or failing or told.get("channels_stopped") or refused)
        return {
            "status": self._status(age, done, troubled=troubled),
            "project": self.case.project,
            "version": __version__,
            "config": self.case.digest,
            "started": iso(self._began),
            "last_cycle": None if done is None else iso(done),
            "age_seconds": round(age, 1),
            "well_until": iso(since + self.patience / SECONDS_A_DAY),
            "lost_in_a_row": lost,
            "last_error": error,
            "config_refused": refused,
            "dark": dark,
            "failing": failing,
            "lag": {name: one["lag"] for name, one in sources.items()},
            "messages_waiting": waiting,
            **told,
        }

    def _status(self, age: float, done: float | None, *, troubled: bool) -> str:
        if age > self.patience:
            return "stalled"
        if done is None:
            return "starting"
        return "degraded" if troubled else "ok"


def is_well(state: Mapping[str, Any]) -> bool:
    """Tell whether a restart would help nobody: a dark stream is no reason for one."""
    return bool(state["status"] != "stalled")


def _of_source(verdict: streams.Verdict) -> dict[str, Any]:
    state = verdict.state
    return {
        "failures": state.failures,
        "dark": verdict.is_dark,
        "lag": verdict.lag,
        "last_success": None if state.last_success is None else iso(state.last_success),
        "newest_alert": None if state.newest_alert is None else iso(state.newest_alert),
        "newest_alert_mjd": state.newest_alert,
    }


def _of_channel(states: Mapping[str, int]) -> dict[str, int]:
    return {
        "waiting": sum(states.get(state, 0) for state in OPEN),
        "sent": states.get(State.SENT, 0),
        "unknown": states.get(State.UNKNOWN, 0),
        "refused": states.get(State.REFUSED, 0),
    }
