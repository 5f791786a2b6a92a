"""What limits of site and telescope make of a night: hours left, moments, status."""

import numpy as np
import pandas as pd
import pytest
from astropy.utils import iers

from aas2rto.sky import observatory_file, visibility
from aas2rto.sky.altitude_curve import track
from tests.sky.skies import (
    MINUTE,
    astropy_altaz,
    at,
    mjd_time,
    place,
    positive_integral,
    random_sky,
    table_of,
)


@pytest.fixture(autouse=True, scope="module")
def astropy_offline():
    """Give astropy the bundled Earth rotation table, which it would otherwise want to renew."""
    with iers.earth_orientation_table.set(iers.IERS_A.read(iers.IERS_A_FILE)):
        yield


@pytest.mark.slow
def test_a_candidate_that_grazes_the_limit_is_as_good():
    """Its area goes with the square of a small excess, so that every arcsecond counts."""
    site = observatory_file.load("la_silla_dk154")
    now = at("2026-11-22T03:00:00")
    end = visibility.night(site, now).end
    # Setting within minutes, rising just before dawn, and culminating just above 30 deg.
    overhead = now.sidereal_time("apparent", longitude=site.longitude_deg).deg
    at_dawn = mjd_time(end).sidereal_time("apparent", longitude=site.longitude_deg).deg
    ra = np.concatenate(
        [overhead - np.linspace(60, 66, 9), at_dawn + np.linspace(60, 66, 9), [overhead + 40.0]]
    )
    dec = np.concatenate([np.full(18, -20.0), [30.7]])
    table = visibility.site_table(site, table_of(ra, dec), now)
    start = table["observing_start"][0]
    days = np.linspace(0, end - start, 2000)
    heights = astropy_altaz(site, ra[:, None], dec[:, None], mjd_time(start + days)[None, :])[0]
    area = np.array([positive_integral(days, row - 30.0) for row in heights])
    assert ((area > 0) & (area < 0.05)).sum() > 8
    assert (area == 0).any()
    np.testing.assert_allclose(table["altitude_area"], area, rtol=1e-4, atol=1e-8)


def equatorial_site():
    """Return a site, a time in its night, and the right ascension on its meridian then."""
    site, now = place(20.0), at("2026-12-21T23:00:00")
    return site, now, now.sidereal_time("apparent", longitude=0.0).deg


def test_below_the_limit_but_rising_later_keeps_its_factor_but_is_not_observable():
    site, now, sidereal = equatorial_site()
    row = visibility.site_table(site, table_of(sidereal + 85.0, 0.0), now).iloc[0]
    assert row["altitude"] < 30
    assert row["altitude_area"] > 0
    assert row["status"] == ""
    assert not row["observable_now"]
    assert row["rises"] > now.mjd
    assert row["hours_left"] == pytest.approx(
        24 * (min(row["night_end"], row["sets"] if row["sets"] > 0 else 1e9) - row["rises"])
    )


def test_set_for_the_night_is_out():
    site, now, sidereal = equatorial_site()
    row = visibility.site_table(site, table_of(sidereal - 75.0, 0.0), now).iloc[0]
    assert row["altitude"] < 30
    assert row["altitude_area"] == 0
    assert row["status"] == "has set for the night"
    assert row["sets"] < now.mjd


def test_a_candidate_around_its_limits_changes_within_a_minute():
    site, now, sidereal = equatorial_site()
    row = visibility.site_table(site, table_of(sidereal, 0.0), now).iloc[0]
    just_before = mjd_time(row["sets"] - MINUTE)
    just_after = mjd_time(row["sets"] + MINUTE)
    before = visibility.site_table(site, table_of(sidereal, 0.0), just_before).iloc[0]
    after = visibility.site_table(site, table_of(sidereal, 0.0), just_after).iloc[0]
    assert before["observable_now"]
    assert before["hours_left"] == pytest.approx(1 / 60, rel=1e-3)
    assert not after["observable_now"]
    assert after["status"] == "has set for the night"
    assert after["sets"] == pytest.approx(row["sets"], abs=1e-6)


