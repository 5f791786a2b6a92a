"""What people answer to a message, and what becomes of it: feedback in the store, or a reason.

A listener (one per service) turns what arrives into an `Incoming`; everything else is here, and
the same for all services. An answer and what it says of a candidate are stored together, under
the service's own name of the answer, so that one that is delivered twice counts once.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.time import Time

from aas2rto.errors import UsageError
from aas2rto.store import Store
from aas2rto.store.outbox import Answer, Outbox
from aas2rto.tables import marks as feedback
from aas2rto.tables.marks import Ending, Kind, Spoken
from aas2rto.text.words import number, one_line

log = logging.getLogger(__name__)

WHY = "why"
VERBS = (
    *(kind.value for kind in feedback.VISITS),
    *(kind.value for kind in (Kind.VETO, Kind.SNOOZE, Kind.PIN)),
    WHY,
)

HELP = (
    "answers are: observed [OBSERVATORY] · failed [OBSERVATORY] · clouded [OBSERVATORY] · "
    "veto [why] · snooze 3d · pin · why"
)

LONGEST_ANSWER = 500
LONGEST_WHY = 2800
"""Of a factor table: every service takes that much."""


@dataclass(frozen=True)
class Incoming:
    """Something that somebody wrote, or a button that somebody pressed.

    Parameters
    ----------
    key : str
        The service's own name of it.
    channel : str
        In the config.
    author_id, author : str
        As the service knows them.
    text : str
    entry : int or None
        The message in the outbox that it answers.
    """

    key: str
    channel: str
    author_id: str
    author: str
    text: str
    entry: int | None = None


@dataclass(frozen=True)
class Command:
    """What an answer asks for."""

    verb: str
    candidate: str = ""
    observatory: str = ""
    ends: Ending = field(default_factory=Ending)
    comment: str = ""


_WORD = re.compile(r"\S+")


def parse(
    text: str,
    now: Time,
    *,
    is_candidate: Callable[[str], bool],
    observatories: Sequence[str] = (),
) -> Command | None:
    """Read an answer such as ``snooze 3d``, ``observed la_palma_not`` or ``veto ZTF26abc star``.

    Parameters
    ----------
    text : str
    now : Time
        Durations count from here.
    is_candidate : callable
        Tells whether a word names a candidate.
    observatories : sequence of str
        Names that may follow ``observed``, ``failed`` and ``clouded``.

    Returns
    -------
    Command or None
        None if its first word is none of `VERBS`.

    Raises
    ------
    UsageError
        If a snooze says no end that can be read.
    """
    words = _WORD.findall(text[:LONGEST_ANSWER])
    verb = words.pop(0).lower().lstrip("/").partition("@")[0].rstrip(":,.!") if words else ""
    if verb not in VERBS:
        return None
    candidate = words.pop(0) if words and is_candidate(words[0]) else ""
    if verb == WHY:
        said = Spoken("", Ending(), words)
    else:
        said = feedback.spoken(Kind(verb), words, now, observatories)
    if not candidate and said.words and is_candidate(said.words[-1]):
        candidate = said.words.pop()
    comment = one_line(" ".join(said.words), LONGEST_ANSWER)
    return Command(verb, candidate, said.observatory, said.ends, comment)


class Desk:
    """Takes answers.

    Parameters
    ----------
    open_store : callable
        Opens the store of the project; called for each answer, in the thread of its listener.
    clock : callable
        Tells the time.
    observatories : sequence of str
    why : callable
        Explains a candidate: ``why(store, candidate_id)`` returns what `explain` does.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        clock: Callable[[], Time],
        *,
        observatories: Sequence[str],
        why: Callable[[Store, str], Mapping[str, Any]],
    ) -> None:
        self._open_store = open_store
        self._clock = clock
        self._observatories = tuple(observatories)
        self._why = why

    def take(self, incoming: Incoming, *, allowed: bool) -> str | None:
        """Take one answer.

        Returns
        -------
        str or None
            What to say back; None: nothing.
        """
        if not allowed:
            log.warning(
                "channel %s: user %s is not allowed to answer", incoming.channel, incoming.author_id
            )
            return None
        with self._open_store() as store:
            return self._take(store, incoming)

    def _take(self, store: Store, incoming: Incoming) -> str | None:
        now = self._clock()
        try:
            command = parse(
                incoming.text,
                now,
                observatories=self._observatories,
                is_candidate=lambda word: store.identities.resolve(word) is not None,
            )
            if command is None:
                return HELP if incoming.entry is not None else None
            candidate_id = self._candidate(store, incoming, command)
            rows = self._rows(candidate_id, command, incoming, now)
        except UsageError as error:
            return str(error)
        said = self._said(store, candidate_id, command, rows)
        answer = Answer(
            incoming.key,
            incoming.channel,
            now.utc.mjd,
            one_line(incoming.author, 60),
            one_line(incoming.text, LONGEST_ANSWER),
            candidate_id,
            one_line(said, LONGEST_ANSWER),
        )
        return said if store.take_answer(answer, rows) else None

    def _candidate(self, store: Store, incoming: Incoming, command: Command) -> str:
        if command.candidate:
            return str(store.identities.resolve(command.candidate))
        entry = store.outbox.get(incoming.entry) if incoming.entry is not None else None
        found = str(entry.message.get("candidate_id", "")) if entry is not None else ""
        if not found:
            raise UsageError(
                f"which candidate? write {command.verb} CANDIDATE, or answer a message about one"
            )
        return found

    def _rows(
        self, candidate_id: str, command: Command, incoming: Incoming, now: Time
    ) -> list[dict[str, Any]]:
        if command.verb == WHY:
            return []
        sites = (command.observatory,) if command.observatory else ()
        return feedback.rows(
            candidate_id,
            Kind(command.verb),
            now,
            ends=command.ends,
            observatories=sites,
            author=one_line(incoming.author, 60),
            comment=command.comment,
        )

    def _said(
        self,
        store: Store,
        candidate_id: str,
        command: Command,
        rows: Sequence[Mapping[str, Any]],
    ) -> str:
        if command.verb == WHY:
            return factor_table(self._why(store, candidate_id))
        blank = {"until": np.nan, "until_mag": np.nan}
        row = {name: blank.get(name) if value is None else value for name, value in rows[0].items()}
        return f"{candidate_id}: {feedback.sentence(row)}"


