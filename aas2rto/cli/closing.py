"""`--close OBSERVATORY [INTERVAL]`: an option whose second word may be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from aas2rto.config.case import Case

OPTION = "--close"

CloseOption = Annotated[
    list[str] | None,
    typer.Option(
        OPTION,
        metavar="OBSERVATORY [INTERVAL]",
        help="Do not observe there: all night, at 02:00-04:00 (UTC), or from one ISO time to "
        "another, 2026-03-21T02:00/2026-03-21T04:00.",
    ),
]


class TakesIntervals(TyperCommand):
    """A command whose `--close` takes one word or two: command lines know no such option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Make one word of the two before they are parsed."""
        parsed: list[str] = super().parse_args(ctx, joined(args))
        return parsed


def joined(arguments: list[str]) -> list[str]:
    """Put an interval after `--close NAME` into the same word as the name.

    Examples
    --------
    >>> joined(["--close", "la_silla", "02:00-04:00", "--network"])
    ['--close', 'la_silla 02:00-04:00', '--network']
    """
    words: list[str] = []
    for word in arguments:
        after_name = len(words) > 1 and words[-2] == OPTION and " " not in words[-1]
        if after_name and _is_meant_as_time(word):
            words[-1] = f"{words[-1]} {word}"
        else:
            words.append(word)
    return words


def _is_meant_as_time(word: str) -> bool:
    """Tell an interval, right or wrong, from a config."""
    return word[:1].isdigit() and not word.endswith((".yaml", ".yml"))


def closures(case: Case, given: list[str] | None) -> list[tuple[str, str]]:
    """Return pairs of an observatory's name and an interval, empty for all night."""
    from aas2rto.cli.arguments import sites_named

    pairs = []
    for text in given or []:
        name, _, interval = text.partition(" ")
        pairs += [(site.name, interval.strip()) for site in sites_named(case, name)]
    return pairs
