"""Fit what changed: the models run only for candidates that need them, the rest is remembered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto import __version__
from aas2rto.config.case import PartConfig
from aas2rto.factors.peak import probability_within
from aas2rto.guard import Failure, attempt
from aas2rto.models import FAILED, FIT_COLUMNS, OK
from aas2rto.models.cluster import take_complaints
from aas2rto.sky import dust
from aas2rto.steps.cycle import BoundModel, Fits, Parts, Prefiltered
from aas2rto.steps.fit_memory import FitMemory, Remembering, spread_out
from aas2rto.steps.prefilter import Known
from aas2rto.store.histories import Totals
from aas2rto.tables import total
from aas2rto.tables.content import contents
from aas2rto.tables.photometry import COLUMNS, codes
from aas2rto.text.words import counted


def bind(parts: Sequence[PartConfig]) -> tuple[tuple[BoundModel, ...], list[Failure]]:
    """Set up the models; one that cannot be set up becomes a failure."""
    models, failures = [], []
    for part in parts:
        made = attempt(f"model {part.name}", part.build)
        if made.failure is not None or made.value is None:
            failures.append(made.failure or Failure(part.name, "gave nothing"))
        else:
            text = json.dumps([__version__, part.part.name, part.options.model_dump(mode="json")])
            digest = hashlib.sha256(text.encode()).hexdigest()[:12]
            models.append(BoundModel(part.name, made.value, digest))
    return tuple(models), failures


def digests(
    photometry: pd.DataFrame,
    candidates: pd.DataFrame,
    settings: str,
    content: NDArray[np.uint64] | None = None,
) -> pd.Series[str]:
    """Return, per candidate, a digest of everything that its fit depends on.

    Parameters
    ----------
    photometry : DataFrame
        As known now; the order of rows does not matter.
    candidates : DataFrame
        ``candidate_id, redshift, ebv``.
    settings : str
        Digest of the model's settings.
    content : ndarray of uint64, optional
        Of the photometry of each of them, where that is known already.
    """
    if content is None:
        content = contents(photometry, candidates["candidate_id"])
    texts = [
        f"{settings}-{value:016x}-{redshift}-{ebv:.5f}"
        for value, redshift, ebv in zip(
            content.tolist(),
            candidates["redshift"].to_numpy(float).tolist(),
            candidates["ebv"].to_numpy(float).tolist(),
            strict=True,
        )
    ]
    return pd.Series(texts, index=candidates["candidate_id"].to_numpy(object), dtype=object)


def fit(
    parts: Parts, prefiltered: Prefiltered, known: Known, at: Time, *, memory: FitMemory
) -> tuple[pd.DataFrame, Fits]:
    """Fit those that the prefilter kept, where the data changed; join the fits to the table.

    Parameters
    ----------
    parts : Parts
    prefiltered : Prefiltered
    known : Known
        From which it was prefiltered.
    at : Time
        For when it is judged.
    memory : FitMemory
        Holds earlier fits, and receives the new ones.
    """
    keep = prefiltered.keep
    fits = fit_changed(
        parts.models,
        prefiltered.table[keep],
        known.photometry,
        memory,
        active=prefiltered.table["candidate_id"],
        content=None if known.content is None else known.content[keep],
        totals=known.totals,
    )
    joined = join(prefiltered.table, fits, parts.case.config.model_choice)
    return add_peak_probability(joined, at.utc.mjd), fits


def fit_changed(
    models: Sequence[BoundModel],
    candidates: pd.DataFrame,
    photometry: pd.DataFrame,
    memory: FitMemory,
    *,
    active: pd.Series | None = None,
    content: NDArray[np.uint64] | None = None,
    totals: Totals | None = None,
) -> Fits:
    """Fit the candidates whose data changed since their last fit.

    Parameters
    ----------
    models : sequence of BoundModel
    candidates : DataFrame
        Those to fit: ``candidate_id, ra, dec, redshift``.
    photometry : DataFrame
        As known now, one row per exposure, sorted by candidate and time.
    memory : FitMemory
        Holds earlier fits, and receives the new ones.
    active : Series of str, optional
        Candidates whose fits are worth remembering; by default those to fit.
    content : ndarray of uint64, optional
        See `digests`.
    totals : Totals, optional
        Has what models read that say ``reads_totals``.
    """
    fits = Fits()
    held = Remembering.of_any(memory)
    active = candidates["candidate_id"] if active is None else active
    candidates = candidates.reset_index(drop=True)
    candidates = candidates.assign(ebv=dust.ebv(candidates["ra"], candidates["dec"]))
    ids = candidates["candidate_id"]
    for bound in models:
        reads_totals = bool(getattr(bound.model, "reads_totals", False))
        its = totals.content(ids) if reads_totals and totals is not None else content
        wanted = digests(photometry, candidates, bound.digest, its).to_numpy(object)
        old = held.of(bound.name, active)
        place = pd.Index(old["candidate_id"]).get_indexer(pd.Index(ids))
        todo = place < 0
        todo[~todo] = old["digest"].to_numpy(object)[place[~todo]] != wanted[~todo]
        names = ids.to_numpy(object)
        same = held.made_elsewhere(bound.name, names[todo].tolist(), wanted[todo].tolist())
        if len(same):
            todo &= ~np.isin(names.astype(str), same["candidate_id"].to_numpy(object).astype(str))
        rows = _totals_of(totals, ids[todo]) if reads_totals else photometry
        new, failure = _run(bound, candidates[todo], rows)
        fits.failures.extend(
            Failure(f"model {bound.name}", line) for line in take_complaints(bound.model)
        )
        # What failed as a whole is tried again: the cause may be this machine, not the data.
        held.save(bound.name, new.assign(digest="" if failure else wanted[todo]))
        table, wide = held.chosen(bound.name, ids)
        told = table[todo | (table["status"] == FAILED).to_numpy(bool)]
        fits.failures.extend([failure] if failure else _failed_fits(bound, told))
        fits.fresh[bound.name] = len(new)
        fits.tables[bound.name], fits.wide[bound.name] = table, wide
    return fits


def _totals_of(totals: Totals | None, candidate_ids: pd.Series) -> pd.DataFrame:
    """Return the total brightness of some candidates; of a file's light curve none is known."""
    return total.empty() if totals is None else totals.table(candidate_ids.tolist())


