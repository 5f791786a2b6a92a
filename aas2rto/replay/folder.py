"""What a replay left on disk, read by columns and rows: only what a figure needs."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.text.words import one_line

SCIENCE = "science"
"""The list without a site."""

DEEP = 20
"""Ranks that are always read: who moves below them is of no interest."""

TEXTS = frozenset(
    {"candidate_id", "observatory", "decision", "factor", "reason", "state", "model", "status"}
)
"""Columns of text; the others are numbers."""


@dataclass
class Run:
    """One config's replay.

    Parameters
    ----------
    name : str
        Of its folder.
    path : Path
    about : dict
        What replay.json says of it: ``config, digest, seconds``.
    strangers : dict of str to int
        Rows by table whose candidate objects.parquet does not list; they are left out.
    """

    name: str
    path: Path
    about: dict[str, Any]
    strangers: dict[str, int] = field(default_factory=dict)

    @functools.cached_property
    def nights(self) -> pd.DataFrame:
        """Nights by time: ``night, at`` and the funnel."""
        table = self.table("nights", self.columns("nights"))
        if "night" not in table or "at" not in table:
            table = pd.DataFrame({"night": np.array([], int), "at": np.array([], float)})
        table = table.drop_duplicates("night", keep="last").sort_values("at", kind="stable")
        return table.reset_index(drop=True)

    @functools.cached_property
    def objects(self) -> pd.DataFrame:
        """Candidates: ``candidate_id, aliases, first_known``."""
        wanted = ("candidate_id", "aliases", "first_known")
        table = self.arrow("objects", wanted)
        frame = pd.DataFrame() if table is None else table.to_pandas()
        for name in wanted:
            if name not in frame:
                frame[name] = np.nan if name == "first_known" else ""
        for name in wanted[:2]:
            frame[name] = frame[name].astype(object).where(frame[name].notna(), "").map(str)
        return frame[list(wanted)].drop_duplicates("candidate_id").reset_index(drop=True)

    def columns(self, name: str) -> list[str]:
        """Return the columns of a table; none if it is not there."""
        path = self.path / f"{name}.parquet"
        return _guarded(path, lambda: list(pq.read_schema(path).names)) if path.exists() else []

    def factors(self, name: str) -> list[str]:
        """Return the columns of factors of a table: ``x_peak``."""
        return [column for column in self.columns(name) if column.startswith("x_")]

    def arrow(self, name: str, wanted: Sequence[str], chosen: Any = None) -> pa.Table | None:
        """Return some columns and rows of a table; None if there is no such table.

        Parameters
        ----------
        name : str
        wanted : sequence of str
            Those that are not there are left out.
        chosen : pyarrow.compute.Expression, optional
            Which rows.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        path = self.path / f"{name}.parquet"
        if not path.exists():
            return None
        there = set(self.columns(name))
        texts = [column for column in wanted if column in there & TEXTS]
        return _guarded(
            path,
            lambda: pq.read_table(
                path,
                columns=[column for column in wanted if column in there],
                filters=chosen,
                read_dictionary=texts,
            ),
        )

    def table(
        self, name: str, wanted: Sequence[str], chosen: Any = None, ids: pd.Index | None = None
    ) -> pd.DataFrame:
        """Return some columns and rows of a table, all of `wanted`, empty if there is none.

        Parameters
        ----------
        name : str
        wanted : sequence of str
            What is not in the file is NaN, or an empty text.
        chosen : pyarrow.compute.Expression, optional
            Which rows.
        ids : Index of str, optional
            Adds ``who``: the place of each row's candidate in it; rows of others are left out.
        """
        table = self.arrow(name, wanted, chosen)
        rows = 0 if table is None else table.num_rows
        made: dict[str, Any] = {}
        for column in wanted:
            if table is not None and column in table.column_names:
                made[column] = _values(table[column], is_text=column in TEXTS)
            else:
                made[column] = [""] * rows if column in TEXTS else np.full(rows, np.nan)
        if ids is not None and "candidate_id" in made:
            made["who"] = _places(made.pop("candidate_id"), ids, rows)
        frame = pd.DataFrame(made, index=pd.RangeIndex(rows))
        if ids is None or "who" not in frame:
            return frame
        lost = (frame["who"] < 0).to_numpy()
        if lost.any():
            self.strangers[name] = int(lost.sum())
        return frame[~lost].reset_index(drop=True)

    def top(self, deep: int, ids: pd.Index) -> pd.DataFrame:
        """Return the first ranks of all lists: ``night, at, observatory, rank, who``, in order."""
        wanted = ("night", "at", "observatory", "rank", "candidate_id")
        rows = self.table("ranks", wanted, pc.field("rank") <= deep, ids)
        order = ["observatory", "night", "rank", "who"]
        return rows.sort_values(order, kind="stable").reset_index(drop=True)

    def lists(self) -> list[str]:
        """Return the observatories that have a list, ``science`` first."""
        table = self.arrow("ranks", ("observatory",))
        names = [] if table is None else pc.unique(table["observatory"]).to_pylist()
        sites = sorted({str(name) for name in names if name is not None} - {SCIENCE})
        return [SCIENCE, *sites]


