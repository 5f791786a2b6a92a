"""A candidate needs enough detections to be believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.detections import detections
from aas2rto.text.words import counted
from tests.conftest import MJD, make_candidates, make_photometry


def candidate(*bands, kind="detection"):
    if not bands:
        return make_candidates("a")
    mjd = [MJD - k for k in range(len(bands))]
    return make_candidates("a", make_photometry("a", mjd, band=list(bands), kind=kind))


def test_it_runs_before_the_fits():
    """It is part of the prefilter."""
    assert FACTORS.get("detections").extras["needs"] is Needs.LIGHT_CURVE


@pytest.mark.slow
@given(g=st.integers(0, 6), r=st.integers(0, 6), other=st.integers(0, 6), least=st.integers(0, 8))
def test_detections_in_the_bands_are_counted_together(g, r, other, least):
    """Both together; other bands do not count; too few wait, and nothing is rejected."""
    rows = candidate(*["ztfg"] * g, *["ztfr"] * r, *["atlaso"] * other)
    found = detections(rows, None, min=least)
    few = g + r < least
    assert found.decision.tolist() == [Decision.EXCLUDE if few else Decision.KEEP]
    assert found.value.tolist() == [1.0]
    others = f" ({other} in atlaso)" if other else ""
    needs = f"{others}, needs {least}" if few else ""
    assert found.reason.tolist() == [f"{counted(g + r, 'detection')} in ztfg+ztfr{needs}"]


@pytest.mark.parametrize("kind", ["limit", "suspect"])
def test_only_detections_count(kind):
    """Limits and points of bad quality prove nothing."""
    found = detections(candidate(*["ztfg"] * 9, kind=kind), None)
    assert found.decision.tolist() == [Decision.EXCLUDE]


def test_four_are_enough_by_default():
    """A&A 698, A153, Sect. 3.2."""
    assert detections(candidate("ztfg", "ztfr", "ztfr"), None).decision.tolist() == [1]
    assert detections(candidate("ztfg", "ztfr", "ztfr", "ztfg"), None).decision.tolist() == [0]


def test_bands_can_be_chosen():
    """Another survey has other bands."""
    rows = candidate("lsstg", "lsstr", "lsstr", "lsstz")
    found = detections(rows, None, min=3, bands=("lsstg", "lsstr"))
    assert found.reason.tolist() == ["3 detections in lsstg+lsstr"]
    assert found.inputs["n_detections"].tolist() == [3]


def test_of_a_star_that_only_dims_suspects_count_where_they_are_asked_for():
    dims = candidate("ztfg", "ztfr", kind="suspect")
    assert detections(dims, None, min=1).decision.tolist() == [Decision.EXCLUDE]
    found = detections(dims, None, min=2, suspects=True)
    assert found.decision.tolist() == [Decision.KEEP]
    assert found.reason.tolist() == ["0 detections in ztfg+ztfr and 2 suspect measurements"]
    few = detections(dims, None, min=3, suspects=True)
    assert few.decision.tolist() == [Decision.EXCLUDE]
    assert few.reason.tolist() == ["0 detections in ztfg+ztfr and 2 suspect measurements, needs 3"]
