"""Summary columns equal those of a slow and obvious implementation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.tables import photometry as phot
from aas2rto.tables import summary
from tests.conftest import MJD, make_photometry


def summarise(table, ids=("a",)):
    table = table.sort_values(["candidate_id", "mjd"], kind="stable", ignore_index=True)
    return summary.summarise(table, pd.Series(list(ids), dtype="str"))


def by_hand_slope(points, window):
    points = [p for p in points if p[0] >= max(p[0] for p in points) - window]
    if not points or max(p[0] for p in points) - min(p[0] for p in points) < 0.5:
        return math.nan
    return np.polyfit([p[0] - points[0][0] for p in points], [p[1] for p in points], 1)[0]


def by_hand_colour(seen):
    nights = []
    for night in sorted({math.floor(row["mjd"]) for row in seen}):
        here = [row for row in seen if math.floor(row["mjd"]) == night]
        blue = [row["mag"] for row in here if row["band"] in ("ztfg", "lsstg")]
        red = [row["mag"] for row in here if row["band"] in ("ztfr", "lsstr")]
        if blue and red:
            nights.append((night, sum(blue) / len(blue) - sum(red) / len(red)))
    return {
        "colour": nights[-1][1] if nights else math.nan,
        "colour_change": by_hand_slope(nights, summary.COLOUR_WINDOW),
    }


def slowly(table, candidate_id, bands):
    """Return the summary of one candidate, computed with plain Python, one number at a time."""
    rows = [row for row in table.to_dict("records") if row["candidate_id"] == candidate_id]
    seen = [row for row in rows if row["kind"] == "detection"]
    mags = [23.9 - 2.5 * math.log10(row["flux"]) for row in seen]
    said = {
        "n_detections": len(seen),
        "n_limits": sum(row["kind"] == "limit" for row in rows),
        "n_suspect": sum(row["kind"] == "suspect" for row in rows),
        "first_detection": min((row["mjd"] for row in seen), default=math.nan),
        "last_detection": max((row["mjd"] for row in seen), default=math.nan),
        "last_mag": mags[-1] if seen else math.nan,
        "last_magerr": 2.5 / math.log(10) * seen[-1]["flux_err"] / seen[-1]["flux"]
        if seen
        else math.nan,
        "last_band": seen[-1]["band"] if seen else "",
        "peak_mag": min(mags, default=math.nan),
        "n_set_aside": 0,
        "last_set_aside": math.nan,
        "updated": max((row["known_at"] for row in rows), default=math.nan),
    }
    said |= by_hand_colour([row | {"mag": mag} for row, mag in zip(seen, mags, strict=True)])
    for band in bands:
        mine = [i for i, row in enumerate(seen) if row["band"] == band]
        pairs = [mags[b] < mags[a] for a, b in itertools.pairwise(mine)]
        said |= {
            f"n_detections_{band}": len(mine),
            f"mag_{band}": mags[mine[-1]] if mine else math.nan,
            f"magerr_{band}": 2.5
            / math.log(10)
            * seen[mine[-1]]["flux_err"]
            / seen[mine[-1]]["flux"]
            if mine
            else math.nan,
            f"mjd_{band}": seen[mine[-1]]["mjd"] if mine else math.nan,
            f"rise_rate_{band}": -by_hand_slope(
                [(seen[i]["mjd"], mags[i]) for i in mine], summary.RISE_WINDOW
            ),
            f"rise_fraction_{band}": sum(pairs) / len(pairs) if pairs else math.nan,
        }
    return said


rows = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["ztfg", "ztfr", "lssty", "sdssu"]),
        st.integers(0, 1000),
        st.sampled_from([50.0, 100.0, 100.5, 2000.0]),
        st.sampled_from(phot.KINDS),
        st.floats(0, 5),
    ),
    max_size=30,
    unique_by=lambda row: row[2],
)


@pytest.mark.slow
@pytest.mark.parametrize("categorical", [False, True])
@given(rows=rows)
def test_the_summary_is_what_one_would_count_by_hand(rows, categorical):
    """Every column of every candidate, for any light curves in any order of candidates."""
    if rows:
        names, band, step, flux, kind, delay = zip(*rows, strict=True)
        mjd = MJD + np.array(step) / 10
        table = make_photometry(
            list(names),
            mjd,
            band=list(band),
            flux=np.array(flux),
            kind=list(kind),
            known_at=mjd + np.array(delay),
        ).sort_values(["candidate_id", "mjd"], ignore_index=True)
    else:
        table = phot.empty()
    if categorical:
        table = table.astype(dict.fromkeys(("candidate_id", "band", "survey", "kind"), "category"))
    ids = ["c", "a", "nobody", "b"]
    found = summary.summarise(table, pd.Series(ids, dtype="str"))
    bands = [*phot.BANDS, *(["sdssu"] if "n_detections_sdssu" in found else [])]
    assert len(found) == len(ids)
    for number, name in enumerate(ids):
        row = found.iloc[number].to_dict()
        expected = slowly(table, name, bands)
        assert set(row) == set(expected)
        for column, value in expected.items():
            assert row[column] == pytest.approx(value, nan_ok=True), (name, column)


def test_the_documented_columns_are_there_without_any_photometry():
    """Factors find their columns on the first night."""
    found = summarise(phot.empty(), ["a", "b"])
    assert list(found) == summary.column_names()
    assert found["n_detections"].tolist() == [0, 0]
    assert found["last_mag"].isna().all()
    assert found["last_band"].tolist() == ["", ""]


def test_no_candidates_give_an_empty_table():
    """An empty store is a store."""
    found = summarise(make_photometry("somebody else"), [])
    assert len(found) == 0
    assert set(summary.column_names()) <= set(found)


def test_limits_do_not_count_as_pairs():
    """Upper limits between detections leave the rise fraction alone."""
    mags = [20.0, 19.0, 18.0, 17.0]
    clean = make_photometry(mjd=MJD + np.arange(4), mag=mags)
    limits = make_photometry(
        mjd=MJD + np.arange(4) + 0.5, mag=21.0, kind="limit", measurement_id=list("pqrs")
    )
    suspect = make_photometry(mjd=MJD + np.arange(4) + 0.7, flux=-100.0, kind="suspect")
    found = summarise(pd.concat([clean, limits, suspect], ignore_index=True))
    assert found["rise_fraction_ztfg"].tolist() == [1.0]
    assert (found[["n_detections", "n_limits", "n_suspect"]].to_numpy() == [4, 4, 4]).all()


def test_equal_magnitudes_do_not_rise():
    """A pair rises where the later is strictly brighter."""
    found = summarise(make_photometry(mjd=MJD + np.arange(4), mag=[18.0, 18.0, 17.0, 17.5]))
    assert found["rise_fraction_ztfg"].tolist() == [pytest.approx(1 / 3)]


def test_evolution_is_in_magnitudes_per_day():
    """A light curve that rises by 0.2 mag / d in r and 0.25 in g becomes bluer by 0.05 mag / d."""
    days = np.arange(5.0)
    table = pd.concat(
        [
            make_photometry(mjd=MJD + days + 0.1, mag=19 - 0.25 * days, band="ztfg"),
            make_photometry(
                mjd=MJD + days + 0.2,
                mag=18.8 - 0.2 * days,
                band="ztfr",
                measurement_id=list("abcde"),
            ),
        ]
    ).sort_values("mjd", ignore_index=True)
    found = summarise(table).iloc[0]
    assert found["rise_rate_ztfg"] == pytest.approx(0.25)
    assert found["rise_rate_ztfr"] == pytest.approx(0.2)
    assert found["colour"] == pytest.approx(0.0)
    assert found["colour_change"] == pytest.approx(-0.05)


def test_a_single_detection_has_no_rise_fraction():
    """There is no pair, so there is no share of pairs."""
    assert np.isnan(summarise(make_photometry())["rise_fraction_ztfg"].iloc[0])


def test_bands_of_ones_own_get_columns_too():
    """A table of light curves may bring any band; only detections make a column."""
    table = make_photometry(
        mjd=[MJD, MJD + 1], band=["sdssu", "besselb"], kind=["detection", "limit"]
    )
    found = summarise(table)
    assert found["n_detections_sdssu"].tolist() == [1]
    assert "n_detections_besselb" not in found


@pytest.mark.slow
@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_candidates_is_the_callers(order):
    """Rows stand as asked for, whatever the order of the photometry."""
    table = make_photometry(["a", "b", "c"], mag=[17.0, 18.0, 19.0], mjd=MJD)
    found = summarise(table, order)
    expected = {"a": 17.0, "b": 18.0, "c": 19.0, "d": math.nan}
    assert found["last_mag"].tolist() == pytest.approx([expected[x] for x in order], nan_ok=True)


def test_every_column_is_described():
    """What `list` shows people says what each column means."""
    assert all(summary.COLUMNS.values())
    assert all(summary.BAND_COLUMNS.values())
    assert "mag_ztfg" in summary.column_names()
