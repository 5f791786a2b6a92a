"""IRSA's light-curve service: ZTF data-release light curves by position, for what is ranked.

One position per question, no account. An answer is a CSV table of all curves within the radius, or
its header alone where ZTF has nothing there. Each candidate is asked about once, and again when it
is `refresh` old: releases come every two months.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field

from aas2rto.errors import InputError
from aas2rto.parts.web_address import WebAddress
from aas2rto.sources import source
from aas2rto.sources.files import data_release
from aas2rto.sources.transport.answer import Answer, Cause, HttpError
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.tables.report import Outcome, PollRequest, Report, is_older
from aas2rto.text.words import counted
from aas2rto.units import Arcsec, Day

URL = "https://irsa.ipac.caltech.edu"
PATH = "cgi-bin/ZTF/nph_light_curves"

NETWORK = Policy(read=120.0, tries=2, rate=0.5, burst=1)
"""IRSA publishes no limit; one question in 2 s, one at a time, is polite, and it needs seconds."""

BAD = 32768
"""Bit of ``catflags`` that marks points as unusable, which are then not sent (ZTF PDR notes)."""

SHARE = 0.8
"""Share of the poll's time for asking."""

WHOLE_SERVICE = frozenset(
    {Cause.UNREACHABLE, Cause.TIMEOUT, Cause.THROTTLED, Cause.REFUSED, Cause.OUT_OF_TIME}
)
"""Causes that the next question would meet, too."""


@source("irsa", wants="best")
class Irsa:
    """ZTF data-release light curves by position, from IRSA.

    Parameters
    ----------
    radius : float
        Of the search [arcsec]; the store joins curves within 1 arcsec.
    bands : tuple of str
        ``g``, ``r``, ``i``.
    collection : str
        A release, such as ``ztf_dr23``; empty: the newest.
    per_poll : int
        Candidates that are asked about in a cycle, best first.
    refresh : float
        Days after which a candidate is asked about again.
    url : str
        Another address, such as that of a test server.
    network : Policy
        Timeouts and rate of questions.
    """

    def __init__(
        self,
        *,
        radius: Annotated[Arcsec, Field(gt=0, le=60)] = 1.5,
        bands: tuple[Literal["g", "r", "i"], ...] = ("g", "r", "i"),
        collection: str = "",
        per_poll: Annotated[int, Field(ge=1)] = 60,
        refresh: Annotated[Day, Field(gt=0)] = 60.0,
        url: WebAddress = URL,
        network: Policy = NETWORK,
    ) -> None:
        if not bands:
            raise ValueError("bands: name at least one of g, r, i")
        self.radius = radius
        self.bands = bands
        self.collection = collection
        self.per_poll = per_poll
        self.refresh = refresh
        self._client = Client("irsa", url, policy=network)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def probe(self) -> str:
        """Ask for a star that ZTF has seen hundreds of times.

        Raises
        ------
        HttpError
            If the service does not answer as it should.
        """
        until = self._client.deadline(self._client.policy.read)
        try:
            found = self._of(255.5768, 12.2840, until)  # of the service's own example
        finally:
            self.close()
        return f"{self._client.host} answers, with {counted(len(found), 'point')} of its example"

    def poll(self, request: PollRequest) -> Report:
        """Ask about the best of those that were not asked about lately."""
        known = dict(request.cursor.get("asked", {}))
        rows = request.wanted.to_dict("records") if len(request.wanted) else []
        names = {str(row["candidate_id"]) for row in rows}
        # Whoever is gone is forgotten: the cursor does not grow with the years.
        asked = {name: float(at) for name, at in known.items() if name in names}
        due = [
            row
            for row in rows
            if is_older(asked.get(str(row["candidate_id"])), request.now, self.refresh)
        ]
        if not due or request.reacting:
            return Report("irsa", Outcome.EMPTY, cursor={"asked": asked})
        until = self._client.deadline(SHARE * request.deadline)
        try:
            return self._ask(due[: self.per_poll], asked, request.now, until)
        finally:
            self.close()

    def _ask(
        self, due: Sequence[dict[Any, Any]], asked: dict[str, float], now: float, until: Deadline
    ) -> Report:
        parts: list[pd.DataFrame] = []
        problems: list[str] = []
        failed: HttpError | None = None
        done = 0
        for row in due:
            name = str(row["candidate_id"])
            try:
                parts.append(self._of(float(row["ra"]), float(row["dec"]), until))
            except HttpError as error:
                if error.cause in WHOLE_SERVICE:
                    failed = None if error.cause is Cause.OUT_OF_TIME else error
                    break
                problems.append(f"{name}: {error}")
                continue
            done += 1
            asked[name] = now
        found, more = data_release.curves([part for part in parts if len(part)])
        return self._report(found, asked, [*problems, *more], failed, now, done)

    def _report(
        self,
        found: pd.DataFrame,
        asked: dict[str, float],
        problems: list[str],
        failed: HttpError | None,
        now: float,
        done: int,
    ) -> Report:
        outcome = Outcome.DATA if len(found) else Outcome.EMPTY
        error = ""
        if failed is not None or (problems and not done):
            outcome = Outcome.FAILED
            error = str(failed) if failed is not None else problems[0]
        wait = None if failed is None or failed.wait is None else failed.wait / 86400.0
        return Report(
            "irsa",
            outcome,
            cursor={"asked": asked},
            problems=tuple(problems),
            error=error,
            retry_at=None if wait is None else now + min(wait, 1.0),
            notes=(f"irsa: asked about {counted(done, 'candidate')}",) if done else (),
            histories=found,
        )

    def _of(self, ra: float, dec: float, until: Deadline) -> pd.DataFrame:
        """Return the curves around a position, in the form of `data_release.read`.

        Raises
        ------
        HttpError
            If there is no usable answer.
        """
        params = {
            "POS": f"CIRCLE {ra:.6f} {dec:.6f} {self.radius / 3600:.7f}",
            "BANDNAME": ",".join(self.bands),
            "BAD_CATFLAGS_MASK": str(BAD),
            "FORMAT": "csv",
        }
        if self.collection:
            params["COLLECTION"] = self.collection
        return _table(self._client.get(PATH, until=until, params=params))


def _table(answer: Answer) -> pd.DataFrame:
    """Read a CSV answer; its header alone means that there is nothing."""
    text = answer.text()
    if answer.is_page or "oid" not in text.partition("\n")[0].lower():
        raise answer.unreadable("which is no table of light curves")
    if not text.endswith("\n"):
        raise answer.unreadable("which ends in the middle of a row")
    try:
        # Identifiers as texts: they have more digits than a float keeps.
        return data_release.chosen(pd.read_csv(io.StringIO(text), dtype={"oid": str}), "IRSA")
    except (ValueError, InputError) as error:
        raise answer.unreadable(f"which is no table of light curves ({error})") from error
