"""TNS: the daily and hourly CSV files, zipped, for bots that say who they are."""

from __future__ import annotations

import csv
import datetime
import io
import math
import zipfile
from typing import Any

from tests.standin import sky
from tests.standin.server import Question, Reply, Route, Service

COLUMNS = (
    "objid",
    "name_prefix",
    "name",
    "ra",
    "declination",
    "redshift",
    "typeid",
    "type",
    "reporting_groupid",
    "reporting_group",
    "source_groupid",
    "source_group",
    "discoverydate",
    "discoverymag",
    "discmagfilter",
    "filter",
    "reporters",
    "time_received",
    "internal_names",
    "Discovery_ADS_bibcode",
    "Class_ADS_bibcodes",
    "creationdate",
    "lastmodified",
)
FOLDER = "/system/files/tns_public_objects/"
BACKGROUND = 400
"""Names elsewhere in the sky, so that the table is no list of our candidates."""


def utc(mjd: float) -> datetime.datetime:
    return datetime.datetime(1858, 11, 17) + datetime.timedelta(days=mjd)  # noqa: DTZ001  UTC


class Tns(Service):
    """Each name is reported three days before its peak and classified two days after it."""

    name = "tns"
    bot_id, bot_name, api_key = "12345", "standin_bot", "standin-tns-key"

    def reset(self) -> None:
        super().reset()
        self.spent = 0
        self.quota = 1000

    def routes(self) -> dict[str, Route]:
        return {f"POST {FOLDER}tns_public_objects(?:_(\\d+))?.csv.zip": self.table}

    def wait_words(self, wait: float) -> tuple[dict[str, str], Any]:
        headers = {
            "x-rate-limit-limit": str(self.quota),
            "x-rate-limit-remaining": "Exceeded",
            "x-rate-limit-reset": f"{wait:.0f}",
        }
        return headers, {"id_code": 429, "id_message": "Too Many Requests"}

    def _denied(self, question: Question) -> Reply | None:
        marker = f'tns_marker{{"tns_id":{self.bot_id},"type":"bot","name":"{self.bot_name}"}}'
        if question.headers.get("user-agent", "").replace(" ", "") != marker:
            return Reply({"id_code": 401, "id_message": "Unauthorized"}, 401)
        if question.get("api_key") != self.api_key:
            return Reply({"id_code": 401, "id_message": "Unauthorized"}, 401)
        return None

    def table(self, question: Question, stamp: str | None) -> Any:
        denied = self._denied(question)
        if denied:
            return denied
        begin, end = self._span(stamp)
        if end > self.now:
            return Reply({"id_code": 404, "id_message": "Not Found"}, 404)
        text = self._csv(begin, end, title=stamp is not None)
        return Reply(text, kind="application/zip", headers=self._quota_headers())

    def _quota_headers(self) -> dict[str, str]:
        self.spent += 1
        left = max(0, self.quota - self.spent)
        return {
            "x-rate-limit-limit": str(self.quota),
            "x-rate-limit-remaining": str(left),
            "x-rate-limit-reset": "1",
        }

    def _span(self, stamp: str | None) -> tuple[float, float]:
        """Time that a file covers [MJD]; hourly files are those of the last 24 hours."""
        today = math.floor(self.now)
        if stamp is None:
            return 0.0, float(today)
        if len(stamp) == 8:
            day = datetime.date(int(stamp[:4]), int(stamp[4:6]), int(stamp[6:]))
            begin = float((day - datetime.date(1858, 11, 17)).days)
            return begin, begin + 1.0
        begin = today + int(stamp) / 24.0
        if begin + 1.0 / 24.0 > self.now:
            begin -= 1.0
        return begin, begin + 1.0 / 24.0

    def _csv(self, begin: float, end: float, *, title: bool) -> str:
        out = io.StringIO()
        last = utc(end) - datetime.timedelta(seconds=1)
        first = utc(begin) if title else utc(end - 1.0)
        out.write(f'"{first:%Y-%m-%d %H:%M:%S} - {last:%H:%M:%S}"\n')
        rows = [row for row in self._rows(end) if begin <= row["modified"] < end]
        if rows:
            writer = csv.DictWriter(
                out, COLUMNS, extrasaction="ignore", quoting=csv.QUOTE_ALL, lineterminator="\n"
            )
            writer.writeheader()
            writer.writerows(rows)
        return out.getvalue()

    def _rows(self, end: float) -> list[dict[str, Any]]:
        named = [self._row(t, end) for t in sky.transients() if t.tns_name]
        return [*named, *(_far_away(number) for number in range(BACKGROUND))]

    @staticmethod
    def _row(t: sky.Transient, end: float) -> dict[str, Any]:
        reported, classified = t.t_peak - 3.0, t.t_peak + 2.0
        known = bool(t.tns_type) and classified < end
        row = {
            "objid": 190000 + t.number,
            "name_prefix": "SN" if known else "AT",
            "name": t.tns_name,
            "ra": f"{t.ra + 0.0002:.7f}",
            "declination": f"{t.dec:.7f}",
            "redshift": t.redshift if known else "",
            "typeid": 3 if known else "",
            "type": t.tns_type if known else "",
            "reporting_group": "ZTF",
            "source_group": "ZTF",
            "reporting_groupid": 48,
            "source_groupid": 48,
            "discoverymag": "18.9000",
            "filter": "r-ZTF",
            "reporters": "A. Stand-In",
            "internal_names": t.ztf_id,
            "Class_ADS_bibcodes": "2026TNSCR" if known else "",
            "discoverydate": f"{utc(reported):%Y-%m-%d %H:%M:%S}",
            "lastmodified": f"{utc(classified if known else reported):%Y-%m-%d %H:%M:%S}",
        }
        return row | {"modified": classified if known else reported}

    def spoil(self, payload: Any, kind: str) -> Any:
        """Make an empty file what it is here: the date line, without even a header."""
        if kind == "empty" and isinstance(payload, str):
            return payload.splitlines()[0] + "\n"
        return super().spoil(payload, kind)

    def encode(self, reply: Reply) -> Reply:
        """Zip what the route wrote, spoilt or not."""
        return _zipped(reply)


def _zipped(reply: Reply) -> Reply:
    if reply.kind != "application/zip":
        return reply
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tns_public_objects.csv", reply.payload)
    return Reply(out.getvalue(), reply.status, reply.kind, reply.headers)


def _far_away(number: int) -> dict[str, Any]:
    """Names in the far south, reported long ago."""
    return dict.fromkeys(COLUMNS, "") | {
        "objid": number,
        "name_prefix": "AT",
        "name": f"2025bg{number}",
        "ra": f"{(number * 0.9) % 360:.5f}",
        "declination": f"{-89.0 + number * 0.05:.5f}",
        "reporting_group": "ATLAS",
        "source_group": "ATLAS",
        "lastmodified": "2025-01-01 00:00:00",
        "modified": 60676.0,
    }
