"""ALeRCE: objects by class and probability, and their light curves, for ZTF and LSST.

Needs no account. Routes and answers: services.md of ALeRCE's public client (alerce 2.3.1) and
recorded answers; what the services do that their documents do not say is noted where it matters.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from aas2rto.errors import SourceError
from aas2rto.parts.web_address import WebAddress
from aas2rto.sources import alerce_records as records
from aas2rto.sources import source
from aas2rto.sources.listing import TAI_MINUS_UTC, once_a_day, window_start
from aas2rto.sources.packets import nulls
from aas2rto.sources.packets.from_rest import Record, lsst_alert, ztf_alert
from aas2rto.sources.packets.quality import ANY, Quality
from aas2rto.sources.poll_result import DEADLINE_SHARE, Harvest
from aas2rto.sources.transport.answer import Answer, Cause, HttpError
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.sources.transport.worklist import ABOUT_THE_OBJECT, Worklist, wanted_ids
from aas2rto.tables.report import PollRequest, Report
from aas2rto.units import Day

URLS = {"ztf": "https://api.alerce.online", "lsst": "https://api-lsst.alerce.online"}

NETWORK = Policy()
"""ALeRCE publishes no limit; one question per second is what its own examples do."""

LSST_WINDOW = 7.0
"""Longest time [d] to ask LSST objects for: a longer one may come back empty, not failed."""


@source("alerce", wants="best", annotates=("alerce_", "ztf_", "lsst_"))
class Alerce:
    """Objects that an ALeRCE classifier favours, with their light curves.

    Parameters
    ----------
    survey : str
        ``ztf`` or ``lsst``.
    classifier : str
        Such as ``stamp_classifier`` or ``lc_classifier_transient`` (ZTF), and
        ``stamp_classifier_rubin*`` (LSST): the names of LSST classifiers end in a date that
        changes, which a ``*`` leaves open.
    class_ : str
        One of the classifier's classes, such as ``SN`` or ``SNIa``.
    probability : float
        Smallest probability of that class.
    since : float
        Days that the first poll looks back, and later ones as long as they find nothing newer.
    overlap : float
        Days before the newest object seen that are asked for again: brokers ingest late and out
        of order.
    light_curves : int
        Light curves to fetch in one poll, at most; the others wait for the next.
    forced : bool
        Fetch forced photometry, too (one more question per ZTF object).
    magnitudes : str
        ``difference``, or ``corrected`` for the total brightness of variable sources.
    probabilities : bool
        Fetch what all classifiers say, as ``alerce_probabilities`` (ZTF; one more question per
        object): from each to its version and classes, for the factor `class_probability`.
    refresh : float
        Days after which the light curve of a ranked candidate is fetched again though no new
        detection was listed.
    quality : Quality
        How real a detection must look, such as ``{reliability: 0.5}`` (LSST) or ``{drb: 0.65}``
        (ZTF); what lies below is kept as suspect, and neither counted nor fitted.
    url : str
        Another address, such as that of a test server.
    page_size : int
        Objects per page of the list.
    network : Policy
        Timeouts, tries and rate.
    """

    def __init__(  # noqa: PLR0913  the settings of a config
        self,
        *,
        survey: Literal["ztf", "lsst"] = "ztf",
        classifier: str = "stamp_classifier",
        class_: str = "SN",
        probability: float = 0.8,
        since: Day = 7.0,
        overlap: Day = 1.0,
        light_curves: int = 100,
        forced: bool = True,
        magnitudes: Literal["difference", "corrected"] = "difference",
        probabilities: bool = False,
        refresh: Day = 1.0,
        quality: Quality = ANY,
        url: WebAddress = "",
        page_size: int = 500,
        network: Policy = NETWORK,
    ) -> None:
        self.survey = survey
        self.classifier = classifier
        self.class_ = class_
        self.probability = probability
        self.since = since
        self.overlap = overlap
        self.light_curves = light_curves
        self.forced = forced
        self.magnitudes = magnitudes
        self.probabilities = probabilities
        self.refresh = refresh
        self.quality = quality
        self.page_size = page_size
        self._client = Client(
            f"alerce {survey}",
            url or URLS[survey],
            policy=network,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def probe(self) -> str:
        """Ask for one object, and for the classifier if its name is left open.

        Raises
        ------
        HttpError
            If ALeRCE does not answer, or has no such classifier.
        """
        until = self._client.deadline(self._client.policy.read)
        try:
            if self.classifier.endswith("*"):
                self._find_classifier(until)
            self._client.get(self._list_path, until=until, params={"page_size": 1, **self._naming})
        finally:
            self.close()
        return f"{self._client.host} answers"

    def poll(self, request: PollRequest) -> Report:
        """List what is new, then fetch light curves, best candidates first."""
        harvest = Harvest("alerce", request, quality=self.quality)
        until = self._client.deadline(DEADLINE_SHARE * request.deadline)
        worklist = Worklist(harvest.cursor.get("worklist", {}))
        listed = harvest.cursor.get("listed", {})
        try:
            for item in self._list(harvest, until):
                self._enlist(item, worklist, listed, harvest)
            self._fetch(worklist, listed, harvest, until)
        except SourceError as error:
            harvest.fail(error)
        finally:
            self.close()
        harvest.cursor["worklist"] = worklist.state(request.now)
        waiting = harvest.cursor["worklist"]["pending"]
        harvest.cursor["listed"] = {name: listed[name] for name in waiting if name in listed}
        return harvest.report()

    # -- the list ---------------------------------------------------------------------------

    @property
    def _is_lsst(self) -> bool:
        return self.survey == "lsst"

    @property
    def _list_path(self) -> str:
        return "object_api/list_objects" if self._is_lsst else "ztf/v1/objects/"

    @property
    def _naming(self) -> dict[str, str]:
        """Return what the LSST API calls its survey in lists; elsewhere it is ``survey_id``."""
        return {"survey": "lsst"} if self._is_lsst else {}

    @property
    def _shift(self) -> float:
        """Days by which the survey's times are ahead of UTC."""
        return TAI_MINUS_UTC if self._is_lsst else 0.0

    def _list(self, harvest: Harvest, until: Deadline) -> Iterator[Any]:
        """Yield every listed object; the cursor follows what has been listed completely."""
        classifier = self._resolve(harvest, until)
        end = harvest.now + self._shift
        cursor = harvest.cursor
        low = window_start(
            cursor.get("lastmjd"),
            cursor.get("complete"),
            end,
            since=self.since,
            overlap=self.overlap,
        )
        for start, stop in self._windows(low, end):
            items = 0
            for item in self._window(start, stop, classifier, harvest, until):
                items += 1
                yield item
            if self._is_lsst and items == 0 and stop - start > 1.0:
                # An overloaded LSST query answers with nothing; days are small enough.
                for day in _days(start, stop):
                    yield from self._window(*day, classifier, harvest, until)
        cursor["complete"] = end

    def _windows(self, low: float, high: float) -> list[tuple[float, float]]:
        if not self._is_lsst:
            return [(low, high)]
        n = max(1, math.ceil((high - low) / LSST_WINDOW))
        edges = [low + (high - low) * k / n for k in range(n + 1)]
        return list(itertools.pairwise(edges))

    def _window(
        self, low: float, high: float, classifier: str, harvest: Harvest, until: Deadline
    ) -> Iterator[Any]:
        """Page through a window by its last dates: deep pages by number take minutes."""
        page = 1
        while True:
            items = self._page((low, high), page, classifier, until)
            yield from items
            newest = [mjd for item in items if not math.isnan(mjd := _last_mjd(item))]
            if newest:
                seen = max(newest)
                harvest.saw(seen - self._shift)
                in_order = newest == sorted(newest)
                # Only behind a full, ordered page is everything up to its end listed.
                if in_order or len(items) < self.page_size:
                    harvest.cursor["lastmjd"] = max(seen, harvest.cursor.get("lastmjd", seen))
            # Neither `has_next` nor `total` can be trusted: the end is a page that is not full.
            if len(items) < self.page_size:
                return
            if newest and in_order and seen > low:
                low, page = seen, 1
            else:
                page += 1

    def _page(
        self, window: tuple[float, float], page: int, classifier: str, until: Deadline
    ) -> list[Any]:
        params: list[tuple[str, Any]] = [
            *self._naming.items(),
            ("classifier", classifier),
            ("class_name" if self._is_lsst else "class", self.class_),
            ("probability", self.probability),
            ("lastmjd", window[0]),
            ("lastmjd", window[1]),
            ("order_by", "lastmjd"),
            ("order_mode", "ASC"),
            ("page", page),
            ("page_size", self.page_size),
            ("count", "false"),
        ]
        return self._client.get(self._list_path, until=until, params=params).records("items")

    def _resolve(self, harvest: Harvest, until: Deadline) -> str:
        """Find the present name of a classifier whose date is left open, once a day."""
        if not self.classifier.endswith("*"):
            return self.classifier
        found = once_a_day(
            harvest.cursor,
            "classifier",
            harvest.now,
            lambda: self._find_classifier(until),
            about=[self.classifier, self.class_],
        )
        return str(found)

    def _find_classifier(self, until: Deadline) -> str:
        """Ask which classifiers there are; a list of objects need not show any given one."""
        path = "classifier_api/classifiers" if self._is_lsst else "ztf/v1/classifiers"
        answer = self._client.get(path, until=until)
        start = self.classifier.removesuffix("*")
        known = {
            str(item["classifier_name"]): item.get("classes") or ()
            for item in answer.records("items")
            if isinstance(item, dict) and item.get("classifier_name")
        }
        fitting = [name for name in known if name.startswith(start)]
        if not fitting:
            raise _no_such(answer, f"classifier {self.classifier!r}", known)
        # The date at the end makes the last in the alphabet the latest.
        name = max(fitting)
        if known[name] and self.class_ not in known[name]:
            # The server would take the class for none, and answer with an empty list.
            raise _no_such(answer, f"class {self.class_!r} of {name}", known[name])
        return name

    def _enlist(
        self, item: Any, worklist: Worklist, listed: dict[str, Any], harvest: Harvest
    ) -> None:
        """Put a listed object on the worklist, with what the list says of it."""
        try:
            name = nulls.digits(item["oid"])
            if not name:
                raise ValueError("its oid is empty")  # noqa: TRY301  told like the others
            newest = float(item["lastmjd"])
            facts = {
                "alerce_class": nulls.text(item.get("class_name" if self._is_lsst else "class")),
                "alerce_probability": float(item["probability"]),
                "ra": float(item["meanra"]),
                "dec": float(item["meandec"]),
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            label = item.get("oid") if isinstance(item, dict) else item
            harvest.problems.append(
                f"{self._client.service}: a listed object ({label!s:.40}) cannot be used: {error!r}"
            )
            return
        worklist.add(name, newest)
        listed[name] = facts

    # -- light curves -----------------------------------------------------------------------

    def _fetch(
        self,
        worklist: Worklist,
        listed: Mapping[str, Any],
        harvest: Harvest,
        until: Deadline,
    ) -> None:
        wanted = wanted_ids(harvest.wanted, self.survey)
        names = worklist.order(wanted, now=harvest.now, refresh=self.refresh)

        def fetch(group: Sequence[str]) -> list[bool]:
            (name,) = group
            alert = self._light_curve(name, listed.get(name, {}), harvest, until)
            if alert is not None:
                harvest.batch.add(alert, where=self._client.service)
                self._note(name, listed, harvest)
                self._note_probabilities(name, harvest, until)
            return [alert is not None]

        worklist.work(names[: self.light_curves], fetch, harvest, until)

    def _note(self, name: str, listed: Mapping[str, Any], harvest: Harvest) -> None:
        facts = listed.get(name, {})
        harvest.note(name, **{key: facts[key] for key in facts if key.startswith("alerce_")})

    def _note_probabilities(self, name: str, harvest: Harvest, until: Deadline) -> None:
        if not self.probabilities or self._is_lsst:
            return
        rows = self._beside(f"ztf/v1/objects/{name}/probabilities", "items", until)
        harvest.note(name, alerce_probabilities=records.probabilities(rows))

    def _light_curve(
        self, name: str, facts: Mapping[str, Any], harvest: Harvest, until: Deadline
    ) -> Record | None:
        if self._is_lsst:
            params = {"survey_id": "lsst", "oid": name}
            answer = self._client.get(
                "lightcurve_api/lightcurve", until=until, params=params, final=ABOUT_THE_OBJECT
            )
            payload = answer.mapping()
            forced = _list_of(payload, "forced_photometry", answer) if self.forced else []
            return lsst_alert(
                name,
                map(records.lsst_source, _list_of(payload, "detections", answer)),
                map(records.lsst_forced, forced),
                now=harvest.now,
                place=(facts["ra"], facts["dec"]) if facts else None,
            )
        path = f"ztf/v1/objects/{name}/lightcurve"
        answer = self._client.get(path, until=until, final=ABOUT_THE_OBJECT)
        payload = answer.mapping()
        corrected = self.magnitudes == "corrected"
        forced_path = f"v2/lightcurve/forced-photometry/{name}"
        forced = self._beside(forced_path, "forced_photometry", until) if self.forced else []
        return ztf_alert(
            name,
            [
                records.ztf_detection(record, corrected=corrected)
                for record in _list_of(payload, "detections", answer)
            ],
            map(records.with_jd, _list_of(payload, "non_detections", answer)),
            filter(None, map(records.ztf_forced, forced)),
            now=harvest.now,
        )

    def _beside(self, path: str, key: str, until: Deadline) -> list[Any]:
        """Return what there is beside a light curve, which need not be there."""
        try:
            return self._client.get(path, until=until, final=ABOUT_THE_OBJECT).records(key)
        except HttpError as error:
            # Objects without forced photometry, or of no class yet, are "not found" there.
            if error.cause is Cause.NOT_FOUND:
                return []
            raise


def _no_such(answer: Answer, what: str, known: Iterable[str]) -> HttpError:
    names = ", ".join(sorted(known)) or "none"
    return HttpError(f"{answer.asked} knows no {what} (it names {names})", cause=Cause.REJECTED)


def _days(low: float, high: float) -> list[tuple[float, float]]:
    n = math.ceil(high - low)
    return [(low + k, min(low + k + 1.0, high)) for k in range(n)]


def _last_mjd(item: Any) -> float:
    return nulls.number(item.get("lastmjd")) if isinstance(item, dict) else math.nan


def _list_of(payload: Mapping[str, Any], key: str, answer: Answer) -> list[Any]:
    """Return a list of an answer; a missing one means another shape, not an empty one."""
    found = payload.get(key)
    if isinstance(found, list):
        return found
    raise answer.unreadable(f"without a list of {key}")
