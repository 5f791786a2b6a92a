"""The log sheet of a night: written for people to fill in, and read back as marks.

It comes back from spreadsheets: with semicolons, a byte-order mark, rows that were moved, dates in
local dress. Each line that cannot be read costs itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from astropy.time import Time

from aas2rto.errors import Aas2rtoError, InputError
from aas2rto.outputs.cells import cell, iso_minutes
from aas2rto.sky.observatory import Observatory
from aas2rto.tables.marks import Ending, Kind, ending, rows
from aas2rto.text.words import nearest, one_line

COLUMNS = (
    *("candidate_id", "name", "observatory", "night", "planned_utc"),
    *("kind", "at_utc", "by", "comment"),
)

FILL = ("kind", "at_utc", "by", "comment")
"""What people fill in; the rest says which visit is meant."""

HELP = (
    "fill in kind: observed, failed, clouded, veto, pin, snooze or comment; at_utc as 23:41 or "
    "2026-03-20T23:41 (empty: when the log is read); by: who says so",
    "a row without kind and comment is left alone; add rows for what was not planned",
    "back into the program: aas2rto mark CONFIG --from FILE",
)

_CLOCK = re.compile(r"(\d{1,2})[:h.](\d{2})(?:[:.]\d{2})?\s*(?:UTC?)?", re.IGNORECASE)

MOST_BYTES = 2_000_000
"""Of a log sheet; a longer one is something else."""


def write(targets: pd.DataFrame, site: Observatory, evening: str) -> str:
    """Return an empty log sheet.

    Parameters
    ----------
    targets : DataFrame
        From `aas2rto.outlets.gather.targets_of`.
    site : Observatory
    evening : str
        The local date on which the night begins, ISO.
    """
    lines = [*(f"# {line}" for line in HELP), ",".join(COLUMNS)]
    planned = iso_minutes(targets["start"].to_numpy(float))
    for row, start in zip(targets.to_dict("records"), planned, strict=True):
        known = (row["candidate_id"], row["name"], site.name, evening, start)
        lines.append(",".join([*map(cell, known), "", "", "", ""]))
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class Said:
    """One line that was filled in.

    Parameters
    ----------
    line : int
        Of the file, from 1.
    candidate_id : str
    rows : list of dict
        For `Marks.save` of the store; empty if they are known already.
    wrong : str
        Why it cannot be taken; empty if it can.
    """

    line: int
    candidate_id: str
    rows: list[dict[str, Any]]
    wrong: str = ""


def read(
    path: Path,
    sites: Mapping[str, Observatory],
    now: Time,
    *,
    resolve: Callable[[str], str],
    known: pd.DataFrame,
    author: str,
) -> Iterator[Said]:
    """Yield what a log sheet that was filled in says.

    Parameters
    ----------
    path : Path
    sites : mapping
        Observatories of the case, by name.
    now : Time
    resolve : callable
        From any name of a candidate to its id; raises if there is none.
    known : DataFrame
        Marks that are stored; a line that is among them is not taken twice.
    author : str
        Who said what names nobody.

    Raises
    ------
    InputError
        If the file cannot be read at all, or has no columns ``candidate_id`` and ``kind``.
    """
    for line, raw in _rows(path):
        values = {key: " ".join((raw.get(key) or "").split()) for key in COLUMNS}
        if not values["kind"] and not values["comment"]:
            continue
        try:
            yield _said(line, values, sites, now, resolve=resolve, known=known, author=author)
        except Aas2rtoError as error:
            yield Said(line, "", [], wrong=one_line(str(error), 300))


def _said(
    line: int,
    values: Mapping[str, str],
    sites: Mapping[str, Observatory],
    now: Time,
    *,
    resolve: Callable[[str], str],
    known: pd.DataFrame,
    author: str,
) -> Said:
    candidate_id = resolve(_name(values))
    kind = _kind(values["kind"] or "comment")
    site = values["observatory"]
    if site and site not in sites:
        raise InputError(f"{site!r} is no observatory of this case{nearest(site, sites)}")
    at = _moment(values, sites.get(site), now)
    ends, comment = _ends(kind, values["comment"], at)
    made = rows(
        candidate_id,
        kind,
        at,
        ends=ends,
        observatories=[site] if site else [],
        author=values["by"] or author,
        comment=comment,
    )
    since = None if values["at_utc"] else _evening(values["night"])
    return Said(line, candidate_id, [] if _is_known(made[0], known, since) else made)


def _name(values: Mapping[str, str]) -> str:
    name = values["candidate_id"] or values["name"]
    if not name:
        raise InputError("there is no candidate_id")
    return name.removeprefix("'")  # as `cell` writes what a spreadsheet would run


def _kind(text: str) -> Kind:
    word = text.strip().lower()
    kinds = [one.value for one in Kind]
    if word not in kinds:
        raise InputError(f"{text!r} is no kind{nearest(word, kinds)} (known: {', '.join(kinds)})")
    return Kind(word)


def _ends(kind: Kind, comment: str, at: Time) -> tuple[Ending, str]:
    """Read when a snooze ends from the first word of its comment: ``3d clouds``."""
    if kind is not Kind.SNOOZE:
        return Ending(), comment
    first, _, rest = comment.partition(" ")
    return ending([first] if first else [], at), rest


def _moment(values: Mapping[str, str], site: Observatory | None, now: Time) -> Time:
    """Return when a visit was: a time, or a clock in the night of the sheet."""
    text = values["at_utc"]
    if not text:
        return now
    found = _CLOCK.fullmatch(text)
    mjd = _time(text) if found is None else _of_clock(found, values["night"], site)
    if mjd is None:
        raise InputError(f"at_utc: {text!r} is no time; write 23:41 or 2026-03-20T23:41")
    if mjd > float(now.utc.mjd) + 1.0 / 1440.0:
        raise InputError(f"at_utc: {text} is still to come")
    return Time(mjd, format="mjd", scale="utc")


def _of_clock(found: re.Match[str], night: str, site: Observatory | None) -> float | None:
    """Return the time of a clock (UTC) that is nearest to the middle of a night [d, MJD]."""
    evening = _evening(night)
    hour = int(found[1]) + int(found[2]) / 60
    if evening is None or hour >= 24:
        return None
    middle = evening + 1.0 - (0.0 if site is None else site.longitude_deg / 360.0)
    return float(round(middle - hour / 24)) + hour / 24


def _evening(night: str) -> float | None:
    mjd = _time(night)
    return None if mjd is None else float(int(mjd))


def _time(text: str) -> float | None:
    try:
        return float(Time(text.strip().removesuffix("Z").replace("/", "-"), scale="utc").mjd)
    except ValueError:
        return None


def _is_known(made: Mapping[str, Any], known: pd.DataFrame, since: float | None) -> bool:
    """Tell whether a mark is stored already: at the same minute, or, without one, since dusk."""
    same = pd.Series(data=True, index=known.index)
    for name in ("candidate_id", "kind", "observatory", "author", "comment"):
        same &= known[name] == made[name]
    at = known["at"].astype(float)
    near = (at - made["at"]).abs() < 0.5 / 1440 if since is None else at >= since
    return bool((same & near).any())


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a sheet with the number of the line on which each ends."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > MOST_BYTES or b"\0" in raw:
        raise InputError(f"{path} is no log sheet: save it as CSV")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")  # as spreadsheets save it
    lines = text.splitlines()
    start = next((k for k, line in enumerate(lines) if "candidate_id" in line.lower()), None)
    if start is None:
        raise InputError(f"{path}: there is no column candidate_id; see aas2rto bundle, log.csv")
    head = lines[start]
    mark = max(",;\t", key=head.count)
    names = [one.strip().strip('"').lower() for one in head.split(mark)]
    if "kind" not in names:
        raise InputError(f"{path}:{start + 1}: there is no column kind")
    reader = csv.reader(io.StringIO("\n".join(lines[start + 1 :])), delimiter=mark)
    try:
        for cells in reader:
            if cells and not cells[0].startswith("#"):
                yield start + 1 + reader.line_num, dict(zip(names, cells, strict=False))
    except csv.Error as error:
        raise InputError(f"{path}:{start + 1 + reader.line_num}: {error}") from error
