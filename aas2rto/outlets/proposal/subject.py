"""All that a proposal says of a source, computed once: analysis, curves, template, feasibility."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.errors import UsageError
from aas2rto.models.anomaly_class import AnomalyClass
from aas2rto.models.watched.classes import UNKNOWN, Class
from aas2rto.models.watched.evidence import Evidence
from aas2rto.models.watched.priority import Priority, priority
from aas2rto.models.watched.rules import Criterion, Environment, criteria
from aas2rto.models.watched.stage_two import Analysis, analyse
from aas2rto.models.watched.templates import curve
from aas2rto.outlets.proposal import feasibility
from aas2rto.sky.observatory import Observatory
from aas2rto.steps.cycle import Parts
from aas2rto.steps.prefilter import as_known
from aas2rto.store import Store
from aas2rto.tables.marks import OPINIONS, standing

Floats = NDArray[np.float64]

AHEAD = 30.0
"""The template is drawn so far beyond the last night [d]."""

DRAWS = 200
"""Samples of the likeliest shape that its band is made of."""


@dataclass(frozen=True)
class Subject:
    """A source that is proposed.

    Parameters
    ----------
    row : mapping
        Of the candidate table: ``candidate_id, ra, dec, name, redshift`` and what else is known.
    analysis : Analysis
    priority : Priority
    place : Environment
    rules : mapping of str to list of Criterion
        Of the likeliest class; of the second, too, where the class is not decided.
    template : DataFrame
        ``band, mjd, flux, flux_low, flux_high`` [uJy] of it, 30 d ahead; 68 %.
    nights : DataFrame
        See `aas2rto.outlets.proposal.feasibility`.
    site : Observatory
    now : Time
    review : str
        Who accepted or declined it; empty: nobody yet.
    """

    row: Mapping[str, Any]
    analysis: Analysis
    priority: Priority
    place: Environment
    rules: Mapping[str, list[Criterion]]
    template: pd.DataFrame
    nights: pd.DataFrame
    site: Observatory
    now: Time
    review: str = ""


def subject_of(
    parts: Parts, store: Store, candidate_id: str, now: Time, site: Observatory
) -> Subject:
    """Analyse one source as it is known; nothing is stored.

    Raises
    ------
    UsageError
        If its light curve cannot be analysed; the text says why.
    """
    known = as_known(parts, store, now, candidate_id=candidate_id)
    row: dict[str, Any] = {str(k): v for k, v in known.table.iloc[0].to_dict().items()}
    model = next(
        (one.model for one in parts.models if isinstance(one.model, AnomalyClass)), AnomalyClass()
    )
    photometry = known.photometry
    if model.reads_totals and known.totals is not None:
        photometry = known.totals.table([candidate_id])
    curves, points = model.curves_of(photometry)
    found = analyse(curves, points=points)
    if not found.ok or found.found is None:
        raise UsageError(
            f"{candidate_id}: no proposal can be made: {found.status}; wait for more data"
        )
    mjd = float(now.utc.mjd)
    urgency = priority(found.found, found.measures, mjd)
    end = urgency.until if np.isfinite(urgency.until) else mjd + AHEAD
    place = environment(row)
    said = standing(store.marks.as_known(mjd), photometry, mjd)
    return Subject(
        row,
        found,
        urgency,
        place,
        {name: criteria(name, found.measures, place) for name in _classes(found.found)},
        template_of(found),
        feasibility.nights(site, float(row["ra"]), float(row["dec"]), mjd, max(end, mjd + 1)),
        site,
        now,
        review_of(said, candidate_id),
    )


def _classes(found: Class) -> list[str]:
    return [found.best, found.second] if found.name == UNKNOWN else [found.best]


def review_of(marks: pd.DataFrame, candidate_id: str) -> str:
    """Return the sentence of the mark that accepts or declines a source; empty: none."""
    own = marks[marks["active"] & (marks["candidate_id"] == candidate_id)]
    own = own[own["kind"].isin([str(one.value) for one in OPINIONS])]
    return str(own["sentence"].iloc[-1]) if len(own) else ""


def environment(row: Mapping[str, Any]) -> Environment:
    """Return what is known of the place of a candidate; what is not there is unknown."""
    from astropy import units as u  # noqa: PLC0415  takes a while
    from astropy.coordinates import SkyCoord  # noqa: PLC0415

    latitude = float(SkyCoord(float(row["ra"]) * u.deg, float(row["dec"]) * u.deg).galactic.b.deg)
    return Environment(
        kind=_text(row, "source_class"),
        host=_text(row, "host"),
        catalogue=_text(row, "catalogue"),
        offset=_number(row, "host_offset_arcsec"),
        psf=_number(row, "psf_arcsec"),
        redshift=_number(row, "redshift"),
        distance=_number(row, "host_distance_mpc"),
        parallax=_number(row, "parallax"),
        proper_motion=_number(row, "proper_motion"),
        latitude=latitude,
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _number(row: Mapping[str, Any], name: str) -> float | None:
    try:
        value = float(row.get(name, np.nan))
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) else None


def template_of(found: Analysis) -> pd.DataFrame:
    """Return the likeliest shape with its band of 68 %, to `AHEAD` days after the last night."""
    if found.found is None or found.evidences is None:
        return pd.DataFrame()
    name, tables = found.found.best, []
    last = max(float(one.mjd[-1]) for one in found.curves.values())
    start = found.measures.t_on
    for band, shape in found.evidences.shapes[name].items():
        own = found.curves[band]
        first = start - 40.0 if np.isfinite(start) else float(own.mjd[0])
        t = np.linspace(min(first, last), last + AHEAD, 150)
        drawn = _drawn(name, shape, own.mjd, own.flux, own.err, t)
        low, middle, high = np.percentile(drawn, [16, 50, 84], axis=0)
        columns = {"mjd": t, "flux": middle, "flux_low": low, "flux_high": high}
        tables.append(pd.DataFrame({"band": band, **columns}))
    return pd.concat(tables, ignore_index=True)


def _drawn(name: str, shape: Evidence, mjd: Floats, flux: Floats, err: Floats, t: Floats) -> Floats:
    """Return samples of a shape, level and amplitude of each by least squares."""
    place = np.searchsorted(np.cumsum(shape.weights), (np.arange(DRAWS) + 0.5) / DRAWS)
    out = np.empty((DRAWS, len(t)))
    for k, (t0, a, b) in enumerate(shape.samples[np.minimum(place, len(shape.samples) - 1)]):
        g = curve(name, mjd, t0, a, b)
        design = np.column_stack([np.ones(len(g)), g]) / err[:, None]
        level, size = np.linalg.lstsq(design, flux / err, rcond=None)[0]
        out[k] = level + size * curve(name, t, t0, a, b)
    return out
