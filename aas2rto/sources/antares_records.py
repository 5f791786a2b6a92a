"""ANTARES' loci and alerts -> objects, annotations, and packets in the surveys' own names.

Names: antares-client 2.0.2 (its `_api/v2/schema`), and recorded answers of the API.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from aas2rto.sources.packets import nulls

LSST, ZTF = "lsst_diaSource_", "ztf_"
"""How the names of a survey's own fields begin in the properties of an alert."""

KEPT = (
    "anomaly",
    "anomaly_score",
    "LAISS_RFC_anomaly_score",
    "feature_amplitude_magn_r",
    "feature_amplitude_magn_R",
    "feature_amplitude_magn_g",
    "num_alerts",
    "num_mag_values",
    "newest_alert_magnitude",
    "newest_alert_observation_time",
    "oldest_alert_observation_time",
    "brightest_alert_magnitude",
    "brightest_alert_observation_time",
)
"""Properties of a locus that become annotations ``antares_<name>``."""

SIGNED = ("anomaly",)
"""Of which -1 is a value: an isolation forest's word for an outlier. Elsewhere it means nothing."""

LEAST_SNR = 5.0
"""Total fluxes below it say nothing of an amplitude: their scatter is noise."""


@dataclass(frozen=True)
class Locus:
    """One object of ANTARES, as a list shows it.

    Parameters
    ----------
    name : str
        Its locus_id.
    ra, dec : float
        [deg, ICRS]
    newest : float
        Time of its newest alert [d, MJD].
    lsst, ztf : tuple of str
        The surveys' ids of it; one locus may have several, and of both.
    facts : mapping
        Annotations, by their full names.
    """

    name: str
    ra: float
    dec: float
    newest: float
    lsst: tuple[str, ...]
    ztf: tuple[str, ...]
    facts: Mapping[str, Any]

    @property
    def objects(self) -> list[tuple[str, str]]:
        """The id and survey under which it is a candidate, then those of the locus itself."""
        ids = [*((one, "lsst") for one in self.lsst), *((one, "ztf") for one in self.ztf)]
        return [*ids, (self.name, "antares")]


def locus(record: Any, properties: Sequence[str] = ()) -> Locus:
    """Read an entry of a list of loci.

    Parameters
    ----------
    record : mapping
        ``{"locus": {locus_id, ra, dec, properties, tags, catalogs}}``.
    properties : sequence of str
        Names of further properties that are kept, such as ``feature_*``.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError
        If it is none.
    """
    entry = record["locus"]
    name, said = nulls.text(entry["locus_id"]), entry["properties"]
    ra, dec = float(entry["ra"]), float(entry["dec"])
    newest = float(said["newest_alert_observation_time"])
    if not name or not (0 <= ra <= 360 and -90 <= dec <= 90 and math.isfinite(newest)):
        raise ValueError("no name, place or time")
    surveys = said.get("survey") or {}
    lsst = [nulls.digits(one) for one in _ids(surveys, "lsst", "dia_object_id")]
    ztf = [nulls.text(one) for one in (*_ids(surveys, "ztf", "id"), said.get("ztf_object_id"))]
    facts = {f"antares_{key}": value for key, value in kept(said, properties).items()}
    facts["antares_tags"] = _texts(entry.get("tags"))
    facts["antares_catalogs"] = _texts(entry.get("catalogs"))
    return Locus(name, ra, dec, newest, _once(lsst), _once(ztf), facts)


def _once(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in ids if one))


def _ids(surveys: Mapping[str, Any], survey: str, key: str) -> list[Any]:
    found = (surveys.get(survey) or {}).get(key)
    return found if isinstance(found, list) else [found]


def _texts(value: Any) -> list[str]:
    """Return the texts of a list, each once, in the order of the alphabet: theirs may change."""
    return sorted({one for one in value or () if isinstance(one, str) and one})


def kept(said: Mapping[str, Any], more: Sequence[str] = ()) -> dict[str, Any]:
    """Return those properties that are kept and say something: numbers, truths, texts."""
    return {
        key: value
        for key, value in sorted(said.items())
        if (key in KEPT or any(fnmatchcase(key, one) for one in more))
        and isinstance(value, bool | int | float | str)
        and (key in SIGNED or nulls.is_value(value))
    }


@dataclass(frozen=True)
class LightCurves:
    """The alerts of one locus, by the surveys' objects, in the surveys' own names."""

    lsst: dict[str, list[Any]]
    ztf: dict[str, list[Any]]
    limits: dict[str, list[Any]]

    def __bool__(self) -> bool:
        return bool(self.lsst or self.ztf)


def light_curves(alerts: Iterable[Any]) -> LightCurves:
    """Sort the alerts of a locus.

    Parameters
    ----------
    alerts : iterable of mapping
        ``{id, mjd, properties, survey}``; what is no mapping is left out.
    """
    found = LightCurves({}, {}, {})
    for alert in alerts:
        said = alert.get("properties") if isinstance(alert, dict) else None
        if not isinstance(said, dict):
            continue
        number = str(alert.get("id") or "").rpartition(":")[2]
        if owner := _digits(said.get(f"{LSST}diaObjectId")):
            record = {"diaSourceId": number, **_named(said, LSST)}
            found.lsst.setdefault(owner, []).append(record)
        elif owner := nulls.text(said.get("ztf_object_id")):
            record = {"candid": number, **_named(said, ZTF)}
            is_limit = record.get("magpsf") is None
            (found.limits if is_limit else found.ztf).setdefault(owner, []).append(record)
    return found


def _digits(value: Any) -> str:
    try:
        return nulls.digits(value)
    except (TypeError, ValueError):
        return ""


def _named(said: Mapping[str, Any], begin: str) -> dict[str, Any]:
    return {key.removeprefix(begin): said[key] for key in said if key.startswith(begin)}


def amplitude(sources: Iterable[Mapping[str, Any]], band: str = "r") -> float | None:
    """Return the change of an object's total brightness, peak to peak [mag].

    Parameters
    ----------
    sources : iterable of mapping
        diaSources. Their ``psfFlux`` is that of the difference image, which may be negative and
        says nothing of the total: that is ``scienceFlux``, or template and difference together.
    band : str

    Returns
    -------
    float or None
        None with fewer than two total fluxes of `LEAST_SNR`.
    """
    fluxes = [_total(record) for record in sources if record.get("band") == band]
    known = [flux for flux in fluxes if flux > 0]
    return 2.5 * math.log10(max(known) / min(known)) if len(known) > 1 else None


def _total(record: Mapping[str, Any]) -> float:
    """Return a total flux [nJy]; NaN if it is unknown or too faint."""
    flux = nulls.number(record.get("scienceFlux"))
    error = nulls.number(record.get("scienceFluxErr"))
    if math.isnan(flux):
        flux = nulls.number(record.get("psfFlux")) + nulls.number(record.get("templateFlux"))
        error = nulls.number(record.get("psfFluxErr"))
    return math.nan if flux < LEAST_SNR * error else flux


def types(matches: Iterable[Any], keys: Mapping[str, str]) -> list[str]:
    """Return the types that catalogues give to a locus.

    Parameters
    ----------
    matches : iterable of mapping
        ``{catalog_name, properties, extra: {separation}}``.
    keys : mapping
        From the name of a catalogue to that of the property that holds a type.
    """
    found = set()
    for match in matches:
        said = match.get("properties") if isinstance(match, dict) else None
        key = keys.get(str(match.get("catalog_name"))) if isinstance(match, dict) else None
        value = said.get(key) if key and isinstance(said, dict) else None
        if isinstance(value, str) and value.strip():
            found.add(value.strip())
    return sorted(found)
