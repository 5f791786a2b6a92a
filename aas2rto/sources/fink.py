"""Fink: live streams, tagged LSST alerts and light curves, for ZTF and LSST.

A stream needs an account (username and group id, normally no password); the REST services need
none. What is known of Fink's answers beyond its documents stands where it matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import SecretStr

from aas2rto.errors import UsageError
from aas2rto.parts.web_address import WebAddress
from aas2rto.sources import source
from aas2rto.sources.fink_rest import by_object, lsst_packet_of, ztf_packet_of
from aas2rto.sources.listing import TAI_MINUS_UTC, iso_date, window_start
from aas2rto.sources.packets import nulls
from aas2rto.sources.packets.from_rest import Record
from aas2rto.sources.packets.quality import ANY, Quality
from aas2rto.sources.poll_result import DEADLINE_SHARE, Harvest
from aas2rto.sources.transport.confluent_frame import Decoder, registry
from aas2rto.sources.transport.follow_stream import StreamSettings, follow
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.kafka import PATIENCE, Message, Patience, Stream
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.sources.transport.worklist import ABOUT_THE_OBJECT, Worklist, wanted_ids
from aas2rto.tables.report import PollRequest, Report
from aas2rto.units import Day

URLS = {"ztf": "https://api.ztf.fink-portal.org", "lsst": "https://api.lsst.fink-portal.org"}
SERVERS = {
    "ztf": "kafka-ztf.fink-broker.org:24499",
    "lsst": "kafka-lsst.fink-broker.org:24499",
}

NETWORK = Policy(read=130.0)
"""Fink cuts a question off after 120 s itself (504); asking again then helps, for it caches."""

OBJECTS_PER_QUESTION = 10
"""Light curves asked for at once: 10 x 300 rows stay far below Fink's cap of 10,000 rows."""

TAG_PAGE = 1000
"""Rows of a tag asked for at once; Fink has no documented maximum, and 10 by default."""

MAX_TAG_PAGE = 32_000
"""Where a page of one single time stops growing: 460 rows of one visit have been seen."""

PROBE_DATES = (61232.0, 61233.0)
"""[MJD] A night of July 2026, of which there are alerts."""

TIME_STEP = 1e-5
"""[d] A second: no two visits are closer in time."""

KAFKA_ONLY = frozenset(
    {
        "extragalactic_svom",
        "fast_transient_gvom",
        "in_simbad",
        "is_solar_system",
        "remove_unlikely_transients",
        "uniform_sample",
    }
)
"""Tags whose filters have no support by the REST service (fink-filters 7.45, HBASE_SUPPORT)."""

API_SUPPORT = "API support"
"""What the list of tags calls that."""

NO_STRANGERS: frozenset[int] = frozenset()
"""Fink answers with nothing for objects that it does not know: no status tells them."""

ZTF_COLUMNS = (
    "i:objectId,i:candid,i:jd,i:fid,i:magpsf,i:sigmapsf,i:diffmaglim,i:isdiffpos,i:ra,i:dec,i:rb,"
    "i:drb,i:nbad,i:programid,i:ndethist,i:distnr,i:magnr,i:sigmagnr,i:sgscore1,i:distpsnr1,"
    "i:ssdistnr,d:tag,d:cdsxmatch,d:tns,d:rf_snia_vs_nonia,d:snn_snia_vs_nonia,d:snn_sn_vs_all,d:rf_kn_vs_nonkn,"
    "d:mulens,d:roid,d:anomaly_score,d:vsx,d:gcvs,d:DR3Name,d:mangrove_HyperLEDA_name,"
    "d:mangrove_2MASS_name,d:tracklet"
)
"""Columns of ``objects`` that are used, of 136. A column that is null in every row is absent."""


