"""Time the figures of two cycles, and a figure that is used again against a fresh one.

Run ``python -m tests.benchmarks.bench_figures [candidates]``; it prints one table. The first cycle
draws all four figures of every candidate; ten minutes later one candidate in twenty has a new
measurement, and only what then shows something else is drawn.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.time import Time
from astropy.utils import iers

from aas2rto import loop
from aas2rto.config.load import load
from aas2rto.inform.tell import Telling
from aas2rto.outputs import files
from aas2rto.outputs.figures import drawing, gathering, light_curve
from aas2rto.questions.explain import explain_stored
from aas2rto.steps.build import build
from aas2rto.store import Store
from aas2rto.tables.photometry import DETECTION, flux_from_mag
from aas2rto.tables.report import Outcome, Report, split
from tests.benchmarks.light_curves import draw_sn_ia
from tests.simulated import as_alerts, simulate_salt, ztf_visits

NOW = Time("2026-03-20T22:00:00", scale="utc")
LATER = Time(NOW.mjd + 10 / 1440, format="mjd", scale="utc")
REPEATS = 15

CASE = """\
project: bench
models:
  salt: {{min_detections: 5, redshift: [0.001, 0.2]}}
score:
  factors:
    - magnitude: {{zero_point: 18.5 mag, faint_limit: 25 mag}}
    - rising_fraction: {{min: 0}}
    - peak: {{model: salt, sigma: 1 day, amplitude: 30}}
observatories: [la_silla_dk154, la_palma_not, siding_spring_23m]
visibility: {{factor: altitude_integral, min_altitude: 30 deg}}
figures: {{top: {top}, workers: {workers}}}
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("candidates", nargs="?", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    iers.conf.auto_download = False
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), options.candidates, options.workers)


def run(folder: Path, n: int, workers: int) -> None:
    """Run two cycles, and compare figures."""
    (folder / "case.yaml").write_text(CASE.format(top=n, workers=workers))
    case = load(folder / "case.yaml")
    parts = build(case, with_sources=False)
    with Store(f"sqlite:///{folder / 'store.sqlite'}") as store:
        names = fill(store, n)
        telling = Telling(
            parts,
            store,
            folder,
            clock=lambda: NOW,
            open_store=lambda: store,
            explain=explain_stored,
            forever=False,
        )
        with telling:
            cycle, first = one_cycle(parts, store, telling, folder, NOW)
            drawn = set(folder.rglob("*.png"))
            in_order(folder, drawn)
            changed = names[:: len(names) // max(round(n * 0.05), 1)][: round(n * 0.05)]
            brighten(store, changed)
            before = {path: path.stat().st_mtime_ns for path in drawn}
            _, second = one_cycle(parts, store, telling, folder, LATER)
        after = {path for path in drawn if path.stat().st_mtime_ns != before[path]}
        print(
            f"{len(cycle.judged.rankings[0].table)} candidates, {len(case.observatories)} sites, "
            f"{workers} workers"
        )
        print(
            f"first cycle:  {len(drawn):4d} figures in {first:6.1f} s "
            f"({1e3 * first / len(drawn):.0f} ms each)"
        )
        print(
            f"second cycle: {len(after):4d} figures in {second:6.1f} s, "
            f"{len(changed)} candidates changed ({len(changed) / n:.0%}): "
            f"{second / first:.1%} of the first"
        )
        found = gathering.of_cycle(parts, store, cycle)
        compare(gathering.gather(found, names[:REPEATS]))


def fill(store: Store, n: int) -> list[str]:
    """Put n supernovae into the store; return their names."""
    rng = np.random.default_rng(1)
    truth = draw_sn_ia(2 * n, 1, z=(0.01, 0.085), t0=NOW.mjd - 15)
    photometry = as_alerts(
        simulate_salt(truth, lambda _: ztf_visits(rng, NOW.mjd - 60, NOW.mjd), rng=rng)
    )
    photometry = photometry[photometry["known_at"] <= NOW.mjd]
    detected = photometry[photometry["kind"] == DETECTION].groupby("candidate_id").size()
    names = sorted(detected[detected >= 5].index)[:n]
    known = pd.DataFrame({"object_id": names}).assign(
        ra=rng.uniform(0, 360, len(names)),
        dec=rng.uniform(-28, 60, len(names)),
        redshift=truth.set_index("candidate_id")["z"].reindex(names).to_numpy(),
        survey="ztf",
        known_at=NOW.mjd - 1,
    )
    rows = photometry[photometry["candidate_id"].isin(names)]
    objects, facts = split(known.to_dict("records"))
    store.ingest(Report("bench", Outcome.DATA, objects, rows, facts), NOW.mjd)
    return names


def brighten(store: Store, names: list[str]) -> None:
    """Let the survey measure some candidates once more, as they were."""
    held = store.candidates(NOW.mjd)
    held = held[held["candidate_id"].isin(names)].reset_index(drop=True)
    seen = store.photometry.of(held)
    last = seen[seen["kind"] == DETECTION].groupby("candidate_id", observed=True).tail(1)
    new = last.assign(
        mjd=NOW.mjd + 5 / 1440,
        known_at=NOW.mjd + 6 / 1440,
        measurement_id="new",
        flux=last["flux"] * flux_from_mag(23.85),
    )
    objects = held[["candidate_id", "ra", "dec"]].rename(columns={"candidate_id": "object_id"})
    report = Report("bench", Outcome.DATA, objects.assign(survey="ztf", known_at=NOW.mjd), new)
    store.ingest(report, LATER.mjd)


def one_cycle(parts, store, telling, folder, now):
    """Run a cycle; return it and the seconds that its figures took."""
    cycle = loop.run_cycle(parts, store, now, inform=lambda c: files.write(folder, parts, c))
    start = time.perf_counter()
    telling.tell(cycle)
    assert not cycle.problems, cycle.problems
    return cycle, time.perf_counter() - start


def in_order(folder: Path, drawn: set[Path]) -> None:
    """Say that the lists were on disk before the first figure was begun."""
    lists = [*folder.rglob("*.csv"), folder / "cycle.json"]
    last = max(path.stat().st_mtime_ns for path in lists)
    first = min(path.stat().st_mtime_ns for path in drawn)
    assert last < first
    print(f"{len(lists)} lists were on disk {(first - last) / 1e9:.2f} s before the first figure")


def compare(subjects) -> None:
    """Time each kind of figure, used again and fresh by turns."""
    print(f"{'figure':14s}{'reused':>10s}{'fresh':>10s}{'fresh/reused':>14s}")
    for kind in drawing.KINDS:
        again, fresh = [], []
        drawing.png(kind, subjects[0])
        for subject in subjects:
            again.append(seconds(kind, subject, fresh=False))
            fresh.append(seconds(kind, subject, fresh=True))
        one, other = np.median(again), np.median(fresh)
        print(f"{kind:14s}{1e3 * one:7.0f} ms{1e3 * other:7.0f} ms{other / one:14.2f}")
    points = len(light_curve._shown(subjects[0]))
    print(f"medians of {len(subjects)}; a light curve of {points} points, with its model")


def seconds(kind, subject, *, fresh: bool) -> float:
    """Return how long one figure takes."""
    start = time.perf_counter()
    drawing.png(kind, subject, fresh=fresh)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
