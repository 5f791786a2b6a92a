"""The probability of a class, by a broker's classifier, to a power."""

from __future__ import annotations

import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.factors.class_probability import class_probability

NOW = Time(61366.0, format="mjd")


def said(p: object, *, name: str = "lc", version: str = "1.2") -> dict[str, object]:
    return {name: {"version": version, "classes": {"SNIa": p, "AGN": 0.1}}}


def asked(*values: object, n: int = 9, **options: object):
    table = pd.DataFrame({"n_detections": [n] * len(values)})
    table["alerce_probabilities"] = pd.Series(list(values), dtype=object)
    return class_probability(table, NOW, **{"classifier": "lc", "class_": "SNIa", **options})


def test_the_value_is_the_probability_to_the_power():
    found = asked(said(0.64), said(1), said(0.0), gamma=0.5)
    assert found.value.tolist() == pytest.approx([0.8, 1.0, 1e-4])
    assert found.reason[0] == "P(SNIa) = 0.64 by lc 1.2"


@pytest.mark.parametrize(
    "value",
    [None, {}, "x", {"lc": None}, {"lc": {"classes": []}}, said("0.5"), said(None), said(1.5)],
)
def test_what_says_nothing_is_missing(value):
    found = asked(value, missing=0.3)
    assert found.value.tolist() == [0.3]
    assert found.reason[0] == "lc has said nothing of SNIa"


def test_few_detections_are_not_enough():
    found = asked(said(0.9), n=3, min_detections=6, missing=0.5)
    assert found.value.tolist() == [0.5]
    assert found.reason[0] == "3 detections, fewer than 6"


def test_the_date_at_the_end_of_a_name_may_be_left_open():
    both = {**said(0.2, name="rubin_2025"), **said(0.7, name="rubin_2026")}
    assert asked(both, classifier="rubin*").value.tolist() == pytest.approx([0.7])


def test_nobody_has_been_asked_yet():
    table = pd.DataFrame({"n_detections": [9]})
    found = class_probability(table, NOW, classifier="lc", class_="SNIa", missing=0.4)
    assert found.value.tolist() == [0.4]
