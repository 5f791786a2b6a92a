"""A fit that does not explain the data counts for less."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.chisq import chisq
from tests.conftest import MJD

NOW = Time(MJD, format="mjd")


def rows(total, ndof, model="salt"):
    return pd.DataFrame({f"{model}_chisq": total, f"{model}_ndof": ndof})


def test_it_runs_after_the_fits():
    """It reads what they found."""
    assert FACTORS.get("chisq").extras["needs"] is Needs.FIT


def test_up_to_good_it_is_neutral_then_falls():
    """Reduced chi2 of 2, 4, 8 and 16."""
    found = chisq(rows([20.0, 40.0, 80.0, 160.0], 10.0), NOW)
    assert found.value.tolist() == pytest.approx([1.0, 1.0, 0.5, 0.25])
    steep = chisq(rows([20.0, 40.0, 80.0, 160.0], 10.0), NOW, power=2.0)
    assert steep.value.tolist() == pytest.approx([1.0, 1.0, 0.25, 0.0625])
    assert (found.decision == Decision.KEEP).all()


def test_hopeless_fits_are_excluded_in_words():
    """More data may change it, so they are not rejected."""
    found = chisq(rows([210.0, 190.0], 10.0), NOW)
    assert found.decision.tolist() == [Decision.EXCLUDE, Decision.KEEP]
    assert found.reason.tolist() == ["reduced chi2 21.0 is above 20", "reduced chi2 19.0"]


@pytest.mark.parametrize(
    ("total", "ndof"), [(np.nan, 5.0), (3.0, 0.0), (3.0, -1.0), (np.nan, np.nan)]
)
def test_without_a_fit_it_is_no_fit(total, ndof):
    """A light curve with as many points as parameters says nothing about its fit."""
    found = chisq(rows([total], [ndof], "bazin"), NOW, model="bazin", no_fit=0.7)
    assert found.value.tolist() == [0.7]
    assert found.reason.tolist() == ["no fit with degrees of freedom"]
    assert chisq(pd.DataFrame(index=[0]), NOW).value.tolist() == [1.0]


def test_a_perfect_fit_is_neutral():
    """chi2 = 0 divides nothing."""
    assert chisq(rows([0.0], [3.0]), NOW).value.tolist() == [1.0]
