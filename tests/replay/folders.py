"""Folders of replays for the tests: small ones told row by row, and large ones that are drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

I32, F32, F64, TEXT, BOOL = pa.int32(), pa.float32(), pa.float64(), pa.string(), pa.bool_()

SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    "nights": {"night": I32, "at": F64, "seconds": F32}
    | dict.fromkeys(
        ("candidates", "ranked", "excluded", "rejected", "new_candidates", "new_measurements"), I32
    )
    | {"problems": I32},
    "objects": {
        "candidate_id": TEXT,
        "aliases": TEXT,
        "ra": F64,
        "dec": F64,
        "first_known": F64,
        "first_detection": F64,
    },
    "scores": {
        "night": I32,
        "at": F64,
        "candidate_id": TEXT,
        "score": F64,
        "mag": F32,
        "t_peak": F64,
        "t_peak_err": F32,
        "p_sn_ia": F32,
    },
    "decisions": {
        "night": I32,
        "at": F64,
        "candidate_id": TEXT,
        "decision": TEXT,
        "factor": TEXT,
        "reason": TEXT,
    },
    "ranks": {
        "night": I32,
        "at": F64,
        "observatory": TEXT,
        "rank": I32,
        "candidate_id": TEXT,
        "site_score": F64,
        "p_top5": F32,
    },
    "fits": {
        "night": I32,
        "at": F64,
        "candidate_id": TEXT,
        "model": TEXT,
        "status": TEXT,
        "n_points": I32,
        "chi2": F32,
        "dof": F32,
        "t_peak": F64,
        "t_peak_err": F32,
        "redshift": F32,
        "redshift_known": BOOL,
    },
    "site_nights": {
        "night": I32,
        "at": F64,
        "observatory": TEXT,
        "clear": BOOL,
        "dark_hours": F32,
        "capacity_hours": F32,
        "capacity_spectra": I32,
        "hours_used": F32,
        "planned": I32,
        "observed": I32,
    },
    "plans": {
        "night": I32,
        "at": F64,
        "observatory": TEXT,
        "candidate_id": TEXT,
        "start": F64,
        "end": F64,
        "exposure": F32,
        "airmass": F32,
        "mag": F32,
        "site_score": F32,
        "state": TEXT,
    },
}
"""Tables of a replay: their columns, in order, and types; factors come on top, as x_NAME."""

DEFAULTS: dict[str, Any] = {"capacity_spectra": -1, "status": "ok", "model": "salt"}
BLANKS: dict[pa.DataType, Any] = {TEXT: "", F32: np.nan, F64: np.nan, I32: 0, BOOL: False}
START = 59000.0
"""The first night of most tests."""


def table_of(name: str, rows: pd.DataFrame | Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return a table of the schema; what a row does not say has the value of "unknown"."""
    frame = pd.DataFrame(rows)
    factors = [c for c in frame.columns if c.startswith("x_")]
    schema = SCHEMAS[name] | dict.fromkeys(factors, F32)
    if "night" in schema and "at" not in frame and "night" in frame:
        frame["at"] = START + frame["night"].astype(float)
    columns = []
    for column, kind in schema.items():
        blank = DEFAULTS.get(column, BLANKS[kind])
        values = frame[column] if column in frame else [blank] * len(frame)
        columns.append(pa.array(values, type=kind, from_pandas=False))
    metadata = {b"aas2rto": json.dumps({"version": "0"}).encode()}
    fields = [pa.field(column, kind) for column, kind in schema.items()]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=metadata))


