"""How bright a fit says a candidate will be: as the model itself, on many nights at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aas2rto.models.salt_forecast import magnitudes
from aas2rto.tables.photometry import mag_from_flux
from tests.simulated import salt_flux

T0 = 61000.0
BANDS = ("ztfg", "ztfr")


def table(**changes):
    fit = {"z": 0.05, "t0": T0, "x0": 2e-3, "x1": 0.6, "c": 0.08, "ebv": 0.06} | changes
    return pd.DataFrame([{f"salt_{name}": value for name, value in fit.items()}]), fit


@pytest.mark.slow
@pytest.mark.parametrize("c", [-0.3, 0.0, 0.3])
@pytest.mark.parametrize("z", [0.0123, 0.05, 0.1511])
def test_it_is_what_sncosmo_says(c, z):
    """Within some hundredths of a magnitude, in the brighter of the bands."""
    rows, fit = table(c=c, z=z)
    times = T0 + np.array([-12.0, -5.3, 0.0, 4.7, 20.0])
    flux = [salt_flux(fit, np.full(len(times), band), times) for band in BANDS]
    found = magnitudes(rows, times, BANDS)
    np.testing.assert_allclose(found[0], mag_from_flux(np.max(flux, axis=0)), atol=0.03)


def test_each_candidate_may_have_times_of_its_own():
    """Shape (n, nights), as where a site sees them at other hours."""
    rows = pd.concat([table()[0], table(t0=T0 + 3)[0]], ignore_index=True)
    times = np.array([[T0, T0 + 5], [T0 + 3, T0 + 8]])
    found = magnitudes(rows, times, BANDS)
    np.testing.assert_allclose(found[0], found[1])


def test_outside_the_surfaces_there_is_nothing_and_without_a_fit_nobody_knows():
    """Infinitely faint before the first phase; NaN where nothing was fitted, or nothing known."""
    assert magnitudes(table()[0], np.array([T0 - 60.0]), BANDS)[0, 0] == np.inf
    assert np.isnan(magnitudes(table(t0=np.nan)[0], np.array([T0]), BANDS)).all()
    assert np.isnan(magnitudes(table()[0], np.array([T0]), ("no such band",))).all()
    assert np.isnan(magnitudes(pd.DataFrame({"a": [1]}), np.array([T0]), BANDS)).all()
