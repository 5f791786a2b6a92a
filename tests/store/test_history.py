"""The history by change is what the rule would keep of a full one, and grows old by a rule."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.config.sections import Retention
from aas2rto.store import Store, history
from aas2rto.store.standings import (
    CHANGED,
    FIRST,
    FIRST_PLACES,
    LEFT,
    RETURNED,
    SCORES,
    Rows,
    moved_much,
    standing,
    thinned,
)
from tests.conftest import MJD, make_objects, make_report

NAMES = [f"c{number:02d}" for number in range(30)]
SITES = ("ntt", "not")
STEP = 10.0 / 1440.0

Cycle = dict[str, Any]
"""Of one cycle: ``scores`` (name: score, decision, factor) and ``ranks`` (site: names in order)."""


@pytest.fixture(scope="session")
def known(tmp_path_factory) -> bytes:
    """Return a store that knows the candidates, as bytes: opening a copy is quick."""
    path = tmp_path_factory.mktemp("history") / "store.sqlite"
    with Store(f"sqlite:///{path}") as store:
        objects = make_objects(NAMES, ra=np.arange(len(NAMES)) * 10.0)
        store.ingest(make_report(objects), MJD - 100)
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


@contextmanager
def opened(known: bytes) -> Iterator[Store]:
    """Open a store of one's own that knows the candidates."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        path.write_bytes(known)
        with Store(f"sqlite:///{path}") as store:
            yield store


@pytest.fixture
def store(known):
    with opened(known) as one:
        yield one


def save(store: Store, at: float, cycle: Cycle) -> None:
    scores = [
        {"candidate_id": name, "score": score, "decision": decision, "factor": factor}
        for name, (score, decision, factor) in cycle["scores"].items()
    ]
    ranks = [
        {"candidate_id": name, "observatory": site, "rank": place, "site_score": 1.0 / place}
        for site, names in cycle["ranks"].items()
        for place, name in enumerate(names, start=1)
    ]
    store.save_cycle(
        at,
        scores=pd.DataFrame(scores),
        rejected=pd.DataFrame(),
        ranks=pd.DataFrame(ranks),
        report={"version": "1", "config": "c"},
    )


def cycle(scores: dict[str, Any] | None = None, **ranks: list[str]) -> Cycle:
    full = {
        name: value if isinstance(value, tuple) else (value, "keep", "")
        for name, value in (scores or {}).items()
    }
    return {"scores": full, "ranks": ranks}


def rows_of(store: Store) -> Rows:
    with store.engine.connect() as connection:
        return history.read(connection).sorted()


def kept(store: Store, *, kinds: bool = False) -> list[tuple[Any, ...]]:
    """Return what the history holds: list, candidate, time, and what it says."""
    rows = rows_of(store)
    found = []
    for i in range(len(rows)):
        name = NAMES[int(rows.candidate[i]) - 1]
        said: Any = None
        if rows.kind[i] != LEFT and rows.list[i] == SCORES:
            said = (float(rows.score[i]), rows.decision[i], rows.factor[i])
        elif rows.kind[i] != LEFT:
            said = int(rows.rank[i])
        kind = (int(rows.kind[i]),) if kinds else ()
        found.append((rows.list[i], name, float(rows.at[i]), repr(said), *kind))
    return sorted(found)


# -- the rule, said anew and row by row ------------------------------------------------------------


def full(cycles: dict[float, Cycle]) -> dict[tuple[str, str], dict[float, Any]]:
    """Return the naive full history: what each cycle says of each candidate in each list."""
    said: dict[tuple[str, str], dict[float, Any]] = {}
    for at, one in cycles.items():
        for name, value in one["scores"].items():
            said.setdefault((SCORES, name), {})[at] = value
        for site, names in one["ranks"].items():
            for place, name in enumerate(names, start=1):
                said.setdefault((site, name), {})[at] = place
    return said


def is_news(old: Any, new: Any, last: Any) -> bool:
    """Tell whether a value is kept, after the one of the cycle before and the one kept last."""
    if old is None or new is None:
        return old is not new
    if isinstance(new, int):
        return old != new and min(old, new) <= FIRST_PLACES
    if old[1:] != new[1:]:
        return True
    score, before = new[0], last[0]
    if math.isnan(score) or math.isnan(before):
        return math.isnan(score) != math.isnan(before)
    return abs(score - before) > 0.1 * abs(before)


def reduced(cycles: dict[float, Cycle]) -> list[tuple[Any, ...]]:
    """Return what the rule keeps of the naive full history."""
    found = []
    for (site, name), values in full(cycles).items():
        old = last = None
        for at in sorted(cycles):
            new = values.get(at)
            if is_news(old, new, last):
                found.append((site, name, at, repr(new)))
                last = new
            old = new
    return sorted(found)


