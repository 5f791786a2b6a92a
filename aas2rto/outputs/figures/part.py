"""A figure of a candidate as a part of a printed page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.gridspec import GridSpec

from aas2rto.outputs.figures import style


class Part(SubFigure):
    """A rectangle of a page that figures take for a whole figure.

    Parameters
    ----------
    page : Figure
    left, bottom, width, height : float
        [inch] from the lower left corner of the page.
    """

    def __init__(
        self, page: Figure, left: float, bottom: float, width: float, height: float
    ) -> None:
        wide, high = page.get_size_inches()
        # A part of a page is placed by the ratios of its grid, whatever the grid's edges are.
        grid = GridSpec(
            3,
            3,
            page,
            width_ratios=[left, width, wide - left - width],
            height_ratios=[high - bottom - height, height, bottom],
        )
        super().__init__(page, grid[1, 1], facecolor="none")
        page.subfigs.append(self)
        self._height = height

    def get_figheight(self) -> float:
        """Return the height of the part [inch], as that of a figure."""
        return self._height


class PartSheet(style.Sheet):
    """A sheet whose figure is a part of a page; drawn once, never cleared.

    Parameters
    ----------
    part : Part
    set_up : callable
        See `style.Sheet`.
    titled : bool
        If False, the page says who it is, and the figure does not.
    """

    def __init__(
        self, part: Part, set_up: Callable[[Any], list[Axes]], *, titled: bool = False
    ) -> None:
        self.figure: Any = part
        self.axes = set_up(part)
        self._titled = titled

    def title(self, heading: str, below: str) -> None:
        """Write the title only where the page does not."""
        if self._titled:
            super().title(heading, below)
