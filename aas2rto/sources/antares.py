"""ANTARES: loci of LSST and ZTF with tags, catalogues, features, and their alerts.

Needs no account. Routes and answers: antares-client 2.0.2 for API v2 (v1 was retired on
2026-11-04). What no recorded answer of v2 shows is marked as believed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from aas2rto.errors import SourceError
from aas2rto.parts.web_address import WebAddress
from aas2rto.sources import antares_records as records
from aas2rto.sources import source
from aas2rto.sources.antares_records import Locus
from aas2rto.sources.listing import next_page, window_start
from aas2rto.sources.packets.from_rest import lsst_alert, ztf_alert
from aas2rto.sources.packets.quality import ANY, Quality
from aas2rto.sources.poll_result import DEADLINE_SHARE, Harvest
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.sources.transport.worklist import ABOUT_THE_OBJECT, Worklist, wanted_ids
from aas2rto.tables.report import PollRequest, Report
from aas2rto.units import Day

URL = "https://api.antares.noirlab.edu/v2/"
NETWORK = Policy()
"""ANTARES publishes no limit; the client's own time-out is 60 s."""

TIME = "properties.newest_alert_observation_time"
IDS = {"lsst": "properties.survey.lsst.dia_object_id", "ztf": "properties.ztf_object_id"}
"""Fields that a locus has if a survey knows it; the client searches by both. That ``exists`` may
be asked of them is believed."""

CATALOGUE_TYPES = {
    "vsx": "Type",
    "asassn_variable_catalog_v2_20190802": "Type",
    "gaia_dr3_variability": "best_class_name",
}
"""Catalogues that say a type of variable star, and by which property; believed."""


