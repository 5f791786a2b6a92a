"""One careful Kafka reader: at-least-once, bounded, and silent about nothing.

The truth about how far a stream was read is the cursor that the store commits together with
the data. Kafka's own committed offsets follow it (see `Stream.acknowledge`); they only serve a
store that has no cursor yet, and people who watch the consumer group. A crash between reading
and storing therefore reads again, and never skips.

`confluent-kafka` is imported on first use: who polls no stream need not install it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, SecretStr

from aas2rto.errors import SourceError
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.text.words import counted
from aas2rto.units import Second

if TYPE_CHECKING:
    from types import ModuleType

log = logging.getLogger(__name__)

Place = tuple[str, int]
"""Topic and partition."""

CHUNK = 256
"""Messages that are in memory at once."""

READ_AHEAD_KIB = 4 * 1024
"""What librdkafka may hold for us per partition; its default of 64 MiB is meant for servers."""

DAY_MS = 24 * 3600 * 1000

LISTENING = 0.1
"""Seconds for which one who waits for messages does not look up."""

EAR = {"fetch.wait.max.ms": 1000, "queued.max.messages.kbytes": 64}
"""Who only listens asks once a second, is answered at once when something comes, and needs but
the first message."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a stream.

    Parameters
    ----------
    connect : float
        Seconds to wait for the brokers' answer to a question.
    idle : float
        Seconds without a message after which a partition that promised more is left alone.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    connect: Annotated[Second, Field(gt=0)] = 15.0
    idle: Annotated[Second, Field(gt=0)] = 10.0

    def __str__(self) -> str:
        return f"{{connect: {self.connect:g} s, idle: {self.idle:g} s}}"


PATIENCE = Patience()


def _unheard(_: object) -> None:
    """Let a complaint of the listening connection go: the next poll meets its cause itself."""


