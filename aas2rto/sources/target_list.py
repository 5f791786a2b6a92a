"""Lists of targets that people have: CSV, VOTable, star lists, exports of TNS -> objects.

What each becomes is said plainly: a ToO, as if a file had been dropped for it; a candidate like
any other; or one to watch, which is one with a comment and never a higher base score.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.errors import InputError
from aas2rto.sources.files import alert_files, cells, starlist, tables, text_tables
from aas2rto.sources.files.alert_files import Format
from aas2rto.sources.files.sheet import Sheet
from aas2rto.sources.files.spellings import COLUMNS, name_of
from aas2rto.sources.too import BASE_SCORE, LIFETIME
from aas2rto.sources.too_file import READERS
from aas2rto.tables.report import Outcome, Report, split
from aas2rto.text.words import counted, one_line

NAME = "targets"

SPELLINGS: dict[str, tuple[str, ...]] = {
    "name": (
        *(n for n in COLUMNS["id"] if n != "id"),
        "familiar_name",
        "pane",
        "designation",
        "main_id",
        "id",
    ),
    "ra": (*COLUMNS["ra"], "right_ascension_j2000"),
    "dec": (*COLUMNS["dec"], "declination_j2000"),
    "place": COLUMNS["place"],
    "magnitude": (
        *COLUMNS["mag"],
        "vmag",
        "discoverymag",
        "discovery_mag_flux",
        "alertmag",
        "discovery_mag",
        "latest_mag",
        "disc_mag",
        "peak_mag",
    ),
    "priority": ("priority", "prio"),
    "comment": ("comment", "comments", "remarks", "note", "notes", "description"),
    "redshift": COLUMNS["redshift"],
    "base_score": ("base_score", "basescore"),
    "parallax": ("parallax", "plx", "plx_value"),
    "parallax_err": ("parallax_err", "parallax_error", "e_parallax", "e_plx", "plx_error"),
    "distance": ("distance", "dist", "distance_pc", "dist_pc", "r_est", "rgeo", "r_med_geo"),
    "distance_err": ("distance_err", "distance_error", "e_distance", "e_dist", "distance_pc_err"),
    "source_class": (
        "source_class",
        "host_class",
        "object_class",
        "objclass",
        "simbad_type",
        "otype",
        "main_type",
        "class",
    ),
    "equinox": ("equinox",),
    "prefix": ("name_prefix",),
}
"""Columns of a list of targets: our name -> names as :mod:`aas2rto.sources.files.spellings`
writes them; the first that is there is read."""

MOST = 100_000
"""Rows of a list; more are a catalogue, which belongs into the archive."""


FAR = ("parallax", "parallax_err", "distance", "distance_err")
"""How far away a star is: parallax and its error [mas], distance and its error [pc]. Facts of these
names, which `seti_ellipsoid` and `seto` read."""


CLASS = "source_class"
"""What a source is: star, galaxy or agn, which the factor `change` reads. A fact of this name; any
other words are not known, and say nothing."""

CLASSES: dict[str, tuple[str, ...]] = {
    "star": (
        "star",
        "*",
        "wd",
        "wd*",
        "white dwarf",
        "v*",
        "cv",
        "cv*",
        "em*",
        "rr*",
        "lp*",
        "pm*",
    ),
    "galaxy": ("galaxy", "gal", "g", "gig", "gip", "gic", "bcg", "emission-line galaxy", "emg"),
    "agn": (
        "agn",
        "qso",
        "quasar",
        "seyfert",
        "sy",
        "sy1",
        "sy2",
        "syg",
        "bla",
        "blazar",
        "bll",
        "bl lac",
        "lin",
        "liner",
        "rg",
    ),
}
"""Words of people, and SIMBAD's short types, Loup et al. (2020); case does not matter."""


class As(StrEnum):
    """What targets become."""

    TOO = "too"
    WATCH = "watch"
    CANDIDATES = "candidates"


@dataclass(frozen=True)
class Wanted:
    """One target that can be taken.

    Parameters
    ----------
    row : int
        Row of the table or line of the star list, from 1.
    name : str
    ra, dec : float
        ICRS [deg].
    magnitude, redshift, base_score : float or None
    priority, comment : str
    far : mapping
        Those of `FAR` that the list says.
    source_class : str
        One of `CLASSES`; empty if that is not known.
    """

    row: int
    name: str
    ra: float
    dec: float
    magnitude: float | None = None
    redshift: float | None = None
    base_score: float | None = None
    priority: str = ""
    comment: str = ""
    far: Mapping[str, float] = field(default_factory=dict)
    source_class: str = ""


