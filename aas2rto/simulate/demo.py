"""The demo night: simulated alerts and a ToO, written where the demo config looks for them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from aas2rto.outputs import write_atomically
from aas2rto.simulate.night import simulate_night

NIGHT = "2026-03-20T22:00:00"
"""Time of the demo [UTC]: fixed, so that everybody sees the same lists."""

SEED = 42

TOO_TEXT = """\
# A target of opportunity: any text file like this one, dropped into the folder.
name: GRB260320A
ra: 11:32:10.5
dec: +05:14:20
base_score: 1000
comment: possible afterglow, spectrum wanted
magnitude: 18.2
"""


def prepare(folder: Path, now_mjd: float, *, seed: int = SEED) -> int:
    """Write a simulated night and a ToO file.

    Parameters
    ----------
    folder : Path
        The demo's project folder; what an earlier demo left there is removed.
    now_mjd : float
        Time of the night [d, MJD UTC].
    seed : int
        The same seed gives the same night.

    Returns
    -------
    int
        How many objects were simulated.
    """
    if folder.exists():
        shutil.rmtree(folder)
    objects, photometry = simulate_night(seed, now_mjd)
    known = objects[["object_id", "ra", "dec", "redshift"]]
    known = known.rename(columns={"object_id": "candidate_id"})
    table = photometry.merge(known, on="candidate_id")
    write_atomically(folder / "night" / "light_curves.csv", _as_csv(table))
    write_atomically(folder / "truth.csv", objects.to_csv(index=False))
    write_atomically(folder / "too_targets" / "GRB260320A.txt", TOO_TEXT)
    return len(objects)


def _as_csv(table: pd.DataFrame) -> str:
    text: str = table.drop(columns=["source"]).to_csv(index=False, float_format="%.8g")
    return text
