"""SALT fluxes and their derivatives from the tables of :mod:`aas2rto.models.salt_tables`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled, entry
from aas2rto.models.compiled.problem import FADES, STOPS, T0, X1, C, Tables, Y, Z

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PER_MAG = 0.4 * np.log(10.0)
"""Relative flux per magnitude."""
DECAY = 0.02 * PER_MAG
"""Decline beyond the last phase [1 / d]: 0.02 mag / d, as SNe Ia fade 50 to 100 d after maximum
(Stritzinger et al. 2002)."""
FLUX, BY_C, BY_Z, BY_X1 = 0, 1, 2, 3
"""Rows of a light curve: flux and slopes."""


@compiled
def stencil(z: float, first: int, last: int, step: float, weight: Floats, slope: Floats) -> int:
    """Fill the four-point Lagrange weights at `z` and their slopes; return the first node."""
    k = min(max(int(np.floor(z / step)) - 1, first), last - 3)
    u = z / step - k
    weight[0] = -(u - 1.0) * (u - 2.0) * (u - 3.0) / 6.0
    weight[1] = u * (u - 2.0) * (u - 3.0) / 2.0
    weight[2] = -u * (u - 1.0) * (u - 3.0) / 2.0
    weight[3] = u * (u - 1.0) * (u - 2.0) / 6.0
    slope[0] = -(3.0 * u * u - 12.0 * u + 11.0) / (6.0 * step)
    slope[1] = (3.0 * u * u - 10.0 * u + 6.0) / (2.0 * step)
    slope[2] = -(3.0 * u * u - 8.0 * u + 3.0) / (2.0 * step)
    slope[3] = (3.0 * u * u - 6.0 * u + 2.0) / (6.0 * step)
    return k


@compiled
def add_curve(mix: Floats, values: Floats, k: int, x1: float, lo: int, n: int, out: Floats) -> None:
    """Add the light curve of one band at one redshift of its table to `out`.

    Parameters
    ----------
    mix : ndarray, shape (3 or more, nodes)
        Weights of the nodes in the flux, and in its slopes by c and z.
    values : ndarray, shape (redshifts, 2, nodes, rows)
        M0 and M1; the number of nodes is a multiple of eight.
    k : int
        Redshift node.
    x1 : float
    lo, n : int
        First row, and number of rows: only the phases that the data need.
    out : ndarray, shape (4, rows)
        Flux, and its slopes by c, z and x1, are added to.

    Notes
    -----
    Written out because each node row is then read once for all outputs, and because a plain loop
    over unsigned indices is what the compiler turns into vector instructions.
    """
    for j in range(0, mix.shape[1], 8):
        a0, a1, a2, a3 = mix[0, j], mix[0, j + 1], mix[0, j + 2], mix[0, j + 3]
        a4, a5, a6, a7 = mix[0, j + 4], mix[0, j + 5], mix[0, j + 6], mix[0, j + 7]
        b0, b1, b2, b3 = mix[1, j], mix[1, j + 1], mix[1, j + 2], mix[1, j + 3]
        b4, b5, b6, b7 = mix[1, j + 4], mix[1, j + 5], mix[1, j + 6], mix[1, j + 7]
        c0, c1, c2, c3 = mix[2, j], mix[2, j + 1], mix[2, j + 2], mix[2, j + 3]
        c4, c5, c6, c7 = mix[2, j + 4], mix[2, j + 5], mix[2, j + 6], mix[2, j + 7]
        for i in range(n):
            r = np.uint64(lo + i)
            v0, v1 = values[k, 1, j, r], values[k, 1, j + 1, r]
            v2, v3 = values[k, 1, j + 2, r], values[k, 1, j + 3, r]
            v4, v5 = values[k, 1, j + 4, r], values[k, 1, j + 5, r]
            v6, v7 = values[k, 1, j + 6, r], values[k, 1, j + 7, r]
            low = (a0 * v0 + a1 * v1) + (a2 * v2 + a3 * v3)
            out[BY_X1, r] += low + ((a4 * v4 + a5 * v5) + (a6 * v6 + a7 * v7))
            v0 = values[k, 0, j, r] + x1 * v0
            v1 = values[k, 0, j + 1, r] + x1 * v1
            v2 = values[k, 0, j + 2, r] + x1 * v2
            v3 = values[k, 0, j + 3, r] + x1 * v3
            v4 = values[k, 0, j + 4, r] + x1 * v4
            v5 = values[k, 0, j + 5, r] + x1 * v5
            v6 = values[k, 0, j + 6, r] + x1 * v6
            v7 = values[k, 0, j + 7, r] + x1 * v7
            low = (a0 * v0 + a1 * v1) + (a2 * v2 + a3 * v3)
            out[FLUX, r] += low + ((a4 * v4 + a5 * v5) + (a6 * v6 + a7 * v7))
            low = (b0 * v0 + b1 * v1) + (b2 * v2 + b3 * v3)
            out[BY_C, r] += low + ((b4 * v4 + b5 * v5) + (b6 * v6 + b7 * v7))
            low = (c0 * v0 + c1 * v1) + (c2 * v2 + c3 * v3)
            out[BY_Z, r] += low + ((c4 * v4 + c5 * v5) + (c6 * v6 + c7 * v7))


@compiled
def at_redshift(tables: Tables, b: int, z: float, values: Floats, law: Floats) -> None:
    """Interpolate one band's table to `z`: fill values (1, 2, nodes, rows) and law (nodes,)."""
    weight, slope = np.empty(4), np.empty(4)
    k = stencil(z, tables.first[b], tables.last[b], tables.z_step, weight, slope)
    w0, w1, w2, w3 = weight[0], weight[1], weight[2], weight[3]
    for j in range(law.size):
        law[j] = w0 * tables.law[b, k, j] + w1 * tables.law[b, k + 1, j]
        law[j] += w2 * tables.law[b, k + 2, j] + w3 * tables.law[b, k + 3, j]
    flat = values.ravel()
    a0, a1 = tables.values[b, k].ravel(), tables.values[b, k + 1].ravel()
    a2, a3 = tables.values[b, k + 2].ravel(), tables.values[b, k + 3].ravel()
    for r in range(flat.size):
        flat[r] = w0 * a0[r] + w1 * a1[r] + w2 * a2[r] + w3 * a3[r]


