"""`aas2rto run`: the loop from end to end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aas2rto.loop import STEPS
from tests.cli.conftest import CONFIG, NOW, Cli, Said, light_curve, too_text
from tests.conftest import LATE

COLUMNS = [
    "rank",
    "candidate_id",
    "name",
    "ra",
    "dec",
    "ra_hms",
    "dec_dms",
    "score",
    "site_score",
    "last_mag",
    "last_band",
    "n_detections",
    "t_peak",
    "t_peak_err",
    "p_peak_1d",
    "redshift",
    "spectral_type",
    "altitude",
    "azimuth",
    "airmass",
    "moon_sep",
    "rises",
    "sets",
    "hours_left",
    "observable_now",
    "updated",
    "reason",
]


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, comment="#", dtype={"candidate_id": str})


def lists(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.csv"))}


def once(aas2rto: Cli, *more: object) -> Said:
    return aas2rto("run", "small.yaml", "--once", "--now", NOW, *more)


def test_every_candidate_is_accounted_for(project: Path, aas2rto: Cli) -> None:
    """Ranked, excluded and rejected lists add up to all candidates, each with its reason."""
    said = once(aas2rto)
    assert said.code == 0, said.err
    folder = project / "outputs" / "small"
    science = read(folder / "ranked" / "science.csv")
    excluded = read(folder / "excluded.csv")
    rejected = read(folder / "rejected.csv")
    assert science["candidate_id"].tolist() == ["bright", "fainter"]
    assert dict(zip(excluded["candidate_id"], excluded["factor"], strict=True)) == {
        "few": "detections",
        "too_faint": "magnitude",
    }
    assert dict(zip(rejected["candidate_id"], rejected["factor"], strict=True)) == {
        "declining": "rising_fraction"
    }
    assert excluded["score"].tolist() == [-1, -1]
    assert rejected["score"].tolist() == [-float("inf")]
    report = json.loads((folder / "cycle.json").read_text())
    assert report["funnel"] == {
        "candidates": 5,
        "rejected": {"rising_fraction": 1},
        "excluded": {"detections": 1, "magnitude": 1},
        "ranked": 2,
        "per_observatory": {"la_palma_not": 2, "la_silla_dk154": 2},
    }
    assert set(report["timings"]) >= {"acquire", "fit", "score", "rank", "store", "lists"}
    assert "5 candidates -> 1 rejected (rising_fraction 1) -> 2 excluded" in said.out


def logged(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_times_of_all_steps_are_in_report_and_store(project: Path, aas2rto: Cli) -> None:
    """To the last: also storing, writing, drawing and sending."""
    from aas2rto.store import Store

    (project / "small.yaml").write_text(CONFIG.replace("{top: 0}", "{top: 1, workers: 1}"))
    assert once(aas2rto).code == 0
    folder = project / "outputs" / "small"
    report = json.loads((folder / "cycle.json").read_text())
    timings = report["timings"]
    assert set(timings) >= {*STEPS, "figures", "messages"}
    assert timings["figures"] > 0.05  # one light curve and its visibility take longer
    assert timings["store"] > 0
    assert timings["lists"] > 0
    with Store(f"sqlite:///{folder / 'store.sqlite'}") as store, store.engine.connect() as held:
        stored = held.exec_driver_sql("SELECT report FROM cycles").scalars().all()
    assert [json.loads(one) for one in stored] == [report]


@pytest.mark.slow
def test_each_cycle_source_failure_and_problem_is_a_line_of_the_log(
    project: Path, aas2rto: Cli
) -> None:
    (project / "my_factors.py").write_text("def blue(candidates, now):\n    raise ValueError(1)\n")
    text = CONFIG.replace("factors:\n", "factors:\n    - my_factors.py:blue\n")
    (project / "small.yaml").write_text(text)
    assert once(aas2rto).code == 0
    (project / "night.csv").unlink()
    assert aas2rto("run", "small.yaml", "--once", "--now", "2026-03-20T22:10").code == 0
    lines = [line for line in logged(project / "outputs" / "small") if "event" in line]
    assert [line["event"] for line in lines] == ["cycle", "problem", "cycle", "source", "problem"]
    assert [line["level"] for line in lines[2:]] == ["INFO", "WARNING", "WARNING"]
    last = lines[2]["cycle"]
    assert last["funnel"]["candidates"] == 5
    assert last["problems"] == 2
    assert set(last["timings"]) >= {*STEPS, "figures", "messages"}
    assert lines[2]["message"] == "cycle of 2026-03-20T22:10:00.000: 5 candidates"
    assert "archive: failed: no file could be read: night.csv" in lines[3]["message"]
    assert lines[4]["message"].startswith("factor blue: ValueError: 1")


def test_lists_have_the_promised_columns(project: Path, aas2rto: Cli) -> None:
    """Both kinds of list carry the columns that observers and programs rely on."""
    once(aas2rto)
    for name in ("science", "la_palma_not", "la_silla_dk154"):
        table = read(project / "outputs" / "small" / "ranked" / f"{name}.csv")
        assert set(COLUMNS) <= set(table.columns)
        assert "factor_magnitude" in table
        assert table["rank"].tolist() == [1, 2]


@pytest.mark.slow
def test_a_fresh_folder_gives_the_same_bytes(project: Path, aas2rto: Cli) -> None:
    """The same alerts, config and time give the same lists, byte for byte."""
    once(aas2rto, "--output", "one")
    once(aas2rto, "--output", "two")
    once(aas2rto, "--output", "two")  # and once more over what is there
    assert lists(project / "one") == lists(project / "two")


@pytest.mark.slow
def test_too_ranks_first_and_its_file_moves(project: Path, aas2rto: Cli) -> None:
    """A ToO without light curve leads every list; its file goes to accepted/."""
    (project / "too" / "grb.txt").write_text(too_text())
    said = once(aas2rto)
    assert said.code == 0, said.err
    science = read(project / "outputs" / "small" / "ranked" / "science.csv")
    assert science["candidate_id"].iloc[0] == "GRB260320A"
    assert science["score"].iloc[0] == 1000
    assert (project / "too" / "accepted" / "grb.txt").exists()
    again = once(aas2rto)
    assert "GRB260320A" in again.out  # it is remembered without its file


@pytest.mark.slow
def test_bad_too_stays_with_an_explanation(project: Path, aas2rto: Cli) -> None:
    """A ToO file with a mistake stays; what to mend stands beside it, and in the report."""
    bad = project / "too" / "bad.txt"
    bad.write_text(too_text(dec="+95:00:00"))
    os.utime(bad, (1e9, 1e9))
    said = once(aas2rto)
    assert said.code == 0
    assert bad.exists()
    assert "dec" in (project / "too" / "bad.txt.error.txt").read_text()
    assert "bad.txt" in said.out


@pytest.mark.slow
def test_archive_replaces_live_sources_and_their_secrets(project: Path, aas2rto: Cli) -> None:
    """With --archive, secrets of live sources need not be set."""
    text = (project / "small.yaml").read_text().replace("paths: [night.csv]", "paths: ['${UNSET}']")
    (project / "small.yaml").write_text(text)
    assert once(aas2rto).code == 2
    said = once(aas2rto, "--archive", "night.csv")
    assert said.code == 0, said.err
    assert "5 new candidates" in said.out


@pytest.mark.slow
def test_broken_files_cost_one_line_each(project: Path, aas2rto: Cli) -> None:
    """Corrupt files among the archive are named; the rest is ranked as ever."""
    folder = project / "alerts"
    folder.mkdir()
    (project / "night.csv").rename(folder / "night.csv")
    (folder / "empty.avro").write_bytes(b"")
    (folder / "noise.avro").write_bytes(b"Obj\x01" + bytes(range(200)))
    (folder / "text.csv").write_text("this is,no table\n1,2\n")
    said = once(aas2rto, "--archive", "alerts")
    assert said.code == 0
    report = json.loads((project / "outputs" / "small" / "cycle.json").read_text())
    for name in ("empty.avro", "noise.avro", "text.csv"):
        assert sum(name in line for line in report["problems"]) == 1
    assert report["funnel"]["ranked"] == 2


FACTORS = {
    "raises": "def culprit(candidates, now):\n    raise ValueError('broken')\n",
    "raises_for_one": (
        "def culprit(candidates, now):\n"
        "    if (candidates['candidate_id'] == 'fainter').any():\n"
        "        raise ValueError('no such colour')\n"
        "    return 1.5\n"
    ),
    "int": "def culprit(candidates, now):\n    return 1\n",
    "nan": "def culprit(candidates, now):\n    return float('nan')\n",
    "nan_for_one": (
        "import numpy as np\n"
        "def culprit(candidates, now):\n"
        "    return np.where(candidates['candidate_id'] == 'fainter', np.nan, 2.0)\n"
    ),
}


@pytest.mark.fault("factors", "dies", "a user's factor that raises")
@pytest.mark.slow
@pytest.mark.parametrize("kind", FACTORS)
def test_a_users_factor_costs_only_itself(kind: str, project: Path, aas2rto: Cli) -> None:
    """Whatever a user's factor does, every other candidate is listed and the culprit named."""
    (project / "mine.py").write_text(FACTORS[kind])
    text = (project / "small.yaml").read_text()
    (project / "small.yaml").write_text(
        text.replace("observatories:", "    - mine.py:culprit\nobservatories:")
    )
    said = once(aas2rto)
    assert said.code == 0, said.err
    science = read(project / "outputs" / "small" / "ranked" / "science.csv")
    report = json.loads((project / "outputs" / "small" / "cycle.json").read_text())
    assert "bright" in science["candidate_id"].tolist()
    if kind == "int":
        assert report["problems"] == []
        return
    assert any("factor culprit" in line for line in report["problems"])
    if kind.endswith("for_one"):
        excluded = read(project / "outputs" / "small" / "excluded.csv").set_index("candidate_id")
        assert excluded.loc["fainter", "factor"] == "culprit"
        assert any("fainter" in line for line in report["problems"])
    else:
        assert "fainter" in science["candidate_id"].tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("ghost,10.0,10.0,61118.0,ztfg,nan,nan", "ghost"),
        ("dim,20.0,20.0,61118.0,ztfg,,", "dim"),
    ],
)
def test_a_poor_light_curve_costs_only_itself(
    row: str, name: str, project: Path, aas2rto: Cli
) -> None:
    """A candidate with a single NaN, or nothing measured, does not disturb the others."""
    with (project / "night.csv").open("a") as file:
        file.write(row + "\n")
    said = once(aas2rto)
    assert said.code == 0, said.err
    science = read(project / "outputs" / "small" / "ranked" / "science.csv")
    assert science["candidate_id"].tolist() == ["bright", "fainter"]


