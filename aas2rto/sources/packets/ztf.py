"""ZTF alert packets, schema 3.2 to 4.02: fields, units, signs and sentinels."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.sources.packets import nulls
from aas2rto.sources.packets.format import (
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
    positive,
    sane,
)
from aas2rto.sources.packets.quality import below
from aas2rto.tables import photometry
from aas2rto.tables.total import POINT_SOURCE

BANDS = {1: "ztfg", 2: "ztfr", 3: "ztfi"}
"""``fid`` -> band (ZTF alert schema, candidate.avsc)."""

SIGNS = {
    "t": 1.0,
    "T": 1.0,
    "1": 1.0,
    1: 1.0,
    "true": 1.0,
    "True": 1.0,
    "f": -1.0,
    "F": -1.0,
    "0": -1.0,
    0: -1.0,
    "false": -1.0,
    "False": -1.0,
}
"""``isdiffpos`` -> sign of the flux; ``magpsf`` is the magnitude of the absolute difference."""

MIN_REAL_BOGUS = 0.55
"""Smallest ``rb`` of a good measurement: Fink's cut, Moeller et al. (2021), MNRAS 501, 3272,
together with ``nbad`` = 0. Fink's REST service tags what fails it ``badquality``."""

FORCED_SENTINEL = -99999.0
"""What ``fp_hists`` holds where no flux could be measured."""

KEPT = (
    "programid",
    "rb",
    "drb",
    "ndethist",
    "distnr",
    "sgscore1",
    "distpsnr1",
    "ssdistnr",
)
"""Entries of ``candidate`` that become annotations ``ztf_<name>``. ``programid`` 1 is public."""


LOW_RB, BAD_PIXELS = below("rb", MIN_REAL_BOGUS), "bad pixels (nbad above 0)"
DUBIOUS = "called dubious by ALeRCE"
"""Why a measurement is suspect."""


def why_bad(record: Record) -> str:
    """Say which of ZTF's own numbers call a measurement bad, see `MIN_REAL_BOGUS`.

    Missing numbers do not.
    """
    if nulls.number(record.get("rb")) < MIN_REAL_BOGUS:
        return LOW_RB
    if nulls.number(record.get("nbad")) > 0:
        return DUBIOUS if record.get("dubious") is True else BAD_PIXELS
    return ""


def head(alert: Record) -> Head:
    """Read identity, time and place; ``jd`` is UTC and the earliest the packet can be known."""
    candidate = alert["candidate"]
    object_id = nulls.text(alert["objectId"])
    if not object_id:
        raise ValueError("its objectId is empty")
    own_id = candidate.get("candid")
    is_whole = bool(own_id) and not is_damaged(own_id)
    alert_id = identifier(candidate if is_whole else alert, "candid")
    known_at = sane(float(candidate["jd"]) - photometry.MJD_OF_JD)
    return Head(object_id, alert_id, known_at, *position(candidate))


def own(alert: Record) -> dict[str, float | bool]:
    """Return those of `KEPT` that have a value."""
    candidate = alert["candidate"]
    found = {f"ztf_{name}": nulls.number(candidate.get(name)) for name in KEPT}
    return {key: value for key, value in found.items() if not math.isnan(value)}


def series(alert: Record, head: Head) -> Iterable[Series]:
    """Sort the measurements: detections, exposures without one, and forced photometry."""
    seen: list[Record] = [{**alert["candidate"], "candid": head.alert_id}]
    unseen: list[Record] = []
    for record in alert.get("prv_candidates") or ():
        # Where ZTF found nothing, the history has a record of the exposure without a candid.
        is_limit = isinstance(record, dict) and is_null(record.get("candid"))
        (unseen if is_limit else seen).append(record)
    yield Series(detections, _detection, seen, suspect=7)
    yield Series(limits, _limit, unseen)
    yield Series(forced, _forced, alert.get("fp_hists"))


def _detection(record: Record, head: Head) -> Row:
    get = record.get
    return (
        head.object_id,
        get("jd"),
        get("fid"),
        get("magpsf"),
        get("sigmapsf"),
        SIGNS.get(get("isdiffpos", "")),
        get("diffmaglim"),
        why_bad(record),
        _name(record),
        head.known_at,
        get("magnr"),
        get("sigmagnr"),
        get("distnr"),
    )


def _name(record: Record) -> str:
    band = BANDS.get(record.get("fid", 0))
    mjd = nulls.number(record.get("jd")) - photometry.MJD_OF_JD
    return measurement_name(record, "candid", band, mjd)


def _limit(record: Record, head: Head) -> Row:
    """Read a non-detection: only the limit of its exposure says something of the object."""
    mjd, band = record["jd"] - photometry.MJD_OF_JD, BANDS[record["fid"]]
    name = photometry.limit_id(band, mjd)
    return head.object_id, mjd, band, record["diffmaglim"], name, head.known_at


