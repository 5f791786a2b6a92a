"""What damage begins with: real payloads where they are recorded, and pieces of our own."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

from tests.shared import PAYLOADS
from tests.standin import packets, sky

ROOT = Path(__file__).resolve().parents[2]
NOW = sky.NOW
LONGEST_TEXT = 6000
"""[byte] Of a table to begin with: its header and some rows show what all of it would."""


def absent() -> str:
    """Say that recorded payloads are missing; empty if they are there."""
    return (
        "" if PAYLOADS.is_dir() else f"no recorded payloads in {PAYLOADS}: only our own are damaged"
    )


def _recorded(*patterns: str) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(PAYLOADS.glob(pattern))


CURVE = (
    "object_id,ra,dec,mjd,band,mag,magerr,survey,limit,redshift\n"
    "SN1,150.1,2.0,61350.1,ztfg,18.2,0.05,ztf,20.5,0.03\n"
    "SN1,150.1,2.0,61351.1,ztfr,18.1,0.05,ztf,20.4,0.03\n"
    "SN2,10:20:30.5,-05:15:20,2026-11-20T03:00,g,>19.5,,atlas,,\n"
)
FLUXES = (
    "mjd flux[mJy] flux_err[mJy] filter zp zpsys\n61350.1 0.01 0.001 sdssg 25 ab\n"
    "61351.2 0.02 0.001 sdssr 25 ab\n"
)
SNANA = (
    "SURVEY: ZTF\nSNID: a\nRA: 10.0\nDECL: 2.0\nREDSHIFT_HELIO: 0.1\n"
    "VARLIST: MJD FLT FLUXCAL FLUXCALERR\nOBS: 61350.1 g 10 1\nOBS: 61351 r 11 1\nEND:\n"
)
VOTABLE = (
    '<?xml version="1.0"?><VOTABLE version="1.3"><RESOURCE><TABLE>'
    '<FIELD name="mjd" datatype="double" unit="d"/><FIELD name="mag" datatype="float" unit="mag"/>'
    '<FIELD name="magerr" datatype="float"/><FIELD name="band" datatype="char" arraysize="*"/>'
    "<DATA><TABLEDATA><TR><TD>61350.1</TD><TD>18.2</TD><TD>0.1</TD><TD>ztfg</TD></TR></TABLEDATA>"
    "</DATA></TABLE></RESOURCE></VOTABLE>"
)
ECSV = (
    "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: mjd, datatype: float64, unit: d}\n"
    "# - {name: flux, datatype: float64, unit: uJy}\n"
    "# - {name: flux_err, datatype: float64, unit: uJy}\n"
    "# - {name: band, datatype: string}\nmjd flux flux_err band\n61350.1 10.0 1.0 ztfg\n"
)


@functools.cache
def tables() -> tuple[str, ...]:
    """Return light curves as text: recorded exports, cut, and our own."""
    texts = [CURVE, FLUXES, SNANA, VOTABLE, ECSV]
    for path in _recorded("alerce/*.csv", "atlas/*.csv", "atlas/*.txt", "ztf_fps/*.txt"):
        text = path.read_text(errors="replace")
        texts.append(text[:LONGEST_TEXT].rsplit("\n", 1)[0] + "\n")
    records = [{"mjd": 61350.1, "mag": 18.2, "magerr": 0.1, "band": "ztfg", "object_id": "SN1"}]
    texts.append(json.dumps(records))
    return tuple(texts)


@functools.cache
def listings() -> tuple[str, ...]:
    """Return lists of targets."""
    return (
        "name,ra,dec,mag,comment\nSN1,150.1,2.0,18,x\nSN2,10:20:30.5,-05:15:20,19,\n",
        '"ID","Name","RA","DEC","Obj. Type","Redshift"\n'
        '"1","SN 2026abc","10:20:30.5","-05:15:20","SN Ia","0.03"\n',
        "SN2026abc        10 20 30.50 -05 15 20.0 2000.0 vmag=18\n"
        "SN2         11 00 00 +10 00 00 2000.0 # x\n",
        '# Region file format: DS9\nfk5\ncircle(155.127,-5.25,3") # text={SN1}\n',
        VOTABLE,
    )


def without_images(alert: Any) -> Any:
    """Return an alert with small images, which nobody looks into, and a short history."""
    if not isinstance(alert, dict):
        return alert
    small = {}
    for key, value in alert.items():
        if key.startswith("cutout"):
            small[key] = value | {"stampData": b"x"} if isinstance(value, dict) else value and b"x"
        else:
            small[key] = value[-3:] if isinstance(value, list) else value
    return small


@functools.cache
def alerts() -> tuple[tuple[dict[str, Any], tuple[dict[str, Any], ...]], ...]:
    """Return schemas and some alerts of each: recorded ones, and the stand-in's."""
    found = []
    for path in _recorded(
        "ztf_alerts/*.avro", "fink/*.avro", "lsst_alerts/schema_*/fakeAlert.avro"
    ):
        with path.open("rb") as file:
            reader = fastavro.reader(file)
            some = tuple(without_images(alert) for alert, _ in zip(reader, range(2), strict=False))
            found.append((reader.writer_schema, some[:1]))
    for make, schema in (
        (packets.ztf_alert, packets.ZTF_SCHEMA),
        (packets.lsst_alert, packets.LSST_SCHEMA),
    ):
        made = [without_images(a) for t in sky.transients() if (a := make(t, NOW))]
        found.append((schema, tuple(made[:2])))
    return tuple(found)  # type: ignore[arg-type]


