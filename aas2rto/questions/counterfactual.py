"""What would bring a candidate in: the setting, its value, the value that would do, and the rank.

Nothing is known here of any factor: values of the deciding factor's numeric settings are tried
through the one judgement, and halved down to where its answer changes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.config.case import Case
from aas2rto.config.resolve import SCIENCE_LIST
from aas2rto.factors import Decision, numbers, other_bands
from aas2rto.parts.setting_text import in_yaml
from aas2rto.questions.knobs import Knob, of_factor, of_score, of_telescope, wider_bands
from aas2rto.questions.threshold import threshold
from aas2rto.questions.trial import Judgement, only, trial
from aas2rto.sky.observatory import Observatory
from aas2rto.steps.build import with_factors_of
from aas2rto.steps.column import FEEDBACK, VALID_UNTIL
from aas2rto.steps.combine import SCORE
from aas2rto.steps.cycle import Parts, Ranking
from aas2rto.steps.evaluate import evaluate
from aas2rto.steps.fit_memory import FitMemory, Remembering
from aas2rto.steps.prefilter import Known
from aas2rto.steps.rank import rank


@dataclass(frozen=True)
class _Question:
    """What is asked of one candidate: which change would bring it in."""

    parts: Parts
    alone: Known
    """What is known of the candidate itself."""
    read_all: Callable[[], Known]
    candidate_id: str
    now: Time
    memory: Remembering
    """Of the fits of the candidate alone; who is asked of all has another, see `_told`."""
    stored: FitMemory
    factor: str
    sites: tuple[Observatory, ...]
    row: pd.DataFrame | None = None
    """What the deciding factor was asked about, where it needs no site."""
    found: Judgement | None = None
    """What stands with the present settings; where a site decides, only its list changes."""

    @functools.cached_property
    def everyone(self) -> Remembering:
        """Return the memory of all candidates' fits, read once for all changes that are tried."""
        return Remembering(self.stored)

    @functools.cached_property
    def known(self) -> Known:
        """What is known of all candidates, read when it is known that a change would do."""
        return self.read_all()

    def judged(self, case: Case | None) -> Judgement | None:
        """Judge the candidate alone, at the sites in question; None: there is no such case."""
        if case is None:
            return None
        names = {site.name for site in self.sites}
        sites = tuple(site for site in case.observatories if site.name in names)
        parts = with_factors_of(self.parts, replace(case, observatories=sites))
        if self.sites and self.found is not None:
            judged = self.found.judged
            with np.errstate(all="ignore"):
                lists = rank(parts, judged.scored, self.now, in_full=True)
            return Judgement(replace(judged, rankings=lists))
        return trial(parts, self.alone, self.now, self.memory)

    def answer(self, knobs: Iterable[Knob]) -> dict[str, Any]:
        """Turn one knob after the other; say which would do, or what would be next in the way."""
        told, after = [], ""
        for knob in knobs:
            value = threshold(functools.partial(self._flips, knob), knob.value, whole=knob.is_whole)
            one = None if value is None else self.judged(knob.turned(value))
            if value is None or one is None:
                continue
            if one.is_in(self.candidate_id, self.sites):
                told.append(_told(self, knob, value))
            else:
                other, why = one.decides(self.candidate_id)
                after = f"; with {knob.key} {knob.text(value)}, {other} would leave it out: {why}"
        more, blocked = self._with_more_bands()
        told, after = told + more, after or blocked
        nothing = f"no single setting of {self.factor} would bring it in{after}"
        sentence = "; or ".join(one["sentence"] for one in told) or nothing
        return {"factor": self.factor, "sentence": sentence, "settings": told}

    def _with_more_bands(self) -> tuple[list[dict[str, Any]], str]:
        """Let the factor count bands that the candidate is seen in, and it does not count."""
        after = ""
        for bands in wider_bands(self.parts.case, self.factor, self._other_bands()):
            one = self.judged(bands.case)
            was, needed = in_yaml(bands.value), in_yaml(bands.wider)
            if one is None or not one.is_past(self.candidate_id, self.factor, self.sites):
                continue
            if one.is_in(self.candidate_id, self.sites):
                return [_said(self, bands.key, was, needed, bands.case)], ""
            other, why = one.decides(self.candidate_id)
            after = after or f"; with {bands.key} {needed}, {other} would leave it out: {why}"
        return [], after

    def _other_bands(self) -> list[str]:
        """Return the bands in which the candidate is seen, and this factor does not look."""
        if self.row is None:
            return []
        mine = next((one for one in self.parts.case.factors if one.name == self.factor), None)
        others = other_bands(self.row, getattr(mine and mine.options, "bands", ()) or ())
        count = {name: numbers(self.row, f"n_detections_{name}")[0] for name in others}
        return sorted((name for name in others if count[name] > 0), key=lambda name: -count[name])

    def _flips(self, knob: Knob, value: float) -> bool | None:
        """Tell whether a value lets the candidate past; asked of the factor alone, if that will do.

        The whole judgement has the last word, of the value that was found.
        """
        case = knob.turned(value)
        if case is None:
            return None
        factors = with_factors_of(self.parts, replace(case, observatories=())).factors
        bound = next((one for one in factors if one.name == self.factor), None)
        if self.row is None or bound is None:
            one = self.judged(case)
            return None if one is None else one.is_past(self.candidate_id, self.factor, self.sites)
        with np.errstate(all="ignore"):  # values far off may be too much for a formula
            column = evaluate(bound, self.row, self.now)
        return bool(column.factor.decision[0] == Decision.KEEP)


