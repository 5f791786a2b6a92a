"""The archive source: alerts and light curves from files, for replays, tests and one's own data.

It reads Avro containers of ZTF and LSST alerts (plain or Fink's), Parquet files of Fink's data
transfer, and plain tables of light curves. Files are recognised by their content.
"""

from __future__ import annotations

import glob
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from aas2rto.errors import InputError
from aas2rto.parts.path_setting import DataPath
from aas2rto.sources import source
from aas2rto.sources.files import alert_files, data_release, light_curve_table
from aas2rto.sources.files.alert_files import Format
from aas2rto.sources.files.history_columns import add_chunk
from aas2rto.sources.packets.batch import Batch, Tables
from aas2rto.sources.packets.quality import ANY, Quality
from aas2rto.tables import photometry
from aas2rto.tables.report import Outcome, PollRequest, Report, fact_table, object_table
from aas2rto.text.words import counted

NAME = "archive"

SUFFIXES = frozenset(
    {
        ".avro",
        ".parquet",
        ".pq",
        ".csv",
        ".tsv",
        ".ecsv",
        ".vot",
        ".votable",
        ".tbl",
        ".txt",
        ".dat",
        ".lc",
        ".json",
        ".xml",
        ".fits",
        ".fit",
        ".snana",
    }
)
"""Names that promise data: such a file in a folder is read, or one line says why not. Others are
read if their content is Avro or Parquet, and else passed over: a folder may hold notes."""

LINES_PER_FILE = 3
"""Problem lines that one file may cause; the rest is counted."""

SHARE_OF_DEADLINE = 0.7
"""Share of the poll's time for reading; tables still have to be built from what was read."""


@dataclass
class _Pass:
    """One poll in progress: what was read, and what becomes of the cursor."""

    request: PollRequest
    batch: Batch
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    done: dict[str, list[int]] = field(default_factory=dict)
    waiting: dict[str, list[Any]] = field(default_factory=dict)
    bad: dict[str, list[Any]] = field(default_factory=dict)
    objects: list[dict[str, Any]] = field(default_factory=list)
    facts: list[tuple[Any, ...]] = field(default_factory=list)
    tables: list[pd.DataFrame] = field(default_factory=list)
    later: dict[str, int] = field(default_factory=dict)
    postponed: int = 0


@source(NAME, annotates=("fink_", "alerce_", "lasair_", "ztf_", "lsst_"))
class Archive:
    """Alerts and light curves from files.

    Parameters
    ----------
    paths : tuple of str
        Files, folders (with all below them) and patterns such as ``nights/*.avro``.
    quality : Quality
        How real a detection of an alert must look, such as ``{reliability: 0.5}`` (LSST) or
        ``{drb: 0.65}`` (ZTF); what lies below is kept as suspect.
    """

    asks_by_object = False

    def __init__(self, *, paths: tuple[DataPath, ...], quality: Quality = ANY) -> None:
        self.paths = paths
        self.quality = quality

    def poll(self, request: PollRequest) -> Report:
        """Read what is new in the files and known by ``request.now``."""
        begun = time.monotonic()  # times this poll only; no datum depends on it
        reading = _Pass(request, Batch(NAME, request.now, quality=self.quality))
        files = [file for path in self.paths for file in _files(path, reading.problems.append)]
        for n, file in enumerate(dict.fromkeys(files)):
            late = time.monotonic() - begun > SHARE_OF_DEADLINE * request.deadline
            if n and late:
                reading.postponed += 1
                _keep(reading, str(file))
            else:
                _take(reading, file)
        return _report(reading)

    def probe(self) -> str:
        """Say how many files there are to read."""
        problems: list[str] = []
        n = sum(1 for path in self.paths for _ in _files(path, problems.append))
        return "; ".join([counted(n, "file"), *problems])


