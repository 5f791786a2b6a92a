"""Whatever the night, a plan is one that telescopes can follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import AltAz, EarthLocation, HADec, SkyCoord, get_body
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.config.sections import Plan
from aas2rto.planning import NightPlan, SiteNight, joint, make_plan
from aas2rto.planning.earlier import kept_of
from aas2rto.planning.night_plan import GREEDY, JOINT
from aas2rto.planning.timeline import COLUMNS, DONE, RUNNING
from aas2rto.sky import exposure, observatory_file
from tests.planning.nights import candidates, site_night, some_night

QUICK = Plan(time_limit="2 s", optimality_gap=0.01)  # type: ignore[arg-type]
NOW = Time("2026-03-20T20:00:00", scale="utc")
SECOND = 1 / 86400


@pytest.fixture(autouse=True, scope="module")
def without_downloads() -> Iterator[None]:
    """Let astropy use the Earth-rotation table that comes with it, whatever its age."""
    with iers.earth_orientation_table.set(iers.IERS_A.read(iers.IERS_A_FILE)):
        yield


def location(site: Any) -> EarthLocation:
    return EarthLocation.from_geodetic(
        site.longitude_deg * u.deg, site.latitude_deg * u.deg, site.elevation_m * u.m
    )


def check(plan: NightPlan, settings: Plan) -> None:
    """Check everything that a telescope cannot do, with astropy's own positions."""
    for night in plan.nights:
        slots = plan.at(night.observatory.name)
        if len(slots):
            check_times(slots, night)
            check_sky(slots, night, settings)
    for _, own in plan.slots.groupby("candidate_id"):
        assert len(own) <= settings.visits
        ordered = own.sort_values("start")
        apart = ordered["start"].to_numpy()[1:] - ordered["end"].to_numpy()[:-1]
        assert (apart >= settings.gap / 24 - SECOND).all()
    for row in plan.slots[plan.slots["backup"] != ""].to_dict("records"):
        own = plan.slots[plan.slots["candidate_id"] == row["backup"]]
        assert (own["observatory"] == row["observatory"]).any() or own.empty
        assert (own["start"] > row["start"]).any() or own.empty


def check_times(slots: pd.DataFrame, night: SiteNight) -> None:
    start, end = slots["start"].to_numpy(), slots["end"].to_numpy()
    assert (end > start).all()
    assert (start[1:] >= end[:-1] - SECOND / 10).all(), "overlaps"
    assert start[0] >= night.begin - SECOND / 10, "before dusk or now"
    assert end[-1] <= night.night.end + SECOND / 10, "after dawn"
    for first, last in night.closed:
        assert not ((start < last - SECOND) & (end > first + SECOND)).any(), "closed"
    begin = slots["exposure_start"].to_numpy()
    fixed = slots["slew_s"].to_numpy() + exposure.overhead(night.observatory)
    np.testing.assert_allclose((begin - start) / SECOND, fixed, atol=0.1)
    np.testing.assert_allclose((end - begin) / SECOND, slots["exposure_s"], atol=0.2)
    assert (slots["exposure_s"] >= slots["needed_s"] - 0.2).all(), "too short"
    coords = SkyCoord(slots["ra"].to_numpy() * u.deg, slots["dec"].to_numpy() * u.deg)
    needed = exposure.slew_time(night.observatory, coords[1:].separation(coords[:-1]).deg)
    # After a pause the telescope comes from wherever it waited, above its own limit.
    paused = start[1:] > end[:-1] + SECOND
    slew = slots["slew_s"].to_numpy()[1:]
    np.testing.assert_allclose(slew[~paused], needed[~paused], atol=0.01)
    assert (slew[paused] <= needed[paused] + 0.01).all()


