"""Histories of alerts, from columns to rows of photometry, without an object per measurement.

`packets` reads an alert as nested mappings, one measurement after the other. A night's stream
has millions of measurements, nearly all of them in histories; here those of hundreds of alerts
are read at once. What a field means is the business of `ztf_packet` and `lsst_packet`, whose
conversions are used; the tests demand the same tables from both ways.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.sources.packets import avro_steps as machine
from aas2rto.sources.packets import lsst as lsst_packet
from aas2rto.sources.packets import nulls, quality
from aas2rto.sources.packets import ztf as ztf_packet
from aas2rto.sources.packets.avro import Chunk, Items, Values
from aas2rto.sources.packets.avro_schema import Path
from aas2rto.sources.packets.batch import Batch
from aas2rto.sources.packets.format import Columns, Convert, Head
from aas2rto.sources.packets.quality import Quality
from aas2rto.tables import photometry

Found = tuple[Convert, Columns]

NUMBERS = frozenset({machine.NULL, machine.INTEGER, machine.FLOAT, machine.DOUBLE})
WHOLE = frozenset({machine.NULL, machine.INTEGER})
TEXTS = frozenset({machine.NULL, machine.BYTES})
Test = tuple[NDArray[np.bool_], str]
"""Which measurements fail, and in words what."""

FLAGS = frozenset({machine.NULL, machine.BOOLEAN, machine.INTEGER})

_HEADS: dict[str, frozenset[str]] = {
    "candidate": frozenset({"candid", "jd", "ra", "dec", *ztf_packet.KEPT}),
    "diaSource": frozenset(
        {
            "diaSourceId",
            "diaObjectId",
            "ra",
            "dec",
            "timeProcessedMjdTai",
            *lsst_packet.KEPT,
        }
    ),
    "diaObject": frozenset({"diaObjectId", "ra", "dec"}),
}
"""Entries of an alert's own measurement that are read beside those of its history."""

_HISTORIES = {**ztf_packet.PACKET.histories, **lsst_packet.PACKET.histories}
_HEADS["candidate"] |= _HISTORIES["prv_candidates"]
_HEADS["diaSource"] |= _HISTORIES["prvDiaSources"]
_CHOSEN = {**_HEADS, **_HISTORIES}
_UNREAD = ("cutout", "lc_features", "ssSource", "mpc_orbits", "broker")

SIGN_LETTERS = {"t": 1.0, "T": 1.0, "1": 1.0, "f": -1.0, "F": -1.0, "0": -1.0}
"""First letters of `ztf_packet.SIGNS`, which tell all of them apart."""


def alert_entries(path: Path) -> bool:
    """Choose the entries of an alert that `packets` reads: no images, few fields of each."""
    if path[0].startswith(_UNREAD):
        return False
    return len(path) == 1 or path[0] not in _CHOSEN or path[-1] in _CHOSEN[path[0]]


def add_chunk(chunk: Chunk, batch: Batch, wheres: Sequence[str]) -> int:
    """Add the alerts of a chunk to a batch, their histories by columns.

    Parameters
    ----------
    chunk : Chunk
        Is used up.
    batch : Batch
    wheres : sequence of str
        Where each alert came from, for problem lines.

    Returns
    -------
    int
        How many records could not be read, or were no alerts.
    """
    columns = {path: read for path, read in _READERS.items() if _fits(path, chunk.items)}
    chunk.assemble([path for path in chunk.items if path not in columns])
    heads: list[Head | None] = []
    unreadable = 0
    for alert, where in zip(chunk.alerts, wheres, strict=True):
        if isinstance(alert, InputError):
            batch.problems.append(f"{where}: {alert}")
            heads.append(None)
            unreadable += 1
            continue
        before = len(batch.problems), batch.used
        heads.append(batch.add(alert, where=where))
        unreadable += len(batch.problems) > before[0] and batch.used == before[1]
    for path, read in columns.items():
        history = _History(chunk.items[path], heads, batch.quality)
        for convert, block in read(history):
            batch.add_columns(convert, block)
        batch.problems.extend(history.complaints(wheres))
    return unreadable


