"""Fink's two REST APIs: ZTF and LSST, which give the same names different meanings."""

from __future__ import annotations

import json
from typing import Any

from tests.standin import packets, recorded, sky
from tests.standin.server import Question, Reply, Route, Service

FID = {"g": 1, "r": 2}


class FinkZtf(Service):
    """``objects``: one row per alert, and upper limits as rows of texts."""

    name = "fink-ztf"

    def routes(self) -> dict[str, Route]:
        return {
            "POST /api/v1/objects": self.objects,
            "GET /api/v1/classes": lambda question: {"Fink classifiers": ["SN candidate"]},
        }

    def objects(self, question: Question) -> Any:
        names = question.get("objectId").split(",")
        if names == [""]:
            return Reply("{'status': 'error', 'text': 'A value for `objectId` is required.'}", 400)
        found = [t for t in self.visible() if t.ztf_id in names]
        known = [row for name in names for row in recorded.fink_ztf().get(name, [])]
        return [row for t in found for row in self._rows(t, question)] + known

    def _rows(self, t: sky.Transient, question: Question) -> list[dict[str, Any]]:
        looks = list(reversed(t.ztf(self.now)))
        rows = [self._alert(t, look) for look in looks if look.detected]
        if question.get("withupperlim") == "True":
            rows += [self._upper_limit(t, look) for look in looks if not look.detected]
        return rows

    @staticmethod
    def _alert(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
        return {
            "i:objectId": t.ztf_id, "i:candid": sky.candid(t, look), "i:jd": look.mjd + 2400000.5,
            "i:fid": FID[look.band], "i:magpsf": look.mag, "i:sigmapsf": look.magerr,
            "i:diffmaglim": look.limit, "i:isdiffpos": "t" if look.flux > 0 else "f",
            "i:ra": t.ra, "i:dec": t.dec, "i:rb": 0.9, "i:drb": 0.99, "i:ndethist": 9,
            "i:ssdistnr": -999.0, "i:ssnamenr": "null", "i:distnr": 1.2, "i:programid": 1,
            "i:schemavsn": "4.02", "d:cdsxmatch": "Fail 503" if t.number % 3 else "Unknown",
            "d:rf_snia_vs_nonia": 0.6 if t.kind == "SN Ia" else 0.0,
            "d:snn_snia_vs_nonia": 0.8 if t.kind == "SN Ia" else 0.1,
            "d:snn_sn_vs_all": 0.9 if t.kind != "AGN" else 0.05, "d:mulens": 0.0, "d:roid": 0,
            "d:tns": "", "d:vsx": "Fail 503", "d:gcvs": "Unknown", "d:tracklet": "",
            "d:from_upper": "\ufffd", "d:tag": "valid", "v:classification": "SN candidate",
            "v:lastdate": "2026-11-21 09:50:47.000", "v:g-r": None,
        }  # fmt: skip

    @staticmethod
    def _upper_limit(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
        """Return a row of texts, as the real ones are."""
        return {
            "i:objectId": t.ztf_id, "i:candid": "-1", "i:jd": f"{look.mjd + 2400000.5:.7f}",
            "i:fid": str(FID[look.band]), "i:diffmaglim": f"{look.limit:.4f}", "i:magpsf": "nan",
            "d:tag": "upperlim",
        }  # fmt: skip


class FinkLsst(Service):
    """``sources`` and ``fp``: light curves; ``tags``: alerts, newest first."""

    name = "fink-lsst"
    tag_names = ("extragalactic_new_candidate", "in_tns", "most_likely_sn")

    def routes(self) -> dict[str, Route]:
        return {
            "POST /api/v1/sources": self.sources,
            "POST /api/v1/fp": self.forced,
            "POST /api/v1/tags": self.tags,
            "GET /schemas/ids/(\\d+)": self.schema,
            "GET /api/v1/tags": lambda question: {
                name: {"description": name, "API support": True} for name in self.tag_names
            },
        }

    def schema(self, question: Question, number: str) -> Any:
        """Answer as a Confluent registry does; Rubin's numbers are hundreds of its versions."""
        if number != "1000":
            return Reply({"error_code": 40403, "message": "Schema not found"}, 404)
        return {"schema": json.dumps(packets.LSST_SCHEMA)}

    def _asked(self, question: Question) -> list[sky.Transient]:
        names = question.get("diaObjectId").split(",")
        return [t for t in sky.transients() if str(t.lsst_id) in names]

    def sources(self, question: Question) -> Any:
        names = question.get("diaObjectId").split(",")
        return [
            self._source(t, look)
            for t in self._asked(question)
            for look in reversed(t.lsst(self.now))
            if look.detected
        ] + [row for name in names for row in recorded.fink_lsst().get(name, [])]

    def forced(self, question: Question) -> Any:
        return [
            {
                "r:diaObjectId": t.lsst_id, "r:diaForcedSourceId": sky.dia_source_id(t, look) + 5,
                "r:midpointMjdTai": look.mjd + sky.TAI, "r:band": look.band, "r:ra": t.ra,
                "r:dec": t.dec, "r:psfFlux": look.flux * 1e3, "r:psfFluxErr": look.flux_err * 1e3,
                "r:scienceFlux": look.flux * 1e3 + 5e3, "r:visit": 1,
            }
            for t in self._asked(question)
            for look in t.lsst(self.now)
        ]  # fmt: skip

    def tags(self, question: Question) -> Any:
        """Newest first, at most n, between the dates (MJD as text)."""
        if question.get("tag") not in self.tag_names:
            return Reply("unknown tag", 400, "text/plain")
        start, stop = (float(question.get(key, "0")) for key in ("startdate", "stopdate"))
        rows = [
            self._source(t, look)
            for t in sky.transients()
            if t.kind != "AGN"
            for look in t.lsst(self.now)
            if look.detected and start <= look.mjd <= stop
        ]
        rows.sort(key=lambda row: row["r:midpointMjdTai"], reverse=True)
        return rows[: int(question.get("n", "10"))]

    @staticmethod
    def _source(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
        row: dict[str, Any] = {
            "r:diaObjectId": t.lsst_id, "r:diaSourceId": sky.dia_source_id(t, look),
            "r:ra": t.ra, "r:dec": t.dec, "r:midpointMjdTai": look.mjd + sky.TAI,
            "r:band": look.band, "r:psfFlux": look.flux * 1e3, "r:psfFluxErr": look.flux_err * 1e3,
            "r:reliability": 0.98, "r:snr": look.flux / look.flux_err, "r:ssObjectId": 0,
            "r:nDiaSources": 12, "f:clf_cats_class": 11 if t.kind != "AGN" else 22,
            "f:clf_cats_score": 0.99, "f:clf_snnSnVsOthers_score": 0.84,
            "f:clf_earlySNIa_score": -1.0, "f:is_sso": False, "f:is_cataloged": False,
            "f:main_label_crossmatch": "Fail", "f:xm_simbad_otype": "Fail", "f:xm_vsx_Type": "nan",
        }  # fmt: skip
        if t.tns_name:
            row["f:xm_tns_fullname"] = f"AT {t.tns_name}"
        return row
