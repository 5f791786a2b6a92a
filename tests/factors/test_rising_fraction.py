"""What rises is young; what declines in every band that can tell is past its peak."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.rising_fraction import rising_fraction
from tests.conftest import MJD, make_candidates, make_photometry

KEEP, REJECT = Decision.KEEP, Decision.REJECT
UP4, DOWN4 = [20, 19, 18, 17], [17, 18, 19, 20]


def candidate(**curves):
    """Return a candidate with the magnitudes given for each band, in the order of time."""
    tables = [
        make_photometry(
            "a",
            MJD - len(mags) + np.arange(len(mags)),
            mags,
            band=band,
            measurement_id=[f"{band}{i}" for i in range(len(mags))],
        )
        for band, mags in curves.items()
        if mags
    ]
    return make_candidates("a", pd.concat(tables) if tables else None)


def judged(curves, **settings):
    found = rising_fraction(candidate(**curves), None, **settings)
    return found.value[0], Decision(found.decision[0]), found.reason[0]


def test_it_runs_before_the_fits():
    """It is part of the prefilter."""
    assert FACTORS.get("rising_fraction").extras["needs"] is Needs.LIGHT_CURVE


@pytest.mark.parametrize(
    ("mags", "value", "decision"),
    [
        (UP4, 1.0, KEEP),
        ([20, 19, 18, 19], 2 / 3, KEEP),
        ([20, 19, 20, 21], 1 / 3, REJECT),
        (DOWN4, 0.05, REJECT),
        ([18, 18, 18, 18], 0.05, REJECT),
        ([20, 19, 20, 19, 20, 21], 0.4, KEEP),
        ([18, 19, 20], 0.5, KEEP),
        ([18], 0.5, KEEP),
        ([], 0.5, KEEP),
    ],
)
def test_the_share_of_pairs_that_brighten(mags, value, decision):
    """Neutral 0.5 up to three detections, never below 0.05, rejected below 0.4 (Eq. 7)."""
    found = judged({"ztfg": mags})
    assert found[0] == pytest.approx(value)
    assert found[1] is decision


@pytest.mark.parametrize(
    ("g", "r", "decision"),
    [
        (DOWN4, DOWN4, REJECT),
        (DOWN4, UP4, KEEP),
        (UP4, DOWN4, KEEP),
        (DOWN4, [17, 18, 19], REJECT),
        (DOWN4, [], REJECT),
        ([17, 18, 19], [17, 18, 19], KEEP),
        (UP4, [17, 18, 19], KEEP),
    ],
)
def test_rejected_where_all_trusted_bands_decline_and_there_is_one(g, r, decision):
    """Bands with fewer than four detections have no vote."""
    assert judged({"ztfg": g, "ztfr": r})[1] is decision


def test_more_bands_are_no_punishment():
    """The geometric mean of equal shares is that share; the paper's product is smaller."""
    mags = [20, 19, 18, 19]
    one, two = {"ztfg": mags}, {"ztfg": mags, "ztfr": mags}
    assert judged(one)[0] == pytest.approx(2 / 3)
    assert judged(two)[0] == pytest.approx(2 / 3)
    assert judged(two, combine="product")[0] == pytest.approx(4 / 9)
    assert judged(one, combine="product")[0] == pytest.approx(2 / 3)


def test_bands_with_one_detection_do_not_enter_the_mean():
    """Those with two or three enter with the neutral value."""
    assert judged({"ztfg": UP4, "ztfr": [18]})[0] == pytest.approx(1.0)
    assert judged({"ztfg": UP4, "ztfr": [18, 17]})[0] == pytest.approx(math.sqrt(0.5))


curves = st.lists(st.sampled_from([17.0, 17.5, 18.0, 18.5, 19.0]), max_size=7)


@pytest.mark.slow
@settings(max_examples=15)
@given(g=curves, r=curves, o=curves)
def test_the_rule_by_hand(g, r, o):
    """Value and decision for any three light curves, computed step by step."""
    used, votes = [], []
    for mags in (g, r, o):
        share = sum(b < a for a, b in itertools.pairwise(mags)) / max(len(mags) - 1, 1)
        if len(mags) >= 2:
            used.append(max(share, 0.05) if len(mags) >= 4 else 0.5)
        if len(mags) >= 4:
            votes.append(share < 0.4)
    value = math.prod(used) ** (1 / len(used)) if used else 0.5
    product = math.prod(used) if used else 0.5
    both = {"ztfg": g, "ztfr": r, "atlaso": o}
    expected = REJECT if votes and all(votes) else KEEP
    found = judged(both)
    assert (found[0], found[1]) == (pytest.approx(value), expected)
    assert judged(both, combine="product")[:2] == (pytest.approx(product), expected)


def test_reasons_have_their_numbers():
    """Each trusted band says its share and of how many pairs."""
    found = judged({"ztfg": DOWN4, "ztfr": [20, 19, 20, 21]})
    assert (
        found[2] == "0% of 3 pairs rise in ztfg, 33% of 3 pairs rise in ztfr: below 40%, declining"
    )
    assert judged({"ztfg": UP4})[2] == "100% of 3 pairs rise in ztfg"
    assert judged({"ztfg": [18, 17]})[2] == "too few detections per band to tell rise from decline"


def test_limits_between_detections_change_nothing():
    """Upper limits once made 1.0 into 0.43 elsewhere."""
    clean = make_photometry("a", MJD - np.arange(4, 0, -1), UP4)
    limits = make_photometry(
        "a", MJD - np.arange(4, 0, -1) + 0.5, 21.0, kind="limit", measurement_id=list("wxyz")
    )
    rows = make_candidates("a", pd.concat([clean, limits]))
    assert rising_fraction(rows, None).value.tolist() == [1.0]


def test_settings_of_ones_own():
    """Another least share, another trust, other bands."""
    assert judged({"ztfg": [20, 19, 20, 21]}, min=0.3)[1] is KEEP
    assert judged({"ztfg": [17, 18, 19]}, trusted=3)[1] is REJECT
    assert judged({"ztfg": DOWN4, "ztfr": UP4}, bands=("ztfg",))[1] is REJECT
    assert judged({"ztfg": DOWN4}, floor=0.2)[0] == pytest.approx(0.2)
    assert judged({}, neutral=0.7)[0] == pytest.approx(0.7)