def test_up_only_at_dawn():
    site = place(20.0)
    now = at("2026-12-21T12:00:00")
    tonight = visibility.night(site, now)
    dawn = mjd_time(tonight.end)
    # It passes 30 deg in the east about half an hour before dawn.
    sidereal = dawn.sidereal_time("apparent", longitude=0.0).deg
    row = visibility.site_table(site, table_of(sidereal + 50.0, 0.0), now).iloc[0]
    assert 0 < row["hours_left"] < 1
    assert row["culmination"] == pytest.approx(tonight.end)
    assert row["rises"] == pytest.approx(tonight.end - row["hours_left"] / 24)
    assert np.isnan(row["sets"])
    raw = visibility.visibility_factor(row["altitude_area"], row["night_left"])
    assert raw > 10
    assert 9 < visibility.saturate(raw) <= 10


def test_a_long_night_may_see_a_candidate_twice():
    site = place(60.0)
    now = at("2026-12-21T12:00:00")
    tonight = visibility.night(site, now)
    dusk = mjd_time(tonight.start)
    sidereal = dusk.sidereal_time("apparent", longitude=0.0).deg
    # Lower culmination at 28 deg in the middle of a night of 12 h.
    middle = 15.04 * 12 * (tonight.end - tonight.start)
    row = visibility.site_table(site, table_of(sidereal + middle + 180.0, 58.0), now).iloc[0]
    assert np.isnan(row["rises"])
    assert tonight.start < row["sets"] < tonight.end
    # It is back before dawn: more hours than until it sets.
    assert row["hours_left"] > 24 * (row["sets"] - tonight.start) + 1
    low = mjd_time(row["sets"] + 10 * MINUTE)
    later = visibility.site_table(site, table_of(sidereal + middle + 180.0, 58.0), low).iloc[0]
    assert later["status"] == ""
    assert later["rises"] > low.mjd
    assert np.isnan(later["sets"])


def test_a_minute_around_dusk_and_dawn():
    site = observatory_file.load("la_palma_not")
    tonight = visibility.night(site, at("2026-03-10T15:00:00"))

    def night_from(mjd):
        return visibility.night(site, mjd_time(mjd))

    for offset in (-MINUTE, MINUTE):
        around_dusk = night_from(tonight.start + offset)
        assert around_dusk.start == pytest.approx(tonight.start, abs=1e-6)
        assert around_dusk.end == pytest.approx(tonight.end, abs=1e-6)
    assert night_from(tonight.end - MINUTE).start == pytest.approx(tonight.start, abs=1e-6)
    after = night_from(tonight.end + MINUTE)
    assert after.start == pytest.approx(tonight.start + 1, abs=3 * MINUTE)
    assert after.end == pytest.approx(tonight.end + 1, abs=3 * MINUTE)


def test_now_is_night_only_between_dusk_and_dawn():
    site = observatory_file.load("la_palma_not")
    tonight = visibility.night(site, at("2026-03-10T15:00:00"))
    overhead = [
        mjd_time(mjd).sidereal_time("apparent", longitude=site.longitude_deg).deg
        for mjd in (tonight.start, tonight.end)
    ]
    seen = {
        minutes: visibility.site_table(
            site, table_of(overhead, [28.0, 28.0]), mjd_time(limit + minutes * MINUTE)
        )["observable_now"].tolist()
        for limit, minutes in (
            (tonight.start, -1),
            (tonight.start, 1),
            (tonight.end, -2),
            (tonight.end, 2),
        )
    }
    assert seen[-1][0] is False
    assert seen[1][0] is True
    assert seen[-2][1] is True
    assert seen[2][1] is False


def test_time_left_shrinks_with_the_night():
    site = observatory_file.load("la_palma_not")
    tonight = visibility.night(site, at("2026-03-10T15:00:00"))
    left = [
        visibility.site_table(site, table_of(150.0, 20.0), mjd_time(tonight.start + step)).iloc[0]
        for step in (-0.2, 0.0, 0.1, 0.2, 0.3)
    ]
    assert left[0]["altitude_area"] == pytest.approx(left[1]["altitude_area"], rel=1e-5)
    areas = [row["altitude_area"] for row in left[1:]]
    assert areas == sorted(areas, reverse=True)
    assert all(row["night_end"] == pytest.approx(tonight.end) for row in left)


def grid_hours(site, row, now, free):
    """Count the hours left above 30 deg and free of what stands in the way, every 2 s."""
    step = 2 / 86400
    mjd = np.arange(row["observing_start"], row["night_end"], step)
    altitude, azimuth = track(site, row["ra"], row["dec"], mjd_time(mjd))
    good = (altitude[0] >= 30.0) & free(altitude[0], azimuth[0])
    area = np.sum((altitude[0] - 30.0)[good]) * step
    return 24 * good.sum() * step, area


