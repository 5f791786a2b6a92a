"""Opening the database: SQLite set up to survive a kill, and the schema brought up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from aas2rto.errors import StoreError

SCHEMA_VERSION = "0004"
"""The newest migration; an older database is brought up to it when it is opened."""


def open_engine(url: str) -> Engine:
    """Connect to the database that `url` names.

    Raises
    ------
    StoreError
        If the URL is not one, or its driver is not installed.
    """
    if url.startswith("sqlite:///"):
        make_folder(Path(url.removeprefix("sqlite:///")).parent)
    try:
        engine = create_engine(url)
    except (SQLAlchemyError, ImportError) as error:
        raise StoreError(
            f"cannot open the store {shown(url)}: {error}; expected 'sqlite', or a URL such as "
            "postgresql+psycopg://user@host/name (pip install 'aas2rto[postgres]')"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    return engine


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
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # NORMAL survives a killed program; only a power cut may lose the last commits.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def is_postgresql(engine: Engine) -> bool:
    """Tell PostgreSQL from SQLite."""
    return engine.dialect.name == "postgresql"


def migrate(engine: Engine) -> None:
    """Bring the schema to `SCHEMA_VERSION`."""
    with engine.begin() as connection:
        if inspect(connection).has_table("alembic_version"):
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if found == SCHEMA_VERSION:
                return
            # None: the program was killed while it made the tables; they are made again.
            if found is not None and str(found) > SCHEMA_VERSION:
                raise StoreError(
                    f"the store has schema {found}, this program knows up to {SCHEMA_VERSION}; "
                    "update the program (pip install --upgrade aas2rto)"
                )
        # Here, not above: alembic is needed once in a database's life.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config as AlembicConfig  # noqa: PLC0415
        from alembic.util import CommandError  # noqa: PLC0415

        config = AlembicConfig()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise StoreError(
                f"the store was not made by this program, or is damaged: {error}; "
                "move it away, or name another `store`"
            ) from error


def shown(url: str) -> str:
    """Show a URL without its password."""
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://...{at}{tail}" if at else url


def cause(error: SQLAlchemyError) -> str:
    """Return the driver's own words in one line, without the statement and its values."""
    return " ".join(str(getattr(error, "orig", None) or error).split())
