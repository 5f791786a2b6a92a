"""What is said: one sentence says what; then why now, where and when to look, what to do.

Everything that other people wrote passes `one_line` here, and is cut; what is left is turned into
the markup of a service by its messenger.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from aas2rto.messaging.card import Facts, SiteFacts
from aas2rto.messaging.message import CANDIDATE, DIGEST, OPERATORS, TEST, Message
from aas2rto.messaging.triggers import TRIGGERS, Event
from aas2rto.text.words import (
    POOR_FIT,
    counted,
    day_and_hour,
    fit_sentence,
    hour,
    is_date,
    number,
    one_line,
    peak_sentence,
)

LONGEST_NAME, LONGEST_REASON, LONGEST_TITLE = 60, 160, 220
MOST_SITES = 4
MOST_LINES = 12
"""Of a digest; the rest is counted."""
LONGEST_LINE = 400
LONGEST_DIGEST_LINE = 220
NO_SPECTRUM = " (it has no spectrum yet)"


def called(facts: Facts) -> str:
    """Return what people call a candidate: its id, and its name if that is another."""
    own = one_line(facts.candidate_id, LONGEST_NAME)
    name = one_line(facts.name, LONGEST_NAME)
    return f"{own} ({name})" if name and name != own else own


# -- what happened -------------------------------------------------------------------------------


def _list(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _said_too(values: Mapping[str, Any]) -> str:
    comment = one_line(values["comment"], LONGEST_REASON)
    return "is a new target of opportunity" + (f": “{comment}”" if comment else "")


def _said_classification(values: Mapping[str, Any]) -> str:
    kind, old = (one_line(values[key], 40) for key in ("type", "old"))
    z = values.get("redshift")
    z_words = f", z = {z:.4g}" if z is not None and np.isfinite(z) else ""
    return f"is classified as {kind}{z_words}" + (f" (it was {old})" if old else "")


def _said_enters(values: Mapping[str, Any]) -> str:
    ranked = sorted(values["sites"].items(), key=lambda pair: (pair[1], pair[0]))
    places = [f"{site} (#{rank})" for site, rank in ranked]
    # The rest of them are in the lines below.
    shown = places[:2] + ([f"{len(places) - 2} more"] if len(places) > 2 else [])
    return f"enters the top {values['top']} at {_list(shown)}"


def _said_peak(values: Mapping[str, Any]) -> str:
    return f"is within {values['within']:g} d of its peak"


def _said_last_chance(values: Mapping[str, Any]) -> str:
    sites = list(values["sites"])
    return (
        f"is about to set for good at {_list(sites[:MOST_SITES])}: "
        f"in {values['days']:g} d it cannot be observed there any more"
    )


def _said_score(values: Mapping[str, Any]) -> str:
    factor = values["score"] / values["before"]
    since = day_and_hour(values["since"])
    return f"has a score of {number(values['score'])}, {factor:.1f} times that of {since} UT"


def _said_fit(values: Mapping[str, Any]) -> str:
    return f"is fitted for the first time ({one_line(values['model'], 20)})"


def _said_excluded(values: Mapping[str, Any]) -> str:
    out = "rejected for good" if values["decision"] == "reject" else "out of the lists"
    why = one_line(values["reason"], LONGEST_REASON)
    return f"is {out}: {one_line(values['factor'], 40)}" + (f", {why}" if why else "")


SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "too": _said_too,
    "new_classification": _said_classification,
    "enters_top": _said_enters,
    "peak_within": _said_peak,
    "last_chance": _said_last_chance,
    "score_up": _said_score,
    "first_fit": _said_fit,
    "excluded": _said_excluded,
}


def sentence(event: Event) -> str:
    """Say what happened, without the candidate's name."""
    return SENTENCES[event.trigger](event.values)


