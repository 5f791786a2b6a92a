"""The replay of `bench_yield` runs the program as it is today, on a sky of two supernovae."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aas2rto import data
from aas2rto.models.sncosmo_engine import model_with_dust
from aas2rto.tables import photometry as phot
from aas2rto.tables import summary
from tests.benchmarks import bench_yield, yield_fits, yield_variants
from tests.benchmarks.bench_yield import by_score, by_site, parts_of, replay
from tests.benchmarks.yield_sky import SITES, Truth, World, all_states, in_episodes
from tests.conftest import make_photometry

PEAK, FIRST, LAST = 58300.0, 58292, 58306
VARIANTS = ("", "peaks", "late", "early", "types", "latency", "q0")


@pytest.fixture(scope="module")
def made() -> World:
    """Return a SN Ia that is seen every night from 12 d before its peak, and its twin, a SN Ib."""
    mjd = np.repeat(PEAK - 12 + np.arange(24), 2) + np.tile([0.3, 0.35], 24)
    band = np.tile(["ztfg", "ztfr"], 24)
    model = model_with_dust(data.salt_source())
    model.set(z=0.04, t0=PEAK, x0=0.0033, x1=0.0, c=0.0, mwebv=0.01)
    bands = [data.bandpass(name) for name in band.tolist()]
    flux = model.bandflux(bands, mjd, zp=phot.AB_ZERO_POINT, zpsys="ab")
    rows = [make_photometry(name, mjd=mjd, flux=flux, band=band) for name in ("ia", "ib")]
    types = {"name": ["ia", "ib"], "type": ["SN Ia", "SN Ib"], "ra": 250.0, "dec": [40.0, 41.0]}
    photometry, episodes = in_episodes(pd.concat(rows, ignore_index=True), pd.DataFrame(types))
    start = np.array([0, len(mjd), 2 * len(mjd)])
    truth = Truth(
        np.array([True, False]),
        np.array([False, True]),
        np.full(2, PEAK),
        np.full((2, 25), 17.5),
    )
    states = all_states(photometry["mjd"].to_numpy(float), start)
    sky = World(photometry, start, episodes, truth, states, pd.DataFrame())
    held, points = sky.by_state()
    return replace(sky, summaries=summary.summarise(points, held["candidate_id"]))


@pytest.fixture
def lists(
    made: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, dict[str, bench_yield.Lists]]]:
    """Return the lists of all variants, of a few nights about the peak."""
    monkeypatch.setattr(yield_fits, "FOLDER", tmp_path)
    monkeypatch.setattr(bench_yield, "FIRST", FIRST)
    monkeypatch.setattr(bench_yield, "LAST", LAST)
    return by_site(made, parts_of("goal"), VARIANTS)


def nights(lists: bench_yield.Lists, episode: int = 0) -> list[int]:
    return [FIRST + k for k, one in enumerate(lists) if episode in one]


@pytest.mark.slow
def test_lists_are_of_the_nights_about_the_peak(
    made: World, lists: dict[str, dict[str, bench_yield.Lists]]
) -> None:
    """Told another peak, of other nights; who knows the types takes no SN Ib."""
    first = {name: nights(lists[name][SITES[0]])[0] for name in VARIANTS}
    assert abs(first[""] + 0.3 - PEAK) <= 2
    assert first["early"] < first[""] < first["late"]
    assert first["q0"] < first[""], "who never waits is earlier"
    assert abs(first["peaks"] + 0.3 - PEAK) <= 2
    assert nights(lists[""][SITES[0]], 1)
    assert not nights(lists["types"][SITES[0]], 1)
    alone = by_site(made, parts_of("goal"), ("",))
    assert alone[""] == lists[""]
    kept = {path.name.partition("-")[0] for path in yield_fits.FOLDER.iterdir()}
    assert kept == {"salt", "bazin"}
    up = [{0: FIRST + k + 0.3} for k in range(LAST - FIRST)]
    clear = np.ones((1, LAST - FIRST), bool)
    taken = replay(made, [lists[""][SITES[0]]], up, 1, clear)
    assert (taken.good.sum(), taken.ia.sum(), taken.other.sum()) == (1, 1, 0)


@pytest.mark.slow
def test_the_default_before_takes_it_at_once(
    made: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yield_fits, "FOLDER", tmp_path)
    monkeypatch.setattr(bench_yield, "FIRST", FIRST)
    monkeypatch.setattr(bench_yield, "LAST", LAST)
    parts = parts_of("today")
    memory = yield_fits.ByNight(made, yield_fits.fitted(made, parts))
    assert nights(by_score(made, parts, memory))[0] == FIRST


def test_a_variant_that_is_none_is_refused(made: World) -> None:
    with pytest.raises(ValueError, match="peeks: no such variant"):
        yield_variants.beside(made, ["peeks"])
