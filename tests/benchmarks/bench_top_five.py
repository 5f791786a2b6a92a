"""Who stands in the top five: real transients on real nights, ranked by the program's own steps.

``python -m tests.benchmarks.bench_top_five [--nights 60] [--seed 1]``

Nights are spread over the years of ../shared/data/ztf_bts_*: all objects with a type, at their own
times. Among them, at random times of those years, once each: the TDEs, superluminous supernovae
and nuclear flares of the same folder (ZTF's g and r), and one simulated outburst of a cataclysmic
variable for ten objects (rise below 2 d, 3 to 6 mag above 20 to 21.5 mag, blue, a visit in g and r
every second night, most clear). No redshift and no type is known to the program.

Each night, and for each config, the store is read as it was known then, and judged by
`aas2rto.steps.judge`; the first five of the list without a site are counted. Yesterday's default
is `sn_ia_peak.yaml` without what was added to it. The weights of `sn_ia_likeness` were learnt on
the objects of the same survey: by cross-validation its area under the ROC curve is 0.900, and on
the objects themselves hardly more (`bench_fit_likeness`), but TDEs, SLSNe, flares and CVs are new
to it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from astropy.time import Time

from aas2rto.config.load import load
from aas2rto.steps.build import build
from aas2rto.steps.cycle import Parts
from aas2rto.steps.fit_memory import OnlyRead
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import as_known
from aas2rto.store import Store
from aas2rto.tables import photometry as phot
from aas2rto.tables.report import Outcome, Report, split
from tests.benchmarks.light_curves import bts
from tests.shared import DATA, ROOT

FIRST, LAST = 58330.0, 59330.0
"""MJD, 2018-07-31 to 2021-04-26: where the survey is dense."""
TOP = 5
ADDED = ("chisq", "sn_ia_likeness")
CONFIGS = ("new default", "yesterday's", "the paper's")


# -- the sky -----------------------------------------------------------------------------------


def table(rows: pd.DataFrame, flux: Any, error: Any) -> pd.DataFrame:
    """Return detections of ZTF as a photometry table; what is none is left out."""
    made = pd.DataFrame(
        {
            "candidate_id": rows["name"].astype(str).to_numpy(object),
            "mjd": rows["mjd"].to_numpy(float),
            "band": rows["band"].to_numpy(object),
            "flux": np.asarray(flux, float),
            "flux_err": np.asarray(error, float),
        }
    )
    kind = phot.kind_of(made["flux"], made["flux_err"], "ztf")
    seen = (kind == phot.DETECTION) & (made["flux"] >= 5 * made["flux_err"])
    return made[seen].assign(kind=phot.DETECTION, survey="ztf")


def of_magnitudes(rows: pd.DataFrame) -> pd.DataFrame:
    flux = phot.flux_from_mag(rows["mag"])
    return table(rows, flux, phot.flux_err_from_magerr(flux, rows["magerr"].clip(lower=1e-3)))


def tdes() -> pd.DataFrame:
    rows = pd.read_parquet(DATA / "tde_manytde_photometry.parquet")
    rows = rows[rows["band"].isin(["g.ztf", "r.ztf"])]
    rows = rows.assign(band="ztf" + rows["band"].astype(str).str[0])
    return table(rows, rows["flux_uJy"], rows["flux_err_uJy"])


def slsne() -> pd.DataFrame:
    rows = pd.read_parquet(DATA / "slsn_photometry.parquet")
    good = ~rows["ul"] & ~rows["ignore"] & (rows["system"] == "AB") & rows["magerr"].gt(0)
    rows = rows[good & rows["filter"].isin(["g", "r"]) & rows["telescope"].isin(["P48"])]
    return of_magnitudes(rows.assign(band="ztf" + rows["filter"].astype(str)))


def flares() -> pd.DataFrame:
    rows = pd.read_parquet(DATA / "ztf_nuclear_alert_photometry.parquet")
    rows = rows[rows["isdiffpos"].eq(1).fillna(False) & rows["fid"].isin([1, 2])]
    band = np.where(rows["fid"] == 1, "ztfg", "ztfr")
    names = {"objectId": "name", "magpsf": "mag", "sigmapsf": "magerr"}
    return of_magnitudes(rows.rename(columns=names).assign(band=band))


def variables(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate outbursts: a rise below 2 d, a plateau that declines, a fast end."""
    parts = []
    for i in range(n):
        quiet, amplitude = rng.uniform(20, 21.5), rng.uniform(3, 6)
        rise, slope, length = rng.uniform(0.5, 2), rng.uniform(0.03, 0.15), rng.uniform(5, 15)
        days = np.arange(rng.uniform(-2, 0), 25, 2.0) + rng.normal(0, 0.02)
        days = days[rng.random(len(days)) < 0.8]
        for band, colour in (("ztfg", 0.0), ("ztfr", rng.uniform(-0.1, 0.2))):
            at = days + (0.03 if band == "ztfr" else 0.0)
            peak = quiet - amplitude + slope * np.maximum(at, 0) - colour
            late = np.maximum(at - length, 0)
            mag = np.minimum(peak + amplitude * np.maximum(-at, 0) / rise + late, quiet)
            error = np.maximum(0.2 * 10 ** (0.4 * (mag - 20.5)), 0.02)
            mag = mag + rng.normal(0, error)
            rows = pd.DataFrame({"name": f"CV{i:04d}", "mjd": at, "band": band, "mag": mag})
            parts.append(of_magnitudes(rows.assign(magerr=error)))
    return pd.concat(parts, ignore_index=True)


