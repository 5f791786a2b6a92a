"""GCN: what well-localised notices tell becomes a target of opportunity, a map a sky map.

Notices come as files in a folder, or by NASA's Kafka (gcn.nasa.gov), which needs a client id and
its secret, free. Credentials that nobody uses for 30 days are disabled for good.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from aas2rto.errors import InputError, SourceError
from aas2rto.parts.path_setting import OwnFolder
from aas2rto.sky.regions import events
from aas2rto.sources import source
from aas2rto.sources.notices.ledger import Ledger, Limits
from aas2rto.sources.notices.notice import MOST_BYTES, Notice
from aas2rto.sources.notices.read import read
from aas2rto.sources.poll_result import DEADLINE_SHARE, Harvest
from aas2rto.sources.transport.follow_stream import follow
from aas2rto.sources.transport.kafka import PATIENCE, Message, Patience, Stream
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.tables.report import PollRequest, Report
from aas2rto.text.words import counted, iso
from aas2rto.units import Arcsec, Day

NAME = "gcn"
SERVERS = "kafka.gcn.nasa.gov"
TOKENS = "https://auth.gcn.nasa.gov/oauth2/token"
"""gcn-kafka 0.3.4, core.py; of ``test.gcn.nasa.gov`` the same with ``test.`` within."""

SUFFIXES = frozenset({".json", ".xml", ".fits", ".gz"})
ACCEPTED, REFUSED = "accepted", "refused"

RADIUS, RADIUS_EP = 120.0, 180.0
"""[arcsec] What a follow-up camera covers; positions of EP's WXT are good to about 2 arcmin."""

LIFETIME = 7.0
"""[d] After the event, as for files of ToOs: afterglows and kilonovae fade within days."""

BASE_SCORE = 1000.0
"""As of files of ToOs: at the top of every product of factors (A&A 698, A153, Sect. 2.3)."""


