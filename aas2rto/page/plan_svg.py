"""Drawing: the plan of a night as a timeline, one line for each telescope."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from aas2rto.page import svg
from aas2rto.page.svg import Box
from aas2rto.planning import NightPlan, SiteNight
from aas2rto.text.words import counted, hour, one_line

WIDTH, LINE, HEAD, FOOT = 900.0, 62.0, 6.0, 24.0


def timeline(plan: NightPlan) -> Markup | str:
    """Draw who observes what when; empty if there is no night anywhere.

    Parameters
    ----------
    plan : NightPlan
    """
    nights = [night for night in plan.nights if np.isfinite(night.night.end - night.night.start)]
    if not nights:
        return ""
    now = float(plan.now.utc.mjd)
    first = min([now, *(night.night.start for night in nights)]) - 0.02
    last = max(night.night.end for night in nights) + 0.02
    height = HEAD + LINE * len(nights) + FOOT
    box = Box(4.0, HEAD, WIDTH - 8.0, LINE * len(nights), first, last, 0.0, float(len(nights)))
    parts = []
    for number, night in enumerate(nights):
        parts += _site(box, plan, night, HEAD + LINE * number)
    every = max(round((last - first) * 24 / 12), 1)
    for one in np.arange(np.ceil(first * 24 / every), np.floor(last * 24 / every) + 1):
        mjd = float(one) * every / 24
        parts.append(svg.text(float(box.x(mjd)), height - 8, hour(mjd), "tick", "middle"))
    if first <= now <= last:
        parts.append(svg.down(box, float(box.x(now)), "now"))
    words = f"plan: {counted(len(plan.slots), 'visit')} at {counted(len(nights), 'site')}"
    return svg.drawing(WIDTH, height, parts, f"{words}; all in the tables below", "plan")


def _site(box: Box, plan: NightPlan, night: SiteNight, top: float) -> list[str]:
    name = night.observatory.name
    begin, end = float(box.x(night.night.start)), float(box.x(night.night.end))
    parts = [svg.text(box.left, top + 14, name, "name")]
    parts.append(svg.rect(begin, top + 20, end - begin, 34, "dark"))
    for first, last in night.closed:
        left, right = (float(np.clip(box.x(one), begin, end)) for one in (first, last))
        parts.append(svg.rect(left, top + 20, right - left, 34, "closed", svg.title("closed")))
    for row in plan.at(name).to_dict("records"):
        left, right = float(box.x(row["start"])), float(box.x(row["end"]))
        words = f"{row['slot']}. {hour(row['start'])}-{hour(row['end'])} UTC "
        words += f"{one_line(row['candidate_id'], 60)}, altitude {row['altitude']:.0f}°"
        state = "done" if row["state"] == "done" else "slot"
        parts.append(svg.rect(left, top + 20, right - left - 0.5, 34, state, svg.title(words)))
        if right - left > 12:
            middle = (left + right) / 2
            parts.append(svg.text(middle, top + 42, int(row["slot"]), "number", "middle"))
    return parts
