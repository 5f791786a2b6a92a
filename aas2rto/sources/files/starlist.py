"""Star lists of telescopes: one target a line, a name, a position, and what else there is room for.

Keck, Lick, Palomar, ING, ESO, Las Campanas, MMT, Blanco, ACP, Lowell and DS9 regions differ in
columns and comment marks, but a line has one position only, and that is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from aas2rto.sources.files.coordinates import plain

_SIXTY = (
    r"(?P<ra>\d{1,2}[:h\s]\s*\d{1,2}[:m\s]\s*\d{1,2}(?:\.\d*)?s?)[\s,]+"
    r"(?P<dec>[+-]?\s?\d{1,2}[:d°\s]\s*\d{1,2}[:m'\s]\s*\d{1,2}(?:\.\d*)?[s\"]?)(?=[\s,]|$)"
)
_PACKED = r"(?P<ra>\d{6}(?:\.\d*)?)\s+(?P<dec>[+-]\d{6}(?:\.\d*)?)(?=\s|$)"
_DECIMAL = r"(?P<ra>\d{1,3}\.\d+)d?[\s,]+(?P<dec>[+-]?\d{1,2}\.\d+)d?(?=[\s,]|$)"
_PLACES = [re.compile(rf"(?:^|[\s,])(?=({kind}))") for kind in (_SIXTY, _PACKED, _DECIMAL)]

_DS9 = re.compile(r"(?:point|circle|ellipse|box)\(([^,\s]+)[,\s]+([^,)\s]+)[^)]*\)", re.IGNORECASE)
_DS9_FRAMES = frozenset({"icrs", "fk5", "j2000"})
_OTHER_FRAMES = frozenset({"fk4", "b1950", "galactic", "ecliptic", "image", "physical", "linear"})

_EQUINOX = re.compile(r"^[\"']?([JB]?)(\d{4}(?:\.\d*)?)[\"']?$", re.IGNORECASE)
_KEY = re.compile(r"(\w+)=(\"[^\"]*\"|\S+)")
_COMMENT = re.compile(r"(?:^|\s)[#!;{](.*)$")

MAGNITUDE_KEYS = ("vmag", "mag", "rmag", "gmag", "magnitude", "v", "r", "g")


@dataclass(frozen=True)
class Line:
    """One target of a star list, as texts.

    Parameters
    ----------
    number : int
        Line of the file, from 1.
    values : dict
        ``name, ra, dec`` and, where they stand there, ``magnitude, priority, comment``.
    wrong : str
        Why the line cannot be taken; empty if it can.
    """

    number: int
    values: dict[str, str] = field(default_factory=dict)
    wrong: str = ""


def read(text: str) -> Iterator[Line]:
    """Yield the lines of a star list that hold a target, or should."""
    frame = "icrs"
    for number, raw in enumerate(text.splitlines(), start=1):
        line = plain(raw)
        if not line or line.startswith(("#", "!", ";", "global", "//")):
            continue
        if line.lower() in _DS9_FRAMES | _OTHER_FRAMES:
            frame = line.lower()
            continue
        region = _DS9.search(line)
        yield _of_region(number, line, region, frame) if region else _of_line(number, line)


def _of_region(number: int, line: str, region: re.Match[str], frame: str) -> Line:
    if frame in _OTHER_FRAMES:
        return Line(number, wrong=f"is in the frame {frame}; save the regions in ICRS or FK5")
    name = re.search(r"text=[{\"'](.*?)[}\"']", line)
    if not name:
        return Line(number, wrong="has no name; give the region a text={NAME}")
    values = {"name": name.group(1), "ra": region.group(1), "dec": region.group(2)}
    return Line(number, values)


def _of_line(number: int, line: str) -> Line:
    comment = _COMMENT.search(line)
    body = line[: comment.start()].rstrip() if comment else line
    place = _place(body)
    if place is None:
        return Line(
            number,
            wrong=f"has no position: {body[:40]!r}; a line is NAME HH MM SS.S +DD MM SS 2000.0",
        )
    start, ra, dec, rest = place
    tokens = rest.replace(",", " ").split()
    wrong = _equinox_error(tokens)
    values = {"name": _name(body[:start], tokens), "ra": ra, "dec": dec, **_keys(rest)}
    if not values["name"]:
        wrong = "has no name before its position"
    magnitude = _mmt_magnitude(tokens)
    if magnitude:
        values.setdefault("magnitude", magnitude)
    if comment:
        values.setdefault("comment", comment.group(1).strip(" #!*}"))
    return Line(number, {k: v for k, v in values.items() if v}, wrong)


def _place(body: str) -> tuple[int, str, str, str] | None:
    """Return where a position begins, its two texts, and what follows it.

    A name may end in numbers, as M 31 does; so the first place is taken whose hours are less
    than 24, and one with a sign before its declination is preferred.
    """
    for pattern in _PLACES:
        found = [m for m in pattern.finditer(body) if _is_possible(m["ra"], pattern)]
        signed = [m for m in found if m["dec"][0] in "+-"]
        for match in [*signed, *found][:1]:
            end = match.start(1) + len(match[1])
            ra, dec = match["ra"], match["dec"]
            if pattern is _PLACES[1]:
                ra, dec = _unpacked(ra), dec[0] + _unpacked(dec[1:])
            return match.start(1), ra, re.sub(r"^([+-])\s", r"\1", dec), body[end:].strip()
    return None


def _is_possible(ra: str, pattern: re.Pattern[str]) -> bool:
    whole = re.match(r"\d+", ra)
    if pattern is _PLACES[2]:
        return float(ra) < 360
    return whole is not None and int(whole.group()[:2]) < 24


def _unpacked(text: str) -> str:
    return f"{text[:2]}:{text[2:4]}:{text[4:].rstrip('.')}"


def _name(before: str, tokens: list[str]) -> str:
    name = before.strip(" \t,\"'")
    # Las Campanas: a reference number stands first, and thirteen fields follow the position.
    numbered = re.match(r"^\d+\s+(\S.*)$", name)
    return numbered.group(1) if numbered and len(tokens) >= 9 else name


def _equinox_error(tokens: list[str]) -> str:
    """Say why a position is not of J2000; empty if it is, or says no equinox."""
    match = _EQUINOX.match(tokens[0]) if tokens else None
    if match is None or (match.group(1).upper() != "B" and float(match.group(2)) == 2000.0):
        return ""
    return f"is of the equinox {tokens[0]}; give positions in ICRS (J2000)"


def _keys(rest: str) -> dict[str, str]:
    found = {key.lower(): value.strip('"') for key, value in _KEY.findall(rest)}
    values = {key: found[key] for key in ("priority", "comment") if key in found}
    magnitude = next((found[key] for key in MAGNITUDE_KEYS if key in found), "")
    return {**values, "magnitude": magnitude} if magnitude else values


def _mmt_magnitude(tokens: list[str]) -> str:
    """Return the magnitude of MMT's eight fields: two motions, magnitude, type, epoch."""
    is_mmt = len(tokens) == 5 and bool(_EQUINOX.match(tokens[4])) and not _EQUINOX.match(tokens[0])
    return tokens[2] if is_mmt and re.fullmatch(r"\d+(\.\d*)?", tokens[2]) else ""
