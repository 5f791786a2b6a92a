"""`aas2rto share`: each outlet over real sockets; stand-ins refuse what the servers refuse.

A test names the columns of the table that it shows: ``python -m tests.outlets`` prints it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aas2rto.store import Store
from tests.cli.conftest import CONFIG, NOW_MJD, Cli, Said
from tests.standin.faults import Fault
from tests.standin.publishers import Hermes, LasairAnnotator, P2Demo
from tests.standin.server import Question, Service
from tests.standin.skyportal import SkyPortal
from tests.standin.tom import Tom

SITE, NOW, EVENING = "la_palma_not", "2026-03-20T22:00:00", "2026-03-20"
LSST = {"bright": 170587117720698934, "fainter": 170587117720698935}


@dataclass(frozen=True)
class Kind:
    """An outlet, and how to look into its stand-in."""

    make: Callable[[float], Any]
    section: Callable[[Any], str]
    secrets: Callable[[Any], dict[str, str]]
    stored: Callable[[Any], list[Any]]
    route: str
    token: Callable[[Any], str]


KINDS = {
    "skyportal": Kind(
        SkyPortal,
        lambda one: f"url: '{one.url}', group_ids: [52], allocation_ids: [7]",
        lambda one: {"SKYPORTAL_TOKEN": one.token},
        lambda one: list(one.annotations.values()),
        "post_annotation",
        lambda one: one.token,
    ),
    "tom": Kind(
        Tom,
        lambda one: f"url: '{one.url}', groups: [Public]",
        lambda one: {"TOM_TOKEN": one.token},
        lambda one: list(one.targets.values()),
        "create",
        lambda one: one.token,
    ),
    "lasair": Kind(
        LasairAnnotator,
        lambda one: f"url: '{one.url}', topic: {one.topic}",
        lambda one: {"LASAIR_TOKEN": one.token},
        lambda one: list(one.annotations.values()),
        "annotate",
        lambda one: one.token,
    ),
    "hermes": Kind(
        Hermes,
        lambda one: f"url: '{one.url}', submitter: tester",
        lambda one: {"HERMES_TOKEN": one.token},
        lambda one: [t for message in one.messages for t in message["data"]["targets"]],
        "submit",
        lambda one: one.token,
    ),
    "p2": Kind(
        P2Demo,
        lambda one: f"url: '{one.url}/v1', container: {one.container}",
        lambda one: {"ESO_USER": one.user, "ESO_PASSWORD": one.password},
        lambda one: list(one.blocks.values()),
        "create",
        lambda one: one.password,
    ),
}
ONE_BY_ONE = ["skyportal", "tom", "p2"]
every = pytest.mark.parametrize("where", list(KINDS))


class Desk:
    """A project that has run once, and an outlet beside it."""

    def __init__(self, where: str, service: Any, folder: Path, aas2rto: Cli) -> None:
        self.where, self.service, self.folder, self.run = where, service, folder, aas2rto
        self.kind = KINDS[where]

    def write(self, extra: str = "") -> None:
        text = CONFIG.replace(", la_silla_dk154", "")
        text += f"share: {{{self.where}: {{{self.kind.section(self.service)}{extra}}}}}\n"
        (self.folder / "small.yaml").write_text(text)

    def out(self, *words: str) -> Said:
        told = ("share", "out", "small.yaml", self.where, "--observatory", SITE, "--now", NOW)
        return self.run(*told, *words)

    @property
    def stored(self) -> list[Any]:
        return self.kind.stored(self.service)

    @property
    def store(self) -> Store:
        return Store(f"sqlite:///{self.folder / 'outputs' / 'small' / 'store.sqlite'}")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "outputs"


@pytest.fixture
def desk(
    where: str, project: Path, aas2rto: Cli, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    service = KINDS[where].make(NOW_MJD)
    service.start()
    for name, value in KINDS[where].secrets(service).items():
        monkeypatch.setenv(name, value)
    made = Desk(where, service, project, aas2rto)
    made.write()
    if not kept.exists():
        assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
        shutil.copytree(project / "outputs", kept)
    else:
        shutil.copytree(kept, project / "outputs")
    if where == "lasair":
        with made.store as store:
            known_to_lsst(store)
    yield made
    service.stop()


def known_to_lsst(store: Store) -> None:
    """Give candidates the ids that LSST knows them by."""
    from tests.conftest import make_report

    table = store.candidates(NOW_MJD)
    rows = table[table["candidate_id"].isin(LSST)]
    objects = rows[["ra", "dec"]].assign(
        object_id=[str(LSST[one]) for one in rows["candidate_id"]],
        survey="lsst",
        known_at=NOW_MJD - 1,
    )
    store.ingest(make_report(objects), NOW_MJD)


# -- the columns of the table ---------------------------------------------------------------


@every
@pytest.mark.outlet("file")
def test_a_file_first_and_nothing_else(where: str, desk: Desk) -> None:
    """Without --submit nobody is asked anything."""
    said = desk.out()
    assert said.code == 0, said.err
    assert "nothing was sent; --submit sends it" in said.out
    assert desk.service.log == []
    (path,) = (desk.folder / "outputs" / "small" / "shared").glob("*.json")
    assert path.name == f"{where}_{SITE}_{EVENING}.json"
    assert len(json.loads(path.read_text())) == 2


@every
@pytest.mark.outlet("submitted")
def test_it_is_sent(where: str, desk: Desk) -> None:
    said = desk.out("--submit")
    assert said.code == 0, said.err + said.out
    assert len(desk.stored) == 2
    assert "bright: sent" in said.out


@pytest.mark.parametrize("where", ONE_BY_ONE)
@pytest.mark.outlet("read back")
def test_what_is_stored_is_shown_back(where: str, desk: Desk) -> None:
    """Lasair and Hermes do not say what they store."""
    said = desk.out("--submit")
    if where == "p2":  # what p2 keeps beside is said, too
        assert "stored otherwise: constraints.twilight: added -30" in said.out
        assert ": sent " not in said.out.partition("stored otherwise")[2]
    else:
        assert "stored as it was sent" in said.out
        assert "otherwise" not in said.out


@every
@pytest.mark.outlet("submitted")
def test_once_for_a_candidate_site_and_night(where: str, desk: Desk) -> None:
    assert desk.out("--submit").code == 0
    before = [one["path"] for one in desk.service.log if one["method"] != "GET"]
    said = desk.out("--submit")
    assert "bright: was sent before, and not again" in said.out
    after = [one["path"] for one in desk.service.log if one["method"] != "GET"]
    assert after == before
    assert len(desk.stored) == 2


@every
@pytest.mark.outlet("retried after a kill without a double")
def test_an_answer_that_is_lost_makes_no_second_one(where: str, desk: Desk) -> None:
    """It was stored, and the answer never came."""
    desk.service.lose_answers = 1 if where != "lasair" else 3
    said = desk.out("--submit")
    assert said.code == 1
    assert "it may have arrived, or not; ask again, it is looked for first" in said.out
    again = desk.out("--submit")
    assert again.code == 0, again.err + again.out
    assert len(desk.stored) == 2


@pytest.mark.proof
@every
@pytest.mark.slow
@pytest.mark.outlet("retried after a kill without a double")
def test_a_kill_while_it_is_sent_makes_no_second_one(where: str, desk: Desk) -> None:
    """With kill -9 between the question and its answer, in a process of its own."""
    route, answer = desk.kind.route, threading.Event()
    real = getattr(desk.service, route)

    def slowly(question: Question, *groups: str) -> Any:
        reply = real(question, *groups)
        desk.service.lock.release()
        answer.wait(60)
        desk.service.lock.acquire()
        return reply

    setattr(desk.service, route, slowly)
    words = ("share", "out", "small.yaml", where, "--observatory", SITE, "--now", NOW)
    process = subprocess.Popen(
        [sys.executable, "-m", "aas2rto", *words, "--submit"],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    try:
        for _ in range(600):
            if desk.stored or process.poll() is not None:
                break
            time.sleep(0.1)
        assert desk.stored, "it was sent"
    finally:
        process.kill()
        process.wait()
        answer.set()
    setattr(desk.service, route, real)
    again = desk.out("--submit")
    assert again.code == 0, again.err + again.out
    assert len(desk.stored) == 2


@pytest.mark.proof
@every
@pytest.mark.outlet("refused with reason")
@pytest.mark.parametrize("kind", ["refused", "500", "429", "html", "truncated", "reset", "401"])
def test_a_broken_service_costs_a_line(where: str, desk: Desk, kind: str) -> None:
    """And never shows the secret; once mended, all goes, and nothing is there twice."""
    desk.service.set_fault(Fault(kind, wait=1000.0))
    said = desk.out("--submit")
    assert said.code == 1
    assert desk.kind.token(desk.service) not in said.out + said.err
    desk.service.set_fault(None)
    again = desk.out("--submit")
    assert again.code == 0, again.err + again.out
    assert len(desk.stored) == 2


@every
@pytest.mark.outlet("refused with reason")
def test_who_is_not_to_be_sent_is_named(where: str, desk: Desk) -> None:
    """A spectrum of it was completed, under another name: `not_if: [spectrum]`."""
    from aas2rto.store.requests import Request

    desk.write(", not_if: [spectrum]")
    with desk.store as store:
        table = store.candidates(NOW_MJD).set_index("candidate_id")
        row = table.loc["bright"]
        facts = {"state": "COMPLETED", "kind": "spectrum", "ra": row["ra"], "dec": row["dec"]}
        store.requests.claim(
            Request("fainter", "lco", "lco_coj_2m0", "2026-03-19", NOW_MJD - 1, facts)
        )
    assert "bright: would not be sent: a spectrum exists: lco took it at" in desk.out().out
    said = desk.out("--submit")
    assert said.code == 0, said.err
    assert "bright: not sent: a spectrum exists: lco took it at lco_coj_2m0" in said.out
    assert len(desk.stored) == 1
    assert desk.out("--submit", "--anyway").code == 0
    assert len(desk.stored) == 2


@every
def test_without_secrets_and_section(
    where: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in desk.kind.secrets(desk.service):
        monkeypatch.delenv(name)
    said = desk.out("--submit")
    assert said.code == 2
    assert "is not set; export it" in said.err
    (desk.folder / "small.yaml").write_text(CONFIG)
    assert f"has no section share: {where}" in desk.out().err
    assert (
        "'x' is none of skyportal, tom"
        in desk.run("share", "out", "small.yaml", "x", "--observatory", SITE).err
    )


# -- SkyPortal ------------------------------------------------------------------------------

skyportal = pytest.mark.parametrize("where", ["skyportal"])


@skyportal
@pytest.mark.outlet("read back")
def test_an_annotation_that_is_there_is_changed(where: str, desk: Desk) -> None:
    """One for each object and origin; a second would be refused."""
    assert desk.out("--submit").code == 0
    for one in desk.service.annotations.values():
        one["data"] = {"score": 0.1}
    with desk.store as store:
        for one in store.requests.all("skyportal"):
            store.requests.forget(one)
    said = desk.out("--submit")
    assert "bright: was there, and was changed" in said.out
    methods = [one["method"] for one in desk.service.log]
    assert methods.count("PUT") == 2
    assert all(len(one["data"]) > 3 for one in desk.stored)
    assert set(desk.service.sources["bright"]["group_ids"]) == {52}, "not all groups of the token"


@skyportal
@pytest.mark.outlet("read back")
def test_what_the_server_changed_is_shown(where: str, desk: Desk) -> None:
    desk.service.changes = {"rank": 7, "flag": "x"}
    said = desk.out("--submit")
    assert "stored otherwise: data.rank: sent 1, stored 7" in said.out
    assert "stored otherwise: data.flag: added x" in said.out


@skyportal
@pytest.mark.outlet("refused with reason")
def test_a_group_that_is_not_ours_is_refused(where: str, desk: Desk) -> None:
    desk.write()
    text = (desk.folder / "small.yaml").read_text().replace("[52]", "[99]")
    (desk.folder / "small.yaml").write_text(text)
    said = desk.out("--submit")
    assert said.code == 1
    assert "bright: refused" in said.out
    assert "Invalid group_ids field" in said.out
    with desk.store as store:
        assert store.requests.all("skyportal") == []


def ask(service: SkyPortal, key: int, status: str = "submitted", **change: Any) -> None:
    service.requests[key] = {
        "id": key,
        "obj_id": "ZTF26zzz",
        "allocation_id": 7,
        "status": status,
        "obj": {"id": "ZTF26zzz", "ra": 150.0, "dec": 2.0},
        "payload": {"observation_choices": ["g", "r"], "priority": 5, "end_date": "2026-03-25"},
    } | change


def take(desk: Desk, *words: str) -> Said:
    return desk.run("share", "in", "small.yaml", desk.where, "--now", NOW, *words)


@skyportal
@pytest.mark.outlet("state followed")
def test_requests_come_in_and_their_status_goes_back(where: str, desk: Desk) -> None:
    """Each once; after an observation SkyPortal hears of it, if somebody says --submit."""
    ask(desk.service, 1)
    ask(desk.service, 2, status="complete: done", obj_id="x")
    ask(desk.service, 3, allocation_id=8, obj_id="y")
    said = take(desk)
    assert said.code == 0, said.err
    assert "ZTF26zzz: is a file in too now" in said.out
    text = (desk.folder / "too" / "skyportal-1.txt").read_text()
    assert "base_score: 1000" in text
    assert "valid_until: 2026-03-25" in text
    assert "was taken before" in take(desk).out
    run = ("run", "small.yaml", "--once", "--now", "2026-03-20T22:10:00")
    assert desk.run(*run).code == 0
    assert "was taken before" in take(desk).out, "also after it was accepted"
    later = ("share", "in", "small.yaml", "skyportal", "--now", "2026-03-20T22:20:00")
    said = desk.run(*later)
    assert "request 1 of ZTF26zzz: would be submitted: rank 1 at la_palma_not" in said.out
    assert desk.service.requests[1]["status"] == "submitted"
    assert desk.run(*later, "--submit").code == 0
    assert desk.service.requests[1]["status"] == "submitted: rank 1 at la_palma_not"
    mark = ("mark", "small.yaml", "ZTF26zzz", "observed", "la_palma_not")
    assert desk.run(*mark, "--now", "2026-03-20T22:30:00").code == 0
    last = ("share", "in", "small.yaml", "skyportal", "--now", "2026-03-20T22:40:00", "--submit")
    assert desk.run(*last).code == 0
    status = desk.service.requests[1]["status"]
    assert status == "complete: observed at la_palma_not, 2026-03-20T22:30 UTC"
    assert "nobody asks for anything" in desk.run(*last).out


@skyportal
def test_a_request_without_a_place_asks_its_source(where: str, desk: Desk) -> None:
    desk.service.sources["ZTF26zzz"] = {"id": "ZTF26zzz", "ra": 10.0, "dec": -5.0}
    ask(desk.service, 1, obj=None)
    assert "ra: 10.0000000" in (take(desk), (desk.folder / "too/skyportal-1.txt").read_text())[1]


@skyportal
@pytest.mark.parametrize(
    "change",
    [{"obj_id": None, "obj": 7}, {"payload": []}, {"payload": {"priority": "x"}}, {"id": "one"}],
)
def test_odd_requests_do_not_stop_the_others(
    where: str, desk: Desk, change: dict[str, Any]
) -> None:
    ask(desk.service, 1, **change)
    ask(desk.service, 2, obj_id="fine")
    said = take(desk)
    assert said.code == 0, said.err
    assert "fine: is a file in too now" in said.out


# -- TOM ------------------------------------------------------------------------------------

tom = pytest.mark.parametrize("where", ["tom"])


@tom
@pytest.mark.outlet("read back", "state followed")
def test_a_target_that_is_there_is_changed(where: str, desk: Desk) -> None:
    """Extras with their id, or they would double; the list has a date; groups stay."""
    assert desk.out("--submit").code == 0
    for one in desk.service.targets.values():
        one["targetextra_set"][0]["value"] = "0.1"
    with desk.store as store:
        for one in store.requests.all("tom"):
            store.requests.forget(one)
    said = desk.out("--submit")
    assert "bright: was there, and was changed" in said.out, said.out + said.err
    assert all(len(one["targetextra_set"]) == 3 for one in desk.stored)
    assert desk.stored[0]["target_lists"][0]["name"] == "small la_palma_not 2026-03-20"
    assert all(one["targetextra_set"][0]["value"] != "0.1" for one in desk.stored)


@tom
@pytest.mark.outlet("state followed")
def test_a_list_comes_in(where: str, desk: Desk) -> None:
    """By its name, which the API's filter does not take; page after page."""
    for key in range(1, 131):
        name = "wanted" if key in {5, 120} else "other"
        desk.service.targets[key] = {
            "id": key,
            "name": f"T{key}",
            "ra": 10.0 + key,
            "dec": 1.0,
            "targetextra_set": [{"key": "base_score", "value": "500"}],
            "target_lists": [{"id": 1, "name": name}],
        }
    said = take(desk, "--list", "wanted")
    assert said.code == 0, said.err
    assert said.out.count("is a file in") == 2
    assert "base_score: 500" in (desk.folder / "too" / "tom-T120.txt").read_text()
    assert "which list of the TOM?" in take(desk).err