class _History:
    """The items of one array, with the alerts that they belong to."""

    def __init__(self, items: Items, heads: Sequence[Head | None], quality: Quality) -> None:
        self.values = items.values
        self.owners = items.owners
        taken = np.array([head is not None for head in heads], dtype=bool)
        names = np.array([head.object_id if head else "" for head in heads], dtype=object)
        known = np.array([head.known_at if head else np.nan for head in heads])
        self.wanted: NDArray[np.bool_] = taken[items.owners]
        self.names = names[items.owners]
        self.known_at = known[items.owners]
        self._broken = np.zeros(len(items.owners), dtype=bool)
        self._quality = quality

    def why_bad(self, tests: Iterable[Test]) -> NDArray[np.object_]:
        """Say of each measurement which test it fails first, those of the config at last."""
        asked = (
            (_sane(self.values.numbers(name)) < least, quality.below(name, least))
            for name, least in self._quality.least().items()
        )
        return first_of([*tests, *asked], len(self.owners))

    def drop(self, broken: NDArray[np.bool_]) -> None:
        """Leave measurements out that cannot be used, and remember to say so."""
        self._broken |= broken & self.wanted
        self.wanted = self.wanted & ~broken

    def complaints(self, wheres: Sequence[str]) -> Iterator[str]:
        """Yield a line for each alert with measurements that cannot be used."""
        owners, counts = np.unique(self.owners[self._broken], return_counts=True)
        for owner, n in zip(owners.tolist(), counts.tolist(), strict=True):
            name = self.names[np.flatnonzero(self.owners == owner)[0]]
            yield f"{wheres[owner]}: {n} of the measurements of {name} cannot be used"


def first_of(tests: Iterable[Test], n: int) -> NDArray[np.object_]:
    """Return of each measurement the first test that it fails; empty if it fails none."""
    number, words = np.zeros(n, dtype=np.intp), [""]
    for failed, why in tests:
        number[failed & (number == 0)] = len(words)
        words.append(why)
    return np.array(words, dtype=object)[number]


