"""Metrics of lists and plans on small replays whose answers are counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.replay import executed, metrics
from aas2rto.replay.cast import CLASS, NEITHER, OTHER, UNKNOWN, Cast, cast_of, plain
from aas2rto.replay.metrics import Span
from aas2rto.replay.truth import Truth
from tests.replay import folders
from tests.replay.folders import START

NAMES = ("a", "b", "c", "d", "e")
TYPES = ("SN Ia", "SN Ia-91T", "SN II", "SN Iax", "")
PEAKS = (START + 1, START + 4, np.nan, np.nan, np.nan)


def small_cast(classes=None, first=START - 5.0):
    told = {"candidate_id": NAMES, "type": TYPES, "peak_mjd": PEAKS}
    table = pd.DataFrame(told | {"peak_mag": [16.5, 18.2, 17, 17, 17]})
    objects = pd.DataFrame(folders.objects(dict.fromkeys(NAMES, first)))
    return cast_of(objects, Truth(table), classes)


def small_span(n=6):
    return Span(np.arange(n), START + np.arange(n, dtype=float))


def entries(lists, cast=None, span=None, top=2):
    cast = cast or small_cast()
    span = small_span() if span is None else span
    columns = ["night", "observatory", "rank", "candidate_id"]
    rows = pd.DataFrame(folders.ranks(lists), columns=columns)
    rows["who"] = cast.ids.get_indexer(rows["candidate_id"])
    return metrics.entries(rows, span, cast, top)


def values(list_):
    return {one.key: one.measured.value() for one in metrics.of_list(list_)}


# Nights 0..5; top two: a peaks on night 1, b on night 4.
LISTS = {0: "acb", 1: "ac", 2: "ca", 3: "cdb", 4: "be", 5: "eb"}


def test_kinds():
    assert small_cast().kind.tolist() == [CLASS, CLASS, OTHER, NEITHER, UNKNOWN]
    assert small_cast(["SN II"]).kind.tolist() == [OTHER, OTHER, CLASS, OTHER, UNKNOWN]
    assert small_cast(["SN Ia"]).kind.tolist() == [CLASS, NEITHER, OTHER, NEITHER, UNKNOWN]
    assert small_cast().label == "SNe Ia"
    assert small_cast(["SN II"]).label == "SN II"


@pytest.mark.parametrize("name", ["SN Ia", "SNIa", "Ia", "sn ia-norm", "SN Ia normal"])
def test_spellings_of_a_type(name):
    assert plain(name) == "ia"


def test_the_top_by_night():
    found = values(entries(LISTS))
    # Rows of the top two: a x3, b x2 of the class; c x4 contaminants; d neither; e x2 unknown.
    assert found["purity"] == pytest.approx(5 / 9)
    assert found["contaminants"] == pytest.approx(4 / 6)
    assert found["unknown"] == pytest.approx(2 / 6)
    assert found["filled"] == 2
    # Near: a on nights 0, 1, 2; b on nights 4, 5.
    assert found["near"] == pytest.approx(5 / 6)
    assert found["near_share"] == pytest.approx(5 / 12)
    # Wanted: a on nights 0-3, b on 2-5: eight pairs.
    assert found["completeness"] == pytest.approx(5 / 8)


def test_what_was_not_announced_could_not_be_found():
    cast = small_cast(first=START + 3)
    assert metrics.wanted(cast, small_span()).tolist() == [0, 0, 0, 2, 1, 1]
    assert metrics.wanted(small_cast(), small_span()).tolist() == [1, 1, 2, 2, 1, 1]


def test_the_top_by_object():
    found = values(entries(LISTS))
    assert found["ever"] == 1
    assert found["in_time"] == 1
    assert found["entry_phase"] == pytest.approx((-1 + 0) / 2)  # a at -1 d, b at 0 d
    late = values(entries({0: "c", 4: "a"}))
    assert late["ever"] == 0.5
    assert late["in_time"] == 0  # at +3 d


def test_days_from_the_first_alert_count_from_the_replay_on():
    """Who was known before it began may have entered before, too."""
    assert np.isnan(values(entries(LISTS))["days_to_entry"])
    found = values(entries(LISTS, small_cast(first=START + 0.5)))
    assert found["days_to_entry"] == pytest.approx((-0.5 + 3.5) / 2)


def test_by_magnitude():
    table = metrics.by_magnitude(entries({0: "a", 1: "c"}))
    assert table["bin"].tolist() == ["16–17", "18–18.5"]
    assert [ratio.value() for ratio in table["ever"]] == [1, 0]


@pytest.mark.parametrize(("mag", "name"), [(16.0, "16–17"), (17.0, "17–18"), (19.0, "≥ 19")])
def test_edges_of_bins(mag, name):
    found = [label for label, inside in metrics.bins_of(np.array([mag])) if inside[0]]
    assert found == [name]


def test_churn():
    found = values(entries(LISTS))
    # ac ac: 0; ac ca: 0; ca cd: 1; cd be: 2; be eb: 0, of two each.
    assert found["replaced"] == pytest.approx(3 / 10)
    # c moves 2 to 1, a 1 to 2; b 1 to 2, e 2 to 1; a, c, c stay: 4 ranks, 7 that stay.
    assert found["moved"] == pytest.approx(4 / 7)


def test_one_night_has_no_churn():
    found = values(entries({0: "ab"}, span=small_span(1)))
    assert np.isnan(found["replaced"])
    assert found["filled"] == 2


def test_no_night_at_all():
    found = values(entries({}, span=small_span(0)))
    assert all(np.isnan(value) for value in found.values())


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random):
    cast, span = small_cast(), small_span()
    rows = pd.DataFrame(folders.ranks(LISTS))
    rows["who"] = cast.ids.get_indexer(rows["candidate_id"])
    order = list(range(len(rows)))
    random.shuffle(order)
    found = metrics.entries(rows.iloc[order], span, cast, 2)
    assert values(found) == values(entries(LISTS)) or all(
        a == b or (np.isnan(a) and np.isnan(b))
        for a, b in zip(values(found).values(), values(entries(LISTS)).values(), strict=True)
    )


# -- executed plans ------------------------------------------------------------------------------


def visits(rows, cast):
    made = [
        {
            "night": night,
            "observatory": site,
            "start": START + night + 0.1 * k,
            "end": START + night + 0.1 * k + 0.02,
            "state": state,
            "who": cast.ids.get_loc(name),
        }
        for k, (night, site, name, state) in enumerate(rows)
    ]
    return pd.DataFrame(made, columns=["night", "observatory", "start", "end", "state", "who"])


def site_nights(clear, site="s", hours=2.0):
    return pd.DataFrame(
        {
            "night": range(len(clear)),
            "observatory": site,
            "clear": clear,
            "dark_hours": 8.0,
            "capacity_spectra": 3,
            "hours_used": [hours if good else 0.0 for good in clear],
            "observed": [1 if good else 0 for good in clear],
        }
    )


SEEN = "observed"
VISITS = [
    (0, "s", "a", SEEN),  # a within 2 d: good
    (0, "s", "c", SEEN),  # contaminant
    (1, "s", "a", SEEN),  # again: repeated
    (1, "s", "b", SEEN),  # b 3 d early: out of time
    (2, "s", "d", "clouded"),
    (3, "s", "b", SEEN),  # b again, but now in time: good
    (3, "s", "d", SEEN),  # neither
    (3, "s", "e", SEEN),  # unknown
]


def done(rows=VISITS, clear=(True, True, False, True, True, True)):
    cast = small_cast()
    found = executed.executed(visits(rows, cast), site_nights(list(clear)), small_span(), cast)
    return found["s"]


def test_what_each_spectrum_is_worth():
    names = [executed.OUTCOMES[k] for k in done().outcome]
    assert names == [
        "good",
        "contaminant",
        "repeated",
        "out of time",
        "good",
        "neither",
        "unknown",
    ]


def test_metrics_of_plans():
    found = {one.key: one.measured.value() for one in executed.of_plans(done())}
    assert found["caught"] == pytest.approx(2 / 5)
    assert found["caught_1d"] == pytest.approx(2 / 5)  # a at -0.99 d, b at -0.49 d
    assert found["spectra"] == pytest.approx(7 / 5)
    assert found["wasted"] == pytest.approx(3 / 7)
    assert found["repeated"] == pytest.approx(1 / 5)
    assert found["contaminants"] == pytest.approx(1 / 5)
    assert found["unknown"] == pytest.approx(1 / 5)
    assert found["caught_share"] == 1
    assert found["hours"] == pytest.approx(2)
    assert found["dark_used"] == pytest.approx(0.25)
    assert found["clear"] == pytest.approx(5 / 6)
    assert found["clouded"] == pytest.approx(1 / 6)
    assert found["free"] == pytest.approx(2)


def test_within_two_days_is_not_within_one():
    found = {
        one.key: one.measured.value() for one in executed.of_plans(done([(2, "s", "b", SEEN)]))
    }
    assert (found["caught"], found["caught_1d"]) == (1 / 5, 0)


def test_several_sites_count_one_candidate_once():
    cast = small_cast()
    rows = [(0, "s", "a", SEEN), (0, "t", "a", SEEN), (1, "t", "a", SEEN)]
    nights = pd.concat([site_nights([True] * 6, "s"), site_nights([False] * 6, "t")])
    found = executed.executed(visits(rows, cast), nights, small_span(), cast)
    assert list(found) == ["all sites", "s", "t"]
    counts = {name: np.bincount(one.outcome, minlength=6).tolist() for name, one in found.items()}
    assert counts == {
        "all sites": [1, 0, 0, 0, 2, 0],
        "s": [1, 0, 0, 0, 0, 0],
        "t": [1, 0, 0, 0, 1, 0],
    }
    assert found["all sites"].clear.all()


def test_spectra_by_phase():
    table = executed.by_phase(done()).set_index("what")["spectra"]
    assert table["SNe Ia, -2..+2 d"] == 3
    assert table["SNe Ia, -5..-2 d"] == 1
    assert (table["contaminants"], table["related types"], table["unknown type"]) == (1, 1, 1)
    assert table.sum() == 7


def test_a_cast_without_truth_is_unknown():
    cast = cast_of(pd.DataFrame(folders.objects(NAMES)), None, None)
    assert isinstance(cast, Cast)
    assert cast.counts() == {"unknown": 5, "class": 0, "neither": 0, "other": 0}
    assert not cast.has_truth
