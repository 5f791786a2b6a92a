"""Sources that answer, and yet bring too little: dark streams, and such that are far behind."""

from __future__ import annotations

from dataclasses import dataclass

from aas2rto.config.case import Case
from aas2rto.store.sources import Sources, SourceState
from aas2rto.text.words import counted

WITHOUT_ALERTS = frozenset({"archive", "too", "atlas", "tns"})
"""Sources whose newest datum tells nothing of a stream: files, what we asked for, a catalogue."""


@dataclass(frozen=True)
class Verdict:
    """How a source is doing.

    Parameters
    ----------
    state : SourceState
    is_dark : bool
        Whether it answers, and its newest alert is too old.
    lag : int
        Messages that were left when its stream had been read; 0 without a stream.
    """

    state: SourceState
    is_dark: bool
    lag: int

    @property
    def is_failing(self) -> bool:
        """Whether its last poll failed."""
        return self.state.failures > 0


def verdicts(case: Case, sources: Sources, now: float) -> dict[str, Verdict]:
    """Say how each source of a case is doing.

    Parameters
    ----------
    case : Case
    sources : Sources
        Of the store.
    now : float
        [d, MJD UTC]
    """
    found = {}
    for part in case.sources:
        state = sources.state(part.name)
        brings_alerts = part.part.name not in WITHOUT_ALERTS
        found[part.name] = Verdict(
            state, brings_alerts and is_dark(state, now, case.config.loop.dark_after), lag_of(state)
        )
    return found


def is_dark(state: SourceState, now: float, dark_after: float | None) -> bool:
    """Tell whether a source answers while its newest alert is older than `dark_after` [d]."""
    if state.newest_alert is None or state.failures or dark_after is None:
        return False
    return now - state.newest_alert > dark_after


def lag_of(state: SourceState) -> int:
    """Return how many messages of its stream were left when it was last read."""
    lag = state.cursor.get("lag", 0)
    return lag if isinstance(lag, int) and lag > 0 else 0


def complaints(case: Case, sources: Sources, now: float) -> list[str]:
    """Return a line for each source that operators should look at, though it does not fail.

    Each begins with words that stay the same while it lasts, and a colon.
    """
    most = case.config.loop.lag_after
    lines = []
    for name, verdict in verdicts(case, sources, now).items():
        newest = verdict.state.newest_alert
        if verdict.is_dark and newest is not None:
            lines.append(
                f"stream of {name} dark: its newest alert is {now - newest:.1f} d old, though it "
                "answers"
            )
        if most is not None and verdict.lag > most:
            lines.append(
                f"stream of {name} behind: {counted(verdict.lag, 'message')} left after it was read"
            )
    return lines
