"""Lasair's objects and messages -> the form of alert packets, and what Lasair adds to them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aas2rto.sources.listing import TAI_MINUS_UTC
from aas2rto.sources.packets import nulls
from aas2rto.sources.packets.from_rest import Record, lsst_alert, ztf_alert
from aas2rto.tables import photometry

UNUSABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What reading a record raises if it is not shaped as it should be."""

LISTS = ("candidates", "diaSourcesList", "diaForcedSourcesList", "diaObject", "objectData")
"""Any of these tells that an answer is an object."""

Place = tuple[float, float]


@dataclass(frozen=True)
class Facts:
    """Identity, place and last detection of an object.

    Parameters
    ----------
    name : str
    place : tuple of float or None
        ``ra, dec`` [deg], if known.
    last_seen : float
        As the service counts: JD for ZTF, MJD in TAI for LSST; NaN where unknown.
    last_mjd : float
        The same as MJD (UTC).
    """

    name: str
    place: Place | None
    last_seen: float
    last_mjd: float


def facts(row: Mapping[str, Any], survey: str) -> Facts:
    """Read what a row of a query or a message says; a message need not say much.

    Raises
    ------
    KeyError, ValueError
        If it names no object.
    """
    if survey == "ztf":
        name = nulls.text(row["objectId"])
        name = name if name.startswith("ZTF") else ""
        keys, shift = ("ramean", "decmean", "jdmax"), photometry.MJD_OF_JD
    else:
        name = nulls.digits(row["diaObjectId"])
        # The declination of LSST objects is `decl` here.
        keys, shift = ("ra", "decl", "lastDiaSourceMjdTai"), TAI_MINUS_UTC
    if not name:
        raise ValueError("it names no object")
    ra, dec, last = (nulls.number(row.get(key)) for key in keys)
    return Facts(name, _known_place(ra, dec), last, last - shift)


def _known_place(ra: float, dec: float) -> Place | None:
    return (ra, dec) if math.isfinite(ra) and math.isfinite(dec) else None


def is_object(found: Mapping[str, Any]) -> bool:
    """Say whether an answer holds an object at all."""
    return any(isinstance(found.get(name), list | dict) for name in LISTS)


def place_of(found: Mapping[str, Any]) -> Place | None:
    """Return ``ra, dec`` [deg] of an object's answer, if it has them."""
    parent = found.get("diaObject") or found.get("objectData") or {}
    ra = nulls.number(parent.get("ra", parent.get("ramean")))
    dec = nulls.number(parent.get("decl", parent.get("dec", parent.get("decmean"))))
    return _known_place(ra, dec)


def packet(
    survey: str, object_id: str, found: Mapping[str, Any], place: Place | None, last: float
) -> Record | None:
    """Build a packet from the light curve in an answer or a message.

    Parameters
    ----------
    survey : str
        ``ztf`` or ``lsst``.
    object_id : str
    found : mapping
        An answer, or the ``alert`` of a message.
    place : tuple of float or None
        ``ra, dec`` of the object [deg], where the measurements carry none.
    last : float
        MJD (UTC) after which measurements are left out.

    Returns
    -------
    dict or None
        None if there is no detection.
    """
    if survey == "ztf":
        return _ztf_packet(object_id, found, place, last)
    # Lite rows carry no position, and those of messages no identifiers either.
    sources = _list_of(found, "diaSourcesList")
    if sources and place is None:
        raise ValueError("it has no position: let the filter select objects.ra, objects.decl")
    forced = _list_of(found, "diaForcedSourcesList")
    return lsst_alert(object_id, sources, forced, now=last, place=place)


def _ztf_packet(
    object_id: str, found: Mapping[str, Any], place: Place | None, last: float
) -> Record | None:
    """Sort ``candidates``: detections have a ``candid``, other rows are limits."""
    detections: list[Any] = []
    limits: list[Any] = []
    for record in _list_of(found, "candidates"):
        if isinstance(record, dict) and record.get("candid") is None:
            # The magnitude of a non-detection is the limit, also where diffmaglim is missing.
            given = record.get("diffmaglim")
            limit = record.get("magpsf") if given is None else given
            limits.append({**_with_jd(record), "diffmaglim": limit})
        else:
            detections.append(_with_place(_with_jd(record), place))
    forced = [_forced(record) for record in found.get("forcedphot") or ()]
    return ztf_alert(object_id, detections, limits, now=last, fluxes=forced)


def _forced(record: Any) -> Any:
    """Translate a row of ``forcedphot``, in which Lasair leaves out ``pid`` and ``procstatus``.

    Its columns: lasair4, webserver/lasair/lightcurves.py (``forcedphot_lightcurve_fetcher``).
    """
    return {"procstatus": "0", **record} if isinstance(record, dict) else record


def _with_jd(record: Any) -> Any:
    if not isinstance(record, dict) or "jd" in record:
        return record
    return {**record, "jd": nulls.number(record.get("mjd")) + photometry.MJD_OF_JD}


def _with_place(record: Any, place: Place | None) -> Any:
    if not isinstance(record, dict) or "ra" in record or place is None:
        return record
    return {**record, "ra": place[0], "dec": place[1]}


def _list_of(found: Mapping[str, Any], key: str) -> list[Any]:
    records = found.get(key, [])
    if not isinstance(records, list):
        raise TypeError(f"its {key} is no list")
    return records


def context(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Lasair says of an object: Sherlock's context, and TNS where it is known.

    Parameters
    ----------
    found : mapping
        An answer for an object, or a message; the latter holds what its filter selects.

    Returns
    -------
    dict
        ``lasair_sherlock, lasair_separation`` [arcsec], ``lasair_z, lasair_reliability,
        lasair_tns``: those that are known.
    """
    inner = found.get("lasairData")
    added = inner if isinstance(inner, dict) else found
    sherlock = added.get("sherlock")
    nearby = sherlock if isinstance(sherlock, dict) else {}
    tns = added.get("TNS")
    name = tns.get("tns_name") if isinstance(tns, dict) else found.get("tns_name")
    word = nulls.text(nearby.get("classification", found.get("sherlock_classifications")))
    values: dict[str, Any] = {
        "lasair_sherlock": word or None,
        "lasair_separation": _known(nearby.get("separationArcsec", found.get("separationArcsec"))),
        "lasair_z": _known(nearby.get("z", found.get("z"))),
        "lasair_reliability": _known(found.get("latestR")),
        "lasair_tns": nulls.text(name) or None,
    }
    return {key: value for key, value in values.items() if value is not None}


def _known(value: Any) -> float | None:
    number = nulls.number(value)
    return number if math.isfinite(number) else None
