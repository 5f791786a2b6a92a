"""Who may read and write: tokens, sessions, forged requests, hosts, and how often one may ask."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from urllib.parse import urlsplit

from aas2rto.errors import UsageError

SHORTEST = 12
"""Letters of a token: shorter ones can be guessed."""

COOKIE = "aas2rto_session"
OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Right(IntEnum):
    """What somebody may do; who may write may read."""

    NONE = 0
    READ = 1
    WRITE = 2


@dataclass(frozen=True)
class Tokens:
    """What opens the page; without any, everybody on this machine may read and write.

    Parameters
    ----------
    write, read : str
        Empty: there is none.

    Raises
    ------
    UsageError
        If one is too short, or both are the same.
    """

    write: str = ""
    read: str = ""

    def __post_init__(self) -> None:
        for option, token in (("--token", self.write), ("--read-token", self.read)):
            if token and (len(token) < SHORTEST or not token.isascii() or " " in token):
                raise UsageError(
                    f"{option}: a token has at least {SHORTEST} letters or digits and no blanks; "
                    'make one with: python3 -c "import secrets; print(secrets.token_urlsafe())"'
                )
        if self.read and self.read == self.write:
            raise UsageError("--token and --read-token are the same: who may read could write")

    def __bool__(self) -> bool:
        return bool(self.write or self.read)

    def right_of(self, token: str) -> Right:
        """Return what a token opens."""
        # Both are compared, always, and in a time that says nothing about them.
        given = token.encode("utf-8", "replace")
        write, read = (
            bool(own) and hmac.compare_digest(own.encode(), given)
            for own in (self.write, self.read)
        )
        return Right.WRITE if write else Right.READ if read else Right.NONE


def check_host(host: str, tokens: Tokens) -> None:
    """Refuse to listen where others can ask, unless a token keeps them out.

    Raises
    ------
    UsageError
        If there is none.
    """
    if not is_loopback(host) and not tokens:
        raise UsageError(
            f"--host {host}: others could read your lists and mark candidates; give --token (or "
            "set AAS2RTO_TOKEN), or leave out --host to answer this machine alone"
        )


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine alone."""
    if host in OWN_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Door:
    """Says what a request may do.

    Parameters
    ----------
    tokens : Tokens
    secret : bytes
        Signs; of the tokens where there are some, so that sessions outlive a restart.
    """

    tokens: Tokens
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @classmethod
    def of(cls, tokens: Tokens) -> Door:
        """Return the door of some tokens."""
        if not tokens:
            return cls(tokens)
        words = f"aas2rto session\0{tokens.write}\0{tokens.read}".encode()
        return cls(tokens, hashlib.scrypt(words, salt=b"aas2rto", n=2**14, r=8, p=1, dklen=32))

    def _sign(self, what: str) -> str:
        return hmac.new(self.secret, what.encode(), hashlib.sha256).hexdigest()

    def session(self, right: Right) -> str:
        """Return a cookie that says what its bearer may do."""
        head = f"{int(right)}.{secrets.token_hex(8)}"
        return f"{head}.{self._sign(f'session {head}')}"

    def right_of(self, headers: Mapping[str, str], cookie: str) -> Right:
        """Return what a request may do by its token or its session.

        Parameters
        ----------
        headers : mapping
            Names in lower case.
        cookie : str
            Of the session; empty: none.
        """
        if not self.tokens:
            return Right.WRITE
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.tokens.right_of(token.strip())
        head, _, signature = cookie.rpartition(".")
        if head and hmac.compare_digest(self._sign(f"session {head}").encode(), signature.encode()):
            return Right(int(head[0]))
        return Right.NONE

    def csrf(self, cookie: str) -> str:
        """Return what forms of a session carry, which other sites cannot read."""
        return self._sign(f"form {cookie}")

    def is_ours(self, headers: Mapping[str, str], cookie: str, form: str) -> bool:
        """Tell whether a writing request comes from a page of ours, or from no browser.

        Parameters
        ----------
        headers : mapping
            Names in lower case.
        cookie : str
            Of the session.
        form : str
            What the form carries; empty: it is no form.
        """
        if not same_origin(headers):
            return False
        if form:
            return hmac.compare_digest(self.csrf(cookie).encode(), form.encode("utf-8", "replace"))
        # Another site cannot send JSON without asking first, which is not answered.
        return headers.get("content-type", "").partition(";")[0].strip() == "application/json"

    def knows_host(self, host: str) -> bool:
        """Tell whether a ``Host`` is ours: else a name that was turned to us could read along."""
        if self.tokens:
            return True
        name = urlsplit(f"//{host}").hostname or ""
        return is_loopback(name)


def same_origin(headers: Mapping[str, str]) -> bool:
    """Tell whether a browser says that a request comes from the page itself, or nothing."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


@dataclass
class _Bucket:
    left: float
    at: float


class Rate:
    """How often one address may ask: so many at once, and then so many each second.

    Parameters
    ----------
    burst, per_second : float
    clients : int
        So many addresses are remembered.
    """

    def __init__(self, burst: float, per_second: float, *, clients: int = 4096) -> None:
        self.burst, self.per_second, self._clients = burst, per_second, clients
        self._held: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, client: str, *, at: float | None = None) -> float:
        """Take one; return how long to wait [s], 0 if there was one left.

        Parameters
        ----------
        client : str
        at : float, optional
            Monotonic time [s]; by default now.
        """
        now = time.monotonic() if at is None else at
        with self._lock:
            bucket = self._held.pop(client, None) or _Bucket(self.burst, now)
            grown = bucket.left + (now - bucket.at) * self.per_second
            bucket.left, bucket.at = min(self.burst, grown), now
            self._held[client] = bucket
            while len(self._held) > self._clients:
                self._held.popitem(last=False)
            if bucket.left >= 1.0:
                bucket.left -= 1.0
                return 0.0
            return (1.0 - bucket.left) / self.per_second
