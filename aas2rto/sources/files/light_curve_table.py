"""Plain tables of light curves and of objects, in CSV or Parquet, with whatever column names.

A person's table says the same things under many names. `COLUMNS` holds those that are
understood; everything is converted here, at the door, to the program's own form.
"""

from __future__ import annotations

import functools
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.guard import attempt
from aas2rto.sources.packets import lsst as lsst_packet
from aas2rto.sources.packets import nulls
from aas2rto.sources.packets import ztf as ztf_packet
from aas2rto.sources.packets.format import positive, usable
from aas2rto.tables import photometry
from aas2rto.text.words import counted, nearest

COLUMNS: dict[str, tuple[str, ...]] = {
    "id": (
        "candidate_id",
        "object_id",
        "objectid",
        "oid",
        "diaobjectid",
        "snid",
        "object",
        "id",
        "name",
    ),
    "ra": ("ra", "ra_deg", "raj2000", "meanra"),
    "dec": ("dec", "dec_deg", "dej2000", "decl", "declination", "meandec"),
    "mjd": ("mjd", "mjd_utc"),
    "mjd_tai": ("mjd_tai", "midpointmjdtai"),
    "jd": ("jd",),
    "time": ("time", "date", "obstime"),
    "band": ("band", "filter", "passband", "fid", "filtercode"),
    "mag": ("mag", "magpsf", "magnitude"),
    "magerr": ("magerr", "mag_err", "sigmapsf", "e_mag", "dmag"),
    "isdiffpos": ("isdiffpos",),
    "flux": ("flux", "flux_ujy", "ujy"),
    "flux_err": ("flux_err", "fluxerr", "flux_err_ujy", "e_flux", "dujy"),
    "flux_njy": ("psfflux", "psfflux_njy", "flux_njy"),
    "flux_err_njy": ("psffluxerr", "psffluxerr_njy", "flux_err_njy"),
    "zp": ("zp", "zeropoint", "zero_point"),
    "limit": ("limit", "diffmaglim", "limmag", "limitmag", "maglim", "limiting_mag"),
    "kind": ("kind",),
    "is_limit": ("is_limit", "ul", "upper_limit", "upperlimit"),
    "rb": ("rb",),
    "nbad": ("nbad",),
    "survey": ("survey",),
    "measurement_id": ("measurement_id", "candid", "diasourceid"),
    "known_at": ("known_at",),
    "redshift": ("redshift", "z"),
    "spectral_type": ("spectral_type", "type", "tns_type"),
    "tns": ("tns", "tns_name"),
}
"""What is understood: our name -> names of columns, in lower case; the first that is there wins.

``flux`` is in uJy, or in the unit that ``zp`` [mag, AB] says; ``limit`` is a magnitude, or a
flux like ``flux`` in a table that has no magnitudes; ``time`` may be MJD, JD or ISO, in UTC."""

TIMES = ("mjd", "jd", "time", "mjd_tai")
MEASURED = ("mag", "flux", "flux_njy", "limit")
TEXTS = frozenset({"id", "survey", "spectral_type", "tns", "kind", "measurement_id", "band"})

KINDS = {
    "detection": photometry.DETECTION, "valid": photometry.DETECTION, "det": photometry.DETECTION,
    "limit": photometry.LIMIT, "upperlim": photometry.LIMIT, "nondetection": photometry.LIMIT,
    "upper limit": photometry.LIMIT, "suspect": photometry.SUSPECT,
    "badquality": photometry.SUSPECT,
}  # fmt: skip
"""Words for the kind of a measurement; others leave it to the signal-to-noise ratio."""

ALL_COLUMNS = "all columns"
"""Attribute of a table that was read in part: the names of all columns of its file."""

OTHER_SURVEY = "user"
"""Survey of a table that neither says it nor shows it in its bands or identifiers."""

_SURVEY_BANDS: dict[str, dict[str, str]] = {
    "ztf": {"1": "ztfg", "2": "ztfr", "3": "ztfi", "g": "ztfg", "r": "ztfr", "i": "ztfi"},
    "lsst": dict(lsst_packet.BANDS),
    "atlas": {"c": "atlasc", "o": "atlaso", "cyan": "atlasc", "orange": "atlaso"},
}
_CLEAR_BANDS = {
    "zg": "ztfg", "zr": "ztfr", "zi": "ztfi", "1": "ztfg", "2": "ztfr", "3": "ztfi",
    "o": "atlaso", "c": "atlasc", "cyan": "atlasc", "orange": "atlaso",
}  # fmt: skip
"""Band names that tell their survey on their own; ``ZTF-g`` and ``r.ztf`` do so, too."""