def _files(path: str, complain: Callable[[str], None]) -> Iterator[Path]:
    """Yield the files that a setting names, sorted."""
    place = _beside_truth(Path(path).expanduser())
    if place.is_dir():
        found = [file for file in sorted(place.rglob("*")) if _is_offered(file, place)]
        if not found:
            complain(f"{place}: there are no alert files or tables in this folder")
    elif place.exists():
        found = [place]
    else:
        names = glob.glob(str(place), recursive=True)  # noqa: PTH207  a pattern may be absolute
        found = [Path(name) for name in sorted(names)]
        found = [file for file in found if file.is_file()]
        if not found:
            complain(f"{place}: there is no such file or folder, nor a file of this pattern")
    yield from (file.absolute() for file in found)


def _beside_truth(place: Path) -> Path:
    """Return the archive in a folder of `aas2rto simulate`; the truth beside it is no datum."""
    inside = place / "archive"
    return inside if (place / "truth.parquet").is_file() and inside.is_dir() else place


def _is_offered(file: Path, folder: Path) -> bool:
    """Say whether a file in a folder is meant to be read."""
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    if hidden or not file.is_file():
        return False
    if file.suffix.lower() in SUFFIXES:
        return True
    try:
        return alert_files.format_of(file) in (Format.AVRO, Format.PARQUET)
    except OSError:
        return False


def _take(reading: _Pass, file: Path) -> None:
    """Read a file, unless nothing in it can be new, and remember how far it is read."""
    name, batch, what = str(file), reading.batch, "alert"
    batch.later, used = [], batch.used
    try:
        status = file.stat()
        version = [status.st_size, status.st_mtime_ns]
        after = _already_taken(reading, name, version)
        if after is None:
            return
        batch.after = after
        brought, said = _brought(reading), len(reading.problems)
        what = alert_files.guarded(file, lambda: _read(reading, file))
        if _brought(reading) == brought and len(reading.problems) > said and not batch.later:
            reading.bad[name] = [*version, reading.problems[said]]
            return
    except OSError as error:
        # Not remembered: permissions and disks are mended without changing the file.
        why = error.strerror or type(error).__name__
        reading.problems.append(f"{name}: cannot be opened ({why}); check its permissions")
        return
    except InputError as error:
        reading.problems.append(str(error))
        if batch.used == used and not batch.later:
            reading.bad[name] = [*version, str(error)]
            return
    if batch.later:
        entry = [reading.request.now, min(batch.later), len(batch.later), what]
        reading.waiting[name] = [*version, *entry]
        reading.later[what] = reading.later.get(what, 0) + len(batch.later)
    else:
        reading.done[name] = version


def _brought(reading: _Pass) -> tuple[int, int, int]:
    """Count what was read so far: alerts, objects and light curves of tables."""
    batch = reading.batch
    return batch.used + batch.solar_system, len(reading.objects), len(reading.tables)


def _already_taken(reading: _Pass, name: str, version: list[int]) -> float | None:
    """Return the time until which a file's alerts were taken; None if nothing in it is new."""
    cursor = reading.request.cursor
    if list(cursor.get("done", {}).get(name, ())) == version:
        reading.done[name] = version
        return None
    bad = list(cursor.get("bad", {}).get(name, ()))
    if bad and bad[:2] == version:
        reading.bad[name] = bad
        return None
    waiting = list(cursor.get("waiting", {}).get(name, ()))
    if not waiting or waiting[:2] != version:
        return float("-inf")
    until, first, n, what = waiting[2:]
    if reading.request.now < first:
        reading.waiting[name] = waiting
        reading.later[what] = reading.later.get(what, 0) + n
        return None
    return float(until)


def known_first(cursor: Mapping[str, Any]) -> list[float]:
    """Return when the first alert of each file becomes known of which some are later than now.

    Parameters
    ----------
    cursor : mapping
        Of an answer of this source; [d, MJD UTC].
    """
    return [float(entry[3]) for entry in cursor.get("waiting", {}).values()]


