"""Requests to telescopes: one for each candidate, site and night, and what is known of it.

A request is claimed before the service is asked and settled after it has answered, so that a
program that is killed in between finds it claimed, and looks there before it asks again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.identities import Identities
from aas2rto.store.outbox import REQUESTS
from aas2rto.store.rows import plain

SENDING = "sending"
"""State of a request of which nobody knows whether it arrived; others are the service's words."""


@dataclass(frozen=True)
class Request:
    """What is known of a request.

    Parameters
    ----------
    candidate_id : str
    service, site, night : str
        ``lco``, an observatory, and the local date of the evening: the key.
    at : float
        When that was learnt [d, MJD UTC].
    facts : mapping
        Ready for JSON; ``state``, and whatever the service needs to be asked again.
    """

    candidate_id: str
    service: str
    site: str
    night: str
    at: float
    facts: Mapping[str, Any]

    @property
    def state(self) -> str:
        """The service's own word for it, or `SENDING`."""
        return str(self.facts.get("state", SENDING))

    @property
    def topic(self) -> str:
        """Return the key of the row."""
        return f"{REQUESTS}{self.service}|{self.site}|{self.night}"


class Requests:
    """The ledger of requests.

    Parameters
    ----------
    access : Access
    identities : Identities
    """

    def __init__(self, access: Access, identities: Identities) -> None:
        self._access = access
        self._identities = identities

    def claim(self, request: Request) -> bool:
        """Note a request that is about to be sent; False if there is one with its key."""
        row = {
            "candidate": self._identities.key_of(request.candidate_id),
            "topic": request.topic,
            "value": _text(request),
            "at": request.at,
        }
        statement = self._access.insert(schema.told).values(**row).on_conflict_do_nothing()
        with self._access.transaction("a request") as connection:
            return bool(connection.execute(statement).rowcount)

    def settle(self, request: Request) -> None:
        """Note what became of a request that was claimed."""
        with self._access.transaction("a request") as connection:
            connection.execute(
                update(schema.told)
                .where(self._is(request))
                .values(value=_text(request), at=request.at)
            )

    def forget(self, request: Request) -> None:
        """Take a claim back: the service refused it, or it is over."""
        with self._access.transaction("a request") as connection:
            connection.execute(delete(schema.told).where(self._is(request)))

    def _is(self, request: Request) -> Any:
        key = self._identities.key_of(request.candidate_id)
        return (schema.told.c.candidate == key) & (schema.told.c.topic == request.topic)

    def all(self, service: str) -> list[Request]:
        """Return all requests to a service, by night, site and candidate."""
        table, known = schema.told, schema.candidates
        query = select(known.c.candidate_id, table.c.topic, table.c.value, table.c.at)
        query = query.join(known, known.c.id == table.c.candidate)
        query = query.where(table.c.topic.startswith(f"{REQUESTS}{service}|", autoescape=True))
        with self._access.reading() as connection:
            rows = connection.execute(query).all()
        found = []
        for name, topic, value, at in rows:
            _, _, site, night = topic.split("|")
            found.append(Request(name, service, site, night, at, json.loads(value)))
        return sorted(found, key=lambda one: (one.night, one.site, one.candidate_id))


def _text(request: Request) -> str:
    return json.dumps(dict(request.facts), sort_keys=True, default=plain)
