"""The figures on disk: only what changed, in a pool, known by their content."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aas2rto.guard import Failure
from aas2rto.outputs.figures import drawing, gathering
from aas2rto.outputs.figures.gallery import FEW, Gallery
from aas2rto.outputs.figures.style import read_metadata
from aas2rto.outputs.figures.subject import Subject
from tests.outputs.figures.conftest import NOW, make_subject

ALL = tuple(drawing.KINDS)


class Findings(SimpleNamespace):
    """What `gather` is asked for; here it is made already."""

    subjects: dict[str, Subject]


@pytest.fixture(autouse=True)
def gather_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take subjects as they are."""
    monkeypatch.setattr(
        gathering,
        "gather",
        lambda found, names: [found.subjects[n] for n in names if n in found.subjects],
    )


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """Return a gallery that draws in this process."""
    made = Gallery(tmp_path, workers=1)
    yield made
    made.close()


def findings(*names: str, **values: Any) -> Any:
    return Findings(subjects={n: make_subject(candidate_id=n, **values) for n in names})


@pytest.mark.slow
def test_each_candidate_has_a_folder(gallery: Gallery, tmp_path: Path) -> None:
    """With one file per kind that is wanted."""
    done = gallery.draw(findings("a", "b"), {"a": ALL, "b": ("score",), "unknown": ALL})
    assert done.failures == []
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png")) == sorted(
        [*(f"figures/a/{kind}.png" for kind in ALL), "figures/b/score.png"]
    )


@pytest.mark.slow
def test_what_has_not_changed_is_not_drawn_again(gallery: Gallery, tmp_path: Path) -> None:
    """Neither by this program nor by the next; what was deleted is."""
    found = findings("a")
    first = gallery.draw(found, {"a": ALL})
    again = gallery.draw(findings("a", now=NOW + 0.007), {"a": ALL})
    assert (len(first.paths), again.paths, again.unchanged) == (4, [], 4)
    other = Gallery(tmp_path, workers=1)
    assert other.draw(found, {"a": ALL}).unchanged == 4
    other.path("a", "score").unlink()
    assert other.draw(found, {"a": ALL}).paths == [other.path("a", "score")]
    changed = other.draw(findings("a", known="SN II"), {"a": ALL})
    assert changed.paths == [other.path("a", "light_curve")]


@pytest.mark.slow
def test_exactly_now_means_now(gallery: Gallery) -> None:
    """What a message shows is not ten minutes old."""
    gallery.draw(findings("a"), {"a": ALL})
    done = gallery.draw(findings("a", now=NOW + 0.007), {"a": ALL}, exactly_now=True)
    kinds = {path.stem for path in done.paths}
    assert {"light_curve", "visibility"} <= kinds
    assert "score" not in kinds


def test_a_torn_file_is_drawn_again(gallery: Gallery) -> None:
    """A file that is no PNG shows nothing."""
    path = gallery.path("a", "score")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x89PNG torn")
    assert read_metadata(path) == {}
    assert gallery.draw(findings("a"), {"a": ("score",)}).paths == [path]
    assert drawing.CONTENT in read_metadata(path)


@pytest.mark.slow
def test_a_figure_that_fails_costs_only_itself(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are drawn, and the failure names the culprit."""
    png = drawing.png

    def failing(kind: str, subject: Subject) -> bytes:
        if (kind, subject.candidate_id) == ("score", "a"):
            raise RuntimeError("boom")
        return png(kind, subject)

    monkeypatch.setattr(drawing, "png", failing)
    done = gallery.draw(findings("a", "b"), {"a": ALL, "b": ALL})
    assert done.failures == [Failure("figure score", "RuntimeError: boom", "a")]
    assert len(done.paths) == 7


@pytest.mark.slow
def test_a_stop_ends_the_drawing(gallery: Gallery) -> None:
    """What is drawn stays, the rest is not begun."""
    calls = iter([False, False, True])
    done = gallery.draw(
        findings("a", "b"), {"a": ALL, "b": ALL}, stopping=lambda: next(calls, True)
    )
    assert len(done.paths) == 4


@pytest.mark.slow
def test_figures_of_candidates_that_are_gone_go(gallery: Gallery, tmp_path: Path) -> None:
    """But nothing else that lies there."""
    gallery.draw(findings("a", "b", "c"), dict.fromkeys("abc", ("score",)))
    (tmp_path / "figures" / "b" / "notes.txt").write_text("mine")
    assert gallery.forget(["a"]) == 1
    left = sorted(str(p.relative_to(tmp_path)) for p in (tmp_path / "figures").rglob("*.*"))
    assert left == ["figures/a/score.png", "figures/b/notes.txt"]


@pytest.mark.proof
def test_many_are_drawn_by_several_processes(tmp_path: Path) -> None:
    """The same files as one process draws; a killed worker costs what it had, and no more."""
    names = [f"c{n}" for n in range(FEW)]
    wanted = dict.fromkeys(names, ("score", "history"))
    one, two = Gallery(tmp_path / "one", workers=1), Gallery(tmp_path / "two", workers=2)
    alone, together = one.draw(findings(*names), wanted), two.draw(findings(*names), wanted)
    assert len(alone.paths) == len(together.paths) == 2 * FEW
    for path in alone.paths:
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes()
    for child in multiprocessing.active_children():
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
    changed = findings(*names, name="other")
    assert two.draw(changed, wanted).failures
    assert two.draw(changed, wanted).failures == []
    assert not two.draw(changed, wanted).paths
    two.close()


ORPHANS = """
import os, sys, multiprocessing
from aas2rto.outputs.figures.gallery import _start
if __name__ == "__main__":
    pool = _start(2)
    list(pool.map(abs, range(4)))
    print(*(p.pid for p in multiprocessing.active_children()), flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
def test_workers_do_not_outlive_a_killed_program(tmp_path: Path) -> None:
    """After kill -9 nobody is left waiting for work."""
    (tmp_path / "orphans.py").write_text(ORPHANS)
    done = subprocess.run(
        [sys.executable, tmp_path / "orphans.py"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2
    end = time.monotonic() + 20
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < end, "they still wait"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
