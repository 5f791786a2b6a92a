"""What goes over the wire: bodies that unpack to no more than they may, sockets with a deadline.

A server may send little and mean much: 2.6 kB packed twice unpack to 3 GB, and a header that comes
byte by byte never runs into a timeout for each read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from aas2rto.sources.transport.pacing import Deadline

ACCEPTED = "gzip, deflate"
"""Packings that are asked for: what zlib reads, in pieces."""

PIECE = 2**20
"""Largest piece that is unpacked at once [byte]."""

GZIP_OR_ZLIB, RAW = 47, -15
"""Window bits of zlib: by its header, or without one, as some servers send deflate."""

DEFAULT_PORTS = {"http": 80, "https": 443}


class PackingError(ValueError):
    """The body is packed in a way that nobody asked for, or damaged."""


def unpacked(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield a body in pieces of at most `PIECE` bytes where it is packed.

    Parameters
    ----------
    chunks : iterable of bytes
        As they came.
    encoding : str
        The header Content-Encoding (RFC 9110, section 8.4).

    Raises
    ------
    PackingError
        If it is packed several times, in another way, or broken.
    """
    names = [name.strip().lower() for name in encoding.split(",")]
    names = [name for name in names if name not in {"", "identity"}]
    if not names:
        yield from chunks
        return
    if len(names) > 1 or names[0] not in {"gzip", "x-gzip", "deflate"}:
        raise PackingError(f"packed as {encoding!r}, which nobody asked for")
    unpacker: Any = None
    for chunk in chunks:
        if unpacker is None and chunk:
            raw = names[0] == "deflate" and chunk[0] & 0x0F != 8
            unpacker = zlib.decompressobj(RAW if raw else GZIP_OR_ZLIB)
        data = chunk
        while data:
            try:
                piece = unpacker.decompress(data, PIECE)
            except zlib.error as error:
                raise PackingError(f"with a body that is no {names[0]} ({error})") from error
            data = unpacker.unconsumed_tail
            yield piece
    if unpacker is not None and not unpacker.eof:
        raise PackingError(f"with a body that is cut short ({names[0]})")


def body_of(response: httpx.Response) -> Iterator[bytes]:
    """Yield the body of a response, see `unpacked`; a transport of tests may have read it."""
    if response.is_stream_consumed:
        return iter([response.content])
    return unpacked(response.iter_raw(), response.headers.get("content-encoding", ""))


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port: who would see what is sent there.

    Raises
    ------
    ValueError
        If the port is none.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme)


def is_same(url: str, base: str) -> bool:
    """Tell whether a secret for `base` may go to `url`: the same origin, or it over TLS."""
    try:
        there, here = origin(url), origin(base)
    except ValueError:
        return False
    is_upgrade = (here[0], there[0]) == ("http", "https") and here[2] == 80 and there[2] == 443
    return there == here or (is_upgrade and there[1] == here[1])


def place(url: str) -> str:
    """Return host and port as they are written, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


class Backend(httpcore.SyncBackend):
    """Opens sockets on which nothing takes longer than `until` allows."""

    until: Deadline | None = None

    def left(self, timeout: float | None) -> float | None:
        """Return the seconds that an operation may take.

        Raises
        ------
        httpcore.ReadTimeout
            If none are left.
        """
        if self.until is None:
            return timeout
        left = self.until.left()
        if left <= 0:
            raise httpcore.ReadTimeout("the poll's time is over")
        return left if timeout is None else min(timeout, left)

    def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        """Connect, as httpcore does."""
        return Stream(super().connect_tcp(*arguments, **options), self)


class Stream(httpcore.NetworkStream):
    """A socket whose every read and write ends by the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, backend: Backend) -> None:
        self._stream, self._backend = stream, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come."""
        return self._stream.read(max_bytes, self._backend.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all."""
        self._stream.write(buffer, self._backend.left(timeout))

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def start_tls(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        """Go on encrypted."""
        return Stream(self._stream.start_tls(*arguments, **options), self._backend)

    def get_extra_info(self, info: str) -> Any:
        """Pass on what httpx asks."""
        return self._stream.get_extra_info(info)


def client(
    headers: Mapping[str, str], transport: httpx.BaseTransport | None, backend: Backend
) -> httpx.Client:
    """Return a client that asks for nothing but what `unpacked` reads, and obeys deadlines.

    httpx has no argument for a backend beside one that turns proxies of the environment off.
    """
    made = httpx.Client(headers={"Accept-Encoding": ACCEPTED, **headers}, transport=transport)
    for one in (made._transport, *made._mounts.values()):
        pool = getattr(one, "_pool", None)
        if pool is not None:
            pool._network_backend = backend
    return made