@dataclass(frozen=True)
class Contents:
    """What a table says.

    Parameters
    ----------
    objects : list of dict
        Rows of a report's objects, those with a position.
    photometry : DataFrame
        As in :mod:`aas2rto.tables.photometry`, without ``source``.
    later : list of float
        When the rows that are still to come will be known [d, MJD UTC].
    problems : tuple of str
        One line each, without the name of the file.
    """

    objects: list[dict[str, Any]]
    photometry: pd.DataFrame
    later: list[float]
    problems: tuple[str, ...]


def read_csv(path: Path) -> pd.DataFrame:
    """Read a text table as texts; commas, semicolons, bars, tabs or blanks stand between columns.

    Raises
    ------
    InputError
        If it is no table.
    """
    parsed = attempt("csv", lambda: _parse_csv(path))
    if parsed.value is None:
        error = parsed.failure.error if parsed.failure else ""
        raise InputError(f"{path}: cannot be read as a table of text ({error})")
    return parsed.value


def _parse_csv(path: Path) -> pd.DataFrame:
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    header = lines[0] if lines else ""
    counts = {mark: header.count(mark) for mark in ",;|\t"}
    best = max(counts, key=lambda mark: counts[mark])
    return pd.read_csv(
        io.StringIO("\n".join(lines)),
        sep=best if counts[best] else r"\s+",
        dtype=str,
        keep_default_na=False,
        skipinitialspace=True,
    )


def read_parquet(path: Path) -> pd.DataFrame:
    """Read those columns of a Parquet table that are understood.

    Integers with gaps stay Python integers, so that 64-bit identifiers keep their digits.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415  only who reads Parquet pays for it

    names = [name for name in pq.read_schema(path).names if name.lower() in _known_names()]
    frame: pd.DataFrame = pq.read_table(path, columns=names).to_pandas(integer_object_nulls=True)
    frame.attrs[ALL_COLUMNS] = pq.read_schema(path).names
    return frame


def read_light_curve(path: Path, *, candidate_id: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Read the light curve of one object from a file.

    Parameters
    ----------
    path : Path
        A table in CSV or Parquet, columns as in `COLUMNS`; it needs no identifier.
    candidate_id : str
        What to call the object.

    Returns
    -------
    photometry : DataFrame
        As in :mod:`aas2rto.tables.photometry`, sorted by time.
    problems : tuple of str
        A line for each thing in the file that was left out.

    Raises
    ------
    InputError
        If the file cannot be read, or holds several objects or no usable measurement.
    """
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    frame = read_parquet(path) if is_parquet else read_csv(path)
    names = {str(name).strip().lower() for name in frame.columns}
    if not names.intersection(COLUMNS["id"]):
        frame = frame.assign(candidate_id=candidate_id)
    try:
        found = contents(frame)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    objects = found.photometry["candidate_id"].unique().tolist()
    if len(objects) != 1:
        what = f"{len(objects)} objects ({', '.join(objects[:3])}, ...)" if objects else "no"
        why = "; ".join(found.problems)
        raise InputError(
            f"{path}: holds {what}{'' if objects else ' usable measurement'}; give the light curve "
            f"of one object{f': {why}' if why else ''}"
        )
    rows = found.photometry.assign(candidate_id=candidate_id, source="file")
    return photometry.conform(rows.sort_values("mjd", kind="stable")), found.problems


def _known_names() -> frozenset[str]:
    return frozenset(name for names in COLUMNS.values() for name in names)


def contents(frame: pd.DataFrame, *, now: float = math.inf, after: float = -math.inf) -> Contents:
    """Convert a table.

    Parameters
    ----------
    frame : DataFrame
        One row per measurement, or one per object, columns named as in `COLUMNS`.
    now, after : float
        Rows known later than `now` wait; those known until `after` were taken before
        [d, MJD UTC]. A row without ``known_at`` is known when it was measured.

    Raises
    ------
    InputError
        If a column is missing without which nothing can be done; all that miss, together.
    """
    given = {str(name).strip().lower(): name for name in frame.columns}
    found = {
        ours: frame[given[alias]]
        for ours, aliases in COLUMNS.items()
        for alias in [next((name for name in aliases if name in given), None)]
        if alias is not None
    }
    if "diaobjectid" in given and "survey" not in found:
        found["survey"] = pd.Series("lsst", index=frame.index)
    is_object_table = _check(found, frame.attrs.get(ALL_COLUMNS, list(frame.columns)))
    table = {name: _texts(c) if name in TEXTS else _numbers(c, name) for name, c in found.items()}
    if not is_object_table:
        return _light_curves(table, now, after)
    known_at = np.asarray(table.get("known_at", np.full(len(frame), math.nan)), dtype=float)
    survey = _survey(table, np.full(len(frame), ""))
    rows = _objects(table, survey, known_at, known_at > now)
    return Contents(rows, photometry.empty(), known_at[known_at > now].tolist(), ())


