"""`aas2rto proposal`: the package of a source, and the queue to review."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aas2rto.models.watched.templates import curve
from tests.cli.conftest import Cli

NOW = "2020-08-14T06:00"
NOW_MJD = 59075.25

CONFIG = """\
project: watched
sources: {archive: {paths: [lc.csv]}}
models: {anomaly_class: {}}
score: {factors: [{anomaly_class: {}}]}
observatories: [paranal_vlt]
visibility: {factor: observable, min_altitude: 30 deg}
figures: {top: 0}
"""


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aas2rto: Cli) -> Path:
    """Make a project with a tidal disruption on its rise, and a source that does nothing."""
    rng = np.random.default_rng(4)
    tables = []
    for name, ra, size in (("AT2020x", 32.6, 400.0), ("quiet", 40.0, 0.0)):
        for band in ("ztfg", "ztfr"):
            t = np.arange(NOW_MJD - 500, NOW_MJD, 3.0) + rng.uniform(0, 0.1)
            flux = size * curve("TDE", t, NOW_MJD + 2, 18.0, 60.0) + rng.normal(0, 8, len(t))
            columns = {"mjd": t, "band": band, "flux": flux, "flux_err": 8.0}
            tables.append(pd.DataFrame({"id": name, "ra": ra, "dec": 9.0, **columns}))
    monkeypatch.chdir(tmp_path)
    pd.concat(tables).to_csv("lc.csv", index=False)
    Path("watched.yaml").write_text(CONFIG)
    said = aas2rto("run", "watched.yaml", "--once", "--now", NOW)
    assert said.code == 0, said.err
    return tmp_path


@pytest.mark.proof
def test_from_the_light_curve_to_the_package_and_its_review(watched: Path, aas2rto: Cli) -> None:
    said = aas2rto("proposal", "watched.yaml", "AT2020x", "--now", NOW)
    assert said.code == 0, said.err
    folder = watched / "outputs" / "watched" / "proposals" / "AT2020x"
    assert {path.name for path in folder.iterdir()} == {
        "proposal.pdf",
        "justification.txt",
        "facts.json",
        "light_curve.csv",
        "template.csv",
        "nights.csv",
    }
    pdf = (folder / "proposal.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b(?!s)", pdf)) == 2
    told = json.loads((folder / "facts.json").read_text())
    assert told["facts"]["priority"] == "B"
    assert told["facts"]["best"] in {"TDE", "SN"}
    text = (folder / "justification.txt").read_text()
    assert "still rising" in text
    assert "host is unknown" in text
    curves = pd.read_csv(folder / "light_curve.csv")
    assert len(curves) == 2 * 167
    template = pd.read_csv(folder / "template.csv")
    assert template["mjd"].max() == pytest.approx(curves["mjd"].max() + 30)
    assert (template["flux_low"] <= template["flux_high"]).all()
    again = aas2rto("proposal", "watched.yaml", "AT2020x", "--now", NOW, "--to", "again")
    assert again.code == 0
    assert (watched / "again" / "proposal.pdf").read_bytes() == pdf

    queue = aas2rto("proposal", "watched.yaml", "--now", NOW)
    assert "AT2020x" in queue.out
    assert "quiet" not in queue.out
    words = ("--decline", "an active nucleus", "--by", "Eva", "--now", NOW)
    said = aas2rto("proposal", "watched.yaml", "AT2020x", *words)
    assert said.out == "AT2020x: proposal declined: an active nucleus, by Eva\n"
    later = "2020-08-14T07:00"
    queue = aas2rto("proposal", "watched.yaml", "--now", later)
    assert "called bogus by Eva" in " ".join(queue.out.split())
    said = aas2rto("proposal", "watched.yaml", "AT2020x", "--accept", "--by", "Ann", "--now", later)
    assert said.out == "AT2020x: proposal accepted, by Ann\n"
    nothing = aas2rto("proposal", "watched.yaml", "quiet", "--now", NOW)
    assert "nothing happened" in nothing.out


@pytest.mark.slow
def test_what_does_not_fit_together_is_said(watched: Path, aas2rto: Cli) -> None:
    for words, told in (
        (("--accept",), "--accept and --decline need a source"),
        (("AT2020x", "--accept", "--decline", "no"), "exclude each other"),
        (("nobody",), "nobody"),
    ):
        said = aas2rto("proposal", "watched.yaml", *words, "--now", NOW)
        assert said.code != 0
        assert told in said.err
