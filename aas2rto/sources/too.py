"""The ToO source: a folder into which people drop text files with a name and a position.

People are the service here. A file is taken when it is complete and right; it moves to
``accepted/`` after the store has it. One with mistakes stays, with a note of all of them beside
it. One that is still being written is left for the next cycle.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from aas2rto.errors import InputError
from aas2rto.parts.path_setting import OwnFolder
from aas2rto.sources import source, too_file
from aas2rto.sources.too_file import Mistake, Target
from aas2rto.tables.report import Outcome, PollRequest, Report, failed, split
from aas2rto.text.files import short
from aas2rto.text.words import counted
from aas2rto.units import Day

log = logging.getLogger(__name__)

NAME = "too"

SUFFIXES = frozenset({".txt", ".yaml", ".yml"})
ERROR_SUFFIX = ".error.txt"
ACCEPTED = "accepted"

LOOKS_APART = 0.3
"""[s] between two looks at a file; one that grows in between is being written."""

YOUNG = 10.0
"""[s] for which a file that is not right yet may be one that somebody is still typing."""

BASE_SCORE = 1000.0
"""A&A 698, A153, Sect. 2.3: with 1 < x_flux < 100 and 1 < x_colour < 10, no other product of
factors reaches 1000, so that a ToO is at the top."""

LIFETIME = 7.0
"""[day] A choice: afterglows and kilonovae fade within days, and who still wants a supernova's
spectrum after a week can say so."""

_HEADER = "cannot be taken"

Version = tuple[int, int, int]


@dataclass(frozen=True)
class _Taken:
    """A file that is right, as it was when it was read."""

    path: Path
    version: Version
    target: Target


@source(NAME)
class TooFolder:
    """Targets of opportunity from text files in a folder.

    Parameters
    ----------
    folder : str
        Where the files are dropped; made if only it itself is missing.
    base_score : float
        For files that do not give one; 1000 puts them at the top (the paper, Sect. 2.3).
    lifetime : float or None
        For files without ``valid_until``: how long after the cycle that takes it a target is
        wanted [day], up to a century; None: for ever.
    """

    asks_by_object = False

    def __init__(
        self,
        *,
        folder: OwnFolder = "too_targets",
        base_score: float = BASE_SCORE,
        lifetime: Annotated[Day, Field(gt=0, le=36525)] | None = LIFETIME,
    ) -> None:
        self.folder = Path(folder).expanduser()
        self.base_score = base_score
        self.lifetime = lifetime

    def poll(self, request: PollRequest) -> Report:
        """Take the files that are complete, and say what is wrong with the others."""
        try:
            self.folder.mkdir(exist_ok=True)
            waiting = _settled(pending(self.folder))
        except OSError as error:
            return failed(
                NAME,
                f"the folder {self.folder} cannot be used ({error.strerror}); make "
                "it, or correct 'folder' in the config",
            )
        taken: list[_Taken] = []
        problems = _strangers(self.folder)
        for path, version in waiting.items():
            problems += self._take(path, version, request.now, taken)
        _remove_orphans(self.folder)
        outcome = Outcome.DATA if taken else Outcome.EMPTY
        objects, facts = split(self._said(one.target, request.now) for one in taken)
        return Report(
            NAME,
            outcome,
            objects,
            facts=facts,
            problems=tuple(problems),
            acknowledge=lambda: _accept(self.folder, taken),
        )

    def probe(self) -> str:
        """Say how many files wait."""
        n = len(pending(self.folder))
        return f"{counted(n, 'file')} waiting in {self.folder}"

    def _take(self, path: Path, version: Version, now: float, taken: list[_Taken]) -> list[str]:
        """Read one file into `taken`, or write down its mistakes."""
        try:
            target, mistakes = read(path, now=now)
            if _version(path) != version:
                return []
        except FileNotFoundError:
            return []
        except OSError as error:
            return [f"{path}: cannot be read ({error.strerror}); check its permissions"]
        if target is not None:
            mistakes = _same_name(target, taken)
        if target is None or mistakes:
            return [] if _is_young(version) else [_explain(path, mistakes)]
        with contextlib.suppress(OSError):
            _error_file(path).unlink()
        taken.append(_Taken(path, version, target))
        return []

    def _said(self, target: Target, now: float) -> dict[str, Any]:
        """Return all that a file says; one without an end takes back that of an earlier file."""
        said = {key: value for key, value in vars(target).items() if value is not None}
        urgent = said.pop("urgent")
        return {
            "object_id": said.pop("name"),
            "survey": NAME,
            "too_urgent": urgent or None,
            "known_at": now,
            "too": True,
            "redshift_source": "ToO file",
            "base_score": self.base_score,
            "valid_until": None if self.lifetime is None else now + self.lifetime,
            **said,
        }


def pending(folder: Path | str) -> list[Path]:
    """Return the files of a folder that wait to be taken, sorted by name."""
    place = Path(folder)
    if not place.is_dir():
        return []
    return [path for path in sorted(place.iterdir()) if path.is_file() and _is_offered(path)]


def accepted(folder: Path | str) -> list[Path]:
    """Return the files that were taken, sorted by name."""
    place = Path(folder) / ACCEPTED
    return sorted(path for path in place.iterdir() if path.is_file()) if place.is_dir() else []


def read(path: Path, *, now: float | None = None) -> tuple[Target | None, list[Mistake]]:
    """Read a ToO file.

    Parameters
    ----------
    path : Path
    now : float, optional
        MJD (UTC); a target that is no longer valid then is a mistake.

    Returns
    -------
    target : Target or None
        None if there are mistakes.
    mistakes : list of Mistake

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(too_file.MAX_BYTES + 1)
    text, mistakes = too_file.decode(content)
    return (None, mistakes) if mistakes else too_file.parse(text, now=now)


