"""The MUSE first filter on real light curves: what passes, what is missed, what it costs.

    python -m tests.benchmarks.bench_muse

Reads ../shared/data. Every share stands with its number and the 95 % interval of Clopper & Pearson.
Settings are the defaults of the program, none is tuned on these sources; tails are learnt on one
half of the sources (by a hash of the name) and shown on the other.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aas2rto.models.watched import as_written, tails
from aas2rto.models.watched.blocks import blocks
from aas2rto.models.watched.nightly import Nights
from aas2rto.models.watched.stage_one import Progress, stage_one, statuses
from aas2rto.models.watched.stage_state import KINDS, Settings
from aas2rto.tables.photometry import mag_from_flux, magerr_from_flux
from tests.benchmarks import muse_samples as samples
from tests.benchmarks import muse_stage_two
from tests.benchmarks.muse_samples import Injected, Pool, interval

INJECTIONS = 300
"""Of each class."""

SHORT = Settings(min_nights=8, min_span=20, guard=0)
"""For Rubin's 85 days, in which no series has more than 19 nights: too few for a baseline."""


@dataclass(frozen=True)
class Row:
    """A line of the table: so many of so many, and what was wanted."""

    what: str
    k: int
    n: int
    goal: str = ""

    def __str__(self) -> str:
        low, high = interval(self.k, self.n) if self.n else (0.0, 1.0)
        share = 100 * self.k / self.n if self.n else np.nan
        goal = f"   goal {self.goal}" if self.goal else ""
        return (
            f"  {self.what:58s} {self.k:4d} / {self.n:4d} = {share:5.1f} %"
            f" ({100 * low:.1f} to {100 * high:.1f}){goal}"
        )


def flagged(found: Progress, pool: Pool) -> np.ndarray:
    """Return which sources were flagged."""
    flags = found.table()["n_flags"].groupby(pool.watched.source).max()
    return flags.to_numpy() > 0


def passes(pool: Pool, *, blind: bool, settings: Settings | None = None) -> np.ndarray:
    """Return which sources pass stage 1; blind: judged by the first half of their nights."""
    until = pool.middle() if blind else np.inf
    return flagged(stage_one(pool.nights, pool.watched, settings, until=until), pool)


def written(pool: Pool, nights: Nights | None = None) -> np.ndarray:
    """Return which sources pass as the document writes it."""
    nights = nights or pool.nights
    mag = mag_from_flux(nights.flux)
    magerr = magerr_from_flux(nights.flux, nights.flux_err)
    starts = nights.starts(len(pool.watched.source))
    found = [
        as_written.as_written(mag[a:b], magerr[a:b]).passes >= 0
        for a, b in itertools.pairwise(starts.tolist())
    ]
    return pd.Series(found).groupby(pool.watched.source).max().to_numpy(bool)


def pass_rates() -> list[Row]:
    """Return how many sources of each kind pass, in which nothing was put."""
    every = [*samples.field_250().values(), samples.galaxies(), samples.white_dwarfs()]
    rows = []
    for pool in every:
        goal = "<= 1 % (trial 0.6)" if pool.name == "quiet star" else ""
        for words, ours in (
            ("baseline goes on", passes(pool, blind=False)),
            ("blind baseline", passes(pool, blind=True)),
            ("as written (trial 54 % of quiet stars)", written(pool)),
        ):
            wanted = "" if words.startswith("as") else goal
            rows.append(Row(f"{pool.name}: {words}", int(ours.sum()), len(pool), wanted))
            if words.startswith("blind"):
                some = ours[pool.based()]
                which = f"{pool.name}: {words}, of those that have one"
                rows.append(Row(which, int(some.sum()), len(some), wanted))
    quasars = samples.rubin()
    found = stage_one(quasars.nights, quasars.watched)
    ready = found.table()["n_base"].groupby(quasars.watched.source).max().to_numpy() > 0
    hit = flagged(found, quasars)
    rows.append(
        Row("Rubin quasar: have a baseline (30 nights, 60 d)", int(ready.sum()), len(ready))
    )
    rows.append(Row("Rubin quasar: pass", int(hit.sum()), len(quasars)))
    short = stage_one(quasars.nights, quasars.watched, SHORT)
    ready = short.table()["n_base"].groupby(quasars.watched.source).max().to_numpy() > 0
    hit = flagged(short, quasars)[ready]
    rows.append(Row("Rubin quasar: pass, baseline of 8 nights, 20 d", int(hit.sum()), len(hit)))
    return rows


def by_kind(pool: Pool) -> str:
    """Say by what the flags of a pool were raised, and how its series are looked at."""
    table = stage_one(pool.nights, pool.watched).table()
    kinds = table.loc[table["n_flags"] > 0, "first_kind"].map(KINDS).value_counts().to_dict()
    agn = pool.watched.agn[pool.watched.source]
    looked = pd.Series(statuses(table, agn)).value_counts().to_dict()
    return f"  {pool.name}: {pool.years():.0f} source-years; flags {kinds}; series {looked}"


def delays(one: Injected, run: Callable[[Injected], Progress]) -> np.ndarray:
    """Return how many nights after the first with S/N > 5 the flag came; inf: never.

    A flag before anything of half an error was put in is a false one, and counts as none.
    """
    found, nights, n = run(one), one.pool.nights, len(one.pool)
    table = found.table()
    late = table["first_mjd"] > one.until[one.pool.watched.source]
    when = table["first_mjd"].where(late, table["flag_mjd"])
    when = when.where(when > one.until[one.pool.watched.source]).to_numpy()
    strength = np.abs(one.signal) / nights.flux_err
    late_by = np.full(n, np.inf)
    starts = nights.starts(n)
    for k in range(n):
        rows = slice(starts[k], starts[k + 1])
        at = int(np.searchsorted(nights.mjd[rows], when[k])) if np.isfinite(when[k]) else -1
        if at >= 0 and strength[rows][: at + 1].max() > 0.5:
            late_by[k] = starts[k] + at - one.seen[k]
    return late_by


