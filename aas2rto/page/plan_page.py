"""The plan as a page, also with hours in which telescopes are closed."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Sequence
from typing import Any

from aas2rto.errors import UsageError
from aas2rto.page.night import Night, plan_for
from aas2rto.page.plan_svg import timeline
from aas2rto.page.views import Asked, Views
from aas2rto.planning import NightPlan
from aas2rto.planning.closures import interval
from aas2rto.planning.timeline import state_words
from aas2rto.text.words import nearest

MOST_MISSED, MOST_CLOSED = 200, 10

_ONE_AT_A_TIME = threading.Lock()
"""Two plans at once would each take as long as both."""


def page(views: Views, asked: Asked, night: Night, close: Sequence[str] = ()) -> str:
    """Return tonight's plan, as far as it is made, or one with closed hours.

    Parameters
    ----------
    views : Views
    asked : Asked
    night : Night
    close : sequence of str
        As `aas2rto plan --close` takes them: a site, and perhaps an interval after a blank.

    Raises
    ------
    UsageError
        If one of them cannot be read.
    """
    pairs = closures(night, close)
    plan = replanned(night, pairs) if pairs else night.plan
    drawn, tables = "", []
    missed: dict[str, list[str]] = {}
    if plan is not None:
        drawn = timeline(plan)
        for one in plan.nights:
            rows = plan.at(one.observatory.name).to_dict("records")
            tables.append((one, [row | {"words": state_words(row["state"])} for row in rows]))
        for row in plan.not_planned.head(MOST_MISSED).to_dict("records"):
            told = f"{row['observatory']}: {row['reason']}"
            missed.setdefault(str(row["candidate_id"]), []).append(told)
    more: dict[str, Any] = {"drawn": drawn, "tables": tables, "missed": missed}
    more |= {"close": pairs, "command": command(night, pairs)}
    more["sites"] = night.parts.case.observatories
    return views.render("plan", asked, night, plan=plan, **more)


def closures(night: Night, close: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return pairs of a site and an interval, empty for all night.

    Raises
    ------
    UsageError
        If there is no such site, or it is no interval.
    """
    names = [site.name for site in night.parts.case.observatories]
    pairs = []
    for text in [one.strip() for one in close if one.strip()][:MOST_CLOSED]:
        name, _, hours = text.partition(" ")
        if name not in names:
            raise UsageError(f"no observatory {name[:60]!r}{nearest(name, names)}")
        hours = hours.strip()[:60]
        interval(hours, night.mjd, night.mjd + 1)  # what cannot be read is refused here
        pairs.append((name, hours))
    return tuple(dict.fromkeys(pairs))


def replanned(night: Night, pairs: tuple[tuple[str, str], ...]) -> NightPlan:
    """Return the plan of a night with closed hours; it is made once.

    Parameters
    ----------
    night : Night
    pairs : tuple of (str, str)
        From `closures`.
    """
    name = f"plan\0{pairs!r}"
    with _ONE_AT_A_TIME:
        if name not in night.held:
            night.held[name] = plan_for(night, close=pairs)
        found: NightPlan = night.held[name]
        return found


def command(night: Night, pairs: Sequence[tuple[str, str]]) -> str:
    """Return what writes this plan for the telescopes."""
    words = ["aas2rto", "plan", night.parts.case.path.name]
    for name, hours in pairs:
        words += ["--close", name, *([hours] if hours else [])]
    return shlex.join(words)
