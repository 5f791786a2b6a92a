"""Exposures of ATLAS forced photometry become points: cuts, stacks, suspects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.sources.atlas_photometry import read, stack
from tests.shared import PAYLOADS
from tests.standin import sky
from tests.standin.atlas import HEADER, line

# -- stacking -------------------------------------------------------------------------------------


def result(*looks: tuple[float, float, float], band: str = "o", **changes: str) -> str:
    """Write a result of exposures (mjd, flux, error)."""
    t = sky.transients()[0]
    lines = [line(sky.Exposure(mjd, band, flux, err), t) for mjd, flux, err in looks]
    for old, new in changes.items():
        lines = [text.replace(f" {old.strip('_')} ", f" {new} ") for text in lines]
    return "\n".join([HEADER, *lines]) + "\n"


def no_complaints(what: str) -> None:
    raise AssertionError(what)


def stacked(text: str, **settings: Any) -> pd.DataFrame:
    return stack(read(text, no_complaints), **settings)


FOUR = [(61000.40 + k * 0.01, 40.0, 12.0) for k in range(4)]


def test_four_exposures_of_40_uJy_are_a_detection_together():  # noqa: N802  the unit
    """6.7 sigma (science.md, section 5); the paper's limit throws them away."""
    (point,) = stacked(result(*FOUR)).to_dict("records")
    assert point["flux"] / point["flux_err"] == pytest.approx(40 / 6)
    assert point["kind"] == "detection"
    assert point["limit"] == pytest.approx(30.0)
    (paper,) = stacked(result(*FOUR), limit="paper").to_dict("records")
    assert paper["limit"] == pytest.approx(60.0)
    assert paper["kind"] == "limit"


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(st.integers(-500, 500), st.integers(5, 60)), min_size=1, max_size=4, unique=True
    )
)
def test_the_mean_is_weighted_by_inverse_variance(values):
    """Against numpy's weighted average."""
    looks = [(61000.4 + k * 0.01, flux or 1, err) for k, (flux, err) in enumerate(values)]
    (point,) = stacked(result(*looks)).to_dict("records")
    flux, err = (np.array([look[k] for look in looks], dtype=float) for k in (1, 2))
    mean, total = np.average(flux, weights=err**-2.0, returned=True)
    assert point["flux"] == pytest.approx(mean)
    assert point["flux_err"] == pytest.approx(total**-0.5)


def test_visits_and_bands_are_kept_apart():
    """More than 90 minutes, or another filter, is another point."""
    looks = [*FOUR[:2], (61000.40 + 0.08, 40.0, 12.0), (61002.4, 40.0, 12.0)]
    assert len(stacked(result(*looks))) == 3
    both = result(*FOUR[:2]) + result(*FOUR[2:], band="c").split("\n", 1)[1]
    assert sorted(stacked(both)["band"]) == ["atlasc", "atlaso"]


def test_visits_at_the_ends_of_a_request_are_left_out():
    """They may lack exposures, and would change under the same name."""
    looks = [*FOUR, (61002.4, 40.0, 12.0), (61004.4, 40.0, 12.0)]
    points = stacked(result(*looks), begin=61001.0, end=61003.0)
    assert points["mjd"].round().tolist() == [61002.0]


def test_exposures_that_disagree_make_a_suspect_point():
    """An asteroid in one of four is no supernova."""
    looks = [*FOUR[:3], (61000.43, 900.0, 12.0)]
    assert stacked(result(*looks))["kind"].tolist() == ["suspect"]
    assert stacked(result(*looks))["why"].tolist() == [
        "its exposures scatter more than noise and sky allow"
    ]


@pytest.mark.parametrize("flux", [3e3, 3e4, 1e5])
@pytest.mark.parametrize("scatter", [0.005, 0.015, 0.02])
def test_the_real_scatter_of_bright_sources_is_not_suspect(flux, scatter):
    """Photon noise of 11 mag is 0.1 %, but the sky varies by 1-2 % between exposures."""
    signs = np.array([1.0, -1.0, 1.2, -1.1])
    error = max(10.0, 0.001 * flux)
    looks = [(61000.4 + k * 0.01, flux * (1.0 + scatter * signs[k]), error) for k in range(4)]
    assert stacked(result(*looks))["kind"].tolist() == ["detection"]


def test_one_wild_exposure_of_a_bright_source_is_still_suspect():
    """The allowance is relative to the median, which it does not lift."""
    for fluxes, error in (((3e4, 3e4, 3e4, 6e4), 30.0), ((12.0, 912.0, 5.0, -12.0), 10.0)):
        looks = [(61000.4 + k * 0.01, flux, error) for k, flux in enumerate(fluxes)]
        assert stacked(result(*looks))["kind"].tolist() == ["suspect"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("duJy", 12000.0),
        ("err", 1.0),
        ("x", 90.0),
        ("y", 10470.0),
        ("maj", 5.5),
        ("min", 1.5),
        ("apfit", -1.2),
        ("apfit", -0.05),
        ("mag5sig", 16.5),
        ("Sky", 16.9),
        ("uJy", math.nan),
    ],
)
def test_bad_exposures_are_cut(column, value):
    """The limits of science.md, section 5, one by one."""
    exposures = read(result(*FOUR), no_complaints)
    exposures.loc[0, column] = value
    full, cut = stack(read(result(*FOUR), no_complaints)), stack(exposures)
    assert cut["flux_err"].iloc[0] == pytest.approx(full["flux_err"].iloc[0] * math.sqrt(4 / 3))


def test_a_result_without_exposures_is_empty():
    """The header alone, or everything cut."""
    assert stacked(HEADER + "\n").empty
    assert list(stacked(HEADER + "\n").columns) == list(stacked(result(*FOUR)).columns)


def test_a_broken_line_costs_itself():
    """It is named by its number."""
    text = result(*FOUR).replace("61000.410000", "oh no!")
    lines: list[str] = []
    exposures = read(text, lines.append)
    assert len(exposures) == 3
    assert lines == ["line 3 cannot be read (20 values for 19 columns)"]


def test_unknown_columns_are_ignored_and_missing_ones_told():
    """Columns are found by name."""
    text = result(*FOUR).replace("Obs\n", "Obs new\n", 1).replace("o\n", "o 7\n")
    assert len(read(text, no_complaints)) == 4
    with pytest.raises(ValueError, match="its header lacks duJy"):
        read(result(*FOUR).replace("duJy", "dFlux"), no_complaints)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["job01088.txt", "tom_base_test_atlas_fp.csv"])
def test_real_results_are_read_and_stacked(name):
    """Every exposure is readable; stacks are several times deeper than exposures."""
    text = (PAYLOADS / "atlas" / name).read_text()
    exposures = read(text, no_complaints)
    assert len(exposures) == len(text.splitlines()) - 1
    points = stack(exposures)
    assert 0 < len(points) < len(exposures)
    assert points["measurement_id"].is_unique
    assert points["flux_err"].median() < exposures["duJy"].median()
