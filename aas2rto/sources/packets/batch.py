"""Alert packets of ZTF and LSST -> tables of a report, whoever sent them.

An alert comes as the nested mapping that fastavro or pyarrow make of it, plain or with Fink's
added values. `Batch` takes alerts one by one, keeps only numbers and texts, and builds the
tables once, at the end; nothing else of an alert (such as its images) stays in memory.

Times. ``known_at`` is the earliest moment at which anybody could have had the packet: for ZTF
the alert's own ``jd``, for LSST the end of its processing. The time at which a broker, or this
program, happened to receive it is not used, so that one alert has one ``known_at`` wherever it
comes from. The history inside a packet became known with the packet: its rows carry the
packet's ``known_at``, not their own epoch, so that a replay never sees it earlier.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.sources.packets import fink_values
from aas2rto.sources.packets.format import (
    UNUSABLE,
    Columns,
    Convert,
    Head,
    Packet,
    Record,
    Row,
    Series,
    usable,
    why,
)
from aas2rto.sources.packets.lsst import PACKET as LSST
from aas2rto.sources.packets.quality import ANY, Quality
from aas2rto.sources.packets.ztf import PACKET as ZTF
from aas2rto.tables import photometry
from aas2rto.tables.report import REDSHIFT_SOURCE, fact_table, object_table
from aas2rto.text.words import counted

FINK_MARKS = ("fink_broker_version", "fink_science_version", "cdsxmatch", "clf", "xm")
"""Any of these tells that the further entries of an alert are Fink's."""


@dataclass(frozen=True)
class Tables:
    """What a batch of alerts says, in the tables of a report.

    Parameters
    ----------
    objects, photometry, facts : DataFrame
        As in :class:`aas2rto.tables.report.Report`.
    newest_alert : float or None
        Largest ``known_at`` of an alert that was used [d, MJD UTC].
    problems : tuple of str
        One line for each alert or record that could not be used.
    """

    objects: pd.DataFrame
    photometry: pd.DataFrame
    facts: pd.DataFrame
    newest_alert: float | None
    problems: tuple[str, ...]


