"""The nights ahead: on which of them each candidate is worth most, from the stored state."""

from __future__ import annotations

from dataclasses import replace

from astropy.time import Time

from aas2rto.errors import UsageError
from aas2rto.factors import Decision
from aas2rto.outputs.ahead import Ahead, nights_of
from aas2rto.steps.cycle import Parts
from aas2rto.steps.fit_memory import OnlyRead
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import as_known
from aas2rto.store import Store


def look_ahead(parts: Parts, store: Store, now: Time, *, nights: int | None = None) -> list[Ahead]:
    """Return the nights ahead of every site; nothing is stored.

    Parameters
    ----------
    parts : Parts
    store : Store
    now : Time
    nights : int, optional
        How many after tonight; by default as the config says.

    Raises
    ------
    UsageError
        If the config has no factor that looks ahead.
    """
    if not any(bound.ahead for bound in parts.site_factors):
        raise UsageError("nothing here looks ahead: add `- wait_here` to `score: factors:`")
    if nights is not None:
        longer = tuple(
            replace(bound, settings={**bound.settings, "nights": nights}, ahead=nights)
            if bound.ahead
            else bound
            for bound in parts.site_factors
        )
        parts = replace(parts, site_factors=longer)
    judged = judge(parts, as_known(parts, store, now), now, memory=OnlyRead(store.fits))
    kept = judged.scored.rows(Decision.KEEP)
    least = parts.case.config.score.min_value
    found = (nights_of(ranking, kept, least=least) for ranking in judged.rankings[1:])
    return [one for one in found if one is not None]
