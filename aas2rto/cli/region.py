"""`aas2rto region`: transit zones and other regions of the sky."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aas2rto.cli.arguments import (
    DEC_HELP,
    RA_HELP,
    JsonOption,
    offline,
    parse_position,
    parse_time,
)
from aas2rto.errors import UsageError

if TYPE_CHECKING:
    from aas2rto.sky.regions import Region
    from aas2rto.sky.regions.coverage import Coverage
    from aas2rto.sky.regions.zones import Zone

app = typer.Typer(
    help="Regions of the sky: planetary transit zones, discs, MOC files, sky maps.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Zones = Annotated[
    list[str] | None,
    typer.Option("--zone", help="Planet, for its transit zone; may stand several times."),
]
Grazing = Annotated[
    bool, typer.Option("--grazing", help="It is enough that a part of the planet transits.")
]
Eccentric = Annotated[
    bool, typer.Option("--eccentric", help="Widths follow r(longitude); default: circular orbits.")
]
Discs = Annotated[
    list[str] | None, typer.Option("--disc", help="RA,DEC,RADIUS in degrees; several times.")
]
Mocs = Annotated[list[Path] | None, typer.Option("--moc", help="A MOC file; several times.")]
SkyMaps = Annotated[Path | None, typer.Option("--sky-map", help="A HEALPix map of probability.")]
Credible = Annotated[float, typer.Option(help="Share of the sky map's probability, 0 to 1.")]


@app.callback()
def region() -> None:
    """Regions of the sky: planetary transit zones, discs, MOC files, sky maps."""


@app.command("list")
def list_regions(
    grazing: Grazing = False,
    eccentric: Eccentric = False,
    size: Annotated[
        int, typer.Option(min=1, max=4, help="1: the zones; 2: what two share; 3: three.")
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """List transit zones with width, pole and area; or what two or three of them share."""
    from aas2rto.sky.regions.overlaps import overlaps
    from aas2rto.sky.regions.zones import zones

    every = zones(grazing=grazing, eccentric=eccentric)
    if size == 1:
        rows = [_zone_row(zone) for zone in every]
    else:
        found = sorted(overlaps(every, size), key=lambda one: -one.area)
        rows = [
            {
                "zones": one.name,
                "area_deg2": round(one.area, 4),
                "pieces": one.pieces,
                "ecliptic_longitude": round(one.longitude, 2),
                "ecliptic_latitude": round(one.latitude, 3),
            }
            for one in found
        ]
    _show(rows, as_json=as_json)


def _zone_row(zone: Zone) -> dict[str, Any]:
    from aas2rto.sky.regions import positions

    ra, dec = positions(zone.planet.pole)
    return {
        "zone": zone.planet.name,
        "width_deg": round(zone.angle, 5),
        "pole_ra": round(float(ra[0]), 4),
        "pole_dec": round(float(dec[0]), 4),
        "area_deg2": round(zone.area, 2),
    }


@app.command("show")
def show(
    ra: Annotated[str, typer.Option(help=RA_HELP)],
    dec: Annotated[str, typer.Option(help=DEC_HELP)],
    at: Annotated[str | None, typer.Option(help="ISO (UTC) or MJD. Default: now.")] = None,
    grazing: Grazing = False,
    eccentric: Eccentric = False,
    disc: Discs = None,
    moc: Mocs = None,
    sky_map: SkyMaps = None,
    credible: Credible = 0.9,
    as_json: JsonOption = False,
) -> None:
    """Say in which zones and regions a position lies, how far off, and when it sees transits."""
    when = parse_time(at, option="--at")
    from aas2rto.sky.regions.zones import zones
    from aas2rto.tables.candidates import unit_vectors
    from aas2rto.text.words import iso

    place = unit_vectors(*parse_position(ra, dec))
    rows: list[dict[str, Any]] = [
        {
            "region": zone.name,
            "inside": bool(zone.contains(place)[0]),
            "offset_deg": round(float(zone.offset(place)[0]), 4),
            "next_transit": iso(float(zone.planet.next_transits(place, when.utc.mjd)[0]))[:16],
        }
        for zone in zones(grazing=grazing, eccentric=eccentric)
    ]
    if disc or moc or sky_map:
        others = _regions(None, disc, moc, sky_map, credible)
        rows += [{"region": one.name, "inside": bool(one.contains(place)[0])} for one in others]
    _show(rows, as_json=as_json)


@app.command("area")
def area(
    zone: Zones = None,
    grazing: Grazing = False,
    eccentric: Eccentric = False,
    disc: Discs = None,
    moc: Mocs = None,
    sky_map: SkyMaps = None,
    credible: Credible = 0.9,
    as_json: JsonOption = False,
) -> None:
    """Say how large regions are, and what share of the sky."""
    from aas2rto.sky.regions import WHOLE_SKY

    found = _regions(zone, disc, moc, sky_map, credible, grazing=grazing, eccentric=eccentric)
    rows = [
        {
            "region": one.name,
            "area_deg2": round(one.area, 4),
            "share_of_sky": float(f"{one.area / WHOLE_SKY:.4g}"),
            **({"order": one.order} if hasattr(one, "order") else {}),
        }
        for one in found
    ]
    _show(rows, as_json=as_json)


@app.command("moc")
def write_moc(
    file: Annotated[Path, typer.Argument(help="Where to write it: .fits, .json or .txt.")],
    zone: Zones = None,
    grazing: Grazing = False,
    eccentric: Eccentric = False,
    disc: Discs = None,
    order: Annotated[
        int, typer.Option(min=0, max=29, help='Of the smallest cells: 12 is 51.5", 14 is 12.9".')
    ] = 14,
    overlap: Annotated[
        bool, typer.Option("--overlap", help="What the zones share; default: all of them.")
    ] = False,
    touched: Annotated[
        bool, typer.Option("--touched", help="Take cells that are merely touched, as the paper.")
    ] = False,
) -> None:
    """Write a MOC file, such as Lasair takes for a watchmap. Needs the extra `moc`."""
    from aas2rto.sky.regions import coverage
    from aas2rto.sky.regions.overlaps import Overlap

    among: list[Any] = list(
        _regions(zone, disc, None, None, 0.9, grazing=grazing, eccentric=eccentric)
    )
    if overlap:
        if disc or len(among) < 2:
            raise UsageError("--overlap needs two or more --zone, and nothing else")
        among = [Overlap(tuple(among), 0.0, 0, 0.0, 0.0)]
    made = [coverage.of_region(one, order, touched=touched, name=one.name) for one in among]
    found: Coverage = coverage.union(made, " and ".join(one.name for one in made))
    try:
        found.write(file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror or error})") from error
    told = f"{found.area:.4f} deg2, order {order}, {file.stat().st_size} bytes"
    print(f"{file}: {found.name}, {told}")


@app.command("figure")
def figure(
    file: Annotated[Path, typer.Argument(help="Where to write it: a PNG file.")],
    grazing: Grazing = False,
    eccentric: Eccentric = False,
) -> None:
    """Draw the transit zones of all planets, and where two and three of them overlap."""
    from aas2rto.outputs.figures import transit_zones
    from aas2rto.sky.regions.zones import zones

    offline()
    data = transit_zones.draw(zones(grazing=grazing, eccentric=eccentric), {})
    try:
        file.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror or error})") from error
    print(file)


def _regions(
    zone: list[str] | None,
    disc: list[str] | None,
    moc: list[Path] | None,
    sky_map: Path | None,
    credible: float,
    *,
    grazing: bool = False,
    eccentric: bool = False,
) -> tuple[Region, ...]:
    """Return what the options name; at least one region.

    Raises
    ------
    UsageError
    """
    from aas2rto.sky.regions.given import regions

    if not 0 < credible <= 1:
        raise UsageError(f"--credible: {credible:g} is no share; write a number up to 1, as 0.9")
    found = regions(
        zones=zone or (),
        grazing=grazing,
        eccentric=eccentric,
        discs=[_disc(text) for text in disc or ()],
        moc=[str(path) for path in moc or ()],
        sky_map=None if sky_map is None else str(sky_map),
        credible=credible,
    )
    if not found:
        raise UsageError("no region: name one, such as --zone earth or --disc 10.68,41.27,3")
    return found


def _disc(text: str) -> tuple[float, float, float]:
    parts = text.split(",")
    try:
        radius = float(parts[2]) if len(parts) == 3 else -1.0
    except ValueError:
        radius = -1.0
    if not 0 < radius <= 180:
        raise UsageError(f"--disc: {text!r} is no disc; write RA,DEC,RADIUS as 10.68,41.27,3")
    return (*parse_position(parts[0], parts[1]), radius)


def _show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows as a table, or as JSON."""
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    names = list(dict.fromkeys(name for row in rows for name in row))
    texts = [names, *([str(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(len(line[k]) for line in texts) for k in range(len(names))]
    for line in texts:
        padded = [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        print("  ".join(padded).rstrip())
