"""One ranker per database: of several programs on one PostgreSQL, one ranks, the others stand by.

The turn is an advisory lock of a session: the server frees it when its holder ends, however it
does. SQLite is one machine's file, which `aas2rto.store.lock` guards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from aas2rto.errors import StoreError
from aas2rto.guard import attempt
from aas2rto.store.database import cause, is_postgresql

KEY = 0x61617332
"""Of the lock: ``aas2`` in ASCII. A database holds one project."""

ASK_AGAIN = 15.0
"""Who stands by asks so often [s]: the ranker's death is taken over within a minute."""


LOOK_UP = 0.2
"""Seconds for which a wish to end may go unnoticed."""


class Turn:
    """The right to rank.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def taken(self) -> bool:
        """Take the turn if nobody has it, and return whether it is ours.

        Raises
        ------
        StoreError
            If the server does not answer.
        """
        if not is_postgresql(self._engine):
            return True
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(
                    isolation_level="AUTOCOMMIT"
                )
            query = text("SELECT pg_try_advisory_lock(:key)")
            return bool(self._connection.execute(query, {"key": KEY}).scalar_one())
        except (SQLAlchemyError, OSError) as error:  # a driver may let the socket's error through
            self.leave()
            said = cause(error) if isinstance(error, SQLAlchemyError) else str(error)
            raise StoreError(f"the store does not answer: {said}") from error

    def check(self) -> None:
        """Make sure that it still is ours: a server that was restarted has forgotten it.

        Raises
        ------
        StoreError
            If another program has it now, or the server does not answer.
        """
        if not self.taken():
            raise StoreError("another aas2rto ranks this database now; this one lost its turn")

    def leave(self) -> None:
        """Give the turn back, as far as the server still listens."""
        held, self._connection = self._connection, None
        if held is None:
            return
        query = text("SELECT pg_advisory_unlock_all()")
        if attempt("turn", lambda: held.execute(query)).failure is not None:
            attempt("turn", held.invalidate)  # the server is away, and has forgotten it
        attempt("turn", held.close)


@contextmanager
def turn(
    engine: Engine, ending: Callable[[], bool], told: Callable[[str], None], *, wait: bool
) -> Iterator[Turn]:
    """Wait for the turn to rank, and hold it.

    Parameters
    ----------
    engine : Engine
    ending : callable
        Tells whether the program is to end, which ends the wait.
    told : callable
        Told that somebody else has it, and when it is ours.
    wait : bool
        If False, somebody else's turn is an error.

    Raises
    ------
    StoreError
        If somebody else has it, and nobody waits; or if the server does not answer.
    """
    mine = Turn(engine)
    try:
        if not mine.taken():
            if not wait:
                raise StoreError(
                    "another aas2rto ranks this database; stop it first, or give this one another "
                    "`store`"
                )
            told(f"another aas2rto ranks this database: standing by, asking every {ASK_AGAIN:g} s")
            while not ending() and not mine.taken():
                _rest(ending)
            if not ending():
                told("the other one has ended: ranking from here on")
        yield mine
    finally:
        mine.leave()


def _rest(ending: Callable[[], bool]) -> None:
    until = time.monotonic() + ASK_AGAIN
    while not ending() and time.monotonic() < until:
        time.sleep(min(LOOK_UP, ASK_AGAIN))
