"""A store with rows in it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import (
    MJD,
    make_photometry,
    make_report,
)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


def light_curve(object_id="ZTF26a", n=3, **columns):
    mjd = MJD - np.arange(n, 0, -1)
    return make_photometry(object_id, mjd, **columns)


def ingest(store, objects=None, photometry=None, **columns):
    return store.ingest(make_report(objects, photometry, **columns), MJD)