def _forced(record: Record, head: Head) -> Row | None:
    """Read a forced measurement, if ZTF processed it without a warning."""
    get = record.get
    flux = get("forcediffimflux")
    # procstatus is a list of codes as text; "0" alone means no warning (fp_hist.avsc).
    if str(get("procstatus")).strip() != "0" or is_null(flux) or flux == FORCED_SENTINEL:
        return None
    mjd = float(record["jd"]) - photometry.MJD_OF_JD
    pid = get("pid")
    name = forced_name(record["fid"], mjd) if pid is None else f"fp:{pid}:{record['fid']}"
    return (
        head.object_id,
        get("jd"),
        get("fid"),
        flux,
        get("forcediffimfluxunc"),
        get("magzpsci"),
        name,
        head.known_at,
    )


def forced_name(fid: object, mjd: float) -> str:
    """Name a forced measurement by its exposure, as `photometry.limit_id` does."""
    (band,) = bands(BANDS, [fid])
    return f"forced:{band or 'ztf?'}:{mjd:.4f}"


def detections(columns: Columns) -> pd.DataFrame:
    """Convert alert magnitudes to signed fluxes [uJy]."""
    ids, jd, fid, mag, magerr, sign, limit, suspect, name, known_at, *reference = columns
    template, template_err = _template(*(floats(column) for column in reference))
    flux = floats(sign) * photometry.flux_from_mag(positive(floats(mag)))
    flux_err = photometry.flux_err_from_magerr(flux, floats(magerr))
    return pd.DataFrame(
        {
            "candidate_id": ids,
            "mjd": floats(jd) - photometry.MJD_OF_JD,
            "band": bands(BANDS, fid),
            "flux": flux,
            "flux_err": flux_err,
            "limit": photometry.flux_from_mag(positive(floats(limit))),
            "kind": photometry.kind_of(
                flux, flux_err, "ztf", suspect=np.array(suspect, dtype=bool)
            ),
            "survey": "ztf",
            "measurement_id": name,
            "known_at": known_at,
            photometry.WHY: np.array(suspect, dtype=object),
            photometry.TEMPLATE: template,
            photometry.TEMPLATE_ERR: template_err,
        }
    )


def _template(
    magnr: NDArray[np.float64], sigmagnr: NDArray[np.float64], distnr: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return flux and error [uJy] of the nearest source of the reference, if it is the alert's."""
    with np.errstate(invalid="ignore"):
        mine = (distnr >= 0) & (distnr < POINT_SOURCE) & (magnr > 0) & (sigmagnr > 0)
    flux = photometry.flux_from_mag(np.where(mine, magnr, np.nan))
    return flux, photometry.flux_err_from_magerr(flux, sigmagnr)


def limits(columns: Columns) -> pd.DataFrame:
    """Convert limiting magnitudes to fluxes [uJy]."""
    ids, mjd, band, limit, name, known_at = columns
    return pd.DataFrame(
        {
            "candidate_id": ids,
            "mjd": mjd,
            "band": band,
            "flux": np.nan,
            "flux_err": np.nan,
            "limit": photometry.flux_from_mag(positive(floats(limit))),
            "kind": photometry.LIMIT,
            "survey": "ztf",
            "measurement_id": name,
            "known_at": known_at,
        }
    )


def forced(columns: Columns) -> pd.DataFrame:
    """Convert forced difference-image fluxes [DN] with their zero points [mag, AB] to [uJy]."""
    ids, jd, fid, flux_dn, err_dn, zero_point, name, known_at = columns
    scale = photometry.flux_from_mag(positive(floats(zero_point)))
    flux, flux_err = floats(flux_dn) * scale, floats(err_dn) * scale
    return pd.DataFrame(
        {
            "candidate_id": ids,
            "mjd": floats(jd) - photometry.MJD_OF_JD,
            "band": bands(BANDS, fid),
            "flux": flux,
            "flux_err": flux_err,
            "limit": photometry.LIMIT_SIGMA * flux_err,
            "kind": photometry.kind_of(flux, flux_err, "ztf"),
            "survey": "ztf",
            "measurement_id": name,
            "known_at": known_at,
        }
    )


PACKET = Packet(
    survey="ztf",
    fields=frozenset(
        {
            "schemavsn",
            "publisher",
            "objectId",
            "candid",
            "candidate",
            "prv_candidates",
            "fp_hists",
            "cutoutScience",
            "cutoutTemplate",
            "cutoutDifference",
        }
    ),
    head=head,
    own=own,
    series=series,
    histories={
        "prv_candidates": frozenset(
            {
                "jd",
                "fid",
                "candid",
                "magpsf",
                "sigmapsf",
                "isdiffpos",
                "diffmaglim",
                "rb",
                "drb",
                "nbad",
                "magnr",
                "sigmagnr",
                "distnr",
            }
        ),
        "fp_hists": frozenset(
            {
                "jd",
                "fid",
                "pid",
                "forcediffimflux",
                "forcediffimfluxunc",
                "magzpsci",
                "procstatus",
            }
        ),
    },
)