def _check(found: Mapping[str, Any], given: list[Any]) -> bool:
    """Return True for a table of objects; complain of what misses in one of light curves."""
    has_place = "ra" in found and "dec" in found
    has_time, has_flux = any(t in found for t in TIMES), any(m in found for m in MEASURED)
    if "id" in found and has_place and not has_flux:
        return True
    missing = [
        f"{what} (accepted: {', '.join(alias for name in names for alias in COLUMNS[name])})"
        for what, names, there in (
            ("an identifier", ("id",), "id" in found),
            ("a time", TIMES, has_time),
            ("a band", ("band",), "band" in found),
            ("a magnitude, flux or limit", MEASURED, has_flux),
            ("magnitude errors", ("magerr",), "mag" not in found or "magerr" in found),
            ("flux errors", ("flux_err",), "flux" not in found or "flux_err" in found),
        )
        if not there
    ]
    if missing:
        raise InputError(
            f"misses {'; '.join(missing)}; its columns are "
            f"{', '.join(map(str, given[:20])) or 'none'}"
        )
    return False


def _texts(column: pd.Series) -> NDArray[np.object_]:
    """Return texts; nulls become empty, and integers keep their digits."""
    if pd.api.types.is_float_dtype(column.dtype):
        whole = column.dropna()
        if ((whole % 1) == 0).all() and (whole.abs() < 2**53).all():
            column = column.astype("Int64").astype(object)
        else:
            raise InputError(f"the column {column.name!r} holds identifiers as floating-point "
                             "numbers, which loses digits; store them as text")  # fmt: skip
    values = column.astype(object).tolist()
    return np.array([nulls.text(None if x is pd.NA else x) for x in values], dtype=object)


def _numbers(column: pd.Series, name: str) -> NDArray[Any]:
    if name == "time":
        return _times(column)
    if name in ("is_limit", "isdiffpos"):
        values = [str(value).strip().lower() for value in column.tolist()]
        return np.array(values, dtype=object)
    numbers = np.array(
        pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=math.nan)
    )
    if name in ("rb", "redshift"):
        numbers[numbers < 0] = math.nan  # -1 and -999 stand for unknown
    return numbers


def _times(column: pd.Series) -> NDArray[np.float64]:
    """Return MJD of numbers (JD above 2,400,000) or of ISO dates, which are UTC."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(float)
    if np.isfinite(numbers).any() or not len(column):
        return np.where(numbers > photometry.MJD_OF_JD, numbers - photometry.MJD_OF_JD, numbers)
    dates = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    since = (dates - pd.Timestamp("1858-11-17", tz="UTC")) / pd.Timedelta(days=1)
    return np.asarray(since, dtype=np.float64)


def _mjd(table: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Return the time of each row [d, MJD UTC]."""
    if "mjd" in table:
        mjd = table["mjd"]
        return np.where(mjd > photometry.MJD_OF_JD, mjd - photometry.MJD_OF_JD, mjd)
    if "jd" in table:
        return np.asarray(table["jd"] - photometry.MJD_OF_JD)
    if "time" in table:
        return table["time"]
    tai = table["mjd_tai"]
    return photometry.mjd_utc_from_tai(np.where((tai > 15020) & (tai < 88069), tai, np.nan))


def _survey(table: Mapping[str, NDArray[Any]], band: NDArray[Any]) -> NDArray[np.object_]:
    """Name the survey of each row: as given, or as its band or its identifier shows."""
    given = table.get("survey", np.full(len(band), ""))
    return np.array(
        [
            word.lower() or _survey_of_band(name) or ("ztf" if ident[:3] == "ZTF" else "")
            or OTHER_SURVEY
            for word, name, ident in zip(given, band, table["id"], strict=True)
        ],
        dtype=object,
    )  # fmt: skip


