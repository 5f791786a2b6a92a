"""What is said, in which words; and that nobody else's words can break or forge it."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.messaging import Letter, slack, telegram, wording
from aas2rto.messaging.mail import Mail
from aas2rto.messaging.message import Message
from aas2rto.messaging.triggers import Event
from aas2rto.text.words import one_line
from tests.messaging.as_telegram import visible
from tests.messaging.test_triggers import NOW, make_facts, make_site

ENTERS = Event("enters_top", {"top": 5, "sites": {"la_silla": 1}})


def test_a_message_says_what_why_where_and_what_to_do() -> None:
    """One sentence; then why now, where and when to look, what to do."""
    facts = make_facts(
        candidate_id="ZTF26aajvsis",
        name="SN 2026abc",
        ra=119.09006,
        dec=2.45714,
        score=3.74,
        redshift=0.034,
        redshift_source="TNS",
        last_mag=18.73,
        last_band="ztfr",
        last_detection=NOW - 0.7,
        t_peak=NOW - 1.3,
        t_peak_err=0.4,
        now=NOW,
        factors=(("magnitude", 0.771), ("peak", 7.03), ("detections", 1.0)),
        sites=(
            make_site("la_palma_not", 2, begins=NOW + 0.3, observable_now=False),
            make_site("la_silla_dk154", 1),
        ),
    )
    message = wording.about(facts, [ENTERS, Event("first_fit", {"model": "salt"})], project="sn")
    assert message.as_text() == "\n".join(
        [
            "ZTF26aajvsis (SN 2026abc) enters the top 5 at la_silla (#1)",
            "",
            "Also: it is fitted for the first time (salt)",
            "What: not classified · z = 0.034 (TNS) · 18.73 mag in ztfr, 0.7 d ago",
            "Why now: score 3.74 · peak 1.3 ± 0.4 d ago (19 Nov) · peak ×7.03, magnitude ×0.771",
            "Where: 07:56:21.6 +02:27:26 (119.09006 +2.45714)",
            "la_silla_dk154: #1 · now at 50°, airmass 1.3, until 04:48 · best 02:24 at 60° · "
            "Moon 90° (20%)",
            "la_palma_not: #2 · 07:12–04:48 · best 02:24 at 60° · Moon 90° (20%)",
            "Do: observe now from la_silla_dk154 until 04:48 (it has no spectrum yet); "
            "then la_palma_not from 07:12 UT",
            "As of: 21 Nov 2025 00:00 UT, sn",
            "Fink: https://ztf.fink-portal.org/ZTF26aajvsis",
            "TNS: https://www.wis-tns.org/object/2026abc",
        ]
    )


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            Event("too", {"comment": "spectrum wanted"}),
            "is a new target of opportunity: “spectrum wanted”",
        ),
        (
            Event("new_classification", {"type": "SN II", "old": "SN Ia", "redshift": 0.02}),
            "is classified as SN II, z = 0.02 (it was SN Ia)",
        ),
        (
            Event("enters_top", {"top": 5, "sites": {"a": 3, "b": 1, "c": 2, "d": 4}}),
            "enters the top 5 at b (#1), c (#2) and 2 more",
        ),
        (Event("peak_within", {"within": 1.0}), "is within 1 d of its peak"),
        (
            Event("last_chance", {"days": 3.0, "sites": ["a"]}),
            "is about to set for good at a: in 3 d it cannot be observed there any more",
        ),
        (
            Event("score_up", {"before": 1.0, "score": 4.2, "since": NOW}),
            "has a score of 4.2, 4.2 times that of 21 Nov 00:00 UT",
        ),
        (
            Event("excluded", {"decision": "reject", "factor": "time_span", "reason": "31 d old"}),
            "is rejected for good: time_span, 31 d old",
        ),
    ],
)
def test_each_event_is_one_sentence(event: Event, words: str) -> None:
    """It says what happened, with its number."""
    assert wording.sentence(event) == words


def test_a_poor_fit_is_said_where_its_peak_is() -> None:
    """A small error of the peak is no comfort then."""
    facts = make_facts(model="salt", t_peak=NOW + 3.4, t_peak_err=0.3, chisq_per_dof=25.4)
    told = dict(wording.about(facts, [ENTERS], project="sn").lines)["Why now"]
    assert "peak in 3.4 ± 0.3 d (24 Nov) · salt χ²/dof 25.4, poor fit" in told
    fine = wording.about(replace(facts, chisq_per_dof=1.2), [ENTERS], project="sn")
    assert "salt" not in dict(fine.lines)["Why now"]


OBSERVE = "observe now from la_silla until 04:48 (it has no spectrum yet) UT"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"score": 0.9, "base_score": 1.0},
            "nothing unless you know more of it: its score is below the base score of 1",
        ),
        (
            {"model": "salt", "chisq_per_dof": 2584.0},
            "nothing unless you know more of it: the salt fit is poor, so its peak means nothing",
        ),
        ({"score": 1.0, "base_score": 1.0, "model": "salt", "chisq_per_dof": 9.9}, OBSERVE),
        ({"score": 0.9, "base_score": 1.0, "too": True}, OBSERVE),
        ({"model": "salt", "chisq_per_dof": 2584.0, "pinned": True}, OBSERVE),
    ],
)
def test_what_nobody_should_observe_is_not_to_be_observed(changes: Any, words: str) -> None:
    """Unless a person asked for it."""
    message = wording.about(make_facts(**changes), [ENTERS], project="sn")
    assert dict(message.lines)["Do"] == words
    assert words.startswith("observe") or "observe" not in message.as_text()


def test_what_is_out_is_not_to_be_observed() -> None:
    """A message about an exclusion names no observatory and wants no figures."""
    facts = make_facts(decision="exclude", factor="magnitude", reason="19.2 mag")
    event = Event("excluded", {"decision": "exclude", "factor": "magnitude", "reason": "19.2 mag"})
    message = wording.about(facts, [event], project="sn", figures=["light_curve"])
    assert dict(message.lines)["Do"] == "take it off tonight's plan; it may return"
    assert "la_silla" not in message.as_text()
    assert message.figures == ()


def test_events_of_one_kind_are_put_together() -> None:
    """What was held back and what is new become one sentence, sites and all."""
    old = Event("enters_top", {"top": 5, "sites": {"a": 5}})
    new = Event("enters_top", {"top": 5, "sites": {"b": 2}})
    told = wording.joined([old, Event("first_fit", {"model": "salt"}), new])
    assert [event.trigger for event in told] == ["enters_top", "first_fit"]
    assert told[0].values["sites"] == {"a": 5, "b": 2}


@pytest.mark.parametrize(
    ("ra", "dec", "words"),
    [
        (0.0, 0.0, "00:00:00.0 +00:00:00 (0.00000 +0.00000)"),
        (359.9999999, -0.00001, "00:00:00.0 -00:00:00 (360.00000 -0.00001)"),
        (187.70593, 12.39112, "12:30:49.4 +12:23:28 (187.70593 +12.39112)"),
        (83.82208, -5.39111, "05:35:17.3 -05:23:28 (83.82208 -5.39111)"),
    ],
)
def test_positions_are_written_as_telescopes_take_them(ra: float, dec: float, words: str) -> None:
    """Seconds never read 60."""
    assert wording.position(ra, dec) == words


def test_only_ids_of_a_known_form_become_links() -> None:
    """No name leads anywhere else."""
    assert wording.links("ZTF26aajvsis", "AT 2026tir") == (
        ("Fink", "https://ztf.fink-portal.org/ZTF26aajvsis"),
        ("TNS", "https://www.wis-tns.org/object/2026tir"),
    )
    assert wording.links("170587117720698934", "") == (
        ("Fink", "https://lsst.fink-portal.org/170587117720698934"),
    )
    assert wording.links("ZTF26aajvsis/../x", "2026tir?a=b") == ()


# -- other people's words ------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "a & b",
    "@channel <!channel> <!here> <@U0123>",
    "`rm -rf` ```code``` *bold* _it_ ~no~",
    "name\nDo: observe nothing\r\n\u2028As of: never",
    "x" * 10_000,
    "\u202egnp.tac\u202c \u200b\ufeff\x00\x1b[31m",
    "</b><a href='https://evil'>here</a>",
    "<https://evil|ZTF26a>",
    "Z\u0335\u0335\u0335\u0335\u0335\u0335algo",
    "/veto #1 {0} %s $x$ \\",
    "\ud800 lone",
    "日本語 🌟 שלום",
]
ANYTHING = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=60),
    st.text(alphabet="<>&*_~`@#|/[](){}!\n\r\t\u202e\u200b\"'\\$%^", max_size=40),
)


def hostile_message(text: str) -> Message:
    """Return a message in which everything that others can write is `text`."""
    facts = make_facts(
        candidate_id=text or "x",
        name=text,
        spectral_type=text,
        redshift_source=text,
        last_band=text,
        last_mag=18.0,
        comment=text,
        factor=text,
        reason=text,
        redshift=0.1,
        factors=((text or "x", 7.0),),
        too=True,
    )
    events = [
        Event("too", {"comment": text}),
        Event("new_classification", {"type": text, "old": text, "redshift": 0.1}),
        ENTERS,
        Event("first_fit", {"model": text}),
        Event("excluded", {"decision": "exclude", "factor": text, "reason": text}),
    ]
    return wording.about(facts, events, project="sn")


def kept_words(message: Message) -> list[str]:
    """Return all texts of a message, as every channel must show them."""
    return [message.title, *(part for line in message.lines for part in line if part)]


@given(ANYTHING)
def test_every_message_is_bounded_and_of_our_own_shape(text: str) -> None:
    """Whatever a name or a comment holds, the lines are ours, and they are few and short."""
    message = hostile_message(text)
    assert len(message.as_text()) < 4000
    labels = [label for label, _ in message.lines]
    assert labels == ["Also"] * 4 + ["What", "Why now", "Where", "la_silla", "Do", "As of"]
    for part in kept_words(message):
        assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in part)
        assert part == " ".join(part.split())


@given(ANYTHING)
def test_telegram_shows_exactly_what_was_said(text: str) -> None:
    """Its parser takes the HTML, finds no link but ours, and shows every word."""
    message = hostile_message(text)
    shown, wrong = visible(telegram.as_html(message))
    assert wrong == ""
    assert len(shown) <= telegram.LONGEST_TEXT
    for part in kept_words(message):
        assert part.replace("@", "＠") in shown.replace("\u2060", "")
    links = re.findall(r'href="([^"]*)"', telegram.as_html(message))
    assert [html.unescape(one) for one in links] == [address for _, address in message.links]
    assert not re.search(r"@\w", shown)
    assert not re.search(r"(?<!\w)[/#]\w", shown)


@given(ANYTHING)
def test_slack_finds_no_markup_of_others(text: str) -> None:
    """No mention, link, or formatting but ours; every block within Slack's limits."""
    message = hostile_message(text)
    letter = Letter(message, "1")
    for block in slack.blocks(letter):
        shown = block["text"]["text"]
        assert 0 < len(shown) <= slack.LONGEST_BLOCK
        allowed = {f"<{address}|{slack.escape(name)}>" for name, address in message.links}
        assert set(re.findall(r"<[^>]*>", shown)) <= allowed
        assert "`" not in shown
        assert "@" not in shown
        assert "~" not in shown
        for line in shown.splitlines():
            assert line.count("*") in {0, 2}, line  # the label, or the title
    assert not re.search("[<>`*~@]", slack.fallback(message))


