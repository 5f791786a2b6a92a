"""Logs: one JSON object per line in the project's folder."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

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
            "message": self._hide(record.getMessage()),
        }
        entry |= {name: vars(record)[name] for name in EXTRAS if name in vars(record)}
        if record.exc_info:
            entry["traceback"] = self._hide(self.formatException(record.exc_info))
        return json.dumps(entry)


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
    handler = RotatingFileHandler(path, maxBytes=5_000_000, backupCount=4, encoding="utf-8")
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
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger(PROGRESS)
    logger.addHandler(handler)
    old = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(old)
