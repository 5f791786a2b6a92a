"""The photometry table: conversions at its door, kinds of measurement, one row per exposure."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.tables import photometry as phot
from tests.conftest import MJD, make_photometry

fluxes = st.floats(1e-6, 1e9)


# -- conversions ----------------------------------------------------------------------------------


@pytest.mark.slow
@given(fluxes)
def test_flux_and_magnitude_are_two_ways_to_say_one_thing(flux):
    """There and back changes nothing."""
    assert float(phot.flux_from_mag(phot.mag_from_flux(flux))) == pytest.approx(flux, rel=1e-12)


@given(flux=fluxes, share=st.floats(1e-4, 1.0))
def test_errors_of_flux_and_magnitude_are_two_ways_to_say_one_thing(flux, share):
    """There and back changes nothing."""
    magerr = phot.magerr_from_flux(flux, share * flux)
    assert float(phot.flux_err_from_magerr(flux, magerr)) == pytest.approx(share * flux, rel=1e-12)


@given(fluxes)
def test_magnitudes_are_those_of_astropy(flux):
    """AB magnitudes, by an independent implementation."""
    assert float(phot.mag_from_flux(flux)) == pytest.approx((flux * u.uJy).to_value(u.ABmag))


@given(fluxes, fluxes)
def test_brighter_is_a_smaller_magnitude(one, other):
    """The order of magnitudes is the reverse of that of fluxes."""
    mags = phot.mag_from_flux([min(one, other), max(one, other)])
    assert mags[0] >= mags[1]


def test_a_flux_that_is_not_positive_has_no_magnitude():
    """Forced photometry below the template has a flux only."""
    fluxes = np.array([-5.0, 0.0, np.nan])
    assert np.isnan(phot.mag_from_flux(fluxes)).all()
    assert np.isnan(phot.magerr_from_flux(fluxes, 1.0)).all()
    assert float(phot.flux_err_from_magerr(-100.0, 0.1)) == pytest.approx(9.21, abs=0.01)


def test_tai_is_37_seconds_ahead():
    """LSST's times become UTC; what is unknown stays unknown."""
    utc = phot.mjd_utc_from_tai([61000.0, np.nan])
    assert (61000.0 - utc[0]) * 86400 == pytest.approx(37.0, abs=1e-4)
    assert utc[0] == pytest.approx(Time(61000.0, format="mjd", scale="tai").utc.mjd, abs=1e-12)
    assert np.isnan(utc[1])


# -- kinds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flux", "error", "survey", "kind"),
    [
        (30.0, 10.0, "ztf", "detection"),
        (29.9, 10.0, "ztf", "limit"),
        (49.9, 10.0, "lsst", "limit"),
        (50.0, 10.0, "lsst", "detection"),
        (50.0, 10.0, "atlas", "detection"),
        (30.0, 10.0, "anybody", "detection"),
        (-30.0, 10.0, "ztf", "suspect"),
        (-29.9, 10.0, "ztf", "limit"),
        (np.nan, 10.0, "ztf", "limit"),
        (30.0, np.nan, "ztf", "limit"),
        (30.0, 0.0, "ztf", "limit"),
        (30.0, -1.0, "ztf", "limit"),
        (np.inf, 10.0, "ztf", "limit"),
    ],
)
def test_signal_to_noise_and_survey_decide_the_kind(flux, error, survey, kind):
    """Each survey has its cut; a dip below the template is no detection."""
    assert str(phot.kind_of(flux, error, survey)) == kind


def test_a_flag_makes_a_measurement_suspect_but_not_a_limit():
    """Bad quality is no evidence for anything, and a limit has nothing to suspect."""
    kinds = phot.kind_of([100.0, np.nan, 1.0], 10.0, "ztf", suspect=[True, True, True])
    assert kinds.tolist() == ["suspect", "limit", "suspect"]


