"""How probable a light curve is if something happened, and if nothing did: ln Z of each.

Of one band, F = c + A g(t; t0, a, b) with a level, an amplitude and a shape of its own; what is
left of noise, a jitter and an error of the model itself, is summed over. Nothing happened: a
constant with jitter, or a damped random walk, whichever is likelier.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.models.watched.templates import TEMPLATES, Template

Floats = NDArray[np.float64]

WIDTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
"""Of the half-normal priors of the amplitude, in median errors, each as probable as the others."""

JITTERS = (0.0, 1.0)
"""Added to every error in quadrature, in median errors."""

FRACTIONS = (0.0, 0.03, 0.1, 0.2)
"""Error of the model itself as a share of it: no supernova is a Bazin function."""

QUIET_JITTERS = (0.0, *np.geomspace(0.3, 300.0, 15).tolist())
"""Of a constant, in median errors."""

WALK_SIGMA, WALK_TAU, WALK_STEPS = (0.5, 3000.0), (5.0, 1500.0), (24, 12)
"""Grid of the random walk: sigma in median errors, tau [d], both log-uniform, and their steps."""

ELSEWHERE = 0.1
"""How often the bands have times of their own: two events, or one of them ill measured."""

BEYOND = 20.0
"""A peak may lie so long after the last night [d]."""

LEAST_ESS = 50.0
"""Below it the sum is not trusted: seeds differ by up to 1."""

ENOUGH_ESS = 150.0
"""No further round above it."""

SCATTERED, SAMPLES, ROUNDS = 512, 512, 8
"""Points all over the cube, samples of a round, and rounds."""

LEAST_NIGHTS = 5
"""Fewer, and there are more parameters than nights."""

MOST_NIGHTS = 400
"""Older nights than the latest half of it are averaged until there are so many."""

IMPORTANCE, NESTED, UNCERTAIN = "importance", "nested", "uncertain"
"""How an evidence was found; ``uncertain``: importance sampling with too few effective samples."""

IN_QUESTION, NEAR_NULL = 15.0, 5.0
"""Only a class so near to the likeliest, and so far above nothing (both in ln Z), needs a
better sum: three times what the class asks, and half of what a flag does."""


class Curve(NamedTuple):
    """Nights [d, MJD], fluxes and errors [uJy] of one band, sorted."""

    mjd: Floats
    flux: Floats
    err: Floats

    @property
    def scale(self) -> float:
        """The median error [uJy]."""
        return float(np.median(self.err))


def curve_of(mjd: ArrayLike, flux: ArrayLike, err: ArrayLike, most: int = MOST_NIGHTS) -> Curve:
    """Return what can be used of a light curve: numbers with an error, sorted, not too many.

    Parameters
    ----------
    mjd, flux, err : array_like of float
        [d], [uJy].
    most : int
        Of longer ones the latest half of this stays, and older nights are averaged.
    """
    columns = np.array(np.broadcast_arrays(mjd, flux, err), dtype=float).reshape(3, -1)
    good = np.isfinite(columns).all(axis=0) & (columns[2] > 0)
    columns = columns[:, good]
    t, y, e = columns[:, np.argsort(columns[0], kind="stable")]
    if len(t) <= most:
        return Curve(t, y, e)
    recent = most // 2
    old = slice(0, len(t) - recent)
    group = np.arange(len(t) - recent) * recent // (len(t) - recent)
    weight = e[old] ** -2
    total = np.bincount(group, weight)
    mean = [np.bincount(group, weight * one[old]) / total for one in (t, y)]
    joined = (*mean, total**-0.5)
    return Curve(
        *(np.append(a, b[len(t) - recent :]) for a, b in zip(joined, (t, y, e), strict=True))
    )


@dataclass(frozen=True)
class Evidence:
    """Of one shape in one band.

    Parameters
    ----------
    ln_z : float
        ln of the probability of the fluxes; the level has a flat prior of density 1 / uJy.
    ess : float
        Effective sample size; infinite where nested sampling found it.
    method : str
        `IMPORTANCE`, `NESTED` or `UNCERTAIN`.
    samples : ndarray, shape (n, 3)
        t0 [d], a and b [d].
    weights : ndarray, shape (n,)
        Of the samples, 1 together.
    best : tuple of float
        t0, a, b [d], amplitude and level [uJy] where the likelihood is largest.
    """

    ln_z: float
    ess: float
    method: str
    samples: Floats
    weights: Floats
    best: tuple[float, float, float, float, float]

    @property
    def mean(self) -> Floats:
        """Mean of t0, ln a and ln b."""
        return np.asarray(self.weights @ self._logs)

    @property
    def covariance(self) -> Floats:
        """Covariance of t0, ln a and ln b, shape (3, 3)."""
        away = self._logs - self.mean
        return np.asarray((away * self.weights[:, None]).T @ away)

    @property
    def _logs(self) -> Floats:
        return np.column_stack([self.samples[:, 0], np.log(self.samples[:, 1:])])


@cache
def scattered() -> Floats:
    """Return the points all over the cube, always the same ones."""
    from scipy.stats import qmc  # noqa: PLC0415  takes a while

    return np.asarray(qmc.Sobol(3, seed=20).random(SCATTERED))


@cache
def deviates() -> Floats:
    """Return Student-t deviates with 4 degrees of freedom, always the same ones."""
    from scipy.stats import chi2, norm, qmc  # noqa: PLC0415

    place = np.clip(qmc.Sobol(4, seed=21).random(ROUNDS * SAMPLES), 1e-9, 1 - 1e-9)
    size = np.sqrt(chi2.ppf(place[:, 3], 4) / 4)
    return np.asarray((norm.ppf(place[:, :3]) / size[:, None]).reshape(ROUNDS, SAMPLES, 3))


def span_of(curves: Mapping[str, Curve]) -> tuple[float, float]:
    """Return where t0 may be: from the first night to some days after the last [d]."""
    first = min(float(one.mjd[0]) for one in curves.values())
    return first, max(float(one.mjd[-1]) for one in curves.values()) + BEYOND


class _Posed(NamedTuple):
    """The arguments that all compiled functions take."""

    code: int
    box: Floats
    curve: tuple[Floats, Floats, Floats]
    beliefs: tuple[Floats, Floats, Floats]


def _posed(template: Template, curve: Curve, span: tuple[float, float]) -> _Posed:
    middle = float(np.median(curve.flux))
    beliefs = (
        np.array(JITTERS) * curve.scale,
        np.array(FRACTIONS),
        np.array(WIDTHS) * curve.scale,
    )
    centred = (curve.mjd, curve.flux - middle, curve.err)
    return _Posed(template.code, template.box(*span), centred, beliefs)


def of_shape(template: Template, curve: Curve, span: tuple[float, float]) -> Evidence:
    """Return the evidence of a shape in one band.

    Parameters
    ----------
    template : Template
    curve : Curve
        At least one night.
    span : tuple of float
        Of t0 [d]; see `span_of`.

    Notes
    -----
    Importance sampling, always the same numbers for the same light curve; where fewer than
    `LEAST_ESS` samples count the method is `UNCERTAIN`.
    """
    from aas2rto.models.compiled import anomaly_integral as kernel  # noqa: PLC0415  numba

    posed = _posed(template, curve, span)
    box = posed.box
    significance = np.convolve((posed.curve[1] / curve.err), np.ones(3), mode="same")
    near = (float(curve.mjd[np.argmax(significance)]) - box[0, 0]) / box[0, 1]
    ln_z, ess, samples, logw, top = kernel.integrate(
        *posed, scattered(), near, deviates(), ENOUGH_ESS
    )
    weights = np.exp(logw - logw.max())
    method = IMPORTANCE if ess >= LEAST_ESS else UNCERTAIN
    return _evidence(posed, curve, ln_z, ess, method, top, samples, weights)


def of_shape_nested(template: Template, curve: Curve, span: tuple[float, float]) -> Evidence | None:
    """Return the evidence of a shape in one band by nested sampling; None without dynesty."""
    posed = _posed(template, curve, span)
    nested = _nested(posed)
    if nested is None:
        return None
    ln_z, samples, weights = nested
    return _evidence(posed, curve, ln_z, np.inf, NESTED, samples[-1], samples, weights)


def _evidence(
    posed: _Posed,
    curve: Curve,
    ln_z: float,
    ess: float,
    method: str,
    top: Floats,
    samples: Floats,
    weights: Floats,
) -> Evidence:
    from aas2rto.models.compiled import anomaly_integral as kernel  # noqa: PLC0415  numba

    box = posed.box
    _, amplitude, level = kernel.of_points(*posed, top[None, :])
    t0, a, b = (float(one) for one in _physical(box, top[None, :])[0])
    middle = float(np.median(curve.flux))
    return Evidence(
        float(ln_z),
        float(ess),
        method,
        _physical(box, samples),
        weights / weights.sum(),
        (t0, a, b, float(amplitude[0]), float(level[0]) + middle),
    )


def _physical(box: Floats, cube: Floats) -> Floats:
    """Return t0, a and b [d] of points of the cube."""
    found = box[:, 0] + cube * box[:, 1]
    found[:, 1:] = np.exp(found[:, 1:])
    return np.asarray(found)


def has_nested() -> bool:
    """Tell whether dynesty is installed."""
    from importlib.util import find_spec  # noqa: PLC0415

    return find_spec("dynesty") is not None


def _nested(posed: _Posed, live: int = 200, seed: int = 22) -> tuple[float, Floats, Floats] | None:
    """Return ln Z, samples of the cube and their weights by nested sampling; None without dynesty.

    dynesty: Speagle (2020), MNRAS 493, 3132.
    """
    if not has_nested():
        return None
    import dynesty  # noqa: PLC0415  an extra

    from aas2rto.models.compiled import anomaly_integral as kernel  # noqa: PLC0415

    def log_likelihood(u: Floats) -> float:
        return float(kernel.of_points(*posed, u[None, :])[0][0])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of how slow its bounds are
        sampler = dynesty.NestedSampler(
            log_likelihood,
            lambda u: u,
            3,
            nlive=live,
            sample="rslice",
            rstate=np.random.default_rng(seed),
        )
        sampler.run_nested(print_progress=False, dlogz=0.1)
    found = sampler.results
    weights = np.exp(found["logwt"] - found["logz"][-1])
    return float(found["logz"][-1]), np.asarray(found["samples"]), np.asarray(weights)


def of_constant(curve: Curve) -> float:
    """Return ln Z of a constant level with jitter (see `QUIET_JITTERS`)."""
    from aas2rto.models.compiled.anomaly_shapes import constant  # noqa: PLC0415  numba

    middle = float(np.median(curve.flux))
    jitters = np.array(QUIET_JITTERS) * curve.scale
    return float(constant(curve.flux - middle, curve.err, jitters))


def of_walk(curve: Curve) -> float:
    """Return ln Z of a damped random walk: the mean of its likelihood over sigma, tau and jitter.

    The mean of the walk has the flat prior that levels have: ln L at the best one plus
    ln(sqrt(2 pi) err).
    """
    from aas2rto.models.watched.drw import profile  # noqa: PLC0415  numba

    sigmas = np.geomspace(WALK_SIGMA[0], WALK_SIGMA[1], WALK_STEPS[0]) * curve.scale
    taus = np.geomspace(WALK_TAU[0], WALK_TAU[1], WALK_STEPS[1])
    found = []
    for jitter in JITTERS:
        err = np.hypot(curve.err, jitter * curve.scale)
        ln_l, _, mean_err = profile(curve.mjd, curve.flux, err, sigmas, taus)
        found.append(ln_l + np.log(np.sqrt(2 * np.pi) * mean_err))
    every = np.concatenate(found).ravel()
    return float(every.max() + np.log(np.exp(every - every.max()).mean()))


@dataclass(frozen=True)
class Evidences:
    """Of all shapes and of nothing, in all bands of a source.

    Parameters
    ----------
    shapes : mapping of str to mapping of str to Evidence
        Class -> band -> evidence.
    ln_z : mapping of str to float
        Class -> ln Z of all bands together.
    constant, walk : float
        ln Z if nothing happened: constants with jitter, and random walks.
    null : float
        Of the likelier of the two in each band.
    """

    shapes: Mapping[str, Mapping[str, Evidence]]
    ln_z: Mapping[str, float]
    constant: float
    walk: float
    null: float

    @property
    def ess(self) -> float:
        """Smallest effective sample size of the likeliest class."""
        best = max(self.ln_z, key=lambda name: self.ln_z[name])
        return min(one.ess for one in self.shapes[best].values())

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Classes of which a band has too few effective samples."""
        return tuple(
            name
            for name, bands in self.shapes.items()
            if any(one.method == UNCERTAIN for one in bands.values())
        )


