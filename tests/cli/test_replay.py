"""`aas2rto replay`: past nights through the loop, as a user runs it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.replay import tables
from tests.cli.conftest import Cli
from tests.replay.nights import FIRST, season, truth, write_project

N = 6
BEGIN = Time(FIRST, format="mjd").isot[:16]
END = Time(FIRST + N - 1, format="mjd").isot[:16]
SPAN = ("--archive", "alerts.csv", "--from", BEGIN, "--to", END)
EAGER = (
    "from aas2rto.cli import main; from aas2rto.replay import drive; drive.SAVE_EVERY = 0.0; main()"
)
"""A program that writes a checkpoint after each night."""
FOLDER = Path("outputs/small/replay")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a season of alerts, two configs and the truth."""
    monkeypatch.chdir(tmp_path)
    truth().to_csv(tmp_path / "truth.csv", index=False)
    return write_project(tmp_path)


def csvs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "ranked").glob("*.csv"))}


@pytest.mark.proof
def test_a_replay_gives_the_lists_that_the_loop_gave_live(project: Path, aas2rto: Cli) -> None:
    """Each evening `run --once` on an archive that grows; then all of it replayed: byte for byte.

    A third time from the store of the loop alone, without the archive.
    """
    whole, live = season(), {}
    for night in range(N):
        now = FIRST + night
        # What is measured by now is in the file by now.
        whole[whole["mjd"] <= now].to_csv("alerts.csv", index=False)
        said = aas2rto("run", "small.yaml", "--once", "--now", f"{now:.6f}")
        assert said.code == 0, said.err
        live[Time(now, format="mjd").isot[:10]] = csvs(Path("outputs/small"))
    assert any(len(text.splitlines()) > 6 for one in live.values() for text in one.values())
    whole.to_csv("alerts.csv", index=False)
    at = ("--from", f"{FIRST:.6f}", "--to", f"{FIRST + N - 1:.6f}", "--keep-lists", "--anew")
    for archive in ("alerts.csv", "outputs/small/store.sqlite"):
        said = aas2rto("replay", "small.yaml", "--archive", archive, *at)
        assert said.code == 0, said.err
        for day, found in live.items():
            assert csvs(FOLDER / "ours/nights" / day) == found, (archive, day)


@pytest.mark.slow
def test_two_configs_over_the_same_nights(project: Path, aas2rto: Cli) -> None:
    """What is made, what is said, and that a second call has nothing to do."""
    words = (
        *("replay", "small.yaml", *SPAN, "--against", "other.yaml", "--truth", "truth.csv"),
        *("--capacity", "la_palma_not=1", "--weather", "1", "--sites", "la_palma_not"),
    )
    said = aas2rto(*words)
    assert said.code == 0, said.err
    assert str(FOLDER / "report.html") in said.out
    for run in ("ours", "against"):
        for name in tables.TABLES:
            assert (FOLDER / run / f"{name}.parquet").exists()
    told = json.loads((FOLDER / "replay.json").read_text())
    assert [run["name"] for run in told["runs"]] == ["ours", "against"]
    assert told["sites"] == ["la_palma_not"]
    ranks = pd.read_parquet(FOLDER / "ours/ranks.parquet")
    assert set(ranks["observatory"]) == {"science", "la_palma_not"}
    before = (FOLDER / "ours/scores.parquet").read_bytes()
    said = aas2rto(*words, "--json")
    assert said.code == 0, said.err
    json.loads(said.out)
    assert (FOLDER / "ours/scores.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--archive", "gone.csv"), "--archive: there is no gone.csv"),
        (("--from", "yesterday"), "--from: 'yesterday' is no time"),
        (("--to", "2020-01-01"), "--to: 2020-01-01 is before --from"),
        (("--every", "0 day"), "--every: '0 day' does not go on"),
        (("--every", "3"), "--every: '3' has no unit"),
        (("--truth", "gone.csv"), "--truth: there is no file gone.csv"),
        (("--capacity", "la_palma_not=2.5"), "write SITE=6h or SITE=3"),
        (("--capacity", "la_palma=2"), "no observatory 'la_palma'"),
        (("--sites", "paranal"), "no observatory 'paranal'"),
        (("--every", "1 s"), "at most 100000 at once"),
        (("--from", "50000", "--to", "50001"), "nothing to replay"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_done(
    project: Path, aas2rto: Cli, words: tuple[str, ...], expected: str
) -> None:
    options = dict(zip(SPAN[::2], SPAN[1::2], strict=True)) | dict(
        zip(words[::2], words[1::2], strict=True)
    )
    said = aas2rto("replay", "small.yaml", *(word for pair in options.items() for word in pair))
    assert said.code == 2 or "nothing to replay" in said.err
    assert expected in said.err
    assert not (FOLDER / "ours" / "state.json").exists()


@pytest.mark.proof
def test_killed_five_times_it_comes_out_the_same(project: Path, aas2rto: Cli) -> None:
    """SIGKILL at random instants; then it is left to end."""
    words = ("replay", "small.yaml", *SPAN, "--capacity", "la_palma_not=1", "--keep-lists")
    said = aas2rto(*words, "--output", "undisturbed")
    assert said.code == 0, said.err
    rng, kills = random.Random(1), 0
    command = [sys.executable, "-c", EAGER, *words]
    while kills < 5:
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(3.0, 9.0))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills >= 3
    said = aas2rto(*words)
    assert said.code == 0, said.err
    one, other = Path("undisturbed/small/replay/ours"), FOLDER / "ours"
    for name in tables.TABLES:
        frames = [pd.read_parquet(folder / f"{name}.parquet") for folder in (one, other)]
        if name == "nights":
            frames = [frame.drop(columns="seconds") for frame in frames]
        pd.testing.assert_frame_equal(*frames, obj=name)
    for path in sorted(one.glob("nights/**/*.csv")):
        assert path.read_bytes() == (other / path.relative_to(one)).read_bytes()


@pytest.mark.slow
def test_ctrl_c_ends_after_the_night_at_hand_and_it_goes_on_there(
    project: Path, aas2rto: Cli
) -> None:
    """Nothing that was replayed is lost, also where no checkpoint was due, and it is said."""
    words = ("replay", "small.yaml", *SPAN)
    told_each_night = (
        "from aas2rto.cli import main, replay; replay.LINE_EVERY = 0.0; main()"  # where it is
    )
    command = [sys.executable, "-c", told_each_night, *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("ours: 2 of 6"):
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    assert any("SIGINT: ending after the step at hand" in line for line in lines)
    assert lines[-1] == "stopped; the same command goes on where it was\n"
    done = json.loads((FOLDER / "ours" / "state.json").read_text())["nights"]
    assert 2 <= done < N
    assert not (FOLDER / "report.html").exists()
    said = aas2rto(*words)
    assert said.code == 0, said.err
    assert len(pd.read_parquet(FOLDER / "ours" / "nights.parquet")) == N
