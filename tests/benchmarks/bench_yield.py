"""What an observer gets who follows a list: SNe Ia caught within two days of their peak.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_yield [--rows paper,today,goal,goal:peaks]
[--clear 0.75,0.5] [--keep FOLDER]``

The rules. The objects of ../shared/data/ztf_bts_* alone are in the sky, at their own times and
places; a gap above 45 d starts an object afresh. Nights are MJD 58260 to 59400, 75 % of them clear,
with eight seeds of weather that are the same for all rows. Known on a night are the detections with
mjd < floor(night): until the end of the survey's night before. Redshifts and types are not known.
On each clear night, up to K objects are observed in the order of the list, each object once for
ever; visible is what stands an hour above 30 deg with the Sun below -18 deg. A success is a SN Ia
(91T and 91bg-like, too) that is observed within 2 d of its true peak while its true magnitude is
18.6 or brighter; the true peak is that of the product's fit to all detections with the
spectroscopic redshift. Ia-pec, Iax and Ia-CSM are neither successes nor contaminants.

Every row but the first and the last is judged by the program's own steps and factors, night by
night: `paper` by configs/paper_2025.yaml with the fits that the paper made (`sncosmo.fit_lc`, one
start), `today` by the default before there was a wait, both in the order of their score; `goal` by
configs/sn_ia_peak.yaml in the order of the site's list, which may leave slots empty. `random` draws
from what the paper's list holds; `oracle` knows types, peaks and the weather, and is a maximum
matching of SNe Ia that are seen once, are truly 18.5 or brighter and within 2 d of their peak, to
slots. A row such as `goal:peaks` has one thing changed, see `yield_variants`. Intervals are 95 %,
by a bootstrap over blocks of 30 nights, paired between rows.

Fits are kept in a temporary folder: the first run takes some 25 min on one core, 10 of them for
sncosmo, the next ones some minutes for each row: a night of the whole loop is 0.3 s. With --keep
the lists of each row are kept, too, and taken as they are by the next run: of the same program
only.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from astropy.time import Time
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from aas2rto.config.load import load
from aas2rto.factors import Decision
from aas2rto.steps.build import build
from aas2rto.steps.cycle import Parts
from aas2rto.steps.fit import fit
from aas2rto.steps.prefilter import prefilter
from aas2rto.steps.present import with_present_magnitudes
from aas2rto.steps.rank import rank_science, rank_site
from aas2rto.steps.score import remove, score
from tests.benchmarks import yield_fits, yield_variants
from tests.benchmarks.yield_sky import (
    FIRST,
    LAST,
    PHASES,
    SITES,
    Truth,
    World,
    seen_from,
    world,
)
from tests.shared import ROOT

CASES = tuple((site, slots) for site in SITES for slots in (1, 3, 5))
CLEAR, SEEDS, BLOCK = 0.75, 8, 30
WITHIN, FAINTEST, FAINTEST_ORACLE = 2.0, 18.6, 18.5
MIDDLE = 0.3
"""Paper's and today's lists are judged at this share of the day: about midnight at both sites."""
GOALS = {
    (SITES[0], 1): {"random": 0.174, "paper": 0.241, "today": 0.314, "goal": 0.50, "oracle": 0.680},
    (SITES[0], 3): {"random": 0.206, "paper": 0.207, "today": 0.210, "goal": 0.63, "oracle": 0.811},
    (SITES[1], 1): {"random": 0.112, "paper": 0.115, "today": 0.129, "goal": 0.30, "oracle": 0.408},
}
"""What a trial found by the same rules; the goal is at least so much."""

TODAY = {
    "models": {"salt": {"min_detections": 5, "redshift": [0.001, 0.2]}, "bazin": {}},
    "visibility": {"factor": "altitude_integral"},
    "score": {
        "factors": [
            {"magnitude": {"zero_point": "18.5 mag", "faint_limit": "18.5 mag", "ceiling": 10}},
            {"detections": {"min": 4}},
            {"rising_fraction": {"min": 0.4}},
            {"time_span": {"midpoint": "25 day", "rate": "-1 / day", "max": "30 day"}},
            {"peak": {"model": "salt", "sigma": "1 day", "amplitude": 30, "no_fit": 0.1}},
            {"chisq": {"model": "salt", "good": 2, "max": 10}},
            {"sn_ia_likeness": {"salt": "salt", "bazin": "bazin"}},
        ]
    },
}
"""The default as it was before there was a wait."""

Lists = list[list[int]]
"""Episodes in the order of each night's list."""


# -- the lists ---------------------------------------------------------------------------------


