"""Messengers: one service per file; each delivers a `Message` and says how that went.

A messenger is a class with keyword-only settings::

    @messenger("slack")
    class Slack:
        seconds_apart = 1.0
        figures = Figures.APART
        def __init__(self, *, channel: str, token: SecretStr) -> None: ...
        def send(self, letter: Letter) -> Delivery: ...
        def close(self) -> None: ...

It says what the service answered and nothing more: waiting, repeating and remembering are the
business of the outbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from aas2rto.messaging.message import Message
from aas2rto.parts.registry import Registry


class Result(StrEnum):
    """How a delivery went.

    ``sent``: it arrived. ``later``: it did not arrive, and may next time. ``unknown``: nobody
    knows. ``refused``: the service will never take this message. ``stopped``: the service will
    never take any on this channel.
    """

    SENT = "sent"
    LATER = "later"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Delivery:
    """The answer of a service.

    Parameters
    ----------
    result : Result
    why : str
        Of everything but ``sent``, in one line.
    receipt : mapping
        How the service names the message: what answers and threads refer to.
    wait : float or None
        Seconds for which the service asks to be left alone.
    moved_to : str
        The channel's new address, if the service gave one.
    """

    result: Result
    why: str = ""
    receipt: Mapping[str, Any] = field(default_factory=dict)
    wait: float | None = None
    moved_to: str = ""


class Figures(StrEnum):
    """Where a service shows figures: after the text, in the same message, or nowhere."""

    APART = "apart"
    INSIDE = "inside"
    NONE = "none"


@dataclass(frozen=True)
class Picture:
    """A figure that goes with a message."""

    name: str
    title: str
    png: bytes


@dataclass(frozen=True)
class Letter:
    """A message as it is handed to a messenger.

    Parameters
    ----------
    message : Message
    key : str
        The same whenever the same message is handed over again; short.
    pictures : tuple of Picture
        With `follows`: what is to be sent, without the text.
    follows : mapping or None
        The receipt of the text that the pictures belong to; None: send the text.
    address : str
        Where the service said the channel has moved to; empty: nowhere.
    buttons : bool
        If True, the message can be answered.
    """

    message: Message
    key: str
    pictures: tuple[Picture, ...] = ()
    follows: Mapping[str, Any] | None = None
    address: str = ""
    buttons: bool = False


class Messenger(Protocol):
    """What the courier asks of a messenger."""

    seconds_apart: float
    """Shortest time between two messages that the service likes [s]."""
    figures: Figures

    def send(self, letter: Letter) -> Delivery:
        """Hand a message to the service, once; never raise for what the service does wrong."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


@runtime_checkable
class CanConfirm(Protocol):
    """A messenger that can find out whether a message arrived."""

    def confirm(self, letter: Letter) -> Delivery | None:
        """Say whether it arrived: ``sent``, ``later`` (it did not), or None: it cannot be known."""
        ...


@runtime_checkable
class CanPrepare(Protocol):
    """A messenger that has something to set up before it can send."""

    def prepare(self) -> None:
        """Set up what sending needs, and ask no service.

        What is killed meanwhile has certainly sent nothing, and can be sent later.
        """
        ...


MESSENGERS = Registry("messenger", __name__)
messenger = MESSENGERS.register