def write_run(folder: Path, tables: Mapping[str, Any]) -> None:
    """Write the tables of one run; those that are not told are empty, or missing if None."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCHEMAS:
        rows = tables.get(name, [])
        if rows is not None:
            pq.write_table(table_of(name, rows), folder / f"{name}.parquet")


def write_replay(folder: Path, runs: Mapping[str, Mapping[str, Any]], /, **about: Any) -> Path:
    """Write a replay of one run or two.

    Parameters
    ----------
    folder : Path
    runs : mapping
        Tables by run, each as rows.
    about : Any
        What replay.json says beside.
    """
    told = {
        "version": "0",
        "from": "2020-05-31T00:00",
        "to": "2020-06-30T00:00",
        "every_days": 1.0,
        "archive": "archive",
        "truth": "truth.csv",
        "sites": ["la_silla"],
        "capacity": {},
        "weather": 1,
        "runs": [
            {"name": name, "config": f"{name}.yaml", "digest": "0", "seconds": 1.0} for name in runs
        ],
        "command": ["aas2rto", "replay", "case.yaml", "--archive", "archive"],
    } | about
    for name, tables in runs.items():
        write_run(folder / name, tables)
    (folder / "replay.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def nights(n: int) -> list[dict[str, Any]]:
    """Return the rows of some nights, one a day."""
    return [{"night": k, "at": START + k} for k in range(n)]


def objects(names: Mapping[str, float] | Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of candidates, by name, and when they were first known."""
    known = dict(names) if isinstance(names, Mapping) else dict.fromkeys(names, START)
    return [
        {"candidate_id": name, "aliases": name, "first_known": first, "first_detection": first}
        for name, first in known.items()
    ]


def ranks(lists: Mapping[int, Sequence[str]], observatory: str = "science") -> list[dict[str, Any]]:
    """Return the rows of lists, by night."""
    return [
        {"night": night, "observatory": observatory, "rank": k + 1, "candidate_id": name}
        for night, names in lists.items()
        for k, name in enumerate(names)
    ]


def write_truth(path: Path, rows: Sequence[Mapping[str, Any]] | pd.DataFrame) -> Path:
    """Write a truth table as CSV."""
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@dataclass(frozen=True)
class Sky:
    """A drawn sky, see `drawn`.

    Parameters
    ----------
    folder : Path
    truth : Path
    objects : DataFrame
    """

    folder: Path
    truth: Path
    objects: pd.DataFrame


def drawn(
    folder: Path,
    *,
    n_objects: int = 400,
    n_nights: int = 120,
    seed: int = 1,
    runs: Sequence[str] = ("ours", "against"),
    sites: Sequence[str] = ("la_silla", "palomar"),
    sigma: float = 1.0,
    stated: float = 1.0,
) -> Sky:
    """Draw a replay of many objects: types, peaks, fits that get better, scores, lists, plans.

    Parameters
    ----------
    folder : Path
    n_objects, n_nights, seed : int
    runs : sequence of str
        The first scores by how near the peak is, the second by brightness alone.
    sites : sequence of str
        Every object is seen by half of them.
    sigma : float
        Error of a fitted peak near the peak [d].
    stated : float
        What it is said to be, in units of the true one.
    """
    rng = np.random.default_rng(seed)
    sky = _objects(rng, n_objects, n_nights)
    told = sky.drop(columns=["kind"]).rename(columns={"candidate_id": "id"})
    folder.mkdir(parents=True, exist_ok=True)
    truth = write_truth(folder / "truth.csv", told[["id", "type", "peak_mjd", "peak_mag"]])
    nightly = _nightly(rng, sky, n_nights, sigma, stated)
    made = {}
    for k, run in enumerate(runs):
        chance = nightly["x_peak"] * nightly["x_likeness"]
        score = chance if k == 0 else nightly["x_mag"] * nightly["x_likeness"]
        own = nightly if k == 0 else nightly.drop(columns="x_peak")
        made[run] = _run(rng, sky, own.assign(score=score), n_nights, sites)
    write_replay(folder, made)
    return Sky(folder, truth, sky)


def _objects(rng: np.random.Generator, n: int, n_nights: int) -> pd.DataFrame:
    kind = rng.random(n) < 0.7
    peak = START + rng.uniform(-5, n_nights + 5, n)
    return pd.DataFrame(
        {
            "candidate_id": [f"ZTF20{k:07d}" for k in range(n)],
            "kind": kind,
            "type": np.where(kind, "SN Ia", rng.choice(["SN II", "TDE", "AGN", "SN Iax"], n)),
            "peak_mjd": peak,
            "peak_mag": np.clip(19.2 - rng.exponential(0.8, n), 15, 19.5),
            "first": peak - rng.uniform(8, 16, n),
            "site": rng.integers(0, 2, n),
        }
    )


