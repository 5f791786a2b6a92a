"""How the loop is told to be: well, troubled, or standing still."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from astropy.time import Time

from aas2rto.errors import UsageError
from aas2rto.inform.health import Health, is_well
from aas2rto.inform.health_door import metrics, place_of, serving, write
from aas2rto.steps.cycle import Cycle
from aas2rto.store import Store
from aas2rto.tables.report import failed
from tests.conftest import CASE, MJD, make_case

LOOP = "sources:\n  too: {folder: .}\nloop: {interval: 100 s, deadline: 50 s}\n"


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> Time:
        return Time(MJD + self.seconds / 86400.0, format="mjd")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(store: Store, tmp_path: Path, clock: Clock) -> Health:
    return Health(make_case(tmp_path, CASE + LOOP).case, store, clock)


def done(health: Health, **report: Any) -> Cycle:
    cycle = Cycle(health.clock(), report={"funnel": {"ranked": 3}, **report})
    cycle.timings |= {"acquire": 1.5, "fit": 0.5}
    health.took(cycle)
    return cycle


def test_a_loop_is_well_as_long_as_cycles_are_done(health: Health, clock: Clock) -> None:
    """Three intervals and the wait for sources may go by: 350 s."""
    assert health.state()["status"] == "starting"
    done(health)
    told = health.state()
    assert (told["status"], told["cycle_seconds"], told["ranked"]) == ("ok", 2.0, 3)
    clock.seconds = 349.0
    assert is_well(health.state())
    clock.seconds = 351.0
    told = health.state()
    assert (told["status"], is_well(told)) == ("stalled", False)
    done(health)
    assert health.state()["status"] == "ok"


def test_a_first_cycle_that_does_not_come_is_noticed(health: Health, clock: Clock) -> None:
    """It hangs from the beginning."""
    clock.seconds = 351.0
    assert health.state()["status"] == "stalled"


def test_trouble_does_not_ask_for_a_restart(health: Health, store: Store, clock: Clock) -> None:
    """A lost cycle, a source that fails, a config that was refused: still 200."""
    done(health)
    health.lost("ValueError: no")
    told = health.state()
    assert (told["status"], told["lost_in_a_row"], told["last_error"]) == (
        "degraded",
        1,
        "ValueError: no",
    )
    assert is_well(told)
    done(health)
    assert health.state()["lost_in_a_row"] == 0
    store.ingest(failed("too", "the folder is gone"), MJD)
    done(health)
    assert (health.state()["status"], health.state()["failing"]) == ("degraded", ["too"])
    health.refused("1 problem in the config")
    assert health.state()["config_refused"] == "1 problem in the config"


def test_what_it_cannot_read_costs_no_cycle(health: Health, store: Store) -> None:
    """The store is closed, the file cannot be written: the loop goes on."""
    store.close()

    def broken(_: Any) -> None:
        raise OSError("the disk is full")

    health.publish = broken
    done(health)
    assert health.state()["last_cycle"] is not None


def test_a_file_is_renamed_over(tmp_path: Path, health: Health) -> None:
    """Who reads it never sees half of it."""
    path = tmp_path / "health.json"
    write(path, health.state())
    assert json.loads(path.read_text())["project"] == "small"
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".part")] == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (":8080", ("", 8080)),
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)),
        ("/run/health.json", Path("/run/health.json")),
        ("health:8080.json", Path("health:8080.json")),
    ],
)
def test_a_place_is_a_file_or_a_port(text: str, place: Any) -> None:
    """A port stands behind a colon, at the end."""
    assert place_of(text) == place


def test_a_port_beyond_all_is_refused() -> None:
    """In words."""
    with pytest.raises(UsageError, match="has no port between 0 and 65535"):
        place_of(":70000")


@pytest.mark.fault("loop", "slow", "who asks for its health and never ends the question")
def test_many_questions_and_bad_ones_are_answered(health: Health, clock: Clock) -> None:
    """A question that never ends keeps no other from being answered."""
    done(health)
    with serving("127.0.0.1", 0, health.state) as port:
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.sendall(b"GET /health HTTP/1.1\r\nX-Slow: ")
            with socket.create_connection(("127.0.0.1", port)) as broken:
                broken.sendall(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
            url = f"http://127.0.0.1:{port}"
            for _ in range(5):
                with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
                    assert json.load(answer)["status"] == "ok"
        clock.seconds = 1000.0
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{url}/health", timeout=5)
        assert caught.value.code == 503
        caught.value.close()


def test_metrics_are_those_of_the_state(health: Health) -> None:
    """In Prometheus's own format, by its own library."""
    pytest.importorskip("prometheus_client")
    done(health)
    status, kind, text = metrics(health.state())
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert "aas2rto_well 1.0" in text
    assert 'aas2rto_source_failures{source="too"} 0.0' in text
    assert "aas2rto_cycle_seconds 2.0" in text


def test_without_its_library_metrics_say_what_to_install(
    health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Health needs nothing."""
    import sys

    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    status, _, text = metrics(health.state())
    assert (status, "pip install 'aas2rto[metrics]'" in text) == (501, True)
