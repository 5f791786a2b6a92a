"""How the parts of the store reach the database: a connection to read, one transaction to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from aas2rto.errors import StoreError
from aas2rto.store import schema
from aas2rto.store.database import cause, is_postgresql, writing


class Access:
    """Connections to one database.

    Parameters
    ----------
    engine : Engine

    Attributes
    ----------
    when_lost : list of callable
        Called after a transaction that was not committed, whatever the reason: memory must not
        know more than the database.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.when_lost: list[Callable[[], None]] = []
        self._own = 0
        self._insert = postgresql.insert if is_postgresql(engine) else sqlite.insert

    def reading(self) -> Any:
        """Open a connection to read from, as a context."""
        return self.engine.connect()

    @contextmanager
    def transaction(self, what: str) -> Iterator[Connection]:
        """Open a transaction; it is committed at the end, or leaves nothing behind.

        Parameters
        ----------
        what : str
            What is stored, for the error.

        Raises
        ------
        StoreError
            If the database did not take it.
        """
        committed = False
        try:
            with writing(self.engine) as connection:
                yield connection
            committed = True
        # PostgreSQL's driver lets the socket's own error through where the server cuts it off.
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"{what}: the store did not take it: {cause(error)}") from error
        finally:
            if not committed:
                for forget in self.when_lost:
                    forget()

    def insert(self, table: Table) -> Any:
        """Return an insert that knows ``ON CONFLICT``."""
        return self._insert(table)

    def upsert(
        self, connection: Connection, table: Table, where: dict[str, Any], values: dict[str, Any]
    ) -> None:
        """Insert a row, or change the one that has the key `where`."""
        statement = self.insert(table).values(**where, **values)
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(where), set_=dict(values))
        )

    def generation(self, connection: Connection) -> int:
        """Return how often something came in; what was read in one generation holds for it."""
        query = select(schema.generation.c.number)
        return int(connection.execute(query).scalar_one())

    def raise_generation(self, connection: Connection) -> None:
        """Say, in the transaction that brings it, that something came in."""
        table = schema.generation
        connection.execute(update(table).values(number=table.c.number + 1))
        self._own += 1

    def raised(self, connection: Connection) -> tuple[int, int]:
        """Return the generation, and how often this program has raised it.

        Where one has grown by more than the other, another program has brought something in.
        """
        return self.generation(connection), self._own

    def rejections(self, connection: Connection) -> int:
        """Return how often rejections changed."""
        return int(connection.execute(select(schema.generation.c.rejections)).scalar_one())

    def raise_rejections(self, connection: Connection) -> int:
        """Say, in the transaction that does it, that rejections change; return the new number."""
        table = schema.generation
        connection.execute(update(table).values(rejections=table.c.rejections + 1))
        return self.rejections(connection)
