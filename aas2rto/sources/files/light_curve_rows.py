"""Rows of a table of light curves -> the photometry table, each row used or counted out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aas2rto.sources.files import brightness, cells, surveys
from aas2rto.sources.files.account import Account, of_points
from aas2rto.sources.files.brightness import Brightness, Table
from aas2rto.sources.files.cells import Flags, Floats, Texts
from aas2rto.sources.files.reasons import Reasons
from aas2rto.sources.packets import ztf as ztf_packet
from aas2rto.sources.packets.format import USABLE_MJD
from aas2rto.tables import photometry
from aas2rto.text.words import counted, nearest

KINDS = {
    "detection": photometry.DETECTION,
    "valid": photometry.DETECTION,
    "det": photometry.DETECTION,
    "limit": photometry.LIMIT,
    "upperlim": photometry.LIMIT,
    "nondetection": photometry.LIMIT,
    "upper limit": photometry.LIMIT,
    "suspect": photometry.SUSPECT,
    "badquality": photometry.SUSPECT,
    "negative": photometry.SUSPECT,
}
"""Words for the kind of a measurement; others leave it to the signal-to-noise ratio."""

BAD_IMAGE = 33554432
"""``infobitssci`` from which an image is unusable; noise and seeing as below (Masci et al. 2023,
arXiv:2305.16279, Sect. 6)."""
MAX_SIGPIX, MAX_SEEING = 25.0, 4.0
"""[DN] and [pixel of 1.01 arcsec]."""

FATAL_STATUS = 61
"""``procstatus`` from which there is no trustworthy flux; 56 and 57 warn of bad pixels near, or
of no source in the reference image."""


@dataclass(frozen=True)
class Rows:
    """What a table of light curves says.

    Parameters
    ----------
    photometry : DataFrame
        Rows that are used, known by now and not taken before.
    survey : ndarray of str
        Of each row of the table.
    known_at : ndarray
        [d, MJD UTC]
    is_later : ndarray of bool
    lines : list of str
    account : Account
        What became of each row.
    """

    photometry: pd.DataFrame
    survey: Texts
    known_at: Floats
    is_later: Flags
    lines: list[str]
    account: Account


def read(table: Table, ids: Texts, *, now: float, after: float) -> Rows:
    """Convert a table of light curves.

    Parameters
    ----------
    table : mapping
        Columns by role.
    ids : ndarray of str
        Object of each row.
    now, after : float
        As for :func:`aas2rto.sources.files.light_curve_table.contents`.
    """
    n = len(ids)
    reasons = Reasons(n)
    raw = surveys.raw_bands(cells.codes(table["band"].cells))
    survey = surveys.surveys(_words(table, "survey", n), raw, ids, _words(table, "telescope", n))
    band = surveys.bands(raw, survey)
    mjd = _mjd(table, n)
    reasons.add(ids == "", "without an identifier")
    _complain_of_times(table, mjd, reasons)
    reasons.add(raw == "", "without a band")
    reasons.add(band == "", "in a band whose survey is not known")
    found = brightness.measure(table, band, survey, reasons)
    brightness.without_values(found, reasons, has_errors="magerr" in table or "flux_err" in table)
    kind, why = _kinds(table, found, survey)
    rows = pd.DataFrame(
        {
            "candidate_id": ids,
            "mjd": mjd,
            "band": band,
            "flux": found.flux,
            "flux_err": found.flux_err,
            "limit": found.limit,
            "kind": kind,
            "survey": survey,
            "measurement_id": _names(table, band, mjd, np.isfinite(found.flux), n),
            "known_at": _known_at(table, mjd, n),
            photometry.WHY: why,
        }
    )
    known_at = rows["known_at"].to_numpy()
    is_later = known_at > now
    open_ = ~reasons.left_out & ~is_later
    wanted = rows[open_ & (known_at > after)]
    used, lines = _apart(wanted)
    told = [reasons.line(), _unknown_bands(raw, band), *found.lines, *lines]
    account = of_points(
        used,
        left_out=int(reasons.left_out.sum()),
        twice=len(wanted) - len(used),
        later=int((~reasons.left_out & is_later).sum()),
        before=int(open_.sum()) - len(wanted),
    )
    said = [line for line in told if line]
    return Rows(used.reset_index(drop=True), survey, known_at, is_later, said, account)


def _words(table: Table, name: str, n: int) -> Texts:
    return cells.texts(table[name].cells) if name in table else np.full(n, "", dtype=object)


def _number(table: Table, name: str, n: int) -> Floats:
    return cells.numbers(table[name].cells).values if name in table else np.full(n, math.nan)


def _known_at(table: Table, mjd: Floats, n: int) -> Floats:
    given = _number(table, "known_at", n)
    return np.where(np.isfinite(given), given, mjd)


def _mjd(table: Table, n: int) -> Floats:
    """Return the time of each row [d, MJD UTC], of the first column that has it."""
    mjd = np.full(n, math.nan)
    for name in ("jd_tcb", "mjd", "jd", "time", "mjd_tai"):
        if name in table:
            mjd = np.where(np.isfinite(mjd), mjd, _time(table, name))
    return mjd


def _time(table: Table, name: str) -> Floats:
    column = table[name]
    if name in ("mjd", "time"):
        return cells.times(column.cells)
    values = cells.numbers(column.cells).values
    if name == "jd":
        return np.asarray(values - photometry.MJD_OF_JD)
    low, high = USABLE_MJD
    if name == "mjd_tai":
        return photometry.mjd_utc_from_tai(
            np.where((values > low) & (values < high), values, np.nan)
        )
    return _utc_of_tcb(values)


def _utc_of_tcb(jd: Floats) -> Floats:
    """Convert JD in barycentric coordinate time, which ran 20 s ahead of TT in 2020, to MJD."""
    from astropy.time import Time  # noqa: PLC0415

    utc = np.full(len(jd), np.nan)
    good = np.isfinite(jd) & (jd > 2415020) & (jd < 2488069)
    if good.any():
        utc[good] = Time(jd[good], format="jd", scale="tcb").utc.mjd
    return utc


def _complain_of_times(table: Table, mjd: Floats, reasons: Reasons) -> None:
    names = [table[k].name for k in ("mjd", "jd", "time", "mjd_tai", "jd_tcb") if k in table]
    reasons.add(np.isnan(mjd), "without a time")
    outside = np.isfinite(mjd) & ((mjd < USABLE_MJD[0]) | (mjd > USABLE_MJD[1]))
    if outside.any():
        shown = str(
            next(iter(table[k] for k in ("mjd", "jd", "time", "mjd_tai", "jd_tcb") if k in table))
            .cells[outside]
            .iloc[0]
        )
        reasons.add(
            outside,
            f"whose {names[0]} {shown[:20]!r} is no time between 1900 and 2100 (MJD, JD or ISO)",
        )


def _unknown_bands(raw: Texts, band: Texts) -> str:
    unknown = sorted({str(name) for name in np.unique(raw[band == ""].astype(str)) if name})
    if not unknown:
        return ""
    shown = ", ".join(map(repr, unknown[:8])) + (", ..." if len(unknown) > 8 else "")
    return (
        f"the survey of the band{'s' if len(unknown) > 1 else ''} {shown} "
        "is not known; write for example 'ztfg' or 'lsstg', or add a column 'survey'"
        + nearest(unknown[0], photometry.BANDS)
    )


def _kinds(table: Table, found: Brightness, survey: Texts) -> tuple[Texts, Texts]:
    """Return the kind that the table gives, or that signal to noise and quality show; and why."""
    n = len(survey)
    why = np.where(survey == "ztf", _why_bad_ztf(table, n), "").astype(object)
    suspect = why != ""
    kind = np.full(n, photometry.LIMIT, dtype=object)
    for whose in np.unique(survey.astype(str)):
        here = survey == whose
        kind[here] = photometry.kind_of(
            found.flux[here], found.flux_err[here], whose, suspect=suspect[here]
        )
    measured = np.isfinite(found.flux)
    if "kind" in table:
        words = cells.flags(table["kind"].cells)
        said = np.array(cells.by_unique(pd.Series(words), lambda w: KINDS.get(w, "")), dtype=object)
        kind = np.where((said != "") & measured, said, kind)
        is_word = (said == photometry.SUSPECT) & (words != "negative")
        why = np.where(is_word & ~suspect, words, why)
    is_limit = found.is_limit | ~measured
    kind = np.where(is_limit & (kind == photometry.DETECTION), photometry.LIMIT, kind)
    return kind, np.where(kind == photometry.SUSPECT, why, "")


def _why_bad_ztf(table: Table, n: int) -> Texts:
    """Say which of ZTF's own numbers call an alert or an image bad; empty where none does."""
    with np.errstate(invalid="ignore"):
        rb = _number(table, "rb", n)
        tests = [
            ((rb >= 0) & (rb < ztf_packet.MIN_REAL_BOGUS), ztf_packet.LOW_RB),
            (_number(table, "nbad", n) > 0, ztf_packet.BAD_PIXELS),
            (_number(table, "infobits", n) >= BAD_IMAGE, "a bad image (infobitssci)"),
            (_number(table, "sigpix", n) > MAX_SIGPIX, f"a noisy image (above {MAX_SIGPIX:g} DN)"),
            (_number(table, "seeing", n) > MAX_SEEING, f"seeing above {MAX_SEEING:g} pixel"),
        ]
    if "procstatus" in table:
        fatal = cells.by_unique(table["procstatus"].cells, _is_fatal)
        tests.append((np.array(fatal, dtype=bool), f"procstatus {FATAL_STATUS} or more"))
    why = np.full(n, "", dtype=object)
    for failed, words in tests:
        why[failed & (why == "")] = words
    return why


