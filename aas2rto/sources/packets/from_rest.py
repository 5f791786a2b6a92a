"""Light curves from REST services, put into the form of the survey's own alert packets.

A light curve is what an alert packet holds: the newest detection and the history before it. So
each service only translates its field names, and one place (`packets`) knows about units,
signs, flags and nulls.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from aas2rto.sources.packets import nulls
from aas2rto.tables import photometry

Record = dict[str, Any]


def ztf_alert(
    object_id: str,
    detections: Iterable[Any],
    limits: Iterable[Any] = (),
    forced: Iterable[Any] = (),
    *,
    now: float,
    fluxes: Iterable[Any] = (),
    added: Mapping[str, Any] | None = None,
) -> Record | None:
    """Build a ZTF packet.

    Parameters
    ----------
    object_id : str
    detections : iterable of mapping
        With the names of the ZTF schema: ``candid, jd, fid, magpsf, sigmapsf, isdiffpos`` ...
    limits : iterable of mapping
        ``jd, fid, diffmaglim``.
    forced : iterable of mapping
        Forced measurements in the form of detections, named by `ztf.forced_name`.
    now : float
        MJD (UTC); later records are left out.
    fluxes : iterable of mapping
        Forced measurements in the form of ``fp_hists``.
    added : mapping, optional
        What the broker added to the newest alert.

    Returns
    -------
    dict or None
        None if there is no detection yet.
    """
    last = now + photometry.MJD_OF_JD
    newest, before = _split(detections, "jd", last)
    if newest is None:
        return None
    unseen = [_as_limit(record) for record in limits if not _time(record, "jd") > last]
    measured = [record for record in forced if not _time(record, "jd") > last]
    alert = {"objectId": object_id, "candid": newest.get("candid"), "candidate": newest}
    alert["prv_candidates"] = [*before, *unseen, *measured]
    if counted := [record for record in fluxes if not _time(record, "jd") > last]:
        alert["fp_hists"] = counted
    return {**(added or {}), **alert}


def _as_limit(record: Any) -> Any:
    """Keep what a non-detection has; ZTF's own history marks it by the missing candid."""
    if not isinstance(record, dict):
        return record
    names = ("jd", "fid", "diffmaglim")
    return {"candid": None, **{name: record[name] for name in names if name in record}}


def lsst_alert(
    object_id: str,
    sources: Iterable[Any],
    forced: Iterable[Any] = (),
    *,
    now: float,
    place: tuple[float, float] | None = None,
    added: Mapping[str, Any] | None = None,
) -> Record | None:
    """Build an LSST packet.

    Parameters
    ----------
    object_id : str
        diaObjectId.
    sources : iterable of mapping
        diaSources with the names of the LSST schema; those without an identifier get one from
        their exposure.
    forced : iterable of mapping
        diaForcedSources, likewise.
    now : float
        MJD (UTC); later records are left out.
    place : tuple of float, optional
        ``ra, dec`` of the object [deg], where the sources carry none.
    added : mapping, optional
        What the broker added to the newest alert.

    Returns
    -------
    dict or None
        None if there is no detection yet.
    """
    last = now + 1.0 / 1440.0  # TAI is 37 s ahead of UTC: a minute is room enough.
    newest, before = _split(sources, "midpointMjdTai", last)
    if newest is None:
        return None
    named = [_named(record, "diaSourceId") for record in (newest, *before)]
    known = [
        _named(record, "diaForcedSourceId")
        for record in forced
        if not _time(record, "midpointMjdTai") > last
    ]
    alert: Record = {
        "diaSource": {**named[0], "diaObjectId": object_id},
        "prvDiaSources": named[1:],
        "prvDiaForcedSources": known,
    }
    if place is not None:
        alert["diaObject"] = {"diaObjectId": object_id, "ra": place[0], "dec": place[1]}
    return {**(added or {}), **alert}


def _named(record: Any, key: str) -> Any:
    """Name a measurement by its exposure if its service left out the identifier.

    The name is the same whenever the same exposure comes again.
    """
    if not isinstance(record, dict):
        return record
    try:
        if nulls.digits(record.get(key)):
            return record
    except ValueError:
        return record  # `packets` says what is wrong with it
    mjd = nulls.number(record.get("midpointMjdTai"))
    return {**record, key: f"lsst{record.get('band')}:{mjd:.4f}"}


def _split(records: Iterable[Any], key: str, last: float) -> tuple[Record | None, list[Any]]:
    """Split off the newest record; what has no readable time stays, for `packets` to name."""
    known = [record for record in records if not _time(record, key) > last]
    timed = [record for record in known if not math.isnan(_time(record, key))]
    newest = max(timed, key=lambda record: _time(record, key), default=None)
    return newest, [record for record in known if record is not newest]


def _time(record: Any, key: str) -> float:
    return nulls.number(record.get(key)) if isinstance(record, dict) else math.nan
