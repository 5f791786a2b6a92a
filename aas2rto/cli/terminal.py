"""A terminal that may be gone: printing never costs a cycle.

The pipe behind the output may be closed (``| head``), the disk behind it full, the terminal closed,
its encoding ASCII. Lists, messages and the log go on.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from aas2rto.text.words import harmless

GONE = frozenset({errno.EPIPE, errno.EIO, errno.EBADF})
"""Who reads will not come back; a full disk may."""


class Forgiving(io.TextIOBase):
    """Writes to a stream as long as it takes it.

    Parameters
    ----------
    stream : text stream
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = self.beneath = stream

    def write(self, text: str) -> int:
        """Write; what cannot be written is lost, and nothing else."""
        with self._forgiven():
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                encoding = self._stream.encoding or "ascii"
                self._stream.write(text.encode(encoding, "replace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Flush if that is possible."""
        with self._forgiven():
            self._stream.flush()

    def end(self) -> None:
        """Let nothing be left for the interpreter's end, which would call it an error."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._let_go()
            with suppress(OSError, ValueError):
                self._stream.flush()

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in GONE:
                self._let_go()
        except ValueError:
            pass  # closed

    def _let_go(self) -> None:
        """Let what is still to come, also of the interpreter's end, go nowhere."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def isatty(self) -> bool:
        """Tell whether somebody watches."""
        try:
            return self._stream.isatty()
        except ValueError:
            return False

    def fileno(self) -> int:
        """Return the descriptor beneath."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Say yes."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Of the stream beneath."""
        return self._stream.encoding

    @property
    def errors(self) -> str:  # type: ignore[override]
        """What it does with what its encoding lacks."""
        return "replace"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Clean:
    """Writes to a stream what no terminal obeys: other people's words are in nearly every line.

    Parameters
    ----------
    beneath : text stream
    """

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    def write(self, text: str) -> int:
        """Write without signs that a terminal would obey."""
        self.beneath.write(harmless(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write some lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)


def styled(stream: Any) -> Any:
    """Return the stream below those that take styles out, for styles of our own."""
    if isinstance(stream, Clean):
        return stream.beneath
    if isinstance(stream, Forgiving):
        return Forgiving(styled(stream.beneath))
    return stream


@contextmanager
def clean() -> Iterator[None]:
    """Let standard output and error be such streams."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", Clean(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def occupy() -> None:
    """Open descriptors that the caller closed (``>&-``): a file would take their numbers."""
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, mode)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


@contextmanager
def forgiving() -> Iterator[None]:
    """Let standard output and error be such streams."""
    before = sys.stdout, sys.stderr
    streams = [Forgiving(stream) for stream in before]
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        for stream in streams:
            stream.end()
        sys.stdout, sys.stderr = before
