"""Figure: which share of the class enters the top N, and in time, by peak magnitude; as Table 1."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from aas2rto.replay.bootstrap import Ratio
from aas2rto.replay.figures import panel
from aas2rto.replay.figures.panel import Drawn
from aas2rto.replay.folder import SCIENCE
from aas2rto.replay.judge import Judged, entries_by_magnitude

KINDS = (
    ("ever", "in the top {top} at least once"),
    ("in_time", "in it within 2 d of the peak"),
    ("observed", "observed within 2 d of the peak"),
)


def draw(every: list[Judged], labels: list[str], top: int, seed: int, command: str) -> Drawn | None:
    """Draw all runs; None where nobody of the class is known."""
    tables = [entries_by_magnitude(one, SCIENCE) for one in every]
    bins = [name for name in _bins(tables) if name != "unknown"]
    if not bins:
        return None
    kinds = [pair for pair in KINDS if any(table[pair[0]].notna().any() for table in tables)]
    told: list[str] = []

    def on(axes: list[Axes]) -> None:
        for one, (key, words) in zip(axes, kinds, strict=True):
            one.set_ylabel("share [%]")
            one.set_ylim(0, 104)
            one.set_xlim(-0.6, len(bins) - 0.4)
            one.set_xticks(range(len(bins)), bins)
            one.set_title(words.format(top=top), loc="left", fontsize=9)
            for k, table in enumerate(tables):
                told.append(_draw_run(one, table, key, bins, k, labels[k], seed))
        axes[-1].set_xlabel("true peak magnitude (objects)")
        counts = _counts(tables, bins)
        axes[-1].set_xticks(range(len(bins)), [f"{b}\n({n})" for b, n in counts.items()])
        panel.legend_above(axes, 2)

    label = every[0].cast.label
    title = f"{label}: how many are found, by magnitude"
    below = "science list; bars: 95 %, bootstrap over objects"
    png = panel.sheet(
        title, below, [1.4] * len(kinds), on, command=command, titled=True, legend_rows=1, foot=0.62
    )
    return Drawn("completeness", title, f"{title}. {' '.join(told)}", png)


def _bins(tables: list[pd.DataFrame]) -> list[str]:
    order = {name: k for table in tables for k, name in enumerate(table["bin"])}
    return sorted(order, key=lambda name: (_place(name), order[name]))


def _counts(tables: list[pd.DataFrame], bins: list[str]) -> dict[str, int]:
    """Return how many objects are in each bin."""
    found = dict.fromkeys(bins, 0)
    for table in tables:
        for name, ratio in zip(table["bin"], table["ever"], strict=True):
            if name in found:
                found[name] = max(found[name], ratio.units())
    return found


def _place(name: str) -> float:
    """Return where a bin stands: by the first number in its name."""
    first = name.strip("<≥ ").split("–")[0]
    try:
        return float(first) - (0.5 if name.startswith("<") else 0.0)
    except ValueError:
        return np.inf


def _draw_run(
    axes: Axes, table: pd.DataFrame, key: str, bins: list[str], k: int, label: str, seed: int
) -> str:
    """Draw one run's shares; return them in words."""
    words: list[str] = []
    rows = table.set_index("bin")
    for place, name in enumerate(bins):
        ratio = rows[key].get(name)
        found = ratio.estimate(seed) if isinstance(ratio, Ratio) else None
        if found is None or not found.is_known:
            continue
        low, high = (end if np.isfinite(end) else found.value for end in (found.low, found.high))
        value = 100 * found.value
        axes.errorbar(
            place + 0.16 * (2 * k - 1),
            value,
            yerr=[[max(value - 100 * low, 0)], [max(100 * high - value, 0)]],
            fmt=panel.MARKERS[k],
            color=panel.COLOURS[k],
            capsize=2.5,
            label=panel.name(label) if not words else None,
        )
        words.append(f"{name} mag {value:.0f} %")
    return f"{label}, {key.replace('_', ' ')}: {', '.join(words)}." if words else ""
