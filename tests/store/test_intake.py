"""Reports become candidates, names and photometry; what cannot be used costs itself."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.store import Store
from tests.conftest import (
    LATE,
    MJD,
    make_objects,
    make_photometry,
    make_report,
)
from tests.store.conftest import ingest, light_curve


def photometry_of(store):
    return store.photometry.of(store.candidates(LATE, state=None))


# -- objects and their photometry -----------------------------------------------------------------


def test_what_came_in_comes_out(store):
    """Each value of each measurement, sorted by candidate and time."""
    table = light_curve(
        n=4,
        flux=[-5.0, 1e-3, np.nan, 12345.678],
        limit=[np.nan, 20.0, 30.0, 1.0],
        band=["ztfg", "ztfr", "atlaso", "lssty"],
        kind=["suspect", "limit", "limit", "detection"],
        flux_err=[1.0, 2.0, np.nan, 4.0],
    )
    added = ingest(store, make_objects(), table.iloc[::-1])
    assert (added.new_candidates, added.new_measurements, added.refused) == (1, 4, ())
    found = photometry_of(store).astype(table.dtypes)
    pd.testing.assert_frame_equal(found, table)


@pytest.mark.fault("store", "again", "the same alert twice")
def test_the_same_alert_twice_is_one_row(store):
    """A stream delivers at least once."""
    for _ in range(2):
        added = ingest(store, make_objects(), light_curve())
    assert (added.new_candidates, added.new_measurements) == (0, 0)
    assert store.photometry.count() == 3
    assert len(store.candidates(LATE)) == 1


def test_the_same_alert_from_two_brokers_is_one_row(store):
    """The survey's id of a measurement names it; the first broker is its source."""
    table = light_curve(source="", n=4)
    ingest(store, make_objects(), table.iloc[:3], source="fink")
    added = ingest(store, make_objects(), table, source="lasair")
    assert added.new_measurements == 1
    assert store.photometry.count() == 4
    assert set(photometry_of(store)["source"]) == {"fink", "lasair"}
    assert (photometry_of(store)["source"] == "fink").sum() == 3


def test_the_same_alert_twice_in_one_report_is_one_row(store):
    """A broker may repeat a light curve in each of its alerts."""
    table = light_curve()
    twice = pd.concat([table, table.assign(known_at=MJD)], ignore_index=True)
    assert ingest(store, make_objects(), twice).new_measurements == 3
    assert photometry_of(store)["known_at"].tolist() == table["known_at"].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("order", [(5.0, 2.0, 9.0), (2.0, 5.0, 9.0), (9.0, 5.0, 2.0)])
def test_what_two_brokers_told_was_known_when_the_first_told_it(store, order):
    """`known_at` keeps the earliest, whichever report comes first."""
    for known_at in order:
        ingest(store, make_objects(), light_curve(n=1, known_at=known_at))
    assert photometry_of(store)["known_at"].tolist() == [2.0]


def test_other_surveys_may_use_the_same_id(store):
    """An id is unique within its survey only."""
    ingest(store, make_objects(), light_curve(n=1, survey="ztf"))
    ingest(store, make_objects(), light_curve(n=1, survey="lsst"))
    assert store.photometry.count() == 2


def test_wide_ids_keep_their_digits(store):
    """64-bit ids of LSST differ in their last digit only."""
    ids = [170094456272322680, 170094456272322681]
    objects = make_objects([str(number) for number in ids], ra=[10.0, 20.0], survey="lsst")
    table = make_photometry(objects["object_id"].tolist(), MJD, survey="lsst", measurement_id=ids)
    ingest(store, objects, table)
    assert store.candidates(LATE)["candidate_id"].tolist() == [str(number) for number in ids]
    assert photometry_of(store)["measurement_id"].tolist() == [str(number) for number in ids]


def test_two_surveys_of_one_place_are_one_candidate(store):
    """The second survey's object joins, and both ids lead to it."""
    ingest(store, make_objects("ZTF26a", ra=150.0), light_curve("ZTF26a"))
    near = make_objects("1700", ra=150.0 + 1 / 3600, survey="lsst")
    added = ingest(store, near, light_curve("1700", survey="lsst"))
    assert (added.new_candidates, added.new_measurements) == (0, 3)
    assert store.identities.resolve("1700") == store.identities.resolve("ZTF26a") == "ZTF26a"
    assert set(photometry_of(store)["candidate_id"]) == {"ZTF26a"}
    assert store.identities.aliases()["alias"].tolist() == ["1700", "ZTF26a"]


def test_the_merge_radius_decides(store):
    """Beyond it, the same sky holds two candidates."""
    store.ingest(make_report(make_objects("a", dec=0.0)), MJD, merge_radius=5.0)
    store.ingest(make_report(make_objects("b", dec=6 / 3600)), MJD, merge_radius=5.0)
    store.ingest(make_report(make_objects("c", dec=-6 / 3600)), MJD, merge_radius=7.0)
    assert store.candidates(LATE)["candidate_id"].tolist() == ["a", "b"]
    assert store.identities.resolve("c") == "a"


def test_identities_survive_a_restart(url):
    """Aliases, names and candidates are those of the database."""
    with Store(url) as store:
        ingest(store, make_objects("ZTF26a", name="2026abc"), light_curve())
    with Store(url) as store:
        assert store.identities.resolve("2026abc") == "ZTF26a"
        far = make_objects("ZTF26a", ra=10.0)
        assert ingest(store, far, light_curve(n=4)).new_candidates == 0
        assert store.photometry.count() == 4


