"""From what a cycle found to what the figures of some candidates show."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.factors import Decision
from aas2rto.models import Model
from aas2rto.outputs.figures.subject import Fitted, Floats, Share, SiteNight, Subject
from aas2rto.sky import altitude_curve as tracks
from aas2rto.sky.observatory import Observatory
from aas2rto.sky.window import above_horizon
from aas2rto.steps.column import RULES, TELESCOPE, BoundFactor, Column, effect_of
from aas2rto.steps.cycle import BoundModel, Cycle, Fits, Judged, Parts, Ranking
from aas2rto.store import Store
from aas2rto.tables.photometry import BANDS
from aas2rto.tables.records import records

STEP = 5.0 / 1440.0
"""Between the points of an altitude track [d]."""
BEFORE, AFTER = 0.55, 1.9
"""How far tracks reach from now at most [d]."""
SIDEREAL_PER_SOLAR = 1.00273791
"""Sidereal days in a mean solar day."""
HISTORY = 7.0
"""How far back ranks are shown [d]."""


@dataclass(frozen=True)
class Findings:
    """What is known at one time of every candidate that may be drawn.

    Parameters
    ----------
    now : Time
    table : DataFrame
        Scored candidates.
    columns : sequence of Column
        Their factors.
    photometry : DataFrame
        Sorted by candidate and time.
    fits : Fits
    models : sequence of BoundModel
    rankings : sequence of Ranking
        The first is that without a site.
    observatories : sequence of Observatory
    site_factors : sequence of BoundFactor
    ranks : DataFrame
        See :func:`aas2rto.store.results.Results.rank_history`.
    """

    now: Time
    table: pd.DataFrame
    columns: Sequence[Column]
    photometry: pd.DataFrame
    fits: Fits
    models: Sequence[BoundModel]
    rankings: Sequence[Ranking]
    observatories: Sequence[Observatory]
    site_factors: Sequence[BoundFactor]
    ranks: pd.DataFrame


def of_cycle(parts: Parts, store: Store, cycle: Cycle) -> Findings:
    """Collect what a cycle found.

    Parameters
    ----------
    parts : Parts
    store : Store
        Asked for the ranks of the last days.
    cycle : Cycle
        After it has been scored.
    """
    judged = cycle.judged
    if judged is None:
        raise ValueError("a cycle that was stopped before scoring has nothing to draw")
    now = float(cycle.now.utc.mjd)
    kept = [name for ranking in judged.rankings for name in ranking.table["candidate_id"]]
    ranks = store.results.rank_history(
        dict.fromkeys(kept),
        [ranking.observatory for ranking in judged.rankings],
        since=now - HISTORY,
        until=now,
    )
    return of_judged(parts, judged, ranks)


def of_judged(parts: Parts, judged: Judged, ranks: pd.DataFrame) -> Findings:
    """Collect what was found of some candidates; with `dataclasses.replace`, of some sites.

    Parameters
    ----------
    parts : Parts
    judged : Judged
    ranks : DataFrame
        See `Findings`.
    """
    return Findings(
        now=judged.at,
        table=judged.scored.table,
        columns=judged.scored.columns,
        photometry=judged.photometry,
        fits=judged.fits,
        models=parts.models,
        rankings=judged.rankings,
        observatories=parts.case.observatories,
        site_factors=parts.site_factors,
        ranks=ranks,
    )


def top_of(rankings: Sequence[Ranking], count: int) -> list[str]:
    """Return the first candidates of every list, the best places first."""
    heads = [ranking.table["candidate_id"].head(count).tolist() for ranking in rankings]
    by_place = itertools.zip_longest(*heads)
    return list(dict.fromkeys(name for names in by_place for name in names if name is not None))


def gather(found: Findings, candidate_ids: Iterable[str]) -> list[Subject]:
    """Put together what the figures of some candidates show.

    Parameters
    ----------
    found : Findings
    candidate_ids : iterable of str
        Those that are not in the table are left out.
    """
    rows = _rows_of(found.table, candidate_ids)
    if not rows:
        return []
    chosen = found.table.iloc[list(rows.values())]
    points = _by_candidate(found.photometry, set(rows))
    fits = _fits_of(found, set(rows))
    nights = _nights(found, chosen)
    ranks = _by_candidate(found.ranks, set(rows))
    return [
        Subject(
            candidate_id=name,
            name=str(found.table["name"].iloc[row]),
            now=float(found.now.utc.mjd),
            known=known(found.table.iloc[row]),
            points=points.get(name, found.photometry.iloc[:0]),
            base=float(found.table["base_score"].iloc[row]),
            score=float(found.table["score"].iloc[row]),
            decision=str(found.table["decision"].iloc[row]),
            reason=str(found.table["reason"].iloc[row]),
            shares=_shares(found.columns, row),
            fitted=fits.get(name),
            sites=nights[name],
            ranks=ranks.get(name, pd.DataFrame()),
            effect=effect_of(found.columns),
            reported=float(found.table["magnitude"].iloc[row]),
        )
        for name, row in rows.items()
    ]


def _rows_of(table: pd.DataFrame, candidate_ids: Iterable[str]) -> dict[str, int]:
    place = {str(name): row for row, name in enumerate(table["candidate_id"].tolist())}
    return {name: place[name] for name in dict.fromkeys(candidate_ids) if name in place}


def _by_candidate(table: pd.DataFrame, names: set[str]) -> dict[str, pd.DataFrame]:
    if table.empty:
        return {}
    chosen = table[table["candidate_id"].isin(names)]
    groups = chosen.groupby("candidate_id", sort=False)
    return {str(name): rows.reset_index(drop=True) for name, rows in groups}


def known(row: Mapping[Any, Any] | pd.Series[Any]) -> str:
    """Say in one line what is known of a candidate: type, redshift, magnitude.

    Parameters
    ----------
    row : mapping
        One row of the candidate table.
    """
    told = ["ToO"] if row["too"] else []
    told.append(str(row["spectral_type"]) or "not classified")
    if np.isfinite(row["redshift"]):
        source = str(row.get("redshift_source") or "")
        told.append(f"z = {row['redshift']:.4g}" + (f" ({source})" if source else ""))
    if np.isfinite(row["last_mag"]):
        told.append(f"{row['last_mag']:.2f} mag {row['last_band']}")
    elif np.isfinite(row["magnitude"]):
        told.append(f"{row['magnitude']:.2f} mag (reported)")
    return " · ".join(told)


def _shares(columns: Sequence[Column], row: int) -> tuple[Share, ...]:
    return tuple(
        Share(
            column.name,
            float(column.factor.value[row]),
            str(column.factor.reason[row]),
            out=bool(column.factor.decision[row] != Decision.KEEP),
        )
        for column in columns
        if column.name not in RULES or column.factor.decision[row]
    )


def _fits_of(found: Findings, names: set[str]) -> dict[str, Fitted]:
    """Return the fit that each candidate's peak comes from."""
    chosen = found.table[found.table["candidate_id"].isin(names)]
    wanted = dict(zip(chosen["candidate_id"], chosen["model"], strict=True))
    fits: dict[str, Fitted] = {}
    for bound in found.models:
        table = found.fits.tables.get(bound.name)
        if table is None or table.empty:
            continue
        chosen = table if len(table) == 1 else table[table["candidate_id"].isin(names)]
        for row in records(chosen):
            name = str(row["candidate_id"])
            if wanted.get(name) == bound.name:
                fits[name] = Fitted(bound.name, row, bound.model)
    return fits


