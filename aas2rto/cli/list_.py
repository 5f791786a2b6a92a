"""`aas2rto list`: what can stand in a config."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from aas2rto.cli.arguments import JsonOption, offline


class Kind(StrEnum):
    """What can be listed."""

    SOURCES = "sources"
    FACTORS = "factors"
    MODELS = "models"
    OBSERVATORIES = "observatories"
    MESSENGERS = "messengers"


def list_parts(
    kind: Annotated[Kind, typer.Argument(help="What to list.")], as_json: JsonOption = False
) -> None:
    """List sources, factors, models, observatories or messengers with their settings."""
    offline()
    rows = _observatories() if kind is Kind.OBSERVATORIES else _parts(kind)
    if as_json:
        print(json.dumps(rows, indent=2, default=str))
        return
    for row in rows:
        settings = "; ".join(row["settings"])
        print(f"{row['name']}: {row['summary']}" + (f" [{settings}]" if settings else ""))


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
