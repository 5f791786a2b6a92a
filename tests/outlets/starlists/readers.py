"""Readers of each dialect, written from its own page, that share nothing with the writers.

Each takes the text of a file and returns (name, ra [deg], dec [deg], comment) of every target; it
raises ValueError where the telescope would refuse or misread a line.
"""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator

Target = tuple[str, float, float, str]


def _fail_unless(good: bool, why: str) -> None:
    if not good:
        raise ValueError(why)


def _sixty(first: str, minutes: str, seconds: str) -> float:
    """Units, minutes, seconds -> units; the sign is that of the text, so that -00 is south."""
    for part in (minutes, seconds):
        _fail_unless(0 <= float(part) < 60, f"{part} of 60")
    size = abs(int(first)) + int(minutes) / 60 + float(seconds) / 3600
    return -size if first.startswith("-") else size


def _place(ra: list[str], dec: list[str]) -> tuple[float, float]:
    hours, degrees = _sixty(*ra), _sixty(*dec)
    _fail_unless(0 <= hours < 24, f"{hours} hours")
    _fail_unless(-90 <= degrees <= 90, f"{degrees} degrees")
    return hours * 15, degrees


def _lines(text: str) -> list[str]:
    _fail_unless(text.isascii(), "not ASCII")
    _fail_unless("\r" not in text and (not text or text.endswith("\n")), "not Unix lines")
    return text.split("\n")[:-1]


def keck(text: str) -> Iterator[Target]:
    """Columns 1-15 name, from 17: 3 + 3 tokens, equinox, key=value, # comment. No tabs."""
    for line in _lines(text):
        if line.startswith("#") or not line:
            continue
        _fail_unless("\t" not in line, "tab")
        _fail_unless(line[15] == " " and line[16] != " ", "the position begins in column 17")
        body, _, comment = line[16:].partition(" # ")
        tokens = body.split()
        _fail_unless(float(tokens[6]) == 2000.0, "equinox")
        _fail_unless(all(re.fullmatch(r"\w+=\S+", one) for one in tokens[7:]), "keys")
        yield line[:15].rstrip(), *_place(tokens[:3], tokens[3:6]), comment


def lick(text: str) -> Iterator[Target]:
    first, rest = text.split("\n", 1)
    _fail_unless(
        first == "!Data {name %16} ra_h ra_m ra_s dec_d dec_m dec_s equinox keyval {comment *}",
        "first line",
    )
    yield from keck(rest)


def p200(text: str) -> Iterator[Target]:
    """All fields up to the first of the RA are the name, 20 signs at most; ``!`` comment."""
    for line in _lines(text):
        body, _, comment = line.partition("!")
        fields = body.split()
        _fail_unless(len(fields) == 8, "fields")
        _fail_unless(len(fields[0]) <= 20 and not fields[0].isdigit(), "name")
        _fail_unless(float(fields[7]) == 2000.0, "equinox")
        yield fields[0], *_place(fields[1:4], fields[4:7]), comment.strip()


def ngps(text: str) -> Iterator[Target]:
    """Take a table whose commas cannot be quoted."""
    head, *rows = _lines(text)
    names = head.split(",")
    _fail_unless(names[:3] == ["NAME", "RA", "DECL"] and len(names) == 19, "header")
    for row in rows:
        cells = row.split(",")
        _fail_unless(len(cells) == 19 and '"' not in row, "cells")
        _fail_unless(0 < len(cells[0]) <= 18, "name")
        _fail_unless(re.fullmatch(r"(SNR|SET) \d+", cells[17]) is not None, "EXPTIME")
        yield cells[0], *_place(cells[1].split(":"), cells[2].split(":")), cells[5]


def ing(text: str) -> Iterator[Target]:
    """Blanks; name to 20 signs, without regard to case; J2000; no tab; no field ends in a point."""
    for line in _lines(text):
        _fail_unless("\t" not in line and ":" not in line.partition("!")[0], "tab or colon")
        body, _, comment = line.partition(" ! ")
        fields = body.split()
        _fail_unless(len(fields) == 8 and fields[7] == "J2000", "equinox")
        _fail_unless(len(fields[0]) <= 20, "name")
        _fail_unless(not any(one.endswith(".") for one in fields[:7]), "point")
        yield fields[0], *_place(fields[1:4], fields[4:7]), comment


