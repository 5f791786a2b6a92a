"""The model `anomaly_class`: what it says of events, quiet sources and odd light curves."""

import numpy as np
import pandas as pd
import pytest

from aas2rto.models import NOT_ENOUGH_DATA, OK
from aas2rto.models.anomaly_class import AnomalyClass
from aas2rto.models.watched import packing
from aas2rto.models.watched.rules import Environment, criteria
from aas2rto.models.watched.templates import curve

pytestmark = pytest.mark.proof
"""What is integrated is compiled first, a minute for each process."""

SIZES = {"TDE": 300.0, "SN": 300.0, "NOVA": 900.0, "LBV": 300.0, "CLAGN": 300.0}
TIMES = {
    "TDE": (58700.0, 20.0, 60.0),
    "SN": (58700.0, 4.0, 30.0),
    "NOVA": (58720.0, 1.5, 12.0),
    "LBV": (58600.0, 60.0, 900.0),
    "CLAGN": (58600.0, 90.0, 1.5),
}


def light_curve(name="", last=58760, step=3, bands=("ztfg", "ztfr"), seed=1, level=0.0):
    rng = np.random.default_rng(seed)
    tables = []
    for band in bands:
        t = np.arange(58000.2, last, step) + rng.uniform(
            0, 0.1, len(np.arange(58000.2, last, step))
        )
        flux = level + rng.normal(0, 8, len(t))
        if name:
            colour = 1.0 if band == "ztfg" else 0.85
            flux = flux + colour * SIZES[name] * curve(name, t, *TIMES[name])
        tables.append(pd.DataFrame({"mjd": t, "band": band, "flux": flux, "flux_err": 8.0}))
    return pd.concat(tables, ignore_index=True)


def fit(*curves, **settings):
    tables, names = [], [f"C{k}" for k in range(len(curves))]
    for name, one in zip(names, curves, strict=True):
        kind = np.where(one["flux"] > 3 * one["flux_err"], "detection", "limit")
        tables.append(one.assign(candidate_id=name, kind=kind, survey="ztf"))
    candidates = pd.DataFrame({"candidate_id": names, "ra": 10.0, "dec": 0.0, "ebv": 0.0})
    return AnomalyClass(**settings).fit(pd.concat(tables, ignore_index=True), candidates)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SIZES, ""])
def test_events_are_named_and_quiet_sources_are_not_looked_at(name):
    found = fit(light_curve(name)).iloc[0]
    if not name:
        assert found["status"] == NOT_ENOUGH_DATA
        assert found["reason"] == "stage 1 does not flag it: nothing to classify"
        return
    assert found["status"] == OK, found["reason"]
    told = found["parameters"]
    assert set(told) <= set(AnomalyClass.PARAMETERS)
    assert packing.NAMES[int(told["best"])] == name, found["reason"]
    assert told["ln_b"] > 10
    assert told["p_none"] < 1e-3
    begin = TIMES[name][0] - TIMES[name][1] * {"TDE": 3, "SN": 5}.get(name, 1)
    assert told["onset_t_on"] == pytest.approx(begin, abs=30)


@pytest.mark.slow
def test_an_answer_survives_the_fit_table():
    """What is packed as numbers says the same class, measures and criteria."""
    told = fit(light_curve("TDE")).iloc[0]["parameters"]
    found, measures = packing.class_of(told), packing.measures_of(told)
    assert found.best == "TDE"
    assert sum(found.posterior.values()) == pytest.approx(1.0)
    assert measures.band == "ztfg"
    assert measures.at_least
    assert measures.colour == pytest.approx(-2.5 * np.log10(1 / 0.85), abs=0.05)
    by_name = {one.name: one for one in criteria("TDE", measures, Environment())}
    assert by_name["rise from the onset"].passed
    assert by_name["position"].passed is None
    assert by_name["contrast"].passed is None  # difference flux alone: no total to compare with


@pytest.mark.slow
def test_in_total_light_the_contrast_is_known():
    told = fit(light_curve("TDE", level=400.0)).iloc[0]["parameters"]
    measures = packing.measures_of(told)
    assert not measures.at_least
    assert measures.amplitude == pytest.approx(2.5 * np.log10(700 / 400), abs=0.1)


@pytest.mark.slow
def test_its_light_curve_is_the_shape_that_was_put_in():
    table = fit(light_curve("TDE"))
    t = np.arange(58650.0, 58790.0, 5.0)
    drawn = AnomalyClass().light_curve(table.iloc[0].to_dict(), ["ztfg", "ztfi"], t)
    assert set(drawn["band"]) == {"ztfg"}
    wanted = SIZES["TDE"] * curve("TDE", t, *TIMES["TDE"])
    near = t < 58760
    assert np.abs(drawn["flux"].to_numpy() - wanted)[near].max() < 45
    assert (drawn["flux_high"] >= drawn["flux_low"]).all()


ODD = {
    "nothing": pd.DataFrame({"mjd": [], "band": [], "flux": [], "flux_err": []}),
    "one point": pd.DataFrame({"mjd": [58000.0], "band": "ztfg", "flux": 10.0, "flux_err": 1.0}),
    "nan": pd.DataFrame(
        {"mjd": [58000.0, np.nan], "band": "ztfg", "flux": np.nan, "flux_err": [1.0, np.nan]}
    ),
    "no error": pd.DataFrame(
        {"mjd": np.arange(58000.0, 58030), "band": "ztfg", "flux": 5.0, "flux_err": 0.0}
    ),
    "all equal": pd.DataFrame(
        {"mjd": np.arange(58000.0, 58100), "band": "ztfg", "flux": 5.0, "flux_err": 1.0}
    ),
    "one time": pd.DataFrame(
        {"mjd": 58000.0, "band": "ztfg", "flux": np.arange(20.0), "flux_err": np.ones(20)}
    ),
    "saturated": pd.DataFrame(
        {"mjd": np.arange(58000.0, 58100), "band": "ztfg", "flux": 1e9, "flux_err": 1e5}
    ),
    "gaps": pd.DataFrame(
        {
            "mjd": np.r_[np.arange(56000.0, 56030), np.arange(58700.0, 58712)],
            "band": "ztfr",
            "flux": np.r_[np.zeros(30), np.full(12, 500.0)] + 0.1,
            "flux_err": 10.0,
        }
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("look_at", ["flagged", "all"])
def test_any_light_curve_has_a_status_and_a_reason(name, look_at):
    """Also beside a good one, which it costs nothing."""
    table = fit(ODD[name], light_curve("TDE", step=9), look_at=look_at)
    assert table["status"].tolist()[1] == OK
    assert table["status"].tolist()[0] in {OK, NOT_ENOUGH_DATA}
    assert table["reason"].tolist()[0]
    told = table["parameters"].iloc[0]
    if told:
        assert np.isfinite(told["ln_b"])


@pytest.mark.slow
def test_five_thousand_points_are_a_few_hundred_nights():
    table = fit(light_curve("TDE", step=0.3), look_at="all")
    assert table["status"].iloc[0] == OK
    assert table["n_points"].iloc[0] <= 2 * 400
