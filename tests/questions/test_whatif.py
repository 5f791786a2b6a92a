"""`aas2rto.questions.whatif`: other settings, the same state, without the command line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.outputs.ahead import NO, TAKE, WAIT, Ahead
from aas2rto.questions.whatif import compare, waits
from aas2rto.steps.cycle import Parts
from aas2rto.store import Store
from tests.conftest import CASE, NIGHT, make_case, make_light_curve

NOW = Time(NIGHT, format="mjd", scale="utc")


@pytest.fixture
def parts(tmp_path: Path, store: Store) -> Parts:
    store.ingest(make_light_curve("bright", [18.5, 18.0, 17.5, 17.0]), NIGHT)
    store.ingest(make_light_curve("fainter", [19.0, 18.6, 18.4, 18.2], ra=165.0, dec=-5.0), NIGHT)
    return make_case(tmp_path)


def other(tmp_path: Path, old: str, new: str) -> Parts:
    assert old in CASE
    folder = tmp_path / "other"
    folder.mkdir()
    return make_case(folder, CASE.replace(old, new))


@pytest.mark.slow
def test_the_same_case_changes_nothing(parts: Parts, store: Store) -> None:
    told = compare(parts, parts, store, NOW)
    for changes in told["lists"].values():
        assert changes["before"] == changes["after"]
        assert [changes[key] for key in ("enters", "leaves", "moves")] == [[], [], []]


@pytest.mark.slow
def test_a_tighter_limit_says_who_leaves_and_why(
    parts: Parts, store: Store, tmp_path: Path
) -> None:
    tight = other(tmp_path, "faint_limit: 19 mag", "faint_limit: 18 mag")
    science = compare(parts, tight, store, NOW)["lists"]["science"]
    (left,) = science["leaves"]
    assert left["candidate_id"] == "fainter"
    assert left["rank"] == 2
    assert "18.2" in left["reason"]


@pytest.mark.slow
def test_a_closed_site_has_no_list(parts: Parts, store: Store) -> None:
    lists = compare(parts, parts, store, NOW, close=[("la_palma_not", "")])["lists"]
    assert lists["la_palma_not"]["before"] == 2
    assert lists["la_palma_not"]["after"] == 0
    assert lists["science"]["after"] == 2


def ahead(**rows: tuple[str, str]) -> Ahead:
    table = pd.DataFrame(
        [(name, do, night, f"worth it on {night}") for name, (do, night) in rows.items()],
        columns=["candidate_id", "do", "best_night", "reason"],
    )
    return Ahead("here", ("2026-03-20", "2026-03-21", "2026-03-22"), table)


def test_it_says_who_waits_and_whose_night_is_another() -> None:
    """Who came to wait, who does not any more and what becomes of him, and other nights."""
    before = ahead(
        still=(WAIT, "2026-03-21"),
        freed=(WAIT, "2026-03-22"),
        gone=(WAIT, "2026-03-22"),
        held=(TAKE, "2026-03-20"),
    )
    after = ahead(
        still=(WAIT, "2026-03-22"),
        freed=(TAKE, "2026-03-20"),
        held=(WAIT, "2026-03-21"),
        new=(WAIT, "2026-03-21"),
    )
    told = waits(before, after)
    assert [(one["candidate_id"], one["best_night"]) for one in told["waits"]] == [
        ("held", "2026-03-21"),
        ("new", "2026-03-21"),
    ]
    assert told["waits"][0]["reason"] == "worth it on 2026-03-21"
    no_longer = {one["candidate_id"]: one["now"] for one in told["waits_no_longer"]}
    assert no_longer == {"freed": TAKE, "gone": NO}
    moved = {one["candidate_id"]: (one["from"], one["to"]) for one in told["best_night"]}
    assert moved == {
        "still": ("2026-03-21", "2026-03-22"),
        "freed": ("2026-03-22", "2026-03-20"),
        "held": ("2026-03-20", "2026-03-21"),
    }


def test_where_nothing_looks_ahead_it_says_nothing_of_nights() -> None:
    assert waits(None, None) == {}
    turned_off = waits(ahead(one=(WAIT, "2026-03-21")), None)
    assert [one["candidate_id"] for one in turned_off["waits_no_longer"]] == ["one"]
    assert turned_off["waits"] == turned_off["best_night"] == []
