"""Messages on disk: what waits, what is under way, what arrived, and what nobody knows of.

A message is posted in the transaction of the cycle that caused it. It is marked ``sending``
before the service is asked and settled after the service has answered, so that a program that is
killed in between finds it so, and knows that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from aas2rto.store import schema
from aas2rto.store.database import is_postgresql
from aas2rto.store.rows import plain

TEXT, FIGURES = "text", "figures"


class State(StrEnum):
    """What is known of a message."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    MERGED = "merged"
    DROPPED = "dropped"


REQUESTS = "request|"
"""With this begin topics of requests to telescopes, which are no messages."""

OPEN = (State.WAITING, State.SENDING)


@dataclass(frozen=True)
class Post:
    """A message on its way into the outbox.

    Parameters
    ----------
    channel : str
    key : str
        What it is about; a second message with the same key is not posted.
    message : mapping
        Ready for JSON.
    due : float
        Not sent before [d, MJD UTC].
    held : bool
        Held back on purpose: may be merged with others.
    candidate_id : str
        Empty if it is about none, or several.
    figures : bool
        If True, its figures follow as a message of their own.
    replaces : tuple of int
        Waiting messages that it says anew.
    """

    channel: str
    key: str
    message: Mapping[str, Any]
    due: float
    held: bool = False
    candidate_id: str = ""
    figures: bool = False
    replaces: tuple[int, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A message in the outbox."""

    id: int
    key: str
    channel: str
    part: str
    follows: int | None
    candidate: int | None
    at: float
    due: float
    held: bool
    state: str
    message: Mapping[str, Any]
    attempts: int
    sent_at: float | None
    receipt: Mapping[str, Any]
    error: str


@dataclass(frozen=True)
class ChannelState:
    """What is known of a channel."""

    channel: str
    stopped: str = ""
    since: float | None = None
    pause_until: float | None = None
    address: str = ""
    digest_at: float | None = None
    offset: int | None = None


@dataclass(frozen=True)
class Told:
    """Something that was seen or said of a candidate."""

    candidate_id: str
    topic: str
    value: str
    at: float


@dataclass(frozen=True)
class Alarm:
    """Something that is wrong, and how often that was said."""

    part: str
    error: str
    since: float
    last: float
    told_at: float | None = None
    told: int = 0


@dataclass(frozen=True)
class Answer:
    """What somebody answered to a message.

    Parameters
    ----------
    key : str
        The service's own name of the answer, so that none counts twice.
    channel : str
    at : float
        [d, MJD UTC]
    author, text : str
    candidate_id : str
        Empty if it is about none.
    result : str
        What was said back.
    """

    key: str
    channel: str
    at: float
    author: str
    text: str
    candidate_id: str = ""
    result: str = ""


@dataclass(frozen=True)
class Mail:
    """What a cycle adds, in the transaction of its results."""

    posts: Sequence[Post] = ()
    told: Sequence[Told] = ()
    alarms: Sequence[Alarm] = ()
    over: Sequence[str] = ()
    digests: Mapping[str, float] = field(default_factory=dict)


Transaction = Callable[[str], AbstractContextManager[Connection]]


class Outbox:
    """The messages of a project; made by :attr:`aas2rto.store.Store.outbox`.

    Parameters
    ----------
    engine : Engine
    transaction : callable
        Opens a transaction whose failure becomes a `StoreError`.
    key_of : callable
        Returns the key of a candidate's row.
    """

    def __init__(
        self, engine: Engine, transaction: Transaction, key_of: Callable[[str], int | None]
    ) -> None:
        self._engine = engine
        self._transaction = transaction
        self._key_of = key_of
        self._insert = postgresql.insert if is_postgresql(engine) else sqlite.insert

    # -- posting --------------------------------------------------------------------------------

    def post(self, posts: Iterable[Post], now: float) -> None:
        """Add messages that no cycle caused."""
        with self._transaction("messages") as connection:
            self.add(connection, Mail(posts=tuple(posts)), now)

    def add(self, connection: Connection, mail: Mail, now: float) -> None:
        """Add what a cycle says, in its own transaction."""
        for post in mail.posts:
            self._add_post(connection, post, now)
        self._set_told(connection, mail.told)
        for alarm in mail.alarms:
            values = {name: value for name, value in vars(alarm).items() if name != "part"}
            self._upsert(connection, schema.alarms, {"part": alarm.part}, values)
        if mail.over:
            table = schema.alarms
            connection.execute(table.delete().where(table.c.part.in_(list(mail.over))))
        for channel, at in mail.digests.items():
            self._upsert(connection, schema.channels, {"channel": channel}, {"digest_at": at})

    def _add_post(self, connection: Connection, post: Post, now: float) -> None:
        table = schema.outbox
        row = {
            "channel": post.channel,
            "at": now,
            "due": post.due,
            "held": post.held,
            "candidate": self._key_of(post.candidate_id),
            "state": State.WAITING.value,
            "message": json.dumps(dict(post.message), default=plain),
        }
        insert = self._insert(table).on_conflict_do_nothing(index_elements=["key"])
        text = connection.execute(
            insert.values(key=post.key, part=TEXT, **row).returning(table.c.id)
        ).scalar_one_or_none()
        if text is None:
            return
        if post.figures:
            connection.execute(
                insert.values(key=f"{post.key}/figures", part=FIGURES, follows=text, **row)
            )
        self._merge_into(connection, post.replaces, int(text))

    def _merge_into(self, connection: Connection, merged: Sequence[int], text: int) -> None:
        """Mark messages, with the figures that follow them, as said by another."""
        if not merged:
            return
        table = schema.outbox
        ids = list(merged)
        waiting = table.c.state == State.WAITING
        connection.execute(
            update(table)
            .where(table.c.follows.in_(ids), table.c.part == FIGURES, waiting)
            .values(state=State.DROPPED, error="its text was merged into another")
        )
        connection.execute(
            update(table)
            .where(table.c.id.in_(ids), waiting)
            .values(state=State.MERGED, follows=text)
        )

    def merge(self, entries: Sequence[Entry], message: Mapping[str, Any], now: float) -> None:
        """Replace waiting messages of a channel by one that says it all."""
        ids = tuple(entry.id for entry in entries)
        key = f"{entries[0].channel}/merged/{ids[0]}-{ids[-1]}-{len(ids)}"
        due = max(entry.due for entry in entries)
        post = Post(entries[0].channel, key, message, due, replaces=ids)
        self.post([post], now)

    # -- sending --------------------------------------------------------------------------------

    def due(self, channel: str, now: float, *, ready_before: float = 1e9) -> list[Entry]:
        """Return the messages of a channel that may be sent now, texts before figures.

        Parameters
        ----------
        channel : str
        now : float
            [d, MJD UTC]
        ready_before : float
            Figures of cycles from this time on [d, MJD UTC] are still being drawn.
        """
        table = schema.outbox
        drawn = or_(table.c.part == TEXT, table.c.at < ready_before)
        query = (
            select(table)
            .where(table.c.channel == channel, table.c.state == State.WAITING, table.c.due <= now)
            .where(drawn)
            .order_by(table.c.part.desc(), table.c.id)  # 'text' > 'figures'
        )
        return self._entries(query)

    def next_due(self, channel: str) -> float | None:
        """Return when the next waiting message of a channel is due [d, MJD UTC]."""
        table = schema.outbox
        query = select(func.min(table.c.due)).where(
            table.c.channel == channel, table.c.state == State.WAITING
        )
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar_one()
        return None if found is None else float(found)

    def claim(self, entry: Entry) -> None:
        """Say that a message is being sent; to be on disk before the service is asked."""
        self._set(entry.id, state=State.SENDING, attempts=entry.attempts + 1)

    def settle(self, entry: Entry, state: State, **values: Any) -> None:
        """Say how it went.

        Parameters
        ----------
        entry : Entry
        state : State
        **values
            ``sent_at``, ``receipt`` (a mapping), ``error``, ``due``.
        """
        if "receipt" in values:
            values["receipt"] = json.dumps(values["receipt"], default=plain)
        self._set(entry.id, state=state, **values)

    def _set(self, key: int, **values: Any) -> None:
        with self._transaction("a message") as connection:
            connection.execute(
                update(schema.outbox).where(schema.outbox.c.id == key).values(**values)
            )

    def under_way(self, channel: str) -> list[Entry]:
        """Return the messages that a killed program was sending."""
        return self.entries(channel=channel, states=(State.SENDING,))

    def entries(
        self,
        *,
        channel: str | None = None,
        states: Iterable[str] | None = None,
        candidate_ids: Iterable[str] | None = None,
        newest: int | None = None,
    ) -> list[Entry]:
        """Return messages, the oldest first."""
        table = schema.outbox
        query = select(table)
        if channel is not None:
            query = query.where(table.c.channel == channel)
        if states is not None:
            query = query.where(table.c.state.in_(list(states)))
        if candidate_ids is not None:
            keys = [key for name in candidate_ids if (key := self._key_of(name)) is not None]
            query = query.where(table.c.candidate.in_(keys))
        found = self._entries(query.order_by(table.c.id.desc()).limit(newest))
        return found[::-1]

    def _entries(self, query: Any) -> list[Entry]:
        with self._engine.connect() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def get(self, key: int) -> Entry | None:
        """Return one message."""
        found = self._entries(select(schema.outbox).where(schema.outbox.c.id == key))
        return found[0] if found else None

    def by_receipt(self, channel: str, name: str, value: str) -> Entry | None:
        """Return the newest text whose receipt has this value, such as a message's number."""
        for entry in reversed(self.entries(channel=channel, states=(State.SENT,), newest=500)):
            if str(entry.receipt.get(name, "")) == value:
                return entry
        return None

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many messages each channel has in each state."""
        table = schema.outbox
        query = select(table.c.channel, table.c.state, func.count()).group_by(
            table.c.channel, table.c.state
        )
        found: dict[str, dict[str, int]] = {}
        with self._engine.connect() as connection:
            for channel, state, count in connection.execute(query):
                found.setdefault(channel, {})[state] = count
        return found

    # -- channels -------------------------------------------------------------------------------

    def channel(self, name: str) -> ChannelState:
        """Return what is known of a channel."""
        query = select(schema.channels).where(schema.channels.c.channel == name)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return ChannelState(name) if row is None else ChannelState(**dict(row._mapping))

    def set_channel(self, name: str, **values: Any) -> None:
        """Note something of a channel, see `ChannelState`."""
        with self._transaction(f"channel {name}") as connection:
            self._upsert(connection, schema.channels, {"channel": name}, values)

    # -- what was told, alarms and answers ------------------------------------------------------

    def told(
        self, *, topic: str | None = None, candidate_ids: Iterable[str] | None = None
    ) -> list[Told]:
        """Return what was seen or said of candidates, by topic or by candidate."""
        table, known = schema.told, schema.candidates
        query = select(known.c.candidate_id, table.c.topic, table.c.value, table.c.at)
        query = query.join(known, known.c.id == table.c.candidate)
        if topic is not None:
            query = query.where(table.c.topic == topic)
        if candidate_ids is not None:
            query = query.where(known.c.candidate_id.in_(list(candidate_ids)))
        with self._engine.connect() as connection:
            return [Told(*row) for row in connection.execute(query)]

    def has_told(self) -> bool:
        """Tell whether anything was ever seen or said."""
        with self._engine.connect() as connection:
            query = (
                select(schema.told.c.topic)
                .where(~schema.told.c.topic.startswith(REQUESTS))
                .limit(1)
            )
            return connection.execute(query).first() is not None

    def _set_told(self, connection: Connection, told: Sequence[Told]) -> None:
        rows = [
            {"candidate": key, "topic": mark.topic, "value": mark.value, "at": mark.at}
            for mark in told
            if (key := self._key_of(mark.candidate_id)) is not None
        ]
        if rows:
            insert = self._insert(schema.told)
            changed = {"value": insert.excluded.value, "at": insert.excluded.at}
            statement = insert.on_conflict_do_update(
                index_elements=["candidate", "topic"], set_=changed
            )
            connection.execute(statement, rows)

    def alarms(self) -> dict[str, Alarm]:
        """Return what is wrong, by part."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(schema.alarms)).all()
        return {row.part: Alarm(**dict(row._mapping)) for row in rows}

    def add_answer(self, connection: Connection, answer: Answer) -> bool:
        """Note that somebody answered; False if this answer was noted before."""
        values = {name: value for name, value in vars(answer).items() if name != "candidate_id"}
        insert = self._insert(schema.answers).on_conflict_do_nothing()
        insert = insert.values(**values, candidate=self._key_of(answer.candidate_id))
        return connection.execute(insert.returning(schema.answers.c.key)).first() is not None

    def _upsert(
        self,
        connection: Connection,
        table: Any,
        where: Mapping[str, Any],
        values: Mapping[str, Any],
    ) -> None:
        statement = self._insert(table).values(**where, **values)
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(where), set_=dict(values))
        )


def _entry(row: Row[Any]) -> Entry:
    values = dict(row._mapping)
    values["message"] = json.loads(values["message"])
    values["receipt"] = json.loads(values["receipt"])
    return Entry(**values)