LIMITED = {
    "zenith": ({"max_altitude_deg": 70.0}, lambda a, z: a <= 70.0),
    "hour angle": ({"hour_angle_limit_h": 2.5}, None),
    "horizon": (
        {"horizon": ((0.0, 10.0), (80.0, 55.0), (120.0, 35.0), (200.0, 40.0), (300.0, 62.0))},
        lambda a, z: (
            a >= np.interp(z, [-60, 0, 80, 120, 200, 300, 360], [62, 10, 55, 35, 40, 62, 10])
        ),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("limit", LIMITED)
@pytest.mark.parametrize("text", ["2026-12-21T12:00:00", "2026-12-21T22:30:00"])
def test_limits_of_the_telescope_cut_the_time_left(limit, text):
    settings, free = LIMITED[limit]
    now, site = at(text), place(35.0, **settings)
    ra, dec = random_sky(np.random.default_rng(8), 60)
    candidates = table_of(ra, dec)
    table = visibility.site_table(site, candidates, now).assign(ra=ra, dec=dec)
    unlimited = visibility.site_table(place(35.0), candidates, now)
    assert (table["altitude_area"] < unlimited["altitude_area"] - 1e-9).sum() > 5
    for _, row in table.iterrows():
        if free is None:
            later = row["observing_start"] - now.mjd
            apart = row["hour_angle"] * 15 + later * 24 * 15.0411

            def free_now(a, z, start=apart):
                steps = np.arange(len(a)) * (2 * 15.0411 / 3600)
                return np.abs((start + steps + 180) % 360 - 180) <= 2.5 * 15
        else:
            free_now = free
        hours, enclosed = grid_hours(site, row, now, free_now)
        assert row["hours_left"] == pytest.approx(hours, abs=0.02)
        assert row["altitude_area"] == pytest.approx(enclosed, abs=0.02)


def test_a_horizon_line_decides_what_is_observable_now():
    wall = place(20.0, horizon=((0.0, 60.0), (180.0, 60.0), (181.0, 0.0), (359.0, 0.0)))
    now = at("2026-12-21T23:00:00")
    sidereal = now.sidereal_time("apparent", longitude=0.0).deg
    table = visibility.site_table(wall, table_of(sidereal + np.array([45, -45]), [20.0, 20.0]), now)
    assert table["altitude"].tolist() == pytest.approx([48.0, 48.0], abs=1.0)
    assert table["observable_now"].tolist() == [False, True]
    # In the east it comes over the wall later, as if it rose there.
    assert table["rises"][0] > now.mjd + 0.02
    row = table.iloc[0]
    then = visibility.site_table(
        wall, table_of(sidereal + 45, 20.0), mjd_time(row["rises"] + MINUTE)
    )
    assert then["altitude"][0] == pytest.approx(60.0, abs=0.5)
    assert then["observable_now"][0]


def test_a_low_horizon_changes_nothing():
    now = at("2026-12-21T23:00:00")
    ra, dec = random_sky(np.random.default_rng(8), 200)
    free = visibility.site_table(place(70.0), table_of(ra, dec), now)
    low = visibility.site_table(
        place(70.0, horizon=((0.0, 5.0), (180.0, 20.0))), table_of(ra, dec), now
    )
    pd.testing.assert_frame_equal(free, low, rtol=1e-12)


def test_what_is_too_high_for_the_rest_of_the_night_says_so():
    site = place(60.0, max_altitude_deg=50.0)
    row = visibility.site_table(site, table_of(0.0, 89.9), at("2026-12-21T23:00:00")).iloc[0]
    assert row["altitude_area"] == 0
    assert row["status"] == "outside the telescope's limits for the rest of the night"
    assert not row["observable_now"]


def test_a_telescope_that_cannot_point_low_has_its_own_limit():
    now = at("2026-12-21T23:00:00")
    low = place(-80.0 + 120.0)
    shy = place(-80.0 + 120.0, min_altitude_deg=45.0)
    free = visibility.site_table(low, table_of([90.0, 90.0], [10.0, -10.0]), now)
    limited = visibility.site_table(shy, table_of([90.0, 90.0], [10.0, -10.0]), now)
    assert (free["altitude_area"] > limited["altitude_area"]).all()
    assert limited["altitude_area"][0] > 0
    assert limited["status"][1] == "not above 45 deg while it is dark"
