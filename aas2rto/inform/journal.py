"""The last words of a cycle: how long each step took, and a line in the log for what it met."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from aas2rto.guard import attempt
from aas2rto.steps.cycle import Cycle
from aas2rto.store import Store
from aas2rto.text.words import counted

log = logging.getLogger(__name__)


def close(store: Store, cycle: Cycle, write: Callable[[Mapping[str, Any]], None]) -> None:
    """Put the times of all steps, and what went wrong in the last ones, where the others stand.

    Parameters
    ----------
    store : Store
    cycle : Cycle
        Drawn and sent.
    write : callable
        Writes cycle.json.
    """
    if cycle.judged is not None:
        cycle.report |= {"problems": cycle.problems, "timings": cycle.rounded_timings()}
        for part, call in (
            ("cycles of the store", lambda: store.results.amend(cycle.now.utc.mjd, cycle.report)),
            ("cycle.json", lambda: write(cycle.report)),
        ):
            done = attempt(part, call)
            if done.failure is not None:
                cycle.failures.append(done.failure)
    tell(cycle)


def tell(cycle: Cycle) -> None:
    """Write a line in the log for the cycle, for each source that failed, and for each problem."""
    at = cycle.now.utc.isot
    if cycle.judged is None:
        log.info("cycle of %s: stopped before it was done", at)
    else:
        log.info(
            "cycle of %s: %s",
            at,
            counted(cycle.report["funnel"]["candidates"], "candidate"),
            extra={"event": "cycle", "cycle": _brief(cycle)},
        )
    failed = [arrival.line() for arrival in cycle.arrivals if arrival.failed]
    for line in failed:
        log.warning("%s", line, extra={"event": "source", "at": at})
    for line in cycle.problems:
        if line not in failed:
            log.warning("%s", line, extra={"event": "problem", "at": at})

    for line in cycle.notes:
        log.info("%s", line, extra={"event": "note", "at": at})


def _brief(cycle: Cycle) -> dict[str, Any]:
    """Return the numbers of a cycle; its words stand in cycle.json."""
    return {
        **{key: cycle.report[key] for key in ("funnel", "fits", "timings")},
        "reconsidered": len(cycle.reconsidered),
        "problems": len(cycle.problems),
    }