@source("fink", wants="best", annotates=("fink_", "ztf_", "lsst_"))
class Fink:
    """Alerts that pass a filter of Fink, and light curves of ranked candidates.

    Parameters
    ----------
    survey : str
        ``ztf`` or ``lsst``.
    topics : tuple of str
        Streams to follow, such as ``fink_sn_candidates_ztf``; needs an account.
    group_id, username : str
        From Fink, by its form.
    password : SecretStr
        Normally none: Fink's brokers refuse a password from users who have none.
    servers : str
        Kafka brokers; empty for Fink's.
    schema_registry : str
        Address of a Confluent schema registry, for brokers that name schemas by number as Rubin
        does; Fink sends them along.
    start : str
        Where a stream never read before begins: ``earliest`` (Fink keeps 4 to 7 days) or
        ``latest``.
    max_alerts : int
        Alerts to take in one poll, at most; the rest stays with Fink for the next.
    tags : tuple of str
        LSST only: tags to list through REST, such as ``extragalactic_new_candidate``.
    since : float
        Days that the first poll of a tag looks back, and later ones as long as they find nothing
        newer.
    overlap : float
        Days before the newest row of a tag that are asked for again.
    light_curves : int
        Light curves to fetch through REST in one poll, at most.
    refresh : float
        Days after which the light curve of a ranked candidate is fetched again. For ZTF the
        REST service is filled once a day, after the night.
    quality : Quality
        How real a detection must look, such as ``{reliability: 0.5}`` (LSST) or ``{drb: 0.65}``
        (ZTF); what lies below is kept as suspect, and neither counted nor fitted.
    url : str
        Another address, such as that of a test server.
    network : Policy
        Timeouts, tries and rate of REST questions.
    patience : Patience
        Timeouts of the stream.
    """

    def __init__(  # noqa: PLR0913  the settings of a config
        self,
        *,
        survey: Literal["ztf", "lsst"] = "ztf",
        topics: tuple[str, ...] = (),
        group_id: str = "",
        username: str = "",
        password: SecretStr | None = None,
        servers: str = "",
        schema_registry: str = "",
        start: Literal["earliest", "latest"] = "earliest",
        max_alerts: int = 5000,
        tags: tuple[str, ...] = (),
        since: Day = 3.0,
        overlap: Day = 0.5,
        light_curves: int = 50,
        refresh: Day = 1.0,
        quality: Quality = ANY,
        url: WebAddress = "",
        network: Policy = NETWORK,
        patience: Patience = PATIENCE,
    ) -> None:
        if topics and not group_id:
            raise ValueError("topics need the group_id that Fink gave you (fink-broker.org)")
        if tags and survey != "lsst":
            raise ValueError("tags are a service for LSST; set survey: lsst, or use topics")
        if streamed := sorted(KAFKA_ONLY.intersection(tags)):
            raise ValueError(_only_streamed(streamed))
        self.survey = survey
        self.max_alerts = max_alerts
        self.tags = tags
        self.since = since
        self.overlap = overlap
        self.light_curves = light_curves
        self.refresh = refresh
        self.quality = quality
        self._client = Client(f"fink {survey}", url or URLS[survey], policy=network)
        self._decoder = Decoder(
            registry(schema_registry, f"fink {survey} schemas", network)
            if schema_registry
            else None
        )
        self._stream = StreamSettings(
            f"fink {survey} stream",
            servers or SERVERS[survey],
            topics,
            group_id,
            username,
            password,
            start,
            patience,
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
        """Ask for the topics; or for the list of classes; or for that of tags, and for one tag.

        The latter is a question with dates, put as a poll puts it, for that is what has gone
        wrong while the service answered.

        Raises
        ------
        SourceError
            If Fink does not answer.
        UsageError
            If a tag of the config does not exist, or has no support by the REST service.
        """
        if self._stream is not None and not self.tags:
            return self._stream.probe()
        until = self._client.deadline(self._client.policy.read)
        try:
            if self.survey == "ztf":
                self._client.get("api/v1/classes", until=until).mapping()
            else:
                self._probe_tags(until)
        finally:
            self._client.close()
        said = f"{self._client.host} answers"
        return said if self._stream is None else f"{said}; {self._stream.probe()}"

    def _probe_tags(self, until: Deadline) -> None:
        known = self._client.get("api/v1/tags", until=until).mapping()
        served = {
            name
            for name, about in known.items()
            if isinstance(about, Mapping) and about.get(API_SUPPORT) is not False
        }
        if missing := sorted(set(self.tags) - set(known)):
            raise UsageError(
                f"fink lsst has no tag {', '.join(missing)}; it has {', '.join(sorted(served))}"
            )
        if streamed := sorted(set(self.tags) - served):
            raise UsageError(_only_streamed(streamed))
        for tag in (*self.tags, *sorted(served))[:1]:
            question = self._tag_question(tag, PROBE_DATES[0], PROBE_DATES[1], 1)
            self._client.post("api/v1/tags", json=question, until=until).records()

    def poll(self, request: PollRequest) -> Report:
        """Read the stream, list the tags, then fetch light curves, best candidates first."""
        harvest = Harvest("fink", request, lasting=self._stream is not None, quality=self.quality)
        until = self._client.deadline(DEADLINE_SHARE * request.deadline)
        worklist = Worklist(harvest.cursor.get("worklist", {}))
        acknowledge = None
        # One part that fails does not keep the others from bringing their data.
        stream = self._stream
        if stream is not None:
            acknowledge = harvest.part(lambda: self._read_stream(stream, harvest, until))
        if self.tags and not request.reacting:
            harvest.part(lambda: self._list_tags(harvest, worklist, until))
        if not request.reacting:
            harvest.part(lambda: self._fetch(harvest, worklist, until))
        self._client.close()
        harvest.cursor["worklist"] = worklist.state(request.now)
        return harvest.report(acknowledge)

    # -- stream -----------------------------------------------------------------------------

    def _read_stream(self, stream: Stream, harvest: Harvest, until: Deadline) -> Callable[[], None]:
        def take(messages: list[Message]) -> int:
            return self._decoder.feed(messages, harvest.batch, self._client.service)

        return follow(stream, harvest, until, limit=self.max_alerts, take=take)

    # -- tags -------------------------------------------------------------------------------

    def _list_tags(self, harvest: Harvest, worklist: Worklist, until: Deadline) -> None:
        listed: dict[str, list[Any]] = harvest.cursor.setdefault("tags", {})
        end = harvest.now + TAI_MINUS_UTC
        for tag in self.tags:
            newest, complete = listed.get(tag, [None, None])
            start = window_start(newest, complete, end, since=self.since, overlap=self.overlap)
            rows = self._tag_rows(tag, start, harvest, until)
            times = [nulls.number(row["r:midpointMjdTai"]) for row in rows]
            listed[tag] = [max([*times, newest or 0.0]) or None, end]
            for row, time in zip(rows, times, strict=True):
                harvest.saw(time - TAI_MINUS_UTC)
                worklist.add(nulls.digits(row["r:diaObjectId"]), time)

    def _tag_rows(
        self, tag: str, start: float, harvest: Harvest, until: Deadline
    ) -> list[Mapping[str, Any]]:
        """List the rows of a tag since `start` [MJD, TAI], all or none.

        Rows come newest first, so paging walks backwards: whoever stops half-way has the newest
        rows and a gap below them. Hence nothing is used before the walk has come to its end.
        """
        found: dict[str, Mapping[str, Any]] = {}
        # Dates in the question count as UTC: half a minute's rows at either end come twice.
        stop, size = harvest.now + 2.0 * TAI_MINUS_UTC, TAG_PAGE
        while True:
            question = self._tag_question(tag, start - TAI_MINUS_UTC, stop, size)
            rows = self._client.post("api/v1/tags", json=question, until=until).records()
            good = [row for row in rows if self._is_row(row, harvest)]
            found |= {nulls.digits(row["r:diaSourceId"]): row for row in good}
            if len(rows) < size or not good:
                return list(found.values())
            oldest = min(float(row["r:midpointMjdTai"]) for row in good)
            if oldest < stop - TIME_STEP:
                stop = oldest + TIME_STEP / 5.0  # Ties with the oldest come again.
            elif size < MAX_TAG_PAGE:
                size *= 2  # One visit fills the whole page: only a longer one gets beyond it.
            else:
                harvest.problems.append(
                    f"fink {self.survey}: tag {tag} has more than {size} rows at MJD "
                    f"{oldest:.5f} (TAI); the others of that time are left out"
                )
                stop = oldest - TIME_STEP

    @staticmethod
    def _tag_question(tag: str, start: float, stop: float, n: int) -> dict[str, Any]:
        """Ask for a tag; Fink's own code takes dates as ISO text alone, else it answers 500.

        Its server compares the number that it makes of them with the rows' MJD (TAI) as they
        are (fink-object-api, apps/routes/v1/lsst/tags/utils.py).
        """
        return {"tag": tag, "n": n, "startdate": iso_date(start), "stopdate": iso_date(stop)}

    def _is_row(self, row: Any, harvest: Harvest) -> bool:
        """Say whether a row of a tag can be used, and complain if not."""
        try:
            names = [nulls.digits(row[key]) for key in ("r:diaObjectId", "r:diaSourceId")]
            good = all(names) and nulls.number(row["r:midpointMjdTai"]) > 0
            what = "it lacks an id or a time"
        except (KeyError, TypeError, ValueError) as error:
            good, what = False, repr(error)
        if not good:
            harvest.problems.append(f"fink {self.survey}: a tagged row cannot be used: {what}")
        return good

    # -- light curves -----------------------------------------------------------------------

    def _fetch(self, harvest: Harvest, worklist: Worklist, until: Deadline) -> None:
        wanted = wanted_ids(harvest.wanted, self.survey)
        names = worklist.order(wanted, now=harvest.now, refresh=self.refresh)
        ask = self._ztf_objects if self.survey == "ztf" else self._lsst_sources

        def fetch(group: Sequence[str]) -> list[bool]:
            alerts = ask(group, harvest, until)
            for alert in alerts:
                if alert is not None:
                    harvest.batch.add(alert, where=self._client.service)
            return [alert is not None for alert in alerts]

        worklist.work(
            names[: self.light_curves],
            fetch,
            harvest,
            until,
            size=OBJECTS_PER_QUESTION,
            strange=NO_STRANGERS,
        )

    def _rows(
        self, path: str, question: Mapping[str, str], key: str, harvest: Harvest, until: Deadline
    ) -> dict[str, list[Any]]:
        """Ask for rows of several objects at once; `question` starts with their names."""
        answer = self._client.post(path, json=dict(question), until=until, final=ABOUT_THE_OBJECT)
        names = next(iter(question.values())).split(",")

        def complain(what: str) -> None:
            harvest.problems.append(f"{answer.asked}: {what}")

        return by_object(answer.records(), key, names, complain)

    def _ztf_objects(
        self, names: Sequence[str], harvest: Harvest, until: Deadline
    ) -> list[Record | None]:
        question = {
            "objectId": ",".join(names),
            "withupperlim": "True",
            "columns": ZTF_COLUMNS,
            "output-format": "json",
        }
        rows = self._rows("api/v1/objects", question, "i:objectId", harvest, until)
        return [ztf_packet_of(name, rows[name], harvest.now) for name in names]

    def _lsst_sources(
        self, names: Sequence[str], harvest: Harvest, until: Deadline
    ) -> list[Record | None]:
        # As text: a number is refused by the server, and would lose digits elsewhere.
        question = {"diaObjectId": ",".join(names), "output-format": "json"}
        sources = self._rows("api/v1/sources", question, "r:diaObjectId", harvest, until)
        forced = self._rows("api/v1/fp", question, "r:diaObjectId", harvest, until)
        return [lsst_packet_of(name, sources[name], forced[name], harvest.now) for name in names]


def _only_streamed(tags: Sequence[str]) -> str:
    names = ", ".join(tags)
    topics = ", ".join(f"fink_{tag}_lsst" for tag in tags)
    return (
        f"Fink's REST service has no support for the tag {names}: follow it as a stream instead, "
        f"topics: [{topics}]"
    )