# -- strategies ------------------------------------------------------------------------------------

scores = st.one_of(
    st.sampled_from([-1.0, 1.0, 1.05, 1.12, 1.2, 0.0, math.nan]), st.floats(1e-3, 1e3)
)
verdicts = st.tuples(
    scores, st.sampled_from(["keep", "exclude"]), st.sampled_from(["", "peak", "moon"])
)


@st.composite
def any_cycle(draw: Any) -> Cycle:
    names = draw(st.sets(st.sampled_from(NAMES[:6])))
    told = {name: draw(verdicts) for name in sorted(names)}
    # The rest fills the lists, so that there are places beyond the first ones.
    rest = NAMES[6:]
    ranks = {}
    for site in draw(st.sets(st.sampled_from(SITES))):
        order = draw(st.permutations(sorted(names)))
        cut = draw(st.integers(0, len(rest)))
        ranks[site] = [*rest[:cut], *order]
    return {"scores": told, "ranks": ranks}


@pytest.mark.slow
@given(cycles=st.lists(any_cycle(), max_size=8), again=st.integers(0, 3))
def test_the_history_is_what_the_rule_keeps_of_a_full_one(known, cycles, again):
    """Also where the newest cycle is run again, differently, and where the program starts anew."""
    held: dict[float, Cycle] = {}
    with opened(known) as store:
        for number, one in enumerate(cycles):
            at = MJD + STEP * (number - (number == again and number > 0))
            held[at] = one
            save(store, at, one)
            if number % 3 == 2:
                with Store(str(store.engine.url)) as afresh:
                    save(afresh, at, one)
        assert kept(store) == reduced(held)


@pytest.mark.slow
@given(cycles=st.lists(any_cycle(), min_size=1, max_size=6), order=st.data())
def test_cycles_of_any_order_leave_standing_what_each_of_them_found(known, cycles, order):
    """An earlier cycle adds to the history, and what stood later stands as before."""
    held: dict[float, Cycle] = {}
    with opened(known) as store:
        for one in cycles:
            at = MJD + STEP * order.draw(st.integers(0, 4))
            held[at] = one
            save(store, at, one)
            rows = rows_of(store)
            newest = max(held)
            for time, found in held.items():
                agrees(standing(rows, time), found)
            assert store.results.newest_cycle() == newest
            expected = {name: value[0] for name, value in held[newest]["scores"].items()}
            assert repr(store.results.last_scores().sort_index().to_dict()) == repr(
                dict(sorted(expected.items()))
            ), "the current rows belong to the newest cycle"


def agrees(stands: Any, found: Cycle) -> None:
    """Check that what stands at a time is, by the rule, what the cycle of that time found."""
    by_name = {NAMES[key - 1]: row for row, key in enumerate(stands.candidate.tolist())}
    scored = {name for name, row in by_name.items() if stands.decision[row]}
    assert scored == set(found["scores"])
    for name, (score, decision, factor) in found["scores"].items():
        row = by_name[name]
        assert (stands.decision[row], stands.factor[row]) == (decision, factor)
        assert not moved_much(np.array([score]), stands.score[row : row + 1]).any()
    for site in SITES:
        names = found["ranks"].get(site, [])
        place = stands.places.get(site)
        listed = {n for n, row in by_name.items() if place is not None and place.rank[row]}
        assert listed == set(names)
        for rank, name in enumerate(names, start=1):
            said = int(place.rank[by_name[name]])
            assert said == rank or (rank > FIRST_PLACES and said > FIRST_PLACES)


# -- examples --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_slow_drift_is_kept_each_tenth(store):
    """Measured from the row kept last, not from the cycle before."""
    for number in range(40):
        save(store, MJD + STEP * number, cycle({"c00": 1.01**number}))
    found = [float(row[3][1:].split(",")[0]) for row in kept(store)]
    steps = np.array(found[1:]) / np.array(found[:-1])
    assert len(found) == 4, "1.01^40 is 1.49: 10 % fit three times"
    assert (steps > 1.1).all()
    assert (steps < 1.1 * 1.011).all()
    assert store.results.last_scores()["c00"] == pytest.approx(1.01**39), "the exact one stands"