def validity(target: Target) -> str:
    """Say until when a target is wanted, as far as its file tells.

    Examples
    --------
    >>> validity(Target("SN2026abc", 150.0, 2.0, valid_until=61119.5))
    'until 2026-03-20 12:00 UTC'
    """
    if target.valid_until is None:
        return f"for the config's lifetime after it is taken (default {LIFETIME:g} d)"
    moment = too_file.MJD_EPOCH + dt.timedelta(minutes=round(target.valid_until * 1440))
    return f"until {moment:%Y-%m-%d %H:%M} UTC"


def template() -> str:
    """Return a complete, commented ToO file."""
    return (
        "# A target of opportunity. Change the values and drop this file into the ToO folder.\n"
        "# The first three lines are needed; the others may be deleted.\n"
        "name: SN2026abc\n"
        "ra: 10:20:30.5              # hours, minutes, seconds; or degrees: 155.127\n"
        "dec: -05:15:20.0            # degrees, minutes, seconds; or degrees: -5.2556\n"
        "# base_score: 1000          # 1000 puts it above everything that is no ToO\n"
        "# comment: spectrum wanted within 3 days\n"
        "# valid_until: 2026-12-24   # to the end of that day; or 2026-12-24T06:00 (UTC); or MJD\n"
        "#                           # without it: for the config's lifetime, 7 days by default\n"
        "# redshift: 0.05\n"
        "# magnitude: 17.5\n"
        "# urgent: yes               # plans take the first moment, however low it stands\n"
    )


def write(folder: Path | str, values: Mapping[str, str]) -> Path:
    """Check a target and write its file.

    Parameters
    ----------
    folder : Path or str
        Made if it is not there.
    values : mapping
        Texts by key: ``name, ra, dec`` and any of the others of a ToO file.

    Returns
    -------
    Path
        The new file.

    Raises
    ------
    InputError
        With all mistakes, or if a file of this name waits already.
    """
    text = too_file.write(values)
    target, mistakes = too_file.parse(text)
    unknown = [f"there is no key {key!r}" for key in values if key not in too_file.EXAMPLES]
    if target is None or unknown:
        # Nobody sees the lines of a file that is not there: name keys only.
        reasons = [*unknown, *(mistake.what for mistake in mistakes)]
        raise InputError("the target cannot be written: " + "; ".join(reasons))
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^\w.+-]+", "_", target.name).strip("._") or "target"
    path = place / short(stem, ".txt")
    if path.exists():
        raise InputError(f"{path} is there already; delete it or choose another name")
    _write_whole(path, text)
    return path


def _is_offered(path: Path) -> bool:
    """Say whether a file's name is that of a ToO file, and not of a note or an editor's copy."""
    name = path.name
    return (
        path.suffix.lower() in SUFFIXES
        and not name.startswith((".", "#"))
        and not name.lower().endswith(ERROR_SUFFIX)
        and path.stem.lower() != "readme"
    )


