"""The ranked lists and their companions as CSV: the same bytes for the same cycle."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.factors import Decision
from aas2rto.outputs import write_atomically
from aas2rto.steps.cycle import Ranking

LEADING = (
    "rank", "candidate_id", "name", "ra", "dec", "ra_hms", "dec_dms", "score", "site_score",
)  # fmt: skip

TRAILING = (
    "last_mag", "last_band", "n_detections", "t_peak", "t_peak_err", "p_peak_1d", "redshift",
    "spectral_type", "altitude", "azimuth", "airmass", "moon_sep", "rises", "sets", "hours_left",
    "observable_now", "updated", "reason",
)  # fmt: skip

TIMES = frozenset({"rises", "sets", "updated", "culmination", "first_detection", "at"})
"""Columns that hold MJD and are written as ISO 8601 UTC, to the minute."""

DECIMALS = {
    "ra": 6, "dec": 6, "last_mag": 3, "t_peak": 3, "t_peak_err": 3, "p_peak_1d": 4,
    "redshift": 5, "altitude": 2, "azimuth": 2, "airmass": 3, "moon_sep": 1, "hours_left": 2,
}  # fmt: skip
"""Digits after the point; other numbers have six significant digits."""

MJD_OF_1970 = 40587.0
"""MJD of 1970-01-01, from which numpy counts."""

UNITS_LINE = (
    "units: ra, dec, altitude, azimuth, moon_sep [deg]; last_mag [mag, AB]; t_peak [MJD, UTC]; "
    "t_peak_err [day]; hours_left [hour]; rises, sets, updated [UTC]; "
    "score -1 excluded, -inf rejected"
)


def write_ranking(folder: Path, ranking: Ranking, header: Sequence[str]) -> None:
    """Write ``ranked/<observatory>.csv``, and what this site cannot use tonight beside it.

    Parameters
    ----------
    folder : Path
        The project's folder.
    ranking : Ranking
    header : sequence of str
        Provenance lines.
    """
    name = ranking.observatory
    lines = [*header, f"list: {name}", UNITS_LINE]
    factors = factor_columns(ranking.table)
    columns = [*LEADING, *factors, *TRAILING]
    write_atomically(folder / "ranked" / f"{name}.csv", to_csv(ranking.table, columns, lines))
    if name != "science":
        columns = ["candidate_id", "name", "score", "factor", "reason", "rises", "sets", "altitude"]
        text = to_csv(ranking.out.sort_values("candidate_id"), columns, lines)
        write_atomically(folder / "not_tonight" / f"{name}.csv", text)


def write_excluded(folder: Path, table: pd.DataFrame, header: Sequence[str]) -> None:
    """Write ``excluded.csv``: kept for later, not in the lists now, and why."""
    text = to_csv(table.sort_values("candidate_id"), _out_columns(table), [*header, UNITS_LINE])
    write_atomically(folder / "excluded.csv", text)


def write_rejected(folder: Path, load: Callable[[], pd.DataFrame], header: Sequence[str]) -> None:
    """Write ``rejected.csv``: all that were removed for good, when and why.

    Parameters
    ----------
    folder : Path
        The project's folder.
    load : callable
        Returns the rejections; called only if the file is not up to date, since over a season
        they become many.
    header : sequence of str
        Provenance lines, of which one changes whenever the rejections do.
    """
    path = folder / "rejected.csv"
    lines = [*header, UNITS_LINE]
    if path.exists() and path.read_text(encoding="utf-8").startswith(_comments(lines)):
        return
    rejections = load()
    rows = pd.DataFrame(rejections["row"].tolist(), index=rejections.index)
    known = rejections[["candidate_id", "factor", "reason", "at"]]
    table = pd.concat([known, rows.drop(columns=[c for c in rows if c in known])], axis=1)
    table = table.assign(decision=Decision.REJECT.label, score=-np.inf)
    write_atomically(path, to_csv(table, ["at", *_out_columns(table)], lines))


def _out_columns(table: pd.DataFrame) -> list[str]:
    return [
        "candidate_id", "name", "ra", "dec", "ra_hms", "dec_dms", "score", "decision", "factor",
        "reason", *factor_columns(table), "last_mag", "last_band", "n_detections",
        "first_detection", "redshift", "spectral_type", "updated",
    ]  # fmt: skip


def write_cycle(folder: Path, report: Mapping[str, Any]) -> None:
    """Write ``cycle.json``: config hash, version, funnel, problems, timings."""
    write_atomically(folder / "cycle.json", json.dumps(report, indent=2, allow_nan=False) + "\n")


def factor_columns(table: pd.DataFrame) -> list[str]:
    """Return the ``factor_*`` columns in the order of the config."""
    return [str(name) for name in table if str(name).startswith("factor_")]


def to_csv(table: pd.DataFrame, columns: Sequence[str], header: Sequence[str]) -> str:
    """Format a table; missing columns are empty.

    Parameters
    ----------
    table : DataFrame
    columns : sequence of str
        What to write, in this order.
    header : sequence of str
        Lines that get a ``#`` in front; ``pandas.read_csv(..., comment="#")`` skips them.
    """
    table = with_sexagesimal(table)
    cells = [_column(table, name) for name in columns]
    lines = [",".join(map(cell, columns)), *(",".join(row) for row in zip(*cells, strict=True))]
    return _comments(header) + "\n".join(lines) + "\n"


def _comments(header: Sequence[str]) -> str:
    return "".join(f"# {line}\n" for line in header)


def with_sexagesimal(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``ra_hms`` and ``dec_dms``, as telescopes take them, to 0.01 s and 0.1 arcsec."""
    if "ra" not in table or "ra_hms" in table:
        return table
    # Rounded before it is split up: there is no 60th second and no right ascension of 24 h.
    hundredths = np.rint(table["ra"].to_numpy(float) * 24000).astype(int) % 8640000
    tenths = np.rint(np.abs(table["dec"].to_numpy(float)) * 36000).astype(int)
    signs = np.where(np.signbit(table["dec"].to_numpy(float)), "-", "+")
    hms = [
        f"{h // 360000:02d}:{h // 6000 % 60:02d}:{h % 6000 / 100:05.2f}"
        for h in hundredths.tolist()
    ]
    dms = [
        f"{sign}{t // 36000:02d}:{t // 600 % 60:02d}:{t % 600 / 10:04.1f}"
        for sign, t in zip(signs.tolist(), tenths.tolist(), strict=True)
    ]
    return table.assign(ra_hms=np.array(hms, dtype=object), dec_dms=np.array(dms, dtype=object))


