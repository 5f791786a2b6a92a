"""SkyPortal: a source and one annotation for each candidate, follow-up requests in, status back.

skyportal/handlers/api: ``annotation.py`` (one for each object and origin; a second is refused, so
that it is looked for and changed), ``source.py``, ``followup_request.py``. Errors have status 400
and a sentence; "429: wait 1 s".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from aas2rto.config.sharing import SkyPortal as Settings
from aas2rto.outlets.share.desk import Put
from aas2rto.outlets.share.letters import Letter, Page, iso
from aas2rto.sources.transport.answer import Answer, Cause, HttpError
from aas2rto.sources.transport.http import Client, Policy

NETWORK = Policy(read=60.0, rate=4.0, burst=8)
PATIENCE = 120.0
"""[s] For one question with its repetitions."""

PAGE = 100
MOST_PAGES = 20

_NOT_IN_IDS = re.compile(r"[^0-9A-Za-z\-_.+]")
"""skyportal/app_server.py: the routes take no other signs."""


@dataclass(frozen=True)
class Wanted:
    """A follow-up request of somebody else.

    Parameters
    ----------
    key : int
        Of the request.
    name : str
        Of the source.
    ra, dec : float or None
        ICRS [deg]; None: the request does not say.
    status : str
        Free text.
    priority : int
        1 to 5, 5 is highest.
    payload : mapping
    """

    key: int
    name: str
    ra: float | None
    dec: float | None
    status: str
    priority: int
    payload: Mapping[str, Any]

    @property
    def is_open(self) -> bool:
        """Whether it waits: status is free text, of which parts are compared, as SkyPortal does."""
        word = self.status.lower()
        closed = ("complete", "rejected", "deleted", "failed", "not observed")
        return "submitted" in word and not any(one in word for one in closed)


class SkyPortal:
    """A SkyPortal.

    Parameters
    ----------
    settings : Settings
    token : str
    policy : Policy, optional
    """

    service = "skyportal"

    def __init__(self, settings: Settings, token: str, policy: Policy | None = None) -> None:
        self.settings = settings
        self._client = Client(
            "skyportal",
            settings.url,
            policy=policy or NETWORK,
            credentials={"Authorization": SecretStr(f"token {token}")},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def body(self, letter: Letter, page: Page) -> dict[str, Any]:
        """Return the annotation of a candidate."""
        data = {
            "score": float(f"{letter.score:.5g}"),
            "rank": letter.rank,
            "of": letter.of,
            "site": page.site,
            "night": page.evening,
            "why": letter.why,
            "slot": iso(letter.start),
            "last_mag": letter.mag,
            "last_band": letter.band or None,
        }
        return {
            "origin": page.origin,
            "data": {key: value for key, value in data.items() if value is not None},
            "group_ids": list(self.settings.group_ids),
        }

    def put(self, letter: Letter, body: Mapping[str, Any]) -> Put:
        """Save the source if it is not there, then annotate it, or change the annotation."""
        name = source_id(letter.name)
        self._save(name, letter)
        path = f"api/sources/{name}/annotations"
        before = self._annotation(path, str(body["origin"]))
        if before is not None and before.get("data") == body["data"]:
            return Put("found", None, {"id": before.get("id")})
        if before is None:
            told = self._ask("POST", path, json=dict(body), repeat=False)
            how, key = "sent", _mapping(told).get("annotation_id")
        else:
            how, key = "changed", before.get("id")
            change = {"data": body["data"], "group_ids": body["group_ids"]}
            self._ask("PUT", f"{path}/{key}", json=change)
        stored = self._annotation(path, str(body["origin"]))
        if stored is None:
            said = f"{self._client.host} took an annotation of {name}, and does not show it"
            raise HttpError(said, cause=Cause.UNREADABLE)
        kept = {"origin": stored.get("origin"), "data": stored.get("data")}
        groups = stored.get("groups")
        if isinstance(groups, list):
            kept["group_ids"] = [one.get("id") for one in groups if isinstance(one, Mapping)]
        else:
            kept["group_ids"] = body["group_ids"]
        return Put(how, kept, {"id": key, "source": name})

    def _save(self, name: str, letter: Letter) -> None:
        try:
            self._ask("GET", f"api/sources/{name}")
        except HttpError as error:
            if error.cause not in {Cause.NOT_FOUND, Cause.REJECTED}:
                raise
            # Without group_ids it would be saved to all groups of the token.
            new = {
                "id": name,
                "ra": letter.ra,
                "dec": letter.dec,
                "group_ids": list(self.settings.group_ids),
                "refresh_source": False,
            }
            self._ask("POST", "api/sources", json=new)

    def _annotation(self, path: str, origin: str) -> Mapping[str, Any] | None:
        rows = self._ask("GET", path)
        found = (one for one in rows if isinstance(one, Mapping)) if isinstance(rows, list) else ()
        return next((one for one in found if one.get("origin") == origin), None)

    # -- in ---------------------------------------------------------------------------------

    def requests(self) -> Iterator[Wanted]:
        """Yield the follow-up requests of our allocations, open or not."""
        for allocation in self.settings.allocation_ids:
            for page in range(1, MOST_PAGES + 1):
                asked = {"allocationID": allocation, "numPerPage": PAGE, "pageNumber": page}
                told = _mapping(self._ask("GET", "api/followup_request", params=asked))
                rows = told.get("followup_requests")
                rows = rows if isinstance(rows, list) else []
                yield from (one for row in rows for one in _wanted(row))
                if len(rows) < PAGE:
                    break

    def position(self, name: str) -> tuple[float, float] | None:
        """Return where a source is: requests need not say it."""
        told = _mapping(self._ask("GET", f"api/sources/{source_id(name)}"))
        try:
            return float(told["ra"]), float(told["dec"])
        except (KeyError, TypeError, ValueError):
            return None

    def answer(self, key: int, status: str) -> None:
        """Set the status of a request; needs no API of an instrument (followup_request.py, put)."""
        self._ask("PUT", f"api/followup_request/{key}", json={"status": status})

    def _ask(self, method: str, path: str, **question: Any) -> Any:
        """Ask; return what stands under ``data``.

        Raises
        ------
        HttpError
            If it is refused; also where the status is 200 and the answer says "error".
        """
        until = self._client.deadline(PATIENCE)
        told: Answer = self._client.request(method, path, until=until, **question)
        answer = told.mapping()
        if answer.get("status") != "success":
            said = str(answer.get("message", "no success"))[:200]
            raise HttpError(f"{told.asked}: {said}", cause=Cause.REJECTED, status=told.status)
        return answer.get("data")


def source_id(name: str) -> str:
    """Return a name that SkyPortal takes as the id of a source: ``SN 2026abc`` as ``2026abc``."""
    bare = re.sub(r"^(SN|AT) ?(?=\d{4}[a-zA-Z]+$)", "", name)
    return _NOT_IN_IDS.sub("_", bare)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _wanted(row: Any) -> Iterator[Wanted]:
    """Yield a request; nothing of what cannot be one."""
    if not isinstance(row, Mapping) or not isinstance(row.get("id"), int):
        return
    about, payload = _mapping(row.get("obj")), _mapping(row.get("payload"))
    name = row.get("obj_id") or about.get("id")
    if not isinstance(name, str):
        return
    ra, dec = about.get("ra"), about.get("dec")
    is_placed = all(isinstance(one, int | float) for one in (ra, dec))
    try:
        priority = min(max(int(payload.get("priority", 1)), 1), 5)
    except (TypeError, ValueError):
        priority = 1
    yield Wanted(
        row["id"],
        name,
        float(ra) if is_placed else None,  # type: ignore[arg-type]
        float(dec) if is_placed else None,  # type: ignore[arg-type]
        str(row.get("status") or ""),
        priority,
        payload,
    )
