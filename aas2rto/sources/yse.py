"""YSE-PZ: the transients that a collaboration keeps in its own web application, by status and tag.

Every collaboration runs its own; routes and answers follow the published source of YSE-PZ (2025):
Django REST framework, HTTP Basic, pages by limit and offset, foreign keys as links. Its light
curves are not read: they are those of the surveys that other sources deliver, with times rounded to
a thousandth of a day and bands that no model of ours knows.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from aas2rto.errors import SourceError
from aas2rto.parts.web_address import WebAddress
from aas2rto.sources import source
from aas2rto.sources.listing import iso_date, next_page, once_a_day, window_start
from aas2rto.sources.poll_result import DEADLINE_SHARE, Harvest
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.tables.report import PollRequest, Report
from aas2rto.units import Day

NETWORK = Policy()
"""YSE-PZ publishes no limit."""

INTERESTING = ("New", "Watch", "Interesting", "FollowupRequested", "Following", "NeedsTemplate")
"""Statuses of a transient that somebody may want observed, as YSE-PZ calls them; the others are
FollowupFinished and Ignore."""

TNS_NAME = re.compile(r"(?:19|20)\d\d[A-Z]{0,1}[a-zA-Z]{0,6}[a-zA-Z]")
"""Transients that were made of a report of TNS bear its name without the prefix."""


@dataclass(frozen=True)
class Transient:
    """One transient, as it is listed."""

    name: str
    ra: float
    dec: float
    status: str
    tags: tuple[str, ...]
    facts: Mapping[str, Any]


@source("yse", annotates=("yse_",))
class Yse:
    """Transients of a YSE-PZ: position, redshift, type, and what the collaboration says of them.

    Parameters
    ----------
    url : str
        Of the application, such as ``https://our-yse.example.org/yse``.
    username, password : str and SecretStr
        Of an account there: it answers nobody else.
    statuses : tuple of str
        Only transients with one of these are taken. One that was taken and gets another status
        keeps its annotation ``yse_status`` up to date, for factors to act upon.
    tags : tuple of str
        Only transients with one of these; empty: any.
    since : float
        Days before now within which a transient must have been changed, at the first poll and
        once in every `relist`.
    overlap : float
        Days before the last complete list that are asked for again.
    relist : float
        Days after which the whole of `since` is listed again: the list has no order, so that one
        that moves while it is paged through may hide an entry.
    page_size : int
        Transients per page.
    network : Policy
        Timeouts, tries and rate.
    """

    def __init__(
        self,
        *,
        url: Annotated[WebAddress, Field(min_length=1)],
        username: str,
        password: SecretStr,
        statuses: tuple[str, ...] = INTERESTING,
        tags: tuple[str, ...] = (),
        since: Annotated[Day, Field(gt=0, le=3650)] = 30.0,
        overlap: Annotated[Day, Field(ge=0, le=30)] = 0.1,
        relist: Annotated[Day, Field(gt=0)] = 1.0,
        page_size: Annotated[int, Field(ge=1, le=1000)] = 100,
        network: Policy = NETWORK,
    ) -> None:
        self.statuses = statuses
        self.tags = tags
        self.since = since
        self.overlap = overlap
        self.relist = relist
        self.page_size = page_size
        words = f"{username}:{password.get_secret_value()}".encode()
        basic = SecretStr(f"Basic {base64.b64encode(words).decode()}")
        self._client = Client(
            "yse",
            f"{url.rstrip('/')}/api/",
            policy=network,
            credentials={"Authorization": basic},
            secrets=(password,),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def probe(self) -> str:
        """Ask which statuses there are.

        Raises
        ------
        HttpError
            If it does not answer, or refuses the account.
        """
        until = self._client.deadline(self._client.policy.read)
        try:
            known = self._names("transientstatuses", until)
        finally:
            self.close()
        wrong = sorted(set(self.statuses) - set(known.values()))
        warning = f"; it has no {', '.join(wrong)}" if wrong else ""
        return f"{self._client.host} answers, with {len(known)} statuses{warning}"

    def poll(self, request: PollRequest) -> Report:
        """List what was changed since the last time."""
        harvest = Harvest("yse", request)
        until = self._client.deadline(DEADLINE_SHARE * request.deadline)
        told: dict[str, str] = dict(harvest.cursor.get("told", {}))
        listed, whole = set[str](), harvest.cursor.get("whole")
        try:
            names = once_a_day(harvest.cursor, "names", harvest.now, lambda: self._all_names(until))
            for one in self._list(names, harvest, until):
                listed.add(one.name)
                if self._is_meant(one):
                    self._tell(one, harvest)
                    told[one.name] = one.status
                elif told.get(one.name, one.status) != one.status:
                    harvest.note(_object_id(one.name), yse_status=one.status)
                    told[one.name] = one.status
        except SourceError as error:
            harvest.fail(error)
        finally:
            self.close()
        if harvest.cursor.get("whole") != whole:  # who has not changed for long is forgotten
            told = {name: status for name, status in told.items() if name in listed}
        harvest.cursor["told"] = told
        return harvest.report()

    # -- the list ---------------------------------------------------------------------------

    def _all_names(self, until: Deadline) -> dict[str, dict[str, str]]:
        kinds = ("transientstatuses", "transienttags")
        return {kind: self._names(kind, until) for kind in kinds}

    def _names(self, kind: str, until: Deadline) -> dict[str, str]:
        """Return what the number at the end of each link of a kind is called."""
        rows = self._pages(f"{kind}/", [("limit", 1000)], until)
        named = [row for row in rows if isinstance(row, dict)]
        return {_number(row.get("url")): str(row.get("name", "")) for row in named}

    def _pages(self, path: str, params: list[tuple[str, Any]], until: Deadline) -> Iterator[Any]:
        """Yield the entries of all pages; each page names the next."""
        asked: list[tuple[str, Any]] | None = params
        begun: list[Any] = []
        while asked is not None:
            answer = self._client.get(path, until=until, params=asked)
            yield from answer.records("results")
            asked = next_page(answer.mapping().get("next"))
            # A page that names one that was read would go on for ever.
            if asked in begun:
                return
            begun.append(asked)

    def _list(
        self, names: Mapping[str, Mapping[str, str]], harvest: Harvest, until: Deadline
    ) -> Iterator[Transient]:
        """Yield what was changed; the cursor moves when all of it was listed."""
        cursor, now = harvest.cursor, harvest.now
        whole = now - cursor.get("whole", -math.inf) >= self.relist
        complete = None if whole else cursor.get("complete")
        low = window_start(complete, complete, now, since=self.since, overlap=self.overlap)
        question: list[tuple[str, Any]] = [
            ("limit", self.page_size),
            ("modified_date_gte", iso_date(low)),
        ]
        if self.tags:
            question.append(("tag_in", ",".join(self.tags)))
        for item in self._pages("transients/", question, until):
            try:
                yield _transient(item, names)
            except (KeyError, TypeError, ValueError) as error:
                label = item.get("name") if isinstance(item, dict) else item
                harvest.problems.append(
                    f"yse: a listed transient ({label!s:.40}) cannot be used: {error!r}"
                )
        cursor["complete"] = now
        if whole:
            cursor["whole"] = now

    def _is_meant(self, one: Transient) -> bool:
        # The filters of the list are those of the server's own version, and may be ignored.
        return one.status in self.statuses and (
            not self.tags or bool(set(one.tags) & set(self.tags))
        )

    def _tell(self, one: Transient, harvest: Harvest) -> None:
        name = _object_id(one.name)
        row = {"object_id": name, "survey": "yse", "ra": one.ra, "dec": one.dec}
        other = (one.name,) if TNS_NAME.fullmatch(one.name) else ()
        harvest.objects.append({**row, "known_at": harvest.now, "also_known_as": other})
        harvest.say(name, **one.facts)
        harvest.note(name, yse_status=one.status, yse_tags=", ".join(one.tags))


def _object_id(name: str) -> str:
    return f"yse_{name}"


def _transient(item: Mapping[str, Any], names: Mapping[str, Mapping[str, str]]) -> Transient:
    """Read an entry of the list; links are told by the names of what they lead to.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it has no name or no place on the sky.
    """
    name, ra, dec = str(item["name"]).strip(), float(item["ra"]), float(item["dec"])
    if not name or not (0 <= ra < 360 and -90 <= dec <= 90):
        raise ValueError(f"name {name!r} at {ra:g} {dec:g}")
    statuses, tags = names["transientstatuses"], names["transienttags"]
    redshift = _positive(item.get("redshift"))
    told = str(item.get("redshift_source") or "").strip()
    kind = str(item.get("TNS_spec_class") or "").strip()
    facts: dict[str, Any] = {"redshift": redshift, "spectral_type": kind or None}
    if redshift is not None:
        facts["redshift_source"] = f"YSE-PZ{f' ({told})' if told else ''}"
    for key in ("real_bogus_score", "point_source_probability"):
        value = item.get(key)
        facts[f"yse_{key}"] = float(value) if value is not None else None
    return Transient(
        name,
        ra,
        dec,
        statuses.get(_number(item["status"]), "unknown"),
        tuple(sorted(tags.get(_number(link), "") for link in item.get("tags") or ())),
        facts,
    )


def _positive(value: Any) -> float | None:
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) and number > 0 else None


def _number(link: Any) -> str:
    """Return the number that a link to another table ends with."""
    return urlsplit(str(link)).path.rstrip("/").rpartition("/")[2]
