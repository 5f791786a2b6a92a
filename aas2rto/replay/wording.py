"""Figures of a replay in words: numbers with their intervals, and the sentences that come first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aas2rto.replay.bootstrap import Estimate
from aas2rto.replay.cast import Cast
from aas2rto.replay.folder import SCIENCE, Folder
from aas2rto.replay.judge import Compared, Judged, ModelCheck
from aas2rto.replay.metrics import Metric, judged
from aas2rto.replay.paired import Difference
from aas2rto.text.words import counted, in_range, iso, one_line

NAME = 40
"""Letters of a name of other people's."""

TELLING = ("caught", "in_time", "near", "completeness", "contaminants", "replaced")
"""Metrics whose difference is said first, the most telling one first."""


def said(
    estimate: Estimate, unit: str = "", *, signed: bool = False, mark: str | None = None
) -> str:
    """Write a figure with its interval.

    Parameters
    ----------
    estimate : Estimate
    unit : str
        ``%`` writes a share in percent; ``d`` two digits with their sign.
    signed : bool
        Whether a plus is written.
    mark : str, optional
        What stands behind the number instead of its unit.

    Examples
    --------
    >>> said(Estimate(0.812, 0.74, 0.87, 137), "%")
    '81 % [74, 87]'
    >>> said(Estimate(-1.27, -1.5, -0.91, 100), "d")
    '-1.3 d [-1.5, -0.9]'
    """
    if not estimate.is_known:
        return "–"
    factor, form = {"%": (100.0, ".0f"), "d": (1.0, ".1f")}.get(unit, (1.0, ".2f"))
    if unit == "%" and estimate.high - estimate.low < 0.02:
        form = ".1f"
    form = f"+{form}" if signed or unit == "d" else form
    value = _number(factor * estimate.value, form)
    mark = {"%": " %", "d": " d"}.get(unit, "") if mark is None else mark
    if not np.isfinite(estimate.low):
        return f"{value}{mark}"
    low, high = (_number(factor * end, form) for end in (estimate.low, estimate.high))
    return f"{value}{mark} [{low}, {high}]"


def _number(value: float, form: str) -> str:
    text = f"{value:{form}}"
    # A small negative number that is rounded away has no sign.
    return text.replace("-", "+" if form[0] == "+" else "") if not float(text) else text


def times(estimate: Estimate) -> str:
    """Write a quotient: ``1.96 times [1.82, 2.11]``."""
    if not estimate.is_known:
        return "–"
    ends = f" [{estimate.low:.2f}, {estimate.high:.2f}]" if np.isfinite(estimate.low) else ""
    return f"{estimate.value:.2f} times{ends}"


def unit_words(unit: str) -> str:
    """Return what follows a number: nothing for shares and days, which carry theirs."""
    return "" if unit in {"%", "d", ""} else f" {unit}"


def run_label(run_name: str, config: str) -> str:
    """Name a run: its config, and its folder where that says more."""
    name = one_line(config.rsplit("/", 1)[-1], NAME)
    return name or one_line(run_name, NAME)


def label(one: Judged) -> str:
    """Name a run for people."""
    return run_label(one.run.name, str(one.run.about.get("config", "")))


def labels(every: Sequence[Judged]) -> list[str]:
    """Name all runs; with their folders if configs are called alike."""
    found = [label(one) for one in every]
    if len(set(found)) == len(found):
        return found
    return [
        f"{name} ({one_line(one.run.name, 20)})" for name, one in zip(found, every, strict=True)
    ]


def headline(
    folder: Folder, cast: Cast, every: Sequence[Judged], two: Compared | None, top: int, seed: int
) -> list[str]:
    """Return what a PI wants to know first, in sentences; the first config's unless it says so."""
    if not every or not len(every[0].span):
        return ["No night was replayed: there is nothing to judge. Is --from before --to?"]
    first = every[0]
    found = [_span_sentence(first, folder)]
    if not len(cast.ids):
        return [*found, "The archive holds no candidate that was known in these nights."]
    if cast.has_truth:
        found += [*_entry_sentences(first, top, seed), *_plan_sentences(first, seed)]
        found += [_peak_sentence(first.models[0], seed)] if first.models else []
    else:
        found.append(
            "No truth table was given (--truth FILE): who was right cannot be said; below is how "
            "restless the lists are."
        )
        found += _plan_sentences(first, seed)
    found += _churn_sentence(first, top, seed)
    if two is not None:
        found += _compared_sentences(two, every)
    return [text for text in found if text]


def _date(value: object) -> str:
    """Write a time of provenance, an MJD, as people do."""
    if isinstance(value, float | int) and in_range(float(value)):
        return iso(float(value))
    return one_line(str(value), 24)


