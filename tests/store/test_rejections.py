"""Who is out is known without reading all who ever were, and as a fresh start would say."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from aas2rto.store import Store
from aas2rto.store.outs import Comings, out_at
from tests.conftest import LATE, MJD, make_objects, make_photometry, make_report


def reject(store: Store, at: float, *names: str, factor: str = "f") -> None:
    rows = [{"candidate_id": name, "factor": factor, "reason": "r", "row": {}} for name in names]
    store.save_cycle(
        at,
        scores=pd.DataFrame(),
        rejected=pd.DataFrame(rows),
        ranks=pd.DataFrame(),
        report={"version": "1", "config": "c"},
    )


def tell(store: Store, names: list[str], **columns: object) -> None:
    points = make_photometry(names, MJD - 1.0, measurement_id=[f"first {name}" for name in names])
    store.ingest(make_report(make_objects(names, ra=np.arange(len(names)) * 3.0), points), MJD)


def detect(store: Store, name: str, mjd: float, *, known_at: float | None = None) -> None:
    known = mjd if known_at is None else known_at
    points = make_photometry(name, mjd, known_at=known, measurement_id=f"{mjd} {known}")
    store.ingest(make_report(None, points), mjd)


def test_what_is_not_known_of_the_rejected_is_not_kept(store):
    """But that a factor said nothing is: the first row gives the order of the columns."""
    tell(store, ["a"])
    row = {"mag_ztfg": 19.5, "mag_ztfr": np.nan, "name": "", "factor_f": np.nan, "too": False}
    found = {"candidate_id": "a", "factor": "f", "reason": "r", "row": row}
    report = {"version": "1", "config": "c"}
    nobody = pd.DataFrame()
    store.save_cycle(
        MJD, scores=nobody, rejected=pd.DataFrame([found]), ranks=nobody, report=report
    )
    (kept,) = store.rejections.as_known(MJD)["row"]
    assert list(kept) == ["mag_ztfg", "name", "factor_f", "too"]


@pytest.fixture
def asked(store):
    """Return the statements that the store is asked."""
    said: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    return said


def test_an_active_cycle_reads_no_rejections(store, asked):
    """Not even where it rejects somebody: what is in memory grows by that."""
    names = [f"r{number:03d}" for number in range(50)]
    tell(store, names)
    reject(store, MJD, *names[:40])
    detect(store, "r001", MJD + 1)
    asked.clear()
    for day in (1, 2, 3):
        now = MJD + day
        assert store.rejections.reconsider(now, 60.0) == []
        assert len(store.candidates(now)) == 11 - day
        reject(store, now, names[39 + day])
        assert store.rejections.counts(now) == {"f": 40 + day}
        assert store.rejections.state(now) == f"{40 + day} rejected, the last at MJD {now:.5f}"
        assert list(store.rejections.times(now).index) == names[: 40 + day]
    reading = [one for one in asked if "FROM rejections" in one or "FROM revivals" in one]
    assert reading == []
    about = [one for one in asked if "FROM photometry" in one]
    assert len(about) == 1, "at the start; nobody's rejection is old enough later"


def test_what_another_program_rejects_is_seen(store):
    """`whatif` and threads that answer open the store for themselves."""
    tell(store, ["a", "b"])
    assert store.rejections.keys(LATE) == set()
    with Store(str(store.engine.url)) as other:
        reject(other, MJD, "a")
        assert store.candidates(LATE)["candidate_id"].tolist() == ["b"]
        detect(other, "a", MJD + 70)
        assert other.rejections.reconsider(MJD + 71, 60.0) == ["a"]
    assert store.candidates(LATE)["candidate_id"].tolist() == ["a", "b"]


def test_what_was_not_committed_is_not_remembered(store, monkeypatch):
    """Memory knows no more than the database."""
    tell(store, ["a", "b"])

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(store.rejections, "_take", fail)
    with pytest.raises(ZeroDivisionError):
        reject(store, MJD, "a")
    monkeypatch.undo()
    assert store.rejections.keys(LATE) == set()
    reject(store, MJD, "b")
    assert store.rejections.as_known(LATE)["candidate_id"].tolist() == ["b"]


def test_only_some_rejections_can_be_read(store):
    """Their words are many."""
    tell(store, ["a", "b", "c"])
    reject(store, MJD, "a", "b", "c")
    found = store.rejections.as_known(LATE, only=["c", "a", "nobody"])
    assert found["candidate_id"].tolist() == ["a", "c"]


def test_a_detection_that_becomes_known_later_brings_back_in_its_time(store):
    """Nothing new comes in at that time; also where it was measured before the rejection's end."""
    tell(store, ["a"])
    reject(store, MJD, "a")
    detect(store, "a", MJD + 61, known_at=MJD + 65)
    assert store.rejections.reconsider(MJD + 62, 60.0) == []
    assert store.rejections.reconsider(MJD + 64, 60.0) == []
    assert store.rejections.reconsider(MJD + 65, 60.0) == ["a"]


events = st.lists(
    st.tuples(
        st.sampled_from(["reject", "detect", "late", "reconsider", "reconsider", "afresh", "new"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 12),
    ),
    max_size=20,
)


@pytest.mark.slow
@given(events=events)
def test_memory_brings_back_whom_a_fresh_start_brings_back(empty_store, events):
    """Whatever comes in between, in whatever order of times."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("memory.sqlite", "fresh.sqlite")]
        for path in paths:
            shutil.copyfile(empty_store, path)
        with Store(f"sqlite:///{paths[0]}") as store:
            others = f"sqlite:///{paths[1]}"
            with Store(others) as fresh:
                tell(fresh, ["a", "b", "c"])
            tell(store, ["a", "b", "c"])
            for number, (what, name, day) in enumerate(events):
                with Store(others) as fresh:
                    found = [happen(one, what, name, day, number) for one in (store, fresh)]
                assert found[0] == found[1]


def happen(store: Store, what: str, name: str, day: int, number: int) -> object:
    now = MJD + day
    if what == "reject":
        reject(store, now, name)
    elif what == "detect":
        detect(store, name, now + 1e-4 * number)
    elif what == "late":
        detect(store, name, now + 1e-4 * number, known_at=now + 3)
    elif what == "reconsider":
        return store.rejections.reconsider(now, 2.0)
    return [sorted(store.rejections.keys(MJD + late)) for late in range(14)]


@given(
    outs=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5), st.sampled_from("fg"))),
    backs=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5)), unique=True),
    now=st.integers(-1, 6),
)
def test_who_is_out_is_who_was_rejected_since_it_came_back(outs, backs, now):
    """The first rejection since; what is rejected at the time of its return was judged again."""
    found = out_at(Comings.of(outs, backs), now)
    expected = {}
    for who in (1, 2, 3):
        last = max((at for one, at in backs if one == who and at <= now), default=-99)
        told = [(at, place) for place, (one, at, _) in enumerate(outs) if one == who]
        since = [(at, place) for at, place in told if last <= at <= now]
        if since:
            expected[who] = (min(since)[0], outs[min(since)[1]][2])
    columns = (found.candidate.tolist(), found.at.tolist(), found.factor.tolist())
    assert {who: (at, factor) for who, at, factor in zip(*columns, strict=True)} == expected
    times = sorted({at for _, at, *_ in (*outs, *backs)})
    assert found.since == max((at for at in times if at <= now), default=-np.inf)
    assert found.until == min((at for at in times if at > now), default=np.inf)
