"""`aas2rto lco`: requests over real sockets to a stand-in that refuses what LCO refuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aas2rto.store import Store
from aas2rto.store.requests import SENDING, Request
from tests.cli.conftest import CONFIG, NOW_MJD, Cli, Said
from tests.standin.faults import KINDS, Fault
from tests.standin.lco import INSTRUMENTS, Lco
from tests.standin.server import Question, Reply

SITE, SPECTROGRAPH = "lco_lsc_1m0", "lco_coj_2m0"
NOW = "2026-03-20T22:00:00"


@pytest.fixture
def lco() -> Iterator[Lco]:
    service = Lco(NOW_MJD)
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where results of the first run are kept for the other tests."""
    return tmp_path_factory.mktemp("kept") / "outputs"


@pytest.fixture
def ran(project: Path, aas2rto: Cli, lco: Lco, monkeypatch: pytest.MonkeyPatch, kept: Path) -> Path:
    text = CONFIG.replace("la_palma_not, la_silla_dk154", f"{SITE}, {SPECTROGRAPH}")
    text += f"lco: {{proposal: {lco.proposal}, url: '{lco.url}', max_airmass: 1.8}}\n"
    (project / "small.yaml").write_text(text)
    monkeypatch.setenv("LCO_TOKEN", lco.token)
    if not kept.exists():
        assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
        shutil.copytree(project / "outputs", kept)
    else:
        shutil.copytree(kept, project / "outputs")
    return project


def ask(aas2rto: Cli, *words: str, who: str = "bright", site: str = SITE) -> Said:
    return aas2rto(
        *("lco", "request", "small.yaml", who, "--observatory", site, "--now", NOW, *words)
    )


def written(ran: Path) -> dict[str, object]:
    (path,) = (ran / "outputs" / "small" / "requests").glob("*.json")
    found: dict[str, object] = json.loads(path.read_text())
    return found


def posts(lco: Lco) -> list[str]:
    return [one["path"] for one in lco.log if one["method"] == "POST"]


