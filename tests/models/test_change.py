"""The model of watched sources: baselines, flags and onsets out of the photometry table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.models import FIT_COLUMNS, NOT_ENOUGH_DATA, OK
from aas2rto.models.change import STATUSES, Change
from aas2rto.tables import photometry as phot

TIMES = 58000.3 + 4.0 * np.arange(100)


def points(name="w", band="ztfg", times=TIMES, seed=0, level=100.0, **columns):
    """Return a constant source of 1 uJy errors."""
    flux = np.random.default_rng(seed).normal(level, 1, len(times))
    table = pd.DataFrame(
        {
            "candidate_id": name,
            "mjd": times,
            "band": band,
            "flux": flux,
            "flux_err": 1.0,
            "kind": "detection",
            "survey": "ztf",
            "known_at": times,
        }
    )
    return phot.conform(table.assign(**columns))


def flare(table, start=80, height=30.0):
    rise = np.clip((table["mjd"] - TIMES[start]) / 20, 0, 1)
    return table.assign(flux=table["flux"] + height * rise)


def fit(*tables, names=("w",), **options):
    rows = pd.concat(tables, ignore_index=True) if tables else phot.empty()
    return Change(**options).fit(rows, pd.DataFrame({"candidate_id": list(names)}))


def test_a_change_is_flagged_with_its_onset_and_rise():
    found = fit(flare(points())).iloc[0]
    told = found["parameters"]
    assert found["status"] == OK
    assert (told["flagged"], told["kind"], told["sign"]) == (1, 1, 1)
    assert abs(told["t_on"] - TIMES[81]) <= 4.1
    assert told["t_on"] - told["t_0"] == pytest.approx(4)
    assert told["rise_most"] == pytest.approx(told["rise"] + 4)
    assert told["reversals"] == 0
    assert told["mean_ztfg"] == pytest.approx(100, abs=0.5)
    assert told["scatter_mag_high_ztfg"] < 0.02


def test_a_constant_source_is_not():
    told = fit(points()).iloc[0]["parameters"]
    assert (told["flagged"], told["n_flags"]) == (0, 0)
    assert "t_on" not in told
    assert 0 < told["p"] <= 1
    assert told["mag_ztfg"] == pytest.approx(18.9, abs=0.01)


def test_bands_are_told_apart_and_each_source_has_a_row():
    names = ("a", "nobody", "b")
    both = [points("b", seed=3), points("b", "ztfr", seed=4, level=50.0), points("a")]
    found = fit(*both, names=names)
    assert found["candidate_id"].tolist() == list(names)
    assert list(found) == list(FIT_COLUMNS)
    assert found["bands"].tolist() == ["ztfg", "", "ztfg ztfr"]
    told = found["parameters"][2]
    assert told["mean_ztfg"] == pytest.approx(100, abs=0.5)
    assert told["mean_ztfr"] == pytest.approx(50, abs=0.5)
    assert found["status"].tolist() == [OK, NOT_ENOUGH_DATA, OK]


def test_too_few_nights_say_how_many_are_needed():
    found = fit(points(times=TIMES[:12])).iloc[0]
    assert found["status"] == NOT_ENOUGH_DATA
    assert found["reason"] == (
        "no baseline yet: 30 nights over 60 d and 30 d more are needed (12 nights in the best band)"
    )
    assert STATUSES[int(found["parameters"]["status_ztfg"])] == "too few nights"


def test_negative_differences_count_and_bad_ones_do_not():
    table = points(level=0.0)
    table["kind"] = np.where(table["flux"] < 0, phot.SUSPECT, phot.LIMIT)
    told = fit(table).iloc[0]["parameters"]
    assert told["nights_ztfg"] == 100
    assert told["mean_ztfg"] == pytest.approx(0, abs=0.4)
    assert np.isnan(told["scatter_mag_ztfg"])
    bad = points().assign(kind=phot.SUSPECT)
    assert fit(bad).iloc[0]["reason"].endswith("(0 nights in the best band)")


def test_saturated_points_are_not_read():
    table = flare(points(level=1e4), height=1e6)
    told = fit(table).iloc[0]["parameters"]
    assert told["nights_ztfg"] < 85
    assert fit(table, saturation=8.0).iloc[0]["parameters"]["nights_ztfg"] == 100


def test_the_documents_statistics_stand_beside_where_they_are_asked_for():
    assert "written_s_ztfg" not in fit(points()).iloc[0]["parameters"]
    told = fit(flare(points()), as_written=True).iloc[0]["parameters"]
    assert told["written_pass_ztfg"] == 1
    assert told["written_s_ztfg"] > 5


def test_its_light_curve_is_the_baseline():
    model = Change()
    row = model.fit(points(), pd.DataFrame({"candidate_id": ["w"]})).iloc[0].to_dict()
    drawn = model.light_curve(row, ["ztfg", "ztfr"], np.array([58000.0, 58001.0]))
    assert drawn["band"].tolist() == ["ztfg", "ztfg"]
    assert (drawn["flux_low"] <= drawn["flux"]).all()
    assert model.light_curve({"parameters": {}}, ["ztfg"], np.array([1.0])).empty


def test_what_is_told_is_described():
    told = fit(flare(points()), as_written=True).iloc[0]["parameters"]
    assert set(told) <= set(Change.PARAMETERS)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 29, 30, 31])
def test_few_points_have_an_answer(n):
    assert len(fit(points(times=TIMES[:n]))) == 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 150))
def test_whatever_comes_has_an_answer(seed, n):
    dice = np.random.default_rng(seed)
    table = points(times=np.sort(dice.uniform(58000, 61000, n)))
    table["flux"] = 10 ** dice.uniform(-6, 9, n) * dice.choice([-1, 1], n)
    table["flux_err"] = 10 ** dice.uniform(-9, 9, n)
    for column in ("flux", "flux_err"):
        table.loc[dice.random(n) < 0.1, column] = dice.choice([np.nan, np.inf, -np.inf, 0.0])
    table["band"] = dice.choice(["ztfg", "ztfr", "odd"], n)
    found = fit(table, as_written=True)
    assert found["status"][0] in {OK, NOT_ENOUGH_DATA}