@source(NAME)
class Gcn:
    """Notices of GRBs, X-ray transients, neutrinos, gravitational waves: ToOs and sky maps.

    Parameters
    ----------
    folder : str
        Notices as files: GCN's JSON, that of LIGO, Virgo & KAGRA, VOEvent, FITS maps.
    sky_maps : str
        Where maps are kept for the factor `in_skymap`.
    topics : tuple of str
        Streams to follow, such as ``gcn.notices.einstein_probe.wxt.alert``, ``igwn.gwalert``;
        needs an account and the extra ``kafka``.
    client_id, client_secret : str and SecretStr
        From gcn.nasa.gov/quickstart.
    group_id : str
        One for each project that follows streams.
    radius, radius_ep : float
        A notice whose 90 % radius is at most this becomes a target of opportunity [arcsec]; the
        second is for Einstein Probe.
    base_score : float
        Of such a target.
    lifetime : float
        So long after the event it is wanted [day].
    servers : str
        Kafka brokers.
    tokens : str
        Where the client id is shown for a token.
    start : str
        Where a stream never read before begins: ``earliest`` (GCN keeps some days) or ``latest``.
    max_notices : int
        Of one poll.
    patience : Patience
        Timeouts of the stream.
    """

    asks_by_object = False

    def __init__(  # noqa: PLR0913  the settings of a config
        self,
        *,
        folder: OwnFolder = "notices",
        sky_maps: OwnFolder = "sky_maps",
        topics: tuple[str, ...] = (),
        client_id: str = "",
        client_secret: SecretStr | None = None,
        group_id: str = "aas2rto",
        radius: Annotated[Arcsec, Field(gt=0, le=3600)] = RADIUS,
        radius_ep: Annotated[Arcsec, Field(gt=0, le=3600)] = RADIUS_EP,
        base_score: Annotated[float, Field(gt=0)] = BASE_SCORE,
        lifetime: Annotated[Day, Field(gt=0, le=365)] = LIFETIME,
        servers: str = SERVERS,
        tokens: str = TOKENS,
        start: Literal["earliest", "latest"] = "earliest",
        max_notices: Annotated[int, Field(ge=1)] = 500,
        patience: Patience = PATIENCE,
    ) -> None:
        if topics and servers == SERVERS and not (client_id and client_secret):
            raise ValueError("topics need client_id and client_secret (gcn.nasa.gov/quickstart)")
        self.folder = Path(folder).expanduser()
        self.sky_maps = Path(sky_maps).expanduser()
        self.max_notices = max_notices
        self._limits = Limits(radius / 3600, {"EP": radius_ep / 3600}, base_score, lifetime)
        self._stream: Stream | None = None
        if topics:
            login = _login(client_id, client_secret, tokens) if client_secret else {}
            self._stream = Stream(
                "gcn stream",
                servers,
                topics,
                group_id=group_id,
                start=start,
                patience=patience,
                more=login,
            )

    @property
    def stream(self) -> Stream | None:
        """The stream to listen to between two polls."""
        return self._stream

    def close(self) -> None:
        """Leave the stream."""
        if self._stream is not None:
            self._stream.close()

    def probe(self) -> str:
        """Ask for the topics, or say how many files wait.

        Raises
        ------
        SourceError
            If GCN does not answer, or refuses the client.
        """
        if self._stream is not None:
            return self._stream.probe()
        return f"{counted(len(self._waiting()), 'file')} waiting in {self.folder}"

    def poll(self, request: PollRequest) -> Report:
        """Read files and streams; what each notice says changes targets and maps."""
        harvest = Harvest(NAME, request, lasting=True)
        until = Deadline(DEADLINE_SHARE * request.deadline)
        ledger = Ledger(harvest.cursor.get("events", {}), self._limits, request.now)
        taken: list[tuple[Path, str]] = []
        notices = harvest.part(lambda: self._files(harvest, taken)) or []
        acknowledge: Callable[[], None] | None = None
        stream = self._stream
        if stream is not None:
            acknowledge = harvest.part(lambda: self._follow(stream, harvest, notices, until))
        for notice in sorted(notices, key=lambda one: one.told_at or request.now):
            harvest.part(lambda one=notice: self._take(one, ledger, harvest))  # type: ignore[misc]
        harvest.cursor["events"] = ledger.events
        return harvest.report(lambda: _done(taken, self.folder, acknowledge))

    def _waiting(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [
            path
            for path in sorted(self.folder.iterdir())
            if path.is_file()
            and path.suffix.lower() in SUFFIXES
            and not path.name.startswith((".", "#"))
        ]

    def _files(self, harvest: Harvest, taken: list[tuple[Path, str]]) -> list[Notice]:
        found = []
        try:
            self.folder.mkdir(exist_ok=True)
            waiting = self._waiting()[: self.max_notices]
        except OSError as error:
            raise SourceError(
                f"the folder {self.folder} cannot be used ({error.strerror}); make it, or correct "
                "'folder' in the config"
            ) from error
        for path in waiting:
            try:
                if path.stat().st_size > MOST_BYTES:
                    raise InputError(f"has more than {MOST_BYTES >> 20} MiB")  # noqa: TRY301
                found.append(read(path.read_bytes(), path.name))
                taken.append((path, ACCEPTED))
            except InputError as error:
                harvest.problems.append(f"{path}: {error}; it lies in {REFUSED}/ now")
                taken.append((path, REFUSED))
            except OSError as error:
                harvest.problems.append(f"{path}: cannot be read ({error.strerror})")
        return found

    def _follow(
        self, stream: Stream, harvest: Harvest, notices: list[Notice], until: Deadline
    ) -> Callable[[], None]:
        def take(messages: list[Message]) -> int:
            lost = 0
            for one in messages:
                if one.topic == "gcn.heartbeat":
                    continue
                try:
                    notices.append(read(one.value, one.topic))
                except InputError as error:
                    harvest.problems.append(f"{one}: {error}")
                    lost += 1
            return lost

        return follow(stream, harvest, until, limit=self.max_notices, take=take)

    def _take(self, notice: Notice, ledger: Ledger, harvest: Harvest) -> None:
        """Let a notice do what it does to maps and targets."""
        if notice.told_at is not None:
            harvest.saw(min(notice.told_at, harvest.now))
        for doubt in notice.doubts:
            harvest.problems.append(f"gcn: {notice.name}: {doubt}")
        if notice.time is not None and notice.time > harvest.now + 1.0:
            said = f"it tells of {iso(notice.time)} UTC, which is to come; now is taken"
            harvest.problems.append(f"gcn: {notice.name}: {said}")
            notice = replace(notice, time=harvest.now)
        change = ledger.take(notice)
        try:
            if change.ends_map:
                events.end(self.sky_maps, notice.key)
            elif change.map is not None:
                self.sky_maps.mkdir(exist_ok=True)
                events.put(self.sky_maps, notice.key, notice.sky_map, change.map)
        except (OSError, InputError) as error:
            harvest.problems.append(f"{notice.name}: its sky map cannot be kept: {error}")
        if change.target is not None:
            row = dict(change.target)
            where = {key: row.pop(key) for key in ("object_id", "survey", "ra", "dec")}
            harvest.objects.append({**where, "known_at": harvest.now})
            harvest.say(where["object_id"], **row)


def _login(client_id: str, secret: SecretStr, tokens: str) -> dict[str, Any]:
    """Return how GCN wants to be logged in to: OpenID Connect (gcn-kafka, core.py)."""
    return {
        "security.protocol": "sasl_ssl",
        "sasl.mechanisms": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": client_id,
        "sasl.oauthbearer.client.secret": secret.get_secret_value(),
        "sasl.oauthbearer.token.endpoint.url": tokens,
    }


def _done(
    taken: list[tuple[Path, str]], folder: Path, acknowledge: Callable[[], None] | None
) -> None:
    """Move files that the store has heard of; one that cannot be moved is read again."""
    for path, where in taken:
        with contextlib.suppress(OSError):
            (folder / where).mkdir(exist_ok=True)
            path.replace(folder / where / path.name)
    if acknowledge is not None:
        acknowledge()
