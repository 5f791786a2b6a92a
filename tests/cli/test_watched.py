"""A list of watched sources and a table of light curves, by way of the packaged config."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]
NOW = "2026-03-20T06:00"
END = 61119.0
"""A day before [MJD]."""


def light_curves(folder: Path) -> None:
    """Write three sources of which the first brightened, and a list of what they are."""
    times = END - 4.0 * np.arange(100)[::-1]
    parts = []
    for k in range(3):
        flux = np.random.default_rng(k).normal(300, 3, len(times))
        if k == 0:
            flux += 150 * np.clip((times - END + 40) / 20, 0, 1)
        parts.append(
            pd.DataFrame(
                {
                    "id": f"w{k}",
                    "ra": 150.0 + k,
                    "dec": -20.0,
                    "mjd": times,
                    "band": "ztfg",
                    "survey": "ztf",
                    "flux": flux,
                    "flux_err": 3.0,
                }
            )
        )
    pd.concat(parts).to_csv(folder / "lc.csv", index=False)
    rows = ["name,ra,dec,class", "host 0,150,-20,Galaxy", "host 1,151,-20,QSO", "host 2,152,-20,?"]
    (folder / "watched.csv").write_text("\n".join(rows) + "\n")


@pytest.mark.slow
def test_watched_sources_are_imported_looked_at_and_told_of(
    aas2rto: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    light_curves(tmp_path)
    text = (ROOT / "configs" / "muse_first_filter.yaml").read_text()
    begin, end = text.index("  irsa:"), text.index("  too:")
    Path("case.yaml").write_text(text[:begin] + text[end:] + "figures: {top: 0}\n")
    said = aas2rto("targets", "import", "case.yaml", "watched.csv", "--as", "watch", "--now", NOW)
    assert said.code == 0, said.err
    said = aas2rto("run", "case.yaml", "--once", "--archive", "lc.csv", "--now", NOW)
    assert said.code == 0, said.err
    out = tmp_path / "outputs" / "muse-first-filter"
    ranked = pd.read_csv(out / "ranked" / "science.csv", comment="#")
    assert ranked["candidate_id"].tolist() == ["host 0"]
    assert ranked["reason"][0].startswith("change ") or "changed, brighter" in ranked["reason"][0]
    excluded = pd.read_csv(out / "excluded.csv", comment="#")
    assert sorted(excluded["candidate_id"]) == ["host 1", "host 2"]
    assert excluded["reason"].str.contains("no change: last night").all()
    said = aas2rto("explain", "case.yaml", "host 0", "--now", NOW)
    words = " ".join((said.out + said.err).split())
    for part in ("changed, brighter, by ", "onset ", "own scatter 0.0", "class galaxy"):
        assert part in words, part
