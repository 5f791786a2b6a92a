"""LSST alert packets, schema 9.0 to 11.1: fields, units, time scale and flags."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from aas2rto.sources.packets import nulls
from aas2rto.sources.packets.format import (
    USABLE_MJD,
    Columns,
    Head,
    Packet,
    Record,
    Row,
    Series,
    bands,
    floats,
    identifier,
    is_damaged,
    is_null,
    measurement_name,
    position,
    sane,
)
from aas2rto.tables import photometry

BANDS = {band: f"lsst{band}" for band in "ugrizy"}
"""``band`` -> sncosmo's name."""

NANOJANSKY = 1e-3
"""[uJy]; LSST fluxes are in nJy (AB zero point 31.4)."""

SUSPECT_FLAGS = (
    "psfFlux_flag",
    "psfFlux_flag_edge",
    "psfFlux_flag_noGoodPixels",
    "centroid_flag",
    "pixelFlags_edge",
    "pixelFlags_offimage",
    "pixelFlags_nodataCenter",
    "pixelFlags_saturatedCenter",
    "pixelFlags_suspectCenter",
    "pixelFlags_interpolatedCenter",
    "pixelFlags_crCenter",
    "pixelFlags_streakCenter",
    "pixelFlags_injectedCenter",
    "pixelFlags_injected_templateCenter",
    "glint_trail",
)
"""diaSource flags that make a flux unfit for decisions (their meaning: diaSource.avsc).

The PSF fit or its centroid failed, the source lies at the edge, or the 3x3 pixels at its centre
are saturated, near saturation, interpolated, hit by a cosmic ray or streak, or synthetic. Flags
of any pixel in the footprint (``pixelFlags_bad``, ``_saturated``) are not among them: the core of
a bright host galaxy raises them while the transient itself is well measured. ``isDipole`` and
``shape_flag`` are not either: on variable nuclei they are raised for good detections, too."""

KEPT = {"reliability": "lsst_reliability", "isDipole": "lsst_is_dipole", "snr": "lsst_snr"}
"""Entries of a diaSource that become annotations. Fink says of ``reliability`` that it must not
be used blindly yet, hence it decides nothing unless a config's `quality` asks for it."""


@functools.lru_cache(maxsize=4096)
def _tai_minus_utc(day: int) -> float:
    """Return TAI - UTC [d] on a day; one astropy conversion per night, not per alert."""
    return day - float(photometry.mjd_utc_from_tai(float(day)))


def _known_at(source: Record) -> float:
    """Return when the packet can first have left Rubin: the end of processing, if given."""
    observed = sane(float(source["midpointMjdTai"]))
    processed = nulls.number(source.get("timeProcessedMjdTai"))
    tai = max(observed, processed) if processed <= USABLE_MJD[1] else observed
    return tai - _tai_minus_utc(int(tai))


def head(alert: Record) -> Head:
    """Read identity, time and place.

    The id is empty where ``diaObjectId`` is null or 0, which is how alerts of solar-system
    objects come; ``ssSource`` may be there for fixed objects, too, and tells nothing.
    """
    source = alert["diaSource"]
    parent = alert.get("diaObject") or {}
    alert_id, known_at = identifier(source, "diaSourceId"), _known_at(source)
    of_parent = parent.get("diaObjectId")
    has_parent = is_damaged(of_parent) or bool(nulls.digits(of_parent))
    # The source's own entry is never null in alerts of fixed objects, and so was never cast.
    whole = source.get("diaObjectId") if is_damaged(of_parent) or not has_parent else of_parent
    object_id = nulls.digits(whole)
    if not object_id:
        return Head("", alert_id, known_at)
    return Head(object_id, alert_id, known_at, *position(parent if has_parent else source))


def own(alert: Record) -> dict[str, float | bool]:
    """Return those of `KEPT` that have a value."""
    source = alert["diaSource"]
    found = {key: source.get(name) for name, key in KEPT.items()}
    return {
        key: value if isinstance(value, bool) else float(value)
        for key, value in found.items()
        if isinstance(value, bool | int | float) and nulls.is_value(value)
    }


