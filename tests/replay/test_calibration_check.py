"""Calibration: uniform PIT and true coverage where errors are true, and the factor where not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.replay import calibration_check, error_scale
from aas2rto.replay.calibration_check import PIT_BINS, Fits
from aas2rto.replay.cast import cast_of
from aas2rto.replay.truth import Truth
from tests.replay import folders
from tests.replay.folders import START


def fits(n=4000, scale=1.0, bias=0.0, seed=1, per=1):
    """Return fits whose errors are normal, stated as 1 / `scale` of what they are."""
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(0.5, 3.0, n * per)
    return Fits(
        "salt",
        np.repeat(np.arange(n), per),
        rng.uniform(-14, 2, n * per),
        rng.integers(3, 30, n * per),
        bias + sigma * rng.normal(size=n * per),
        sigma / scale,
    )


def test_true_errors_have_a_flat_pit():
    found = calibration_check.pit(fits())
    inside = (found.shares >= found.low) & (found.shares <= found.high)
    assert inside.sum() >= PIT_BINS - 1
    assert found.shares.sum() == pytest.approx(1)
    assert found.coverage["68"].value() == pytest.approx(0.6827, abs=0.02)
    assert found.coverage["95"].value() == pytest.approx(0.95, abs=0.012)


def test_stated_too_small_is_a_valley():
    found = calibration_check.pit(fits(scale=2.0))
    assert found.shares[0] > 2 * found.shares[4]
    assert found.coverage["68"].value() == pytest.approx(0.383, abs=0.025)  # erf(0.5 / sqrt 2)


def test_late_peaks_stand_at_the_beginning():
    """Fitted too late: the truth is in the first part of what was predicted."""
    found = calibration_check.pit(fits(bias=3.0))
    assert found.shares[0] > 0.4
    assert found.shares[-1] < 0.02


def test_an_object_with_many_fits_counts_once():
    one = fits(n=1)
    many = Fits(
        "salt",
        *(np.repeat(c, 50) for c in (one.who, one.phase, one.points)),
        *(np.repeat(c, 50) for c in (one.error, one.sigma)),
    )
    assert calibration_check.pit(many).n == 1
    assert calibration_check.pit(many).shares.max() == pytest.approx(1)


def test_errors_by_phase_take_the_last_fit_of_each_object():
    phase = np.array([-7.5, -5.5, -6.0, 0.0])
    error = np.array([9.0, 1.0, 3.0, -0.5])
    own = Fits("salt", np.array([0, 0, 1, 1]), phase, np.array([3, 4, 3, 5]), error, np.ones(4))
    table = calibration_check.by_phase(own).set_index("bin")
    assert table.loc["-8..-5 d", "n"] == 2
    assert table.loc["-8..-5 d", "median"].value() == 2.0
    assert table.loc["-8..-5 d", "in_68"].value() == 0.5
    assert table.loc["-1..+1 d", "median"].value() == -0.5
    by_points = calibration_check.by_points(own).set_index("bin")
    assert by_points.loc["3", "n"] == 2
    assert by_points.loc["3", "median"].value() == 6.0


def test_fits_of_what_is_not_of_the_class_or_failed_do_not_count():
    objects = pd.DataFrame(folders.objects(["a", "b"]))
    truth = pd.DataFrame(
        {"candidate_id": ["a", "b"], "type": ["SN Ia", "SN II"], "peak_mjd": START + 9.0}
    ).assign(peak_mag=17.0)
    cast = cast_of(objects, Truth(truth), None)
    rows = pd.DataFrame(
        {
            "at": START + np.array([2.0, 1.0, 1.0, 3.0]),
            "who": [0, 0, 1, 0],
            "model": "salt",
            "status": ["ok", "ok", "ok", "failed"],
            "n_points": 4,
            "t_peak": START + np.array([10.0, 12.0, 9.0, 9.0]),
            "t_peak_err": [1.0, 0.0, 1.0, 1.0],
        }
    )
    (found,) = calibration_check.fits_of(rows, cast)
    assert found.error.tolist() == [3.0, 1.0]  # in the order of time
    assert found.phase.tolist() == [-8.0, -7.0]
    assert np.isnan(found.sigma[0])
    assert found.sigma[1] == 1.0


def test_the_error_scale_is_found():
    """Errors that are stated at half: a factor of two, and 68 % with it, in the other half too."""
    names = [f"SN{k}" for k in range(4000)]
    for scale in error_scale.learn(fits(scale=2.0), names):
        assert scale.factor.low <= 2.0 * 1.03
        assert scale.factor.high >= 2.0 * 0.97
        assert scale.after.value == pytest.approx(0.6827, abs=0.08)
        assert scale.before.value < 0.45
    assert error_scale.learn(fits(scale=2.0), names)[0].factor.value == pytest.approx(2, rel=0.05)


def test_few_objects_teach_nothing():
    assert error_scale.learn(fits(n=error_scale.LEAST - 1), [f"S{k}" for k in range(19)]) == []


def test_halves_are_halves_and_stay():
    names = [f"ZTF20a{k}" for k in range(2000)]
    half = error_scale.halves(names)
    assert 0.45 < half.mean() < 0.55
    assert (half == error_scale.halves(names)).all()


def test_the_snippet_is_yaml_that_says_where_it_comes_from_and_that_nothing_reads_it():
    about = {
        "version": "9.9",
        "archive": "a\nb: [",
        "truth": "truth.csv",
        "command": ["aas2rto", "replay"],
        "runs": [{"name": "ours", "digest": "abc"}],
    }
    scales = error_scale.learn(fits(scale=2.0), [f"S{k}" for k in range(4000)])
    text = error_scale.snippet({"ours salt": scales}, about)
    assert "Nothing reads this file" in text
    assert "No key of a config takes a factor" in text
    read = yaml.safe_load(text)
    assert read["source"]["archive"] == "a b: ["
    assert read["source"]["runs"] == [{"name": "ours", "digest": "abc"}]
    assert read["error_scale"]["ours salt"]["all"]["factor"] == pytest.approx(2, rel=0.05)


def test_no_config_takes_the_snippet(tmp_path):
    """What its text says: a config that holds it is refused, and not silently obeyed."""
    from aas2rto.config.load import load
    from aas2rto.errors import ConfigError

    path = tmp_path / "case.yaml"
    scales = error_scale.learn(fits(), [f"S{k}" for k in range(4000)])
    path.write_text(
        "project: p\n" + error_scale.snippet({"ours salt": scales}, {}), encoding="utf-8"
    )
    with pytest.raises(ConfigError, match="error_scale"):
        load(path)


# -- chances -------------------------------------------------------------------------------------


def test_chance_of_a_normal_peak():
    found = calibration_check.chance_within(
        np.array([0.0, 2.0, 50.0]), np.array([1.0, 1.0, 1.0]), 1.0
    )
    assert found == pytest.approx([0.6827, 0.1573, 0.0], abs=1e-4)


def test_brier_and_reliability_by_hand():
    """Two objects: 0.9 said twice, once right; 0.1 said once, wrong."""
    found = calibration_check.reliability(
        "x", np.array([0, 0, 1]), np.array([0.95, 0.95, 0.15]), np.array([True, False, False])
    )
    assert found.brier.value == pytest.approx((0.05**2 + 0.95**2 + 0.15**2) / 3)
    assert found.happened[9].value == 0.5
    assert found.said[9] == pytest.approx(0.95)
    assert found.happened[1].value == 0
    assert np.isnan(found.happened[5].value)
    assert found.reference == pytest.approx(2 / 9)


@given(st.integers(0, 100))
def test_true_chances_are_on_the_line(seed):
    rng = np.random.default_rng(seed)
    chance = rng.random(6000)
    came = rng.random(6000) < chance
    found = calibration_check.reliability("x", np.arange(6000), chance, came)
    for said, happened in zip(found.said, found.happened, strict=True):
        assert happened.value == pytest.approx(said, abs=0.09)
    assert found.brier.value == pytest.approx(1 / 6, abs=0.02)
    assert found.skill == pytest.approx(1 / 3, abs=0.06)


def test_a_chance_of_sn_ia_is_none_of_another_class():
    objects = pd.DataFrame(folders.objects(["a"]))
    truth = pd.DataFrame(
        {"candidate_id": ["a"], "type": ["TDE"], "peak_mjd": [START], "peak_mag": 17}
    )
    rows = pd.DataFrame(
        {"who": [0], "at": START, "t_peak": START, "t_peak_err": 1.0, "p_sn_ia": 0.9}
    )
    of_ia = calibration_check.reliabilities(rows, cast_of(objects, Truth(truth), None))
    of_tde = calibration_check.reliabilities(rows, cast_of(objects, Truth(truth), ["TDE"]))
    assert [one.what for one in of_ia] == ["P(SN Ia) x P(|now - t0| < 2 d), of all of known type"]
    assert [one.what for one in of_tde] == [
        "P(|now - t0| < 1 d), of TDE",
        "P(|now - t0| < 2 d), of TDE",
    ]
