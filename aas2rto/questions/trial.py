"""A judgement on trial: some candidates under other settings, through the one judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Decision
from aas2rto.sky.observatory import Observatory
from aas2rto.steps.cycle import Judged, Parts, Ranking
from aas2rto.steps.fit_memory import FitMemory
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import Known


@dataclass(frozen=True)
class Judgement:
    """What was found of candidates on trial."""

    judged: Judged

    @property
    def rankings(self) -> list[Ranking]:
        """All lists, the first without a site."""
        return self.judged.rankings

    @property
    def sites(self) -> list[Ranking]:
        """The lists of the sites."""
        return self.judged.rankings[1:]

    def _row(self, candidate_id: str) -> int:
        ids = self.judged.scored.table["candidate_id"].tolist()
        return int(ids.index(candidate_id))

    def decision(self, candidate_id: str) -> Decision:
        """Return the decision on a candidate, wherever one is."""
        return Decision(self.judged.scored.verdict.decision[self._row(candidate_id)])

    def decides(self, candidate_id: str) -> tuple[str, str]:
        """Return the factor that leaves a candidate out, and why: wherever one is, or at a site."""
        if self.decision(candidate_id) != Decision.KEEP:
            row, verdict = self._row(candidate_id), self.judged.scored.verdict
            return str(verdict.factor[row]), str(verdict.reason[row])
        for ranking in self.sites:
            own = ranking.out[ranking.out["candidate_id"] == candidate_id]
            if len(own):
                return str(own["factor"].iloc[0]), str(own["reason"].iloc[0])
        return "", ""

    def is_in(self, candidate_id: str, sites: Sequence[Observatory]) -> bool:
        """Tell whether a candidate is kept, and ranked at each of some sites."""
        if self.decision(candidate_id) != Decision.KEEP:
            return False
        return not sites or all(candidate_id in set(r.table["candidate_id"]) for r in self.sites)

    def is_past(self, candidate_id: str, factor: str, sites: Sequence[Observatory]) -> bool:
        """Tell whether a candidate is in, or at least not left out by this factor any more."""
        if self.is_in(candidate_id, sites):
            return True
        if not sites:
            row = self._row(candidate_id)
            columns = [c for c in self.judged.scored.columns if c.name == factor]
            if columns:
                return all(c.factor.decision[row] == Decision.KEEP for c in columns)
        return self.decides(candidate_id)[0] != factor

    def is_above(self, first: str, second: str) -> bool:
        """Tell whether both are kept, and the first scores more."""
        score = self.judged.scored.table["score"].to_numpy(float)
        kept = all(self.decision(one) == Decision.KEEP for one in (first, second))
        return kept and bool(score[self._row(first)] > score[self._row(second)])


def only(known: Known, candidate_ids: Sequence[str]) -> Known:
    """Return what is known of some candidates alone."""

    def chosen(table: pd.DataFrame) -> pd.DataFrame:
        if "candidate_id" not in table:
            return table
        return table[table["candidate_id"].isin(candidate_ids)].reset_index(drop=True)

    these = known.table["candidate_id"].isin(candidate_ids).to_numpy(bool)
    return replace(
        known,
        content=None if known.content is None else known.content[these],
        table=chosen(known.table),
        photometry=chosen(known.photometry),
        said=chosen(known.said),
        notes=chosen(known.notes),
    )


def trial(
    parts: Parts, known: Known, now: Time, memory: FitMemory, *, in_full: bool = True
) -> Judgement:
    """Judge candidates; with `in_full`, ask every factor also of what is out."""
    with np.errstate(all="ignore"):  # values far off may be too much for a formula
        return Judgement(judge(parts, known, now, memory=memory, in_full=in_full))
