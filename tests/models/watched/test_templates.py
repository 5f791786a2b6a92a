"""Shapes of anomalies: their peaks, limits and tails."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.models.watched.templates import CLASSES, TEMPLATES, curve, peak_after

DAYS = np.linspace(-2000.0, 4000.0, 60_001)


@given(st.sampled_from(CLASSES), st.floats(0, 1), st.floats(0, 1))
def test_every_shape_lies_between_nothing_and_its_peak(name, of_a, of_b):
    """Within its ranges a shape is a share of its amplitude, and the peak is where it is said."""
    one = TEMPLATES[name]
    a = one.rise[0] * (one.rise[1] / one.rise[0]) ** of_a
    b = one.fall[0] * (one.fall[1] / one.fall[0]) ** of_b
    g = curve(name, DAYS, 0.0, a, b)
    if name == "SN" and b <= 1.001 * a:
        assert np.isnan(g).all()
        return
    assert g.min() >= 0.0
    assert g.max() <= 1.0
    at_peak = curve(name, [peak_after(name, a, b)], 0.0, a, b)[0]
    assert at_peak == pytest.approx(g.max(), abs=0.03)


def test_a_tde_declines_as_the_power_of_minus_five_thirds():
    late = curve("TDE", [1e4, 1e5], 0.0, 20.0, 30.0)
    assert np.log10(late[1] / late[0]) == pytest.approx(-5 / 3, abs=0.01)


def test_a_nova_rises_linearly_and_falls_exponentially():
    g = curve("NOVA", [-3.0, -1.0, 0.0, 10.0], 0.0, 2.0, 10.0)
    assert g == pytest.approx([0.0, 0.5, 1.0, np.exp(-1)])


def test_a_change_of_look_stays():
    g = curve("CLAGN", [-500.0, 0.0, 500.0], 0.0, 100.0, 1.0)
    assert g == pytest.approx([0.0, 0.5, 1.0], abs=1e-6)


def test_rates_are_those_of_twenty_events_a_year():
    assert sum(one.rate for one in TEMPLATES.values()) == pytest.approx(17.5)
