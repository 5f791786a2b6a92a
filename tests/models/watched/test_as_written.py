"""The document's statistics, as it writes them."""

import numpy as np
import pytest

from aas2rto.models.watched.as_written import as_written, many


def test_the_baseline_is_the_first_twenty_and_its_variance_a_difference():
    mag = np.concatenate([18 + 0.1 * np.tile([1, -1], 10), [18.0, 18.0]])
    found = as_written(mag, np.full(22, 0.05))
    assert found.mean == pytest.approx(18)
    assert found.scatter**2 == pytest.approx(0.01 * 20 / 19 - 0.0025)
    assert found.passes == -1


def test_one_night_passes():
    mag = np.full(40, 18.0)
    mag[30] = 17.0
    found = as_written(mag, np.full(40, 0.1))
    assert found.passes == 30
    assert found.s_most == pytest.approx(10)
    assert found.scatter == 0


def test_a_sum_passes():
    mag = np.full(60, 18.0)
    mag[20:] += 0.1
    found = as_written(mag, np.full(60, 0.1))
    assert found.sum_most > 5
    assert found.s_most < 5
    assert found.passes in {29, 30}  # 0.5 a night: 5 with the tenth


def test_what_has_no_magnitude_is_left_out_and_too_few_are_said():
    mag = np.full(21, 18.0)
    mag[3:5] = np.nan
    found = many([(mag, np.full(21, 0.1)), ([], [])])
    assert [one.status for one in found] == ["baseline accumulation"] * 2
    assert [one.passes for one in found] == [-1, -1]
