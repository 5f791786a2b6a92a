"""A store that is held open: whether its file is still the one that lies there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from aas2rto.errors import Aas2rtoError, StoreError
from aas2rto.store import Store
from aas2rto.text.words import one_line

Identity = tuple[int, int] | None


def file_of(store: Store) -> Identity:
    """Return what names the file of a store; None: it is none, or it is gone.

    A file that was put in the place of another, as `aas2rto restore` does, has another name: who
    holds the old one open would read it for ever.
    """
    url = store.engine.url
    if not url.drivername.startswith("sqlite") or not url.database:
        return None
    try:
        found = Path(url.database).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Shared:
    """A store that several threads use, one at a time.

    Parameters
    ----------
    open_store : callable
    """

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open = open_store
        self._store: Store | None = None
        self._generation = -1
        self._file: Identity = None
        self._lock = threading.RLock()

    def close(self) -> None:
        """Release the connections."""
        with self._lock:
            if self._store is not None:
                self._store.close()
            self._store = None

    def __enter__(self) -> Store:
        """Return the store with all names: another program may have brought new ones.

        Raises
        ------
        StoreError
            If it cannot be read.
        """
        with ExitStack() as held:
            held.enter_context(self._lock)
            try:
                store = self._current()
            except SQLAlchemyError as error:
                self.close()
                raise _told(error) from error
            except Aas2rtoError as error:  # such as: there is none
                raise StoreError(str(error)) from error
            held.pop_all()  # nothing failed: `__exit__` releases it
        return store

    def _current(self) -> Store:
        if self._store is not None and file_of(self._store) != self._file:
            self.close()
        if self._store is None:
            self._store, self._generation = self._open(), -1
            self._file = file_of(self._store)
        generation = self._store.generation
        if generation != self._generation:
            self._store.identities.load_anew()
            self._generation = generation
        return self._store

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Release it; one that could not be read is opened anew next time."""
        try:
            if isinstance(error, SQLAlchemyError):
                self.close()
                raise _told(error) from error
        finally:
            self._lock.release()


def _told(error: SQLAlchemyError) -> StoreError:
    said = getattr(error, "orig", None) or error
    return StoreError(f"the store cannot be read: {one_line(str(said), 200)}")
