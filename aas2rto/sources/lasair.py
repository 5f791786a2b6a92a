"""Lasair: filter streams with light curves, and a hundred questions an hour, for ZTF and LSST.

The streams need no account but a filter of one's own (its topic is ``lasair_<user><Filter>``);
questions need a token, and ZTF and LSST have different accounts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import SecretStr

from aas2rto.parts.web_address import WebAddress
from aas2rto.sources import lasair_records as records
from aas2rto.sources import source
from aas2rto.sources.listing import TAI_MINUS_UTC, newest_of, pages
from aas2rto.sources.packets.quality import ANY, Quality
from aas2rto.sources.poll_result import DEADLINE_SHARE, Harvest
from aas2rto.sources.transport import json_text
from aas2rto.sources.transport.answer import Answer, Cause, HttpError
from aas2rto.sources.transport.follow_stream import StreamSettings, follow
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.kafka import PATIENCE, Message, Patience, Stream
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.sources.transport.worklist import WHOLE_SERVICE, Worklist, wanted_ids
from aas2rto.tables import photometry
from aas2rto.tables.report import PollRequest, Report
from aas2rto.units import Day

URLS = {"ztf": "https://lasair-ztf.lsst.ac.uk/api", "lsst": "https://api.lasair.lsst.ac.uk/api"}
SERVERS = {"ztf": "kafka.lsst.ac.uk:9092", "lsst": "lasair-lsst-kafka_pub.lsst.ac.uk:9092"}

NETWORK = Policy()
"""The hourly quota is kept by `Budget`; this only spaces questions out."""

COLUMNS = {
    "ztf": ("objects.objectId, objects.ramean, objects.decmean, objects.jdmax", "objects.jdmax"),
    "lsst": (
        "objects.diaObjectId, objects.ra, objects.decl, objects.lastDiaSourceMjdTai",
        "objects.lastDiaSourceMjdTai",
    ),
}
"""What a query selects, and the column that tells when an object was last seen."""

NAMES = {"ztf": "objects.objectId", "lsst": "objects.diaObjectId"}
"""The column that makes an order of rows complete, so that paging by offset skips none."""

STRANGE = {"ztf": frozenset({400, 404, 500}), "lsst": frozenset({400, 404})}
"""Statuses for an object that Lasair does not know: its ZTF server stumbles over it (lasair4,
webserver/lasairapi/views.py: ``retcode(None)``), that of LSST says 404."""

LONG_LIVED = 400
"""Status for LSST objects with sources older than Lasair keeps images of, if what Lasair adds is
asked for (lasair-lsst, webserver/lasairapi/serializers.py: ``reformat`` misses ``image_urls``)."""

MAX_PLAIN = 1000
"""Long-lived objects that are remembered as such."""

FORBIDDEN = ("#", "/*", "*/", ";", "||", "\\")
"""What Lasair allows nowhere in conditions (webserver/lasair/query_builder.py)."""

ROWS = 1000
"""Rows per query; Lasair would silently cut a longer one to the user's tier (10,000)."""

PROBE_FROM = {"ztf": 2461000.5, "lsst": 61000.0}
"""Since when [JD, MJD] the probe's query asks for objects."""

HOUR = 1.0 / 24.0

FOR_EVER = 1e9
"""A stream's alerts cannot be asked for again: none is left out for being later than `now`."""


class Budget:
    """Questions that may still be asked in this hour.

    The spent ones are in the cursor, so that a restart does not spend the hour again; a source
    whose cursor was not stored keeps them in memory as well.

    Parameters
    ----------
    spent : sequence of float
        When questions were asked [MJD, UTC].
    per_hour : int
    now : float
        MJD (UTC).
    """

    def __init__(self, spent: Sequence[float], per_hour: int, now: float) -> None:
        self._per_hour = per_hour
        self._now = now
        self.spent = sorted(mjd for mjd in spent if now - HOUR < mjd <= now)

    def left(self) -> int:
        """Questions that may be asked now."""
        return max(0, self._per_hour - len(self.spent))

    def spend(self) -> None:
        """Ask one question.

        Raises
        ------
        HttpError
            If none is left; it says when the first of the hour comes free.
        """
        if self.left() == 0:
            wait = (self.spent[0] + HOUR - self._now) * 86400.0
            raise HttpError(
                f"lasair: all {self._per_hour} questions of this hour are spent",
                cause=Cause.THROTTLED,
                wait=max(1.0, wait),
            )
        self.spent.append(self._now)


