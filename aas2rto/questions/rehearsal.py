"""A config tried before its first night: on ten made-up candidates, asking nobody.

Settings that can be read may still fail, or leave nobody, each night; here it is seen at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.config.case import Case
from aas2rto.factors import Decision
from aas2rto.models import FAILED
from aas2rto.models.ready import are_compiled
from aas2rto.steps.build import build
from aas2rto.steps.cycle import Judged
from aas2rto.steps.fit_memory import OnlyRead
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import as_known
from aas2rto.store import Store
from aas2rto.tables import photometry
from aas2rto.tables.report import Outcome, Report, fact_table, object_table

NOW = 61119.9
"""[d, MJD UTC] 2026-03-20, equal day and night everywhere."""

N = 10
BANDS = {"ztf": ("ztfg", "ztfr"), "lsst": ("lsstg", "lsstr", "lssti")}
RISE = 15.0
"""[d] From the first detection to the peak, as of a SN Ia to the depth of ZTF."""

MOST_LINES = 10


@dataclass(frozen=True)
class Rehearsal:
    """How a config fared.

    Parameters
    ----------
    decisions : mapping
        How many candidates were kept, excluded, rejected.
    left_out : mapping
        How many each factor left out.
    failures : tuple of str
        One line each: parts that failed.
    reason : str
        Of one that was left out by the factor that does it most, if all were.
    fits : bool
        Whether models were fitted; False until they are compiled.
    """

    decisions: Mapping[str, int]
    left_out: Mapping[str, int]
    failures: tuple[str, ...]
    reason: str = ""
    fits: bool = True

    def lines(self) -> list[str]:
        """Say it."""
        told = ", ".join(f"{n} {name}" for name, n in self.decisions.items() if n)
        by = ", ".join(f"{name} {n}" for name, n in self.left_out.items())
        how = "" if self.fits else ", without fits (aas2rto prime --models compiles them)"
        said = [f"tried on {N} made-up candidates{how}: {told}{f' (by {by})' if by else ''}"]
        if self.reason:
            said.append(f"note: none of them would be kept; most often {self.reason}")
        more = len(self.failures) - MOST_LINES
        said += [f"FAILS: {line}" for line in self.failures[:MOST_LINES]]
        return [*said, f"and {more} more like these"] if more > 0 else said

    def told(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "candidates": N,
            "decisions": dict(self.decisions),
            "left_out_by": dict(self.left_out),
            "failures": list(self.failures),
        }


def rehearse(case: Case) -> Rehearsal:
    """Judge ten made-up candidates by a config.

    Parameters
    ----------
    case : Case

    Notes
    -----
    Supernovae before, at and after their peak, of 17 to 19.6 mag, seen by ZTF or LSST; of every
    second one the redshift is known. What brokers would say of them is not known.
    """
    parts, now = build(case, with_sources=False), Time(NOW, format="mjd")
    fits = not case.models or are_compiled()
    if not fits:  # it would take minutes: the first run, or `prime --models`, does it
        parts = replace(parts, models=())
    with Store("sqlite://") as store:
        store.ingest(made_up(), NOW, merge_radius=case.config.candidates.merge_radius)
        known = as_known(parts, store, now)
        judged = judge(parts, known, now, memory=OnlyRead())
    usual = [one for one in judged.fits.failures if one.part not in _broken(judged)]
    failures = [
        *parts.failures,
        *known.failures,
        *(one for one in judged.failures if one not in usual),
    ]
    return _told(judged, list(dict.fromkeys(map(str, failures))), fits=fits)


def _broken(judged: Judged) -> set[str]:
    """Return the models that fit nobody; that a light curve has no fit is no fault of a config."""
    return {
        f"model {name}"
        for name, fits in judged.fits.tables.items()
        if (fits["status"] == FAILED).all()
    }


def _told(judged: Judged, failures: Sequence[str], *, fits: bool) -> Rehearsal:
    verdict = judged.scored.verdict
    decisions = [Decision(one) for one in verdict.decision]
    names = {Decision.KEEP: "kept", Decision.EXCLUDE: "excluded", Decision.REJECT: "rejected"}
    counts = {names[one]: decisions.count(one) for one in names}
    out = [row for row, one in enumerate(decisions) if one is not Decision.KEEP]
    by = Counter(str(verdict.factor[row]) for row in out)
    reason = ""
    if out and not counts["kept"]:
        most = by.most_common(1)[0][0]
        row = next(row for row in out if str(verdict.factor[row]) == most)
        reason = f"{most}: {verdict.reason[row]}"
    return Rehearsal(counts, dict(by.most_common()), tuple(failures), reason, fits)


def made_up() -> Report:
    """Return what a source would say of ten supernovae."""
    objects, facts, tables = [], [], []
    for i in range(N):
        survey = ("ztf", "lsst")[i % 2]
        name = f"made-up-{i}"
        ra, dec = 150.0 + 12.0 * i, -40.0 + 8.0 * i
        age = 4.0 + 3.0 * i  # [d] since its first detection
        first = NOW - age
        objects.append(
            {"object_id": name, "survey": survey, "ra": ra, "dec": dec, "known_at": first}
        )
        if i % 4 < 2:
            facts.append((name, "redshift", 0.03 + 0.01 * i, first, ""))
        tables.append(_light_curve(name, survey, age, peak=17.0 + 0.26 * i))
    rows = pd.concat(tables, ignore_index=True)
    return Report(
        "rehearsal",
        Outcome.DATA,
        object_table(objects),
        photometry.conform(rows.assign(source="rehearsal")),
        fact_table(facts),
    )


def _light_curve(name: str, survey: str, age: float, *, peak: float) -> pd.DataFrame:
    """Return a rise of t^2 to a peak and a linear decline, seen every other night in each band."""
    since = np.arange(0.0, age, 2.0)
    rise = peak - 5.0 * np.log10((since + 2.0) / (RISE + 2.0))
    mag = np.where(since < RISE, rise, peak + 0.05 * (since - RISE))
    parts = []
    for k, band in enumerate(BANDS[survey]):
        flux = photometry.flux_from_mag(mag + 0.05 * k)
        parts.append(
            pd.DataFrame(
                {
                    "candidate_id": name,
                    "mjd": NOW - age + since + 0.01 * k,
                    "band": band,
                    "flux": flux,
                    "flux_err": flux / 20.0,
                    "kind": photometry.DETECTION,
                    "survey": survey,
                    "measurement_id": [f"{name}/{band}/{j}" for j in range(len(since))],
                }
            ).assign(known_at=lambda rows: rows["mjd"])
        )
    return pd.concat(parts, ignore_index=True)
