"""`aas2rto visibility`: one position from one observatory."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from aas2rto.cli.arguments import DEC_HELP, RA_HELP, JsonOption, parse_position, parse_time

UNITS = {
    "ra": "deg",
    "dec": "deg",
    "altitude": "deg",
    "azimuth": "deg",
    "hour_angle": "h",
    "moon_sep": "deg",
    "moon_altitude": "deg",
    "moon_illumination": "(0 new, 1 full)",
    "min_altitude": "deg",
    "lowest_altitude": "deg",
    "moon_limit": "deg",
    "night_left": "d",
    "altitude_area": "deg d (A_vis, Eq. 12)",
    "hours_left": "h above the limit",
    "culmination_altitude": "deg",
    "culmination_moon_sep": "deg",
    "culmination_moon_altitude": "deg",
    "time": "UTC",
    "night_start": "UTC",
    "night_end": "UTC",
    "observing_start": "UTC",
    "culmination": "UTC",
    "rises": "UTC",
    "sets": "UTC",
}
"""Units of what is shown."""


def visibility(
    observatory: Annotated[str, typer.Option(help="Name, see `aas2rto list observatories`.")],
    ra: Annotated[str, typer.Option(help=RA_HELP)],
    dec: Annotated[str, typer.Option(help=DEC_HELP)],
    at: Annotated[str | None, typer.Option(help="ISO (UTC) or MJD. Default: now.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show x_vis, the night, altitude, culmination, rise and set, and the Moon."""
    when = parse_time(at, option="--at")
    from aas2rto.sky import observatory_file
    from aas2rto.sky.point_report import point_report

    found = point_report(observatory_file.load(observatory), *parse_position(ra, dec), when)
    if as_json:
        print(json.dumps(found, indent=2, allow_nan=False))
        return
    for name, value in found.items():
        if name.endswith("_mjd"):
            continue
        shown = "-" if value is None else f"{value:.4f}" if isinstance(value, float) else value
        print(f"{name:26s} {shown} {UNITS.get(name, '') if value is not None else ''}".rstrip())
    print(f"rises, sets: above and below {found['min_altitude']:g} deg; '-' if not in this night")
