"""Any file with a table of light curves or objects -> a `Sheet`, by its content."""

from __future__ import annotations

from pathlib import Path

from aas2rto.errors import InputError
from aas2rto.guard import attempt
from aas2rto.sources.files import (
    alert_files,
    astropy_tables,
    broker_classes,
    exposures,
    json_tables,
    parquet_limits,
    text_tables,
)
from aas2rto.sources.files.alert_files import Format
from aas2rto.sources.files.sheet import Sheet
from aas2rto.sources.files.spellings import is_known

LARGEST = 100_000_000
"""[byte] Of a table that is read as a whole; tables of text take about 12 times their size in
memory, and 0.25 s for each MB. 100 MB hold the light curves of 10,000 objects for some years."""


def read(path: Path) -> Sheet:
    """Read a table: CSV and other text, Parquet, VOTable, ECSV, FITS, IPAC, SNANA, JSON.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        Names the file, the format, what is wrong with it, and what to do.
    OSError
        If it cannot be opened.
    """
    kind = alert_files.format_of(path)
    if kind in alert_files.WHY_NOT:
        raise InputError(f"{path}: {alert_files.WHY_NOT[kind]}")
    if kind is Format.PARQUET:
        return alert_files.guarded(path, lambda: _parquet(path))
    if (size := path.stat().st_size) > LARGEST:
        raise InputError(
            f"{path}: is a table of {size / 1e6:.0f} MB, more than the {LARGEST / 1e6:.0f} MB that "
            "are read at once; cut it into several files, each with the header and whole objects"
        )
    content = path.read_bytes()
    try:
        return alert_files.guarded(path, lambda: _read(content))
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(path)) else f"{path}: {text}") from error


def _read(content: bytes) -> Sheet:
    kind = astropy_tables.kind_of(content)
    if kind:
        return astropy_tables.read(content, kind)
    text = text_tables.decode(content)
    start = text[:2000].lstrip().lower()
    if start.startswith(("<!doctype html", "<html")):
        raise InputError("is a web page, perhaps one that asks for a login: download it again")
    if start.startswith("<"):
        raise InputError("is XML, but no VOTable; save it as VOTable or CSV")
    if start.startswith(("{", "[{", "[\n", "[ ", "[[", "[]")):
        return json_tables.read(text)
    done = attempt("csv", lambda: text_tables.read(text))
    if done.value is None:
        why = str(getattr(done.failure, "error", ""))
        raise InputError(
            why.partition(": ")[2]
            if why.startswith("InputError")
            else f"cannot be read as a table of text ({why})"
        )
    return done.value


def _parquet(path: Path) -> Sheet:
    """Read those columns of a Parquet table that are understood.

    Integers with gaps stay Python integers, so that 64-bit identifiers keep their digits.
    """
    names = alert_files.parquet_names(path)
    if alert_files.is_truth(path):
        raise InputError(
            f"{path}: is the truth of a simulation, which no night can know; give the folder "
            "'archive' beside it"
        )
    wanted = [n for n in names if _is_read(n)]
    # What pandas noted of its index and types is not asked: it may be damaged, and would take
    # columns out of the table.
    rows = parquet_limits.check_parquet(path, lambda leaf: leaf.partition(".")[0] in wanted)
    table = parquet_limits.read_flat(path, wanted, rows).replace_schema_metadata(None)
    frame = table.to_pandas(integer_object_nulls=True)
    return Sheet(frame, names=tuple(names), kind="Parquet")


def _is_read(name: str) -> bool:
    return (
        is_known(name)
        or broker_classes.is_annotation(name)
        or name.lower() in exposures.LOWER_NAMES
    )