# -- Lasair, Hermes, p2 ---------------------------------------------------------------------


@pytest.mark.parametrize("where", ["lasair"])
@pytest.mark.outlet("state followed")
def test_all_in_one_call_and_who_left_is_dropped(where: str, desk: Desk) -> None:
    assert desk.out("--submit").code == 0
    assert len(desk.service.log) == 1, "of the hundred calls of an hour"
    mark = ("mark", "small.yaml", "bright", "veto", "seen", "--now", "2026-03-20T22:01:00")
    assert desk.run(*mark).code == 0
    words = ("share", "out", "small.yaml", "lasair", "--observatory", SITE, "--submit")
    said = desk.run(*words, "--now", "2026-03-20T22:05:00")
    assert said.code == 0, said.err
    assert "bright: dropped, it is not in the list any more" in said.out
    bright = desk.service.annotations[LSST["bright"], desk.service.topic]
    assert bright["classification"] == "dropped"
    asked = len(desk.service.log)
    assert desk.run(*words, "--now", "2026-03-20T22:05:00").code == 0
    assert len(desk.service.log) == asked, "said once"


@pytest.mark.parametrize("where", ["lasair"])
@pytest.mark.outlet("refused with reason")
def test_an_annotator_that_is_not_active(where: str, desk: Desk) -> None:
    desk.service.active = False
    said = desk.out("--submit")
    assert said.code == 1
    assert "Annotator error: topic aas2rto_snia is not active" in said.out