def parts_of(name: str, changes: dict[str, Any] | None = None) -> Parts:
    """Build the parts of a row's config, with the two sites and no source."""
    file = "paper_2025.yaml" if name == "paper" else "sn_ia_peak.yaml"
    told: dict[str, Any] = yaml.safe_load((ROOT / "configs" / file).read_text(encoding="utf-8"))
    told |= TODAY if name == "today" else {}
    told |= {"sources": {}, "observatories": list(SITES)} | (changes or {})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.yaml"
        path.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
        return build(load(path), with_sources=False)


def by_score(made: World, parts: Parts, memory: yield_fits.ByNight) -> Lists:
    """Return each night's list by score, without a site; what is rejected stays out for good."""
    number = {name: k for k, name in enumerate(made.episodes["candidate_id"])}
    gone: set[str] = set()
    lists = []
    for night in range(FIRST, LAST):
        states, known = without(made.known(night), gone)
        now = Time(night + MIDDLE, format="mjd", scale="utc")
        memory.tonight(states)
        prefiltered = prefilter(parts, known, now)
        table, _ = fit(parts, prefiltered, known, now, memory=memory)
        scored = score(parts, table, prefiltered, now)
        gone |= set(scored.rows(Decision.REJECT)["candidate_id"])
        ranked = rank_science(scored.rows(Decision.KEEP)).table
        lists.append([number[name] for name in ranked["candidate_id"]])
    return lists


def by_site(made: World, parts: Parts, variants: Sequence[str]) -> dict[str, dict[str, Lists]]:
    """Return each night's list of each site, by variant, as the loop makes it before dusk."""
    sky = yield_variants.beside(made, variants)
    memory = yield_fits.ByNight(sky, yield_fits.fitted(made, parts), len(variants))
    number = {name: k for k, name in enumerate(sky.episodes["candidate_id"])}
    lists: dict[str, dict[str, Lists]] = {v: {site: [] for site in SITES} for v in variants}
    gone: set[str] = set()
    for night in range(FIRST, LAST):
        states, known = without(sky.known(night), gone)
        memory.tonight(states)
        now = Time(float(night), format="mjd", scale="utc")
        prefiltered = prefilter(parts, known, now)
        table, fits = fit(parts, prefiltered, known, now, memory=memory)
        table = with_present_magnitudes(parts, table, fits, float(night))
        with yield_variants.told(sky):
            scored = score(parts, table, prefiltered, now)
            ranked = list(ranked_names(parts, scored.rows(Decision.KEEP), now, variants))
        gone |= set(remove(scored)["candidate_id"])
        for variant, site, names in ranked:
            lists[variant][site].append([number[name] % len(made.episodes) for name in names])
    return lists


