"""How fast 10,000 candidates are matched against 150,000 TNS names, beside astropy: one run.

``OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_tns``
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from astropy import units as u
from astropy.coordinates import SkyCoord

from aas2rto.sources.tns_table import COLUMNS, Table

CANDIDATES, NAMES = 10_000, 150_000


def best(work, rounds: int = 5) -> float:
    """Seconds of the fastest of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def positions(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))


def main() -> None:
    rng = np.random.default_rng(1)
    ra, dec = positions(NAMES, rng)
    rows = pd.DataFrame(dict.fromkeys(COLUMNS.values(), ""), index=range(NAMES))
    rows = rows.assign(
        objid=[str(k) for k in range(NAMES)],
        name=[f"2026x{k}" for k in range(NAMES)],
        ra=ra,
        dec=dec,
        redshift=np.nan,
        discovery_mag=18.0,
        internal_names=[f"ZTF26{k:07d}, ATLAS26{k}" for k in range(NAMES)],
    )
    # A third of the candidates are reported, within 2 arcsec of their TNS position.
    known = rng.choice(NAMES, CANDIDATES // 3, replace=False)
    more = positions(CANDIDATES - len(known), rng)
    offset = rng.normal(0, 1 / 3600, (2, len(known)))
    cand_ra = np.concatenate(
        [(ra[known] + offset[0] / np.cos(np.radians(dec[known]))) % 360, more[0]]
    )
    cand_dec = np.clip(np.concatenate([dec[known] + offset[1], more[1]]), -90, 90)
    aliases = [(f"ZTF26{k:07d}",) for k in known] + [("x",)] * len(more[0])

    table = Table(Path("nowhere"))

    def first() -> None:
        table.replace(rows, 61366.0)
        table.match(cand_ra, cand_dec, radius=5.0, aliases=aliases)

    def again() -> pd.DataFrame:
        return table.match(cand_ra, cand_dec, radius=5.0, aliases=aliases)

    whole, later = best(first), best(again)
    names = SkyCoord(ra * u.deg, dec * u.deg)

    def astropy() -> None:
        SkyCoord(cand_ra * u.deg, cand_dec * u.deg).match_to_catalog_sky(names)

    reference = best(astropy, 2)
    found = again()
    right = np.isin(found["candidate"], np.arange(len(known))).sum()
    print(
        f"{CANDIDATES} x {NAMES}: {len(found)} names ({right} of {len(known)} known ones); "
        f"index and match {whole * 1e3:.0f} ms, match {later * 1e3:.0f} ms, "
        f"astropy (nearest only) {reference * 1e3:.0f} ms"
    )
    with tempfile.TemporaryDirectory() as folder:
        kept = Table(Path(folder))
        kept.replace(rows, 61366.0)
        write = best(kept.save, 2)
        read = best(lambda: Table(Path(folder)).load(), 2)
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
    print(f"the table on disk: {size:.0f} MB, written in {write:.2f} s, read in {read:.2f} s")


if __name__ == "__main__":
    main()
