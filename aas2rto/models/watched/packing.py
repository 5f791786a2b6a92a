"""What stage 2 found as plain numbers, as a fit table holds them, and back again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from aas2rto.models.watched.baseline import Baseline
from aas2rto.models.watched.classes import UNKNOWN, Class
from aas2rto.models.watched.measures import Measures
from aas2rto.models.watched.onset import Onset
from aas2rto.models.watched.stage_two import Analysis
from aas2rto.models.watched.templates import CLASSES
from aas2rto.tables.photometry import BANDS

NAMES = ("none", *CLASSES, UNKNOWN)
"""A class is its place in this list."""

OF_CLASS: dict[str, str] = {
    "class": f"number of the class in {', '.join(NAMES)} (from 0)",
    "best": "number of the likeliest class",
    "second": "number of the second",
    "ln_b": "ln of the Bayes factor of the best against the better null",
    "margin": "ln Z of the best less that of the second",
    **{f"p_{name}": f"posterior of {name}" for name in CLASSES},
    "p_none": "posterior of nothing at all",
    "ess": "effective samples of the best class",
    "uncertain": "1 if these are too few",
    "blue": "1 if the colour made it a TDE, -1 if it casts doubt on it, 0 if it does not decide",
}

OF_CHANGE: dict[str, str] = {
    "measured_band": "number of the band in which the change is clearest, in the order of bands",
    "significance": "largest S since the onset",
    "nights": "most consecutive nights with S > 5",
    "strong": "nights at S/N > 10 since the onset",
    "amplitude": "of the peak [mag]; positive: brighter",
    "at_least": "1 if that is a lower limit: no level to compare with",
    "scatter_mag_low": "lower limit (95 %) of the own scatter before [mag]",
    "scatter_mag_high": "upper limit [mag]",
    "daily": "fastest change over a day or more, less two errors [mag/d]",
    "since": "from the onset to the last night [d]",
    "duration": "time spent beyond half of the peak [d]",
    "sustained": "1 if it stayed, 0 if not; empty: too short to tell",
    "trend_p": "of Kendall's tau since the onset",
    "cusum": "largest cumulative sum",
    "step": "step of the largest block [sigma]",
    "jitter": "scatter about a parabola since the onset [mag]",
    "colour": "g - r at the peak [mag]",
    "colour_err": "its error [mag]",
    "redder": "g - r at the peak less that before [mag]",
    "rate_now": "slope of the last 30 d [mag/d]; positive: brightens",
    "rising": "1 if the last nights are the brightest",
    "gap": "from the last night without a detection to the first one [d]",
    "deeper": "by how much that night's limit is deeper than the detection [mag]",
    "first": "first detection since the onset [d, MJD UTC]",
    "first_points": "its exposures",
    "magnitude": "of the last detected difference [mag]",
}

FEW = "too few nights"

OF_BASE = ("mean", "mean_err", "scatter", "scatter_low", "scatter_high", "n", "span")
OF_ONSET = ("t_on", "t_0", "t_peak", "sign", "rise", "rise_most", "reversals")

OF_BAND: dict[str, str] = {
    "t0": "t0 of the likeliest class [d, MJD UTC]",
    "a": "its rise [d]",
    "b": "its fall [d]",
    "A": "its amplitude [uJy]",
    "c": "its level [uJy]",
}

PARAMETERS = (
    *OF_CLASS,
    *OF_CHANGE,
    *(f"base_{name}" for name in (*OF_BASE, "ok")),
    *(f"onset_{name}" for name in (*OF_ONSET, "ok")),
)


def numbers_of(one: Analysis) -> dict[str, float]:
    """Return an analysis that is ok as numbers."""
    found, evidences, change = one.found, one.evidences, one.measures
    if found is None or evidences is None:
        return {}
    name = found.name if found.flagged else "none"
    blue = 0.0 if not found.by_colour else 1.0 if found.name == "TDE" else -1.0
    told: dict[str, float | bool | None] = {
        "class": NAMES.index(name),
        "best": NAMES.index(found.best),
        "second": NAMES.index(found.second),
        "ln_b": found.ln_b,
        "margin": found.margin,
        **{f"p_{key}": value for key, value in found.posterior.items()},
        "ess": evidences.ess if np.isfinite(evidences.ess) else 1e9,
        "uncertain": found.best in evidences.uncertain,
        "blue": blue,
        "measured_band": BANDS.index(change.band) if change.band in BANDS else -1,
        "scatter_mag_low": change.scatter_mag[0],
        "scatter_mag_high": change.scatter_mag[1],
    }
    told |= {key: getattr(change, key) for key in OF_CHANGE if key not in told}
    if change.base is not None:
        told |= {f"base_{key}": getattr(change.base, key) for key in OF_BASE}
        told["base_ok"] = change.base.status == "ok"
    if change.onset is not None:
        told |= {f"onset_{key}": getattr(change.onset, key) for key in OF_ONSET}
        told["onset_ok"] = change.onset.status == "ok"
    for band, shape in evidences.shapes[found.best].items():
        told |= {f"{key}_{band}": v for key, v in zip(OF_BAND, shape.best, strict=True)}
    return {key: np.nan if value is None else float(value) for key, value in told.items()}


def class_of(told: Mapping[str, float]) -> Class | None:
    """Return the class of an analysis as numbers; None where there is none."""
    if not np.isfinite(told.get("ln_b", np.nan)):
        return None
    best, second = (NAMES[int(told[key])] for key in ("best", "second"))
    name = NAMES[int(told["class"])]
    probability = {key: float(told[f"p_{key}"]) for key in (*CLASSES, "none")}
    flagged = name != "none"
    said = {1.0: "bluer than -0.1 mag: TDE, not SN", -1.0: "too red: TDE is in doubt"}
    colour = said.get(told.get("blue", 0.0), "")
    told_name = name if flagged else (best if told["margin"] > 5 else UNKNOWN)
    return Class(
        told_name, best, second, told["ln_b"], told["margin"], probability, flagged, colour
    )


def measures_of(told: Mapping[str, float]) -> Measures:
    """Return the measures of an analysis as numbers."""
    if not np.isfinite(told.get("significance", np.nan)):
        return Measures()
    values = {key: float(told.get(key, np.nan)) for key in OF_CHANGE}
    place = int(values.pop("measured_band"))
    low, high = values.pop("scatter_mag_low"), values.pop("scatter_mag_high")
    facts = {key: _fact(values.pop(key)) for key in ("sustained", "rising")}
    counts = {key: int(np.nan_to_num(values.pop(key))) for key in ("nights", "strong")}
    at_least = bool(np.nan_to_num(values.pop("at_least")))
    base = [float(told.get(f"base_{key}", np.nan)) for key in OF_BASE]
    onset = [float(told.get(f"onset_{key}", np.nan)) for key in OF_ONSET]
    words = {key: "ok" if told.get(f"{key}_ok", 0.0) == 1 else "" for key in ("base", "onset")}
    n = int(np.nan_to_num(base[5]))
    sign, reversals = (int(np.nan_to_num(onset[k])) for k in (3, 6))
    found = Measures(
        band=BANDS[place] if place >= 0 else "another band",
        base=Baseline(
            base[0], base[1], base[2], base[3], base[4], n, base[6], words["base"] or FEW
        ),
        onset=Onset(
            onset[0],
            onset[1],
            onset[2],
            sign,
            onset[4],
            onset[5],
            reversals,
            words["onset"] or "no block",
        ),
        at_least=at_least,
        scatter_mag=(low, high),
        nights=counts["nights"],
        strong=counts["strong"],
        sustained=facts["sustained"],
        rising=facts["rising"],
    )
    return replace(found, **values)  # type: ignore[arg-type]


def _fact(value: float) -> bool | None:
    return bool(value) if np.isfinite(value) else None
