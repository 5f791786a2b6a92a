"""Fink's two REST APIs: ZTF and LSST, which give the same names different meanings.

What they refuse follows the published server, astrolabsoftware/fink-object-api 3.5.0 (commit
17051ca); each rule names its file there, below ``apps/``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from astropy.time import Time

from tests.standin import packets, recorded, sky
from tests.standin.server import Question, Reply, Route, Service, StumbleError

FID = {"g": 1, "r": 2}


class Fink(Service):
    """What the REST APIs of both surveys do alike."""

    @staticmethod
    def missing(values: Mapping[str, Any], name: str) -> Reply | None:
        """Refuse a question without what is required, in Python's words, not in JSON.

        utils/utils.py, ``check_args``; routes/v1/*/*/api.py: ``Response(str(rep), 400)``.
        """
        if name in values:
            return None
        text = f"A value for `{name}` is required. See https://api.ztf.fink-portal.org \n"
        return Reply(str({"status": "error", "text": text}), 400, "text/html")

    def names(self, values: Mapping[str, Any], key: str) -> list[str]:
        """Read one name or several; a number is no text, and the server stumbles over it.

        routes/v1/lsst/sources/utils.py and ztf/objects/utils.py: ``"," in payload[key]``.
        """
        if not isinstance(values[key], str):
            raise StumbleError
        names = [name.strip() for name in values[key].split(",")]
        self.check_poison(names)
        return names

    @staticmethod
    def date(text: Any) -> float:
        """Read a date as the server does: astropy takes ISO text, and no number in a text.

        routes/v1/lsst/tags/utils.py: ``Time(payload["startdate"]).mjd``.
        """
        try:
            return float(Time(text).mjd)
        except (ValueError, TypeError) as error:
            raise StumbleError from error

    @staticmethod
    def selected(rows: list[dict[str, Any]], values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Leave out columns that were not asked for; unknown ones are ignored.

        utils/decoding.py, ``format_hbase_output(truncated=True)``; ``d:tag`` is added later
        (routes/v1/ztf/objects/utils.py).
        """
        if "columns" not in values:
            return rows
        wanted = {*values["columns"].replace(" ", "").split(","), "d:tag"}
        return [{key: row[key] for key in row if key in wanted} for row in rows]