def factor_table(told: Mapping[str, Any]) -> str:
    """Write an explanation as a table for a fixed-width font.

    Parameters
    ----------
    told : mapping
        As `aas2rto.questions.explain.explain` returns it.
    """
    head = f"{one_line(told['candidate_id'], 60)}: {told['decision']}"
    if told["decision"] == "keep":
        head += f", score {number(told['score'])}"
    lines = [head, *(_factor_line(factor) for factor in told["factors"])]
    for name, site in told["observatories"].items():
        value = site["effect"] if site["decision"] == "keep" else "out"
        words = f"score {number(site['score'])}" if site["decision"] == "keep" else site["reason"]
        lines.append(_row(name, value, words))
    text = "\n".join(lines)
    return text if len(text) <= LONGEST_WHY else f"{text[: LONGEST_WHY - 1]}…"


def _factor_line(factor: Mapping[str, Any]) -> str:
    out = factor["decision"] != "keep"
    value = factor["decision"] if out or factor["value"] is None else factor["effect"]
    return _row(factor["name"], value, factor["reason"])


def _row(name: str, value: str, words: str) -> str:
    return f"{one_line(name, 20):20s} {value:>8s}  {one_line(words, 90)}"


MOST_DIGITS = 15
"""Of a message's number: more than any store has, and less than a database refuses."""


def entry_number(text: object) -> int | None:
    """Return the number of a message that a button carries; None if it is none of ours."""
    said = str(text)
    is_number = said.isascii() and said.isdigit() and len(said) <= MOST_DIGITS
    return int(said) if is_number else None


def not_ours(channel: str, data: str) -> None:
    """Log that somebody pressed a button that carries what none of ours does."""
    shown = one_line(data, 60)
    log.warning("channel %s: a button that is not one of ours: %r", channel, shown)


def entry_of(outbox: Outbox, channel: str, receipt: str, value: object) -> int | None:
    """Return which message of the outbox the service means by its own number."""
    found = outbox.by_receipt(channel, receipt, str(value))
    return None if found is None else found.id
