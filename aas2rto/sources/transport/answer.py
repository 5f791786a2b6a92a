"""What a service answered, or why its answer is of no use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aas2rto.errors import SourceError
from aas2rto.sources.transport import json_text
from aas2rto.text.words import counted


class Cause(StrEnum):
    """Why a service gave no usable answer."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    BROKEN = "broken"
    REFUSED = "refused"
    NOT_FOUND = "not found"
    THROTTLED = "throttled"
    REJECTED = "rejected"
    SERVER = "server"
    UNREADABLE = "unreadable"
    OUT_OF_TIME = "out of time"
    """The poll's own time is over: nobody's fault."""


class HttpError(SourceError):
    """A service gave no usable answer.

    Parameters
    ----------
    text : str
        One line without secrets: service, host, what was asked, what came.
    cause : Cause
    status : int or None
        HTTP status, if there was one.
    wait : float or None
        Seconds after which the service wants to be asked again, if it says so.
    """

    def __init__(
        self, text: str, *, cause: Cause, status: int | None = None, wait: float | None = None
    ) -> None:
        super().__init__(text)
        self.cause = cause
        self.status = status
        self.wait = wait


@dataclass(frozen=True)
class Answer:
    """What a service answered.

    Parameters
    ----------
    asked : str
        Service, host, method and path, for error texts.
    status : int
    headers : mapping
        Names in lower case.
    content : bytes
        The body, decompressed.
    """

    asked: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_page(self) -> bool:
        """True if the body is HTML, which no service of ours sends on purpose."""
        return self.content[:512].lstrip().startswith(b"<")

    def unreadable(self, why: str) -> HttpError:
        """Build the error for a body that is not what was asked for."""
        return HttpError(f"{self.asked} answered {why}", cause=Cause.UNREADABLE, status=self.status)

    def text(self) -> str:
        """Return the body as text.

        Raises
        ------
        HttpError
            If it is a page of HTML.
        """
        if self.is_page:
            raise self.unreadable("with a page of HTML in place of data (maintenance?)")
        return self.content.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """Parse the body; NaN and infinities, which are no JSON but occur, become None.

        Raises
        ------
        HttpError
            If it is HTML, ends early, or is not JSON.
        """
        text = self.text()
        try:
            return json_text.parse(text)
        except ValueError as error:
            why = f"with broken JSON ({counted(len(self.content), 'byte')}: {error})"
            raise self.unreadable(why) from error

    def mapping(self) -> dict[str, Any]:
        """Parse a body that must be a JSON object."""
        payload = self.json()
        if not isinstance(payload, dict):
            raise self.unreadable(f"with {json_text.shape(payload)} where an object was expected")
        return payload

    def records(self, *keys: str) -> list[Any]:
        """Parse a body that must be a list of records, or an object holding it under a key.

        Parameters
        ----------
        *keys : str
            Where the list may be if the body is an object; the first that fits is taken.
        """
        payload = self.json()
        if isinstance(payload, list):
            return payload
        if isinstance(payload, dict):
            for key in keys:
                if isinstance(payload.get(key), list):
                    return list(payload[key])
        shape = json_text.shape(payload)
        raise self.unreadable(f"with {shape} where a list of records was expected")