def _run(
    bound: BoundModel, candidates: pd.DataFrame, photometry: pd.DataFrame
) -> tuple[pd.DataFrame, Failure | None]:
    """Fit, or tell for every candidate that the model failed."""
    columns = [*FIT_COLUMNS]
    if candidates.empty:
        return pd.DataFrame(columns=columns), None
    candidates = candidates.reset_index(drop=True)
    rows = photometry[codes(photometry["candidate_id"], candidates["candidate_id"].tolist()) >= 0]
    # Models get plain texts, as they stand in the table's description.
    rows = rows.astype({name: "str" for name, dtype in COLUMNS.items() if dtype == "str"})
    rows = rows.reset_index(drop=True)
    done = attempt(
        f"model {bound.name}",
        lambda: _in_order(bound.model.fit(rows, candidates)[columns], candidates["candidate_id"]),
    )
    if done.value is not None:
        return done.value, None
    failure = done.failure or Failure(f"model {bound.name}", "no answer")
    table = pd.DataFrame({"candidate_id": candidates["candidate_id"].to_numpy(object)})
    table = table.reindex(columns=columns).assign(status=FAILED, reason=failure.error)
    return table, failure


def _in_order(table: pd.DataFrame, candidate_ids: pd.Series[str]) -> pd.DataFrame:
    """Return one row for each candidate, in their order; refuse anything else."""
    wanted, found = candidate_ids.tolist(), table["candidate_id"].tolist()
    if sorted(map(str, found)) != sorted(wanted):
        raise ValueError(
            f"returned {counted(len(found), 'row')}, not one for each candidate ({len(wanted)})"
        )
    return table.set_index("candidate_id").loc[wanted].reset_index()


