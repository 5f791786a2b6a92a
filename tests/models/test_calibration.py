"""What real supernovae have taught: the file is read, named, and refused by unknown names."""

import numpy as np
import pytest

from aas2rto.errors import ModelError
from aas2rto.models import calibration as learnt
from aas2rto.models.calibration import PeakError, calibration, peak_error
from aas2rto.models.salt_results import misfit


@pytest.mark.parametrize("name", ["all", "half_0", "half_1"])
def test_each_set_says_what_its_table_means(name):
    """ZTF's alerts overstate errors; the rise differs from the surfaces by a few per cent."""
    found = calibration(name)
    scale = dict(zip(learnt.KINDS, found.scale, strict=True))
    assert scale["alert"] < 0.7 < scale["survey"] <= scale["forced"] < 1.5
    assert np.all(np.diff(found.phase) > 0)
    assert np.abs(found.mean).max() < 0.05
    assert found.mean[0] == 0.0
    assert 0 < found.scatter.min() < found.scatter.max() < 0.1
    assert len(found.peak) == len(learnt.KINDS)


def test_halves_agree_on_what_all_teach():
    """Neither half of the supernovae says anything that the other contradicts."""
    one, other = calibration("half_0"), calibration("half_1")
    assert one.scale[learnt.ALERT] == pytest.approx(other.scale[learnt.ALERT], rel=0.1)
    assert np.abs(one.mean - other.mean).max() < 0.015


def test_without_a_calibration_nothing_changes():
    """Errors are as stated, surfaces as trained."""
    nothing = calibration("none")
    assert set(nothing.scale) == {1.0}
    assert not nothing.mean.any()
    assert peak_error(0.7, -3.0, nothing.peak[0]) == 0.7


def test_an_unknown_set_is_refused():
    with pytest.raises(
        ModelError,
        match=r"calibration: there is no 'mine'; choose from all, half_0, half_1, none",
    ):
        calibration("mine")


def test_errors_of_peaks_are_no_smaller_than_what_surfaces_can_tell():
    """Before the decline is seen the floor is high, whatever the noise; NaN stays NaN."""
    constants = PeakError(scale=0.6, free=0.9, floor=0.8, days=10.0, least=0.3, early=2.0)
    floors = [peak_error(0.0, days, constants) for days in (-40.0, -15.0, -5.0, 0.0, 5.0, 40.0)]
    assert floors[0] == floors[1] == 2.0
    assert all(np.diff(floors[1:]) < 0)
    assert floors[-1] == 0.3
    assert peak_error(100.0, 0.0, constants) == pytest.approx(60.0, rel=1e-3)
    assert peak_error(100.0, 0.0, constants, is_free=True) == pytest.approx(54.0, rel=1e-3)
    assert np.isnan(peak_error(np.nan, 0.0, constants))


def test_a_poor_fit_has_a_larger_error_and_a_good_one_no_smaller_one():
    """A few points do not decide; without degrees of freedom chi2 still counts."""
    assert misfit(2.0, 20) == 1.0
    assert misfit(60.0, 12) == 2.0
    assert 1.0 < misfit(8.0, 1) < np.sqrt(8.0)
    assert misfit(0.0, -1) == misfit(0.0, 0) == 1.0
    assert misfit(5.0, -1) == 1.5
