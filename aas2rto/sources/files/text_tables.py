"""Tables of text: any separator, comments, rows of units, and the headers of known services."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from aas2rto.errors import InputError
from aas2rto.guard import attempt
from aas2rto.sources.files.sheet import Sheet
from aas2rto.sources.files.spellings import is_known
from aas2rto.sources.files.units import UNIT_WORDS
from aas2rto.text.words import counted

LONGEST_NOTE = 500
"""Of a comment that may say a position or redshift; the time to look grows with its square."""

MOST_COLUMNS = 4000
"""The widest tables of surveys have a tenth of it."""

LEAST_CELLS = 1_000_000
"""That any table may have."""

SPARE = 3
"""Cells that a row may have beyond the header, such as those after trailing commas."""

_AT = re.compile(r"^@(\w+)\s*:?\s*(.*)$")
_SALT_COLUMN = re.compile(r"^#\s*(\w+)\s*:")
_POSITION = re.compile(r"^#.*R\.?A\.?,?\s*(?:(Dec\.?))?[^=]*=\s*([-+\d.]+)(?:[\s,]+([-+\d.]+))?")
_DECLINATION = re.compile(r"^#.*\bDec\.?[^=]*=\s*([-+\d.]+)")
_HASH_KEY = re.compile(
    r"^#\s*(ra|dec|decl|redshift|z|survey|object|name)\s*[:=]\s*(\S.*?)\s*$", re.I
)
_DATE_LINE = re.compile(r"^\"?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( - \d\d:\d\d:\d\d)?\"?$")

AAVSO = "aavso"
GAIA = "gaia"


def decode(content: bytes) -> str:
    """Turn the bytes of a text file into text: UTF-8, UTF-16 with its mark, or Latin-1."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read(text: str) -> Sheet:
    """Read a table of text.

    Raises
    ------
    InputError
        If there is no table in it, without the name of the file.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if any(line.startswith("VARLIST:") for line in lines[:2000]):
        return _snana(lines)
    notes = [line for line in lines if line.startswith(("#", "@"))]
    facts = dict(_facts(notes))
    body = [line for line in lines if not line.startswith(("#", "@"))]
    if body and _DATE_LINE.match(body[0].strip()):
        body = body[1:]  # TNS's tables of all objects begin with their night
    header = _hidden_header(notes, body)
    if header:
        if len(body) > 1 and len(body[0].split()) == 1 and "," not in body[0]:
            facts.setdefault("id", body[0].strip())  # Gaia alerts: the name stands above
            body = body[1:]
        body = [header, *body]
    if not body:
        raise InputError("holds no table, only comments")
    _check_shape(body)
    frame = _parse(body)
    facts |= _survey_of(set(map(str, frame.columns)), notes)
    frame, units = _without_units(frame)
    frame, said = _without_overflow(frame)
    return Sheet(frame, units, facts, lines=tuple(said))


def _check_shape(body: Sequence[str]) -> None:
    """Refuse a table that would be far larger than its text."""
    columns = body[0].count(_mark(body[0]) or " ") + 1
    if columns > MOST_COLUMNS:
        raise InputError(f"has more than {MOST_COLUMNS} columns; it is no table of measurements")
    # Each cell takes a sign at least, its separator.
    if columns * len(body) > LEAST_CELLS + sum(map(len, body)):
        raise InputError(f"most of its rows have far fewer cells than its header ({columns})")


def _survey_of(names: set[str], notes: Sequence[str]) -> dict[str, str]:
    """Return whose table it is, by columns that nobody else has."""
    if "jd(tcb)" in {name.lower() for name in names}:
        return {"survey": GAIA, "band": "G"}
    if {"Observer Code", "Star Name"} <= names or "#TYPE=" in "".join(notes).upper():
        return {"survey": AAVSO}
    if {"Camera", "FWHM", "Filter"} <= names:
        return {"survey": "asassn"}
    return {"survey": "ztf"} if "unforced_mag" in names else {}


def _facts(notes: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield what comments and sncosmo's ``@`` lines say of the whole table."""
    for whole in notes:
        line = whole[:LONGEST_NOTE]
        at = _AT.match(line)
        if at:
            name = at.group(1).lower()
            known = {
                "z": "redshift",
                "sn": "id",
                "name": "id",
                "z_helio": "redshift",
                "decl": "dec",
                "redshift": "redshift",
                "ra": "ra",
                "dec": "dec",
            }
            if name in known:
                yield known[name], at.group(2).strip()
        elif line.startswith("#"):
            yield from _facts_of_comment(line)


def _facts_of_comment(line: str) -> Iterable[tuple[str, str]]:
    key = _HASH_KEY.match(line)
    place = _POSITION.match(line) if "R.A" in line else None
    if key:
        names = {"decl": "dec", "z": "redshift", "object": "id", "name": "id"}
        word = key.group(1).lower()
        yield names.get(word, word), key.group(2)
    elif place:
        yield "ra", place.group(2)
        if place.group(1) and place.group(3):
            yield "dec", place.group(3)
    elif _DECLINATION.match(line) and "input" in line.lower():
        yield "dec", _DECLINATION.match(line).group(1)  # type: ignore[union-attr]


