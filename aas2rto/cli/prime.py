"""`aas2rto prime`: make ready once what a night would otherwise wait for."""

from __future__ import annotations

from typing import Annotated

import typer

from aas2rto.errors import Aas2rtoError


def prime(
    models: Annotated[
        bool, typer.Option("--models", help="Only compile the light-curve fits; no network.")
    ] = False,
) -> None:
    """Compile the fits, fetch what improves on the packaged data; say what is already there."""
    from aas2rto.models import priming

    items = (priming.COMPILED,) if models else priming.ITEMS
    missed = 0
    for item in items:
        done = priming.fetch(item)
        print(f"{item.name}: {done.sentence}")
        missed += not done.ok
    if missed:
        raise Aas2rtoError(
            f"{missed} of {len(items)} failed; the night can do without, "
            "try again when there is a network"
        )
