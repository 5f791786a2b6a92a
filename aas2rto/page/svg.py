"""What all drawings of the page share: scales, lines, and numbers with few digits.

Colours and widths stand in the style sheet, by class: one drawing serves light, dark and red.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Box:
    """A rectangle of the drawing, and the values at its edges.

    Parameters
    ----------
    left, top, width, height : float
        Of the rectangle.
    first, last : float
        Values at its left and right edge.
    high, low : float
        Values at its upper and lower edge.
    """

    left: float
    top: float
    width: float
    height: float
    first: float
    last: float
    high: float
    low: float

    def x(self, value: ArrayLike) -> Any:
        """Return where values lie across."""
        share = (np.asarray(value, float) - self.first) / (self.last - self.first)
        return self.left + self.width * share

    def y(self, value: ArrayLike) -> Any:
        """Return where values lie down; what is beyond an edge lies on it."""
        share = (np.asarray(value, float) - self.high) / (self.low - self.high)
        return self.top + self.height * np.clip(share, 0.0, 1.0)

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.top + self.height

    @property
    def right(self) -> float:
        """Right edge."""
        return self.left + self.width


def short(value: float) -> str:
    """Write a coordinate with one digit after the point, if it needs one."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def line(x: Floats, y: Floats) -> str:
    """Return the ``d`` of a path through points."""
    return "M" + "L".join(f"{short(a)} {short(b)}" for a, b in zip(x, y, strict=True))


def stretches(good: NDArray[np.bool_]) -> list[slice]:
    """Return where runs of True begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def path(d: str, css: str) -> str:
    """Return a path of a class."""
    return f'<path class="{css}" d="{d}"/>' if d else ""


def rect(x: float, y: float, width: float, height: float, css: str, inside: str = "") -> str:
    """Return a rectangle of a class."""
    size = f'width="{short(max(width, 0.0))}" height="{short(max(height, 0.0))}"'
    return f'<rect class="{css}" x="{short(x)}" y="{short(y)}" {size}>{inside}</rect>'


def across(box: Box, y: float, css: str) -> str:
    """Return a line from edge to edge."""
    return f'<path class="{css}" d="M{short(box.left)} {short(y)}h{short(box.width)}"/>'


def down(box: Box, x: float, css: str) -> str:
    """Return a line from the upper edge to the lower one."""
    return f'<path class="{css}" d="M{short(x)} {short(box.top)}v{short(box.height)}"/>'


def text(x: float, y: float, words: object, css: str = "", anchor: str = "") -> str:
    """Return words at a place; they are escaped."""
    at = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{css}" x="{short(x)}" y="{short(y)}"{at}>{escape(words)}</text>'


def title(words: object) -> str:
    """Return what is shown when somebody points at it; escaped."""
    return f"<title>{escape(words)}</title>"


def drawing(width: float, height: float, parts: Sequence[str], label: str, css: str) -> Markup:
    """Return a whole drawing, which says in words what it shows."""
    return Markup(  # noqa: S704  every text in it went through `escape`
        f'<svg class="{css}" viewBox="0 0 {short(width)} {short(height)}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def steps(low: float, high: float, most: int) -> list[float]:
    """Return round numbers between two values, at most so many.

    Examples
    --------
    >>> steps(16.7, 20.2, 5)
    [17.0, 18.0, 19.0, 20.0]
    """
    span = high - low
    if not span > 0:
        return []
    scale = 10.0 ** np.floor(np.log10(span / most))
    step = next(scale * k for k in (1, 2, 5, 10, 20) if span / (scale * k) <= most)
    first = np.ceil(low / step - 1e-9) * step
    return [round(float(one), 9) for one in np.arange(first, high + step * 1e-6, step)]
