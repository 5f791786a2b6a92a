"""Factors become scores and decisions by name, whatever their authors return."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.config.case import PartConfig
from aas2rto.factors import FACTORS, Decision, Factor, Needs, answer, latest, numbers, per_band
from aas2rto.steps import evaluate as scoring
from aas2rto.steps.column import Column, bind
from aas2rto.steps.combine import combine
from aas2rto.steps.evaluate import conform, evaluate, evaluate_all
from aas2rto.steps.rules import expired
from tests.conftest import MJD, make_candidates, make_photometry
from tests.steps.factors_of_ones_own import (
    EXCLUDE,
    KEEP,
    NOW,
    REJECT,
    bound,
    run,
    table,
)


def said(column):
    return [str(failure) for failure in column.failures]


def fail(error):
    raise error


# -- the answer of a factor -----------------------------------------------------------------------


def test_reject_beats_exclude_beats_keep():
    """The masks of an answer may overlap."""
    found = answer(1.0, exclude=[False, True, True, False], reject=[False, False, True, True])
    assert found.decision.tolist() == [KEEP, EXCLUDE, REJECT, REJECT]
    labels = [Decision(code).label for code in found.decision]
    assert labels == ["keep", "exclude", "reject", "reject"]


@pytest.mark.parametrize("n", [0, 1, 4])
def test_an_answer_is_as_long_as_the_longest_of_its_parts(n):
    """Scalars hold for all candidates, and there may be none."""
    for found in (
        answer(np.ones(n)),
        answer(1.0, exclude=np.zeros(n, bool)),
        answer(1.0, reason=["x"] * n),
    ):
        assert (found.value.shape, found.decision.shape, found.reason.shape) == ((n,),) * 3
    assert answer(2.0).value.tolist() == [2.0]


def test_parts_of_different_lengths_make_no_answer():
    """Two values cannot be those of three candidates."""
    with pytest.raises(ValueError, match="broadcast"):
        answer([1.0, 2.0], reason=["a", "b", "c"])


def test_columns_that_do_not_exist_are_unknown():
    """A broker may never have said it; texts are no numbers."""
    rows = pd.DataFrame({"p": [1, None], "t": ["0.5", "x"]}, dtype=object)
    assert numbers(rows, "q").tolist() == pytest.approx([np.nan] * 2, nan_ok=True)
    assert numbers(rows, "p").tolist() == pytest.approx([1.0, np.nan], nan_ok=True)
    assert numbers(rows, "t").tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    assert per_band(rows, "p", ["ztfg", "ztfr"]).shape == (2, 2)


def test_the_latest_detection_is_that_of_any_of_the_bands():
    """By time, not by the order of the bands."""
    curves = make_photometry(
        ["a", "a", "b", "c"],
        [MJD - 2, MJD - 1, MJD - 3, MJD - 1],
        [17.0, 18.0, 19.0, 16.0],
        band=["ztfr", "ztfg", "ztfr", "ztfi"],
    )
    mag, band, mjd = latest(make_candidates(["a", "b", "c"], curves), ("ztfg", "ztfr"))
    assert mag.tolist() == pytest.approx([18.0, 19.0, np.nan], nan_ok=True)
    assert band.tolist() == ["ztfg", "ztfr", ""]
    assert mjd.tolist() == pytest.approx([MJD - 1, MJD - 3, np.nan], nan_ok=True)


# -- whatever an author returns -------------------------------------------------------------------


@pytest.mark.parametrize(
    "returned",
    [
        2,
        2.0,
        np.float32(2),
        np.int64(2),
        np.array(2),
        np.array([2]),
        [2, 2, 2],
        (2.0, 2.0, 2.0),
        np.array([2, 2, 2]),
        pd.Series([2.0, 2.0, 2.0], index=[7, 8, 9]),
        pd.Series(["2", "2", "2"]),
        answer([2.0, 2.0, 2.0]),
    ],
    ids=repr,
)
def test_numbers_of_any_kind_are_taken(returned):
    """An int, a numpy scalar, a list or a column: each means a number for every candidate."""
    column = run(lambda *_: returned)
    assert said(column) == []
    assert column.factor.value.tolist() == [2.0, 2.0, 2.0]
    assert column.factor.decision.tolist() == [KEEP] * 3


def test_the_number_of_a_plain_factor_is_its_reason():
    """An author who gives no reason gives at least the number."""
    column = run(lambda *_: [1.0, 0.123456, 30])
    assert column.factor.reason.tolist() == ["1", "0.1235", "30"]


@pytest.mark.fault("factors", "damaged", "answers that make no sense")
@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "returned nan; a factor must be a positive number"),
        ("many", "ValueError: could not convert string to float: 'many'"),
        ([1.0, 2.0], "ValueError: returned shape (2,) for 1 candidate; expected (1,)"),
        (np.ones((3, 2)), "ValueError: returned shape (3, 2) for 1 candidate; expected (1,)"),
        (np.ones(4), "ValueError: returned shape (4,) for 1 candidate; expected (1,)"),
        ([], "ValueError: returned shape (0,) for 1 candidate; expected (1,)"),
        ({"a": 1}, "TypeError: float() argument must be a string or a real number, not 'dict'"),
        (1j, "TypeError: float() argument must be a string or a real number, not 'complex'"),
        (answer([1.0, 2.0]), "ValueError: returned values of shape (2,) for 1 candidate"),
        (
            Factor(np.ones(3), np.zeros(2), np.full(3, "")),
            "ValueError: returned values of shape (3,) for 1 candidate",
        ),
    ],
    ids=repr,
)
def test_what_makes_no_sense_for_anybody_is_left_out(returned, words):
    """The factor is at fault: nobody is excluded for it, and the report says so."""
    column = run(lambda *_: returned)
    assert column.factor.value.tolist() == [1.0] * 3
    assert column.factor.decision.tolist() == [KEEP] * 3
    assert set(column.factor.reason) == {"left out: the factor failed"}
    assert said(column) == [
        f"factor mine: {words}; it failed for all 3 candidates and was left out"
    ]


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (Factor(np.ones(3), np.zeros(2), np.full(3, "")), "decisions of shape (2,)"),
        (Factor(np.ones(3), np.zeros(3), np.full(2, "")), "reasons of shape (2,)"),
        (Factor(np.ones((3, 1)), np.zeros(3), np.full(3, "")), "values of shape (3, 1)"),
        (Factor(np.ones(3), np.array([0, 1, 7]), np.full(3, "")), "none of ['keep', 'exclude'"),
    ],
)
def test_an_answer_whose_parts_do_not_fit_is_refused(factor, words):
    """An author may build the answer by hand, and wrongly."""
    with pytest.raises(ValueError, match="returned") as caught:
        conform(factor, 3)
    assert words in str(caught.value)


def test_reasons_may_be_anything_and_are_texts():
    """No reason is an empty one; numbers are written out."""
    found = conform(Factor([1, 2, 3], [0, 1, 2], [None, 5, "far"]), 3)
    assert found.reason.tolist() == ["", "5", "far"]
    assert found.value.dtype == float
    assert found.decision.dtype == np.int8
    column = Column("mine", found)
    verdict = combine([column], np.ones(3), never_reject=np.ones(3, bool))
    assert verdict.reason.tolist() == ["", "5", "far (a ToO is never rejected)"]


@pytest.mark.fault("factors", "nan", "NaN, zero and negative answers")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -1.0])
def test_a_number_that_is_not_positive_excludes_and_says_so(value):
    """Never silently removed, and never the sign that decides."""
    column = run(lambda *_: [2.0, value, 3.0])
    assert column.factor.decision.tolist() == [KEEP, EXCLUDE, KEEP]
    assert said(column) == [
        f"factor mine (c1): returned {value:g}; a factor must be a positive number"
    ]
    assert column.factor.reason[1] == (
        f"error: the factor returned {value:g}; a factor must be a positive number"
    )


def test_a_number_that_means_nothing_for_all_is_the_factors_fault():
    """NaN everywhere says nothing about any candidate."""
    column = run(lambda *_: np.nan)
    assert column.factor.decision.tolist() == [KEEP] * 3
    assert "it failed for all 3 candidates and was left out" in said(column)[0]


def test_a_factor_may_exclude_with_any_number():
    """What is out anyway needs no number."""
    column = run(
        lambda *_: answer(
            [np.nan, -5.0, 1.0], exclude=[True, False, False], reject=[False, True, False]
        )
    )
    assert said(column) == []
    assert column.factor.decision.tolist() == [EXCLUDE, REJECT, KEEP]


def test_with_a_single_candidate_nobody_knows_whose_fault_it_is():
    """So the candidate waits, and says why."""
    column = run(lambda *_: fail(KeyError("mag_u")), n=1)
    assert column.factor.decision.tolist() == [EXCLUDE]
    assert column.factor.reason.tolist() == ["the factor failed: KeyError: 'mag_u'"]
    assert said(column) == ["factor mine (c0): KeyError: 'mag_u'"]


def picky(*bad):
    def factor(candidates, now):
        if candidates["candidate_id"].isin(bad).any():
            raise ValueError("not this one")
        return np.arange(len(candidates)) * 0 + 2.0

    return factor


@pytest.mark.slow
@given(st.sets(st.integers(0, 16), max_size=16))
def test_one_bad_candidate_does_not_stop_the_others(bad):
    """Exactly the culprits are excluded, wherever they stand."""
    names = [f"c{i}" for i in sorted(bad)]
    column = run(picky(*names), n=17)
    assert np.flatnonzero(column.factor.decision == EXCLUDE).tolist() == sorted(bad)
    assert column.factor.value[column.factor.decision == KEEP].tolist() == [2.0] * (17 - len(bad))
    told = [failure.subject for failure in column.failures]
    assert told == (names if len(names) <= 10 else [*names[:10], ""])
    if names:
        reason = column.factor.reason[min(bad)]
        assert reason == "the factor failed: ValueError: not this one"


def test_the_search_for_culprits_is_short():
    """One of many is found without asking for each."""
    calls = []
    find = picky("c3000")

    def factor(candidates, now):
        calls.append(len(candidates))
        return find(candidates, now)

    column = run(factor, n=4000)
    assert np.flatnonzero(column.factor.decision == EXCLUDE).tolist() == [3000]
    assert len(calls) < 200


def test_many_failures_are_counted():
    """The report has ten lines and a number; the lists have each reason."""
    column = run(lambda candidates, now: np.where(np.arange(40) < 25, np.nan, 1.0), n=40)
    assert len(said(column)) == 11
    expected = "factor mine: failed for 15 more candidates, see the reasons in the lists"
    assert said(column)[-1] == expected
    assert (column.factor.decision == EXCLUDE).sum() == 25


def test_a_factor_that_raises_for_all_is_left_out_soon():
    """A misspelt column is not tried ten thousand times."""
    calls = []

    def factor(candidates, now):
        calls.append(1)
        return candidates["color"]

    column = run(factor, n=1000)
    assert len(calls) <= 101
    assert said(column) == [
        "factor mine: KeyError: 'color'; it failed for each of 100 that it tried and was left out"
    ]
    assert column.factor.decision.tolist() == [KEEP] * 1000


def test_a_factor_gets_a_table_of_its_own():
    """What it changes, nobody else sees; rows are numbered from 0."""
    rows = table(3)

    def greedy(candidates, now):
        assert candidates.index.tolist() == list(range(len(candidates)))
        candidates["base_score"] = 99.0
        candidates.loc[0, "ra"] = -1.0
        return pd.Series(np.ones(len(candidates)))

    column = evaluate(bound(greedy), rows.iloc[1:], NOW)
    assert said(column) == []
    assert rows["base_score"].tolist() == [1.0] * 3
    assert (rows["ra"] == 150.0).all()


def test_settings_reach_the_factor():
    """What the config says, under the names of the arguments."""
    seen = {}

    def factor(candidates, now, *, limit, bands):
        seen.update(limit=limit, bands=bands, now=now)
        return 1

    evaluate(bound(factor, limit=3.0, bands=("ztfg",)), table(), NOW)
    assert seen == {"limit": 3.0, "bands": ("ztfg",), "now": NOW}


@pytest.mark.fault("factors", "empty", "nobody")
def test_no_candidates_give_no_answers():
    """The first night of an empty store; the factor is not even asked."""
    column = evaluate(bound(lambda *_: fail(ValueError("asked"))), table(0), NOW)
    assert len(column.factor.value) == 0
    assert said(column) == []


REQUIRED = {
    "class_probability": {"classifier": "lc", "class_": "SNIa"},
    "expression": {"formula": "1 + ra"},
    "known_type": {"types": ("RR*",)},
    "tags": {"tiers": {}},
}
"""Settings without a default."""


@pytest.mark.parametrize("name", FACTORS.names())
def test_built_in_factors_take_an_empty_table(name):
    """A night may have no candidates, and a site no table."""
    part = FACTORS.get(name)
    needed = [
        "altitude",
        "altitude_area",
        "night_left",
        "hours_left",
        "sets",
        "status",
        "hour_angle",
        "min_altitude",
        "lowest_altitude",
        "culmination",
        "culmination_altitude",
        "culmination_moon_sep",
        "culmination_moon_altitude",
        "moon_illumination",
        "moon_limit",
    ]
    rows = table(0).reindex(columns=[*table(0), *needed])
    found = part.make(rows, NOW, **REQUIRED.get(name, {}))
    assert len(found.value) == len(found.decision) == len(found.reason) == 0


def test_factors_of_ones_own_run_after_the_fits():
    """A plain function says nothing of what it needs, so every column should be there."""
    part = FACTORS.get("magnitude")
    plain = type(part)("factor", "plain", lambda candidates, now: 1)
    found = bind([PartConfig("m", part, part.options()), PartConfig("p", plain, plain.options())])
    assert [(f.name, f.needs) for f in found] == [("m", Needs.LIGHT_CURVE), ("p", Needs.FIT)]


# -- ToOs -----------------------------------------------------------------------------------------


def test_a_too_without_photometry_gets_neutral_factors():
    """Its base score counts; factors are not even asked about it."""
    rows = make_candidates(
        ["bare", "seen", "dark"], make_photometry(["seen"]), too=[True, True, False]
    )
    asked = []

    def strict(candidates, now):
        asked.extend(candidates["candidate_id"])
        return answer(np.full(len(candidates), 3.0), reject=True, reason="no", depth=[1.0, 2.0])

    (column,) = evaluate_all([bound(strict)], Needs.FIT, rows, NOW)
    assert asked == ["seen", "dark"]
    assert column.factor.value.tolist() == [1.0, 3.0, 3.0]
    assert column.factor.decision.tolist() == [KEEP, REJECT, REJECT]
    assert column.factor.reason.tolist() == ["neutral: a ToO without light curve", "no", "no"]
    inputs = column.factor.inputs["depth"].astype(float).tolist()
    assert inputs == pytest.approx([np.nan, 1.0, 2.0], nan_ok=True)


@pytest.mark.parametrize("kind", ["limit", "suspect", "detection"])
def test_a_too_with_any_photometry_is_judged_by_it(kind):
    """Three upper limits are something to know."""
    rows = make_candidates("a", make_photometry("a", kind=kind), too=True)
    assert scoring.is_bare_too(rows).tolist() == [False]


def test_a_store_with_nothing_but_a_bare_too_is_scored():
    """The usual state of a first evening."""
    rows = make_candidates("a", too=True)
    factors = [bound(lambda *_: fail(ValueError("asked")), needs=Needs.LIGHT_CURVE)]
    (column,) = evaluate_all(factors, Needs.LIGHT_CURVE, rows, NOW)
    assert column.factor.value.tolist() == [1.0]
    assert said(column) == []


def test_only_factors_of_the_wanted_kind_run():
    """What needs a fit waits for it."""
    factors = [bound(lambda *_: 2, "a", Needs.LIGHT_CURVE), bound(lambda *_: 3, "b", Needs.FIT)]
    found = evaluate_all(factors, Needs.FIT, table(), NOW)
    assert [column.name for column in found] == ["b"]


def test_a_too_whose_time_is_over_is_excluded():
    """Not rejected: it may be asked for again."""
    rows = table(3, valid_until=[np.nan, MJD - 0.5, MJD])
    column = expired(rows, NOW)
    assert column.factor.decision.tolist() == [KEEP, EXCLUDE, KEEP]
    assert column.factor.reason[1] == "the ToO was valid until 2025-11-20T12:00"
