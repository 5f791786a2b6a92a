"""Hostile servers: bombs, dripping headers, links that lead our token elsewhere, broken JSON."""

from __future__ import annotations

import gzip
import resource
import threading
import zlib
from http.server import BaseHTTPRequestHandler
from time import monotonic

import pytest
from pydantic import SecretStr

from aas2rto.sources.transport import json_text, wire
from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.pacing import Deadline
from tests.sources.transport.conftest import Script, answer, ask, error_of

# -- hostile servers ------------------------------------------------------------------------------


def zeros(mebibytes: int) -> bytes:
    """Return so many MiB of zeros, packed."""
    packer, block = zlib.compressobj(9, zlib.DEFLATED, 31), bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(mebibytes)) + packer.flush()


def send_packed(handler: BaseHTTPRequestHandler, body: bytes, packing: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Encoding", packing)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.mark.fault("HTTP", "bomb", "Content-Encoding: gzip, gzip")
@pytest.mark.proof
@pytest.mark.parametrize(
    ("packing", "words"),
    [
        ("gzip, gzip", "answered packed as 'gzip, gzip', which nobody asked for"),
        ("gzip", "answered with more than 64 MiB; ask for less at once"),
    ],
)
def test_a_small_answer_that_unpacks_to_a_gigabyte_is_refused(client, server, packing, words):
    """Bounded in memory: beside the answer itself, a piece of a megabyte is unpacked at once."""
    body = zeros(1024)
    body = gzip.compress(body) if packing == "gzip, gzip" else body
    server.scripts = [lambda handler: send_packed(handler, body, packing)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = error_of(client())
    assert words in str(error)
    assert error.cause is Cause.UNREADABLE
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 512


@pytest.mark.parametrize("packing", ["gzip", "x-gzip", "deflate", "identity", ""])
def test_every_usual_packing_is_read(client, server, packing):
    text = b'[{"a": 1}]'
    body = {
        "gzip": gzip.compress(text),
        "x-gzip": gzip.compress(text),
        "deflate": zlib.compress(text),
    }.get(packing, text)
    server.scripts = [lambda handler: send_packed(handler, body, packing)]
    assert ask(client()) == [{"a": 1}]


def test_deflate_without_its_header_is_read(client, server):
    """Some servers leave it out, and browsers read it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(b"[1]") + packer.flush()
    server.scripts = [lambda handler: send_packed(handler, body, "deflate")]
    assert ask(client()) == [1]


@pytest.mark.fault("HTTP", "damaged", "a damaged packing")
@pytest.mark.parametrize(
    "body", [gzip.compress(b"[1, 2]" * 99, mtime=0)[:-20], b"no gzip at all"], ids=["cut", "none"]
)
def test_a_damaged_packing_is_an_unreadable_answer(client, server, body):
    server.scripts = [lambda handler: send_packed(handler, body, "gzip")]
    assert error_of(client()).cause is Cause.UNREADABLE


@pytest.mark.fault("HTTP", "slow", "headers that drip")
@pytest.mark.slow
def test_headers_that_drip_obey_the_deadline(server):
    """No single read times out, yet the poll's time is over."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 600:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            threading.Event().wait(0.05)

    server.scripts = [drip]
    asking = Client("svc", server.url, policy=Policy(read=60.0, tries=1))
    begun = monotonic()
    with pytest.raises(HttpError) as caught:
        asking.get("x", until=Deadline(1.0))
    assert caught.value.cause is Cause.TIMEOUT
    assert monotonic() - begun < 5.0
    asking.close()


def sent_on(to: str) -> Script:
    def script(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return script


@pytest.mark.fault("HTTP", "secret", "a token on another port")
def test_a_token_is_not_sent_on_to_another_port(client, server, other):
    """Another port of the same host is somebody else."""
    server.scripts = [sent_on(f"{other.url}/elsewhere?x=1")]
    credentials = {"Authorization": SecretStr("Token abc"), "X-Key": SecretStr("def")}
    answered = ask(client(settings={"credentials": credentials}))
    assert answered == [7]
    assert server.seen[0][2]["x-key"] == "def"
    _, path, headers, _ = other.seen[0]
    assert path == "/elsewhere?x=1"
    assert not {"authorization", "x-key"} & set(headers)


@pytest.mark.fault("HTTP", "again", "redirects in circles")
def test_a_service_that_sends_in_circles_is_left(client, server):
    server.scripts = [sent_on("/again")]
    assert "was sent on 5 times" in str(error_of(client()))


@pytest.mark.fault("HTTP", "forged", "a same-host http:// link")
@pytest.mark.parametrize(
    ("url", "base", "same"),
    [
        ("https://a.example/x", "https://a.example/api/", True),
        ("https://a.example:443/x", "https://a.example/api/", True),
        ("http://a.example/x", "https://a.example/api/", False),
        ("https://a.example:8443/x", "https://a.example/api/", False),
        ("https://a.example/x", "http://a.example/api/", True),
        ("https://a.example.evil/x", "https://a.example/", False),
        ("https://a.example@evil/x", "https://a.example/", False),
        ("https://a.example:x/", "https://a.example/", False),
    ],
)
def test_who_may_see_a_token(url, base, same):
    assert wire.is_same(url, base) is same


@pytest.mark.fault("HTTP", "secret", "url: http://user:${PW}@...")
def test_a_password_in_the_address_is_in_no_text(server):
    """Some services are asked by http://user:password@host."""
    server.scripts = [answer(500)]
    url = server.url.replace("http://", "http://anna:geheim@")
    asking = Client("svc", url, policy=Policy(tries=1))
    with pytest.raises(HttpError) as caught:
        asking.get("x", until=Deadline(5.0))
    assert "geheim" not in str(caught.value)
    assert "anna" not in str(caught.value)
    assert "authorization" in server.seen[0][2]
    asking.close()


@pytest.mark.fault("HTTP", "text", "400 digits and lone surrogates in JSON")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": NaN, "b": -Infinity, "c": 1e999}', {"a": None, "b": None, "c": None}),
        ('{"a": ' + "9" * 400 + "}", {"a": None}),
        ('{"a": 170028485706776685}', {"a": 170028485706776685}),
        (r'["\ud800", "\udc00x", "\ud83d\ude00"]', ["\ufffd", "\ufffdx", "\U0001f600"]),
    ],
)
def test_json_that_no_service_should_send(text, value):
    assert json_text.parse(text) == value
    assert json_text.parse(text.encode()) == value
