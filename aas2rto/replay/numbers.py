"""metrics.json: every figure of a replay's report as a number, with its interval."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from aas2rto.replay import bootstrap, executed
from aas2rto.replay.bootstrap import NIGHTS, OBJECTS, Middle, Ratio
from aas2rto.replay.calibration_check import PIT_WINDOW, Reliability
from aas2rto.replay.cast import WITHIN, Cast
from aas2rto.replay.error_scale import Scale
from aas2rto.replay.folder import Folder
from aas2rto.replay.judge import Compared, Judged, ModelCheck, entries_by_magnitude
from aas2rto.replay.metrics import Metric
from aas2rto.replay.paired import Difference
from aas2rto.replay.truth import Truth

FORMAT = 1
"""Of metrics.json; changed where a reader would have to."""

KINDS = ("unknown", "class", "neither", "other")


def of_all(
    folder: Folder,
    truth: Truth | None,
    cast: Cast,
    every: Sequence[Judged],
    two: Compared | None,
    *,
    top: int,
    seed: int,
) -> dict[str, Any]:
    """Return everything that was measured, ready for JSON."""
    nights = len(every[0].span) if every else 0
    found: dict[str, Any] = {
        "format": FORMAT,
        "replay": folder.about,
        "settings": {
            "top": top,
            "seed": seed,
            "within_d": WITHIN,
            "class": cast.label,
            "neither": list(cast.neither),
            "level": bootstrap.LEVEL,
            "draws": bootstrap.TIMES,
            "intervals": {over: bootstrap.words(over, nights) for over in (NIGHTS, OBJECTS)},
        },
        "candidates": {"all": len(cast.ids)} | cast.counts(),
        "truth": None
        if truth is None
        else {
            "rows_matched": len(truth.table),
            "rows_unmatched": truth.unmatched,
            "lines": list(truth.lines),
        },
        "runs": {one.run.name: _run(one, seed) for one in every},
    }
    if two is not None:
        found["paired"] = _compared(two)
    return found


def as_json(found: Mapping[str, Any]) -> str:
    """Write it; what is not a number becomes null."""
    return json.dumps(_plain(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return str(value)


def _run(one: Judged, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "nights": len(one.span),
        "strangers": one.run.strangers,
        "lists": {name: _metrics(some, seed) for name, some in one.metrics.items()},
        "plans": {name: _metrics(some, seed) for name, some in one.plan_metrics.items()},
    }
    if not one.cast.has_truth:
        return found
    return found | {
        "by_magnitude": {name: _table(entries_by_magnitude(one, name), seed) for name in one.lists},
        "spectra_by_phase": {
            name: _table(executed.by_phase(done), seed) for name, done in one.plans.items()
        },
        "models": {check.fits.model: _model(check, seed) for check in one.models},
        "chances": [_chance(chance) for chance in one.chances],
    }


def _metrics(some: Sequence[Metric], seed: int) -> dict[str, Any]:
    return {
        one.key: {"title": one.title, "unit": one.unit} | one.measured.estimate(seed).as_dict()
        for one in some
    }


def _table(table: pd.DataFrame, seed: int) -> list[dict[str, Any]]:
    """Return rows; what was measured with its interval, what was not as null."""
    return [
        {
            str(key): value.estimate(seed).as_dict() if isinstance(value, Ratio | Middle) else value
            for key, value in row.items()
        }
        for row in table.to_dict("records")
    ]


def _model(check: ModelCheck, seed: int) -> dict[str, Any]:
    return {
        "objects": len(np.unique(check.fits.who)),
        "fits": len(check.fits.who),
        "by_phase": _table(check.phases, seed),
        "by_points": _table(check.points, seed),
        "pit": {
            "phases_d": list(PIT_WINDOW),
            "objects": check.pit.n,
            "shares": check.pit.shares,
            "uniform_low": check.pit.low,
            "uniform_high": check.pit.high,
        },
        "coverage": {
            name: ratio.estimate(seed).as_dict() for name, ratio in check.pit.coverage.items()
        },
        "error_scale": [_scale(scale) for scale in check.scales],
    }


def _scale(scale: Scale) -> dict[str, Any]:
    estimates = {name: getattr(scale, name).as_dict() for name in ("factor", "bias")}
    covered = {"covered": scale.before.as_dict(), "covered_scaled": scale.after.as_dict()}
    return {"bin": scale.bin, "objects": scale.n} | estimates | covered


def _chance(chance: Reliability) -> dict[str, Any]:
    bins = zip(chance.said, chance.counts, chance.happened, strict=True)
    return {
        "what": chance.what,
        "rows": chance.rows,
        "brier": chance.brier.as_dict(),
        "brier_of_the_mean": chance.reference,
        "skill": chance.skill,
        "bins": [
            {"said": said, "rows": rows, "happened": happened.as_dict()}
            for said, rows, happened in bins
        ],
    }


def _compared(two: Compared) -> dict[str, Any]:
    return {
        "first": two.one.run.name,
        "second": two.other.run.name,
        "nights": len(two.one.span),
        "nights_left_out": two.left_out,
        "lists": {name: _differences(some) for name, some in two.lists.items()},
        "plans": {name: _differences(some) for name, some in two.plans.items()},
        "by_magnitude": {name: _differences(some) for name, some in two.magnitudes.items()},
        "members": two.members,
        "movers": {name: _movers(table) for name, table in two.movers.items()},
    }


def _differences(some: Sequence[Difference]) -> dict[str, Any]:
    return {
        one.metric.key: {
            "title": one.metric.title,
            "unit": one.metric.unit,
            "first": one.one.as_dict(),
            "second": one.other.as_dict(),
            "difference": one.minus.as_dict(),
            "quotient": one.ratio.as_dict(),
        }
        for one in some
    }


def _movers(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
    return [row | {"kind": KINDS[int(row["kind"])]} for row in rows]