@pytest.mark.slow
def test_only_upper_limits(project: Path, aas2rto: Cli) -> None:
    """A candidate that was never detected is excluded, with that reason."""
    (project / "limits.csv").write_text(
        "candidate_id,ra,dec,mjd,band,mag,magerr,limit\n"
        "unseen,30.0,20.0,61118.0,ztfg,,,20.5\nunseen,30.0,20.0,61119.0,ztfr,,,20.1\n"
    )
    said = once(aas2rto, "--archive", "night.csv", "--archive", "limits.csv")
    assert said.code == 0, said.err
    excluded = read(project / "outputs" / "small" / "excluded.csv").set_index("candidate_id")
    assert "no detection" in excluded.loc["unseen", "reason"]
    assert read(project / "outputs" / "small" / "ranked" / "science.csv").shape[0] == 2


@pytest.mark.slow
def test_later_alerts_are_not_seen(project: Path, aas2rto: Cli) -> None:
    """A cycle in the past sees nothing that was measured after it."""
    future = light_curve("tomorrow", 100.0, 0.0, [17.0, 16.5, 16.0, 15.5], last=61125.0)
    with (project / "night.csv").open("a") as file:
        file.write("\n".join(future) + "\n")
    once(aas2rto)
    science = read(project / "outputs" / "small" / "ranked" / "science.csv")
    assert "tomorrow" not in science["candidate_id"].tolist()


