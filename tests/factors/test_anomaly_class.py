"""The factor `anomaly_class`: whom it keeps, how urgent, and that it agrees with the package's."""

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.factors import Decision
from aas2rto.factors import anomaly_class as module
from aas2rto.factors.anomaly_class import anomaly_class
from aas2rto.models.watched import packing, priority

NOW = Time(58730.0, format="mjd")


def row(kind="TDE", second="SN", **more):
    told = {
        "class": packing.NAMES.index(kind),
        "best": packing.NAMES.index("TDE" if kind in {"Unknown", "none"} else kind),
        "second": packing.NAMES.index(second),
        "ln_b": 40.0,
        "margin": 12.0,
        **{f"p_{one}": 0.0 for one in packing.CLASSES},
        "p_none": 0.001,
        "significance": 20.0,
        "measured_band": 0,
        "first": 58600.0,
        "first_points": 2,
        "gap": 10.0,
        "deeper": 0.0,
        "daily": 0.05,
        "rising": 0,
        "rate_now": 0.0,
        "since": 129.0,
        "onset_t_on": 58600.0,
        "onset_t_peak": 58650.0,
        **more,
    }
    return {f"anomaly_class_{key}": value for key, value in told.items()}


CASES = {
    "A": row("SN", "TDE", first=58728.0, gap=1.0, deeper=1.5),
    "A: before its evidence": row(
        "none", "SN", first=58728.0, daily=0.4, rising=1, p_none=0.9, ln_b=4.0
    ),
    "B: rising TDE": row("TDE", rising=1, onset_t_on=58715.0, since=14.0),
    "B: fresh nova": row("NOVA", onset_t_peak=58720.0),
    "B: fast CLAGN": row("CLAGN", rate_now=-0.02),
    "C: TDE in decline": row("TDE"),
    "C: too soon": row("TDE", rising=1, onset_t_on=58725.0, since=5.0),
    "C: SN of three days": row("SN", first=58726.5, gap=1.0, deeper=1.5),
    "C: rose when it was last measured": row("TDE", rising=1, since=100.0),
    "C: Unknown": row("Unknown"),
    ": nothing": row("none", p_none=1.0, ln_b=1.0),
}


def asked(cases=CASES, **settings):
    return anomaly_class(pd.DataFrame(list(cases.values())), NOW, **settings)


def test_priorities_follow_the_table():
    wanted = [name.partition(":")[0] for name in CASES]
    found = asked()
    assert found.inputs["priority"].tolist() == wanted
    kept = found.decision == Decision.KEEP
    assert kept.tolist() == [bool(one) for one in wanted]
    assert found.value[0] == 10.0
    assert found.value[2] == pytest.approx(3.0 * 0.999)
    assert found.value[5] == pytest.approx(0.999)


@pytest.mark.parametrize("name", CASES)
def test_the_package_says_the_same_priority(name):
    told = {key.removeprefix("anomaly_class_"): value for key, value in CASES[name].items()}
    found = priority.priority(packing.class_of(told), packing.measures_of(told), NOW.mjd)
    assert found.letter == name.partition(":")[0]
    assert found.reason
    assert np.isnan(found.until) == (found.letter == "")


def test_numbers_are_those_of_the_model():
    assert module.NAMES == packing.NAMES
    assert module.FIRST_DAYS == priority.FIRST_DAYS
    assert (module.RISING_AFTER, module.NOVA_WITHIN, module.FAST_CHANGE, module.RECENT) == (
        priority.RISING_AFTER,
        priority.NOVA_WITHIN,
        priority.FAST_CHANGE,
        priority.RECENT,
    )


def test_settings_leave_out_classes_priorities_and_old_ones():
    assert asked(classes=("NOVA",)).decision.tolist().count(Decision.KEEP) == 1
    assert asked(priorities=("A",)).decision.tolist().count(Decision.KEEP) == 2
    assert asked(max_age=5.0).decision.tolist().count(Decision.KEEP) == 3
    told = asked(use="tell")
    assert (told.decision == Decision.KEEP).all()
    assert (told.value == 1).all()


def test_the_reason_has_the_numbers():
    found = asked(CASES | {"x": row("SN", "TDE", first=58728.0, gap=1.0, deeper=1.5, colour=-0.2)})
    said = found.reason[len(CASES)]
    assert "priority A" in said
    assert "first seen 2.0 d ago" in said
    assert "g - r -0.2 mag" in said


def test_whoever_was_not_looked_at_says_why():
    table = pd.DataFrame({"anomaly_class_reason": ["stage 1 does not flag it"]})
    found = anomaly_class(table, NOW)
    assert found.decision[0] == Decision.EXCLUDE
    assert found.reason[0] == "no class: stage 1 does not flag it"