def _is_fatal(text: str) -> bool:
    codes = [part.strip().partition(".")[0] for part in text.split(",")]
    return any(code.isdigit() and int(code) >= FATAL_STATUS for code in codes)


def _names(table: Table, band: Texts, mjd: Floats, measured: Flags, n: int) -> list[str]:
    """Return the measurement identifiers given, or names made of band and time."""
    given = _given_names(table, n)
    return [
        photometry.limit_id(b, t) if not is_flux else word or f"table:{b}:{t:.6f}"
        for word, b, t, is_flux in zip(given, band, mjd, measured, strict=True)
    ]


def _given_names(table: Table, n: int) -> Texts:
    """Return identifiers of measurements; those that lost digits name nothing."""
    if "measurement_id" not in table:
        return np.full(n, "", dtype=object)
    column = table["measurement_id"].cells
    if pd.api.types.is_float_dtype(column.dtype):
        # Beyond this the digits are lost, and the name is another measurement's.
        column = column.where(column.abs() < cells.EXACT).astype("Int64")
    return np.array(cells.by_unique(column, _name), dtype=object)


def _name(text: str) -> str:
    word = text.strip()
    lost = "e+" in word.lower() or (word.endswith(".0") and len(word) > 17)
    return "" if lost or word.lower() in cells.NOTHING else word


def _apart(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Keep one of equal rows; give a name of its own to another value of one band and time."""
    key = ["candidate_id", "survey", "measurement_id"]
    twice = rows.duplicated(key, keep="first").to_numpy()
    if not twice.any():
        return rows, []
    values = ["flux", "flux_err", "limit"]
    is_limit = rows["measurement_id"].str.startswith("limit:").to_numpy(bool)
    equal = rows.duplicated([*key, *values], keep="first").to_numpy() | (twice & is_limit)
    lines = []
    other = twice & ~equal
    named = rows.copy()
    if other.any():
        # Named by their value, so that the same row has the same name when the file has grown.
        own = [
            f"{name}:{flux:.6g}" if is_other else name
            for name, flux, is_other in zip(
                rows["measurement_id"], rows["flux"], other, strict=True
            )
        ]
        named = rows.assign(measurement_id=own)
        n = int(other.sum())
        lines.append(
            f"{counted(n, 'row has', 'rows have')} another value of the same object, band "
            "and time: all are kept, and lists and fits use the first; a column "
            "'telescope' tells them apart"
        )
    return named[~equal], lines
