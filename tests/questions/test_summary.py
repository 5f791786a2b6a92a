"""A summary says what the facts say, and no number that is not among them."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from aas2rto.questions.summary import LONGEST, by_command, facts_of, sentences
from aas2rto.tables.effect import Sum

NUMBER = re.compile(r"\d+(?:\.\d+)?")
WORDS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=12)
FLOATS = st.floats(allow_nan=True, allow_infinity=True)


def numbers_in(text: str) -> set[float]:
    return {float(one) for one in NUMBER.findall(text)}


def factor(name: str, value: float | None, reason: str = "", **inputs: Any) -> dict[str, Any]:
    effect = Sum().written(value) if value is not None else ""
    return {"name": name, "value": value, "effect": effect, "reason": reason, "inputs": inputs}


factors = st.builds(
    lambda tags, score, change, out, other: [
        factor("tags", tags, "x"),
        factor("anomaly_score", score, f"{score:g} of 1"),
        factor("amplitude", 5.0, "y", peak_to_peak=change),
        factor("outlier", 20.0 if out else 0.0),
        factor(other, None),
    ],
    st.floats(-100, 200),
    st.floats(0, 40),
    st.one_of(st.none(), FLOATS),
    st.booleans(),
    WORDS,
)
told_of = st.fixed_dictionaries(
    {
        "candidate_id": WORDS,
        "name": WORDS,
        "ra": st.floats(0, 360, exclude_max=True),
        "dec": st.floats(-90, 90),
        "n_detections": st.integers(0, 500),
        "last_mag": st.one_of(st.none(), FLOATS),
        "last_band": st.sampled_from(["", "lsstr", "ztfg"]),
        "last_detection": st.one_of(st.none(), st.floats(55000, 70000)),
        "redshift": st.one_of(st.none(), FLOATS),
        "spectral_type": st.sampled_from(["", "SN Ia", "AT 2026 zz"]),
        "factors": factors,
        "aliases": st.lists(WORDS, max_size=2),
        "annotations": st.fixed_dictionaries(
            {},
            optional={
                "antares_tags": st.lists(WORDS, max_size=9),
                "antares_catalogs": st.lists(WORDS, max_size=9),
                "antares_known_type": st.lists(WORDS, max_size=2),
                "antares_num_alerts": st.integers(1, 999),
                "antares_newest_alert_magnitude": FLOATS,
                "antares_newest_alert_observation_time": st.floats(55000, 70000),
            },
        ),
    }
)


@settings(deadline=None, max_examples=100, phases=(Phase.explicit, Phase.generate))
@given(told_of, st.floats(0, 100))
def test_every_number_in_a_summary_is_one_of_the_facts(told, score):
    """However little is known, and whatever others call things."""
    facts = facts_of(told, score, Sum())
    summary = sentences(facts)
    assert numbers_in(summary.text) <= numbers_in(json.dumps(facts, ensure_ascii=False)), (
        summary.text
    )
    assert summary == sentences(json.loads(json.dumps(facts)))
    assert "nan" not in re.sub(r"\S*nan\S*", "", summary.text) or "nan" in json.dumps(facts)
    assert summary.text.isprintable()


KNOWN = {
    "candidate_id": "170595943059554358",
    "name": "",
    "ra": 358.88777,
    "dec": 2.08213,
    "n_detections": 14,
    "last_mag": 19.1862,
    "last_band": "lsstr",
    "last_detection": 61221.36,
    "redshift": None,
    "spectral_type": "",
    "aliases": ["ANT2019b5sdo"],
    "annotations": {
        "antares_tags": ["LAISS_RFC_AD_filter", "nuclear_transient"],
        "antares_catalogs": ["sdss_gals"],
    },
    "factors": [
        factor("tags", 35.0),
        factor("anomaly_score", 24.8, "0.62 of 1"),
        factor("outlier", 20.0),
        factor("amplitude", 15.0, peak_to_peak=1.6),
        factor("known_type", 0.0),
    ],
}


def test_all_that_is_known_in_four_sentences():
    assert sentences(facts_of(KNOWN, 94.8, Sum())).text == (
        "170595943059554358 lies in Pisces (RA 358.8878, Dec +2.0821 deg), 58 deg from the plane "
        "of the Milky Way. The last of its 14 detections, on 30 Jun, was of 19.19 mag in lsstr "
        "(difference image); its brightness in r has changed by 1.60 mag. ANTARES tags it "
        "LAISS_RFC_AD_filter and nuclear_transient, gives it an anomaly score of 0.62 of 1, calls "
        "it an outlier and finds it in sdss_gals. It scores 94.8: tags +35, anomaly_score +24.8, "
        "outlier +20 and amplitude +15."
    )


def test_a_score_that_was_bounded_says_of_how_much():
    high = {**KNOWN, "factors": [factor("tags", 110.0), factor("outlier", 20.0)]}
    text = sentences(facts_of(high, 100.0, Sum())).text
    assert text.endswith("It scores 100 (bounded, of 130): tags +110 and outlier +20.")


def test_what_is_not_known_is_not_said():
    bare = {**KNOWN, "n_detections": 0, "last_mag": None, "annotations": {}, "factors": []}
    assert sentences(facts_of(bare, 40.0, Sum())).text == (
        "170595943059554358 lies in Pisces (RA 358.8878, Dec +2.0821 deg), 58 deg from the plane "
        "of the Milky Way. It scores 40."
    )


def test_other_people_s_words_are_harmless():
    nasty = {**KNOWN, "annotations": {"antares_tags": ["a\x1b[2J\nb" * 50, 7, None]}}
    text = sentences(facts_of(nasty, 50.0, Sum())).text
    assert "\x1b" not in text
    assert "\n" not in text
    assert len(text) < 900


# -- a program of the user's own -------------------------------------------------------------------


def command(folder: Path, code: str) -> str:
    path = folder / "writer.py"
    path.write_text(code)
    return f"{sys.executable} {path}"


FACTS = {"candidate_id": "x", "constellation": "Pisces", "ra": 1.0, "dec": 2.0, "score": 50.0}
FACTS |= {"galactic_latitude": 3.0}
OURS = sentences(FACTS).text


def test_a_program_gets_the_facts_and_is_named(tmp_path):
    code = "import json, sys; print('It is', json.load(sys.stdin)['constellation'])"
    found = by_command(FACTS, command(tmp_path, code), 20.0)
    assert (found.text, found.problem) == ("It is Pisces", "")
    assert found.by == Path(sys.executable).name


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("print('  ')", "said nothing"),
        ("import time; time.sleep(60)", "took longer than 1 s"),
        ("import os; os.fork(); import time; time.sleep(60)", "took longer than 1 s"),
        ("while True: print('x' * 10000)", "said more than 1000000 bytes"),
    ],
)
def test_where_a_program_fails_our_sentences_stand(tmp_path, code, why):
    start = time.monotonic()
    found = by_command(FACTS, command(tmp_path, code), 1.0 if "sleep" in code else 20.0)
    assert (found.text, found.by) == (OURS, "")
    assert found.problem.endswith(why)
    assert time.monotonic() - start < 15.0


@pytest.mark.parametrize("text", ["", "no-such-program --now", "'unbalanced"])
def test_what_is_no_program_is_said(text):
    found = by_command(FACTS, text, 1.0)
    assert found.text == OURS
    assert "could not be run" in found.problem


def test_what_it_says_is_bounded_and_harmless(tmp_path):
    code = "print('<b>\\x1b[2Jlong</b> ' * 5000)"
    found = by_command(FACTS, command(tmp_path, code), 20.0)
    assert len(found.text) == LONGEST
    assert "\x1b" not in found.text