@pytest.mark.slow
def test_rejected_are_remembered(project: Path, aas2rto: Cli) -> None:
    """The next alert of a rejected candidate does not start it afresh."""
    once(aas2rto)
    first = (project / "outputs" / "small" / "rejected.csv").read_bytes()
    with (project / "night.csv").open("a") as file:
        file.write("declining,155.0,5.0,61119.8,ztfg,12.0,0.01\n")
    once(aas2rto)
    assert (project / "outputs" / "small" / "rejected.csv").read_bytes() == first


@pytest.mark.slow
@pytest.mark.parametrize("later", [NOW, "2026-03-20T23:00"])
def test_a_loosened_limit_judges_the_rejected_anew(project: Path, aas2rto: Cli, later: str) -> None:
    """Also at the same `now`; `whatif` knows it before, and back again it is rejected as before."""
    first = once(aas2rto)
    rejected = (project / "outputs" / "small" / "rejected.csv").read_bytes()
    assert "judged anew" not in once(aas2rto).out
    told = aas2rto(
        "whatif", "small.yaml", "--set", "score.factors.rising_fraction.min=0", "--now", NOW
    )
    assert "declining" in told.out
    config = (project / "small.yaml").read_text()
    loosened = config.replace("rising_fraction: {min: 0.4}", "rising_fraction: {min: 0}")
    (project / "small.yaml").write_text(loosened)
    said = aas2rto("explain", "small.yaml", "declining", "--now", NOW)
    assert "it stands as rejected (rejected.csv), by earlier settings or data" in said.out
    said = aas2rto("run", "small.yaml", "--once", "--now", later)
    assert "settings changed: 1 candidate rejected before, judged anew" in said.out
    science = read(project / "outputs" / "small" / "ranked" / "science.csv")
    assert "declining" in science["candidate_id"].tolist()
    assert "judged anew" not in aas2rto("run", "small.yaml", "--once", "--now", later).out
    (project / "small.yaml").write_text(config)
    said = aas2rto("run", "small.yaml", "--once", "--now", later)
    assert "1 rejected (rising_fraction 1)" in said.out
    if later == NOW:
        assert "1 rejected (rising_fraction 1)" in first.out
        assert (project / "outputs" / "small" / "rejected.csv").read_bytes() == rejected


