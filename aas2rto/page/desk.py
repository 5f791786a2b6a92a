"""Where questions about one candidate are answered, and marks are taken: one at a time."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd
from astropy.time import Time

from aas2rto.config.case import Case
from aas2rto.errors import UsageError
from aas2rto.factors import Decision
from aas2rto.outputs.figures.gathering import gather
from aas2rto.outputs.figures.subject import Subject
from aas2rto.page.night import Night
from aas2rto.page.opened import Shared
from aas2rto.questions.explain import explain_judged, what_would_do
from aas2rto.questions.figure import findings_of
from aas2rto.questions.ledger import Ledger, ledger
from aas2rto.questions.trial import only
from aas2rto.steps.cycle import Judged
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import Known, as_known
from aas2rto.store import Store
from aas2rto.tables import marks
from aas2rto.text.json_values import plain
from aas2rto.text.words import nearest, one_line

T = TypeVar("T")

KEPT = 200
"""Answers that are kept of one night."""

REMEMBERED = 500
"""Marks that can be undone with one click."""

OUT = ("factor", "reason")
"""What a list says of who is left out there."""

MESSAGES = 40
"""Messages about a candidate that its page shows, the newest, figures among them."""

FEW = 20_000
"""Of more names than this only those that begin alike are offered: comparing all takes seconds."""


@dataclass(frozen=True)
class Told:
    """What is known of one candidate.

    Parameters
    ----------
    told : dict
        As `aas2rto explain --json` has it.
    subject : Subject
        What is drawn of it.
    sent : list of dict
        Messages about it, the newest first: ``at, channel, state, words``.
    totals : DataFrame
        Its total brightness, where templates or histories are known; see `aas2rto.tables.total`.
    """

    told: dict[str, Any]
    subject: Subject
    sent: list[dict[str, Any]]
    totals: pd.DataFrame


@dataclass(frozen=True)
class _Fits:
    """The stored fits of one candidate, by model; takes nothing new."""

    tables: Mapping[str, pd.DataFrame]

    def of(self, model: str, candidate_ids: Iterable[str] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Return them."""
        return self.tables[model]

    def save(self, model: str, fits: pd.DataFrame) -> None:
        """Take nothing."""


@dataclass(frozen=True)
class Said:
    """A mark that was taken.

    Parameters
    ----------
    key : str
        Of the answer, which only who got it knows.
    candidate_id, kind, observatory, sentence : str
    can_undo : bool
        Whether a click takes it back: not a comment, and not what takes one back.
    """

    key: str
    candidate_id: str
    kind: str
    observatory: str
    sentence: str
    can_undo: bool


