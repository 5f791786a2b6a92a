"""The ZTF Bright Transient Survey as an archive that `aas2rto replay` reads, and its replays.

Real alerts' detections of 2018 to 2021 (half of the survey, see ../shared/data/README.md), without
limits, types and redshifts: those are the truth. Replays are kept in a folder for temporary files
from one run to the next, and are gone on with where they were broken off.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from aas2rto.config.load import load
from aas2rto.replay.drive import Plan, replay
from aas2rto.replay.execute import Capacity, Weather
from aas2rto.replay.feed import read
from aas2rto.steps.build import build
from tests.shared import DATA, ROOT

FOLDER = Path(tempfile.gettempdir()) / "aas2rto-paper"
FIRST, LAST = 58270.9, 59390.9
"""[d, MJD UTC] 2018-06-01 to 2021-06-25, each day at 21:36 UTC: before dusk at both sites."""
SITES = ("la_silla_dk154", "la_palma_not")
"""One telescope of 1.5 m, one of 2.5 m."""
CLEAR, SEED = 0.75, 1

SN_IA = ("SN Ia", "SN Ia-91T", "SN Ia-91bg")


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
    """Write what the objects are: BTS's types and peaks."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "truth.parquet"
    names = {"objectId": "id"}
    columns = ["id", "type", "peak_mjd", "peak_mag", "redshift", "ra", "dec"]
    objects().rename(columns=names)[columns].to_parquet(path, index=False)
    return path


def settings(name: str) -> dict[str, Any]:
    """Return a config: ``ours``, ``paper`` or ``random``."""
    file = "paper_2025.yaml" if name == "paper" else "sn_ia_peak.yaml"
    told: dict[str, Any] = yaml.safe_load((ROOT / "configs" / file).read_text(encoding="utf-8"))
    if name == "paper":
        # As the paper ran it: sncosmo.fit_lc from one start. `priors: none` finds a deeper minimum.
        told["models"] = {
            "salt": {"engine": "sncosmo", "min_detections": 5, "redshift": [0.001, 0.2]}
        }
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
) -> Path:
    """Replay the survey with a config, or return the folder where that was done."""
    told = settings(name) | dict(changes or {}) | {"observatories": list(sites)}
    caps = dict(capacity or {})
    label = "-".join(
        [name, f"z{known:g}", *(f"{site}={cap.spectra or cap.hours}" for site, cap in caps.items())]
    )
    folder = FOLDER / label
    path = FOLDER / f"{label}.yaml"
    FOLDER.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    case = load(path, archive=[str(archive(known=known))])
    parts = build(replace(case, sources=case.sources[:1]))
    plan = Plan(first, last, 1.0, caps, Weather(SEED, CLEAR))
    try:
        replay(parts, read(parts, first, last), plan, folder / "ours", on_night=_say(label))
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
