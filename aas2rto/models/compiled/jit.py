"""One door to numba, so that all kernels are compiled and cached alike."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

FAST = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be reordered, which lets the compiler use vector units; NaN and inf keep meaning."""


def compiled(function: F) -> F:
    """Compile `function` with numba, keep the machine code on disk, and let threads run it."""
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
    return cast(F, numba.njit(**options, fastmath=FAST)(function))


def in_threads(run: Callable[[int, int], None], n: int, *, workers: int, chunk: int) -> None:
    """Run ``run(start, stop)`` over ``range(n)`` in chunks; kernels release the interpreter.

    Parameters
    ----------
    run : callable
        Works on the items ``start <= i < stop`` and writes its answers in place.
    n : int
        Number of items.
    workers : int
        Threads; 1 runs here, without a pool.
    chunk : int
        Items in one go, so that long and short items spread evenly.
    """
    edges = np.arange(0, n, max(chunk, 1)).tolist()
    if workers <= 1 or len(edges) <= 1:
        for start in edges:
            run(start, min(start + chunk, n))
        return
    with ThreadPoolExecutor(workers) as pool:
        for job in [pool.submit(run, start, min(start + chunk, n)) for start in edges]:
            job.result()
