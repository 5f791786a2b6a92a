"""The terminal: messages where the program runs, for trying things out."""

from __future__ import annotations

import sys
from typing import TextIO

from aas2rto.messaging import Delivery, Figures, Letter, Result, messenger


@messenger("terminal")
class Terminal:
    """The terminal in which the program runs."""

    seconds_apart = 0.0
    figures = Figures.NONE

    def __init__(self) -> None:
        self._stream: TextIO | None = None

    def send(self, letter: Letter) -> Delivery:
        """Write a message."""
        text = letter.message.as_text()
        stream = self._stream or sys.stdout
        stream.write("\n".join(f"┃ {line}" for line in text.splitlines()) + "\n\n")
        stream.flush()
        return Delivery(Result.SENT)

    def close(self) -> None:
        """Nothing is kept open."""
