"""The one place that catches every exception: a failing part becomes a recorded `Failure`.

A night is long and its parts come from many hands: services, users' factors, models. What any
of them raises costs its own answer and one line in the report, nothing else.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


class Hurry(BaseException):
    """The step at hand took too long to end after a wish to stop; no guard holds it up."""


@dataclass(frozen=True)
class Failure:
    """What a part raised, in one line, with the traceback kept for the log.

    Parameters
    ----------
    part : str
        The culprit, such as ``factor my_factors.py:blue_colour``.
    error : str
        Type and text of the exception, in one line.
    subject : str
        What it was working on, such as a candidate id; empty for everything.
    """

    part: str
    error: str
    subject: str = ""

    def __str__(self) -> str:
        about = f" ({self.subject})" if self.subject else ""
        return f"{self.part}{about}: {self.error}"


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """Either a value or a failure."""

    value: T | None = None
    failure: Failure | None = None


def attempt(
    part: str,
    call: Callable[[], T],
    *,
    subject: str = "",
    passing: tuple[type[Exception], ...] = (),
) -> Outcome[T]:
    """Run `call`; turn whatever it raises into a `Failure` that names `part`, but for `passing`."""
    try:
        return Outcome(value=call())
    except passing:
        raise
    except Exception as error:  # noqa: BLE001  this is the place for it
        log.debug("%s failed:\n%s", part, traceback.format_exc())
        return Outcome(failure=Failure(part, one_line(error), subject))


def one_line(error: BaseException) -> str:
    """Return type and text of an exception without line breaks."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001  a user's class may fail to say what it is
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
