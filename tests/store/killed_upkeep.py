"""Kills a process while it thins, compacts, backs up or restores, and looks at what is left.

Run by test_killed.py in a process of its own, which has one thread and may fork. Each deed is
killed before each statement of the database, or each call that it makes, one after the other;
compacting also at random instants, since SQLite shrinks a file in one statement.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, event

from aas2rto.config.sections import Retention
from aas2rto.store import Store, cache, copying, history
from aas2rto.store.standings import FIRST, LEFT, Rows, thinned
from tests.conftest import MJD, make_objects, make_photometry, make_report

NAMES = [f"c{number}" for number in range(6)]
RETENTION = Retention(all="1 day", hourly="3 day", messages="90 day")
ENDS = ("", "-wal", "-shm")

Keys = set[tuple[Any, ...]]


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def make_store(path: Path, days: int = 6) -> None:
    """Write a store with some days of cycles, six hours apart and three in each hour."""
    rng = np.random.default_rng(5)
    with Store(url(path)) as store:
        store.ingest(make_report(make_objects(NAMES, ra=np.arange(6) * 9.0)), MJD)
        for hour in range(0, days * 24, 6):
            for part in range(3):
                save(store, MJD + hour / 24.0 + part / 100.0, rng)


def save(store: Store, at: float, rng: np.random.Generator) -> None:
    listed = [name for name in NAMES if rng.random() < 0.8]
    score = rng.choice([1.0, 2.0, 4.0], len(listed))
    names = pd.DataFrame({"candidate_id": listed})
    store.save_cycle(
        at,
        scores=names.assign(score=score, decision="keep", factor=""),
        rejected=pd.DataFrame(),
        ranks=names.assign(observatory="ntt", rank=range(1, len(listed) + 1), site_score=score),
        report={"version": "1", "config": "c"},
    )


def rows_in(path: Path) -> tuple[Rows, Keys, list[str]]:
    """Return the history of a store, which must be sound, and who is in it."""
    with Store(url(path)) as store:
        with store.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            rows = history.read(connection)
        columns = (rows.list, rows.candidate, rows.at, rows.kind, rows.rank, rows.score)
        keys = set(zip(*(map(repr, values.tolist()) for values in columns), strict=True))
        assert len(keys) == len(rows), "a row stands there twice"
        assert store.results.newest_cycle() is not None
        assert len(store.results.last_scores()) > 0
        return rows, keys, store.identities.as_known(MJD + 99)["candidate_id"].tolist()


def must_stay(rows: Rows) -> int:
    """Count what no thinning takes: first rows, tombstones, and the last of each list."""
    return int(np.isin(rows.kind, [FIRST, LEFT]).sum())


# -- killing ---------------------------------------------------------------------------------------


def in_child(work: Callable[[], object], kill_after: float | None = None) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def before_each_statement(work: Callable[[], object], last: int) -> None:
    """Do something, but die before the statement, or the commit, of this number."""
    number = count(1)

    def die(*_: object) -> None:
        if next(number) > last:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", die)
    event.listen(Engine, "commit", die)
    work()


def before_each_call_in(file: str) -> Callable[[Callable[[], object], int], None]:
    """Return what does something, but dies before the call of a number that is made in a file."""

    def way(work: Callable[[], object], last: int) -> None:
        number = count(1)

        def die(frame: Any, what: str, _: object) -> None:
            here = frame.f_code.co_filename.endswith(file)
            if what in {"c_call", "call"} and here and next(number) > last:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(die)
        work()
        sys.setprofile(None)

    return way


def put(source: Path, target: Path) -> None:
    for end in ENDS:
        target.with_name(target.name + end).unlink(missing_ok=True)
    shutil.copyfile(source, target)


def instants(
    way: Callable[..., None], work: Callable[[], object], prepare: Callable[[], None]
) -> Iterator[int]:
    """Kill the work at one instant, the next time later, until it comes to its end.

    At every instant if AAS2RTO_KILLS is set, which takes minutes; else at every seventh.
    """
    for last in count(0, 1 if os.environ.get("AAS2RTO_KILLS") else 7):
        prepare()
        ended = in_child(lambda: way(work, last))  # noqa: B023
        if ended == 0:
            return
        assert os.WIFSIGNALED(ended), f"it failed by itself at instant {last}"
        yield last


# -- deeds -----------------------------------------------------------------------------------------


def prune_all(path: Path) -> None:
    with Store(url(path)) as store:
        newest = store.results.newest_cycle()
        assert newest is not None
        while store.prune(newest, RETENTION):
            pass


def thin(folder: Path) -> None:
    """Kill thinning at each statement: what is left is between the old and the thinned."""
    old, left, new = (folder / f"{name}.sqlite" for name in ("old", "left", "new"))
    make_store(old)
    rows, before, _ = rows_in(old)
    put(old, new)
    prune_all(new)
    thin_rows, after, _ = rows_in(new)
    assert after < before, "there was something to thin"
    assert must_stay(thin_rows) == must_stay(rows)
    number = 0
    for _ in instants(before_each_statement, lambda: prune_all(left), lambda: put(old, left)):
        _, found, _ = rows_in(left)
        assert after <= found <= before
        if number % 10 == 0:
            prune_all(left)
            assert rows_in(left)[1] == after, "it is taken up where it was left"
        number += 1
    assert len(thinned(rows, 1e6)) == len(rows)
    print("thin", number, flush=True)


def compact_store(path: Path) -> None:
    with Store(url(path)) as store:
        store.compact(RETENTION)


def compact(folder: Path) -> None:
    """Kill compacting at random instants."""
    old, left = folder / "old.sqlite", folder / "left.sqlite"
    make_store(old, days=4)
    _, before, names = rows_in(old)
    with Store(url(old)) as store, store._access.transaction("ballast") as connection:
        connection.exec_driver_sql("CREATE TABLE ballast (x)")
        connection.exec_driver_sql("INSERT INTO ballast VALUES (zeroblob(20000000))")
    put(old, left)
    start = time.monotonic()
    assert in_child(lambda: compact_store(left)) == 0
    whole = time.monotonic() - start
    _, after, _ = rows_in(left)
    chance, killed = random.Random(1), 0
    for _ in range(int(sys.argv[3])):
        put(old, left)
        killed += in_child(lambda: compact_store(left), chance.uniform(0.2, 1.0) * whole) != 0
        _, found, who = rows_in(left)
        assert after <= found <= before
        assert who == names
    print("compact", killed, flush=True)


def backup(folder: Path) -> None:
    """Kill a backup at each call: the file is the older backup or the new one, and sound."""
    old, file = folder / "old.sqlite", folder / "backup.sqlite"
    make_store(old, days=1)
    first = folder / "first.sqlite"
    copying.backup(url(old), first)
    _, before, _ = rows_in(folder / "old.sqlite")
    with Store(url(old)) as store:
        save(store, MJD + 50, np.random.default_rng(9))
    _, after, _ = rows_in(old)
    number = 0
    work = lambda: copying.backup(url(old), file)  # noqa: E731
    for _ in instants(before_each_call_in("copying.py"), work, lambda: put(first, file)):
        put(file, folder / "look.sqlite")
        assert rows_in(folder / "look.sqlite")[1] in (before, after)
        assert rows_in(old)[1] == after
        number += 1
    put(file, folder / "look.sqlite")
    assert rows_in(folder / "look.sqlite")[1] == after
    assert not list(folder.glob(".backup*")), "what kills left is cleared away"
    print("backup", number, flush=True)


def snap(folder: Path) -> None:
    """Kill the writing of a snapshot at each call: what is read afterwards is what the rows say."""
    old, left = folder / "old.sqlite", folder / "left.sqlite"
    cache.WORTH_A_FILE = 1
    make_store(old, days=1)
    points = [make_photometry(name, MJD + np.arange(3.0)) for name in NAMES]
    objects = make_objects(NAMES, ra=np.arange(6) * 9.0)
    with Store(url(old)) as store:
        store.ingest(make_report(objects, pd.concat(points, ignore_index=True)), MJD)
        light_curves(store)
        assert store.photometry.keep_snapshot(last=True)
    wanted = known(old)

    def write() -> None:
        with Store(url(left)) as store:
            light_curves(store)
            store.photometry._cache._unwritten = 1
            assert store.photometry.keep_snapshot(last=True)

    def prepare() -> None:
        put(old, left)
        shutil.copyfile(f"{old}.snapshot", f"{left}.snapshot")

    number = 0
    for _ in instants(before_each_call_in("snapshot.py"), write, prepare):
        pd.testing.assert_frame_equal(known(left), wanted)
        number += 1
    pd.testing.assert_frame_equal(known(left), wanted)
    print("snap", number, flush=True)


def light_curves(store: Store) -> pd.DataFrame:
    return store.photometry.as_known(store.candidates(MJD + 90), MJD + 90).summary


def known(path: Path) -> pd.DataFrame:
    with Store(url(path)) as store:
        return light_curves(store)


def restore(folder: Path) -> None:
    """Kill a restoration at each call: the store is the old one or the new, which keeps the old."""
    store, file, old = (folder / f"{name}.sqlite" for name in ("store", "backup", "old"))
    make_store(old, days=1)
    copying.backup(url(old), file)
    _, restored, _ = rows_in(old)
    with Store(url(old)) as opened:
        save(opened, MJD + 50, np.random.default_rng(9))
    _, before, _ = rows_in(old)

    def prepare() -> None:
        for one in folder.glob("store*"):
            one.unlink()
        put(old, store)

    number = 0
    work = lambda: copying.restore(file, url(store), force=True)  # noqa: E731
    for _ in instants(before_each_call_in("copying.py"), work, prepare):
        found = rows_in(store)[1]
        kept = folder / "store-before-1.sqlite"
        assert found == before or (found == restored and rows_in(kept)[1] == before)
        number += 1
    assert rows_in(store)[1] == restored
    print("restore", number, flush=True)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
