"""The one transaction of a poll: what a report says, put into one form and stored, or named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from aas2rto.store.access import Access
from aas2rto.store.facts import Facts
from aas2rto.store.facts_history import OTHERS, PERSON, TNS
from aas2rto.store.histories import Histories
from aas2rto.store.identities import Identities
from aas2rto.store.merging import Merging
from aas2rto.store.photometry import Photometry
from aas2rto.store.sources import Sources
from aas2rto.tables import photometry
from aas2rto.tables.report import FACT_COLUMNS, FACTS, OBJECT_COLUMNS, Report
from aas2rto.text.words import counted


@dataclass(frozen=True)
class Ingested:
    """What a report added to the store.

    Parameters
    ----------
    new_candidates, new_measurements : int
    refused : tuple of str
        One line for each object that could not be stored.
    notes : tuple of str
        One line for each thing that is no problem: candidates that are one, targets that moved.
    """

    new_candidates: int = 0
    new_measurements: int = 0
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _apart(arcsec: float) -> str:
    """Write a distance on the sky in the unit that suits it."""
    if arcsec < 3600:
        return f"{arcsec:.1f} arcsec" if arcsec < 60 else f"{arcsec / 60:.1f} arcmin"
    return f"{arcsec / 3600:.1f} deg"


class Intake:
    """Takes reports.

    Parameters
    ----------
    access : Access
    identities : Identities
    facts : Facts
    measurements : Photometry
    sources : Sources
    merging : Merging
    histories : Histories
    """

    def __init__(
        self,
        access: Access,
        identities: Identities,
        facts: Facts,
        measurements: Photometry,
        sources: Sources,
        merging: Merging,
        histories: Histories,
    ) -> None:
        self._access = access
        self._identities = identities
        self._facts = facts
        self._photometry = measurements
        self._sources = sources
        self._merging = merging
        self._histories = histories

    def take(self, report: Report, now: float, *, merge_radius: float = 5.0) -> Ingested:
        """Store what a poll brought, and the source's new state, in one transaction.

        Parameters
        ----------
        report : Report
            Its photometry names objects by the survey's id in ``candidate_id``.
        now : float
            MJD (UTC) of the cycle; what does not say since when it is known is known since then.
        merge_radius : float
            See :func:`aas2rto.tables.candidates.match` [arcsec].

        Notes
        -----
        The caller calls ``report.acknowledge()`` after this has returned, not before.
        """
        ingested = Ingested()
        with self._access.transaction(f"report of {report.source}") as connection:
            if len(report.objects) or len(report.photometry) or len(report.facts):
                self._access.raise_generation(connection)
                ingested = self._take(connection, report, now, merge_radius)
            if len(report.histories):
                ingested = self._take_histories(connection, report, ingested)
            self._sources.save(connection, report, now)
        return ingested

    def _take_histories(
        self, connection: Connection, report: Report, ingested: Ingested
    ) -> Ingested:
        """Store light curves from data releases, and say how many there are."""
        self._access.raise_generation(connection)
        n = self._histories.add(connection, report.histories, report.source)
        told = f"{report.source}: {counted(n, 'light curve')} of a data release"
        return replace(ingested, notes=(*ingested.notes, told))

    def _take(self, connection: Connection, report: Report, now: float, radius: float) -> Ingested:
        source = report.source
        rows = conform_objects(report.objects, now)
        usable = np.isfinite(rows["ra"]) & rows["dec"].between(-90, 90)
        refused = [
            f"{source}: {object_id or 'an object without id'} has no usable position; "
            "it was left out"
            for object_id in rows.loc[~usable, "object_id"].drop_duplicates()
        ]
        nameless = usable & (rows["object_id"] == "")
        refused += left_out(source, int(nameless.sum()), "object", "without object_id")
        rows = rows[usable & ~nameless]
        objects = rows.drop_duplicates("object_id").reset_index(drop=True)
        placed = self._identities.place(connection, objects, radius)
        key_of = self._identities.key_of
        pairs = [(key_of(one) or 0, key_of(other) or 0) for one, other in placed.linked]
        into = self._merging.merge(connection, pairs, now)
        notes = [
            f"{source}: {other} is {first}, for an object lies near both or bears a name of both; "
            f"they are one candidate now, {self._identities.resolve(first)}"
            for first, other in placed.linked
        ]
        notes += [
            f"{source}: {name} was told again with another position, {_apart(arcsec)} from where "
            "it was: the new one counts"
            for name, arcsec in placed.moved
        ]
        keys = [into.get(key, key) for key in placed.keys.tolist()]
        objects["candidate"] = np.array(keys, dtype=np.int64)
        homeless = set(report.objects.get("object_id", ())) - set(objects["object_id"])
        facts, problems = self._usable_facts(report, objects, homeless)
        self._facts.add(connection, facts)
        names = _aliases(rows, objects, facts)
        fresh = placed.fresh | self._identities.add_aliases(connection, names)
        news = [row for row in names if row[0] in fresh]
        notes += self._join_alike(connection, source, news, objects, now)
        measurements, more_problems = self._usable_measurements(report, objects)
        added = self._photometry.add(connection, measurements)
        refused += [*more_problems, *problems]
        return Ingested(int(placed.is_new.sum()), added, tuple(refused), tuple(notes))

    def _join_alike(
        self,
        connection: Connection,
        source: str,
        names: list[tuple[str, int, str, float]],
        objects: pd.DataFrame,
        now: float,
    ) -> list[str]:
        """Make candidates one of which the one bears the name of the other."""
        of = self._identities
        alike, lines = of.alike(names)
        told = [(of.name_of(one), of.name_of(other), name) for one, other, name in alike]
        into = self._merging.merge(connection, [(one, other) for one, other, _ in alike], now)
        objects["candidate"] = objects["candidate"].map(lambda key: into.get(key, key))
        return [f"{source}: {line}" for line in lines] + [
            f"{source}: {one} is {other}, for both are called {name}; they are one candidate now, "
            f"{of.resolve(one)}"
            for one, other, name in told
        ]

    def _owned(self, rows: pd.DataFrame, names: pd.Series[str], objects: pd.DataFrame) -> None:
        """Add ``candidate`` to rows: of the report's own objects, or of those known before.

        What is said of somebody by a name is known of the candidate only since the name is.
        """
        own = dict(zip(objects["object_id"], objects["candidate"], strict=True))
        others = self._identities.owners_of(name for name in names.unique() if name not in own)
        keys = own | {name: key for name, (key, _) in others.items()}
        since = {name: known_at for name, (_, known_at) in others.items()}
        rows["candidate"] = names.map(keys)
        known_at = pd.to_numeric(rows["known_at"], errors="coerce").to_numpy(float)
        earliest = names.map(since).to_numpy(float, na_value=-np.inf)
        rows["known_at"] = np.where(earliest > known_at, earliest, known_at)

    def _usable_measurements(
        self, report: Report, objects: pd.DataFrame
    ) -> tuple[pd.DataFrame, list[str]]:
        """Return the measurements that can be stored, and one line for each reason why not."""
        rows = photometry.conform(report.photometry)
        self._owned(rows, rows["candidate_id"].astype(str), objects)
        rows["source"] = rows["source"].where(rows["source"] != "", report.source)
        whole = (rows[["band", "survey", "measurement_id"]] != "").to_numpy().all(axis=1)
        whole &= rows["kind"].isin(photometry.KINDS).to_numpy()
        whole &= np.isfinite(rows[["mjd", "known_at"]].to_numpy()).all(axis=1)
        owned = rows["candidate"].notna().to_numpy()
        problems = left_out(
            report.source,
            int((~whole).sum()),
            "measurement",
            "without mjd, known_at, band, kind, survey or measurement_id",
        )
        problems += left_out(
            report.source,
            int((whole & ~owned).sum()),
            "measurement",
            "of objects that are not known",
        )
        return rows[whole & owned].astype({"candidate": "int64"}), problems

    def _usable_facts(
        self, report: Report, objects: pd.DataFrame, homeless: set[str]
    ) -> tuple[list[tuple[Any, ...]], list[str]]:
        """Return the facts that can be stored, as `Facts.add` takes them, and what cannot."""
        if report.facts.empty:
            return [], []
        rows = report.facts[[name for name in FACT_COLUMNS if name in report.facts]].copy()
        missing = set(FACT_COLUMNS) - {"origin"} - set(rows)
        if missing:
            raise KeyError(f"the facts of {report.source} lack {', '.join(sorted(missing))}")
        names = rows["object_id"].astype(str)
        # Of an object that was left out, its own line says so.
        rows, names = rows[~names.isin(homeless)].copy(), names[~names.isin(homeless)]
        self._owned(rows, names, objects)
        good = rows["candidate"].notna() & np.isfinite(rows["known_at"].to_numpy(float))
        problems = left_out(
            report.source,
            int((~good).sum()),
            "fact",
            "without known_at, or of objects that are not known",
        )
        rows = rows.assign(name=names)[good]
        return _stored(rows, report.source, _surveys(objects)), problems


def conform_objects(objects: pd.DataFrame, now: float) -> pd.DataFrame:
    """Return the rows of objects with all columns, in the order in which they became known."""
    frame = pd.DataFrame(
        {
            name: objects[name] if name in objects else _missing(dtype, objects.index)
            for name, dtype in OBJECT_COLUMNS.items()
        }
    )
    for name, dtype in OBJECT_COLUMNS.items():
        if dtype == "str":
            frame[name] = frame[name].fillna("").astype(str)
        elif dtype == "float64":
            frame[name] = pd.to_numeric(frame[name], errors="coerce")
    frame["known_at"] = frame["known_at"].where(np.isfinite(frame["known_at"]), now)
    return frame.sort_values(["known_at", "object_id"], kind="stable", ignore_index=True)


def _missing(dtype: str, index: pd.Index[Any]) -> pd.Series[Any]:
    value: Any = {"str": "", "object": ()}.get(dtype, np.nan)
    return pd.Series([value] * len(index), index=index, dtype=object if dtype == "str" else dtype)


def left_out(source: str, n: int, thing: str, why: str) -> list[str]:
    """Say in one line how many rows could not be stored; nothing to say about none."""
    return [f"{source}: left out {counted(n, thing)} {why}"] if n else []


def _surveys(objects: pd.DataFrame) -> dict[str, str]:
    return dict(zip(objects["object_id"], objects["survey"], strict=True))


def _stored(rows: pd.DataFrame, source: str, surveys: Mapping[str, str]) -> list[tuple[Any, ...]]:
    """Turn facts into rows of the store; a value that a key cannot have says nothing."""
    targets = set(rows.loc[(rows["key"] == "too") & rows["value"].eq(other=True), "name"])
    origins = rows["origin"].fillna("") if "origin" in rows else [""] * len(rows)
    columns = (rows[name].tolist() for name in ("candidate", "name", "key", "value", "known_at"))
    found, named = [], set()
    for candidate, name, key, value, known_at, told_by in zip(*columns, origins, strict=True):
        said = _checked(key, value) if key in FACTS else value
        if said is _NOTHING:
            continue
        precedence = PERSON if name in targets else OTHERS
        if key == "name":
            named.add(name)
            precedence = max(precedence, TNS if surveys.get(name) == "tns" else OTHERS)
        origin = told_by or surveys.get(name) or source
        found.append((int(candidate), key, said, known_at, source, precedence, origin))
    # A person's target is called as the person calls it.
    asked = rows[rows["name"].isin(targets - named) & (rows["key"] == "too")]
    columns = (asked[name].tolist() for name in ("candidate", "name", "known_at"))
    return found + [
        (int(candidate), "name", name, known_at, source, PERSON, surveys.get(name) or source)
        for candidate, name, known_at in zip(*columns, strict=True)
    ]


_NOTHING = object()


def _checked(key: str, value: Any) -> Any:
    """Return a value as its key has it; None takes back."""
    kind = FACTS[key]
    if isinstance(value, list | dict | tuple | np.ndarray):
        return _NOTHING
    if pd.isna(value) or (isinstance(value, str) and not value):
        return None
    if kind == "str":
        return str(value)
    if kind == "bool":
        return bool(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return _NOTHING
    return number if np.isfinite(number) else _NOTHING


def _aliases(
    rows: pd.DataFrame, objects: pd.DataFrame, facts: list[tuple[Any, ...]]
) -> list[tuple[str, int, str, float]]:
    """Return the names that a report gives: alias, candidate's row, survey, and since when."""
    keys = dict(zip(objects["object_id"], objects["candidate"], strict=True))
    columns = (rows[name] for name in ("object_id", "survey", "known_at", "also_known_as"))
    found = []
    for name, survey, known_at, more in zip(*columns, strict=True):
        others = (
            (more,) if isinstance(more, str) else more if isinstance(more, list | tuple) else ()
        )
        found += [(str(alias), keys[name], survey, known_at) for alias in (name, *others) if alias]
    return found + [
        (value, key, origin, known_at)
        for key, fact, value, known_at, _, _, origin in facts
        if fact == "name" and value
    ]
