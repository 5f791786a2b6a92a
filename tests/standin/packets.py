"""Alert packets with the field names of the surveys and of Fink, and the Avro schemas for them."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import fastavro

from tests.standin import sky

FID = {"g": 1, "r": 2}
_NUMBERS = [
    "jd",
    "diffmaglim",
    "ra",
    "dec",
    "magpsf",
    "sigmapsf",
    "chipsf",
    "magap",
    "sigmagap",
    "distnr",
    "magnr",
    "sigmagnr",
    "chinr",
    "sharpnr",
    "sky",
    "magdiff",
    "fwhm",
    "classtar",
    "mindtoedge",
    "magfromlim",
    "seeratio",
    "aimage",
    "bimage",
    "aimagerat",
    "bimagerat",
    "elong",
    "rb",
    "ssdistnr",
    "ssmagnr",
    "sumrat",
    "magapbig",
    "sigmagapbig",
    "ranr",
    "decnr",
    "scorr",
    "magzpsci",
    "magzpsciunc",
    "magzpscirms",
    "clrcoeff",
    "clrcounc",
    "xpos",
    "ypos",
]
_INTEGERS = [
    "fid",
    "pid",
    "programid",
    "candid",
    "tblid",
    "nid",
    "rcid",
    "field",
    "nneg",
    "nbad",
    "nmatches",
]
_TEXTS = ["pdiffimfilename", "programpi", "isdiffpos", "ssnamenr", "rbversion"]
_OF_ALERT = [
    "sgscore1",
    "distpsnr1",
    "sgscore2",
    "distpsnr2",
    "sgscore3",
    "distpsnr3",
    "drb",
    "zpclrcov",
    "zpmed",
    "clrmed",
    "clrrms",
    "neargaia",
    "maggaia",
    "jdstarthist",
    "jdendhist",
    "jdstartref",
    "jdendref",
    "dsnrms",
    "ssnrms",
    "dsdiff",
    "exptime",
]
_OF_ALERT_INTEGERS = [
    "ndethist",
    "ncovhist",
    "tooflag",
    "rfid",
    "nframesref",
    "nmtchps",
    "objectidps1",
]
_FINK_SCORES = [
    "rf_snia_vs_nonia",
    "snn_snia_vs_nonia",
    "snn_sn_vs_all",
    "rf_kn_vs_nonkn",
    "mulens",
    "slsn_score",
    "anomaly_score",
    "mag_rate",
    "sigma_rate",
    "jd_first_real_det",
]
_FINK_TEXTS = ["cdsxmatch", "tns", "DR3Name", "vsx", "gcvs", "spicy_class", "x3hsp", "tracklet"]


def _fields(kind: str, names: list[str]) -> list[dict[str, Any]]:
    return [{"name": name, "type": [kind, "null"], "default": None} for name in names]


def _measurement(name: str, *, alert: bool) -> dict[str, Any]:
    fields = _fields("double", _NUMBERS) + _fields("long", _INTEGERS) + _fields("string", _TEXTS)
    if alert:
        fields += _fields("double", _OF_ALERT) + _fields("long", _OF_ALERT_INTEGERS)
    return {"type": "record", "name": name, "fields": fields}


def _cutout(name: str) -> dict[str, Any]:
    fields = [{"name": "fileName", "type": "string"}, {"name": "stampData", "type": "bytes"}]
    return {"name": name, "type": {"type": "record", "name": f"{name}Record", "fields": fields}}


ZTF_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "alert",
    "namespace": "ztf",
    "fields": [
        {"name": "schemavsn", "type": "string"},
        {"name": "publisher", "type": "string"},
        {"name": "objectId", "type": "string"},
        {"name": "candid", "type": "long"},
        {"name": "candidate", "type": _measurement("candidate", alert=True)},
        {
            "name": "prv_candidates",
            "type": ["null", {"type": "array", "items": _measurement("prv", alert=False)}],
            "default": None,
        },
        _cutout("cutoutScience"),
        _cutout("cutoutTemplate"),
        _cutout("cutoutDifference"),
        *_fields("string", ["fink_broker_version", *_FINK_TEXTS]),
        *_fields("double", _FINK_SCORES),
        {"name": "mangrove", "type": {"type": "map", "values": ["null", "string"]}},
        {
            "name": "blazar_stats",
            "type": {
                "type": "record",
                "name": "blazar",
                "fields": _fields("double", ["m0", "m1", "m2"]),
            },
        },
    ],
}

_SOURCE_NUMBERS = [
    "midpointMjdTai",
    "ra",
    "raErr",
    "dec",
    "decErr",
    "ra_dec_Cov",
    "x",
    "xErr",
    "y",
    "yErr",
    "psfFlux",
    "psfFluxErr",
    "psfChi2",
    "apFlux",
    "apFluxErr",
    "scienceFlux",
    "scienceFluxErr",
    "templateFlux",
    "templateFluxErr",
    "trailFlux",
    "snr",
    "extendedness",
    "reliability",
    "ixx",
    "iyy",
    "ixy",
    "ixxPSF",
    "iyyPSF",
    "ixyPSF",
    "timeProcessedMjdTai",
    "timeWithdrawnMjdTai",
]
_SOURCE_FLAGS = [
    "centroid_flag",
    "psfFlux_flag",
    "psfFlux_flag_edge",
    "isDipole",
    "isNegative",
    "shape_flag",
    "glint_trail",
    "pixelFlags_edge",
    "pixelFlags_bad",
    "pixelFlags_saturatedCenter",
    "pixelFlags_crCenter",
]


def _dia_source() -> list[dict[str, Any]]:
    return [
        {"name": "diaSourceId", "type": "long"},
        {"name": "diaObjectId", "type": ["null", "long"], "default": None},
        {"name": "visit", "type": "long"},
        {"name": "band", "type": ["null", "string"], "default": None},
        *_fields("double", _SOURCE_NUMBERS),
        *_fields("boolean", _SOURCE_FLAGS),
    ]


_FORCED = [
    {"name": "diaForcedSourceId", "type": "long"},
    {"name": "band", "type": ["null", "string"], "default": None},
    *_fields("double", ["midpointMjdTai", "psfFlux", "psfFluxErr", "scienceFlux", "ra", "dec"]),
]

LSST_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "alert",
    "namespace": "lsst.v10_0",
    "fields": [
        {"name": "diaSourceId", "type": "long"},
        {
            "name": "diaSource",
            "type": {"type": "record", "name": "diaSource", "fields": _dia_source()},
        },
        {
            "name": "prvDiaSources",
            "type": ["null", {"type": "array", "items": "lsst.v10_0.diaSource"}],
            "default": None,
        },
        {
            "name": "prvDiaForcedSources",
            "type": [
                "null",
                {
                    "type": "array",
                    "items": {"type": "record", "name": "diaForcedSource", "fields": _FORCED},
                },
            ],
            "default": None,
        },
        {
            "name": "diaObject",
            "type": [
                "null",
                {
                    "type": "record",
                    "name": "diaObject",
                    "fields": [
                        {"name": "diaObjectId", "type": "long"},
                        *_fields("double", ["ra", "dec", "validityStartMjdTai"]),
                    ],
                },
            ],
            "default": None,
        },
        {"name": "cutoutDifference", "type": ["null", "bytes"], "default": None},
        *_fields("string", ["fink_broker_version"]),
        {
            "name": "clf",
            "type": {
                "type": "record",
                "name": "clf",
                "fields": [
                    *_fields("double", ["snnSnVsOthers_score", "cats_score", "earlySNIa_score"]),
                    *_fields("int", ["cats_class"]),
                ],
            },
        },
    ],
}


def ztf_alert(t: sky.Transient, now: float, *, image_bytes: int = 15_000) -> dict[str, Any] | None:
    """Return the newest alert of a transient, with 30 days of history and images."""
    looks = t.ztf(now)
    newest = next((look for look in reversed(looks) if look.detected), None)
    if newest is None:
        return None
    history = [look for look in looks if newest.mjd - 30.0 < look.mjd < newest.mjd]
    rng = random.Random(f"{t.number}:{newest.mjd}")
    images = {
        f"cutout{name}": {"fileName": f"{name}.fits.gz", "stampData": rng.randbytes(image_bytes)}
        for name in ("Science", "Template", "Difference")
    }
    scores = dict.fromkeys(_FINK_SCORES, 0.5) | {"slsn_score": -1.0, "anomaly_score": None}
    return (
        {
            "schemavsn": "4.02",
            "publisher": "Fink",
            "objectId": t.ztf_id,
            "candid": sky.candid(t, newest),
            "candidate": _candidate(t, newest, alert=True),
            "prv_candidates": [_candidate(t, look, alert=False) for look in history],
            "fink_broker_version": "4.1",
            "cdsxmatch": "Unknown",
            "tns": "",
            "DR3Name": "nan",
            "vsx": "Fail",
            "gcvs": "Unknown",
            "spicy_class": "Unknown",
            "x3hsp": "Unknown",
            "tracklet": "",
            "mangrove": {"HyperLEDA_name": "None", "lum_dist": "None"},
            "blazar_stats": {"m0": -1.0, "m1": -1.0, "m2": -1.0},
        }
        | images
        | scores
    )


def _candidate(t: sky.Transient, look: sky.Exposure, *, alert: bool) -> dict[str, Any]:
    """Return a measurement; nearly all is null where nothing was detected."""
    row: dict[str, Any] = {
        "jd": look.mjd + 2400000.5,
        "fid": FID[look.band],
        "pid": sky.candid(t, look) // 10**6,
        "diffmaglim": look.limit,
        "programid": 1,
        "pdiffimfilename": "ztf_x_scimrefdiffimg.fits",
        "programpi": "Kulkarni",
        "nid": int(look.mjd - 57754),
        "rcid": 14,
        "field": 434,
        "magzpsci": 26.3,
    }
    if look.detected:
        row |= dict.fromkeys(_NUMBERS[6:], 1.25) | {
            "candid": sky.candid(t, look),
            "ra": t.ra,
            "dec": t.dec,
            "magpsf": look.mag,
            "sigmapsf": look.magerr,
            "isdiffpos": "t",
            "rb": 0.9,
            "nbad": 0,
            "ssdistnr": -999.0,
            "ssnamenr": "null",
            "rbversion": "t17_f5_c3",
            "distnr": 1.2,
            "magzpsci": 26.3,
        }
    if alert:
        row |= dict.fromkeys(_OF_ALERT, 0.5) | dict.fromkeys(_OF_ALERT_INTEGERS, 7)
        row |= {"drb": 0.99}
    return row


def lsst_alert(t: sky.Transient, now: float) -> dict[str, Any] | None:
    """Return the newest LSST alert of a transient, with its history."""
    looks = t.lsst(now)
    found = [look for look in looks if look.detected]
    if not found:
        return None
    return {
        "diaSourceId": sky.dia_source_id(t, found[-1]),
        "diaSource": _source(t, found[-1]),
        "prvDiaSources": [_source(t, look) for look in found[:-1]],
        "prvDiaForcedSources": [_forced(t, look) for look in looks if look.mjd < found[-1].mjd],
        "diaObject": {
            "diaObjectId": t.lsst_id,
            "ra": t.ra,
            "dec": t.dec,
            "validityStartMjdTai": found[-1].mjd,
        },
        "cutoutDifference": b"\0" * 3000,
        "fink_broker_version": "4.1",
        "clf": {
            "snnSnVsOthers_score": 0.84,
            "cats_score": 0.99,
            "earlySNIa_score": -1.0,
            "cats_class": 11,
        },
    }


def _source(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
    return dict.fromkeys(_SOURCE_FLAGS, False) | {
        "diaSourceId": sky.dia_source_id(t, look),
        "diaObjectId": t.lsst_id,
        "visit": 1,
        "band": look.band,
        "midpointMjdTai": look.mjd + sky.TAI,
        "ra": t.ra,
        "dec": t.dec,
        "psfFlux": look.flux * 1e3,
        "psfFluxErr": look.flux_err * 1e3,
        "snr": look.flux / look.flux_err,
        "reliability": 0.98,
    }


def _forced(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
    return {
        "diaForcedSourceId": sky.dia_source_id(t, look) + 5,
        "band": look.band,
        "ra": t.ra,
        "dec": t.dec,
        "midpointMjdTai": look.mjd + sky.TAI,
        "psfFlux": look.flux * 1e3,
        "psfFluxErr": look.flux_err * 1e3,
        "scienceFlux": 0.0,
    }


def encode(alert: dict[str, Any], schema: dict[str, Any]) -> bytes:
    """Encode without a container, as streams do."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), alert)
    return out.getvalue()


def contain(alerts: list[dict[str, Any]], schema: dict[str, Any]) -> bytes:
    """Encode in a container, as files do."""
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), alerts)
    return out.getvalue()


def key_of(schema: dict[str, Any]) -> bytes:
    """Return the message key that carries a schema."""
    return json.dumps(schema).encode()
