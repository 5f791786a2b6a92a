"""What the packets of all surveys have in common, and how their fields are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.sources.packets import nulls
from aas2rto.text.words import counted

Record = Mapping[str, Any]
Row = tuple[Any, ...]
Columns = Sequence[Any]
"""The entries of many rows of one sort, one column after the other; numbers may be arrays."""

Convert = Callable[[Columns], pd.DataFrame]

UNUSABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What reading a record raises if it is not shaped as its schema says."""

USABLE_MJD = (15020.0, 88069.0)
"""The years 1900 to 2100; what lies outside is a broken time, not an observation."""


@dataclass(frozen=True, slots=True)
class Head:
    """Whose alert it is.

    Parameters
    ----------
    object_id, alert_id : str
        The survey's; an empty `object_id` means that the alert is of no fixed object.
    known_at : float
        When the packet can first have been known [d, MJD UTC].
    ra, dec : float
        ICRS [deg].
    """

    object_id: str
    alert_id: str
    known_at: float
    ra: float = math.nan
    dec: float = math.nan


@dataclass(frozen=True)
class Series:
    """Measurements of one sort in an alert, and how to read them.

    Parameters
    ----------
    convert : callable
        Turns all measurements of this sort, of many alerts, into a photometry table at once.
    read : callable
        Takes a record and the head of its alert; returns a row, or None for no measurement.
    records : iterable of mapping, or None
        As they stand in the alert.
    suspect : int or None
        Which entry of a row says why the measurement is suspect, empty if it is not; None: there is
        no such entry.
    """

    convert: Convert
    read: Callable[[Record, Head], Row | None]
    records: Iterable[Record] | None
    suspect: int | None = None


@dataclass(frozen=True)
class Packet:
    """How to read the alerts of one survey.

    Parameters
    ----------
    survey : str
        ``ztf`` or ``lsst``.
    fields : frozenset of str
        Top-level names of the survey's own schema; others were added by a broker.
    head : callable
        Identity, time and place of an alert.
    own : callable
        The survey's own numbers that become annotations.
    series : callable
        The measurements of an alert.
    histories : mapping of str to frozenset of str
        The long lists of an alert, and the fields of their records that `series` reads.
    """

    survey: str
    fields: frozenset[str]
    head: Callable[[Record], Head]
    own: Callable[[Record], dict[str, float | bool]]
    series: Callable[[Record, Head], Iterable[Series]]
    histories: Mapping[str, frozenset[str]]


def why(error: Exception) -> str:
    """Say in one line why a record cannot be used."""
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r}"
    text = " ".join(str(error).split())
    if isinstance(error, AttributeError | TypeError):
        return f"it is not built as alerts are ({text})"
    return text


def identifier(record: Record, name: str) -> str:
    """Return an identifier that must be there, as text with all its digits."""
    found = nulls.digits(record[name])
    if not found:
        raise ValueError(f"its {name} is {record[name]!r}")
    return found


def is_damaged(value: object) -> bool:
    """Say whether an identifier went through a float, which keeps 16 of its digits.

    Fink's client before version 11 wrote columns that may be null as doubles into the Parquet
    files of data transfers (astrolabsoftware/fink-client).
    """
    return isinstance(value, float) and not math.isnan(value)


def measurement_name(record: Record, name: str, band: object, mjd: float) -> str:
    """Return a measurement's identifier; of a damaged one, a name made of its exposure.

    Parameters
    ----------
    record : mapping
    name : str
        Of the field that holds the identifier.
    band : str
        In our spelling, such as ``ztfg``; there is at most one exposure of it at a time.
    mjd : float
        In the survey's own scale.

    Raises
    ------
    KeyError, ValueError
        If there is no identifier, nor a band and a time to name it by.
    """
    if not is_damaged(record[name]):
        return identifier(record, name)
    if not band:
        raise ValueError(f"its {name} {record[name]!r} has lost digits, and it has no known band")
    return f"{band}:{sane(float(mjd)):.4f}"


def position(record: Record) -> tuple[float, float]:
    """Return ``ra, dec`` [deg] of a record."""
    ra, dec = float(record["ra"]), float(record["dec"])
    if not (0.0 <= ra <= 360.0 and -90.0 <= dec <= 90.0):
        raise ValueError(f"ra, dec = {ra}, {dec} is no position in degrees")
    return ra, dec


def is_null(value: object) -> bool:
    """Say whether a field is empty: null, or NaN, which some writers put for null."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def sane(mjd: float) -> float:
    """Return a time that can be one, see `USABLE_MJD`."""
    if not USABLE_MJD[0] <= mjd <= USABLE_MJD[1]:
        raise ValueError(f"its time, MJD {mjd}, lies outside the years 1900 to 2100")
    return mjd


def floats(values: Iterable[Any]) -> NDArray[np.float64]:
    """Return a column as floats; null, and what is no number, becomes NaN."""
    if isinstance(values, np.ndarray) and values.dtype == float:
        return values
    column = list(values)
    try:
        return np.array(column, dtype=float)
    except (TypeError, ValueError):
        return np.array([nulls.number(value) for value in column], dtype=float)


def positive(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return magnitudes or zero points without sentinels such as -999."""
    return np.where(values > 0, values, np.nan)


def bands(names: Mapping[Any, str], values: Iterable[Any]) -> list[str]:
    """Translate a survey's filters; unknown ones become empty texts."""
    column = values.tolist() if isinstance(values, np.ndarray) else values
    return [names.get(v, "") if isinstance(v, str | int | float) else "" for v in column]


def usable(table: pd.DataFrame, *, name: str = "measurement_id") -> tuple[pd.DataFrame, str]:
    """Keep rows with a time, a band, and a flux with its error or, if not detected, a limit.

    Parameters
    ----------
    table : DataFrame
        Of photometry. A row whose flux is null by design is a non-detection, which its
        ``limit:`` identifier tells; where a flux should be but is broken, there is no row.
    name : str
        Column that names a row in the complaint.

    Returns
    -------
    table : DataFrame
    complaint : str
        One line about the rows left out; empty if there are none.
    """
    flux, flux_err = table["flux"].to_numpy(), table["flux_err"].to_numpy()
    is_limit = table["measurement_id"].str.startswith("limit:").to_numpy(bool)
    measured = np.isfinite(flux) & np.isfinite(flux_err) & (flux_err > 0)
    limited = is_limit & np.isfinite(table["limit"].to_numpy())
    mjd = table["mjd"].to_numpy()
    placed = (mjd >= USABLE_MJD[0]) & (mjd <= USABLE_MJD[1]) & (table["band"] != "").to_numpy()
    good = placed & (limited | measured)
    if good.all():
        return table, ""
    n, first = int((~good).sum()), table.loc[~good].iloc[0]
    return table.loc[good], (
        f"{counted(n, 'measurement')} without a usable time, band, flux or error "
        f"left out (first: {first[name]} of {first['candidate_id']})"
    )
