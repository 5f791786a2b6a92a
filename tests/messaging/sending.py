"""A program that is killed: posts messages cycle by cycle, and sends them on all channels.

It runs in a process of its own, started again after each kill, on the same store.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from aas2rto.config.messages import ChannelPolicy
from aas2rto.messaging.courier import Channel, Courier
from aas2rto.messaging.mail import Mail
from aas2rto.messaging.message import CANDIDATE, Message
from aas2rto.messaging.slack import Slack
from aas2rto.messaging.telegram import Telegram
from aas2rto.messaging.webhook import Webhook
from aas2rto.store import Store
from aas2rto.store.outbox import OPEN, Post, State
from aas2rto.store.outbox import Mail as CycleMail

FIRST_CYCLE = 61000.0
FASTER = 20.0
"""Waits are this much shorter than the services ask for."""


@dataclass(frozen=True)
class Work:
    """What is to be done, and where."""

    store: str
    slack: str
    telegram: str
    webhook: str
    mail: int
    cycles: int
    per_cycle: int
    started: float


def channels(work: Work) -> list[Channel]:
    """Return all channels, pointed at this machine."""
    messengers: dict[str, Any] = {
        "slack": Slack(
            channel="C0123456789",
            token=SecretStr("xoxb-right"),
            timeout=1.0,
            base_url=f"{work.slack}/api/",
        ),
        "telegram": Telegram(
            chat=-100,
            token=SecretStr("123456:right-token"),
            timeout=0.5,
            base_url=f"{work.telegram}/bot",
        ),
        "webhook": Webhook(url=SecretStr(work.webhook), repeatable=True, timeout=0.5),
        "mail": Mail(
            to=["a@example.org"],
            from_="b@example.org",
            host="127.0.0.1",
            port=work.mail,
            security="none",
            timeout=2.0,
        ),
    }
    for one in messengers.values():
        one.seconds_apart = 0.0
    policy = ChannelPolicy(at_most=10**6)
    return [Channel(name, policy, one) for name, one in messengers.items()]


def title(cycle: int, number: int) -> str:
    """Return the title of a message; says which it is."""
    return f"message {cycle:03d}-{number:03d}"


def post_cycle(store: Store, cycle: int, per_cycle: int, names: list[str]) -> None:
    """Post the messages of one cycle, in its transaction."""
    now = FIRST_CYCLE + cycle / 1440
    posts = [
        Post(
            name,
            f"{name}/{title(cycle, number)}",
            Message(CANDIDATE, title(cycle, number), (("Do", "observe"),)).as_json(),
            due=now,
        )
        for number in range(per_cycle)
        for name in names
    ]
    import pandas as pd

    empty = pd.DataFrame(columns=["candidate_id"])
    store.save_cycle(
        now,
        scores=empty,
        rejected=empty,
        ranks=empty,
        report={"version": "", "config": ""},
        mail=CycleMail(posts=posts),
    )


def posted_cycles(store: Store) -> int:
    """Return how many cycles are on disk."""
    newest = store.results.newest_cycle()
    return 0 if newest is None else round((newest - FIRST_CYCLE) * 1440) + 1


def main(work: Work, done: Any) -> None:
    """Post what is not posted yet, and send until nothing is left."""
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    logging.getLogger("aas2rto").addHandler(logging.NullHandler())
    with Store(work.store) as store:
        some = channels(work)
        courier = Courier(store.outbox, some, lambda: clock(work), project="p", settling=0.1)
        threads = [
            threading.Thread(target=_serve, args=(courier, channel, store, work))
            for channel in some
        ]
        for thread in threads:
            thread.start()
        names = [channel.name for channel in some]
        while (cycle := posted_cycles(store)) < work.cycles:
            post_cycle(store, cycle, work.per_cycle, names)
            time.sleep(0.02)
        for thread in threads:
            thread.join()
        done.set()


def clock(work: Work) -> float:
    """Return a time that runs faster than ours [d, MJD]."""
    return FIRST_CYCLE + 1.0 + (time.time() - work.started) * FASTER / 86400


def _serve(courier: Courier, channel: Channel, store: Store, work: Work) -> None:
    courier.recover(channel)
    while True:
        wait = courier.step(channel)
        if wait is None and posted_cycles(store) == work.cycles and not left(store, channel.name):
            return
        time.sleep(0.01 if wait is None else wait / FASTER)


def left(store: Store, channel: str) -> bool:
    """Tell whether a channel has anything to do."""
    return bool(store.outbox.entries(channel=channel, states=OPEN))


__all__ = ["State", "Work", "main"]
