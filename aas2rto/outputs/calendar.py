"""A plan as iCalendar (RFC 5545), for the calendar of whoever is at the telescope.

Visits are events with a time. Who waits for a better night stands on the day of that night's
evening, as an event of the whole day that keeps no time busy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from icalendar import Calendar, Event

from aas2rto import __version__
from aas2rto.outputs.cells import with_sexagesimal
from aas2rto.outputs.plan_csv import worth
from aas2rto.planning import NightPlan
from aas2rto.planning.options import SiteNight
from aas2rto.planning.timeline import AHEAD
from aas2rto.sky.night import EVENING, evening_of
from aas2rto.sky.visibility import clock
from aas2rto.text.words import MJD_EPOCH, day, one_line

MOST_WAITING = 20
"""Of those who wait, so many are in the calendar, the best first; `ahead/<site>.csv` has all."""


LONGEST = 300
"""Of other people's words in an event."""


def calendar(plan: NightPlan, project: str) -> bytes:
    """Return one event per slot that is running or to come, and one for each who waits.

    Parameters
    ----------
    plan : NightPlan
    project : str
        Part of each event's identity: a plan that is made again replaces its events.
    """
    found = Calendar()
    found.add("prodid", f"-//aas2rto//{__version__}//EN")
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    found.add("x-wr-calname", f"{project}: {', '.join(n.observatory.title for n in plan.nights)}")
    found.add("x-wr-caldesc", worth(plan))
    stamp = _utc(float(plan.now.utc.mjd))
    for night in plan.nights:
        for row in with_sexagesimal(plan.at(night.observatory.name)).to_dict("records"):
            if row["state"] in AHEAD:
                found.add_component(_event(row, night, project, stamp))
    for row in best_nights(plan).to_dict("records"):
        night = plan.nights[row["at"]]
        found.add_component(_best_night(row, night, project, stamp))
    return bytes(found.to_ical())


def _event(row: Mapping[Any, Any], night: SiteNight, project: str, stamp: datetime) -> Event:
    site = night.observatory
    event = Event()
    identity = f"{project}|{site.name}|{row['candidate_id']}|{row['start']:.5f}"
    event.add("uid", f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}@aas2rto")
    event.add("dtstamp", stamp)
    event.add("dtstart", _utc(row["start"]))
    event.add("dtend", _utc(row["end"]))
    event.add("summary", _summary(row))
    event.add("location", site.title)
    event.add("geo", (site.latitude_deg, site.longitude_deg))
    event.add("categories", [site.name])
    event.add("description", "\n".join(_description(row)))
    return event


def best_nights(plan: NightPlan) -> pd.DataFrame:
    """Return who waits for a better night, once each: where that is worth most.

    Parameters
    ----------
    plan : NightPlan
        Who has a visit in it does not wait.

    Returns
    -------
    DataFrame
        The columns of `SiteNight.waiting`, and ``at``: the number of the site's night.
    """
    tables = [one.waiting.assign(at=k) for k, one in enumerate(plan.nights) if len(one.waiting)]
    if not tables:
        return pd.DataFrame()
    every = pd.concat(tables, ignore_index=True)
    every = every[~every["candidate_id"].isin(plan.slots["candidate_id"])]
    every = every.sort_values(["best", "candidate_id", "at"], ascending=[False, True, True])
    return every.drop_duplicates("candidate_id").head(MOST_WAITING).reset_index(drop=True)


def _best_night(row: Mapping[Any, Any], night: SiteNight, project: str, stamp: datetime) -> Event:
    site, when = night.observatory, float(row["best_night"])
    tonight = float(evening_of(night.night.start, night.night.end))
    # What is highest near dusk or dawn is half a night from the middle, never half a day.
    evening = _utc(tonight + round(when - EVENING - tonight)).date()
    event = Event()
    # Of the candidate alone: when its best night moves, so does the event.
    identity = f"{project}|best night|{row['candidate_id']}"
    event.add("uid", f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}@aas2rto")
    event.add("dtstamp", stamp)
    event.add("dtstart", evening)
    event.add("dtend", evening + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    name, who = (one_line(row[key], LONGEST) for key in ("name", "candidate_id"))
    event.add("summary", f"best night of {who} (worth {row['best']:.2f})")
    event.add("location", site.title)
    event.add("geo", (site.latitude_deg, site.longitude_deg))
    event.add("categories", [site.name, "waiting"])
    sexagesimal = with_sexagesimal(pd.DataFrame([row])).iloc[0]
    lines = [
        f"{sexagesimal['ra_hms']} {sexagesimal['dec_dms']} (J2000)",
        f"highest at {clock(when)} UTC, worth {row['best']:.2f} then",
        f"worth {row['tonight']:.2f} on the night of {day(tonight)}: only if the best one is lost",
    ]
    if name and name != who:
        lines.insert(0, name)
    event.add("description", "\n".join(lines))
    return event


def _utc(mjd: float) -> datetime:
    return MJD_EPOCH + timedelta(seconds=round(mjd * 86400))


def _summary(row: Mapping[Any, Any]) -> str:
    mark = "ToO " if row["too"] else ""
    mag = f", {row['mag']:.1f} mag" if row["mag"] == row["mag"] else ""
    return f"{mark}{one_line(row['candidate_id'], LONGEST)}{mag}, {row['exposure_s'] / 60:.0f} min"


def _description(row: Mapping[Any, Any]) -> list[str]:
    said = {name: one_line(row[name], LONGEST) for name in ("reason", "name", "backup")}
    lines = [
        f"{row['ra_hms']} {row['dec_dms']} (J2000)",
        f"expose from {_utc(row['exposure_start']):%H:%M:%S} UTC for {row['exposure_s']:.0f} s",
        f"altitude {row['altitude']:.0f} deg, airmass {row['airmass']:.2f}, "
        f"Moon {row['moon_sep']:.0f} deg away",
        f"score {row['site_score']:.4g}: {said['reason']}",
    ]
    if row["name"] and row["name"] != row["candidate_id"]:
        lines.insert(0, said["name"])
    if row["backup"]:
        lines.append(f"if it fails: {said['backup']}")
    return lines
