"""ALeRCE's names, signs and codes -> those of the ZTF and LSST alert schemas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from aas2rto.sources.packets import nulls
from aas2rto.sources.packets.ztf import forced_name
from aas2rto.tables import photometry

LSST_BANDS = {6: "u", 1: "g", 2: "r", 3: "i", 4: "z", 5: "y"}
"""``band`` -> letter; each answer repeats it as its ``band_map``. u is 6, not 0."""

BAD = 100.0
"""What ALeRCE writes for a corrected magnitude or error that could not be computed."""


def ztf_detection(record: Any, *, corrected: bool = False) -> Any:
    """Translate a detection.

    Parameters
    ----------
    record : mapping
        As in ``detections``; ``isdiffpos`` is 1 or -1 there.
    corrected : bool
        Take the total brightness (template included) in place of the difference.
    """
    if not isinstance(record, dict):
        return record
    sign = {"isdiffpos": _sign(record.get("isdiffpos"))}
    # Flux of a source that was seen both above and below its template says little.
    quality = {"nbad": 1} if record.get("dubious") is True else {}
    total = _corrected(record) if corrected else {}
    return {**with_jd(record), **sign, **quality, **total}


def with_jd(record: Any) -> Any:
    """Add ``jd`` to a record that has ``mjd``."""
    if not isinstance(record, dict):
        return record
    mjd = record.get("mjd")
    return {**record, "jd": mjd + photometry.MJD_OF_JD} if isinstance(mjd, float | int) else record


def _sign(value: Any) -> str:
    """Translate 1 and -1 to ZTF's t and f; what is neither stays, and is then no sign."""
    return {"1": "t", "-1": "f", "1.0": "t", "-1.0": "f"}.get(str(value), str(value))


def _corrected(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the total magnitude, template included, of a source that is in the template.

    An error of 100.0 marks a correction that failed; the extended-source error is then the one
    to use, if there is one.
    """
    mag, magerr = record.get("magpsf_corr"), record.get("sigmapsf_corr")
    if _is_bad(magerr):
        magerr = record.get("sigmapsf_corr_ext")
    if _is_bad(mag) or _is_bad(magerr):
        return {"magpsf": None, "sigmapsf": None}
    # The template is in it already.
    return {"magpsf": mag, "sigmapsf": magerr, "isdiffpos": "t", "magnr": None}


def _is_bad(value: Any) -> bool:
    """Tell whether there is no value; what is no number at all is left to the reader of alerts."""
    return value is None or (isinstance(value, float | int) and value >= BAD)


def ztf_forced(record: Any) -> Any:
    """Translate a forced measurement, some of whose fields are nested; None if it failed."""
    if not isinstance(record, dict):
        return record
    extra = record.get("extra_fields")
    flat = {**(extra if isinstance(extra, dict) else {}), **record}
    mag, magerr, mjd = flat.get("mag"), flat.get("e_mag"), nulls.number(flat.get("mjd"))
    # A list of codes; "0" alone means no warning, and objects without the entry have none.
    status = str(flat.get("procstatus") if flat.get("procstatus") is not None else "0").strip()
    if _is_bad(mag) or _is_bad(magerr) or status not in {"0", "0.0"}:
        return None
    return {
        **with_jd({key: flat.get(key) for key in ("mjd", "fid", "diffmaglim")}),
        "candid": forced_name(flat.get("fid"), mjd),
        "magpsf": mag,
        "sigmapsf": magerr,
        "isdiffpos": _sign(flat.get("isdiffpos")),
    }


def probabilities(rows: Iterable[Any]) -> dict[str, Any] | None:
    """Return what each classifier says, of its newest version; None if nobody says anything.

    Parameters
    ----------
    rows : iterable of mapping
        ``classifier_name, classifier_version, class_name, probability``, one row a class.

    Returns
    -------
    dict or None
        From classifier to ``{version, classes: {class: probability}}``.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if not isinstance(row, dict):
            continue
        name, class_ = nulls.text(row.get("classifier_name")), nulls.text(row.get("class_name"))
        version = nulls.text(row.get("classifier_version"))
        p = nulls.number(row.get("probability"))
        if not name or not class_ or not 0.0 <= p <= 1.0:
            continue
        held = found.setdefault(name, {"version": version, "classes": {}})
        if _order(version) > _order(held["version"]):
            held = found[name] = {"version": version, "classes": {}}
        if version == held["version"]:
            held["classes"][class_] = p
    return found or None


def _order(version: str) -> list[tuple[int, str]]:
    """Let 1.10 come after 1.9."""
    parts = re.findall(r"[0-9]+|[^0-9]+", version)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _lsst_names(record: Any) -> Any:
    if not isinstance(record, dict):
        return record
    band = record.get("band")
    letter = LSST_BANDS.get(band) if isinstance(band, int) else band
    return {**record, "midpointMjdTai": record.get("mjd"), "band": letter}


def lsst_source(record: Any) -> Any:
    """Translate a detection."""
    named = _lsst_names(record)
    if not isinstance(named, dict):
        return named
    return {**named, "diaSourceId": named.get("measurement_id")}


def lsst_forced(record: Any) -> Any:
    """Translate a forced measurement."""
    named = _lsst_names(record)
    if not isinstance(named, dict):
        return named
    return {**named, "diaForcedSourceId": named.get("measurement_id")}
