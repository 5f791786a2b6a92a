"""Mail against an SMTP server of our own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr

from aas2rto.messaging import Result
from aas2rto.messaging.mail import Mail
from tests.messaging.conftest import PICTURES, PNG, make_letter, make_message


class Box:
    """Takes mail, and says what it is told to say."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        self.next_answer = lambda: self.answers.pop(0) if self.answers else "250 OK"
        self.rcpt = "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = self.next_answer()
        if answer.startswith("250") or answer == "vanish":
            self.mails.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        if answer == "vanish":
            server.transport.abort()
        return answer


@pytest.fixture
def box() -> Iterator[tuple[Box, int]]:
    """Return a mailbox and the port of its server."""
    handler = Box()

    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right-password", handled=False)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=port,
        authenticator=login,
        auth_require_tls=False,
        auth_required=False,
    )
    controller.start()
    yield handler, port
    controller.stop()


def make_mail(port: int, **settings: Any) -> Mail:
    """Return the messenger, pointed at our server."""
    given: dict[str, Any] = {
        "to": ["anna@example.org"],
        "from_": "aas2rto@example.org",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "timeout": 2.0,
    }
    return Mail(**{**given, **settings})


def test_one_mail_holds_text_and_figures(box: tuple[Box, int]) -> None:
    """The subject says what, the text the rest, and the figures are attached."""
    handler, port = box
    told = make_mail(port).send(make_letter(pictures=PICTURES))
    assert told.result is Result.SENT
    (mail,) = handler.mails
    assert mail["Subject"] == "ZTF26a enters the top 5"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Why now: score 3.7" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert [one.get_content() for one in mail.iter_attachments()] == [PNG, PNG + b"1"]
    assert told.receipt["message_id"] == mail["Message-ID"]


def test_the_same_message_has_the_same_id(box: tuple[Box, int]) -> None:
    """A mail that comes twice can be known by its Message-ID."""
    handler, port = box
    for _ in range(2):
        make_mail(port).send(make_letter())
    make_mail(port).send(make_letter(key="2"))
    first, second, third = (mail["Message-ID"] for mail in handler.mails)
    assert first == second != third


@pytest.mark.parametrize(
    ("answer", "result", "words"),
    [
        ("451 try later", Result.LATER, "the mail server says 451: try later"),
        ("552 too big", Result.REFUSED, "the mail server says 552: too big"),
        ("vanish", Result.UNKNOWN, "the mail server did not answer: SMTPServerDisconnected"),
    ],
)
def test_what_each_answer_means(
    box: tuple[Box, int], answer: str, result: Result, words: str
) -> None:
    """4yz may pass, 5yz will not, and silence after the text is unknown."""
    handler, port = box
    handler.answers = [answer]
    told = make_mail(port).send(make_letter())
    assert (told.result, told.why) == (result, words)


def test_a_recipient_that_is_unknown_stops(box: tuple[Box, int]) -> None:
    """Nobody will ever get that mail."""
    handler, port = box
    handler.rcpt = "550 no such user"
    told = make_mail(port).send(make_letter())
    assert told.result is Result.STOPPED
    handler.rcpt = "450 busy"
    assert make_mail(port).send(make_letter()).result is Result.LATER


def test_a_login_is_used_and_a_wrong_one_stops(box: tuple[Box, int]) -> None:
    """The password is in no answer."""
    _, port = box
    right = make_mail(port, username="anna", password=SecretStr("right-password"))
    assert right.send(make_letter()).result is Result.SENT
    wrong = make_mail(port, username="anna", password=SecretStr("wrong-secret")).send(make_letter())
    assert wrong.result is Result.STOPPED
    assert wrong.why == "the mail server refuses the login (535)"


def test_a_server_that_is_not_there_has_not_got_it() -> None:
    """A connection that is refused is no unknown."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    told = make_mail(port).send(make_letter())
    assert told.result is Result.LATER
    assert told.why == "the mail server cannot be reached: ConnectionRefusedError"


@pytest.mark.fault("messages", "text", "a title with line breaks")
def test_a_title_cannot_add_a_header(box: tuple[Box, int]) -> None:
    """A line break in a subject would let a name write headers; the mail is not sent so."""
    handler, port = box
    message = make_message("evil\nBcc: all@example.org")
    told = make_mail(port).send(make_letter(message))
    assert told.result is Result.SENT
    assert handler.mails[0]["Bcc"] is None
    assert handler.mails[0]["Subject"] == "evil Bcc: all@example.org"
