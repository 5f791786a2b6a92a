"""A whole survey: its counts, its truth, its times, and that a seed gives it again."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from aas2rto.errors import UsageError
from aas2rto.simulate import contaminants
from aas2rto.simulate.observe import ALERT, Rows
from aas2rto.simulate.survey import Simulation, simulate
from aas2rto.simulate.surveys import SURVEYS
from aas2rto.simulate.visits import Visits, read_visits
from aas2rto.tables.photometry import mag_from_flux
from tests.shared import DATA
from tests.simulate.conftest import BEGIN, END

ZTF = SURVEYS["ztf"]


def equal(one: Rows, other: Rows) -> bool:
    return all(
        np.array_equal(getattr(one, f.name), getattr(other, f.name), equal_nan=f.name != "bad")
        for f in fields(Rows)
    )


def test_the_same_seed_gives_the_same_survey(ztf_visits: Visits, small_survey: Simulation) -> None:
    """Truth, measurements and facts; another seed gives another."""
    again = simulate(ZTF, ztf_visits, END, seed=3, rate_scale=0.02)
    pd.testing.assert_frame_equal(again.objects, small_survey.objects)
    pd.testing.assert_frame_equal(again.facts, small_survey.facts)
    assert equal(again.rows, small_survey.rows)
    other = simulate(ZTF, ztf_visits, END, seed=4, rate_scale=0.02)
    assert not np.isin(other.objects["ra"], small_survey.objects["ra"]).any()


def test_contaminants_leave_explosions_as_they_are(
    ztf_visits: Visits, small_survey: Simulation
) -> None:
    """Each type has its own random numbers."""
    more = simulate(ZTF, ztf_visits, END, seed=3, rate_scale=0.02, contaminant_scale=2.0)
    columns = ["type", "redshift", "ra", "dec", "t0", "peak_mag", "n_alerts"]
    tables = [
        one.objects.loc[one.objects["redshift"].notna() & one.objects["peak_abs"].notna(), columns]
        for one in (small_survey, more)
    ]
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in tables))
    assert (more.objects["type"] == "asteroid").sum() > (
        1.5 * (small_survey.objects["type"] == "asteroid").sum()
    )


def test_numbers_are_poisson_about_the_rates(small_survey: Simulation) -> None:
    """What was drawn of each type lies within four sigma of what its rate expects."""
    assert len(small_survey.populations) == 13
    for one in small_survey.populations:
        assert abs(one.drawn - one.expected) <= 4 * max(one.expected, 1.0) ** 0.5, one
        assert one.alerted <= one.drawn
    total = sum(one.alerted for one in small_survey.populations)
    assert total == len(small_survey.objects)


def test_rates_of_what_is_found_are_those_of_nature(ztf_visits: Visits) -> None:
    """SNe Ia nearer than z = 0.05 that peak in the span are as many as the rate says."""
    from aas2rto.simulate import supernovae_ia
    from aas2rto.simulate.drawing import World, draw_explosions

    world = World(ZTF, ztf_visits, BEGIN, END, 5, 21.5)
    drawn = next(iter(draw_explosions(world, 1.0)))
    near = drawn.truth[(drawn.truth["z"] < 0.05) & drawn.truth["t0"].between(BEGIN, END)]
    expected = supernovae_ia.RATE.expected(0.05, END - BEGIN, world.share)
    # Some 1 % lie behind more dust than is looked through.
    assert 0.96 * expected - 4 * expected**0.5 < len(near) < expected + 4 * expected**0.5
    assert expected > 100


def test_ids_are_in_the_order_of_first_alerts(small_survey: Simulation) -> None:
    """So that a name tells nothing of the type."""
    objects = small_survey.objects
    assert objects["id"].is_unique
    assert objects["id"].is_monotonic_increasing
    assert objects["first_alert"].is_monotonic_increasing


def test_times_are_in_order(small_survey: Simulation) -> None:
    """Nothing is known before its exposure, nor after the end; facts follow the first alert."""
    rows, facts = small_survey.rows, small_survey.facts
    assert (rows.known_at > rows.mjd).all()
    assert (rows.known_at <= END).all()
    assert rows.mjd.min() >= BEGIN
    first = small_survey.objects["first_alert"].to_numpy()
    assert (facts["known_at"].to_numpy() > first[facts["owner"]]).all()
    assert facts["known_at"].max() <= END
    others = rows.kind != ALERT
    assert (rows.known_at[others] >= first[rows.owner[others]]).all()


def test_every_object_has_an_alert_and_every_type_occurs(small_survey: Simulation) -> None:
    """Counts in the truth are those of the rows."""
    rows, objects = small_survey.rows, small_survey.objects
    alerts = np.bincount(rows.owner[rows.kind == ALERT], minlength=len(objects))
    assert (alerts >= 1).all()
    np.testing.assert_array_equal(alerts, objects["n_alerts"])
    assert {"SN Ia", "SN II", "SN IIn", *contaminants.PER_YEAR["ztf"]} <= set(objects["type"])
    singles = objects[objects["type"] == "asteroid"]
    assert (singles["n_alerts"] == 1).all()


def test_peaks_are_those_of_the_light_curves(small_survey: Simulation) -> None:
    """No alert of an explosion is brighter than its true peak by more than its noise."""
    objects, rows = small_survey.objects, small_survey.rows
    alerts = rows.take((rows.kind == ALERT) & (rows.flux > 0))
    explodes = objects["peak_abs"].notna().to_numpy()[alerts.owner]
    peak = objects["peak_mag"].to_numpy()[alerts.owner]
    faintest = mag_from_flux(np.maximum(alerts.flux - 5 * alerts.flux_err, 1e-9))
    assert (faintest[explodes] > peak[explodes] - 0.05).all()
    near = explodes & (np.abs(alerts.mjd - objects["peak_mjd"].to_numpy()[alerts.owner]) < 2)
    bright = near & (alerts.flux > 20 * alerts.flux_err)
    off = mag_from_flux(alerts.flux[bright]) - peak[bright]
    assert 0 <= np.median(off) < 0.4


def test_shares_of_types_are_those_of_a_sample_of_limited_magnitude() -> None:
    """Brighter than 19 mag, as BTS classifies: SNe Ia 73 %, II 14 %, each to a few per cent."""
    from aas2rto.simulate.cadence import ztf_like

    visits = ztf_like(np.random.default_rng(1), 60000.0, 60500.0)
    made = simulate(
        ZTF, visits, 60500.0, seed=1, rate_scale=0.5, contaminant_scale=0.0, faintest=19.2
    )
    seen = made.objects
    seen = seen[seen["peak_mjd"].between(60030, 60450) & (seen["peak_mag"] < 19)]
    share = seen["type"].value_counts(normalize=True)
    assert len(seen) > 1000
    for kind, bts, margin in (
        ("SN Ia", 0.729, 0.05),
        ("SN II", 0.140, 0.04),
        ("SN IIn", 0.026, 0.02),
        ("SN IIb", 0.019, 0.015),
        ("SN Ib", 0.017, 0.015),
        ("SN Ic", 0.025, 0.015),
        ("SLSN-I", 0.008, 0.01),
        ("TDE", 0.005, 0.01),
    ):
        assert share[kind] == pytest.approx(bts, abs=margin), kind


def test_no_visits_give_an_empty_survey(ztf_visits: Visits) -> None:
    """Such as a week of bad weather."""
    none = Visits(
        **{
            f.name: getattr(ztf_visits, f.name)[:0]
            if isinstance(getattr(ztf_visits, f.name), np.ndarray)
            else getattr(ztf_visits, f.name)
            for f in fields(Visits)
        }
    )
    made = simulate(ZTF, none, END)
    assert made.objects.empty
    assert len(made.rows) == 0
    assert made.facts.empty


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"rate_scale": float("nan")}, "--rate-scale: nan is no factor"),
        ({"contaminant_scale": -1.0}, "--contaminants: -1 is no factor"),
        ({"rate_scale": 1e6}, "would be drawn, more than"),
        ({"faintest": 40.0}, "--faintest: 40 mag is not between"),
    ],
)
def test_impossible_numbers_are_refused(ztf_visits: Visits, asked: dict, said: str) -> None:
    """Before anything is drawn."""
    with pytest.raises(UsageError, match=said):
        simulate(ZTF, ztf_visits, END, **asked)


@pytest.mark.real_data
def test_a_survey_on_the_first_year_of_lsst() -> None:
    """All six bands, gaps measured, and nothing known too early."""
    own = SURVEYS["lsst"]
    visits = read_visits(
        DATA / "baseline_v2.0_1yr.parquet",
        survey="lsst",
        between=(60300.0, 60360.0),
        radius=own.radius,
        rng=np.random.default_rng(0),
        latency=own.latency,
    )
    made = simulate(own, visits, 60360.0, rate_scale=0.01, faintest=20.5)
    rows = made.rows
    assert set(np.unique(rows.band)) == set(range(6))
    assert np.isfinite(rows.flux).all()
    assert (rows.known_at > rows.mjd).all()
    assert (made.objects["type"] == "SN Ia").sum() > 20
    # 22 visits in 30 days see most of what shines that long.
    assert made.objects.loc[made.objects["type"] == "SN Ia", "n_alerts"].median() >= 4