def _span_sentence(first: Judged, folder: Folder) -> str:
    about = folder.about
    begin, end = (_date(about.get(key, "?")) for key in ("from", "to"))
    sites = [name for name in first.lists if name != SCIENCE]
    at = f", lists for {counted(len(sites), 'site')}" if sites else ""
    return (
        f"{label(first)}: {counted(len(first.span), 'night')} from {begin} to {end}, "
        f"{counted(len(first.cast.ids), 'candidate')}{at}."
    )


def _value(metric: Metric | None, seed: int) -> Estimate:
    return Estimate(np.nan) if metric is None else metric.measured.estimate(seed)


def _entry_sentences(first: Judged, top: int, seed: int) -> list[str]:
    cast = first.cast
    n = int(judged(cast, first.span).sum())
    if not n:
        return [f"The truth table knows of no {cast.label} that peaked in these nights."]
    ever, near, purity, others, phase = (
        _value(first.of(SCIENCE, key), seed)
        for key in ("ever", "in_time", "purity", "contaminants", "entry_phase")
    )
    when = f"; the first time at {said(phase, 'd')} from it (median)" if phase.is_known else ""
    found = [
        f"Of {n} {cast.label} that peaked in these nights {said(ever, '%')} were in the top {top} "
        f"of the science list at least once, {said(near, '%')} within 2 d of their peak{when}."
    ]
    if purity.is_known:
        found.append(
            f"Of all places in the top {top} whose type is known, {said(purity, '%')} held "
            f"{cast.label}; {said(others)} contaminants a night."
        )
    return found


def _plan_sentences(first: Judged, seed: int) -> list[str]:
    if not first.plans:
        return []
    caught, spectra, wasted, repeated = (
        _value(first.of_plans(key), seed) for key in ("caught", "spectra", "wasted", "repeated")
    )
    where = one_line(first.main_site, NAME)
    clear = first.plans[first.main_site].clear
    lost = f"{int((~clear).sum())} of {counted(len(clear), 'night')} were lost"
    if caught.is_known and first.cast.has_truth:
        return [
            f"A clear night ({where}) brought {said(caught)} {first.cast.label} within 2 d of "
            f"their peak, from {said(spectra)} spectra; {said(wasted, '%')} of the spectra were "
            f"wasted; {lost}."
        ]
    if not spectra.is_known:
        return [f"Nothing was observed ({where}): {lost}."]
    return [
        f"A clear night ({where}) brought {said(spectra)} spectra, {said(repeated)} of them of "
        f"what had been observed before; {lost}."
    ]


def _peak_sentence(check: ModelCheck, seed: int) -> str:
    rows = check.phases.set_index("bin")
    parts = []
    for name in ("-8..-5 d", "-1..+1 d"):
        row = rows.loc[name]
        if row["n"] >= 5:
            low, middle, high = (row[key].value() for key in ("p16", "median", "p84"))
            ends = " to ".join(_number(end, "+.1f") for end in (low, high))
            parts.append(f"at {name} by {_number(middle, '+.1f')} d (68 %: {ends} d)")
    if not parts:
        return ""
    covered = check.pit.coverage["68"].estimate(seed)
    held = f"; stated errors hold the truth in {said(covered, '%')}, and should in 68 %"
    return (
        f"Peaks fitted by {one_line(check.fits.model, 20)} were off {' and '.join(parts)}"
        f"{held if covered.is_known else ''}."
    )


def _churn_sentence(first: Judged, top: int, seed: int) -> list[str]:
    replaced = _value(first.of(SCIENCE, "replaced"), seed)
    if not replaced.is_known:
        return []
    return [f"From one night to the next {said(replaced, '%')} of the top {top} is replaced."]


def _compared_sentences(two: Compared, every: Sequence[Judged]) -> list[str]:
    name = labels(every)[1]
    if not len(two.one.span):
        return [f"{name} shares no night with it: there is nothing to compare."]
    told = [*two.main, *two.lists.get(SCIENCE, [])]
    by_key = {one.metric.key: one for one in reversed(told)}
    chosen = [by_key[key] for key in TELLING if key in by_key and by_key[key].minus.is_known][:3]
    starts = [f"Against {name} on the same nights", *[f"Against {name}"] * 2]
    sentences = [f"{start}: {changed(one)}." for start, one in zip(starts, chosen, strict=False)]
    if two.left_out:
        sentences.append(f"{counted(two.left_out, 'night')} that only one of both has: left out.")
    return sentences


def changed(one: Difference) -> str:
    """Say how a metric of the first run differs from that of the second."""
    unit = one.metric.unit
    mark = " points" if unit == "%" else None
    text = f"{said(one.minus, unit, signed=True, mark=mark)}{unit_words(unit)}"
    ratio = f", {times(one.ratio)} as much" if unit != "d" and one.ratio.is_known else ""
    sure = "" if one.is_clear else "; the interval holds zero, so it may be chance"
    return f"{one.metric.title}: {text}{ratio}{sure}"
