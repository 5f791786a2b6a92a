"""A small season of supernovae in files, and a config that replays it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FIRST = 61100.9
"""[d, MJD UTC] 2026-03-01T21:36: the first cycle."""

CONFIG = """\
project: small
sources: {archive: {paths: [alerts.csv]}}
models:
  salt: {min_detections: 4, redshift: [0.01, 0.15]}
score:
  min_value: 0.01
  factors:
    - magnitude: {zero_point: 18.5 mag, faint_limit: 19.5 mag}
    - detections: {min: 3}
    - time_span: {midpoint: 25 day, rate: -1 / day, max: 30 day}
    - peak: {model: salt}
observatories: [la_palma_not, la_silla_dk154]
visibility: {factor: altitude_integral, min_altitude: 30 deg}
figures: {top: 0}
"""

OTHER = CONFIG.replace("project: small", "project: other").replace("19.5 mag", "18.7 mag")


def truth(n: int = 8, nights: int = 20, seed: int = 0) -> pd.DataFrame:
    """Return what there is: every fourth is no SN Ia."""
    rng = np.random.default_rng(seed)
    number = np.arange(n)
    return pd.DataFrame(
        {
            "id": [f"SN{i}" for i in number],
            "type": np.where(number % 4 == 3, "SN II", "SN Ia"),
            "peak_mjd": FIRST + 6 + number * nights / n,
            "peak_mag": rng.uniform(16.8, 18.3, n).round(2),
            "ra": rng.uniform(120, 220, n),
            "dec": rng.uniform(-25, 20, n),
        }
    )


def season(n: int = 8, nights: int = 20, seed: int = 0) -> pd.DataFrame:
    """Return detections of supernovae that rise, peak and decline one after the other."""
    rng = np.random.default_rng(seed + 1)
    rows = []
    for one in truth(n, nights, seed).itertuples():
        for phase in np.arange(-14.0, 20.0, 2.0) + rng.uniform(-0.2, 0.2, 17):
            fainter = 0.014 * phase**2 if phase < 6 else 0.5 + 0.06 * (phase - 6)
            for k, band in enumerate(("ztfg", "ztfr")):
                at = one.peak_mjd + phase + 0.02 * k
                mag = one.peak_mag + fainter + 0.05 * k + rng.normal(0, 0.04)
                if mag < 20.3:
                    rows.append((one.id, one.ra, one.dec, round(at, 5), band, round(mag, 3), 0.05))
    table = pd.DataFrame(rows, columns=["object_id", "ra", "dec", "mjd", "band", "mag", "magerr"])
    return table.sort_values(["mjd", "object_id"], ignore_index=True)


def write_project(folder: Path, table: pd.DataFrame | None = None) -> Path:
    """Write configs and the archive; return the folder."""
    (folder / "small.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "other.yaml").write_text(OTHER, encoding="utf-8")
    (season() if table is None else table).to_csv(folder / "alerts.csv", index=False)
    return folder
