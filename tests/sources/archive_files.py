"""Files of a night, and a poll of the archive that reads them."""

import copy

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

from aas2rto.sources.archive import Archive
from aas2rto.tables.report import PollRequest
from tests.sources.alerts import (
    JD,
    ztf_alert,
    ztf_candidate,
    ztf_forced,
    ztf_limit,
)

NOW = 61200.0

NUMBER = ["null", "double"]
LONG = ["null", "long"]
TEXT = ["null", "string"]


def record(name, **fields):
    return {
        "type": "record",
        "name": name,
        "fields": [{"name": key, "type": kind} for key, kind in fields.items()],
    }


def many(name, **fields):
    return ["null", {"type": "array", "items": record(name, **fields)}]


ZTF_POINT = {
    "jd": NUMBER,
    "fid": "int",
    "pid": "long",
    "diffmaglim": NUMBER,
    "programid": "int",
    "candid": LONG,
    "isdiffpos": TEXT,
    "ra": NUMBER,
    "dec": NUMBER,
    "magpsf": NUMBER,
    "sigmapsf": NUMBER,
    "rb": NUMBER,
    "nbad": LONG,
}
ZTF_SCHEMA = record(
    "alert",
    schemavsn="string",
    publisher="string",
    objectId="string",
    candid="long",
    candidate=record(
        "candidate",
        **ZTF_POINT,
        drb=NUMBER,
        ndethist=LONG,
        distnr=NUMBER,
        sgscore1=NUMBER,
        distpsnr1=NUMBER,
        ssdistnr=NUMBER,
    ),
    prv_candidates=many("prv", **ZTF_POINT),
    fp_hists=many(
        "fp",
        jd="double",
        fid="int",
        pid="long",
        programid="int",
        diffmaglim=NUMBER,
        forcediffimflux=NUMBER,
        forcediffimfluxunc=NUMBER,
        magzpsci=NUMBER,
        procstatus=TEXT,
    ),
    cutoutScience=record("cutout", fileName="string", stampData="bytes"),
)
FINK_SCHEMA = copy.deepcopy(ZTF_SCHEMA)
FINK_SCHEMA["fields"] += [
    {"name": "cdsxmatch", "type": TEXT},
    {"name": "snn_sn_vs_all", "type": NUMBER},
    {"name": "tnsclass", "type": TEXT},
    {"name": "fink_broker_version", "type": "string"},
]


def write_avro(path, alerts, schema=ZTF_SCHEMA, **options):
    with path.open("wb") as file:
        fastavro.writer(file, schema, alerts, **options)
    return path


def poll(*paths, now=NOW, cursor=None, deadline=60.0):
    request = PollRequest(now=now, cursor=cursor or {}, deadline=deadline)
    return Archive(paths=tuple(map(str, paths))).poll(request)


def night(n=5):
    """Return alerts of `n` objects, one a day."""
    return [
        ztf_alert(
            objectId=f"ZTF26obj{k}",
            candidate=ztf_candidate(candid=3367463101415010117 + k, jd=JD + k),
            prv_candidates=[ztf_limit(jd=JD + k - 3)],
            fp_hists=[ztf_forced(jd=JD + k - 5, pid=3362463101415 + k)],
        )
        for k in range(n)
    ]


def write_parquet(path, alerts):
    pq.write_table(pa.Table.from_pylist(alerts), path)
    return path
