"""Bazin fits: known parameters are recovered, and whatever comes in gets a status and a reason."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

from aas2rto.models import FIT_COLUMNS
from aas2rto.models.bazin import Bazin, bazin_flux, peak_time
from aas2rto.tables import photometry as phot

T0 = 61000.0
SHAPES = {"ztfg": (300.0, T0, 3.0, 18.0, 0.0), "ztfr": (260.0, T0 + 1.0, 4.0, 30.0, 0.0)}


def light_curve(shapes=None, *, first=-20.0, last=45.0, step=2.5, error=5.0, seed=None):
    mjd = np.arange(T0 + first, T0 + last, step)
    tables = []
    for band, values in (shapes or SHAPES).items():
        flux = bazin_flux(np.array(values), mjd)
        if seed is not None:
            flux = flux + np.random.default_rng(seed).normal(0, error, mjd.size)
        table = pd.DataFrame(
            {"mjd": mjd, "band": band, "flux": flux, "flux_err": error, "survey": "ztf"}
        )
        tables.append(table.assign(kind=phot.kind_of(flux, error, "ztf")))
    rows = pd.concat(tables).assign(candidate_id="SN")
    return phot.conform(rows.sort_values("mjd"))


def one_row(table, **settings):
    fits = Bazin(**settings).fit(table, pd.DataFrame({"candidate_id": ["SN"]}))
    assert list(fits.columns) == list(FIT_COLUMNS)
    assert len(fits) == 1
    return fits.iloc[0]


def test_eq_4_is_where_eq_3_is_highest():
    for values in SHAPES.values():
        top = minimize_scalar(
            lambda t, v=values: -bazin_flux(np.array(v), np.array([t]))[0],
            bounds=(T0 - 20, T0 + 40),
            method="bounded",
            options={"xatol": 1e-6},
        ).x
        assert peak_time(np.array(values)) == pytest.approx(top, abs=1e-3)


@pytest.mark.parametrize("baseline", ["none", "free"])
def test_parameters_of_a_light_curve_without_noise_are_recovered(baseline):
    fit = one_row(light_curve(), baseline=baseline)
    assert fit["status"] == "ok"
    for band, values in SHAPES.items():
        for name, value in zip(("A", "t0", "tau_rise", "tau_fall"), values, strict=False):
            assert fit["parameters"][f"{name}_{band}"] == pytest.approx(value, rel=2e-3, abs=0.02)
        expected = peak_time(np.array(values))
        assert fit["parameters"][f"t_peak_{band}"] == pytest.approx(expected, abs=0.02)
    assert len(fit["errors"]) == (8 if baseline == "none" else 10)
    assert np.array(fit["covariance"]).shape == (len(fit["errors"]),) * 2
    assert fit["bands"] == "ztfg ztfr"


def test_a_baseline_is_fitted_on_request():
    shapes = {"ztfg": (300.0, T0, 3.0, 18.0, -40.0)}
    fit = one_row(light_curve(shapes), baseline="free")
    assert fit["parameters"]["q_ztfg"] == pytest.approx(-40.0, abs=0.5)


@pytest.mark.slow
def test_errors_of_the_peak_are_honest():
    """Of 200 noisy light curves, 68 % lie within their error [60, 76] and 95 % within two."""
    shapes = {"ztfr": SHAPES["ztfr"]}
    tables = [
        light_curve(shapes, error=15.0, seed=n).assign(candidate_id=str(n)) for n in range(200)
    ]
    ids = pd.DataFrame({"candidate_id": [str(n) for n in range(200)]})
    fits = Bazin().fit(pd.concat(tables), ids)
    pull = (fits["t_peak"] - peak_time(np.array(SHAPES["ztfr"]))) / fits["t_peak_err"]
    assert (fits["status"] == "ok").all()
    assert 0.60 < (pull.abs() < 1).mean() < 0.76
    assert (pull.abs() < 2).mean() > 0.90


def test_bands_that_disagree_widen_the_error():
    shapes = {
        band: (300.0, T0 + shift, 3.0, 18.0, 0.0) for band, shift in (("ztfg", 0), ("ztfr", 6))
    }
    fit = one_row(light_curve(shapes))
    assert fit["t_peak"] == pytest.approx(peak_time(np.array(shapes["ztfg"])) + 3.0, abs=0.1)
    assert fit["t_peak_err"] == pytest.approx(3.0, abs=0.3)


def test_a_light_curve_that_only_rises_has_no_peak_yet():
    rising = light_curve({"ztfr": SHAPES["ztfr"]}, last=3.0, step=1.0, error=2.0)
    fit = one_row(rising, max_peak_err=0.5)
    assert fit["status"] == "failed"
    assert fit["reason"].startswith("no band constrains its peak to 0.5 d (ztfr 6")


def test_a_band_without_a_passband_can_be_fitted():
    assert one_row(light_curve({"kepler": SHAPES["ztfg"]}))["bands"] == "kepler"


HOSTILE = {
    "all flux NaN": (lambda t: t.assign(flux=np.nan), "not_enough_data"),
    "one NaN": (lambda t: t.assign(flux=t["flux"].where(t.index != 3)), "ok"),
    "negative errors": (lambda t: t.assign(flux_err=-1.0), "not_enough_data"),
    "one point": (lambda t: t.iloc[[4]], "not_enough_data"),
    "no rows": (lambda t: t.iloc[:0], "not_enough_data"),
    "below zero": (lambda t: t.assign(flux=-t["flux"], kind=phot.DETECTION), "failed"),
    "all zero": (lambda t: t.assign(flux=0.0, kind=phot.DETECTION), "failed"),
    "identical times": (
        lambda t: t.assign(mjd=T0, survey=[f"s{i}" for i in range(len(t))]),
        "failed",
    ),
    "5,000 points": (
        lambda t: pd.concat([t.assign(mjd=t["mjd"] + k * 1e-3) for k in range(96)]),
        "ok",
    ),
    "errors of twelve decades": (
        lambda t: t.assign(flux_err=10.0 ** np.linspace(-6, 6, len(t))),
        "any",
    ),
    "a billion years": (lambda t: t.assign(mjd=t["mjd"] + np.linspace(0, 4e11, len(t))), "any"),
    "huge fluxes": (lambda t: t.assign(flux=t["flux"] * 1e200), "any"),
    "tiny errors": (lambda t: t.assign(flux_err=1e-300), "any"),
    "constant": (lambda t: t.assign(flux=100.0, kind=phot.DETECTION), "failed"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_whatever_comes_in_gets_a_status_and_a_reason(case):
    spoil, status = HOSTILE[case]
    fits = Bazin().fit(spoil(light_curve()), pd.DataFrame({"candidate_id": ["SN"]}))
    assert fits["status"][0] in ({"ok", "failed"} if status == "any" else {status})
    assert fits["reason"][0]
    assert fits["status"][0] != "ok" or np.isfinite(fits["t_peak"][0])


def test_the_model_light_curve_meets_the_data():
    bazin = Bazin()
    table = light_curve()
    fit = bazin.fit(table, pd.DataFrame({"candidate_id": ["SN"]})).iloc[0].to_dict()
    rows = table[table["band"] == "ztfg"]
    curve = bazin.light_curve(fit, ["ztfg", "ztfi"], rows["mjd"].to_numpy())
    again = curve[curve["band"] == "ztfg"]
    np.testing.assert_allclose(again["flux"], rows["flux"], atol=0.2)
    assert (again["flux_high"] >= again["flux"]).all()
    assert (again["flux_high"] > again["flux"]).any()
    assert curve.loc[curve["band"] == "ztfi", "flux"].isna().all()


def test_bands_may_share_one_t0():
    """A sparse band borrows t0 from a full one; without noise all parameters are recovered."""
    shapes = {"ztfg": (300.0, T0, 3.0, 18.0, 0.0), "ztfr": (260.0, T0, 4.0, 30.0, 0.0)}
    table = light_curve(shapes)
    sparse = table[(table["band"] == "ztfg") | (np.arange(len(table)) % 5 == 0)]
    one = one_row(sparse, t0="shared")
    assert one["parameters"]["t0_ztfg"] == one["parameters"]["t0_ztfr"]
    assert one["parameters"]["t0_ztfg"] == pytest.approx(T0, abs=0.05)
    assert one["ndof"] == one["n_points"] - 7
    each = one_row(sparse)
    assert each["ndof"] == each["n_points"] - 8
    assert one["errors"]["t0_ztfr"] < each["errors"]["t0_ztfr"]
    bands = 3 * [light_curve(shapes, seed=1)]
    many = pd.concat([t.assign(candidate_id=str(n)) for n, t in enumerate(bands)])
    fits = Bazin(t0="shared", workers=2).fit(many, pd.DataFrame({"candidate_id": list("012")}))
    assert fits["t_peak"].nunique() == 1
