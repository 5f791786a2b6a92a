"""Kills a process after each statement of a migration, and looks at what is left.

Run by test_killed.py in a process of its own, which has one thread and may fork: alembic is
imported once, so that hundreds of instants take seconds.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, String, Table, create_engine, event, insert

from aas2rto.store import Store, database
from tests.store.first_schema import FIRST

EMPTY = "0000"
LAST_OF_THE_OLD = "0003"
"""Up to here, programs in the field made each change of a table on its own."""

RENAMED = {"feedback": "marks", "marks": "told", "annotations": "facts"}
"""Tables whose rows are in another one since version 0004."""

Dump = list[str]


# -- stores of any version -------------------------------------------------------------------------


def versions() -> list[str]:
    """Return all versions, the oldest first."""
    files = (database.MIGRATIONS / "versions").glob("v*.py")
    return sorted(file.name[1:5] for file in files)


def make_store(path: Path, version: str) -> None:
    """Write a store of a version as it would be today, with rows in every table."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode=WAL;" + (FIRST if version != EMPTY else ""))
    if version == EMPTY:
        return
    engine = database.open_engine(f"sqlite:///{path}")
    database.migrate(engine, version)
    held = MetaData()
    held.reflect(engine)
    with database.writing(engine) as connection:
        for table in held.sorted_tables:
            if connection.execute(table.select()).first() is None:
                connection.execute(insert(table), [row(table, n) for n in (1, 2, 3)])
    engine.dispose()


def row(table: Table, n: int) -> dict[str, Any]:
    """Return values of the right types; the n-th row refers to the n-th candidate."""
    values: dict[str, Any] = {}
    for column in table.columns:
        if column.foreign_keys:
            values[column.name] = n
        elif table.name == "fit_layouts" and column.name == "layout":
            values[column.name] = json.dumps(str(n))  # each once
        elif str(column.type) == "BLOB":
            values[column.name] = bytes([n])
        elif str(column.type) == "TEXT":
            values[column.name] = "{}"  # JSON, or words
        elif isinstance(column.type, String):
            values[column.name] = f"{column.name} {n}"
        else:
            values[column.name] = n % 2 if str(column.type) == "BOOLEAN" else n
    return values


def read(path: Path) -> tuple[Dump, dict[str, int]]:
    """Return all that is in a store, and the number of rows of each table; it must be sound."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        dump = sorted(" ".join(line.split()) for line in connection.iterdump())
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        rows = {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in names
        }
    return dump, rows


def news(path: Path) -> int:
    """Return how many rows the history by change has."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT TOTAL(n) FROM history").fetchone()[0])


MOVED = {
    "aliases": ("aliases", "objects"),
    "annotations": ("facts",),
    "feedback": ("marks",),
    "marks": ("told",),
}
"""Where the rows of tables of version 3 are since version 4."""


# -- killing ---------------------------------------------------------------------------------------


def as_now(path: Path, version: str) -> tuple[Engine, Callable[[], None]]:
    """Return an engine, and what migrates with it, as this program does."""
    engine = database.open_engine(f"sqlite:///{path}")
    return engine, lambda: database.migrate(engine, version)


def as_once(path: Path, version: str) -> tuple[Engine, Callable[[], None]]:
    """Return the same as old programs did it: Python's driver begins at the first INSERT."""
    engine = create_engine(f"sqlite:///{path}")

    def migrate() -> None:
        with engine.begin() as connection:
            database._upgrade(connection, version)

    return engine, migrate