@compiled
def curve_fixed_z(
    values: Floats,
    k: int,
    law: Floats,
    dust: Floats,
    x1: float,
    c: float,
    lo: int,
    n: int,
    mix: Floats,
    out: Floats,
) -> None:
    """Fill the light curve of one band at a redshift node: flux and slopes by x1 and c.

    Parameters
    ----------
    values, law : ndarray
        From the tables or `at_redshift`: (redshifts, 2, nodes, rows) and that node's (nodes,).
    k : int
        The node.
    dust : ndarray, shape (nodes,)
        Milky Way extinction at the nodes [mag].
    x1, c : float
    lo, n : int
        Rows that are needed.
    mix : ndarray, shape (8, nodes)
        Scratch.
    out : ndarray, shape (4, rows)
        Flux for x0 = 1, and its derivatives by c and x1; that by z stays 0.
    """
    for j in range(law.size):
        mix[0, j] = np.exp(-PER_MAG * (c * law[j] + dust[j]))
        mix[1, j] = -PER_MAG * law[j] * mix[0, j]
        mix[2, j] = 0.0
    out[:, lo : lo + n] = 0.0
    add_curve(mix, values, k, x1, lo, n, out)


@compiled
def curve_free_z(
    tables: Tables,
    b: int,
    dust: Floats,
    z: float,
    x1: float,
    c: float,
    lo: int,
    n: int,
    mix: Floats,
    out: Floats,
) -> None:
    """Fill the light curve of one band at redshift `z`, with all four derivatives.

    Parameters as in `curve_fixed_z`; `out` gets the derivative by z, too.
    """
    weight, slope = mix[6], mix[7]
    k = stencil(z, tables.first[b], tables.last[b], tables.z_step, weight, slope)
    nodes = tables.law.shape[2]
    for j in range(nodes):
        law, law_z = 0.0, 0.0
        for q in range(4):
            law += weight[q] * tables.law[b, k + q, j]
            law_z += slope[q] * tables.law[b, k + q, j]
        g = np.exp(-PER_MAG * (c * law + dust[j]))
        mix[3, j], mix[4, j], mix[5, j] = g, -PER_MAG * law * g, -PER_MAG * c * law_z * g
    values = tables.values[b]
    out[:, lo : lo + n] = 0.0
    for q in range(4):
        w, s = weight[q], slope[q]
        for j in range(nodes):
            mix[0, j], mix[1, j] = w * mix[3, j], w * mix[4, j]
            mix[2, j] = w * mix[5, j] + s * mix[3, j]
        add_curve(mix, values, k + q, x1, lo, n, out)


