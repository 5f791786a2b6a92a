"""The evidence of anomalies: against numerical integrals, nested sampling, and known truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from aas2rto.models.watched import evidence
from aas2rto.models.watched.evidence import Curve, curve_of, of_constant, of_shape, of_source
from aas2rto.models.watched.templates import CLASSES, TEMPLATES, curve

pytestmark = pytest.mark.proof
"""What is integrated is compiled first, a minute for each process."""

SPAN = (58000.0, 58780.0)
TRUTH = {
    "TDE": (58700.0, 20.0, 60.0, 200.0),
    "SN": (58690.0, 4.0, 30.0, 200.0),
    "NOVA": (58700.0, 1.0, 15.0, 400.0),
    "LBV": (58550.0, 80.0, 800.0, 150.0),
    "CLAGN": (58550.0, 100.0, 1.5, -90.0),
}


def made(name, seed=3, n=150, amplitude=None, last=58760.0):
    rng = np.random.default_rng(seed)
    t = np.sort(np.unique(np.floor(rng.uniform(58000, last, n))))
    err = rng.uniform(6, 15, len(t))
    flux = 1000 + rng.normal(0, err)
    if name:
        t0, a, b, size = TRUTH[name]
        flux += (size if amplitude is None else amplitude) * curve(name, t, t0, a, b)
    return curve_of(t, flux, err)


def test_level_and_amplitude_are_integrated_as_numerically():
    """The closed form over c and A equals quadrature over both."""
    from aas2rto.models.compiled import anomaly_integral as kernel

    one = made("TDE", n=25, amplitude=30.0)
    t = curve("TDE", one.mjd, 58700.0, 20.0, 60.0)
    y = one.flux - 1000.0
    s = 30.0

    def of_both(level, amplitude):
        z = (y - level - amplitude * t) / one.err
        return np.exp(-0.5 * z @ z) * np.prod(1 / np.sqrt(2 * np.pi) / one.err)

    def of_amplitude(amplitude):
        density = 2 * np.exp(-0.5 * (amplitude / s) ** 2) / np.sqrt(2 * np.pi) / s
        return density * quad(lambda c: of_both(c, amplitude) * 1e40, -30, 30, epsabs=0)[0]

    wanted = np.log(quad(of_amplitude, 0, 200, epsabs=0, points=[30.0])[0]) - 40 * np.log(10)
    box = np.array([[58700.0, 1e-9], [np.log(20.0), 1e-9], [np.log(60.0), 1e-9]])
    beliefs = (np.array([0.0]), np.array([0.0]), np.array([s]))
    found = kernel.of_points(0, box, (one.mjd, y, one.err), beliefs, np.full((1, 3), 0.5))[0][0]
    assert found == pytest.approx(wanted, abs=1e-5)


def test_a_constant_is_integrated_as_numerically(monkeypatch):
    monkeypatch.setattr(evidence, "QUIET_JITTERS", (0.0, 1.0))
    one = made("", n=20)

    def of_level(level, jitter):
        v = one.err**2 + (jitter * one.scale) ** 2
        z2 = (one.flux - level) ** 2 / v
        return np.exp(-0.5 * z2.sum() - 0.5 * np.log(2 * np.pi * v).sum() + 90)

    both = [quad(of_level, 950, 1050, args=(j,), epsabs=0, limit=200)[0] for j in (0.0, 1.0)]
    assert of_constant(one) == pytest.approx(np.log(np.mean(both)) - 90, abs=1e-5)


OTHER = {"TDE": "SN", "SN": "NOVA", "NOVA": "SN", "LBV": "CLAGN", "CLAGN": "LBV"}
"""What a light curve may be mistaken for."""


@pytest.mark.proof
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("right", [True, False])
def test_importance_sampling_agrees_with_nested_sampling(name, right):
    """Ln Z within 0.5 of dynesty's on ten fixed problems: the true shape, and a likely mistake."""
    pytest.importorskip("dynesty")
    one = made(name, amplitude=90.0 if name == "CLAGN" else None)
    template = TEMPLATES[name if right else OTHER[name]]
    found = of_shape(template, one, SPAN)
    nested = evidence._nested(evidence._posed(template, one, SPAN), live=250)
    assert found.ln_z == pytest.approx(nested[0], abs=0.5)
    # A nova's kink has a mode between any two nights of a supernova: that sum says of itself so.
    assert (found.method == evidence.UNCERTAIN) == (found.ess < evidence.LEAST_ESS)
    assert found.ess > evidence.LEAST_ESS or (name, right) == ("SN", False)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSES)
def test_a_bright_event_is_recognised_and_its_parameters_recovered(name):
    one = made(name, last=58950.0)
    found = of_source({"ztfg": one})
    assert max(found.ln_z, key=found.ln_z.get) == name
    assert found.ln_z[name] - found.null > 10
    fit = found.shapes[name]["ztfg"]
    error = np.sqrt(np.diag(fit.covariance))
    truth = np.array([TRUTH[name][0], *np.log(TRUTH[name][1:3])])
    free = 2 if name == "CLAGN" else 3  # its b means nothing
    assert (np.abs(fit.mean - truth)[:free] < 4 * error[:free] + 1e-3).all()
    assert fit.best[3] == pytest.approx(TRUTH[name][3], rel=0.25)
    assert fit.best[4] == pytest.approx(1000.0, abs=15.0)


