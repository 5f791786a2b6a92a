"""Candidates with fits, as `value` and `wait` read them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.conftest import MJD


def fitted(t_peak=MJD, t_peak_err=1.0, *, mag=17.0, points=10.0, z=0.05, **columns):
    """Return SNe Ia that look like SNe Ia and are this bright in g at their peak."""
    t_peak = np.atleast_1d(np.asarray(t_peak, float))
    mag = np.broadcast_to(np.asarray(mag, float), t_peak.shape)
    told = {
        "candidate_id": [f"SN{i}" for i in range(len(t_peak))],
        "too": False,
        "redshift": np.nan,
        "salt_t_peak": t_peak,
        "salt_t_peak_err": t_peak_err,
        "salt_n_points": points,
        "salt_chisq": points * 0.8,
        "salt_ndof": points - 5,
        "salt_objective": points * 0.8 + 0.5 - 4 * np.log(z),
        "salt_evidence": 1.0,
        "salt_z": z,
        "salt_z_err": 0.01,
        "salt_t0": t_peak,
        "salt_x0": 10 ** (-0.4 * (mag - 10.6)),
        "salt_x1": 0.0,
        "salt_x1_err": 0.5,
        "salt_c": 0.0,
        "salt_ebv": 0.0,
        "bazin_evidence": 1.0,
    }
    return pd.DataFrame(told).assign(**columns)
