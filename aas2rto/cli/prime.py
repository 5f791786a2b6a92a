"""`aas2rto prime`: fetch once whatever is better than what is packaged."""

from __future__ import annotations

from aas2rto.errors import Aas2rtoError


def prime() -> None:
    """Fetch what improves on the packaged data; say what is already there."""
    from aas2rto import priming

    missed = 0
    for item in priming.ITEMS:
        done = priming.fetch(item)
        print(f"{item.name}: {done.sentence}")
        missed += not done.ok
    if missed:
        raise Aas2rtoError(
            f"{missed} of {len(priming.ITEMS)} could not be fetched; the packaged data go on "
            "serving, try again when there is a network"
        )
