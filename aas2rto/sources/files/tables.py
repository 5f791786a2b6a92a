"""Any file with a table of light curves or objects -> a `Sheet`, by its content."""

from __future__ import annotations

from pathlib import Path

from aas2rto.errors import InputError
from aas2rto.guard import attempt
from aas2rto.sources.files import alert_files, astropy_tables, exposures, json_tables, text_tables
from aas2rto.sources.files.alert_files import Format
from aas2rto.sources.files.sheet import Sheet
from aas2rto.sources.files.spellings import is_known


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
    import pyarrow.parquet as pq  # noqa: PLC0415  only who reads Parquet pays for it

    names = alert_files.parquet_names(path)
    wanted = [n for n in names if is_known(n) or n.lower() in exposures.LOWER_NAMES]
    # What pandas noted of its index and types is not asked: it may be damaged, and would take
    # columns out of the table.
    alert_files.check_parquet(path, lambda leaf: leaf.partition(".")[0] in wanted)
    with pq.ParquetFile(path) as file:
        table = file.read(columns=wanted).replace_schema_metadata(None)
    frame = table.to_pandas(integer_object_nulls=True)
    return Sheet(frame, names=tuple(names), kind="Parquet")
