"""The factor of sky maps: levels and distances that are known, retraction, age, speed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time
from astropy_healpix import healpix_to_lonlat
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from aas2rto.errors import InputError
from aas2rto.factors import Decision, Factor
from aas2rto.factors.in_skymap import in_skymap
from aas2rto.sky.regions import events
from aas2rto.sky.regions.distance import consistency, moments
from tests.sources.maps import CENTRE, SIGMA, gaussian

EVENT = 61370.0
NOW = 61374.0
ABOUT = {"event": "S261126a", "time": EVENT}


def judge(folder: Path, *rows: dict[str, Any], now: float = NOW, **settings: Any) -> Factor:
    blank = {"ra": CENTRE[0], "dec": CENTRE[1], "first_detection": EVENT + 0.5, "redshift": np.nan}
    table = pd.DataFrame([blank | row for row in rows or ({},)])
    return in_skymap(table, Time(now, format="mjd"), folder=str(folder), **settings)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maps")
    events.put(folder, "S261126a", gaussian(), ABOUT)
    return folder


def test_a_map_of_4467_cells_gives_analytic_levels(maps: Path) -> None:
    """1 - exp(-d^2 / 2 sigma^2), to 0.02."""
    ((event, *_), _) = events.active(maps, NOW, 31.0)
    assert len(event.map.begin) == 4467
    # At the centres of the cells: within one, of 0.9 deg, the map says the same everywhere.
    ra, dec = healpix_to_lonlat(np.arange(12 * 4**6), 2**6, order="nested")
    places = SkyCoord(ra, dec)
    apart = places.separation(SkyCoord(*CENTRE, unit="deg")).deg
    near = apart < 15
    rows = zip(places.ra.deg[near].tolist(), places.dec.deg[near].tolist(), strict=True)
    found = judge(maps, *({"ra": a, "dec": d} for a, d in rows), credible=1.0)
    true = 1 - np.exp(-((apart[near] / SIGMA) ** 2) / 2)
    np.testing.assert_allclose(found.inputs["credible_level"], true, atol=0.02)
    np.testing.assert_allclose(found.value, 1 + 9 * (1 - true), atol=9 * 0.02)
    tried = judge(maps, *({"dec": one} for one in (-15.0, -10.0, 0.0)), credible=1.0)
    np.testing.assert_allclose(tried.inputs["credible_level"], [0.393, 0.865, 1.0], atol=0.02)


def test_the_published_example_of_a_distance() -> None:
    """DISTMU 180, DISTSIGMA 40: a mean of 196.9 Mpc, as the integral says."""
    mean, spread = moments(np.array([180.0, np.inf]), np.array([40.0, 1.0]))
    assert round(float(mean[0]), 1) == 196.9
    assert np.isnan(mean[1])
    density = lambda r, n: r ** (2 + n) * np.exp(-((r - 180) ** 2) / 2 / 40**2)  # noqa: E731
    whole, first, second = (quad(density, -500, 1000, args=(n,))[0] for n in range(3))
    assert float(mean[0]) == pytest.approx(first / whole)
    assert float(spread[0]) == pytest.approx(np.sqrt(second / whole - (first / whole) ** 2))


@given(
    mu=st.floats(20, 2000),
    share=st.floats(0.05, 0.5),
    distance=st.floats(5, 4000),
    error=st.floats(1, 500),
)
def test_consistency_agrees_with_the_integral(
    mu: float, share: float, distance: float, error: float
) -> None:
    """And its largest value, over all distances, is 1."""
    sigma = share * mu

    def integral(d: float) -> float:
        # The product is a Gaussian: nothing lies beyond ten of its widths.
        mean = (mu * error**2 + d * sigma**2) / (sigma**2 + error**2)
        width = 10 * np.sqrt(sigma**2 * error**2 / (sigma**2 + error**2))
        least = (d - mu) ** 2 / 2 / (sigma**2 + error**2)

        def line(r: float) -> float:
            log = -((r - mu) ** 2) / 2 / sigma**2 - (r - d) ** 2 / 2 / error**2 + least
            return float(r**2 * np.exp(log))

        return quad(line, mean - width, mean + width)[0] * float(np.exp(-least))

    one = [np.array([value]) for value in (mu, sigma, distance, error)]
    found = float(consistency(*one)[0])
    trial = np.linspace(mu, mu + 4 * (sigma + error), 200)
    largest = max(integral(float(d)) for d in trial)
    if largest > 0 and found > 1e-8:
        assert found == pytest.approx(integral(distance) / largest, rel=2e-3)
    assert 0 <= found <= 1


def test_what_is_not_known_of_a_distance_is_neutral() -> None:
    unknown = [np.nan, np.inf, 180.0, 180.0, 180.0]
    sigma = [40.0, 1.0, 0.0, 40.0, 40.0]
    far, error = [100.0, 100.0, 100.0, np.nan, 100.0], [1.0, 1.0, 1.0, 1.0, 0.0]
    found = consistency(*(np.array(one) for one in (unknown, sigma, far, error)))
    assert found.tolist() == [1.0] * 5


def test_a_redshift_at_the_right_distance_counts(maps: Path) -> None:
    """At z = 0.0435 it is 199 Mpc away; at 0.2, 1 Gpc; who has none is neutral."""
    near, far, none = judge(maps, {"redshift": 0.0435}, {"redshift": 0.2}, {}).value
    assert near == pytest.approx(none, rel=0.01)
    assert none == pytest.approx(10.0, abs=0.2)
    assert far == pytest.approx(1.0, abs=1e-3)
    (told, *_) = judge(maps, {"redshift": 0.0435}).reason.tolist()
    assert told.startswith("in the 0% region of S261126a, 199 Mpc away (agrees to ")


def test_who_was_seen_before_the_event_is_no_counterpart(maps: Path) -> None:
    found = judge(maps, {"first_detection": EVENT - 0.1}, {"first_detection": np.nan}, {"ra": 300})
    assert found.value.tolist()[::2] == [1.0, 1.0]
    assert found.value[1] > 9
    assert found.reason.tolist()[0] == "in no sky map of S261126a, or seen before"
    assert found.reason.tolist()[2] == "in no sky map of S261126a"
    only = judge(maps, {"ra": 300}, {}, only=True)
    assert only.decision.tolist() == [Decision.EXCLUDE, Decision.KEEP]
    early = judge(maps, {"first_detection": EVENT - 0.1}, before=1.0)
    assert early.value[0] > 9


@pytest.mark.parametrize("now", [EVENT - 0.1, EVENT + 31.1])
def test_events_count_when_they_are_young(maps: Path, now: float) -> None:
    """One that is still to come is not known, and nobody is excluded for want of events."""
    found = judge(maps, {"ra": 300}, now=now, only=True)
    assert (found.value[0], found.decision[0]) == (1.0, Decision.KEEP)
    assert found.reason.tolist() == ["there is no event with a sky map"]


def test_a_retracted_map_is_gone_and_a_newer_one_counts(tmp_path: Path) -> None:
    events.put(tmp_path, "S1", gaussian(), {"event": "S1", "time": EVENT})
    assert judge(tmp_path).value[0] > 9
    events.put(tmp_path, "S1", gaussian(centre=(20.0, 20.0)), {"event": "S1", "time": EVENT})
    assert judge(tmp_path).value[0] == 1.0
    assert judge(tmp_path, {"ra": 20.0, "dec": 20.0}).value[0] > 9
    events.end(tmp_path, "S1")
    assert list(tmp_path.iterdir()) == []
    assert judge(tmp_path, {"ra": 20.0, "dec": 20.0}).value[0] == 1.0


def test_the_best_of_several_events_counts(maps: Path, tmp_path: Path) -> None:
    for name, centre in (("S1", (150.0, -15.0)), ("S2", (150.0, -20.0))):
        events.put(tmp_path, name, gaussian(centre=centre), {"event": name, "time": EVENT})
    assert "region of S2" in judge(tmp_path).reason.tolist()[0]


def test_a_map_put_there_by_hand_tells_its_time(tmp_path: Path) -> None:
    (tmp_path / "mine.fits").write_bytes(gaussian(mjd=EVENT))
    assert judge(tmp_path).value[0] > 9
    (tmp_path / "mine.fits").write_bytes(gaussian())
    found = judge(tmp_path)
    assert found.value[0] == 1.0
    assert "says when the event was" in found.warnings[0]


@pytest.mark.parametrize("content", [b"", b"SIMPLE  =  what", b"\x1f\x8bno gzip", b"text"])
def test_a_damaged_map_costs_itself_alone(maps: Path, tmp_path: Path, content: bytes) -> None:
    events.put(tmp_path, "S1", gaussian(), ABOUT)
    (tmp_path / "broken.fits").write_bytes(content)
    found = judge(tmp_path)
    assert found.value[0] > 9
    assert len(found.warnings) == 1
    with pytest.raises(InputError):
        events.put(tmp_path, "S1", content, ABOUT)
    assert judge(tmp_path).value[0] > 9
    (tmp_path / "S1.json").write_text("{")
    assert judge(tmp_path).value[0] == 1.0
    (tmp_path / "S1.json").write_text(json.dumps([1]))
    assert judge(tmp_path).value[0] == 1.0


def test_a_hundred_thousand_candidates_take_less_than_a_second(maps: Path) -> None:
    """Three events, redshifts for half of them; the second time, as in every later cycle."""
    rng, n = np.random.default_rng(1), 100_000
    table = pd.DataFrame(
        {
            "ra": rng.uniform(0, 360, n),
            "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, n))),
            "first_detection": rng.uniform(EVENT - 5, NOW, n),
            "redshift": np.where(rng.random(n) < 0.5, rng.uniform(0.001, 0.3, n), np.nan),
        }
    )
    took = []
    for _ in range(3):
        start = time.perf_counter()
        found = in_skymap(table, Time(NOW, format="mjd"), folder=str(maps))
        took.append(time.perf_counter() - start)
    assert (found.value > 1).sum() > 100
    assert min(took) < 1.0, took
