"""Magnitudes, fluxes and limits of a table, in whatever unit and system, in uJy on the AB scale.

Where a table has both a flux without a unit and a magnitude, the magnitude says which unit the
flux is in; where they contradict each other, the row is left out, with a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from aas2rto.sources.files import cells, sentinels, units
from aas2rto.sources.files.cells import Flags, Floats, Texts
from aas2rto.sources.files.reasons import Reasons
from aas2rto.sources.files.surveys import VEGA_SURVEYS
from aas2rto.sources.packets.lsst import NANOJANSKY
from aas2rto.tables import photometry

FLUXCAL_ZERO_POINT = 27.5
"""[mag] of SNANA's FLUXCAL (SNANA manual, "FLUXCAL")."""

_IN_NAME = {
    "psfflux": NANOJANSKY,
    "ujy": 1.0,
    "forced_ujy": 1.0,
    "fluxcal": float(photometry.flux_from_mag(FLUXCAL_ZERO_POINT)),
}
"""What names of fluxes say of their unit, in uJy."""

AGREE = 0.3
"""[mag] Medians of flux and magnitude that differ by less are of one thing."""

CONTRADICT = 0.5
"""[mag] Rows whose flux and magnitude differ by more, and by more than 5 sigma, contradict."""

SAME_MAGNITUDE = 0.01
"""[mag] A magnitude that is written with two digits lies this near to the limit that it is."""

GAIA_RANGE = (13.0, 21.0)
"""[mag] Where `gaia_error` holds."""


@dataclass(frozen=True)
class Column:
    """One column of a table, with its names and unit.

    Parameters
    ----------
    cells : Series
    name : str
        As in the file.
    plain : str
        As in `spellings`.
    unit : str
        As declared, in the name or by the file; empty if it says none.
    """

    cells: pd.Series
    name: str
    plain: str
    unit: str = ""


Table = Mapping[str, Column]


@dataclass
class Brightness:
    """What the rows of a table measured [uJy].

    Parameters
    ----------
    flux, flux_err, limit : ndarray
    is_limit : ndarray of bool
        True where the table says that the row is a limit.
    lines : list of str
        What has to be said about units.
    """

    flux: Floats
    flux_err: Floats
    limit: Floats
    is_limit: Flags
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Magnitudes:
    """Fluxes [uJy] that magnitudes say, their errors and limits."""

    flux: Floats
    flux_err: Floats
    limit: Floats
    is_limit: Flags
    faults: list[tuple[Flags, str]]


def measure(table: Table, band: Texts, survey: Texts, reasons: Reasons) -> Brightness:
    """Read the brightness of each row; what is wrong with rows goes into `reasons`."""
    n = len(band)
    mags = _magnitudes(table, band, survey)
    if "flux" not in table:
        for rows, fault in mags.faults:
            reasons.add(rows, fault)
        return Brightness(mags.flux, mags.flux_err, mags.limit, mags.is_limit)
    column = table["flux"]
    found = cells.numbers(column.cells)
    errors = cells.numbers(table["flux_err"].cells) if "flux_err" in table else _none(n)
    bad = sentinels.flux(found.values, errors.values)
    why = f"whose {column.name} is {_first(found.values, bad)}, which stands for no value"
    no_error = sentinels.flux_error(errors.values)
    scale, lines, is_sure = _flux_scale(table, column, band, survey, n)
    flux = np.where(bad | found.limits, np.nan, found.values * scale)
    flux_err = np.where(no_error | bad, np.nan, errors.values * _error_scale(table, scale))
    if not is_sure:
        factor, more = _unit_by_magnitudes(column.name, flux, mags.flux)
        flux, flux_err, scale = flux * factor, flux_err * factor, scale * factor
        lines += more
    _contradictions(column.name, flux, flux_err, mags, reasons)
    limit = _limits(table, flux_err, mags.limit, scale, lines)
    limit = np.where(found.limits, found.values * scale, limit)
    # A limit is a limit, though its flux is known: a measured flux that says so keeps its limit.
    gap = ~(np.isfinite(flux) & np.isfinite(flux_err)) & ~found.limits
    flux = np.where(gap & np.isfinite(mags.flux), mags.flux, flux)
    flux_err = np.where(gap & np.isfinite(mags.flux), mags.flux_err, flux_err)
    nothing = ~np.isfinite(flux) & ~np.isfinite(limit)
    for rows, fault in mags.faults:
        reasons.add(rows & nothing, fault)
    reasons.add(found.strange & nothing, f"whose {column.name} is no number")
    reasons.add(bad & nothing, why)
    no_use = no_error & np.isfinite(flux) & ~np.isfinite(flux_err)
    first = _first(errors.values, no_error)
    reasons.add(no_use, f"whose error is {first}, which stands for none")
    return Brightness(flux, flux_err, limit, found.limits | mags.is_limit, lines)


