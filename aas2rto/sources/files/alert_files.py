"""Files of alerts as streams: Avro containers, and the Parquet files of Fink's data transfer.

The format is found in the first bytes, not in the file's name. Whatever is wrong with a file
becomes an `InputError` of one line, after the alerts before the damage have been handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from aas2rto.errors import InputError
from aas2rto.guard import attempt
from aas2rto.sources.files.history_columns import alert_entries
from aas2rto.sources.files.parquet_limits import check_parquet
from aas2rto.sources.packets.avro import Chunk
from aas2rto.sources.packets.avro_container import Container
from aas2rto.sources.packets.batch import packet_of
from aas2rto.sources.packets.format import Packet
from aas2rto.text.words import counted

TRUTH_MARK = b"aas2rto:truth"
"""Key in the metadata of a Parquet file that tells the truth of a simulation, no observation."""

PARQUET_BATCH = 64
"""Alerts that are in memory at a time."""

_MAGIC = {
    b"Obj\x01": "avro",
    b"PAR1": "parquet",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"SIMPLE  =": "fits",
    b"\x89HDF": "hdf5",
    b"\xd0\xcf\x11\xe0": "excel",
    b"\xff\xfe": "text",
    b"\xfe\xff": "text",
}
_CONFLUENT_HEADER = 5
"""Bytes before an alert on Rubin's wire: a zero and the number of a schema."""


class Format(StrEnum):
    """What a file is, by its first bytes."""

    AVRO = "avro"
    PARQUET = "parquet"
    GZIP = "gzip"
    ZIP = "zip"
    EXCEL = "excel"
    FITS = "fits"
    HDF5 = "hdf5"
    WIRE = "wire"
    TEXT = "text"
    EMPTY = "empty"
    UNKNOWN = "unknown"


