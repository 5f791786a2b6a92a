"""Lasair annotator: all annotations of a list in one of the hundred calls of an hour.

webserver/lasairapi/serializers.py (lasair-lsst), AnnotateListSerializer: limits below; the first
error ends the list and keeps what came before. An annotation is state, one for each object and
topic, and cannot be deleted: who left the list is said to be "dropped".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from aas2rto import __version__
from aas2rto.config.sharing import LasairAnnotator as Settings
from aas2rto.outlets.share.letters import Letter, Page
from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.sources.transport.http import Client, Policy

NETWORK = Policy(read=120.0)
PATIENCE = 180.0
LONGEST = {"classification": 80, "version": 16, "explanation": 1024, "classdict": 4096, "url": 1024}
"""Signs. The server takes 80 of a version; its own client refuses more than 16."""

DROPPED = "dropped"


class Lasair:
    """An annotator of Lasair.

    Parameters
    ----------
    settings : Settings
    token : str
    policy : Policy, optional
    """

    service = "lasair"

    def __init__(self, settings: Settings, token: str, policy: Policy | None = None) -> None:
        self.settings = settings
        self._client = Client(
            "lasair annotator",
            settings.url,
            policy=policy or NETWORK,
            credentials={"Authorization": SecretStr(f"Token {token}")},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, bodies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Send annotations in one call; sent twice they are the same.

        Raises
        ------
        HttpError
            If it is refused: topic, owner, not active; what came before the refused one is kept.
        """
        until = self._client.deadline(PATIENCE)
        body = {"annotations": [dict(one) for one in bodies]}
        told = self._client.post("api/annotatelist/", until=until, json=body)
        answer = told.mapping()
        if "error" in answer:
            text = f"{told.asked}: {str(answer['error'])[:200]}"
            raise HttpError(text, cause=Cause.REJECTED, status=told.status)
        if answer.get("status") != "success":
            raise told.unreadable("without saying that it was a success")
        return {"n": answer.get("n")}


def object_of(names: Sequence[str]) -> int | None:
    """Return the diaObjectId among the names of a candidate: LSST's ids are numbers."""
    return next((int(one) for one in names if one.isdecimal() and 10 <= len(one) <= 20), None)


def body(letter: Letter, page: Page, topic: str) -> dict[str, Any] | None:
    """Return the annotation of a candidate; None of one that LSST has not seen."""
    key = object_of((letter.candidate_id, letter.name, *letter.aliases))
    if key is None:
        return None
    said = {
        "score": float(f"{letter.score:.5g}"),
        "rank": letter.rank,
        "of": letter.of,
        "site": page.site,
        "night": page.evening,
    }
    words = f"rank {letter.rank} of {letter.of} at {page.site}: {letter.why}"
    return cut(topic, key, f"rank{letter.rank:03d}", words, said)


def gone(topic: str, key: int) -> dict[str, Any]:
    """Return the annotation of a candidate that is in the list no more."""
    return cut(topic, key, DROPPED, "not in the list any more", {})


def cut(
    topic: str, key: int, classification: str, explanation: str, said: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an annotation within the server's limits."""
    found = {
        "classification": classification,
        "version": __version__,
        "explanation": explanation,
        "classdict": json.dumps(said, sort_keys=True),
        "url": "",
    }
    short = {name: text[: LONGEST[name]] for name, text in found.items()}
    return {"topic": topic, "objectId": key, **short}
