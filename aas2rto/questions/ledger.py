"""The ledger: recommended, requested, observed, classified; by candidate and config version.

Nothing is kept for it: it follows from the store's history of ranks, from marks and from what was
said of candidates. The peak is that of the newest fit, which knows what came after the visit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.sky.observatory import Observatory
from aas2rto.steps.cycle import Fits, Parts
from aas2rto.steps.fit import join
from aas2rto.steps.fit_memory import spread_out
from aas2rto.store import Store
from aas2rto.tables import marks
from aas2rto.tables.marks import Kind
from aas2rto.tables.transient_types import CLASS, SN_IA, WITHIN, kinds_of, label_of, neither_of

TOP = 5
"""Places of a site's list that count as recommended (A&A 698, A153, Sect. 4: the top five)."""

TABLE = (
    "candidate_id",
    "name",
    "config",
    "recommended_mjd",
    "last_recommended_mjd",
    "best_rank",
    "observatory",
    "requested_mjd",
    "requested_by",
    "observed_mjd",
    "observed_at",
    "visits",
    "lost_visits",
    "classified_mjd",
    "type",
    "redshift",
    "peak_mjd",
    "peak_err",
    "peak_mag",
    "phase",
    "hit",
    "ra",
    "dec",
)
"""Columns of the ledger; ``candidate_id, type, peak_mjd, peak_mag, redshift, ra, dec`` are those of
a truth table of `aas2rto replay`."""

VISITS = (
    "candidate_id",
    "config",
    "mjd",
    "night",
    "observatory",
    "author",
    "state",
    "type",
    "phase",
    "is_class",
    "hit",
)


@dataclass(frozen=True)
class Ledger:
    """What became of what was recommended.

    Parameters
    ----------
    now : float
        [d, MJD UTC]
    table : DataFrame
        `TABLE`: one row for each candidate and config version that recommended it, or under which
        it was asked for or visited. Times [d, MJD UTC]; ``phase`` [d] of the visit that is nearest
        to the peak; ``type`` empty and numbers NaN where they are not known.
    visits : DataFrame
        `VISITS`: one row for each visit that stands; ``state`` is observed, failed or clouded;
        ``night`` is the MJD of the local date of the evening.
    top : int
        So many places counted as recommended.
    classes : tuple of str
        Types that are wanted.
    within : float
        So near to the peak [d], a visit to one of them is a hit.
    """

    now: float
    table: pd.DataFrame
    visits: pd.DataFrame
    top: int
    classes: tuple[str, ...]
    within: float

    @property
    def label(self) -> str:
        """What is wanted, in the plural."""
        return label_of(self.classes)


def ledger(
    parts: Parts,
    store: Store,
    now: Time,
    *,
    top: int = TOP,
    classes: Sequence[str] = SN_IA,
    within: float = WITHIN,
) -> Ledger:
    """Bring together what was recommended, asked for, observed and classified by `now`.

    Parameters
    ----------
    parts : Parts
    store : Store
        Is only read.
    now : Time
    top : int
        So many places of a site's list are a recommendation, 1 to 20.
    classes : sequence of str
        Types that are wanted.
    within : float
        So near to the peak [d], a visit to one of them is a hit.
    """
    mjd = float(now.utc.mjd)
    said = store.marks.as_known(mjd)
    held = store.candidates(mjd, state=None).set_index("candidate_id")
    known = store.results.recommended(mjd, top)
    wanted = requests(said, held, store.facts.words("too", mjd))
    visits = visits_of(said, parts.case.observatories)
    versions = store.results.versions(mjd)
    for events in (wanted, visits):
        events["config"] = _version(events, known, versions)
    table = _joined(known, wanted, visits)
    facts = _facts(parts, store, held, table["candidate_id"].unique(), mjd)
    table = table.merge(facts, on="candidate_id", how="left")
    visits = _judged(visits.merge(facts, on="candidate_id", how="left"), classes, within)
    table = _with_visits(table, visits)
    order = ["recommended_mjd", "requested_mjd", "observed_mjd", "candidate_id"]
    table = table.sort_values(order, kind="stable", ignore_index=True)[list(TABLE)]
    return Ledger(mjd, table, visits[list(VISITS)], top, tuple(classes), within)


