"""Small dense linear algebra for the fits: symmetric positive systems of a few unknowns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aas2rto.models.compiled.jit import compiled

Floats = NDArray[np.float64]


@compiled
def cholesky(a: Floats, n: int, out: Floats) -> bool:
    """Factor the leading n x n block of `a` as L L^T into `out`; False if not positive."""
    for i in range(n):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= out[i, k] * out[j, k]
            if i == j:
                if not s > 1e-14 * abs(a[i, i]) or not s > 0.0:
                    return False
                out[i, i] = np.sqrt(s)
            else:
                out[i, j] = s / out[j, j]
    return True


@compiled
def solve_factored(factor: Floats, n: int, b: Floats, x: Floats) -> None:
    """Solve L L^T x = b."""
    for i in range(n):
        s = b[i]
        for k in range(i):
            s -= factor[i, k] * x[k]
        x[i] = s / factor[i, i]
    for i in range(n - 1, -1, -1):
        s = x[i]
        for k in range(i + 1, n):
            s -= factor[k, i] * x[k]
        x[i] = s / factor[i, i]


@compiled
def invert_positive(a: Floats, n: int, out: Floats) -> bool:
    """Write the inverse of the leading block of `a` to `out`; False (and NaN) if not positive.

    Rows and columns are scaled to a unit diagonal first, because the unknowns of a fit differ
    by many decades.
    """
    scale = np.empty(n)
    scaled = np.empty((n, n))
    factor = np.zeros((n, n))
    for i in range(n):
        scale[i] = 1.0 / np.sqrt(a[i, i]) if a[i, i] > 0.0 else np.nan
    for i in range(n):
        for j in range(n):
            scaled[i, j] = a[i, j] * scale[i] * scale[j]
            out[i, j] = np.nan
    if not cholesky(scaled, n, factor):
        return False
    unit = np.zeros(n)
    column = np.empty(n)
    for j in range(n):
        unit[:] = 0.0
        unit[j] = 1.0
        solve_factored(factor, n, unit, column)
        for i in range(n):
            out[i, j] = column[i] * scale[i] * scale[j]
    return True
