"""Units and magnitude systems that a table declares, and what they are in uJy and AB."""

from __future__ import annotations

import functools
import re
import warnings

import numpy as np

from aas2rto.guard import attempt

FLUX_UNITS = {
    "nJy": 1e-3,
    "uJy": 1.0,
    "mJy": 1e3,
    "Jy": 1e6,
    "nmgy": 3.631,
    "nanomaggy": 3.631,
    "maggy": 3.631e9,
}
"""What one of each is in uJy; a maggy is 3631 Jy, the flux of AB magnitude 0."""

_SPELT = {
    "µjy": "uJy",
    "μjy": "uJy",
    "ujy": "uJy",
    "microjy": "uJy",
    "microjansky": "uJy",
    "mjy": "mJy",
    "millijansky": "mJy",
    "jy": "Jy",
    "jansky": "Jy",
    "njy": "nJy",
    "nanojansky": "nJy",
    "nmgy": "nmgy",
    "nanomaggy": "nmgy",
    "nanomaggies": "nmgy",
    "nanomgy": "nmgy",
    "maggy": "maggy",
    "maggies": "maggy",
}

UNIT_WORDS = frozenset(_SPELT) | frozenset(
    {
        "d",
        "day",
        "days",
        "mag",
        "mags",
        "abmag",
        "vegamag",
        "mag(ab)",
        "mag(vega)",
        "mag ab",
        "mag vega",
        "ab",
        "vega",
        "deg",
        "degree",
        "degrees",
        "hour",
        "hours",
        "hr",
        "hourangle",
        "h:m:s",
        "d:m:s",
        "hms",
        "dms",
        "rad",
        "s",
        "sec",
        "utc",
        "ct",
        "adu",
        "dn",
        "e-/s",
        "electron",
        "mjd",
        "jd",
        "arcsec",
        "km/s",
    }
)
"""What a row of units, or a bracket after a name, may hold, in lower case."""

VEGA_TO_AB: dict[str, float] = {
    "ztfg": -0.096,
    "ztfr": 0.184,
    "ztfi": 0.422,
    "bessellux": 0.79,
    "bessellb": -0.09,
    "bessellv": 0.02,
    "bessellr": 0.21,
    "besselli": 0.45,
    "sdssu": 0.91,
    "sdssg": -0.08,
    "sdssr": 0.16,
    "sdssi": 0.37,
    "sdssz": 0.54,
    "gaia::g": 0.114,
}
"""AB minus Vega magnitude of a source, by band.

ZTF: alpha Lyr STIS 007 through sncosmo's passbands. Bessell and SDSS: Blanton & Roweis (2007),
AJ 133, 734, Table 1; STIS 007 through Bessell's (1990) passbands and SDSS's of 2010 gives values
that are 0.01 to 0.02 mag smaller, which is how well Vega's flux is known. Gaia G: zero points of
DR3, 25.8010446445 (AB) and 25.6873668671 (Vega): Riello et al. (2021), A&A 649, A3, and
www.cosmos.esa.int/web/gaia/edr3-passbands."""


def flux_scale(unit: str) -> float:
    """Return what a flux of 1 in a unit is in uJy.

    Parameters
    ----------
    unit : str
        As declared: ``mJy``, ``uJy``, ``erg / (s cm2 Hz)``.

    Returns
    -------
    float
        NaN for what is no flux density per frequency, such as counts.

    Examples
    --------
    >>> flux_scale("mJy"), flux_scale("nanomaggies")
    (1000.0, 3.631)
    """
    word = unit.strip()
    if word in FLUX_UNITS:
        return FLUX_UNITS[word]
    if word != "MJy" and word.lower() in _SPELT:
        return FLUX_UNITS[_SPELT[word.lower()]]
    return _by_astropy(word)


@functools.lru_cache(maxsize=64)
def _by_astropy(word: str) -> float:
    from astropy import units as u  # noqa: PLC0415  half a second at import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # several slashes are clear enough
        found = attempt("unit", lambda: float(u.Unit(word).to(u.uJy)))
    return float("nan") if found.value is None else found.value


def is_vega(word: str) -> bool:
    """Say whether a unit or a word for a magnitude system means Vega."""
    return bool(re.search(r"vega|alpha_?lyr", word.lower()))


def is_ab(word: str) -> bool:
    """Say whether a word for a magnitude system means AB, or says nothing."""
    plain = word.strip().lower()
    return plain in {
        "",
        "ab",
        "abmag",
        "ab mag",
        "mag",
        "mags",
        "none",
        "nan",
        "null",
        "mag(ab)",
        "mag_ab",
        "mag ab",
        "sdss",
    }


def ab_minus(system: str, band: str) -> float:
    """Return what is added to a magnitude for AB [mag]; NaN if that is not known."""
    if is_ab(system):
        return 0.0
    return VEGA_TO_AB.get(band, np.nan) if is_vega(system) else np.nan
