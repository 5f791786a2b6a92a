"""Classes that brokers give in tables of theirs: their guess, never a spectroscopic type.

They become annotations under the names that the brokers' own sources use, so that a factor reads
one name wherever the value came from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from aas2rto.sources.files.cells import Texts
from aas2rto.sources.files.spellings import name_of

FINK, ALERCE, LASAIR = "fink_classification", "alerce_class", "lasair_sherlock"
REDSHIFT_NEARBY = "lasair_z"

KEYS = (FINK, ALERCE, LASAIR, REDSHIFT_NEARBY)
"""Annotations that tables bring: ``lasair_z`` is the redshift of what lies near."""

_BY_NAME = {
    "finkclass": FINK,
    FINK: FINK,
    ALERCE: ALERCE,
    LASAIR: LASAIR,
    REDSHIFT_NEARBY: REDSHIFT_NEARBY,
    "class_name": ALERCE,
    "sherlock_classification": LASAIR,
    "sherlock_classifications": LASAIR,
}
_CLASSIFIER = frozenset({"classifier", "classifier_name", "classifier_version", "probability"})
"""Columns beside ALeRCE's ``class`` (alerce.online, "Download" of a list of objects)."""

_SHERLOCK = frozenset(
    {
        "association_type",
        "catalogue_table_name",
        "catalogue_object_id",
        "separationarcsec",
        "physical_separation_kpc",
    }
)
"""Columns beside Sherlock's ``classification`` (lasair.readthedocs.io, "Schema browser")."""

_CROSS_MATCHED = frozenset({"VS", "CV", "BS", "AGN", "NT", "SN", "ORPHAN", "UNCLEAR"})
_ONLY_SHERLOCK = frozenset({"VS", "BS", "NT", "ORPHAN", "UNCLEAR"})
"""Sherlock's classes (lasair.readthedocs.io, "Sherlock"); those that no spectrum is called."""

_ANNOTATION = re.compile(r"(fink|alerce|lasair)_\w+")
"""Names under which the brokers' own sources keep what they say, such as ``fink_snn_sn_vs_all``."""

_WEAK = frozenset({"class", "classification", "type"})
_OF_TNS = "(TNS)"


def is_annotation(raw: str) -> bool:
    """Say whether a column is named as an annotation of a broker's source, and is kept under it.

    Examples
    --------
    >>> is_annotation("fink_snn_sn_vs_all"), is_annotation("v:classification")
    (True, False)
    """
    return bool(_ANNOTATION.fullmatch(raw.strip()))


def may_be(raw: str) -> bool:
    """Say whether a column may be a broker's class by its name."""
    plain = name_of(raw).plain
    return plain in _BY_NAME or plain in _WEAK


def key_of(raw: str, names: Sequence[str], words: Texts) -> str:
    """Return the annotation that a column of classes is; empty if it is no broker's.

    Parameters
    ----------
    raw : str
        The column, as the file calls it.
    names : sequence of str
        All columns of the file.
    words : ndarray of str
        What it holds.

    Examples
    --------
    >>> key_of("v:classification", ["i:objectId"], np.array(["SN candidate"], dtype=object))
    'fink_classification'
    >>> key_of("classification", ["name", "ra", "dec"], np.array(["SN Ia"], dtype=object))
    ''
    """
    plain = name_of(raw).plain
    beside = {name_of(str(name)).plain for name in names}
    if plain == "class_name" and not beside & _CLASSIFIER:
        return ""
    if plain in _BY_NAME:
        return _BY_NAME[plain]
    if plain not in _WEAK:
        return ""
    if raw.strip().lower().startswith(("v:", "d:", "f:")):
        return FINK
    if plain == "class" and beside & _CLASSIFIER:
        return ALERCE
    said = {str(word).upper() for word in words if word}
    is_sherlock = bool(said) and said <= _CROSS_MATCHED and bool(said & _ONLY_SHERLOCK)
    return LASAIR if beside & _SHERLOCK or is_sherlock else ""


def is_nearby(raw: str, names: Sequence[str]) -> bool:
    """Say whether a column ``z`` is the redshift of what Sherlock found near."""
    beside = {name_of(str(name)).plain for name in names}
    return name_of(raw).plain == "z" and bool(beside & _SHERLOCK)


def spectral(words: Texts) -> Texts:
    """Return the types of TNS among Fink's classes, which writes ``(TNS) SN Ia`` for them."""
    found = [
        text.removeprefix(_OF_TNS).strip() if text.startswith(_OF_TNS) else ""
        for text in map(str, words)
    ]
    return np.array(found, dtype=object)


def is_guess(word: str) -> bool:
    """Say whether words for a type say themselves that it is a guess.

    Examples
    --------
    >>> is_guess("SN Ia candidate"), is_guess("SN II?"), is_guess("SN II")
    (True, True, False)
    """
    text = word.lower().rstrip()
    return text.endswith(("candidate", "candidates", "cand", "cand.", "?"))


def said(words: Texts) -> list[str | None]:
    """Return what a broker says in each row; None where it says nothing, or what TNS said."""
    texts = [str(word).strip() for word in words]
    return [None if t in {"", "-"} or t.startswith(_OF_TNS) else t for t in texts]
