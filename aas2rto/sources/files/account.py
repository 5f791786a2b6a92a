"""What became of the rows of a table, in one line that adds up to all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from aas2rto.tables import photometry
from aas2rto.text.words import counted


@dataclass(frozen=True)
class Account:
    """How many rows of a table became what.

    Parameters
    ----------
    detections, limits : int
    suspect : mapping of str to int
        By why they are.
    stacked, points : int
        Exposures that were joined, and into how many points; those are none of the rows.
    left_out, twice, later, before : int
        Rows that cannot be used, that were there already in this file, that are later than now,
        and that were taken by an earlier reading of the file.
    """

    detections: int = 0
    limits: int = 0
    suspect: Mapping[str, int] = field(default_factory=dict)
    stacked: int = 0
    points: int = 0
    left_out: int = 0
    twice: int = 0
    later: int = 0
    before: int = 0

    @property
    def rows(self) -> int:
        """All rows."""
        kinds = self.detections + self.limits + sum(self.suspect.values())
        used = self.stacked if self.stacked else kinds
        return used + self.left_out + self.twice + self.later + self.before

    def line(self) -> str:
        """Say it; empty where all rows are detections and limits, which needs no words."""
        kinds = self._kinds()
        aside = self.left_out + self.twice + self.later + self.before
        if not (aside or self.suspect or self.stacked):
            return ""
        if self.stacked:
            points = counted(self.points, "point")
            kinds = [f"{self.stacked} stacked into {points} ({', '.join(kinds)})"]
        for n, words in (
            (self.left_out, "left out"),
            (self.twice, "given twice"),
            (self.later, "later than now"),
            (self.before, "taken before"),
        ):
            kinds += [f"{n} {words}"] if n else []
        return f"{counted(self.rows, 'row')}: {', '.join(kinds)}"

    def _kinds(self) -> list[str]:
        told = [counted(self.detections, "detection")] if self.detections else []
        told += [counted(self.limits, "limit")] if self.limits else []
        if self.suspect:
            why = "; ".join(f"{n} {words}" for words, n in self.suspect.items())
            why = next(iter(self.suspect)) if len(self.suspect) == 1 else why
            told.append(f"{sum(self.suspect.values())} suspect ({why})")
        return told


def of_points(points: pd.DataFrame, **more: int) -> Account:
    """Count the kinds of points; `more` are the other numbers of an `Account`."""
    kind = points["kind"].astype(str)
    doubted = points[kind == photometry.SUSPECT]
    why = doubted[photometry.WHY] if photometry.WHY in doubted else pd.Series("", doubted.index)
    named = why.where(why != "", photometry.NEGATIVE)
    return Account(
        int((kind == photometry.DETECTION).sum()),
        int((kind == photometry.LIMIT).sum()),
        dict(Counter(named).most_common()),
        points=len(points) if "stacked" in more else 0,
        **more,
    )
