"""What each door answers to each kind of thing that goes wrong in people's files.

``pytest tests/sources/files/test_doors.py -q -s`` prints the table.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from aas2rto.errors import InputError
from aas2rto.sources import target_list, too_file
from aas2rto.sources.archive import Archive
from aas2rto.sources.files import light_curve_table
from aas2rto.tables import photometry
from aas2rto.tables.report import PollRequest

NOW = 60300.0
HEADER = ("name", "ra", "dec", "mjd", "band", "mag", "magerr")
GOOD = ("SN1", "155.127", "-5.25", "60200.21", "ztfr", "18.50", "0.05")


def table(**columns: str) -> pd.DataFrame:
    """Return a good row of a light curve, and a second one a day later with changed cells."""
    rows = [dict(zip(HEADER, GOOD, strict=True)) for _ in range(2)]
    rows[1]["mjd"] = "60201.21"
    rows[1] |= columns
    return pd.DataFrame(rows)


def written(frame: pd.DataFrame, path: Path) -> Path:
    """Write a table in the format that its name says, numbers as numbers where that has types."""
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
        return path
    numbers = frame.apply(pd.to_numeric, errors="coerce")
    typed = frame.assign(**{n: frame[n].map(float) for n in frame if numbers[n].notna().all()})
    if path.suffix == ".parquet":
        typed.to_parquet(path)
        return path
    kind = {".vot": "votable", ".ecsv": "ascii.ecsv", ".fits": "fits"}[path.suffix]
    made = Table()
    for name in typed:
        values = typed[name]
        short, _, unit = name.partition(" [")
        made[short] = values.to_numpy(float) if values.dtype == float else list(map(str, values))
        if unit:
            made[short].unit = unit.rstrip("]")
    made.write(path, format=kind)
    return path


def told(rows: pd.DataFrame, lines: tuple[str, ...]) -> str:
    """Write what was read: a magnitude or limit for each row, then what was said."""
    cells = []
    for row in rows.sort_values("mjd").itertuples():
        is_limit = not np.isfinite(row.flux)
        mag = photometry.mag_from_flux(row.limit if is_limit else row.flux)
        cells.append(f"{'>' if is_limit else ''}{float(mag):.2f}")
    said = "; ".join(line.rpartition(": ")[2] if "/" in line else line for line in lines)
    return " ".join(cells) + (f" | {said}" if said else "")


def archive(path: Path) -> str:
    report = Archive(paths=(str(path),)).poll(PollRequest(now=NOW))
    if report.error:
        return f"refused: {report.error.partition(path.name + ': ')[2]}"
    lines = tuple(line.partition(path.name + ": ")[2] or line for line in report.problems)
    if len(report.photometry):
        return told(report.photometry, lines)
    return places(report.objects[["object_id", "ra", "dec"]].to_numpy().tolist(), lines)


def explain(path: Path) -> str:
    try:
        found = light_curve_table.read_light_curve(path, candidate_id="SN1")
    except InputError as error:
        return f"refused: {str(error).partition(path.name + ': ')[2]}"
    return told(found.photometry, found.problems)


def targets(path: Path) -> str:
    try:
        found = target_list.read(path)
    except InputError as error:
        return f"refused: {str(error).partition(path.name + ': ')[2]}"
    rows = [(one.name, one.ra, one.dec, one.magnitude) for one in found.wanted]
    return places(rows, tuple(map(str, found.refused)))


def too(path: Path) -> str:
    target, mistakes = too_file.parse(path.read_text())
    if target is None:
        return "refused: " + "; ".join(map(str, mistakes))
    return places([(target.name, target.ra, target.dec, target.magnitude)], ())


def places(rows: list, lines: tuple[str, ...]) -> str:
    """Write objects: name, position, and the magnitude if there is one."""
    shown = ", ".join(
        f"{name} {ra:.4f} {dec:+.4f}" + (f" {mag[0]:.1f} mag" if mag and mag[0] else "")
        for name, ra, dec, *mag in rows
    )
    return (shown or "nothing") + (f" | {'; '.join(lines)}" if lines else "")


LIST = pd.DataFrame(
    [("SN1", "155.127", "-5.25"), ("SN2", "20.5", "+12.0")], columns=["name", "ra", "dec"]
)
TOO = "name: SN1\nra: {ra}\ndec: {dec}\nmagnitude: {mag}\n"

NO_VALUE = "1 of 2 rows left out: whose mag is 99.99, which stands for no value (first: row 2)"
SEXAGESIMAL = {"ra": "10:20:30.5", "dec": "-05:15:20"}
LOST = (
    "refused: {column}the column 'name' holds identifiers as floating-point numbers "
    "(1.7058711772069894e+17), which loses digits, so that different objects get one name; store "
    "them as text"
)
FLOAT_ID = "1.7058711772069894e+17"
NO_MEASUREMENT = "-"


def light_curve(kind: str, path: Path) -> Path:
    """Write a light curve with one thing wrong, or unusual, in its second row."""
    frame = {
        "sentinel": lambda: table(mag="99.99", magerr="9.99"),
        "unit": lambda: _in_millijansky(table()),
        "position": lambda: table().assign(**SEXAGESIMAL),
        "float id": lambda: table().assign(name=FLOAT_ID),
        "limit": lambda: table(mag=">20.5", magerr=""),
    }[kind]()
    return written(frame, path)


def _in_millijansky(frame: pd.DataFrame) -> pd.DataFrame:
    flux = {"flux [mJy]": ["0.1445", "0.2089"], "flux_err [mJy]": ["0.0067", "0.0077"]}
    return frame.drop(columns=["mag", "magerr"]).assign(**flux)


def unknown_format(path: Path) -> Path:
    """Write a file of a format that no door reads."""
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    return path


KINDS = ("sentinel", "unit", "position", "float id", "limit", "unknown format")


def curve_cells(suffix: str) -> dict[str, Callable[[Path], Path]]:
    return {
        kind: (lambda folder, kind=kind: light_curve(kind, folder / f"lc{suffix}"))
        for kind in KINDS[:-1]
    } | {"unknown format": lambda folder: unknown_format(folder / f"lc{suffix}")}


def list_cells() -> dict[str, Callable[[Path], Path]]:
    def write(frame: pd.DataFrame) -> Callable[[Path], Path]:
        return lambda folder: written(frame, folder / "list.csv")

    changed = LIST.copy()
    changed.loc[1, ["ra", "dec"]] = ["-999", "-999"]
    hours = pd.DataFrame({"name": ["SN1"], "ra [hours]": ["10.3418"], "dec": ["-5.25"]})
    return {
        "sentinel": write(changed),
        "unit": write(hours),
        "position": write(LIST.assign(**SEXAGESIMAL).iloc[:1]),
        "float id": write(LIST.assign(name=FLOAT_ID)),
        "unknown format": lambda folder: unknown_format(folder / "list.csv"),
    }


def too_cells() -> dict[str, Callable[[Path], Path]]:
    def write(**values: str) -> Callable[[Path], Path]:
        text = TOO.format(**({"ra": "155.127", "dec": "-5.25", "mag": "18.5"} | values))

        def to(folder: Path) -> Path:
            (folder / "t.txt").write_text(text)
            return folder / "t.txt"

        return to

    return {
        "sentinel": write(mag="99.99"),
        "unit": write(ra="10.3418h"),
        "position": write(**SEXAGESIMAL),
    }


DOORS: dict[str, tuple[Callable[[Path], str], dict[str, Callable[[Path], Path]]]] = {
    "--archive CSV": (archive, curve_cells(".csv")),
    "--archive Parquet": (archive, curve_cells(".parquet")),
    "--archive VOTable": (archive, curve_cells(".vot")),
    "--archive ECSV": (archive, curve_cells(".ecsv")),
    "--archive FITS": (archive, curve_cells(".fits")),
    "explain --light-curve": (explain, curve_cells(".csv")),
    "list of objects": (archive, list_cells()),
    "targets import": (targets, list_cells()),
    "ToO file": (too, too_cells()),
}

CURVE = {
    "sentinel": f"18.50 | {NO_VALUE}",
    "unit": "18.50 18.10",
    "position": "18.50 18.50",
    "float id": LOST.format(column=""),
    "limit": "18.50 >20.50",
    "unknown format": "refused: is HDF5; save the table as CSV, Parquet or FITS",
}

BAD_PLACE = (
    "the position of 1 row cannot be read (first: '-999, -999' in row 2); write degrees, or "
    "10:20:30.5 and -05:15:20"
)
ANSWERS: dict[str, dict[str, str]] = {
    **dict.fromkeys(list(DOORS)[:6], CURVE),
    "list of objects": {
        "sentinel": f"SN1 155.1270 -5.2500 | {BAD_PLACE}",
        "unit": "SN1 155.1270 -5.2500",
        "position": "SN1 155.1271 -5.2556",
        "float id": LOST.format(column=""),
        "unknown format": "refused: is HDF5; save the table as CSV, Parquet or FITS",
    },
    "targets import": {
        "sentinel": "SN1 155.1270 -5.2500 | row 2 (SN2): ra: '-999' is negative; a right ascension "
        "runs from 0 to 360 degrees",
        "unit": "SN1 155.1270 -5.2500",
        "position": "SN1 155.1271 -5.2556",
        "float id": "refused: the column 'name' holds identifiers as floating-point numbers "
        "(1.7058711772069894e+17), which loses digits, so that different objects get one name; "
        "store them as text",
        "unknown format": "refused: is HDF5; save the table as CSV, Parquet or FITS",
    },
    "ToO file": {
        "sentinel": "refused: line 4: magnitude: '99.99' is out of range; a magnitude runs from "
        "-30 to 40",
        "unit": "SN1 155.1270 -5.2500 18.5 mag",
        "position": "SN1 155.1271 -5.2556 18.5 mag",
    },
}
"""The answer of each door to each kind; doors that cannot meet a kind have none."""


def answer(door: str, kind: str, folder: Path) -> str:
    ask, cells = DOORS[door]
    return ask(cells[kind](folder)) if kind in cells else NO_MEASUREMENT


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS)
def test_each_door_answers_each_kind(door: str, tmp_path: Path) -> None:
    """The right value, or a line that says where, what, why and what next; never silence."""
    got = {}
    for number, kind in enumerate(KINDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        got[kind] = answer(door, kind, folder)
    print(f"\n{door}")
    for kind, text in got.items():
        print(f"    {kind:15} {text}")
    assert got == {kind: ANSWERS[door].get(kind, NO_MEASUREMENT) for kind in KINDS}


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".vot", ".ecsv", ".fits"])
def test_identifiers_keep_their_digits_in_every_format(suffix: str, tmp_path: Path) -> None:
    """64-bit identifiers as text, or as integers, are read with all digits."""
    frame = table().assign(name="170587117720698934")
    path = tmp_path / f"lc{suffix}"
    if suffix == ".csv":
        written(frame, path)
    else:
        typed = frame.astype(
            {
                "name": "int64",
                "mjd": float,
                "mag": float,
                "magerr": float,
                "ra": float,
                "dec": float,
            }
        )
        if suffix == ".parquet":
            typed.to_parquet(path)
        else:
            kind = {".vot": "votable", ".ecsv": "ascii.ecsv", ".fits": "fits"}[suffix]
            columns = {n: typed[n].to_numpy() for n in typed if n != "band"}
            Table({**columns, "band": ["ztfr", "ztfr"]}).write(path, format=kind)
    report = Archive(paths=(str(path),)).poll(PollRequest(now=NOW))
    assert report.objects["object_id"].unique().tolist() == ["170587117720698934"]


def test_text_in_utf16_is_read(tmp_path: Path) -> None:
    """As spreadsheets save "Unicode text"."""
    buffer = io.StringIO()
    table().to_csv(buffer, index=False, sep="\t")
    (tmp_path / "lc.txt").write_text(buffer.getvalue(), encoding="utf-16")
    assert archive(tmp_path / "lc.txt") == "18.50 18.50"
