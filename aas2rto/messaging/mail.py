"""E-mail: one message with its figures, over SMTP."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from contextlib import ExitStack
from email.message import EmailMessage
from typing import Literal

from pydantic import SecretStr

from aas2rto.messaging import Delivery, Figures, Letter, Result, messenger
from aas2rto.text.words import one_line
from aas2rto.units import Second

LONGEST_SUBJECT = 300


@messenger("mail")
class Mail:
    """E-mail over SMTP, with the figures attached.

    Parameters
    ----------
    to : list of str
        Whom to write to.
    from_ : str
        Who writes.
    host : str
        Of the SMTP server.
    port : int
        587 for ``starttls``, 465 for ``tls``, 25 for ``none``.
    security : str
        ``starttls``, ``tls``, or ``none`` for a server on this machine.
    username, password : str and SecretStr or None
        Of the account, if the server wants one.
    timeout : float
        Of one step of the conversation [s].
    """

    seconds_apart = 5.0
    figures = Figures.INSIDE

    def __init__(
        self,
        *,
        to: list[str],
        from_: str,
        host: str,
        port: int = 587,
        security: Literal["starttls", "tls", "none"] = "starttls",
        username: str = "",
        password: SecretStr | None = None,
        timeout: Second = 30.0,
    ) -> None:
        self._to = to
        self._from = from_
        self._host, self._port, self._security = host, port, security
        self._username, self._password = username, password
        self._timeout = timeout

    def send(self, letter: Letter) -> Delivery:
        """Hand one mail to the server."""
        mail = self.written(letter)
        try:
            server = self._connected()
        except smtplib.SMTPAuthenticationError as error:
            return Delivery(
                Result.STOPPED, f"the mail server refuses the login ({error.smtp_code})"
            )
        except smtplib.SMTPResponseException as error:
            return _by_code(error.smtp_code, _words(error))
        except (OSError, smtplib.SMTPException) as error:
            return Delivery(Result.LATER, f"the mail server cannot be reached: {_name(error)}")
        return self._hand_over(server, mail)

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=self._timeout, context=context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        with ExitStack() as stack:
            stack.callback(server.close)
            if self._security == "starttls":
                server.starttls(context=context)
            if self._password is not None:
                server.login(self._username, self._password.get_secret_value())
            stack.pop_all()  # all is well: it stays open
        return server

    def _hand_over(self, server: smtplib.SMTP, mail: EmailMessage) -> Delivery:
        try:
            refused = server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code, _ = next(iter(error.recipients.values()))
            return _by_code(int(code), "no recipient was accepted", hopeless=Result.STOPPED)
        except smtplib.SMTPSenderRefused as error:
            return _by_code(error.smtp_code, _words(error), hopeless=Result.STOPPED)
        except smtplib.SMTPResponseException as error:
            return _by_code(error.smtp_code, _words(error))
        except (OSError, smtplib.SMTPException) as error:
            # The server had the text, or part of it, and then was silent.
            return Delivery(Result.UNKNOWN, f"the mail server did not answer: {_name(error)}")
        finally:
            server.close()
        receipt = {"message_id": mail["Message-ID"], "refused": sorted(refused)}
        return Delivery(Result.SENT, receipt=receipt)

    def written(self, letter: Letter) -> EmailMessage:
        """Return the mail."""
        mail = EmailMessage()
        mail["Subject"] = one_line(letter.message.title, LONGEST_SUBJECT)
        mail["From"] = self._from
        mail["To"] = ", ".join(self._to)
        mail["Message-ID"] = self._name_of(letter)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
        mail.set_content(letter.message.as_text() + "\n")
        for picture in letter.pictures:
            mail.add_attachment(
                picture.png, "image", "png", filename=f"{picture.name}.png", disposition="inline"
            )
        return mail

    def _name_of(self, letter: Letter) -> str:
        """Return the same name for the same message, so that a mail that comes twice is known."""
        text = f"{letter.key}\n{letter.message.as_text()}\n{self._to}"
        digest = hashlib.sha256(text.encode()).hexdigest()[:24]
        domain = self._from.rpartition("@")[2].strip("> ") or "localhost"
        return f"<{digest}@{domain}>"

    def close(self) -> None:
        """Nothing is kept open."""


def _by_code(code: int, why: str, *, hopeless: Result = Result.REFUSED) -> Delivery:
    """Judge an SMTP reply: 4yz may pass, 5yz will not. RFC 5321, Sect. 4.2.1."""
    result = Result.LATER if 400 <= code < 500 else hopeless
    return Delivery(result, f"the mail server says {code}: {why}")


def _words(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return " ".join((text.decode(errors="replace") if isinstance(text, bytes) else text).split())[
        :200
    ]


def _name(error: Exception) -> str:
    return type(error).__name__
