"""Run the command line and die between a poll and the end of its storing.

``python -m tests.cli.dying AFTER ARGUMENTS``: while reports are stored, every statement of the
database, every commit, and every acknowledgement is an instant; at number AFTER the process kills
itself with signal 9. With AFTER = 0 it lives, and writes the number of instants to standard error.
"""

from __future__ import annotations

import functools
import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

from aas2rto.cli import main
from aas2rto.steps import acquire

WATCHED = ("before_cursor_execute", "after_cursor_execute", "commit")


class Instants:
    """Counts instants while something is being stored, and ends the process at one of them."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.number = 0
        self.storing = False

    def pass_by(self, *_: Any) -> None:
        if self.storing:
            self.number += 1
            if self.number == self.last:
                os.kill(os.getpid(), signal.SIGKILL)

    def during(self, store: Callable[..., Any]) -> Callable[..., Any]:
        """Count before, after, and whatever happens inside."""

        @functools.wraps(store)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.storing = True
            self.pass_by()
            try:
                return store(*args, **kwargs)
            finally:
                self.pass_by()
                self.storing = False

        return watched


def watch(last: int) -> Instants:
    instants = Instants(last)
    for name in WATCHED:
        event.listen(Engine, name, instants.pass_by)
    acquire._store = instants.during(acquire._store)
    return instants


if __name__ == "__main__":
    after, *arguments = itertools.islice(sys.argv, 1, None)
    counted = watch(int(after))
    try:
        main(arguments)
    finally:
        print(f"instants: {counted.number}", file=sys.stderr)