def requests(said: pd.DataFrame, held: pd.DataFrame, too: pd.DataFrame) -> pd.DataFrame:
    """Return who was asked for by people, since when: pinned, or a target of opportunity.

    Parameters
    ----------
    said : DataFrame
        From ``store.marks.as_known``.
    held : DataFrame
        Candidates, by candidate_id.
    too : DataFrame
        From ``store.facts.words``.

    Returns
    -------
    DataFrame
        ``candidate_id, mjd`` [d, MJD UTC] and ``by``: the first request of each.
    """
    pins = said[(said["kind"] == Kind.PIN) & ~(said["until"] <= said["at"])]
    asked = pins[["candidate_id", "at"]].rename(columns={"at": "mjd"}).assign(by="pin")
    ids = pd.Series(held.index.to_numpy(object), index=held["id"].to_numpy())
    too = too[too["value"].eq(other=True)]
    names = ids.reindex(too.index).to_numpy(object)
    targets = pd.DataFrame({"candidate_id": names, "mjd": too["known_at"].to_numpy(), "by": "too"})
    every = pd.concat([asked, targets.dropna(subset=["candidate_id"])], ignore_index=True)
    every = every.sort_values(["mjd", "by"], kind="stable")
    return every.drop_duplicates("candidate_id").reset_index(drop=True)


def visits_of(said: pd.DataFrame, sites: Sequence[Observatory]) -> pd.DataFrame:
    """Return the visits that people told of and nobody took back.

    Parameters
    ----------
    said : DataFrame
        From ``store.marks.as_known``.
    sites : sequence of Observatory
        Where a night begins; of an unknown one it does at noon UTC.
    """
    told = said[said["kind"].isin(marks.VISITS)].sort_values("at", kind="stable")
    kept = _stands(told.to_dict("records"))
    told = told[kept]
    east = {site.name: site.longitude_deg / 360.0 for site in sites}
    shift = told["observatory"].map(east).fillna(0.0).to_numpy(float)
    at = told["at"].to_numpy(float)
    return pd.DataFrame(
        {
            "candidate_id": told["candidate_id"].to_numpy(object),
            "mjd": at,
            "night": np.floor(at + shift - 0.5),
            "observatory": told["observatory"].to_numpy(object),
            "author": told["author"].to_numpy(object),
            "state": told["kind"].astype(str).to_numpy(object),
        }
    )


def _stands(told: Sequence[dict[object, object]]) -> NDArray[np.bool_]:
    """Tell which visits nobody took back; what came to nothing lifts an earlier ``observed``."""
    stands = np.zeros(len(told), dtype=bool)
    lifted: dict[tuple[object, object], set[object]] = {}
    for row in reversed(range(len(told))):
        one = told[row]
        who, kind, where = one["candidate_id"], one["kind"], one["observatory"]
        back = lifted.setdefault((who, kind), set())
        if marks.is_taken_back(one):
            back.add(where)
            continue
        stands[row] = "" not in back and where not in back and not (where == "" and back)
        if kind in marks.CAME_TO_NOTHING and stands[row]:
            lifted.setdefault((who, Kind.OBSERVED.value), set()).add(where)
    return stands


def _version(
    events: pd.DataFrame, known: pd.DataFrame, versions: pd.DataFrame
) -> NDArray[np.object_]:
    """Return the config that last recommended each before, or else the one that ran then."""
    at = versions["at"].to_numpy(float)
    place = np.searchsorted(at, events["mjd"].to_numpy(float), side="right") - 1
    names = np.append(versions["config"].to_numpy(object), "")
    ran = names[np.where(place >= 0, place, -1)]
    if known.empty or events.empty:
        return ran
    left = events[["candidate_id", "mjd"]].assign(row=np.arange(len(events)))
    both = left.merge(known[["candidate_id", "config", "first"]], on="candidate_id")
    both = both[both["first"] <= both["mjd"]].sort_values("first", kind="stable")
    last = both.drop_duplicates("row", keep="last").set_index("row")["config"]
    ran[last.index.to_numpy()] = last.to_numpy(object)
    return ran


