"""Interest points: every check value and every edge of Rubin Anomalies, by the config itself."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.factors import Decision
from aas2rto.factors.amplitude import amplitude
from aas2rto.factors.anomaly_score import anomaly_score, outlier
from aas2rto.factors.known_type import known_type
from aas2rto.factors.tags import Tier, tags
from tests.factors.interest import points, scored

CASE = "rubin_anomalies"
NOW = Time(61366.0, format="mjd")
LAISS, NUCLEAR = "LAISS_RFC_AD_filter", "nuclear_transient"
DWARF, FOREST = "dwarf_nova_outburst", "iso_forest_anomaly_detection"
TECHNICAL = ("lc_feature_extractor", "refitt_newsources_snrcut")
BORING = {"antares_known_type": ["RRAB"]}


def said(*names: str, **more: object) -> dict[str, object]:
    return {"antares_tags": list(names), **{f"antares_{key}": v for key, v in more.items()}}


@pytest.mark.parametrize(
    ("row", "raw", "score"),
    [
        ({}, 0, 0),
        (said(NUCLEAR), 10, 10),
        (said(LAISS, NUCLEAR, anomaly_score=0.62), 59.8, 59.8),
        (said(LAISS, NUCLEAR, LAISS_RFC_anomaly_score=62.0), 59.8, 59.8),
        (
            said(LAISS, DWARF, FOREST, anomaly_score=1.0, anomaly=-1, amplitude_r=2.5),
            160,
            100,
        ),
        ({**said(anomaly_score=0.8, amplitude_r=1.5), **BORING}, 7, 7),
        (BORING, -40, 0),
        (said(anomaly_score=1.0), 40, 40),
        # a recorded LSST locus, without tags, .0195 mag (in i): nothing in r is known
        (said(amplitude_r=0.0195), 0, 0),
        # a recorded ZTF locus: two technical tags, one detection
        (said(*TECHNICAL, feature_amplitude_magn_R=0.0), 0, 0),
        # ZTF18aaviokz
        (said("extragalactic", NUCLEAR, feature_amplitude_magn_g=0.49647), 20, 20),
    ],
)  # fmt: skip
def test_check_values(row, raw, score):
    """Of antares.md, exactly: the sum of the points, and the score within 0 to 100."""
    found = points(CASE, row)
    assert np.round(found[0], 9) == raw
    assert found[1] == score
    kept = scored(CASE, row).verdict.decision[0] == Decision.KEEP
    assert bool(kept) is (score >= 40)


def test_forty_points_qualify_and_less_does_not():
    """Ten points and 30 of 40, which no float may turn into less."""
    row = said(NUCLEAR, anomaly_score=0.75)
    assert scored(CASE, row).verdict.score.tolist() == [40.0]
    found = scored(CASE, said(NUCLEAR, anomaly_score=0.7499))
    assert found.verdict.score.tolist() == [-1.0]
    assert found.verdict.reason[0].startswith("40 points, less than keep_from 40; ") or (
        found.verdict.reason[0].startswith("39.99")
    )


@pytest.mark.parametrize(
    ("half", "given"),
    [(0.0, 0), (0.4999, 0), (0.5, 5), (0.7499, 5), (0.75, 15), (1.0, 15), (1.0001, 25), (9, 25)],
)
@pytest.mark.parametrize("band", ["r", "R"])
def test_antares_amplitude_is_half_of_the_change(half, given, band):
    """Edges: 2.0 mag -> 15, above -> 25; 1.5 -> 15; 1.0 -> 5."""
    row = pd.DataFrame({f"antares_feature_amplitude_magn_{band}": [half]})
    assert amplitude(row, NOW).value.tolist() == [given]


@pytest.mark.parametrize(("change", "given"), [(1.0, 5), (1.5, 15), (2.0, 15), (2.0 + 1e-6, 25)])
def test_our_own_amplitude_is_all_of_it(change, given):
    """And stands behind that of ANTARES where both are known."""
    row = pd.DataFrame({"antares_amplitude_r": [change]})
    assert amplitude(row, NOW).value.tolist() == [given]
    both = row.assign(antares_feature_amplitude_magn_R=[0.1])
    assert amplitude(both, NOW).value.tolist() == [0.0]
    assert amplitude(both, NOW).reason.tolist() == ["0.20 mag from peak to peak"]


def test_the_recorded_features_are_half():
    """ZTF18aaviokz: twice its amplitude is what lies between its percentiles, to 1e-4."""
    assert pytest.approx(0.99295, abs=1e-4) == 2 * 0.49647


def test_what_nobody_has_said_gives_nothing_and_says_so():
    """One rule for each: no column, null, NaN."""
    for row in (
        pd.DataFrame({"candidate_id": ["a"]}),
        pd.DataFrame({name: [None] for name in ("antares_tags", "antares_anomaly")}),
        pd.DataFrame({"antares_anomaly": [np.nan], "antares_anomaly_score": [np.nan]}),
    ):
        answers = {
            "no tags are known": tags(row, NOW, tiers={"a": Tier(points=1, tags=("x",))}),
            "no anomaly score is known": anomaly_score(row, NOW),
            "it is not known whether it is an outlier": outlier(row, NOW),
            "no amplitude is known": amplitude(row, NOW),
            "nothing is known of its type": known_type(row, NOW, types=("RR*",)),
        }
        for words, found in answers.items():
            assert found.value.tolist() == [0.0]
            assert found.decision.tolist() == [Decision.KEEP]
            assert found.reason.tolist() == [words]


def test_a_score_is_scaled_by_its_own_range():
    """The first that is known; beyond its range it counts as the end of it."""
    row = pd.DataFrame(
        {
            "antares_anomaly_score": [0.5, np.nan, 1.7, -0.2],
            "antares_LAISS_RFC_anomaly_score": [90.0, 25.0, np.nan, np.nan],
        }
    )
    found = anomaly_score(row, NOW)
    assert found.value.tolist() == [20.0, 10.0, 40.0, 0.0]
    assert found.reason.tolist() == ["0.5 of 1", "25 of 100", "1.7 of 1", "-0.2 of 1"]


def test_an_outlier_is_minus_one():
    found = outlier(pd.DataFrame({"antares_anomaly": [-1, 1, 0]}), NOW)
    assert found.value.tolist() == [20.0, 0.0, 0.0]
    assert found.reason[0] == "an outlier (antares_anomaly -1)"


def test_each_tag_counts_once_and_patterns_stand_for_many():
    tiers = {"a": Tier(points=25, tags=("rare",)), "b": Tier(points=10, tags=("near_*", "rare"))}
    row = pd.DataFrame({"antares_tags": [["rare", "rare", "near_m31", "near_m33"], "rare", []]})
    found = tags(row, NOW, tiers=tiers)
    assert found.value.tolist() == [45.0, 25.0, 0.0]
    assert found.reason.tolist() == [
        "rare +25, near_m31 +10, near_m33 +10",
        "rare +25",
        "no tags",
    ]


def test_unknown_tags_are_reported_once_and_known_ones_are_not():
    """A new filter of the broker's is worth nothing until somebody says what."""
    row = pd.DataFrame({"antares_tags": [["new_a", "sso_x"], ["new_a"], ["new_b", "rare"]]})
    tiers = {"a": Tier(points=25, tags=("rare",))}
    found = tags(row, NOW, tiers=tiers, ignore=("sso_*",))
    assert found.warnings == (
        "unknown tags, worth nothing: new_a (2), new_b (1); put them into a tier or into ignore",
    )
    assert tags(row[2:], NOW, tiers=tiers, ignore=("new_*",)).warnings == ()
    failures = [str(f) for c in scored(CASE, said("brand_new")).columns for f in c.failures]
    assert failures == [
        "factor tags: unknown tags, worth nothing: brand_new (1); put them into a tier or into "
        "ignore"
    ]


