"""Numeric settings that can be turned: of a factor in the config, of a telescope in its file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import yaml
from pydantic import ValidationError

from aas2rto.config.all_settings import factor_names
from aas2rto.config.case import Case, PartConfig
from aas2rto.parts.setting_text import in_yaml, settings_in_yaml
from aas2rto.sky.observatory import Observatory

LIMITS = (
    ("instrument.faint_limit", "faint_limit_mag", "mag", -np.inf, np.inf),
    ("instrument.bright_limit", "bright_limit_mag", "mag", -np.inf, np.inf),
    ("moon.min_separation", "moon_separation_deg", "deg", 0.0, 180.0),
    ("limits.min_altitude", "min_altitude_deg", "deg", 0.0, 90.0),
    ("limits.max_altitude", "max_altitude_deg", "deg", 0.0, 90.0),
)
"""Of an observatory's file: key, field of `Observatory` or its instrument, unit, range."""


@dataclass(frozen=True)
class Knob:
    """A numeric setting that can be turned.

    Parameters
    ----------
    key : str
        As ``--set`` takes it, or where it stands in an observatory's file.
    value : float
        What it is.
    unit : str
    turned : callable
        Returns the case with another value; None if that is not allowed.
    """

    key: str
    value: float
    unit: str
    turned: Callable[[float], Case | None]

    def text(self, value: float) -> str:
        """Write a value as in a config."""
        return in_yaml(int(value) if self.is_whole else value, self.unit)

    @property
    def is_whole(self) -> bool:
        """Tell whether it counts."""
        return isinstance(self.value, int)


def of_factor(case: Case, factor: str) -> Iterator[Knob]:
    """Yield the numeric settings of a factor."""
    if factor == case.site_factor.name:

        def site_turned(options: Any) -> Case:
            return replace(case, site_factor=replace(case.site_factor, options=options))

        yield from _of_part("visibility", case.site_factor, site_turned)
    for place, (name, part) in enumerate(zip(factor_names(case), case.factors, strict=True)):
        if part.name != factor:
            continue

        def turned(options: Any, place: int = place, part: PartConfig = part) -> Case:
            factors = list(case.factors)
            factors[place] = replace(part, options=options)
            return replace(case, factors=tuple(factors))

        yield from _of_part(f"score.factors.{name}", part, turned)


def _of_part(above: str, part: PartConfig, put: Callable[[Any], Case]) -> Iterator[Knob]:
    written = {name: yaml.safe_load(text) for name, text in settings_in_yaml(part.options).items()}
    units = {setting.name.rstrip("_"): setting.unit for setting in part.part.settings}
    for name, unit in units.items():
        value = getattr(part.options, name, None)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue

        def turned(new: float, name: str = name, unit: str = unit) -> Case | None:
            text = yaml.safe_load(in_yaml(new, unit))
            try:
                return put(type(part.options).model_validate({**written, name: text}))
            except ValidationError:
                return None

        yield Knob(f"{above}.{name}", value, unit, turned)


@dataclass(frozen=True)
class Bands:
    """The bands that count for a factor, with further ones.

    Parameters
    ----------
    key : str
        As ``--set`` takes it.
    value, wider : tuple of str
        What they are, and with the further ones.
    case : Case
        With those.
    """

    key: str
    value: tuple[str, ...]
    wider: tuple[str, ...]
    case: Case


def wider_bands(case: Case, factor: str, others: Sequence[str]) -> Iterator[Bands]:
    """Yield the bands of a factor with each of some others, then with all of them.

    Parameters
    ----------
    case : Case
    factor : str
    others : sequence of str
        What a candidate is seen in, the band with the most detections first.
    """
    for place, (name, part) in enumerate(zip(factor_names(case), case.factors, strict=True)):
        bands = getattr(part.options, "bands", None)
        if part.name != factor or not isinstance(bands, tuple) or not others:
            continue
        for more in [*((one,) for one in others), *([tuple(others)] if len(others) > 1 else [])]:
            options = part.options.model_copy(update={"bands": (*bands, *more)})
            factors = list(case.factors)
            factors[place] = replace(part, options=options)
            turned = replace(case, factors=tuple(factors))
            yield Bands(f"score.factors.{name}.bands", bands, (*bands, *more), turned)


def of_score(case: Case) -> Iterator[Knob]:
    """Yield the smallest score of a sum that stands in a list."""
    score = case.config.score
    if score.keep_from <= 0:
        return

    def turned(new: float) -> Case | None:
        if new <= 0:  # with no points at all it would not stand there either
            return None
        changed = score.model_copy(update={"keep_from": float(new)})
        return replace(case, config=case.config.model_copy(update={"score": changed}))

    yield Knob("score.keep_from", score.keep_from, "", turned)


def of_telescope(case: Case, site: Observatory) -> Iterator[Knob]:
    """Yield the limits in an observatory's file."""
    place = [one.name for one in case.observatories].index(site.name)

    def put(new: Observatory) -> Case:
        sites = list(case.observatories)
        sites[place] = new
        return replace(case, observatories=tuple(sites))

    where = f"of {site.name}.yaml"
    for name, field_, unit, low, high in LIMITS:
        holder = site.instrument if unit == "mag" else site
        value = getattr(holder, field_, None)
        if holder is None or value is None:
            continue

        def turned(
            new: float, field_: str = field_, unit: str = unit, low: float = low, high: float = high
        ) -> Case | None:
            if not low <= new <= high:
                return None
            if unit == "mag" and site.instrument is not None:
                instrument = replace(site.instrument, **{field_: float(new)})  # type: ignore[arg-type]
                return put(replace(site, instrument=instrument))
            return put(replace(site, **{field_: float(new)}))  # type: ignore[arg-type]

        yield Knob(f"{name} {where}", float(value), unit, turned)
