"""What a cycle looks like in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

from aas2rto.cli.arguments import is_terminal
from aas2rto.cli.terminal import styled
from aas2rto.text.words import counted, harmless

if TYPE_CHECKING:
    import pandas as pd

    from aas2rto.steps.cycle import Cycle, Ranking
    from aas2rto.store.outbox import Mail

TOP = 8
"""Rows shown of each list; the files hold all."""

SHOWN = (
    "rank",
    "candidate_id",
    "name",
    "score",
    "site_score",
    "last_mag",
    "last_band",
    "t_peak",
    "now_mjd",
    "altitude",
    "hours_left",
    "sets",
    "observable_now",
    "reason",
)
"""Columns of a list that are shown here."""

MOST_PROBLEMS = 20
"""Problem lines shown; cycle.json holds all."""

_DOING = {
    "acquire": "asking the sources",
    "prefilter": "prefiltering",
    "fit": "fitting light curves",
    "score": "scoring",
    "remove": "removing the rejected",
    "rank": "ranking for each observatory",
    "store": "storing",
    "lists": "writing the lists",
    "tell": "drawing figures, sending messages",
}


class SafeConsole(Console):
    """A console whose styles are its own, but never those of the texts that it shows."""

    @property
    def file(self) -> IO[str]:
        """Where styles may be written."""
        found: IO[str] = styled(super().file)
        return found

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        """Set it."""
        Console.file.fset(self, new_file)  # type: ignore[attr-defined]

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """Yield what is to be shown."""
        for segment in super().render(renderable, options):
            clean = segment.control or (segment.text.isascii() and segment.text.isprintable())
            yield segment if clean else Segment(harmless(segment.text), segment.style)


def console(*, stderr: bool = False) -> Console:
    """Return a console; wide enough for a table where nobody watches."""
    return SafeConsole(stderr=stderr, highlight=False, width=None if is_terminal() else 120)


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Show a spinner with the step at hand, where there is a terminal."""
    with console(stderr=True).status("starting") as status:
        yield lambda name: status.update(_DOING.get(name, name))


def cycle(found: Cycle, *, folder: Path | None) -> None:
    """Print the top of each list, the funnel, and what went wrong."""
    out = console()
    if found.judged is None:
        out.print(f"cycle of {found.now.isot[:16]} UTC: stopped before it was done")
        return
    out.print(f"[bold]cycle of {found.now.utc.isot[:16]} UTC[/bold]")
    for arrival in found.arrivals:
        style = "yellow" if arrival.failed else None
        out.print(f"  {escape(arrival.line())}", soft_wrap=True, style=style)
    if found.judged_anew:
        n = counted(found.judged_anew, "candidate")
        out.print(f"  settings changed: {n} rejected before, judged anew", soft_wrap=True)
    out.print(funnel_line(found.report["funnel"]), soft_wrap=True)
    for ranking in found.judged.rankings:
        out.print(ranking_table(ranking, width=out.width))
        more = len(ranking.table) - TOP
        if more > 0:
            out.print(f"   ... {more} more in ranked/{ranking.observatory}.csv")
        idle = found.report.get("idle", {}).get(ranking.observatory)
        if idle:
            out.print(f"   {idle}")
    told = {arrival.line() for arrival in found.arrivals}
    problems([line for line in found.problems if line not in told])
    _lines(found.notes, "note", None)
    where = f"written to {folder}" if folder else "dry run: nothing was stored, written or sent"
    out.print(where, soft_wrap=True)


def problems(lines: Sequence[str]) -> None:
    """Print what went wrong, a line each."""
    _lines(lines, "problem", "yellow")


def _lines(lines: Sequence[str], what: str, style: str | None) -> None:
    out = console()
    for line in lines[:MOST_PROBLEMS]:
        head = f"[{style}]{what}[/{style}]" if style else what
        out.print(f"{head} {escape(line)}", soft_wrap=True)
    if len(lines) > MOST_PROBLEMS:
        more = counted(len(lines) - MOST_PROBLEMS, f"more {what}")
        out.print(f"... and {more} in cycle.json")


APART = ("compilation", "figures", "messages")
"""Steps whose time is shown apart, if they took a while."""


