"""`aas2rto run` on five live sources at once: stand-ins over real HTTP and real Kafka."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aas2rto.cli import main
from aas2rto.store import Store
from tests.conftest import LATE
from tests.sources.conftest import ROOT, StandIn
from tests.standin import faults, sky
from tests.standin.__main__ import SECRETS

KILLS = int(os.environ.get("AAS2RTO_KILLS", "2"))
CYCLES = 4
"""After so many, all has come: ATLAS wants candidates first, then a place in its queue."""

QUIET = "figures: {top: 0}\n"
DAY = 2
SEEN = [t for t in sky.transients() if t.kind != "AGN"]
"""What the classes and filters of the config let through."""


@dataclass
class Everything:
    """All stand-ins with a Kafka cluster, and the config that polls them."""

    config: Path
    switchboard: StandIn

    def begin_anew(self) -> None:
        """Mend all services and forget what was asked; ATLAS answers in the cycle after next."""
        self.switchboard.mend()
        self.switchboard.call("state/atlas", steps=0)

    def give(self, folder: Path) -> Path:
        """Write the config of a project in `folder`, where TNS's table is kept, too."""
        text = self.config.read_text() + QUIET
        text = re.sub(r"folder: \S+", f"folder: {folder / 'tns'}", text)
        # Kafka keeps how far a group has come: each project reads for itself.
        text = text.replace(
            "servers:", f"group_id: {folder.parent.name}-{folder.name}\n    servers:"
        )
        text = text.replace("    group_id: standin\n", "")
        (folder / "live.yaml").write_text(text)
        return folder


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    config = tmp_path_factory.mktemp("standin") / "standin.yaml"
    command = [sys.executable, "-m", "tests.standin", "--config", str(config)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as running:  # type: ignore[call-overload]
        said = [running.stdout.readline() for _ in range(len(SECRETS) + 2)]
        yield Everything(config, StandIn({"control": said[-1].split()[-1]}))
        running.terminate()
        running.wait(20)


@pytest.fixture
def live(process: Everything, monkeypatch: pytest.MonkeyPatch) -> Everything:
    monkeypatch.chdir(ROOT)  # and back to where it was: cycles run in the folders of projects
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    process.begin_anew()
    return process


def cycle(folder: Path, *more: str) -> None:
    """Run one cycle in this process."""
    os.chdir(folder)
    with pytest.raises(SystemExit) as ended:
        main(["run", "live.yaml", "--once", "--now", str(sky.NOW), *more])
    assert ended.value.code in {0, None}


def opened(folder: Path) -> Store:
    return Store(f"sqlite:///{folder / 'outputs' / 'standin' / 'store.sqlite'}")


def stored(folder: Path) -> dict[str, Counter[Any]]:
    """Return everything that the sources brought, as bags of rows."""
    with opened(folder) as store:
        held = store.candidates(LATE, state=None)
        rows = store.photometry.of(held)
        known = store.facts.as_known(LATE)
        return {
            "candidates": bag(held[["candidate_id", "name", "redshift", "spectral_type"]]),
            "aliases": bag(store.identities.aliases()),
            "photometry": bag(rows[["candidate_id", "measurement_id", "mjd", "band", "flux"]]),
            "annotations": bag(known.melt("candidate_id").dropna()),
        }


def bag(table: pd.DataFrame) -> Counter[Any]:
    return Counter(map(repr, table.itertuples(index=False, name=None)))


@pytest.mark.slow
def test_five_sources_give_one_merged_ranked_list(
    live: Everything, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two surveys, two brokers of one of them, ATLAS and TNS: one row per transient."""
    folder = live.give(tmp_path)
    for _ in range(CYCLES):
        cycle(folder)
    said = capsys.readouterr().out
    for source in ("fink", "alerce", "lasair", "atlas", "tns"):
        assert re.search(rf"^  {source}: (\d+ new candidates, [1-9]|0 new candidates)", said, re.M)
    assert "failed" not in said
    path = folder / "outputs" / "standin" / "ranked" / "science.csv"
    ranked = pd.read_csv(path, comment="#")
    assert ranked["rank"].tolist() == list(range(1, len(SEEN) + 1))
    assert ranked["score"].is_monotonic_decreasing
    assert set(ranked["candidate_id"]) == {t.ztf_id for t in SEEN}
    with opened(folder) as store:
        held = store.candidates(LATE, state=None)
        assert len(held) == len(SEEN)
        curves = store.photometry.as_known(held, sky.NOW).photometry
        known = held.set_index("candidate_id")
        for t in SEEN:
            names = [t.ztf_id, str(t.lsst_id)]
            if t.tns_name and t.t_peak - 3 < sky.NOW:  # only then reported, see the stand-in
                names.append(t.tns_name)
            assert {store.identities.resolve(name) for name in names} == {t.ztf_id}
            its_type = t.tns_type if t.t_peak + 2 < sky.NOW else ""
            assert known.loc[t.ztf_id, "spectral_type"] == its_type
            mine = curves[curves["candidate_id"] == t.ztf_id]
            check_exposures(mine[mine["kind"] == "detection"], t)


def check_exposures(rows: pd.DataFrame, t: sky.Transient) -> None:
    """Check that each exposure is there once, whoever brought it; ATLAS's visits are stacked."""
    seconds = (rows["mjd"] * 86400 / 10).round()
    assert not pd.DataFrame({"band": rows["band"], "when": seconds}).duplicated().any()
    for survey, looks in (("ztf", t.ztf(sky.NOW)), ("lsst", t.lsst(sky.NOW))):
        found = rows[rows["band"].str.startswith(survey)]
        truth = [look.mjd for look in looks if look.detected]
        recent = [mjd for mjd in truth if mjd > sky.NOW - DAY * 10]
        near = np.abs(np.subtract.outer(recent, found["mjd"].to_numpy(float))) < 1e-3
        assert (near.sum(axis=1) == 1).all(), f"{t.ztf_id} {survey}"
    assert rows["band"].str.startswith("atlas").any() or not any(
        look.detected for look in t.atlas(sky.NOW)
    )


@pytest.mark.fault("loop", "dies", "between poll and commit")
@pytest.mark.proof
def test_killed_between_poll_and_commit_no_alert_is_lost_or_doubled(
    live: Everything, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At any statement, commit or acknowledgement; AAS2RTO_KILLS=20 kills 20 times."""
    shown = []
    whole = live.give(new(tmp_path / "whole"))
    instants = [dying(whole, 0) for _ in range(CYCLES)]
    expected = stored(whole)
    assert expected["photometry"]
    assert max(expected["photometry"].values()) == 1
    random = np.random.default_rng(11)
    for number in range(KILLS):
        live.begin_anew()
        folder = live.give(new(tmp_path / str(number)))
        before = int(random.integers(0, CYCLES - 1))
        for _ in range(before):
            cycle(folder)
        last = int(random.integers(1, instants[before] + 1))
        assert dying(folder, last) == -signal.SIGKILL
        for _ in range(CYCLES + 1):
            cycle(folder)
        got = stored(folder)
        for what, rows in expected.items():
            assert got[what] == rows, f"{what}, killed in cycle {before + 1} at instant {last}"
        shutil.rmtree(folder)
        shown.append(f"{before + 1}:{last}/{instants[before]}")
    with capsys.disabled():
        rows = sum(expected["photometry"].values())
        print(
            f"\nkilled {len(shown)} times between poll and commit, at cycle:instant/instants "
            f"{' '.join(shown)}; all {rows} measurements there once each time"
        )


def new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def dying(folder: Path, last: int) -> int:
    """Run a cycle that ends at an instant of storing; returns the instants, or the signal."""
    command = [
        sys.executable,
        "-m",
        "tests.cli.dying",
        str(last),
        "run",
        "live.yaml",
        "--once",
        "--now",
        str(sky.NOW),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode < 0:
        return done.returncode
    assert done.returncode == 0, done.stderr
    return int(done.stderr.rpartition("instants: ")[2])


PLANTED = {
    "LASAIR_TOKEN": "planted/lasair+token&1",
    "ATLAS_TOKEN": "planted-atlas-token",
    "TNS_API_KEY": "planted=tns%key",
}
SERVICES = ("fink-ztf", "alerce", "lasair-lsst", "atlas", "tns")
KINDS_OF_FAULTS = ("401", "html", "reset", "refused")


@pytest.mark.fault("CLI", "secret", "secrets of sources")
@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["none", *(pytest.param(k, marks=pytest.mark.proof) for k in KINDS_OF_FAULTS)]
)
def test_no_secret_of_a_source_is_written_anywhere(
    kind: str, live: Everything, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """Right and wrong secrets, services that quote and that fail: then everything is searched."""
    secrets = dict(SECRETS) if kind == "none" else PLANTED
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    for service in SERVICES if kind != "none" else ():
        live.switchboard.fault(service, kind)
    folder = live.give(tmp_path)
    cycle(folder, "--debug")
    cycle(folder)
    for verb in (["check", "--online"], ["check", "--json"], ["status"], ["status", "--json"]):
        with pytest.raises(SystemExit):
            main([verb[0], "live.yaml", *verb[1:]])
    said = capfd.readouterr()
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    written = b"\0".join(path.read_bytes() for path in files) + (said.out + said.err).encode()
    assert b"lasair" in written
    assert any(path.name == "store.sqlite" for path in files)
    for name, value in secrets.items():
        for form in (value, json.dumps(value)[1:-1]):
            assert form.encode() not in written, f"{name} is in what was written"


HURRY = "{rate: 100, burst: 100, connect: 1 s, read: 1 s, tries: 2}"


@pytest.mark.proof
@pytest.mark.parametrize(("number", "kind"), list(enumerate(faults.KINDS)))
def test_a_broken_service_costs_its_own_data_and_one_line(
    number: int, kind: str, live: Everything, tmp_path: Path
) -> None:
    """Services take turns; the cycle ends, and the lists have what the others brought.

    Every service with every fault: ``pytest tests/sources/test_faults.py``.
    """
    broken = SERVICES[number % len(SERVICES)]
    service = broken.partition("-")[0]
    live.switchboard.fault(broken, kind)
    folder = live.give(tmp_path)
    config = folder / "live.yaml"
    text = config.read_text().replace("{rate: 100, burst: 100}", HURRY)
    config.write_text(text.replace("deadline: 30 s", "deadline: 8 s"))
    if service == "atlas":
        live.switchboard.fault(broken, "none")
        cycle(folder)  # now there are candidates to ask about
        live.switchboard.fault(broken, kind)
    cycle(folder)
    report = json.loads((folder / "outputs" / "standin" / "cycle.json").read_text())
    lines = {line.partition(":")[0]: line for line in report["sources"]}
    assert set(lines) == {"fink", "alerce", "lasair", "atlas", "tns"}
    for name, line in lines.items():
        assert name == service or "failed" not in line
    if "failed" in lines[service]:
        assert re.fullmatch(r"\w+: failed: .+; next try in .+", lines[service])
    assert report["funnel"]["candidates"] >= len(SEEN) - 2
    assert report["funnel"]["ranked"] > 0
