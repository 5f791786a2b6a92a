"""Every column has a meaning, and every meaning a column."""

from __future__ import annotations

from astropy.time import Time

from aas2rto.models import FIT_COLUMNS, MODELS
from aas2rto.outputs import lists
from aas2rto.sky import observatory_file
from aas2rto.sky.visibility import site_table
from aas2rto.steps import present
from aas2rto.steps.cycle import Fits
from aas2rto.steps.fit import add_peak_probability, join
from aas2rto.tables import candidates, columns, marks, photometry, summary
from tests.conftest import MJD, make_candidates


def test_stored_columns_are_described() -> None:
    """Those of candidates, measurements and fits, in their order."""
    assert list(columns.CANDIDATE) == list(candidates.COLUMNS)
    assert list(columns.PHOTOMETRY) == list(photometry.COLUMNS)
    assert list(columns.FIT) == list(FIT_COLUMNS)


def test_columns_of_a_site_are_described() -> None:
    """All that a site's factors can read."""
    site = observatory_file.load("la_palma_not")
    table = site_table(site, make_candidates(), Time(MJD, format="mjd"))
    assert set(columns.SITE) == set(table.columns)


def test_columns_of_lists_are_described() -> None:
    """What a CSV file shows stands in one of the tables."""
    known = columns.LISTS | columns.CANDIDATE | columns.SITE | columns.OF_CYCLE | summary.COLUMNS
    assert {*lists.LEADING, *lists.TRAILING, lists.X_VIS} <= set(known)


def test_parameters_of_models_are_described() -> None:
    """Each packaged model, each parameter."""
    assert list(columns.PARAMETERS) == ["salt", "bazin", "dip", "change"]
    for name, said in columns.PARAMETERS.items():
        bands = [*photometry.BANDS, "<band>"]
        described = {one.replace("<band>", band) for one in said for band in bands}
        made = set(MODELS.get(name).make.PARAMETERS)  # type: ignore[attr-defined]
        assert made == {one for one in described if "<band>" not in one}


def test_what_a_cycle_adds_is_described() -> None:
    """Beside the fits: SALT's dust, what a factor may ask of a fit, what people say."""
    before = make_candidates()
    after = add_peak_probability(join(before, Fits({})), MJD)
    asked = {"ebv", present.COLUMN, marks.TRIAGE}
    assert {*after.columns, *asked} - set(before.columns) == set(columns.OF_CYCLE)