@source("lasair", wants="best", annotates=("lasair_", "ztf_", "lsst_"))
class Lasair:
    """Objects that pass a filter of Lasair, and light curves of ranked candidates.

    Parameters
    ----------
    survey : str
        ``ztf`` or ``lsst``.
    topics : tuple of str
        Filter streams to follow, such as ``lasair_2SNeIa``; no account is needed, but the
        filter must be set to send to a stream, best with lite light curves.
    group_id : str
        Any name; under it Kafka keeps how far the store has come.
    servers : str
        Kafka brokers; empty for Lasair's.
    start : str
        Where a stream never read before begins: ``earliest`` (7 days) or ``latest``.
    max_alerts : int
        Messages to take in one poll, at most.
    token : SecretStr
        From the profile page of the Lasair account; needed for queries and light curves.
    conditions : str
        SQL conditions of a query, such as ``objects.nDiaSources > 3``, with ``ORDER BY`` at
        their end if you wish; empty asks none.
    tables : str
        Tables of the query.
    since : float
        Days that the first query looks back.
    overlap : float
        Days before the newest object seen that are asked for again.
    calls_per_hour : int
        100 for normal users; Lasair gives power users more.
    refresh : float
        Days after which the light curve of a ranked candidate is fetched again.
    quality : Quality
        How real a detection must look, such as ``{reliability: 0.5}`` (LSST) or ``{drb: 0.65}``
        (ZTF); what lies below is kept as suspect, and neither counted nor fitted.
    url : str
        Another address, such as that of a test server.
    network : Policy
        Timeouts and rate of questions.
    patience : Patience
        Timeouts of the stream.
    """

    def __init__(  # noqa: PLR0913  the settings of a config
        self,
        *,
        survey: Literal["ztf", "lsst"] = "lsst",
        topics: tuple[str, ...] = (),
        group_id: str = "aas2rto",
        servers: str = "",
        start: Literal["earliest", "latest"] = "earliest",
        max_alerts: int = 5000,
        token: SecretStr | None = None,
        conditions: str = "",
        tables: str = "objects",
        since: Day = 3.0,
        overlap: Day = 0.5,
        calls_per_hour: int = 100,
        refresh: Day = 1.0,
        quality: Quality = ANY,
        url: WebAddress = "",
        network: Policy = NETWORK,
        patience: Patience = PATIENCE,
    ) -> None:
        if token is None and not topics:
            raise ValueError("give topics to follow, or a token to ask with (lasair.lsst.ac.uk)")
        if conditions and token is None:
            raise ValueError("conditions need a token: queries are for signed-in users only")
        self.survey = survey
        self.max_alerts = max_alerts
        self.conditions, self.order = split_order(conditions)
        self.tables = tables
        self.since = since
        self.overlap = overlap
        self.calls_per_hour = calls_per_hour
        self.refresh = refresh
        self.quality = quality
        self.has_query = bool(conditions)
        self._asks = token is not None
        self._spent: list[float] = []
        credentials = {}
        if token is not None:
            credentials["Authorization"] = SecretStr(f"Token {token.get_secret_value()}")
        self._client = Client(
            f"lasair {survey}", url or URLS[survey], policy=network, credentials=credentials
        )
        self._stream = StreamSettings(
            f"lasair {survey} stream",
            servers or SERVERS[survey],
            topics,
            group_id,
            start=start,
            patience=patience,
        ).open()

    @property
    def stream(self) -> Stream | None:
        """The stream to listen to between two polls."""
        return self._stream

    def close(self) -> None:
        """Leave the stream and close the connections."""
        self._client.close()
        if self._stream is not None:
            self._stream.close()

    def probe(self) -> str:
        """Ask for the topics, or query one row (which costs one question of the hour).

        Raises
        ------
        SourceError
            If Lasair does not answer, or refuses the token.
        """
        if self._stream is not None:
            return self._stream.probe()
        until = self._client.deadline(self._client.policy.read)
        try:
            if self.has_query:  # as a poll puts it, so that Lasair says what is wrong with it
                question = self._question(PROBE_FROM[self.survey], 0, 1)
            else:
                question = {
                    "selected": COLUMNS[self.survey][0],
                    "tables": "objects",
                    "conditions": "",
                    "limit": 1,
                    "offset": 0,
                }
            self._client.post("query/", data=question, until=until, repeat=False).records()
        finally:
            self._client.close()
        return f"{self._client.host} answers, and knows the token"

    def poll(self, request: PollRequest) -> Report:
        """Read the stream, ask the query, then fetch light curves, best candidates first."""
        harvest = Harvest("lasair", request, lasting=self._stream is not None, quality=self.quality)
        until = self._client.deadline(DEADLINE_SHARE * request.deadline)
        worklist = Worklist(harvest.cursor.get("worklist", {}))
        spent = max(harvest.cursor.get("spent", []), self._spent, key=len)
        budget = Budget(spent, self.calls_per_hour, request.now)
        stream, acknowledge = self._stream, None
        if stream is not None:
            acknowledge = harvest.part(lambda: self._read_stream(stream, harvest, until))
        if self._asks and not request.reacting:
            harvest.part(lambda: self._ask(harvest, worklist, budget, until))
        self._client.close()
        harvest.cursor["worklist"] = worklist.state(request.now)
        harvest.cursor["spent"] = self._spent = budget.spent
        return harvest.report(acknowledge)

    # -- stream -----------------------------------------------------------------------------

    def _read_stream(self, stream: Stream, harvest: Harvest, until: Deadline) -> Callable[[], None]:
        def take(messages: list[Message]) -> int:
            return sum(not self._take(message, harvest) for message in messages)

        return follow(stream, harvest, until, limit=self.max_alerts, take=take)

    def _take(self, message: Message, harvest: Harvest) -> bool:
        """Use one message; returns whether it could be read."""
        where = f"lasair {self.survey}: {message}"
        try:
            row = json_text.parse(message.value)
            facts = records.facts(row, self.survey)
            # Some streams put the light curve under `alert`, others beside the columns.
            light_curve = row.get("alert") or row
            alert = records.packet(self.survey, facts.name, light_curve, facts.place, FOR_EVER)
            if alert is None:
                self._place(facts, harvest)
        except records.UNUSABLE as error:
            harvest.problems.append(f"{where} cannot be used: {error!r:.160}")
            return False
        if alert is not None:
            harvest.batch.add(alert, where=where)
        harvest.note(facts.name, **records.context(row))
        return True

    def _place(self, facts: records.Facts, harvest: Harvest) -> None:
        """Report an object whose message brought no light curve."""
        if facts.place is None:
            raise ValueError("it has neither light curve nor position: let the filter select them")
        seen = facts.last_mjd if math.isfinite(facts.last_mjd) else harvest.now
        harvest.saw(seen)
        harvest.objects.append(
            {
                "object_id": facts.name,
                "survey": self.survey,
                "ra": facts.place[0],
                "dec": facts.place[1],
                "known_at": seen,
            }
        )

    # -- questions --------------------------------------------------------------------------

    def _ask(self, harvest: Harvest, worklist: Worklist, budget: Budget, until: Deadline) -> None:
        failed: HttpError | None = None
        if self.has_query and budget.left() > 0:
            try:
                self._query(harvest, worklist, budget, until)
            except HttpError as error:
                if error.cause in WHOLE_SERVICE:
                    raise
                failed = error
        wanted = wanted_ids(harvest.wanted, self.survey)
        names = worklist.order(wanted, now=harvest.now, refresh=self.refresh)

        def fetch(group: Sequence[str]) -> list[bool]:
            return [self._object(name, harvest, budget, until) for name in group]

        # As many as the hour allows: the best are first, the others wait in the worklist.
        worklist.work(names[: budget.left()], fetch, harvest, until, strange=STRANGE[self.survey])
        if failed is not None:
            raise failed

    def _query(self, harvest: Harvest, worklist: Worklist, budget: Budget, until: Deadline) -> None:
        """List what the query finds since it was last complete."""
        shift = photometry.MJD_OF_JD if self.survey == "ztf" else TAI_MINUS_UTC
        start = harvest.cursor.get("last_seen", harvest.now + shift - self.since + self.overlap)

        def ask(offset: int) -> list[Any]:
            budget.spend()
            question = self._question(start - self.overlap, offset, ROWS)
            # Not repeated: every try costs one of the hour's questions.
            return self._client.post("query/", data=question, until=until, repeat=False).records()

        newest = start
        for rows in pages(ask, ROWS):
            newest = newest_of([self._enlist(row, worklist, harvest) for row in rows], newest)
        # Only a list that was read to its end moves the cursor: rows come in no order.
        harvest.cursor["last_seen"] = newest

    def _question(self, start: float, offset: int, limit: int) -> dict[str, Any]:
        """Put the query; its own ORDER BY stands behind what is added to its conditions.

        Without an order, pages that are cut by an offset may overlap or leave rows out.
        """
        selected, column = COLUMNS[self.survey]
        since = f"{column} > {start:.6f}"
        conditions = f"({self.conditions}) AND {since}" if self.conditions else since
        order = ", ".join(part for part in (self.order, NAMES[self.survey]) if part)
        return {
            "selected": selected,
            "tables": self.tables,
            "conditions": f"{conditions} ORDER BY {order}",
            "limit": limit,
            "offset": offset,
        }

    def _enlist(self, row: Any, worklist: Worklist, harvest: Harvest) -> float:
        """Put a row of the query on the worklist; returns when its object was last seen."""
        try:
            facts = records.facts(row, self.survey)
            if not math.isfinite(facts.last_seen):
                raise ValueError("it has no last detection")
        except records.UNUSABLE as error:
            harvest.problems.append(
                f"lasair {self.survey}: a row of the query cannot be used: {error!r:.160}"
            )
            return -math.inf
        harvest.saw(facts.last_mjd)
        worklist.add(facts.name, facts.last_seen)
        return facts.last_seen

    def _object(self, name: str, harvest: Harvest, budget: Budget, until: Deadline) -> bool:
        answer = self._answer(name, harvest, budget, until)
        payload = answer.json()
        # The older form of the answer wraps its one object in a list.
        found = payload[0] if isinstance(payload, list) and payload else payload
        if not isinstance(found, dict) or not records.is_object(found):
            raise answer.unreadable("without an object")
        try:
            place = records.place_of(found)
            alert = records.packet(self.survey, name, found, place, harvest.now)
        except records.UNUSABLE as error:
            raise answer.unreadable(
                f"with an object that cannot be used ({error!r:.120})"
            ) from error
        if alert is None:
            return False
        harvest.batch.add(alert, where=self._client.service)
        harvest.note(name, **records.context(found))
        return True

    def _answer(self, name: str, harvest: Harvest, budget: Budget, until: Deadline) -> Answer:
        """Ask for an object with what Lasair adds; without it where that makes Lasair fail.

        Which ones those are is remembered: the question that fails is put once.
        """
        plain: list[str] = harvest.cursor.setdefault("plain", [])

        def ask(*, added: bool) -> Answer:
            budget.spend()
            # Lite rows say enough, but without Lasair's additions only full ones have a place.
            question = {"objectId": name, "lite": str(added), "lasair_added": str(added)}
            return self._client.post("object/", data=question, until=until, repeat=False)

        if name in plain:
            return ask(added=False)
        try:
            return ask(added=True)
        except HttpError as error:
            is_long_lived = self.survey == "lsst" and error.status == LONG_LIVED
            if not is_long_lived or budget.left() == 0:
                raise
        answer = ask(added=False)
        harvest.cursor["plain"] = [*plain, name][-MAX_PLAIN:]
        return answer