def in_child(work: Callable[[], object]) -> int:
    """Do something in a process of its own; return how that ended, as `os.waitpid` tells it."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    return os.waitpid(child, 0)[1]


def migrate_and_die(way: Callable[..., Any], path: Path, version: str, statements: int) -> None:
    """Kill this process after so many statements: 0 is before the first."""
    engine, migrate = way(path, version)
    done = count(1)

    def die(*_: object) -> None:
        if next(done) > statements:
            os.kill(os.getpid(), signal.SIGKILL)

    # Before the next statement, or where there is none, before the commit.
    event.listen(engine, "before_cursor_execute", die)
    event.listen(engine, "commit", die)
    migrate()


def instants(way: Callable[..., Any], old: Path, version: str) -> Iterator[Path]:
    """Yield the store as each kill leaves it, statement by statement, until one comes too late."""
    for statements in count():
        left = old.with_name("left.sqlite")
        for suffix in ("", "-wal", "-shm"):
            left.with_name(left.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(old, left)
        ended = in_child(lambda: migrate_and_die(way, left, version, statements))  # noqa: B023
        if ended == 0:
            return
        assert os.WIFSIGNALED(ended), f"it failed after {statements} statements"
        yield left


def open_and_compare(left: Path, expected: Dump, version: str) -> None:
    """Open what a kill left: it must come to what an undisturbed migration gives."""
    if version == database.SCHEMA_VERSION:
        Store(f"sqlite:///{left}").close()
    else:
        engine = database.open_engine(f"sqlite:///{left}")
        database.migrate(engine, version)
        engine.dispose()
    found, _ = read(left)
    assert found == expected, set(found) ^ set(expected)


def kill(folder: Path, start: str, version: str, *, once: bool = False) -> int:
    """Kill at all instants between two versions; return how many there were."""
    old, new = folder / "old.sqlite", folder / "new.sqlite"
    for path in (old, new):
        path.unlink(missing_ok=True)
        make_store(path, start)
    before, rows_before = read(old)
    engine = database.open_engine(f"sqlite:///{new}")
    final = max(version, database.SCHEMA_VERSION)
    database.migrate(engine, final)
    engine.dispose()
    expected, rows = read(new)
    assert before != expected
    moved = MOVED if "told" in rows and "told" not in rows_before else {}
    for table in rows_before.keys() & (rows.keys() | moved.keys()):
        now_in = moved.get(table, (table,))
        assert sum(rows[name] for name in now_in) >= rows_before[table], f"{table} lost rows"
    if {"scores", "ranks"} <= rows_before.keys() - rows.keys():
        # Each candidate stands in a cycle of its own: all rows are news.
        assert news(new) >= rows_before["scores"] + rows_before["ranks"]
    number = 0
    for left in instants(as_once if once else as_now, old, version):
        if not once:
            assert read(left)[0] == before, "half a migration was kept"
        open_and_compare(left, expected, final)
        number += 1
    return number


# -- what the tests ask for ------------------------------------------------------------------------


def every_version(folder: Path) -> None:
    """Each migration, from a store of the version before: print how many instants there were.

    What comes after it is killed from the version that it leads to.
    """
    for start, version in itertools.pairwise([EMPTY, *versions()]):
        print(start, kill(folder, start, version), flush=True)


def half_migrated(folder: Path) -> None:
    """Open what a kill of an old program left in the field."""
    for start in [EMPTY, *versions()]:
        if start < LAST_OF_THE_OLD:
            print(start, kill(folder, start, LAST_OF_THE_OLD, once=True), flush=True)


COPYING = """
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade():
    for name in ("candidates", "photometry"):
        with op.batch_alter_table(name, recreate="always"):
            pass
"""


def copied_tables(folder: Path) -> None:
    """Kill a migration that copies tables, one of which others refer to."""
    shutil.copytree(database.MIGRATIONS, folder / "migrations")
    newest = versions()[-1]
    database.MIGRATIONS = folder / "migrations"
    file = database.MIGRATIONS / "versions" / "v9999_copy.py"
    file.write_text(COPYING.format(newest=newest))
    print(newest, kill(folder, newest, "9999"), flush=True)


def all_at_once(folder: Path) -> None:
    """Open an old store, or none, by several programs at the same moment."""
    for start in [EMPTY, *versions()[:-1]]:
        path = folder / f"{start}.sqlite"
        make_store(path, start)
        held, go = os.pipe()
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                os.close(go)
                os.read(held, 1)
                try:
                    Store(f"sqlite:///{path}").close()
                    os._exit(0)
                finally:
                    os._exit(1)
            children.append(child)
        os.close(go)  # they all go now
        os.close(held)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        print(start, len(children), flush=True)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