def _usable_ids(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which identifiers are some: 0 and the sentinels of `nulls` are not."""
    sentinels = [int(number) for number in nulls.NUMBER_SENTINELS]
    good: NDArray[np.bool_] = (ids != 0) & ~np.isin(ids, sentinels)
    return good


def _sane(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers without the sentinels of `nulls`."""
    bad = ~np.isfinite(numbers) | np.isin(numbers, list(nulls.NUMBER_SENTINELS))
    return np.where(bad, np.nan, numbers)


def _ztf_history(history: _History) -> Iterator[Found]:
    """Read ``prv_candidates``: detections, and exposures without one (no candid)."""
    values = history.values
    candid = values.integers("candid")
    no_candid = values.kinds("candid") == machine.NULL
    jd, fid = values.numbers("jd"), values.integers("fid")
    history.drop(~no_candid & ~_usable_ids(candid))
    known_band = np.isin(fid, list(ztf_packet.BANDS))
    history.drop(no_candid & ~(known_band & np.isfinite(jd)))
    seen = np.flatnonzero(history.wanted & ~no_candid)
    unseen = np.flatnonzero(history.wanted & no_candid)
    tests = [
        (_sane(values.numbers("rb")) < ztf_packet.MIN_REAL_BOGUS, ztf_packet.LOW_RB),
        (_sane(values.numbers("nbad")) > 0, ztf_packet.BAD_PIXELS),
    ]
    suspect = history.why_bad(tests)
    signs = [SIGN_LETTERS.get(text[:1], np.nan) for text in values.texts("isdiffpos", seen)]
    yield (
        ztf_packet.detections,
        (
            history.names[seen],
            jd[seen],
            fid[seen],
            values.numbers("magpsf")[seen],
            values.numbers("sigmapsf")[seen],
            np.array(signs),
            values.numbers("diffmaglim")[seen],
            suspect[seen],
            _texts(map(str, candid[seen].tolist())),
            history.known_at[seen],
            values.numbers("magnr")[seen],
            values.numbers("sigmagnr")[seen],
            values.numbers("distnr")[seen],
        ),
    )
    mjd = jd[unseen] - photometry.MJD_OF_JD
    bands = [ztf_packet.BANDS[f] for f in fid[unseen].tolist()]
    yield (
        ztf_packet.limits,
        (
            history.names[unseen],
            mjd,
            _texts(bands),
            values.numbers("diffmaglim")[unseen],
            _texts(map(photometry.limit_id, bands, mjd.tolist())),
            history.known_at[unseen],
        ),
    )


def _texts(words: Iterable[str]) -> NDArray[np.object_]:
    return np.array(list(words), dtype=object)


def _ztf_forced(history: _History) -> Iterator[Found]:
    """Read ``fp_hists``, as far as ZTF processed them without a warning."""
    values = history.values
    flux = values.numbers("forcediffimflux")
    everywhere = np.arange(len(values))
    status = values.texts("procstatus", everywhere)
    good = np.array([text.strip() == "0" for text in status], dtype=bool)
    good &= np.isfinite(flux) & (flux != ztf_packet.FORCED_SENTINEL)
    rows = np.flatnonzero(history.wanted & good)
    fid, pid = values.integers("fid")[rows], values.integers("pid")[rows].tolist()
    yield (
        ztf_packet.forced,
        (
            history.names[rows],
            values.numbers("jd")[rows],
            fid,
            flux[rows],
            values.numbers("forcediffimfluxunc")[rows],
            values.numbers("magzpsci")[rows],
            _texts(f"fp:{p}:{f}" for p, f in zip(pid, fid.tolist(), strict=True)),
            history.known_at[rows],
        ),
    )


def _lsst_history(history: _History) -> Iterator[Found]:
    values = history.values
    tests = ((values.integers(flag) != 0, flag) for flag in lsst_packet.SUSPECT_FLAGS)
    suspect = history.why_bad(tests)
    yield _lsst_rows(history, "diaSourceId", suspect, "")


def _lsst_forced(history: _History) -> Iterator[Found]:
    none = first_of((), len(history.values))
    yield _lsst_rows(history, "diaForcedSourceId", none, "forced:")


def _lsst_rows(history: _History, key: str, suspect: NDArray[np.object_], prefix: str) -> Found:
    """Read fluxes, as far as there is one and Rubin has not withdrawn it."""
    values = history.values
    ids = values.integers(key)
    flux = values.numbers("psfFlux")
    history.drop(~_usable_ids(ids))
    withdrawn = np.isfinite(values.numbers("timeWithdrawnMjdTai"))
    rows = np.flatnonzero(history.wanted & np.isfinite(flux) & ~withdrawn)
    return lsst_packet.fluxes, (
        history.names[rows],
        values.numbers("midpointMjdTai")[rows],
        _texts(values.texts("band", rows)),
        flux[rows],
        values.numbers("psfFluxErr")[rows],
        suspect[rows],
        _texts(f"{prefix}{number}" for number in ids[rows].tolist()),
        history.known_at[rows],
        values.numbers("templateFlux")[rows],
        values.numbers("templateFluxErr")[rows],
    )


_READERS: dict[Path, Callable[[_History], Iterator[Found]]] = {
    ("prv_candidates",): _ztf_history,
    ("fp_hists",): _ztf_forced,
    ("prvDiaSources",): _lsst_history,
    ("prvDiaForcedSources",): _lsst_forced,
}

_KINDS: dict[str, frozenset[int]] = {
    "candid": WHOLE,
    "fid": WHOLE,
    "pid": WHOLE,
    "diaSourceId": WHOLE,
    "diaForcedSourceId": WHOLE,
    "isdiffpos": TEXTS,
    "procstatus": TEXTS,
    "band": TEXTS,
    **dict.fromkeys(lsst_packet.SUSPECT_FLAGS, FLAGS),
}
"""What the columns may hold; all others are numbers."""


def _fits(path: Path, items: dict[Path, Items]) -> bool:
    """Say whether an array has the types that its reader expects; others are read as mappings."""
    if path not in items:
        return False
    values: Values = items[path].values
    names: list[Any] = [place[-1] for place in values.table.columns if place]
    return all(values.holds_only(name, _bits(_KINDS.get(name, NUMBERS))) for name in names)


@functools.cache
def _bits(kinds: frozenset[int]) -> int:
    return sum(1 << kind for kind in kinds)
