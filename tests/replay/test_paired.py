"""Two runs side by side: what differs, who moved, and by which factor."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aas2rto.replay import metrics, paired
from aas2rto.replay.cast import cast_of
from aas2rto.replay.folder import open_folder
from aas2rto.replay.judge import compare, judge
from aas2rto.replay.truth import Truth, load_truth
from tests.replay import folders
from tests.replay.folders import START

NAMES = ("a", "b", "c")
TRUTH = Truth(
    pd.DataFrame(
        {"candidate_id": NAMES, "type": ["SN Ia", "SN II", ""], "peak_mjd": START + 1.0}
    ).assign(peak_mag=17.0)
)


def scores(lists, **factors):
    return [
        {"night": night, "candidate_id": name, "score": 1.0}
        | {f"x_{key}": value.get(name, 1.0) for key, value in factors.items()}
        for night, names in lists.items()
        for name in names
    ]


def run(lists, n=3, **tables):
    return {
        "nights": folders.nights(n),
        "objects": folders.objects(NAMES),
        "ranks": folders.ranks(lists),
    } | tables


def judged(folder, ours, against, top=1):
    folders.write_replay(folder, {"ours": ours, "against": against})
    opened = open_folder(folder)
    cast = cast_of(opened.objects, TRUTH, None)
    both = [judge(one, cast, top, 0) for one in opened.runs]
    return compare(both[0], both[1], top, 0), cast


UP = {0: "abc", 1: "abc", 2: "abc"}
DOWN = {0: "bca", 1: "bca", 2: "ab"}


def test_who_rose_and_fell_and_by_which_factor(folder):
    """A rises from third to first by x_peak, b falls; c moves by none of the factors."""
    ours = run(UP, scores=scores(UP, peak={"a": 0.9, "b": 0.5}, mag={"a": 1.2}))
    against = run(DOWN, scores=scores(DOWN, peak={"a": 0.1, "b": 0.6}, mag={"a": 1.0}))
    two, _ = judged(folder, ours, against)
    table = two.movers["science"].set_index("candidate_id")
    assert table.loc["a", ["moved", "rank", "rank_against"]].tolist() == [2, 1, 3]
    assert table.loc["a", "factor"] == "x_peak"
    assert table.loc["a", "value"] == pytest.approx(0.9)
    assert table.loc["a", "value_against"] == pytest.approx(0.1)
    assert table.loc["b", "moved"] == -1
    assert table.loc["c", "moved"] == -1
    assert table.loc["c", "factor"] == ""


def test_a_factor_that_one_config_lacks_is_one_of_it(folder):
    ours = run(UP, scores=scores(UP, likeness={"a": 1.0, "b": 0.01}))
    two, _ = judged(folder, ours, run(DOWN, scores=scores(DOWN)))
    row = two.movers["science"].set_index("candidate_id").loc["b"]
    assert row["factor"] == "x_likeness"
    assert row["value"] == pytest.approx(0.01)
    assert np.isnan(row["value_against"])


def test_who_is_in_no_list_stands_below_its_end_and_it_is_said_who_left_it_out(folder):
    lists = {0: "bc", 1: "bc", 2: "bc"}
    decisions = [
        {"night": 0, "candidate_id": "a", "decision": "keep", "factor": ""},
        {"night": 1, "candidate_id": "a", "decision": "exclude", "factor": "wait_here"},
    ]
    two, _ = judged(folder, run(UP), run(lists, decisions=decisions))
    row = two.movers["science"].set_index("candidate_id").loc["a"]
    assert row["rank_against"] == 3
    assert row["said"] == "left out by against on 3 of 3 nights, mostly by wait_here"


def test_new_and_lost(folder):
    two, _ = judged(folder, run(UP), run({0: "bac", 1: "cab"}))
    members = two.members["science"]
    assert members["new"] == {"all": 1, "unknown": 0, "class": 1, "neither": 0, "other": 0}
    assert members["lost"] == {"all": 2, "unknown": 1, "class": 0, "neither": 0, "other": 1}


def test_differences(folder):
    two, _ = judged(folder, run(UP), run(DOWN))
    found = {one.metric.key: one for one in two.lists["science"]}
    assert found["near"].minus.value == pytest.approx(1 - 1 / 3)
    assert found["contaminants"].minus.value == pytest.approx(-2 / 3)
    assert found["near"].ratio.value == pytest.approx(3)


def test_only_nights_that_both_judged_at_the_same_time_are_compared(folder):
    against = run(DOWN)
    against["nights"] = [
        {"night": 0, "at": START},
        {"night": 1, "at": START + 1.25},
        {"night": 2, "at": START + 2},
        {"night": 3, "at": START + 3},
    ]
    two, _ = judged(folder, run(UP), against)
    assert two.one.span.night.tolist() == [0, 2]
    assert two.left_out == 2
    assert len(two.one.lists["science"].who) == 2


def test_no_common_night_is_no_crash(folder):
    against = run({5: "b"})
    against["nights"] = [{"night": 5, "at": START + 5}]
    two, _ = judged(folder, run(UP), against)
    assert len(two.one.span) == 0
    assert all(not one.minus.is_known for one in two.lists["science"])
    assert two.movers["science"].empty


@pytest.mark.slow
def test_a_drawn_run_against_itself(sky):
    """Every difference is nothing, with an interval of nothing; nobody moved."""
    opened = open_folder(sky.folder)
    truth = load_truth(sky.truth, opened.objects)
    cast = cast_of(opened.objects, truth, None)
    one = judge(opened.runs[0], cast, 5, 0)
    two = compare(one, one, 5, 0)
    for some in (*two.lists.values(), *two.plans.values()):
        for found in some:
            if found.minus.is_known:
                assert (found.minus.value, found.minus.low, found.minus.high) == (0, 0, 0)
                assert not found.is_clear
            if found.ratio.is_known:
                assert (found.ratio.low, found.ratio.high) == (1, 1)
    assert all(table.empty for table in two.movers.values())
    assert two.members["science"]["new"]["all"] == 0


@pytest.mark.slow
def test_what_is_better_is_found(sky):
    """The first config scores by the peak, the second by brightness: a drawn truth."""
    opened = open_folder(sky.folder)
    truth = load_truth(sky.truth, opened.objects)
    cast = cast_of(opened.objects, truth, None)
    both = [judge(one, cast, 5, 0) for one in opened.runs]
    two = compare(both[0], both[1], 5, 0)
    caught = next(one for one in two.plans["all sites"] if one.metric.key == "caught")
    assert caught.minus.low > 0
    assert caught.ratio.value == pytest.approx(caught.one.value / caught.other.value)
    factors = two.movers["science"]["factor"]
    assert (factors == "x_peak").mean() > 0.8
    shown = paired.common(opened.runs[0].nights, opened.runs[1].nights)
    assert len(shown) == len(metrics.span_of(opened.runs[0].nights))


def test_shares_by_magnitude_are_compared_in_pairs(folder):
    """The Table 1 of the paper, with the difference of two configs in each bin."""
    two, _ = judged(folder, run(UP), run({0: "bca", 1: "bca", 2: "bca"}))
    found = {one.metric.key: one for one in two.magnitudes["science"]}
    assert found["in_time 17–18"].metric.title == "17–18 mag: in the top 1 within 2 d of the peak"
    assert found["in_time 17–18"].minus.value == 1
    assert found["ever 17–18"].other.value == 0