def blind(one: Injected) -> Progress:
    return stage_one(one.pool.nights, one.pool.watched, until=one.until)


def going_on(one: Injected) -> Progress:
    return stage_one(one.pool.nights, one.pool.watched)


def triggers() -> list[Row]:
    """Return how many visible changes are flagged within 3 nights of S/N > 5."""
    quiet = samples.field_250()["quiet star"]
    rows = []
    for kind in samples.AMPLITUDES:
        one = samples.inject(quiet, kind, INJECTIONS, seed=1)
        for words, run in (("blind baseline", blind), ("baseline goes on", going_on)):
            late = delays(one, run)[one.visible]
            goal = ">= 97 % (trial 99)" if words.startswith("blind") else ""
            within, ever = int((late <= 3).sum()), int(np.isfinite(late).sum())
            rows.append(Row(f"{kind}: within 3 nights, {words}", within, len(late), goal))
            rows.append(Row(f"{kind}: ever, {words}", ever, len(late)))
    return rows


def real_tdes() -> list[Row]:
    """Return how many real tidal disruptions are flagged by when, of those with a baseline."""
    pool, peaks = samples.tdes()
    source = pool.watched.source
    rows = []
    for days in (0, 60):
        known = pool.nights.mjd <= (peaks + days)[source[pool.nights.series]]
        nights = Nights(**{name: values[known] for name, values in vars(pool.nights).items()})
        table = stage_one(nights, pool.watched).table()
        ready = (table["n_base"].groupby(source).max() > 0).to_numpy()
        hit = ((table["sign"] > 0).groupby(source).max() > 0).to_numpy()
        when = f"{days} d after the peak" if days else "at the peak"
        rows.append(Row(f"real TDE: have a baseline {when}", int(ready.sum()), len(ready)))
        some = hit[ready]
        rows.append(Row(f"real TDE: of those flagged {when}", int(some.sum()), len(some)))
    return rows


def tail_rows() -> list[str]:
    """Say how often quiet stars of the other half deviate by more than their tail says."""
    quiet = samples.field_250()["quiet star"]
    z = stage_one(quiet.nights, quiet.watched).z
    group = samples.half(quiet.names)[quiet.watched.source[quiet.nights.series]]
    lines = []
    for learnt in (0, 1):
        tail = tails.learn(z[group == learnt])
        other = np.abs(z[(group != learnt) & np.isfinite(z)])
        shown = "; ".join(
            f"P(|z| > {s:.1f}) = {p:g}, "
            f"shown {int((other > s).sum())} of {len(other)} ({100 * (other > s).mean():.3f} %)"
            for p, s in ((p, tail.threshold(p)) for p in (1e-2, 1e-3, 1e-4))
        )
        lines.append(f"  half {learnt}: nu = {tail.nu:.1f}, scale = {tail.scale:.2f}: {shown}")
    return lines


def times() -> list[str]:
    """Say what a night of 10,000 sources costs."""
    quiet = samples.field_250()["quiet star"]
    dice = np.random.default_rng(0)
    many = quiet.subset(dice.integers(0, len(quiet), 10_000))
    starts = many.nights.starts(len(many.watched.source))
    before = np.ones(len(many.nights.mjd), dtype=bool)
    before[starts[1:] - 1] = False
    old = Nights(**{name: values[before] for name, values in vars(many.nights).items()})
    begun = time.perf_counter()
    known = stage_one(old, many.watched)
    whole = time.perf_counter() - begun
    nights = []
    for settings in (None, Settings(growth=np.inf)):
        begun = time.process_time()
        stage_one(many.nights, many.watched, settings, before=known)
        nights.append(time.process_time() - begun)
    lines = [
        f"  10,000 sources, all {len(old.mjd)} nights: {whole:.2f} s, "
        f"{1e6 * whole / len(old.mjd):.2f} us a night",
        f"  10,000 sources, one more night: {100 * nights[1]:.2f} us of a core per source for S, "
        f"sums, blocks where a sum is above h (goal <= 10 us); {100 * nights[0]:.2f} with the "
        "baselines that are due",
    ]
    for n in (100, 300, 1000):
        flux, err = dice.normal(0, 1, n), np.ones(n)
        begun = time.process_time()
        for _ in range(100):
            blocks(flux, err)
        lines.append(f"  Bayesian blocks, {n} nights: {1e4 * (time.process_time() - begun):.0f} us")
    return lines


def main() -> int:
    begun = time.perf_counter()
    print("stage 1: what passes in which nothing was put")
    print("\n".join(map(str, pass_rates())))
    for pool in (*samples.field_250().values(), samples.galaxies(), samples.white_dwarfs()):
        print(by_kind(pool))
    print(f"\nstage 1: changes put into quiet stars, {INJECTIONS} of each class, visible ones")
    print("\n".join(map(str, triggers())))
    print("\nstage 1: real tidal disruptions, difference flux; the baseline goes on")
    print("\n".join(map(str, real_tdes())))
    print("\ntails of quiet stars, learnt on one half of them and shown on the other")
    print("\n".join(tail_rows()))
    print("\ntimes")
    print("\n".join(times()))
    muse_stage_two.report()
    print(f"\n{time.perf_counter() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