@pytest.mark.parametrize("where", ["hermes"])
@pytest.mark.outlet("validated")
def test_a_message_is_validated_and_goes_to_nobody_else(where: str, desk: Desk) -> None:
    assert desk.out("--submit").code == 0
    (message,) = desk.service.messages
    assert (message["submit_to_tns"], message["submit_to_gcn"]) == (False, False)
    assert message["topic"] == "hermes.test"
    asked = [one["path"] for one in desk.service.log]
    assert asked[0] == "/api/v0/submit_message/validate/"


@pytest.mark.parametrize("where", ["p2"])
@pytest.mark.outlet("refused with reason")
def test_blocks_go_to_the_demonstration_alone(where: str, desk: Desk) -> None:
    """Positions to a thousandth; what p2 keeps beside stays; no trigger, no template."""
    assert desk.out("--submit").code == 0
    (first, *_) = desk.stored
    assert first["userPriority"] == 1
    assert first["constraints"]["twilight"] == -30
    assert first["constraints"]["airmass"] == 1.8
    assert len(first["target"]["ra"]) == len("09:55:52.430")
    paths = {one["path"] for one in desk.service.log}
    assert not any("trigger" in one or "template" in one for one in paths)
    text = (desk.folder / "small.yaml").read_text()
    for url in ("https://www.eso.org/cop/api/v1", "https://www.eso.org/copls/api/v1"):
        (desk.folder / "small.yaml").write_text(text.replace(f"{desk.service.url}/v1", url))
        said = desk.out("--submit")
        assert said.code == 2
        assert "is not the demonstration environment" in said.err


def test_no_stand_in_was_kinder_than_its_server() -> None:
    """Each refuses without its token."""
    import urllib.error
    import urllib.request

    for kind in KINDS.values():
        service: Service = kind.make(NOW_MJD)
        service.start()
        path = {"lasair-annotator": "/api/annotatelist/", "p2": "/v1/containers/1/items"}
        method = "POST" if service.name == "lasair-annotator" else "GET"
        url = service.url + path.get(service.name, "/api/targets/")
        with pytest.raises(urllib.error.HTTPError) as told:
            urllib.request.urlopen(urllib.request.Request(url, b"" if method == "POST" else None))
        assert told.value.code == 401
        told.value.close()
        service.stop()
