"""From what a cycle found to what each channel is told: one `Mail` for the store's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.config.case import Case, PartConfig
from aas2rto.messaging import Figures, wording
from aas2rto.messaging.alarms import alarms_of
from aas2rto.messaging.card import Facts, Found, facts_of
from aas2rto.messaging.message import Message
from aas2rto.messaging.triggers import (
    FIT,
    TOLD,
    TYPE,
    Event,
    Past,
    events_of,
    remembered,
    topics,
)
from aas2rto.sky import visibility
from aas2rto.steps import streams
from aas2rto.steps.cycle import Cycle, Judged, Parts
from aas2rto.store import Store
from aas2rto.store.outbox import TEXT, Entry, Mail, Outbox, Post, State, Told

NEVER = 1e9
"""Due when a digest takes it along [d, MJD]."""

DIGEST_HEAD = 3
"""Candidates of each list in a digest."""


def compose(parts: Parts, store: Store, cycle: Cycle) -> Mail:
    """Write what is to be said of a cycle.

    Parameters
    ----------
    parts : Parts
    store : Store
        Asked for what was known and said before; not changed.
    cycle : Cycle
        After it has been ranked, and before it is saved.

    Returns
    -------
    Mail
        Empty if nobody is to be told, or nothing happened.
    """
    case = parts.case
    judged = cycle.judged
    if not case.messengers or judged is None:
        return Mail()
    now = float(cycle.now.utc.mjd)
    found = Found(
        now,
        judged.scored.table,
        judged.scored.columns,
        judged.rankings,
        last_chances(parts, judged),
        judged.fits.tables,
        case.config.score.min_value,
    )
    news = _news(case, store, found)
    told = _Told(case, store.outbox, now)
    for facts, events in news.happened:
        told.tell(facts, events)
    told.send_digests(found)
    problems = [*cycle.problems, *streams.complaints(case, store.sources, now)]
    alarms = alarms_of(case, store.outbox, problems, now)
    return Mail(
        posts=(*told.posts, *alarms.posts),
        told=(*news.marks, *told.marks),
        alarms=alarms.alarms,
        over=alarms.over,
        digests=told.digests,
    )


# -- what happened -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _News:
    happened: list[tuple[Facts, list[Event]]]
    marks: list[Told]


def _news(case: Case, store: Store, found: Found) -> _News:
    watched = _watched(case, store.outbox, found)
    facts = facts_of(found, watched)
    sites = [site.name for site in case.observatories]
    before = store.results.before(facts, sites, found.now)
    marks: dict[str, dict[str, tuple[str, float]]] = {}
    for mark in store.outbox.told(candidate_ids=facts):
        marks.setdefault(mark.candidate_id, {})[mark.topic] = (mark.value, mark.at)
    # Without a single mark nothing was ever watched: what is there was there before.
    cycle = before.at if store.outbox.has_told() else None
    happened = []
    for name, one in facts.items():
        score = before.scores.get(name, np.nan)
        past = Past(cycle, before.ranks.get(name, {}), score, marks.get(name, {}))
        if events := events_of(one, past, case.when):
            happened.append((one, events))
    happened.sort(
        key=lambda pair: (
            not pair[0].too,
            min(pair[0].ranks.values(), default=1000),
            pair[0].candidate_id,
        )
    )
    return _News(happened, _new_marks(store.outbox, found))


def _watched(case: Case, outbox: Outbox, found: Found) -> list[str]:
    """Return the candidates that may matter, in an order that does not depend on chance."""
    count = max(case.when.within, case.when.enters_top or 0)
    names = [
        name
        for ranking in found.rankings[1:]
        for name in ranking.table["candidate_id"].head(count).tolist()
    ]
    names += found.table.loc[found.table["too"].astype(bool), "candidate_id"].tolist()
    names += sorted(mark.candidate_id for mark in outbox.told(topic=TOLD))
    return list(dict.fromkeys(str(name) for name in names))


def _new_marks(outbox: Outbox, found: Found) -> list[Told]:
    """Remember who has a fit and a type, told or not, so that the first of each is known."""
    table = found.table
    new = []
    for topic, column in ((FIT, "model"), (TYPE, "spectral_type")):
        if column not in table:
            continue
        old = {mark.candidate_id: mark.value for mark in outbox.told(topic=topic)}
        known = table[table[column].fillna("").astype(str) != ""]
        values = zip(known["candidate_id"].astype(str), known[column].astype(str), strict=True)
        new += [
            Told(name, topic, value, found.now)
            for name, value in values
            if name not in old or (topic == TYPE and old[name] != value)
        ]
    return new


def last_chances(parts: Parts, judged: Judged) -> dict[str, tuple[str, ...]]:
    """Return where candidates of the lists can be observed tonight, but not in some days.

    Parameters
    ----------
    parts : Parts
    judged : Judged

    Returns
    -------
    dict
        From candidate_id to names of observatories.
    """
    when = parts.case.when
    if when.last_chance is None:
        return {}
    later = Time(judged.at.utc.mjd + when.last_chance, format="mjd", scale="utc")
    told: dict[str, list[str]] = {}
    for site, ranking in zip(parts.case.observatories, judged.rankings[1:], strict=True):
        head = ranking.table.head(when.within).reset_index(drop=True)
        if head.empty:
            continue
        places = pd.DataFrame({key: head[key] for key in ("candidate_id", "ra", "dec")})
        then = visibility.site_table(site, places, later, min_altitude=parts.min_altitude)
        # A polar summer ends the season of every candidate; that is no news of any of them.
        gone = (then["hours_left"] <= 0) & np.isfinite(then["night_start"])
        still = (head["hours_left"] > 0).to_numpy()
        for name in head.loc[gone.to_numpy() & still, "candidate_id"]:
            told.setdefault(str(name), []).append(site.name)
    return {name: tuple(sites) for name, sites in told.items()}


# -- who is told, and when -----------------------------------------------------------------------


class _Told:
    """Decides for every channel of observers what it hears, and when."""

    def __init__(self, case: Case, outbox: Outbox, now: float) -> None:
        self.posts: list[Post] = []
        self.marks: list[Told] = []
        self.digests: dict[str, float] = {}
        self._case = case
        self._outbox = outbox
        self._now = now
        self._channels = [part for part in case.messengers if part.policy.role == "observers"]

    def tell(self, facts: Facts, events: Sequence[Event]) -> None:
        """Tell all channels what happened to a candidate."""
        heard = [self._tell_one(part, facts, events) for part in self._channels]
        said = {event.trigger: event for some in heard for event in some}
        name, now = facts.candidate_id, self._now
        if not said:
            return
        self.marks.append(Told(name, TOLD, repr(facts.score), now))
        self.marks += [
            Told(name, topic, remembered(event), now)
            for event in said.values()
            for topic in topics(event)
        ]

    def _tell_one(self, part: PartConfig, facts: Facts, events: Sequence[Event]) -> Sequence[Event]:
        policy = part.policy
        wanted = [e for e in events if policy.triggers is None or e.trigger in policy.triggers]
        if not wanted:
            return ()
        entries = [
            entry
            for entry in self._outbox.entries(
                channel=part.name, candidate_ids=[facts.candidate_id], newest=20
            )
            if entry.part == TEXT
        ]
        waiting = [entry for entry in entries if entry.state == State.WAITING]
        due = self._due(part, wanted, entries)
        told = wording.joined([*_events_in(waiting), *wanted])
        message = wording.about(
            facts, told, project=self._case.project, figures=list(policy.figures)
        )
        self.posts.append(
            Post(
                channel=part.name,
                key=f"{part.name}/{facts.candidate_id}/{self._now!r}",
                message=message.as_json(),
                due=due,
                held=due > self._now,
                candidate_id=facts.candidate_id,
                figures=bool(message.figures) and _are_apart(part),
                replaces=tuple(entry.id for entry in waiting),
            )
        )
        return wanted

    def _due(self, part: PartConfig, events: Iterable[Event], entries: Iterable[Entry]) -> float:
        """Return when a message may leave [d, MJD UTC]."""
        policy, now = part.policy, self._now
        if any(event.trigger in policy.urgent for event in events):
            return now
        if policy.digest is not None:
            return NEVER
        said = [entry.at for entry in entries if entry.state not in {State.WAITING, State.MERGED}]
        again = max(said, default=-np.inf) + self._case.when.quiet_period / 24
        return max(now, again, policy.quiet_until(max(now, again)) or now)

    def send_digests(self, found: Found) -> None:
        """Write the summaries that are due."""
        for part in self._channels:
            if part.policy.digest is None:
                continue
            last = self._outbox.channel(part.name).digest_at
            newest = part.policy.last_digest(self._now)
            if last is None:
                self.digests[part.name] = self._now  # the first is due at the next time of day
            elif last < newest:
                self.digests[part.name] = self._now
                self._send_digest(part, found)

    def _send_digest(self, part: PartConfig, found: Found) -> None:
        held = [
            entry
            for entry in self._outbox.entries(channel=part.name, states=[State.WAITING])
            if entry.part == TEXT and entry.held
        ]
        names = {
            ranking.observatory: ranking.table["candidate_id"].head(DIGEST_HEAD).tolist()
            for ranking in found.rankings[1:]
        }
        facts = facts_of(found, [name for some in names.values() for name in some])
        heads = {site: [facts[str(name)] for name in some] for site, some in names.items()}
        messages = [Message.from_json(entry.message) for entry in held]
        message = wording.digest(heads, messages, now=self._now, project=self._case.project)
        self.posts.append(
            Post(
                channel=part.name,
                key=f"{part.name}/digest/{self._now!r}",
                message=message.as_json(),
                due=self._now,
                replaces=tuple(entry.id for entry in held),
            )
        )


def _are_apart(part: PartConfig) -> bool:
    return getattr(part.part.make, "figures", Figures.NONE) is Figures.APART


def _events_in(entries: Iterable[Entry]) -> list[Event]:
    return [Event.from_json(event) for entry in entries for event in entry.message["events"]]


def figures_of(mail: Mail) -> Mapping[str, tuple[str, ...]]:
    """Return which figures a mail wants: from candidate_id to their kinds."""
    wanted: dict[str, tuple[str, ...]] = {}
    for post in mail.posts:
        if post.message["figures"]:
            kinds = (*wanted.get(post.candidate_id, ()), *post.message["figures"])
            wanted[post.candidate_id] = tuple(dict.fromkeys(kinds))
    return wanted