def of_source(curves: Mapping[str, Curve]) -> Evidences:
    """Return the evidence of every class and of nothing.

    Parameters
    ----------
    curves : mapping of str to Curve
        Band -> light curve with at least `LEAST_NIGHTS` nights; at least one.
    """
    span = span_of(curves)
    shapes = {
        name: {band: of_shape(template, curve, span) for band, curve in curves.items()}
        for name, template in TEMPLATES.items()
    }
    constant = [of_constant(curve) for curve in curves.values()]
    walk = [of_walk(curve) for curve in curves.values()]
    null = float(np.maximum(constant, walk).sum())
    ln_z = {name: together(TEMPLATES[name], bands, span) for name, bands in shapes.items()}
    least = max(null + NEAR_NULL, max(ln_z.values()) - IN_QUESTION)
    for name in (one for one in TEMPLATES if ln_z[one] > least):
        _mend(TEMPLATES[name], shapes[name], curves, span)
        ln_z[name] = together(TEMPLATES[name], shapes[name], span)
    return Evidences(shapes, ln_z, sum(constant), sum(walk), null)


def compile_kernels() -> None:
    """Compile what evidences need, unless its machine code is on disk."""
    from aas2rto.models.compiled import anomaly_integral as kernel  # noqa: PLC0415  numba
    from aas2rto.models.compiled.jit import prepare  # noqa: PLC0415

    t = np.arange(float(LEAST_NIGHTS))
    nothing = {"x": curve_of(t, np.zeros(LEAST_NIGHTS), np.ones(LEAST_NIGHTS))}
    prepare(kernel.integrate, lambda: _discard(of_source(nothing)), "the evidence of anomalies")


