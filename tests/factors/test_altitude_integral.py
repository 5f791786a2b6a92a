"""The visibility factor is Eq. 13 of the paper, bounded, with a reason that has a number."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from aas2rto.errors import UsageError
from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.altitude_integral import Saturation, altitude_integral


def site_rows(**columns):
    rows = {
        "altitude_area": [15.0, 0.05, 0.0],
        "night_left": 0.5,
        "min_altitude": 30.0,
        "lowest_altitude": 30.0,
        "hours_left": [10.0, 0.5, 0.0],
        "sets": [np.nan, 60000.175, 60000.1],
        "status": ["", "", "has set for the night"],
    }
    return pd.DataFrame(rows | columns)


def configured(**settings):
    part = FACTORS.get("altitude_integral")
    return part.arguments(part.options.model_validate(settings))


def test_it_runs_per_site():
    assert FACTORS.get("altitude_integral").extras["needs"] is Needs.SITE


def test_the_value_is_equation_13_saturated_by_b2():
    found = altitude_integral(site_rows(), None)
    raw = 60 * 0.5 / np.array([15.0, 0.05])
    np.testing.assert_allclose(found.inputs["x_vis"][:2], raw)
    np.testing.assert_allclose(found.value[:2], raw / (1 + (raw / 10) ** 10) ** 0.1)
    assert found.value[1] <= 10


def test_reasons_have_their_numbers():
    found = altitude_integral(site_rows(), None)
    assert found.reason.tolist() == [
        "10.0 h left above 30 deg, still up at dawn",
        "0.5 h left above 30 deg, sets 04:12 UTC",
        "has set for the night",
    ]


def test_no_area_excludes_and_never_rejects():
    found = altitude_integral(site_rows(), None)
    assert found.decision.tolist() == [Decision.KEEP, Decision.KEEP, Decision.EXCLUDE]


def test_saturation_can_be_switched_off_or_made_sharp():
    for nothing in ("none", None):
        off = altitude_integral(site_rows(), None, **configured(saturation=nothing))
        assert off.value[1] == pytest.approx(600.0)
    sharp = configured(saturation={"max": 5, "form": "minimum"})
    assert altitude_integral(site_rows(), None, **sharp).value[:2].tolist() == [2.0, 5.0]


def test_the_config_of_the_paper_is_the_default():
    written = configured(
        min_altitude="30 deg", reference_altitude="90 deg", saturation={"max": 10, "power": 10}
    )
    assert written == configured()
    assert written["saturation"] == Saturation()
    assert str(Saturation()) == "{form: smooth, max: 10, power: 10}"


def test_other_limits_enter_the_formula():
    settings = configured(min_altitude="20 deg", reference_altitude="80 deg", saturation=None)
    rows = site_rows(min_altitude=20.0, lowest_altitude=25.0)
    found = altitude_integral(rows, None, **settings)
    assert found.value[0] == pytest.approx(2.0)
    assert found.reason[0] == "10.0 h left above 25 deg, still up at dawn"


def test_a_table_for_another_limit_is_refused():
    with pytest.raises(UsageError) as caught:
        altitude_integral(site_rows(), None, min_altitude=20.0)
    assert str(caught.value) == (
        "altitude_integral: min_altitude is 20 deg, but A_vis was computed above 30 deg; "
        "set both by visibility.min_altitude"
    )


@pytest.mark.parametrize(
    ("saturation", "message"),
    [
        ({"max": 0.5}, "greater than 1"),
        ({"maximum": 3}, "Extra inputs are not permitted"),
        ({"form": "hard"}, "'smooth' or 'minimum'"),
    ],
)
def test_an_impossible_saturation_is_refused(saturation, message):
    with pytest.raises(ValidationError, match=message):
        configured(saturation=saturation)


def test_no_candidates_give_no_answers():
    found = altitude_integral(site_rows().iloc[:0], None)
    assert len(found.value) == len(found.reason) == 0