def format_of(path: Path) -> Format:
    """Find out what a file is.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    with path.open("rb") as file:
        start = file.read(4096)
    if not start:
        return Format.EMPTY
    if start.startswith(b"PK") and (b"xl/" in start or b"[Content_Types]" in start):
        return Format.EXCEL
    for magic, name in _MAGIC.items():
        if start.startswith(magic):
            return Format(name)
    if start[:3] == b"\x00\x00\x00" and any(start[:_CONFLUENT_HEADER]):
        return Format.WIRE
    return Format.UNKNOWN if b"\x00" in start or _is_binary(start) else Format.TEXT


def _is_binary(start: bytes) -> bool:
    """Tell bytes from text in UTF-8 or Latin-1: text has hardly any control characters."""
    control = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in start)
    try:
        start[: max(0, len(start) - 3)].decode("utf-8")
    except UnicodeDecodeError:
        return control > 0
    return control > len(start) // 100


WHY_NOT = {
    Format.EMPTY: "is empty (0 bytes); fetch it again",
    Format.GZIP: "is compressed with gzip; unpack it first, for example with 'tar xzf' or 'gunzip'",
    Format.ZIP: "is a zip archive; unpack it first",
    Format.EXCEL: "is an Excel workbook; save the sheet as CSV",
    Format.HDF5: "is HDF5; save the table as CSV, Parquet or FITS",
    Format.WIRE: "is one LSST alert as sent by Kafka, without its schema; save alerts as Avro "
    "container files, which carry theirs",
    Format.UNKNOWN: "is neither Avro nor Parquet nor text; it may be damaged, or no alert file",
}
"""What is wrong with files of the formats that cannot be read."""


def avro(path: Path) -> Iterator[Chunk]:
    """Yield the alerts of an Avro container.

    Raises
    ------
    InputError
        If the file holds other records, or is damaged; then after what comes before the damage.
    """
    with path.open("rb") as file:
        opened = attempt("avro", lambda: Container(file, alert_entries))
        container = opened.value
        if container is None:
            raise InputError(
                f"{path}: cannot be read as Avro ({_reason(opened.failure)}); "
                "it is cut short or damaged: fetch it again"
            )
        _expect_alerts(path, "Avro", container.names)
        chunks = container.chunks()
        yield from _until_damage(path, lambda: next(chunks, None))


T = TypeVar("T")


def guarded(path: Path, read: Callable[[], T]) -> T:
    """Read a file; whatever a damaged one makes libraries raise costs this file alone.

    Raises
    ------
    InputError
        Names the file, and what is wrong with it.
    OSError
        If it cannot be opened.
    """
    done = attempt("file", read, passing=(InputError, OSError))
    if done.failure is not None:
        raise InputError(
            f"{path}: cannot be read ({_reason(done.failure)}); it is damaged: fetch it again, or "
            "write it anew"
        )
    return done.value  # type: ignore[return-value]


def _until_damage(path: Path, read: Callable[[], Chunk | None]) -> Iterator[Chunk]:
    """Yield alerts while they can be decoded; a damaged file can raise nearly anything."""
    n = 0
    while True:
        answer = attempt("avro", read)
        if answer.failure is not None:
            raise InputError(
                f"{path}: is cut short or damaged after {counted(n, 'alert')} "
                f"({_reason(answer.failure)}); what comes before is used: fetch the file again"
            )
        if answer.value is None:
            return
        n += len(answer.value.alerts)
        yield answer.value


def _reason(failure: object) -> str:
    """Shorten what a decoder says: it may quote bytes."""
    text = str(getattr(failure, "error", failure))
    return text if len(text) <= 120 else text[:117] + "..."


def _expect_alerts(path: Path, kind: str, names: Sequence[str]) -> Packet:
    packet = packet_of(dict.fromkeys(names))
    if packet is None:
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        raise InputError(
            f"{path}: is {kind}, but of neither ZTF nor LSST alerts: these have 'objectId' and "
            f"'candidate', or 'diaSource'; its fields are {shown or 'none'}"
        )
    return packet


def holds_alerts(path: Path) -> bool:
    """Say whether a file holds alerts rather than a table.

    Raises
    ------
    InputError, OSError
        If it is damaged, or cannot be opened.
    """
    kind = format_of(path)
    if kind is Format.PARQUET:
        return packet_of(dict.fromkeys(parquet_names(path))) is not None
    return kind is Format.AVRO


def alerts(path: Path) -> Iterator[Chunk]:
    """Yield the alerts of a file in Avro or Parquet, as `avro` and `parquet` do."""
    return avro(path) if format_of(path) is Format.AVRO else parquet(path)


def parquet_names(path: Path) -> list[str]:
    """Return the top-level column names of a Parquet file.

    Raises
    ------
    InputError
        If it is damaged.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415

    opened = attempt("parquet", lambda: list(pq.read_schema(path).names))
    if opened.value is None:
        raise InputError(
            f"{path}: cannot be read as Parquet ({_reason(opened.failure)}); it is cut short or "
            "damaged, and Parquet keeps its index at the end: fetch it again"
        )
    return opened.value


def is_truth(path: Path) -> bool:
    """Say whether a Parquet file holds the truth of a simulation, which no night can know."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    return TRUTH_MARK in (pq.read_schema(path).metadata or {})


def parquet(path: Path) -> Iterator[Chunk]:
    """Yield the alerts of a Parquet file with nested columns, without their images.

    Integers stay integers, so that 64-bit identifiers keep their digits.

    Raises
    ------
    InputError
        As for `avro`.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415

    packet = _expect_alerts(path, "Parquet", parquet_names(path))
    at_once = check_parquet(path, lambda leaf: _is_wanted(leaf, packet))
    with pq.ParquetFile(path) as file:
        leaves = [file.schema.column(i).path for i in range(len(file.schema.names))]
        columns = [leaf for leaf in leaves if _is_wanted(leaf, packet)]
        rows = min(PARQUET_BATCH, at_once)
        batches = file.iter_batches(batch_size=rows, columns=columns)
        records = (Chunk([record], {}) for batch in batches for record in batch.to_pylist())
        yield from _until_damage(path, lambda: next(records, None))


def _is_wanted(leaf: str, packet: Packet) -> bool:
    """Say whether a column, such as ``prv_candidates.list.element.jd``, is ever looked at."""
    top, _, rest = leaf.partition(".")
    if top in packet.histories:
        return rest.rpartition(".")[2] in packet.histories[top]
    return not top.startswith(("cutout", "lc_features", "timestamp", "mpc_orbits", "ssSource"))
