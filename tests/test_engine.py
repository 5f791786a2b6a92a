"""A loop that remembers finds what one finds that begins anew: whatever changes, and whenever."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aas2rto.config.load import load
from aas2rto.loop import run_cycle
from aas2rto.outputs import files
from aas2rto.outputs.cell_memory import Written
from aas2rto.steps.build import build
from aas2rto.steps.fit_memory import Remembering
from aas2rto.store import Store
from tests.conftest import MJD, make_objects, make_photometry, make_report

CASE = """\
project: small
candidates: {reconsider_after: 5 day, quiet: 20 day}
models: {bazin: {min_detections: 4}}
score:
  factors:
    - magnitude: {zero_point: 18.5 mag, faint_limit: 19 mag}
    - detections: {min: 2}
    - rising_fraction: {min: 0.3}
    - time_span: {midpoint: 25 day, rate: -1 / day, max: 30 day}
    - peak: {model: bazin}
    - expression: {name: near, formula: "2 - redshift", missing: 1}
observatories: [la_palma_not, la_silla_dk154]
visibility: {factor: altitude_integral, min_altitude: 30 deg}
figures: {top: 0}
"""
NAMES = ["a", "b", "c", "d"]
PLACES = make_objects(NAMES, ra=[20.0, 50.0, 80.0, 110.0], dec=[5.0, 10.0, -5.0, 0.0])

POINTS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.integers(-40, 30),  # when it was measured, and how much later it was known [d]
        st.sampled_from([0.0, 2.0, 10.0]),
        st.integers(16, 19),
        st.sampled_from(["ztfg", "ztfr"]),
        st.sampled_from(["detection", "detection", "detection", "limit"]),
    ),
    min_size=1,
    max_size=12,
)
FACT = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(
        [("redshift", 0.2), ("redshift", None), ("too", True), ("valid_until", MJD + 4.0)]
    ),
    st.integers(-5, 10),
)
MARK = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(["veto", "pin", "snooze", "observed"]),
    st.integers(-5, 10),
    st.sampled_from([{"until": 3.0}, {"until_new_data": True}, {"until_mag": 0.5}]),
)
STEP = st.one_of(
    st.tuples(st.just("points"), POINTS),
    st.tuples(st.just("fact"), FACT),
    st.tuples(st.just("mark"), MARK),
    st.tuples(st.just("cycle"), st.integers(-10, 40)),
    st.tuples(st.just("cycle"), st.integers(-10, 40)),
)


def points(rows: Any) -> pd.DataFrame:
    parts = [
        make_photometry(
            name, [MJD + day], mag=mag, band=band, measurement_id=[f"{band}{day}{kind}"]
        ).assign(kind=kind, known_at=MJD + day + delay)
        for name, day, delay, mag, band, kind in rows
    ]
    return pd.concat(parts, ignore_index=True)


def change(store: Store, what: str, told: Any) -> None:
    if what == "points":
        store.ingest(make_report(PLACES, points(told)), MJD)
    elif what == "fact":
        name, (key, value), day = told
        row = {"object_id": name, "key": key, "value": value, "known_at": MJD + day, "origin": ""}
        facts = pd.DataFrame([row]).astype({"value": object})
        facts["value"] = np.array([value], dtype=object)
        store.ingest(make_report(PLACES, facts=facts), MJD)
    else:
        name, kind, day, ends = told
        ends = {key: MJD + day + 3 if key == "until" else value for key, value in ends.items()}
        store.marks.save([{"candidate_id": name, "kind": kind, "at": MJD + day, **ends}])


def found(folder: Path, parts: Any, store: Store, day: int, **memory: Any) -> dict[str, Any]:
    """Run a cycle and return everything that it wrote, and what was found of each candidate."""
    written = memory.pop("written", None)
    now = Time(MJD + day + 0.9, format="mjd", scale="utc")
    cycle = run_cycle(
        parts, store, now, inform=lambda c: files.write(folder, parts, c, written), **memory
    )
    assert cycle.judged is not None
    table = cycle.judged.scored.table
    told = {p.name: p.read_text() for p in sorted(folder.rglob("*.csv"))}
    # Where no row changed, the file is that of an earlier cycle.
    told["excluded.csv"] = told["excluded.csv"].partition("# units")[2]
    report = {key: cycle.report[key] for key in ("funnel", "problems", "reconsidered")}
    columns = {name: table[name].tolist() for name in sorted(table)}
    return {"lists": told, "report": report, "columns": columns}


def copied(url: str, path: Path) -> str:
    path.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as old,
        contextlib.closing(sqlite3.connect(path)) as new,
    ):
        old.backup(new)
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("case")
    (folder / "case.yaml").write_text(CASE)
    return build(load(folder / "case.yaml"), with_sources=False)


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=6)
@given(POINTS, st.lists(STEP, min_size=2, max_size=7))
@pytest.mark.slow
def test_a_loop_that_remembers_finds_what_one_finds_that_begins_anew(
    tmp_path_factory: pytest.TempPathFactory,
    empty_store: Path,
    parts: Any,
    first: Any,
    steps: Any,
) -> None:
    """Points, facts, ToOs, marks that end, candidates that come back; at times that go and return.

    In the lists, byte by byte, in the report, and in each column that factors read.
    """
    folder = tmp_path_factory.mktemp("engine")
    shutil.copyfile(empty_store, folder / "store.sqlite")
    url = f"sqlite:///{folder / 'store.sqlite'}"
    with Store(url) as store:
        memory, written = Remembering(store.fits), Written()
        change(store, "points", first)
        for what, told in [*steps, ("cycle", 0), ("cycle", 12)]:
            if what != "cycle":
                change(store, what, told)
                continue
            with Store(copied(url, folder / "copy.sqlite")) as other:
                wanted = found(folder / "anew", parts, other, told)
            got = found(folder / "on", parts, store, told, memory=memory, written=written)
            assert repr(got) == repr(wanted)
