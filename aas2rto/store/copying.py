"""Copies of the store: to play with, to keep, and to go back to."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from aas2rto.errors import StoreError, UsageError
from aas2rto.store.database import SCHEMA_VERSION, file_of, make_folder
from aas2rto.text.files import OWNER, make_private, mode_of

JOURNALS = ("-wal", "-shm")
"""What SQLite keeps beside a store that is open."""


def path_of(url: str, what: str) -> Path:
    """Return the file of a SQLite store.

    Parameters
    ----------
    url : str
    what : str
        Who asks, for the error.

    Raises
    ------
    UsageError
        If the store is not SQLite.
    """
    file = file_of(url)
    if file is None:
        raise UsageError(f"{what}, which needs `store: sqlite`")
    return file


def size_of(path: Path) -> int:
    """Return the bytes of a store and of the journal beside it."""
    files = [path, *(path.with_name(path.name + end) for end in JOURNALS)]
    return sum(file.stat().st_size for file in files if file.exists())


@contextmanager
def temporary_copy(url: str) -> Iterator[str]:
    """Yield the URL of a copy of a SQLite store, which vanishes at the end: for a dry run.

    Raises
    ------
    UsageError
        If the store is not SQLite.
    StoreError
        If it cannot be read.
    """
    original = path_of(url, "--dry-run works on a copy of the store")
    with tempfile.TemporaryDirectory(prefix="aas2rto-dry-run-") as folder:
        copy = Path(folder) / "store.sqlite"
        if original.exists():
            _copy(original, copy)
        yield f"sqlite:///{copy}"


def _copy(original: Path, copy: Path) -> None:
    """Copy all that is committed, in one step: a writer need not stop, nor is it waited for."""
    try:
        with closing(sqlite3.connect(original)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        raise StoreError(f"cannot copy the store {original}: {error}") from error


def version_of(path: Path) -> str:
    """Return the schema of a sound store.

    Parameters
    ----------
    path : Path
        Is only read.

    Raises
    ------
    StoreError
        If it is no store of this program, is damaged, or is of a newer program.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master").fetchall()
            if ("alembic_version",) not in names or ("candidates",) not in names:
                raise StoreError(f"{path} is no store of aas2rto: it lacks its tables")
            said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path} is no sound store: {error}") from error
    if said != "ok" or broken is not None or row is None:
        why = said if said != "ok" else "rows refer to what is not there"
        raise StoreError(f"{path} is damaged: {why}; take another backup")
    if row[0] > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema {row[0]}, this program knows up to {SCHEMA_VERSION}; "
            "update the program (pip install --upgrade aas2rto)"
        )
    return str(row[0])


def backup(url: str, file: Path) -> str:
    """Write a sound copy of a store beside a file, and rename it over; the store may be in use.

    Parameters
    ----------
    url : str
        A SQLite store.
    file : Path
        An earlier backup there is replaced; anything else is not.

    Returns
    -------
    str
        The schema's version.

    Raises
    ------
    UsageError
        If the store is not SQLite, or `file` is something else than a backup.
    StoreError
        If it cannot be read or written.
    """
    original = path_of(url, "a backup copies a file (of PostgreSQL, pg_dump makes one)")
    if file.exists() and (file.is_dir() or _is_same(original, file) or not _is_store(file)):
        raise UsageError(f"{file} is there and is no backup; name another file")
    make_folder(file.parent)
    part = file.with_name(f".{file.name}.part")
    _remove(part)
    try:
        make_private(part)
        _copy(original, part)
        part.chmod(mode_of(file, mode_of(part, OWNER)))
        _into_one_file(part)
        version = version_of(part)
        _sync(part)
        part.replace(file)
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror}") from error
    finally:
        _remove(part)
    return version


def restore(file: Path, url: str, *, force: bool = False) -> Path | None:
    """Put a backup in the place of a store; nobody else may have it open.

    Parameters
    ----------
    file : Path
        Stays as it is.
    url : str
        A SQLite store.
    force : bool
        Replace a store that is there; it is kept beside.

    Returns
    -------
    Path or None
        Where the store that was there is now.

    Raises
    ------
    UsageError
        If the store is not SQLite, or there is one and `force` is not given.
    StoreError
        If the backup is none, is damaged or of a newer program, or a file cannot be written.
    """
    store = path_of(url, "restoring copies a file (of PostgreSQL, pg_restore does it)")
    if not file.is_file():
        raise UsageError(f"there is no backup {file}")
    if store.exists() and _is_same(store, file):
        raise UsageError(f"{file} is the store itself; name a backup")
    if store.exists() and not force:
        raise UsageError(
            f"there is a store already, {store}; add --force to replace it (it is kept beside)"
        )
    version_of(file)
    make_folder(store.parent)
    part = store.with_name(f".{store.name}.part")
    _remove(part)
    try:
        make_private(part)
        _copy(file, part)
        part.chmod(mode_of(store, mode_of(part, OWNER)))
        version_of(part)
        _sync(part)
        aside = _put_aside(store) if store.exists() else None
        part.replace(store)
    except OSError as error:
        raise StoreError(f"cannot write {store}: {error.strerror}") from error
    finally:
        _remove(part)
    return aside


def _put_aside(store: Path) -> Path:
    """Keep a store under another name as well; at each instant one of both is whole."""
    if _is_store(store):  # a damaged one keeps its journal, which SQLite might throw away
        with suppress(sqlite3.Error), closing(sqlite3.connect(store)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    number = 1
    while (aside := store.with_name(f"{store.stem}-before-{number}{store.suffix}")).exists():
        number += 1
    journals = [store.with_name(store.name + end) for end in JOURNALS]
    for old in [store, *(one for one in journals if one.exists())]:
        _also(old, aside.with_name(aside.name + old.name.removeprefix(store.name)))
    for old in journals:
        old.unlink(missing_ok=True)  # it would be taken for that of the new one
    return aside


def _also(file: Path, other: Path) -> None:
    try:
        os.link(file, other)
    except OSError:  # not on every file system
        make_private(other)
        shutil.copyfile(file, other)
        _sync(other)


def _into_one_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _is_store(path: Path) -> bool:
    try:
        version_of(path)
    except StoreError:
        return False
    return True


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _remove(path: Path) -> None:
    for file in (path, *(path.with_name(path.name + end) for end in ("-journal", *JOURNALS))):
        file.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
