"""Lasair's REST APIs for ZTF and LSST: the same paths, different answers.

What they refuse follows the published servers, lsst-uk/lasair-lsst (commit 308098e) and
lsst-uk/lasair4 (ZTF); each rule names its file there, below ``webserver/``. Queries are run by a
real database, so that broken SQL is refused as theirs is.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from tests.standin import recorded, sky
from tests.standin.server import Question, Reply, Route, Service, StumbleError

FID = {"g": 1, "r": 2}

REQUIRED = ["This field is required."]
BLANK = ["This field may not be blank."]
NO_BOOLEAN = ["Must be a valid boolean."]
BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE", "t", "T", "1", "on", "yes", "y"), True),
    **dict.fromkeys(("false", "False", "FALSE", "f", "F", "0", "off", "no", "n"), False),
}
"""Texts of Django REST framework's BooleanField."""

FORBIDDEN = ("#", "/*", "*/", ";", "||", "\\")
FORBIDDEN_WORDS = (
    "create",
    "select",
    "union",
    "exists",
    "window",
    "for",
    "into",
    "outfile",
    "dumpfile",
)


class Lasair(Service):
    """``query`` and ``object``, for a token; form data in, JSON out."""

    token = "standin-lasair-token"
    survey = ""

    def routes(self) -> dict[str, Route]:
        # lasairapi/views.py: GET beside POST.
        return {"GET|POST /api/query/": self.query, "GET|POST /api/object/": self.object}

    def stumbled(self) -> Reply:
        return Reply("<h1>Server Error (500)</h1>", 500, "text/html")

    def wait_words(self, wait: float) -> tuple[dict[str, str], Any]:
        """No Retry-After, and an hour whatever happens (lasairapi/throttle.py)."""
        return {}, {"message": "Request limit exceeded. Either wait an hour, or see the docs"}

    def _denied(self, question: Question) -> Reply | None:
        """Ask for a token in the header or the URL (lasairapi/query_auth.py)."""
        offered = question.headers.get("authorization", "")
        offered = offered or f"Token {question.get('token')}"
        if offered == f"Token {self.token}":
            return None
        return Reply({"detail": "Invalid token."}, 401)

    def query(self, question: Question) -> Any:
        if denied := self._denied(question):
            return denied
        values = question.values()
        if errors := _query_errors(values):
            return Reply(errors, 400)
        if refused := _refused_conditions(values["selected"], values["conditions"]):
            return Reply({"error": refused}, 400)
        # lasairapi/serializers.py: silently no more than 10,000 rows, 1000 by default.
        limit = min(10_000, int(values.get("limit", 1000)))
        sql = build_query(values["selected"], values["conditions"])
        sql += f" LIMIT {limit} OFFSET {int(values.get('offset', 0))}"
        try:
            return self._run(sql)
        except sqlite3.Error as error:
            said = f"Your query:<br/><b>{sql}</b><br/>returned the error<br/><i>{error}</i>"
            return Reply({"error": said}, 400)

    def _run(self, sql: str) -> list[dict[str, Any]]:
        rows = [self._row(t) for t in sky.transients() if t.detections(self.survey, self.now)]
        # A database promises no order unless asked for one.
        random.Random(len(self.log)).shuffle(rows)
        with sqlite3.connect(":memory:") as database:
            database.row_factory = sqlite3.Row
            database.create_function("mjdnow", 0, lambda: self.now)
            database.create_function("jdnow", 0, lambda: self.now + 2400000.5)
            names = ", ".join(rows[0])
            database.execute(f"CREATE TABLE objects ({names})")
            marks = ", ".join("?" * len(rows[0]))
            database.executemany(
                f"INSERT INTO objects VALUES ({marks})", [tuple(row.values()) for row in rows]
            )
            return [dict(row) for row in database.execute(sql)]

    def object(self, question: Question) -> Any:
        if denied := self._denied(question):
            return denied
        values = question.values()
        if errors := _object_errors(values):
            return self._invalid(question, errors)
        name = str(values["objectId"])
        self.check_poison([name])
        lite, added = (
            BOOLEANS[str(values.get(key, default))]
            for key, default in (("lite", "False"), ("lasair_added", self.added_by_default))
        )
        found = [t for t in sky.transients() if name in {t.ztf_id, str(t.lsst_id)}]
        if not found and name in recorded.lasair():
            return recorded.lasair()[name]
        if not found:
            return self._unknown(name, lite=lite, added=added)
        return self._object(found[0], lite=lite, added=added)

    added_by_default = "True"

    def _invalid(self, question: Question, errors: dict[str, Any]) -> Reply:
        return Reply(errors, 400)

    def _row(self, t: sky.Transient) -> dict[str, Any]:
        raise NotImplementedError

    def _object(self, t: sky.Transient, *, lite: bool, added: bool) -> Any:
        raise NotImplementedError

    def _unknown(self, name: str, *, lite: bool, added: bool) -> Any:
        raise NotImplementedError