def check_sky(slots: pd.DataFrame, night: SiteNight, settings: Plan) -> None:
    site = night.observatory
    share = np.linspace(0, 1, 61)  # close enough for a line between two, near the zenith too
    times = (
        slots["start"].to_numpy()[:, None]
        + share * (slots["end"] - slots["start"]).to_numpy()[:, None]
    )
    when = Time(times, format="mjd", scale="utc")
    frame = AltAz(obstime=when, location=location(site))
    coords = SkyCoord(slots["ra"].to_numpy() * u.deg, slots["dec"].to_numpy() * u.deg)[:, None]
    seen = coords.transform_to(frame)
    altitude, azimuth = seen.alt.deg, seen.az.deg
    assert (altitude >= max(night.min_altitude, site.min_altitude_deg or 0)).all(), "too low"
    if site.max_altitude_deg is not None:
        assert (altitude <= site.max_altitude_deg).all(), "too high"
    if site.hour_angle_limit_h is not None:
        angle = coords.transform_to(HADec(obstime=when, location=location(site))).ha
        assert (np.abs(angle.wrap_at("12h").hour) <= site.hour_angle_limit_h).all(), "hour angle"
    if site.horizon:
        points = np.array(site.horizon)
        line = np.interp(azimuth, points[:, 0], points[:, 1], period=360.0)
        assert (altitude >= line).all(), "behind the horizon"
    moon = get_body("moon", when, location(site)).transform_to(frame)
    limit = max(settings.moon_separation, site.moon_separation_deg or 0.0)
    assert ((seen.separation(moon).deg >= limit) | (moon.alt.deg <= 0)).all(), "at the Moon"
    np.testing.assert_allclose(
        slots["altitude"],
        [
            np.interp(m, t, a)
            for m, t, a in zip(
                0.5 * (slots["exposure_start"] + slots["end"]), times, altitude, strict=True
            )
        ],
        atol=0.05,
    )


@pytest.mark.proof
@given(seed=st.integers(0, 10**6), visits=st.sampled_from([1, 2]), solve=st.booleans())
def test_no_plan_does_what_telescopes_cannot(seed: int, visits: int, solve: bool) -> None:
    """It never overlaps, nor points below limits, at the Moon, at a closed time, or twice at one.

    Where several visits are allowed: neither more often nor sooner than that.
    """
    nights, now = some_night(seed)
    settings = QUICK.model_copy(update={"visits": visits, "gap": 0.75})
    plan = make_plan(nights, settings, now, solve=solve)
    check(plan, settings)
    assert plan.greedy <= plan.objective * (1 + 1e-9) <= plan.bound * (1 + 1e-6)


def one_night(
    n: int = 30, names: tuple[str, ...] = ("la_palma_not",), **more: Any
) -> list[SiteNight]:
    scored = candidates(np.random.default_rng(5), n)
    for name, values in more.items():
        scored[name] = values
    return [site_night(observatory_file.load(name), scored, NOW) for name in names]


@pytest.mark.slow
def test_the_same_night_gives_the_same_plan() -> None:
    first, second = (make_plan(one_night(), QUICK, NOW) for _ in range(2))
    pd.testing.assert_frame_equal(first.slots, second.slots)


def test_network_plans_share_candidates() -> None:
    names = ("la_palma_not", "la_silla_ntt")
    plan = make_plan(one_night(60, names), QUICK, NOW)
    assert set(plan.slots["observatory"]) == set(names)
    assert plan.slots["candidate_id"].is_unique
    assert plan.independent < plan.greedy
    assert plan.method == JOINT
    assert plan.status == "optimal"
    assert plan.gap <= QUICK.optimality_gap + 1e-9


@pytest.mark.slow
def test_urgent_toos_come_first_and_as_early_as_they_can() -> None:
    """Although they score least."""
    nights = one_night(40)
    table = nights[0].table.sort_values("site_score")
    free = make_plan(nights, QUICK, NOW, solve=False)
    up_late = table["candidate_id"].tolist()
    plans = []
    for who in up_late:
        marked = replace(
            nights[0],
            table=nights[0].table.assign(
                too=nights[0].table["candidate_id"] == who, too_urgent=True
            ),
        )
        plan = make_plan([marked], QUICK, NOW, solve=False)
        if plan.slots["too"].any():
            plans.append((who, plan))
        if len(plans) == 5:
            break
    assert len(plans) == 5
    for who, plan in plans:
        row = plan.slots[plan.slots["candidate_id"] == who].iloc[0]
        alone = replace(nights[0], table=nights[0].table[nights[0].table["candidate_id"] == who])
        only = make_plan([alone], QUICK.model_copy(update={"airmass_power": 0.0}), NOW, solve=False)
        assert row["start"] <= only.slots["start"].iloc[0] + SECOND
        assert plan.first == pytest.approx(row["value"])
    assert free.first == 0


