"""What is known of a candidate is what is known of its present outburst."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto import loop
from aas2rto.config.load import load
from aas2rto.questions.explain import explain_stored
from aas2rto.steps.build import build
from aas2rto.steps.prefilter import as_known
from aas2rto.store import Store
from tests.conftest import MJD, make_objects, make_photometry, make_report

CASE = """\
project: small
candidates: {reconsider_after: 60 day}
models: {bazin: {min_detections: 4}}
score:
  factors:
    - magnitude: {zero_point: 18.5 mag, faint_limit: 19 mag}
    - detections: {min: 4}
    - time_span: {midpoint: 25 day, rate: -1 / day, max: 30 day}
observatories: [la_palma_not]
visibility: {factor: altitude_integral, min_altitude: 30 deg}
"""

RISE = [8.0, 6.0, 4.0, 2.0, 0.5]
"""Days before now of a new supernova's detections."""


def at(days: float) -> Time:
    return Time(MJD + days, format="mjd", scale="utc")


def curve(days: Any) -> pd.DataFrame:
    days = np.sort(MJD - np.array(days, float))
    names = [f"m{mjd}" for mjd in days]
    return make_photometry("a", days, 18 - 0.1 * np.arange(len(days)), measurement_id=names)


@pytest.fixture
def world(tmp_path: Path, store: Store) -> Any:
    """Return a way to run the loop over one candidate."""
    (tmp_path / "case.yaml").write_text(CASE)
    parts = build(load(tmp_path / "case.yaml"), with_sources=False)

    def told(days: Any) -> None:
        store.ingest(make_report(make_objects("a", known_at=MJD - 400), curve(days)), MJD)

    def cycle(days: float) -> Any:
        return loop.run_cycle(parts, store, at(days), inform=lambda _: None)

    return parts, store, told, cycle


def test_one_old_detection_rejects_no_supernova(world: Any) -> None:
    """Its discovery is not 210 d ago."""
    parts, store, told, cycle = world
    told([210, *RISE])
    judged = cycle(0).judged
    row = judged.scored.table.iloc[0]
    assert (row["decision"], row["n_detections"], row["n_set_aside"]) == ("keep", 5, 1)
    assert row["first_detection"] == MJD - 8
    assert judged.fits.tables["bazin"]["n_points"].tolist() == [5]
    assert as_known(parts, store, at(0)).photometry["mjd"].min() == MJD - 8


def test_explain_names_what_is_set_aside(world: Any) -> None:
    """How many, the last of them, and why."""
    parts, store, told, _ = world
    told([212, 210, *RISE])
    said = explain_stored(parts, store, "a", at(0))["set_aside"]
    assert said["detections"] == 2
    assert said["sentence"] == (
        "2 detections set aside, the last on 2025-04-25T00:00 UTC: the present outburst began on "
        "2025-11-13T00:00 UTC; more than 60 d without a detection came between"
    )


@pytest.mark.slow
def test_explain_sets_nothing_aside_without_need(world: Any) -> None:
    """Most candidates have one outburst."""
    parts, store, told, _ = world
    told(RISE)
    assert explain_stored(parts, store, "a", at(0))["set_aside"] is None


@pytest.mark.slow
def test_one_detection_alone_is_no_outburst(world: Any) -> None:
    """It is rejected for its age, as it was when it still might have been one."""
    parts, store, told, cycle = world
    told([70])
    row = cycle(0).judged.scored.table.iloc[0]
    assert row["decision"] == "reject"
    assert row["factor"] == "time_span"
    assert row["reason"] == "no outburst now: last detected 70.0 d ago, more than 30 d"
    said = explain_stored(parts, store, "a", at(0))
    assert said["set_aside"]["sentence"].endswith(
        "there is no outburst now; a single one with nothing for 60 d before or after it belongs "
        "to none"
    )
    assert said["factors"][0]["reason"] == ("no detection in ztfg, ztfr in the present outburst")


@pytest.mark.slow
def test_who_is_reconsidered_starts_afresh(world: Any) -> None:
    """Rejected for its age 150 d ago, now a new supernova: it stays in."""
    _, store, told, cycle = world
    told([230, 225, 210])
    assert cycle(-150).judged.rejected["candidate_id"].tolist() == ["a"]
    told([230, 225, 210, *RISE])
    done = cycle(0)
    assert done.reconsidered == ["a"]
    assert done.judged.scored.table["decision"].tolist() == ["keep"]
    assert store.rejections.as_known(MJD).empty


def test_what_never_went_quiet_stays_out(world: Any) -> None:
    """An active nucleus flickers on: it is judged again, by its whole run, and is out again."""
    _, store, told, cycle = world
    told(np.arange(230, 150, -5))
    cycle(-150)
    told(np.arange(230, 0, -5))
    done = cycle(0)
    assert done.reconsidered == ["a"]
    assert store.rejections.as_known(MJD)["candidate_id"].tolist() == ["a"]


def test_a_single_detection_ages_while_the_loop_runs(world: Any) -> None:
    """Nothing new arrives, and yet the answer changes when the quiet time has passed."""
    parts, store, told, _ = world
    told([20])
    counts = [as_known(parts, store, at(day)).table["n_detections"].item() for day in (0, 39, 41)]
    assert counts == [1, 1, 0]