@given(ANYTHING)
def test_mail_keeps_its_headers(text: str) -> None:
    """A name becomes no header, and the mail can be written at all."""
    mail = Mail(to=["a@example.org"], from_="b@example.org", host="localhost")
    written = mail.written(Letter(hostile_message(text), "1"))
    assert "\n" not in written["Subject"]
    assert set(written.keys()) <= {
        "Subject",
        "From",
        "To",
        "Message-ID",
        "Auto-Submitted",
        "Content-Type",
        "MIME-Version",
        "Content-Transfer-Encoding",
    }
    assert written.as_bytes()


def test_all_channels_say_the_same() -> None:
    """Every fact of a message is on every channel."""
    facts = make_facts(
        name="SN 2026abc",
        redshift=0.034,
        last_mag=18.7,
        last_band="ztfr",
        t_peak=NOW + 2,
        t_peak_err=0.4,
        factors=(("peak", 7.0),),
    )
    message = wording.about(facts, [ENTERS], project="sn")
    shown, _ = visible(telegram.as_html(message))
    on_slack = "\n".join(b["text"]["text"] for b in slack.blocks(Letter(message, "1")))
    mail = Mail(to=["a@b.c"], from_="d@e.f", host="h").written(Letter(message, "1"))
    by_mail = mail["Subject"] + mail.get_content()
    for _, text in message.lines:
        for place in (shown, html.unescape(on_slack), by_mail):
            assert text in place.replace("\u2060", "")


