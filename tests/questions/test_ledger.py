"""The ledger: what became of what was recommended, from ranks, marks and facts alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.models.fit_table import OK, Fit, fit_table
from aas2rto.questions.ledger import Ledger, ledger, visits_of
from aas2rto.questions.ledger_files import as_csv, as_dictionary
from aas2rto.questions.ledger_sums import rate, sums
from aas2rto.replay.truth import load_truth
from aas2rto.steps.cycle import Parts
from aas2rto.store import Store
from aas2rto.tables import marks
from tests.conftest import NIGHT, make_case, make_facts, make_light_curve

CASE = """\
project: small
models:
  salt: {min_detections: 5}
score:
  factors:
    - detections: {min: 1}
observatories: [la_palma_not, la_silla_dk154]
visibility: {factor: altitude_integral, min_altitude: 30 deg}
"""
NAMES = ("a", "b", "c", "d")
DAY = 1.0


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return make_case(tmp_path, CASE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Hold four candidates with peaks an hour after midnight, of which one is classified."""
    with Store(f"sqlite:///{tmp_path}/store.sqlite") as opened:
        for step, name in enumerate(NAMES):
            report = make_light_curve(name, [18.5, 18.0, 17.5, 17.0], ra=150.0 + step)
            opened.ingest(report, NIGHT - 0.4)
        say(opened, "a", NIGHT + 3.0, spectral_type="SN Ia", redshift=0.03)
        say(opened, "b", NIGHT + 4.0, spectral_type="SN II")
        fits = [Fit(OK, "", t_peak=NIGHT + 1.0, t_peak_err=0.5, chisq=8.0, ndof=4.0)] * 3
        opened.fits.save(
            "salt", fit_table(pd.Index(NAMES[:3]).to_numpy(object), fits).assign(digest="x")
        )
        yield opened


def say(store: Store, name: str, at: float, **facts: object) -> None:
    report = make_light_curve(name, [17.0], ra=150.0 + NAMES.index(name), last=NIGHT - 0.5)
    report = replace(report, facts=make_facts(name, known_at=at, **facts))
    store.ingest(report, at)


def cycle(store: Store, at: float, config: str, lists: Mapping[str, Sequence[str]]) -> None:
    """Store a cycle that ranked some."""
    rows = [
        {"candidate_id": name, "observatory": site, "rank": rank, "site_score": 1.0 / rank}
        for site, names in lists.items()
        for rank, name in enumerate(names, start=1)
    ]
    scores = pd.DataFrame({"candidate_id": NAMES, "score": 1.0, "decision": "keep", "factor": ""})
    none = pd.DataFrame(columns=["candidate_id", "factor", "reason", "row"])
    ranks = pd.DataFrame(rows, columns=["candidate_id", "observatory", "rank", "site_score"])
    report = {"version": "1", "config": config}
    store.save_cycle(at, scores=scores, rejected=none, ranks=ranks, report=report)


def mark(
    store: Store, name: str, kind: str, at: float, where: str = "", *, back: bool = False
) -> None:
    when = Time(at, format="mjd", scale="utc")
    ends = marks.ending(["now"], when) if back else marks.Ending()
    store.marks.save(
        marks.rows(name, marks.Kind(kind), when, ends=ends, observatories=[where] if where else [])
    )


def found(parts: Parts, store: Store, at: float = NIGHT + 10, **options: object) -> Ledger:
    return ledger(parts, store, Time(at, format="mjd", scale="utc"), **options)  # type: ignore[arg-type]


def test_each_step_has_its_time(parts: Parts, store: Store) -> None:
    """Recommended by the list, requested by a pin, observed by a mark, classified by a fact."""
    cycle(store, NIGHT, "one", {"la_palma_not": ["b", "a"], "la_silla_dk154": ["a", "b"]})
    mark(store, "a", "pin", NIGHT + 0.1)
    mark(store, "a", "observed", NIGHT + 1.2, "la_palma_not")
    told = found(parts, store)
    row = told.table.set_index("candidate_id").loc["a"]
    assert (row["recommended_mjd"], row["best_rank"], row["observatory"]) == (
        NIGHT,
        1,
        "la_silla_dk154",
    )
    assert (row["requested_mjd"], row["requested_by"]) == (NIGHT + 0.1, "pin")
    assert (row["observed_mjd"], row["observed_at"]) == (NIGHT + 1.2, "la_palma_not")
    assert (row["classified_mjd"], row["type"], row["redshift"]) == (NIGHT + 3.0, "SN Ia", 0.03)
    assert row["phase"] == pytest.approx(0.2)
    assert row["hit"]
    assert not told.table.set_index("candidate_id").loc["b", "hit"]


