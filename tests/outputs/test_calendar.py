"""The calendar: who waits stands on the day of his best night."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time
from icalendar import Calendar, Event

from aas2rto.config.sections import Plan
from aas2rto.outputs.calendar import MOST_WAITING, calendar
from aas2rto.planning import NightPlan, make_plan
from aas2rto.planning.options import SiteNight
from aas2rto.sky import observatory_file
from tests.planning.nights import candidates, site_night

NOW = Time("2026-03-20T22:00:00", scale="utc")
SITES = ("la_silla_ntt", "siding_spring_23m")


def night_at(name: str, n: int = 0) -> SiteNight:
    scored = candidates(np.random.default_rng(1), 20).head(n)
    return site_night(observatory_file.load(name), scored, NOW)


def waiting(names: list[str], best: list[float], best_night: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "candidate_id": names,
            "name": "",
            "ra": 150.0,
            "dec": -10.0,
            "tonight": 0.1,
            "best": best,
            "best_night": best_night,
        }
    )


def plan_of(*nights: SiteNight) -> NightPlan:
    return make_plan(nights, Plan(), NOW, solve=False)


def best_nights(plan: NightPlan) -> list[Event]:
    found = Calendar.from_ical(calendar(plan, "small"))
    return [event for event in found.walk("VEVENT") if "best night" in event["SUMMARY"]]


@pytest.mark.parametrize("name", SITES)
@pytest.mark.parametrize("share", [0.02, 0.98])
def test_who_waits_stands_on_the_evening_of_the_best_night(name: str, share: float) -> None:
    """From dusk to dawn the same day, and no time of it is kept busy."""
    night = night_at(name)
    moment = night.night.start + share * (night.night.end - night.night.start) + 4
    (event,) = best_nights(plan_of(replace(night, waiting=waiting(["sn"], [0.78], [moment]))))
    longitude = night.observatory.longitude_deg
    middle = (night.night.start + night.night.end) / 2 + 4 + longitude / 360 - 0.5
    assert event["DTSTART"].dt.isoformat() == Time(middle, format="mjd").iso[:10]
    assert (event["DTEND"].dt - event["DTSTART"].dt).days == 1
    assert event["TRANSP"] == "TRANSPARENT"
    assert event["SUMMARY"] == "best night of sn (worth 0.78)"
    words = str(event["DESCRIPTION"])
    assert "10:00:00.00 -10:00:00.0" in words
    minute = Time(round(moment * 1440) / 1440 + 1e-6, format="mjd").iso[11:16]
    assert f"highest at {minute} UTC, worth 0.78 then" in words
    assert "worth 0.10 on the night of 2" in words
    assert "only if the best one is lost" in words


def test_of_several_sites_the_best_counts_and_the_event_moves_with_its_night() -> None:
    one, other = (night_at(name) for name in SITES)
    first = replace(one, waiting=waiting(["sn"], [0.5], [one.night.start + 3]))
    second = replace(other, waiting=waiting(["sn"], [0.7], [other.night.start + 2]))
    (event,) = best_nights(plan_of(first, second))
    assert event["LOCATION"] == other.observatory.title
    later = replace(other, waiting=waiting(["sn"], [0.7], [other.night.start + 5]))
    (moved,) = best_nights(plan_of(first, later))
    assert moved["UID"] == event["UID"]
    assert (moved["DTSTART"].dt - event["DTSTART"].dt).days == 3


def test_who_has_a_visit_does_not_wait() -> None:
    """Though another site would rather wait."""
    one, other = night_at(SITES[0], 20), night_at(SITES[1])
    planned = plan_of(one, other).slots["candidate_id"].iloc[0]
    names = [planned, "sn"]
    second = replace(other, waiting=waiting(names, [0.9, 0.4], [other.night.start + 2] * 2))
    (event,) = best_nights(plan_of(one, second))
    assert "best night of sn " in event["SUMMARY"]


def test_a_calendar_is_no_list_of_all_who_wait() -> None:
    night = night_at(SITES[0])
    n = MOST_WAITING + 5
    many = waiting(
        [f"sn{k}" for k in range(n)],
        np.linspace(0.3, 0.9, n).tolist(),
        [night.night.start + 2] * n,
    )
    found = best_nights(plan_of(replace(night, waiting=many)))
    assert len(found) == MOST_WAITING
    assert "worth 0.90" in found[0]["SUMMARY"]
