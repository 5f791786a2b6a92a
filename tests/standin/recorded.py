"""Recorded answers of the real services, served beside the stand-ins' own where they are there.

They lie beside the project, never in it; without them everything here is empty.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import fastavro

from tests.shared import PAYLOADS
from tests.standin import packets

ATLAS_PLACE = (29.86137, 30.72672)
"""Position [deg] of the recorded ATLAS result."""


def _text(name: str) -> str:
    path = PAYLOADS / name
    return path.read_text() if path.is_file() else ""


def _json(name: str) -> Any:
    return json.loads(_text(name) or "[]")


@functools.cache
def fink_ztf() -> dict[str, list[Any]]:
    """Return rows of ``objects`` by object."""
    rows = _json("fink/skyportal_fink_get_alert.0.body.json")
    return {str(row["i:objectId"]): rows for row in rows}


@functools.cache
def fink_lsst() -> dict[str, list[Any]]:
    """Return rows of ``sources`` by object."""
    rows = _json("fink/lsst_conesearch_live_20260925_excerpt.json")
    return {str(row["r:diaObjectId"]): [row] for row in rows}


@functools.cache
def alerce() -> dict[str, dict[str, Any]]:
    """Return light curves by object."""
    ztf = _json("alerce/skyportal_alerce_get_alert.1.body.json")
    lsst = _json("alerce/skyportal_alerce_lsst_get_alert.1.body.json")
    found = {"ZTF18abcgqmz": {"detections": ztf, "non_detections": []}} if ztf else {}
    return found | {
        str(row["oid"]): {"detections": lsst, "non_detections": [], "forced_photometry": []}
        for row in lsst
    }


@functools.cache
def lasair() -> dict[str, dict[str, Any]]:
    """Return objects by name."""
    found: dict[str, dict[str, Any]] = {}
    full = _text("lasair/lsst_313637921267122191.json")
    if full:
        found["313637921267122191"] = json.loads(full)
    text = _text("lasair/ztf_object_ZTF23aabplmy.md")
    if text:
        (ztf,) = json.loads(text[text.index("```") + 3 : text.rindex("```")])
        found["ZTF23aabplmy"] = ztf
    return found


@functools.cache
def atlas() -> str:
    """Return a result file."""
    return _text("atlas/job01088.txt")


def messages() -> list[tuple[str, bytes | None, bytes]]:
    """Return topic, key and value of recorded alerts, as the brokers send them."""
    found: list[tuple[str, bytes | None, bytes]] = []
    for topic, name in (
        ("fink_recorded_ztf", "fink/ztf_part-3-305711.avro"),
        ("fink_recorded_lsst", "fink/lsst_part-2-918301.avro"),
    ):
        if not (PAYLOADS / name).is_file():
            continue
        with (PAYLOADS / name).open("rb") as file:
            reader = fastavro.reader(file)
            schema: Any = reader.writer_schema
            plain = {key: value for key, value in schema.items() if not key.startswith("__")}
            key = packets.key_of(plain)
            found += [(topic, key, packets.encode(alert, schema)) for alert in reader]  # type: ignore[arg-type]
    rows = _json("lasair/lsst_kafka_filter_messages_20260205.json")
    return found + [("lasair_recorded", None, json.dumps(row).encode()) for row in rows]
