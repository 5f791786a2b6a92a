"""Settings that carry a unit: written ``18.5 mag`` in a config, a float in that unit inside."""

from __future__ import annotations

import functools
import math
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema


@functools.lru_cache(maxsize=1024)
def parse(text: str, unit: str) -> float:
    """Read a quantity such as ``"10 min"`` as a number in `unit`.

    Parameters
    ----------
    text : str
        A number and a unit, as astropy writes them.
    unit : str
        The unit of the answer.

    Raises
    ------
    ValueError
        If `text` is not a finite quantity, or its unit cannot become `unit`.

    Examples
    --------
    >>> parse("10 min", "s")
    600.0
    """
    # Here, not above: astropy costs half a second, which `--help` should not pay.
    from astropy.units import Quantity, UnitConversionError  # noqa: PLC0415

    try:
        quantity = Quantity(text)
    except (TypeError, ValueError) as error:  # astropy raises either
        raise ValueError(f"{text!r} is not a number with a unit, such as '1 {unit}'") from error
    if quantity.unit.is_equivalent("") and unit != "":
        raise ValueError(f"{text!r} has no unit; write for example '{text.strip()} {unit}'")
    if not math.isfinite(quantity.value):
        raise ValueError(f"{text!r} is not finite; write a number such as '1 {unit}'")
    try:
        return float(quantity.to_value(unit))
    except UnitConversionError as error:
        raise ValueError(f"{text!r} cannot be converted to {unit}") from error


class Unit:
    """Marks a float setting that must be written with a unit.

    Parameters
    ----------
    unit : str
        The unit in which the program receives the number.
    """

    def __init__(self, unit: str) -> None:
        self.unit = unit

    def __repr__(self) -> str:
        return f"Unit({self.unit!r})"

    def _validate(self, value: Any) -> float | None:
        if isinstance(value, str):
            try:
                return parse(value, self.unit)
            except ValueError as error:
                raise PydanticCustomError("unit", "{why}", {"why": str(error)}) from error
        why = f"{value!r} needs a unit; write for example '{value} {self.unit}'"
        if isinstance(value, bool | list | dict) or value is None:
            why = f"expected a number with a unit, such as '1 {self.unit}', not {value!r}"
        raise PydanticCustomError("unit", "{why}", {"why": why})

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Check and convert before pydantic sees a float; defaults are floats in the unit."""
        return core_schema.no_info_before_validator_function(self._validate, handler(source))


Mag = Annotated[float, Unit("mag")]
MagPerDay = Annotated[float, Unit("mag / day")]
Day = Annotated[float, Unit("day")]
PerDay = Annotated[float, Unit("1 / day")]
Hour = Annotated[float, Unit("hour")]
Second = Annotated[float, Unit("s")]
Degree = Annotated[float, Unit("deg")]
DegreePerSecond = Annotated[float, Unit("deg / s")]
Arcsec = Annotated[float, Unit("arcsec")]
Metre = Annotated[float, Unit("m")]
MicroJansky = Annotated[float, Unit("uJy")]
Year = Annotated[float, Unit("yr")]
Parsec = Annotated[float, Unit("pc")]
