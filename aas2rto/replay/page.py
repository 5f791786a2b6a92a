"""The report as one HTML page: it fetches and runs nothing, and escapes other people's words."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template

from aas2rto.replay.figures.panel import Drawn
from aas2rto.text.words import one_line

MOST_TEXT = 2000
"""Letters of a sentence."""
MOST_TABLES = 3
"""Tables of a section that are listed; the others are one click away."""
MOST_CELL = 60
"""Letters of a cell, or of a name."""


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Parameters
    ----------
    title : str
    heads : sequence of str
    rows : sequence of sequence of str
        The first cell of a row names it.
    note : str
        Below the title.
    is_open : bool
        Whether it is shown without a click.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    is_open: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Parameters
    ----------
    name : str
        Its anchor.
    title : str
    lines : sequence of str
    figures : sequence of Drawn
    tables : sequence of Table
    """

    name: str
    title: str
    lines: Sequence[str] = ()
    figures: Sequence[Drawn] = ()
    tables: Sequence[Table] = ()


def page(title: str, headline: Sequence[str], sections: Sequence[Section], command: str) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
    headline : sequence of str
        Sentences that stand first.
    sections : sequence of Section
    command : str
        What made it, shown below each figure.
    """
    menu = "".join(f'<a href="#{text(s.name)}">{text(s.title)}</a>' for s in sections)
    return PAGE.substitute(
        title=text(title),
        style=STYLE,
        headline="".join(f"<li>{text(line, MOST_TEXT)}</li>" for line in headline),
        menu=menu,
        sections="\n".join(_section(section, command) for section in sections),
    )


def text(words: str, most: int = MOST_CELL) -> str:
    """Return anybody's text for HTML: one harmless line, cut, with no markup of its own."""
    return html.escape(one_line(str(words), most), quote=True)


def _section(section: Section, command: str) -> str:
    lines = "".join(f"<p>{text(line, MOST_TEXT)}</p>" for line in section.lines)
    figures = "".join(_figure(drawn, command) for drawn in section.figures)
    figures = f'<div class="figures">{figures}</div>' if figures else ""
    tables = "".join(_table(table) for table in section.tables[:MOST_TABLES])
    more = "".join(_table(table) for table in section.tables[MOST_TABLES:])
    if more:
        count = len(section.tables) - MOST_TABLES
        tables += f'<details class="more"><summary>{count} more</summary>{more}</details>'
    head = f"<h2>{text(section.title)}</h2>"
    return f'<section id="{text(section.name)}">{head}{lines}{figures}{tables}</section>'


def _figure(drawn: Drawn, command: str) -> str:
    data = base64.b64encode(drawn.png).decode("ascii")
    shown = text(command, 600)
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{text(drawn.alt, MOST_TEXT)}" '
        f'width="1080" loading="lazy"><figcaption>figures/{text(drawn.name)}.png, drawn by '
        f"<code>{shown}</code></figcaption></figure>"
    )


def _table(table: Table) -> str:
    heads = "".join(f'<th scope="col">{text(head)}</th>' for head in table.heads)
    rows = "".join(
        f'<tr><th scope="row">{text(row[0], 120)}</th>'
        + "".join(f"<td>{text(cell, 120)}</td>" for cell in row[1:])
        + "</tr>"
        for row in table.rows
    )
    note = f"<p>{text(table.note, MOST_TEXT)}</p>" if table.note else ""
    return (
        f"<details{' open' if table.is_open else ''}><summary>{text(table.title, 120)}</summary>"
        f'{note}<div class="wide" tabindex="0" role="region" '
        f'aria-label="{text(table.title, 120)}"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
<h1>$title</h1>
<ul class="headline">$headline</ul>
<nav aria-label="Sections">$menu</nav>
$sections
</main>
</body>
</html>
""")

STYLE = """
:root { --ink: #1b1f24; --soft: #57606a; --paper: #ffffff; --card: #f4f6f8; --line: #d0d7de;
  --link: #0058a8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #a3acb7; --paper: #14171b; --card: #1f242a; --line: #3a424c;
    --link: #7ab8f5; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.45rem; line-height: 1.25; margin: .5rem 0 1rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; padding-top: .6rem;
  border-top: 1px solid var(--line); }
.headline { list-style: none; margin: 0; padding: 1rem; background: var(--card);
  border-radius: .5rem; font-size: 1.05rem; }
.headline li { max-width: 46rem; }
.headline li + li { margin-top: .55rem; }
p { max-width: 46rem; margin: .5rem 0; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin: 1rem 0; }
a { color: var(--link); padding: .25rem 0; }
.figures { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); align-items: start; }
figure { margin: 0; }
img { display: block; width: 100%; max-width: 38rem; height: auto; background: #ffffff;
  border-radius: .4rem; border: 1px solid var(--line); }
figcaption { color: var(--soft); font-size: .8rem; margin-top: .3rem; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em; }
details { margin: .6rem 0; border: 1px solid var(--line); border-radius: .4rem; }
summary { cursor: pointer; padding: .6rem .8rem; font-weight: 600; }
details p { padding: 0 .8rem; color: var(--soft); font-size: .9rem; }
.more { border-style: dashed; }
.more > details { margin: .6rem; }
.wide { overflow-x: auto; padding: 0 .8rem .6rem; }
table { border-collapse: collapse; font-size: .88rem; overflow-wrap: normal; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-top: 1px solid var(--line);
  vertical-align: top; font-variant-numeric: tabular-nums; }
th[scope="row"] { font-weight: 500; min-width: 11rem; max-width: 24rem; overflow-wrap: anywhere; }
thead th { color: var(--soft); font-weight: 600; border-top: 0; }
td { white-space: nowrap; }
@media print { details > *:not(summary) { display: block; } nav { display: none; } }
"""