def can_travel(model: Model) -> bool:
    """Tell whether another process can import the model: one from a user's file it cannot."""
    module = type(model).__module__
    return module != "__main__" and importlib.util.find_spec(module.partition(".")[0]) is not None


def at_home(subject: Subject) -> Subject:
    """Return a subject that can travel: a model that cannot is evaluated here."""
    fitted = subject.fitted
    if fitted is None or fitted.model is None or can_travel(fitted.model):
        return subject
    bands = [band for band in BANDS if band in set(subject.points["band"])]
    mjd = np.linspace(subject.now - 60, subject.now + 15, 151)
    curve = fitted.model.light_curve(fitted.row, bands, mjd)
    fields = {**vars(subject), "fitted": Fitted(fitted.name, fitted.row, None, curve)}
    return Subject(**fields)


def _nights(found: Findings, chosen: pd.DataFrame) -> dict[str, tuple[SiteNight, ...]]:
    names = [str(name) for name in chosen["candidate_id"]]
    facts = {ranking.observatory: _facts(ranking, set(names)) for ranking in found.rankings[1:]}
    nights: dict[str, list[SiteNight]] = {name: [] for name in names}
    if not found.observatories:
        return dict.fromkeys(names, ())
    mjd = _grid(found.now.utc.mjd, facts)
    times = Time(mjd, format="mjd", scale="utc")
    ra, dec = chosen["ra"].to_numpy(float), chosen["dec"].to_numpy(float)
    for site in found.observatories:
        altitude, azimuth = tracks.track(site, ra, dec, times)
        _, moon, _ = tracks.moon_track(site, ra[:1], dec[:1], times)
        sky = {"mjd": mjd, "sun_altitude": tracks.sun_track(site, times), "moon_altitude": moon}
        of_site = facts.get(site.name, {})
        for row, name in enumerate(names):
            known = of_site.get(name, {})
            good = observable_at(site, known, found.now.utc.mjd, mjd, altitude[row], azimuth[row])
            shares = _site_shares(found.site_factors, known)
            nights[name].append(
                SiteNight(
                    site.name,
                    site.title,
                    altitude=altitude[row],
                    observable=good,
                    facts=known,
                    shares=shares,
                    **sky,
                )
            )
    return {name: tuple(found) for name, found in nights.items()}