def gaia_error(mag: Floats) -> Floats:
    """Return the errors of the magnitudes of Gaia's alerts, which are published without [mag].

    Parameters
    ----------
    mag : ndarray
        G [mag, Vega]; outside of `GAIA_RANGE` the error at its end.

    Notes
    -----
    Scatter of the light curves of constant stars: Hodgkin et al. (2021), A&A 652, A76. It is 1 %
    at 13 mag, 3 % at 19 mag and 7 % at 20.7 mag, where alerts end.

    Examples
    --------
    >>> gaia_error(np.array([12.0, 13.0, 19.0, 20.7])).round(3).tolist()
    [0.011, 0.011, 0.031, 0.071]
    """
    g = np.clip(mag, *GAIA_RANGE)
    return np.asarray(
        3.43779 - g / 1.13759 + (g / 3.44123) ** 2 - (g / 6.51996) ** 3 + (g / 11.45922) ** 4
    )


def _none(n: int) -> cells.Numbers:
    no = np.zeros(n, dtype=bool)
    return cells.Numbers(np.full(n, np.nan), no, no)


def _first(values: Floats, rows: Flags) -> str:
    return f"{values[rows][0]:g}" if rows.any() else ""


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _magnitudes(table: Table, band: Texts, survey: Texts) -> _Magnitudes:
    n = len(band)
    mag = cells.numbers(table["mag"].cells) if "mag" in table else _none(n)
    err = cells.numbers(table["magerr"].cells) if "magerr" in table else _none(n)
    errors, said = err.values, _said_limit(table, n)
    if "magerr" not in table and np.all(survey == "gaia"):
        errors = gaia_error(mag.values)
    limit = _limiting_magnitudes(table, n)
    no_value, no_error = sentinels.magnitude(mag.values), sentinels.magnitude_error(errors)
    no_limit = sentinels.magnitude(limit)
    limit = np.where(no_limit, np.nan, limit)
    marked = (mag.limits | said) & np.isfinite(mag.values) & ~no_value
    values = np.where(no_value, np.nan, mag.values)
    limit = np.where(marked & (mag.limits | ~np.isfinite(limit)), values, limit)
    # An error that stands for none beside a limit is how many write a non-detection.
    given_up = no_error & np.isfinite(limit) & (errors >= sentinels.LARGEST_ERROR)
    # So is a magnitude without an error that is no brighter than the limit: Lasair repeats it.
    unseen = np.isnan(errors) & (values >= limit - SAME_MAGNITUDE)
    given_up |= unseen | (np.isnan(errors) & _is_unnamed_alert(table, n))
    limit = np.where(given_up & np.isnan(limit), values, limit)
    values = np.where(marked | given_up, np.nan, values)
    offset = _offsets(table, "mag", band, survey)
    flux = _signs(table, n) * photometry.flux_from_mag(values + offset)
    flux_err = photometry.flux_err_from_magerr(flux, np.where(no_error, np.nan, errors))
    has = np.isfinite(values) | np.isfinite(limit)
    faults = [
        *_faults(table, mag, (no_value, no_limit), limit, values),
        (
            no_error & np.isfinite(values),
            f"whose error is {_first(errors, no_error)}, which stands for none",
        ),
        (has & np.isnan(offset), _unknown_system(table, has & np.isnan(offset))),
    ]
    return _Magnitudes(
        flux,
        flux_err,
        photometry.flux_from_mag(limit + offset),
        marked,
        [(rows, why) for rows, why in faults if rows.any()],
    )


def _faults(
    table: Table, mag: cells.Numbers, bad: tuple[Flags, Flags], limit: Floats, values: Floats
) -> list[tuple[Flags, str]]:
    """Return what is wrong with magnitudes and limits, unless the row has a limit."""
    no_value, no_limit = bad
    faults = []
    if "mag" in table:
        name, first = table["mag"].name, _first(mag.values, no_value)
        faults += [
            (mag.strange & ~np.isfinite(limit), f"whose {name} is no number"),
            (no_value & ~np.isfinite(limit), f"whose {name} is {first}, which stands for no value"),
        ]
    if "limit" in table:
        alone = no_limit & ~np.isfinite(values) & ~np.isfinite(limit)
        faults.append((alone, f"whose {table['limit'].name} stands for no value"))
    return faults


