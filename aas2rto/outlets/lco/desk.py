"""Send requests, follow and cancel them; the ledger in the store knows of each.

A request is claimed in the ledger before the portal is asked. Whoever finds one claimed, and not
settled, looks for it at the portal by its name before sending it again: a kill in between neither
loses a request nor makes two of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aas2rto.errors import InputError
from aas2rto.outlets.lco.compare import differences
from aas2rto.outlets.lco.payload import Wish
from aas2rto.outlets.lco.service import CANCELED, ENDED, Portal
from aas2rto.sources.transport.answer import HttpError
from aas2rto.store import Store
from aas2rto.store.requests import SENDING, Request

SERVICE = "lco"


@dataclass(frozen=True)
class Sent:
    """What became of a request.

    Parameters
    ----------
    request : Request
    how : str
        ``sent``, ``found`` (it had arrived before), or ``known`` (it was sent before).
    differences : list of str
        Between what was sent and what is stored.
    """

    request: Request
    how: str
    differences: list[str] = field(default_factory=list)


def submit(store: Store, portal: Portal, wish: Wish, group: Mapping[str, Any], now: float) -> Sent:
    """Send a request, once for each candidate, site and night.

    Parameters
    ----------
    store : Store
    portal : Portal
    wish : Wish
    group : mapping
        From `payload.build`.
    now : float
        [d, MJD UTC]

    Raises
    ------
    LostError
        If nobody knows whether it arrived; asked again, it is looked for first.
    HttpError
        If the portal refused it.
    """
    facts = {
        "state": SENDING,
        "name": group["name"],
        "ra": wish.ra,
        "dec": wish.dec,
        "start": wish.windows[0][0],
        "kind": wish.kind.value,
    }
    claim = Request(wish.candidate_id, SERVICE, wish.site.name, wish.evening, now, facts)
    if not store.requests.claim(claim):
        known = _known(store, claim)
        if known is not None and known.state not in {SENDING, CANCELED}:
            return Sent(known, "known")
        stored = portal.find(group["name"], group["proposal"])
        if stored is not None:
            return _settled(store, claim, group, stored, "found")
        store.requests.settle(claim)
    try:
        stored = portal.submit(group)
    except HttpError:
        store.requests.forget(claim)
        raise
    return _settled(store, claim, group, stored, "sent")


def _settled(
    store: Store, claim: Request, group: Mapping[str, Any], stored: Mapping[str, Any], how: str
) -> Sent:
    settled = replace(claim, facts={**claim.facts, **_facts(stored)})
    store.requests.settle(settled)
    return Sent(settled, how, list(differences(group, stored)))


def _known(store: Store, claim: Request) -> Request | None:
    return next(
        (
            one
            for one in store.requests.all(SERVICE)
            if (one.candidate_id, one.topic) == (claim.candidate_id, claim.topic)
        ),
        None,
    )


def _facts(stored: Mapping[str, Any]) -> dict[str, Any]:
    requests = [one for one in stored.get("requests", []) if isinstance(one, Mapping)]
    return {
        "id": stored["id"],
        "state": str(stored.get("state", "PENDING")),
        "requests": [{"id": one.get("id"), "state": one.get("state")} for one in requests],
    }


def follow(store: Store, portal: Portal, now: float) -> list[tuple[Request, list[dict[str, Any]]]]:
    """Ask how the requests stand that have not ended; return all with their blocks."""
    found: list[tuple[Request, list[dict[str, Any]]]] = []
    for one in store.requests.all(SERVICE):
        if one.state == SENDING or one.state in ENDED:
            found.append((one, []))
            continue
        stored = portal.group(int(one.facts["id"]))
        newer = replace(one, at=now, facts={**one.facts, **_facts(stored)})
        if newer.facts != one.facts:
            store.requests.settle(newer)
        blocks = [b for r in newer.facts["requests"] for b in portal.blocks(int(r["id"]))]
        found.append((newer, blocks))
    return found


def cancel(store: Store, portal: Portal, request: Request, now: float) -> Request:
    """Cancel a request.

    Raises
    ------
    InputError
        If it was never sent, as far as anybody knows.
    HttpError
        If the portal refused, since it has ended.
    """
    if "id" not in request.facts:
        raise InputError(
            f"nobody knows whether the request of {request.candidate_id} at {request.site} "
            "arrived; ask for it again with --submit: it is looked for first"
        )
    stored = portal.cancel(int(request.facts["id"]))
    state = str(stored.get("state", CANCELED))
    settled = replace(request, at=now, facts={**request.facts, "state": state})
    store.requests.settle(settled)
    return settled