@pytest.mark.outlet("file")
def test_a_file_first_and_nothing_else(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    """Without --validate and --submit nobody is asked anything."""
    said = ask(aas2rto)
    assert said.code == 0, said.err
    assert "nothing was sent; --validate asks LCO, --submit sends it" in said.out
    assert lco.log == []
    group = written(ran)
    assert lco.errors_of(group) == {}, "the portal would take it"
    assert len(str(group["name"])) <= 50


@pytest.mark.outlet("validated", "submitted", "state followed")
def test_validated_submitted_followed_and_cancelled(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    """From the file to the state that LCO gives it, never one of our own."""
    assert "LCO would take it\nnothing was sent" in ask(aas2rto, "--validate").out
    assert lco.groups == {}
    said = ask(aas2rto, "--submit")
    assert said.code == 0, said.err
    assert "sent: bright at lco_lsc_1m0, 2026-03-20: PENDING, request group 1000" in said.out
    assert "stored as it was sent" in said.out
    state = aas2rto("lco", "state", "small.yaml")
    assert "bright at lco_lsc_1m0, 2026-03-20: PENDING, request group 1000" in state.out
    assert "  PENDING lsc 2026-03-" in state.out
    told = ("lco", "cancel", "small.yaml", "bright", "--observatory", SITE)
    assert "CANCELED, request group 1000" in aas2rto(*told).out
    again = aas2rto(*told)
    assert again.code == 1
    assert "Cannot change from CANCELED to CANCELED" in again.err
    assert "CANCELED" in aas2rto("lco", "state", "small.yaml").out
    assert "sent: bright" in ask(aas2rto, "--submit").out, "after a cancel it may be sent anew"
    assert len(lco.groups) == 2


@pytest.mark.outlet("state followed")
def test_the_state_is_the_services_own(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    assert ask(aas2rto, "--submit").code == 0
    lco.set_state(1000, "WINDOW_EXPIRED")
    said = aas2rto("lco", "state", "small.yaml")
    assert "bright at lco_lsc_1m0, 2026-03-20: WINDOW_EXPIRED" in said.out
    asked = len(lco.log)
    assert "WINDOW_EXPIRED" in aas2rto("lco", "state", "small.yaml").out
    assert len(lco.log) == asked, "what has ended is not asked for again"


@pytest.mark.outlet("submitted")
def test_once_for_a_candidate_site_and_night(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    assert ask(aas2rto, "--submit").code == 0
    said = ask(aas2rto, "--submit")
    assert "was sent before, and not again: bright at lco_lsc_1m0" in said.out
    assert posts(lco).count("/api/requestgroups/") == 1


@pytest.mark.outlet("read back")
def test_what_the_server_changed_is_shown(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    """An exposure of 8 s in place of 120 s was once noticed after the night (fritz 602)."""
    lco.changes = {"observation_note": "", "acceptability_threshold": 90}
    said = ask(aas2rto, "--submit")
    assert "LCO stored it otherwise: requests[0].observation_note: sent rank 1" in said.out
    assert "requests[0].acceptability_threshold: added 90" in said.out


@pytest.mark.outlet("retried after a kill without a double")
def test_an_answer_that_is_lost_makes_no_second_request(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    """The portal stored it and the answer never came; asked again, it is looked for first."""
    lco.lose_answers = 1
    said = ask(aas2rto, "--submit")
    assert said.code == 1
    assert "nobody knows whether it arrived: ask again with --submit" in said.err
    assert len(lco.groups) == 1
    state = aas2rto("lco", "state", "small.yaml")
    assert f"bright at lco_lsc_1m0, 2026-03-20: {SENDING}" in state.out
    again = ask(aas2rto, "--submit")
    assert "it had arrived before, and was not sent again" in again.out
    assert len(lco.groups) == 1


@pytest.mark.outlet("retried after a kill without a double")
def test_a_kill_while_it_is_sent_makes_no_second_request(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    """With kill -9 between the question and its answer, in a process of its own."""
    create, answer = lco.create, threading.Event()

    def slowly(question: Question) -> Any:
        reply = create(question)
        lco.lock.release()
        answer.wait(60)
        lco.lock.acquire()
        return reply

    lco.create = slowly  # type: ignore[method-assign]
    words = ("lco", "request", "small.yaml", "bright", "--observatory", SITE, "--now", NOW)
    process = subprocess.Popen(
        [sys.executable, "-m", "aas2rto", *words, "--submit"],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    try:
        for _ in range(600):
            if lco.groups or process.poll() is not None:
                break
            time.sleep(0.1)
        assert lco.groups, "it was sent"
    finally:
        process.kill()
        process.wait()
        answer.set()
    lco.create = create  # type: ignore[method-assign]
    assert SENDING in aas2rto("lco", "state", "small.yaml").out
    assert "it had arrived before, and was not sent again" in ask(aas2rto, "--submit").out
    assert len(lco.groups) == 1


def test_one_that_never_arrived_is_sent_again(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    """As after a kill between the claim and the question."""
    create, lco.create = lco.create, lambda _: Reply({"detail": "later"}, 503)  # type: ignore[method-assign]
    assert ask(aas2rto, "--submit").code == 1
    assert lco.groups == {}
    lco.create = create  # type: ignore[method-assign]
    assert "sent: bright" in ask(aas2rto, "--submit").out
    assert len(lco.groups) == 1


@pytest.mark.outlet("refused with reason")
def test_one_that_was_refused_leaves_no_claim(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    lco.validate = lambda _: {"errors": {}}  # type: ignore[method-assign]
    lco.hours["1M0-SCICAM-SINISTRO"] = 0.0
    said = ask(aas2rto, "--submit")
    assert said.code == 1
    assert "Proposal does not have enough time" in said.err
    assert aas2rto("lco", "state", "small.yaml").out == "no requests\n"


def test_a_spectrum_with_its_lamps(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    """Flat, arc, spectrum, arc, flat; guiding for the spectrum alone."""
    said = ask(aas2rto, "--spectrum", "--submit", who="fainter", site=SPECTROGRAPH)
    assert said.code == 0, said.err
    (stored,) = lco.groups.values()
    parts = stored["requests"][0]["configurations"]
    assert [one["type"] for one in parts] == ["LAMP_FLAT", "ARC", "SPECTRUM", "ARC", "LAMP_FLAT"]
    assert [one["guiding_config"]["mode"] for one in parts] == ["OFF", "OFF", "ON", "OFF", "OFF"]
    assert stored["requests"][0]["location"] == {"telescope_class": "2m0", "site": "coj"}


def test_instruments_are_read_and_checked(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    """A filter that LCO does not have is refused here, with the nearest name."""
    said = aas2rto("lco", "instruments", "small.yaml")
    assert "1M0-SCICAM-SINISTRO (1m0): gp, rp, ip, zs, B, V" in said.out
    stored = json.loads((ran / "outputs" / "small" / "lco_instruments.json").read_text())
    assert stored == INSTRUMENTS
    text = (ran / "small.yaml").read_text()
    (ran / "small.yaml").write_text(text.replace("max_airmass: 1.8", "filters: [gpp]"))
    said = ask(aas2rto)
    assert said.code == 1
    assert "has no filter gpp; did you mean 'gp'?" in said.err
    said = ask(aas2rto, site=SPECTROGRAPH)
    assert "1M0-SCICAM-SINISTRO is at telescopes of the class 1m0, not 2m0" in said.err


@pytest.mark.outlet("refused with reason")
def test_guards_say_why_nothing_is_sent(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    """Two telescopes are not sent to one target unless somebody says so."""
    assert ask(aas2rto, "--submit").code == 0
    other = ("--spectrum", "--submit")
    said = ask(aas2rto, *other, site=SPECTROGRAPH)
    assert said.code == 1
    assert (
        "not sent: requested already at lco_lsc_1m0 for the night of 2026-03-20, as bright "
        "(PENDING, request group 1000)" in said.out
    )
    assert len(lco.groups) == 1
    said = ask(aas2rto, *other, "--anyway", site=SPECTROGRAPH)
    assert said.code == 0, said.err
    assert "although: requested already" in said.out
    assert len(lco.groups) == 2


def test_what_is_not_up_is_not_asked_for(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    text = (ran / "small.yaml").read_text()
    (ran / "small.yaml").write_text(text.replace("max_airmass: 1.8", "exposure: 6 hour"))
    said = ask(aas2rto, "--submit")
    assert said.code == 1
    assert "min in that night (airmass 1.6, Moon 30 deg, hour angle); it takes 1440 min" in said.err
    assert lco.log == []


def test_a_candidate_that_is_not_in_the_list(ran: Path, aas2rto: Cli) -> None:
    said = ask(aas2rto, who="declining")
    assert said.code == 1
    assert "declining is not in the list of lco_lsc_1m0" in said.err


HARMLESS = {"unknown fields", "malformed record", "duplicated"}
"""What these do to lists does not touch the answers that a request needs."""


@pytest.mark.proof
@pytest.mark.fault("lco", "{kind}", "a portal that is broken: {kind}")
@pytest.mark.outlet("refused with reason", "retried after a kill without a double")
@pytest.mark.parametrize("path", ["validate", "requestgroups/"])
@pytest.mark.parametrize("kind", [one for one in KINDS if one != "hang"])
def test_a_broken_portal_costs_one_line(
    ran: Path, aas2rto: Cli, lco: Lco, kind: str, path: str
) -> None:
    """Never the token; and whatever was asked before, mended it has one request, not two."""
    # The first question is to validate; with "requestgroups/" it is spared, and the next are hit.
    lco.set_fault(Fault(kind, path=path, after=int(path != "validate"), wait=1000.0))
    said = ask(aas2rto, "--submit")
    assert lco.token not in said.out + said.err
    if kind not in HARMLESS | {"empty"}:
        assert said.code == 1
        assert said.err.count("\n") == 1
    lco.set_fault(None)
    again = ask(aas2rto, "--submit")
    assert again.code == 0, again.err
    assert len(lco.groups) == 1


@pytest.mark.slow
@pytest.mark.fault("lco", "slow", "a portal that hangs")
def test_a_portal_that_hangs_is_left(
    ran: Path, aas2rto: Cli, lco: Lco, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aas2rto.outlets.lco.service.PATIENCE", 2.0)
    lco.set_fault(Fault("hang", wait=20.0))
    start = time.monotonic()
    assert ask(aas2rto, "--submit").code == 1
    assert time.monotonic() - start < 60
    lco.set_fault(None)
    assert ask(aas2rto, "--submit").code == 0
    assert len(lco.groups) == 1


@pytest.mark.fault("lco", "{kind}", "broken while states are asked for: {kind}")
@pytest.mark.parametrize("kind", [one for one in KINDS if one != "hang"])
def test_states_outlive_a_broken_portal(ran: Path, aas2rto: Cli, lco: Lco, kind: str) -> None:
    """What was known stays in the ledger, and is asked for again."""
    assert ask(aas2rto, "--submit").code == 0
    lco.set_fault(Fault(kind, wait=1000.0))
    said = aas2rto("lco", "state", "small.yaml")
    assert lco.token not in said.out + said.err
    assert "Traceback" not in said.err
    lco.set_fault(None)
    lco.set_state(1000, "COMPLETED")
    assert "COMPLETED, request group 1000" in aas2rto("lco", "state", "small.yaml").out


@pytest.mark.outlet("refused with reason")
def test_a_spectrum_that_exists_is_not_taken_again(ran: Path, aas2rto: Cli, lco: Lco) -> None:
    """Completed in another night, under another name: the place counts."""
    with Store(f"sqlite:///{ran / 'outputs' / 'small' / 'store.sqlite'}") as store:
        table = store.candidates(NOW_MJD).set_index("candidate_id")
        facts = {
            "state": "COMPLETED",
            "kind": "spectrum",
            "ra": table.loc["fainter", "ra"],
            "dec": table.loc["fainter", "dec"] + 1.5 / 3600,
            "start": NOW_MJD - 5,
        }
        old = Request("bright", "lco", "lco_ogg_2m0", "2026-03-15", NOW_MJD - 5, facts)
        store.requests.claim(old)
    words = ("--spectrum", "--submit")
    said = ask(aas2rto, *words, who="fainter", site=SPECTROGRAPH)
    assert said.code == 1
    told = "not sent: a spectrum exists: lco took it at lco_ogg_2m0 in the night of 2026-03-15"
    assert told in said.out
    assert lco.groups == {}
    assert ask(aas2rto, "--submit", who="fainter").code == 0, "images may be taken"
    assert ask(aas2rto, *words, "--anyway", who="fainter", site=SPECTROGRAPH).code == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("LCO_TOKEN", ""), "the environment variable LCO_TOKEN is not set"),
        (("LCO_TOKEN", "wrong"), "answered 401"),
    ],
)
def test_without_the_token(
    ran: Path,
    aas2rto: Cli,
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[str, str],
    told: str,
) -> None:
    monkeypatch.setenv(*change)
    said = ask(aas2rto, "--submit")
    assert said.code in {1, 2}
    assert told in said.err


def test_without_the_section_and_at_others(project: Path, aas2rto: Cli) -> None:
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    said = ask(aas2rto, site="la_palma_not")
    assert "has no section lco; write lco: {proposal: LCO2026B-000}" in said.err
    (project / "small.yaml").write_text(CONFIG + "lco: {proposal: A}\n")
    said = ask(aas2rto, site="la_palma_not")
    assert "la_palma_not is no telescope of LCO; its file would be called" in said.err
