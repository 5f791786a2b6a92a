"""Notices in JSON: GCN's unified schema, and that of LIGO, Virgo & KAGRA.

nasa-gcn/gcn-schema 7.2: no key is required, ids and names are texts or lists of them, errors are
radii or ellipses. The alerts of LIGO, Virgo & KAGRA have a form of their own (user guide,
emfollow.docs.ligo.org; igwn-gwalert-schema 1.3).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from aas2rto.sources.notices.notice import (
    Kind,
    Notice,
    first_text,
    mjd,
    number,
    position,
    radius90,
    unreadable,
)
from aas2rto.tables.candidates import separation
from aas2rto.text.words import one_line

SHORT = {
    "einstein_probe": "EP",
    "einstein probe": "EP",
    "chime": "CHIME",
    "dsa110": "DSA-110",
    "svom": "SVOM",
    "maxi": "MAXI",
    "fermi": "Fermi",
    "swift": "Swift",
    "icecube": "IceCube",
    "km3net": "KM3NeT",
    "burstcube": "BurstCube",
    "glowbug": "Glowbug",
    "superk": "Super-Kamiokande",
    "boom": "BOOM",
    "heasarc": "HEASARC",
}
"""Names of missions by folder of the schema or topic, in lower case; others stay as they are."""

KINDS = {
    "retraction": Kind.RETRACTION,
    "update": Kind.UPDATE,
    "subsequent": Kind.UPDATE,
    "initial": Kind.NEW,
}
"""``alert_type``: core/Alert.schema.json."""

TEST_EVENT = re.compile(r"[MT]S\d{6}\w*", re.IGNORECASE)
"""Superevents of mock data and tests (user guide, "Alert contents"): MS..., TS..."""

NUMBERS = {"image_snr": "image S/N {:g}", "rate_snr": "rate S/N {:g}", "far": "FAR {:.3g} Hz"}

CORNERS_MOST = 16
"""Corners of an error region that are looked at; MAXI's has four."""

_TEST = re.compile(r"(^|[/._])test([/._]|$)", re.IGNORECASE)
_PLACE = re.compile(r"notices[./]([a-z0-9_]+)", re.IGNORECASE)


def read(content: bytes, where: str) -> Notice:
    """Read a notice in JSON; see `aas2rto.sources.notices.read.read`."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise unreadable(f"its JSON is broken ({one_line(str(error), 60)})") from error
    if not isinstance(told, Mapping):
        raise unreadable("its JSON is no object")
    if "superevent_id" in told:
        return _gravitational(told)
    return _of_mission(told, where)


def _of_mission(told: Mapping[str, Any], where: str) -> Notice:
    mission = _mission(told, where)
    event = first_text(told.get("id")) or first_text(told.get("event_name"))
    event = event or first_text(told.get("trigger_time"))
    if not event:
        raise unreadable("it has neither id nor event_name nor trigger_time")
    ra, dec = position(told.get("ra"), told.get("dec"))
    url = told.get("healpix_url")
    return Notice(
        mission,
        event,
        kind=KINDS.get(_word(told.get("alert_type")), Kind.NEW),
        tense=_tense(told, where),
        told_at=mjd(told.get("alert_datetime")),
        time=_time(told),
        ra=ra,
        dec=dec,
        r90=None if ra is None else _radius(told, ra, dec or 0.0),
        sky_map=_unpacked(told.get("healpix_file")),
        map_url=url if isinstance(url, str) else "",
        words=_words(told),
        facts={"instrument": first_text(told.get("instrument"))},
        doubts=tuple(_doubts(told)),
    )


def _doubts(told: Mapping[str, Any]) -> Iterator[str]:
    """Say which keys of a notice have values that they cannot have."""
    if position(told.get("ra"), told.get("dec"))[0] is None and _any(told, "ra", "dec"):
        yield f"ra {_shown(told.get('ra'))}, dec {_shown(told.get('dec'))} is no place on the sky"
    if _any(told, "ra_dec_error") and radius90(told["ra_dec_error"], None) is None:
        yield f"ra_dec_error {_shown(told['ra_dec_error'])} is no radius"
    holds = number(told.get("containment_probability"))
    if _any(told, "containment_probability") and (holds is None or not 0 < holds < 1):
        said = _shown(told["containment_probability"])
        yield f"containment_probability {said} is no probability; 0.9 is taken"
    for key in ("trigger_time", "alert_datetime"):
        if _any(told, key) and mjd(told[key]) is None:
            yield f"{key} {_shown(told[key])} is no time"
    if _any(told, "healpix_file") and not _unpacked(told["healpix_file"]):
        yield "its healpix_file is no FITS file in base64"
    if told.get("id") and not first_text(told["id"]):
        yield f"id {_shown(told['id'])} is no name"


def _any(told: Mapping[str, Any], *keys: str) -> bool:
    return any(told.get(key) is not None for key in keys)


def _shown(value: Any) -> str:
    return one_line(repr(value), 40)


def _mission(told: Mapping[str, Any], where: str) -> str:
    """Return the short name of a mission: of the notice, its schema, the topic, or the file."""
    schema = told.get("$schema")
    named = first_text(told.get("mission"))
    places = [_PLACE.search(one) for one in (schema, where) if isinstance(one, str)]
    words = [named, *(one[1] for one in places if one)]
    found = next((one for one in words if one), "") or first_text(told.get("instrument"))
    return SHORT.get(found.lower(), found or "GCN")


def _tense(told: Mapping[str, Any], where: str) -> str:
    """Return the tense; BurstCube's tests call themselves current, and say it in their schema."""
    places = (one for one in (told.get("$schema"), where) if isinstance(one, str))
    if any(_TEST.search(one) for one in places):
        return "test"
    return _word(told.get("alert_tense")) or "current"