@source("antares", wants="best", annotates=("antares_", "ztf_", "lsst_"))
class Antares:
    """Loci that were updated since the last poll, with what ANTARES says of them.

    Parameters
    ----------
    survey : str
        ``lsst``: only loci that LSST knows; ``ztf``; or ``any``.
    since : float
        Days that the first poll looks back, and later ones as long as they find nothing newer.
    overlap : float
        Days before the newest locus seen that are asked for again: data come late and out of
        order.
    page_size : int
        Loci per page of the list.
    most : int
        Loci that one poll lists, at most; the others wait for the next.
    light_curves : int
        Loci whose alerts one poll fetches, at most, those that are ranked first; 0: none.
    refresh : float
        Days after which the alerts of a ranked candidate are fetched again though nothing new was
        listed.
    properties : tuple of str
        Further properties of a locus that are kept as annotations ``antares_<name>``, such as
        ``feature_*`` or one of a filter of your own.
    catalogue_types : dict
        From the name of a catalogue to that of its property that says a type. Of loci in one of
        these the matches are fetched with the alerts, and ``antares_known_type`` tells the types.
    quality : Quality
        How real a detection must look; what lies below is kept as suspect.
    url : str
        Another address, such as that of a test server.
    network : Policy
        Timeouts, tries and rate.
    """

    def __init__(  # noqa: PLR0913  the settings of a config
        self,
        *,
        survey: Literal["lsst", "ztf", "any"] = "lsst",
        since: Annotated[Day, Field(gt=0, le=60)] = 1.0,
        overlap: Annotated[Day, Field(ge=0, le=30)] = 0.1,
        page_size: Annotated[int, Field(ge=1, le=1000)] = 100,
        most: Annotated[int, Field(ge=2)] = 10_000,
        light_curves: Annotated[int, Field(ge=0)] = 50,
        refresh: Day = 1.0,
        properties: tuple[str, ...] = (),
        catalogue_types: dict[str, str] = CATALOGUE_TYPES,
        quality: Quality = ANY,
        url: WebAddress = "",
        network: Policy = NETWORK,
    ) -> None:
        self.survey = survey
        self.since = since
        self.overlap = overlap
        self.page_size = page_size
        self.most = most
        self.light_curves = light_curves
        self.refresh = refresh
        self.properties = properties
        self.catalogue_types = catalogue_types
        self.quality = quality
        self._client = Client("antares", url or URL, policy=network)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def probe(self) -> str:
        """Ask which tags there are.

        Raises
        ------
        HttpError
            If ANTARES does not answer.
        """
        until = self._client.deadline(self._client.policy.read)
        try:
            answer = self._client.get("loci/statistics", until=until)
            data = answer.mapping().get("data")
            known = data.get("tags") if isinstance(data, dict) else None
            if not isinstance(known, dict):
                raise answer.unreadable("without tags")
        finally:
            self.close()
        return f"{self._client.host} answers, with {len(known)} tags"

    def poll(self, request: PollRequest) -> Report:
        """List what is new, then fetch alerts, best candidates first."""
        harvest = Harvest("antares", request, quality=self.quality)
        until = self._client.deadline(DEADLINE_SHARE * request.deadline)
        worklist = Worklist(harvest.cursor.get("worklist", {}))
        typed: list[str] = list(harvest.cursor.get("typed", ()))
        try:
            for locus in self._list(harvest, until):
                self._tell(locus, harvest)
                worklist.add(locus.name, locus.newest)
                if set(locus.facts["antares_catalogs"]) & set(self.catalogue_types):
                    typed.append(locus.name)
            self._fetch(worklist, frozenset(typed), harvest, until)
        except SourceError as error:
            harvest.fail(error)
        finally:
            self.close()
        harvest.cursor["worklist"] = worklist.state(request.now)
        waiting = harvest.cursor["worklist"]["pending"]
        harvest.cursor["typed"] = sorted({name for name in typed if name in waiting})
        return harvest.report()

    # -- the list ---------------------------------------------------------------------------

    def _list(self, harvest: Harvest, until: Deadline) -> Iterator[Locus]:
        """Yield every locus once, newest first; the cursor keeps the spans that are left to list.

        The list is sorted from new to old and has no count. A poll that is cut short has listed
        the newest part of its span; the rest goes on in the next poll, and nothing is skipped.
        """
        cursor, now = harvest.cursor, harvest.now
        seen: set[str] = set()
        low = window_start(
            cursor.get("seen"),
            cursor.get("complete"),
            now,
            since=self.since,
            overlap=self.overlap,
        )
        waiting = cursor.get("spans", [])
        # With a list that is behind, the overlap would only repeat what was listed last.
        new = [max(low, cursor.get("seen", low)) if waiting else low, now]
        # What is new has half of the turn, so that what was left does not wait for ever.
        limits = [self.most // 2 if waiting else self.most, *[self.most] * len(waiting)]
        # The span up to `now` is on the list of what is left, so it need not be asked for again.
        cursor["complete"], cursor["spans"] = now, [*waiting, new]
        for span, limit in zip([new, *waiting], limits, strict=True):
            if (yield from self._span(span, seen, limit, harvest, until)):
                cursor["spans"] = [one for one in cursor["spans"] if one is not span]
        if cursor["spans"]:
            harvest.problems.append(
                f"antares: looked at {len(seen)} loci, as many as `most` allows; the others "
                "follow in the next poll"
            )

    def _span(
        self, span: list[float], seen: set[str], limit: int, harvest: Harvest, until: Deadline
    ) -> Generator[Locus, None, bool]:
        """Yield the new loci of a span from its end to its begin, which shortens it page by page.

        A page with nothing new ends it, and one that reaches behind its begin: the list moves
        while it is paged through, and the real one has been seen to repeat itself. Returns whether
        it has come to its end.
        """
        params: list[tuple[str, Any]] | None = self._question(*span)
        here: set[str] = set()
        while params is not None and len(seen) < limit:
            answer = self._client.get("loci", until=until, params=params)
            found = [self._read(item, harvest) for item in answer.records("data")]
            fresh = {one.name: one for one in found if one is not None and one.name not in here}
            for name, locus in fresh.items():
                if name not in seen and locus.newest >= span[0] and self._is_meant(locus):
                    yield locus
            here |= fresh.keys()
            seen |= fresh.keys()
            times = [one.newest for one in fresh.values()]
            params = None if min(times, default=-math.inf) < span[0] else _next(answer.mapping())
            if times:
                newest = min(max(times), harvest.now)
                harvest.saw(newest)
                harvest.cursor["seen"] = max(newest, harvest.cursor.get("seen", newest))
                span[1] = max(span[0], min(span[1], *times))
        return params is None

    def _question(self, low: float, high: float) -> list[tuple[str, Any]]:
        filters: list[dict[str, Any]] = [{"range": {TIME: {"gte": low, "lte": high}}}]
        if self.survey in IDS:
            filters.append({"exists": {"field": IDS[self.survey]}})
        query = {"query": {"bool": {"filter": filters}}}
        return [
            ("limit", self.page_size),
            ("sort", f"-{TIME}"),
            ("elasticsearch_query", json.dumps(query)),
        ]

    def _read(self, item: Any, harvest: Harvest) -> Locus | None:
        try:
            return records.locus(item, self.properties)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            entry = item.get("locus") if isinstance(item, dict) else item
            label = entry.get("locus_id") if isinstance(entry, dict) else entry
            harvest.problems.append(
                f"antares: a listed locus ({label!s:.40}) cannot be used: {error!r}"
            )
            return None

    def _is_meant(self, locus: Locus) -> bool:
        return self.survey == "any" or bool(getattr(locus, self.survey))

    def _tell(self, locus: Locus, harvest: Harvest) -> None:
        """Say where a locus is, what it is called everywhere, and what ANTARES says of it."""
        names = [name for name, _ in locus.objects]
        for name, survey in (locus.objects[0], locus.objects[-1]):
            harvest.objects.append(
                {
                    "object_id": name,
                    "survey": survey,
                    "ra": locus.ra,
                    "dec": locus.dec,
                    "known_at": harvest.now,
                    "also_known_as": tuple(one for one in names if one != name),
                }
            )
        harvest.note(names[0], **locus.facts)

    # -- alerts -----------------------------------------------------------------------------

    def _fetch(
        self, worklist: Worklist, typed: frozenset[str], harvest: Harvest, until: Deadline
    ) -> None:
        wanted = wanted_ids(harvest.wanted, "antares")
        names = worklist.order(wanted, now=harvest.now, refresh=self.refresh)

        def fetch(group: Sequence[str]) -> list[bool]:
            (name,) = group
            return [self._alerts(name, name in typed, harvest, until)]

        # That it does not know a locus it may say by 500, as v1 did.
        strange = frozenset({404, 500})
        worklist.work(names[: self.light_curves], fetch, harvest, until, strange=strange)

    def _alerts(self, name: str, is_typed: bool, harvest: Harvest, until: Deadline) -> bool:  # noqa: FBT001
        """Fetch the alerts of a locus, and the types of what it matches; tell if any came."""
        answer = self._client.get(f"loci/{name}/alerts", until=until, final=ABOUT_THE_OBJECT)
        found = records.light_curves(answer.records("data"))
        for owner, sources in found.lsst.items():
            self._take(lsst_alert(owner, sources, now=harvest.now), harvest)
            change = records.amplitude(sources)
            if change is not None:
                harvest.note(owner, antares_amplitude_r=change)
        for owner, detections in found.ztf.items():
            limits = found.limits.get(owner, ())
            self._take(ztf_alert(owner, detections, limits, now=harvest.now), harvest)
        if found and is_typed:
            path = f"loci/{name}/catalog-matches"
            matches = self._client.get(path, until=until, final=ABOUT_THE_OBJECT).records("data")
            owner = next(iter((*found.lsst, *found.ztf)))
            harvest.note(owner, antares_known_type=records.types(matches, self.catalogue_types))
        return bool(found)

    def _take(self, alert: dict[str, Any] | None, harvest: Harvest) -> None:
        if alert is not None:
            harvest.batch.add(alert, where="antares")


def _next(payload: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """Return the parameters of the next page; None: it was the last."""
    links = payload.get("links")
    return next_page(links.get("next")) if isinstance(links, dict) else None
