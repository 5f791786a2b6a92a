"""One ToO file: ``key: value`` lines from an observer -> a target, or all mistakes together.

The files look like YAML, but YAML does not read them: it would take ``10:20:30`` for the number
37230, and stop at the first mistake.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aas2rto.sources.files.coordinates import declination, plain, right_ascension
from aas2rto.tables import photometry
from aas2rto.text.words import counted, in_range, nearest, out_of_range

MAX_BYTES = 65536
"""More than anybody writes about one target; a larger file was dropped by mistake."""

EXAMPLES = {
    "name": "SN2026abc",
    "ra": "10:20:30.5   (hours, minutes, seconds; or degrees: 155.127)",
    "dec": "-05:15:20.0   (degrees, minutes, seconds; or degrees: -5.2556)",
    "base_score": "1000",
    "comment": "spectrum wanted within 3 days",
    "valid_until": "2026-12-24   (or 2026-12-24T06:00 in UTC, or an MJD)",
    "redshift": "0.05",
    "magnitude": "17.5",
    "urgent": "yes   (plans take the first moment, however low; else early and well)",
}
"""All keys, each with a value that is right."""

REQUIRED = ("name", "ra", "dec")

ALIASES = {
    "right_ascension": "ra",
    "declination": "dec",
    "decl": "dec",
    "z": "redshift",
    "mag": "magnitude",
}
"""Other words for keys."""

MJD_EPOCH = dt.datetime(1858, 11, 17, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Mistake:
    """One thing to mend in a file.

    Parameters
    ----------
    line : int
        Counted from 1; 0 for what concerns the whole file.
    what : str
        What is wrong, and why.
    example : str
        A line that would be right; empty if none can be given.
    """

    line: int
    what: str
    example: str = ""

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}" if self.line else self.what


@dataclass(frozen=True)
class Target:
    """What a ToO file asks for.

    Parameters
    ----------
    name : str
    ra, dec : float
        ICRS [deg].
    base_score : float or None
        None leaves it to the config.
    comment : str
    valid_until : float or None
        [d, MJD UTC].
    redshift, magnitude : float or None
    urgent : bool
        Wanted at the first moment, however low it stands.
    """

    name: str
    ra: float
    dec: float
    base_score: float | None = None
    comment: str = ""
    valid_until: float | None = None
    redshift: float | None = None
    magnitude: float | None = None
    urgent: bool = False


@dataclass(frozen=True)
class _Entry:
    line: int
    value: str


def decode(content: bytes) -> tuple[str, list[Mistake]]:
    """Turn the bytes of a file into text; with mistakes, the text is empty."""
    if len(content) > MAX_BYTES:
        return "", [
            Mistake(
                0, f"it is larger than {MAX_BYTES // 1024} kB; a ToO file is a few lines of text"
            )
        ]
    if not content.strip(b" \t\r\n\xef\xbb\xbf"):
        return "", [
            Mistake(0, "it is empty; a ToO file has at least name, ra and dec", "name: SN2026abc")
        ]
    # Windows writes UTF-16 with a byte-order mark when asked for "Unicode".
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        what = f"the byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8 text"
        return "", [Mistake(line, what)]
    if "\x00" in text:
        return "", [Mistake(0, "it is not a text file; write plain text with an editor")]
    return text, []


def parse(text: str, *, now: float | None = None) -> tuple[Target | None, list[Mistake]]:
    """Read the text of a ToO file.

    Parameters
    ----------
    text : str
        Lines of ``key: value``; ``#`` starts a comment.
    now : float, optional
        MJD (UTC); if given, a target whose ``valid_until`` is not later is a mistake.

    Returns
    -------
    target : Target or None
        None if there are mistakes.
    mistakes : list of Mistake
        All of them, in the order of the lines.
    """
    entries, mistakes = _entries(text)
    values: dict[str, Any] = {}
    for key, entry in entries.items():
        try:
            values[key] = READERS[key](entry.value)
            if key == "valid_until":
                _check_validity(values[key], entry.value, now)
        except ValueError as error:
            mistakes.append(Mistake(entry.line, f"{key}: {error}", example(key)))
    missing = [key for key in REQUIRED if key not in entries]
    mistakes += [Mistake(0, f"{key} is missing", example(key)) for key in missing]
    if mistakes:
        return None, sorted(mistakes, key=lambda mistake: mistake.line or math.inf)
    return Target(**values), []


def example(key: str) -> str:
    """Return a line that is right for a key."""
    return f"{key}: {EXAMPLES[key]}"


def _entries(text: str) -> tuple[dict[str, _Entry], list[Mistake]]:
    """Split the lines into keys and values."""
    entries: dict[str, _Entry] = {}
    mistakes = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.strip().removeprefix("- ")  # as in a YAML list of one
        if not content or content.startswith("#") or content in ("---", "..."):
            continue
        split = re.match(r"([^:=：]*)[:=：](.*)", content)
        if not split:
            mistakes.append(
                Mistake(number, f"{_short(content)} is not 'key: value'", example("name"))
            )
            continue
        key = re.sub(r"[\s-]+", "_", plain(split.group(1)).strip("\"'").lower())
        key = ALIASES.get(key, key)
        if key not in EXAMPLES:
            mistakes.append(_unknown(number, key))
        elif key in entries:
            mistakes.append(
                Mistake(
                    number,
                    f"{key} was given in line {entries[key].line} already; delete one of them",
                )
            )
        else:
            entries[key] = _Entry(number, _value(split.group(2)))
    return entries, mistakes


def _unknown(number: int, key: str) -> Mistake:
    hint = nearest(key, EXAMPLES)
    guess = re.search(r"'(\w+)'", hint)
    keys = ", ".join(EXAMPLES)
    return Mistake(
        number,
        f"there is no key {_short(key)}{hint or f'; the keys are {keys}'}",
        example(guess.group(1)) if guess else "",
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _value(text: str) -> str:
    """Return what stands after the colon, without quotes and without a comment."""
    text = text.strip()
    quoted = re.match(r"""(["'])(.*?)\1\s*(#.*)?$""", text)
    if quoted:
        return quoted.group(2).strip()
    return "" if text.startswith("#") else re.sub(r"\s#.*$", "", text).strip()


def _name(text: str) -> str:
    text = plain(text)
    if not text:
        raise ValueError("there is no value")
    if len(text) > 80:
        raise ValueError(f"{_short(text)} is longer than 80 characters")
    if not text.isprintable():
        raise ValueError(f"{text!r} holds characters that cannot be printed")
    return text


def _number(text: str, low: float, high: float, what: str) -> float:
    try:
        value = float(plain(text)) if re.match(r"[+\-.\d]", plain(text)) else math.nan
    except ValueError:
        value = math.nan
    if math.isnan(value) or "_" in text:
        raise ValueError(f"{text!r} is not a number" if text else "there is no value")
    if not low <= value <= high:
        raise ValueError(f"{text!r} is out of range; {what} runs from {low:g} to {high:g}")
    return value


def _base_score(text: str) -> float:
    value = _number(text, 0.0, 1e12, "a base score")
    if value == 0:
        raise ValueError("'0' would make every score 0; a base score is larger than 0")
    return value


def _urgent(text: str) -> bool:
    word = plain(text).lower()
    if word not in {"yes", "no", "true", "false"}:
        raise ValueError(f"{text!r} is neither yes nor no" if text else "there is no value")
    return word in {"yes", "true"}


def _valid_until(text: str) -> float:
    """Read a time [d, MJD UTC]; a date without a time lasts until its end."""
    word = plain(text)
    if re.fullmatch(r"\d+\.?\d*", word) and len(word.partition(".")[0]) != 8:
        value = float(word)
        value = value - photometry.MJD_OF_JD if value > photometry.MJD_OF_JD else value
        if not in_range(value):
            raise ValueError(out_of_range(repr(text)))
        return value
    try:
        moment = dt.datetime.fromisoformat(word.removesuffix("UTC").strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is neither a date nor an MJD") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    # A day is added to the number, for the calendar of dates ends with the year 9999.
    value = (moment - MJD_EPOCH) / dt.timedelta(days=1) + (1.0 if len(word) <= 10 else 0.0)
    if not in_range(value):
        raise ValueError(f"{out_of_range(repr(text))}; leave the line out for a target without end")
    return value


def _check_validity(valid_until: float, text: str, now: float | None) -> None:
    if now is not None and valid_until <= now:
        raise ValueError(f"{text!r} is in the past; write a later time, or delete the line or file")


READERS: Mapping[str, Callable[[str], Any]] = {
    "name": _name,
    "ra": right_ascension,
    "dec": declination,
    "base_score": _base_score,
    "comment": str,
    "valid_until": _valid_until,
    "redshift": lambda text: _number(text, 0.0, 20.0, "a redshift"),
    "magnitude": lambda text: _number(text, -30.0, 40.0, "a magnitude"),
    "urgent": _urgent,
}
"""How the value of each key is read; all raise ValueError."""


def write(values: Mapping[str, str]) -> str:
    """Return the text of a ToO file.

    Parameters
    ----------
    values : mapping
        Texts by key; those after the first three keys may be missing.
    """
    return "".join(f"{key}: {_quoted(str(values[key]))}\n" for key in EXAMPLES if key in values)


def _quoted(value: str) -> str:
    """Quote a value that would be read differently without quotes."""
    value = " ".join(value.split())
    if _value(value) == value:
        return value
    mark = "'" if '"' in value else '"'
    return f"{mark}{value.replace(mark, '`')}{mark}"


def error_text(file_name: str, mistakes: list[Mistake]) -> str:
    """Return what an observer finds beside a file that cannot be taken."""
    count = counted(len(mistakes), "mistake")
    lines = [f"{file_name} cannot be taken: {count}", ""]
    for mistake in mistakes:
        lines.append(str(mistake))
        if mistake.example:
            lines.append(f"    for example   {mistake.example}")
    lines += [
        "",
        "Mend the file and save it; the next cycle reads it again and removes this note.",
        "README.md in this folder describes the format.",
    ]
    return "\n".join(lines) + "\n"
