"""One polite way to ask an HTTP service: timeouts, retries, rate limits, checked answers.

Services differ in how they say no: by status, by ``Retry-After``, by a sentence, by a page of
HTML with status 200, by an answer that never ends. Here all of it becomes either an `Answer` or
one `HttpError` that says what happened and how long to wait.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urljoin, urlsplit

import httpx
from pydantic import ConfigDict, Field, SecretStr

from aas2rto import __version__
from aas2rto.sources.transport import wire
from aas2rto.sources.transport.answer import Answer, Cause, HttpError
from aas2rto.sources.transport.pacing import Deadline, bucket_of, spent_quota, wait_of
from aas2rto.text.words import counted
from aas2rto.units import Second

MEBIBYTE = 2**20
MOST_HOPS = 5  # so often is one question sent on to another address


WORTH_REPEATING = frozenset({Cause.UNREACHABLE, Cause.TIMEOUT, Cause.BROKEN, Cause.SERVER})
"""Causes that often vanish within seconds; a refusal or a bad question does not."""


@dataclass(frozen=True)
class Policy:
    """How one host wants to be asked.

    Parameters
    ----------
    connect, read : float
        Seconds to wait for a connection, and for the next bytes of an answer.
    tries : int
        How often a question is put before giving up, at least 1.
    backoff : float
        Seconds before the second try; doubles each time, with jitter.
    rate : float
        Questions per second in the long run.
    burst : int
        Questions that may follow each other at once.
    max_wait : float
        Longest pause [s] that is sat out; longer ones are left to the next cycle.
    max_bytes : int
        Size at which an answer is refused.
    """

    # A part of a source's settings: unknown keys are refused there, too.
    __pydantic_config__ = ConfigDict(extra="forbid")

    connect: Second = 10.0
    read: Second = 60.0
    tries: Annotated[int, Field(ge=1)] = 3
    backoff: Second = 1.0
    rate: Annotated[float, Field(gt=0)] = 1.0
    burst: Annotated[int, Field(ge=1)] = 5
    max_wait: Second = 30.0
    max_bytes: int = 64 * MEBIBYTE

    def __str__(self) -> str:
        return (
            f"{{connect: {self.connect:g} s, read: {self.read:g} s, tries: {self.tries}, "
            f"rate: {self.rate:g}, burst: {self.burst}}}"
        )


class Client:
    """Asks one service.

    Parameters
    ----------
    service : str
        Its name in error texts.
    base : str
        URL that paths are relative to.
    policy : Policy
    credentials : mapping of str to SecretStr
        Headers that only this service's own host gets to see, and that no text ever shows.
    headers : mapping of str to str
        Further headers, such as a user agent that the service demands.
    secrets : sequence of SecretStr
        Other secrets that are sent, in a form for example; struck from every error text.
    transport : httpx.BaseTransport or None
        What carries questions and answers; None for the network. Tests pass a service in the
        same process.
    clock, sleep, jitter : callable
        Seconds, waiting, and a random number in 0..1; tests pass their own.
    """

    def __init__(
        self,
        service: str,
        base: str,
        *,
        policy: Policy | None = None,
        credentials: Mapping[str, SecretStr] | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[SecretStr] = (),
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.service = service
        self.base = base.rstrip("/") + "/"
        self.policy = policy or Policy()
        self.host = wire.place(self.base)
        self.credentials = dict(credentials or {})
        self._headers = {"User-Agent": f"aas2rto/{__version__}"} | dict(headers or {})
        self._backend = wire.Backend()
        self._secrets = tuple(secrets)
        self.transport = transport
        self._clock, self._sleep, self._jitter = clock, sleep, jitter
        self._bucket = bucket_of(self.host, self.policy.rate, self.policy.burst, clock)
        self._http: httpx.Client | None = None

    def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def deadline(self, seconds: float) -> Deadline:
        """Start a deadline on this client's clock."""
        return Deadline(seconds, self._clock)

    def get(
        self,
        path: str,
        *,
        until: Deadline,
        params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None,
        final: frozenset[int] = frozenset(),
    ) -> Answer:
        """Ask with GET; see `request`."""
        return self.request("GET", path, until=until, params=params, final=final)

    def post(
        self,
        path: str,
        *,
        until: Deadline,
        data: Mapping[str, Any] | None = None,
        json: Any = None,
        repeat: bool = True,
        final: frozenset[int] = frozenset(),
    ) -> Answer:
        """Ask with POST, a form or JSON; see `request`."""
        return self.request(
            "POST", path, until=until, data=data, json=json, repeat=repeat, final=final
        )

    def request(self, method: str, path: str, *, until: Deadline, **question: Any) -> Answer:
        """Put a question, again if it is worth it, and return a checked answer.

        Parameters
        ----------
        method : str
        path : str
            Relative to the base, or a full URL that the service gave.
        until : Deadline
            When the poll has to be over.
        **question
            ``params``, ``data``, ``json``, ``headers``; ``repeat=False`` where a repetition could
            do the same thing twice; and ``final``, statuses after which none makes sense.

        Raises
        ------
        HttpError
            If there is no usable answer; without secrets.
        """
        self._check_address(path)
        tries = self.policy.tries if question.pop("repeat", True) else 1
        final = question.pop("final", frozenset())
        for turn in range(1, tries + 1):
            self._await_turn(method, path, until)
            try:
                return self._ask(method, path, until, question)
            except HttpError as error:
                pause = self._pause_before_retry(error, turn)
                is_last = turn == tries or error.status in final
                if is_last or pause is None or pause >= until.left():
                    raise self._final(error, turn) from error
            self._sleep(pause)
        raise AssertionError  # pragma: no cover  the last turn returns or raises

    def _check_address(self, path: str) -> None:
        """Refuse what is no address: services give those of pages, tasks and results themselves."""
        try:
            urlsplit(urljoin(self.base, path)).port  # noqa: B018
        except (TypeError, ValueError, AttributeError) as error:
            shown = self.redact(repr(path))[:80]
            text = f"{self.service} ({self.host}): {shown} is no address to ask"
            raise HttpError(text, cause=Cause.UNREADABLE) from error

    def _await_turn(self, method: str, path: str, until: Deadline) -> None:
        left = until.left()
        if left <= 0:
            raise HttpError(
                f"{self._asked(method, path)} was not asked: the poll's time is over",
                cause=Cause.OUT_OF_TIME,
            )
        patience = min(self.policy.max_wait, left)
        wait = self._bucket.reserve(patience)
        if left < wait <= self.policy.max_wait:
            raise HttpError(
                f"{self._asked(method, path)} was not asked: the poll's time is over",
                cause=Cause.OUT_OF_TIME,
            )
        if wait > patience:
            raise HttpError(
                f"{self._asked(method, path)} was not asked: its rate limit leaves no room "
                f"for {wait:.0f} s",
                cause=Cause.THROTTLED,
                wait=wait,
            )
        if wait > 0:
            self._sleep(wait)

    def _pause_before_retry(self, error: HttpError, turn: int) -> float | None:
        """Seconds to pause, or None if asking again makes no sense now."""
        if error.wait is not None:
            wait = error.wait + self._jitter() * min(1.0, 0.1 * error.wait)
            return wait if wait <= self.policy.max_wait else None
        if error.cause not in WORTH_REPEATING:
            return None
        # Between a half and the whole of a doubling pause, so that many users do not come back
        # to a service in step.
        return float(self.policy.backoff * 2 ** (turn - 1) * (0.5 + 0.5 * self._jitter()))

    @staticmethod
    def _final(error: HttpError, turn: int) -> HttpError:
        times = f" ({turn} tries)" if turn > 1 else ""
        return HttpError(f"{error}{times}", cause=error.cause, status=error.status, wait=error.wait)

    def _asked(self, method: str, path: str) -> str:
        url = urljoin(self.base, path)
        return f"{self.service} ({wire.place(url)}): {method} {self.redact(urlsplit(url).path)}"

    def redact(self, text: str) -> str:
        """Strike every secret from a text that is about to leave."""
        for secret in (*self._secrets, *self.credentials.values()):
            value = secret.get_secret_value()
            # "Token abc": the word before is no secret, the rest is.
            for part in {value, value.rpartition(" ")[2]} - {""}:
                text = text.replace(part, "***")
        return text

    def _connection(self) -> httpx.Client:
        if self._http is None:
            self._http = wire.client(self._headers, self.transport, self._backend)
        return self._http

    def _ask(self, method: str, path: str, until: Deadline, question: Mapping[str, Any]) -> Answer:
        asked = self._asked(method, path)
        left = until.left()
        timeout = httpx.Timeout(min(self.policy.read, left), connect=min(self.policy.connect, left))
        self._backend.until = until
        try:
            response, content = self._exchange(method, path, until, timeout, question)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._lost(error, asked, timeout, until) from error
        # Plain dict: httpx's own mapping would show up in texts and types everywhere.
        answer = Answer(asked, response.status_code, _lower(response.headers), content)
        self._heed_quota(answer)
        if answer.status >= 300:
            raise self._refusal(answer, response.reason_phrase)
        return answer

    def _exchange(
        self,
        method: str,
        path: str,
        until: Deadline,
        timeout: httpx.Timeout,
        question: Mapping[str, Any],
    ) -> tuple[httpx.Response, bytes]:
        """Ask, and follow where GET is sent on to; each place is shown only what is its own."""
        url, asked = urljoin(self.base, path), self._asked(method, path)
        question = dict(question)
        own = dict(question.pop("headers", None) or {})
        for _ in range(MOST_HOPS):
            headers = own | self._credentials_for(url)
            request = self._connection().build_request(
                method, url, headers=headers, timeout=timeout, **question
            )
            response = self._connection().send(request, stream=True, follow_redirects=False)
            try:
                onward = response.next_request
                if method != "GET" or onward is None:
                    return response, self._read(response, asked, until)
            finally:
                response.close()
            url, question = str(onward.url), {}  # the new address holds the parameters
        raise HttpError(f"{asked} was sent on {MOST_HOPS} times", cause=Cause.REJECTED)

    def _credentials_for(self, url: str) -> dict[str, str]:
        """Return our token where it belongs: not on another host, nor in clear on its own."""
        ours = self.credentials if wire.is_same(url, self.base) else {}
        return {name: value.get_secret_value() for name, value in ours.items()}

    def _read(self, response: httpx.Response, asked: str, until: Deadline) -> bytes:
        """Read a body that may be too long, or come too slowly for any read timeout to notice."""
        body = bytearray()
        try:
            for piece in wire.body_of(response):
                body += piece
                self._limit(len(body), response.status_code, asked, until)
        except wire.PackingError as error:
            text, status = f"{asked} answered {error}", response.status_code
            raise HttpError(text, cause=Cause.UNREADABLE, status=status) from error
        return bytes(body)

    def _limit(self, n: int, status: int, asked: str, until: Deadline) -> None:
        if n > self.policy.max_bytes:
            most = f"{self.policy.max_bytes / MEBIBYTE:g} MiB"
            raise HttpError(
                f"{asked} answered with more than {most}; ask for less at once",
                cause=Cause.UNREADABLE,
                status=status,
            )
        if until.left() <= 0:
            raise HttpError(
                f"{asked} was still sending at the deadline ({counted(n, 'byte')} so far)",
                cause=Cause.TIMEOUT,
                status=status,
            )

    def _lost(
        self, error: Exception, asked: str, timeout: httpx.Timeout, until: Deadline
    ) -> HttpError:
        """Name what happened to a connection in the words of an operator."""
        text = self.redact(" ".join(str(error).split()))
        if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
            cause, what = Cause.UNREACHABLE, f"cannot be reached ({text or 'no connection'})"
        elif isinstance(error, httpx.TimeoutException) and until.left() <= 0:
            cause, what = Cause.TIMEOUT, "was still sending at the deadline, or had not begun"
        elif isinstance(error, httpx.TimeoutException):
            cause, what = Cause.TIMEOUT, f"gave no answer in {timeout.read or 0:.3g} s"
        elif isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
            cause, what = Cause.BROKEN, f"broke off the answer ({text or 'connection reset'})"
        else:
            cause, what = Cause.REJECTED, f"cannot be asked ({type(error).__name__}: {text})"
        return HttpError(f"{asked} {what}", cause=cause)

    def _heed_quota(self, answer: Answer) -> None:
        wait = spent_quota(answer.headers)
        if wait is not None:
            self._bucket.hold(wait)

    def _refusal(self, answer: Answer, phrase: str) -> HttpError:
        """Build the error for a status that is not success, with the service's own words."""
        body = "" if answer.is_page else answer.content[:2000].decode("utf-8", errors="replace")
        words = _shortened(self.redact(" ".join(body.split())))
        cause = _cause_of(answer.status)
        wait = None
        if cause in {Cause.THROTTLED, Cause.SERVER}:
            wait = wait_of(answer.headers, body)
        said = f": {words}" if words else ""
        text = f"{answer.asked} answered {answer.status} {phrase}".rstrip() + said
        return HttpError(text, cause=cause, status=answer.status, wait=wait)


def _shortened(words: str) -> str:
    """Keep the begin and the end: some quote the whole question before they say why."""
    return words if len(words) <= 160 else f"{words[:60]} ... {words[-95:]}"


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _cause_of(status: int) -> Cause:
    by_status = {
        401: Cause.REFUSED,
        403: Cause.REFUSED,
        404: Cause.NOT_FOUND,
        408: Cause.TIMEOUT,
        429: Cause.THROTTLED,
    }
    return by_status.get(status, Cause.SERVER if status >= 500 else Cause.REJECTED)
