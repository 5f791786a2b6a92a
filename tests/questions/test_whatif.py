"""`aas2rto.questions.whatif`: other settings, the same state, without the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.time import Time

from aas2rto.questions.whatif import compare
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