def series(alert: Record, head: Head) -> Iterable[Series]:  # noqa: ARG001  ZTF needs it
    """Sort the measurements: of the alert and its history, and forced photometry."""
    sources = [alert["diaSource"], *(alert.get("prvDiaSources") or ())]
    yield Series(fluxes, _source, sources, suspect=5)
    yield Series(fluxes, _forced, alert.get("prvDiaForcedSources"))


def _source(record: Record, head: Head) -> Row | None:
    get = record.get
    suspect = next(filter(get, SUSPECT_FLAGS), "") if any(map(get, SUSPECT_FLAGS)) else ""
    return _row(record, head, _name(record, "diaSourceId"), suspect)


def _forced(record: Record, head: Head) -> Row | None:
    name = f"forced:{_name(record, 'diaForcedSourceId')}"
    return _row(record, head, name, "")  # forced sources carry no flags


def _name(record: Record, key: str) -> str:
    band = BANDS.get(record.get("band", ""))
    return measurement_name(record, key, band, record.get("midpointMjdTai", math.nan))


def _row(record: Record, head: Head, name: str, suspect: str) -> Row | None:
    """Read a flux; a null one, or one that Rubin has withdrawn, is no measurement."""
    get = record.get
    if is_null(get("psfFlux")) or not is_null(get("timeWithdrawnMjdTai")):
        return None
    return (
        head.object_id,
        get("midpointMjdTai"),
        get("band"),
        get("psfFlux"),
        get("psfFluxErr"),
        suspect,
        name,
        head.known_at,
        get("templateFlux"),
        get("templateFluxErr"),
    )


def fluxes(columns: Columns) -> pd.DataFrame:
    """Convert fluxes [nJy] to [uJy] and times from TAI to UTC."""
    ids, mjd, band, flux_njy, err_njy, suspect, name, known_at, *template = columns
    template_flux, template_err = (floats(column) * NANOJANSKY for column in template)
    flux, flux_err = floats(flux_njy) * NANOJANSKY, floats(err_njy) * NANOJANSKY
    tai = floats(mjd)
    tai = np.where((tai >= USABLE_MJD[0]) & (tai <= USABLE_MJD[1]), tai, np.nan)
    return pd.DataFrame(
        {
            "candidate_id": ids,
            "mjd": photometry.mjd_utc_from_tai(tai),
            "band": bands(BANDS, band),
            "flux": flux,
            "flux_err": flux_err,
            "limit": photometry.LIMIT_SIGMA * flux_err,
            "kind": photometry.kind_of(
                flux, flux_err, "lsst", suspect=np.array(suspect, dtype=bool)
            ),
            "survey": "lsst",
            "measurement_id": name,
            "known_at": known_at,
            photometry.WHY: np.array(suspect, dtype=object),
            photometry.TEMPLATE: template_flux,
            photometry.TEMPLATE_ERR: template_err,
        }
    )


_FLUX_FIELDS = frozenset({"midpointMjdTai", "band", "psfFlux", "psfFluxErr", "timeWithdrawnMjdTai"})

PACKET = Packet(
    survey="lsst",
    fields=frozenset(
        {
            "diaSourceId",
            "observation_reason",
            "target_name",
            "diaSource",
            "prvDiaSources",
            "prvDiaForcedSources",
            "diaObject",
            "ssSource",
            "mpc_orbits",
            "cutoutDifference",
            "cutoutScience",
            "cutoutTemplate",
        }
    ),
    head=head,
    own=own,
    series=series,
    histories={
        "prvDiaSources": _FLUX_FIELDS
        | {"diaSourceId", "reliability", "templateFlux", "templateFluxErr", *SUSPECT_FLAGS},
        "prvDiaForcedSources": _FLUX_FIELDS | {"diaForcedSourceId"},
    },
)