class Desk:
    """Answers and marks, through a store of its own.

    Parameters
    ----------
    open_store : callable
    """

    def __init__(self, open_store: Callable[[], Store]) -> None:
        # What takes seconds, or waits for another writer, has a store of its own, so that nobody
        # else waits for it.
        self._quick, self._slow = Shared(open_store), Shared(open_store)
        self._marking = Shared(open_store)
        self._judging, self._drawing = threading.Lock(), threading.Lock()
        self._said: OrderedDict[str, Said] = OrderedDict()

    def close(self) -> None:
        """Release the connections."""
        for store in (self._quick, self._slow, self._marking):
            store.close()

    def ask(self, question: Callable[[Store], T]) -> T:
        """Put a question to the store that may take a second; nobody else waits for it."""
        with self._slow as store:
            return question(store)

    # -- answers ------------------------------------------------------------------------------

    def resolve(self, name: str) -> str | None:
        """Return the candidate_id of any id or name; None: nobody is known by it."""
        with self._quick as store:
            return store.identities.resolve(name.strip())

    def meant(self, name: str) -> str:
        """Offer what was probably meant, as ``"; did you mean 'x'?"``; or an empty text."""
        with self._quick as store:
            known = store.identities.aliases()["alias"].tolist()
        if len(known) > FEW:
            start = name.strip().casefold()[:4]
            known = [one for one in known if one.casefold().startswith(start)][:FEW]
        return nearest(name, known)

    def candidate(self, night: Night, candidate_id: str) -> Told:
        """Explain a candidate, also one that is excluded or rejected.

        Raises
        ------
        UsageError
            If it was not known yet.
        """
        return _kept(night, ("candidate", candidate_id), lambda: self._tell(night, candidate_id))

    def _tell(self, night: Night, candidate_id: str) -> Told:
        known, judged = night.alone.of(candidate_id) or self._judged_anew(night, candidate_id)
        name = str(known.table["candidate_id"].iloc[0])
        with self._quick as store:
            told = explain_judged(night.parts, store, known, judged)
            found = findings_of(night.parts, store, name, judged)
            sent = _sent(store, name, night.mjd)
            place = known.table[["candidate_id", "ra", "dec"]].assign(
                id=store.identities.key_of(name)
            )
            totals = store.histories.of(place, night.mjd).table([name])
        with self._drawing:
            (subject,) = gather(found, [name])
        return Told(told, subject, sent, totals)

    def _judged_anew(self, night: Night, candidate_id: str) -> tuple[Known, Judged]:
        """Judge one in full that is left out, or not active."""
        parts, now = night.parts, night.now
        with self._quick as store:
            if night.row_of(candidate_id) is None:
                known = as_known(parts, store, now, candidate_id=candidate_id)
            else:
                known = only(night.known, [candidate_id])
            name = str(known.table["candidate_id"].iloc[0])
            fits = _Fits({one.name: store.fits.of(one.name, [name]) for one in parts.models})
        # Without the store: others only want to look something up. One after the other, though:
        # several at once would each take as long as all together.
        with self._judging:
            return known, judge(parts, known, now, memory=fits, in_full=True)

    def would(self, night: Night, candidate_id: str) -> dict[str, Any] | None:
        """Say what would bring in who is left out; None: nothing leaves it out."""
        told = self.candidate(night, candidate_id).told

        def ask() -> dict[str, Any] | None:
            with self._slow as store:
                return what_would_do(night.parts, store, [told], night.now, known=night.known)

        return _kept(night, ("would", candidate_id), ask)

    def why(self, night: Night, name: str) -> dict[str, Any]:
        """Say what became of any id or name: ranked, excluded, rejected, or not known.

        Returns
        -------
        dict
            ``asked, candidate_id, state, factor, reason, since, lists, meant``.
        """
        found = self.resolve(name)
        told: dict[str, Any] = {"asked": name, "candidate_id": found, "state": "unknown"}
        told |= {"factor": "", "reason": "", "since": None, "lists": [], "meant": ""}
        if found is None:
            return told | {"meant": self.meant(name).removeprefix("; ")}
        row = night.row_of(found)
        if row is None:
            return told | self._rejected(night, found)
        verdict = night.judged.scored.verdict
        decision = Decision(verdict.decision[row])
        if decision != Decision.KEEP:
            state = {"factor": str(verdict.factor[row]), "reason": str(verdict.reason[row])}
            return told | state | {"state": decision.label}
        lists = [_place(night, list_name, found) for list_name in night.lists]
        seen = [one for one in lists if one["observatory"] != "science"]
        ranked = not seen or any(one["rank"] for one in seen)
        return told | {"state": "ranked" if ranked else "not tonight", "lists": lists}

    def _rejected(self, night: Night, name: str) -> dict[str, Any]:
        with self._quick as store:
            table = store.rejections.as_known(night.mjd, only=[name])
        if table.empty:
            return {"state": "new", "reason": "it came in after this was judged; ask again soon"}
        row = table.iloc[0]
        told = {"factor": str(row["factor"]), "reason": str(row["reason"])}
        return told | {"state": Decision.REJECT.label, "since": float(row["at"])}

    def past(
        self, observatory: str, at: float, now: float, span: float
    ) -> tuple[list[float], pd.DataFrame]:
        """Return when cycles were in the last days, and a list as it was at a time.

        Parameters
        ----------
        observatory : str
            Empty: the science list.
        at, now : float
            [d, MJD UTC]
        span : float
            [d]
        """
        with self._quick as store:
            times = store.results.times(min(at, now) - span, now)
            return times, store.results.list_at(min(at, now), observatory)

    def ledger(self, night: Night) -> Ledger:
        """Return what became of what was recommended, as known when it was judged."""

        def ask() -> Ledger:
            with self._slow as store:
                return ledger(night.parts, store, night.now)

        return _kept(night, ("ledger", ""), ask)

    # -- marks --------------------------------------------------------------------------------

    def mark(
        self,
        case: Case,
        now: Time,
        candidate: str,
        kind: str,
        *,
        observatory: str = "",
        until: Sequence[str] = (),
        author: str = "",
        comment: str = "",
    ) -> Said:
        """Take a mark, as `aas2rto mark` does.

        Raises
        ------
        UsageError
            If it cannot be taken; nothing is then stored.
        """
        kinds = [one.value for one in marks.Kind]
        if kind not in kinds:
            raise UsageError(f"{kind!r} is no mark{nearest(kind, kinds)} (known: {kinds})")
        sites = [site.name for site in case.observatories]
        if observatory and observatory not in sites:
            raise UsageError(f"no observatory {observatory!r}{nearest(observatory, sites)}")
        ends = marks.ending(list(until), now)
        with self._marking as store:
            found = store.identities.resolve(candidate)
            if found is None:
                raise UsageError(f"no candidate is known as {candidate[:80]!r}")
            rows = marks.rows(
                found,
                marks.Kind(kind),
                now,
                ends=ends,
                observatories=[observatory] if observatory else [],
                author=author,
                comment=comment,
            )
            store.marks.save(rows)
            made = store.marks.as_known(now.utc.mjd).tail(1).to_dict("records")[0]
        back = marks.is_taken_back(made)
        told = f"{kind} is taken back" if back else marks.sentence(made)
        can_undo = not back and kind != marks.Kind.COMMENT
        said = Said(secrets.token_urlsafe(9), found, kind, observatory, told, can_undo)
        self._said[said.key] = said
        while len(self._said) > REMEMBERED:
            self._said.popitem(last=False)
        return said

    def said(self, key: str) -> Said | None:
        """Return a mark that was taken a while ago."""
        return self._said.get(key)

    def marks(self, now: float) -> list[dict[str, Any]]:
        """Return what people have said by `now` [d, MJD UTC], the newest first."""
        with self._quick as store:
            table = store.marks.as_known(now)
        table = table.iloc[::-1]
        told = []
        for row in table.to_dict("records"):
            one = {str(key): plain(value) for key, value in row.items()}
            back = marks.is_taken_back(row)
            told.append({**one, "sentence": marks.sentence(row), "takes_back": back})
        return told

    def cycles(self, now: float, limit: int) -> list[dict[str, Any]]:
        """Return reports of the newest cycles by `now` [d, MJD UTC], the newest first."""
        with self._quick as store:
            return store.results.reports(now, limit)


