"""TOM Toolkit: targets with score and a dated list out, the targets of a list in.

tom_targets/serializers.py and api_views.py (3.1): an existing name is refused, so that it is looked
for first; an extra without its ``id`` is added again; nothing takes a target off a list, so that
lists have dates; without ``groups`` only the owner of the token sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from aas2rto.config.sharing import Tom as Settings
from aas2rto.outlets.share.desk import Put
from aas2rto.outlets.share.letters import Letter, Page
from aas2rto.sources.transport.http import Client, Policy

NETWORK = Policy(read=60.0, rate=4.0, burst=8)
PATIENCE = 120.0
MOST_PAGES = 100
SCORE, RANK, WHY = "aas2rto_score", "aas2rto_rank", "aas2rto_why"


class Tom:
    """A TOM.

    Parameters
    ----------
    settings : Settings
    token : str
    policy : Policy, optional
    """

    service = "tom"

    def __init__(self, settings: Settings, token: str, policy: Policy | None = None) -> None:
        self.settings = settings
        self._client = Client(
            "tom",
            settings.url,
            policy=policy or NETWORK,
            credentials={"Authorization": SecretStr(f"Token {token}")},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def body(self, letter: Letter, page: Page) -> dict[str, Any]:
        """Return the target of a candidate."""
        return {
            "name": letter.name,
            "type": "SIDEREAL",
            "ra": letter.ra,
            "dec": letter.dec,
            "epoch": 2000,
            # One that equals the name is refused, and takes the target with it.
            "aliases": [{"name": one} for one in letter.aliases if one != letter.name],
            "targetextra_set": [
                {"key": SCORE, "value": f"{letter.score:.5g}"},
                {"key": RANK, "value": str(letter.rank)},
                {"key": WHY, "value": letter.why[:200]},
            ],
            "target_lists": [{"name": f"{page.project} {page.site} {page.evening}"}],
            "groups": [{"name": one} for one in self.settings.groups],
        }

    def put(self, letter: Letter, body: Mapping[str, Any]) -> Put:
        """Make the target, or change the one of this name."""
        before = self._named(letter.name)
        if before is None:
            stored = self._client.post(
                "api/targets/", until=self._until(), json=dict(body), repeat=False
            ).mapping()
            how = "sent"
        elif _holds(body, before):
            return Put("found", None, {"id": before.get("id")})
        else:
            path = f"api/targets/{before.get('id')}/"
            change = changes(body, before)
            stored = self._client.request(
                "PATCH", path, until=self._until(), json=change, repeat=False
            ).mapping()
            how = "changed"
        return Put(how, _comparable(body, stored), {"id": stored.get("id")})

    def _named(self, name: str) -> Mapping[str, Any] | None:
        """Return the target of this name; the filter also takes names that contain it."""
        rows = self._rows({"name": name})
        return next((one for one in rows if one.get("name") == name), None)

    def listed(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Yield the targets of a list; the API's filter takes the list's number, not its name."""
        for one in self._rows({}):
            lists = one.get("target_lists")
            named = lists if isinstance(lists, list) else []
            if any(isinstance(some, Mapping) and some.get("name") == name for some in named):
                yield one

    def _rows(self, question: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield all rows, page after page (LimitOffset, 100 each)."""
        for page in range(MOST_PAGES):
            asked = {**question, "limit": 100, "offset": 100 * page}
            told = self._client.get("api/targets/", until=self._until(), params=asked)
            rows = told.records("results")
            yield from (one for one in rows if isinstance(one, Mapping))
            if len(rows) < 100:
                return

    def _until(self) -> Any:
        return self._client.deadline(PATIENCE)


def changes(body: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to send to make a target say what `body` says.

    Extras carry their ``id``, or they would be added again; aliases that are there are left out;
    groups are not sent again: a change of them needs numbers that the names do not tell.
    """
    known = {one["key"]: one.get("id") for one in _rows_of(before, "targetextra_set", "key")}
    extras = [
        {**one, "id": known[one["key"]]} if one["key"] in known else dict(one)
        for one in body["targetextra_set"]
    ]
    there = {one["name"] for one in _rows_of(before, "aliases", "name")}
    return {
        "ra": body["ra"],
        "dec": body["dec"],
        "aliases": [one for one in body["aliases"] if one["name"] not in there],
        "targetextra_set": extras,
        "target_lists": body["target_lists"],
    }


def _rows_of(target: Mapping[str, Any], part: str, key: str) -> list[Mapping[str, Any]]:
    rows = target.get(part)
    found = rows if isinstance(rows, list) else []
    return [one for one in found if isinstance(one, Mapping) and isinstance(one.get(key), str)]


def _holds(body: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Tell whether a target says all that `body` says."""
    told = _rows_of(stored, "targetextra_set", "key")
    extras = {one["key"]: str(one.get("value")) for one in told}
    lists = {one["name"] for one in _rows_of(stored, "target_lists", "name")}
    names = {one["name"] for one in _rows_of(stored, "aliases", "name")}
    return (
        all(stored.get(key) == body[key] for key in ("ra", "dec"))
        and all(extras.get(one["key"]) == one["value"] for one in body["targetextra_set"])
        and all(one["name"] in lists for one in body["target_lists"])
        and all(one["name"] in names for one in body["aliases"])
    )


def _comparable(body: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored in the order and the parts of what was sent."""
    found: dict[str, Any] = {key: stored.get(key) for key in ("name", "type", "ra", "dec", "epoch")}
    for part, key in (("aliases", "name"), ("target_lists", "name"), ("groups", "name")):
        there = {one[key] for one in _rows_of(stored, part, key)}
        found[part] = [one if one[key] in there else None for one in body[part]]
    values = {one["key"]: one.get("value") for one in _rows_of(stored, "targetextra_set", "key")}
    found["targetextra_set"] = [
        {"key": one["key"], "value": values.get(one["key"])} for one in body["targetextra_set"]
    ]
    return found
