"""ZTF data-release light curves from files: what a star did in the years before its alert."""

from __future__ import annotations

import glob
from pathlib import Path

import pandas as pd

from aas2rto.errors import InputError
from aas2rto.parts.path_setting import DataPath
from aas2rto.sources import source
from aas2rto.sources.files import data_release
from aas2rto.tables.report import Outcome, PollRequest, Report
from aas2rto.text.words import counted

SUFFIXES = frozenset({".parquet", ".pq", ".csv", ".tbl", ".ipac", ".txt", ".ecsv", ".vot", ".xml"})
"""Files of a folder that are read."""


@source("ztf_history")
class ZtfHistory:
    """Light curves of ZTF data releases from files.

    They are joined to whatever lies within an arcsecond of them, and never enter a fit of a
    transient: total brightness is no difference.

    Parameters
    ----------
    paths : tuple of str
        Files, folders and patterns: IPAC tables and CSV as IRSA's light-curve service gives them,
        Parquet with one row per point or, as in the bulk files, per curve. A table without
        magnitudes says where the curves of another are.
    """

    asks_by_object = False

    def __init__(self, *, paths: tuple[DataPath, ...]) -> None:
        self.paths = paths

    def poll(self, request: PollRequest) -> Report:
        """Read the files, if any of them is new or changed."""
        name = "ztf_history"
        files = [file for path in self.paths for file in _files(path)]
        versions = {str(file): _version(file) for file in dict.fromkeys(files)}
        known = {str(k): list(v) for k, v in request.cursor.get("done", {}).items()}
        if known == versions and versions:
            return Report(name, Outcome.EMPTY, cursor={"done": versions})
        parts: list[pd.DataFrame] = []
        problems = [] if files else [f"{path}: there is no such file" for path in self.paths]
        for file in versions:
            try:
                parts.append(data_release.read(Path(file)))
            except InputError as error:
                problems.append(str(error))
            except OSError as error:
                problems.append(f"{file}: cannot be opened ({error.strerror or error})")
        found, more = data_release.curves(parts)
        problems += more
        if found.empty:
            why = problems[0] if problems else ""
            outcome = Outcome.FAILED if why else Outcome.EMPTY
            return Report(name, outcome, error=why, problems=tuple(problems))
        return Report(
            name,
            Outcome.DATA,
            cursor={"done": versions},
            problems=tuple(problems),
            notes=(_note(found),),
            histories=found,
        )

    def probe(self) -> str:
        """Say how many files there are to read."""
        return counted(sum(len(_files(path)) for path in self.paths), "file")


def _note(found: pd.DataFrame) -> str:
    curves = counted(found["curve_id"].nunique(), "light curve")
    return f"ztf_history: read {curves} of {counted(len(found), 'point')}"


def _files(path: str) -> list[Path]:
    place = Path(path).expanduser()
    if place.is_dir():
        return [f for f in sorted(place.rglob("*")) if f.suffix.lower() in SUFFIXES and f.is_file()]
    if place.exists():
        return [place]
    return [Path(name) for name in sorted(glob.glob(str(place), recursive=True))]  # noqa: PTH207


def _version(file: Path) -> list[int]:
    """Return what tells a file from the one that lay there before."""
    try:
        state = file.stat()
    except OSError:
        return [0, 0]  # reading it says why
    return [state.st_size, state.st_mtime_ns]
