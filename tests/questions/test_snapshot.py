"""The best of each day: who is drawn, who stays, and that it is the same whenever it is asked."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.errors import UsageError
from aas2rto.loop import run_cycle
from aas2rto.questions.snapshot import (
    date,
    day_of,
    days_of,
    draw,
    file_of,
    snapshot,
    with_written,
)
from aas2rto.questions.summary import Summary
from aas2rto.steps.cycle import Parts
from aas2rto.store import Store
from tests.conftest import make_case, make_facts, make_objects, make_report

DAY = 61366
CASE = """\
project: anomalies
score:
  combine: sum
  keep_from: 40
  factors: [anomaly_score: {points: 100}]
observatories: [la_palma_not]
snapshot: {size: 6}
"""


def best(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Rows of (day, name, score), with a time in the middle of the day, and newest if given."""
    found = [(DAY + d, name, DAY + d + 0.5, s, *(more or (0.0,))) for d, name, s, *more in rows]
    columns = ["day", "candidate_id", "at", "score", "newest"]
    return pd.DataFrame(found, columns=columns).astype({"score": float, "newest": float})


def names(rows: pd.DataFrame, day: int, size: int = 6) -> list[str]:
    found = draw(rows, DAY + day, size)
    return [] if found is None else found.rows["candidate_id"].tolist()


def test_the_six_best_of_a_day_are_drawn_best_first():
    rows = best(*((0, f"c{k}", 40 + k) for k in range(9)))
    assert names(rows, 0) == ["c8", "c7", "c6", "c5", "c4", "c3"]


def test_ties_go_to_the_newer_alert_then_to_the_alphabet():
    rows = best((0, "c", 50, 1.0), (0, "a", 50, 2.0), (0, "b", 50, 2.0), (0, "d", 50, -np.inf))
    assert names(rows, 0) == ["a", "b", "c", "d"]


def test_a_day_that_brings_nobody_keeps_what_was_drawn_before():
    rows = best((0, "a", 50), (0, "b", 60))
    found = draw(rows, DAY + 3, 6)
    assert (found.day, found.of, found.rows["candidate_id"].tolist()) == (
        DAY + 3,
        DAY,
        ["b", "a"],
    )


def test_a_day_that_brings_a_few_shows_these_alone():
    assert names(best(*((0, f"c{k}", 50) for k in range(6)), (1, "x", 41)), 1) == ["x"]


def test_who_was_drawn_comes_again_only_with_a_higher_score():
    rows = best((0, "a", 50), (1, "a", 50), (2, "a", 50.1), (3, "a", 49), (4, "a", 50.1))
    assert [names(rows, d) for d in range(5)] == [["a"]] * 5
    assert [draw(rows, DAY + d, 6).of - DAY for d in range(5)] == [0, 0, 2, 2, 2]
    assert [day - DAY for day in days_of(rows)] == [2, 0]


def test_nothing_is_drawn_before_anything_was_scored():
    assert draw(best((1, "a", 50)), DAY, 6) is None
    assert draw(best(), DAY, 6) is None
    assert days_of(best()) == []


history = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from("abcdefgh"), st.integers(40, 45)), max_size=30
)


@given(history, st.integers(0, 6), st.integers(1, 4))
def test_what_is_drawn_follows_from_the_rows_alone(rows, day, size):
    """Whatever their order; and a later day changes nothing of an earlier one."""
    table = best(*rows)
    mixed = table.sample(frac=1, random_state=random.Random(1).randrange(100))
    found = names(table, day, size)
    assert found == names(mixed, day, size) == names(table[table["day"] <= DAY + day], day, size)
    assert len(found) <= size
    drawn = draw(table, DAY + day, size)
    if drawn is None:
        return
    before = table[table["day"] < drawn.of]
    for name, score in zip(drawn.rows["candidate_id"], drawn.rows["score"], strict=True):
        assert not (before.loc[before["candidate_id"] == name, "score"] >= score).any()
    assert drawn.of in days_of(table)


# -- through the loop ------------------------------------------------------------------------------


def say(store: Store, day: float, **scores: float | None) -> None:
    at = DAY + day
    places = make_objects(list(scores), ra=[ord(name) % 97 * 3.0 for name in scores], known_at=at)
    facts = [
        make_facts(name, known_at=at, antares_anomaly_score=score) for name, score in scores.items()
    ]
    store.ingest(make_report(places, facts=pd.concat(facts)), at)


def run(parts: Parts, store: Store, *days: float) -> None:
    for day in days:
        now = Time(DAY + day, format="mjd", scale="utc")
        run_cycle(parts, store, now, inform=lambda _: None)