def _keep(reading: _Pass, name: str) -> None:
    """Leave a file that there is no time for as the last cursor had it."""
    for kind, entries in (
        ("done", reading.done),
        ("waiting", reading.waiting),
        ("bad", reading.bad),
    ):
        entry = reading.request.cursor.get(kind, {}).get(name)
        if entry:
            entries[name] = list(entry)


def _read(reading: _Pass, file: Path) -> str:
    """Read one file by what it is; return what it is made of."""
    kind = alert_files.format_of(file)
    if kind in alert_files.WHY_NOT:
        raise InputError(f"{file}: {alert_files.WHY_NOT[kind]}")
    if alert_files.holds_alerts(file):
        _read_alerts(reading, file)
        return "alert"
    _read_table(reading, file)
    return "measurement"


def _read_alerts(reading: _Pass, file: Path) -> None:
    try:
        for chunk in alert_files.alerts(file):
            add_chunk(chunk, reading.batch, [str(file)] * len(chunk.alerts))
    finally:
        # Damage ends the file, but not what was read of it.
        reading.problems += _shortened(file, reading.batch.problems)
        reading.batch.problems = []


def _read_table(reading: _Pass, file: Path) -> None:
    batch = reading.batch
    try:
        sheet = light_curve_table.read(file)
        data_release.refuse(sheet.all_names)
        found = light_curve_table.contents(
            sheet, name=light_curve_table.name_of_file(file), now=batch.now, after=batch.after
        )
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(file)) else f"{file}: {text}") from error
    # Not shortened: each line counts the rows of one reason.
    reading.problems += [f"{file}: {line}" for line in found.problems]
    reading.notes += [f"{file}: {line}" for line in found.notes]
    reading.objects += found.objects
    reading.facts += found.facts
    batch.later = found.later
    if not found.photometry.empty:
        reading.tables.append(found.photometry)


def _shortened(file: Path, lines: list[str]) -> list[str]:
    rest = len(lines) - LINES_PER_FILE
    return lines if rest <= 0 else [*lines[:LINES_PER_FILE], f"{file}: and {rest} more like these"]


def _report(reading: _Pass) -> Report:
    tables = reading.batch.tables()
    rows = _photometry(reading, tables)
    objects = _objects(reading, tables, rows)
    cursor = {"done": reading.done, "waiting": reading.waiting, "bad": reading.bad}
    again = sum(map(len, (tables.photometry, *reading.tables))) - len(rows)
    problems = (
        *reading.problems,
        *tables.problems,
        *_homeless(objects, rows),
    )
    notes = (*reading.notes, *_notes(reading), *_given_again(again))
    nothing_read = not (reading.done or reading.waiting)
    facts = _facts(reading, tables, objects)
    has_data = not (rows.empty and objects.empty and facts.empty)
    outcome = Outcome.DATA if has_data else Outcome.EMPTY
    error = ""
    if nothing_read and not has_data and (reading.problems or reading.bad):
        outcome, error = Outcome.FAILED, _why_nothing(reading, problems)
    newest = _newest(tables, rows)
    return Report(NAME, outcome, objects, rows, facts, cursor, newest, problems, error, notes=notes)


def _given_again(n: int) -> list[str]:
    """Count measurements that are there more than once, in one file or in several."""
    return [f"{counted(n, 'measurement')} given more than once, taken once"] if n else []


def _why_nothing(reading: _Pass, problems: tuple[str, ...]) -> str:
    reasons = [*problems, *(entry[2] for entry in reading.bad.values())]
    return f"no file could be read: {reasons[0]}"


def _notes(reading: _Pass) -> list[str]:
    notes = []
    for what, n in reading.later.items():
        one = n == 1
        notes.append(
            f"{counted(n, f'{what} is', f'{what}s are')} later than now "
            f"({_date(reading.request.now)}) and wait{'s' if one else ''}"
        )
    if reading.postponed:
        n = reading.postponed
        notes.append(
            f"time was up before {counted(n, 'file')} could be read; the next cycle goes on there"
        )
    return notes