def observable_at(
    site: Observatory,
    row: Mapping[str, Any],
    now: float,
    mjd: Floats,
    altitude: Floats,
    azimuth: Floats,
) -> NDArray[np.bool_]:
    """Tell when it is night and the candidate within the limits of the site.

    Parameters
    ----------
    site : Observatory
    row : mapping
        The candidate's columns of the site's list.
    now : float
        For when that list was made [d, MJD UTC].
    mjd, altitude, azimuth : ndarray, shape (n,)
        Times [d, UTC], and where the candidate is then [deg].
    """
    # Nothing is known of it there, or the telescope does not take it.
    if "observing_start" not in row or row.get("factor") == TELESCOPE:
        return np.zeros(len(mjd), dtype=bool)
    good = (mjd >= row["observing_start"] - 1e-9) & (mjd <= row["night_end"] + 1e-9)
    good &= altitude >= row["lowest_altitude"]
    if site.max_altitude_deg is not None:
        good &= altitude <= site.max_altitude_deg
    if site.hour_angle_limit_h is not None:
        turned = row["hour_angle"] + (mjd - now) * 24 * SIDEREAL_PER_SOLAR
        good &= np.abs((turned + 12) % 24 - 12) <= site.hour_angle_limit_h
    return np.asarray(good & above_horizon(altitude, azimuth, site.horizon))


def _facts(ranking: Ranking, names: set[str]) -> dict[str, dict[str, Any]]:
    """Return a site's columns of some candidates, whether it ranks them or not."""
    told: dict[str, dict[str, Any]] = {}
    for table in (ranking.out, ranking.table):
        if table.empty:
            continue
        chosen = table if len(table) == 1 else table[table["candidate_id"].isin(names)]
        for row in records(chosen):
            told[str(row["candidate_id"])] = {"rank": np.nan, "site_score": np.nan, **row}
    return told


def _grid(now: float, facts: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Floats:
    ends = [
        float(row[key])
        for rows in facts.values()
        for row in list(rows.values())[:1]
        for key in ("night_start", "night_end")
        if key in row and np.isfinite(row[key])
    ]
    first = max(min([*ends, now]), now - 0.5) - 0.05
    last = min(max([*ends, now + 0.5]) + 0.05, now + AFTER)
    return np.arange(max(first, now - BEFORE), last, STEP)


def _site_shares(factors: Sequence[BoundFactor], row: Mapping[str, Any]) -> tuple[Share, ...]:
    return tuple(
        Share(factor.name, float(row[f"factor_{factor.name}"]))
        for factor in factors
        if f"factor_{factor.name}" in row
    )
