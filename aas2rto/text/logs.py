"""Logs: one JSON object per line in the project's folder."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO, cast

from aas2rto.text.files import open_private

PROGRESS = "aas2rto.progress"
"""Name of the logger of what takes long: people at a terminal see it, too."""

EXTRAS = ("event", "at", "cycle")
"""What a message may carry for programs: what it is about, of which cycle (UTC), and its numbers.
None of it holds other people's words, which may hold secrets."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON.

    Parameters
    ----------
    hide : callable
        Takes secrets out of texts.
    """

    def __init__(self, hide: Callable[[str], str] = str) -> None:
        super().__init__()
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """Return time, level, logger and message; the traceback if there is one."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._hide(message_of(record)),
        }
        entry |= {name: vars(record)[name] for name in EXTRAS if name in vars(record)}
        if record.exc_info:
            entry["traceback"] = self._hide(self.formatException(record.exc_info))
        return json.dumps(entry)


def message_of(record: logging.LogRecord) -> str:
    """Return the message of a record; one whose arguments do not fit says so."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} (arguments that do not fit it)"


class _Careful(logging.Handler):
    """A handler that, where it fails, says so in one line.

    Python's own way is to write the whole record, with all that it was called with, to the
    terminal (`logging.raiseExceptions`): past what takes secrets out.
    """

    _said = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  logging's name
        error = sys.exc_info()[1]
        if self._said or error is None:
            return
        self._said = True
        why = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"the log cannot be written: {why}\n")


class _File(_Careful, RotatingFileHandler):
    """Makes files that others than the owner and his group do not read."""

    def __init__(self, path: Path, hide: Callable[[str], str], **options: Any) -> None:
        self._hide = hide
        super().__init__(path, **options)

    def _open(self) -> TextIOWrapper:
        # Pathlib knows no opener; the handler closes it.
        opened = open(self.baseFilename, self.mode, encoding="utf-8", opener=open_private)  # noqa: SIM115
        return cast("TextIOWrapper", opened)

    def close(self) -> None:
        with suppress(OSError):  # what a full disk did not take is lost, and was said
            super().close()


class _Stream(_Careful, logging.StreamHandler[TextIO]):
    """Shows messages."""


@contextmanager
def to_file(path: Path, *, hide: Callable[[str], str] = str) -> Iterator[None]:
    """Log this program's messages to a file of at most 5 x 5 MB.

    Parameters
    ----------
    path : Path
        Older parts get a number behind their name.
    hide : callable
        Takes secrets out of what is logged.
    """
    handler = _File(path, hide, maxBytes=5_000_000, backupCount=4, encoding="utf-8")
    handler.setFormatter(JsonFormatter(hide))
    logger = logging.getLogger("aas2rto")
    logger.addHandler(handler)
    old, propagate = logger.level, logger.propagate
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(old)
        logger.propagate = propagate
        handler.close()


@contextmanager
def progress_to(stream: TextIO) -> Iterator[None]:
    """Show messages about what takes long, such as compiling, on a terminal, too."""
    handler = _Stream(stream)
    logger = logging.getLogger(PROGRESS)
    logger.addHandler(handler)
    old = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(old)