def test_low_places_are_no_news(store):
    """The first twenty are; who enters from below or falls out of them is."""
    names = NAMES[:25]
    save(store, MJD, cycle(ntt=names))
    before = len(kept(store))
    swapped = [*names[:20], *names[:19:-1]]
    save(store, MJD + STEP, cycle(ntt=swapped))
    assert len(kept(store)) == before
    risen = [swapped[-1], *swapped[:-1]]
    save(store, MJD + 2 * STEP, cycle(ntt=risen))
    new = [row for row in kept(store) if row[2] == MJD + 2 * STEP]
    assert sorted(row[1] for row in new) == sorted([*names[:20], swapped[-1]])
    assert [row[3] for row in new if row[1] == names[19]] == ["21"]


def test_who_leaves_a_list_and_returns_is_told_so(store):
    """A tombstone, then a row; the first of all is marked as such."""
    for number, names in enumerate((["c00", "c01"], ["c01"], ["c01"], ["c01", "c00"])):
        save(store, MJD + STEP * number, cycle(dict.fromkeys(names, 1.0), ntt=names))
    found = [row[2:] for row in kept(store, kinds=True) if row[:2] == ("ntt", "c00")]
    assert found == [
        (MJD, "1", FIRST),
        (MJD + STEP, "None", LEFT),
        (MJD + 3 * STEP, "2", FIRST),
    ], "its score was gone, too: it starts afresh"
    found = [row[2:] for row in kept(store, kinds=True) if row[:2] == ("ntt", "c01")]
    assert [row[2] for row in found] == [FIRST, CHANGED]


def test_who_set_for_the_day_has_returned(store):
    """Its score was there all the time."""
    for number, names in enumerate((["c00"], [], ["c00"])):
        save(store, MJD + STEP * number, cycle({"c00": 1.0}, ntt=names))
    found = [row[4] for row in kept(store, kinds=True) if row[0] == "ntt"]
    assert found == [FIRST, LEFT, RETURNED]


def test_an_idle_cycle_adds_nothing_to_the_history(store):
    """And what did not change is not written again."""
    one = cycle(dict.fromkeys(NAMES, 1.0), ntt=NAMES, **{"not": NAMES[::-1]})
    for number in range(5):
        save(store, MJD + STEP * number, one)
    with store.engine.connect() as connection:
        counts = [
            connection.exec_driver_sql(f"SELECT COUNT(*) FROM {name}").scalar_one()
            for name in ("history", "packed", "current", "cycles")
        ]
    assert counts == [1, 6, 12, 5]


def test_the_cycle_before_is_known_exactly(store):
    """Also of low places and small changes, and where the newest is run again."""
    for number in range(3):
        order = NAMES[number:] + NAMES[:number]
        save(store, MJD + STEP * number, cycle({"c05": 1.0 + 0.01 * number}, ntt=order))
    for now, at, score, rank in (
        (MJD + 9, MJD + 2 * STEP, 1.02, {"ntt": 4}),
        (MJD + 2 * STEP, MJD + STEP, 1.01, {"ntt": 5}),
    ):
        before = store.results.before(["c05"], SITES, now)
        assert (before.at, before.scores, before.ranks) == (at, {"c05": score}, {"c05": rank})
    before = store.results.before(["c05"], SITES, MJD + STEP)
    assert before.at == MJD
    assert store.results.before(["c05"], SITES, MJD).at is None


def test_the_figure_of_ranks_begins_with_what_stood_and_ends_with_the_newest_cycle(store):
    """Between them the changes; NaN where it was in no list."""
    lists = (["c00", "c01"], ["c01", "c00"], ["c01"], ["c01"], ["c01", "c00"], ["c01", "c00"])
    for number, names in enumerate(lists):
        save(store, MJD + number, cycle(ntt=names))

    def ranks(**span: float) -> list[tuple[float, float]]:
        found = store.results.rank_history(["c00", "c99"], SITES, **span)
        assert set(found["candidate_id"]) <= {"c00"}
        return list(zip(found["at"] - MJD, found["rank"].fillna(0), strict=True))

    assert ranks(since=MJD - 1, until=MJD + 9) == [(0, 1), (1, 2), (2, 0), (4, 2), (5, 2)]
    assert ranks(since=MJD + 1.5, until=MJD + 9) == [(1.5, 2), (2, 0), (4, 2), (5, 2)]
    assert ranks(since=MJD + 2.5, until=MJD + 3) == []
    assert ranks(since=MJD + 4.5, until=MJD + 9) == [(4.5, 2), (5, 2)]
    assert ranks(since=MJD + 0.5, until=MJD + 0.9) == []


# -- growing old -----------------------------------------------------------------------------------


def age_all(store: Store, now: float, **kept_for: str) -> int:
    retention = Retention(**kept_for)
    pieces = 0
    more = True
    while more:
        with store._access.transaction("test") as connection:
            more = history.age(connection, now, retention)
        pieces += more
    return pieces