@functools.lru_cache(maxsize=1024)
def _clear_band(name: str) -> str:
    """Return sncosmo's name of a band that tells its survey; empty for any other."""
    if name in _CLEAR_BANDS or name in photometry.BANDS:
        return _CLEAR_BANDS.get(name, name)
    words = re.split(r"[^a-z0-9]+", name)
    found = [
        names[letter]
        for survey, names in _SURVEY_BANDS.items()
        for letter in words
        if survey in words and letter in names
    ]
    return found[0] if len(words) == 2 and found else ""


def _survey_of_band(name: str) -> str:
    band = _clear_band(name)
    return next((survey for survey in _SURVEY_BANDS if band.startswith(survey)), "")


def _band(name: str, survey: str) -> str:
    """Return sncosmo's name of a band; a bare letter counts only where the survey is known."""
    known = _SURVEY_BANDS.get(survey, {}).get(name) or _clear_band(name)
    return known or (name if len(name) > 1 else "")


def _light_curves(table: Mapping[str, NDArray[Any]], now: float, after: float) -> Contents:
    raw_band = np.array([name if len(name) == 1 else name.lower() for name in table["band"]])
    survey = _survey(table, raw_band)
    band = [_band(name, whose) for name, whose in zip(raw_band, survey, strict=True)]
    mjd, (flux, flux_err, limit) = _mjd(table), _fluxes(table)
    is_limit = _is_limit(table, flux)
    kind = _kinds(table, flux, flux_err, survey)
    kind = np.where(is_limit & np.isin(kind, [photometry.DETECTION]), photometry.LIMIT, kind)
    rows = pd.DataFrame({
        "candidate_id": table["id"], "mjd": mjd, "band": band, "flux": flux,
        "flux_err": flux_err, "limit": limit, "kind": kind, "survey": survey,
        "measurement_id": _names(table, band, mjd, np.isfinite(flux)),
        "known_at": table.get("known_at", mjd),
    })  # fmt: skip
    known_at = np.where(np.isfinite(rows["known_at"]), rows["known_at"], mjd)
    is_later = known_at > now
    kept, complaint = usable(rows.assign(known_at=known_at)[rows["candidate_id"] != ""])
    kept = kept[(kept["known_at"] <= now) & (kept["known_at"] > after)]
    kept = kept.drop_duplicates(["candidate_id", "survey", "measurement_id"])
    problems = [complaint, _unnamed(rows), _unknown_bands(raw_band, band)]
    return Contents(
        _objects(table, survey, known_at, is_later),
        kept.reset_index(drop=True),
        known_at[is_later].tolist(),
        tuple(line for line in problems if line),
    )


def _unnamed(rows: pd.DataFrame) -> str:
    n = int((rows["candidate_id"] == "").sum())
    return f"{counted(n, 'row')} without an identifier left out" if n else ""


def _unknown_bands(raw: NDArray[Any], band: list[str]) -> str:
    unknown = sorted({str(r) for r, b in zip(raw, band, strict=True) if not b})
    if not unknown:
        return ""
    return (
        f"the survey of the band{'s' if len(unknown) > 1 else ''} {', '.join(map(repr, unknown))} "
        "is not known; write for example 'ztfg' or 'lsstg', or add a column 'survey'"
        + nearest(unknown[0], photometry.BANDS)
    )