@functools.cache
def parsed() -> tuple[tuple[Any, tuple[dict[str, Any], ...]], ...]:
    """Return the same with schemas that fastavro need not look at again."""
    return tuple((fastavro.parse_schema(schema), some) for schema, some in alerts())


@functools.cache
def containers() -> tuple[bytes, ...]:
    """Return Avro files."""
    files = []
    for n, (schema, some) in enumerate(alerts()):
        buffer = io.BytesIO()
        fastavro.writer(buffer, schema, some, codec="deflate" if n % 2 else "null")
        files.append(buffer.getvalue())
    return tuple(files)


@functools.cache
def messages() -> tuple[tuple[bytes, bytes], ...]:
    """Return keys and values of messages of streams of alerts."""
    found = []
    for schema, some in alerts():
        for alert in some:
            buffer = io.BytesIO()
            fastavro.schemaless_writer(buffer, schema, alert)
            found.append((packets.key_of(schema), buffer.getvalue()))
    found += [(b"", content) for content in containers()[:3]]
    return tuple(found)


@functools.cache
def parquets() -> tuple[bytes, ...]:
    """Return Parquet files of some rows."""
    found = []
    for path in _recorded("fink/*.parquet", "fink/ftransfer_*/*.parquet"):
        table = pq.read_table(path)
        names = [name for name in table.column_names if not name.startswith(("cutout", "lc_feat"))]
        found.append(written(table.select(names).slice(0, 3)))
    rows = {
        "object_id": ["SN1", "SN1"],
        "ra": [1.0, 1.0],
        "dec": [2.0, 2.0],
        "mjd": [61350.1, 61351.1],
        "band": ["ztfg", "ztfr"],
        "mag": [18.0, 18.1],
        "magerr": [0.1, 0.1],
        "candid": [1, 2**62],
    }
    table = pa.table(rows)
    found += [
        written(table),
        written(table, compression="none", use_dictionary=False),
        written(table, compression="zstd", data_page_version="2.0", write_page_index=True),
    ]
    return tuple(found)


def written(table: pa.Table, **options: Any) -> bytes:
    """Return a table as a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


@functools.cache
def configs() -> tuple[str, ...]:
    """Return the shipped configs."""
    return tuple(path.read_text() for path in sorted((ROOT / "configs").glob("*.yaml")))


@functools.cache
def sites() -> tuple[str, ...]:
    """Return the shipped observatories."""
    return tuple(path.read_text() for path in sorted((ROOT / "observatories").glob("*.yaml")))
