"""Small alert packets with the field names of the surveys' schemas, for the tests of this room."""

from __future__ import annotations

from typing import Any

JD = 2461100.75
MJD = 61100.25
TAI = 61105.0 + 37.0 / 86400.0


def ztf_candidate(**changes: Any) -> dict[str, Any]:
    return {
        "jd": JD,
        "fid": 2,
        "pid": 3367463101415,
        "diffmaglim": 20.5,
        "programid": 1,
        "candid": 3367463101415010117,
        "isdiffpos": "t",
        "ra": 150.1,
        "dec": 2.2,
        "magpsf": 18.5,
        "sigmapsf": 0.1,
        "rb": 0.9,
        "drb": 0.99,
        "nbad": 0,
        "ndethist": 4,
        "distnr": 1.5,
        "sgscore1": 0.1,
        "distpsnr1": 2.0,
        "ssdistnr": -999.0,
    } | changes


def ztf_limit(**changes: Any) -> dict[str, Any]:
    return {
        "jd": JD - 3.0,
        "fid": 1,
        "pid": 3364463101415,
        "diffmaglim": 20.0,
        "programid": 1,
        "candid": None,
        "isdiffpos": None,
        "ra": None,
        "dec": None,
        "magpsf": None,
        "sigmapsf": None,
        "rb": None,
        "nbad": None,
    } | changes


def ztf_forced(**changes: Any) -> dict[str, Any]:
    return {
        "jd": JD - 5.0,
        "fid": 2,
        "pid": 3362463101415,
        "programid": 1,
        "diffmaglim": 20.4,
        "forcediffimflux": 100.0,
        "forcediffimfluxunc": 10.0,
        "magzpsci": 26.4,
        "procstatus": "0",
    } | changes


def ztf_alert(**changes: Any) -> dict[str, Any]:
    candidate = changes.pop("candidate", ztf_candidate())
    candid = candidate.get("candid") if candidate else None
    return {
        "schemavsn": "4.02",
        "publisher": "ZTF (www.ztf.caltech.edu)",
        "objectId": "ZTF26aamcbly",
        "candid": candid,
        "candidate": candidate,
        "prv_candidates": None,
        "fp_hists": None,
        "cutoutScience": {"fileName": "a.fits.gz", "stampData": b"123"},
    } | changes


def dia_source(**changes: Any) -> dict[str, Any]:
    return {
        "diaSourceId": 170094456272322680,
        "diaObjectId": 170028485706776685,
        "ssObjectId": None,
        "midpointMjdTai": TAI,
        "timeProcessedMjdTai": TAI + 0.01,
        "timeWithdrawnMjdTai": None,
        "ra": 62.1,
        "dec": -48.2,
        "psfFlux": 5000.0,
        "psfFluxErr": 250.0,
        "band": "i",
        "snr": 20.0,
        "reliability": 0.75,
        "isDipole": False,
        "psfFlux_flag": False,
        "centroid_flag": None,
        "pixelFlags_edge": False,
        "pixelFlags_saturatedCenter": False,
    } | changes


def dia_forced(**changes: Any) -> dict[str, Any]:
    return {
        "diaForcedSourceId": 170028486242598972,
        "diaObjectId": 170028485706776685,
        "ra": 62.1,
        "dec": -48.2,
        "psfFlux": -700.0,
        "psfFluxErr": 500.0,
        "midpointMjdTai": TAI - 4.0,
        "band": "z",
        "timeProcessedMjdTai": TAI - 3.9,
        "timeWithdrawnMjdTai": None,
    } | changes


def lsst_alert(**changes: Any) -> dict[str, Any]:
    return {
        "diaSourceId": 170094456272322680,
        "observation_reason": "wfd",
        "target_name": None,
        "diaSource": dia_source(),
        "prvDiaSources": None,
        "prvDiaForcedSources": None,
        "diaObject": {"diaObjectId": 170028485706776685, "ra": 62.10001, "dec": -48.20001},
        "ssSource": {"ssObjectId": None, "designation": None},
        "mpc_orbits": None,
        "cutoutScience": b"image",
    } | changes