def _strangers(folder: Path) -> list[str]:
    """Name the files that were perhaps meant as targets, but are not called so."""
    quiet = (".md", ".off", ".part", ".tmp", ".swp", ".swo", ".bak", "~", ".crdownload")
    return [
        f"{path}: is not read, because its name does not end in .txt, .yaml or .yml"
        for path in sorted(folder.iterdir())
        if path.is_file()
        and path.suffix.lower() not in SUFFIXES
        and not path.name.startswith((".", "#"))
        and not path.name.lower().endswith(quiet)
    ]


def _version(path: Path) -> Version:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def _look(paths: list[Path]) -> dict[Path, Version]:
    found = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            found[path] = _version(path)
    return found


def _settled(paths: list[Path]) -> dict[Path, Version]:
    """Return the files that nobody is writing: unchanged between two looks, and not open."""
    if not paths:
        return {}
    first = _look(paths)
    time.sleep(LOOKS_APART)
    open_files = _open_for_writing()
    return {
        path: version
        for path, version in _look(paths).items()
        if first.get(path) == version and version[2] not in open_files
    }


def _open_for_writing(processes: Path = Path("/proc")) -> set[int]:
    """Return inodes of files that a process of ours has open for writing (Linux; else empty)."""
    if not sys.platform.startswith("linux"):
        return set()
    found = set()
    for info in processes.glob("[0-9]*/fdinfo/*"):
        # Processes end, and those of others cannot be looked into.
        with contextlib.suppress(OSError, ValueError):
            flags = re.search(r"flags:\s*([0-7]+)", info.read_text())
            if flags and int(flags.group(1), 8) & (os.O_WRONLY | os.O_RDWR):
                found.add((info.parent.parent / "fd" / info.name).stat().st_ino)
    return found


def _is_young(version: Version) -> bool:
    """Say whether a file was saved a moment ago.

    The one place that compares a file's time with the wall clock: whether a person is still
    typing has nothing to do with the `now` of a cycle, which may be a night years ago. Only
    how soon a mistake is reported depends on it, never what is ranked.
    """
    age = time.time() - version[1] / 1e9
    return 0 <= age < YOUNG


def _same_name(target: Target, taken: list[_Taken]) -> list[Mistake]:
    twins = [one.path.name for one in taken if one.target.name.lower() == target.name.lower()]
    if not twins:
        return []
    what = (
        f"name: {target.name!r} stands in {twins[0]}, too; rename one of them, or delete one file"
    )
    return [Mistake(0, what)]


def _error_file(path: Path) -> Path:
    return path.with_name(short(path.name, ERROR_SUFFIX))


def _explain(path: Path, mistakes: list[Mistake]) -> str:
    """Write a file's mistakes beside it, if they are not there yet; return them as one line."""
    note, text = _error_file(path), too_file.error_text(path.name, mistakes)
    line = f"{path}: {'; '.join(map(str, mistakes))}"
    try:
        if not note.exists() or note.read_text(encoding="utf-8") != text:
            _write_whole(note, text)
    except (OSError, UnicodeDecodeError) as error:
        return f"{line} ({note.name} could not be written: {error})"
    return f"{line} (see {note.name})"


def _write_whole(path: Path, text: str) -> None:
    """Write beside and rename over, so that nobody ever reads half a file."""
    draft = path.with_name(short(f".{path.name}", ".tmp"))
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _remove_orphans(folder: Path) -> None:
    """Remove our notes about files that are gone."""
    for note in folder.glob(f"*{ERROR_SUFFIX}"):
        with contextlib.suppress(OSError, UnicodeDecodeError, ValueError):
            name, said, _ = note.read_text(encoding="utf-8").partition(f" {_HEADER}")
            if said and not note.with_name(name).exists():
                note.unlink()


def _accept(folder: Path, taken: list[_Taken]) -> None:
    """Move files that the store now has; one that was changed meanwhile is read again instead."""
    for one in taken:
        try:
            if _version(one.path) != one.version:
                continue
            (folder / ACCEPTED).mkdir(exist_ok=True)
            one.path.rename(_free_name(folder / ACCEPTED / one.path.name))
        except FileNotFoundError:
            continue
        except OSError as error:
            # It stays, and is taken again: the same target by the same name, so nothing doubles.
            log.warning("%s could not be moved to %s: %s", one.path, ACCEPTED, error)


def _free_name(path: Path) -> Path:
    """Return `path`, or with a number if a file is there: what was accepted is never lost."""
    number = 2
    free = path
    while free.exists():
        free = path.with_name(short(path.stem, f"-{number}{path.suffix}"))
        number += 1
    return free
