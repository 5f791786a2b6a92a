"""What LCO's instruments take, by `/api/instruments/`, and whether a request agrees with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aas2rto.errors import InputError
from aas2rto.text.words import nearest

FILE = "lco_instruments.json"
"""In the project's folder: what `aas2rto lco instruments` fetched last."""


def load(folder: Path) -> dict[str, Any] | None:
    """Read what was fetched last; None if nothing was.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read; aas2rto lco instruments fetches it") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} cannot be read; aas2rto lco instruments fetches it")
    return found


def problems(group: Mapping[str, Any], instruments: Mapping[str, Any]) -> list[str]:
    """Return what the portal would refuse of instruments, filters and slits; each once."""
    found = [
        said
        for request in group["requests"]
        for one in request["configurations"]
        for said in _of_configuration(one, request["location"]["telescope_class"], instruments)
    ]
    return list(dict.fromkeys(found))


def _of_configuration(
    one: Mapping[str, Any], telescope_class: str, instruments: Mapping[str, Any]
) -> Iterator[str]:
    kind = str(one["instrument_type"])
    known = instruments.get(kind)
    if not isinstance(known, Mapping):
        yield f"LCO has no instrument {kind}{nearest(kind, instruments)}"
        return
    own = str(known.get("class", "")).lower()
    if own and own != telescope_class:
        yield f"{kind} is at telescopes of the class {own}, not {telescope_class}"
    types = known.get("configuration_types")
    if types and one["type"] not in types:
        yield f"{kind} takes no {one['type']} (it takes: {', '.join(types)})"
    groups = known.get("optical_elements") or {}
    for exposure in one["instrument_configs"]:
        yield from _of_elements(kind, exposure["optical_elements"], groups)


def _of_elements(kind: str, chosen: Mapping[str, str], groups: Mapping[str, Any]) -> Iterator[str]:
    for plural in groups:
        if plural.removesuffix("s") not in chosen:
            yield f"{kind} needs a {plural.removesuffix('s')}"
    for singular, code in chosen.items():
        elements = groups.get(f"{singular}s", [])
        codes = [str(e["code"]) for e in elements if e.get("schedulable", True)]
        if code.lower() not in {c.lower() for c in codes}:
            meant = nearest(code, codes)
            yield f"{kind} has no {singular} {code}{meant} (it has: {', '.join(codes)})"