def joined(events: Iterable[Event]) -> list[Event]:
    """Return the newest event of each kind, the weightiest first; sites are put together."""
    newest: dict[str, Event] = {}
    for event in events:
        old = newest.get(event.trigger)
        values = dict(event.values)
        if old is not None and isinstance(values.get("sites"), dict):
            values["sites"] = {**old.values["sites"], **values["sites"]}
        elif old is not None and "sites" in values:
            values["sites"] = list(dict.fromkeys([*old.values["sites"], *values["sites"]]))
        newest[event.trigger] = Event(event.trigger, values)
    return [newest[name] for name in TRIGGERS if name in newest]


# -- a message about a candidate -----------------------------------------------------------------


def about(
    facts: Facts, events: Sequence[Event], *, project: str, figures: Sequence[str] = ()
) -> Message:
    """Write a message about one candidate.

    Parameters
    ----------
    facts : Facts
        As they are now.
    events : sequence of Event
        What happened, the weightiest first; at least one.
    project : str
    figures : sequence of str
        Kinds that go with it.
    """
    lines = [
        ("Also", one_line(f"it {sentence(event)}", 2 * LONGEST_REASON)) for event in events[1:]
    ]
    lines += [("What", _what(facts))]
    if facts.kept:
        lines += [("Why now", _why(facts)), ("Where", position(facts.ra, facts.dec))]
        lines += [(site.name, _at_site(site, facts.now)) for site in _sites_to_show(facts)]
    lines += [("Do", _what_to_do(facts)), ("As of", f"{_as_of(facts.now)}, {project}")]
    return Message(
        kind=CANDIDATE,
        title=one_line(f"{called(facts)} {sentence(events[0])}", LONGEST_TITLE),
        lines=tuple(lines),
        links=links(facts.candidate_id, facts.name),
        candidate_id=facts.candidate_id,
        figures=tuple(figures) if facts.kept else (),
        events=tuple(event.as_json() for event in events),
        facts=_for_programs(facts),
    )


def _as_of(now: float) -> str:
    return f"{day_and_hour(now, year=True)} UT"


def _what(facts: Facts) -> str:
    ends = f" until {day_and_hour(facts.valid_until)} UT" if is_date(facts.valid_until) else ""
    told = [f"ToO{ends}"] if facts.too else []
    told.append(one_line(facts.spectral_type, 40) or "not classified")
    if np.isfinite(facts.redshift):
        source = one_line(facts.redshift_source, 20)
        told.append(f"z = {facts.redshift:.4g}" + (f" ({source})" if source else ""))
    if np.isfinite(facts.last_mag):
        age = facts.now - facts.last_detection
        ago = f", {age:.1f} d ago" if np.isfinite(age) else ""
        band = one_line(facts.last_band, 20)
        told.append(f"{facts.last_mag:.2f} mag{f' in {band}' if band else ''}{ago}")
    elif np.isfinite(facts.magnitude):
        told.append(f"{facts.magnitude:.2f} mag (reported)")
    return one_line(" · ".join(told), LONGEST_LINE)


def _why(facts: Facts) -> str:
    told = [f"score {number(facts.score)}"]
    if np.isfinite(facts.t_peak):
        told.append(peak_sentence(facts.t_peak, facts.t_peak_err, facts.now))
        if facts.chisq_per_dof > POOR_FIT:
            told.append(fit_sentence(facts.model, facts.chisq_per_dof))
    strong = sorted(
        ((float(facts.effect.strength(value)), name, value) for name, value in facts.factors),
        reverse=True,
    )
    factors = [
        f"{one_line(name, 30)} {facts.effect.written(value)}"
        for size, name, value in strong[:4]
        if size > facts.effect.worth_saying
    ]
    if factors:
        told.append(", ".join(factors))
    return one_line(" · ".join(told), LONGEST_LINE)


