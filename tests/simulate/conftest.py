"""A small survey that several tests look at."""

from __future__ import annotations

import numpy as np
import pytest

from aas2rto.simulate.cadence import ztf_like
from aas2rto.simulate.survey import Simulation, simulate
from aas2rto.simulate.surveys import SURVEYS
from aas2rto.simulate.visits import Visits

BEGIN, END = 61080.0, 61150.0


@pytest.fixture(scope="session")
def ztf_visits() -> Visits:
    return ztf_like(np.random.default_rng([3, 0]), BEGIN, END)


@pytest.fixture(scope="session")
def small_survey(ztf_visits: Visits) -> Simulation:
    return simulate(SURVEYS["ztf"], ztf_visits, END, seed=3, rate_scale=0.02)
