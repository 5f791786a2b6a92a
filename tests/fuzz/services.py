"""Doors of services: whole polls, each answer damaged, and messages of streams."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

import httpx
from pydantic import SecretStr

from aas2rto.sources.alerce import Alerce
from aas2rto.sources.atlas import Atlas
from aas2rto.sources.fink import Fink
from aas2rto.sources.lasair import Lasair
from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.poll_result import Harvest
from aas2rto.sources.tns import Tns
from aas2rto.sources.transport import pacing
from aas2rto.sources.transport.confluent_frame import Decoder
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.kafka import Message
from aas2rto.tables.report import PollRequest
from tests.fuzz import damage, seeds
from tests.fuzz.damage import SECRET
from tests.fuzz.door import Door
from tests.fuzz.files import check_report, folder
from tests.fuzz.seeds import NOW
from tests.sources.conftest import wanted
from tests.standin import recorded, sky
from tests.standin.alerce import Alerce as AlerceService
from tests.standin.atlas import Atlas as AtlasService
from tests.standin.fink import FinkLsst, FinkZtf
from tests.standin.in_process import InProcess
from tests.standin.kafka import messages
from tests.standin.lasair import LasairLsst, LasairZtf
from tests.standin.server import Service
from tests.standin.tns import Tns as TnsService

BASE = "http://fuzz.test"
NETWORK = Policy(connect=1.0, read=1.0, tries=1, backoff=0.0, rate=1e6, burst=10**6, max_wait=0.0)
MOST_QUESTIONS = 40
"""After so many questions of one poll the service is gone."""

_MARK = b"\n%%"
"""Begins an answer within an input: ``%%200 application/json /path``, a line end, and the body."""


def alerce(survey: str) -> Alerce:
    classifier = "stamp_classifier_rubin*" if survey == "lsst" else "stamp_classifier"
    return Alerce(
        survey=survey, classifier=classifier, url=BASE, network=NETWORK, forced=True, since=20.0
    )  # type: ignore[arg-type]


def lasair(survey: str) -> Lasair:
    token = SecretStr(SECRET)
    return Lasair(
        survey=survey,
        url=f"{BASE}/api",
        network=NETWORK,
        token=token,
        conditions="1 = 1",
        since=20.0,
    )  # type: ignore[arg-type]


def fink(survey: str) -> Fink:
    tags = ("most_likely_sn",) if survey == "lsst" else ()
    return Fink(survey=survey, url=BASE, network=NETWORK, tags=tags)  # type: ignore[arg-type]


def atlas(_: str) -> Atlas:
    return Atlas(url=f"{BASE}/forcedphot", network=NETWORK, token=SecretStr(SECRET))


def tns(_: str) -> Tns:
    where = folder() / "tns"
    where.mkdir(exist_ok=True)
    for path in where.iterdir():
        path.unlink()
    key = SecretStr(SECRET)
    return Tns(
        bot_id=12345, bot_name="standin_bot", api_key=key, url=BASE, network=NETWORK, folder=where
    )


SERVICES: dict[str, tuple[Callable[[str], Any], type[Service]]] = {
    "fink-ztf": (fink, FinkZtf),
    "fink-lsst": (fink, FinkLsst),
    "alerce-ztf": (alerce, AlerceService),
    "alerce-lsst": (alerce, AlerceService),
    "lasair-ztf": (lasair, LasairZtf),
    "lasair-lsst": (lasair, LasairLsst),
    "atlas": (atlas, AtlasService),
    "tns": (tns, TnsService),
}


class Open(InProcess):
    """Answers whoever asks, and writes down what was answered."""

    def __init__(self, service: Service, said: list[tuple[str, httpx.Response]]) -> None:
        super().__init__(service)
        self._said = said

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        token = getattr(self.service, "token", "")
        request.headers["Authorization"] = f"Token {token}"
        answer = super().handle_request(request)
        self._said.append((request.url.path, answer))
        return answer


class Scripted(httpx.BaseTransport):
    """Answers what stands in an input: for each path in its order, else with nothing."""

    def __init__(self, content: bytes) -> None:
        self._answers: deque[tuple[int, str, str, bytes]] = deque(_answers(content))
        self._asked = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._asked += 1
        if self._asked > MOST_QUESTIONS:
            raise httpx.ConnectError("gone", request=request)
        for one in self._answers:
            status, kind, path, body = one
            if path == request.url.path:
                self._answers.remove(one)
                headers = {"Content-Type": kind}
                return httpx.Response(status, headers=headers, content=body, request=request)
        return httpx.Response(404, json={"detail": "Not found."}, request=request)


def _answers(content: bytes) -> Iterable[tuple[int, str, str, bytes]]:
    for piece in (b"\n" + content).split(_MARK)[1:]:
        head, _, body = piece.partition(b"\n")
        words = head.decode("latin-1").split()
        if len(words) == 3 and words[0].isascii() and words[0].isdigit():
            status = int(words[0][:4])
            if 200 <= status < 600 and status not in (204, 304):
                yield status, words[1], words[2], body


def _framed(answers: Iterable[tuple[int, str, str, bytes]]) -> bytes:
    return b"".join(
        _MARK + f"{status} {kind} {path}\n".encode() + body for status, kind, path, body in answers
    )[1:]


@functools.cache
def honest(name: str) -> tuple[tuple[int, str, str, bytes], ...]:
    """Return what a service answers to a poll when all is well, over some polls."""
    make, kind = SERVICES[name]
    said: list[tuple[str, httpx.Response]] = []
    service = kind()
    service.reset()
    cursor: Any = {}
    for _ in range(3 if name == "atlas" else 1):
        source = _connected(make(name.partition("-")[2]), Open(service, said))
        found = source.poll(_request(name, cursor))
        cursor = json.loads(json.dumps(dict(found.cursor)))
        if name == "atlas":
            for task in service.asked:  # type: ignore[attr-defined]
                service.asked[task] = -(10**9)  # type: ignore[attr-defined]
    answers = []
    for path, answer in said[:25]:
        kind_of = answer.headers.get("content-type", "text/plain").split(";")[0]
        answers.append((answer.status_code, kind_of, path, _shortened(answer.content)))
    assert answers, name
    return tuple(answers)


def _shortened(body: bytes) -> bytes:
    """Return a shorter list of the same records: damage to one is as damage to another."""
    if body[:2] == b"PK":
        return body
    try:
        return json.dumps(_short(json.loads(body))).encode()
    except ValueError:
        return b"\n".join(body.split(b"\n")[:12])


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [_short(one) for one in (value if len(value) < 7 else value[:3] + value[-3:])]
    return {k: _short(v) for k, v in value.items()} if isinstance(value, dict) else value


def _connected(source: Any, transport: httpx.BaseTransport) -> Any:
    for client in vars(source).values():
        if isinstance(client, Client):
            client.transport = transport
            client._sleep = lambda _: None
    return source


@functools.cache
def _wanted() -> Any:
    rows = [
        {
            "candidate_id": t.ztf_id,
            "ra": t.ra,
            "dec": t.dec,
            "aliases": (t.ztf_id, str(t.lsst_id)),
            "first_detection": t.t_peak - 15.0,
        }
        for t in sky.transients()[:2]
    ]
    known = ("ZTF18abcgqmz", "ZTF19aaosfcb", "170587116732416143", "313637921267122191")
    rows += [{"candidate_id": name, "aliases": (name,)} for name in known]
    ra, dec = recorded.ATLAS_PLACE
    rows.append({"candidate_id": "real", "ra": ra, "dec": dec, "first_detection": 59101.0})
    return wanted(*rows)


def _request(name: str, cursor: Any = None) -> PollRequest:
    return PollRequest(now=NOW, cursor=cursor or {}, wanted=_wanted(), deadline=60.0)


_STATUS = (200, 200, 201, 301, 400, 401, 403, 404, 422, 429, 500, 502, 503)
_KINDS = ("application/json", "text/html", "text/csv", "application/zip")


_WITH_TOKEN = frozenset({"lasair-ztf", "lasair-lsst", "atlas", "tns"})


def _maker(name: str) -> Callable[[Random], bytes]:
    def make(rng: Random) -> bytes:
        answers = list(honest(name))
        for _ in range(damage.several(rng, 3)):
            i = rng.randrange(len(answers))
            if name in _WITH_TOKEN and rng.random() < 0.02:
                answers[i] = _echo(rng, answers[i])
            else:
                answers[i] = _damaged(rng, answers[i])
        return _framed(answers)

    return make


def _echo(rng: Random, answer: tuple[int, str, str, bytes]) -> tuple[int, str, str, bytes]:
    """Let a service quote what it was asked with."""
    status, kind, path, body = answer
    if rng.random() < 0.5:
        return rng.choice(_STATUS), kind, path, f"no: Token {SECRET} {SECRET}".encode()
    at = rng.randrange(len(body) + 1)
    return status, kind, path, body[:at] + SECRET.encode() + body[at:]


def _damaged(rng: Random, answer: tuple[int, str, str, bytes]) -> tuple[int, str, str, bytes]:
    status, kind, path, body = answer
    what = rng.random()
    if what < 0.03:
        return rng.choice(_STATUS), kind, path, body
    if what < 0.05:
        return status, rng.choice(_KINDS), path, body
    if what < 0.15:
        return status, kind, path, damage.of_bytes(rng, body)
    if body[:2] == b"PK":
        return status, kind, path, _zip(rng, body)
    try:
        value = _parsed(body)
    except ValueError:
        text = body.decode("utf-8", "replace")
        return status, kind, path, damage.of_text(rng, text).encode("utf-8", "surrogatepass")
    return status, kind, path, damage.json_of(damage.of_value(rng, value))


@functools.lru_cache(500)
def _parsed(body: bytes) -> Any:
    return json.loads(body)


def _zip(rng: Random, body: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        name = archive.namelist()[0]
        text = archive.read(name)[:4000].rpartition(b"\n")[0].decode() + "\n"
    changed = damage.of_text(rng, text).encode("utf-8", "surrogatepass")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, changed)
    return buffer.getvalue()


def _user(name: str) -> Callable[[bytes], Iterable[str]]:
    make = SERVICES[name][0]

    def use(content: bytes) -> Iterable[str]:
        pacing._buckets.clear()  # what one input made a host wait for is none of the next
        source = _connected(make(name.partition("-")[2]), Scripted(content))
        return check_report(source.poll(_request(name)))

    return use


# -- streams --------------------------------------------------------------------------------------

_BETWEEN = b"\n%%%%\n"
"""Stands between key and value of a message in an input."""


def _message(rng: Random) -> bytes:
    key, value = rng.choice(seeds.messages())
    return key + _BETWEEN + damage.of_bytes(rng, value)


def _schema(rng: Random) -> bytes:
    key, value = rng.choice(seeds.messages())
    if key:
        words = ("type", "items", "fields", "name", "size", "symbols", "logicalType", "namespace")
        schema = damage.of_value(rng, _parsed(key), words)
        key = damage.json_of(schema) if rng.random() < 0.9 else damage.of_bytes(rng, key)
    return key + _BETWEEN + value


def _feed(content: bytes) -> Iterable[str]:
    return _feed_all([content])


def _feed_all(contents: Sequence[bytes]) -> Iterable[str]:
    batch = Batch("fink", NOW)
    pairs = [content.partition(_BETWEEN)[::2] for content in contents]
    pairs.append(seeds.messages()[0])
    found = [Message("t", 0, n, key, value) for n, (key, value) in enumerate(pairs)]
    Decoder().feed(found, batch, "fink")
    tables = batch.tables()
    assert batch.used >= 1, "the good message beside it was lost"
    return [*batch.problems, *tables.problems]


@functools.cache
def _filtered() -> tuple[bytes, ...]:
    return tuple(value for topic, _, value in messages(NOW) if topic.startswith("lasair"))[:8]


def _row(rng: Random) -> bytes:
    body = rng.choice(_filtered())
    if rng.random() < 0.1:
        return damage.of_bytes(rng, body)
    return damage.json_of(damage.of_value(rng, _parsed(body)))


def _take_row(content: bytes) -> Iterable[str]:
    texts: list[str] = []
    for survey in ("ztf", "lsst"):
        harvest = Harvest("lasair", PollRequest(now=NOW))
        source = lasair(survey)
        source._take(Message("t", 0, 1, b"", content), harvest)
        texts += check_report(harvest.report(None))
    return texts


DOORS = (
    *(Door(f"{name} poll", _maker(name), _user(name), examples=25) for name in SERVICES),
    Door("Kafka value", _message, _feed, _feed_all),
    Door("Kafka schema", _schema, _feed, _feed_all),
    Door("Lasair message", _row, _take_row, examples=60),
)
