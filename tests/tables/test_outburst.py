"""Only the present outburst counts, and what is set aside is counted."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.tables import outburst
from tests.conftest import MJD, make_photometry

QUIET = 60.0


def present(days, kind="detection", now=MJD, quiet=QUIET):
    """Return the days before `now` that are kept of measurements so many days before it."""
    table = make_photometry(mjd=MJD - np.array(days, float), kind=kind)
    table = table.sort_values("mjd", kind="stable", ignore_index=True)
    found = outburst.present(table, now, quiet)
    return np.round(MJD - found.photometry["mjd"], 6).tolist(), found


@pytest.mark.parametrize(
    ("days", "kept"),
    [
        ([210, 20, 10, 1], [20, 10, 1]),
        ([300, 298, 210, 20, 10], [20, 10]),
        ([70, 10], [70, 10]),
        ([70.1, 10], [10]),
        ([55, 5], [55, 5]),
        ([500], []),
        ([60], [60]),
        ([500, 495], [500, 495]),
        ([500, 495, 100], []),
        ([500, 495, 59], [59]),
    ],
)
def test_a_gap_begins_a_new_outburst(days, kept):
    """Longer than the quiet time, not as long; one alone counts until that time has passed."""
    assert present(days)[0] == kept


def test_what_was_measured_long_before_goes_too():
    """Limits of an earlier outburst's time say nothing of this one; nearer ones do."""
    kinds = ["detection", "detection", "limit", "limit", "limit", "detection", "detection"]
    assert present([400, 350, 300, 69, 62, 10, 3], kinds)[0] == [69, 62, 10, 3]
    assert present([400, 350, 300, 71, 69, 10, 3], kinds)[0] == [69, 10, 3]


def test_without_an_earlier_outburst_nothing_goes():
    """A baseline of years helps the fit."""
    days, kinds = [900, 500, 2, 1], ["limit", "suspect", "detection", "detection"]
    assert present(days, kinds)[0] == days


def test_what_is_set_aside_is_counted():
    """How many detections, and the last of them."""
    _, found = present([300, 298, 210, 20, 10])
    row = found.aside.iloc[0]
    assert (row["candidate_id"], row["n_set_aside"]) == ("a", 3)
    assert row["last_set_aside"] == pytest.approx(MJD - 210)
    assert present([20, 10])[1].aside.empty


def test_it_can_be_turned_off():
    """Then every detection counts, as in the paper."""
    assert present([900, 10], quiet=None)[0] == [900, 10]


def test_the_answer_says_how_long_it_holds():
    """A single detection is one of an outburst until nothing has followed for long enough."""
    _, found = present([20])
    assert found.until == pytest.approx(MJD + 40)
    assert present([20], now=found.until)[0] == [20]
    assert present([20], now=found.until + 1e-6)[0] == []
    assert present([20, 10])[1].until == math.inf


def slowly(days, quiet):
    """Return the kept days by going through the detections one by one, the newest first."""
    days = sorted(days)
    run = [days[0]]
    for nearer, farther in itertools.pairwise(days):
        if farther - nearer > quiet:
            break
        run.append(farther)
    return [] if len(run) == 1 and run[0] > quiet else sorted(run, reverse=True)


curve = st.lists(st.integers(0, 400), min_size=1, max_size=12, unique=True)


@pytest.mark.slow
@pytest.mark.parametrize("categorical", [False, True])
@given(curves=st.lists(curve, min_size=1, max_size=4))
def test_many_candidates_are_as_each_alone(curves, categorical):
    """What one by one gives, for any light curves side by side."""
    names = [f"c{i}" for i, curve in enumerate(curves) for _ in curve]
    days = np.concatenate([np.array(curve, float) for curve in curves])
    table = make_photometry(names, MJD - days)
    table = table.sort_values(["candidate_id", "mjd"], ignore_index=True)
    if categorical:
        table = table.astype({"candidate_id": "category", "kind": "category"})
    ids = pd.Series([f"c{i}" for i in range(len(curves))])
    found, columns = outburst.summarise(table, ids, MJD, QUIET)
    for name, curve, row in zip(ids, curves, columns.to_dict("records"), strict=True):
        mine = found.photometry[found.photometry["candidate_id"] == name]
        kept = slowly(curve, QUIET)
        assert (MJD - mine["mjd"]).tolist() == kept
        aside = [day for day in curve if day not in kept]
        assert row["n_detections"] == len(kept)
        assert row["n_set_aside"] == len(aside)
        last = MJD - min(aside) if aside else math.nan
        assert row["last_set_aside"] == pytest.approx(last, nan_ok=True)
        assert row["updated"] == MJD - min(curve)