def eso(text: str) -> Iterator[Target]:
    """Take string, hhmmss[.sss], [+-]ddmmss[.sss], yyyy[.yy]; two motions before a comment."""
    for line in _lines(text):
        found = re.fullmatch(
            r"(\S+)\s+(\d\d)(\d\d)(\d\d(?:\.\d{1,3})?)\s+([+-]?\d\d)(\d\d)(\d\d(?:\.\d{1,3})?)\s+"
            r"2000(?:\.\d\d?)?(?:\s+\S*\d\S*\s+\S*\d\S*(?:\s+(.*))?)?",
            line,
        )
        if found is None:
            raise ValueError(line)
        name, *parts, comment = found.groups()
        yield name, *_place(list(parts[:3]), list(parts[3:])), comment or ""


def lascampanas(text: str) -> Iterator[Target]:
    """16 fields, an integer first, ``# comment`` behind them."""
    for number, line in enumerate(one for one in _lines(text) if not one.startswith("#")):
        body, _, comment = line.partition(" # ")
        fields = body.split()
        _fail_unless(len(fields) == 16 and int(fields[0]) == number + 1, "fields")
        _fail_unless(re.fullmatch(r"[A-Za-z0-9+._-]+", fields[1]) is not None, "name")
        _fail_unless(fields[4] == "2000.0", "equinox")
        yield fields[1], *_place(fields[2].split(":"), fields[3].split(":")), comment


def mmt(text: str) -> Iterator[Target]:
    """8 fields, none blank; lines with # are comments."""
    _fail_unless(text.startswith("#"), "who and when stand on top")
    said: dict[str, str] = {}
    for line in _lines(text):
        if line.startswith("#"):
            name, _, comment = line[2:].partition(": ")
            said[name] = comment
            continue
        fields = line.split()
        _fail_unless(len(fields) == 8 and fields[7] == "J2000", "fields")
        _fail_unless(len(fields[0]) <= 15, "name")
        float(fields[5])
        place = _place(fields[1].split(":"), fields[2].split(":"))
        yield fields[0], *place, said.get(fields[0], "")


def blanco(text: str) -> Iterator[Target]:
    """Fewer than 79 signs a line, less than 64 kB a file (asked elsewhere)."""
    for line in _lines(text):
        fields = line.split()
        _fail_unless(len(line) < 79 and len(fields) == 8, line)
        _fail_unless(fields[7] == "2000.0", "equinox")
        yield fields[0], *_place(fields[1:4], fields[4:7]), ""


def visplot(text: str) -> Iterator[Target]:
    """Split at blanks; airmass as a number, MOON, UTC; priority last."""
    for line in _lines(text):
        fields = line.split()
        _fail_unless(len(fields) == 11 and fields[3] == "2000", line)
        _fail_unless(float(fields[4]) > 0, "time")
        _fail_unless(re.fullmatch(r"\d\.\d+(,MOON\d+)?", fields[6]) is not None, "limits")
        _fail_unless(fields[7] in {"Monitor", "ToO", "Staff"}, "type")
        yield fields[0], *_place(fields[1].split(":"), fields[2].split(":")), fields[10]


def acp(text: str) -> Iterator[Target]:
    """Directives begin with #, comments anywhere with ;, tabs between name, RA and Dec."""
    said = ""
    for raw in _lines(text):
        line, _, comment = raw.partition(";")
        if not line:
            said = comment.partition(": ")[2]
        elif line.startswith("#"):
            _fail_unless(re.fullmatch(r"#INTERVAL \d+", line) is not None, line)
        else:
            name, ra, dec = line.split("\t")
            yield name, *_place(ra.split(":"), dec.split(":")), said
            said = ""