def test_nothing_of_the_future_is_told(parts: Parts, store: Store) -> None:
    """As it was known: neither the type of three days later nor the visit."""
    cycle(store, NIGHT, "one", {"la_palma_not": ["a"]})
    mark(store, "a", "observed", NIGHT + 1.2)
    cycle(store, NIGHT + 2, "two", {"la_palma_not": ["b", "a"]})
    told = found(parts, store, NIGHT + 0.5)
    assert told.table["candidate_id"].tolist() == ["a"]
    assert told.visits.empty
    assert told.table["type"].tolist() == [""]
    assert math.isnan(told.table["classified_mjd"].iloc[0])


def test_each_version_of_the_config_has_its_own_rows(parts: Parts, store: Store) -> None:
    """Who stays at the top under the next config is recommended by it, too."""
    cycle(store, NIGHT, "one", {"la_palma_not": ["a", "b"]})
    cycle(store, NIGHT + 1, "two", {"la_palma_not": ["a", "c"]})
    mark(store, "b", "observed", NIGHT + 1.5)
    told = found(parts, store)
    rows = {(r["candidate_id"], r["config"]): r for r in told.table.to_dict("records")}
    assert set(rows) == {("a", "one"), ("b", "one"), ("a", "two"), ("c", "two")}
    assert rows["a", "two"]["recommended_mjd"] == NIGHT + 1
    assert rows["a", "one"]["last_recommended_mjd"] == NIGHT + 1
    assert rows["b", "one"]["visits"] == 1, "it was the first config that recommended it"
    by = {row["config"]: row for row in sums(told)["by_config"]}
    assert (by["one"]["recommended"], by["one"]["observed"], by["two"]["observed"]) == (2, 1, 0)


@pytest.mark.parametrize(("top", "names"), [(1, {"a", "c"}), (2, {"a", "b", "c"})])
def test_only_the_first_places_recommend(
    parts: Parts, store: Store, top: int, names: set[str]
) -> None:
    """Who enters the first places later is recommended from then on."""
    cycle(store, NIGHT, "one", {"la_palma_not": ["a", "b", "c"]})
    cycle(store, NIGHT + 1, "one", {"la_palma_not": ["c", "b", "a"]})
    table = found(parts, store, top=top).table.set_index("candidate_id")
    assert set(table.index) == names
    assert table.loc["c", "recommended_mjd"] == NIGHT + 1


def test_what_was_taken_back_was_no_visit(parts: Parts, store: Store) -> None:
    """Undo voids what was said before; what came to nothing voids ``observed`` of that site."""
    cycle(store, NIGHT, "one", {"la_palma_not": ["a", "b", "c", "d"]})
    mark(store, "a", "observed", NIGHT + 1.0)
    mark(store, "a", "observed", NIGHT + 1.1, back=True)
    mark(store, "b", "observed", NIGHT + 1.0, "la_palma_not")
    mark(store, "b", "clouded", NIGHT + 1.1, "la_palma_not")
    mark(store, "c", "observed", NIGHT + 1.0, "la_silla_dk154")
    mark(store, "c", "failed", NIGHT + 1.1, "la_palma_not")
    mark(store, "d", "observed", NIGHT + 1.0)
    mark(store, "d", "observed", NIGHT + 4.0)
    told = found(parts, store)
    table = told.table.set_index("candidate_id")
    assert table["visits"].to_dict() == {"a": 0, "b": 0, "c": 1, "d": 2}
    assert table["lost_visits"].to_dict() == {"a": 0, "b": 1, "c": 1, "d": 0}
    nights = {row["night_mjd"]: row["observed"] for row in sums(told)["by_night"]}
    assert sum(nights.values()) == 3


