"""What Fink adds to an alert: classifications and cross-matches, as annotations and facts.

Fink's names differ only in form between its services: ``clf.cats_class`` in an alert,
``f:clf_cats_class`` in a REST answer, ``d:cdsxmatch`` for ZTF. All become ``fink_`` and the
name in lower case, so that a factor reads one name wherever the value came from.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

from aas2rto.sources.packets import nulls
from aas2rto.sources.packets.nulls import Meaning

Value = float | bool | str

PREFIX = "fink_"

CROSS_MATCHES = (
    "cdsxmatch",
    "simbad",
    "tnsclass",
    "dr3name",
    "gaia",
    "vsx",
    "gcvs",
    "x3hsp",
    "x4lac",
    "spicy",
    "mangrove",
    "xm_",
    "main_label_crossmatch",
)
"""Starts of the names whose ``"Unknown"`` means: searched, no counterpart."""

ZERO_IS_UNPROCESSED = frozenset(
    {
        "rf_snia_vs_nonia",
        "rf_kn_vs_nonkn",
        "snn_snia_vs_nonia",
        "snn_sn_vs_all",
        "mulens",
    }
)
"""Scores for which Fink writes exactly 0 when it had too few points to classify at all.

A 0 is therefore no statement about the class, and becomes no annotation: otherwise a factor
that asks for a high score would exclude every young object."""

_BOOKKEEPING = frozenset(
    {
        "publisher",
        "topic",
        "timestamp",
        "year",
        "month",
        "day",
        "schemavsn",
        "lsst_schema_version",
        "objectid",
        "candid",
        "diasourceid",
        "observation_reason",
        "target_name",
        "spicy_id",
    }
)
"""Names that say nothing about the object."""

_NOT_ABOUT_THE_OBJECT = ("broker", "fink_", "cutout", "lc_features")
"""Starts of names of versions, clock readings and images. ``lc_features`` are 26 numbers per
band that feed Fink's classifiers; their verdicts are kept, they are not."""


_SCALARS = (float, str, int, bool)

_UNNAMED_GROUPS = ("pred", "misc")
"""Groups of an LSST alert whose name Fink's REST service leaves out: ``f:is_sso``."""


def flatten(values: Mapping[str, Any]) -> dict[str, Value]:
    """Return what Fink added as one flat mapping: the form that `annotate` and `facts` take.

    Parameters
    ----------
    values : mapping
        Names as in an alert, nested or not, or as in a REST answer without ``d:`` and ``f:``.

    Returns
    -------
    dict of str to float, bool or str
        Names in lower case, nested ones joined by ``_``; nulls of any kind still inside, save
        None. A Parquet map may come as a list of pairs. What says nothing of the object
        (versions, images, clock readings) is left out.

    Examples
    --------
    >>> flatten({"clf": {"cats_class": 11}, "pred": {"is_sso": False}, "fink_broker_version": "4"})
    {'clf_cats_class': 11, 'is_sso': False}
    """
    flat: dict[str, Value] = {}
    for key, value in values.items():
        name = _name(key)
        if not name or value is None:
            continue
        if type(value) in _SCALARS:  # most entries: tested first, and cheaply
            flat[name] = value
        elif nested := _as_mapping(value):
            group = "" if name in _UNNAMED_GROUPS else f"{name}_"
            flat.update((group + inner, leaf) for inner, leaf in flatten(nested).items())
    return flat


@functools.lru_cache(maxsize=4096)
def _name(key: str) -> str:
    """Return a name in lower case, an empty one for what says nothing of the object."""
    name = key.lower()
    idle = name in _BOOKKEEPING or name.startswith(_NOT_ABOUT_THE_OBJECT)
    return "" if idle else name


def _as_mapping(value: object) -> Mapping[str, Any]:
    """Return nested values; a Parquet map arrives as a list of pairs, other lists hold none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and all(isinstance(x, tuple) and len(x) == 2 for x in value):
        return dict(value)
    return {}


def annotate(flat: Mapping[str, Value]) -> dict[str, Value]:
    """Turn Fink's added values into annotations.

    Parameters
    ----------
    flat : mapping
        From `flatten`.

    Returns
    -------
    dict of str to float, bool or str
        Keys start with ``fink_``. A cross-match that found nothing is ``"none"``; one that
        failed has no key, because "not searched" must not pass for "nothing there".

    Examples
    --------
    >>> annotate({"cdsxmatch": "Unknown", "vsx": "Fail 503", "slsn_score": -1.0})
    {'fink_cdsxmatch': 'none'}
    """
    found = {}
    for name, value in flat.items():
        annotation = annotation_value(name, value)
        if annotation is not None:
            found[PREFIX + name] = annotation
    return found


def annotation_value(name: str, value: Value) -> Value | None:
    """Return what one entry says of the object, None where it says nothing.

    Parameters
    ----------
    name : str
        In lower case, without prefix.
    value : bool, int, float or str
        As Fink wrote it.
    """
    if type(value) is float:  # most entries, and no two alike: tested first, and cheaply
        absent = not math.isfinite(value) or value in nulls.NUMBER_SENTINELS
        return None if absent or (value == 0 and name in ZERO_IS_UNPROCESSED) else value
    return _annotation_of_word(name, value)


@functools.lru_cache(maxsize=16384, typed=True)  # the same few words over and over
def _annotation_of_word(name: str, value: Value) -> Value | None:
    kind = nulls.meaning(value)
    if kind is Meaning.NO_COUNTERPART and name.startswith(CROSS_MATCHES):
        return nulls.NO_COUNTERPART
    if kind is not Meaning.VALUE or (value == 0 and name in ZERO_IS_UNPROCESSED):
        return None
    if isinstance(value, bool):
        return value
    return value.strip() if isinstance(value, str) else float(value)


def facts(flat: Mapping[str, Value]) -> dict[str, Any]:
    """Return what Fink knows of an object's type, redshift, name and host.

    Parameters
    ----------
    flat : mapping
        From `flatten`.

    Returns
    -------
    dict
        Those of ``spectral_type, redshift, redshift_source, name, host`` of a report's objects
        that are known. Photometric redshifts are left out: they are annotations, not facts.
    """
    redshift = nulls.number(flat.get("xm_tns_redshift"))
    found: dict[str, Any] = {
        "spectral_type": _spectral_type(flat),
        "name": nulls.text(flat.get("xm_tns_fullname")),
        "host": _first_text(
            flat,
            "mangrove_hyperleda_name",
            "mangrove_2mass_name",
            "xm_mangrove_hyperleda_name",
            "xm_mangrove_2mass_name",
        ),
    }
    if redshift > 0:
        found |= {"redshift": redshift, "redshift_source": "TNS via Fink"}
    return {key: value for key, value in found.items() if value}


def _first_text(flat: Mapping[str, Any], *names: str) -> str:
    return next((word for name in names if (word := nulls.text(flat.get(name)))), "")


def _spectral_type(flat: Mapping[str, Any]) -> str:
    """Read a TNS type; Fink marks it with ``(TNS)`` in its columns of mixed origin."""
    direct = _first_text(flat, "tns", "xm_tns_type")
    if direct:
        return direct.removeprefix("(TNS)").strip()
    for name in ("tnsclass", "tns_type_recomputed", "finkclass", "classification"):
        word = nulls.text(flat.get(name))
        if word.startswith("(TNS)"):
            return word.removeprefix("(TNS)").strip()
    return ""