def _hidden_header(notes: Sequence[str], body: Sequence[str]) -> str:
    """Return a header that stands in a comment: ``# mjd band mag``, ``###MJD ...``, ``#MJD,...``.

    It is one if as many names are in it as there are cells in the first row, at least two of
    them known, while the first row of the table is no header itself.
    """
    salt = [match.group(1) for note in notes for match in [_SALT_COLUMN.match(note)] if match]
    if salt and any(
        note.strip().lower() in {"#end", "#end:", "# end :", "#end :"} for note in notes
    ):
        return " ".join(name for name in salt if name.lower() != "end")
    first = body[0] if body else ""
    if sum(map(is_known, _split(first))) >= 2:
        return ""
    for note in reversed(notes):
        words = _split(note.lstrip("#").strip())
        if len(words) >= 3 and sum(map(is_known, words)) >= 2:
            return note.lstrip("#").strip()
    return ""


def _mark(line: str) -> str:
    """Return what stands between the columns of a header; empty for blanks."""
    counts = {mark: line.count(mark) for mark in ",;|\t"}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ""


def _split(line: str) -> list[str]:
    mark = _mark(line)
    if not mark:
        return line.split()
    return [
        cell.strip() for cell in next(csv.reader([line], delimiter=mark, skipinitialspace=True))
    ]


def _parse(body: Sequence[str]) -> pd.DataFrame:
    header, rows = body[0].strip(), body[1:]
    mark = _mark(header)
    names = _split(header)
    # ZTF's forced photometry separates its names by commas and its numbers by blanks.
    if mark and rows and not any(mark in row for row in rows[:20]):
        mark = ""
    if mark == "|" and header.startswith("|"):
        names, rows = names[1:-1], [row.strip().strip("|") for row in rows]
    elif mark and names and not names[-1]:
        names.pop()  # a comma after the last name
    unique = _unique([name.lstrip("#").strip() for name in names])
    wide = [*unique, *(f"{_OVER}{k}" for k in range(SPARE))]
    read = attempt("csv", lambda: _frame(rows, mark, wide))
    if read.value is not None:
        return read.value
    cells = [_split(row) if not mark else next(csv.reader([row], delimiter=mark)) for row in rows]
    padded = [[*row, *[""] * len(wide)][: len(wide)] for row in cells]
    return pd.DataFrame(padded, columns=wide, dtype=str)


_OVER = "cells beyond the header "


def _frame(rows: Sequence[str], mark: str, names: list[str]) -> pd.DataFrame:
    if not rows:
        return pd.DataFrame({name: pd.Series(dtype=str) for name in names})
    # As bytes: a stream of text takes four of them for each character.
    frame: pd.DataFrame = pd.read_csv(
        io.BytesIO("\n".join(rows).encode("utf-8", "replace")),
        sep=mark or r"\s+",
        dtype=str,
        keep_default_na=False,
        skipinitialspace=True,
        names=names,
        header=None,
        index_col=False,
    )
    return frame.fillna("")


def _unique(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return unique


def _without_overflow(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Take out rows with more cells than the header; empty ones, after trailing commas, go."""
    spare = [name for name in frame.columns if str(name).startswith(_OVER)]
    if not spare:
        return frame, []
    over = (frame[spare].apply(lambda column: column.str.strip()) != "").any(axis=1)
    n = int(over.sum())
    kept = frame.loc[~over].drop(columns=spare).reset_index(drop=True)
    if not n:
        return kept, []
    first = int(over.to_numpy().argmax()) + 1
    return kept, [
        f"{counted(n, 'row')} with more cells than the header left out (first: row {first}); "
        "put texts with commas in quotes"
    ]


def _without_units(frame: pd.DataFrame) -> tuple[pd.DataFrame, Mapping[str, str]]:
    """Take a first row that holds units, such as ``d, , mJy, mJy``, for what it is."""
    if frame.empty:
        return frame, {}
    first = {str(k): str(v).strip().strip("[]") for k, v in frame.iloc[0].items()}
    words = [word for word in first.values() if word and word not in {"-", "--", "none", "null"}]
    if not words or any(word.lower() not in UNIT_WORDS for word in words):
        return frame, {}
    units = {name: word for name, word in first.items() if word}
    return frame.iloc[1:].reset_index(drop=True), units


def _snana(lines: Sequence[str]) -> Sheet:
    """Read SNANA's text format: ``KEY: value`` lines, ``VARLIST:``, and ``OBS:`` rows.

    SNANA manual, Sect. "TEXT data format"; FLUXCAL has the zero point 27.5, -9 means unknown.
    """
    keys: dict[str, str] = {}
    names: list[str] = []
    rows: list[list[str]] = []
    for line in lines:
        key, _, value = line.partition(":")
        words = value.split()
        if key == "VARLIST":
            names = words
        elif key == "OBS":
            rows.append(words)
        elif words and not line.startswith("#"):
            keys.setdefault(key.strip(), words[0])
    wrong = sum(len(row) != len(names) for row in rows)
    frame = pd.DataFrame([row for row in rows if len(row) == len(names)], columns=names, dtype=str)
    if "FLUXCAL" in frame:
        # MAG there repeats FLUXCAL, by convention with a zero point of 0 or 27.5.
        frame = frame.drop(columns=[name for name in ("MAG", "MAGERR") if name in frame])
    redshift = next(
        (
            keys[k]
            for k in ("REDSHIFT_HELIO", "REDSHIFT_FINAL", "REDSHIFT_CMB")
            if float(keys.get(k, -9)) >= 0
        ),
        "",
    )
    facts = {
        "id": keys.get("SNID", ""),
        "ra": keys.get("RA", ""),
        "redshift": redshift,
        "dec": keys.get("DECL", keys.get("DEC", "")),
        "survey": keys.get("SURVEY", ""),
    }
    said = [f"{counted(wrong, 'row')} with another number of cells than VARLIST left out"]
    return Sheet(frame, {}, facts, lines=tuple(said if wrong else ()), kind="SNANA")
