"""A small simulated sky that all stand-ins look at, so that their answers fit together.

The light curves are simple rises and declines in flux: good enough to rank, no more. The same
seed gives the same sky; `now` decides how much of it has happened yet.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

NOW = 61366.15
"""Default time of the stand-ins, MJD (UTC): 2026-11-22 03:36."""

AB = {"ugrizy"[i]: offset for i, offset in enumerate((0.6, 0.0, 0.0, 0.25, 0.3, 0.35))}
AB |= {"c": 0.0, "o": 0.05}
"""Magnitudes by which a transient is fainter in a band than in r at its peak."""

ZTF_DEPTH, LSST_DEPTH, ATLAS_DEPTH = 20.5, 24.0, 19.3
"""5 sigma limits of one exposure [mag]."""

TAI = 37.0 / 86400.0
"""TAI - UTC [d] since 2017."""


@dataclass(frozen=True)
class Exposure:
    """One look of a survey at a transient.

    Parameters
    ----------
    mjd : float
        [d, UTC].
    band : str
        Letter.
    flux, flux_err : float
        [uJy].
    """

    mjd: float
    band: str
    flux: float
    flux_err: float

    @property
    def detected(self) -> bool:
        return self.flux > 5.0 * self.flux_err

    @property
    def mag(self) -> float:
        return 23.9 - 2.5 * math.log10(abs(self.flux))

    @property
    def magerr(self) -> float:
        return 1.0857 * self.flux_err / abs(self.flux)

    @property
    def limit(self) -> float:
        return 23.9 - 2.5 * math.log10(5.0 * self.flux_err)


@dataclass(frozen=True)
class Transient:
    """Something that changes, and what the world calls it."""

    number: int
    kind: str
    ra: float
    dec: float
    t_peak: float
    mag_peak: float
    redshift: float
    tns_name: str
    tns_type: str

    @property
    def ztf_id(self) -> str:
        letters = "abcdefghijklmnopqrstuvwxyz"
        n = self.number * 7919
        tail = "".join(letters[(n // 26**k) % 26] for k in range(7))
        return f"ZTF26{tail}"

    @property
    def lsst_id(self) -> int:
        """More than 2**53, so that an id that went through a float is caught."""
        return 313_000_000_000_000_001 + self.number * 7_777_777_777_777

    def true_flux(self, mjd: float, band: str) -> float:
        """Flux [uJy] over the template."""
        t = mjd - self.t_peak
        rise, fall = (5.0, 22.0) if self.kind == "SN Ia" else (4.0, 60.0)
        if self.kind == "AGN":
            shape = math.sin(t / 9.0)
        else:
            shape = math.exp(-max(t, -80.0) / fall) / (1.0 + math.exp(-t / rise))
            t0 = rise * math.log(fall / rise - 1.0)
            shape /= math.exp(-t0 / fall) / (1.0 + math.exp(-t0 / rise))
            shape *= t > -19.0
        return 10.0 ** (0.4 * (23.9 - self.mag_peak - AB[band])) * shape

    def _look(self, mjd: float, band: str, depth: float) -> Exposure:
        err = 10.0 ** (0.4 * (23.9 - depth)) / 5.0
        noise = random.Random(f"{self.number}:{mjd:.6f}:{band}").gauss(0.0, err)
        return Exposure(mjd, band, self.true_flux(mjd, band) + noise, err)

    def ztf(self, now: float) -> list[Exposure]:
        """Every second night in g and r, for 60 days up to `now`."""
        return list(self._looks(now, 2, (("g", 0.31), ("r", 0.36)), ZTF_DEPTH))

    def lsst(self, now: float) -> list[Exposure]:
        """Every third night in three of six bands."""
        bands = (("g", 0.11), ("r", 0.12), ("i", 0.13))
        if self.number % 2:
            bands = (("u", 0.11), ("r", 0.12), ("z", 0.13))
        return list(self._looks(now, 3, bands, LSST_DEPTH))

    def atlas(self, now: float) -> list[Exposure]:
        """Every second night, four exposures within an hour."""
        slots = tuple(("o", 0.42 + k * 0.012) for k in range(4))
        return list(self._looks(now, 2, slots, ATLAS_DEPTH))

    @functools.lru_cache(maxsize=1024)  # noqa: B019  a handful of transients, for one process
    def _looks(
        self, now: float, every: int, slots: tuple[tuple[str, float], ...], depth: float
    ) -> tuple[Exposure, ...]:
        return tuple(self._each_look(now, every, slots, depth))

    def _each_look(
        self, now: float, every: int, slots: tuple[tuple[str, float], ...], depth: float
    ) -> Iterator[Exposure]:
        for night in range(math.floor(now) - 60, math.floor(now) + 1):
            if (night + self.number) % every == 0:
                for band, part in slots:
                    mjd = night + part + self.number * 1e-4
                    if mjd <= now:
                        yield self._look(mjd, band, depth)

    def detections(self, survey: str, now: float) -> list[Exposure]:
        looks = self.ztf(now) if survey == "ztf" else self.lsst(now)
        return [look for look in looks if look.detected]


@functools.lru_cache
def transients(seed: int = 3, around: float = NOW) -> tuple[Transient, ...]:
    """Twenty transients with peaks from 40 days before `around` to 8 days after it."""
    rng = random.Random(seed)
    found = []
    for number in range(20):
        kind = ("SN Ia", "SN Ia", "SN II", "SN Ia", "AGN")[number % 5]
        t_peak = around + rng.uniform(-30.0, 8.0)
        reported = number % 2 == 0 and kind != "AGN"
        found.append(
            Transient(
                number=number,
                kind=kind,
                ra=rng.uniform(0.0, 120.0),
                dec=rng.uniform(-35.0, 25.0),
                t_peak=t_peak,
                mag_peak=rng.uniform(16.0, 18.3),
                redshift=round(rng.uniform(0.01, 0.08), 4),
                tns_name=f"2026{'abcdefghijklmnopqrst'[number]}zz" if reported else "",
                tns_type=kind if reported and number % 4 == 0 else "",
            )
        )
    return tuple(found)


def candid(transient: Transient, look: Exposure) -> int:
    """ZTF's number of one detection: 19 digits."""
    return int((look.mjd - 57754.0) * 1000) * 10**12 + 115_015_000_000 + transient.number * 10


def dia_source_id(transient: Transient, look: Exposure) -> int:
    """LSST's number of one detection: 18 digits."""
    return int((look.mjd - 57754.0) * 1e5) * 10**9 + 10**17 + transient.number * 10 + 1
