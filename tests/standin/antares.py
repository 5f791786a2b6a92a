"""ANTARES' API v2 on one port, from the rules of its client, antares-client 2.0.2 (PyPI).

Each rule names its file there. What the client does not tell (how a query is refused, how long a
page may be) is a guess on the strict side, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from tests.standin import sky
from tests.standin.server import Question, Reply, Route, Service

SORT = "-properties.newest_alert_observation_time"
"""_api/v2/utils.py, get_loci: the only order that the client asks for."""

MOST = 1000
"""Longest page; search.py, get_random_loci: "n must be less than or equal to 1000"."""

EXISTING = {"properties.survey.lsst.dia_object_id", "properties.ztf_object_id"}
"""search.py: the fields that it searches by (as ``term``); ``exists`` is believed."""


class Antares(Service):
    """Loci by time, one by one, and their alerts; the page links carry all parameters."""

    name = "antares"
    made: list[dict[str, Any]] | None = None
    """Loci of a test's own, in place of those of the sky."""

    def routes(self) -> dict[str, Route]:
        return {
            "GET /v2/loci": self.loci,
            "GET /v2/loci/statistics": self.statistics,
            "GET /v2/loci/([^/]+)": self.locus,
            "GET /v2/loci/([^/]+)/alerts": self.alerts,
            "GET /v2/loci/([^/]+)/catalog-matches": self.matches,
        }

    def reset(self) -> None:
        super().reset()
        self.made = None

    def all_loci(self) -> list[dict[str, Any]]:
        if self.made is not None:
            return self.made
        return [one for t in sky.transients() if (one := _locus(t, self.now)) is not None]

    def loci(self, question: Question) -> Any:
        """_api/v2/utils.py, _list_all_paginated_request and schema/locus.py."""
        try:
            wanted = _Query(json.loads(question.get("elasticsearch_query", "")))
            limit, start = int(question.get("limit", "10")), int(question.get("offset", "0"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _refused(f"elasticsearch_query: {error!r}")
        if question.get("sort") not in {"", SORT} or not 1 <= limit <= MOST or start < 0:
            return _refused("sort or limit")
        found = [one for one in self.all_loci() if wanted.takes(one["locus"])]
        found.sort(key=_newest, reverse=True)
        asked = {name: values[0] for name, values in question.query.items()}
        links: dict[str, Any] = {"self": self._link(asked), "next": None}
        if start + limit < len(found):
            links["next"] = self._link(asked | {"offset": str(start + limit)})
        return {"data": found[start : start + limit], "links": links, "meta": {}}

    def _link(self, asked: dict[str, str]) -> str:
        return f"{self.url}/v2/loci?{urlencode(asked)}"

    def statistics(self, question: Question) -> Any:
        """schema/locus.py, LocusStatisticsResponse."""
        tags: dict[str, int] = {}
        for one in self.all_loci():
            for tag in one["locus"]["tags"]:
                tags[tag] = tags.get(tag, 0) + 1
        counts = {"min_num_measurements": 1, "max_num_measurements": 60}
        return {"data": {"id": "statistics", "catalogs": {}, "tags": tags, **counts}}

    def locus(self, question: Question, name: str) -> Any:
        """schema/locus.py, LocusResponse; a 404 is None to the client."""
        one = self._known(name)
        if one is None:
            return Reply({"errors": [{"title": "not found"}]}, 404)
        entry = one["locus"]
        lines = ["alert_id,ant_mjd"]
        lines += [f"{alert['id']},{alert['mjd']}" for alert in self._alerts_of(name)]
        return {
            "data": {
                "id": name,
                **{key: entry[key] for key in ("ra", "dec", "htm16", "tags", "catalogs")},
                "grav_wave_events": [],
                "internal_properties": entry["properties"],
                "user_properties": {},
                "lightcurve": "\n".join(lines),
            }
        }

    def alerts(self, question: Question, name: str) -> Any:
        """schema/alert.py, AlertResponse; of unknown ids a third party reports 500."""
        if self._known(name) is None:
            return Reply({"errors": [{"title": "Internal Server Error"}]}, 500)
        return {"data": self._alerts_of(name)}

    def matches(self, question: Question, name: str) -> Any:
        """schema/catalog.py, LocusCatalogObjectMatchResponse."""
        one = self._known(name)
        if one is None:
            return Reply({"errors": [{"title": "Internal Server Error"}]}, 500)
        return {"data": [_match(one["locus"], number) for number in one["locus"]["catalogs"]]}

    def _known(self, name: str) -> dict[str, Any] | None:
        return next((one for one in self.all_loci() if one["locus"]["locus_id"] == name), None)

    def _alerts_of(self, name: str) -> list[dict[str, Any]]:
        if self.made is not None:
            return list((self._known(name) or {}).get("alerts", ()))
        number = next(t for t in sky.transients() if locus_id(t) == name)
        return [*_lsst_alerts(number, self.now), *_ztf_alerts(number, self.now)]


class _Query:
    """search.py: ``query`` alone stands at the top; of its inside what the client writes."""

    def __init__(self, written: dict[str, Any]) -> None:
        if set(written) != {"query"}:
            raise ValueError("only the key query is allowed")
        query = written["query"]
        found = query["bool"]["filter"] if query else []
        self.filters = found if isinstance(found, list) else [found]
        for one in self.filters:
            ((kind, said),) = one.items()
            if kind not in {"range", "term", "exists"}:
                raise ValueError(kind)
            if kind == "exists" and said["field"] not in EXISTING:
                raise ValueError(said["field"])

    def takes(self, entry: dict[str, Any]) -> bool:
        return all(self._fits(entry, *next(iter(one.items()))) for one in self.filters)

    def _fits(self, entry: dict[str, Any], kind: str, said: dict[str, Any]) -> bool:
        if kind == "exists":
            return bool(_values(entry, said["field"]))
        ((field, wanted),) = said.items()
        values = _values(entry, field)
        if kind == "term":
            return wanted in values
        return any(wanted.get("gte", -1e9) <= value <= wanted.get("lte", 1e9) for value in values)


def _values(entry: Any, field: str) -> list[Any]:
    for key in field.split("."):
        entry = entry.get(key) if isinstance(entry, dict) else None
    values = entry if isinstance(entry, list) else [entry]
    return [value for value in values if value is not None]


def _newest(one: dict[str, Any]) -> float:
    return float(one["locus"]["properties"]["newest_alert_observation_time"])


def _refused(why: str) -> Reply:
    """_api/v2/utils.py: every status from 400 on carries JSON; its words are a guess."""
    return Reply({"errors": [{"title": "Bad Request", "detail": why}]}, 400)


def locus_id(transient: sky.Transient) -> str:
    return f"ANT2026{transient.ztf_id[5:]}"


def make_locus(
    name: str,
    newest: float,
    *,
    ra: float = 10.0,
    dec: float = -20.0,
    tags: Iterable[str] = (),
    catalogs: Iterable[str] = (),
    lsst: Iterable[str] = (),
    ztf: Iterable[str] = (),
    alerts: Iterable[dict[str, Any]] = (),
    **properties: Any,
) -> dict[str, Any]:
    """Build a locus in the form of schema/locus.py, LocusFromElasticsearchResponse."""
    surveys = {
        "ztf": {"id": list(ztf)},
        "lsst": {"dia_object_id": list(lsst), "ss_object_id": []},
    }
    said = {"newest_alert_observation_time": newest, "survey": surveys, **properties}
    if list(ztf):
        said["ztf_object_id"] = next(iter(ztf))
    entry = {
        "locus_id": name,
        "ra": ra,
        "dec": dec,
        "htm16": 67983272436,
        "properties": said,
        "tags": list(tags),
        "grav_wave_events": [],
        "catalogs": list(catalogs),
    }
    return {"locus": entry, "alerts": list(alerts)}


def _locus(transient: sky.Transient, now: float) -> dict[str, Any] | None:
    looks = transient.detections("lsst", now)
    if not looks:
        return None
    seen = transient.detections("ztf", now)
    kinds = {"AGN": ["nuclear_transient"], "SN II": ["extragalactic", "SN_candies"]}
    return make_locus(
        locus_id(transient),
        looks[-1].mjd,
        ra=transient.ra,
        dec=transient.dec,
        tags=kinds.get(transient.kind, ["lc_feature_extractor"]),
        lsst=[str(transient.lsst_id)],
        ztf=[transient.ztf_id] if seen else [],
        num_alerts=len(looks),
        newest_alert_magnitude=looks[-1].mag,
    )


def lsst_alert(
    object_id: int, number: int, mjd: float, band: str, flux: float, **more: float
) -> dict[str, Any]:
    """Build an alert in the form of schema/alert.py, with the names of a recorded one [nJy, TAI].

    ``more`` are further fields of the diaSource, such as ``scienceFlux``.
    """
    said = {
        "psfFlux": flux,
        "psfFluxErr": abs(flux) / 50.0,
        "band": band,
        "midpointMjdTai": mjd,
        "ra": 10.0,
        "dec": -20.0,
        "diaObjectId": object_id,
        **more,
    }
    return {
        "id": f"lsst_diaSource:{number}",
        "mjd": mjd,
        "created_at": "2026-11-22T03:00:00",
        "properties": {f"lsst_diaSource_{key}": value for key, value in said.items()},
        "survey": "lsst",
        "grav_wave_events": [],
    }


def _lsst_alerts(transient: sky.Transient, now: float) -> list[dict[str, Any]]:
    place = {"ra": transient.ra, "dec": transient.dec}
    return [
        lsst_alert(
            transient.lsst_id,
            sky.dia_source_id(transient, look),
            look.mjd + sky.TAI,
            look.band,
            look.flux * 1e3,
            psfFluxErr=look.flux_err * 1e3,
            **place,
        )
        for look in transient.detections("lsst", now)
    ]


def _ztf_alerts(transient: sky.Transient, now: float) -> list[dict[str, Any]]:
    """Return detections, and limits between them, as a recorded answer of v1 names them."""
    found = []
    for look in transient.ztf(now):
        said = {"jd": look.mjd + 2400000.5, "fid": {"g": 1, "r": 2}[look.band]}
        said |= {"diffmaglim": look.limit, "ra": transient.ra, "dec": transient.dec}
        name = f"ztf_upper_limit:{transient.ztf_id}-{int(look.mjd * 1e6)}"
        if look.detected:
            name = f"ztf_candidate:{sky.candid(transient, look)}"
            said |= {"magpsf": look.mag, "sigmapsf": look.magerr, "isdiffpos": "t", "rb": 0.9}
        named = {f"ztf_{key}": value for key, value in said.items()}
        found.append(
            {
                "id": name,
                "mjd": look.mjd,
                "created_at": "2026-11-22T03:00:00",
                "properties": {"ztf_object_id": transient.ztf_id, **named},
                "survey": "ztf",
                "grav_wave_events": [],
            }
        )
    return found


def _match(entry: dict[str, Any], catalogue: str) -> dict[str, Any]:
    return {
        "id": f"{catalogue}:1",
        "object_id": "1",
        "object_name": f"{catalogue} 1",
        "catalog_name": catalogue,
        "ra": entry["ra"],
        "dec": entry["dec"],
        "radius": 1.0,
        "properties": {"Type": "RRAB"},
        "extra": {"separation": 0.4},
    }
