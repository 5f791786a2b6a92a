"""LCO's portal over HTTP: validate, submit, look, cancel.

Endpoints: observation-portal, `requestgroups/viewsets.py`; https://developers.lco.global.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from aas2rto.errors import SourceError
from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.text.words import one_line

PATIENCE = 120.0
"""[s] For one question with its repetitions."""

LOST = frozenset({Cause.TIMEOUT, Cause.BROKEN, Cause.SERVER, Cause.UNREADABLE, Cause.UNREACHABLE})
"""After these nobody knows whether what was sent has arrived."""

CANCELED = "CANCELED"
ENDED = frozenset({"COMPLETED", "WINDOW_EXPIRED", "FAILURE_LIMIT_REACHED", CANCELED})
"""States that last: observation-portal, `common/state_changes.py`."""


class LostError(SourceError):
    """Something was sent, and no answer says whether it arrived."""


class Portal:
    """The portal.

    Parameters
    ----------
    url : str
    token : str
        Shown to the portal's own host alone, and in no text.
    policy : Policy, optional
    """

    def __init__(self, url: str, token: str, *, policy: Policy | None = None) -> None:
        self._client = Client(
            "lco",
            url,
            policy=policy or Policy(),
            credentials={"Authorization": SecretStr(f"Token {token}")},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def instruments(self) -> dict[str, Any]:
        """Return what every instrument takes, by its type."""
        return self._client.get("api/instruments/", until=self._until()).mapping()

    def validate(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Ask whether a group would be taken; nothing is stored.

        Returns
        -------
        dict
            What is wrong; empty if it would be taken. The status is 200 either way.
        """
        path = "api/requestgroups/validate/"
        told = self._client.post(path, until=self._until(), json=dict(group)).mapping()
        errors = told.get("errors", {"errors": "the portal did not say"})
        return errors if isinstance(errors, dict) else {"errors": errors}

    def submit(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Send a group, once.

        Returns
        -------
        dict
            What is stored, with ``id`` and ``state``.

        Raises
        ------
        LostError
            If it may have arrived, or not.
        HttpError
            If the portal refused it.
        """
        path = "api/requestgroups/"
        try:
            told = self._client.post(path, until=self._until(), json=dict(group), repeat=False)
            stored = told.mapping()
        except HttpError as error:
            if error.cause in LOST:
                raise LostError(str(error)) from error
            raise
        if not isinstance(stored.get("id"), int):
            raise LostError(f"{told.asked} answered without an id")
        return stored

    def find(self, name: str, proposal: str) -> dict[str, Any] | None:
        """Return the newest group of this name that was not cancelled, if there is one."""
        asked = {"name": name, "proposal": proposal}
        found = self._client.get("api/requestgroups/", until=self._until(), params=asked)
        for one in found.records("results"):
            # The portal's filter takes names that contain it, without regard to case.
            if isinstance(one, dict) and one.get("name") == name and one.get("state") != CANCELED:
                return one
        return None

    def group(self, key: int) -> dict[str, Any]:
        """Return a group as it stands, by its own number (not that of a request in it)."""
        return self._client.get(f"api/requestgroups/{key}/", until=self._until()).mapping()

    def blocks(self, request: int) -> list[dict[str, Any]]:
        """Return when and where a request is, or was, on a telescope."""
        path = f"api/requests/{request}/observations/"
        asked = {"exclude_canceled": "true"}
        found = self._client.get(path, until=self._until(), params=asked).records("results")
        return [one for one in found if isinstance(one, dict)]

    def cancel(self, key: int) -> dict[str, Any]:
        """Cancel a group.

        Raises
        ------
        HttpError
            If it has ended already.
        """
        path = f"api/requestgroups/{key}/cancel/"
        return self._client.post(path, until=self._until(), repeat=False).mapping()

    def _until(self) -> Any:
        return self._client.deadline(PATIENCE)


def told(errors: Any, at: str = "") -> list[str]:
    """Return what is wrong as lines, each with the place that it is about."""
    if isinstance(errors, Mapping):
        return [line for key in errors for line in told(errors[key], f"{at}.{key}".lstrip("."))]
    if isinstance(errors, list):
        lines = []
        for place, one in enumerate(errors):
            nested = isinstance(one, Mapping | list)
            lines += told(one, f"{at}[{place}]" if nested else at)
        return lines
    return [f"{at}: {one_line(str(errors), 300)}".lstrip(": ")]