def _discard(_: Evidences) -> None:
    """Take an answer that nobody wants."""


def _mend(
    template: Template,
    bands: dict[str, Evidence],
    curves: Mapping[str, Curve],
    span: tuple[float, float],
) -> None:
    """Replace what has too few samples by what dynesty says, where it is installed."""
    for band in [band for band, one in bands.items() if one.method == UNCERTAIN]:
        better = of_shape_nested(template, curves[band], span)
        if better is not None:
            bands[band] = better


def together(template: Template, bands: Mapping[str, Evidence], span: tuple[float, float]) -> float:
    """Return ln Z of all bands, whose t0 lie near each other.

    Given t0 of the band in which it is known best, another band's is normal about it with the
    template's `apart` (or, in one case of ten, anywhere): with p_i and p_j the weights of samples,
    Z = Z_1 Z_2 sum_i p_i (0.1 + 0.9 T sum_j p_j N(t_j - t_i; apart)), T the span of the prior.
    """
    first = min(bands.values(), key=lambda one: float(one.covariance[0, 0]))
    factor = np.ones(len(first.weights))
    for one in bands.values():
        if one is not first:
            away = (one.samples[:, 0] - first.samples[:, :1]) / template.apart
            near = np.exp(-0.5 * away**2) @ one.weights
            density = near / (np.sqrt(2 * np.pi) * template.apart)
            factor *= ELSEWHERE + (1 - ELSEWHERE) * (span[1] - span[0]) * density
    return sum(one.ln_z for one in bands.values()) + float(np.log(factor @ first.weights))