@dataclass
class Batch:
    """Collects alerts of ZTF and LSST, in any order and mixture.

    Parameters
    ----------
    source : str
        Name of the source, for the photometry table.
    now : float
        MJD (UTC); alerts known later are noted in `later` and not used.
    after : float
        MJD (UTC); alerts known until then were taken before, and are passed over.
    quality : Quality
        What a detection must fulfil, or is suspect.

    Attributes
    ----------
    used, solar_system : int
        How many alerts went into the tables, and how many are of solar-system objects.
    later : list of float
        When the alerts that are still to come will be known [d, MJD UTC].
    problems : list of str
        One line for each alert or record that could not be used.
    """

    source: str
    now: float = math.inf
    after: float = -math.inf
    quality: Quality = ANY
    used: int = 0
    later: list[float] = field(default_factory=list)
    solar_system: int = 0
    newest_alert: float | None = None
    problems: list[str] = field(default_factory=list)
    _seen: set[tuple[str, str, bool]] = field(default_factory=set)
    _objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _facts: list[tuple[str, str, Any, float, str]] = field(default_factory=list)
    _rows: dict[Convert, list[Row]] = field(default_factory=dict)
    _columns: dict[Convert, list[Columns]] = field(default_factory=dict)

    def add(self, alert: Record, *, where: str = "") -> Head | None:
        """Take one alert; what is wrong with it becomes a line in `problems`.

        Parameters
        ----------
        alert : mapping
            A decoded ZTF or LSST packet.
        where : str
            Says in a problem line where it came from, such as ``night.avro``.

        Returns
        -------
        Head or None
            Of the alert, if it was taken.
        """
        packet = packet_of(alert)
        if packet is None:
            self._complain(
                where,
                "a record is neither a ZTF nor an LSST alert: it has no "
                "'candidate' and no 'diaSource'",
            )
            return None
        try:
            return self._add(packet, alert, where)
        except UNUSABLE as error:
            self._complain(where, f"{_label(alert)} cannot be used: {why(error)}")
            return None

    def add_columns(self, convert: Convert, columns: Columns) -> None:
        """Take measurements that were read elsewhere, in the columns that `convert` wants."""
        self._columns.setdefault(convert, []).append(columns)

    def tables(self) -> Tables:
        """Build the tables of all alerts so far."""
        parts = [
            convert(list(zip(*rows, strict=True))) for convert, rows in self._rows.items() if rows
        ]
        parts += [convert(joined(blocks)) for convert, blocks in self._columns.items()]
        table = pd.concat(parts, ignore_index=True) if parts else photometry.empty()
        table, complaint = usable(table)
        # The first packet that told of a measurement says when it was known.
        table = table.sort_values("known_at", kind="stable")
        table = table.drop_duplicates(["candidate_id", "survey", "measurement_id"]).sort_index()
        return Tables(
            object_table(self._objects.values()),
            photometry.conform(table.assign(source=self.source)),
            fact_table(self._facts),
            self.newest_alert,
            tuple(line for line in (*self.problems, complaint, self._skipped()) if line),
        )

    def _skipped(self) -> str:
        n = self.solar_system
        what = counted(n, "alert of a solar-system object", "alerts of solar-system objects")
        return f"{what} (no diaObjectId) skipped" if n else ""

    def _complain(self, where: str, what: str) -> None:
        self.problems.append(f"{where}: {what}" if where else what)

    def _add(self, packet: Packet, alert: Record, where: str) -> Head | None:
        head = packet.head(alert)
        if head.known_at > self.now:
            self.later.append(head.known_at)
            return None
        if head.known_at <= self.after:
            return None
        if not head.object_id:
            self.solar_system += 1
            return None
        added = added_by_fink(alert, packet)
        # A plain alert and the same one from Fink are both read: the second has more to say.
        key = (head.object_id, head.alert_id, bool(added))
        if key in self._seen:
            return None
        self._seen.add(key)
        self.used += 1
        self.newest_alert = max(head.known_at, self.newest_alert or head.known_at)
        self._place(packet.survey, head)
        known = fink_values.facts(added)
        origin = known.pop(REDSHIFT_SOURCE, "")
        self._facts.extend(
            (head.object_id, name, value, head.known_at, origin if name == "redshift" else "")
            for name, value in (known | packet.own(alert) | fink_values.annotate(added)).items()
        )
        for series in packet.series(alert, head):
            self._read(series, head, where)
        return head

    def _place(self, survey: str, head: Head) -> None:
        """Keep where an object was when it was first known, and when that was."""
        old = self._objects.get((survey, head.object_id))
        if old is None or head.known_at < old["known_at"]:
            self._objects[survey, head.object_id] = {
                "object_id": head.object_id,
                "survey": survey,
                "ra": head.ra,
                "dec": head.dec,
                "known_at": head.known_at,
            }

    def _read(self, series: Series, head: Head, where: str) -> None:
        """Read measurements; a broken one costs itself, not its alert."""
        rows = self._rows.setdefault(series.convert, [])
        for record in series.records or ():
            try:
                row = series.read(record, head)
            except UNUSABLE as error:
                self._complain(
                    where, f"a measurement of {head.object_id} cannot be used: {why(error)}"
                )
                continue
            if row is None:
                continue
            place = series.suspect
            if place is not None and not row[place] and (why_not := self.quality.why_not(record)):
                row = (*row[:place], why_not, *row[place + 1 :])
            rows.append(row)


def ztf(alerts: Iterable[Record], *, source: str = "ztf", now: float = math.inf) -> Tables:
    """Turn ZTF alerts (schema 3.2 to 4.02, plain or Fink's) into tables.

    Parameters
    ----------
    alerts : iterable of mapping
        Decoded packets.
    source : str
        Name of the source, for the photometry table.
    now : float
        MJD (UTC); later alerts are left out.
    """
    return _tables(alerts, source, now)


def lsst(alerts: Iterable[Record], *, source: str = "lsst", now: float = math.inf) -> Tables:
    """Turn LSST alerts (schema 9.0 to 11.1, plain or Fink's) into tables; see `ztf`."""
    return _tables(alerts, source, now)


def _tables(alerts: Iterable[Record], source: str, now: float) -> Tables:
    batch = Batch(source, now)
    for alert in alerts:
        batch.add(alert)
    return batch.tables()


def joined(blocks: Sequence[Columns]) -> Columns:
    """Put blocks of the same columns one after the other."""
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def packet_of(alert: object) -> Packet | None:
    """Find out whose packet a record is, by the names of its fields; None for neither's."""
    if not isinstance(alert, Mapping):
        return None
    if "candidate" in alert and "objectId" in alert:
        return ZTF
    return LSST if "diaSource" in alert else None


def added_by_fink(alert: Record, packet: Packet) -> dict[str, fink_values.Value]:
    """Return the entries that are not the survey's own, flattened, if they are Fink's."""
    if not any(mark in alert for mark in FINK_MARKS):
        return {}
    added = {name: value for name, value in alert.items() if name not in packet.fields}
    return fink_values.flatten(added)


def _label(alert: Record) -> str:
    """Name an alert for a problem line, as far as it can be named."""
    for name in ("candid", "diaSourceId", "objectId"):
        if alert.get(name) is not None:
            return f"alert {alert[name]}"
    return "an alert"
