"""Schedules of ZTF and Rubin: what is answered, and what is refused.

ZTF: a file of each night, there from 00:30 UTC on (ZwickyTransientFacility/
schedule_reporting_service, docs/index.md). Rubin: lsst-dm/obsloctap, handlers/external.py, db.py:
400 for columns that it does not know, 415 for formats, rows by ``t_planning``, newest first, with
an empty ``s_region``; ``[]`` where nothing is planned.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.standin.server import Question, Reply, Route, Service

FIELDS = (
    *("t_planning", "target_name", "obs_id", "obs_collection", "s_ra", "s_dec", "s_fov"),
    *("s_region", "s_resolution", "t_min", "t_max", "t_exptime", "t_resolution", "em_min"),
    *("em_max", "em_res_power", "o_ucd", "pol_states", "pol_xel", "facility_name"),
    *("instrument_name", "t_plan_exptime", "category", "priority", "execution_status"),
    *("tracking_type", "rubin_rot_sky_pos", "rubin_nexp"),
)
"""models.py, Obsplan."""

FORMATS = {"json", "application/json"}
"""Those of external.py that are tried here."""

R, G = (5.52e-07, 6.91e-07), (4.02e-07, 5.52e-07)


def exposure(ra: float, dec: float, start: float, band: tuple[float, float] = R) -> dict[str, Any]:
    """Return a row as Rubin plans it: the times padded by 10 min, no region."""
    return {
        "t_planning": start + 10 / 1440,
        "target_name": "lowdust",
        "s_ra": ra,
        "s_dec": dec,
        "s_fov": 3.5,
        "s_region": "",
        "t_min": start,
        "t_max": start + 20.5 / 1440,
        "t_exptime": 30.0,
        "em_min": band[0],
        "em_max": band[1],
        "category": "Fixed",
        "priority": 2,
        "execution_status": "Scheduled",
    }


class Rubin(Service):
    """Rubin's service; off sky, and so without rows, until a test adds some."""

    name = "rubin-schedule"

    def reset(self) -> None:
        super().reset()
        self.rows: list[dict[str, Any]] = []

    def routes(self) -> dict[str, Route]:
        return {"GET /schedule": self.schedule}

    def schedule(self, question: Question) -> Any:
        columns = [one for one in question.get("columns").split(",") if one]
        wrong = [one for one in columns if one not in FIELDS]
        if wrong:
            return Reply({"detail": f"Invalid column(s): {', '.join(wrong)}."}, 400)
        form = question.get("RESPONSEFORMAT", "json")
        if form.lower() not in FORMATS:
            return Reply({"detail": f"Unsupported Media Type {form}"}, 415)
        start = question.get("start", "now")
        begin = self.now if start == "now" else float(start)
        end = begin + int(question.get("time", "24")) / 24
        found = [one for one in self.rows if begin <= one["t_planning"] <= end]
        found.sort(key=lambda one: -one["t_planning"])
        return [{key: one.get(key) for key in columns or FIELDS} for one in found]


class ZtfSchedule(Service):
    """ZTF's files, by date; a test puts rows into `nights`."""

    name = "ztf-schedule"

    def reset(self) -> None:
        super().reset()
        self.nights: dict[str, Any] = {}

    def routes(self) -> dict[str, Route]:
        return {r"GET /ZTF_ObsLoc_(\d{4}-\d\d-\d\d)\.json": self.night}

    def night(self, question: Question, date: str) -> Any:
        there = datetime.fromisoformat(date).replace(tzinfo=UTC) + timedelta(minutes=30)
        moment = datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=self.now)
        if date not in self.nights or moment < there:
            return Reply("<html>404 Not Found</html>", 404, "text/html")
        return self.nights[date]