def nina(text: str) -> Iterator[Target]:
    """Split at every comma, digits and points only, a minus anywhere is the sign."""
    head, *rows = _lines(text)
    names = [one.strip().lower() for one in head.split(",")]
    at = [names.index(one) for one in ("pane", "ra", "dec", "position angle (east)")]
    for row in rows:
        cells = [one.strip() for one in row.split(",")]
        name, ra, dec, angle = (cells[one] for one in at)
        float(angle)
        numbers = [[float(one) for one in re.findall(r"[0-9.]+", text)] for text in (ra, dec)]
        hours, degrees = (a + b / 60 + c / 3600 for a, b, c in numbers)
        _fail_unless("-" not in ra and hours < 24, "hours")
        yield name, hours * 15, -degrees if "-" in dec else degrees, ""


def stellarium(text: str) -> Iterator[Target]:
    _fail_unless(text.isascii(), "not ASCII")
    whole = json.loads(text)
    _fail_unless(whole["version"] == "2.0", "version")
    for one in whole["observingLists"][whole["defaultListOlud"]]["objects"]:
        ra = re.fullmatch(r"(\d+)h(\d+)m([\d.]+)s", one["ra"])
        dec = re.fullmatch(r"([+-]\d+)°(\d+)'([\d.]+)\"", one["dec"])
        if ra is None or dec is None:
            raise ValueError(one)
        yield one["designation"], *_place(list(ra.groups()), list(dec.groups())), ""


def gemini(text: str) -> Iterator[Target]:
    for one in csv.DictReader(io.StringIO(text)):
        _fail_unless(None not in one, "cells")
        _fail_unless(one["Epoch"] == "J2000.000", "epoch")
        place = _place(one["RAJ2000"].split(":"), one["DECJ2000"].split(":"))
        yield one["Name"], *place, ""


def ds9(text: str) -> Iterator[Target]:
    _, frame, *regions = [line for line in _lines(text) if not line.startswith("#")]
    _fail_unless(frame == "icrs", "frame")
    for line in regions:
        found = re.fullmatch(r"point\(([\d.]+),(-?[\d.]+)\) # point=circle text=\{([^{}]*)\}", line)
        if found is None:
            raise ValueError(line)
        ra, dec = float(found[1]), float(found[2])
        _fail_unless(0 <= ra < 360 and -90 <= dec <= 90, line)
        yield found[3], ra, dec, ""


def votable(text: str) -> Iterator[Target]:
    """By the standard's elements: FIELD names the columns of TABLEDATA."""
    root = ET.fromstring(text)
    space = {"v": root.tag[1:].partition("}")[0]}
    fields = root.findall(".//v:FIELD", space)
    ucds = {one.get("ucd"): place for place, one in enumerate(fields)}
    units = {one.get("ucd"): one.get("unit") for one in fields}
    at = [ucds[one] for one in ("meta.id;meta.main", "pos.eq.ra;meta.main", "pos.eq.dec;meta.main")]
    _fail_unless(units["pos.eq.ra;meta.main"] == units["pos.eq.dec;meta.main"] == "deg", "units")
    comment = next(place for place, one in enumerate(fields) if one.get("name") == "comment")
    for row in root.findall(".//v:TR", space):
        cells = [one.text or "" for one in row.findall("v:TD", space)]
        yield cells[at[0]], float(cells[at[1]]), float(cells[at[2]]), cells[comment]


def plain_csv(text: str) -> Iterator[Target]:
    for one in csv.DictReader(io.StringIO(text)):
        _fail_unless(None not in one, "cells")
        _fail_unless(one["comment"][:1] not in {*"=+-@"} or not one["comment"], "formula")
        place = _place(one["ra_hms"].split(":"), one["dec_dms"].split(":"))
        turn = (place[0] - float(one["ra"]) + 180) % 360 - 180
        _fail_unless(abs(turn) < 1e-5 and abs(place[1] - float(one["dec"])) < 1e-5, "two places")
        yield one["name"], float(one["ra"]), float(one["dec"]), one["comment"]


READERS: dict[str, Callable[[str], Iterator[Target]]] = {
    "keck": keck,
    "lick": lick,
    "p200": p200,
    "ngps": ngps,
    "ing": ing,
    "eso": eso,
    "lascampanas": lascampanas,
    "mmt": mmt,
    "blanco": blanco,
    "visplot": visplot,
    "acp": acp,
    "nina": nina,
    "stellarium": stellarium,
    "gemini": gemini,
    "ds9": ds9,
    "votable": votable,
    "csv": plain_csv,
}
