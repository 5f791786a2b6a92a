"""Webhooks against a program that takes them."""

from __future__ import annotations

import hashlib
import hmac
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from aas2rto.messaging import Result
from aas2rto.messaging.webhook import Webhook
from tests.messaging import servers
from tests.messaging.conftest import PICTURES, make_letter


def make_webhook(server: servers.Receiver, **settings: Any) -> Webhook:
    """Return the messenger, pointed at a server of ours."""
    given: dict[str, Any] = {"url": SecretStr(f"{server.url}/hook?room=1"), "timeout": 0.5}
    return Webhook(**{**given, **settings})


def test_facts_and_words_arrive_signed(receiver: servers.Receiver) -> None:
    """A program gets numbers, people's words, and can tell that they are ours."""
    hook = make_webhook(receiver, signature=SecretStr("signing-key"), with_figures=True)
    assert hook.send(make_letter(pictures=PICTURES)).result is Result.SENT
    (told,) = receiver.arrived
    assert told["body"]["title"] == "ZTF26a enters the top 5"
    assert told["body"]["facts"] == {"score": 3.7}
    assert told["body"]["lines"][0] == {"label": "Why now", "text": "score 3.7"}
    assert [one["name"] for one in told["body"]["figures"]] == [p.name for p in PICTURES]
    signed = hmac.new(b"signing-key", told["raw"], hashlib.sha256).hexdigest()
    assert told["headers"]["X-Aas2rto-Signature"] == f"sha256={signed}"
    assert told["headers"]["Idempotency-Key"] == "1"


@pytest.mark.fault("messages", "damaged", "each fault of a webhook")
@pytest.mark.parametrize(
    ("fault", "result"),
    [
        (servers.WAIT, Result.LATER),
        (servers.ERROR, Result.LATER),
        (servers.DROP, Result.UNKNOWN),
        (servers.SILENT, Result.UNKNOWN),
    ],
)
def test_what_each_fault_means(receiver: servers.Receiver, fault: str, result: Result) -> None:
    """Silence is unknown, everything else did not arrive."""
    receiver.script(fault)
    assert make_webhook(receiver).send(make_letter()).result is result


@pytest.mark.parametrize("share", [0.0, 0.5], ids=["no body", "half a body"])
def test_half_a_request_is_not_taken_for_the_message(
    receiver: servers.Receiver, share: float
) -> None:
    """A program killed in mid-sentence sends it again, and the same key is then a new message."""
    hook, letter = make_webhook(receiver, repeatable=True), make_letter()
    body = hook.body(letter)
    address = urlsplit(receiver.url)
    with socket.create_connection((address.hostname, address.port), timeout=2.0) as killed:
        head = (
            f"POST /hook HTTP/1.1\r\nHost: {address.netloc}\r\nIdempotency-Key: {letter.key}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        killed.sendall(head.encode() + body[: int(share * len(body))])
        killed.shutdown(socket.SHUT_WR)
        assert killed.recv(100) == b"", "half a request was answered"
    assert hook.send(letter).result is Result.SENT
    assert [one["body"]["key"] for one in receiver.arrived] == [letter.key]


def test_a_receiver_that_knows_keys_gets_it_again(receiver: servers.Receiver) -> None:
    """With `repeatable` silence means: once more, with the same key."""
    receiver.script(servers.SILENT)
    hook = make_webhook(receiver, repeatable=True)
    assert hook.send(make_letter()).result is Result.UNKNOWN
    assert hook.confirm(make_letter()).result is Result.LATER  # type: ignore[union-attr]
    assert hook.send(make_letter()).result is Result.SENT
    assert len(receiver.arrived) == 1
    assert make_webhook(receiver).confirm(make_letter()) is None


@pytest.mark.parametrize(
    ("status", "result"),
    [(204, Result.SENT), (400, Result.REFUSED), (404, Result.STOPPED), (504, Result.UNKNOWN)],
)
def test_what_each_status_means(receiver: servers.Receiver, status: int, result: Result) -> None:
    """2xx arrived; 400 is this message's fault, 404 the address's; 504 knows nothing."""
    receiver.status = status
    assert make_webhook(receiver).send(make_letter()).result is result


def test_its_address_is_in_no_answer() -> None:
    """Whoever knows the address of a webhook can write there."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    hook = Webhook(url=SecretStr(f"http://127.0.0.1:{port}/secret-path"))
    told = hook.send(make_letter())
    assert (told.result, told.why) == (
        Result.LATER,
        "webhook: cannot be reached: ConnectionRefusedError",
    )
    odd = Webhook(url=SecretStr("file:///etc/passwd")).send(make_letter())
    assert (odd.result, odd.why) == (Result.STOPPED, "webhook: the url is no http(s) address")