class FinkZtf(Fink):
    """``objects``: one row per alert, and upper limits as rows of texts."""

    name = "fink-ztf"

    def routes(self) -> dict[str, Route]:
        return {
            # routes/v1/ztf/objects/api.py: GET with arguments is the same as POST.
            "GET|POST /api/v1/objects": self.objects,
            "GET /api/v1/classes": lambda question: {"Fink classifiers": ["SN candidate"]},
        }

    def objects(self, question: Question) -> Any:
        values = question.values()
        if question.method == "GET" and not values:
            return Reply("Get object data based on ZTF ID", kind="text/html")
        if refused := self.missing(values, "objectId"):
            return refused
        names = self.names(values, "objectId")
        found = [t for t in self.visible() if t.ztf_id in names]
        known = [row for name in names for row in recorded.fink_ztf().get(name, [])]
        rows = [row for t in found for row in self._rows(t, values)] + known
        return self.selected(rows, values)

    def _rows(self, t: sky.Transient, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        looks = list(reversed(t.ztf(self.now)))
        rows = [self._alert(t, look) for look in looks if look.detected]
        # routes/v1/ztf/objects/utils.py: the word "True" alone, or JSON's true.
        if str(values.get("withupperlim")) == "True":
            rows += [self._upper_limit(t, look) for look in looks if not look.detected]
        return rows

    @staticmethod
    def _alert(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
        return {
            "i:objectId": t.ztf_id,
            "i:candid": sky.candid(t, look),
            "i:jd": look.mjd + 2400000.5,
            "i:fid": FID[look.band],
            "i:magpsf": look.mag,
            "i:sigmapsf": look.magerr,
            "i:diffmaglim": look.limit,
            "i:isdiffpos": "t" if look.flux > 0 else "f",
            "i:ra": t.ra,
            "i:dec": t.dec,
            "i:rb": 0.9,
            "i:drb": 0.99,
            "i:ndethist": 9,
            "i:ssdistnr": -999.0,
            "i:ssnamenr": "null",
            "i:distnr": 1.2,
            "i:programid": 1,
            "i:schemavsn": "4.02",
            "d:cdsxmatch": "Fail 503" if t.number % 3 else "Unknown",
            "d:rf_snia_vs_nonia": 0.6 if t.kind == "SN Ia" else 0.0,
            "d:snn_snia_vs_nonia": 0.8 if t.kind == "SN Ia" else 0.1,
            "d:snn_sn_vs_all": 0.9 if t.kind != "AGN" else 0.05,
            "d:mulens": 0.0,
            "d:roid": 0,
            "d:tns": "",
            "d:vsx": "Fail 503",
            "d:gcvs": "Unknown",
            "d:tracklet": "",
            "d:from_upper": "\ufffd",
            "d:tag": "valid",
            "v:classification": "SN candidate",
            "v:lastdate": "2026-11-21 09:50:47.000",
            "v:g-r": None,
        }

    @staticmethod
    def _upper_limit(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
        """Return a row of texts, as the real ones are."""
        return {
            "i:objectId": t.ztf_id,
            "i:candid": "-1",
            "i:jd": f"{look.mjd + 2400000.5:.7f}",
            "i:fid": str(FID[look.band]),
            "i:diffmaglim": f"{look.limit:.4f}",
            "i:magpsf": "nan",
            "d:tag": "upperlim",
        }


class FinkLsst(Fink):
    """``sources`` and ``fp``: light curves; ``tags``: alerts, newest first."""

    name = "fink-lsst"
    tag_names = ("extragalactic_new_candidate", "in_tns", "most_likely_sn")
    streamed = ("in_simbad", "uniform_sample", "brand_new_stream")
    """Tags without REST support; the last one is newer than this program."""

    def routes(self) -> dict[str, Route]:
        return {
            # routes/v1/lsst/*/api.py: GET with arguments is the same as POST.
            "GET|POST /api/v1/sources": self.sources,
            "GET|POST /api/v1/fp": self.forced,
            "GET|POST /api/v1/tags": self.tags,
            "GET /schemas/ids/(\\d+)": self.schema,
        }

    def schema(self, question: Question, number: str) -> Any:
        """Answer as a Confluent registry does; Rubin's numbers are hundreds of its versions."""
        if number != "1000":
            return Reply({"error_code": 40403, "message": "Schema not found"}, 404)
        return {"schema": json.dumps(packets.LSST_SCHEMA)}

    def sources(self, question: Question) -> Any:
        values = question.values()
        if refused := self.missing(values, "diaObjectId"):
            return refused
        names = self.names(values, "diaObjectId")
        rows = [
            self._source(t, look)
            for t in sky.transients()
            if str(t.lsst_id) in names
            for look in reversed(t.lsst(self.now))
            if look.detected
        ]
        known = [row for name in names for row in recorded.fink_lsst().get(name, [])]
        return self.selected(rows + known, values)

    def forced(self, question: Question) -> Any:
        values = question.values()
        if refused := self.missing(values, "diaObjectId"):
            return refused
        names = self.names(values, "diaObjectId")
        rows = [
            {
                "r:diaObjectId": t.lsst_id,
                "r:diaForcedSourceId": sky.dia_source_id(t, look) + 5,
                "r:midpointMjdTai": look.mjd + sky.TAI,
                "r:band": look.band,
                "r:ra": t.ra,
                "r:dec": t.dec,
                "r:psfFlux": look.flux * 1e3,
                "r:psfFluxErr": look.flux_err * 1e3,
                "r:scienceFlux": look.flux * 1e3 + 5e3,
                "r:visit": 1,
            }
            for t in sky.transients()
            if str(t.lsst_id) in names
            for look in t.lsst(self.now)
        ]
        return self.selected(rows, values)

    def tags(self, question: Question) -> Any:
        """Newest first, at most n, between the dates; or the list of tags.

        routes/v1/lsst/tags/api.py and utils.py. The number that a date becomes is compared with
        the rows' MJD (TAI) as it is.
        """
        values = question.values()
        if question.method == "GET" and not values:
            support = dict.fromkeys(self.tag_names, True) | dict.fromkeys(self.streamed, False)
            return {
                name: {"description": name, "API support": has} for name, has in support.items()
            }
        if refused := self.missing(values, "tag"):
            return refused
        if values["tag"] in self.streamed:
            words = "is only available from the Livestream service (no API support defined)."
            return Reply(f"{values['tag']} {words}", 400, "text/html")
        if values["tag"] not in self.tag_names:
            return Reply(f"{values['tag']} is not a valid tag.", 400, "text/html")
        try:
            n = int(values.get("n", 10))
        except (TypeError, ValueError) as error:
            raise StumbleError from error
        start = self.date(values.get("startdate", "2019-11-01 00:00:00"))
        stop = self.date(values["stopdate"]) if "stopdate" in values else self.now
        rows = [
            self._source(t, look)
            for t in sky.transients()
            if t.kind != "AGN"
            for look in t.lsst(self.now)
            if look.detected and start <= look.mjd + sky.TAI <= stop
        ]
        rows.sort(key=lambda row: row["r:midpointMjdTai"], reverse=True)
        return self.selected(rows[:n], values)

    @staticmethod
    def _source(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
        row: dict[str, Any] = {
            "r:diaObjectId": t.lsst_id,
            "r:diaSourceId": sky.dia_source_id(t, look),
            "r:ra": t.ra,
            "r:dec": t.dec,
            "r:midpointMjdTai": look.mjd + sky.TAI,
            "r:band": look.band,
            "r:psfFlux": look.flux * 1e3,
            "r:psfFluxErr": look.flux_err * 1e3,
            "r:reliability": 0.98,
            "r:snr": look.flux / look.flux_err,
            "r:ssObjectId": 0,
            "r:nDiaSources": 12,
            "f:clf_cats_class": 11 if t.kind != "AGN" else 22,
            "f:clf_cats_score": 0.99,
            "f:clf_snnSnVsOthers_score": 0.84,
            "f:clf_earlySNIa_score": -1.0,
            "f:is_sso": False,
            "f:is_cataloged": False,
            "f:main_label_crossmatch": "Fail",
            "f:xm_simbad_otype": "Fail",
            "f:xm_vsx_Type": "nan",
        }
        if t.tns_name:
            row["f:xm_tns_fullname"] = f"AT {t.tns_name}"
        return row