def _fluxes(
    table: Mapping[str, NDArray[Any]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return flux, error and 5-sigma limit [uJy] of each row."""
    n, nothing = len(table["id"]), np.full(len(table["id"]), math.nan)
    if "flux_njy" in table:
        flux = table["flux_njy"] * lsst_packet.NANOJANSKY
        flux_err = table.get("flux_err_njy", nothing) * lsst_packet.NANOJANSKY
        return flux, flux_err, photometry.LIMIT_SIGMA * flux_err
    scale = photometry.flux_from_mag(positive(table["zp"])) if "zp" in table else np.ones(n)
    if "flux" in table:
        flux, flux_err = table["flux"] * scale, table["flux_err"] * scale
        limit = table["limit"] * scale if "limit" in table else photometry.LIMIT_SIGMA * flux_err
        if "mag" not in table:
            return flux, flux_err, limit
        bright, bright_err, faintest = _from_magnitudes(table, nothing)
        gap = ~np.isfinite(flux)
        return np.where(gap, bright, flux), np.where(gap, bright_err, flux_err), faintest
    return _from_magnitudes(table, nothing)


def _from_magnitudes(
    table: Mapping[str, NDArray[Any]], nothing: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    sign = np.ones(len(nothing))
    if "isdiffpos" in table:
        negative = np.isin(table["isdiffpos"], ["f", "false", "0", "0.0", "-1", "-1.0"])
        sign = np.where(negative, -1.0, 1.0)
    flux = sign * photometry.flux_from_mag(positive(table.get("mag", nothing)))
    flux_err = photometry.flux_err_from_magerr(flux, table.get("magerr", nothing))
    limit = photometry.flux_from_mag(positive(table.get("limit", nothing)))
    if "is_limit" in table:
        # Here the magnitude of a row that is a limit is the limit itself.
        said = np.isin(table["is_limit"], ["true", "1", "1.0", "t", "yes"])
        limit = np.where(said & ~np.isfinite(limit), flux, limit)
        flux, flux_err = np.where(said, math.nan, flux), np.where(said, math.nan, flux_err)
    return flux, flux_err, limit


def _is_limit(table: Mapping[str, NDArray[Any]], flux: NDArray[np.float64]) -> NDArray[np.bool_]:
    said = np.isin(table.get("is_limit", np.full(len(flux), "")), ["true", "1", "1.0", "t", "yes"])
    return np.asarray(said | ~np.isfinite(flux))


def _kinds(
    table: Mapping[str, NDArray[Any]],
    flux: NDArray[np.float64],
    flux_err: NDArray[np.float64],
    survey: NDArray[np.object_],
) -> NDArray[Any]:
    """Return the kind that the table gives, or that signal to noise and quality show."""
    n = len(flux)
    rb, nbad = table.get("rb", np.full(n, math.nan)), table.get("nbad", np.full(n, math.nan))
    suspect = (rb < ztf_packet.MIN_REAL_BOGUS) | (nbad > 0)
    kind = np.full(n, photometry.LIMIT, dtype=object)
    for whose in np.unique(survey.astype(str)):
        here = survey == whose
        kind[here] = photometry.kind_of(
            flux[here], flux_err[here], whose, suspect=suspect[here] & (whose == "ztf")
        )
    if "kind" in table:
        said = np.array([KINDS.get(word.lower(), "") for word in table["kind"]], dtype=object)
        kind = np.where((said != "") & np.isfinite(flux), said, kind)
    return kind


def _names(
    table: Mapping[str, NDArray[Any]],
    band: list[str],
    mjd: NDArray[np.float64],
    measured: NDArray[np.bool_],
) -> list[str]:
    """Return the measurement identifiers given, or names made of band and time."""
    given = table.get("measurement_id", np.full(len(mjd), ""))
    return [
        photometry.limit_id(b, t) if not is_flux else word or f"table:{b}:{t:.6f}"
        for word, b, t, is_flux in zip(given, band, mjd, measured, strict=True)
    ]


def _objects(
    table: Mapping[str, NDArray[Any]],
    survey: NDArray[Any],
    known_at: NDArray[np.float64],
    is_later: NDArray[np.bool_],
) -> list[dict[str, Any]]:
    """Return one row per object and survey: first position, last known type and redshift."""
    if "ra" not in table or "dec" not in table:
        return []
    n = len(survey)
    frame = pd.DataFrame({
        "object_id": table["id"], "survey": survey, "ra": table["ra"], "dec": table["dec"],
        "known_at": known_at,
        "redshift": table.get("redshift", np.full(n, math.nan)),
        "spectral_type": _text_or_null(table, "spectral_type", n),
        "name": _text_or_null(table, "tns", n),
    })[~is_later]  # fmt: skip
    good = frame["ra"].between(0, 360) & frame["dec"].between(-90, 90) & (frame["object_id"] != "")
    groups = (
        frame[good]
        .sort_values("known_at", kind="stable")
        .groupby(["object_id", "survey"], sort=False)
    )
    rows = groups.agg({"ra": "first", "dec": "first", "known_at": "min", "redshift": "last",
                       "spectral_type": "last", "name": "last"})  # fmt: skip
    return [
        {str(key): value for key, value in row.items() if not pd.isna(value)}
        for row in rows.reset_index().to_dict("records")
    ]


def _text_or_null(table: Mapping[str, NDArray[Any]], name: str, n: int) -> list[str | None]:
    return [word or None for word in table[name]] if name in table else [None] * n
