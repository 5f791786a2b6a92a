"""Reports of cycles and words of messages grow old by a rule; keys of messages never do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aas2rto.config.sections import Retention
from aas2rto.messaging.message import Message
from aas2rto.store.outbox import Post, State
from tests.conftest import MJD


def save(store, now):
    store.save_cycle(
        now,
        scores=pd.DataFrame(),
        rejected=pd.DataFrame(),
        ranks=pd.DataFrame(),
        report={"version": "1", "config": "c"},
    )


def cycles(store):
    with store.engine.connect() as connection:
        return connection.exec_driver_sql("SELECT at FROM cycles ORDER BY at").scalars().all()


def prune_all(store, now, **kept_for):
    while store.prune(now, Retention(**kept_for)):
        pass


def test_reports_of_cycles_are_thinned(store):
    """All of three days, the last of each hour for thirty, then of each day, and the first."""
    times = [MJD + 0.01, MJD + 0.02, MJD + 0.5, MJD + 1.001, MJD + 1.002]
    times += [MJD + 20.001, MJD + 20.002, MJD + 20.5, MJD + 38.001, MJD + 38.002, MJD + 40]
    for at in times:
        save(store, at)
    prune_all(store, MJD + 40)
    kept = [0.01, 0.5, 1.002, 20.002, 20.5, 38.001, 38.002, 40]
    assert np.round(np.array(cycles(store)) - MJD, 6).tolist() == kept


def test_before_the_newest_cycle_nothing_is_pruned(store):
    """A replay of an old night is no reason to thin by its clock, nor by a later one's."""
    for at in (MJD, MJD + 0.001, MJD + 50):
        save(store, at)
    assert store.prune(MJD + 20, Retention()) is False
    assert len(cycles(store)) == 3


@pytest.mark.parametrize(
    ("state", "at", "stays"),
    [
        (State.SENT, MJD, False),
        (State.REFUSED, MJD, False),
        (State.UNKNOWN, MJD, False),
        (State.WAITING, MJD, True),
        (State.SENDING, MJD, True),
        (State.SENT, MJD + 60, True),
    ],
)
def test_of_old_messages_the_words_go(store, state, at, stays):
    """The key stays, so that nothing is told twice; what waits is told in full."""
    message = {"kind": "news", "title": "a rises", "lines": [["", "words"]], "facts": {"x": 1}}
    store.outbox.post([Post("slack", "slack/a/1", message, due=at)], at)
    (entry,) = store.outbox.entries()
    store.outbox.settle(entry, state)
    save(store, MJD + 100)
    prune_all(store, MJD + 100)
    (entry,) = store.outbox.entries()
    assert entry.message == (message if stays else {"kind": "news", "title": "a rises"})
    assert Message.from_json(entry.message).title == "a rises"
    store.outbox.post([Post("slack", "slack/a/1", message, due=at)], at)
    assert len(store.outbox.entries()) == 1
