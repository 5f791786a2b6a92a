"""One door to numba, so that all kernels are compiled and cached alike."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np

from aas2rto.models.compile_time import WAITED
from aas2rto.text.cache import (
    VARIABLE,
    cache_folder,
    can_hold,
    is_temporary,
    temporary_folder,
)
from aas2rto.text.logs import PROGRESS

log = logging.getLogger(PROGRESS)

F = TypeVar("F", bound=Callable[..., Any])

FAST = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be reordered, which lets the compiler use vector units; NaN and inf keep meaning."""

OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": FAST, "no_cfunc_wrapper": True}


def _digest() -> str:
    """Return what the machine code depends on: all sources of kernels, and numba."""
    here = Path(__file__).parent
    files = sorted([*here.glob("*.py"), *here.with_name("watched").glob("*.py")])
    text = [numba.__version__.encode(), *(path.read_bytes() for path in files)]
    return hashlib.sha256(b"".join(text)).hexdigest()[:16]


def _code_folder() -> Path:
    """Return where the machine code is kept: beside the sources, or in the program's cache.

    It is keyed by all sources. numba itself looks only at the file of the outermost function, and
    would go on using an old kernel after a change in a file that it calls.
    """
    beside = Path(__file__).parent / "__pycache__"
    if can_hold(beside) and not os.environ.get(VARIABLE):
        return beside / _digest()
    usual = cache_folder() / "compiled" / _digest()
    goal = usual if can_hold(usual) else temporary_folder() / "compiled" / _digest()
    # numba takes no folder that it cannot write, though it would only read: what an administrator
    # compiled, in an image or beside the package, is copied.
    ready = next((one for one in (usual, beside / _digest()) if one != goal and one.is_dir()), None)
    if ready is not None and not goal.exists():
        with contextlib.suppress(OSError):
            goal.parent.mkdir(parents=True, exist_ok=True)
            part = Path(tempfile.mkdtemp(dir=goal.parent))
            shutil.copytree(ready, part, dirs_exist_ok=True, copy_function=shutil.copyfile)
            part.replace(goal)
    return goal


CODE_FOLDER = _code_folder()


def compiled(function: F) -> F:
    """Compile a function that only compiled code calls; see `entry`.

    Its machine code becomes part of the entry's, so it is not kept by itself.
    """
    return cast(F, cast(Any, numba.njit)(no_cpython_wrapper=True, **OPTIONS)(function))


def entry(function: F) -> F:
    """Compile a function that Python calls.

    The machine code is kept on disk, and threads may run it side by side.
    """
    config = cast(Any, numba.config)
    theirs, config.CACHE_DIR = config.CACHE_DIR, str(CODE_FOLDER)
    try:
        return cast(F, cast(Any, numba.njit)(cache=True, **OPTIONS)(function))
    finally:
        config.CACHE_DIR = theirs


def is_kept(function: Callable[..., Any]) -> bool:
    """Tell whether the machine code of an entry is on disk."""
    module, _, name = f"{function.__module__}.{function.__name__}".rpartition(".")
    return any(CODE_FOLDER.rglob(f"{module.rpartition('.')[2]}.{name}-*.nbc"))


def prepare(function: Callable[..., Any], run: Callable[[], None], words: str) -> None:
    """Compile an entry now, unless its machine code is on disk.

    Of two processes that come at once, one compiles and the other waits for it. A process that is
    killed leaves its lock open and no half file: the next one compiles again.

    Parameters
    ----------
    function : callable
        Made by `entry`.
    run : callable
        Calls it with arguments of the right types and nothing to do.
    words : str
        What it is for, told to the user if it takes a while.
    """
    if is_kept(function):
        with _told_if_slow(words):
            run()
        return
    if is_temporary(CODE_FOLDER):
        _say_where()
    with _alone(words):
        if not is_kept(function):
            log.info("compiling %s, once: this takes one to two minutes", words)
        with WAITED:
            run()


SLOW = 10.0
"""Seconds; what takes longer is not read from disk but compiled: it was of another machine."""


@contextlib.contextmanager
def _told_if_slow(words: str) -> Iterator[None]:
    told = "compiling %s anew, for this processor: this takes one to two minutes"
    timer = threading.Timer(SLOW, log.info, [told, words])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@functools.cache
def _say_where() -> None:
    log.info(
        "neither the package nor a home can be written: compiled fits are kept in %s; let %s name "
        "a folder that stays",
        CODE_FOLDER.parent.parent,
        VARIABLE,
    )


@contextlib.contextmanager
def _alone(words: str) -> Iterator[None]:
    """Hold a lock between processes; it ends with the process. Without locks, go on."""
    try:
        import fcntl  # noqa: PLC0415  not on every system

        CODE_FOLDER.mkdir(parents=True, exist_ok=True)
        file = (CODE_FOLDER / "lock").open("w")
    except (ImportError, OSError):
        yield
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("waiting for another program that makes %s ready", words)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


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
