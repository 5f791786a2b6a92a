"""`aas2rto visibility`: one position from one observatory."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from aas2rto.cli.arguments import JsonOption, parse_time
from aas2rto.errors import UsageError


def visibility(
    observatory: Annotated[str, typer.Option(help="Name, see `aas2rto list observatories`.")],
    ra: Annotated[float, typer.Option(help="Right ascension, ICRS [deg].")],
    dec: Annotated[float, typer.Option(help="Declination, ICRS [deg].")],
    at: Annotated[str | None, typer.Option(help="ISO (UTC) or MJD. Default: now.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show x_vis, the night, altitude, culmination, rise and set, and the Moon."""
    when = parse_time(at, option="--at")
    from aas2rto import observatory as sites
    from aas2rto import visibility as seen

    check_position(ra, dec)
    found = seen.point_report(sites.load(observatory), ra, dec, when)
    if as_json:
        print(json.dumps(found, indent=2, allow_nan=False))
        return
    for name, value in found.items():
        shown = "-" if value is None else f"{value:.4f}" if isinstance(value, float) else value
        print(f"{name:24s} {shown}")


def check_position(ra: float, dec: float) -> None:
    """Refuse positions that are not on the sky.

    Raises
    ------
    UsageError
        Saying which number is out of range.
    """
    if not 0 <= ra <= 360:
        raise UsageError(f"--ra {ra:g} is not between 0 and 360 deg")
    if not -90 <= dec <= 90:
        raise UsageError(f"--dec {dec:g} is not between -90 and 90 deg")
