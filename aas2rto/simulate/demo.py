"""The demo night: simulated alerts and a ToO, written where the demo config looks for them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from aas2rto import __version__
from aas2rto.outputs import write_atomically
from aas2rto.simulate import archive_files
from aas2rto.simulate.cadence import ztf_like
from aas2rto.simulate.survey import simulate
from aas2rto.simulate.surveys import SURVEYS

NIGHT = "2026-03-20T22:00:00"
"""Time of the demo [UTC]: fixed, so that everybody sees the same lists."""

SEED = 42

DAYS = 45.0
"""Length of the survey until that night [d]."""
RATE_SCALE, CONTAMINANTS, FAINTEST = 0.2, 0.05, 18.5
"""As `aas2rto simulate` takes them: some two hundred objects, most of them past."""

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
    rng = np.random.default_rng([seed, 0])
    made = simulate(
        SURVEYS["ztf"],
        ztf_like(rng, now_mjd - DAYS, now_mjd),
        now_mjd,
        seed=seed,
        rate_scale=RATE_SCALE,
        contaminant_scale=CONTAMINANTS,
        faintest=FAINTEST,
    )
    archive_files.prepare(folder)
    told = {"version": __version__, "survey": "ztf", "to": now_mjd, "seed": seed}
    told |= {"rate_scale": RATE_SCALE, "contaminants": CONTAMINANTS, "faintest": FAINTEST}
    counts = archive_files.write(folder, made, told)
    write_atomically(folder / "too_targets" / "GRB260320A.txt", TOO_TEXT)
    return counts["objects"]
