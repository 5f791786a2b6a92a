"""`aas2rto.questions.explain`: one decision, without the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.time import Time

from aas2rto.loop import run_cycle
from aas2rto.questions.explain import compare, explain_stored
from aas2rto.steps.cycle import Parts
from aas2rto.store import Store
from tests.conftest import NIGHT, make_case, make_light_curve

NOW = Time(NIGHT, format="mjd", scale="utc")


@pytest.fixture
def parts(tmp_path: Path, store: Store) -> Parts:
    store.ingest(make_light_curve("bright", [18.5, 18.0, 17.5, 17.0]), NIGHT)
    store.ingest(make_light_curve("fainter", [19.0, 18.6, 18.4, 18.2], ra=165.0, dec=-5.0), NIGHT)
    store.ingest(make_light_curve("few", [17.0], ra=160.0), NIGHT)
    return make_case(tmp_path)


@pytest.mark.slow
def test_the_score_is_what_the_cycle_gave(parts: Parts, store: Store) -> None:
    cycle = run_cycle(parts, store, NOW, inform=lambda _: None)
    assert cycle.judged is not None
    listed = cycle.judged.rankings[0].table.set_index("candidate_id")
    for name in ("bright", "fainter"):
        told = explain_stored(parts, store, name, NOW)
        assert told["score"] == pytest.approx(listed.loc[name, "score"], rel=1e-12)
        product = np.prod([factor["value"] for factor in told["factors"]])
        assert told["score"] == pytest.approx(product, rel=1e-12)


@pytest.mark.slow
def test_who_is_out_is_told_why(parts: Parts, store: Store) -> None:
    told = explain_stored(parts, store, "few", NOW)
    assert told["decision"] == "exclude"
    assert "2" in told["reason"]
    assert "4" in told["reason"]
    assert compare(told, explain_stored(parts, store, "bright", NOW))["sentence"].startswith(
        "few is not ranked (exclude: "
    )


@pytest.mark.slow
def test_why_one_is_above_another(parts: Parts, store: Store) -> None:
    first, second = (explain_stored(parts, store, name, NOW) for name in ("bright", "fainter"))
    told = compare(first, second)
    assert told["sentence"].startswith("bright ranks above fainter (")
    ratios = {pair["name"]: pair["ratio"] for pair in told["factors"]}
    assert np.prod(list(ratios.values())) == pytest.approx(first["score"] / second["score"])
    assert f"magnitude x{ratios['magnitude']:.3g}" in told["sentence"]
