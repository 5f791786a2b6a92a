"""Lasair's REST APIs for ZTF and LSST: the same paths, different answers."""

from __future__ import annotations

import re
from typing import Any

from tests.standin import recorded, sky
from tests.standin.server import Question, Reply, Route, Service

FID = {"g": 1, "r": 2}


class Lasair(Service):
    """``query`` and ``object``, for a token; form data in, JSON out."""

    token = "standin-lasair-token"

    def routes(self) -> dict[str, Route]:
        return {"POST /api/query/": self.query, "POST /api/object/": self.object}

    def wait_words(self, wait: float) -> tuple[dict[str, str], Any]:
        """No Retry-After, and an hour whatever happens."""
        return {}, {"message": "Request limit exceeded. Either wait an hour, or see the docs"}

    def _denied(self, question: Question) -> Reply | None:
        if question.headers.get("authorization") == f"Token {self.token}":
            return None
        return Reply({"detail": "Invalid token."}, 401)

    def query(self, question: Question) -> Any:
        denied = self._denied(question)
        if denied:
            return denied
        column = "lastDiaSourceMjdTai" if self.survey == "lsst" else "jdmax"
        bound = re.search(rf"{column} > ([\d.]+)", question.get("conditions"))
        rows = [self._row(t) for t in sky.transients() if t.detections(self.survey, self.now)]
        if bound:
            rows = [row for row in rows if row[column] > float(bound[1])]
        offset, limit = int(question.get("offset", "0")), int(question.get("limit", "1000"))
        return rows[offset : offset + limit]

    def object(self, question: Question) -> Any:
        denied = self._denied(question)
        if denied:
            return denied
        name = question.get("objectId")
        found = [t for t in sky.transients() if name in {t.ztf_id, str(t.lsst_id)}]
        if not found and name in recorded.lasair():
            return recorded.lasair()[name]
        return self._object(found[0]) if found else self._unknown()

    survey = ""

    def _row(self, t: sky.Transient) -> dict[str, Any]:
        raise NotImplementedError

    def _object(self, t: sky.Transient) -> Any:
        raise NotImplementedError

    def _unknown(self) -> Reply:
        raise NotImplementedError


def sherlock(t: sky.Transient) -> dict[str, Any]:
    return {"classification": "AGN" if t.kind == "AGN" else "SN", "separationArcsec": 1.5,
            "z": t.redshift, "distance": 100.0, "catalogue_object_id": "1"}  # fmt: skip


class LasairZtf(Lasair):
    name = "lasair-ztf"
    survey = "ztf"

    def _row(self, t: sky.Transient) -> dict[str, Any]:
        last = t.detections("ztf", self.now)[-1]
        return {"objectId": t.ztf_id, "ramean": t.ra, "decmean": t.dec,
                "jdmax": last.mjd + 2400000.5, "classification": "SN"}  # fmt: skip

    def _object(self, t: sky.Transient) -> Any:
        return {
            "objectId": t.ztf_id,
            "objectData": {"ncand": 5, "ramean": t.ra, "decmean": t.dec, "discMag": "17.33±0.04"},
            "candidates": [self._candidate(t, look) for look in reversed(t.ztf(self.now))],
            "sherlock": sherlock(t),
            "TNS": {"tns_name": t.tns_name, "tns_prefix": "SN", "type": t.tns_type,
                    "z": t.redshift} if t.tns_name else {},
        }  # fmt: skip

    @staticmethod
    def _candidate(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
        """Return a row; that of a non-detection has no candid, and its magpsf is the limit."""
        row: dict[str, Any] = {"jd": look.mjd + 2400000.5, "mjd": look.mjd, "fid": FID[look.band],
                               "diffmaglim": look.limit}  # fmt: skip
        if not look.detected:
            return row | {"magpsf": look.limit}
        return row | {
            "candid": sky.candid(t, look), "ra": t.ra, "dec": t.dec, "magpsf": look.mag,
            "sigmapsf": look.magerr, "isdiffpos": "t", "drb": 0.9, "ssdistnr": -999.0,
        }  # fmt: skip

    def _unknown(self) -> Reply:
        return Reply("<h1>Server Error (500)</h1>", 500, "text/html")


class LasairLsst(Lasair):
    name = "lasair-lsst"
    survey = "lsst"

    def _row(self, t: sky.Transient) -> dict[str, Any]:
        last = t.detections("lsst", self.now)[-1]
        return {"diaObjectId": t.lsst_id, "ra": t.ra, "decl": t.dec,
                "lastDiaSourceMjdTai": last.mjd + sky.TAI, "nDiaSources": 9,
                "tns_name": t.tns_name or None}  # fmt: skip

    def _object(self, t: sky.Transient) -> Any:
        looks = t.lsst(self.now)
        return {
            "diaObjectId": t.lsst_id,
            "diaObject": {"ra": t.ra, "decl": t.dec,
                          "lastDiaSourceMjdTai": looks[-1].mjd + sky.TAI},
            "diaSourcesList": [
                point(look) | {"diaSourceId": sky.dia_source_id(t, look), "reliability": 0.97}
                for look in looks
                if look.detected
            ],
            "diaForcedSourcesList": [point(look) for look in looks],
            "diaNondetectionLimitsList": [],
            "lasairData": {"sherlock": sherlock(t), "annotations": []},
        }  # fmt: skip

    def _unknown(self) -> Reply:
        return Reply({"error": "Object not found"}, 404)


def point(look: sky.Exposure) -> dict[str, Any]:
    """One lite row."""
    return {"psfFlux": look.flux * 1e3, "psfFluxErr": look.flux_err * 1e3,
            "midpointMjdTai": look.mjd + sky.TAI, "band": look.band}  # fmt: skip


def lsst_message(t: sky.Transient, now: float) -> dict[str, Any]:
    """One message of a filter stream with lite light curves."""
    looks = t.lsst(now)
    return {
        "diaObjectId": t.lsst_id, "lastDiaSourceMjdTai": looks[-1].mjd + sky.TAI, "latestR": 0.98,
        "nDiaSources": len(looks), "ra": t.ra, "decl": t.dec, "tns_name": t.tns_name or None,
        "absMag": None, "z": t.redshift, "separationArcsec": 1.5,
        "sherlock_classifications": "SN", "UTC": "2026-11-22 03:00:00",
        "alert": {
            "diaSourcesList": [point(look) | {"reliability": 0.97} for look in looks
                               if look.detected],
            "diaForcedSourcesList": [point(look) for look in looks],
            "diaNondetectionLimitsList": [],
        },
    }  # fmt: skip


def ztf_message(t: sky.Transient, now: float) -> dict[str, Any]:
    """One message of a ZTF filter stream with its light curve."""
    last = [look for look in t.ztf(now) if look.detected][-1]
    return {
        "objectId": t.ztf_id, "ramean": t.ra, "decmean": t.dec, "jdmax": last.mjd + 2400000.5,
        "classification": "SN", "UTC": "2026-11-22 03:00:00",
        "alert": {"candidates": [LasairZtf._candidate(t, look) for look in t.ztf(now)]},
    }  # fmt: skip