@pytest.mark.proof
def test_thinning_keeps_first_last_and_tombstones(store):
    """Of the rest the last in each hour, after a month in each day."""
    days = 40
    rng = np.random.default_rng(3)
    times = MJD + np.sort(rng.uniform(0.0, days, 300))
    for at in times.tolist():
        listed = [name for name in NAMES[:4] if rng.random() < 0.9]
        told = {name: float(rng.choice([1.0, 2.0, 3.0])) for name in NAMES[:3]}
        save(store, at, cycle(told, ntt=listed))
    before = rows_of(store)
    now = float(times[-1])
    assert age_all(store, now) > 35
    after = rows_of(store)
    expected = by_age(before, now)
    assert keys(after) == expected
    assert age_all(store, now) == 0, "what is thinned stays as it is"
    with store.engine.connect() as connection:
        levels = dict(
            connection.exec_driver_sql("SELECT level, COUNT(*) FROM history GROUP BY level").all()
        )
    assert levels[history.DAILY] <= days
    assert levels[history.CYCLE] <= 24, "one hour, and the part of another"


def keys(rows: Rows) -> list[tuple[Any, ...]]:
    columns = (rows.list, rows.candidate, rows.at, rows.kind, rows.rank)
    return sorted(zip(*(values.tolist() for values in columns), strict=True))


def by_age(rows: Rows, now: float) -> list[tuple[Any, ...]]:
    """Say the rule of thinning anew, row by row."""
    kept, last = set(), {}
    for row in keys(rows):
        name, who, at, kind, _ = row
        day, hour = math.floor(at), math.floor(at * 24)
        if kind in (FIRST, LEFT) or hour >= math.floor((now - 3.0) * 24):
            kept.add(row)
        if kind != LEFT:
            part = ("day", day) if day < math.floor(now - 30.0) else ("hour", hour)
            last[name, who, part] = row  # sorted by time: the last wins
    return sorted(kept | set(last.values()))


@given(cuts=st.sets(st.integers(1, 199)), seed=st.integers(0, 20))
def test_thinning_in_pieces_is_thinning_at_once(cuts, seed):
    """Whatever the pieces, and whatever they are put together with later."""
    rows = random_rows(seed)
    whole = thinned(rows, 24.0)
    bounds = [0, *sorted(cuts), len(rows)]
    so_far = Rows.joined([])
    for low, high in itertools.pairwise(bounds):
        so_far = thinned(Rows.joined([so_far, rows.take(np.arange(low, high))]), 24.0)
    assert keys(so_far) == keys(whole)


def random_rows(seed: int, n: int = 200) -> Rows:
    rng = np.random.default_rng(seed)
    kind = rng.choice([CHANGED, FIRST, LEFT, RETURNED], n, p=[0.6, 0.05, 0.2, 0.15])
    words = np.full(n, "", dtype=object)
    return Rows(
        rng.choice(np.array(["", "ntt"], dtype=object), n),
        rng.integers(1, 4, n),
        MJD + np.arange(n) / 600.0,
        kind,
        np.where(kind == LEFT, 0, 5),
        np.where(kind == LEFT, np.nan, 1.0),
        words,
        words,
    )


def test_a_cycle_is_run_again_in_a_thinned_past(store):
    """Its rows are taken out of the segment they stand in, and new ones are added."""
    for number in range(30):
        save(store, MJD + STEP * number, cycle({"c00": 1.0 + number, "c01": 1.0}))
    age_all(store, MJD + 10, all="0.1 day")
    at, later = MJD + STEP * 5, MJD + STEP * 6
    before = standing(rows_of(store), later)
    save(store, at, cycle({"c00": 500.0}))
    found = standing(rows_of(store), at)
    assert found.score.tolist() == [500.0]
    after = standing(rows_of(store), later)
    assert after.candidate.tolist() == [1, 2], "c01 is back at the next cycle"
    assert after.score.tolist() == before.score.tolist()


@pytest.mark.slow
def test_old_segments_are_few(store):
    """So that one candidate's history is read in a moment, however often cycles run."""
    for number in range(150):  # five hours, one cycle in two minutes
        save(store, MJD + number / 720.0, cycle({"c00": 2.0 ** (number % 2)}))
        with store._access.transaction("test") as connection:
            history.age(connection, MJD + number / 720.0, Retention())
    with store.engine.connect() as connection:
        count = connection.exec_driver_sql("SELECT COUNT(*) FROM history").scalar_one()
    assert count <= 5 + 2 * 30
    assert len(rows_of(store)) == 150, "nothing is thinned before its time"
