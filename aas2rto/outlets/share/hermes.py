"""Hermes: one message for each site and night, with those that were not in an earlier one.

LCOGT/hermes, serializers.py and views.py: target names are unique, every row of photometry names
one of them. Messages are public, and cannot be taken back; ``submit_to_tns`` and ``submit_to_gcn``
are always false.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from aas2rto.config.sharing import Hermes as Settings
from aas2rto.outlets.share.letters import Letter, Page
from aas2rto.outlets.starlists.names import short_names
from aas2rto.sources.transport.http import Client, Policy

NETWORK = Policy(read=60.0)
PATIENCE = 120.0


class Hermes:
    """Sends one message about the first of a list to Hermes.

    Parameters
    ----------
    settings : Settings
    token : str
    policy : Policy, optional
    """

    service = "hermes"

    def __init__(self, settings: Settings, token: str, policy: Policy | None = None) -> None:
        self.settings = settings
        self._client = Client(
            "hermes",
            settings.url,
            policy=policy or NETWORK,
            credentials={"Authorization": SecretStr(f"Token {token}")},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def validate(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Ask what is wrong with a message; empty: nothing. Nothing is sent on."""
        path = "api/v0/submit_message/validate/"
        return self._client.post(path, until=self._until(), json=dict(message)).mapping()

    def send(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Publish a message, unless one of this title is there.

        Raises
        ------
        HttpError
            If it is refused, or nobody knows whether it arrived; asked again, it is looked for.
        """
        first = message["data"]["targets"][0]["name"]
        asked = {"target_name_exact": first}
        found = self._client.get("api/v0/messages/", until=self._until(), params=asked)
        for one in found.records("results"):
            if isinstance(one, Mapping) and one.get("title") == message["title"]:
                return {"uuid": one.get("uuid")}
        path = "api/v0/submit_message/"
        told = self._client.post(path, until=self._until(), json=dict(message), repeat=False)
        return {"uuid": told.mapping().get("uuid")}

    def _until(self) -> Any:
        return self._client.deadline(PATIENCE)


def message(found: Sequence[Letter], page: Page, settings: Settings) -> dict[str, Any]:
    """Return the message of some candidates; its title holds a key of who is in it."""
    names = short_names([one.name for one in found])
    key = page.key(*sorted(one.candidate_id for one in found))
    lines = [f"{one.rank}. {name}: {one.why}" for name, one in zip(names, found, strict=True)]
    return {
        "title": f"AAS2RTO {page.project}: {page.site}, night of {page.evening} [{key}]",
        "topic": settings.topic,
        "submitter": settings.submitter,
        "authors": settings.authors,
        "message_text": "\n".join(lines),
        "data": {
            "targets": [_target(name, one, page) for name, one in zip(names, found, strict=True)]
        },
        "submit_to_tns": False,
        "submit_to_gcn": False,
    }


def _target(name: str, letter: Letter, page: Page) -> dict[str, Any]:
    aliases = [one for one in (letter.name, *letter.aliases) if one != name]
    return {
        "name": name,
        "ra": letter.ra,
        "dec": letter.dec,
        "epoch": "2000.0",
        "redshift": letter.redshift,
        "aliases": aliases,
        "group_associations": [page.origin],
        "comments": f"rank {letter.rank} of {letter.of}",
    }
