"""Fits of every state of `yield_sky`, in batches, kept on disk; and the paper's, by sncosmo."""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aas2rto import data
from aas2rto.models import FIT_COLUMNS, OK
from aas2rto.models.lightcurves import pack
from aas2rto.models.sncosmo_engine import model_with_dust
from aas2rto.sky import dust
from aas2rto.steps.cycle import Parts
from aas2rto.steps.fit import digests, fit_changed
from aas2rto.steps.fit_memory import OnlyRead, Remembering, spread_out
from aas2rto.tables import photometry as phot
from tests.benchmarks.bench_fit_peaks import FAILURES
from tests.benchmarks.yield_sky import FOLDER, World, state_name

Z_RANGE = (0.001, 0.2)


class OnDisk:
    """Remembers fits of states by their digest, in one file for each model and settings."""

    def __init__(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        self.tables: dict[str, pd.DataFrame] = {}

    def load(self, model: str, path: Path, names: Mapping[str, str]) -> None:
        """Read what is kept of a model; `names` are the states by digest."""
        rows = []
        if path.exists():
            with path.open(encoding="utf-8") as file:
                rows = [json.loads(line) for line in file if line.endswith("\n")]
        rows = [{**r, "candidate_id": names[r["digest"]]} for r in rows if r["digest"] in names]
        table = pd.DataFrame(rows, columns=[*FIT_COLUMNS, "digest"])
        self.tables[model] = table.drop_duplicates("candidate_id").reset_index(drop=True)

    def of(self, model: str, candidate_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """Return the fits of all states, whoever is asked for."""
        return self.tables[model]

    def save(self, model: str, fits: pd.DataFrame) -> None:
        """Take nothing: `keep` writes them all at once."""

    def keep(self, model: str, path: Path, fits: pd.DataFrame) -> None:
        """Write all fits of a model, those that failed, too."""
        self.tables[model] = fits
        beside = path.with_suffix(f".{os.getpid()}")
        with beside.open("w", encoding="utf-8") as file:
            for row in fits.drop(columns="candidate_id").to_dict("records"):
                file.write(json.dumps(row) + "\n")
        beside.replace(path)


class ByNight(Remembering):
    """Answers for the states of a night under their episodes' names; all are spread out once."""

    def __init__(self, made: World, tables: Mapping[str, pd.DataFrame], copies: int = 1) -> None:
        super().__init__(OnlyRead())
        self._episodes = made.episodes["candidate_id"].to_numpy(object)
        self._of_state = made.states["episode"].to_numpy()
        every = [state_name(k) for k in range(len(made.states) // copies)]
        self._tables, self._wide = {}, {}
        for model, table in tables.items():
            rows = table.set_index("candidate_id", drop=False).reindex(every)
            wide = spread_out(table).reindex(every)
            # Of Bazin's function nobody reads more; each column costs a night's time.
            used = [c for c in wide if model != "bazin" or c in FIT_COLUMNS]
            self._wide[model] = pd.concat([wide[used]] * copies)
            self._tables[model] = pd.concat([rows] * copies, ignore_index=True)
        self.tonight(np.empty(0, dtype=int))

    def tonight(self, states: np.ndarray) -> None:
        """Answer for these states from now on."""
        self._states = states
        self._names = pd.Index(self._episodes[self._of_state[states]])

    def of(self, model: str, candidate_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """Return tonight's fits."""
        table = self._tables[model][["candidate_id", "digest"]].take(self._states)
        return table.assign(candidate_id=self._names)[table["digest"].notna().to_numpy()]

    def save(self, model: str, fits: pd.DataFrame) -> None:
        """Take nothing: on a night there are no new fits, or the batch was not what it asks for."""
        if len(fits):
            raise RuntimeError(f"{len(fits)} fits by {model} are not those of the batch")

    def chosen(self, model: str, candidate_ids: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the fits of some candidates, in their order, and the same with wide columns."""
        names = candidate_ids.to_numpy(object)
        rows = self._states[self._names.get_indexer(pd.Index(names))]
        table = self._tables[model].take(rows).reset_index(drop=True).assign(candidate_id=names)
        wide = self._wide[model].take(rows)
        return table, wide.set_axis(pd.Index(names, name="candidate_id"))


def fitted(made: World, parts: Parts) -> dict[str, pd.DataFrame]:
    """Fit all states with the program's own batched fits, as far as they are not kept."""
    memory = OnDisk()
    held, photometry = made.by_state()
    priced = held.assign(ebv=dust.ebv(held["ra"], held["dec"]))
    for bound in parts.models:
        path = FOLDER / f"{bound.name}-{bound.digest}.jsonl"
        of_state = digests(photometry, priced, bound.digest)
        memory.load(bound.name, path, dict(zip(of_state, of_state.index, strict=True)))
        fits = fit_changed((bound,), held, photometry, memory)
        if fits.fresh[bound.name]:
            memory.keep(bound.name, path, fits.tables[bound.name])
    return memory.tables


def by_paper(made: World, parts: Parts, states: np.ndarray) -> ByNight:
    """Fit some states as the paper did: one call of `sncosmo.fit_lc`, one start, no priors.

    SALT3, z free in 0.001 to 0.2. Kept one by one: some 80 ms each. With fewer points than the
    model asks for there is no fit, and the program says so itself.
    """
    memory = OnDisk()
    held, photometry = made.by_state()
    bound = parts.models[0]
    path = FOLDER / "sncosmo-one-start.jsonl"
    priced = held.assign(ebv=dust.ebv(held["ra"], held["dec"]))
    of_state = digests(photometry, priced, bound.digest)
    memory.load(bound.name, path, dict(zip(of_state, of_state.index, strict=True)))
    done = set(memory.of(bound.name)["candidate_id"])
    few = made.states["n"].to_numpy() < bound.model.min_detections
    todo = [name for name in (state_name(k) for k in states) if name not in done]
    rows = photometry[photometry["candidate_id"].isin(todo)].reset_index(drop=True)
    asked = priced[priced["candidate_id"].isin(todo)].reset_index(drop=True)
    curves = pack(rows, asked, data.has_bandpass)
    model = model_with_dust(data.salt_source())
    bands = np.array([data.bandpass(name) for name in curves.bands], dtype=object)
    with path.open("a", encoding="utf-8") as file:
        for i, name in enumerate(curves.candidate_id):
            own = slice(curves.start[i], curves.start[i + 1])
            points = {"time": curves.mjd[own], "flux": curves.flux[own]}
            points |= {"fluxerr": curves.flux_err[own], "band": bands[curves.band[own]]}
            points |= {"zp": np.full(len(points["time"]), phot.AB_ZERO_POINT)}
            points |= {"zpsys": np.full(len(points["time"]), "ab")}
            row = one_start(model, points, float(curves.ebv[i]))
            file.write(json.dumps({**row, "digest": of_state[name]}) + "\n")
            file.flush()  # a whole line at a time, so that several processes may share the work
    memory.load(bound.name, path, dict(zip(of_state, of_state.index, strict=True)))
    rows = photometry[photometry["candidate_id"].isin(held["candidate_id"][few])]
    none = bound.model.fit(rows.reset_index(drop=True), priced[few].reset_index(drop=True))
    none["digest"] = none["candidate_id"].map(of_state)
    return ByNight(made, {bound.name: pd.concat([memory.of(bound.name), none], ignore_index=True)})


def one_start(model: Any, points: Mapping[str, Any], ebv: float) -> dict[str, Any]:
    """Return one fit as a row of the fit table."""
    n = len(points["time"])
    row: dict[str, Any] = {"status": "failed", "reason": "sncosmo", "t_peak": np.nan}
    row |= {"t_peak_err": np.nan, "chisq": np.nan, "ndof": np.nan, "n_points": float(n)}
    row |= {"bands": "", "parameters": {}, "errors": {}, "covariance": []}
    model.set(z=0.05, mwebv=ebv)
    with warnings.catch_warnings(), contextlib.suppress(*FAILURES):
        warnings.simplefilter("ignore")
        free = ["z", "t0", "x0", "x1", "c"]
        found, _ = sncosmo_fit(points, model, free)
        values = dict(zip(found.param_names, found.parameters, strict=True))
        row |= {"status": OK, "t_peak": float(values["t0"]), "chisq": float(found.chisq)}
        row |= {"ndof": float(found.ndof), "parameters": {k: float(values[k]) for k in free}}
        row["t_peak_err"] = float(found.errors.get("t0", np.nan))
    return row


def sncosmo_fit(points: Mapping[str, Any], model: Any, free: list[str]) -> Any:
    import sncosmo

    return sncosmo.fit_lc(points, model, free, bounds={"z": Z_RANGE}, warn=False)