def _nightly(
    rng: np.random.Generator, sky: pd.DataFrame, n_nights: int, sigma: float, stated: float
) -> pd.DataFrame:
    """Return a row for each candidate and night on which it is known, for 30 d."""
    first = np.ceil(sky["first"].to_numpy() - START).astype(int)
    begin, end = np.maximum(first, 0), np.minimum(first + 30, n_nights)
    count = np.maximum(end - begin, 0)
    who = np.repeat(np.arange(len(sky)), count)
    step = np.arange(len(who)) - np.repeat(np.cumsum(count) - count, count)
    night = begin[who] + step
    phase = START + night - sky["peak_mjd"].to_numpy()[who]
    wide = sigma * np.exp(np.clip(-phase, 0, 15) / 6.0)
    wander = rng.normal(size=len(sky))[who] * 0.6 + rng.normal(size=len(who)) * 0.8
    t_peak = sky["peak_mjd"].to_numpy()[who] + wide * wander
    away = t_peak - (START + night)
    err = wide * stated
    likeness = np.where(sky["kind"].to_numpy()[who], 0.85, 0.3) + rng.uniform(-0.1, 0.1, len(who))
    mag = sky["peak_mag"].to_numpy()[who] + 0.02 * phase**2 / (1 + np.abs(phase) / 8)
    return pd.DataFrame(
        {
            "who": who,
            "night": night,
            "at": START + night,
            "candidate_id": sky["candidate_id"].to_numpy()[who],
            "mag": mag,
            "t_peak": t_peak,
            "t_peak_err": err,
            "p_sn_ia": likeness,
            "n_points": 3 + step // 2,
            "x_peak": np.exp(-0.5 * (away / np.hypot(err, 1.0)) ** 2),
            "x_mag": 10 ** (0.4 * (18.5 - mag)),
            "x_likeness": likeness,
        }
    )


def _run(
    rng: np.random.Generator,
    sky: pd.DataFrame,
    nightly: pd.DataFrame,
    n_nights: int,
    sites: Sequence[str],
) -> dict[str, Any]:
    kept = nightly[nightly["mag"] < 19.5]
    kept = kept.sort_values(["night", "score"], ascending=[True, False], kind="stable")
    columns = ["night", "at", "candidate_id"]
    lists = [kept.assign(observatory="science")]
    for k, site in enumerate(sites):
        lists.append(
            kept[(sky["site"].to_numpy()[kept["who"]] + k) % 2 == 0].assign(observatory=site)
        )
    ranked = pd.concat(lists)
    ranked["rank"] = ranked.groupby(["observatory", "night"]).cumcount() + 1
    ranked["site_score"] = ranked["score"]
    plans, site_nights = _observed(rng, ranked, n_nights, sites)
    fitted = nightly[nightly["night"] % 2 == 0]
    return {
        "nights": nights(n_nights),
        "objects": sky[["candidate_id"]].assign(
            aliases=sky["candidate_id"], first_known=sky["first"], first_detection=sky["first"]
        ),
        "scores": kept[[c for c in kept if c not in ("who", "n_points")]],
        "ranks": ranked[[*columns, "observatory", "rank", "site_score"]],
        "fits": fitted[[*columns, "n_points", "t_peak", "t_peak_err"]],
        "plans": plans,
        "site_nights": site_nights,
    }


def _observed(
    rng: np.random.Generator, ranked: pd.DataFrame, n_nights: int, sites: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Observe the first three of each site's list on three nights of four."""
    some = ranked[(ranked["rank"] <= 3) & (ranked["observatory"] != "science")].copy()
    clear = rng.random((len(sites), n_nights)) < 0.75
    place = some["observatory"].map({site: k for k, site in enumerate(sites)}).to_numpy(int)
    good = clear[place, some["night"].to_numpy()]
    start = some["at"] + 0.1 * some["rank"]
    some = some.assign(start=start, end=start + 0.05, state=np.where(good, "observed", "clouded"))
    count = some.groupby(["observatory", "night"]).size()
    rows = [
        {
            "night": night,
            "observatory": site,
            "clear": bool(clear[k, night]),
            "dark_hours": 8.0,
            "capacity_spectra": 3,
            "hours_used": 1.2 * count.get((site, night), 0) * clear[k, night],
            "planned": int(count.get((site, night), 0)),
            "observed": int(count.get((site, night), 0) * clear[k, night]),
        }
        for k, site in enumerate(sites)
        for night in range(n_nights)
    ]
    columns = ["night", "at", "observatory", "candidate_id", "start", "end", "mag", "state"]
    return some[columns], pd.DataFrame(rows)
