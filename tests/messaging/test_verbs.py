"""The verbs `messages` and `figure`, from a cycle to what they print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from astropy.time import Time

from aas2rto import loop
from aas2rto.cli import main
from aas2rto.config.load import load
from aas2rto.steps.build import build
from aas2rto.store import Store
from aas2rto.store.outbox import State
from tests.conftest import make_objects, make_photometry, make_report

NOW = 61119.9

CASE = """\
project: small
score:
  factors: [magnitude: {zero_point: 18.5 mag, faint_limit: 20 mag, bands: [ztfg]}]
observatories: [la_palma_not]
figures: {top: 0}
messages: {terminal: {digest: "16:00", urgent: []}, other: {type: terminal}}
"""


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Run a cycle that has something to say; return its config."""
    path = tmp_path / "case.yaml"
    path.write_text(CASE)
    (tmp_path / "small").mkdir()
    with Store(f"sqlite:///{tmp_path / 'small' / 'store.sqlite'}") as store:
        seen = make_photometry("ZTF26a", mjd=NOW - 0.1, mag=16.0, band="ztfg", known_at=NOW - 0.1)
        objects = make_objects("ZTF26a", ra=150.0, dec=12.0, known_at=NOW - 0.1)
        store.ingest(make_report(objects, seen), NOW - 0.1)
        parts = build(load(path), with_sources=False)
        loop.run_cycle(parts, store, Time(NOW, format="mjd"), inform=lambda _: None)
        (entry,) = (e for e in store.outbox.entries(channel="other") if e.part == "text")
        store.outbox.settle(entry, State.REFUSED, error="the service will not have it")
        store.outbox.set_channel("other", stopped="blocked", since=NOW)
    return path


def run(capsys: Any, *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in arguments])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.mark.slow
def test_messages_shows_what_waits_and_what_was_refused(case: Path, capsys: Any) -> None:
    """By channel, then one by one, with the reason."""
    _, out, _ = run(capsys, "messages", case, "--output", case.parent, "--full")
    assert "terminal: 1 waiting" in out
    assert "other: 1 refused; STOPPED since 20 Mar 21:36 UT: blocked" in out
    assert "held back for the digest ZTF26a enters the top 5 at la_palma_not (#1)" in out
    assert "other refused ZTF26a" in out
    assert "    the service will not have it" in out
    assert "    Do: observe" in out


@pytest.mark.slow
def test_messages_resumes_a_channel_and_speaks_json(case: Path, capsys: Any) -> None:
    """A channel that is unknown is an error with a proposal."""
    given = ("messages", case, "--output", case.parent)
    _, out, _ = run(capsys, *given, "--resume", "other", "--channel", "other", "--json")
    told = json.loads(out)
    assert [one["stopped"] for one in told["channels"]] == ["", ""]
    assert {one["channel"] for one in told["messages"]} == {"other"}
    code, _, err = run(capsys, *given, "--channel", "othr")
    assert code == 2
    assert "no channel 'othr'; did you mean 'other'?" in err


@pytest.mark.slow
def test_figure_draws_a_candidate_on_demand(case: Path, capsys: Any) -> None:
    """What was asked for, into the project's folder."""
    _, out, _ = run(
        capsys,
        "figure",
        case,
        "ZTF26a",
        "--kind",
        "score",
        "--kind",
        "light_curve",
        "--now",
        "2026-03-20T22:00",
        "--output",
        case.parent,
    )
    paths = [Path(line) for line in out.split()]
    assert [path.name for path in paths] == ["light_curve.png", "score.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    code, _, err = run(capsys, "figure", case, "ZTF26b", "--output", case.parent)
    assert code != 0
    assert "ZTF26b" in err
