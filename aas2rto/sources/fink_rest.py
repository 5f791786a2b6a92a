"""Rows of Fink's REST services -> the form of alert packets.

Columns are ``i:`` or ``r:`` (the survey's own), ``d:`` or ``f:`` (added by Fink) and ``v:``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aas2rto.sources.packets import nulls
from aas2rto.sources.packets.from_rest import Record, lsst_alert, ztf_alert


def by_object(
    rows: Iterable[Any], key: str, names: Sequence[str], complain: Callable[[str], None]
) -> dict[str, list[Any]]:
    """Group rows by the objects that were asked for.

    Parameters
    ----------
    rows : iterable of mapping
    key : str
        The column with the object's name.
    names : sequence of str
    complain : callable
        Takes a line for each row that belongs to none of `names`.
    """
    found: dict[str, list[Any]] = {name: [] for name in names}
    for row in rows:
        try:
            found[nulls.digits(row[key])].append(row)
        except (KeyError, TypeError, ValueError):
            label = row.get(key) if isinstance(row, dict) else row
            complain(f"a row of {label!s:.40} is of no object that was asked for")
    return found


def _stripped(row: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    n = len(prefix)
    return {key[n:]: value for key, value in row.items() if key.startswith(prefix)}


def ztf_packet_of(object_id: str, rows: Iterable[Any], now: float) -> Record | None:
    """Put rows of ``objects`` into the form of one ZTF packet with Fink's added values.

    Parameters
    ----------
    object_id : str
    rows : iterable of mapping
        One per alert, and with ``d:tag`` ``upperlim`` or ``badquality`` one per exposure that
        has no alert; the values of the latter are texts.
    now : float
        MJD (UTC).
    """
    detections: list[Record] = []
    limits: list[Record] = []
    newest: tuple[float, Record] = (-1.0, {})
    for row in rows:
        values = _stripped(row, "i:")
        tag = row.get("d:tag", "valid")
        if tag == "valid":
            detections.append(values)
            if (jd := nulls.number(values.get("jd"))) > newest[0]:
                newest = (jd, row)
        elif tag == "upperlim":
            limits.append(
                {
                    "jd": nulls.number(values.get("jd")),
                    "fid": nulls.number(values.get("fid")),
                    "diffmaglim": nulls.number(values.get("diffmaglim")),
                }
            )
    added = {"fink_broker_version": "rest", **_stripped(newest[1], "d:")}
    added.pop("tag", None)
    return ztf_alert(object_id, detections, limits, now=now, added=added)


def lsst_packet_of(
    object_id: str, sources: Iterable[Any], forced: Iterable[Any], now: float
) -> Record | None:
    """Put rows of ``sources`` and ``fp`` into the form of one LSST packet with Fink's values."""
    rows = list(sources)
    newest: Record = max(
        rows, key=lambda row: nulls.number(row.get("r:midpointMjdTai")), default={}
    )
    return lsst_alert(
        object_id,
        [_stripped(row, "r:") for row in rows],
        [_stripped(row, "r:") for row in forced],
        now=now,
        added={"fink_broker_version": "rest", **_stripped(newest, "f:")},
    )
