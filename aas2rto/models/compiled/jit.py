"""One door to numba, so that all kernels are compiled and cached alike."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np

from aas2rto.dust import cache_folder

F = TypeVar("F", bound=Callable[..., Any])

FAST = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be reordered, which lets the compiler use vector units; NaN and inf keep meaning."""


def _digest() -> str:
    """Return what the machine code depends on: all sources of this folder, and numba."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    text = [numba.__version__.encode(), *(path.read_bytes() for path in files)]
    return hashlib.sha256(b"".join(text)).hexdigest()[:16]


def _code_folder() -> Path:
    """Return where the machine code is kept: beside the sources, or in the user's cache.

    It is keyed by all sources. numba itself looks only at the file of the outermost function, and
    would go on using an old kernel after a change in a file that it calls.
    """
    here = Path(__file__).parent
    home = here / "__pycache__" if os.access(here, os.W_OK) else cache_folder() / "compiled"
    return home / _digest()


CODE_FOLDER = _code_folder()


def compiled(function: F) -> F:
    """Compile a function that only compiled code calls; see `entry`."""
    return _njit(function, no_cpython_wrapper=True)


def entry(function: F) -> F:
    """Compile a function that Python calls.

    The machine code is kept on disk, and threads may run it side by side.
    """
    return _njit(function)


def _njit(function: F, **options: Any) -> F:
    config, njit = cast(Any, numba.config), cast(Any, numba.njit)
    theirs, config.CACHE_DIR = config.CACHE_DIR, str(CODE_FOLDER)
    try:
        fast = njit(
            cache=True,
            nogil=True,
            error_model="numpy",
            fastmath=FAST,
            no_cfunc_wrapper=True,
            **options,
        )
        return cast(F, fast(function))
    finally:
        config.CACHE_DIR = theirs


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
