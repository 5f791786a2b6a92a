"""The night as a timeline: what each telescope observes, when, and what if it fails.

`make_plan` turns the ranked lists of one or more observatories into a plan: ToOs and pinned
candidates first, the rest by the joint optimum, or greedily where the solver is late.
"""

from __future__ import annotations

from aas2rto.planning.night_plan import NightPlan, make_plan
from aas2rto.planning.options import SiteNight

__all__ = ["NightPlan", "SiteNight", "make_plan"]
