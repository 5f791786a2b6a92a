"""`aas2rto inject` puts dips into histories, by the tests of a config."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import Cli

CONFIG = """\
project: dips
sources: {ztf_history: {paths: [history.parquet]}}
models: {dip: {}}
score: {factors: [dip: {min_history: 50}]}
observatories: [la_palma_not]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {
                "oid": k,
                "mjd": np.linspace(58200, 60000, 200),
                "mag": rng.normal(15, 0.02, 200),
                "magerr": 0.02,
                "filtercode": "zr",
                "ra": 10.0 + k,
                "dec": 20.0,
            }
        )
        for k in range(4)
    ]
    pd.concat(parts).to_parquet(tmp_path / "history.parquet")
    (tmp_path / "case.yaml").write_text(CONFIG)
    return tmp_path


@pytest.mark.slow
def test_recall_and_p_by_depth(aas2rto: Cli, folder: Path) -> None:
    """As JSON, as files, and drawn."""
    said = aas2rto("inject", "case.yaml", "--class", "dip", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    found = {row["depth"]: row for row in told["by_depth"]}
    assert found[0.0]["found"] == 0
    assert found[3.0]["found"] == 1
    assert len(told["histories"]) == 4
    assert 0.3 < told["histories"][0]["sigmas"] < 1.1
    written = folder / "outputs" / "dips" / "inject"
    assert {one.name for one in written.iterdir()} == {"dip.csv", "dip_histories.csv", "dip.png"}
    assert (written / "dip.png").read_bytes().startswith(b"\x89PNG")
    assert "(false positives)" in aas2rto("inject", "case.yaml", "--drawn", "--alerts", "5").out


def test_what_is_missing_is_said(aas2rto: Cli, folder: Path) -> None:
    (folder / "other.yaml").write_text(
        "project: other\nobservatories: [la_palma_not]\nscore: {factors: [time_span]}\n"
    )
    said = aas2rto("inject", "other.yaml")
    assert (said.code, "has no factor dip" in said.err) == (2, True)
    (folder / "case.yaml").write_text(CONFIG.replace("min_history: 50", "min_history: 300"))
    said = aas2rto("inject", "case.yaml")
    assert (said.code, "no history is long enough" in said.err) == (1, True)
