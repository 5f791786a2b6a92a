"""ALeRCE: the ZTF API, its forced photometry, and the LSST API, on one port."""

from __future__ import annotations

from typing import Any

from tests.standin import recorded, sky
from tests.standin.server import Question, Reply, Route, Service

FID = {"g": 1, "r": 2}
BAND = {"u": 6, "g": 1, "r": 2, "i": 3, "z": 4, "y": 5}
CLASS = {"SN Ia": "SN", "SN II": "SN", "AGN": "AGN"}


class Alerce(Service):
    """Objects by class, light curves; pages of ZTF say ``has_next: false`` as the real ones do."""

    name = "alerce"

    def routes(self) -> dict[str, Route]:
        return {
            "GET /ztf/v1/objects/": self.ztf_objects,
            "GET /ztf/v1/objects/([^/]+)/lightcurve": self.ztf_light_curve,
            "GET /ztf/v1/classifiers": lambda question: [{"classifier_name": "stamp_classifier"}],
            "GET /v2/lightcurve/forced-photometry/([^/]+)": self.ztf_forced,
            "GET /object_api/list_objects": self.lsst_objects,
            "GET /lightcurve_api/lightcurve": self.lsst_light_curve,
        }

    def ztf_objects(self, question: Question) -> Any:
        rows = [self._ztf_object(t) for t in self.visible()]
        return self._page(question, rows, question.get("class"), "class") | {
            "next": None, "has_next": False, "prev": None, "has_prev": False,
        }  # fmt: skip

    def lsst_objects(self, question: Question) -> Any:
        seen = [t for t in sky.transients() if t.detections("lsst", self.now)]
        rows = [self._lsst_object(t) for t in seen]
        page = self._page(question, rows, question.get("class_name"), "class_name")
        return page | {"current_page": 1, "has_next": True, "info_message": None}

    @staticmethod
    def _page(question: Question, rows: list[dict[str, Any]], name: str, key: str) -> Any:
        low, high = (float(value) for value in question.all("lastmjd", ["0", "1e9"]))
        chosen = [
            row
            for row in rows
            if low <= row["lastmjd"] <= high
            and name in {"", row[key]}
            and row["probability"] >= float(question.get("probability", "0"))
        ]
        chosen.sort(key=lambda row: row["lastmjd"])
        size, page = int(question.get("page_size", "10")), int(question.get("page", "1"))
        return {"total": None, "items": chosen[(page - 1) * size : page * size]}

    def _ztf_object(self, t: sky.Transient) -> dict[str, Any]:
        seen = t.detections("ztf", self.now)
        return {
            "oid": t.ztf_id, "ndethist": str(len(seen)), "ncovhist": 60, "corrected": False,
            "stellar": t.kind == "AGN", "ndet": len(seen), "g_r_max": None,
            "firstmjd": seen[0].mjd, "lastmjd": seen[-1].mjd,
            "deltajd": seen[-1].mjd - seen[0].mjd, "meanra": t.ra, "meandec": t.dec,
            "sigmara": 1e-5, "sigmadec": 1e-5, "class": CLASS[t.kind],
            "classifier": "stamp_classifier", "probability": 0.8 + t.number * 0.005,
            "step_id_corr": "stand-in",
        }  # fmt: skip

    def _lsst_object(self, t: sky.Transient) -> dict[str, Any]:
        seen = t.detections("lsst", self.now)
        return {
            "oid": t.lsst_id, "tid": 1, "sid": 1, "meanra": t.ra, "meandec": t.dec,
            "firstmjd": seen[0].mjd + sky.TAI, "lastmjd": seen[-1].mjd + sky.TAI,
            "n_det": len(seen), "n_forced": 0, "n_non_det": 0, "stellar": None,
            "class_name": CLASS[t.kind],
            "classifier_name": "stamp_classifier_rubin_beta_20260421",
            "classifier_version": "2.0.2", "probability": 0.85, "ranking": 1,
        }  # fmt: skip

    def _named(self, name: str) -> sky.Transient | None:
        found = (t for t in sky.transients() if name in {t.ztf_id, str(t.lsst_id)})
        return next(found, None)

    def ztf_light_curve(self, question: Question, oid: str) -> Any:
        t = self._named(oid)
        if t is None and oid in recorded.alerce():
            return recorded.alerce()[oid]
        if t is None:
            return Reply({"errors": {"code": "NOT_FOUND", "message": "Object ID not found"}}, 404)
        looks = t.ztf(self.now)
        return {
            "detections": [self._ztf_detection(t, look) for look in looks if look.detected],
            "non_detections": [
                {"tid": "ztf", "mjd": look.mjd, "fid": FID[look.band], "diffmaglim": look.limit}
                for look in looks
                if not look.detected
            ],
        }

    @staticmethod
    def _ztf_detection(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
        return {
            "tid": "ztf", "mjd": look.mjd, "candid": str(sky.candid(t, look)),
            "fid": FID[look.band], "pid": sky.candid(t, look) // 10**6,
            "diffmaglim": look.limit, "isdiffpos": 1 if look.flux > 0 else -1, "nid": 1,
            "distnr": 1.2, "magpsf": look.mag, "magpsf_corr": look.mag - 0.1,
            "sigmapsf": look.magerr, "sigmapsf_corr": 100.0, "sigmapsf_corr_ext": look.magerr,
            "ra": t.ra, "dec": t.dec, "rb": 0.9, "drb": 0.99, "has_stamp": True,
            "corrected": False, "dubious": False, "parent_candid": None,
        }  # fmt: skip

    def ztf_forced(self, question: Question, oid: str) -> Any:
        """Return forced photometry of the nights without a detection, half its fields nested."""
        t = self._named(oid)
        if t is None:
            return []
        return [
            {
                "oid": oid, "sid": "ztf", "aid": "", "mjd": look.mjd, "fid": FID[look.band],
                "mag": look.mag, "e_mag": look.magerr, "mag_corr": 100.0, "e_mag_corr": 100.0,
                "isdiffpos": 1 if look.flux > 0 else -1, "corrected": False, "dubious": False,
                "has_stamp": False, "ra": t.ra, "dec": t.dec,
                "extra_fields": {"diffmaglim": look.limit, "procstatus": "0", "pid": 1},
            }
            for look in t.ztf(self.now)
            if not look.detected
        ]  # fmt: skip

    def lsst_light_curve(self, question: Question) -> Any:
        t = self._named(question.get("oid"))
        if t is None and question.get("oid") in recorded.alerce():
            return recorded.alerce()[question.get("oid")]
        if t is None:
            return Reply({"detail": "Object not found"}, 404)
        looks = t.lsst(self.now)
        return {
            "detections": [self._lsst_point(t, look) for look in looks if look.detected],
            "non_detections": [],
            "forced_photometry": [
                self._lsst_point(t, look) | {"has_stamp": False}
                for look in looks
                if not look.detected
            ],
        }

    @staticmethod
    def _lsst_point(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
        return {
            "band_map": {str(code): band for band, code in BAND.items()}, "band": BAND[look.band],
            "mjd": look.mjd + sky.TAI, "survey_id": "lsst", "ra": t.ra, "dec": t.dec,
            "oid": t.lsst_id, "measurement_id": sky.dia_source_id(t, look),
            "diaObjectId": t.lsst_id, "psfFlux": look.flux * 1e3, "psfFluxErr": look.flux_err * 1e3,
            "psfFlux_flag": 0, "scienceFlux": look.flux * 1e3 + 5e3, "has_stamp": True,
            "visit": 2026112200000 + t.number, "ssObjectId": 0, "snr": look.flux / look.flux_err,
            "reliability": 0.98, "isDipole": False, "centroid_flag": False,
        }  # fmt: skip
