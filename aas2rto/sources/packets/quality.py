"""How real a detection must look, by the surveys' own measures of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from aas2rto.sources.packets import nulls

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Quality:
    """Least values of a detection; what lies below is `suspect`, and neither counted nor fitted.

    Parameters
    ----------
    reliability : float
        LSST. Rubin sends nothing below 0.1, and names no threshold yet (lsst.io, prompt products,
        "Filtering and Reliability Scoring").
    rb, drb : float
        ZTF's two measures (0 to 1); ``rb`` below 0.55 is suspect in any case.
    """

    # A part of a source's settings: unknown keys are refused there, too.
    __pydantic_config__ = ConfigDict(extra="forbid")

    reliability: Share = 0.0
    rb: Share = 0.0
    drb: Share = 0.0

    def __str__(self) -> str:
        return f"{{reliability: {self.reliability:g}, rb: {self.rb:g}, drb: {self.drb:g}}}"

    def least(self) -> dict[str, float]:
        """Return the least values that are asked for, by the names of the alerts' fields."""
        return {name: value for name, value in vars(self).items() if value > 0}

    def why_not(self, record: Mapping[str, Any]) -> str:
        """Say of which least value a measurement lies below; a missing number does not."""
        for name, value in self.least().items():
            if nulls.number(record.get(name)) < value:
                return below(name, value)
        return ""


def below(name: str, least: float) -> str:
    """Say that a measure of quality is too low."""
    return f"{name} below {least:g}"


ANY = Quality()
