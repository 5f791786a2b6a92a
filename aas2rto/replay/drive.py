"""The loop's own cycle, with `now` moving over nights of the past."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from astropy.time import Time

from aas2rto import __version__
from aas2rto.factors import Decision
from aas2rto.loop import run_cycle
from aas2rto.outputs import lists
from aas2rto.outputs.files import provenance
from aas2rto.replay import tables
from aas2rto.replay.checkpoint import PARTS, Checkpoint
from aas2rto.replay.execute import Capacity, Weather, execute
from aas2rto.replay.feed import Feed
from aas2rto.steps.cycle import Cycle, Parts
from aas2rto.steps.fit_memory import Remembering, SharedFits
from aas2rto.store import Store, recorded

SAVE_EVERY = 60.0
"""Seconds between two checkpoints."""

ROWS = 100_000
"""Rows of a group in a table: what is read at once."""

Progress = Callable[[int, int, Cycle | None], None]
"""Told how many nights are done, of how many, and the last cycle."""


@dataclass(frozen=True)
class Course:
    """What is to be replayed.

    Parameters
    ----------
    first, last : float
        The first cycle, and the end [d, MJD UTC].
    every : float
        From cycle to cycle [d].
    capacity : mapping
        What each observatory observes in a night; with none, nothing is observed.
    weather : Weather
    keep_lists : bool
        Write each night's lists.
    """

    first: float
    last: float
    every: float = 1.0
    capacity: Mapping[str, Capacity] = field(default_factory=dict)
    weather: Weather = field(default_factory=Weather)
    keep_lists: bool = False

    def times(self) -> list[float]:
        """Return `now` of each cycle [d, MJD UTC]."""
        n = int(np.floor((self.last - self.first) / self.every + 1e-9)) + 1
        return [self.first + k * self.every for k in range(n)]

    def told(self) -> dict[str, Any]:
        """Return it for provenance."""
        return {
            "from": self.first,
            "to": self.last,
            "every_days": self.every,
            "capacity": {
                name: {"hours": one.hours, "spectra": one.spectra}
                for name, one in self.capacity.items()
            },
            "weather": {"seed": self.weather.seed, "clear": self.weather.clear},
            "keep_lists": self.keep_lists,
        }


def replay(
    parts: Parts,
    feed: Feed,
    course: Course,
    folder: Path,
    *,
    on_night: Progress = lambda *_: None,
    stopping: Callable[[], bool] = lambda: False,
    anew: bool = False,
    shared: SharedFits | None = None,
) -> bool:
    """Run the cycles, and write a table of each kind.

    Parameters
    ----------
    parts : Parts
        Whose sources are not asked: `feed` tells what they said.
    feed : Feed
    course : Course
    folder : Path
        Of this run; what is there of the same run is gone on with.
    on_night : callable
        See `Progress`.
    stopping : callable
        True ends it after the night at hand; it can be gone on with.
    anew : bool
        Throw away what is there.
    shared : SharedFits, optional
        Fits of other runs over the same nights.

    Returns
    -------
    bool
        Whether it is done.

    Raises
    ------
    UsageError
        If the folder holds another replay.
    """
    quiet = replace(parts.case, messengers=())
    parts = replace(parts, case=quiet, pollers=feed.pollers())
    identity = {
        "version": __version__,
        "config": parts.case.digest,
        "archive": feed.digest(),
        "sites": [site.name for site in parts.case.observatories],
        **course.told(),
    }
    checkpoint = Checkpoint(folder, identity)
    if anew:
        checkpoint.clear()
    times = course.times()
    begin = checkpoint.done()
    if begin >= len(times):
        return True
    with Store("sqlite://") as store:
        if begin:
            checkpoint.load(store)
        elif feed.store is not None:
            recorded.remember(store, feed.store, visits=not course.capacity)
        memory = Remembering(store.fits, shared=shared)
        run = _Run(parts, store, course, folder, checkpoint, memory)
        if not run.nights(times, begin, on_night, stopping):
            return False
    parts_done = [folder / PARTS / name for name in checkpoint.parts()]
    _write_tables(folder, parts_done, identity)
    return True


class _Run:
    """A replay under way."""

    def __init__(
        self,
        parts: Parts,
        store: Store,
        course: Course,
        folder: Path,
        checkpoint: Checkpoint,
        memory: Remembering,
    ) -> None:
        self._parts, self._store, self._course, self._folder = parts, store, course, folder
        self._checkpoint = checkpoint
        self._memory = memory
        self._seen: dict[tuple[str, str], str] = {}
        last = []
        for name in checkpoint.parts():
            self._seen |= _last_fits(folder / PARTS / name / "fits.parquet")
            last.append(_read(folder / PARTS / name / "decisions.parquet"))
        self._decisions = tables.Decisions(_newest(last))
        self._rows: dict[str, list[pd.DataFrame]] = {}
        self._seconds = checkpoint.seconds()

    def nights(
        self, times: list[float], begin: int, on_night: Progress, stopping: Callable[[], bool]
    ) -> bool:
        """Run those that are left; return whether all are done."""
        saved = time.monotonic()
        for night in range(begin, len(times)):
            if stopping():
                break
            cycle = self._night(night, times[night])
            on_night(night + 1, len(times), cycle)
            ends = night + 1 == len(times)
            if ends:
                self._add({"objects": tables.objects(self._store, times[-1])})
            if ends or stopping() or time.monotonic() - saved > SAVE_EVERY:
                self._checkpoint.save(self._store, night + 1, self._rows, self._seconds)
                self._rows, saved = {}, time.monotonic()
            if ends:
                return True
        return False

    def _night(self, night: int, mjd: float) -> Cycle:
        begun = time.perf_counter()
        now = Time(mjd, format="mjd", scale="utc")
        cycle = run_cycle(
            self._parts, self._store, now, inform=self._keep_lists, memory=self._memory
        )
        judged = cycle.judged
        if judged is not None:
            found = {
                "scores": tables.scores(judged, night),
                "ranks": tables.ranks(judged, night),
                "fits": tables.fits(judged, night, self._seen),
                "decisions": self._decisions.of(judged, night),
            }
            if self._course.capacity:
                done = execute(
                    self._parts,
                    judged,
                    self._store,
                    now,
                    self._course.capacity,
                    self._course.weather,
                )
                found["plans"] = tables.dated(done.plans, judged, night)
                found["site_nights"] = tables.dated(done.site_nights, judged, night)
            self._add(found)
        seconds = time.perf_counter() - begun
        self._seconds += seconds
        self._add({"nights": tables.nights(cycle, night, seconds)})
        return cycle

    def _add(self, found: Mapping[str, pd.DataFrame]) -> None:
        for name, rows in found.items():
            self._rows.setdefault(name, []).append(rows)

    def _keep_lists(self, cycle: Cycle) -> None:
        if not self._course.keep_lists or cycle.judged is None:
            return
        when = cycle.now.utc.isot[: 10 if self._course.every >= 1 else 16].replace(":", "")
        folder = self._folder / "nights" / when
        lists.write_rankings(
            folder,
            cycle.judged.scored.rows(Decision.KEEP),
            cycle.judged.rankings,
            provenance(self._parts, cycle),
            least=self._parts.case.config.score.min_value,
        )


def _read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.exists() else pd.DataFrame()


def _last_fits(path: Path) -> dict[tuple[str, str], str]:
    rows = _read(path)
    if rows.empty:
        return {}
    return dict(
        zip(zip(rows["model"], rows["candidate_id"], strict=True), rows["digest"], strict=True)
    )


def _newest(parts: list[pd.DataFrame]) -> pd.DataFrame | None:
    full = [part for part in parts if len(part)]
    if not full:
        return None
    rows = pd.concat(full, ignore_index=True)
    last = rows.drop_duplicates("candidate_id", keep="last")
    return last[["candidate_id", "decision", "factor"]]


def _write_tables(folder: Path, parts: list[Path], identity: Mapping[str, Any]) -> None:
    """Join the parts to one file a table; the same rows however often it was killed."""
    told = {"aas2rto": json.dumps(identity)}
    for name, columns in tables.TABLES.items():
        found = [
            pq.read_table(path) for part in parts if (path := part / f"{name}.parquet").exists()
        ]
        table = pa.concat_tables([columns.empty_table(), *found], promote_options="permissive")
        part = folder / f".{name}.parquet.part"
        pq.write_table(_filled(table).replace_schema_metadata(told), part, row_group_size=ROWS)
        part.replace(folder / f"{name}.parquet")


def _filled(table: pa.Table) -> pa.Table:
    """Return a table in which numbers that are not there are NaN, as in a part of its own."""
    for place, column in enumerate(table.schema):
        if pa.types.is_floating(column.type) and table[place].null_count:
            full = pc.fill_null(table[place], float("nan"))
            table = table.set_column(place, column.name, full)
    return table
