"""ESO p2: observation blocks as JSON for people, and created in the demonstration environment.

p2api 1.2.1 (MIT): every answer has an ETag, and every change must show it (``If-Match``). Templates
differ by instrument and period and are left to people; nothing here triggers anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from pydantic import SecretStr

from aas2rto.config.sharing import Eso as Settings
from aas2rto.errors import UsageError
from aas2rto.outlets.share.desk import Put
from aas2rto.outlets.share.letters import Letter, Page
from aas2rto.outlets.starlists.names import short_names
from aas2rto.sources.transport.answer import Answer
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.tables.sexagesimal import COLONS, degrees, hours

NETWORK = Policy(read=60.0)
PATIENCE = 120.0
DEMO = re.compile(r"/copdemo/")
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
LONGEST_NAME = 50
"""A choice, far below what p2 shows."""


class P2:
    """The demonstration environment of p2.

    Parameters
    ----------
    settings : Settings
    user, password : str
    policy : Policy, optional

    Raises
    ------
    UsageError
        If the address is another: blocks for the telescope are submitted by people, in p2.
    """

    service = "p2"

    def __init__(
        self, settings: Settings, user: str, password: str, policy: Policy | None = None
    ) -> None:
        self.settings = settings
        url = urlsplit(settings.url)
        if not (DEMO.search(url.path) or url.hostname in LOCAL):
            raise UsageError(
                f"p2: url: {settings.url} is not the demonstration environment; blocks for the "
                "telescope are imported and submitted by people, in p2"
            )
        if settings.container is None:
            raise UsageError("p2: container is not set; it is the number of your run in p2demo")
        self._user, self._password = user, password
        self._policy = policy or NETWORK
        login = settings.url.removesuffix("/v1")
        self._login = Client("p2", login, policy=self._policy, secrets=[SecretStr(password)])
        self._client: Client | None = None

    def close(self) -> None:
        """Close the connections."""
        self._login.close()
        if self._client is not None:
            self._client.close()

    def body(self, letter: Letter, page: Page) -> dict[str, Any]:
        """Return the observation block of a candidate."""
        return block(letter, page, self.settings)

    def put(self, letter: Letter, body: Mapping[str, Any]) -> Put:  # noqa: ARG002  as others do
        """Create the block, or complete the one of this name, and fill it in."""
        container = self.settings.container
        items = self._ask("GET", f"containers/{container}/items").json()
        rows = [one for one in items if isinstance(one, Mapping)] if isinstance(items, list) else []
        there = next((one for one in rows if one.get("name") == body["name"]), None)
        if there is None:
            new = {"itemType": "OB", "name": body["name"]}
            told = self._ask("POST", f"containers/{container}/items", json=new, repeat=False)
            how = "sent"
        else:
            told = self._ask("GET", f"obsBlocks/{there.get('obId')}")
            how = "found" if _holds(body, told.mapping()) else "changed"
        stored = told.mapping()
        key = stored.get("obId")
        if how != "found":
            whole = {**stored, **{name: _merged(stored.get(name), body[name]) for name in body}}
            told = self._ask(
                "PUT",
                f"obsBlocks/{key}",
                json=whole,
                headers={"If-Match": told.headers.get("etag", "")},
            )
            stored = told.mapping()
        return Put(how, {name: stored.get(name) for name in body}, {"id": key})

    def _ask(self, method: str, path: str, **question: Any) -> Answer:
        if self._client is None:
            self._client = self._logged_in()
        until = self._client.deadline(PATIENCE)
        return self._client.request(method, path, until=until, **question)

    def _logged_in(self) -> Client:
        form = {"username": self._user, "password": self._password}
        told = self._login.post("login", until=self._login.deadline(PATIENCE), json=form)
        token = told.mapping().get("access_token")
        if not isinstance(token, str):
            raise told.unreadable("without an access_token")
        bearer = {"Authorization": SecretStr(f"Bearer {token}")}
        return Client("p2", self.settings.url, policy=self._policy, credentials=bearer)


def block(letter: Letter, page: Page, settings: Settings) -> dict[str, Any]:
    """Return an observation block: name, target, constraints, words; no templates.

    Positions have three decimals of a second, as ESO's own examples have.
    """
    ra = hours(np.array([letter.ra]), 3, COLONS)[0]
    dec = degrees(np.array([letter.dec]), 3, COLONS)[0]
    words = f"rank {letter.rank} of {letter.of}: {letter.why}"
    name = short_names([letter.name], 20)[0]
    return {
        "name": f"AAS2RTO {name} {page.evening} {page.key(letter.candidate_id)[:6]}"[:LONGEST_NAME],
        "target": {
            "name": short_names([letter.name], 32)[0],
            "ra": ra,
            "dec": dec,
            "equinox": "J2000",
            "properMotionRa": 0.0,
            "properMotionDec": 0.0,
        },
        "constraints": {
            "airmass": settings.airmass,
            "moonDistance": settings.moon,
            "fli": settings.fli,
            "seeing": settings.seeing,
            "skyTransparency": settings.transparency,
        },
        "obsDescription": {"userComments": words[:200]},
    }


def _merged(before: Any, new: Any) -> Any:
    if isinstance(before, Mapping) and isinstance(new, Mapping):
        return {**before, **new}
    return new


def _holds(body: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    return all(_merged(stored.get(name), body[name]) == stored.get(name) for name in body)
