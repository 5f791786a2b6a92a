"""Where in the sky a candidate is: transit zones, discs, polygons, MOC files, sky maps."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from aas2rto.errors import UsageError
from aas2rto.factors import Factor, Needs, Positive, Share, answer, factor, numbers
from aas2rto.parts.path_setting import DataPath
from aas2rto.sky.regions.given import inside, regions
from aas2rto.sky.regions.planets import check_names
from aas2rto.sky.regions.shapes import Polygon
from aas2rto.tables.candidates import unit_vectors
from aas2rto.text.late import say
from aas2rto.units import Degree

Corner = tuple[Degree, Degree]
Circle = tuple[Degree, Degree, Annotated[Degree, Field(gt=0, le=180)]]

Use = Literal["prefer", "only", "exclude", "name"]
"""What a region does, see `region`."""


def _check(options: BaseModel, **_: Any) -> list[str]:
    """Say when the config loads which regions are none."""
    given: Any = options
    wrong = [f"zones: {why}" for why in check_names(given.zones)]
    for number, corners in enumerate(given.polygons, start=1):
        try:
            Polygon(corners)
        except UsageError as error:
            wrong.append(f"polygons: number {number}: {error}")
    count = sum(len(one) for one in (given.zones, given.discs, given.polygons, given.moc))
    count += given.sky_map is not None
    if not count:
        wrong.append("names no region: give zones, discs, polygons, moc or sky_map")
    elif given.at_least > count:
        wrong.append(f"at_least: {given.at_least} of {count} regions can never be")
    return wrong


@factor("region", needs=Needs.LIGHT_CURVE, check=_check)
def region(  # noqa: PLR0913  the settings of a config
    candidates: pd.DataFrame,
    now: Time,
    *,
    name: str = "",
    zones: tuple[str, ...] = (),
    transit: Literal["full", "grazing"] = "full",
    orbits: Literal["circular", "eccentric"] = "circular",
    discs: tuple[Circle, ...] = (),
    polygons: tuple[tuple[Corner, ...], ...] = (),
    moc: tuple[DataPath, ...] = (),
    sky_map: DataPath | None = None,
    credible: Share = 0.9,
    at_least: Annotated[int, Field(ge=1)] = 1,
    use: Use = "prefer",
    value: Positive = 2.0,
) -> Factor:
    """Prefer, exclude or name what lies in regions of the sky.

    Parameters
    ----------
    candidates : DataFrame
        Reads ``ra, dec``.
    now : Time
        Not used: regions do not move.
    name : str
        Of the column, where a config has several of these factors.
    zones : tuple of str
        Planets of the Sun, from whose transit zones they are seen to pass before the Sun:
        abs(star . pole) <= sin(phi / 2), phi = 2 arcsin((R_sun -+ R_planet) / r).
    transit : str
        ``full``: the whole planet passes before the Sun; ``grazing``: any part of it.
    orbits : str
        ``circular``: r is the semi-major axis; ``eccentric``: r(longitude).
    discs : tuple of (ra, dec, radius)
        [deg]
    polygons : tuple of corners
        Each of at least three (ra, dec), great circles between them [deg].
    moc : tuple of str
        MOC files; needs the extra `moc`.
    sky_map : str or None
        A HEALPix map of probability, flat or multi-order.
    credible : float
        The smallest region of the map that holds this share of it.
    at_least : int
        Inside is who lies in so many of the regions: 2 finds where zones overlap.
    use : str
        ``prefer``: `value` inside, 1 outside. ``only``: excludes what is outside. ``exclude``:
        excludes what is inside. ``name``: says where it lies, and changes nothing.
    value : float
        The factor inside, for ``prefer`` and ``only``.

    Notes
    -----
    Gallay, Davenport & Croft (2025), arXiv:2506.14744, Sect. 2; Wells et al. (2018),
    MNRAS 473, 345.
    """
    among = regions(
        zones=zones,
        grazing=transit == "grazing",
        eccentric=orbits == "eccentric",
        discs=discs,
        polygons=polygons,
        moc=moc,
        sky_map=sky_map,
        credible=credible,
    )
    at = unit_vectors(numbers(candidates, "ra"), numbers(candidates, "dec"))
    found = inside(at, among)
    within = found.sum(axis=1) >= at_least
    known = np.isfinite(at).all(axis=1)
    told = [one.name for one in among]
    out = ~within if use == "only" else within if use == "exclude" else np.zeros_like(within)
    return answer(
        np.where(within & (use in {"prefer", "only"}), value, 1.0),
        exclude=out,
        reason=say(
            lambda inside_of, is_known: _sentence(told, inside_of, at_least, known=is_known),
            found,
            known,
        ),
        regions=joined(found, told),
    )


def _sentence(told: list[str], inside_of: list[bool], at_least: int, *, known: bool) -> str:
    if not known:
        return "its position is not known"
    where = [name for name, is_in in zip(told, inside_of, strict=True) if is_in]
    if len(where) >= max(at_least, 1):
        return f"in the {_and(where)}"
    outside = f"outside the {told[0]}" if len(told) == 1 else f"in none of {len(told)} regions"
    return outside if not where else f"in the {_and(where)} only, of {at_least} asked for"


def _and(where: list[str]) -> str:
    """Join the names of regions; what all end with is said once."""
    end = " transit zone"
    if len(where) > 1 and all(one.endswith(end) for one in where):
        return f"{' & '.join(one.removesuffix(end) for one in where)} transit zones"
    return " & ".join(where)


def joined(found: NDArray[np.bool_], names: list[str]) -> NDArray[np.object_]:
    """Return the names of the regions that each row lies in, with `` & `` between them."""
    different, which = np.unique(found, axis=0, return_inverse=True)
    texts = [
        " & ".join(name for name, is_in in zip(names, row, strict=True) if is_in)
        for row in different
    ]
    return np.array([*texts, None], dtype=object)[:-1][which.ravel()]