def moved(light_curves: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Put the brightest point of each object at a random time of the nights."""
    brightest = light_curves.loc[light_curves.groupby("candidate_id")["flux"].idxmax()]
    names = brightest["candidate_id"].to_numpy(object)
    shift = rng.uniform(FIRST, LAST, len(names)) - brightest["mjd"].to_numpy(float)
    by_name = dict(zip(names, shift, strict=True))
    return light_curves.assign(mjd=light_curves["mjd"] + light_curves["candidate_id"].map(by_name))


def sky(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the light curves, and of what type each object is."""
    survey, objects = bts(types=())
    objects = objects[objects["type"].fillna("-") != "-"]
    types = dict(zip(objects["candidate_id"], objects["type"].astype(str), strict=True))
    parts = [survey[survey["candidate_id"].isin(types)]]
    others = {
        "TDE": tdes(),
        "SLSN-I": slsne(),
        "nuclear flare": flares(),
        "CV": variables(len(types) // 10, rng),
    }
    for kind, rows in others.items():
        new = moved(rows[~rows["candidate_id"].isin(types)].reset_index(drop=True), rng)
        types |= dict.fromkeys(new["candidate_id"].unique(), kind)
        parts.append(new)
    light_curves = pd.concat(parts, ignore_index=True)
    number = light_curves.groupby("candidate_id").cumcount().astype(str)
    return phot.conform(
        light_curves.assign(
            source="sky", known_at=light_curves["mjd"], measurement_id=number
        ).sort_values(["candidate_id", "mjd"], kind="stable")
    ), types


def filled(light_curves: pd.DataFrame, rng: np.random.Generator) -> Store:
    """Return a store in memory that holds them, each at a place of its own."""
    first = light_curves.groupby("candidate_id")["mjd"].min()
    n = len(first)
    objects = pd.DataFrame(
        {"object_id": first.index, "survey": "ztf", "known_at": first.to_numpy()}
    ).assign(ra=rng.permutation(n) * 360.0 / n, dec=rng.uniform(20, 60, n))
    rows, facts = split(objects.to_dict("records"))
    store = Store("sqlite://")
    report = Report("sky", Outcome.DATA, objects=rows, photometry=light_curves, facts=facts)
    store.ingest(report, LAST + 1000)
    return store


# -- the configs -------------------------------------------------------------------------------


def settings(name: str) -> dict[str, Any]:
    """Return a config as its file has it, with one site and no source."""
    file = "paper_2025.yaml" if name == "the paper's" else "sn_ia_peak.yaml"
    told: dict[str, Any] = yaml.safe_load((ROOT / "configs" / file).read_text(encoding="utf-8"))
    if name == "yesterday's":
        told["candidates"]["quiet"] = None
        del told["models"]["bazin"]
        factors = [f for f in told["score"]["factors"] if not set(ADDED) & set(f)]
        del factors[0]["magnitude"]["ceiling"]
        told["score"]["factors"] = factors
    return told | {"sources": {}, "observatories": ["la_palma_not"]}


def parts_of(name: str) -> Parts:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.yaml"
        path.write_text(yaml.safe_dump(settings(name), sort_keys=False), encoding="utf-8")
        return build(load(path), with_sources=False)


def top(parts: Parts, store: Store, nights: np.ndarray[Any, Any]) -> Iterator[list[str]]:
    """Yield the names of the top five of each night."""
    for night in nights:
        now = Time(night, format="mjd", scale="utc")
        judged = judge(parts, as_known(parts, store, now), now, memory=OnlyRead())
        yield judged.rankings[0].table["candidate_id"].head(TOP).astype(str).tolist()


def show(name: str, tops: list[list[str]], types: dict[str, str]) -> None:
    slots = [candidate for night in tops for candidate in night]
    kinds = pd.Series([types[candidate] for candidate in slots])
    is_ia = kinds.str.startswith("SN Ia")
    share, error = is_ia.mean(), np.sqrt(is_ia.mean() * (1 - is_ia.mean()) / len(is_ia))
    ever = {one for one in slots if types[one].startswith("SN Ia")}
    others = kinds[~is_ia].value_counts().head(6)
    told = ", ".join(f"{kind} {count}" for kind, count in others.items())
    print(
        f"{name:14s} {len(slots):5d} {100 * share:8.1f} +- {100 * error:.1f} {len(ever):8d}    "
        f"{told}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    light_curves, types = sky(rng)
    nights = np.linspace(FIRST, LAST, options.nights).round() + 0.9
    count = pd.Series(types).map(lambda kind: "SN Ia" if kind.startswith("SN Ia") else kind)
    print(f"{len(types)} objects ({count.value_counts().head(8).to_dict()}), {len(nights)} nights")
    print(f"{'config':14s} slots  SNe Ia [%]   SNe Ia ever    what else stands there")
    with filled(light_curves, rng) as store:
        for name in CONFIGS:
            show(name, list(top(parts_of(name), store, nights)), types)


if __name__ == "__main__":
    main()
