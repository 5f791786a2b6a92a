"""The loop over past nights: as it would have been live, without future, killed or not."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.config.load import load
from aas2rto.errors import InputError, UsageError
from aas2rto.replay import tables
from aas2rto.replay.drive import Course, replay
from aas2rto.replay.execute import Capacity, Weather
from aas2rto.replay.feed import Feed, Told, read
from aas2rto.steps.build import build
from aas2rto.steps.cycle import Parts
from aas2rto.tables import photometry
from aas2rto.tables.report import PollRequest
from tests.replay.nights import FIRST, season, write_project

pytestmark = pytest.mark.slow

NIGHTS = 8
COURSE = Course(
    FIRST,
    FIRST + NIGHTS - 1,
    capacity={"la_palma_not": Capacity(spectra=1)},
    weather=Weather(2, 0.75),
    keep_lists=True,
)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Return a science case that reads `season`; its fits are compiled once."""
    folder = write_project(tmp_path_factory.mktemp("season"))
    made = build(load(folder / "small.yaml"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def feed(parts: Parts) -> Feed:
    return read(parts, COURSE.first, COURSE.last)


@pytest.fixture(scope="module")
def whole(parts: Parts, feed: Feed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an undisturbed replay."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert replay(parts, feed, COURSE, folder)
    return folder


def frames(folder: Path) -> dict[str, pd.DataFrame]:
    """Read all tables; what a cycle took is left out."""
    found = {name: pd.read_parquet(folder / f"{name}.parquet") for name in tables.TABLES}
    found["nights"] = found["nights"].drop(columns="seconds")
    return found


def assert_same(one: Mapping[str, pd.DataFrame], other: Mapping[str, pd.DataFrame]) -> None:
    for name in tables.TABLES:
        pd.testing.assert_frame_equal(one[name], other[name], obj=name)


def lists(folder: Path, *, until: int = NIGHTS) -> dict[str, bytes]:
    """Read the lists of the first nights."""
    nights = sorted((folder / "nights").iterdir())[:until]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for night in nights
        for path in sorted(night.rglob("*.csv"))
    }


def test_the_tables_tell_what_happened(whole: Path) -> None:
    """Numbers that the tables share agree, and somebody was ranked, fitted and observed."""
    found = frames(whole)
    nights, ranks, plans = found["nights"], found["ranks"], found["plans"]
    assert nights["night"].tolist() == list(range(NIGHTS))
    np.testing.assert_allclose(nights["at"], COURSE.times())
    funnel = nights[["ranked", "excluded", "rejected"]].sum(axis=1)
    assert (funnel == nights["candidates"]).all()
    science = ranks[ranks["observatory"] == "science"].groupby("night").size()
    assert science.reindex(nights["night"], fill_value=0).tolist() == nights["ranked"].tolist()
    assert nights["new_candidates"].sum() == len(found["objects"]) == nights["candidates"].max()
    assert len(found["scores"]) == nights["ranked"].sum()
    assert (found["fits"]["status"] == "ok").any()
    sites = found["site_nights"]
    assert (sites["observed"] == np.where(sites["clear"], sites["planned"], 0)).all()
    assert (plans["state"] == "observed").sum() == sites["observed"].sum() > 0
    assert sites["planned"].max() == 1
    # Who was observed is in no later list.
    for one in plans[plans["state"] == "observed"].itertuples():
        later = ranks[(ranks["candidate_id"] == one.candidate_id) & (ranks["at"] > one.end)]
        assert later.empty


def test_decisions_are_told_when_they_change(whole: Path) -> None:
    """Row by row they lead to the funnel of each night."""
    found = frames(whole)
    decisions = found["decisions"]
    assert not decisions.duplicated(["candidate_id", "night"]).any()
    for night in found["nights"].itertuples():
        known = decisions[decisions["night"] <= night.night]
        now = known.drop_duplicates("candidate_id", keep="last")["decision"].value_counts()
        assert now.get("keep", 0) == night.ranked
        assert now.get("exclude", 0) == night.excluded


@pytest.mark.parametrize("stop_at", [1, 3, NIGHTS - 1])
def test_what_was_stopped_goes_on_as_if_it_had_not(
    parts: Parts, feed: Feed, whole: Path, tmp_path: Path, stop_at: int
) -> None:
    done = []
    folder = tmp_path / "run"
    count: dict[str, Any] = {
        "on_night": lambda n, *_: done.append(n),
        "stopping": lambda: len(done) == stop_at,
    }
    assert not replay(parts, feed, COURSE, folder, **count)
    assert replay(parts, feed, COURSE, folder, on_night=count["on_night"])
    assert done == list(range(1, NIGHTS + 1))
    assert_same(frames(folder), frames(whole))
    assert lists(folder) == lists(whole)
    # A third call has nothing to do.
    assert replay(parts, feed, COURSE, folder, on_night=count["on_night"])
    assert len(done) == NIGHTS


def test_another_replay_in_the_same_folder_is_refused(
    parts: Parts, feed: Feed, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    other = Course(FIRST, FIRST + 2)
    with pytest.raises(UsageError, match=r"another replay .*capacity.*--anew"):
        replay(parts, feed, other, folder)
    assert replay(parts, feed, other, folder, anew=True)
    assert len(pd.read_parquet(folder / "nights.parquet")) == 3
    strange = tmp_path / "mine"
    strange.mkdir()
    (strange / "thesis.tex").touch()
    with pytest.raises(UsageError, match="something else"):
        replay(parts, feed, other, strange, anew=True)
    assert (strange / "thesis.tex").exists()


def test_an_archive_of_nobody_is_refused(parts: Parts) -> None:
    with pytest.raises(InputError, match="nothing to replay"):
        read(parts, 50000.0, 50001.0)


# -- no future -----------------------------------------------------------------------------------


def report_of(table: pd.DataFrame, folder: Path) -> Any:
    """Return what the archive says of a table at the end."""
    case = load(write_project(folder, table) / "small.yaml")
    source = build(case).pollers[0].source
    return source.poll(PollRequest(COURSE.last))


@pytest.mark.proof
@settings(max_examples=12)
@given(
    seed=st.integers(0, 1000),
    cut=st.integers(0, NIGHTS - 1),
    late=st.lists(st.tuples(st.integers(0, 300), st.floats(0.5, 6)), max_size=20),
    reprocessed=st.lists(
        st.tuples(st.integers(0, 300), st.floats(0.5, 6), st.floats(0.3, 3)), max_size=20
    ),
    words=st.lists(
        st.tuples(
            st.integers(0, 7),
            st.floats(0, NIGHTS),
            st.sampled_from(["redshift", "spectral_type", "name"]),
        ),
        max_size=8,
    ),
)
def test_what_became_known_later_changes_no_list(parts, seed, cut, late, reprocessed, words):
    """Cut everything after a night: the lists of that night and all before are the same bytes.

    Late forced photometry, points that are measured anew (the same measurement with another flux),
    redshifts, types and names are known at times of their own.
    """
    with tempfile.TemporaryDirectory() as place:
        report = report_of(season(seed=seed), Path(place))
        points = report.photometry.copy()
        for row, days in late:
            at = row % len(points)
            points.loc[at, "known_at"] += days
        points = pd.concat([points, *_measured_anew(points, reprocessed)], ignore_index=True)
        values = {"redshift": 0.05, "spectral_type": "SN II", "name": "SN 2026abc"}
        facts = pd.DataFrame(
            [(f"SN{one}", key, values[key], FIRST + day, "") for one, day, key in words],
            columns=["object_id", "key", "value", "known_at", "origin"],
        ).astype({"value": object})
        facts = facts[facts["object_id"].isin(report.objects["object_id"])]
        until = FIRST + cut
        found = []
        for is_cut in (False, True):
            kept = points[points["known_at"] <= until] if is_cut else points
            told = facts[facts["known_at"] <= until] if is_cut else facts
            objects = report.objects
            if is_cut:
                objects = objects[objects["known_at"] <= until]
            feed = Feed((Told([_with(report, objects, kept, told)]),))
            folder = Path(place) / f"run{is_cut}"
            assert replay(parts, feed, COURSE, folder)
            found.append(lists(folder, until=cut + 1))
        assert found[0] == found[1]
        assert found[0]


def _measured_anew(points: Any, reprocessed: list[tuple[int, float, float]]) -> Iterator[Any]:
    for row, days, factor in reprocessed:
        again = points.iloc[[row % len(points)]].copy()
        again["known_at"] += days
        again["flux"] *= factor
        yield again


def _with(report: Any, objects: Any, points: Any, facts: Any) -> Any:
    from dataclasses import replace

    return replace(
        report,
        objects=objects.reset_index(drop=True),
        photometry=photometry.conform(points.reset_index(drop=True)),
        facts=facts.reset_index(drop=True),
    )


def test_what_one_run_fitted_the_next_need_not(parts: Parts, feed: Feed, tmp_path: Path) -> None:
    """Of two runs with the same models the second fits nothing, and comes out the same."""
    from aas2rto.steps.fit_memory import SharedFits

    shared, asked = SharedFits(), []
    course = Course(FIRST, FIRST + 3)
    model = parts.models[0]

    class Counting:
        def fit(self, photometry: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
            asked.append(len(candidates))
            return model.model.fit(photometry, candidates)

    from dataclasses import replace

    counted = replace(parts, models=(replace(model, model=Counting()),))
    for name in ("one", "other"):
        before = sum(asked)
        assert replay(counted, feed, course, tmp_path / name, shared=shared)
        assert (sum(asked) > before) == (name == "one")
    assert_same(frames(tmp_path / "one"), frames(tmp_path / "other"))


@pytest.mark.proof
def test_marks_and_targets_of_a_loop_count_from_their_time_on(
    parts: Parts, feed: Feed, tmp_path: Path
) -> None:
    """A loop's store with a veto and a target of day 3, and without: the nights before agree."""
    from astropy.time import Time

    from aas2rto.store import Store
    from aas2rto.tables import marks
    from tests.conftest import make_objects, make_report

    lists_of = {}
    for told in (False, True):
        path = tmp_path / f"loop{told}.sqlite"
        with Store(f"sqlite:///{path}") as store:
            for poller in feed.pollers():
                store.ingest(poller.source.poll(PollRequest(COURSE.last)), COURSE.last)
            if told:
                when = Time(FIRST + 2.5, format="mjd")
                store.marks.save(marks.rows("SN0", marks.Kind.VETO, when))
                target = make_objects(
                    "SN-ToO",
                    ra=170.0,
                    dec=5.0,
                    survey="too",
                    known_at=FIRST + 2.5,
                    magnitude=17.0,
                    too=True,
                    base_score=1000.0,
                )
                store.ingest(make_report(target, source="too"), FIRST + 2.5)
        run = tmp_path / f"run{told}"
        course = Course(FIRST, FIRST + 5, keep_lists=True)
        assert replay(parts, Feed(store=path), course, run)
        lists_of[told] = lists(run, until=6)
    nights = sorted({Path(name).parts[1] for name in lists_of[True]})
    for number, night in enumerate(nights):
        one, other = (
            {name: text for name, text in lists_of[told].items() if night in name}
            for told in (False, True)
        )
        assert (one == other) == (number < 3), night
        joined = b"".join(other.values())
        assert (b"SN-ToO" in joined) == (number >= 3)
