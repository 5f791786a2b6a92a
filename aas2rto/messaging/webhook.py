"""A webhook: the message as JSON, to any program of yours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import ssl
from urllib.parse import urlsplit

from pydantic import SecretStr

from aas2rto.messaging import Delivery, Figures, Letter, Result, messenger
from aas2rto.messaging.http_errors import by_status, seconds
from aas2rto.units import Second


@messenger("webhook")
class Webhook:
    """A POST of JSON to an address of yours; any 2xx says that it has arrived.

    Parameters
    ----------
    url : SecretStr
        Whoever knows it can write there: it comes from the environment.
    signature : SecretStr or None
        Key of an HMAC-SHA256 of the body, sent as ``X-Aas2rto-Signature: sha256=...``.
    repeatable : bool
        If True, the receiver knows a message again by its ``Idempotency-Key``, and one that may
        have arrived is sent again.
    with_figures : bool
        If True, the figures come with it (base64).
    timeout : float
        Of one step of the request [s].
    """

    seconds_apart = 0.2

    def __init__(
        self,
        *,
        url: SecretStr,
        signature: SecretStr | None = None,
        repeatable: bool = False,
        with_figures: bool = False,
        timeout: Second = 20.0,
    ) -> None:
        self._url = url
        self._signature = signature
        self._repeatable = repeatable
        self._timeout = timeout
        self.figures = Figures.INSIDE if with_figures else Figures.NONE

    def send(self, letter: Letter) -> Delivery:
        """Post one message."""
        body = self.body(letter)
        address = urlsplit(self._url.get_secret_value())
        if address.scheme not in {"http", "https"} or not address.hostname:
            return Delivery(Result.STOPPED, "webhook: the url is no http(s) address")
        connection = self._connection(address.scheme, address.hostname, address.port)
        path = (address.path or "/") + (f"?{address.query}" if address.query else "")
        try:
            connection.request("POST", path, body, self._headers(letter, body))
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return Delivery(Result.LATER, f"webhook: cannot be reached: {type(error).__name__}")
        return self._answer(connection)

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._timeout)

    def _answer(self, connection: http.client.HTTPConnection) -> Delivery:
        try:
            answer = connection.getresponse()
            answer.read(4096)
        except (OSError, http.client.HTTPException) as error:
            return Delivery(Result.UNKNOWN, f"webhook: no answer: {type(error).__name__}")
        finally:
            connection.close()
        if 200 <= answer.status < 300:
            return Delivery(Result.SENT, receipt={"status": answer.status})
        why = f"webhook: HTTP {answer.status}"
        if answer.status in {401, 403, 404, 410}:
            return Delivery(Result.STOPPED, why)
        return by_status(answer.status, why, wait=seconds(answer.headers.get("Retry-After")))

    def confirm(self, letter: Letter) -> Delivery | None:
        """Say that a message may be sent again where the receiver knows its key."""
        if not self._repeatable:
            return None
        return Delivery(Result.LATER, f"sent again with the same key {letter.key}", wait=0.0)

    def _headers(self, letter: Letter, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": letter.key}
        if self._signature is not None:
            key = self._signature.get_secret_value().encode()
            signed = hmac.new(key, body, hashlib.sha256).hexdigest()
            headers["X-Aas2rto-Signature"] = f"sha256={signed}"
        return headers

    def body(self, letter: Letter) -> bytes:
        """Return what is posted."""
        message = letter.message
        told = {
            "key": letter.key,
            "kind": message.kind,
            "title": message.title,
            "lines": [{"label": label, "text": text} for label, text in message.lines],
            "links": dict(message.links),
            "candidate_id": message.candidate_id,
            "facts": message.facts,
            "text": message.as_text(),
        }
        if letter.pictures:
            told["figures"] = [
                {"name": one.name, "title": one.title, "png": base64.b64encode(one.png).decode()}
                for one in letter.pictures
            ]
        return json.dumps(told, allow_nan=False).encode()

    def close(self) -> None:
        """Nothing is kept open."""