def test_a_known_type_counts_once_however_many_say_so():
    row = pd.DataFrame(
        {
            "antares_known_type": [["rrab", "EA"], None, ["CV"]],
            "antares_catalogs": [["vsx"], ["milliquas"], []],
        }
    )
    found = known_type(row, NOW, types=("RR*", "EA", "milliquas"))
    assert found.value.tolist() == [-40.0, -40.0, 0.0]
    assert found.reason.tolist() == ["known as rrab", "known as milliquas", "no known type"]


def test_every_point_is_explained_in_one_line():
    """The strongest first; what gives nothing is not said."""
    found = scored(CASE, said(LAISS, NUCLEAR, anomaly_score=0.62))
    assert found.table["reason"].tolist() == [
        f"tags +35 ({LAISS} +25, {NUCLEAR} +10); anomaly_score +24.8 (0.62 of 1)"
    ]


def test_the_third_case_of_the_page_works_as_written(tmp_path):
    """Points for bright, blue and near M31, from docs/rubin_anomalies.md."""
    page = (Path(__file__).parents[2] / "docs" / "rubin_anomalies.md").read_text()
    (text,) = re.findall(r"```yaml\n(project: blue-m31\n.*?)```", page, re.DOTALL)
    path = tmp_path / "blue-m31.yaml"
    path.write_text(text)
    at = {"ra": 10.685, "dec": 41.269}
    rows = [
        {**at, "last_mag": 18.0, "colour": -0.2},
        {**at, "last_mag": 18.0, "colour": 0.4},
        {**at, "dec": 42.269, "last_mag": 15.0, "colour": -0.2},
        {**at, "dec": 43.269},
        {"ra": 150.0, "dec": 2.0, "last_mag": 18.0, "colour": -0.2},
        {"ra": 150.0, "dec": 2.0, "last_mag": 18.0},
        {"ra": 266.4, "dec": -29.0, "last_mag": 15.0, "colour": -0.2},
    ]
    found = scored(str(path), *rows)
    near = found.columns[[c.name for c in found.columns].index("near_m31")].factor.value
    assert np.round(near[[0, 2, 3]]).tolist() == [30.0, 18.0, 4.0]
    assert np.round(found.verdict.score).tolist() == [80.0, 50.0, 88.0, -1.0, 50.0, -1.0, -np.inf]
