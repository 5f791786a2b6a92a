"""A store with a candidate, and a desk that takes answers about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from astropy.time import Time

from aas2rto.messaging.answering import Desk
from aas2rto.messaging.message import CANDIDATE, Message
from aas2rto.store import Store
from aas2rto.store.outbox import Post, State
from tests.conftest import make_objects, make_photometry, make_report

NOW = Time(61120.0, format="mjd")
SITES = ("la_silla_dk154", "la_palma_not")

TOLD: dict[str, Any] = {
    "candidate_id": "ZTF26a",
    "decision": "keep",
    "score": 3.74,
    "factors": [
        {
            "name": "magnitude",
            "value": 0.77,
            "effect": "×0.77",
            "decision": "keep",
            "reason": "18.73 mag in ztfr",
        },
        {
            "name": "peak",
            "value": 7.03,
            "effect": "×7.03",
            "decision": "keep",
            "reason": "1.3 d after <peak>",
        },
    ],
    "observatories": {
        "la_silla_dk154": {
            "decision": "keep",
            "factor": 7.3,
            "effect": "×7.3",
            "score": 27.4,
            "reason": "",
        },
        "la_palma_not": {
            "decision": "exclude",
            "factor": 1.0,
            "effect": "×1",
            "score": -1.0,
            "reason": "has set for the night",
        },
    },
}


class World:
    """A store with a candidate, and a message about it that was sent."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'store.sqlite'}"
        self.store = Store(self.url)
        self.store.ingest(make_report(make_objects("ZTF26a"), make_photometry("ZTF26a")), 61000.0)
        self.asked: list[str] = []
        self.desk = Desk(lambda: Store(self.url), lambda: NOW, observatories=SITES, why=self._why)

    def _why(self, store: Store, candidate_id: str) -> dict[str, Any]:
        self.asked.append(candidate_id)
        return TOLD

    def send(self, channel: str, **receipt: Any) -> int:
        """Note a message about the candidate as sent; return its number."""
        message = Message(title="ZTF26a enters", kind=CANDIDATE, candidate_id="ZTF26a").as_json()
        post = Post(channel, f"{channel}/{receipt}", message, due=0.0, candidate_id="ZTF26a")
        self.store.outbox.post([post], 61120.0)
        entry = self.store.outbox.entries(channel=channel)[-1]
        self.store.outbox.settle(entry, State.SENT, receipt=receipt, sent_at=61120.0)
        return entry.id

    def feedback(self) -> list[tuple[str, str, str]]:
        """Return what people said: kind, author, comment."""
        said = self.store.marks.as_known(70000.0)
        return list(zip(said["kind"], said["author"], said["comment"], strict=True))


def wait_for(what: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
