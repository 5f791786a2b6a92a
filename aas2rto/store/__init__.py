"""All state on disk: the only writer of it.

SQLite in WAL mode by default, PostgreSQL by URL. What a poll brought and the cursor that goes
with it are committed together; the results of a cycle are committed together. Killing the
program at any instant loses nothing that was committed.

`Store` opens the database and hands out one small class per thing that is kept:
``store.facts.as_known(now)``, ``store.fits.save(model, fits)``. What the store learns overwrites
nothing: everything is read as it was known at `now`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy.exc import SQLAlchemyError

from aas2rto.config.sections import Retention
from aas2rto.errors import StoreError
from aas2rto.store import history
from aas2rto.store.access import Access
from aas2rto.store.daily_best import DailyBest
from aas2rto.store.database import cause, migrate, open_engine, shown, shrink
from aas2rto.store.facts import Facts
from aas2rto.store.fits import Fits
from aas2rto.store.histories import Histories
from aas2rto.store.identities import Identities
from aas2rto.store.intake import Ingested, Intake
from aas2rto.store.marks import Marks
from aas2rto.store.merging import Merging
from aas2rto.store.outbox import Answer, Mail, Outbox
from aas2rto.store.photometry import Photometry
from aas2rto.store.pruning import Pruning
from aas2rto.store.rejections import Rejections
from aas2rto.store.requests import Requests
from aas2rto.store.results import Results
from aas2rto.store.sources import Sources, SourceState
from aas2rto.tables import candidates
from aas2rto.tables.candidates import ACTIVE, REJECTED
from aas2rto.tables.report import FACTS, Report

__all__ = ["Ingested", "SourceState", "Store"]


class Store:
    """The database of one project.

    Parameters
    ----------
    url : str
        ``sqlite:///path``, ``sqlite://`` (in memory) or ``postgresql+pg8000://...``.

    Attributes
    ----------
    identities, facts, photometry : what was told of objects in the sky
    fits : what models made of it
    marks : what people said
    results, rejections, daily_best : what cycles found
    sources : how each source is doing
    outbox : messages

    Raises
    ------
    StoreError
        If it cannot be opened, or was written by a newer version of this program.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        try:
            migrate(self.engine)
        except SQLAlchemyError as error:
            raise StoreError(f"cannot open the store {shown(url)}: {cause(error)}") from error
        self._access = access = Access(self.engine)
        self.identities = Identities(access)
        self.facts = Facts(access, self.identities)
        self.photometry = Photometry(access)
        self.histories = Histories(access)
        self.fits = Fits(access, self.identities)
        self.marks = Marks(access, self.identities)
        self.results = Results(access, self.identities)
        self.rejections = Rejections(access, self.identities, self.facts)
        self.daily_best = DailyBest(access, self.identities)
        self.photometry.when_added.append(self.rejections.doubt)
        self.sources = Sources(access)
        self.outbox = Outbox(self.engine, access.transaction, self.identities.key_of)
        self.requests = Requests(access, self.identities)
        self._pruning = Pruning()
        access.when_lost.append(self._pruning.forget)
        stored = (access, self.identities, self.facts, self.photometry)
        merging = Merging(*stored, self.rejections)
        self._intake = Intake(*stored, self.sources, merging, self.histories)

    @property
    def generation(self) -> int:
        """How often something came in: what was read in one generation holds for it.

        It is raised in the transaction of each report that brings objects, measurements or
        facts, so that what is stamped with it is never newer than what it names.
        """
        with self._access.reading() as connection:
            return self._access.generation(connection)

    def close(self) -> None:
        """Release the connections."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ingest(self, report: Report, now: float, *, merge_radius: float = 5.0) -> Ingested:
        """Store what a poll brought, in one transaction; see :meth:`Intake.take`."""
        return self._intake.take(report, now, merge_radius=merge_radius)

    def candidates(self, now: float, *, state: str | None = ACTIVE) -> pd.DataFrame:
        """Return the candidate table as it was known at `now`, sorted by candidate_id.

        Parameters
        ----------
        now : float
            [d, MJD UTC]; what became known later is not seen.
        state : str or None
            ``active``, ``rejected``, or None for all.

        Returns
        -------
        DataFrame
            ``id``, the candidate's row, and the columns of `aas2rto.tables.candidates`.
        """
        table = self.identities.as_known(now)
        out = np.isin(table["id"].to_numpy(), self.rejections.out(now).candidate)
        if state is not None:  # of a season most are rejected: they are not even looked at
            table, out = table[out == (state == REJECTED)], out[out == (state == REJECTED)]
        facts = self.facts.of_candidates(now, table["id"].to_numpy()).reindex(table["id"])
        told = {str(name): facts[name].to_numpy() for name in facts}
        for name, dtype in candidates.COLUMNS.items():
            if dtype == "str" and name in told:
                told[name] = facts[name].fillna("").to_numpy(object)
        told["too"] = facts["too"].eq(other=True).to_numpy(bool)
        told["state"] = pd.Series(out).map({True: REJECTED, False: ACTIVE}).to_numpy(object)
        table = table.assign(**told)[["id", *candidates.COLUMNS]]
        types = {name: dtype for name, dtype in FACTS.items() if dtype != "str"}
        return table.astype(types).reset_index(drop=True)

    def save_cycle(
        self,
        now: float,
        *,
        scores: pd.DataFrame,
        rejected: pd.DataFrame,
        ranks: pd.DataFrame,
        report: Mapping[str, Any],
        mail: Mail | None = None,
        best: pd.DataFrame | None = None,
    ) -> None:
        """Store scores, rejections, ranks and messages of one cycle in one transaction.

        Parameters
        ----------
        now : float
            MJD (UTC) of the cycle; a second cycle at the same time replaces the first.
        scores : DataFrame
            ``candidate_id, score, decision, factor``.
        rejected : DataFrame
            ``candidate_id, factor, reason, row``.
        ranks : DataFrame
            ``candidate_id, observatory, rank, site_score``.
        report : mapping
            What cycle.json shows; ``version`` and ``config`` have columns of their own.
        mail : Mail, optional
            What people are to be told of it.
        best : DataFrame, optional
            ``candidate_id, score, newest`` of what snapshots are drawn from.
        """
        with self._access.transaction("results of the cycle") as connection:
            if mail is not None:
                self.outbox.add(connection, mail, now)
            self.results.add(connection, now, scores=scores, ranks=ranks, report=report)
            self.rejections.add(connection, rejected, now)
            if best is not None:
                self.daily_best.add(connection, best, now)

    def prune(self, now: float, retention: Retention) -> bool:
        """Thin what is old at the newest cycle: a bounded piece, in a transaction of its own.

        Parameters
        ----------
        now : float
            [d, MJD UTC]; before the newest cycle nothing is done.
        retention : Retention
            What is kept for how long.

        Returns
        -------
        bool
            Whether there may be more to do.
        """
        newest = self.results.newest_cycle()
        if newest is None or now < newest:
            return False
        with self._access.transaction("pruning") as connection:
            return self._pruning.piece(connection, now, retention)

    def compact(self, retention: Retention) -> int:
        """Thin all that is old at the newest cycle, and give the space back to the disk.

        Parameters
        ----------
        retention : Retention
            What is kept for how long.

        Returns
        -------
        int
            How many rows of the history were thinned out.

        Raises
        ------
        StoreError
            If the database did not do it; what was thinned by then is.
        """
        with self._access.reading() as connection:
            before = history.count(connection)
        newest = self.results.newest_cycle()
        self._pruning.forget()
        while newest is not None and self.prune(newest, retention):
            pass
        try:
            shrink(self.engine)
        except SQLAlchemyError as error:
            raise StoreError(f"shrinking the store: {cause(error)}") from error
        with self._access.reading() as connection:
            return before - history.count(connection)

    def take_answer(self, answer: Answer, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Store an answer to a message, with what it says of a candidate, in one transaction.

        Parameters
        ----------
        answer : Answer
        rows : sequence of mapping
            As for `Marks.save`; may be empty.

        Returns
        -------
        bool
            False if this answer was taken before; nothing is then stored.
        """
        with self._access.transaction("an answer") as connection:
            if not self.outbox.add_answer(connection, answer):
                return False
            self.marks.add(connection, rows)
        return True
