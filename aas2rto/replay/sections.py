"""What stands in the report: its sections, each with words, figures and the tables behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from aas2rto.replay import bootstrap, executed
from aas2rto.replay.bootstrap import NIGHTS, OBJECTS, Middle, Ratio
from aas2rto.replay.calibration_check import PIT_WINDOW
from aas2rto.replay.cast import Cast
from aas2rto.replay.error_scale import Scale
from aas2rto.replay.figures.panel import Drawn
from aas2rto.replay.folder import Folder
from aas2rto.replay.judge import Compared, Judged, entries_by_magnitude
from aas2rto.replay.metrics import Metric
from aas2rto.replay.page import Section, Table
from aas2rto.replay.paired import Difference
from aas2rto.replay.truth import Truth
from aas2rto.replay.wording import said, times, unit_words
from aas2rto.text.words import counted, number

NO_TRUTH = "No truth table was given (--truth FILE): this section needs one."
NO_PLANS = "Nothing was observed: give --capacity SITE=6h or SITE=3, and plans are executed."
KINDS = ("unknown", "class", "neither", "contaminant")

Figures = Mapping[str, Drawn]


def of_all(
    folder: Folder,
    truth: Truth | None,
    cast: Cast,
    every: Sequence[Judged],
    labels: Sequence[str],
    two: Compared | None,
    figures: Figures,
    seed: int,
) -> list[Section]:
    """Return the sections of the page in the order in which people look at them."""
    found = [
        _found(every, labels, figures, seed, cast),
        _observed(every, labels, figures, seed, cast),
        _peaks(every, labels, figures, seed, cast),
        _restless(every, labels, figures),
    ]
    if two is not None:
        found.insert(0, _two(two, labels, figures))
    return [*found, _about(folder, truth, cast, every, labels)]


def _some(figures: Figures, *names: str) -> list[Drawn]:
    return [figures[name] for name in names if name in figures]


def _found(
    every: Sequence[Judged], labels: Sequence[str], figures: Figures, seed: int, cast: Cast
) -> Section:
    tables = list(_metric_tables("lists", [one.metrics for one in every], labels, seed))
    if cast.has_truth:
        tables += [
            Table(
                f"{label}: {where}, by peak magnitude",
                ["peak mag", "ever in it", "within 2 d of the peak", "observed within 2 d", "n"],
                _by_magnitude(one, where, seed),
            )
            for one, label in zip(every, labels, strict=True)
            for where in one.lists
        ]
    lines = [] if cast.has_truth else [NO_TRUTH]
    lines += [
        "Enters the top N once is a lenient measure: a random order reaches 93 % of SNe Ia of 17 "
        "to 18 mag in five places a night. Within 2 d of the peak is what a spectrum is for. The "
        "shares of a site's list are of all objects, whether or not they rise there."
    ]
    return Section(
        "lists",
        "What the lists find",
        lines if cast.has_truth else lines[:1],
        _some(figures, "completeness", "phases"),
        tables,
    )


def _metric_tables(
    what: str,
    every: Sequence[Mapping[str, Sequence[Metric]]],
    labels: Sequence[str],
    seed: int,
) -> Iterator[Table]:
    """Yield a table for each list, or site, with a column for each run."""
    for where in dict.fromkeys(name for one in every for name in one):
        own = [{m.key: m for m in one.get(where, [])} for one in every]
        rows = [
            [
                _titled(next(some[key] for some in own if key in some)),
                *(_cell(some.get(key), seed) for some in own),
            ]
            for key in dict.fromkeys(key for some in own for key in some)
        ]
        yield Table(f"{what}: {where}", ["", *labels], rows)


def _titled(metric: Metric) -> str:
    return f"{metric.title}{f', {metric.unit}' if unit_words(metric.unit) else ''}"


def _cell(metric: Metric | None, seed: int) -> str:
    return "–" if metric is None else said(metric.measured.estimate(seed), metric.unit)


def _by_magnitude(one: Judged, where: str, seed: int) -> list[list[str]]:
    return [
        [
            str(row["bin"]),
            *(_measured(row[key], "%", seed) for key in ("ever", "in_time", "observed")),
            str(row["ever"].units()),
        ]
        for row in entries_by_magnitude(one, where).to_dict("records")
    ]


def _measured(value: object, unit: str, seed: int) -> str:
    return said(value.estimate(seed), unit) if isinstance(value, Ratio | Middle) else "–"


def _observed(
    every: Sequence[Judged], labels: Sequence[str], figures: Figures, seed: int, cast: Cast
) -> Section:
    if not any(one.plans for one in every):
        return Section("nights", "Nights", [NO_PLANS], _some(figures, "nights"))
    tables = list(_metric_tables("observed", [one.plan_metrics for one in every], labels, seed))
    if cast.has_truth:
        tables += [
            Table(
                f"{label}: spectra by phase and class, {site}",
                ["", "in all", "per clear night"],
                [
                    [str(row["what"]), str(row["spectra"]), _measured(row["rate"], "", seed)]
                    for row in executed.by_phase(done).to_dict("records")
                ],
            )
            for one, label in zip(every, labels, strict=True)
            for site, done in one.plans.items()
        ]
    lines = [
        "Wasted: of a contaminant, of the class but out of ±2 d, or repeated. A type or a peak "
        "that nobody knows is counted apart."
    ]
    return Section(
        "nights",
        "Nights",
        lines if cast.has_truth else [NO_TRUTH],
        _some(figures, "nights"),
        tables,
    )


def _peaks(
    every: Sequence[Judged], labels: Sequence[str], figures: Figures, seed: int, cast: Cast
) -> Section:
    name, title = "peaks", "Peaks and chances"
    if not cast.has_truth:
        return Section(name, title, [NO_TRUTH])
    if not any(one.models for one in every):
        return Section(name, title, ["No fit to a candidate of the class with a known peak."])
    tables = []
    for one, label in zip(every, labels, strict=True):
        for check in one.models:
            of = f"{label}, {check.fits.model}"
            for words, table in (("phase", check.phases), ("detections", check.points)):
                tables.append(Table(f"{of}: error by {words}", _HEADS, _errors(table, seed)))
            tables.append(Table(f"{of}: error scale", _SCALE_HEADS, _scales(check.scales)))
        chances = [[c.what, said(c.brier), number(c.skill), str(c.rows)] for c in one.chances]
        heads = ["", "Brier score", "skill", "candidates x nights"]
        tables.append(Table(f"{label}: chances", heads, chances))
    low, high = PIT_WINDOW
    lines = [
        f"Error: fitted less true peak, of {cast.label}; each object once in a bin, with its last "
        f"fit there; by detections: of fits at {low:+g} to {high:+g} d. Coverage of the stated 68 "
        "and 95 % should be 68 and 95 %. The truth is taken as exact.",
        "error_scale.yaml holds the factor that stated errors would need; it is a proposal, and "
        "nothing reads it.",
    ]
    drawn = _some(figures, "convergence", "pit", "reliability")
    return Section(name, title, lines, drawn, tables)


_HEADS = ["", "objects", "median [d]", "16 %", "84 %", "|error|, median", "in 68 %", "in 95 %"]
_SCALE_HEADS = ["detections", "objects", "factor", "bias [d]", "in 68 %", "in 68 %, scaled"]


def _errors(table: pd.DataFrame, seed: int) -> list[list[str]]:
    return [
        [
            str(row["bin"]),
            str(row["n"]),
            _measured(row["median"], "d", seed),
            *(_days(row[key].value(), "+.1f") for key in ("p16", "p84")),
            _days(row["size"].value(), ".1f"),
            *(_measured(row[key], "%", seed) for key in ("in_68", "in_95")),
        ]
        for row in table.to_dict("records")
        if row["n"]
    ]


def _days(value: float, form: str) -> str:
    return f"{value:{form}} d" if np.isfinite(value) else "–"


def _scales(scales: Sequence[Scale]) -> list[list[str]]:
    return [
        [
            s.bin,
            str(s.n),
            said(s.factor),
            said(s.bias, "d"),
            said(s.before, "%"),
            said(s.after, "%"),
        ]
        for s in scales
    ]


def _restless(every: Sequence[Judged], labels: Sequence[str], figures: Figures) -> Section:
    few = bool(every) and len(every[0].span) < 2
    lines = ["One night has no night before: churn needs two."] if few else []
    heads = ["", "nights", "seconds", "candidates at the end"]
    rows = [
        [
            label,
            str(len(one.span)),
            number(float(one.run.about.get("seconds") or np.nan)),
            str(len(one.cast.ids)),
        ]
        for one, label in zip(every, labels, strict=True)
    ]
    table = Table("runs", heads, rows)
    return Section("churn", "How restless the lists are", lines, _some(figures, "churn"), [table])


def _two(two: Compared, labels: Sequence[str], figures: Figures) -> Section:
    tables = [
        Table(f"{what}: {where}", ["", *labels[:2], "difference", "quotient"], _differences(some))
        for what, every in (
            ("observed", two.plans),
            ("lists", two.lists),
            ("by peak magnitude", two.magnitudes),
        )
        for where, some in every.items()
    ]
    for where, table in two.movers.items():
        heads = ["candidate", "kind", "nights", f"rank by {labels[0]}", f"rank by {labels[1]}"]
        heads += ["factor that differs most", "left out"]
        tables.append(Table(f"who rose and fell: {where}", heads, _moved(table)))
    rows = [
        [f"{where}: {words}", *(str(some[key]) for key in ("all", "class", "other", "unknown"))]
        for where, members in two.members.items()
        for words, some in (("new", members["new"]), ("lost", members["lost"]))
    ]
    heads = ["candidates ever in the top N", "all", "class", "contaminants", "unknown"]
    note = f"New: with {labels[0]} and never with {labels[1]}; lost: the other way round."
    tables.append(Table("new and lost in the top N", heads, rows, note))
    line = (
        f"{labels[0]} less {labels[1]}, on the {counted(len(two.one.span), 'night')} that both "
        "judged; intervals of 95 % by a bootstrap of pairs: both runs with the same nights, or the "
        "same objects, in each draw."
    )
    drawn = _some(figures, "paired", "movers")
    return Section("compared", "One config against the other", [line], drawn, tables)


def _differences(some: Sequence[Difference]) -> list[list[str]]:
    return [
        [
            _titled(one.metric),
            said(one.one, one.metric.unit),
            said(one.other, one.metric.unit),
            said(
                one.minus,
                one.metric.unit,
                signed=True,
                mark=" points" if one.metric.unit == "%" else None,
            ),
            "–" if one.metric.unit == "d" else times(one.ratio),
        ]
        for one in some
    ]


def _moved(table: pd.DataFrame) -> list[list[str]]:
    rows = []
    for row in table.to_dict("records"):
        ends = [number(float(row[key])) for key in ("value", "value_against")]
        ends = [end.replace("–", "none") for end in ends]
        factor = f"{row['factor']} {ends[0]} against {ends[1]}" if row["factor"] else "–"
        ranks = [f"{row[key]:.0f}" for key in ("rank", "rank_against")]
        kind = KINDS[int(row["kind"])]
        said_ = str(row["said"]) or "–"
        rows.append([str(row["candidate_id"]), kind, str(row["nights"]), *ranks, factor, said_])
    return rows


def _about(
    folder: Folder,
    truth: Truth | None,
    cast: Cast,
    every: Sequence[Judged],
    labels: Sequence[str],
) -> Section:
    about, nights = folder.about, len(every[0].span) if every else 0
    counts = cast.counts()
    neither = f" ({', '.join(cast.neither)})" if cast.neither else ""
    lines = [
        f"Class: {cast.label}: {counted(counts['class'], 'candidate')}; neither a success nor a "
        f"contaminant{neither}: {counts['neither']}; contaminants: {counts['other']}; of unknown "
        f"type, which count as neither: {counts['unknown']}.",
        f"Intervals: 95 %, percentile bootstrap of {bootstrap.TIMES} draws "
        f"{bootstrap.words(NIGHTS, nights)}, or {bootstrap.words(OBJECTS, nights)} where a figure "
        "is one of objects. A share of none or of all has that of Clopper & Pearson (1934), a rate "
        "of none that of a Poisson count.",
        "Objects count whose true peak lies in these nights, or is not known. Phases are days in "
        "the observer's frame.",
    ]
    lines += list(truth.lines) if truth is not None else []
    for one, label in zip(every, labels, strict=True):
        for name, rows in one.run.strangers.items():
            lines.append(
                f"{label}: {counted(rows, 'row')} of {name}.parquet left out: its candidate is not "
                "in objects.parquet."
            )
    told = [[str(key), _value(value)] for key, value in about.items() if key != "runs"]
    told += [
        [f"run {one.run.name}: {key}", _value(value)]
        for one in every
        for key, value in one.run.about.items()
        if key != "name"
    ]
    table = Table("replay.json", ["", ""], told)
    return Section("about", "How it was made", lines, (), [table])


def _value(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
