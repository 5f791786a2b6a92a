"""Lists for programs that plan: Visplot (NOT and others), ACP, N.I.N.A."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from aas2rto.outlets.starlists.dialect import Dialect, lines
from aas2rto.outlets.starlists.names import UNLIMITED
from aas2rto.outlets.starlists.targets import number, positions

VISIT = 1800.0
"""[s] for a target of which nothing better is known: half an hour."""

PROGRAM = "00-000"
"""Project of a Visplot line; the observer knows the real one."""


def visplot(table: pd.DataFrame) -> str:
    """Write lines of Visplot; earlier targets have higher priority."""
    found = []
    rows = zip(table.to_dict("records"), positions(table, 3), strict=True)
    for place, (row, (ra, dec)) in enumerate(rows):
        seconds = row["exposure_s"] if row["exposure_s"] > 0 else VISIT
        kind = "ToO" if row["too"] else "Staff" if row["standard"] else "Monitor"
        found.append(
            f"{row['label']} {ra} {dec} 2000 {seconds:.0f} {PROGRAM} {_limits(row)} {kind} default "
            f"0 {len(table) - place}"
        )
    return lines(found)


def _limits(row: Mapping[Any, Any]) -> str:
    """Return the limits on airmass and Moon."""
    limits = [number(row["max_airmass"], ".2f", "2.00")]
    if row["moon_sep"] > 0:
        limits.append(f"MOON{row['moon_sep']:.0f}")
    return ",".join(limits)


def acp(table: pd.DataFrame) -> str:
    """Write a plan of ACP: tabs between name and position, the exposure before its target."""
    found = ["; J2000; set #FILTER, #COUNT and #BINNING for your camera"]
    for row, (ra, dec) in zip(table.to_dict("records"), positions(table, 3), strict=True):
        if row["comment"]:
            found.append(f"; {row['label']}: {row['comment']}")
        if row["exposure_s"] > 0:
            found.append(f"#INTERVAL {row['exposure_s']:.0f}")
        found.append(f"{row['label']}\t{ra}\t{dec}")
    return lines(found)


def nina(table: pd.DataFrame) -> str:
    """Write targets for N.I.N.A. as a mosaic's panes, the header that it reads correctly."""
    found = ["Pane, RA, DEC, Position Angle (East)"]
    found += [
        f"{label}, {ra}, {dec}, 0.00"
        for label, (ra, dec) in zip(
            table["label"],
            # Its reader takes digits, and a minus anywhere for the sign: letters, no dashes.
            positions(table, 3, ra=("h", "m", "s"), dec=("d", "m", "s")),
            strict=True,
        )
    ]
    return lines(found)


VISPLOT = Dialect("visplot", "Visplot", ".txt", "visplot, docs/tutorial.rst", 30, visplot)
ACP = Dialect("acp", "ACP", ".txt", "solo.dc3.com, ACP help, planfmt.html", UNLIMITED, acp)
NINA = Dialect("nina", "N.I.N.A.", ".csv", "nina, SimpleSequenceVM.cs", UNLIMITED, nina)