def _column(table: pd.DataFrame, name: str) -> list[str]:
    if name not in table:
        return [""] * len(table)
    if name in TIMES:
        return iso_minutes(table[name].to_numpy(float))
    formatter = _formatter(name, table[name])
    return [formatter(value) for value in table[name].tolist()]


def _formatter(name: str, column: pd.Series[Any]) -> Callable[[Any], str]:
    if column.dtype.kind == "b" or name == "observable_now":
        return lambda value: "true" if value else "false"
    if column.dtype.kind in "iu":
        return str
    if name in DECIMALS:
        return lambda value: _number(value, f".{DECIMALS[name]}f")
    if column.dtype.kind == "f":
        return lambda value: _number(value, ".6g")
    return cell


def _number(value: Any, form: str) -> str:
    return "" if value is None or value != value else format(value, form)  # noqa: PLR0124


def iso_minutes(mjd: NDArray[np.float64]) -> list[str]:
    """Write MJDs (UTC) as ``2026-03-22T23:41``; an empty text for NaN."""
    return _iso(mjd, 1440, "m")


def iso_seconds(mjd: NDArray[np.float64]) -> list[str]:
    """Write MJDs (UTC) as ``2026-03-22T23:41:07``; an empty text for NaN and infinities."""
    return _iso(mjd, 86400, "s")


def _iso(mjd: NDArray[np.float64], per_day: int, unit: str) -> list[str]:
    known = np.isfinite(mjd)
    counts = np.rint((np.where(known, mjd, 0.0) - MJD_OF_1970) * per_day)
    texts = np.datetime_as_string(counts.astype(f"datetime64[{unit}]")).astype(object)
    return [str(text) if is_known else "" for text, is_known in zip(texts, known, strict=True)]


def cell(value: Any) -> str:
    """Write a text so that no reader is led astray: one line, quoted where it must be."""
    if value is None or value != value:  # noqa: PLR0124
        return ""
    if isinstance(value, float):
        return _number(value, ".6g")
    text = str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split())
    if "," in text or '"' in text or "#" in text:
        return '"' + text.replace('"', '""') + '"'
    return text