def test_a_rate_counts_what_can_be_judged(parts: Parts, store: Store) -> None:
    """Of four visits one has no peak, one no type: one hit of two, with its interval."""
    cycle(store, NIGHT, "one", {"la_palma_not": list(NAMES)})
    for name in NAMES:
        mark(store, name, "observed", NIGHT + 1.5)
    (row,) = sums(found(parts, store))["by_config"]
    assert (row["visits"], row["judged"], row["hits"], row["rate"]) == (4, 2, 1, 0.5)
    assert row["rate_low"] < 0.5 < row["rate_high"]
    (row,) = sums(found(parts, store, classes=("SN II",), within=0.6))["by_config"]
    assert row["hits"] == 1, "of type II, it is b"


def test_its_file_is_a_truth_table(parts: Parts, store: Store, tmp_path: Path) -> None:
    """`replay --truth` reads it: type, peak, redshift and place of each candidate."""
    cycle(store, NIGHT, "one", {"la_palma_not": ["a", "b"]})
    cycle(store, NIGHT + 1, "two", {"la_palma_not": ["a"]})
    told = found(parts, store)
    (tmp_path / "ledger.csv").write_text(as_csv(told, "small"))
    objects = pd.DataFrame({"candidate_id": NAMES, "aliases": NAMES})
    truth = load_truth(tmp_path / "ledger.csv", objects)
    row = truth.table.set_index("candidate_id").loc["a"]
    assert (row["type"], row["redshift"]) == ("SN Ia", 0.03)
    assert row["peak_mjd"] == pytest.approx(NIGHT + 1.0, abs=6e-4)
    assert row["peak_mag"] == pytest.approx(17.0, abs=0.05)
    assert truth.table["candidate_id"].tolist() == ["a", "b"]
    assert as_dictionary(told, "small")["rows"][0]["candidate_id"] == "a"


def test_an_empty_store_has_an_empty_ledger(parts: Parts, tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/empty.sqlite") as store:
        told = found(parts, store)
    assert told.table.empty
    assert sums(told)["by_config"] == []


KINDS = st.sampled_from([*marks.VISITS])
SITES = st.sampled_from(["", "la_palma_not", "la_silla_dk154"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(KINDS, SITES, st.booleans()), max_size=8))
def test_the_last_word_of_marks_is_the_ledgers(told: list[tuple[marks.Kind, str, bool]]) -> None:
    """An ``observed`` that stands for the lists is a visit here, and none that does not last is."""
    rows = []
    for number, (kind, where, back) in enumerate(told):
        at = NIGHT + number
        one = {"candidate_id": "a", "kind": kind.value, "at": at, "until": at if back else math.nan}
        rest = {"until_mag": math.nan, "until_new_data": False, "observatory": where}
        rows.append({**one, **rest, "author": "", "comment": ""})
    names = ["candidate_id", "kind", "at", "until", "until_mag", "until_new_data", "observatory"]
    said = pd.DataFrame(rows, columns=[*names, "author", "comment"])
    standing = marks.standing(said, pd.DataFrame(columns=["candidate_id"]), NIGHT + 99)
    seen = visits_of(said, [])
    observed = standing[standing["active"] & (standing["kind"] == marks.Kind.OBSERVED)]
    assert set(observed["at"]) <= set(seen.loc[seen["state"] == "observed", "mjd"])
    backs = [NIGHT + n for n, (_, _, back) in enumerate(told) if back]
    assert not set(backs) & set(seen["mjd"])


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_rate_lies_in_its_interval(hits: int, more: int) -> None:
    one = rate(hits, hits + more)
    if hits + more == 0:
        assert one["rate"] is None
        return
    low, middle, high = (one[key] for key in ("rate_low", "rate", "rate_high"))
    assert low is not None and middle is not None and high is not None  # noqa: PT018
    assert -1e-12 <= low <= middle + 1e-12
    assert middle - 1e-12 <= high <= 1 + 1e-12