def _failed_fits(bound: BoundModel, table: pd.DataFrame) -> list[Failure]:
    """Return one failure for each sort of reason, however many candidates share it.

    A reason may end with numbers of the candidate's own, in brackets: these stay in the fit.
    """
    failed = table[table["status"] == FAILED]
    sorts = [reason.partition(" (")[0] for reason in failed["reason"]]
    return [
        Failure(
            f"model {bound.name}",
            f"{sort} ({len(rows)} of {counted(len(table), 'fit')})",
            _first_of(rows["candidate_id"].tolist()),
        )
        for sort, rows in failed.groupby(np.array(sorts, dtype=object), sort=False)
    ]


def _first_of(names: Sequence[object]) -> str:
    return f"{names[0]} and others" if len(names) > 1 else str(names[0])


def fits_of(tables: Mapping[str, pd.DataFrame]) -> Fits:
    """Return fits that were made elsewhere, by model, as `join` takes them."""
    return Fits(dict(tables), {name: spread_out(table) for name, table in tables.items()})


def join(candidates: pd.DataFrame, fits: Fits, choice: str = "first_ok") -> pd.DataFrame:
    """Add the fits to the candidate table.

    Each model's columns get its name as prefix (``salt_t_peak``, ``salt_x1``); ``t_peak``,
    ``t_peak_err`` and ``model`` are those of the chosen model; ``<model>_evidence`` tells how the
    models compare.

    Parameters
    ----------
    candidates : DataFrame
    fits : Fits
    choice : str
        ``first_ok``: the first model, in the order of the config, whose fit is ok and has a peak.
        ``best``: of those, the one with the lowest `evidence`; models may take turns as the light
        curve grows.
    """
    n = len(candidates)
    chosen = {"t_peak": np.full(n, np.nan), "t_peak_err": np.full(n, np.nan)}
    name = np.full(n, "", dtype=object)
    lowest = np.full(n, np.inf)
    columns: dict[str, Any] = {}
    ids = pd.Index(candidates["candidate_id"].to_numpy(object))
    for model in fits.tables:
        wide = fits.wide[model].reindex(ids)
        columns.update({f"{model}_{key}": wide[key].to_numpy() for key in wide})
        usable = (wide["status"] == OK).to_numpy() & wide["t_peak"].notna().to_numpy()
        found = evidence(wide)
        columns[f"{model}_evidence"] = np.where(usable, found, np.nan)
        take = usable & ((name == "") | ((choice == "best") & (found < lowest)))
        name[take], lowest[take] = model, found[take]
        for key, values in chosen.items():
            values[take] = wide[key].to_numpy(float)[take]
    frame = pd.DataFrame({**chosen, **columns, "model": name}, index=candidates.index)
    # What a broker calls by one of these names is not what it means here.
    others = candidates.drop(columns=[name for name in frame if name in candidates])
    return pd.concat([others, frame], axis=1)


def evidence(fits: pd.DataFrame) -> NDArray[np.float64]:
    """Return a proxy of -2 ln evidence per point; the lower, the better a model explains the data.

    It is (chi2 + k ln n) / n with k free parameters and n points (Schwarz 1978): of two models
    with the same points, the better has the lower value. Per point, because models may leave out
    different ones, such as SALT those after its last phase. NaN counts as infinite.

    Parameters
    ----------
    fits : DataFrame
        With ``chisq, ndof, n_points``.
    """
    n = fits["n_points"].to_numpy(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        k = n - fits["ndof"].to_numpy(float)
        found = (fits["chisq"].to_numpy(float) + k * np.log(n)) / n
    return np.where(np.isnan(found), np.inf, found)


def add_peak_probability(candidates: pd.DataFrame, now_mjd: float) -> pd.DataFrame:
    """Add ``p_peak_1d`` and the time of the cycle, ``now_mjd`` [d, MJD UTC]."""
    from_peak = now_mjd - candidates["t_peak"].to_numpy(float)
    error = candidates["t_peak_err"].to_numpy(float)
    return candidates.assign(p_peak_1d=probability_within(from_peak, error, 1.0), now_mjd=now_mjd)