def ranked_names(
    parts: Parts, kept: pd.DataFrame, now: Time, variants: Sequence[str]
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the list of each variant at each site."""
    told = yield_variants.variant_of(kept["candidate_id"])
    for some, own in yield_variants.usables(parts, variants).items():
        rows = kept[np.isin(told, some)]
        for site in parts.case.observatories:
            found = rank_site(
                site, rows, own.site_factors, now, min_altitude=parts.min_altitude
            ).table
            names = found["candidate_id"][worth_it(parts, found)]
            of = yield_variants.variant_of(names)
            for variant in some:
                yield variant, site.name, names[of == variant].tolist()


def worth_it(parts: Parts, table: pd.DataFrame) -> np.ndarray:
    """Tell what of a site's list is worth a slot, by the config's `min_value`."""
    least = getattr(parts.case.config.score, "min_value", None)
    return np.ones(len(table), bool) if least is None else table["site_score"].to_numpy() >= least


def without(found: tuple[np.ndarray, Any], gone: set[str]) -> tuple[np.ndarray, Any]:
    """Leave out what has been rejected before."""
    states, known = found
    keep = ~known.table["candidate_id"].isin(gone).to_numpy()
    rows = ~known.photometry["candidate_id"].isin(gone)
    return states[keep], replace(
        known,
        table=known.table[keep].reset_index(drop=True),
        photometry=known.photometry[rows].reset_index(drop=True),
    )


# -- the replay --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Taken:
    """What was observed: per seed and night, counts; and the phases of the SNe Ia [d].

    Parameters
    ----------
    clear : ndarray of bool, shape (seeds, nights)
    good, close, other, ia : ndarray of int, shape (seeds, nights)
        Successes, those within 1 d, contaminants, SNe Ia.
    phases : ndarray
    """

    clear: np.ndarray
    good: np.ndarray
    close: np.ndarray
    other: np.ndarray
    ia: np.ndarray
    phases: np.ndarray

    def rate(self, what: str = "good", nights: np.ndarray | None = None) -> float:
        """Return how many of something there are per clear night."""
        counts = getattr(self, what)
        chosen = slice(None) if nights is None else nights
        return float(counts[:, chosen].sum() / self.clear[:, chosen].sum())


def weather(seeds: int, clear: float) -> np.ndarray:
    """Return which nights are clear, shape (seeds, nights)."""
    return np.array([np.random.default_rng(s).random(LAST - FIRST) < clear for s in range(seeds)])


def replay(
    made: World, lists: Sequence[Lists], up: list[dict[int, float]], slots: int, clear: np.ndarray
) -> Taken:
    """Observe down the list on every clear night; each object once.

    Parameters
    ----------
    made : World
    lists : sequence of Lists
        For each seed of weather.
    up : list of dict
        Per night, when each visible episode is highest [d].
    slots : int
        K.
    clear : ndarray of bool, shape (seeds, nights)
    """
    name = made.episodes["name"].to_numpy(object)
    counts = np.zeros((4, *clear.shape), dtype=int)
    phases = []
    for seed, nights in enumerate(clear):
        done: set[str] = set()
        for k in np.flatnonzero(nights):
            free = (e for e in lists[seed][k] if e in up[k] and name[e] not in done)
            for episode, _ in zip(free, range(slots), strict=False):
                done.add(name[episode])
                found, phase = outcome(made.truth, episode, up[k][episode])
                counts[:, seed, k] += found
                phases += [phase] if found[3] else []
    good, close, other, ia = counts
    return Taken(clear, good, close, other, ia, np.array(phases))


def outcome(truth: Truth, episode: int, at: float) -> tuple[tuple[bool, ...], float]:
    """Return what an observation is worth: success, within 1 d, contaminant, SN Ia; its phase."""
    is_ia, phase = bool(truth.is_ia[episode]), float(at - truth.t_true[episode])
    good = is_ia and abs(phase) <= WITHIN and true_mag(truth, episode, phase) <= FAINTEST
    return (good, good and abs(phase) <= 1.0, bool(truth.is_other[episode]), is_ia), phase


def true_mag(truth: Truth, episode: int, phase: float) -> float:
    """Return the true magnitude some days from the peak, the brighter of g and r."""
    return float(np.interp(phase, PHASES, truth.mag[episode]))


def oracle(made: World, up: list[dict[int, float]], slots: int, clear: np.ndarray) -> Taken:
    """Observe the largest number of SNe Ia that can be, knowing all."""
    names, number = np.unique(made.episodes["name"].to_numpy(str), return_inverse=True)
    edges = [
        (number[episode], k, episode)
        for k in range(LAST - FIRST)
        for episode, at in up[k].items()
        if could_be(made.truth, episode, at)
    ]
    own, night, _ = (np.array(column) for column in zip(*edges, strict=True))
    counts = np.zeros(clear.shape, dtype=int)
    for seed, nights in enumerate(clear):
        usable = nights[night]
        rows = np.repeat(own[usable], slots)
        columns = (night[usable][:, None] * slots + np.arange(slots)).ravel()
        shape = (len(names), (LAST - FIRST) * slots)
        graph = csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
        chosen = maximum_bipartite_matching(graph.tocsr(), perm_type="column")
        np.add.at(counts[seed], chosen[chosen >= 0] // slots, 1)
    nothing = np.zeros_like(counts)
    return Taken(clear, counts, nothing, nothing, counts, np.array([]))


def could_be(truth: Truth, episode: int, at: float) -> bool:
    phase = at - truth.t_true[episode]
    near = bool(truth.is_ia[episode]) and abs(phase) <= WITHIN
    return near and true_mag(truth, episode, phase) <= FAINTEST_ORACLE


# -- what is shown -----------------------------------------------------------------------------


def blocks(seed: int = 1, times: int = 1000) -> list[np.ndarray]:
    """Return the nights of each bootstrap: blocks of `BLOCK` nights, drawn with replacement."""
    rng = np.random.default_rng(seed)
    every = np.array_split(np.arange(LAST - FIRST), (LAST - FIRST) // BLOCK)
    return [
        np.concatenate([every[k] for k in rng.integers(0, len(every), len(every))])
        for _ in range(times)
    ]


def ratio(one: Taken, other: Taken, drawn: list[np.ndarray]) -> str:
    """Return the ratio of two rows with its interval."""
    low, high = np.quantile(
        [one.rate("good", n) / other.rate("good", n) for n in drawn], [0.025, 0.975]
    )
    return f"{one.rate() / other.rate():.2f} [{low:.2f}, {high:.2f}]"


def show(found: dict[str, Taken], case: int) -> None:
    """Print one table."""
    site, slots = CASES[case]
    print(f"\n{site}, K = {slots}; {np.mean(next(iter(found.values())).clear):.0%} of nights clear")
    print(
        f"{'':12s} within 2 d (trial)   95 %             1 d    non-Ia  Ia share  phase 16/50/84 %"
        "       of oracle            over today           over goal"
    )
    drawn = blocks()
    for name, one in found.items():
        low, high = np.quantile([one.rate("good", n) for n in drawn], [0.025, 0.975])
        usual = bool(abs(np.mean(one.clear) - CLEAR) < 0.05)
        goal = GOALS.get(CASES[case], {}).get(name) if usual else None
        wanted = "" if goal is None else f"({goal:.3f})"
        total = one.ia.sum() + one.other.sum()
        phase = one.phases
        told = (
            "/".join(f"{q:+.1f}" for q in np.quantile(phase, [0.16, 0.5, 0.84]))
            if len(phase)
            else ""
        )
        against = [
            ratio(one, found[peer], drawn) if peer in found and peer != name else ""
            for peer in ("oracle", "today", "goal")
        ]
        print(
            f"{name:12s} {one.rate():.3f} {wanted:12s} [{low:.3f}, {high:.3f}]  "
            f"{one.rate('close'):.3f}  {one.rate('other'):.3f}   {one.ia.sum() / total:6.1%}   "
            f"{told:18s} {against[0]:20s} {against[1]:20s} {against[2]}",
            flush=True,
        )


def lists_of(rows: Sequence[str], made: World, keep: Path | None) -> dict[str, dict[str, Lists]]:
    """Return the lists of all rows by site; from a folder, if they are kept there."""
    found: dict[str, dict[str, Lists]] = {}
    todo: dict[str, list[str]] = {}
    for row in dict.fromkeys(rows):
        path = None if keep is None else path_of(keep, row)
        if path is not None and path.exists():
            found[row] = json.loads(path.read_text(encoding="utf-8"))
        else:
            todo.setdefault(row.partition(":")[0], []).append(row)
    for name, some in todo.items():
        start = time.perf_counter()
        new = made_of(name, made, [row.partition(":")[2] for row in some])
        told = f"lists of {', '.join(some)}: {time.perf_counter() - start:.0f} s"
        print(told, file=sys.stderr, flush=True)
        for row, lists in zip(some, new, strict=True):
            found[row] = lists
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                path_of(keep, row).write_text(json.dumps(lists), encoding="utf-8")
    return found


def path_of(folder: Path, row: str) -> Path:
    return folder / f"{row.replace(':', '_')}.json"


def made_of(name: str, made: World, variants: Sequence[str]) -> list[dict[str, Lists]]:
    """Return the lists of some variants of a row."""
    parts = parts_of(name)
    if name == "paper":
        memory = yield_fits.by_paper(made, parts, needed(made, parts))
        return [dict.fromkeys(SITES, by_score(made, parts, memory))]
    if name == "today":
        memory = yield_fits.ByNight(made, yield_fits.fitted(made, parts))
        return [dict.fromkeys(SITES, by_score(made, parts, memory))]
    return list(by_site(made, parts, variants).values())


def needed(made: World, parts: Parts) -> np.ndarray:
    """Return the states that the paper's prefilter lets through to a fit."""
    found: set[int] = set()
    for night in range(FIRST, LAST):
        states, known = made.known(night)
        now = Time(night + MIDDLE, format="mjd", scale="utc")
        kept = prefilter(parts, known, now).keep & (made.states["n"].to_numpy()[states] >= 5)
        found |= set(states[kept].tolist())
    return np.array(sorted(found))


def shuffled(lists: Lists, seed: int) -> Lists:
    rng = np.random.default_rng(1000 + seed)
    return [rng.permutation(one).tolist() for one in lists]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", default="random,paper,today,goal,oracle")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--clear", default=f"{CLEAR}", help="shares of clear nights, by commas")
    parser.add_argument("--keep", type=Path, help="folder of the lists of each row")
    options = parser.parse_args()
    made = world()
    up = seen_from(made)
    rows = options.rows.split(",")
    judged = ["paper" if name == "random" else name for name in rows if name != "oracle"]
    lists = lists_of(judged, made, options.keep)
    lists["random"] = lists.get("paper", {})
    for share in map(float, options.clear.split(",")):
        clear = weather(options.seeds, share)
        for case, (site, slots) in enumerate(CASES):
            found = {}
            for name in rows:
                if name == "oracle":
                    found[name] = oracle(made, up[site], slots, clear)
                    continue
                own = [lists[name][site]] * options.seeds
                if name == "random":
                    own = [shuffled(lists[name][site], seed) for seed in range(options.seeds)]
                found[name] = replay(made, own, up[site], slots, clear)
            show(found, case)


if __name__ == "__main__":
    main()
