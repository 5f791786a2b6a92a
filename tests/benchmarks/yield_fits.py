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
from aas2rto.tables import photometry as phot
from tests.benchmarks.bench_fit_peaks import FAILURES
from tests.benchmarks.yield_sky import FOLDER, World, state_name

Z_RANGE = (0.001, 0.2)


class OnDisk:
    """Remembers fits of states by their digest, in one file for each model and settings."""

    def __init__(self, made: World) -> None:
        FOLDER.mkdir(exist_ok=True)
        self._episodes = made.episodes["candidate_id"].to_numpy(object)
        self._of_state = made.states["episode"].to_numpy()
        self._tables: dict[str, pd.DataFrame] = {}
        self._tonight: np.ndarray | None = None

    def load(self, model: str, path: Path, names: Mapping[str, str]) -> None:
        """Read what is kept of a model; `names` are the states by digest."""
        rows = []
        if path.exists():
            with path.open(encoding="utf-8") as file:
                rows = [json.loads(line) for line in file if line.endswith("\n")]
        rows = [{**r, "candidate_id": names[r["digest"]]} for r in rows if r["digest"] in names]
        table = pd.DataFrame(rows, columns=[*FIT_COLUMNS, "digest"])
        self._tables[model] = table.drop_duplicates("candidate_id").set_index("candidate_id")

    def of(self, model: str, candidate_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """Return the fits of all states, or of tonight's under their episodes' names.

        Of all of them, whoever is asked for: see `aas2rto.steps.fit_memory.FitMemory`.
        """
        table = self._tables[model]
        if self._tonight is None:
            return table.reset_index()
        states = [state_name(k) for k in self._tonight]
        found = table.reindex(states).reset_index(drop=True)
        found["candidate_id"] = self._episodes[self._of_state[self._tonight]]
        return found.dropna(subset=["digest"]).reset_index(drop=True)

    def save(self, model: str, fits: pd.DataFrame) -> None:
        """Take nothing: on a night there are no new fits, or the batch was not what it asks for."""
        if self._tonight is not None and len(fits):
            raise RuntimeError(f"{len(fits)} fits by {model} are not those of the batch")

    def keep(self, model: str, path: Path, fits: pd.DataFrame) -> None:
        """Write all fits of a model, those that failed, too."""
        self._tables[model] = fits.set_index("candidate_id")
        beside = path.with_suffix(f".{os.getpid()}")
        with beside.open("w", encoding="utf-8") as file:
            for row in self._tables[model].reset_index().to_dict("records"):
                row.pop("candidate_id")
                file.write(json.dumps(row) + "\n")
        beside.replace(path)

    def tonight(self, states: np.ndarray | None) -> None:
        """Answer for these states from now on."""
        self._tonight = states


def fitted(made: World, parts: Parts) -> OnDisk:
    """Fit all states with the program's own batched fits, as far as they are not kept."""
    memory = OnDisk(made)
    held, photometry = made.by_state()
    priced = held.assign(ebv=dust.ebv(held["ra"], held["dec"]))
    for bound in parts.models:
        path = FOLDER / f"{bound.name}-{bound.digest}.jsonl"
        of_state = digests(photometry, priced, bound.digest)
        memory.load(bound.name, path, dict(zip(of_state, of_state.index, strict=True)))
        fits = fit_changed((bound,), held, photometry, memory)
        if fits.fresh[bound.name]:
            memory.keep(bound.name, path, fits.tables[bound.name])
    return memory


def by_paper(made: World, parts: Parts, states: np.ndarray) -> OnDisk:
    """Fit some states as the paper did: one call of `sncosmo.fit_lc`, one start, no priors.

    SALT3, z free in 0.001 to 0.2. Kept one by one: some 80 ms each.
    """
    memory = OnDisk(made)
    held, photometry = made.by_state()
    bound = parts.models[0]
    path = FOLDER / "sncosmo-one-start.jsonl"
    priced = held.assign(ebv=dust.ebv(held["ra"], held["dec"]))
    of_state = digests(photometry, priced, bound.digest)
    memory.load(bound.name, path, dict(zip(of_state, of_state.index, strict=True)))
    done = set(memory.of(bound.name)["candidate_id"])
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
    return memory


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
