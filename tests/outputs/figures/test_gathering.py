"""From a cycle to what figures show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto import loop
from aas2rto.config.load import load
from aas2rto.outputs.figures import drawing, gathering
from aas2rto.outputs.figures.subject import Fitted
from aas2rto.steps.build import build
from aas2rto.steps.cycle import Cycle
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import as_known
from aas2rto.store import Store
from tests.conftest import make_objects, make_photometry, make_report
from tests.outputs.figures.conftest import make_subject

NOW = Time("2026-03-20T22:00:00")

CASE = """\
project: small
score: {factors: [{magnitude: {zero_point: 18.5 mag, faint_limit: 19 mag}}]}
observatories: [la_palma_not, la_silla_dk154]
visibility: {factor: altitude_integral, min_altitude: 30 deg}
"""


@pytest.fixture
def world(tmp_path: Path) -> Any:
    """Run a cycle over three candidates."""
    (tmp_path / "case.yaml").write_text(CASE)
    case = load(tmp_path / "case.yaml")
    parts = build(case, with_sources=False)
    store = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    mjd = float(NOW.mjd)
    names = ["one", "two", "faint"]
    store.ingest(
        make_report(
            make_objects(names, ra=[150.0, 160.0, 170.0], dec=[10.0, -20.0, 5.0], known_at=mjd - 1),
            make_photometry(names, mjd=mjd - 0.5, mag=[16.0, 17.0, 21.0], known_at=mjd - 0.5),
        ),
        mjd,
    )
    cycle = loop.run_cycle(parts, store, NOW, inform=lambda _: None)
    yield parts, store, cycle
    store.close()


@pytest.mark.slow
def test_subjects_hold_what_the_cycle_found(world: Any) -> None:
    """Scores, reasons, ranks and the night at each site."""
    parts, store, cycle = world
    found = gathering.of_cycle(parts, store, cycle)
    one, faint = gathering.gather(found, ["one", "faint", "unknown"])
    assert (one.candidate_id, one.decision, len(one.points)) == ("one", "keep", 1)
    assert one.known == "not classified · 16.00 mag ztfg"
    assert [share.name for share in one.shares] == ["magnitude"]
    assert [(site.name, site.number("rank")) for site in one.sites] == [
        ("la_palma_not", 1.0),
        ("la_silla_dk154", 1.0),
    ]
    assert one.ranks["rank"].tolist() == [1.0, 1.0]
    assert faint.decision == "exclude"
    assert faint.shares[0].out
    assert not any(site.observable.any() for site in faint.sites)


@pytest.mark.slow
def test_the_window_agrees_with_the_list(world: Any) -> None:
    """Hours above the limit at night are those of the ranked list, within a step."""
    parts, store, cycle = world
    (one,) = gathering.gather(gathering.of_cycle(parts, store, cycle), ["one"])
    for site in one.sites:
        hours = site.observable.sum() * gathering.STEP * 24
        assert hours == pytest.approx(site.number("hours_left"), abs=0.2)
        first = site.mjd[site.observable][0]
        assert first >= site.number("observing_start") - 1e-6
        assert (site.sun_altitude[site.observable] < -17.9).all()


@pytest.mark.slow
def test_the_heads_of_all_lists_are_drawn(world: Any) -> None:
    """The best places first, each candidate once."""
    _, _, cycle = world
    assert gathering.top_of(cycle.judged.rankings, 1) == ["one"]
    assert gathering.top_of(cycle.judged.rankings, 5) == ["one", "two"]
    assert gathering.top_of(cycle.judged.rankings, 0) == []


@pytest.mark.slow
def test_a_site_that_failed_is_an_empty_night(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its panel says so; the other panels are as they were."""
    parts, store, cycle = world

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no ephemeris")

    monkeypatch.setattr("aas2rto.steps.rank.seen_from", fail)
    cycle.judged = judge(parts, as_known(parts, store, NOW), NOW, memory=store.fits)
    (one,) = gathering.gather(gathering.of_cycle(parts, store, cycle), ["one"])
    assert not one.sites[0].observable.any()
    assert drawing.png("visibility", one)
    assert drawing.png("score", one)


@pytest.mark.slow
def test_a_cycle_that_was_stopped_has_nothing_to_draw(world: Any) -> None:
    """There are no scores yet."""
    parts, store, _ = world
    with pytest.raises(ValueError, match="stopped before scoring"):
        gathering.of_cycle(parts, store, Cycle(NOW))


class Own:
    """A model from somebody's file."""

    def light_curve(self, fit: Any, bands: Any, mjd: Any) -> pd.DataFrame:
        bands = list(bands)
        return pd.DataFrame(
            {
                "band": np.repeat(bands, len(mjd)),
                "mjd": np.tile(mjd, len(bands)),
                "flux": 1.0,
                "flux_low": 0.5,
                "flux_high": 1.5,
            }
        )


def test_a_model_that_cannot_travel_is_evaluated_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker cannot import a user's file; its curve goes along instead."""
    own = Own()
    subject = make_subject(fitted=Fitted("own", {"t_peak": 1.0, "t_peak_err": 1.0}, own))
    assert gathering.at_home(subject) is subject  # this module can be imported
    monkeypatch.setattr(Own, "__module__", "aas2rto_user_my_models")
    assert "aas2rto_user_my_models" not in sys.modules
    moved = gathering.at_home(subject).fitted
    assert moved is not None
    assert moved.model is None
    assert set(moved.evaluate([], np.empty(0))["band"]) == {"ztfg", "ztfr", "atlaso"}