def test_a_limit_is_named_by_its_exposure():
    """Two brokers name one exposure alike, and the next one differently."""
    assert phot.limit_id("ztfg", 61000.12341) == phot.limit_id("ztfg", 61000.12339)
    assert phot.limit_id("ztfg", 61000.1234) != phot.limit_id("ztfg", 61000.1244)
    assert phot.limit_id("ztfg", 61000.1234) != phot.limit_id("ztfr", 61000.1234)


# -- the table ------------------------------------------------------------------------------------


def test_a_conforming_table_has_all_columns_and_types():
    """Missing columns are null, other columns are dropped, the order is that of the contract."""
    table = phot.conform(pd.DataFrame({"band": ["ztfg"], "mjd": [61000], "extra": [1]}, index=[7]))
    assert list(table) == list(phot.COLUMNS)
    assert table.index.tolist() == [0]
    assert table["flux"].isna().all()
    assert table["survey"].tolist() == [""]
    assert {name: table[name].dtype.kind for name in ("mjd", "flux")} == {"mjd": "f", "flux": "f"}
    pd.testing.assert_frame_equal(phot.conform(table), table)


def test_wide_ids_keep_their_digits():
    """A 64-bit id is a text, not a rounded number."""
    ids = [170094456272322680, 170094456272322681]
    table = phot.conform(pd.DataFrame({"mjd": [1.0, 2.0], "band": "lsstg", "measurement_id": ids}))
    assert table["measurement_id"].tolist() == [str(number) for number in ids]


def test_an_empty_table_conforms():
    """No rows is a table, too."""
    pd.testing.assert_frame_equal(phot.conform(phot.empty()), phot.empty())
    assert phot.one_per_exposure(phot.empty()).empty
    assert list(phot.segments(phot.empty())) == []


def test_only_what_was_known_is_seen():
    """A replay sees no measurement before it was known, nor one from the future."""
    table = make_photometry(mjd=[1.0, 2.0, 3.0, 9.0], known_at=[1.5, 8.0, 4.0, 4.0])
    assert phot.as_known_at(table, 5.0)["mjd"].tolist() == [1.0, 3.0]
    assert phot.as_known_at(table, 1.5)["mjd"].tolist() == [1.0]
    assert phot.as_known_at(table, 1.4).empty


def test_segments_are_the_rows_of_each_candidate():
    """Their edges meet and cover the table."""
    table = make_photometry(candidate_id=["a", "a", "b", "c", "c", "c"], mjd=range(6))
    found = [(s.candidate_id, s.start, s.stop) for s in phot.segments(table)]
    assert found == [("a", 0, 2), ("b", 2, 3), ("c", 3, 6)]


@pytest.mark.parametrize("categorical", [False, True])
def test_codes_tell_texts_apart(categorical):
    """Texts and categories get numbers by the same rule."""
    column = pd.Series(["r", "g", "r", "x"], dtype="category" if categorical else "str")
    numbers = phot.codes(column)
    assert len(set(numbers)) == 3
    assert numbers[0] == numbers[2]
    assert phot.codes(column, ["g", "r"]).tolist() == [1, 0, 1, -1]


# -- one row per exposure -------------------------------------------------------------------------


def test_forced_photometry_of_an_alerts_exposure_is_left_out():
    """The alert is a detection, its forced twin may be a limit: one epoch, one row."""
    table = make_photometry(
        mjd=[MJD, MJD + 1e-6, MJD + 0.02],
        kind=["limit", "detection", "limit"],
        flux=[10.0, 100.0, 5.0],
    )
    kept = phot.one_per_exposure(table)
    assert kept["kind"].tolist() == ["detection", "limit"]
    assert kept["flux"].tolist() == [100.0, 5.0]


