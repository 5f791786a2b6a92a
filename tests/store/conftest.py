"""A store with rows in it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from aas2rto.store import Store
from tests.conftest import (
    MJD,
    make_photometry,
    make_report,
)

BOTH = ["sqlite", pytest.param("postgresql", marks=[pytest.mark.proof, pytest.mark.postgres])]
"""What holds of a store holds on both databases."""


@pytest.fixture
def sqlite_url(tmp_path):
    """Return where an empty store may be that is a file."""
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


@pytest.fixture(params=BOTH)
def url(request):
    """Return where an empty store may be."""
    kind = "postgres_url" if request.param == "postgresql" else "sqlite_url"
    return request.getfixturevalue(kind)


@pytest.fixture(params=BOTH)
def store(request, empty_store, tmp_path_factory):
    """Return an empty store of one's own."""
    if request.param == "postgresql":
        where = request.getfixturevalue("postgres_url")
    else:
        path = tmp_path_factory.mktemp("store") / "store.sqlite"
        shutil.copyfile(empty_store, path)
        where = f"sqlite:///{path}"
    with Store(where) as opened:
        yield opened


def light_curve(object_id="ZTF26a", n=3, **columns):
    mjd = MJD - np.arange(n, 0, -1)
    return make_photometry(object_id, mjd, **columns)


def ingest(store, objects=None, photometry=None, **columns):
    return store.ingest(make_report(objects, photometry, **columns), MJD)
