"""ALeRCE: the ZTF API, its forced photometry, and the LSST API, on one port.

What they refuse follows the published servers, alercebroker/web-services (commit 9bbef88); each
rule names its file there: ``alerts-api`` for ZTF, ``multisurveys-apis`` for LSST.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.standin import recorded, sky
from tests.standin.server import Question, Reply, Route, Service, StumbleError

FID = {"g": 1, "r": 2}
BAND = {"u": 6, "g": 1, "r": 2, "i": 3, "z": 4, "y": 5}
CLASS = {"SN Ia": "SN", "SN II": "SN", "AGN": "AGN"}
STAMP = "stamp_classifier_rubin_beta_20260421"
CLASSIFIERS = {
    STAMP: ["SN", "AGN", "VS", "asteroid", "bogus"],
    "stamp_classifier_rubin_beta_20251001": ["SN", "AGN", "VS", "asteroid", "bogus"],
    "lc_classifier_rubin": ["SNIa", "AGN"],
}
"""LSST classifiers and their classes."""

ZTF_ORDERS = (
    "oid",
    "ndet",
    "g_r_max",
    "g_r_max_corr",
    "g_r_mean",
    "g_r_mean_corr",
    "meanra",
    "meandec",
    "sigmara",
    "sigmadec",
    "deltajd",
    "firstmjd",
    "lastmjd",
    "class_name",
    "classifier_name",
    "classifier_version",
    "probability",
    "ranking",
)
"""alerts-api: api/resources/astro_object/parsers.py, ``columns``."""

BOOLEANS = {"yes", "true", "t", "y", "1", "no", "false", "f", "n", "0"}
NUMBERS = {
    "page": int,
    "page_size": int,
    "ranking": int,
    "ndet": int,
    "n_det": int,
    "probability": float,
    "firstmjd": float,
    "lastmjd": float,
    "ra": float,
    "dec": float,
    "radius": float,
}
"""Parameters that must be numbers, wherever they occur."""


class Alerce(Service):
    """Objects by class, light curves; pages of ZTF say ``has_next: false`` as the real ones do."""

    name = "alerce"

    def routes(self) -> dict[str, Route]:
        return {
            # Flask sends whoever leaves out the slash to the path that has it.
            "GET /ztf/v1/objects": self.with_slash,
            "GET /ztf/v1/objects/": self.ztf_objects,
            "GET /ztf/v1/objects/([^/]+)/lightcurve": self.ztf_light_curve,
            "GET /ztf/v1/objects/([^/]+)/probabilities": self.ztf_probabilities,
            "GET /ztf/v1/classifiers/?": self.ztf_classifiers,
            "GET /v2/lightcurve/forced-photometry/([^/]+)": self.ztf_forced,
            "GET /object_api/list_objects": self.lsst_objects,
            "GET /lightcurve_api/lightcurve": self.lsst_light_curve,
            "GET /classifier_api/classifiers": self.lsst_classifiers,
        }

    def stumbled(self) -> Reply:
        """multisurveys-apis: object_api/routes/rest.py, ``except Exception``."""
        return Reply({"detail": "An error occurred"}, 500)

    def with_slash(self, question: Question) -> Any:
        pairs = [f"{name}={value}" for name, values in question.query.items() for value in values]
        target = f"{question.path}/?{'&'.join(pairs)}"
        return Reply(b"", 308, "text/html", {"Location": target})

    def ztf_classifiers(self, question: Question) -> Any:
        names = ("lc_classifier", "stamp_classifier")
        return [
            {"classifier_name": name, "classifier_version": "1.0", "classes": CLASSIFIERS[STAMP]}
            for name in names
        ]

    def ztf_probabilities(self, question: Question, oid: str) -> Any:
        """alerts-api: api/resources/probabilities; a bare list, one row a class and classifier."""
        if all(t.ztf_id != oid for t in self.visible()):
            return Reply({"message": "Object not found"}, 404)
        rows = [("stamp_classifier", "1.0.4", "SN", 0.7), ("stamp_classifier", "1.0.4", "AGN", 0.3)]
        rows += [("lc_classifier", "1.1.9", "SNIa", 0.2), ("lc_classifier", "1.1.10", "SNIa", 0.6)]
        names = ("classifier_name", "classifier_version", "class_name", "probability")
        return [dict(zip(names, row, strict=True)) | {"ranking": 1} for row in rows]

    def lsst_classifiers(self, question: Question) -> Any:
        """multisurveys-apis: classifier_api/routes/rest.py, models/classifiers.py."""
        return [
            {
                "classifier_name": name,
                "classifier_version": "2.0.2",
                "classes": classes,
                "classifier_id": number,
            }
            for number, (name, classes) in enumerate(sorted(CLASSIFIERS.items()))
        ]

    def ztf_objects(self, question: Question) -> Any:
        if refused := _ztf_refusal(question):
            return refused
        rows = [self._ztf_object(t) for t in self.visible()]
        order = question.get("order_by", "lastmjd")
        name, mode = question.get("class"), question.get("order_mode", "ASC")
        chosen = _chosen(question, rows, name, "class")
        if question.query.get("oid"):
            chosen = [row for row in chosen if row["oid"] in question.query["oid"]]
        key = {"class_name": "class", "classifier_name": "classifier"}.get(order, order)
        chosen.sort(key=lambda row: row.get(key) or 0, reverse=mode == "DESC")
        size, page = int(question.get("page_size", "10")), int(question.get("page", "1"))
        return {
            "total": None,
            "next": None,
            "has_next": False,
            "prev": None,
            "has_prev": False,
            "items": chosen[(page - 1) * size : page * size],
        }

    def lsst_objects(self, question: Question) -> Any:
        if refused := _lsst_refusal(question):
            return refused
        classifier, name = question.get("classifier"), question.get("class_name")
        if classifier and classifier not in CLASSIFIERS:
            raise StumbleError  # object_api/services/classifier_data_matcher.py: ValueError
        if any(not oid.isdigit() for oid in question.query.get("oid", ())):
            raise StumbleError  # object_api/models/filters.py: oids are int
        seen = [t for t in sky.transients() if t.detections("lsst", self.now)]
        rows = [
            self._lsst_object(t) | {"classifier_name": one, "probability": probability}
            for t in seen
            for one, probability in ((STAMP, 0.85), ("lc_classifier_rubin", 0.99))
            if classifier in {"", one}
        ]
        if classifier and name and name not in CLASSIFIERS[classifier]:
            rows = []  # an unknown class becomes none, which nothing has
        chosen = _chosen(question, rows, name, "class_name")
        # object_api/routes/rest.py: by probability, highest first, unless asked otherwise.
        order, mode = question.get("order_by", "probability"), question.get("order_mode", "DESC")
        chosen.sort(key=lambda row: row[order], reverse=mode == "DESC")
        size, page = int(question.get("page_size", "10")), int(question.get("page", "1"))
        found = chosen[(page - 1) * size : page * size + 1]
        has_next = len(found) > size
        # object_api/models/pagination.py: total counts this page, and one more if there is one.
        return {
            "total": len(found),
            "next": page + 1 if has_next else None,
            "has_next": has_next,
            "prev": page - 1 if page > 1 else None,
            "has_prev": page > 1,
            "current_page": page,
            "items": found[:size],
            "info_message": None if found else "Empty query",
        }

    def _ztf_object(self, t: sky.Transient) -> dict[str, Any]:
        seen = t.detections("ztf", self.now)
        return {
            "oid": t.ztf_id,
            "ndethist": str(len(seen)),
            "ncovhist": 60,
            "corrected": False,
            "stellar": t.kind == "AGN",
            "ndet": len(seen),
            "g_r_max": None,
            "firstmjd": seen[0].mjd,
            "lastmjd": seen[-1].mjd,
            "deltajd": seen[-1].mjd - seen[0].mjd,
            "meanra": t.ra,
            "meandec": t.dec,
            "sigmara": 1e-5,
            "sigmadec": 1e-5,
            "class": CLASS[t.kind],
            "classifier": "stamp_classifier",
            "probability": 0.8 + t.number * 0.005,
            "step_id_corr": "stand-in",
        }

    def _lsst_object(self, t: sky.Transient) -> dict[str, Any]:
        seen = t.detections("lsst", self.now)
        return {
            "oid": t.lsst_id,
            "tid": 1,
            "sid": 1,
            "meanra": t.ra,
            "meandec": t.dec,
            "firstmjd": seen[0].mjd + sky.TAI,
            "lastmjd": seen[-1].mjd + sky.TAI,
            "n_det": len(seen),
            "n_forced": 0,
            "n_non_det": 0,
            "stellar": None,
            "class_name": CLASS[t.kind],
            "classifier_name": "stamp_classifier_rubin_beta_20260421",
            "classifier_version": "2.0.2",
            "probability": 0.85,
            "ranking": 1,
        }

    def _named(self, name: str) -> sky.Transient | None:
        found = (t for t in sky.transients() if name in {t.ztf_id, str(t.lsst_id)})
        return next(found, None)

    def ztf_light_curve(self, question: Question, oid: str) -> Any:
        t = self._named(oid)
        if t is None and oid in recorded.alerce():
            return recorded.alerce()[oid]
        self.check_poison([oid])
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
            "tid": "ztf",
            "mjd": look.mjd,
            "candid": str(sky.candid(t, look)),
            "fid": FID[look.band],
            "pid": sky.candid(t, look) // 10**6,
            "diffmaglim": look.limit,
            "isdiffpos": 1 if look.flux > 0 else -1,
            "nid": 1,
            "distnr": 1.2,
            "magpsf": look.mag,
            "magpsf_corr": look.mag - 0.1,
            "sigmapsf": look.magerr,
            "sigmapsf_corr": 100.0,
            "sigmapsf_corr_ext": look.magerr,
            "ra": t.ra,
            "dec": t.dec,
            "rb": 0.9,
            "drb": 0.99,
            "has_stamp": True,
            "corrected": False,
            "dubious": False,
            "parent_candid": None,
        }

    def ztf_forced(self, question: Question, oid: str) -> Any:
        """Return forced photometry of the nights without a detection, half its fields nested."""
        t = self._named(oid)
        if t is None:
            return []
        return [
            {
                "oid": oid,
                "sid": "ztf",
                "aid": "",
                "mjd": look.mjd,
                "fid": FID[look.band],
                "mag": look.mag,
                "e_mag": look.magerr,
                "mag_corr": 100.0,
                "e_mag_corr": 100.0,
                "isdiffpos": 1 if look.flux > 0 else -1,
                "corrected": False,
                "dubious": False,
                "has_stamp": False,
                "ra": t.ra,
                "dec": t.dec,
                "extra_fields": {
                    "diffmaglim": look.limit,
                    "procstatus": "0" if number % 3 else "56,62",
                    "pid": 1,
                },
            }
            for number, look in enumerate(t.ztf(self.now), start=1)
            if not look.detected
        ]

    def lsst_light_curve(self, question: Question) -> Any:
        """multisurveys-apis: lightcurve_api/routes/json/lightcurve.py; nothing is never 404."""
        for name in ("survey_id", "oid"):
            if name not in question.query:
                return Reply(_missing(name), 422)
        survey = question.get("survey_id")
        if survey not in {"ztf", "lsst"}:  # lightcurve_api/services/validations.py
            words = f"Invalid survey ID '{survey}'. Allowed surveys are: ztf, lsst"
            return Reply({"detail": words}, 400)
        self.check_poison(question.query["oid"])
        t = self._named(question.get("oid"))
        if t is None and question.get("oid") in recorded.alerce():
            return recorded.alerce()[question.get("oid")]
        if t is None:
            return {"detections": [], "non_detections": [], "forced_photometry": []}
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
            "band_map": {str(code): band for band, code in BAND.items()},
            "band": BAND[look.band],
            "mjd": look.mjd + sky.TAI,
            "survey_id": "lsst",
            "ra": t.ra,
            "dec": t.dec,
            "oid": t.lsst_id,
            "measurement_id": sky.dia_source_id(t, look),
            "diaObjectId": t.lsst_id,
            "psfFlux": look.flux * 1e3,
            "psfFluxErr": look.flux_err * 1e3,
            "psfFlux_flag": 0,
            "scienceFlux": look.flux * 1e3 + 5e3,
            "has_stamp": True,
            "visit": 2026112200000 + t.number,
            "ssObjectId": 0,
            "snr": look.flux / look.flux_err,
            "reliability": 0.98,
            "isDipole": False,
            "centroid_flag": False,
        }


def _chosen(
    question: Question, rows: list[dict[str, Any]], name: str, key: str
) -> list[dict[str, Any]]:
    low, high = (float(value) for value in (*question.all("lastmjd", ["0", "1e9"]), "1e9")[:2])
    return [
        row
        for row in rows
        if low <= row["lastmjd"] <= high
        and name in {"", row[key]}
        and row["probability"] >= float(question.get("probability", "0"))
    ]


def _bad_numbers(query: Mapping[str, list[str]]) -> list[str]:
    """Name parameters whose text is no number; a list in JSON is none either."""
    return [
        name
        for name, values in query.items()
        if name in NUMBERS and not all(_reads_as(value, NUMBERS[name]) for value in values)
    ]


def _reads_as(value: str, kind: type) -> bool:
    try:
        kind(value)
    except ValueError:
        return False
    return True


def _ztf_refusal(question: Question) -> Reply | None:
    """Refuse what flask-restx's parsers do: alerts-api, astro_object/parsers.py."""
    bad = _bad_numbers(question.query)
    if question.get("order_by", "oid") not in ZTF_ORDERS:
        bad.append("order_by")
    if question.get("order_mode", "ASC") not in {"ASC", "DESC"}:
        bad.append("order_mode")
    if question.get("count", "false").lower() not in BOOLEANS:
        bad.append("count")
    if not bad:
        return None
    errors = {name: f"invalid value in '{name}'" for name in bad}
    return Reply({"errors": errors, "message": "Input payload validation failed"}, 400)


def _lsst_refusal(question: Question) -> Reply | None:
    """Refuse what FastAPI and object_api/services/validations.py do."""
    if bad := _bad_numbers(question.query):
        detail = [{"loc": ["query", name], "msg": "Input should be a valid number"} for name in bad]
        return Reply({"detail": detail}, 422)
    if question.get("order_mode", "DESC") not in {"ASC", "DESC"}:
        return Reply({"detail": {"search_filters": "Order can be only DESC or ASC."}}, 422)
    counts = [int(n) for n in question.query.get("n_det", ())]
    if len(counts) == 2 and counts[0] > counts[1]:
        words = "Min value can't be greater than max."
        return Reply({"detail": {"detections_container": words}}, 422)
    return None


def _missing(name: str) -> dict[str, Any]:
    """FastAPI's words for a required parameter."""
    return {"detail": [{"type": "missing", "loc": ["query", name], "msg": "Field required"}]}
