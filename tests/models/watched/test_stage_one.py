"""Stage 1: what changed is flagged, what did not is not, however the nights come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.models.watched.nightly import Nights, nightly
from aas2rto.models.watched.stage_one import Watched, stage_one, statuses
from aas2rto.models.watched.stage_state import STATE, TREND, TWO_BANDS, TWO_NIGHTS, Settings

NIGHTS = np.arange(58000.0, 58500.0, 4.0)


def watched(bands=1, sources=1, agn=False):
    n = bands * sources
    return Watched(np.arange(n) // bands, np.arange(n) % bands, np.full(sources, agn, dtype=bool))


def curve(seed=0, n=125, err=1.0):
    return 100 + np.random.default_rng(seed).normal(0, err, n)


def run(*fluxes, agn=False, times=NIGHTS, err=1.0, **settings):
    """Run one source with a band for each light curve; return a row of the state per band."""
    t = np.tile(times, len(fluxes))
    series = np.repeat(np.arange(len(fluxes)), len(times))
    nights = nightly(t, np.concatenate(fluxes), np.full(len(t), err), series)
    return stage_one(nights, watched(len(fluxes), agn=agn), Settings(**settings)).table()


def test_a_constant_source_is_not_flagged():
    found = run(curve()).iloc[0]
    assert found["n_flags"] == 0
    assert found["n_base"] > 90
    assert statuses(run(curve())).tolist() == ["ok"]


def test_two_nights_flag_and_one_does_not():
    flux = curve(1)
    flux[100] += 9
    assert run(flux).iloc[0]["n_flags"] == 0
    flux[101] += 9
    found = run(flux).iloc[0]
    assert found["first_kind"] == TWO_NIGHTS
    assert found["first_mjd"] == NIGHTS[101]


def test_nights_of_opposite_signs_are_no_change():
    flux = curve(1)
    flux[100] += 9
    flux[101] -= 9
    assert run(flux).iloc[0]["n_flags"] == 0


def test_two_bands_in_one_night_flag():
    one, other = curve(1), curve(2)
    one[100] += 9
    other[100] += 9
    found = run(one, other)
    assert found["first_kind"].tolist() == [TWO_BANDS, TWO_BANDS]
    other[100] -= 18
    assert run(one, other)["n_flags"].tolist() == [0, 0]


def test_a_small_shift_that_lasts_is_a_trend():
    flux = curve(3)
    flux[80:] += 3.5
    found = run(flux).iloc[0]
    assert found["first_kind"] == TREND
    assert found["sign"] == 1
    assert NIGHTS[80] <= found["first_mjd"] <= NIGHTS[92]
    assert abs(found["t_on"] - NIGHTS[80]) <= 8


def test_what_fades_is_flagged_too():
    flux = curve(3)
    flux[80:] -= 3.5
    found = run(flux).iloc[0]
    assert (found["first_kind"], found["sign"]) == (TREND, -1)


def test_a_flagged_baseline_is_frozen_and_thaws():
    flux = curve(4)
    flux[60:70] += 40
    found = run(flux).iloc[0]
    assert found["n_flags"] == 1
    assert found["frozen"] == 0
    assert found["kind"] == 0
    assert found["mean"] == pytest.approx(100, abs=0.5)
    assert found["scatter"] < 1
    stays = curve(4)
    stays[60:] += 40
    frozen = run(stays).iloc[0]
    assert frozen["frozen"] == 1
    assert frozen["mean"] == pytest.approx(100, abs=0.5)


def test_a_second_change_is_a_second_flag():
    flux = curve(4)
    flux[50:54] += 40
    flux[110:114] += 40
    found = run(flux).iloc[0]
    assert found["n_flags"] == 2
    assert found["first_mjd"] == NIGHTS[51]
    assert found["flag_mjd"] == NIGHTS[111]


def walk(n, seed, sigma=10.0, tau=40.0):
    dice = np.random.default_rng(seed)
    covariance = sigma**2 * np.exp(-np.abs(np.subtract.outer(range(n), range(n))) * 4 / tau)
    return 100 + dice.multivariate_normal(np.zeros(n), covariance, method="cholesky")


def test_sums_of_an_active_nucleus_wait_for_its_random_walk():
    short = run(walk(60, 1), times=NIGHTS[:60], agn=True)
    assert statuses(short, agn=True).tolist() == ["baseline changes"]
    assert short[["plus", "minus"]].to_numpy().max() == 0
    times = 58000 + 4.0 * np.arange(300)
    long = run(walk(300, 1), times=times, agn=True)
    assert statuses(long, agn=True).tolist() == ["random walk"]
    assert 3 < long["sigma"][0] < 30


@pytest.mark.slow
def test_random_walks_are_seldom_flagged():
    """Sums of raw deviations of these sound the alarm every 30 to 50 nights."""
    times = 58000 + 4.0 * np.arange(300)
    flags = sum(run(walk(300, seed), times=times, agn=True)["n_flags"][0] for seed in range(60))
    assert flags <= 12


def test_a_baseline_that_holds_a_flare_says_so():
    flux = curve(5)
    flux[5:18] += 30 * np.exp(-np.arange(13) / 5)
    found = run(flux[:60], times=NIGHTS[:60])
    assert statuses(found).tolist() == ["baseline changes"]
    assert found["n_flags"][0] == 0


def test_the_end_of_the_baseline_can_be_given():
    flux = curve(6)
    flux[20:22] += 30
    flux[100:103] += 30
    t = nightly(NIGHTS, flux, np.ones(len(NIGHTS)))
    found = stage_one(t, watched(), until=NIGHTS[80])
    row = found.table().iloc[0]
    assert row["base_to"] == NIGHTS[80]
    assert np.isnan(found.z[:81]).all()
    assert np.isfinite(found.z[81:]).all()


def some(nights, most):
    """Return the nights of all series up to one."""
    kept = nights.night <= most
    return Nights(*(getattr(nights, name)[kept] for name in vars(nights)))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 2), st.booleans())
def test_night_by_night_is_all_at_once(seed, bands, sources, agn):
    dice = np.random.default_rng(seed)
    n = bands * sources
    parts = []
    for series in range(n):
        times = np.unique(np.floor(dice.uniform(58000, 58400, dice.integers(1, 130)))) + 0.3
        flux = dice.normal(100, 1, len(times)) + np.cumsum(dice.normal(0, 0.3, len(times)))
        begin = dice.uniform(58100, 58400)
        flux += dice.uniform(-20, 20) * (times > begin) * (times < begin + 40)
        parts.append((times, flux, dice.uniform(0.5, 1.5, len(times)), np.full(len(times), series)))
    nights = nightly(*(np.concatenate(one) for one in zip(*parts, strict=True)))
    who = watched(bands, sources, agn=agn)
    options = Settings(h=4.0, walk_nights=60)
    whole = stage_one(nights, who, options)
    step = None
    for night in np.unique(nights.night)[:: int(dice.integers(1, 9))].tolist():
        step = stage_one(some(nights, night), who, options, step)
    step = stage_one(nights, who, options, step)
    assert np.array_equal(whole.state, step.state, equal_nan=True)
    assert np.array_equal(whole.out_of_baseline, step.out_of_baseline)
    assert np.array_equal(whole.z, step.z, equal_nan=True)


def test_a_night_that_comes_late_starts_its_source_again():
    flux = curve(7)
    nights = nightly(NIGHTS, flux, np.ones(len(NIGHTS)))
    without = nightly(np.delete(NIGHTS, 50), np.delete(flux, 50), np.ones(len(NIGHTS) - 1))
    before = stage_one(without, watched())
    again = stage_one(nights, watched(), before=before)
    assert np.array_equal(again.state, stage_one(nights, watched()).state, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "times", "flux", "err", "status"),
    [
        ("nothing", [], [], [], "no nights"),
        ("nan", [58000.0, np.nan], [np.nan, 1.0], [1.0, 1.0], "no nights"),
        ("one point", [58000.0], [1.0], [1.0], "too few nights"),
        ("no errors", NIGHTS, np.ones(len(NIGHTS)), np.zeros(len(NIGHTS)), "no nights"),
        ("one time", np.full(50, 58000.2), np.arange(50.0), np.ones(50), "too few nights"),
        ("constant", NIGHTS, np.full(len(NIGHTS), 7.0), np.ones(len(NIGHTS)), "ok"),
        ("faint", NIGHTS, curve(8) - 100, np.ones(len(NIGHTS)), "ok"),
        (
            "years apart",
            np.concatenate([NIGHTS, NIGHTS + 3000]),
            np.concatenate([curve(8), curve(9)]),
            np.ones(2 * len(NIGHTS)),
            "ok",
        ),
        ("saturated", NIGHTS, np.where(NIGHTS > 58300, np.inf, 100.0), np.ones(125), "ok"),
        ("huge", NIGHTS, curve(8) * 1e12, np.full(len(NIGHTS), 1e12), "ok"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_each_input_has_a_status(name, times, flux, err, status):
    found = stage_one(nightly(times, flux, err), watched()).table()
    assert statuses(found).tolist() == [status]
    assert found["n_flags"][0] == 0


@pytest.mark.slow
def test_five_thousand_nights_are_looked_at():
    times = 58000 + np.arange(5000.0)
    flux = curve(9, 5000)
    flux[4000:4010] += 20
    found = run(flux, times=times, h=12.658).iloc[0]
    assert found["seen"] == 5000
    assert found["first_mjd"] == times[4001]


def test_the_state_is_a_table_with_a_name_for_each_column():
    table = stage_one(nightly([], [], []), watched(2)).table()
    assert list(table) == list(STATE)
    assert len(table) == 2