def _said_limit(table: Table, n: int) -> Flags:
    """Say where a column of flags, or a word, calls the row a limit."""
    said = np.zeros(n, dtype=bool)
    if "is_limit" in table:
        said |= np.isin(cells.flags(table["is_limit"].cells), ["true", "1", "1.0", "t", "yes", "y"])
    if "kind" in table:
        words = cells.flags(table["kind"].cells)
        said |= np.isin(words, ["limit", "upperlim", "upper limit", "nondetection"])
    return said


def _is_unnamed_alert(table: Table, n: int) -> Flags:
    """Say where a table of ZTF's alerts has none: a non-detection bears no ``candid``."""
    column = table.get("measurement_id")
    if column is None or column.plain != "candid":
        return np.zeros(n, dtype=bool)
    return np.asarray(cells.texts(column.cells) == "", dtype=bool)


def _limiting_magnitudes(table: Table, n: int) -> Floats:
    """Return limits that are magnitudes: of a column of limits, or of flags that are numbers."""
    limit = np.full(n, np.nan)
    if "limit" in table and not _is_flux_limit(table):
        limit = cells.numbers(table["limit"].cells).values
    if "is_limit" in table:
        number = cells.numbers(table["is_limit"].cells).values
        limit = np.where(np.isnan(limit) & (number > 1), number, limit)
    return limit


def _is_flux_limit(table: Table) -> bool:
    """Say whether limits are fluxes: a bare ``limit`` in a table that has fluxes only."""
    column = table["limit"]
    if np.isfinite(units.flux_scale(column.unit)) if column.unit else False:
        return True
    if column.plain == "flux_limit":
        return True
    return column.plain == "limit" and "flux" in table and "mag" not in table


def _signs(table: Table, n: int) -> Floats:
    negative = np.zeros(n, dtype=bool)
    if "isdiffpos" in table:
        words = cells.flags(table["isdiffpos"].cells)
        negative |= np.isin(words, ["f", "false", "0", "0.0", "-1", "-1.0", "n"])
    if "kind" in table:
        negative |= cells.flags(table["kind"].cells) == "negative"
    return np.where(negative, -1.0, 1.0)


def _offsets(table: Table, of: str, band: Texts, survey: Texts) -> Floats:
    """Return what makes magnitudes of each row AB ones; NaN where that is not known."""
    n = len(band)
    default = np.where(np.isin(survey, list(VEGA_SURVEYS)), "vega", "ab")
    johnson = np.array([str(b).startswith(("bessell", "gaia")) for b in band], dtype=bool)
    system = np.where(johnson, default, "ab").astype(object)
    if "magsys" in table:
        given = cells.flags(table["magsys"].cells)
        system = np.where((given == "") | (given == "none"), system, given)
    unit = table[of].unit if of in table else ""
    if units.is_vega(unit):
        system = np.full(n, "vega", dtype=object)
    keys = pd.Series(system).astype(str) + "\n" + pd.Series(band).astype(str)
    return np.array(cells.by_unique(keys, lambda key: units.ab_minus(*_pair(key))), dtype=float)


def _pair(key: str) -> tuple[str, str]:
    system, _, band = key.partition("\n")
    return system, band


def _unknown_system(table: Table, rows: Flags) -> str:
    if not rows.any():
        return ""
    word = "Vega"
    if "magsys" in table:
        word = str(cells.flags(table["magsys"].cells)[rows][0])
    return (
        f"in the magnitude system {word!r}, whose zero point in this band is not known here: "
        "convert them to AB"
    )


def _flux_scale(
    table: Table, column: Column, band: Texts, survey: Texts, n: int
) -> tuple[Floats, list[str], bool]:
    """Return what a flux of 1 is in uJy for each row, and whether the table says so itself."""
    ones = np.ones(n)
    lines: list[str] = []
    if column.unit:
        scale = units.flux_scale(column.unit)
        if np.isfinite(scale):
            return ones * scale, lines, True
        if "zp" not in table:
            lines.append(
                f"the unit {column.unit!r} of {column.name} is no flux density and there "
                "is no zero point: add a column zp [mag, AB], or give uJy"
            )
            return ones * np.nan, lines, True
    if column.plain in _IN_NAME:
        return ones * _IN_NAME[column.plain], lines, True
    if "zp" not in table:
        return ones, lines, False
    zp = cells.numbers(table["zp"].cells).values
    zp = np.where((zp <= 0) | (zp >= 60), np.nan, zp)  # zero points of 1 erg reach 48.6
    return photometry.flux_from_mag(zp + _offsets(table, "zp", band, survey)), lines, True


