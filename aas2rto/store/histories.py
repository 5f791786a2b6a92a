"""Light curves from data releases: total brightness by position, years long, joined when asked for.

They are stored as they came, one row per curve, and belong to whatever lies within an arcsecond of
them: a curve may come before the candidate or after it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sqlalchemy import Connection, and_, or_, select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.packed import pack, unpack
from aas2rto.store.rows import chunks
from aas2rto.tables import total
from aas2rto.tables.candidates import chord, unit_vectors
from aas2rto.tables.content import contents
from aas2rto.tables.photometry import SUSPECT, TEMPLATE, TEMPLATE_ERR, WHY
from aas2rto.tables.photometry import flux_err_from_magerr as flux_err_of
from aas2rto.tables.photometry import flux_from_mag as flux_of

RADIUS = 1.0
"""A curve belongs to a candidate that is at most so far from it [arcsec], as in the paper."""

REPLACED = [column for column in schema.histories.columns if not column.primary_key]


class Histories:
    """Light curves from data releases, and the total brightness of what alerts measured.

    Parameters
    ----------
    access : Access
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._generation = -1
        self._index = pd.DataFrame()
        self._tree: cKDTree | None = None

    def add(self, connection: Connection, rows: pd.DataFrame, source: str) -> int:
        """Store curves, and return how many there are; a newer release replaces an older one.

        Parameters
        ----------
        connection : Connection
            In the transaction of a report.
        rows : DataFrame
            One row per measurement, see `aas2rto.tables.report.HISTORY_COLUMNS`.
        source : str
            Who brought them.
        """
        if rows.empty:
            return 0
        numbers = rows[["ra", "dec", "mjd", "mag", "magerr"]].to_numpy(float)
        rows = rows[np.isfinite(numbers).all(axis=1)]
        rows = rows.sort_values(["survey", "curve_id", "mjd"], kind="stable")
        insert = self._access.insert(schema.histories)
        statement = insert.on_conflict_do_update(
            index_elements=["survey", "curve_id"],
            set_={c.name: insert.excluded[c.name] for c in REPLACED},
            where=insert.excluded.n >= schema.histories.c.n,
        )
        made = [_row(one, source) for _, one in rows.groupby(["survey", "curve_id"], sort=False)]
        for part in chunks(made, 100):
            connection.execute(statement, part)
        return len(made)

    def of(self, table: pd.DataFrame, now: float) -> Totals:
        """Return who knows the total brightness of candidates as known at `now`.

        Parameters
        ----------
        table : DataFrame
            Rows of `Store.candidates`.
        now : float
            [d, MJD UTC]; a curve's points are known since they were measured. Releases lag behind
            by months, and what reads them leaves the last months out.
        """
        return Totals(self, table[["id", "candidate_id", "ra", "dec"]], now)

    def near(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return which curves belong to which candidates.

        Returns
        -------
        DataFrame
            ``candidate_id, survey, curve_id, band, digest, source``, sorted.
        """
        self._load()
        names = ["candidate_id", "survey", "curve_id", "band", "digest", "source"]
        if self._tree is None or table.empty:
            return pd.DataFrame(columns=names)
        at = unit_vectors(table["ra"], table["dec"])
        found = self._tree.query_ball_point(at, chord(RADIUS))
        owner = np.repeat(np.arange(len(table)), [len(one) for one in found])
        place = np.concatenate([np.asarray(one, dtype=int) for one in found])
        joined = self._index.iloc[place].reset_index(drop=True)
        joined = joined.assign(candidate_id=table["candidate_id"].to_numpy(object)[owner])
        return joined[names].sort_values(["candidate_id", "survey", "curve_id"], ignore_index=True)

    def _load(self) -> None:
        """Read where curves are, if something came in since the last time."""
        with self._access.reading() as connection:
            generation = self._access.generation(connection)
            if generation == self._generation:
                return
            columns = [c for c in schema.histories.columns if c.name != "data"]
            rows = connection.execute(select(*columns)).all()
        self._index = pd.DataFrame(rows, columns=[c.name for c in columns])
        self._tree = cKDTree(unit_vectors(self._index["ra"], self._index["dec"])) if rows else None
        self._generation = generation

    def curves(self, near: pd.DataFrame, now: float) -> pd.DataFrame:
        """Return the points of curves as total brightness, sorted by candidate and time."""
        table = schema.histories
        data: dict[tuple[str, str], bytes] = {}
        wanted = sorted(set(zip(near["survey"], near["curve_id"], strict=True)))
        with self._access.reading() as connection:
            for part in chunks(wanted, 200):
                keys = [and_(table.c.survey == s, table.c.curve_id == c) for s, c in part]
                query = select(table.c.survey, table.c.curve_id, table.c.data).where(or_(*keys))
                data.update({(s, c): blob for s, c, blob in connection.execute(query)})
        parts = [
            _points(row, data[row["survey"], row["curve_id"]], now)
            for row in near.to_dict("records")
        ]
        return pd.concat(parts, ignore_index=True) if parts else total.empty()

    def alerts(self, table: pd.DataFrame, now: float) -> pd.DataFrame:
        """Return the total brightness of alerts whose template is known, without bad ones."""
        point, template = schema.photometry, schema.templates
        doubt = schema.suspicions
        keys = ("candidate", "survey", "measurement_id")
        same = and_(*(point.c[k] == template.c[k] for k in keys))
        why = and_(*(point.c[k] == doubt.c[k] for k in keys))
        query = (
            select(
                point,
                template.c.flux.label(TEMPLATE),
                template.c.flux_err.label(TEMPLATE_ERR),
                doubt.c.why.label(WHY),
            )
            .join(template, same)
            .outerjoin(doubt, why)
        )
        found: list[object] = []
        with self._access.reading() as connection:
            for part in chunks(table["id"].tolist()):
                known = and_(point.c.candidate.in_(part), point.c.known_at <= now)
                found += connection.execute(query.where(known, point.c.mjd <= now)).all()
        names = [*(c.name for c in point.columns), TEMPLATE, TEMPLATE_ERR, WHY]
        rows = pd.DataFrame(found, columns=names)
        # What ZTF itself calls bad is no measurement of a dip; a negative difference is.
        rows = rows[~((rows["kind"] == SUSPECT) & rows[WHY].notna())]
        owners = dict(zip(table["id"], table["candidate_id"], strict=True))
        rows = rows.assign(candidate_id=rows["candidate"].map(owners))
        return total.totals(rows) if len(rows) else total.empty()


class Totals:
    """The total brightness of some candidates, read when it is asked for.

    Parameters
    ----------
    histories : Histories
    table : DataFrame
        ``id, candidate_id, ra, dec``.
    now : float
        [d, MJD UTC]
    """

    def __init__(self, histories: Histories, table: pd.DataFrame, now: float) -> None:
        self._histories = histories
        self._table = table
        self._now = now
        self._alerts: pd.DataFrame | None = None
        self._near: pd.DataFrame | None = None

    def content(self, candidate_ids: pd.Series) -> NDArray[np.uint64]:
        """Return a number for all that is known of each candidate, see `aas2rto.tables.content`."""
        self._read()
        if self._alerts is None or self._near is None:
            raise AssertionError("read above")
        found = contents(self._alerts, candidate_ids)
        place = pd.Index(candidate_ids).get_indexer(pd.Index(self._near["candidate_id"]))
        known = place >= 0
        digest = self._near["digest"].to_numpy(np.int64).astype(np.uint64)
        np.add.at(found, place[known], digest[known])
        return found

    def table(self, candidate_ids: Sequence[str]) -> pd.DataFrame:
        """Return all points of some candidates, sorted by candidate and time."""
        self._read()
        if self._alerts is None or self._near is None:
            raise AssertionError("read above")
        near = self._near[self._near["candidate_id"].isin(candidate_ids)]
        alerts = self._alerts[self._alerts["candidate_id"].isin(candidate_ids)]
        rows = pd.concat([alerts, self._histories.curves(near, self._now)], ignore_index=True)
        return rows.sort_values(["candidate_id", "mjd"], kind="stable", ignore_index=True)

    def _read(self) -> None:
        if self._alerts is None:
            self._alerts = self._histories.alerts(self._table, self._now)
            self._near = self._histories.near(self._table)


def _row(one: pd.DataFrame, source: str) -> dict[str, object]:
    """Return a curve as a row of the store."""
    first = one.iloc[0]
    data = pack({name: one[name].to_numpy(float) for name in ("mjd", "mag", "magerr")})
    numbers = one[["mjd", "mag", "magerr"]].to_numpy(float).tobytes()
    return {
        "survey": str(first["survey"]),
        "curve_id": str(first["curve_id"]),
        "band": str(first["band"]),
        "ra": float(first["ra"]),
        "dec": float(first["dec"]),
        "source": source,
        "n": len(one),
        "digest": zlib.crc32(numbers) << 20 ^ zlib.adler32(numbers),
        "data": data,
    }


def _points(row: Mapping[Any, Any], data: bytes, now: float) -> pd.DataFrame:
    columns, _ = unpack(data)
    known = columns["mjd"] <= now
    flux = flux_of(columns["mag"][known])
    return pd.DataFrame(
        {
            "candidate_id": row["candidate_id"],
            "mjd": columns["mjd"][known],
            "band": row["band"],
            "flux": flux,
            "flux_err": flux_err_of(flux, columns["magerr"][known]),
            "limit": np.nan,
            "kind": total.HISTORY,
            "survey": row["survey"],
            "source": row["source"],
            "measurement_id": row["curve_id"],
            "known_at": columns["mjd"][known],
            "difference": np.nan,
            "difference_err": np.nan,
        }
    )
