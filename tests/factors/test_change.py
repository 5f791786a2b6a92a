"""The factor of watched sources: who is kept, who is not, and the numbers that it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.factors import Decision
from aas2rto.factors.change import change
from aas2rto.models.change import Change
from aas2rto.steps.fit import fits_of, join
from tests.models.test_change import TIMES, flare, points

NOW = Time(TIMES[-1] + 1, format="mjd")


def judged(*tables, classes=None, now=NOW, **options):
    """Return what the factor says, by way of the model and the candidate table."""
    rows = pd.concat(tables, ignore_index=True)
    candidates = pd.DataFrame({"candidate_id": pd.unique(rows["candidate_id"])})
    if classes is not None:
        candidates["source_class"] = classes
    fits = Change().fit(rows, candidates)
    return change(join(candidates, fits_of({"change": fits})), now, **options)


def test_what_changed_is_kept_and_the_reason_has_its_numbers():
    found = judged(flare(points("new")), points("old", seed=1), points("few", times=TIMES[:5]))
    assert found.decision.tolist() == [Decision.KEEP, Decision.EXCLUDE, Decision.EXCLUDE]
    new, old, few = found.reason.tolist()
    assert new.startswith("changed, brighter, by two nights in a row on MJD 583")
    for words in ("onset 583", " d to the maximum, at most ", "0 reversals", " sigma; ztfg z +"):
        assert words in new, words
    assert "own scatter 0.000 to 0.0" in new
    assert new.endswith("quiescent (limit 0.05)")
    assert old.startswith("no change: last night ")
    assert few.startswith("no change can be seen: no baseline yet: 30 nights over 60 d")
    assert found.value[0] > 2


def test_it_can_tell_and_change_nothing():
    found = judged(points("old", seed=1), use="tell")
    assert found.decision.tolist() == [Decision.KEEP]
    assert found.value.tolist() == [1]


def test_a_flag_may_grow_old():
    kept = judged(flare(points()), max_age=60.0)
    assert kept.decision.tolist() == [Decision.EXCLUDE]
    assert kept.reason.tolist()[0].startswith("changed, ")
    assert "(does not count here)" in kept.reason.tolist()[0]
    assert judged(flare(points()), max_age=100.0).decision.tolist() == [Decision.KEEP]


def noisy(name, scatter):
    table = points(name, seed=2)
    noise = np.random.default_rng(5).normal(0, scatter, len(table))
    return flare(table.assign(flux=table["flux"] + noise), height=100.0)


@pytest.mark.parametrize(
    ("kind", "scatter", "kept"),
    [("galaxy", 6.0, False), ("agn", 6.0, True), ("", 6.0, False), ("", 2.0, True)],
)
def test_only_who_surely_varied_is_left_out(kind, scatter, kept):
    """6 % is too much for a galaxy, and nothing for a nucleus; 2 % of one not known is allowed."""
    found = judged(noisy("w", scatter), classes=[kind], quiescent="ask")
    assert (found.decision[0] == Decision.KEEP) == kept


def test_a_trend_of_a_nucleus_needs_a_random_walk():
    table = points()
    table["flux"] += 3.5 * (table["mjd"] > TIMES[60])
    trend = judged(table, classes=["agn"])
    assert trend.decision.tolist() == [Decision.EXCLUDE]
    assert "a trend and a block" in trend.reason.tolist()[0]
    assert judged(table, classes=["agn"], nuclei_by_walk=False).decision[0] == Decision.KEEP
    assert judged(table, classes=[np.nan]).decision[0] == Decision.KEEP
