"""What is worth a message, and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aas2rto.config.messages import When
from aas2rto.messaging.card import Facts, SiteFacts
from aas2rto.messaging.triggers import TRIGGERS, Past, events_of, matters
from aas2rto.steps.column import FEEDBACK

NOW = 61000.0
ALL = When()


def make_site(name: str = "la_silla", rank: int | None = 1, **values: Any) -> SiteFacts:
    """Return a candidate at an observatory, up now."""
    given: dict[str, Any] = {
        "score": 3.0,
        "altitude": 50.0,
        "airmass": 1.3,
        "begins": NOW,
        "ends": NOW + 0.2,
        "best": NOW + 0.1,
        "best_altitude": 60.0,
        "hours_left": 4.8,
        "moon_sep": 90.0,
        "moon_illumination": 0.2,
        "observable_now": True,
        **values,
    }
    return SiteFacts(name=name, rank=rank, **given)


def make_facts(**values: Any) -> Facts:
    """Return a candidate that is first at one observatory."""
    given: dict[str, Any] = {
        "candidate_id": "ZTF26a",
        "name": "",
        "now": NOW,
        "ra": 150.0,
        "dec": 10.0,
        "score": 3.0,
        "decision": "keep",
        "factor": "",
        "reason": "",
        "sites": (make_site(),),
        **values,
    }
    return Facts(**given)


def make_past(**values: Any) -> Past:
    """Return a past in which there was a cycle, and the candidate was already first."""
    given: dict[str, Any] = {"cycle": NOW - 0.01, "ranks": {"la_silla": 1}, "score": 3.0, **values}
    return Past(**given)


def names(facts: Facts, past: Past, when: When = ALL) -> list[str]:
    return [event.trigger for event in events_of(facts, past, when)]


def test_nothing_new_is_no_news() -> None:
    """What was so in the last cycle is not said."""
    assert names(make_facts(), make_past()) == []


def test_entering_the_top_is_said_with_the_place() -> None:
    """Only where it was not among the first before."""
    facts = make_facts(sites=(make_site("a", 2), make_site("b", 5), make_site("c", 6)))
    past = make_past(ranks={"a": 9, "b": 3, "c": 50})
    (event,) = events_of(facts, past, ALL)
    assert (event.trigger, dict(event.values["sites"])) == ("enters_top", {"a": 2})


def test_a_rank_that_swings_is_said_once() -> None:
    """Between fifth and sixth there are no two messages, not even one each night."""
    facts = make_facts(sites=(make_site(rank=5),))
    swings = make_past(ranks={"la_silla": 6}, marks={"enters_top:la_silla": ("", NOW - 6.9)})
    assert names(facts, swings) == []
    later = make_past(ranks={"la_silla": 6}, marks={"enters_top:la_silla": ("", NOW - 7.0)})
    assert names(facts, later) == ["enters_top"]


@pytest.mark.parametrize(
    ("told", "before", "score", "said"),
    [
        (None, 1.0, 3.0, True),
        (None, 1.0, 2.9, False),
        (None, np.nan, 50.0, False),
        (None, -1.0, 50.0, False),
        (2.0, 0.1, 5.0, False),
        (2.0, 5.9, 6.0, True),
    ],
)
def test_a_score_is_compared_with_what_was_told(
    told: float | None, before: float, score: float, said: bool
) -> None:
    """A slow rise counts from the last message; without one, from the last cycle."""
    marks = {} if told is None else {"told": (repr(told), NOW - 2.0)}
    past = make_past(score=before, marks=marks)
    assert (names(make_facts(score=score), past) == ["score_up"]) is said


def test_the_first_fit_is_said_once() -> None:
    """A candidate that has the mark was fitted before."""
    fitted = make_facts(model="salt", t_peak=NOW + 5, t_peak_err=1.0)
    assert names(fitted, make_past()) == ["first_fit"]
    assert names(fitted, make_past(marks={"fit": ("salt", NOW - 1)})) == []
    assert names(make_facts(), make_past()) == []


def test_a_classification_is_said_when_it_changes() -> None:
    """The first one and each that differs."""
    known = make_facts(spectral_type="SN II")
    (first,) = events_of(known, make_past(), ALL)
    assert (first.trigger, first.values["type"], first.values["old"]) == (
        "new_classification",
        "SN II",
        "",
    )
    changed = make_past(marks={"type": ("SN Ia", NOW - 1)})
    assert events_of(known, changed, ALL)[0].values["old"] == "SN Ia"
    assert names(known, make_past(marks={"type": ("SN II", NOW - 1)})) == []


def test_a_target_of_opportunity_is_said_in_the_first_cycle_too() -> None:
    """Nobody waits for a second cycle to hear of a ToO; and nobody hears of it twice."""
    target = make_facts(too=True, sites=())
    assert names(target, Past()) == ["too"]
    assert names(target, make_past(marks={"too": ("", NOW - 9)})) == []


@pytest.mark.parametrize(
    ("t_peak", "error", "said"),
    [
        (0.9, 1.0, True),
        (-0.9, 1.0, True),
        (1.1, 1.0, False),
        (0.5, 2.5, False),
        (0.5, np.nan, False),
    ],
)
def test_a_near_peak_is_said_when_it_is_known_well(t_peak: float, error: float, said: bool) -> None:
    """Within a day, with an error that allows to say so."""
    facts = make_facts(model="salt", t_peak=NOW + t_peak, t_peak_err=error)
    past = make_past(marks={"fit": ("salt", NOW - 3)})
    assert (names(facts, past) == ["peak_within"]) is said


def test_the_same_peak_is_said_once() -> None:
    """Unless the fit moves it by days."""
    facts = make_facts(model="salt", t_peak=NOW + 0.2, t_peak_err=0.5)
    same = {"fit": ("salt", NOW - 9), "peak_within": (repr(NOW + 0.5), NOW - 1.5)}
    assert names(facts, make_past(marks=same)) == []
    moved = {"fit": ("salt", NOW - 9), "peak_within": (repr(NOW - 4.0), NOW - 4.5)}
    assert names(facts, make_past(marks=moved)) == ["peak_within"]


def test_a_last_chance_is_said_once_per_site() -> None:
    """It is about to set for good."""
    facts = make_facts(last_chances=("la_silla", "palomar"))
    past = make_past(marks={"last_chance:la_silla": ("", NOW - 1)})
    (event,) = events_of(facts, past, ALL)
    assert event.values["sites"] == ["palomar"]


def test_only_what_was_told_of_is_taken_back() -> None:
    """An exclusion is news only of a candidate that people know; and only once."""
    out = make_facts(decision="exclude", factor="magnitude", reason="too faint", sites=())
    assert names(out, make_past()) == []
    told = {"told": ("3.0", NOW - 1)}
    assert names(out, make_past(marks=told)) == ["excluded"]
    assert names(out, make_past(marks={**told, "excluded": ("", NOW - 0.5)})) == []
    again = {"told": ("3.0", NOW - 0.2), "excluded": ("", NOW - 0.5)}
    assert names(out, make_past(marks=again)) == ["excluded"]


def test_nobody_is_told_what_they_did_themselves() -> None:
    """A veto needs no message that it worked."""
    out = make_facts(decision="exclude", factor=FEEDBACK, reason="vetoed by Anna", sites=())
    assert names(out, make_past(marks={"told": ("3.0", NOW - 1)})) == []


def test_what_is_far_down_the_lists_does_not_matter() -> None:
    """A first fit at rank 21 of all lists is no news; a ToO always is."""
    low = make_facts(model="salt", sites=(make_site(rank=21), make_site("b", None)))
    assert not matters(low, make_past(), ALL)
    assert names(low, make_past(ranks={})) == []
    assert matters(replace(low, too=True), make_past(), ALL)
    assert matters(low, make_past(marks={"told": ("1", NOW)}), ALL)


def test_the_head_of_a_poor_list_is_no_news() -> None:
    """Until its score is good enough: then it has entered the top, wherever it was before."""
    when = When(min_score=1.0)
    first = make_past(ranks={}, score=np.nan)
    assert names(make_facts(score=0.9), first, when) == []
    assert names(make_facts(score=0.9, too=True), first, when) == ["too", "enters_top"]
    assert names(make_facts(score=1.1), make_past(score=0.9), when) == ["enters_top"]
    assert names(make_facts(score=1.1), make_past(score=1.0), when) == []


def test_below_its_base_score_it_is_no_news() -> None:
    """Unless the config says another least score, or somebody has pinned it."""
    first = make_past(ranks={}, score=np.nan)
    low = make_facts(score=0.9, base_score=1.0)
    assert names(low, first, When()) == []
    assert names(replace(low, score=1.0), first, When()) == ["enters_top"]
    assert names(low, first, When(min_score=0.5)) == ["enters_top"]
    assert names(replace(low, pinned=True), first, When()) == ["enters_top"]


def test_a_peak_from_a_poor_fit_is_no_news() -> None:
    """Its error means nothing."""
    facts = make_facts(t_peak=NOW + 0.5, t_peak_err=0.2, chisq_per_dof=1.3)
    assert names(facts, make_past()) == ["peak_within"]
    assert names(replace(facts, chisq_per_dof=25.4), make_past()) == []
    assert names(replace(facts, chisq_per_dof=np.nan), make_past()) == ["peak_within"]


def test_in_the_first_cycle_only_the_lists_speak() -> None:
    """What was there before the program was is no change."""
    facts = make_facts(
        model="salt",
        t_peak=NOW,
        t_peak_err=0.1,
        spectral_type="SN Ia",
        last_chances=("la_silla",),
        score=99.0,
    )
    assert names(facts, Past()) == ["enters_top"]


@pytest.mark.parametrize("trigger", sorted(TRIGGERS))
def test_every_trigger_can_be_turned_off(trigger: str) -> None:
    """A config decides what is said."""
    off = When(**{trigger: False if isinstance(getattr(ALL, trigger), bool) else None})
    told = {"told": ("0.1", NOW - 9)}
    kept = make_facts(
        model="salt",
        t_peak=NOW,
        t_peak_err=0.1,
        spectral_type="SN Ia",
        too=True,
        last_chances=("la_silla",),
    )
    out = make_facts(decision="exclude", factor="magnitude")
    past = make_past(ranks={}, marks=told)
    said = {*names(kept, past), *names(out, past)}
    assert said == set(TRIGGERS)
    assert {*names(kept, past, off), *names(out, past, off)} == set(TRIGGERS) - {trigger}
