"""A simulated survey on disk: an archive that the archive source reads, the truth beside it.

::

    FOLDER/archive/light_curves_YYYY-MM.parquet   measurements, by the month in which they are known
           archive/facts_YYYY-MM.parquet          what brokers and TNS say, likewise
           truth.parquet                          what the objects are
           simulate.json                          where it is from

The truth stays out of ``archive/``, where no night can read it by mistake; its file says what it
is, so that the archive source refuses it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from aas2rto.errors import Aas2rtoError, UsageError
from aas2rto.guard import attempt
from aas2rto.outputs import write_atomically
from aas2rto.simulate.observe import FORCED, Rows
from aas2rto.simulate.survey import Simulation
from aas2rto.sources.files.alert_files import TRUTH_MARK

ARCHIVE, TRUTH, PROVENANCE = "archive", "truth.parquet", "simulate.json"
OURS = ("light_curves_*.parquet", "facts_*.parquet")


def prepare(folder: Path) -> None:
    """Make the folder, and take away what an earlier simulation left in its archive.

    Raises
    ------
    UsageError
        If it cannot be made or written, or holds files that no simulation wrote.
    """
    archive = folder / ARCHIVE
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / PROVENANCE).exists():
            raise UsageError(
                f"--output: {folder} is not empty and holds no simulation; "
                "choose another folder, or empty it"
            )
        archive.mkdir(parents=True, exist_ok=True)
        for pattern in OURS:
            for file in archive.glob(pattern):
                file.unlink()
        # The old one goes first: what is cut short is no simulation.
        write_atomically(folder / PROVENANCE, json.dumps({"state": "being written"}))
    except OSError as error:
        raise UsageError(
            f"--output: {folder} cannot be written ({error.strerror or type(error).__name__}); "
            "choose another folder"
        ) from error


def write(folder: Path, made: Simulation, provenance: Mapping[str, Any]) -> dict[str, int]:
    """Write a simulation into a folder of `prepare`.

    Returns
    -------
    dict of str to int
        Rows written, by what they are.

    Raises
    ------
    Aas2rtoError
        If the disk is full, or the folder has gone.
    """
    done = attempt("archive", lambda: _write_all(folder, made, provenance), passing=(Aas2rtoError,))
    if done.value is None:
        why = getattr(done.failure, "error", "")
        raise Aas2rtoError(f"{folder}: cannot be written ({why}); is the disk full?")
    return done.value


def _write_all(folder: Path, made: Simulation, provenance: Mapping[str, Any]) -> dict[str, int]:
    archive = folder / ARCHIVE
    ids = pa.array(made.objects["id"].astype(str).tolist(), pa.string())
    for month, some in _by_month(made.rows.known_at):
        _write(archive / f"light_curves_{month}.parquet", light_curves(made, some, ids))
    for month, some in _by_month(made.facts["known_at"].to_numpy(float)):
        _write(archive / f"facts_{month}.parquet", facts(made, some, ids))
    truth = pa.Table.from_pandas(made.objects, preserve_index=False)
    _write(folder / TRUTH, truth.replace_schema_metadata({TRUTH_MARK: b"truth of a simulation"}))
    counts = {
        "objects": len(made.objects),
        "alerts": int(made.objects["n_alerts"].sum()),
        "measurements": len(made.rows),
        "facts": len(made.facts),
    }
    told = json.dumps({**provenance, "counts": counts}, indent=2)
    write_atomically(folder / PROVENANCE, told + "\n")
    return counts


def _by_month(known_at: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Return the rows of each month of `known_at` [d, MJD UTC]."""
    if not known_at.size:
        return []
    month = (np.datetime64("1858-11-17", "s") + (known_at * 86400).astype("timedelta64[s]")).astype(
        "datetime64[M]"
    )
    return [(str(one), np.flatnonzero(month == one)) for one in np.unique(month)]


def light_curves(made: Simulation, rows: np.ndarray, ids: pa.Array) -> pa.Table:
    """Return measurements as the archive source reads them."""
    some: Rows = made.rows.take(rows)
    survey = made.bands[0].rstrip("ugrizy") if made.bands else ""
    measured = np.isfinite(some.flux)
    forced = some.kind == FORCED
    ra, dec = (made.objects[name].to_numpy(float)[some.owner] for name in ("ra", "dec"))
    return pa.table(
        {
            "object_id": _texts(ids, some.owner),
            "ra": ra.round(6),
            "dec": dec.round(6),
            "survey": _constant(survey, len(some)),
            "mjd": some.mjd.round(6),
            "band": pa.DictionaryArray.from_arrays(
                pa.array(some.band.astype(np.int32)), pa.array(list(made.bands))
            ),
            "flux_uJy": pa.array(some.flux, mask=~measured),
            "flux_err_uJy": pa.array(some.flux_err, mask=~measured),
            "limit_uJy": some.limit,
            "kind": pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(len(some), np.int32), mask=~some.bad), pa.array(["badquality"])
            ),
            "measurement_id": pa.array(_forced_names(made, some, forced), pa.string()),
            "known_at": some.known_at.round(6),
        }
    )


def _forced_names(made: Simulation, some: Rows, forced: np.ndarray) -> np.ndarray:
    """Name forced photometry apart from the alert of the same exposure; others need no name."""
    names = np.full(len(some), None, dtype=object)
    bands, mjd = some.band[forced], some.mjd[forced]
    names[forced] = [
        f"forced:{made.bands[b]}:{t:.5f}" for b, t in zip(bands.tolist(), mjd.tolist(), strict=True)
    ]
    return names


def facts(made: Simulation, rows: np.ndarray, ids: pa.Array) -> pa.Table:
    """Return what is said of objects as a table of objects, a row for each time."""
    some = made.facts.iloc[rows]
    owner = some["owner"].to_numpy()
    survey = made.bands[0].rstrip("ugrizy")
    columns: dict[str, Any] = {
        "object_id": _texts(ids, owner),
        "ra": made.objects["ra"].to_numpy(float)[owner].round(6),
        "dec": made.objects["dec"].to_numpy(float)[owner].round(6),
        "survey": _constant(survey, len(some)),
        "known_at": some["known_at"].to_numpy(float).round(6),
    }
    for name in some.columns.difference(["owner", "known_at"], sort=False):
        columns[str(name)] = pa.Array.from_pandas(some[name])
    return pa.table(columns)


def _texts(ids: pa.Array, owner: np.ndarray) -> pa.Array:
    """Return the ids of rows as a dictionary of those that occur."""
    there, number = np.unique(owner, return_inverse=True)
    return pa.DictionaryArray.from_arrays(pa.array(number.astype(np.int32)), ids.take(there))


def _constant(word: str, n: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([word]))


def _write(path: Path, table: pa.Table) -> None:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    write_atomically(path, buffer.getvalue())