@pytest.mark.slow
def test_what_is_pinned_is_planned_and_where_it_is_pinned() -> None:
    names = ("la_palma_not", "la_silla_ntt")
    nights = one_night(80, names)
    free = make_plan(nights, QUICK, NOW, solve=False)
    both = set(nights[0].table["candidate_id"]) & set(nights[1].table["candidate_id"])
    outside = sorted(both - set(free.slots["candidate_id"]))
    assert outside
    who = next(
        one
        for one in outside
        if len(
            make_plan(
                [replace(nights[1], table=nights[1].table.query("candidate_id == @one"))],
                QUICK,
                NOW,
                solve=False,
            ).slots
        )
    )
    table = nights[1].table
    pinned = replace(nights[1], table=table.assign(pinned=table["candidate_id"] == who))
    plan = make_plan([nights[0], pinned], QUICK, NOW)
    row = plan.slots[plan.slots["candidate_id"] == who].iloc[0]
    assert row["observatory"] == "la_silla_ntt"
    assert row["pinned"]


@pytest.mark.slow
def test_what_is_pinned_gets_its_best_slot_and_a_too_its_first() -> None:
    """A pin says that it must be observed, not that it cannot wait."""
    nights = one_night(40, ("la_palma_not",))
    table = nights[0].table
    alone = {
        one: make_plan(
            [replace(nights[0], table=table[table["candidate_id"] == one])], QUICK, NOW, solve=False
        ).slots
        for one in table["candidate_id"].head(12)
    }
    later = [
        one
        for one, slots in alone.items()
        if len(slots) and slots["start"].iloc[0] > nights[0].begin + 0.1
    ]
    assert later
    who = table["candidate_id"] == later[0]
    for column in ("pinned", "too"):
        night = replace(nights[0], table=table.assign(**{column: who}))
        slots = make_plan([night], QUICK, NOW).slots
        row = slots[slots["candidate_id"] == later[0]].iloc[0]
        best = alone[later[0]].iloc[0]
        if column == "pinned":
            assert row["start"] == best["start"]
        else:
            assert row["start"] < best["start"]


def test_a_too_is_not_planned_after_its_time() -> None:
    plan = make_plan(one_night(30), QUICK, NOW, solve=False)
    last = plan.slots.iloc[-1]
    limit = last["end"] - 0.001
    until = make_plan(
        [replace(night, table=night.table.assign(valid_until=limit)) for night in one_night(30)],
        QUICK,
        NOW,
        solve=False,
    )
    assert until.slots["end"].max() <= limit < last["end"]


def test_a_closed_site_gives_its_time_to_nobody() -> None:
    night = replace(one_night()[0], closed=((-np.inf, np.inf),))
    plan = make_plan([night], QUICK, NOW)
    assert plan.slots.empty
    assert list(plan.slots.columns) == list(COLUMNS)
    assert (plan.objective, plan.bound, plan.gap) == (0, 0, 0)


def test_polar_day_and_an_empty_list_are_no_errors() -> None:
    polar = observatory_file.load("dome_c_concordia")
    summer = Time("2025-12-21T12:00:00", scale="utc")
    scored = candidates(np.random.default_rng(1), 5)
    plan = make_plan([site_night(polar, scored, summer)], QUICK, summer)
    assert plan.slots.empty
    plan = make_plan(
        [site_night(observatory_file.load("la_palma_not"), scored.iloc[:0], NOW)], QUICK, NOW
    )
    assert plan.slots.empty


