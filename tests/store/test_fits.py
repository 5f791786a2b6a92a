"""Fits are kept as numbers, whatever a model calls them, and come back as they were."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.conftest import MJD, make_objects, make_report


def know(store, names):
    store.ingest(make_report(make_objects(list(names), ra=np.arange(len(names)) * 9.0)), MJD)


def a_fit(**change):
    values = {
        "status": "ok",
        "reason": "fine",
        "t_peak": MJD,
        "t_peak_err": 0.5,
        "chisq": 10.0,
        "ndof": 8.0,
        "n_points": 12.0,
        "bands": "ztfg ztfr",
        "parameters": {"x1": 0.5, "c": -0.0},
        "errors": {"x1": 0.1},
        "covariance": [[0.01, float("inf")], [1e-300, float("nan")]],
    }
    return {**values, **change}


def frame_of(names, fits):
    columns = [{"candidate_id": name, **fit, "digest": f"d {name}"} for name, fit in fits.items()]
    assert list(fits) == list(names)
    return pd.DataFrame(columns)


FITS = {
    "plain": a_fit(),
    "too few points": a_fit(
        status="not_enough_data",
        t_peak=float("nan"),
        parameters={},
        errors={},
        covariance=[],
    ),
    "other names": a_fit(parameters={"A \N{GREEK SMALL LETTER ALPHA}": 1.0}, errors={}),
    "a whole number": a_fit(parameters={"n": 3, "x1": 0.5}),
    "words": a_fit(parameters={"kind": "plateau"}, covariance=None),
    "ragged": a_fit(covariance=[[1.0], [1.0, 2.0]]),
}


def test_fits_of_any_shape_come_back_as_they_were(store):
    """Numbers to the bit; what is no table of numbers as JSON says it."""
    know(store, FITS)
    store.fits.save("mine", frame_of(FITS, FITS))
    found = store.fits.of("mine").set_index("candidate_id")
    assert set(found.index) == set(FITS)
    for name, fit in FITS.items():
        row = found.loc[name]
        assert row["digest"] == f"d {name}"
        said = {key: float(v) if isinstance(v, float) else v for key, v in row[list(fit)].items()}
        assert repr(said) == repr(fit), name
    kinds = {type(value) for value in found.loc["a whole number", "parameters"].values()}
    assert kinds == {int, float}


def test_fits_with_the_same_names_share_them(store):
    """A thousand fits of a model name its parameters once."""
    know(store, "abc")
    for name in "abc":
        store.fits.save("salt", frame_of([name], {name: a_fit()}))
    with store.engine.connect() as connection:
        layouts = connection.exec_driver_sql("SELECT COUNT(*) FROM fit_layouts").scalar_one()
        sizes = connection.exec_driver_sql("SELECT length(numbers) FROM fits").scalars().all()
    assert layouts == 1
    assert sizes == [8 * (5 + 3 + 4)] * 3
