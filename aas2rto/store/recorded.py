"""What a store was told, without what cycles found in it: the memory of a replay."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import delete

from aas2rto.errors import StoreError
from aas2rto.store import Store, schema
from aas2rto.store.copying import temporary_copy
from aas2rto.store.database import writing
from aas2rto.tables.marks import VISITS

MAGIC = b"SQLite format 3\x00"
"""How a file of SQLite begins."""

FOUND = (
    schema.fits,
    schema.rejections,
    schema.revivals,
    schema.current,
    schema.history,
    schema.packed,
    schema.daily_best,
    schema.cycles,
    schema.answers,
    schema.outbox,
    schema.channels,
    schema.told,
    schema.alarms,
    schema.sources,
)
"""Tables of what cycles found and said."""


def is_store(path: Path) -> bool:
    """Tell whether a file is a database of SQLite."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def fill(store: Store, path: Path) -> None:
    """Fill an empty store in memory with a file.

    Parameters
    ----------
    store : Store
        Just opened.
    path : Path
        Of the same schema; is only read.

    Raises
    ------
    StoreError
        If it cannot be read.
    """
    raw = store.engine.raw_connection()
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            copy.backup(raw.driver_connection)  # type: ignore[arg-type]
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    finally:
        raw.close()
    store.identities.load_anew()


def write(store: Store, path: Path) -> None:
    """Write a store in memory to a file, which must not be there.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    raw = store.engine.raw_connection()
    try:
        with closing(sqlite3.connect(path)) as copy:
            raw.driver_connection.backup(copy)  # type: ignore[union-attr]
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
    finally:
        raw.close()


def remember(store: Store, path: Path, *, visits: bool) -> None:
    """Fill an empty store in memory with what another one was told.

    Parameters
    ----------
    store : Store
        Just opened.
    path : Path
        The store of a loop, which may go on; one of an older program is brought up to date in a
        copy.
    visits : bool
        Whether what people observed counts; else only what they said otherwise.

    Raises
    ------
    StoreError
        If it cannot be read, or is no store of this program.
    """
    with temporary_copy(f"sqlite:///{path}") as url:
        Store(url).close()
        fill(store, Path(url.removeprefix("sqlite:///")))
    marks = schema.marks
    with writing(store.engine) as connection:
        for table in FOUND:
            connection.execute(delete(table))
        if not visits:
            connection.execute(delete(marks).where(marks.c.kind.in_([str(one) for one in VISITS])))
