"""What others ask for, as files of targets of opportunity; and what became of it, as words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from aas2rto.errors import InputError
from aas2rto.outlets.share.skyportal import SkyPortal, Wanted
from aas2rto.outlets.share.tom import SCORE
from aas2rto.sources import too
from aas2rto.tables.marks import Kind
from aas2rto.text.words import iso, one_line

PRIORITIES = {1: 200.0, 2: 400.0, 3: 600.0, 4: 800.0, 5: 1000.0}
"""Base score by SkyPortal's priority: 5, the highest, is what a file of a ToO has."""


@dataclass(frozen=True)
class Taken:
    """What became of something that was asked for: ``new``, ``there``, or why it was not taken."""

    name: str
    how: str
    path: Path | None = None


def take(folder: Path, key: str, values: Mapping[str, str]) -> Taken:
    """Write a file of a target of opportunity, once: also not again after it was accepted.

    Parameters
    ----------
    folder : Path
        Of the source `too`.
    key : str
        Of the request: the name of the file.
    values : mapping
        See `aas2rto.sources.too.write`.
    """
    name = values["name"]
    path = folder / f"{re.sub(r'[^A-Za-z0-9_.+-]+', '_', key)}.txt"
    if path.exists() or (folder / too.ACCEPTED / path.name).exists():
        return Taken(name, "there", path)
    try:
        made = too.write(folder, values)
    except InputError as error:
        return Taken(name, str(error))
    made.rename(path)
    return Taken(name, "new", path)


def from_skyportal(portal: SkyPortal, folder: Path) -> Iterator[tuple[Wanted, Taken]]:
    """Take the open requests of a SkyPortal; each with what became of it."""
    for one in portal.requests():
        if not one.is_open:
            continue
        place = (one.ra, one.dec) if one.ra is not None and one.dec is not None else None
        place = place or portal.position(one.name)
        if place is None:
            yield one, Taken(one.name, "neither the request nor its source says where it is")
            continue
        words = one_line(str(one.payload.get("observation_choices") or ""), 60)
        yield one, take(folder, f"skyportal-{one.key}", _values(one, place, words))


def _values(one: Wanted, place: tuple[float, float], words: str) -> dict[str, str]:
    values = {
        "name": one.name,
        "ra": f"{place[0]:.7f}",
        "dec": f"{place[1]:.7f}",
        "base_score": f"{PRIORITIES[one.priority]:g}",
        "comment": f"request {one.key} of SkyPortal {words}".strip(),
    }
    end = one.payload.get("end_date")
    if isinstance(end, str) and re.match(r"\d{4}-\d\d-\d\d", end):
        values["valid_until"] = end[:19]
    return values


def from_tom(rows: Iterator[Mapping[str, Any]], folder: Path) -> Iterator[Taken]:
    """Take the targets of a list of a TOM."""
    for one in rows:
        name = one.get("name")
        try:
            ra, dec = float(one["ra"]), float(one["dec"])
        except (KeyError, TypeError, ValueError):
            yield Taken(str(name), "it has no position")
            continue
        values = {"name": str(name), "ra": f"{ra:.7f}", "dec": f"{dec:.7f}", "comment": "of a TOM"}
        extras = one.get("targetextra_set")
        for extra in extras if isinstance(extras, list) else []:
            if isinstance(extra, Mapping) and extra.get("key") in {"base_score", SCORE}:
                values["base_score"] = str(extra.get("value"))
        yield take(folder, f"tom-{name}", values)


def status_of(
    one: Wanted, candidates: pd.DataFrame, marks: pd.DataFrame, places: Mapping[str, str]
) -> str:
    """Return what to answer to a request; empty: there is nothing new to say.

    Parameters
    ----------
    one : Wanted
    candidates : DataFrame
        ``candidate_id, name``.
    marks : DataFrame
        From ``store.marks.as_known``, newest last.
    places : mapping
        Where candidates stand in the lists: ``rank 3 of 20 at la_silla_ntt``.
    """
    mine = candidates[(candidates["candidate_id"] == one.name) | (candidates["name"] == one.name)]
    if mine.empty:
        return ""
    key = str(mine.iloc[0]["candidate_id"])
    said = marks[marks["candidate_id"] == key]
    done = said[said["kind"] == Kind.OBSERVED.value].tail(1).to_dict("records")
    if done:
        site = done[0].get("observatory")
        where = f" at {site}" if isinstance(site, str) and site else ""
        return f"complete: observed{where}, {iso(float(done[0]['at']))} UTC"
    refused = said[said["kind"] == Kind.VETO.value].tail(1).to_dict("records")
    if refused:
        return f"rejected: {one_line(str(refused[0].get('comment') or 'veto'), 100)}"
    return f"submitted: {places[key]}" if key in places else ""