@dataclass(frozen=True)
class Refused:
    """A row that cannot be taken: where, who, why."""

    row: int
    name: str
    why: str

    def __str__(self) -> str:
        who = f" ({one_line(self.name, 40)})" if self.name else ""
        return f"row {self.row}{who}: {self.why}"


@dataclass(frozen=True)
class Targets:
    """What a file holds.

    Parameters
    ----------
    kind : str
        ``table`` or ``star list``.
    wanted : list of Wanted
    refused : list of Refused
    """

    kind: str
    wanted: list[Wanted]
    refused: list[Refused]


def read(path: Path) -> Targets:
    """Read a list of targets.

    Parameters
    ----------
    path : Path
        A table with a header, in any format that the archive reads, or a star list.

    Raises
    ------
    InputError
        If the file cannot be read, or holds no target at all.
    """
    try:
        kind, found = "table", _from_table(path)
        if found is None:
            kind, found = "star list", _from_starlist(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(path)) else f"{path}: {text}") from error
    wanted, refused = _checked(found or [])
    if not wanted and not refused:
        raise InputError(
            f"{path}: holds no target: neither a table with name, ra and dec, nor a star list"
        )
    return Targets(kind, wanted, refused)


def _from_table(path: Path) -> list[tuple[int, dict[str, str], str]] | None:
    """Return the rows of a table; None for text that is none."""
    is_text = alert_files.format_of(path) is Format.TEXT
    try:
        sheet = tables.read(path)
    except InputError:
        if is_text:
            return None
        raise
    given: dict[str, str] = {}
    for raw in map(str, sheet.frame.columns):
        given.setdefault(name_of(raw).plain, raw)
    columns = {
        ours: given[n]
        for ours, names in SPELLINGS.items()
        for n in [next((n for n in names if n in given), None)]
        if n
    }
    has_place = {"ra", "dec"} <= set(columns) or "place" in columns
    if not has_place or "name" not in columns:
        if is_text:
            return None
        raise InputError(
            f"{path}: is no list of targets: it needs a name, ra and dec; its columns "
            f"are {', '.join(sheet.all_names[:20])}"
        )
    if len(sheet.frame) > MOST:
        raise InputError(
            f"{path}: has {len(sheet.frame)} rows; more than {MOST} are a catalogue: "
            "read it as an archive"
        )
    return list(_rows(sheet, columns))


def _rows(sheet: Sheet, columns: Mapping[str, str]) -> Iterator[tuple[int, dict[str, str], str]]:
    table = pd.DataFrame({ours: _texts(sheet.frame[raw], ours) for ours, raw in columns.items()})
    if "place" in table and not {"ra", "dec"} <= set(table.columns):
        table["ra"], table["dec"] = cells.place_parts(table["place"])
    for ours, is_ra in (("ra", True), ("dec", False)):
        raw = columns.get(ours)
        if raw is not None:
            unit = sheet.units.get(raw, "") or name_of(raw).unit
            values, bad = cells.angles(sheet.frame[raw], is_ra=is_ra, unit=unit)
            known = np.isfinite(values) & ~bad
            table[ours] = np.where(known, [repr(float(v)) for v in values], table[ours])
    for number, row in enumerate(table.to_dict("records"), start=1):
        texts = {str(key): str(value).strip() for key, value in row.items() if value}
        prefix = texts.pop("prefix", "")
        if prefix and "name" in texts and not texts["name"].startswith(prefix):
            texts["name"] = f"{prefix} {texts['name']}"
        equinox = texts.pop("equinox", "").lstrip("Jj")
        wrong = (
            ""
            if equinox in {"", "2000", "2000.0"}
            else (f"is of the equinox {equinox}; give positions in ICRS (J2000)")
        )
        yield number, texts, wrong


def _texts(column: pd.Series, ours: str) -> cells.Texts:
    """Return cells as texts: names with all their digits, positions as they stand."""
    if ours == "name":
        return cells.identifiers(column)
    if ours in {"ra", "dec", "place"}:
        return np.array(cells.by_unique(column, str.strip), dtype=object)
    return cells.texts(column)


def _from_starlist(path: Path) -> list[tuple[int, dict[str, str], str]]:
    text = text_tables.decode(path.read_bytes())
    return [(line.number, line.values, line.wrong) for line in starlist.read(text)]