@pytest.mark.slow
def test_greedy_stands_when_the_solver_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(joint, "milp", broken)
    monkeypatch.setattr(joint, "linprog", broken)
    plan = make_plan(one_night(), QUICK, NOW)
    assert plan.method == GREEDY
    assert plan.status == "RuntimeError: out of memory"
    assert plan.objective == plan.greedy > 0
    check(plan, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("few", [joint.FEW, 0])
def test_greedy_stands_when_the_solver_is_late(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "FEW", few)
    late = QUICK.model_copy(update={"time_limit": 1e-7, "optimality_gap": 0.0})
    plan = make_plan(one_night(200), late, NOW)
    assert plan.method == GREEDY
    assert plan.status == "time limit"
    assert plan.objective == plan.greedy > 0
    assert plan.bound > plan.objective


@pytest.mark.slow
def test_backups_are_the_best_that_is_left_for_a_slot() -> None:
    nights = one_night(80)
    plan = make_plan(nights, QUICK, NOW, solve=False)
    assert (plan.slots["backup"] != "").sum() > 5
    table = nights[0].table.set_index("candidate_id")
    for row in plan.slots[plan.slots["backup"] != ""].to_dict("records"):
        assert row["backup"] in table.index
        assert row["backup_value"] <= table.loc[row["backup"], "site_score"] * (1 + 1e-9)
        # Had the backup been the only one, it could have been observed in that slot.
        alone = replace(
            nights[0],
            table=nights[0].table[nights[0].table["candidate_id"] == row["backup"]],
            begin=row["start"] - SECOND,
            closed=((row["end"] + SECOND, np.inf),),
        )
        assert len(make_plan([alone], QUICK, NOW, solve=False).slots) == 1


def test_last_chance_is_score_over_that_of_tomorrow() -> None:
    plan = make_plan(one_night(), QUICK, NOW, solve=False)
    up = plan.slots["score_tomorrow"] > 0
    assert up.any()
    np.testing.assert_allclose(
        plan.slots["last_chance"][up], (plan.slots["score"] / plan.slots["score_tomorrow"])[up]
    )


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_running_and_repeats_nothing() -> None:
    """Planned again at every hour, the night stays possible and no candidate comes twice."""
    nights = one_night(60)
    before = make_plan(nights, QUICK, NOW, solve=False)
    now = Time(before.slots["start"].iloc[3] + 0.004, format="mjd", scale="utc")
    scored = candidates(np.random.default_rng(5), 60)
    later = [site_night(nights[0].observatory, scored, now)]
    said = pd.DataFrame(
        {
            "candidate_id": before.slots["candidate_id"][:3],
            "kind": "observed",
            "at": before.slots["end"][:3],
            "until": np.nan,
            "observatory": "",
        }
    )
    kept = kept_of(before.slots, later, said, now.mjd)
    assert kept["state"].tolist() == [DONE, DONE, DONE, RUNNING]
    after = make_plan(later, QUICK, now, kept=kept, solve=False)
    pd.testing.assert_frame_equal(
        after.slots.iloc[:4].drop(columns="state"), before.slots.iloc[:4].drop(columns="state")
    )
    assert after.slots["start"].iloc[4] >= before.slots["end"].iloc[3] - SECOND
    assert after.slots["candidate_id"].is_unique
    assert after.slots["slot"].tolist() == list(range(1, len(after.slots) + 1))
    # And a ToO that arrives now goes before everything else.
    rest = later[0].table
    who = next(
        name
        for name in rest["candidate_id"]
        if name not in set(kept["candidate_id"])
        and (after.slots["candidate_id"] == name).any()
        and after.slots.set_index("candidate_id").loc[name, "slot"] > 6
        and rest.set_index("candidate_id").loc[name, "altitude"] > 40
    )
    alarm = [replace(later[0], table=rest.assign(too=rest["candidate_id"] == who))]
    again = make_plan(alarm, QUICK, now, kept=kept, solve=False)
    assert again.slots["candidate_id"].iloc[4] == who


def test_slots_of_another_night_are_not_kept() -> None:
    nights = one_night()
    plan = make_plan(nights, QUICK, NOW, solve=False)
    tomorrow = Time(NOW.mjd + 1, format="mjd", scale="utc")
    scored = candidates(np.random.default_rng(5), 30)
    said = pd.DataFrame(columns=["candidate_id", "kind", "at", "until", "observatory"])
    assert kept_of(
        plan.slots, [site_night(nights[0].observatory, scored, tomorrow)], said, tomorrow.mjd + 0.2
    ).empty


@pytest.mark.slow
def test_a_known_brightness_decides_the_exposure() -> None:
    faint = make_plan(one_night(last_mag=18.4), QUICK, NOW, solve=False)
    bright = make_plan(one_night(last_mag=16.0), QUICK, NOW, solve=False)
    unknown = make_plan(one_night(last_mag=np.nan), QUICK, NOW, solve=False)
    assert faint.slots["needed_s"].min() > bright.slots["needed_s"].max()
    assert (unknown.slots["needed_s"] == QUICK.exposure).all()
    short = QUICK.model_copy(update={"max_exposure": 60.0})
    assert make_plan(one_night(last_mag=18.4), short, NOW, solve=False).slots.empty
