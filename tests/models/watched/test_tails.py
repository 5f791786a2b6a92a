"""Tails that are pooled: what was drawn is found, and the document's Gaussian is no tail."""

import numpy as np
import pytest

from aas2rto.models.watched import tails


def test_a_tail_that_was_drawn_is_found():
    z = 0.8 * np.random.default_rng(1).standard_t(5, 20_000)
    tail = tails.learn(np.append(z, np.nan))
    assert tail.nu == pytest.approx(5, rel=0.15)
    assert tail.scale == pytest.approx(0.8, rel=0.03)
    assert tail.n == 20_000


def test_threshold_and_probability_are_inverse():
    assert tails.QUIET_ZTF_G.p(tails.QUIET_ZTF_G.threshold(1e-4)) == pytest.approx(1e-4)
    assert tails.QUIET_ZTF_G.p(5.0) / 2 == pytest.approx(1.0e-3, rel=0.1)
    assert tails.GAUSSIAN.p(5.0) == pytest.approx(5.7e-7, rel=0.02)


def test_few_deviations_teach_nothing():
    with pytest.raises(ValueError, match="20 deviations are too few to learn a tail from"):
        tails.learn(np.zeros(20))