@pytest.mark.slow
def test_dry_run_leaves_everything_as_it_was(project: Path, aas2rto: Cli) -> None:
    """A dry run shows the lists, and stores, writes and moves nothing."""
    (project / "too" / "grb.txt").write_text(too_text())
    before = sorted(project.rglob("*"))
    said = once(aas2rto, "--dry-run")
    assert said.code == 0, said.err
    assert "GRB260320A" in said.out
    assert "dry run" in said.out
    assert sorted(project.rglob("*")) == before


@pytest.mark.fault("loop", "again", "a second run")
def test_a_second_run_of_a_project_is_refused(project: Path, aas2rto: Cli) -> None:
    """Two programs on one project would write over each other."""
    from aas2rto.store.lock import hold

    folder = project / "outputs" / "small"
    folder.mkdir(parents=True)
    with hold(folder / "run.lock"):
        said = once(aas2rto)
    assert said.code == 1
    assert "another aas2rto (process" in said.err
    assert "Traceback" not in said.err


def start(project: Path, *more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from aas2rto.cli import main; main()",
            "run",
            "small.yaml",
            "--now",
            NOW,
            *more,
        ],
        cwd=project,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.fault("loop", "dies", "SIGINT, SIGTERM")
@pytest.mark.proof
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_loop_cleanly(number: signal.Signals, project: Path) -> None:
    """SIGINT and SIGTERM end the loop after the step at hand, with exit code 0."""
    process = start(project)
    report = project / "outputs" / "small" / "cycle.json"
    end = time.monotonic() + 60
    while not report.exists() and time.monotonic() < end:
        time.sleep(0.1)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "ending after the step at hand" in err
    assert "stopped" in out