def _joined(known: pd.DataFrame, wanted: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Put recommendations, requests and visits beside each other."""
    first = {"first": "recommended_mjd", "last": "last_recommended_mjd", "rank": "best_rank"}
    asked = wanted.rename(columns={"mjd": "requested_mjd", "by": "requested_by"})
    key = ["candidate_id", "config"]
    table = known.rename(columns=first).merge(asked, on=key, how="outer")
    table = table.merge(visits[key].drop_duplicates(), on=key, how="outer")
    texts = dict.fromkeys(("observatory", "requested_by", "config"), "")
    return table.fillna(texts)


def _facts(
    parts: Parts, store: Store, held: pd.DataFrame, names: NDArray[np.object_], now: float
) -> pd.DataFrame:
    """Return what is known of candidates now: name, type, redshift, peak."""
    table = held.loc[held.index.isin(names)].reset_index()
    types = store.facts.words("spectral_type", now)
    summary = store.photometry.as_known(table, now, parts.case.config.candidates.quiet).summary
    fits = {
        one.name: store.fits.of(one.name, table["candidate_id"].tolist()) for one in parts.models
    }
    found = Fits(tables={name: one for name, one in fits.items() if len(one)})
    found.wide = {name: spread_out(one) for name, one in found.tables.items()}
    peaks = join(table, found, parts.case.config.model_choice)
    return pd.DataFrame(
        {
            "candidate_id": table["candidate_id"].to_numpy(object),
            "name": table["name"].to_numpy(object),
            "type": table["spectral_type"].to_numpy(object),
            "classified_mjd": types["known_at"].reindex(table["id"]).to_numpy(float),
            "redshift": table["redshift"].to_numpy(float),
            "peak_mjd": peaks["t_peak"].to_numpy(float),
            "peak_err": peaks["t_peak_err"].to_numpy(float),
            "peak_mag": summary["peak_mag"].to_numpy(float),
            "ra": table["ra"].to_numpy(float),
            "dec": table["dec"].to_numpy(float),
        }
    )


def _judged(visits: pd.DataFrame, classes: Sequence[str], within: float) -> pd.DataFrame:
    """Say of each visit how far from the peak it was, and whether it is what was wanted."""
    kind = kinds_of(visits["type"].to_numpy(object), classes, neither_of(classes))
    phase = visits["mjd"].to_numpy(float) - visits["peak_mjd"].to_numpy(float)
    observed = (visits["state"] == Kind.OBSERVED).to_numpy(bool)
    near = observed & (kind == CLASS) & (np.abs(phase) <= within)
    return visits.assign(phase=phase, is_class=kind == CLASS, hit=near)


def _with_visits(table: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Add what became of each row's visits; the one that is nearest to the peak counts."""
    key = ["candidate_id", "config"]
    observed = visits[visits["state"] == Kind.OBSERVED]
    groups = observed.groupby(key, sort=False)
    counts = {
        "observed_mjd": groups["mjd"].min(),
        "visits": groups.size(),
        "hit": groups["hit"].any(),
        "lost_visits": visits[visits["state"] != Kind.OBSERVED].groupby(key).size(),
    }
    for name, values in counts.items():
        table = table.merge(values.rename(name).reset_index(), on=key, how="left")
    nearest = observed.assign(far=observed["phase"].abs().fillna(np.inf))
    nearest = nearest.sort_values(["far", "mjd"], kind="stable").drop_duplicates(key)
    nearest = nearest[[*key, "phase", "observatory"]]
    nearest = nearest.rename(columns={"observatory": "observed_at"})
    table = table.merge(nearest, on=key, how="left")
    table = table.fillna({"visits": 0, "lost_visits": 0, "observed_at": "", "hit": False})
    return table.astype({"visits": int, "lost_visits": int, "hit": bool})