def test_an_alias_stays_with_its_candidate(store):
    """A name that another broker gives to somebody else does not move."""
    ingest(store, make_objects("a", ra=10.0, name="2026x"))
    ingest(store, make_objects("b", ra=50.0, name="2026x"))
    assert store.identities.resolve("2026x") == "a"
    assert store.identities.resolve("b") == "b"


def test_photometry_may_come_for_an_object_of_an_earlier_report(store):
    """Forced photometry knows an object by any of its names."""
    ingest(store, make_objects("ZTF26a", name="2026abc"))
    added = ingest(store, None, light_curve("2026abc", survey="atlas"), source="atlas")
    assert added.new_measurements == 3
    assert photometry_of(store)["candidate_id"].unique().tolist() == ["ZTF26a"]


def test_right_ascensions_are_brought_into_their_range(store):
    """A broker may count beyond 360 degrees, or below 0."""
    ingest(store, make_objects(["a", "b"], ra=[370.0, -10.0]))
    assert store.candidates(LATE)["ra"].tolist() == [10.0, 350.0]


@pytest.mark.fault("store", "empty", "an object without a place")
@pytest.mark.parametrize(
    ("ra", "dec"), [(np.nan, 0.0), (0.0, np.nan), (np.inf, 0.0), (0.0, 91.0), (0.0, -90.1)]
)
def test_an_object_without_a_place_costs_itself_only(store, ra, dec):
    """It is named in the report; the others are stored."""
    objects = make_objects(["bad", "good"], ra=[ra, 10.0], dec=[dec, 10.0])
    added = ingest(store, objects, light_curve("good"))
    assert added.new_candidates == 1
    assert added.new_measurements == 3
    assert added.refused == ("test: bad has no usable position; it was left out",)


def test_an_object_without_an_id_costs_itself_only(store):
    """An empty id would become the candidate of all others without id."""
    objects = make_objects(["", "good"], ra=[5.0, 10.0])
    added = ingest(store, objects)
    assert store.candidates(LATE)["candidate_id"].tolist() == ["good"]
    assert added.refused == ("test: left out 1 object without object_id",)


@pytest.mark.fault("store", "nan", "a measurement that is not whole")
@pytest.mark.parametrize(
    "broken",
    [
        {"band": ["", "ztfg", "ztfg"]},
        {"band": [None, "ztfg", "ztfg"]},
        {"measurement_id": ["", "b", "c"]},
        {"kind": ["seen", "detection", "detection"]},
        {"survey": ["", "ztf", "ztf"]},
        {"mjd": [np.nan, MJD, MJD + 1]},
        {"known_at": [np.inf, MJD, MJD]},
    ],
)
def test_a_measurement_that_is_not_whole_costs_itself_only(store, broken):
    """One bad row must not hold up the source for ever."""
    table = light_curve().assign(**broken)
    added = ingest(store, make_objects(), table)
    assert added.new_measurements == 2
    assert added.refused == (
        "test: left out 1 measurement without mjd, known_at, band, kind, survey or measurement_id",
    )


def test_measurements_of_strangers_are_left_out_and_counted(store):
    """Nothing is dropped in silence."""
    table = pd.concat([light_curve("nobody"), light_curve()], ignore_index=True)
    added = ingest(store, make_objects(), table)
    assert added.new_measurements == 3
    assert added.refused == ("test: left out 3 measurements of objects that are not known",)


@pytest.mark.slow
@settings(max_examples=10)
@given(
    alerts=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["ztf", "lsst"]),
            st.integers(0, 4),
            st.integers(0, 9),
        ),
        min_size=1,
        max_size=20,
    ),
    cuts=st.lists(st.integers(0, 20), max_size=4),
)
def test_any_order_and_cut_of_alerts_gives_the_same_rows(alerts, cuts):
    """One row per (candidate, survey, measurement), known as early as any report said."""
    place = {"a": 10.0, "b": 20.0, "c": 30.0}
    expected: dict[tuple[str, str, str], float] = {}
    for name, survey, number, known in alerts:
        key = (name, survey, str(number))
        expected[key] = min(expected.get(key, np.inf), MJD + known)
    with Store("sqlite://") as store:
        bounds = sorted({0, len(alerts), *(min(c, len(alerts)) for c in cuts)})
        for start, stop in itertools.pairwise(bounds):
            names, surveys, numbers, known = zip(*alerts[start:stop], strict=True)
            ingest(
                store,
                make_objects(list(names), ra=[place[n] for n in names]),
                make_photometry(
                    list(names),
                    MJD + np.array(numbers),
                    survey=list(surveys),
                    measurement_id=[str(n) for n in numbers],
                    known_at=MJD + np.array(known),
                ),
            )
        found = photometry_of(store)
    keys = zip(found["candidate_id"], found["survey"], found["measurement_id"], strict=True)
    assert dict(zip(keys, found["known_at"], strict=True)) == expected
    assert len(found) == len(expected)


def test_three_objects_in_a_row_are_one_candidate(store):
    """Each is near the next: whether they come in one report or in three."""
    for when, offset in enumerate((0.0, 3.0, 6.0)):
        rows = make_objects(f"x{offset:g}", dec=offset / 3600.0)
        store.ingest(make_report(rows), MJD + when, merge_radius=5.0)
    assert store.candidates(MJD + 9.0)["candidate_id"].tolist() == ["x0"]
    assert {store.identities.resolve(f"x{offset}") for offset in (0, 3, 6)} == {"x0"}