def position(ra: float, dec: float) -> str:
    """Write a position as telescopes take it, and in degrees."""
    # Rounded before it is split: 60.0 seconds are a minute.
    hours = round(ra / 15 * 36000) % 864000
    h, m, s = hours // 36000, hours // 600 % 60, hours % 600 / 10
    sign = "-" if dec < 0 else "+"
    seconds = round(abs(dec) * 3600)
    d, dm, ds = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{h:02d}:{m:02d}:{s:04.1f} {sign}{d:02d}:{dm:02d}:{ds:02d} ({ra:.5f} {dec:+.5f})"


def _sites_to_show(facts: Facts) -> list[SiteFacts]:
    """Return the observatories that can do something tonight, the first to do so first."""
    open_ = [site for site in facts.sites if site.rank is not None and site.hours_left > 0]
    return sorted(open_, key=lambda site: (site.begins, site.name))[:MOST_SITES]


def _at_site(site: SiteFacts, now: float) -> str:
    if site.observable_now:
        first = f"now at {site.altitude:.0f}°, airmass {site.airmass:.1f}, until {hour(site.ends)}"
    else:
        first = f"{_moment(site.begins, now)}–{hour(site.ends)}"
    best = f"best {hour(site.best)} at {site.best_altitude:.0f}°"
    moon = f"Moon {site.moon_sep:.0f}° ({site.moon_illumination:.0%})"
    return f"#{site.rank} · {first} · {best} · {moon}"


def _moment(mjd: float, now: float) -> str:
    """Write a time of tonight; with its day if that is not within half a day of now."""
    return hour(mjd) if abs(mjd - now) < 0.5 else day_and_hour(mjd)


def _what_to_do(facts: Facts) -> str:
    if not facts.kept:
        return (
            "take it off tonight's plan; it may return"
            if facts.decision == "exclude"
            else ("take it off tonight's plan")
        )
    sites = _sites_to_show(facts)
    if not sites:
        waiting = [f"{site.name}: {site.why_not}" for site in facts.sites if site.waits]
        if waiting:
            return f"wait ({'; '.join(waiting)}); tonight only if that night is lost"
        return "nothing tonight: no observatory can reach it"
    if facts.doubt and not facts.asked_for:
        return f"nothing unless you know more of it: {facts.doubt}"
    now = [site for site in sites if site.observable_now]
    later = [site for site in sites if not site.observable_now]
    told = [f"{site.name} until {hour(site.ends)}" for site in now]
    wanted = "" if facts.spectral_type else NO_SPECTRUM
    if told:
        first = f"observe now from {_list(told)}{wanted}"
    else:
        site = later.pop(0)
        first = f"observe from {site.name} at {_moment(site.begins, facts.now)}{wanted}"
    next_ = [f"{site.name} from {_moment(site.begins, facts.now)}" for site in later[:2]]
    return first + (f"; then {_list(next_)}" if next_ else "") + " UT"


_ZTF = re.compile(r"ZTF\d{2}[a-z]{7}")
_LSST = re.compile(r"\d{15,20}")
_TNS = re.compile(r"(?:SN|AT|TDE|FRB)? ?(\d{4}[A-Za-z]{1,7})")


def links(candidate_id: str, name: str) -> tuple[tuple[str, str], ...]:
    """Return pages about a candidate; only ids of a known form become part of an address."""
    found = []
    for text in dict.fromkeys((candidate_id, name)):
        if _ZTF.fullmatch(text):
            found.append(("Fink", f"https://ztf.fink-portal.org/{text}"))
        elif _LSST.fullmatch(text):
            found.append(("Fink", f"https://lsst.fink-portal.org/{text}"))
        elif tns := _TNS.fullmatch(text):
            found.append(("TNS", f"https://www.wis-tns.org/object/{tns.group(1)}"))
    return tuple(found)