def split_order(conditions: str) -> tuple[str, str]:
    """Split conditions of a query from the order at their end.

    Parameters
    ----------
    conditions : str
        SQL, as in a config; ``ORDER BY`` may end it.

    Returns
    -------
    conditions, order : str
        The latter without the words ``ORDER BY``.

    Raises
    ------
    ValueError
        If they hold what Lasair refuses, or what cannot stand in parentheses.

    Examples
    --------
    >>> split_order("objects.gmag < 18 order by objects.gmag")
    ('objects.gmag < 18', 'objects.gmag')
    """
    plain = re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: "x" * len(quoted[0]), conditions)
    bad = [word for word in FORBIDDEN if word in conditions]
    bad += re.findall(r"\b(limit|offset|group\s+by|having|union)\b", plain, re.IGNORECASE)
    if bad:
        raise ValueError(
            f"conditions may not contain {', '.join(bad)}: give what stands after WHERE, and "
            "ORDER BY if you wish; rows are paged by this program"
        )
    found = list(re.finditer(r"\border\s+by\b", plain, re.IGNORECASE))
    if not found:
        return conditions.strip(), ""
    if len(found) > 1:
        raise ValueError("conditions may contain ORDER BY once, at their end")
    (where,) = found
    return conditions[: where.start()].strip(), conditions[where.end() :].strip()