@pytest.mark.parametrize(
    ("kinds", "flux", "best"),
    [
        (["suspect", "detection"], [1.0, 1.0], 1),
        (["limit", "suspect"], [1.0, 1.0], 1),
        (["detection", "detection"], [1.0, 1.0], 0),
        (["limit", "limit"], [np.nan, 1.0], 1),
        (["detection", "limit"], [np.nan, 1.0], 1),
    ],
)
def test_the_best_measurement_of_an_exposure_stays(kinds, flux, best):
    """A detection before a suspect point before a limit; a flux before none; else the first."""
    table = make_photometry(mjd=[MJD, MJD], kind=kinds, flux=flux)
    assert phot.one_per_exposure(table).index.tolist() == [best]


def test_times_on_either_side_of_a_rounding_boundary_are_one_exposure():
    """A broker's last digit must not make an epoch count twice."""
    table = make_photometry(mjd=[61000.00005 - 1e-9, 61000.00005 + 1e-9])
    assert len(phot.one_per_exposure(table)) == 1


@pytest.mark.parametrize("column", ["candidate_id", "survey", "band"])
def test_other_candidates_surveys_and_bands_are_other_exposures(column):
    """Two telescopes may look at once."""
    table = make_photometry(mjd=[MJD, MJD], **{column: ["one", "other"]})
    assert len(phot.one_per_exposure(table)) == 2


rows = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["ztfg", "ztfr"]),
        st.integers(0, 6),
        st.sampled_from([0.0, 1e-6, 4e-5]),
        st.sampled_from(phot.KINDS),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


def slowly_one_per_exposure(table):
    """Return the index of the rows to keep: pair by pair, as one would by hand."""
    rank = {"detection": 0, "suspect": 1, "limit": 2}
    rows = table.to_dict("index")
    groups: list[list[int]] = []
    for index, row in rows.items():
        for group in groups:
            first = rows[group[0]]
            same = all(first[name] == row[name] for name in ("candidate_id", "survey", "band"))
            if same and any(abs(rows[i]["mjd"] - row["mjd"]) <= 1e-4 for i in group):
                group.append(index)
                break
        else:
            groups.append([index])
    best = [
        min(g, key=lambda i: (np.isnan(rows[i]["flux"]), rank[rows[i]["kind"]], i)) for g in groups
    ]
    return sorted(best)


@pytest.mark.slow
@pytest.mark.parametrize("categorical", [False, True])
@given(rows=rows)
def test_one_row_per_exposure_is_what_one_would_do_by_hand(rows, categorical):
    """The same rows, in the order of the table, whether texts are categories or not."""
    candidate, band, night, late, kind, dark = zip(*rows, strict=True)
    table = make_photometry(
        candidate_id=list(candidate),
        band=list(band),
        mjd=MJD + np.array(night) + np.array(late),
        kind=list(kind),
        flux=np.where(dark, np.nan, 1.0),
    )
    table = table.sort_values(["candidate_id", "mjd"], kind="stable", ignore_index=True)
    if categorical:
        table = table.astype(dict.fromkeys(("candidate_id", "band", "survey", "kind"), "category"))
    kept = phot.one_per_exposure(table)
    assert kept.index.tolist() == slowly_one_per_exposure(table)


@pytest.mark.slow
@given(rows=rows)
def test_no_epoch_is_left_twice(rows):
    """Whatever comes in, kept rows of one camera are farther apart than an exposure."""
    candidate, band, night, late, kind, _ = zip(*rows, strict=True)
    table = make_photometry(
        candidate_id=list(candidate),
        band=list(band),
        mjd=MJD + np.array(night) + np.array(late),
        kind=list(kind),
    ).sort_values(["candidate_id", "mjd"], kind="stable", ignore_index=True)
    kept = phot.one_per_exposure(table)
    for _, group in kept.groupby(["candidate_id", "band"]):
        assert all(b - a > 1e-4 for a, b in itertools.pairwise(sorted(group["mjd"])))
    again = phot.one_per_exposure(kept)
    assert again.index.tolist() == kept.index.tolist()
