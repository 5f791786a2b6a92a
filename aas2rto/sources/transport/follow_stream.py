"""One poll of a stream: read on from the cursor, use what comes, acknowledge after the commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from aas2rto.errors import SourceError
from aas2rto.sources.poll_result import Harvest
from aas2rto.sources.transport.kafka import PATIENCE, Message, Patience, Stream
from aas2rto.sources.transport.pacing import Deadline

UNREADABLE_LIMIT = 20
"""If so many messages come and none can be read, the schema is the problem, not the messages."""


@dataclass(frozen=True)
class StreamSettings:
    """What a config says of a stream, the same for every broker.

    Parameters
    ----------
    service : str
        Its name in error texts.
    servers : str
        Kafka brokers.
    topics : tuple of str
        None of them: there is no stream.
    group_id, username : str
    password : SecretStr or None
    start : str
        ``earliest`` or ``latest``.
    patience : Patience
    """

    service: str
    servers: str
    topics: tuple[str, ...]
    group_id: str
    username: str = ""
    password: SecretStr | None = None
    start: Literal["earliest", "latest"] = "earliest"
    patience: Patience = PATIENCE

    def open(self) -> Stream | None:
        """Return the stream, not yet connected; None without topics."""
        if not self.topics:
            return None
        return Stream(
            self.service,
            self.servers,
            self.topics,
            group_id=self.group_id,
            username=self.username,
            password=self.password,
            start=self.start,
            patience=self.patience,
        )


def follow(
    stream: Stream,
    harvest: Harvest,
    until: Deadline,
    *,
    limit: int,
    take: Callable[[list[Message]], int],
) -> Callable[[], None]:
    """Read a stream into a harvest.

    Parameters
    ----------
    stream : Stream
    harvest : Harvest
        Its cursor's ``offsets`` say where to begin, and afterwards where to go on; ``lag`` says
        how many messages are left.
    until : Deadline
    limit : int
        Messages, at most.
    take : callable
        Uses a chunk of messages; returns how many of them could not be read.

    Returns
    -------
    callable
        To be called after the store's commit.

    Raises
    ------
    SourceError
        If the stream fails, with the cursor behind what was taken; or if nothing of it can be
        read, with the cursor where it was.
    """
    before = harvest.cursor.get("offsets", {})
    got = unreadable = 0
    try:
        for messages in stream.read(before, limit=limit, until=until):
            unreadable += take(messages)
            got += len(messages)
            harvest.cursor["offsets"] = {**before, **stream.offsets()}
    finally:
        harvest.problems.extend(stream.problems)
        harvest.cursor["lag"] = stream.lag()
    if got == unreadable and got >= UNREADABLE_LIMIT:
        harvest.cursor["offsets"] = before
        first = [*harvest.batch.problems, *harvest.problems][0]
        raise SourceError(
            f"{stream.service} ({stream.servers}): none of {got} messages can be read ({first}); "
            "they are kept there for some days: has the schema changed? Update this program"
        )
    offsets = stream.offsets()
    return lambda: stream.acknowledge(offsets)
