"""From words to an answer: kept for one night, with an ETag, and as JSON without NaN."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request, Response

from aas2rto.page.night import Night
from aas2rto.text.json_values import plain

HELD = 64 * 2**20
"""Answers that are kept [bytes], the newest."""

HTML, JSON, CSV = "text/html; charset=utf-8", "application/json", "text/csv; charset=utf-8"


class Shelf:
    """Answers of the newest night, by what was asked; those of an older one are forgotten."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
        self._edition, self._size = "", 0
        self._lock = threading.Lock()

    def of(self, night: Night, asked: tuple[str, ...], make: Callable[[], bytes]) -> bytes:
        """Return an answer that is kept, or make it.

        Parameters
        ----------
        night : Night
        asked : tuple of str
            All that the answer follows from, beside the night.
        make : callable
        """
        with self._lock:
            if self._edition != night.edition:
                self._held.clear()
                self._edition, self._size = night.edition, 0
            found = self._held.get(asked)
        if found is not None:
            return found
        made = make()
        with self._lock:
            if self._edition == night.edition and asked not in self._held:
                self._held[asked] = made
                self._size += len(made)
            while self._size > HELD:
                self._size -= len(self._held.popitem(last=False)[1])
        return made


def answer(
    request: Request, body: bytes, kind: str, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer with an ETag; 304 without a body if the asker has it already."""
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'
    told = {"ETag": tag, **(headers or {})}
    held = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    if tag in held:
        return Response(status_code=304, headers=told)
    return Response(body, media_type=kind, headers=told)


def as_json(value: Any) -> bytes:
    """Write JSON that every reader takes: what is not finite is null.

    Texts are whole, since programs need ids as they are; whatever is not ASCII is escaped.
    """
    return json.dumps(plain(value), allow_nan=False, default=str).encode() + b"\n"