def took(seconds: float, timings: Mapping[str, float]) -> None:
    """Print how long a person waited, and for what else than the lists.

    Parameters
    ----------
    seconds : float
        All in all.
    timings : mapping of str to float
        Seconds of each step, `APART` and others.
    """
    apart = {name: timings.get(name, 0.0) for name in APART}
    apart["start"] = seconds - sum(timings.values())
    shown = ", ".join(f"{name} {one:.1f} s" for name, one in apart.items() if one >= 0.1)
    console().print(f"took {seconds:.1f} s{f', of which {shown}' if shown else ''}")


def mail(written: Mail) -> None:
    """Print what would be sent."""
    from aas2rto.messaging.message import Message

    out = console()
    for post in written.posts:
        held = ", held back" if post.held else ""
        out.print(f"[bold]to {escape(post.channel)}{held}[/bold]")
        out.print(Message.from_json(post.message).as_text(), markup=False, soft_wrap=True)
        out.print()
    if not written.posts:
        out.print("no message would be sent")


def funnel_line(funnel: dict[str, Any]) -> str:
    """Say in one line where the candidates went; the numbers add up."""
    parts = [counted(funnel["candidates"], "candidate")]
    for word in ("rejected", "excluded"):
        by_rule = funnel[word]
        if by_rule:
            rules = ", ".join(f"{name} {count}" for name, count in by_rule.items())
            parts.append(f"{sum(by_rule.values())} {word} ({rules})")
    parts.append(f"{funnel['ranked']} ranked")
    return "funnel: " + " -> ".join(parts)


def ranking_table(ranking: Ranking, *, width: int) -> Table:
    """Return the top of a list, for a terminal with so many columns."""
    is_site = ranking.observatory != "science"
    title = f"{ranking.observatory}: {counted(len(ranking.table), 'candidate')}"
    table = Table(title=title, title_justify="left", pad_edge=False, box=None, expand=True)
    heads = ["#", "candidate", "site score" if is_site else "score", "mag", "days to peak"]
    heads += ["alt [deg]", "left [h]", "sets [UTC]", "now"] if is_site else []
    for head in heads:
        table.add_column(
            escape(head), justify="left" if head == "candidate" else "right", no_wrap=True
        )
    table.add_column("why", no_wrap=True, overflow="ellipsis", ratio=1)
    shown = [name for name in SHOWN if name in ranking.table]
    for row in ranking.table[shown].head(TOP).to_dict("records"):
        # Of a reason that is longer than the line, the rest is not shown, but takes its time.
        cells = [text[: 2 * width] for text in _cells(row, is_site=is_site)]
        table.add_row(*(escape(text) for text in cells))
    return table


def _cells(row: dict[Any, Any], *, is_site: bool) -> list[str]:
    from aas2rto.outputs.cells import iso_minutes

    name = row["candidate_id"]
    if row["name"] and row["name"] != name:
        name = f"{name} ({row['name']})"
    peak = _or_dash(row["t_peak"] - row["now_mjd"], "+.1f") if "now_mjd" in row else "-"
    cells = [
        str(row["rank"]),
        name,
        _score(row["site_score" if is_site else "score"]),
        f"{_or_dash(row['last_mag'], '.2f')} {row['last_band'][-1:]}",
        peak,
    ]
    if is_site:
        import numpy as np

        sets = iso_minutes(np.array([row["sets"]], dtype=float))[0][11:] or "-"
        left = _or_dash(row["hours_left"], ".1f")
        cells += [f"{row['altitude']:.0f}", left, sets, "yes" if row["observable_now"] else ""]
    return [*cells, str(row["reason"])]


def _score(value: float) -> str:
    """Write three digits, and large scores without an exponent."""
    return f"{value:.0f}" if 1000 <= value < 1e7 else f"{value:.3g}"


def _or_dash(value: float, form: str) -> str:
    return "-" if value != value else format(value, form)  # noqa: PLR0124


def table_of(frame: pd.DataFrame, *, title: str = "") -> Table:
    """Return any table for the terminal."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for name in frame:
        table.add_column(escape(str(name)))  # [deg] is no markup
    for row in frame.itertuples(index=False):
        table.add_row(*(escape(str(value)) for value in row))
    return table
