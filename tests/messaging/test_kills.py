"""Messages through all faults and many kills: each arrives once, in order, or is said not to."""

from __future__ import annotations

import itertools
import multiprocessing
import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from aas2rto.store import Store
from aas2rto.store.outbox import State
from tests.messaging import as_slack, as_telegram, servers
from tests.messaging.sending import Work, main, title
from tests.messaging.test_mail import Box

SHARES = {
    servers.WAIT: 0.05,
    servers.ERROR: 0.06,
    servers.SILENT: 0.03,
    servers.DEAF: 0.02,
    servers.DROP: 0.03,
}
"""Of all deliveries, how many go wrong in each way: one in five."""


def faults(seed: int) -> Callable[[], str]:
    """Return a plan that lets one delivery in five go wrong."""
    dice, lock = random.Random(seed), threading.Lock()

    def plan() -> str:
        with lock:
            number = dice.random()
        for fault, share in SHARES.items():
            number -= share
            if number < 0:
                return fault
        return servers.OK

    return plan


@dataclass
class World:
    """All services, and the store."""

    slack: as_slack.Slack
    telegram: as_telegram.Telegram
    receiver: servers.Receiver
    box: Box
    work: Work

    def arrived(self, channel: str) -> list[str]:
        """Return the titles that arrived on a channel, in their order."""
        texts = {
            "slack": [one["text"] for one in self.slack.arrived],
            "telegram": [one["shown"] for one in self.telegram.arrived],
            "webhook": [one["body"]["title"] for one in self.receiver.arrived],
            "mail": [str(one["Subject"]) for one in self.box.mails],
        }[channel]
        return [found.group(0) for text in texts if (found := re.match(r"message \d+-\d+", text))]


@contextmanager
def world(folder: Path, *, cycles: int, per_cycle: int) -> Iterator[World]:
    """Serve everything on this machine."""
    with ExitStack() as stack:
        hang = {"hang": 1.6}
        slack = stack.enter_context(servers.serving(as_slack.Slack(faults(1), **hang)))
        telegram = stack.enter_context(servers.serving(as_telegram.Telegram(faults(2), **hang)))
        receiver = stack.enter_context(servers.serving(servers.Receiver(faults(3), **hang)))
        box, dice = Box(), random.Random(4)
        box.next_answer = lambda: dice.choices(["250 OK", "451 busy", "vanish"], [8, 1, 1])[0]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        mail = Controller(box, hostname="127.0.0.1", port=port)
        mail.start()
        stack.callback(mail.stop)
        work = Work(
            f"sqlite:///{folder / 'store.sqlite'}",
            slack.url,
            telegram.url,
            f"{receiver.url}/hook",
            port,
            cycles,
            per_cycle,
            time.time(),
        )
        yield World(slack, telegram, receiver, box, work)  # type: ignore[arg-type]


def run_with_kills(work: Work, kills: int, seed: int) -> int:
    """Run the program, kill it at random instants, and let it end at last; return the kills."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.messaging.sending"])
    dice, done = random.Random(seed), 0
    while True:
        finished = context.Event()
        process = context.Process(target=main, args=(work, finished))
        process.start()
        patience = dice.uniform(0.1, 0.9) if done < kills else 300.0
        if finished.wait(patience):
            process.join(20)
            return done
        assert done < kills, "it did not come to an end"
        process.kill()  # SIGKILL: nothing of it runs any more
        process.join()
        done += 1


def table(found: World, kills: int) -> str:
    """Return what became of all messages, for people."""
    rows = [f"{kills} kills; faults: " + ", ".join(f"{k} {v:.0%}" for k, v in SHARES.items())]
    head = (
        "channel",
        "posted",
        "sent",
        "unknown",
        "of these arrived",
        "arrived twice",
        "lost",
        "out of order",
    )
    rows.append("  ".join(f"{one:>16s}" for one in head))
    for channel, told in accounts(found).items():
        rows.append("  ".join(f"{one!s:>16s}" for one in (channel, *told.values())))
    return "\n".join(rows)


def accounts(found: World) -> dict[str, dict[str, int]]:
    """Return, per channel, what became of its messages."""
    told = {}
    with Store(found.work.store) as store:
        for channel in ("slack", "telegram", "webhook", "mail"):
            entries = store.outbox.entries(channel=channel)
            state = {str(entry.message["title"]): entry.state for entry in entries}
            arrived = found.arrived(channel)
            times = Counter(arrived)
            first = list(dict.fromkeys(arrived))
            unknown = {one for one, s in state.items() if s == State.UNKNOWN}
            told[channel] = {
                "posted": len(state),
                "sent": sum(s == State.SENT for s in state.values()),
                "unknown": len(unknown),
                "of these arrived": sum(one in times for one in unknown),
                "arrived twice": sum(count > 1 for count in times.values()),
                "lost": sum(one not in times and one not in unknown for one in state),
                "out of order": sum(a > b for a, b in itertools.pairwise(first)),
            }
    return told


@pytest.mark.fault("messages", "dies", "twenty kills")
@pytest.mark.proof
def test_two_hundred_messages_through_all_faults_and_twenty_kills(
    tmp_path: Path, capsys: Any
) -> None:
    """Each arrives once, in order per channel; none is lost or doubled but the stated unknowns."""
    cycles, per_cycle = 40, 5
    with world(tmp_path, cycles=cycles, per_cycle=per_cycle) as found:
        kills = run_with_kills(found.work, kills=20, seed=6)
        with capsys.disabled():
            print("\n" + table(found, kills))
        expected = [title(cycle, n) for cycle in range(cycles) for n in range(per_cycle)]
        for channel, told in accounts(found).items():
            assert told["posted"] == len(expected), channel
            assert told["sent"] + told["unknown"] == len(expected), channel
            assert told["arrived twice"] == told["lost"] == told["out of order"] == 0, channel
        assert kills == 20
        # Where the service can be asked, or knows a key again, nothing stays unknown.
        assert accounts(found)["slack"]["unknown"] == 0
        assert accounts(found)["webhook"]["unknown"] == 0
        assert accounts(found)["telegram"]["unknown"] < len(expected) / 4