def _error_scale(table: Table, scale: Floats) -> Floats:
    """Return what an error of 1 is in uJy: that of the flux, unless it says another."""
    column = table.get("flux_err")
    own = units.flux_scale(column.unit) if column is not None and column.unit else np.nan
    return np.full(len(scale), own) if np.isfinite(own) else scale


def _unit_by_magnitudes(name: str, flux: Floats, by_mag: Floats) -> tuple[float, list[str]]:
    """Return the unit [uJy] that magnitudes beside it say a flux without one has."""
    both = (flux > 0) & np.isfinite(by_mag) & (by_mag != 0)
    if not both.any():
        return 1.0, []
    ratio = float(np.median(np.abs(by_mag[both]) / flux[both]))
    for unit in ("uJy", "mJy", "nJy", "Jy"):
        scale = units.FLUX_UNITS[unit]
        if abs(2.5 * np.log10(ratio / scale)) < AGREE:
            said = f"{name} is in {unit}, as the magnitudes beside it say"
            return scale, [] if unit == "uJy" else [said]
    away = abs(2.5 * np.log10(ratio))
    return np.nan, [
        f"{name} disagrees with the magnitudes by {away:.1f} mag and is not used; say "
        "its unit in its name, such as flux_mJy, or its zero point in zp"
    ]


def _contradictions(
    name: str, flux: Floats, flux_err: Floats, mags: _Magnitudes, reasons: Reasons
) -> None:
    """Find rows whose flux and magnitude cannot both be right."""
    both = (np.abs(flux) > 0) & np.isfinite(mags.flux) & (np.abs(mags.flux) > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = 2.5 * np.abs(np.log10(np.abs(flux / mags.flux)))
        sigma = np.hypot(np.nan_to_num(flux_err), np.nan_to_num(mags.flux_err))
        wrong = (
            both
            & (apart > CONTRADICT)
            & (np.abs(np.abs(flux) - np.abs(mags.flux)) > photometry.LIMIT_SIGMA * sigma)
        )
    if wrong.any():
        away = f"{np.median(apart[wrong]):.1f} mag"
        reasons.add(
            wrong,
            f"whose {name} and magnitude contradict each other (by {away}): correct the "
            "unit of one",
        )


MAGNITUDES_OF_LIMITS = (10.0, 30.0)
"""[mag] What limits may be that are magnitudes."""


def _limits(
    table: Table, flux_err: Floats, by_mag: Floats, scale: Floats, lines: list[str]
) -> Floats:
    """Return 5-sigma limits [uJy]: as given, or of the errors."""
    of_errors = photometry.LIMIT_SIGMA * flux_err
    if "limit" not in table or not _is_flux_limit(table):
        # Of forced photometry the error says more than the limit of the whole image.
        return (
            np.where(np.isfinite(by_mag) & ~np.isfinite(of_errors), by_mag, of_errors)
            if ("mag" not in table)
            else np.where(np.isfinite(by_mag), by_mag, of_errors)
        )
    column = table["limit"]
    values = cells.numbers(column.cells).values
    unit = units.flux_scale(column.unit) if column.unit else np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        sigmas = _median(values * scale / flux_err)
    low, high = MAGNITUDES_OF_LIMITS
    known = values[np.isfinite(values)]
    inside = bool(np.all((known > low) & (known < high)))
    if np.isnan(unit) and inside and not 1.0 <= sigmas <= 10.0:
        lines.append(
            f"{column.name} is read as magnitudes: as fluxes, its values would be "
            f"{sigmas:.2g} sigma"
        )
        return photometry.flux_from_mag(np.where(sentinels.magnitude(values), np.nan, values))
    values = np.where(values > 0, values, np.nan)
    return values * (unit if np.isfinite(unit) else scale)


def without_values(found: Brightness, reasons: Reasons, *, has_errors: bool) -> None:
    """Give rows a reason that have neither a flux with its error nor a limit."""
    nothing = ~np.isfinite(found.flux) & ~np.isfinite(found.limit)
    reasons.add(nothing, "without a magnitude, flux or limit")
    bare = np.isfinite(found.flux) & ~(found.flux_err > 0)
    reasons.add(bare, "without an error" if has_errors else "without a column of errors")