def shown(parts: Parts, store: Store, day: int, now: float = 9.0) -> list[tuple[str, float]]:
    moment = Time(DAY + now, format="mjd", scale="utc")
    found = snapshot(parts, store, moment, DAY + day)
    return [(one["candidate_id"], one["score"]) for one in found["candidates"]]


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return make_case(tmp_path, CASE)


def test_days_through_the_loop(parts: Parts, store: Store):
    """New ones, an empty day, a small rise that the history of scores would not keep."""
    say(store, 0.1, a=0.5, b=0.6, c=0.3)
    run(parts, store, 0.2, 0.4)
    run(parts, store, 1.2)
    say(store, 2.1, a=0.51)
    run(parts, store, 2.2)
    assert shown(parts, store, 0) == [("b", 60.0), ("a", 50.0)]
    assert shown(parts, store, 1) == [("b", 60.0), ("a", 50.0)]
    assert shown(parts, store, 2) == [("a", 51.0)]
    assert shown(parts, store, 2, now=2.19) == [("b", 60.0), ("a", 50.0)], "as known before"
    assert shown(parts, store, -1) == []


def test_a_day_that_is_replayed_gives_the_same(parts: Parts, store: Store, tmp_path: Path):
    """From the same facts, in another store, whose cycles come in another order."""
    for keeper in (store, other := Store(f"sqlite:///{tmp_path}/other.sqlite")):
        say(keeper, 0.1, a=0.5, b=0.6, c=0.45)
        say(keeper, 1.1, c=0.8, d=0.7)
    run(parts, store, 0.2, 0.6, 1.2, 1.5)
    run(parts, other, 1.5, 0.6, 0.2, 1.2, 1.2)
    moment = Time(DAY + 2.0, format="mjd", scale="utc")
    for day in (0, 1, 2):
        one, two = (snapshot(parts, s, moment, DAY + day) for s in (store, other))
        assert [(x["candidate_id"], x["score"]) for x in one["candidates"]] == [
            (x["candidate_id"], x["score"]) for x in two["candidates"]
        ]
    assert shown(parts, store, 1) == [("c", 80.0), ("d", 70.0)]
    other.close()


def test_everything_is_told_as_it_was_known_when_it_was_scored(parts: Parts, store: Store):
    say(store, 0.1, a=0.5)
    run(parts, store, 0.2)
    say(store, 0.5, a=0.9)
    now = Time(DAY + 0.6, format="mjd", scale="utc")
    (card,) = snapshot(parts, store, now)["candidates"]
    assert (card["score"], card["at"]) == (50.0, "2026-11-22T04:48")
    assert card["facts"]["anomaly_score"] == "0.5 of 1"
    assert "It scores 50: anomaly_score +50." in card["summary"]


def test_a_config_without_snapshots_says_what_to_add(tmp_path: Path, store: Store):
    parts = make_case(tmp_path, CASE.replace("snapshot: {size: 6}\n", ""))
    say(store, 0.1, a=0.5)
    run(parts, store, 0.2)
    assert store.daily_best.as_known(DAY + 1.0).empty
    with pytest.raises(UsageError, match=r"asks for no snapshots; add `snapshot: \{size: 6\}`"):
        snapshot(parts, store, Time(DAY, format="mjd"))


def test_what_a_program_wrote_stands_as_long_as_the_facts_do(
    parts: Parts, store: Store, tmp_path: Path
):
    """Read from the file, marked and harmless; another's facts, or none, leave our sentences."""
    say(store, 0.1, a=0.5)
    run(parts, store, 0.2)
    now = Time(DAY + 0.6, format="mjd", scale="utc")
    theirs = snapshot(parts, store, now, write=lambda _: Summary("so \x1b[2J odd", "llm"))
    ours = snapshot(parts, store, now)
    assert with_written(ours, tmp_path) == ours
    path = file_of(tmp_path, theirs)
    path.parent.mkdir()
    path.write_text(json.dumps(theirs))
    (card,) = with_written(ours, tmp_path)["candidates"]
    assert (card["summary"], card["summary_by"]) == ("so [2J odd", "llm")
    say(store, 0.7, a=0.8)
    run(parts, store, 0.8)
    later = snapshot(parts, store, Time(DAY + 0.9, format="mjd", scale="utc"))
    assert with_written(later, tmp_path) == later


def test_dates_are_read_and_written():
    assert date(day_of("2026-11-22")) == "2026-11-22"
    with pytest.raises(UsageError, match="is no date; write it as 2026-11-22"):
        day_of("yesterday")