@dataclass(frozen=True)
class Folder:
    """A replay: what it was told, and its runs.

    Parameters
    ----------
    path : Path
    about : dict
        replay.json.
    runs : tuple of Run
        One, or two to be compared.
    """

    path: Path
    about: dict[str, Any]
    runs: tuple[Run, ...]

    @property
    def command(self) -> str:
        """The command as it was typed."""
        told = self.about.get("command", "")
        return " ".join(map(str, told)) if isinstance(told, list) else str(told)

    @functools.cached_property
    def objects(self) -> pd.DataFrame:
        """Candidates of all runs, each once."""
        every = pd.concat([run.objects for run in self.runs], ignore_index=True)
        first = every.groupby("candidate_id", sort=True)["first_known"].min()
        own = every.drop_duplicates("candidate_id").set_index("candidate_id")
        return own.assign(first_known=first).sort_index().reset_index()


def open_folder(path: Path) -> Folder:
    """Open the folder of a replay.

    Raises
    ------
    InputError
        If it holds no replay, or a damaged one.
    """
    told = path / "replay.json"
    try:
        about = json.loads(told.read_text(encoding="utf-8"))
        named = list(about["runs"])
        runs = tuple(Run(str(one["name"]), path / str(one["name"]), dict(one)) for one in named)
    except OSError as error:
        raise InputError(
            f"{told}: cannot be read ({error.strerror}); is {path} the folder of a replay? "
            "`aas2rto replay` prints it"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        why = one_line(f"{type(error).__name__}: {error}", 120)
        raise InputError(f"{told}: is damaged ({why}); run `aas2rto replay` again") from error
    if not runs:
        raise InputError(f"{told}: names no run; run `aas2rto replay` again")
    return Folder(path, about, runs)


def _guarded(path: Path, read: Any) -> Any:
    try:
        return read()
    except (pa.ArrowException, OSError) as error:
        why = one_line(str(error), 160)
        raise InputError(
            f"{path}: cannot be read ({why}); run the same `aas2rto replay` again, which makes "
            "anew what is missing"
        ) from error


def _values(column: pa.ChunkedArray, *, is_text: bool) -> Any:
    """Return a column for pandas: texts as categories, numbers with NaN where there is none."""
    if is_text:
        return column.to_pandas().astype("category").array
    return column.to_numpy()


def _places(column: Any, ids: pd.Index, rows: int) -> NDArray[np.int64]:
    """Return where the candidate of each row stands in a list of ids; -1 where it does not."""
    if not rows:
        return np.array([], dtype=np.int64)
    texts = pd.Categorical(column)
    where = ids.get_indexer(pd.Index(texts.categories.to_numpy(object)))
    codes = np.asarray(texts.codes, dtype=np.int64)
    return np.where(codes >= 0, np.append(where, -1)[codes], -1)
