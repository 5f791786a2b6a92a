"""One candidate's figures as PNG: which kinds there are, what each depends on, and the drawing."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.outputs.figures import history, light_curve, score, style, visibility
from aas2rto.outputs.figures.style import Sheet
from aas2rto.outputs.figures.subject import Subject

CONTENT = "aas2rto-content"
"""Key of the PNG's text that says what was drawn."""

DESIGN = 3
"""Counts changes of the design: a new one redraws everything."""

RANK_STEP = 0.05
"""Ranks that differ by less than this in log10 look alike: 1 and 2 do not, 150 and 151 do."""
FACTOR_STEP = 0.0212
"""log10 of 5 %."""
DAY_STEP = 0.25
"""A light curve's `now` may be this old [d]: half a percent of the axis."""
HOUR_STEP = 1.0 / 24.0
"""Tonight's `now` may be this old [d]."""


@dataclass(frozen=True)
class Content:
    """What a figure shows: what must be the same, and what may drift without being seen.

    Parameters
    ----------
    exact : str
        Digest of everything that must be the same.
    drift : mapping
        Numbers in units of their tolerance; None where there is none.
    """

    exact: str
    drift: Mapping[str, float | None]

    def text(self) -> str:
        """Write it for a PNG's metadata."""
        return json.dumps({"exact": self.exact, "drift": dict(self.drift)})

    def shown_by(self, text: str, *, tolerance: float = 1.0) -> bool:
        """Tell whether a figure with this text still shows it."""
        try:
            old = json.loads(text)
            drift = dict(old["drift"])
            same = old["exact"] == self.exact and set(drift) == set(self.drift)
        except (ValueError, TypeError, KeyError):
            return False
        return same and all(
            _near(value, drift[name], tolerance) for name, value in self.drift.items()
        )


def _near(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= tolerance


def _in_steps(value: float, step: float) -> float | None:
    return round(value / step, 3) if np.isfinite(value) else None


def _log_steps(value: float, step: float) -> float | None:
    return _in_steps(float(np.log10(value)), step) if value > 0 else None


def _of_light_curve(subject: Subject) -> Content:
    fitted = subject.fitted
    fit = [fitted.name, fitted.row] if fitted else []
    exact = style.digest_of(
        [DESIGN, subject.heading, subject.known, _of_points(subject.points), fit, subject.reported]
    )
    return Content(exact, {"now": _in_steps(subject.now, DAY_STEP)})


def _of_points(points: pd.DataFrame) -> str:
    """Return a digest of what is shown of the photometry."""
    digest = hashlib.sha256()
    for name in ("mjd", "flux", "flux_err", "limit"):
        digest.update(points[name].to_numpy(np.float64).tobytes())
    for name in ("band", "kind", "survey"):
        digest.update("\0".join(map(str, points[name].tolist())).encode())
    return digest.hexdigest()


def _of_visibility(subject: Subject) -> Content:
    nights = [
        [
            site.name,
            _minute(site.number("night_start")),
            _minute(site.number("night_end")),
            site.number("lowest_altitude"),
            str(site.facts.get("status", "")),
        ]
        for site in subject.sites
    ]
    drift = {
        f"rank {site.name}": _log_steps(site.number("rank"), RANK_STEP) for site in subject.sites
    }
    place = [round(site.number(axis), 4) for site in subject.sites[:1] for axis in ("ra", "dec")]
    exact = style.digest_of([DESIGN, subject.heading, nights, place])
    return Content(exact, {**drift, "now": _in_steps(subject.now, HOUR_STEP)})


def _minute(mjd: float) -> float | None:
    # Twilight shifts by a minute between nights; the same night is found again to the second.
    return round(mjd * 288) / 288 if np.isfinite(mjd) else None


def _of_score(subject: Subject) -> Content:
    rows = score.bars(subject)
    exact = [DESIGN, subject.heading, subject.decision, [[row.name, row.kind] for row in rows]]
    drift = {
        f"{place} {row.name}": _log_steps(row.value, FACTOR_STEP) for place, row in enumerate(rows)
    }
    ranks = {
        f"rank {site.name}": _log_steps(site.number("rank"), RANK_STEP) for site in subject.sites
    }
    return Content(style.digest_of(exact), {**drift, **ranks})


def _of_history(subject: Subject) -> Content:
    ranks = subject.ranks
    drift: dict[str, float | None] = {}
    for site, rows in ranks.groupby("observatory") if len(ranks) else ():
        drift[f"rank {site}"] = _log_steps(float(rows["rank"].iloc[-1]), RANK_STEP)
    first = float(ranks["at"].min()) if len(ranks) else subject.now
    # What is added at the right is seen once it is a twentieth of the axis.
    span = max(subject.now - first, history.SHORTEST)
    drift["span"] = _log_steps(span, float(np.log10(1.1)))
    return Content(style.digest_of([DESIGN, subject.heading]), drift)


@dataclass(frozen=True)
class Kind:
    """A kind of figure.

    Parameters
    ----------
    name : str
        Of its file.
    title : str
        For people.
    content : callable
        Says what a figure of a subject would show.
    size : callable
        Returns the figure's height for a subject [inch].
    set_up, draw : callable
        See `Sheet`.
    """

    name: str
    title: str
    content: Callable[[Subject], Content]
    size: Callable[[Subject], float]
    set_up: Callable[..., Any]
    draw: Callable[[Sheet, Subject], None]


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "light_curve",
            "light curve",
            _of_light_curve,
            lambda _: light_curve.HEIGHT_IN,
            light_curve.set_up,
            light_curve.draw,
        ),
        Kind(
            "visibility",
            "visibility tonight",
            _of_visibility,
            lambda subject: visibility.height(len(subject.sites)),
            visibility.set_up,
            visibility.draw,
        ),
        Kind(
            "score",
            "score",
            _of_score,
            lambda subject: score.height(len(score.bars(subject))),
            score.set_up,
            score.draw,
        ),
        Kind(
            "history",
            "rank history",
            _of_history,
            lambda _: history.HEIGHT_IN,
            history.set_up,
            history.draw,
        ),
    )
}
"""By name, in the order in which people look at them."""


@functools.lru_cache(maxsize=16)
def _sheet(kind: str, height: float) -> Sheet:
    return Sheet(height, KINDS[kind].set_up)


def png(kind: str, subject: Subject, *, fresh: bool = False) -> bytes:
    """Draw one figure.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    subject : Subject
    fresh : bool
        Set up a new figure instead of the one that is kept; slower, and no different.
    """
    of = KINDS[kind]
    height = round(of.size(subject), 3)
    with style.applied():
        sheet = Sheet(height, of.set_up) if fresh else _sheet(kind, height)
        try:
            of.draw(sheet, subject)
            return sheet.png(
                {
                    "Title": style.plain(f"{subject.heading}: {of.title}", 200),
                    CONTENT: of.content(subject).text(),
                }
            )
        finally:
            sheet.clear()