def _date(mjd: float) -> str:
    """Write a time for people; `now` may lie where calendars end."""
    days = pd.Timedelta(days=min(max(mjd, 0.0), 2**16))
    return f"{pd.Timestamp('1858-11-17') + days:%Y-%m-%d %H:%M} UTC"


def _photometry(reading: _Pass, tables: Tables) -> pd.DataFrame:
    parts = [part for part in (tables.photometry, *reading.tables) if not part.empty]
    if not parts:
        return photometry.empty()
    rows = pd.concat([part.assign(source=NAME) for part in parts], ignore_index=True)
    return photometry.conform(
        rows.drop_duplicates(["candidate_id", "survey", "measurement_id"], ignore_index=True)
    )


def _objects(reading: _Pass, tables: Tables, rows: pd.DataFrame) -> pd.DataFrame:
    """Join the objects of alerts and of tables; one that only a list names is known now."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    times = rows.groupby("candidate_id")["known_at"].min()
    first = {str(name): float(time) for name, time in times.items()}
    surveys = _surveys(rows)
    alerts: list[dict[str, Any]] = [
        {str(key): value for key, value in row.items()} for row in tables.objects.to_dict("records")
    ]
    for row in [*alerts, *reading.objects]:
        name = row["object_id"]
        begun = row.get("known_at", math.nan)
        known_at = first.get(name, reading.request.now) if math.isnan(begun) else begun
        for survey in _surveys_of(row, surveys.get(name, ())):
            old = found.get((survey, name))
            if old is None or known_at < old["known_at"]:
                found[survey, name] = {**row, "survey": survey, "known_at": known_at}
    return object_table(found.values())


def _facts(reading: _Pass, tables: Tables, objects: pd.DataFrame) -> pd.DataFrame:
    """Join the facts of alerts and of tables; those of lists are known since the object is."""
    if not reading.facts:
        return tables.facts
    since = objects.groupby("object_id")["known_at"].min()
    told = fact_table(reading.facts)
    told["known_at"] = told["known_at"].fillna(told["object_id"].map(since))
    return pd.concat([tables.facts, told], ignore_index=True) if len(tables.facts) else told


def _surveys(rows: pd.DataFrame) -> dict[str, list[str]]:
    """Return the surveys that measured each object."""
    pairs = rows[["candidate_id", "survey"]].drop_duplicates()
    found: dict[str, list[str]] = {}
    for name, survey in zip(pairs["candidate_id"], pairs["survey"], strict=True):
        found.setdefault(name, []).append(survey)
    return found


def _surveys_of(row: Mapping[str, Any], measured: Sequence[str]) -> list[str]:
    """Return the surveys for which an object needs a row: its own, and those that measured it.

    A list of objects rarely says whose they are; their measurements do.
    """
    own = row["survey"]
    if own == light_curve_table.OTHER_SURVEY and measured:
        return list(measured)
    return list(dict.fromkeys([own, *measured]))


def _homeless(objects: pd.DataFrame, rows: pd.DataFrame) -> list[str]:
    """Name the objects that have measurements, but no position in any file of this poll."""
    placed = set(objects["object_id"]) if len(objects) else set()
    homeless = sorted(set(rows["candidate_id"].unique()) - placed)
    if not homeless:
        return []
    n = len(homeless)
    who = f"1 object ({homeless[0]}) has" if n == 1 else f"{n} objects ({homeless[0]}, ...) have"
    return [
        f"{who} "
        "measurements but no position: add columns ra and dec, or a table of objects with them; "
        "until then they count only if another source knows the object"
    ]


def _newest(tables: Tables, rows: pd.DataFrame) -> float | None:
    """Return when the newest alert or measurement was known [d, MJD UTC]."""
    times = [tables.newest_alert] if tables.newest_alert is not None else []
    if not rows.empty:
        times.append(float(rows["known_at"].max()))
    return max(times, default=None)
