"""Who was annotated and has left the list: Lasair keeps an annotation until another replaces it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aas2rto.outlets.share.desk import SENT
from aas2rto.outlets.share.lasair import DROPPED, Lasair, object_of
from aas2rto.outlets.share.lasair import gone as annotation
from aas2rto.outlets.share.letters import Page
from aas2rto.store import Store
from aas2rto.store.requests import Request

Left = tuple[Request, dict[str, Any]]


def gone(store: Store, outlet: Lasair, page: Page, listed: set[str]) -> list[Left]:
    """Return the ledger's rows of who has left the list of a site, with what to say of each.

    The newest row of each candidate counts: who was dropped and came back was sent again.
    """
    newest: dict[str, Request] = {}
    for one in store.requests.all(outlet.service):
        if one.site == page.site:
            newest[one.candidate_id] = one
    found = []
    for one in newest.values():
        if one.candidate_id in listed or one.state != SENT:
            continue
        names = (one.candidate_id, *store.identities.aliases_of(one.candidate_id))
        key = object_of(names)
        if key is not None:
            found.append((one, annotation(outlet.settings.topic, key)))
    return found


def settle_gone(store: Store, left: Sequence[Left], page: Page) -> None:
    """Note in the ledger that these were dropped."""
    for one, _ in left:
        facts = {**one.facts, "state": DROPPED, "digest": ""}
        store.requests.settle(replace(one, at=page.now, facts=facts))