def _word(value: Any) -> str:
    return first_text(value).lower()


def _time(told: Mapping[str, Any]) -> float | None:
    keys = ("trigger_time", "observation_start", "alert_datetime")
    return next((one for one in (mjd(told.get(key)) for key in keys) if one is not None), None)


def _radius(told: Mapping[str, Any], ra: float, dec: float) -> float | None:
    """Return the radius that holds 90 %; of a rectangle, that to its farthest corner."""
    corners = told.get("rectangular_error_corners")
    if not isinstance(corners, list):
        return radius90(told.get("ra_dec_error"), told.get("containment_probability"))
    found = [
        position(*one)
        for one in corners[:CORNERS_MOST]
        if isinstance(one, list | tuple) and len(one) == 2
    ]
    far = [separation(ra, dec, a, d) / 3600 for a, d in found if a is not None and d is not None]
    return radius90(max(far, default=None), told.get("containment_probability"))


def _unpacked(text: Any) -> bytes:
    """Return a FITS file that came as base64; empty of what is none."""
    if not isinstance(text, str):
        return b""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return found if found.startswith((b"SIMPLE  =", b"\x1f\x8b")) else b""


def _words(told: Mapping[str, Any]) -> str:
    said = [first_text(told.get("instrument")), first_text(told.get("event_name"))]
    for key, form in NUMBERS.items():
        value = number(told.get(key))
        if value is not None:
            said.append(form.format(value))
    classes = told.get("classification")
    if isinstance(classes, Mapping):
        likely = {str(k): v for k, v in ((k, number(v)) for k, v in classes.items()) if v}
        if likely:
            best = max(likely, key=lambda one: likely[one])
            said.append(one_line(f"{best} {likely[best]:.0%}", 40))
    return ", ".join(one for one in dict.fromkeys(said) if one)


def _gravitational(told: Mapping[str, Any]) -> Notice:
    """Read an alert of ``igwn.gwalert``."""
    event = first_text(told["superevent_id"])
    if not event:
        raise unreadable("its superevent_id is no text")
    about = told.get("event")
    about = about if isinstance(about, Mapping) else {}
    together = told.get("external_coinc")
    together = together if isinstance(together, Mapping) else {}
    kind = _word(told.get("alert_type"))
    combined = _unpacked(together.get("combined_skymap"))
    group, search = first_text(about.get("group")), first_text(about.get("search"))
    facts = {
        "far": number(about.get("far")),
        "significant": about.get("significant") is True,
        "group": group,
        "instruments": [str(one)[:8] for one in about.get("instruments") or [] if one],
    }
    said = [group, search, kind.upper()]
    if facts["far"] is not None:
        said.append(f"FAR {facts['far']:.3g} Hz")
    return Notice(
        "LVK",
        event,
        kind=Kind.RETRACTION if kind == "retraction" else Kind.UPDATE,
        tense="test" if TEST_EVENT.fullmatch(event) or search == "MDC" else "current",
        told_at=mjd(told.get("time_created")),
        time=mjd(about.get("time")),
        sky_map=combined or _unpacked(about.get("skymap")),
        words=", ".join(one for one in said if one),
        facts=facts,
        doubts=tuple(_doubts_of_gravitational(about)),
    )


def _doubts_of_gravitational(about: Mapping[str, Any]) -> Iterator[str]:
    if _any(about, "skymap") and not _unpacked(about["skymap"]):
        yield "its skymap is no FITS file in base64"
    if _any(about, "time") and mjd(about["time"]) is None:
        yield f"the time of the event, {_shown(about['time'])}, is none"
