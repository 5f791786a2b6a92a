"""Send letters, once for each candidate, site and night; the ledger in the store knows of each.

As with telescopes, a letter is claimed before the service is asked and settled after. Every outlet
looks for what is there before it sends, so that a kill in between makes no second one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from aas2rto.errors import SourceError
from aas2rto.outlets.lco.compare import differences
from aas2rto.outlets.lco.service import LOST
from aas2rto.outlets.share.letters import Letter, Page, digest
from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.store import Store
from aas2rto.store.requests import SENDING, Request

SENT = "sent"
STOPS = frozenset({Cause.REFUSED, Cause.UNREACHABLE, Cause.THROTTLED, Cause.OUT_OF_TIME})
"""The next letter would meet these, too."""


@dataclass(frozen=True)
class Put:
    """What a service did with a letter.

    Parameters
    ----------
    how : str
        ``sent``, ``changed``, ``found`` (it was there, and the same).
    stored : mapping or None
        What it says that it stores; None: it does not say.
    facts : mapping
        For the ledger: numbers by which it is found again.
    """

    how: str
    stored: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Outlet(Protocol):
    """A service that takes one letter at a time."""

    service: str

    def body(self, letter: Letter, page: Page) -> dict[str, Any]:
        """Return what is sent."""
        ...

    def put(self, letter: Letter, body: Mapping[str, Any]) -> Put:
        """Look for it, then send it or change what is there.

        Raises
        ------
        HttpError
            If the service refuses it, or does not answer.
        """
        ...


@dataclass(frozen=True)
class Result:
    """What became of a letter: `Put.how`, ``known``, ``not sent``, ``refused`` or ``lost``."""

    letter: Letter
    how: str
    why: str = ""
    differences: Sequence[str] = ()


def submit(
    store: Store, outlet: Outlet, found: Sequence[Letter], page: Page, *, anyway: bool = False
) -> list[Result]:
    """Send letters; one that is refused does not keep the others from being sent.

    Raises
    ------
    SourceError
        If the service refuses everybody, or cannot be reached: the next would meet it, too.
    """
    results = []
    for letter in found:
        if letter.not_sent and not anyway:
            results.append(Result(letter, "not sent", "; ".join(letter.not_sent)))
            continue
        results.append(_one(store, outlet, letter, page))
    return results


def _one(store: Store, outlet: Outlet, letter: Letter, page: Page) -> Result:
    body = outlet.body(letter, page)
    claim = claim_of(outlet.service, letter, page, digest(body))
    is_new = store.requests.claim(claim)
    known = None if is_new else known_of(store, claim)
    if known is not None and known.state == SENT and known.facts.get("digest") == digest(body):
        return Result(letter, "known")
    try:
        put = outlet.put(letter, body)
    except HttpError as error:
        if error.cause in LOST and error.cause is not Cause.UNREACHABLE:
            return Result(letter, "lost", str(error))
        if is_new:
            store.requests.forget(claim)
        if error.cause in STOPS:
            raise
        return Result(letter, "refused", str(error))
    store.requests.settle(replace(claim, facts={**claim.facts, **put.facts, "state": SENT}))
    unlike = [] if put.stored is None else list(differences(body, put.stored))
    return Result(letter, put.how, differences=unlike)


def claim_of(service: str, letter: Letter, page: Page, told: str) -> Request:
    """Return the ledger's row of a letter that is about to be sent."""
    facts = {"state": SENDING, "digest": told, "ra": letter.ra, "dec": letter.dec}
    return Request(letter.candidate_id, service, page.site, page.evening, page.now, facts)


def known_of(store: Store, claim: Request) -> Request | None:
    """Return the ledger's row with the key of a claim."""
    rows = store.requests.all(claim.service)
    key = (claim.candidate_id, claim.topic)
    return next((one for one in rows if (one.candidate_id, one.topic) == key), None)


def submit_together(
    store: Store,
    service: str,
    found: Sequence[Letter],
    page: Page,
    bodies: Mapping[str, Any],
    send: Callable[[Sequence[Letter]], Mapping[str, Any]],
    *,
    anyway: bool = False,
) -> list[Result]:
    """Send those letters that are new or changed in one call.

    Parameters
    ----------
    bodies : mapping
        What is said of each candidate.
    send : callable
        Sends several; returns facts for the ledger, raises `HttpError` or `SourceError`.
    """
    results, waiting = [], []
    for letter in found:
        told = digest(bodies[letter.candidate_id])
        claim = claim_of(service, letter, page, told)
        if letter.not_sent and not anyway:
            results.append(Result(letter, "not sent", "; ".join(letter.not_sent)))
            continue
        is_new = store.requests.claim(claim)
        known = None if is_new else known_of(store, claim)
        if known is not None and known.state == SENT and known.facts.get("digest") == told:
            results.append(Result(letter, "known"))
            continue
        waiting.append((letter, claim, is_new))
    if not waiting:
        return results
    try:
        facts = send([letter for letter, _, _ in waiting])
    except SourceError as error:
        lost = isinstance(error, HttpError) and error.cause in LOST - {Cause.UNREACHABLE}
        for _, claim, is_new in waiting:
            if is_new and not lost:
                store.requests.forget(claim)
        how = "lost" if lost else "refused"
        return [*results, *(Result(one, how, str(error)) for one, _, _ in waiting)]
    for letter, claim, _ in waiting:
        store.requests.settle(replace(claim, facts={**claim.facts, **facts, "state": SENT}))
        results.append(Result(letter, "sent"))
    return results
