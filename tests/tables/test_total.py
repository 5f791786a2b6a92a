"""Total brightness: the sum of a template and a difference, with its error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.sources.packets.batch import lsst, ztf
from aas2rto.tables import total
from aas2rto.tables.photometry import OPTIONAL, TEMPLATE, TEMPLATE_ERR, conform, flux_from_mag
from tests.shared import DATA
from tests.sources.alerts import lsst_alert, ztf_alert


@pytest.mark.parametrize(
    ("given", "mag", "magerr"),
    [
        ((16, 0.02, 18, 0.05, 1), 15.84027, 0.01857),
        ((16, 0.02, 18, 0.05, -1), 16.18735, 0.02556),
        ((15, 0.01, 17.5, 0.1, -1), 15.11439, 0.01571),
        ((17, 0.03, 16, 0.02, 1), 15.63615, 0.01666),
    ],
)
def test_magnitudes_and_their_errors(given: tuple[float, ...], mag: float, magerr: float) -> None:
    found, error = total.magnitude(*given)
    assert found == pytest.approx(mag, abs=1e-5)
    assert error == pytest.approx(magerr, abs=1e-5)


def test_where_nothing_is_left_there_is_no_magnitude() -> None:
    assert all(np.isnan(value) for value in total.magnitude(16, 0.02, 16, 0.05, -1))


@given(st.floats(12, 20), st.floats(0.001, 0.2), st.floats(12, 21), st.floats(0.01, 0.3))
def test_the_table_says_what_the_formula_does(
    magnr: float, sigmagnr: float, magpsf: float, sigmapsf: float
) -> None:
    """From a packet to a magnitude, both signs: 1e-5 mag."""
    for letter, sign in (("t", 1.0), ("f", -1.0)):
        alert = ztf_alert()
        alert["candidate"].update(
            magnr=magnr,
            sigmagnr=sigmagnr,
            distnr=0.3,
            magpsf=magpsf,
            sigmapsf=sigmapsf,
            isdiffpos=letter,
            jd=2461120.5,  # MJD 61120
        )
        found = total.totals(ztf([alert]).photometry)
        found = found[found["mjd"] == 61120.0]
        mag, magerr = total.magnitudes(found)
        expected = total.magnitude(magnr, sigmagnr, magpsf, sigmapsf, sign)
        np.testing.assert_allclose(mag, [expected[0]], atol=1e-5)
        np.testing.assert_allclose(magerr, [expected[1]], rtol=1e-5)
        assert np.sign(found["difference"].iloc[0]) == sign


@pytest.mark.parametrize(
    "changed", [{"distnr": 1.5}, {"distnr": -999.0}, {"magnr": None}, {"sigmagnr": -999.0}]
)
def test_a_template_that_is_another_star_or_none_gives_none(changed: dict[str, object]) -> None:
    alert = ztf_alert()
    alert["candidate"].update({"magnr": 16.0, "sigmagnr": 0.02, "distnr": 0.3, **changed})
    table = ztf([alert]).photometry
    assert total.totals(table).empty
    assert set(OPTIONAL) <= set(table)


def test_lsst_adds_the_flux_of_its_template() -> None:
    """TemplateFlux + psfFlux, both in nJy."""
    alert = lsst_alert()
    alert["diaSource"].update(
        templateFlux=3000.0, templateFluxErr=40.0, psfFlux=-500.0, psfFluxErr=30.0
    )
    (row,) = total.totals(lsst([alert]).photometry).to_dict("records")
    assert (row["flux"], row["flux_err"]) == (pytest.approx(2.5), pytest.approx(0.05))
    assert row["difference"] == pytest.approx(-0.5)
    assert row["kind"] == total.ALERT


@pytest.mark.real_data
def test_alerts_of_real_nuclei() -> None:
    """Half of 19,603 measurements have a template within 1.4 arcsec; totals are magnitudes."""
    table = pd.read_parquet(DATA / "ztf_nuclear_alert_photometry.parquet").dropna(subset="magpsf")
    near = table[(table["distnr"] < total.POINT_SOURCE) & (table["magnr"] > 0)]
    sign = np.where(near["isdiffpos"].astype(float) > 0, 1.0, -1.0)
    columns = (near[name].to_numpy(float) for name in ("magnr", "sigmagnr", "magpsf", "sigmapsf"))
    mag, magerr = total.magnitude(*columns, sign)
    fainter = sign < 0
    known = np.isfinite(mag)
    assert known.sum() > 1000
    assert (mag[fainter & known] > near["magnr"].to_numpy(float)[fainter & known]).all()
    assert (mag[~fainter] < near["magnr"].to_numpy(float)[~fainter]).all()
    assert np.median(magerr[known]) < 0.1


def test_columns_that_are_not_given_make_no_flux() -> None:
    row = {"flux": 1.0, "flux_err": 0.1, TEMPLATE: np.nan, TEMPLATE_ERR: np.nan}
    table = conform(pd.DataFrame([{"mjd": 60000.0, "band": "ztfg", **row}]))
    assert total.totals(table).empty
    assert flux_from_mag(23.9) == 1.0