def _checked(
    rows: Sequence[tuple[int, dict[str, str], str]],
) -> tuple[list[Wanted], list[Refused]]:
    wanted: list[Wanted] = []
    refused: list[Refused] = []
    seen: dict[str, int] = {}
    for number, texts, wrong in rows:
        name = one_line(texts.get("name", ""), 80)
        why = wrong or ("has no name" if not name else "")
        if name.lower() in seen and not why:
            why = f"has the name of row {seen[name.lower()]}; names must differ"
        try:
            one = None if why else _wanted(number, texts)
        except ValueError as error:
            one, why = None, str(error)
        if one is None:
            refused.append(Refused(number, name, why))
            continue
        seen[one.name.lower()] = number
        wanted.append(one)
    return wanted, refused


def _wanted(number: int, texts: Mapping[str, str]) -> Wanted:
    """Check one target by the rules of a ToO file.

    Raises
    ------
    ValueError
        Says which entry is wrong, and why.
    """
    values: dict[str, Any] = {}
    for key in ("name", "ra", "dec"):
        try:
            values[key] = READERS[key](texts.get(key, ""))
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from error
    for key in ("magnitude", "redshift", "base_score"):
        values[key] = _optional(key, texts.get(key, ""))
    for key in ("priority", "comment"):
        values[key] = one_line(texts.get(key, ""), 200)
    return Wanted(number, **values, far=_far(texts), source_class=_class(texts.get(CLASS, "")))


def _class(text: str) -> str:
    """Return which of `CLASSES` a word names; empty for none, or for a doubt such as ``AGN?``."""
    word = text.strip().lower()
    return next((name for name, words in CLASSES.items() if word in words), "")


def _far(texts: Mapping[str, str]) -> dict[str, float]:
    """Return how far away a target is said to be; sentinels and words count as missing."""
    found = {}
    for key in FAR:
        value = float(cells.numbers(pd.Series([texts.get(key, "")], dtype=object)).values[0])
        # A parallax may come out negative; everything else that is not positive is a sentinel.
        if math.isfinite(value) and (value > 0 or key == "parallax"):
            found[key] = value
    return found


def _optional(key: str, text: str) -> float | None:
    """Return a number that may be missing; sentinels and words count as missing."""
    value = float(cells.numbers(pd.Series([text], dtype=object)).values[0])
    if not math.isfinite(value):
        return None
    try:
        return float(READERS[key](repr(value)))
    except ValueError:
        return None


def report(targets: Sequence[Wanted], kind: As, now: float, *, base_score: float) -> Report:
    """Build what goes through the store's intake, as a ToO file does.

    Parameters
    ----------
    targets : sequence of Wanted
    kind : As
        ``too``: above everything else for a week, as a ToO file; its own ``base_score`` counts.
        ``candidates``: like those of a broker; factors judge them, the config's base score holds.
        ``watch``: the same with a comment, and with its own base score only if that is lower
        than the config's, so that being watched never lifts a target above others.
    now : float
        [d, MJD UTC]
    base_score : float
        The config's ``score.base``.
    """
    rows = [
        {
            "object_id": one.name,
            "ra": one.ra,
            "dec": one.dec,
            "known_at": now,
            "survey": "too" if kind is As.TOO else "user",
            **({"too": True} if kind is As.TOO else {}),
            "comment": _comment(one, kind),
            "magnitude": _or_nan(one.magnitude),
            "redshift": _or_nan(one.redshift),
            "redshift_source": "" if one.redshift is None else "target list",
            "base_score": _base_score(one, kind, base_score),
            **one.far,
            CLASS: one.source_class,
            "valid_until": now + LIFETIME if kind is As.TOO else math.nan,
        }
        for one in targets
    ]
    outcome = Outcome.DATA if rows else Outcome.EMPTY
    objects, facts = split(rows)
    return Report(NAME, outcome, objects, facts=facts)


def _comment(one: Wanted, kind: As) -> str:
    parts = [f"priority {one.priority}" if one.priority else "", one.comment]
    told = "; ".join(part for part in parts if part)
    return ": ".join(part for part in ("watch", told) if part) if kind is As.WATCH else told


def _base_score(one: Wanted, kind: As, base_score: float) -> float:
    if kind is As.TOO:
        return BASE_SCORE if one.base_score is None else one.base_score
    if kind is As.CANDIDATES:
        return math.nan
    return base_score if one.base_score is None else min(one.base_score, base_score)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def summary(found: Targets, kind: As) -> str:
    """Say in one line what was taken."""
    what = {
        As.TOO: "as targets of opportunity",
        As.WATCH: "to watch",
        As.CANDIDATES: "as candidates",
    }[kind]
    refused = f", {counted(len(found.refused), 'row')} refused" if found.refused else ""
    return f"{counted(len(found.wanted), 'target')} of a {found.kind} {what}{refused}"