def _query_errors(values: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields of a query (lasairapi/serializers.py, ``QuerySerializer``)."""
    errors: dict[str, Any] = {}
    for name, longest in (("selected", 4096), ("tables", 1024), ("conditions", 4096)):
        if name not in values:
            errors[name] = REQUIRED
        elif name != "conditions" and not str(values[name]).strip():
            errors[name] = BLANK
        elif len(str(values[name])) > longest:
            errors[name] = [f"Ensure this field has no more than {longest} characters."]
    for name in ("limit", "offset"):
        if name in values and not re.fullmatch(r"-?\d+", str(values[name]).strip()):
            errors[name] = ["A valid integer is required."]
        elif name == "limit" and int(values.get(name, 0)) > 1_000_000:
            errors[name] = ["Ensure this value is less than or equal to 1000000."]
    return errors


def _object_errors(values: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields of a question about an object (``ObjectSerializer``)."""
    errors: dict[str, Any] = {}
    if "objectId" not in values:
        errors["objectId"] = REQUIRED
    elif not str(values["objectId"]).strip():
        errors["objectId"] = BLANK
    for name in ("lite", "lasair_added"):
        if name in values and str(values[name]) not in BOOLEANS:
            errors[name] = NO_BOOLEAN
    return errors


def _refused_conditions(selected: str, conditions: str) -> str:
    """Refuse what has no place in a query (lasair/query_builder.py, ``check_query``)."""
    for sign in FORBIDDEN:
        if sign in selected:
            return f"Cannot use {sign} in the SELECT clause"
        if sign in conditions:
            return f"Cannot use {sign} in the WHERE clause"
    words = re.split(r"\s|\(|\)|\{|\}", conditions.lower())
    for word in FORBIDDEN_WORDS:
        if word in words:
            return f"Cannot use the word {word.upper()} in the WHERE clause"
    for word in ("limit", "offset"):
        if word in conditions:
            return f"Dont put {word.upper()} in the WHERE clause, use the parameter instead"
    return ""


def build_query(selected: str, conditions: str) -> str:
    """Put the SQL together as Lasair does (lasair/query_builder.py, ``build_query``).

    `conditions` go behind WHERE as they are: an ORDER BY at their end works, one in parentheses
    is a syntax error; conditions that begin with it get no WHERE. Other tables than objects are
    not simulated.
    """
    conditions = conditions.replace("'", '"')
    if conditions.lower().strip().startswith("order"):
        return f"SELECT {selected} \nFROM objects {conditions}"
    where = f" \nWHERE\n {conditions}" if conditions.strip() else ""
    return f"SELECT {selected} \nFROM objects{where}"


def sherlock(t: sky.Transient) -> dict[str, Any]:
    return {
        "classification": "AGN" if t.kind == "AGN" else "SN",
        "separationArcsec": 1.5,
        "z": t.redshift,
        "distance": 100.0,
        "catalogue_object_id": "1",
    }


class LasairZtf(Lasair):
    name = "lasair-ztf"
    survey = "ztf"

    def _row(self, t: sky.Transient) -> dict[str, Any]:
        last = t.detections("ztf", self.now)[-1]
        return {
            "objectId": t.ztf_id,
            "ramean": t.ra,
            "decmean": t.dec,
            "ncand": 9,
            "jdmax": last.mjd + 2400000.5,
            "gmag": last.mag,
        }

    added_by_default = "False"  # BooleanField of a form: absent is false

    def _invalid(self, question: Question, errors: dict[str, Any]) -> Reply:
        """On POST the view returns nothing for what is invalid (lasairapi/views.py)."""
        if question.method == "POST":
            raise StumbleError
        return Reply(errors, 400)

    def _object(self, t: sky.Transient, *, lite: bool, added: bool) -> Any:
        """`lite` "doesnt do anything right now" (lasair4: lasairapi/serializers.py)."""
        if not added:
            plain = [self._candidate(t, look) for look in reversed(t.ztf(self.now))]
            return {"objectId": t.ztf_id, "candidates": plain, "forcedphot": self._forced(t)}
        return {
            "objectId": t.ztf_id,
            "forcedphot": self._forced(t),
            "objectData": {"ncand": 5, "ramean": t.ra, "decmean": t.dec, "discMag": "17.33±0.04"},
            "candidates": [self._candidate(t, look) for look in reversed(t.ztf(self.now))],
            "sherlock": sherlock(t),
            "TNS": {"tns_name": t.tns_name, "tns_prefix": "SN", "type": t.tns_type, "z": t.redshift}
            if t.tns_name
            else {},
        }

    def _forced(self, t: sky.Transient) -> list[dict[str, Any]]:
        """Return forced photometry of exposures without a detection (lasair/lightcurves.py)."""
        return [
            {
                "objectid": t.ztf_id,
                "jd": look.mjd + 2400000.5,
                "fid": FID[look.band],
                "ranr": t.ra,
                "decnr": t.dec,
                "magzpsci": 26.0,
                "forcediffimflux": look.flux / 10 ** (0.4 * (23.9 - 26.0)),
                "forcediffimfluxunc": look.flux_err / 10 ** (0.4 * (23.9 - 26.0)),
            }
            for look in t.ztf(self.now)
            if not look.detected
        ]

    @staticmethod
    def _candidate(t: sky.Transient, look: sky.Exposure) -> dict[str, Any]:
        """Return a row; that of a non-detection has no candid, and its magpsf is the limit."""
        row: dict[str, Any] = {
            "jd": look.mjd + 2400000.5,
            "mjd": look.mjd,
            "fid": FID[look.band],
            "diffmaglim": look.limit,
        }
        if not look.detected:
            return row | {"magpsf": look.limit}
        return row | {
            "candid": sky.candid(t, look),
            "ra": t.ra,
            "dec": t.dec,
            "magpsf": look.mag,
            "sigmapsf": look.magerr,
            "isdiffpos": "t",
            "drb": 0.9,
            "ssdistnr": -999.0,
        }

    def _unknown(self, name: str, *, lite: bool, added: bool) -> Any:
        """``objjson`` returns None, and ``"error" in None`` raises (lasairapi/views.py)."""
        if added:
            raise StumbleError
        return {"objectId": name, "candidates": [], "forcedphot": []}


class LasairLsst(Lasair):
    name = "lasair-lsst"
    survey = "lsst"
    cutout_days = 365.0
    """Days for which images are kept (settings, MAX_CUTOUT_DAYS)."""

    def reset(self) -> None:
        super().reset()
        self.cutout_days = 365.0

    def _row(self, t: sky.Transient) -> dict[str, Any]:
        last = t.detections("lsst", self.now)[-1]
        return {
            "diaObjectId": t.lsst_id,
            "ra": t.ra,
            "decl": t.dec,
            "lastDiaSourceMjdTai": last.mjd + sky.TAI,
            "nDiaSources": 9,
            "tns_name": t.tns_name or None,
        }

    def _object(self, t: sky.Transient, *, lite: bool, added: bool) -> Any:
        """Answer in four forms (lasairapi/serializers.py, ``ObjectSerializer``)."""
        looks = t.lsst(self.now)
        if added and any(
            look.detected and self.now - look.mjd > self.cutout_days for look in looks
        ):
            # ``objjson`` gives old sources no image_urls, and ``reformat`` reads them.
            return Reply({"error": "'image_urls'"}, 400)
        extra = {} if lite else {"ra": t.ra, "decl": t.dec, "isDipole": False, "snr": 9.0}
        found: dict[str, Any] = {
            "diaObjectId": t.lsst_id,
            "diaSourcesList": [
                point(look)
                | extra
                | {"diaSourceId": sky.dia_source_id(t, look), "reliability": 0.97}
                for look in looks
                if look.detected
            ],
            "diaForcedSourcesList": [point(look) for look in looks],
        }
        if added or not lite:
            found["diaObject"] = {
                "ra": t.ra,
                "decl": t.dec,
                "lastDiaSourceMjdTai": looks[-1].mjd + sky.TAI,
            }
        if added:
            found["lasairData"] = {"sherlock": sherlock(t), "annotations": []}
        return found

    def _unknown(self, name: str, *, lite: bool, added: bool) -> Any:
        """Raise ``NotFound`` with what Lasair adds, else answer with empty lists."""
        if not name.isdigit():
            return Reply({"error": "'diaObjectId'"}, 400)
        if added:
            return Reply({"detail": "Not found."}, 404)
        empty = {"diaObjectId": name, "diaSourcesList": [], "diaForcedSourcesList": []}
        return empty if lite else empty | {"diaObject": None}


def point(look: sky.Exposure) -> dict[str, Any]:
    """One lite row."""
    return {
        "psfFlux": look.flux * 1e3,
        "psfFluxErr": look.flux_err * 1e3,
        "midpointMjdTai": look.mjd + sky.TAI,
        "band": look.band,
    }


def lsst_message(t: sky.Transient, now: float) -> dict[str, Any]:
    """One message of a filter stream with lite light curves."""
    looks = t.lsst(now)
    return {
        "diaObjectId": t.lsst_id,
        "lastDiaSourceMjdTai": looks[-1].mjd + sky.TAI,
        "latestR": 0.98,
        "nDiaSources": len(looks),
        "ra": t.ra,
        "decl": t.dec,
        "tns_name": t.tns_name or None,
        "absMag": None,
        "z": t.redshift,
        "separationArcsec": 1.5,
        "sherlock_classifications": "SN",
        "UTC": "2026-11-22 03:00:00",
        "alert": {
            "diaSourcesList": [
                point(look) | {"reliability": 0.97} for look in looks if look.detected
            ],
            "diaForcedSourcesList": [point(look) for look in looks],
            "diaNondetectionLimitsList": [],
        },
    }


def ztf_message(t: sky.Transient, now: float) -> dict[str, Any]:
    """One message of a ZTF filter stream with its light curve."""
    last = [look for look in t.ztf(now) if look.detected][-1]
    return {
        "objectId": t.ztf_id,
        "ramean": t.ra,
        "decmean": t.dec,
        "jdmax": last.mjd + 2400000.5,
        "classification": "SN",
        "UTC": "2026-11-22 03:00:00",
        "alert": {"candidates": [LasairZtf._candidate(t, look) for look in t.ztf(now)]},
    }
