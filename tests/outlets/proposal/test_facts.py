"""The text of a proposal says nothing that is no fact, whatever is known or unknown."""

import re

import pandas as pd
import pytest
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.models.watched.baseline import Baseline
from aas2rto.models.watched.classes import UNKNOWN, Class
from aas2rto.models.watched.measures import Measures
from aas2rto.models.watched.onset import Onset
from aas2rto.models.watched.priority import Priority
from aas2rto.models.watched.rules import criteria
from aas2rto.models.watched.stage_two import Analysis
from aas2rto.models.watched.templates import CLASSES
from aas2rto.outlets.proposal.facts import facts_of, justification
from aas2rto.outlets.proposal.subject import Subject, environment
from aas2rto.sky.observatory import Observatory

SITE = Observatory("home", longitude_deg=-70.4, latitude_deg=-24.6, elevation_m=2600.0)
NAN = float("nan")

size = st.one_of(st.just(NAN), st.floats(-50, 500))
time = st.one_of(st.just(NAN), st.floats(58000, 60000))


SIZES = [
    *("significance", "amplitude", "daily", "since", "duration", "trend_p", "cusum", "step"),
    *("jitter", "colour", "colour_err", "redder", "rate_now", "gap", "deeper"),
]


@st.composite
def subjects(draw):
    best, second = draw(st.permutations(CLASSES))[:2]
    flagged = draw(st.booleans())
    name = draw(st.sampled_from([best, UNKNOWN]))
    share = draw(st.floats(0, 1))
    weights = {**dict.fromkeys(CLASSES, 0.0), best: share, "none": 1 - share}
    found = Class(
        name,
        best,
        second,
        draw(st.floats(-50, 900)),
        draw(st.floats(0, 90)),
        weights,
        flagged,
        draw(st.sampled_from(["", "bluer than -0.1 mag: TDE, not SN"])),
    )
    numbers = {key: draw(size) for key in SIZES}
    base = Baseline(*(draw(size) for _ in range(5)), draw(st.integers(0, 300)), draw(size), "ok")
    onset = Onset(
        *(draw(time) for _ in range(3)),
        draw(st.sampled_from([1, -1])),
        draw(size),
        draw(size),
        draw(st.integers(0, 3)),
        "ok",
    )
    measures = Measures(
        "ztfg",
        draw(st.sampled_from([base, None])),
        draw(st.sampled_from([onset, None])),
        nights=draw(st.integers(0, 9)),
        at_least=draw(st.booleans()),
        scatter_mag=(draw(size), draw(size)),
        first=draw(time),
        magnitude=draw(st.one_of(st.just(NAN), st.floats(10, 25))),
        **numbers,
    )
    row = {
        "candidate_id": "AT2019qiz",
        "ra": draw(st.floats(0, 359.9)),
        "dec": draw(st.floats(-89, 89)),
    }
    for key in ("redshift", "host_offset_arcsec", "host_distance_mpc", "parallax"):
        row[key] = draw(st.one_of(st.just(NAN), st.floats(0, 90)))
    row |= draw(st.sampled_from([{}, {"host": "NGC 253", "source_class": "agn"}]))
    letter = draw(st.sampled_from("ABC"))
    priority = Priority(letter, "still rising 14 d after its onset (asked: > 7 d)", 59000.0)
    hours = draw(st.sampled_from([0.0, 4.2]))
    night = {
        "evening": "2020-08-14",
        "hours": hours,
        "airmass": 1.2 if hours else NAN,
        "best": 59075.2,
        "moon_sep": 90.0,
        "moon_illumination": 0.4,
        "moon_up": True,
    }
    place = environment(row)
    return Subject(
        row,
        Analysis("ok", "", found, None, measures, {}),
        priority if flagged else Priority("", str(found), NAN),
        place,
        {best: criteria(best, measures, place)},
        pd.DataFrame(),
        pd.DataFrame([night]),
        SITE,
        Time(59075.0, format="mjd"),
    )


def numbers_in(text):
    return re.findall(r"\d+(?:\.\d+)?", text)


@settings(max_examples=300, deadline=None)
@given(subjects())
def test_every_number_of_the_text_is_a_fact(subject):
    """No number that nobody measured, and no NaN; a placeholder is never left over."""
    told = facts_of(subject)
    known = {number for value in told.values() for number in numbers_in(value)}
    text = "\n".join(justification(told))
    assert set(numbers_in(text)) <= known
    assert "nan" not in re.findall(r"[a-z]+", text)
    assert "{" not in text
    assert "unknown of" not in text


def test_the_check_would_see_a_number_that_is_none():
    assert set(numbers_in("rose by 2.31 mag in 12 d")) == {"2.31", "12"}


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_asks_a_question_of_its_own(name):
    from aas2rto.outlets.proposal.facts import ASKED, LITERATURE

    asked = ASKED[name].format(**LITERATURE)
    assert len({one.format(**LITERATURE) for one in ASKED.values()}) == len(CLASSES)
    assert len(asked) > 80
