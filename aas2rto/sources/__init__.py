"""Sources: one service per file; each turns payloads into a `Report` and does nothing else.

A source is a class with keyword-only settings, ``poll(request: PollRequest) -> Report``, and
optionally ``close()`` and ``probe() -> str`` (one cheap question, for ``check --online``)::

    @source("alerce")
    class Alerce:
        def __init__(self, *, classifier: str, probability: float = 0.8) -> None: ...
        def poll(self, request: PollRequest) -> Report: ...
"""

from __future__ import annotations

from typing import Protocol

from aas2rto.parts.registry import Registry
from aas2rto.tables.report import PollRequest, Report


class Source(Protocol):
    """What the loop asks of a source.

    One that never asks for single candidates says ``asks_by_object = False``, and is spared the
    table of those that would profit from more data. One that follows a stream may have it as
    ``stream``, with ``listen(over) -> bool``: between two cycles it is waited for, and what it
    brings starts one, in which the request says ``reacting``.
    """

    def poll(self, request: PollRequest) -> Report:
        """Ask the service once; never raise for what the service does wrong."""
        ...


SOURCES = Registry("source", __name__)
source = SOURCES.register