def _sent(store: Store, name: str, now: float) -> list[dict[str, Any]]:
    """Return the messages about a candidate, the newest first."""
    entries = store.outbox.entries(candidate_ids=[name], newest=MESSAGES)
    return [
        {"at": one.at, "channel": one.channel, "state": one.state, "words": _words(one.message)}
        for one in reversed(entries)
        if one.at <= now and one.part == "text"
    ]


def _words(message: Mapping[str, Any]) -> str:
    """Return a message in one line."""
    return one_line(str(message.get("title") or message.get("text") or ""), 300)


def _kept(night: Night, key: tuple[str, str], make: Callable[[], T]) -> T:
    """Return what was made before of this night, or make it."""
    name, held = "\0".join(key), night.held
    if name in held:
        value: T = held[name]
        return value
    made = make()
    while len(held) >= KEPT:
        held.pop(next(iter(held)), None)
    held[name] = made
    return made


def _place(night: Night, observatory: str, name: str) -> dict[str, Any]:
    """Say where a candidate stands in a list, or what keeps it out."""
    told: dict[str, Any] = {"observatory": observatory, "rank": None, "factor": "", "reason": ""}
    found = night.alone.place(observatory, name)
    if found is not None:
        row, is_in = found
        told |= {key: str(row[key].iloc[0]) for key in (("reason",) if is_in else OUT)}
        told["rank"] = int(row["rank"].iloc[0]) if is_in else None
    return told