KILLS = int(os.environ.get("AAS2RTO_KILLS", "3"))


@pytest.mark.fault("loop", "dies", "kill -9")
@pytest.mark.proof
def test_kill_loses_nothing_and_doubles_nothing(project: Path, aas2rto: Cli) -> None:
    """Killed at random instants and run again, the lists are those of an undisturbed run.

    AAS2RTO_KILLS=20 kills 20 times, which takes some minutes.
    """
    from aas2rto.store import Store

    (project / "too" / "grb.txt").write_text(too_text())
    began = time.perf_counter()
    start(project, "--once", "--output", "undisturbed").communicate()
    whole = time.perf_counter() - began
    (project / "too" / "accepted" / "grb.txt").rename(project / "too" / "grb.txt")
    for share in np.random.default_rng(7).uniform(0.2, 1.0, KILLS):
        process = start(project, "--once")
        time.sleep(share * whole)
        process.kill()
        process.communicate()
    assert once(aas2rto).code == 0
    assert [p for p in (project / "outputs").rglob("*") if p.name.endswith(".part")] == []
    assert lists(project / "outputs") == lists(project / "undisturbed")
    counts = []
    for folder in ("outputs", "undisturbed"):
        with Store(f"sqlite:///{project / folder / 'small' / 'store.sqlite'}") as store:
            counts.append((len(store.candidates(LATE, state=None)), store.photometry.count()))
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_a_replay_is_not_judged_by_today(project: Path, aas2rto: Cli) -> None:
    """Else all its candidates would be rejected for good as too old."""
    assert once(aas2rto).code == 0
    before = lists(project / "outputs")
    said = aas2rto("run", "small.yaml", "--once")
    assert said.code == 2
    assert "this project replays the night of 2026-03-20T22:00 UTC" in said.err
    assert "give --now 2026-03-20T22:00 to go on with it" in said.err
    assert lists(project / "outputs") == before
    assert aas2rto("run", "small.yaml", "--once", "--now", "2026-03-21T22:00").code == 0
    said = once(aas2rto)
    assert "what was learnt since is not seen" in said.err


def test_an_archive_that_is_not_there_is_told_at_once(project: Path, aas2rto: Cli) -> None:
    """Not as an empty night."""
    said = once(aas2rto, "--archive", "nigth.csv")
    assert said.code == 2
    assert "--archive: there is no nigth.csv" in said.err


@pytest.mark.slow
def test_a_failing_source_is_told_once(project: Path, aas2rto: Cli) -> None:
    """Among the sources, and not among the problems again."""
    text = (project / "small.yaml").read_text()
    (project / "small.yaml").write_text(text.replace("night.csv", "nigth.csv"))
    said = aas2rto("run", "small.yaml", "--once", "--now", NOW)
    assert said.code == 0
    assert said.out.count("there is no such file or folder") == 1
    assert "\n  archive: failed: no file could be read: nigth.csv" in said.out
    report = json.loads((project / "outputs" / "small" / "cycle.json").read_text())
    assert [line for line in report["problems"] if "nigth.csv" in line] == report["sources"][:1]


@pytest.mark.slow
def test_a_single_candidate_is_no_candidates(project: Path, aas2rto: Cli) -> None:
    rows = (project / "night.csv").read_text().splitlines()
    kept = [row for row in rows if row.startswith(("bright,", "candidate_id,"))]
    (project / "night.csv").write_text("\n".join(kept) + "\n")
    said = aas2rto("run", "small.yaml", "--once", "--now", NOW)
    assert "archive: 1 new candidate, 8 new measurements" in said.out
    assert "funnel: 1 candidate -> 1 ranked" in said.out
    assert "science: 1 candidate\n" in re.sub(" +\n", "\n", said.out)
