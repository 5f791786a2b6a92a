"""A sum of points is explained, compared, questioned and replayed as a product is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.config.load import load
from aas2rto.loop import run_cycle
from aas2rto.questions import explain, whatif
from aas2rto.steps.build import build
from aas2rto.steps.cycle import Parts
from aas2rto.store import Store
from tests.config.cases import case, problems
from tests.conftest import MJD, make_facts, make_objects, make_photometry, make_report

NOW = Time(MJD, format="mjd", scale="utc")
CASE = """\
project: points
score:
  combine: sum
  keep_from: 40
  factors:
    - tags: {tiers: {rare: {points: 25, tags: [nova_test]}}}
    - anomaly_score: {points: 40}
    - expression: {name: bright, formula: "10 * (19 - last_mag)", missing: 0}
    - unclassified: {mode: demote, value: 0.5}
observatories: [la_palma_not]
visibility: {factor: observable, min_altitude: 30 deg}
"""
SAID = {
    "a": {"antares_tags": ["nova_test"], "antares_anomaly_score": 0.5},
    "b": {"antares_tags": [], "antares_anomaly_score": 1.0},
    "c": {"antares_tags": [], "antares_anomaly_score": 0.5},
}


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def parts(in_folder: None) -> Parts:
    Path("case.yaml").write_text(CASE)
    return build(load("case.yaml"), with_sources=False)


@pytest.fixture
def known(store: Store, parts: Parts) -> Store:
    objects = make_objects(list(SAID), ra=[60.0, 70.0, 80.0], dec=[20.0, 20.0, 20.0])
    points = pd.concat(
        [
            make_photometry(name, [MJD - 1], mag=mag, measurement_id=["1"])
            for name, mag in zip(SAID, (18.0, 17.0, 18.0), strict=True)
        ],
        ignore_index=True,
    )
    facts = pd.concat([make_facts(name, **told) for name, told in SAID.items()])
    store.ingest(make_report(objects, points, facts=facts), MJD)
    run_cycle(parts, store, NOW, inform=lambda _: None)
    return store


def told(parts: Parts, store: Store, name: str) -> dict:
    return explain.explain_stored(parts, store, name, NOW)


def test_every_point_is_told(parts, known):
    """A factor that is neutral at 1 adds what it is above it: here nothing."""
    found = told(parts, known, "a")
    assert (found["score"], found["decision"], found["base_score"]) == (55.0, "keep", 0.0)
    effects = {one["name"]: one["effect"] for one in found["factors"]}
    assert effects == {
        "tags": "+25",
        "anomaly_score": "+20",
        "bright": "+10",
        "unclassified": "+0",
    }
    assert found["observatories"]["la_palma_not"]["score"] == 55.0


def test_what_has_too_little_is_told_how_much_is_asked(parts, known):
    found = told(parts, known, "c")
    assert found["decision"] == "exclude"
    assert found["reason"].startswith("30 points, less than keep_from 40; anomaly_score +20")
    would = explain.what_would_do(parts, known, [found], NOW)
    assert would["settings"][0]["key"] == "score.keep_from"
    assert float(would["settings"][0]["needed"]) == pytest.approx(30.0, abs=0.3)
    assert would["settings"][0]["ranks"]["science"] == 3


def test_two_are_compared_by_differences(parts, known):
    parts = build(load("case.yaml", changes={"score.keep_from": 10}), with_sources=False)
    pair = [told(parts, known, name) for name in ("a", "b")]
    found = explain.compare(*pair, effect=parts.case.config.score.effect)
    assert found["sentence"] == (
        "a ranks below b (55 : 60): tags +25, anomaly_score -20, bright -10"
    )
    would = explain.what_would_do(parts, known, pair, NOW)
    assert would["settings"][0]["key"] == "score.factors.anomaly_score.points"
    assert float(would["settings"][0]["needed"]) == pytest.approx(30.0, abs=0.3)


def test_settings_are_tried_on_the_same_state(parts, known):
    """`whatif` and `--set` take what belongs to a sum."""
    path = Path("case.yaml")
    other = build(load(path, changes={"score.keep_from": 20}), with_sources=False)
    found = whatif.compare(parts, other, known, NOW)
    assert [one["candidate_id"] for one in found["lists"]["science"]["enters"]] == ["c"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{factors: [outlier]}", "'outlier' gives points, which a product cannot take"),
        ("{keep_from: 40, factors: [magnitude]}", "keep_from is for sums of points"),
        ("{clip: [0, 1], factors: [magnitude]}", "clip is for sums of points"),
        ("{base: 0, factors: [magnitude]}", "score.base: Input should be greater than 0 (it is 0)"),
        ("{combine: sum, clip: [5, 5], factors: [magnitude]}", "must go up from 0"),
        ("{combine: sum, clip: [-5, 5], factors: [magnitude]}", "must go up from 0"),
        (
            "{combine: sum, factors: [{tags: {tiers: {a: {points: 1, tags: [nova_tset]}}}}]}",
            "unknown tag 'nova_tset'; did you mean 'nova_test'?",
        ),
    ],
)
def test_what_does_not_fit_together_is_said_when_the_config_loads(in_folder, text, words):
    (found,) = problems(f"project: test\nscore: {text}\nobservatories: [la_palma_not]\n")
    assert words in found


def test_a_sum_begins_at_nothing_unless_told(in_folder):
    text = "project: test\nscore: {combine: sum, %s factors: [magnitude]}\n"
    text += "observatories: [la_palma_not]\n"
    assert case(text % "").config.score.base == 0
    assert case(text % "base: 5,").config.score.base == 5