@dataclass(frozen=True)
class Message:
    """One message of a stream."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}] message {self.offset}"


class StreamError(SourceError):
    """A stream cannot be read; the text names service, brokers and cause."""


def confluent_kafka() -> ModuleType:
    """Import the client library.

    Raises
    ------
    StreamError
        If it is not installed; the text says how to install it.
    """
    try:
        import confluent_kafka as library  # noqa: PLC0415  an optional extra
    except ImportError as error:
        raise StreamError(
            "reading a Kafka stream needs the package confluent-kafka: pip install 'aas2rto[kafka]'"
        ) from error
    return library


class Stream:
    """Some topics of one Kafka cluster.

    Parameters
    ----------
    service : str
        Its name in error texts.
    servers : str
        ``host:port``, several joined by commas.
    topics : sequence of str
    group_id : str
        Consumer group; the service may have assigned it.
    username : str
    password : SecretStr or None
        SASL (SCRAM-SHA-512) is used only with both: Fink's brokers refuse the handshake of a
        user who gives a password without having one.
    start : str
        Where a stream without cursor and without committed offset begins: ``earliest`` or
        ``latest``.
    patience : Patience
    more : mapping, optional
        Further settings of librdkafka, such as another way to log in.
    """

    def __init__(
        self,
        service: str,
        servers: str,
        topics: Sequence[str],
        *,
        group_id: str,
        username: str = "",
        password: SecretStr | None = None,
        start: Literal["earliest", "latest"] = "earliest",
        patience: Patience = PATIENCE,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self._more = dict(more or {})
        self.service = service
        self.servers = servers
        self.topics = tuple(topics)
        self.problems: list[str] = []
        self._group_id = group_id
        self._username, self._password = username, password
        self._start = start
        self._patience = patience
        self._consumer: Any = None
        self._ear: Any = None
        self._next: dict[Place, int] = {}
        self._ends: dict[Place, int] = {}
        self._complaints: list[Any] = []
        self._busy = threading.Lock()

    # -- connection -------------------------------------------------------------------------

    def _settings(self) -> dict[str, Any]:
        settings = {
            "bootstrap.servers": self.servers,
            "group.id": self._group_id,
            "client.id": "aas2rto",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": self._start,
            "allow.auto.create.topics": False,
            # Between two cycles nothing is polled, for however long the interval is.
            "max.poll.interval.ms": DAY_MS,
            "queued.max.messages.kbytes": READ_AHEAD_KIB,
            # A fetch that finds nothing new holds up the next question for so long.
            "fetch.wait.max.ms": 100,
            "reconnect.backoff.max.ms": 2000,
            # What happens to connections is told by `error_cb`, and reported once per poll.
            "log_level": 0,
            "error_cb": self._complaints.append,
        }
        if self._username and self._password is not None:
            settings |= {
                "security.protocol": "sasl_plaintext",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": self._username,
                "sasl.password": self._password.get_secret_value(),
            }
        return settings | self._more

    def _error(self, what: str) -> StreamError:
        """Build an error; the brokers' own complaint says more than a timeout does."""
        if self._consumer is not None:
            self._consumer.poll(0)  # Serves `error_cb`.
        words = [str(complaint.str()) for complaint in self._complaints]
        # The first is the cause; that all brokers are down follows from it.
        cause = next((word for word in words if "brokers are down" not in word), "")
        cause = f": {cause}" if cause else ""
        return StreamError(f"{self.service} ({self.servers}): {what}{cause}")

    def _ask(self, what: str, call: Any) -> Any:
        """Ask the brokers; what they do not answer becomes a `StreamError`."""
        try:
            return call()
        except confluent_kafka().KafkaException as error:
            raise self._error(f"{what} failed ({error.args[0].str()})") from error

    def _connect(self, until: Deadline) -> dict[Place, None]:
        """Connect if need be; returns the partitions of those of our topics that exist."""
        if self._consumer is None:
            self._consumer = confluent_kafka().Consumer(self._settings())
            self._next, self._ends = {}, {}
        timeout = min(self._patience.connect, until.left())
        found = self._ask(
            "asking for the list of topics", lambda: self._consumer.list_topics(timeout=timeout)
        )
        places: dict[Place, None] = {}
        for topic in self.topics:
            known = found.topics.get(topic)
            if known is None or known.error is not None or not known.partitions:
                self.problems.append(
                    f"{self.service} ({self.servers}): there is no topic {topic!r} (yet): its "
                    "name is wrong, or its filter has let nothing through so far"
                )
                continue
            places |= {(topic, number): None for number in sorted(known.partitions)}
        if not places:
            raise StreamError(
                f"{self.service} ({self.servers}): none of the topics {', '.join(self.topics)} "
                "exists; check their names"
            )
        return places

    def close(self) -> None:
        """Leave the cluster."""
        if self._ear is not None:
            self._ear.close()
            self._ear = None
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
            self._next = {}

    def probe(self) -> str:
        """Ask for the topics.

        Raises
        ------
        StreamError
            If the brokers do not answer or have none of the topics.
        """
        self.problems.clear()
        self._complaints.clear()
        places = self._connect(Deadline(self._patience.connect))
        missing = f" ({len(self.problems)} of them missing)" if self.problems else ""
        found = counted(len({topic for topic, _ in places}), "topic")
        return f"{self.servers} has {found}{missing}"

    # -- reading ----------------------------------------------------------------------------

    def read(
        self, cursor: Mapping[str, Mapping[str, int]], *, limit: int, until: Deadline
    ) -> Iterator[list[Message]]:
        """Yield what has come since the cursor, in chunks, oldest first in each partition.

        Parameters
        ----------
        cursor : mapping
            Topic -> partition (as text) -> offset of the next message, as `offsets` gave it.
        limit : int
            Messages to read, at most.
        until : Deadline

        Raises
        ------
        StreamError
            If the brokers do not answer, or not any more; what was yielded before is good.
        """
        if not self._busy.acquire(blocking=False):
            raise StreamError(f"{self.service} ({self.servers}): the last poll still runs")
        try:
            self.problems.clear()
            self._complaints.clear()
            places = self._connect(until)
            goal = self._attach(places, cursor, until)
            yield from self._consume(goal, limit, until)
        finally:
            self._rest()
            self._busy.release()

    def _rest(self) -> None:
        """Fetch nothing between two polls: nobody would read it, and questions wait behind it."""
        if self._consumer is not None:
            self._consumer.unassign()

    def _attach(
        self,
        places: Mapping[Place, None],
        cursor: Mapping[str, Mapping[str, int]],
        until: Deadline,
    ) -> dict[Place, int]:
        """Put the reader where the cursor says; returns where each partition ends now."""
        ends = self._watermarks(places, until)
        starts = self._starts(places, cursor, ends, until)
        library = confluent_kafka()
        self._consumer.assign(
            [library.TopicPartition(*place, offset) for place, offset in starts.items()]
        )
        self._next = starts
        self._ends = {place: high for place, (_, high) in ends.items()}
        return self._ends

    def _watermarks(
        self, places: Mapping[Place, None], until: Deadline
    ) -> dict[Place, tuple[int, int]]:
        """Ask for the first and the next offset of each partition."""
        library = confluent_kafka()
        timeout = min(self._patience.connect, until.left())
        return {
            place: self._ask(
                f"asking for the length of {place[0]}[{place[1]}]",
                lambda place=place: self._consumer.get_watermark_offsets(
                    library.TopicPartition(*place), timeout=timeout
                ),
            )
            for place in places
        }

    def _starts(
        self,
        places: Mapping[Place, None],
        cursor: Mapping[str, Mapping[str, int]],
        ends: Mapping[Place, tuple[int, int]],
        until: Deadline,
    ) -> dict[Place, int]:
        """Find where to begin: the cursor, else the group's committed offset, else `start`."""
        known = {
            (topic, int(number)): int(offset)
            for topic, offsets in cursor.items()
            for number, offset in offsets.items()
        }
        new = [place for place in places if place not in known]
        known |= self._committed(new, until) if new else {}
        starts = {}
        for place in places:
            low, high = ends[place]
            wish = known.get(place, low if self._start == "earliest" else high)
            starts[place] = self._inside(place, wish, low, high)
        return starts

    def _inside(self, place: Place, wish: int, low: int, high: int) -> int:
        """Keep an offset within what the brokers still hold, and say what that costs."""
        if wish < low:
            lost = counted(low - wish, "message")
            self.problems.append(
                f"{self.service}: {lost} of {place[0]}[{place[1]}] expired unread; "
                "poll more often than the stream's retention"
            )
            return low
        if wish > high:
            self.problems.append(
                f"{self.service}: {place[0]}[{place[1]}] is shorter than what was read of it "
                f"({wish} > {high}): it was made anew, and is read from its beginning"
            )
            return low
        return wish

    def _committed(self, places: Sequence[Place], until: Deadline) -> dict[Place, int]:
        library = confluent_kafka()
        timeout = min(self._patience.connect, until.left())
        asked = [library.TopicPartition(*place) for place in places]
        found = self._ask(
            "asking for the committed offsets",
            lambda: self._consumer.committed(asked, timeout=timeout),
        )
        return {(tp.topic, tp.partition): tp.offset for tp in found if tp.offset >= 0}

    def _consume(
        self, goal: Mapping[Place, int], limit: int, until: Deadline
    ) -> Iterator[list[Message]]:
        """Read up to what was there when the poll began: a busy stream must end, too."""
        left = limit
        quiet = Deadline(self._patience.idle)
        while left > 0 and until.left() > 0:
            behind = sum(max(0, end - self._next[place]) for place, end in goal.items())
            if behind == 0:
                return
            # Asking for no more than there is: the library waits for all of what was asked.
            got = self._consumer.consume(
                min(CHUNK, left, behind), timeout=min(0.5, until.left(), self._patience.idle)
            )
            messages = [self._taken(one) for one in got if one.error() is None]
            if messages:
                quiet = Deadline(self._patience.idle)
                left -= len(messages)
                yield messages
            elif quiet.left() <= 0:
                raise self._error(f"stopped sending with {counted(behind, 'message')} to come")

    def _taken(self, one: Any) -> Message:
        place = (one.topic(), one.partition())
        self._next[place] = one.offset() + 1
        return Message(*place, one.offset(), one.key() or b"", one.value() or b"")

    # -- between two polls ------------------------------------------------------------------

    def listen(self, over: Callable[[], bool]) -> bool:
        """Wait until a message comes behind those that were read, or until `over` says so.

        It listens by a connection of its own and takes nothing: the next poll reads what came.

        Parameters
        ----------
        over : callable
            Asked every `LISTENING` seconds.

        Returns
        -------
        bool
            Whether there is something to read; False also where the brokers do not answer, which
            the next poll will tell, and before the first poll.
        """
        library = confluent_kafka()
        places = [library.TopicPartition(*place, offset) for place, offset in self._next.items()]
        try:
            if not places:
                return False
            if self._ear is None:
                self._ear = library.Consumer(self._settings() | EAR | {"error_cb": _unheard})
            self._ear.assign(places)
            while not over():
                one = self._ear.poll(LISTENING)
                if one is not None and one.error() is None:
                    return True
        except library.KafkaException as error:
            log.debug("%s: listening failed: %s", self.service, error)
        finally:
            if self._ear is not None:
                self._ear.unassign()
        return False

    # -- afterwards -------------------------------------------------------------------------

    def offsets(self) -> dict[str, dict[str, int]]:
        """Return the cursor that goes with everything read so far."""
        found: dict[str, dict[str, int]] = {}
        for (topic, number), offset in self._next.items():
            found.setdefault(topic, {})[str(number)] = offset
        return found

    def lag(self) -> int:
        """Count the messages that were there when the last poll began and are still to be read."""
        return sum(max(0, end - self._next.get(place, end)) for place, end in self._ends.items())

    def acknowledge(self, offsets: Mapping[str, Mapping[str, int]]) -> None:
        """Tell the brokers how far the store has come; call it after the store's commit.

        A failure is logged and no more: the store's cursor is what counts.
        """
        if self._consumer is None:
            return
        library = confluent_kafka()
        places = [
            library.TopicPartition(topic, int(number), offset)
            for topic, numbers in offsets.items()
            for number, offset in numbers.items()
        ]
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except library.KafkaException as error:
            log.warning("%s: committing offsets failed: %s", self.service, error.args[0].str())