@pytest.mark.slow
def test_nothing_is_seen_where_nothing_is():
    for seed in range(4):
        found = of_source({"ztfg": made("", seed)})
        assert max(found.ln_z.values()) - found.null < 3


@pytest.mark.slow
def test_a_random_walk_is_no_event():
    """A constant null calls the walk an event; the walk itself is likelier than any template."""
    rng = np.random.default_rng(9)
    t = np.arange(58000.0, 58300.0, 4.0)
    x, tau = np.zeros(len(t)), 300.0
    for i in range(1, len(t)):
        step = 100 * np.sqrt(1 - np.exp(-8 / tau))
        x[i] = x[i - 1] * np.exp(-4 / tau) + rng.normal(0, step)
    err = np.full(len(t), 10.0)
    found = of_source({"ztfg": curve_of(t, 1000 + x + rng.normal(0, err), err)})
    best = max(found.ln_z.values())
    assert best - found.constant > 10
    assert best - found.null < 0


@pytest.mark.slow
def test_bands_that_agree_in_time_are_likelier_together_than_apart():
    """A shared time is worth ln(span / its scatter) per band; contradiction costs ln 10."""
    g, r = made("TDE", 1), made("TDE", 2)
    late = Curve(r.mjd[::-1] * -1 + 2 * 58380, r.flux[::-1], r.err[::-1])  # peaks at 58060
    both = of_source({"ztfg": g, "ztfr": r})
    alone = sum(one.ln_z for one in both.shapes["TDE"].values())
    assert 2.0 < both.ln_z["TDE"] - alone < np.log(800 / 10)
    away = of_source({"ztfg": g, "ztfr": late})
    apart = sum(one.ln_z for one in away.shapes["TDE"].values())
    assert away.ln_z["TDE"] - apart == pytest.approx(-np.log(10), abs=0.3)


@pytest.mark.slow
def test_too_few_samples_and_no_dynesty_say_so(monkeypatch):
    monkeypatch.setattr(evidence, "LEAST_ESS", 1e9)
    monkeypatch.setattr(evidence, "has_nested", lambda: False)
    found = of_source({"ztfg": made("TDE", last=58950.0)})
    assert set(found.uncertain) == set(CLASSES)
    assert found.shapes["TDE"]["ztfg"].method == evidence.UNCERTAIN


@pytest.mark.proof
def test_too_few_samples_ask_dynesty_of_classes_in_question(monkeypatch):
    pytest.importorskip("dynesty")
    one = {"ztfg": made("TDE", last=58950.0)}
    wanted = of_source(one)
    monkeypatch.setattr(evidence, "LEAST_ESS", 1e9)
    found = of_source(one)
    assert found.shapes["TDE"]["ztfg"].method == evidence.NESTED
    assert found.shapes["CLAGN"]["ztfg"].method == evidence.UNCERTAIN
    assert found.ln_z["TDE"] == pytest.approx(wanted.ln_z["TDE"], abs=0.5)
    best, other = (each.shapes["TDE"]["ztfg"] for each in (found, wanted))
    assert best.mean[0] == pytest.approx(other.mean[0], abs=2.0)
    assert best.best[0] == pytest.approx(other.best[0], abs=2.0)


def test_a_curve_keeps_what_is_a_number_with_an_error_in_order():
    one = curve_of([3, 1, 2, 4, 5], [1, 2, np.nan, 4, 5], [1, 1, 1, 0, np.inf])
    assert one.mjd.tolist() == [1, 3]
    assert len(curve_of([], [], []).mjd) == 0


def test_a_long_curve_keeps_its_latest_nights_and_averages_the_old_ones():
    rng = np.random.default_rng(0)
    t = np.arange(5000.0)
    y = rng.normal(50, 2, 5000)
    one = curve_of(t, y, np.full(5000, 2.0))
    assert len(one.mjd) == evidence.MOST_NIGHTS
    assert one.mjd[-200:].tolist() == t[-200:].tolist()
    assert (one.flux / one.err**2).sum() == pytest.approx((y / 4.0).sum())
    assert (np.diff(one.mjd) > 0).all()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(58000, 59000), st.floats(-1e7, 1e7), st.floats(1e-2, 1e6)),
        min_size=1,
        max_size=12,
    )
)
def test_any_light_curve_has_evidences_that_are_numbers(points):
    """One night, repeated nights, saturated fluxes: finite numbers, and no exception."""
    one = curve_of(*np.array(points).T)
    found = of_shape(TEMPLATES["SN"], one, evidence.span_of({"x": one}))
    assert np.isfinite([found.ln_z, of_constant(one), evidence.of_walk(one)]).all()
    assert np.isfinite(found.best).all()
