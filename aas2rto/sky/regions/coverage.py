"""MOC files: regions as HEALPix cells, which brokers and archives take (IVOA MOC 2.0).

Read and written by mocpy, which the extra `moc` brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aas2rto.errors import InputError, UsageError
from aas2rto.sky.regions import WHOLE_SKY, Mask, Vectors
from aas2rto.sky.regions.cells import FINEST, Ints, covering, place, runs

ORDER = 12
"""Order of the paper's maps: cells of 51.5"."""

FORMATS = {".json": "json", ".txt": "ascii", ".moc": "ascii"}
"""By the end of a file's name; else FITS."""


class Bordered(Protocol):
    """A region that knows how far it is to its border."""

    def margin(self, at: Vectors) -> NDArray[np.float64]:
        """Return how far inside positions lie [deg]; negative: outside."""
        ...


@dataclass(frozen=True)
class Coverage:
    """A region as a MOC.

    Parameters
    ----------
    name : str
    begin, end : ndarray of int
        Its cells as runs of the finest order, see `aas2rto.sky.regions.cells.runs`.
    order : int
        Of its smallest cells.
    """

    name: str
    begin: Ints
    end: Ints
    order: int

    @property
    def area(self) -> float:
        """What it covers [deg2]."""
        return float((self.end - self.begin).sum() / (12 * 4**FINEST) * WHOLE_SKY)

    def contains(self, at: Vectors) -> Mask:
        """Tell which positions lie inside, see `aas2rto.sky.regions.Region`."""
        return np.asarray(place(at, self.begin, self.end) >= 0)

    def moc(self) -> Any:
        """Return it as mocpy has it."""
        spans = np.stack([self.begin, self.end], axis=1).astype(np.uint64)
        return _library().from_depth29_ranges(self.order, spans)

    def write(self, path: Path) -> None:
        """Write it, by the end of the name as FITS, JSON or text; an old file is replaced."""
        kind = FORMATS.get(path.suffix.lower(), "fits")
        beside = path.with_name(f"{path.name}.new")
        self.moc().save(str(beside), format=kind, overwrite=True)
        beside.replace(path)


def _taken(name: str, moc: Any) -> Coverage:
    """Return what a MOC of mocpy holds: its own objects complain when a program ends."""
    spans = np.asarray(moc.to_depth29_ranges, dtype=np.uint64).astype(np.int64).reshape(-1, 2)
    return Coverage(name, spans[:, 0].copy(), spans[:, 1].copy(), int(moc.max_order))


def read(path: Path) -> Coverage:
    """Read a MOC file: FITS, JSON or text.

    Raises
    ------
    UsageError
        If mocpy is not installed.
    InputError
        If the file cannot be read.
    """
    library = _library()
    try:
        if path.suffix.lower() in FORMATS:
            text = path.read_text(encoding="utf-8")
            kind = "json" if text.lstrip().startswith("{") else "ascii"
            moc = library.from_string(text, format=kind)
        else:
            moc = library.from_fits(str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror or error})") from error
    except (ValueError, KeyError, AttributeError, TypeError, UnicodeError) as error:
        raise InputError(f"{path}: is no MOC file ({' '.join(str(error).split())})") from error
    return _taken(path.stem, moc)


def of_region(
    region: Bordered, order: int = ORDER, *, touched: bool = False, name: str = ""
) -> Coverage:
    """Return the MOC of a region.

    Parameters
    ----------
    region : Bordered
        A zone, an overlap, a disc or a polygon.
    order : int
        Of its smallest cells, 0 to 29. Narrow zones need 14 or more.
    touched : bool
        Whether cells count that the region merely touches, as in the paper, which makes it larger:
        Neptune's zone at order 12 by more than its own area. Otherwise those whose centre lies
        inside.
    name : str
    """
    if not 0 <= order <= FINEST:
        raise UsageError(f"the order of a MOC is 0 to {FINEST}, not {order}")
    begin, end = runs(*covering(region.margin, order, touched=touched))
    return Coverage(name, begin, end, order)


def union(parts: Sequence[Coverage], name: str) -> Coverage:
    """Return what lies in any of several MOCs."""
    first, *others = [part.moc() for part in parts]
    return _taken(name, first.union(*others) if others else first)


def _library() -> Any:
    """Return mocpy's class of MOCs."""
    try:
        from mocpy import MOC  # noqa: PLC0415  an extra, and slow to import
    except ImportError as error:
        raise UsageError(
            "MOC files need mocpy: pip install 'aas2rto[moc]' (or `pip install mocpy`)"
        ) from error
    return MOC