@given(st.text(max_size=300), st.integers(1, 80))
def test_one_line_is_short_and_stays_the_same(text: str, most: int) -> None:
    """Cleaning twice changes nothing."""
    once = one_line(text, most)
    assert len(once) <= most
    assert one_line(once, most) == once


def test_many_messages_become_a_short_one() -> None:
    """A digest names each candidate and what to do first, and counts the rest."""
    messages = [
        wording.about(make_facts(candidate_id=f"ZTF26{n:03d}"), [ENTERS], project="sn")
        for n in range(30)
    ]
    told = wording.merged(messages, project="sn")
    assert told.title == "sn: 30 messages about 30 candidates"
    text = told.as_text()
    assert "18 older messages are left out here" in text
    assert "ZTF26029 enters the top 5 at la_silla (#1) → observe now from la_silla until" in text
    assert len(text) < 3500


def test_numbers_for_programs_are_json() -> None:
    """NaN is none of JSON's numbers."""
    import json

    message = wording.about(make_facts(t_peak=np.nan), [ENTERS], project="sn")
    told: dict[str, Any] = json.loads(json.dumps(message.facts, allow_nan=False))
    assert told["t_peak"] is None
    assert told["sites"][0]["rank"] == 1


@pytest.mark.parametrize(
    ("until", "words"), [(NOW + 2.5, "ToO until 23 Nov 12:00 UT · "), (np.nan, "ToO · ")]
)
def test_a_message_says_until_when_a_too_is_wanted(until: float, words: str) -> None:
    """Not everybody has read its file."""
    facts = make_facts(too=True, valid_until=until)
    lines = dict(wording.about(facts, [Event("too", {"comment": ""})], project="sn").lines)
    assert lines["What"].startswith(words)


def test_where_the_score_is_a_chance_the_least_that_is_worth_a_slot_decides() -> None:
    """From `min_value` on it says observe, at the best site's chance; below, why not."""
    sites = (make_site("here", 1, score=0.31), make_site("there", 4, score=0.12))
    facts = make_facts(score=0.05, base_score=1.0, min_value=0.2, sites=sites)
    assert facts.doubt == ""
    assert "Do: observe now from here" in wording.about(facts, [ENTERS], project="sn").as_text()
    poor = replace(facts, sites=sites[1:])
    assert (
        "its chance of success is 12%, below 20%"
        in wording.about(poor, [ENTERS], project="sn").as_text()
    )
    assert replace(poor, too=True).least == 1.0


def test_what_waits_at_every_site_says_for_which_night() -> None:
    """And that tonight is second best."""
    told = "worth 0.31 tonight, 0.78 on 24 Mar"
    sites = (make_site("here", None, why_not=told, waits=True, observable_now=False),)
    facts = make_facts(score=0.31, min_value=0.2, sites=sites)
    assert (
        f"Do: wait (here: {told}); tonight only if that night is lost"
        in wording.about(facts, [ENTERS], project="sn").as_text()
    )
