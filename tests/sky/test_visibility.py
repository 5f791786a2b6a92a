"""Visibility agrees with astropy at random sites, times and positions, and at the edges."""

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import AltAz, HADec, SkyCoord, get_body, get_sun
from astropy.utils import iers

from aas2rto.sky import ephemeris, observatory_file, visibility
from aas2rto.sky.altitude_curve import moon_track, sun_track, track
from aas2rto.sky.night import NightKind
from tests.sky.skies import (
    MINUTE,
    astropy_altaz,
    at,
    location_of,
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


def sun_altitude(site, mjd):
    times = mjd_time(mjd)
    return get_sun(times).transform_to(AltAz(obstime=times, location=location_of(site))).alt.deg


RNG = np.random.default_rng(20261122)
CASES = [
    (place(np.degrees(np.arcsin(RNG.uniform(-0.95, 0.95))), RNG.uniform(-180, 180)), mjd)
    for mjd in RNG.uniform(58000, 61500, 25)
]
"""25 sites at 25 times, with 20 positions each."""


@pytest.mark.slow
@pytest.mark.parametrize(("site", "mjd"), CASES)
def test_it_agrees_with_astropy_everywhere(site, mjd):
    rng = np.random.default_rng(int(mjd))
    ra, dec = random_sky(rng, 20)
    now = mjd_time(mjd)
    table = visibility.site_table(site, table_of(ra, dec), now)

    altitude, azimuth = astropy_altaz(site, ra, dec, now)
    np.testing.assert_allclose(table["altitude"], altitude, atol=0.01 / 3600)
    turned = np.radians(table["azimuth"].to_numpy() - azimuth)
    np.testing.assert_allclose(np.sin(turned) * np.cos(np.radians(altitude)), 0, atol=5e-8)

    moon = get_body("moon", now, location_of(site))
    frame = AltAz(obstime=now, location=location_of(site))
    separation = SkyCoord(ra * u.deg, dec * u.deg).transform_to(frame)
    separation = separation.separation(moon.transform_to(frame)).deg
    np.testing.assert_allclose(table["moon_sep"], separation, atol=0.01)
    np.testing.assert_allclose(table["moon_altitude"], moon.transform_to(frame).alt.deg, atol=0.01)

    if not np.isfinite(table["night_start"][0]):
        assert sun_altitude(site, mjd + np.arange(0, 1, 0.01)).min() > site.twilight_deg - 0.1
        return
    start, end = table["observing_start"][0], table["night_end"][0]
    days = np.linspace(0, end - start, int((end - start) * 1440) + 2)
    heights = astropy_altaz(site, ra[:, None], dec[:, None], mjd_time(start + days)[None, :])[0]
    area = [positive_integral(days, row - 30.0) for row in heights]
    np.testing.assert_allclose(table["altitude_area"], area, rtol=1e-4)
    np.testing.assert_allclose(table["culmination_altitude"], heights.max(axis=1), atol=0.01)
    hours = np.trapezoid((heights >= 30.0).astype(float), days, axis=1) * 24
    np.testing.assert_allclose(table["hours_left"], hours, atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("site", "mjd"), CASES)
def test_the_moon_at_the_best_moment_agrees_with_astropy(site, mjd):
    ra, dec = random_sky(np.random.default_rng(int(mjd)), 3)
    table = visibility.site_table(site, table_of(ra, dec), mjd_time(mjd))
    if table["culmination"].isna().all():
        return
    times = mjd_time(table["culmination"].to_numpy())
    frame = AltAz(obstime=times, location=location_of(site))
    moon = get_body("moon", times, location_of(site)).transform_to(frame)
    separation = SkyCoord(ra * u.deg, dec * u.deg).transform_to(frame).separation(moon).deg
    np.testing.assert_allclose(table["culmination_moon_sep"], separation, atol=0.02)
    np.testing.assert_allclose(table["culmination_moon_altitude"], moon.alt.deg, atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("site", "mjd"), CASES)
def test_night_limits_agree_with_the_sun_of_astropy(site, mjd):
    tonight = visibility.night(site, mjd_time(mjd))
    if tonight.kind is not NightKind.NIGHT:
        return
    around = np.array([tonight.start, tonight.end])[:, None] + np.array([-1, 1]) / 86400
    before, after = (sun_altitude(site, around) + 18.0).T
    # Within a second: the Sun is above on one side and below on the other.
    assert before[0] > 0 > after[0]
    assert before[1] < 0 < after[1]
    grid = np.linspace(max(tonight.start, mjd) + 1e-4, tonight.end - 1e-4, 50)
    assert (sun_altitude(site, grid) < -18).all()


def test_night_limits_agree_with_astroplan():
    site = observatory_file.load("la_palma_not")
    now = at("2026-03-10T15:00:00")
    tonight = visibility.night(site, now)
    dusk = site.observer.twilight_evening_astronomical(now, which="next", n_grid_points=500)
    dawn = site.observer.twilight_morning_astronomical(dusk, which="next", n_grid_points=500)
    assert tonight.start == pytest.approx(dusk.mjd, abs=MINUTE)
    assert tonight.end == pytest.approx(dawn.mjd, abs=MINUTE)


def test_moon_illumination_agrees_with_astroplan():
    site = observatory_file.load("la_palma_not")
    for text in ("2026-03-03T12:00:00", "2026-03-10T15:00:00", "2026-03-19T01:30:00"):
        table = visibility.site_table(site, table_of(10.0, 20.0), at(text))
        expected = site.observer.moon_illumination(at(text))
        assert table["moon_illumination"][0] == pytest.approx(expected, abs=0.002)


def test_track_gives_every_candidate_at_every_time():
    site = observatory_file.load("la_silla_dk154")
    rng = np.random.default_rng(3)
    ra, dec = random_sky(rng, 30)
    times = mjd_time(61366.0 + np.linspace(0, 0.6, 13))
    altitude, azimuth = track(site, ra, dec, times)
    expected, expected_az = astropy_altaz(site, ra[:, None], dec[:, None], times[None, :])
    assert altitude.shape == azimuth.shape == (30, 13)
    np.testing.assert_allclose(altitude, expected, atol=0.1 / 3600)
    turned = np.radians(azimuth - expected_az) * np.cos(np.radians(expected))
    np.testing.assert_allclose(np.sin(turned), 0, atol=1e-6)


def test_sun_and_moon_along_the_night_are_those_of_astropy():
    site = observatory_file.load("la_silla_dk154")
    times = mjd_time(61366.0 + np.linspace(0, 0.6, 13))
    ra, dec = random_sky(np.random.default_rng(3), 5)
    separation, altitude, illumination = moon_track(site, ra, dec, times)
    frame = AltAz(obstime=times, location=location_of(site))
    moon = get_body("moon", times, location_of(site)).transform_to(frame)
    stars = SkyCoord(ra[:, None] * u.deg, dec[:, None] * u.deg).transform_to(frame[None, :])
    np.testing.assert_allclose(separation, stars.separation(moon[None, :]).deg, atol=0.01)
    np.testing.assert_allclose(altitude, moon.alt.deg, atol=0.01)
    np.testing.assert_allclose(illumination, site.observer.moon_illumination(times), atol=0.002)
    sun = sun_track(site, times)
    np.testing.assert_allclose(sun, sun_altitude(site, times.mjd), atol=0.01)


def test_a_track_over_weeks_is_refused():
    times = mjd_time(np.array([61366.0, 61380.0]))
    with pytest.raises(
        ValueError, match=r"the times span 14\.0 d; ask for at most 3 d in one call"
    ):
        track(place(10.0), 10.0, 10.0, times)


def test_the_hour_angle_is_that_of_astropy():
    site, now = observatory_file.load("la_silla_dk154"), at("2026-11-22T03:00:00")
    ra, dec = random_sky(np.random.default_rng(3), 50)
    table = visibility.site_table(site, table_of(ra, dec), now)
    frame = HADec(obstime=now, location=location_of(site))
    expected = SkyCoord(ra * u.deg, dec * u.deg).transform_to(frame).ha.hourangle
    apart = (table["hour_angle"] - expected + 12) % 24 - 12
    np.testing.assert_allclose(apart * np.cos(np.radians(dec)), 0, atol=1e-5)


def test_track_agrees_with_the_site_table():
    site, now = observatory_file.load("la_palma_not"), at("2026-03-10T23:00:00")
    table = visibility.site_table(site, table_of([150.0, 200.0], [2.0, 60.0]), now)
    altitude, azimuth = track(site, [150.0, 200.0], [2.0, 60.0], now)
    np.testing.assert_allclose(altitude[:, 0], table["altitude"], atol=1e-9)
    np.testing.assert_allclose(azimuth[:, 0], table["azimuth"], atol=1e-9)


def test_check_values_of_the_factor():
    assert visibility.visibility_factor(30.0, 0.5) == pytest.approx(1.0)
    assert visibility.visibility_factor(15.0, 0.5) == pytest.approx(2.0)
    assert visibility.visibility_factor(
        10.0, 0.5, min_altitude=20.0, reference_altitude=70.0
    ) == pytest.approx(2.5)
    assert np.isnan(visibility.visibility_factor(0.0, 0.5))


def test_saturation_leaves_small_factors_and_bounds_large_ones():
    values = visibility.saturate([1.0, 2.0, 10.0, 454.0, 1e300])
    np.testing.assert_allclose(values, [1.0, 1.9999999795, 9.3303299, 10.0, 10.0], rtol=1e-7)
    np.testing.assert_allclose(visibility.saturate([3.0, 454.0], power=np.inf), [3.0, 10.0])
    assert (np.diff(visibility.saturate(np.geomspace(1, 100, 50))) > 0).all()
    assert np.isnan(visibility.saturate(np.nan))


def test_a_candidate_at_the_celestial_pole_keeps_its_altitude():
    site, now = place(60.0), at("2026-12-21T20:00:00")
    row = visibility.site_table(site, table_of(0.0, 90.0), now).iloc[0]
    # The pole of 2026 is 0.15 deg from that of ICRS.
    assert row["altitude"] == pytest.approx(60.0, abs=0.2)
    expected = visibility.visibility_factor(row["altitude_area"], row["night_left"])
    assert expected == pytest.approx(2.0, abs=0.02)
    assert np.isnan(row["rises"])
    assert np.isnan(row["sets"])
    assert row["hours_left"] == pytest.approx(24 * row["night_left"])


def test_a_candidate_that_never_rises_high_enough_says_so():
    site, now = place(60.0), at("2026-12-21T20:00:00")
    row = visibility.site_table(site, table_of(0.0, -40.0), now).iloc[0]
    assert row["altitude_area"] == 0
    assert row["hours_left"] == 0
    assert row["status"] == "not above 30 deg while it is dark"
    assert np.isnan(row["rises"])
    assert not row["observable_now"]


def test_polar_day_has_no_night_and_says_why():
    site = observatory_file.load("dome_c_concordia")
    now = at("2026-12-21T00:00:00")
    assert visibility.night(site, now).kind is NightKind.POLAR_DAY
    row = visibility.site_table(site, table_of(10.0, -80.0), now).iloc[0]
    assert row["altitude_area"] == 0
    assert row["status"] == "no night: the Sun stays above -18 deg (polar day)"
    assert np.isnan(row["night_end"])
    assert not row["observable_now"]
    assert row["altitude"] > 30


def test_polar_night_has_a_day_left():
    site = place(-89.0)
    now = at("2026-06-21T07:00:00")
    tonight = visibility.night(site, now)
    assert tonight.kind is NightKind.POLAR_NIGHT
    assert tonight.end == pytest.approx(now.mjd + 1.0, abs=1e-9)
    row = visibility.site_table(site, table_of(10.0, -80.0), now).iloc[0]
    assert row["night_left"] == pytest.approx(1.0, abs=1e-9)
    assert row["observable_now"]
    assert row["hours_left"] == pytest.approx(24.0)


def test_the_pole_itself_works():
    site = place(-90.0)
    row = visibility.site_table(site, table_of(10.0, -50.0), at("2026-06-21T07:00:00")).iloc[0]
    assert row["altitude"] == pytest.approx(50.0, abs=0.2)
    assert row["hours_left"] == pytest.approx(24.0)


@pytest.mark.slow
def test_every_day_of_a_polar_year_has_a_plausible_night():
    """Through onset and end of polar day and polar night, the night is what the Sun says."""
    site = place(86.0, longitude=40.0)
    kinds = set()
    for mjd in np.arange(61041.3, 61041.3 + 365, 1.3):
        tonight = visibility.night(site, mjd_time(mjd))
        kinds.add(tonight.kind)
        if tonight.kind is NightKind.POLAR_DAY:
            assert sun_track(site, mjd_time(mjd + np.arange(0, 1, 0.01))).min() > -18.001
            continue
        begin = max(mjd, tonight.start)
        inside = mjd_time(np.linspace(begin + 1e-4, tonight.end - 1e-4, 20))
        assert (sun_track(site, inside) < -18).all()
        assert begin < tonight.end <= begin + 1 + 1e-9
    assert kinds == set(NightKind)


def test_areas_alone_are_those_of_the_tables():
    now = at("2026-12-21T23:00:00")
    ra, dec = random_sky(np.random.default_rng(8), 100)
    sites = [
        place(35.0, max_altitude_deg=70.0),
        observatory_file.load("dome_c_concordia"),
        place(-20.0),
    ]
    areas, left = visibility.visible_areas(sites, ra, dec, now)
    assert areas.shape == (3, 100)
    for site, area, night_left in zip(sites, areas, left, strict=True):
        table = visibility.site_table(site, table_of(ra, dec), now)
        assert area.tolist() == table["altitude_area"].tolist()
        assert night_left == pytest.approx(table["night_left"][0], nan_ok=True)


def test_the_dates_beyond_the_rotation_table_work_without_complaint():
    site = observatory_file.load("la_palma_not")
    for mjd in (41400.0, 64000.0, 70000.0):
        row = visibility.site_table(site, table_of(150.0, 20.0), mjd_time(mjd)).iloc[0]
        assert np.isfinite(row["altitude"])


def test_earth_orientation_is_that_of_astropy_across_leap_seconds():
    table = iers.IERS_A.read(iers.IERS_A_FILE)
    for mjd in (57753.3, 57753.9999, 57754.1, 61000.7):
        dut1, x, y = ephemeris.earth_orientation(mjd)
        assert dut1 == pytest.approx(table.ut1_utc(mjd + 2400000.5).to_value("s"), abs=1e-6)
        expected = [value.to_value("rad") for value in table.pm_xy(mjd + 2400000.5)]
        assert [x, y] == pytest.approx(expected, abs=1e-13)


def test_candidates_keep_their_order_and_index():
    candidates = table_of([10.0, np.nan, 200.0], [5.0, 5.0, -20.0])
    candidates.index = [7, 3, 5]
    table = visibility.site_table(
        observatory_file.load("la_palma_not"), candidates, at("2026-03-10T23:00:00")
    )
    assert table.index.tolist() == [7, 3, 5]
    assert table["candidate_id"].tolist() == ["c0", "c1", "c2"]
    unknown = table.loc[3]
    assert unknown["altitude_area"] == 0
    assert unknown["status"] == "its position is not known"
    assert not unknown["observable_now"]
    assert table.loc[[7, 5], "altitude"].notna().all()


def test_no_candidates_give_an_empty_table():
    empty = table_of([], [])
    site = observatory_file.load("la_palma_not")
    table = visibility.site_table(site, empty, at("2026-03-10T23:00:00"))
    assert len(table) == 0
    full = visibility.site_table(site, table_of(10.0, 10.0), at("2026-03-10T23:00:00"))
    assert list(table.columns) == list(full.columns)


def test_several_sites_at_once_are_the_same_as_each_alone():
    now = at("2026-03-10T23:00:00")
    ra, dec = random_sky(np.random.default_rng(5), 50)
    sites = [observatory_file.load(name) for name in observatory_file.available()]
    tables = visibility.site_tables(sites, table_of(ra, dec), now)
    assert list(tables) == observatory_file.available()
    for site in sites:
        alone = visibility.site_table(site, table_of(ra, dec), now)
        pd.testing.assert_frame_equal(alone, tables[site.name])


def test_airmass_is_that_of_a_flat_atmosphere_and_ends_at_the_horizon():
    site, now = observatory_file.load("la_palma_not"), at("2026-03-10T23:00:00")
    ra, dec = random_sky(np.random.default_rng(5), 200)
    table = visibility.site_table(site, table_of(ra, dec), now)
    up = table["altitude"] > 0
    assert table["airmass"].notna().tolist() == up.tolist()
    zenith_distance = np.radians(90 - table["altitude"][up])
    np.testing.assert_allclose(table["airmass"][up], 1 / np.cos(zenith_distance))