def counterfactual(
    parts: Parts,
    alone: Known,
    candidate_id: str,
    now: Time,
    *,
    memory: FitMemory,
    everyone: Callable[[], Known],
) -> dict[str, Any] | None:
    """Say what would bring in a candidate that is excluded, rejected, or out at every site.

    Parameters
    ----------
    parts : Parts
    alone : Known
        Of this candidate.
    candidate_id : str
    now : Time
    memory : FitMemory
    everyone : callable
        Returns what is known of all candidates; called only if a change would do, for the rank.

    Returns
    -------
    dict or None
        ``factor, sentence``, and ``settings`` with ``key, value, needed, ranks, sentence``; None
        if nothing leaves it out.
    """
    mine = Remembering(memory)
    ask = _Question(parts, alone, everyone, candidate_id, now, mine, memory, "", ())
    found = trial(parts, alone, now, mine)
    knobs: Iterable[Knob]
    if found.decision(candidate_id) != Decision.KEEP:
        factor, reason = found.decides(candidate_id)
        knobs = of_factor(parts.case, factor)
        ask = replace(ask, factor=factor, row=found.judged.scored.table)
    else:
        site, ranking = _out_everywhere(ask, found)
        if site is None or ranking is None:
            return None
        factor, reason = (str(ranking.out[name].iloc[0]) for name in ("factor", "reason"))
        if (night := _best_night(ranking, factor)) is not None:
            sentence = f"nothing but time: {reason}; {factor} is told to wait in the config"
            return {"factor": factor, "sentence": sentence, "settings": [], "best_night": night}
        knobs = [*of_factor(parts.case, factor), *of_telescope(parts.case, site)]
        ask = replace(ask, factor=factor, sites=(site,), found=found)
    knobs = [*knobs, *of_score(parts.case)] if factor == SCORE else knobs
    if factor in {FEEDBACK, VALID_UNTIL} or (factor == SCORE and not knobs):
        sentence = f"no setting would bring it in: {factor} decides ({reason})"
        return {"factor": factor, "sentence": sentence, "settings": []}
    return ask.answer(knobs)


def _best_night(ranking: Ranking, factor: str) -> float | None:
    """Return the night for which a factor waits [d, MJD UTC]; None if it does not look ahead."""
    for column in ranking.columns:
        if column.name == factor and "best_night" in column.factor.inputs:
            return float(np.asarray(column.factor.inputs["best_night"], float)[0])
    return None


def _out_everywhere(ask: _Question, found: Judgement) -> tuple[Observatory | None, Ranking | None]:
    """Return the site that comes nearest to taking a candidate that no site takes, and its list."""
    out = []
    for site, ranking in zip(ask.parts.case.observatories, found.sites, strict=True):
        if len(ranking.table) or not len(ranking.out):
            return None, None
        row = ranking.out.iloc[0]
        highest = np.nan_to_num(float(row.get("culmination_altitude", np.nan)), nan=-90.0)
        out.append((highest, site, ranking))
    if not out:
        return None, None
    _, site, ranking = max(out, key=lambda one: one[0])
    return site, ranking


def _told(ask: _Question, knob: Knob, value: float) -> dict[str, Any]:
    """Say what a change does: where the candidate would then rank."""
    return _said(ask, knob.key, knob.text(knob.value), knob.text(value), knob.turned(value))


def _said(ask: _Question, key: str, was: str, needed: str, case: Case | None) -> dict[str, Any]:
    change = f"{key} {was} -> {needed}"
    told = {"key": key, "value": was, "needed": needed}
    if case is None or len(ask.known.table) < 2:
        return {**told, "ranks": {}, "sentence": change}
    parts = with_factors_of(ask.parts, case)
    found = trial(parts, ask.known, ask.now, ask.everyone, in_full=False)
    ranks = {r.observatory: _rank(r.table, ask.candidate_id) for r in found.rankings}
    at = {name: rank for name, rank in ranks.items() if rank is not None}
    words = [f"rank {rank} at {name}" for name, rank in at.items() if name != SCIENCE_LIST]
    if SCIENCE_LIST in at:
        words.append(f"{at[SCIENCE_LIST]} of {len(found.rankings[0].table)} in the science list")
    words = words if len(words) != 1 else ["reached from no site tonight", *words]
    return {**told, "ranks": at, "sentence": f"{change}: {', '.join(words) or 'in no list'}"}


def _rank(table: pd.DataFrame, candidate_id: str) -> int | None:
    own = table.loc[table["candidate_id"] == candidate_id, "rank"]
    return int(own.iloc[0]) if len(own) else None


def overtaking(
    parts: Parts,
    known: Known,
    pair: tuple[str, str],
    factors: Iterable[str],
    now: Time,
    *,
    memory: FitMemory,
) -> list[dict[str, Any]]:
    """Say which settings would put the first of two candidates above the second.

    Parameters
    ----------
    parts : Parts
    known : Known
    pair : tuple of str
        Both are kept, and the first scores less.
    factors : iterable of str
        Whose settings are tried, in this order, until one does.
    now : Time
    memory : FitMemory

    Returns
    -------
    list of dict
        As ``settings`` of `counterfactual`; empty if no single one would do.
    """
    both = only(known, pair)
    mine = Remembering(memory)
    ask = _Question(parts, both, lambda: known, pair[0], now, mine, memory, "", ())
    for factor in factors:
        told = []
        for knob in of_factor(parts.case, factor):

            def flips(value: float, knob: Knob = knob) -> bool | None:
                case = knob.turned(value)
                if case is None:
                    return None
                narrow = with_factors_of(parts, replace(case, observatories=()))
                return trial(narrow, both, now, ask.memory).is_above(*pair)

            value = threshold(flips, knob.value, whole=knob.is_whole)
            if value is not None:
                told.append(_told(ask, knob, value))
        if told:
            return told
    return []
