"""What stands before every answer: the host, how often one asks, rights, and headers."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote

from aas2rto.page.rights import COOKIE, Door, Rate, Right

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Refusal = tuple[int, str, dict[str, str]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""Nothing is fetched from elsewhere, and no script stands in a page."""

HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",  # with none, forms would not say where they are from
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}

OPEN = ("/login", "/static/")
"""Paths that need no right."""

LARGEST = 64 * 1024
"""Of what is sent to us [bytes]: a mark with its comment is far smaller."""

SAFE = frozenset({"GET", "HEAD"})


class Guarded:
    """An application behind its door.

    Parameters
    ----------
    app : callable
        Of ASGI; finds ``right`` and ``cookie`` in the scope's ``state``.
    door : Door
    root : str
        Path below which a proxy shows the pages; it may take it off, or leave it on.
    reads, writes, tries : Rate
        For reading, for writing, and for wrong tokens.
    """

    def __init__(
        self,
        app: App,
        *,
        door: Door,
        root: str = "",
        reads: Rate | None = None,
        writes: Rate | None = None,
        tries: Rate | None = None,
    ) -> None:
        self._app, self._door, self._root = app, door, root
        self._reads = reads or Rate(240, 40)
        self._writes = writes or Rate(40, 4)
        self._tries = tries or Rate(10, 0.2)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = {**scope, "state": {}, "path": self._below_root(str(scope["path"]))}
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        told = _with_headers(send, cache=not scope["path"].startswith("/static/"))
        refused = self._refused(scope, headers)
        if refused is not None:
            await _say(told, *refused)
            return
        await self._app(scope, receive, told)

    def _below_root(self, path: str) -> str:
        root = self._root
        return (
            path.removeprefix(root) or "/" if root and f"{path}/".startswith(f"{root}/") else path
        )

    def _to_login(self, scope: Scope) -> Refusal:
        path = scope["path"]
        if path.startswith("/api/") or scope["method"] not in SAFE:
            words = "a token is needed: Authorization: Bearer TOKEN"
            return 401, words, {"www-authenticate": "Bearer"}
        query = scope.get("query_string", b"").decode("latin-1")
        to = quote(f"{path}?{query}" if query else path, safe="")
        return 303, "a token is needed", {"location": f"{self._root}/login?to={to}"}

    def _refused(self, scope: Scope, headers: dict[str, str]) -> Refusal | None:
        """Tell why a request is not answered: status, words, further headers."""
        if not self._door.knows_host(headers.get("host", "")):
            words = "this page answers to localhost alone; behind a proxy, start it with --token"
            return 421, words, {}
        client = (scope.get("client") or ("",))[0]
        writes = scope["method"] not in SAFE
        wait = (self._writes if writes else self._reads).take(client)
        if wait > 0:
            return 429, "too many questions at once", {"retry-after": str(math.ceil(wait))}
        if writes and not _is_small(headers):
            return 413, f"more than {LARGEST} bytes, or of unknown length", {}
        cookie = _cookie(headers.get("cookie", ""))
        right = self._door.right_of(headers, cookie)
        state = scope["state"]
        state["right"], state["cookie"], state["headers"] = right, cookie, headers
        state["may_try"] = lambda: self._tries.take(client) == 0.0
        if right >= Right.READ or scope["path"].startswith(OPEN):
            return None
        if headers.get("authorization") and not state["may_try"]():
            return 429, "too many wrong tokens", {"retry-after": "10"}
        return self._to_login(scope)


def _is_small(headers: dict[str, str]) -> bool:
    length = headers.get("content-length", "")
    return length.isdigit() and int(length) <= LARGEST and "transfer-encoding" not in headers


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None or not found.value.isascii() else found.value


def _with_headers(send: Send, *, cache: bool) -> Send:
    async def told(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            held = {name.lower() for name, _ in message["headers"]}
            more = dict(HEADERS)
            if cache:
                more[b"cache-control"] = b"private, no-cache"
            message["headers"] = [
                *message["headers"],
                *((name, value) for name, value in more.items() if name not in held),
            ]
        await send(message)

    return told


async def _say(send: Send, status: int, words: str, headers: dict[str, str]) -> None:
    body = json.dumps({"error": words}).encode()
    told = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    start = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
