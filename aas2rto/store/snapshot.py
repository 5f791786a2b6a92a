"""A file beside the store with what is in memory of light curves, so that a restart is quick.

The rows of the store stay the truth. A snapshot says in which generation it was taken, and bears a
token that stands in the store: one of another store, or newer than a backup that was restored, has
none there. What changed since is read from the rows. A snapshot that is damaged, or was made by
other code, is ignored.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, delete, select

from aas2rto import tables
from aas2rto.guard import attempt
from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.tables.evolving import Evolving
from aas2rto.text.files import make_private
from aas2rto.text.late import as_words

log = logging.getLogger(__name__)

ABOUT = "about"
"""The member that says what the others are."""

BETWEEN = "\0"
"""Stands between texts."""

VALID = 2
"""So many snapshots are known to the store: this one, and the one that stands until it is there."""


def path_of(engine: Engine) -> Path | None:
    """Return where the snapshot of a store lies; None: it has none."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        return None
    return Path(f"{name}.snapshot")


def made_by() -> str:
    """Return a digest of the code and the libraries that make the columns of a snapshot."""
    digest = hashlib.sha256(f"{np.__version__} {pd.__version__}".encode())
    for file in sorted(Path(tables.__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def write(path: Path, access: Access, generation: int, state: Evolving) -> bool:
    """Replace the snapshot; killed at any instant, the old one or none is read.

    Parameters
    ----------
    path : Path
    access : Access
    generation : int
        Of the store, when `state` was read.
    state : Evolving

    Returns
    -------
    bool
        False if it cannot be written, which the log tells.
    """
    token = secrets.token_hex(16)
    about = {"token": token, "generation": generation, "made_by": made_by()}
    new = path.with_name(path.name + ".new")

    def put() -> None:
        members = _coded(state.arrays())
        members[ABOUT] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        new.unlink(missing_ok=True)
        make_private(new)
        with new.open("wb") as file:
            np.savez(file, **members)  # type: ignore[arg-type]
        with access.transaction("the snapshot") as connection:
            _register(connection, token, generation)
        new.replace(path)

    done = attempt("snapshot", put)
    if done.failure is not None:
        log.warning("the snapshot %s was not written: %s", path, done.failure.error)
    return done.failure is None


def _register(connection: Connection, token: str, generation: int) -> None:
    table = schema.snapshots
    held = connection.execute(select(table).order_by(table.c.generation.desc())).all()
    stays = [row.token for row in held[: VALID - 1]]
    connection.execute(delete(table).where(table.c.token.not_in(stays)))
    connection.execute(table.insert(), {"token": token, "generation": generation})


def read(path: Path, connection: Connection) -> tuple[int, Evolving] | None:
    """Return the snapshot and its generation; None, and a line in the log, if it cannot be used.

    Parameters
    ----------
    path : Path
    connection : Connection
        In the transaction in which what changed since will be read.
    """
    if not path.exists():
        return None
    done = attempt("snapshot", lambda: _read(path, connection))
    if done.failure is not None:
        told = "the snapshot %s cannot be used (%s): the store itself is read"
        log.warning(told, path, done.failure.error)
    return done.value


def _read(path: Path, connection: Connection) -> tuple[int, Evolving] | None:
    # All of it at once: it may be replaced meanwhile.
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
        about = json.loads(file[ABOUT].tobytes())
        why = _unfit(about, connection)
        if why:
            log.info("the snapshot %s is %s: the store itself is read", path, why)
            return None
        # Reading a member compares it with its checksum.
        held = _decoded({name: file[name] for name in file.files if name != ABOUT})
    return int(about["generation"]), Evolving.from_arrays(held)


def _unfit(about: Mapping[str, Any], connection: Connection) -> str:
    """Say why a snapshot is not one of this store; empty if it is."""
    if about["made_by"] != made_by():
        return "of another version of the program"
    table = schema.snapshots
    query = select(table.c.generation).where(table.c.token == about["token"])
    found = connection.execute(query).scalar_one_or_none()
    return "" if found == about["generation"] else "not of this store"


def _coded(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return arrays without objects: texts become one array of bytes."""
    coded: dict[str, NDArray[Any]] = {}
    for name, values in arrays.items():
        if values.dtype != object:
            coded[name] = values
            continue
        texts = values.tolist()
        together = BETWEEN.join([*texts, ""])
        if together.count(BETWEEN) != len(texts):
            raise ValueError(f"{name}: a text holds a zero byte")
        coded[f"{name}.texts"] = np.frombuffer(together.encode("utf-8", "surrogatepass"), np.uint8)
    return coded


def _decoded(members: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for name, values in members.items():
        if not name.endswith(".texts"):
            arrays[name] = values
            continue
        texts = values.tobytes().decode("utf-8", "surrogatepass").split(BETWEEN)[:-1]
        arrays[name.removesuffix(".texts")] = as_words(texts)
    return arrays
