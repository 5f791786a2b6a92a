"""The ZTF Bright Transient Survey as an archive that `aas2rto replay` reads, and its replays.

Real alerts' detections of 2018 to 2021 (half of the survey, see ../shared/data/README.md), without
limits, types and redshifts: those are the truth. Replays are kept in a folder for temporary files
from one run to the next, and are gone on with where they were broken off.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from aas2rto.config.load import load
from aas2rto.replay.drive import Course, replay
from aas2rto.replay.execute import Capacity, Weather
from aas2rto.replay.feed import read
from aas2rto.steps.build import build
from aas2rto.steps.fit_memory import SharedFits
from tests.benchmarks.light_curves import bts
from tests.benchmarks.yield_sky import PHASES, truth_of
from tests.shared import DATA, ROOT

FOLDER = Path(tempfile.gettempdir()) / "aas2rto-paper"
FIRST, LAST = 58270.9, 59390.9
"""[d, MJD UTC] 2018-06-01 to 2021-06-25, each day at 21:36 UTC: before dusk at both sites."""
SITES = ("la_silla_dk154", "la_palma_not")
"""One telescope of 1.5 m, one of 2.5 m."""
CLEAR, SEED = 0.75, 1

STRATEGIES = Path(__file__).with_name("strategies.py")


def objects() -> pd.DataFrame:
    """Return type, redshift and peak of each object that has a light curve."""
    table = pd.read_parquet(DATA / "ztf_bts_objects.parquet")
    return table[table["n_det"] > 0].reset_index(drop=True)


def archive(*, known: float = 0.0) -> Path:
    """Write the detections as one table.

    Parameters
    ----------
    known : float
        Share of the objects whose redshift is known from the start.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"alerts-{known:g}.parquet"
    if path.exists():
        return path
    rows = pd.read_parquet(DATA / "ztf_bts_photometry.parquet")
    rows = rows.assign(objectId=rows["objectId"].astype(str), band="ztf" + rows["band"].astype(str))
    held = objects()[["objectId", "ra", "dec", "redshift"]]
    chosen = np.random.default_rng(5).random(len(held)) < known
    held["redshift"] = held["redshift"].where(chosen)
    rows = rows.merge(held, on="objectId").drop(columns="src")
    if not known:
        rows = rows.drop(columns="redshift")
    rows.sort_values(["mjd", "objectId"]).to_parquet(path, index=False)
    return path


def truth() -> Path:
    """Write what the objects are.

    The peak of a SN Ia is that of the product's fit to all of its detections with the
    spectroscopic redshift; of what has no such fit it is the survey's.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "truth.parquet"
    if path.exists():
        return path
    photometry, held = bts(types=(), any_redshift=True)
    one_each = pd.DataFrame({"candidate_id": held["name"], "name": held["name"]})
    found = truth_of(held, photometry, one_each)
    peak = np.abs(PHASES).argmin()
    fitted = held["peak_mjd"].to_numpy(float) != found.t_true
    pd.DataFrame(
        {
            "id": held["name"],
            "type": held["type"].fillna("-"),
            "peak_mjd": found.t_true,
            "peak_mag": found.mag[:, peak],
            "redshift": held["redshift"],
            "ra": held["ra"],
            "dec": held["dec"],
            "n_detections": held["n_det"],
            "is_ia": found.is_ia,
            "is_other": found.is_other,
            "fitted": fitted,
        }
    ).to_parquet(path, index=False)
    return path


CHANCE: dict[str, Any] = {
    "models": {},
    "visibility": {"factor": "observable", "min_altitude": "30 deg", "min_hours": "1 hour"},
    "score": {
        "factors": [
            {"magnitude": {"zero_point": "18.5 mag", "faint_limit": "18.5 mag", "ceiling": 1}},
            {"detections": {"min": 4, "bands": ["ztfg", "ztfr"]}},
            {"time_span": {"midpoint": None, "max": "30 day"}},
            {f"{STRATEGIES}:chance": {}},
        ]
    },
}
"""Any of what the paper's list holds, but for the direction in which it goes."""


def oracle() -> dict[str, Any]:
    """Return what knows types and peaks: SNe Ia that are 18.5 or brighter at their peak."""
    known = {"truth": str(truth()), "faintest": 18.5}
    return {
        "models": {},
        "visibility": {"factor": "observable", "min_altitude": "30 deg", "min_hours": "1 hour"},
        "score": {"factors": [{f"{STRATEGIES}:oracle": known}]},
    }


def settings(name: str) -> dict[str, Any]:
    """Return a config: ``ours``, ``paper``, ``random`` or ``oracle``."""
    file = "paper_2025.yaml" if name == "paper" else "sn_ia_peak.yaml"
    told: dict[str, Any] = yaml.safe_load((ROOT / "configs" / file).read_text(encoding="utf-8"))
    if name == "paper":
        # As the paper ran it: sncosmo.fit_lc from one start. `priors: none` finds a deeper minimum.
        told["models"] = {
            "salt": {
                "engine": "sncosmo",
                "min_detections": 5,
                "redshift": [0.001, 0.2],
                "starts": "one",
                "time_limit": "120 s",  # a busy machine must not change a fit
            }
        }
    told |= {"random": CHANCE}.get(name, {})
    told |= oracle() if name == "oracle" else {}
    return told | {"sources": {}, "observatories": list(SITES), "project": f"bts-{name}"}


def replayed(
    name: str,
    *,
    capacity: Mapping[str, Capacity] | None = None,
    known: float = 0.0,
    changes: Mapping[str, Any] | None = None,
    first: float = FIRST,
    last: float = LAST,
    sites: Sequence[str] = SITES,
    label: str = "",
) -> Path:
    """Replay the survey with a config, or return the folder where that was done."""
    told = settings(name) | dict(changes or {}) | {"observatories": list(sites)}
    caps = dict(capacity or {})
    label = label or "-".join(
        [name, f"z{known:g}", *(f"{site}={cap.spectra or cap.hours}" for site, cap in caps.items())]
    )
    folder = FOLDER / label
    path = FOLDER / f"{label}.yaml"
    FOLDER.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    case = load(path, archive=[str(archive(known=known))])
    parts = build(replace(case, sources=case.sources[:1]))
    kept = FOLDER / f"fits-{name if name == 'paper' else 'ours'}-z{known:g}.pickle"
    shared = pickle.loads(kept.read_bytes()) if kept.exists() else SharedFits()
    course = Course(first, last, 1.0, caps, Weather(SEED, CLEAR))
    try:
        feed = read(parts, first, last)
        replay(parts, feed, course, folder / "ours", on_night=_say(label), shared=shared)
        kept.write_bytes(pickle.dumps(shared))
    finally:
        parts.close()
    return folder / "ours"


def _say(label: str) -> Any:
    def told(done: int, total: int, _: object) -> None:
        if done % 50 == 0 or done == total:
            print(f"  {label}: {done} of {total} nights", flush=True)

    return told


if __name__ == "__main__":
    import sys

    spectra = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    share = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    wanted = {site: Capacity(spectra=spectra) for site in SITES} if spectra else {}
    print(replayed(sys.argv[1], capacity=wanted, known=share))
