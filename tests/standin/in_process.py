"""A service in this process: the stand-in's answers without a socket."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import httpx

from aas2rto.sources.transport.http import Client
from tests.standin import faults
from tests.standin.server import Question, Service


class InProcess(httpx.BaseTransport):
    """Carries questions to a stand-in and its answers back.

    Parameters
    ----------
    service : Service
        Not started; its ``log`` tells what was asked.
    """

    def __init__(self, service: Service) -> None:
        self.service = service

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        question = Question(
            request.method,
            request.url.path,
            parse_qs(request.url.query.decode(), keep_blank_values=True),
            {name.lower(): value for name, value in request.headers.items()},
            request.read(),
        )
        self.service.note(question)
        reply = self.service.encode(self.service.answer(question))
        headers = {"Content-Type": reply.kind, **reply.headers}
        return httpx.Response(
            reply.status, headers=headers, content=faults.to_bytes(reply.payload), request=request
        )


def connect(source: Any, service: Service) -> Any:
    """Let all clients of a source ask a stand-in of this process; returns the source."""
    for client in vars(source).values():
        if isinstance(client, Client):
            client.transport = InProcess(service)
    return source
