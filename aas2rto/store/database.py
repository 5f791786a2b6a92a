"""Opening the database: SQLite set up to survive a kill, and the schema brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from aas2rto.errors import StoreError
from aas2rto.text.files import make_private

SCHEMA_VERSION = "0009"
"""The newest migration; an older database is brought up to it when it is opened."""

MIGRATIONS = Path(__file__).parent / "migrations"

BUSY = 30_000
"""So long a writer waits for another one [ms]."""

COPY = "_alembic_tmp_"
"""How the name of the copy begins that alembic makes of a table to alter it."""


def open_engine(url: str) -> Engine:
    """Connect to the database that `url` names.

    Raises
    ------
    StoreError
        If the URL is not one, or its driver is not installed.
    """
    if (file := file_of(url)) is not None:
        make_folder(file.parent)
        if file.name and "?" not in url and file.name != ":memory:":
            with suppress(OSError):  # opening it says why
                make_private(file)
    try:
        engine = create_engine(url)
    except (SQLAlchemyError, ImportError) as error:
        raise StoreError(
            f"cannot open the store {shown(url)}: {error}; expected 'sqlite', or a URL such as "
            "postgresql+pg8000://user@host/name (pip install 'aas2rto[postgres]')"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def file_of(url: str) -> Path | None:
    """Return the file of a store; None where it is none, as in memory or of PostgreSQL."""
    prefix = "sqlite:///"
    return Path(url.removeprefix(prefix)) if url.startswith(prefix) else None


def make_folder(folder: Path) -> None:
    """Make the folder of a project, or of a database.

    Raises
    ------
    StoreError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the folder {folder}: {error.strerror}; "
            "choose another --output, or another `store`"
        ) from error


def _set_up_sqlite(connection: Any, _: object) -> None:
    """Write ahead, so that readers never wait and a kill leaves a sound file."""
    # Python's driver would begin at the first INSERT: what is read or made before it, such as the
    # tables of a migration, would be outside. `_begin_sqlite` begins instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY}")
    cursor.execute("PRAGMA journal_mode=WAL")
    # NORMAL survives a killed program; only a power cut may lose the last commits.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # Some builds of SQLite write zeros over what is deleted, as many bytes again in each cycle.
    cursor.execute("PRAGMA secure_delete=FAST")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Begin a transaction; one that `writing` opened takes the lock at once."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes: all of it is done, or nothing.

    On SQLite it waits for its turn here, not at its first INSERT: what it has read by then would
    be old, and SQLite would refuse it. To read only, take ``engine.connect()``, which never waits.
    """
    with engine.connect() as connection:
        connection.execution_options(writes=True)
        with connection.begin():
            yield connection


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that may copy and drop tables to which others refer."""
    with engine.connect() as connection:
        connection.execution_options(writes=True)
        # SQLite takes this order only outside of a transaction.
        _check_references(connection, "OFF")
        try:
            with connection.begin():
                yield connection
        finally:
            _check_references(connection, "ON")


def _check_references(connection: Connection, state: str) -> None:
    if connection.dialect.name == "sqlite":
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA foreign_keys={state}")
        cursor.close()


def shrink(engine: Engine) -> None:
    """Give the space of rows that are gone back to the disk; killed at any instant, it did not.

    SQLite writes the whole database anew, into its journal first.
    """
    with engine.connect() as connection:
        raw = connection.connection
        cursor = raw.cursor()
        if is_postgresql(engine):
            raw.rollback()
            raw.dbapi_connection.autocommit = True  # type: ignore[union-attr]
        cursor.execute("VACUUM")
        if not is_postgresql(engine):
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.close()
        connection.invalidate()


def is_postgresql(engine: Engine) -> bool:
    """Tell PostgreSQL from SQLite."""
    return engine.dialect.name == "postgresql"


def migrate(engine: Engine, version: str = SCHEMA_VERSION) -> None:
    """Bring the schema to a version, all at once or not at all; a later one stays as it is.

    Raises
    ------
    StoreError
        If a newer program wrote the database, or another program altogether.
    """
    with engine.connect() as connection:
        if _has_version(connection, version):
            return
    with _migrating(engine) as connection:
        if _has_version(connection, version):
            return  # another process did it while this one waited for its turn
        _clear_copies(connection)
        _upgrade(connection, version)


def _has_version(connection: Connection, version: str) -> bool:
    """Tell whether the schema has a version already; one of a newer program is refused."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is None:
        return False  # an old program was killed while it made the tables; those that miss are made
    if str(found) > max(version, SCHEMA_VERSION):
        raise StoreError(
            f"the store has schema {found}, this program knows up to {SCHEMA_VERSION}; "
            "update the program (pip install --upgrade aas2rto)"
        )
    return str(found) >= version


def _upgrade(connection: Connection, version: str) -> None:
    # Here, not above: alembic is needed once in a database's life.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config as AlembicConfig  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, version)
    except CommandError as error:
        raise StoreError(
            f"the store was not made by this program, or is damaged: {error}; "
            "move it away, or name another `store`"
        ) from error


def _clear_copies(connection: Connection) -> None:
    """Remove the copies of tables that an old program left when it was killed as it altered them.

    It copied, dropped and renamed in one transaction, so that where the table is still there, it is
    whole; were it missing, the copy would be all there is, and takes its place.
    """
    names = set(inspect(connection).get_table_names())
    for copy in sorted(name for name in names if name.startswith(COPY)):
        table = copy.removeprefix(COPY)
        change = f'DROP TABLE "{copy}"'
        if table not in names:
            change = f'ALTER TABLE "{copy}" RENAME TO "{table}"'
        connection.exec_driver_sql(change)


def shown(url: str) -> str:
    """Show a URL without its password."""
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://...{at}{tail}" if at else url


def cause(error: SQLAlchemyError | OSError) -> str:
    """Return the driver's own words in one line, without the statement and its values."""
    return " ".join(str(getattr(error, "orig", None) or error).split())
