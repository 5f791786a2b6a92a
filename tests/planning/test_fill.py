"""Empty hours stay empty, or are filled as the config says; nothing of the plan gives way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from aas2rto.config.sections import Plan
from aas2rto.planning import NightPlan, SiteNight, make_plan
from tests.planning.nights import some_night
from tests.planning.test_night_plan import (  # noqa: F401  without_downloads is a fixture
    NOW,
    QUICK,
    SECOND,
    check,
    check_sky,
    one_night,
    without_downloads,
)


def settings(**more: Any) -> Plan:
    return QUICK.model_copy(update=more)


def planned(nights: list[SiteNight], **more: Any) -> NightPlan:
    return make_plan(nights, settings(**more), NOW, solve=False)


def hours(plan: NightPlan) -> float:
    return float((plan.slots["end"] - plan.slots["start"]).sum() * 24)


def same_visits(slots: pd.DataFrame) -> pd.DataFrame:
    return slots[["observatory", "candidate_id", "start"]].reset_index(drop=True)


@pytest.mark.slow
def test_by_default_an_empty_hour_stays_empty() -> None:
    assert Plan().fill == "none"
    assert Plan(fill=None).fill == "none"  # type: ignore[arg-type]
    plan = planned(one_night(6))
    assert hours(plan) < 6
    assert (plan.slots["fill"] == "").all()


def test_repeats_need_visits() -> None:
    with pytest.raises(ValidationError, match="fill: repeats needs visits above 1"):
        Plan(fill="repeats")


@pytest.mark.slow
def test_repeats_come_after_everybody_had_one_visit() -> None:
    nights = one_night(6)
    free = planned(nights)
    more = {"fill": "repeats", "visits": 3, "gap": 1.0}
    full = planned(nights, **more)
    check(full, settings(**more))
    assert hours(full) > hours(free)
    first = full.slots[full.slots["fill"] == ""]
    pd.testing.assert_frame_equal(same_visits(first), same_visits(free.slots))
    assert set(full.slots["fill"]) == {"", "repeat"}
    assert full.objective == free.objective, "what fills is worth nothing beside the plan"


def test_without_repeats_a_second_visit_competes_with_a_first() -> None:
    """`visits` alone is as it was: only `fill: repeats` puts everybody before the second visit."""
    nights = one_night(60)
    several = planned(nights, visits=2).slots["candidate_id"].nunique()
    once = planned(nights, visits=2, fill="repeats").slots["candidate_id"].nunique()
    assert once > several


@pytest.mark.slow
def test_longer_exposures_end_at_the_next_visit_or_limit() -> None:
    nights = one_night(6)
    free = planned(nights)
    full = planned(nights, fill="longer")
    check(full, settings(fill="longer"))
    pd.testing.assert_frame_equal(same_visits(full.slots), same_visits(free.slots))
    grown = full.slots["end"] > free.slots["end"] + SECOND
    assert grown.sum() >= 3
    assert (full.slots.loc[grown, "fill"] == "longer").all()
    assert (full.slots["end"] >= free.slots["end"] - SECOND).all()
    assert full.slots["exposure_s"].max() <= QUICK.max_exposure + QUICK.step
    brief = planned(nights, fill="longer", max_exposure=3000.0)
    assert brief.slots["exposure_s"].max() <= 3000.0 + QUICK.step


def faint_and_bright() -> list[SiteNight]:
    """Return a night whose faint half needs more than the longest exposure."""
    nights = one_night(12)
    table = nights[0].table
    faint = np.arange(len(table)) % 2 == 0
    return [replace(nights[0], table=table.assign(last_mag=np.where(faint, 20.0, 17.0)))]


@pytest.mark.slow
def test_the_next_best_gets_a_shorter_exposure() -> None:
    nights = faint_and_bright()
    free = planned(nights)
    full = planned(nights, fill="next", fill_min=1e-9)
    rest = full.slots[full.slots["fill"] == ""]
    pd.testing.assert_frame_equal(same_visits(rest), same_visits(free.slots))
    new = full.slots[full.slots["fill"] == "next"]
    assert len(new)
    assert not set(new["candidate_id"]) & set(free.slots["candidate_id"])
    assert full.slots["candidate_id"].is_unique
    needed = new["needed_s"].to_numpy()
    assert (np.isnan(needed) | (new["exposure_s"] >= 0.5 * needed - 1)).all()
    assert (new["exposure_s"] <= QUICK.max_exposure + QUICK.step).all()
    check_sky(full.at("la_palma_not"), nights[0], QUICK)
    start, end = full.slots["start"].to_numpy(), full.slots["end"].to_numpy()
    assert (start[1:] >= end[:-1] - SECOND).all()


@pytest.mark.slow
def test_the_next_best_is_never_below_the_least_score_nor_outside_the_list() -> None:
    nights = faint_and_bright()
    free = planned(nights)
    score = nights[0].table["score"]
    high = planned(nights, fill="next", fill_min=float(score.max()) * 2)
    pd.testing.assert_frame_equal(high.slots, free.slots)
    based = [replace(nights[0], table=nights[0].table.assign(base_score=score.median()))]
    new = planned(based, fill="next").slots
    new = new[new["fill"] == "next"]
    assert (new["score"] >= score.median()).all()
    out = [replace(nights[0], out=nights[0].table.assign(candidate_id="waits", reason="wait"))]
    assert "waits" not in set(planned(out, fill="next", fill_min=1e-9).slots["candidate_id"])


@pytest.mark.proof
@pytest.mark.parametrize("how", ["repeats", "longer", "next"])
@hypothesis_settings(max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_whatever_the_night_what_fills_gets_in_nobodys_way(how: str, seed: int) -> None:
    nights, now = some_night(seed)
    more = settings(fill=how, fill_min=1e-9, visits=2 if how == "repeats" else 1, gap=0.75)
    plan = make_plan(nights, more, now, solve=False)
    if how != "next":
        check(plan, more)
    for night in plan.nights:
        slots = plan.at(night.observatory.name)
        if len(slots):
            check_sky(slots, night, more)
            assert (slots["start"].to_numpy()[1:] >= slots["end"].to_numpy()[:-1] - SECOND).all()