def _for_programs(facts: Facts) -> dict[str, Any]:
    """Return the facts with NaN as None."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [clean(one) for one in value]
        if isinstance(value, str):
            return one_line(value, 2 * LONGEST_REASON)
        return None if isinstance(value, float) and not np.isfinite(value) else value

    told = asdict(facts)
    del told["effect"]  # it computes, and tells nothing
    return dict(clean(told))


# -- many at once --------------------------------------------------------------------------------


def merged(messages: Sequence[Message], *, project: str) -> Message:
    """Put several messages into one.

    Parameters
    ----------
    messages : sequence of Message
        The oldest first; at least one.
    project : str
    """
    names = {message.candidate_id or message.title for message in messages}
    what = "one candidate" if len(names) == 1 else counted(len(names), "candidate")
    lines = [_digest_line(message) for message in messages[-MOST_LINES:]]
    if len(messages) > MOST_LINES:
        older = counted(len(messages) - MOST_LINES, "older message is", "older messages are")
        lines.insert(0, ("", f"{older} left out here"))
    lines.append(("As of", dict(messages[-1].lines).get("As of", project)))
    return Message(
        kind=DIGEST,
        title=f"{project}: {counted(len(messages), 'message')} about {what}",
        lines=tuple(lines),
        facts={"messages": [dict(message.facts) for message in messages[-MOST_LINES:]]},
    )


def _digest_line(message: Message) -> tuple[str, str]:
    todo = dict(message.lines).get("Do", "").partition(";")[0].removesuffix(" UT")
    todo = todo.replace(NO_SPECTRUM, "")
    shown = f"{message.title} → {todo}" if todo and message.kind == CANDIDATE else message.title
    return ("•", one_line(shown, LONGEST_DIGEST_LINE))


def digest(
    heads: Mapping[str, Sequence[Facts]], messages: Sequence[Message], *, now: float, project: str
) -> Message:
    """Write the summary of the day: the head of each list, and what was held back.

    Parameters
    ----------
    heads : mapping
        From observatory to its first candidates.
    messages : sequence of Message
        Those that the digest takes the place of.
    now : float
        [d, MJD UTC]
    project : str
    """
    lines = [(site, _head(site, some)) for site, some in heads.items()]
    if messages:
        lines.append(("", f"since the last digest, {counted(len(messages), 'thing')} happened:"))
        lines += [_digest_line(message) for message in messages[-MOST_LINES:]]
    lines.append(("As of", f"{_as_of(now)}, {project}"))
    return Message(
        kind=DIGEST,
        title=f"{project}: the lists of {day_and_hour(now)} UT",
        lines=tuple(lines),
        facts={"lists": {site: [one.candidate_id for one in some] for site, some in heads.items()}},
    )


def _head(observatory: str, some: Sequence[Facts]) -> str:
    told = []
    for facts in some:
        site = next((one for one in facts.sites if one.name == observatory), None)
        best = f", best {hour(site.best)}" if site is not None else ""
        mag = f", {facts.last_mag:.1f} mag" if np.isfinite(facts.last_mag) else ""
        told.append(f"{one_line(facts.candidate_id, 30)} ({number(facts.score)}{mag}{best})")
    return "; ".join(told) or "nothing"


def to_operators(title: str, lines: Iterable[tuple[str, str]], *, now: float) -> Message:
    """Write a message about the program itself."""
    told = [(one_line(label, 40), one_line(text, 300)) for label, text in lines]
    if len(told) > MOST_LINES:
        more = len(told) - MOST_LINES
        told = [*told[:MOST_LINES], ("", f"and {more} more: see the log")]
    return Message(
        kind=OPERATORS,
        title=one_line(title, LONGEST_TITLE),
        lines=(*told, ("As of", _as_of(now))),
    )


def test_message(project: str, now: float) -> Message:
    """Write a message that only shows that a channel works."""
    title = f"{project}: a test message <&> `*_~ @nobody #1"
    lines = (
        ("What", "you see this because somebody asked `aas2rto check CONFIG --online`"),
        ("Do", "nothing"),
        ("As of", _as_of(now)),
    )
    return Message(TEST, title, lines)
