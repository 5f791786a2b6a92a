"""A factor for the stated errors of peaks, learnt from a replay and written down as a proposal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from aas2rto.replay.bootstrap import OBJECTS, Estimate, Middle, Ratio
from aas2rto.replay.calibration_check import PIT_WINDOW, Fits, point_bins
from aas2rto.text.words import one_line

CENTRAL = 0.6827
"""Of a normal distribution within one sigma."""
LEAST = 20
"""Objects in a bin; of fewer the 68 % is not told from 50 or 85 %."""


@dataclass(frozen=True)
class Scale:
    """The factor of one bin.

    Parameters
    ----------
    bin : str
        Detections that the fit rests on; ``all``.
    n : int
        Objects.
    factor : Estimate
        With it, 68 % of the stated errors hold the truth.
    bias : Estimate
        Median error [d], which no factor takes away.
    before, after : Estimate
        Share of true peaks within the stated error, and, cross-validated, within the scaled one:
        each half of the objects with the factor of the other.
    """

    bin: str
    n: int
    factor: Estimate
    bias: Estimate
    before: Estimate
    after: Estimate


def halves(ids: Sequence[str]) -> NDArray[np.int64]:
    """Return 0 or 1 for each name, by a hash of it: the same in every replay."""
    return np.array([hashlib.sha256(str(name).encode()).digest()[0] & 1 for name in ids], dtype=int)


def learn(fits: Fits, ids: Sequence[str], seed: int = 0) -> list[Scale]:
    """Return the factor of all fits, and of those with few and with many detections.

    Parameters
    ----------
    fits : Fits
        Of one model; those in `PIT_WINDOW` count, each object once in a bin with its last fit.
    ids : sequence of str
        Names of the cast, which choose the half of an object.
    seed : int
    """
    low, high = PIT_WINDOW
    inside = (fits.phase >= low) & (fits.phase < high)
    half, found = halves(ids), []
    for label, mask in [("all", inside), *point_bins(fits)]:
        own = fits.of(mask & np.isfinite(fits.sigma)).last_of_each()
        if len(own.who) >= LEAST:
            found.append(_scale(label, own, half[own.who], seed))
    return found


def _scale(label: str, own: Fits, half: NDArray[np.int64], seed: int) -> Scale:
    size = np.abs(own.pull)
    scaled = np.full(len(size), np.nan)
    for one in (0, 1):
        learnt = size[half != one]
        if len(learnt):
            scaled[half == one] = size[half == one] / np.quantile(learnt, CENTRAL)
    return Scale(
        label,
        len(size),
        Middle(size, CENTRAL).estimate(seed),
        Middle(own.error).estimate(seed),
        _covered(size).estimate(seed),
        _covered(scaled[np.isfinite(scaled)]).estimate(seed),
    )


def _covered(size: NDArray[np.float64]) -> Ratio:
    return Ratio((size <= 1.0).astype(float), np.ones(len(size)), OBJECTS, is_share=True)


HEADER = """\
# Error scale of fitted peaks, learnt from a replay of AAS2RTO. Nothing reads this file: it is a
# proposal, for you to judge. No key of a config takes a factor for the errors of peaks, and no part
# of the program applies one on its own.
#
# Where the program keeps such factors: `models: salt: {{calibration: NAME}}` names a set of
# aas2rto/data/salt_calibration.yaml, whose `peak: KIND: scale` multiplies the error of the fit (the
# floor of the error is added in quadrature and is not multiplied). One factor stands there for all
# numbers of detections. To use what was learnt here, add a set of a name of your own with
# scale = the present one x the factor `all`, name it in the config, and replay again.
#
# factor: stated errors times this hold the true peak in 68 % of the objects, with its 95 %
#   interval (bootstrap over objects); 1: errors are true; 2: they are stated half as large.
# bias_d: median of fitted less true peak [d]; no factor takes that away.
# covered: share of true peaks within the stated error; covered_scaled: within the scaled one, each
#   half of the objects (by a hash of the name) with the factor learnt from the other half.
# Fits at phases {low:+g} to {high:+g} d, each object once in a bin, with its last fit there; bins
# by detections; those with fewer than {least} objects are left out. The truth is taken as exact.
"""


def snippet(scales: Mapping[str, Sequence[Scale]], about: Mapping[str, Any]) -> str:
    """Return the factors as YAML, with where they come from.

    Parameters
    ----------
    scales : mapping
        By run and model, such as ``ours salt``.
    about : mapping
        replay.json.
    """
    keys = ("version", "from", "to", "every_days", "archive", "truth", "command")
    source = {key: _plain(about[key]) for key in keys if about.get(key) is not None}
    body = {
        "source": source | {"runs": [_plain(run) for run in about.get("runs", [])]},
        "error_scale": {
            name: {scale.bin: _row(scale) for scale in some} for name, some in scales.items()
        },
    }
    low, high = PIT_WINDOW
    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100)
    return HEADER.format(low=low, high=high, least=LEAST) + text


def _row(scale: Scale) -> dict[str, Any]:
    return {
        "objects": scale.n,
        "factor": _number(scale.factor.value),
        "factor_95": [_number(scale.factor.low), _number(scale.factor.high)],
        "bias_d": _number(scale.bias.value),
        "covered": _number(scale.before.value),
        "covered_scaled": _number(scale.after.value),
        "covered_scaled_95": [_number(scale.after.low), _number(scale.after.high)],
    }


def _number(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None


def _plain(value: Any) -> Any:
    """Return what YAML can hold; texts as one harmless line."""
    if isinstance(value, Mapping):
        return {one_line(str(key), 60): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return one_line(str(value), 300)
