"""`aas2rto list`: what can stand in a config."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from aas2rto.cli.arguments import JsonOption, offline
from aas2rto.errors import UsageError


class Kind(StrEnum):
    """What can be listed."""

    SOURCES = "sources"
    FACTORS = "factors"
    MODELS = "models"
    OBSERVATORIES = "observatories"
    MESSENGERS = "messengers"
    COLUMNS = "columns"
    SETTINGS = "settings"


def list_parts(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    config: Annotated[
        Path | None, typer.Argument(help="A science case; for settings, of which it has its own.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List sources, factors, models, observatories or messengers with their settings; or columns.

    Columns are those that tables of light curves, objects and targets are read with. Settings are
    those of CONFIG: every key that --set takes, with its value, default and unit.
    """
    offline()
    if kind is Kind.SETTINGS:
        _show_settings(config, as_json=as_json)
        return
    if config is not None:
        raise UsageError(f"list {kind.value} takes no config; only list settings does")
    if kind is Kind.COLUMNS:
        _show_columns(as_json=as_json)
        return
    rows = _observatories() if kind is Kind.OBSERVATORIES else _parts(kind)
    if as_json:
        print(json.dumps(rows, indent=2, default=str))
        return
    for row in rows:
        settings = "; ".join(row["settings"])
        print(f"{row['name']}: {row['summary']}" + (f" [{settings}]" if settings else ""))


def _show_settings(config: Path | None, *, as_json: bool) -> None:
    """Print every key that --set takes."""
    from aas2rto.config.all_settings import settings_of
    from aas2rto.config.load import load

    if config is None:
        raise UsageError("list settings needs a science case: aas2rto list settings CONFIG")
    found = settings_of(load(config, need_secrets=False))
    if as_json:
        print(json.dumps([vars(one) for one in found], indent=2))
        return
    for one in found:
        default = f"default {one.default}" if one.default else "required"
        unit = f", in {one.unit}" if one.unit else ""
        changed = "" if one.value == one.default else f"  ({default}{unit})"
        same = f"  (default{unit})" if one.value == one.default else ""
        print(f"{one.key}={one.value}{changed}{same}")


def _parts(kind: Kind) -> list[dict[str, Any]]:
    from aas2rto.config.resolve import registry

    section = "messages" if kind is Kind.MESSENGERS else kind.value
    found = registry(section)
    rows = []
    for name in found.names():
        part = found.get(name)
        needs = part.extras.get("needs")
        summary = f"({needs}) {part.summary}" if needs else part.summary
        rows.append({"name": name, "summary": summary, "settings": [str(s) for s in part.settings]})
    return rows


def _observatories() -> list[dict[str, Any]]:
    from aas2rto.sky import observatory_file

    rows = []
    for name in observatory_file.available():
        site = observatory_file.load(name)
        place = (
            f"lon {site.longitude_deg:.4f} deg",
            f"lat {site.latitude_deg:.4f} deg",
            f"{site.elevation_m:.0f} m",
        )
        rows.append({"name": name, "summary": site.title, "settings": list(place)})
    return rows


def _show_columns(*, as_json: bool) -> None:
    """Print every spelling of a column that is read, and what is left aside."""
    from aas2rto.sources.files.spellings import ASIDE, ROLES
    from aas2rto.sources.files.units import FLUX_UNITS, VEGA_TO_AB
    from aas2rto.sources.target_list import SPELLINGS

    if as_json:
        roles = [{"name": r.name, "what": r.what, "spellings": list(r.spellings)} for r in ROLES]
        print(json.dumps({"columns": roles, "targets": SPELLINGS, "aside": ASIDE}, indent=2))
        return
    for role in ROLES:
        print(f"{role.name}: {role.what}")
        print(f"    {', '.join(role.spellings)}")
    print(
        "\nNames are read without regard to case, blanks and signs, and with Fink's i:, d: and r:."
    )
    print(f"Fluxes are in {', '.join(FLUX_UNITS)}, or in any unit of flux density that the file")
    print("declares, as in 'flux [mJy]', flux_mJy, a row of units, ECSV, VOTable, FITS or IPAC.")
    print(f"Vega magnitudes are converted in {', '.join(VEGA_TO_AB)}.")
    print("\nLists of targets (aas2rto targets import) also read:")
    for name in ("name", "magnitude", "priority", "comment", "base_score", "equinox"):
        print(f"    {name}: {', '.join(SPELLINGS[name])}")
    print("\nLeft aside on purpose (patterns):")
    for names, why in ASIDE.items():
        print(f"    {why}: {names}")
