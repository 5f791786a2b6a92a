"""Whose measurement a row is, and in which band: letters and codes -> sncosmo's names."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from aas2rto.sources.files.cells import Texts
from aas2rto.sources.packets import lsst as lsst_packet
from aas2rto.tables import photometry

OTHER_SURVEY = "user"
"""Survey of a table that neither says it nor shows it in its bands or identifiers."""

SURVEY_BANDS: dict[str, Mapping[str, str]] = {
    "ztf": {"1": "ztfg", "2": "ztfr", "3": "ztfi", "g": "ztfg", "r": "ztfr", "i": "ztfi"},
    "lsst": dict(lsst_packet.BANDS),
    "atlas": {"c": "atlasc", "o": "atlaso", "cyan": "atlasc", "orange": "atlaso"},
    "asassn": {"g": "sdssg", "V": "bessellv", "v": "bessellv"},
    "gaia": {"G": "gaia::g", "g": "gaia::g"},
    "aavso": {
        "U": "bessellux",
        "B": "bessellb",
        "V": "bessellv",
        "R": "bessellr",
        "I": "besselli",
        "su": "sdssu",
        "sg": "sdssg",
        "sr": "sdssr",
        "si": "sdssi",
        "sz": "sdssz",
    },
}

VEGA_SURVEYS = frozenset({"gaia", "aavso"})
"""Their magnitudes are Vega's in the bands of Johnson, Cousins and Gaia."""

_ALIASES = {
    "asas_sn": "asassn",
    "asas-sn": "asassn",
    "rubin": "lsst",
    "lsstcam": "lsst",
    "p48": "ztf",
    "none": "",
}

STRICT = frozenset({"asassn", "gaia", "aavso"})
"""Their other codes, such as AAVSO's ``Vis.`` and ``CV``, are no passbands."""

FAMILIES: dict[str, Mapping[str, str]] = {
    "sdss": {letter: f"sdss{letter}" for letter in "ugriz"},
    "ps1": {letter: f"ps1::{letter}" for letter in "grizy"},
}
"""Passbands that a word beside the letter tells, and no survey."""

_CLEAR_BANDS = {
    "zg": "ztfg",
    "zr": "ztfr",
    "zi": "ztfi",
    "1": "ztfg",
    "2": "ztfr",
    "3": "ztfi",
    "o": "atlaso",
    "c": "atlasc",
    "cyan": "atlasc",
    "orange": "atlaso",
}
"""Band names that tell their survey on their own; ``ZTF-g`` and ``r.ztf`` do so, too."""


@functools.lru_cache(maxsize=1024)
def clear_band(name: str) -> str:
    """Return sncosmo's name of a band that tells its survey; empty for any other."""
    if name in _CLEAR_BANDS or name in photometry.BANDS:
        return _CLEAR_BANDS.get(name, name)
    words = [word for word in re.split(r"[^a-z0-9]+", name) if word]
    found = [
        names[letter]
        for survey, names in {**SURVEY_BANDS, **FAMILIES}.items()
        for letter in words
        if survey in words and letter in names
    ]
    return found[0] if len(words) == 2 and found else ""


def survey_of_band(name: str) -> str:
    """Return the survey that a band tells; empty if it tells none."""
    band = clear_band(name)
    return next((survey for survey in ("ztf", "lsst", "atlas") if band.startswith(survey)), "")


def raw_bands(codes: Texts) -> Texts:
    """Return band names in lower case; single letters as they are, since V is not v."""
    return _mapped(codes, lambda name: name if len(name) == 1 else name.lower())


def bands(raw: Texts, surveys: Texts) -> Texts:
    """Return sncosmo's name of each row's band; empty where it is not known."""
    keys = pd.Series(raw).astype(str) + "\n" + pd.Series(surveys).astype(str)
    return _mapped(keys.to_numpy(dtype=object), lambda key: _band(*key.split("\n")))


def _band(name: str, survey: str) -> str:
    known = SURVEY_BANDS.get(survey, {}).get(name)
    if not known and not (name.isdigit() and survey not in {"ztf", OTHER_SURVEY}):
        known = clear_band(name)
    known = known or ""
    return known if known or survey in STRICT else _named(name)


def _named(name: str) -> str:
    """Return a name that may be one of sncosmo's; which of them a model knows is its business."""
    return name if len(name) > 1 and re.search("[a-z]", name) else ""


def surveys(given: Texts, raw: Texts, ids: Texts, telescopes: Texts) -> Texts:
    """Name the survey of each row: as given, or as its band, identifier or telescope shows.

    A telescope that is not the survey's own becomes a survey of its own: two telescopes in one
    band at one time are two measurements.
    """
    words = _mapped(given, _survey_word)
    by_band = _mapped(raw, survey_of_band)
    by_id = _mapped(ids, lambda name: "ztf" if name[:3] == "ZTF" else "")
    by_telescope = _mapped(telescopes, _telescope)
    survey = np.where(words != "", words, np.where(by_band != "", by_band, by_id))
    known = np.isin(by_telescope, list(SURVEY_BANDS))
    survey = np.where((survey == "") & known, by_telescope, survey)
    foreign = (by_telescope != "") & ~known & (words == "")
    survey = np.where(foreign, by_telescope, survey)
    return np.where(survey == "", OTHER_SURVEY, survey).astype(object)


def _survey_word(word: str) -> str:
    name = word.strip().lower()
    if name.isdigit():
        return ""  # ALeRCE numbers surveys
    return _ALIASES.get(name, name)


def _telescope(word: str) -> str:
    name = _survey_word(word)
    words = set(re.split(r"[^a-z0-9]+", name))
    found = next((survey for survey in SURVEY_BANDS if survey in words), "")
    return found or ("ztf" if "p48" in words else re.sub(r"\s+", "-", name))


def _mapped(column: Texts, read: Callable[[str], str]) -> Texts:
    codes, uniques = pd.factorize(np.asarray(column, dtype=object))
    found = np.array([read(str(text)) for text in uniques], dtype=object)
    return found[codes] if len(found) else np.empty(0, dtype=object)