@compiled
def phase_taps(day: float, days: int, late: int, weight: Floats, slope: Floats) -> int:
    """Fill the weights of four table rows at `day` and their slopes; return the first row or -1.

    Parameters
    ----------
    day : float
        Rest-frame days since the first phase of the surfaces.
    days : int
        Number of phases.
    late : int
        `STOPS` or `FADES`.
    """
    if day < 0.0 or (day > days - 1 and late != FADES):
        return -1
    weight[2], weight[3], slope[2], slope[3] = 0.0, 0.0, 0.0, 0.0
    if day > days - 1:
        weight[0], slope[0] = 0.0, 0.0
        weight[1] = np.exp(-DECAY * (day - (days - 1)))
        slope[1] = -DECAY * weight[1]
        return days + 4
    i = min(int(day), days - 2)
    f = day - i
    if i == 0 or i == days - 2:
        weight[0], weight[1] = 1.0 - f, f
        slope[0], slope[1] = -1.0, 1.0
        return days if i == 0 else days + 4
    # Cubic convolution (Keys 1981, a = -1/2), as sncosmo's BicubicInterpolator.
    weight[0] = ((-0.5 * f + 1.0) * f - 0.5) * f
    weight[1] = (1.5 * f - 2.5) * f * f + 1.0
    weight[2] = ((-1.5 * f + 2.0) * f + 0.5) * f
    weight[3] = (0.5 * f - 0.5) * f * f
    slope[0] = (-1.5 * f + 2.0) * f - 0.5
    slope[1] = (4.5 * f - 5.0) * f
    slope[2] = (-4.5 * f + 4.0) * f + 0.5
    slope[3] = (1.5 * f - 1.0) * f
    return i - 1


@compiled
def early_error(tables: Tables, day: float) -> float:
    """Return the error of the model that is a share of its peak flux."""
    last = tables.early.size - 1
    if day <= 0.0 or day >= last:
        edge: float = tables.early[0] if day <= 0.0 else tables.early[last]
        return edge
    i = int(day)
    f = day - i
    error: float = (1.0 - f) * tables.early[i] + f * tables.early[i + 1]
    return error


@compiled
def relative_error(tables: Tables, b: int, z: float, day: float) -> float:
    """Return the relative error of the model in one band; 0 outside its phases."""
    if day < 0.0 or day > tables.days - 1:
        return 0.0
    k = min(max(int(np.round(z / tables.z_step)), tables.first[b]), tables.last[b])
    i = min(int(day), tables.days - 2)
    f = day - i
    error: float = (1.0 - f) * tables.error[b, k, i] + f * tables.error[b, k, i + 1]
    return error


@compiled
def fluxes(
    tables: Tables, dust: Floats, t: Floats, band: Ints, p: Floats, out: Floats, peak: Floats
) -> None:
    """Fill the model flux [uJy] of each point and the largest of each band that occurs.

    Parameters as in `flux_many`; ``peak``, shape (bands,), holds 0 for bands without points.
    """
    bands, _, _, nodes, rows = tables.values.shape
    curves = np.empty((bands, 4, rows))
    mix = np.empty((8, nodes))
    peak[:] = 0.0
    weight, slope = np.empty(4), np.empty(4)
    amplitude = np.exp(p[Y])
    for i in range(t.size):
        b = band[i]
        if peak[b] == 0.0:
            curve_free_z(tables, b, dust[b], p[Z], p[X1], p[C], 0, rows, mix, curves[b])
            peak[b] = max(amplitude * curves[b, FLUX, : tables.days].max(), 1e-300)
        day = (t[i] - p[T0]) / (1.0 + p[Z]) - tables.first_phase
        row = phase_taps(day, tables.days, STOPS, weight, slope)
        out[i] = 0.0
        if row >= 0:
            for q in range(4):
                out[i] += amplitude * weight[q] * curves[b, FLUX, row + q]


@entry
def flux_many(
    tables: Tables,
    dust: Floats,
    t: Floats,
    band: Ints,
    p: Floats,
    out: Floats,
) -> None:
    """Fill the model flux [uJy] of one candidate; zero outside the phases, as in sncosmo.

    Parameters
    ----------
    tables : Tables
    dust : ndarray, shape (bands, nodes)
        Milky Way extinction at the nodes [mag].
    t, band : ndarray
        Times [d] and rows of the tables.
    p : ndarray, shape (5,)
        t0, ln x0, x1, c, z.
    """
    fluxes(tables, dust, t, band, p, out, np.empty(tables.values.shape[0]))
