"""Sources that the first filter is shown on, and changes that are put into them.

A `Pool` is nightly means of many sources with what they are. Fluxes are total brightness [uJy];
errors as published. `inject` adds the classes of the filter to the later half of quiet ones.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import beta

from aas2rto.models.watched.baseline import MIN_NIGHTS, MIN_SPAN
from aas2rto.models.watched.nightly import LONGITUDES, Nights, nightly
from aas2rto.models.watched.stage_one import Watched
from aas2rto.tables.photometry import flux_err_from_magerr, flux_from_mag, mjd_utc_from_tai
from tests.shared import DATA

LEAST = 40
"""Nights of a series."""

QUIET, MID = 1.3, 3.0
"""Limits of std / error of quiet and of mid ones, as the published table of the field has them."""

AMPLITUDES = {
    "TDE": (0.5, 3.0),
    "SN": (0.5, 4.0),
    "NOVA": (2.0, 6.0),
    "LBV": (0.7, 3.0),
    "CLAGN": (0.3, 1.5),
}
"""Uniform amplitudes [mag]; those of a CLAGN of either sign."""

CALIBRATION = 0.01
"""Of an injected flux, this is its error."""


@dataclass(frozen=True)
class Pool:
    """Sources of one kind.

    Parameters
    ----------
    name : str
    nights : Nights
    watched : Watched
    names : list of str
        Of the sources.
    """

    name: str
    nights: Nights
    watched: Watched
    names: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def middle(self) -> np.ndarray:
        """Return half of each source's nights: the time of its middle night."""
        source = self.watched.source[self.nights.series]
        times = pd.Series(self.nights.mjd).groupby(source).median()
        return times.reindex(range(len(self))).to_numpy(float)

    def based(self) -> np.ndarray:
        """Return which sources have a baseline in the first half of their nights."""
        series = self.nights.series
        old = self.nights.mjd <= self.middle()[self.watched.source[series]]
        times = pd.Series(self.nights.mjd[old]).groupby(series[old])
        good = (times.count() >= MIN_NIGHTS) & (times.max() - times.min() >= MIN_SPAN)
        good = good.reindex(range(len(self.watched.source)), fill_value=False)
        return good.groupby(self.watched.source).any().to_numpy(bool)

    def years(self) -> float:
        """Return the sum of what the sources were watched for, first to last night."""
        times = pd.Series(self.nights.mjd).groupby(self.watched.source[self.nights.series])
        return float((times.max() - times.min()).sum() / 365.25)

    def subset(self, which: np.ndarray) -> Pool:
        """Return some of the sources, in the order of `which`; the same one twice is two."""
        series = [np.flatnonzero(self.watched.source == one) for one in which]
        starts = self.nights.starts(len(self.watched.source))
        chosen = np.concatenate(series)
        rows = np.concatenate([np.arange(starts[s], starts[s + 1]) for s in chosen])
        sizes = [starts[s + 1] - starts[s] for s in chosen]
        parts = {name: values[rows] for name, values in vars(self.nights).items()}
        parts["series"] = np.repeat(np.arange(len(chosen)), sizes)
        watched = Watched(
            np.repeat(np.arange(len(which)), [len(one) for one in series]),
            self.watched.band[chosen],
            self.watched.agn[which],
        )
        return Pool(self.name, Nights(**parts), watched, [self.names[k] for k in which])


def pool(
    name: str, table: pd.DataFrame, *, agn: bool = False, longitude: float, least=LEAST
) -> Pool:
    """Build a pool of ``source, curve, band, mjd, flux, flux_err``; short series are left out."""
    table = table.assign(night=np.floor(table["mjd"]))
    enough = table.groupby("curve")["night"].nunique()
    table = table[table["curve"].isin(enough.index[enough >= least])]
    table = table.sort_values(["source", "curve"], kind="stable")
    source, names = pd.factorize(table["source"])
    curve, _ = pd.factorize(table["curve"])
    band, _ = pd.factorize(table["band"], sort=True)
    of = pd.DataFrame({"source": source, "band": band}).groupby(curve).first()
    nights = nightly(table["mjd"], table["flux"], table["flux_err"], curve, longitude)
    watched = Watched(
        of["source"].to_numpy(np.int64), of["band"].to_numpy(np.int64), np.full(len(names), agn)
    )
    return Pool(name, nights, watched, [str(one) for one in names])


def fluxes(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with fluxes of its magnitudes."""
    flux = flux_from_mag(table["mag"].astype(float))
    return table.assign(
        flux=flux, flux_err=flux_err_from_magerr(flux, table["magerr"].astype(float))
    )


@functools.cache
def field_250() -> dict[str, Pool]:
    """Return ZTF g light curves of field 250 (DR5), by what they scatter beyond their errors."""
    curves = pd.read_parquet(DATA / "ztf_dr5_field250_zg_lightcurves.parquet")
    objects = pd.read_parquet(DATA / "ztf_dr5_field250_zg_objects.parquet").set_index("oid")
    curves = curves[(curves["catflags"] == 0) & (curves["magerr"] > 0)]
    table = fluxes(curves.rename(columns={"mjd_helio": "mjd"}))
    table = table.assign(source=table["oid"], curve=table["oid"], band="g")
    ratio = table["oid"].map(objects["std_over_err"])
    kinds = {
        "quiet star": ratio < QUIET,
        "mid star": (ratio >= QUIET) & (ratio < MID),
        "variable": ratio >= MID,
    }
    return {
        name: pool(name, table[mask], longitude=LONGITUDES["ztf"]) for name, mask in kinds.items()
    }


@functools.cache
def galaxies() -> Pool:
    """Return total brightness at places of later supernovae: g, r, i of several fields.

    It ends 60 d before the peak, or with the year before the name's, where the peak is not known.
    """
    curves = pd.read_parquet(DATA / "ztf_dr_bts_positions.parquet")
    places = pd.read_parquet(DATA / "ztf_dr_bts_positions_objects.parquet").set_index("oid")
    places = places[places["sep_arcsec"] < 1.5]
    peaks = pd.read_parquet(DATA / "ztf_bts_objects.parquet").set_index("objectId")["peak_mjd"]
    good = curves["oid"].isin(places.index) & (curves["catflags"] == 0) & (curves["magerr"] > 0)
    table = fluxes(curves[good])
    names = table["oid"].map(places["bts_objectId"])
    year = 2000 + names.str[3:5].astype(int)
    begin = year.map(
        {y: pd.Timestamp(f"{y}-01-01").to_julian_date() - 2400000.5 for y in set(year)}
    )
    end = names.map(peaks - 60).fillna(begin)
    table = table.assign(source=names, curve=table["oid"], band=table["filtercode"].astype(str))
    return pool("galaxy", table[table["mjd"] < end], longitude=LONGITUDES["ztf"])


@functools.cache
def white_dwarfs() -> Pool:
    """Return variable white dwarfs of ZTF, g, r, i: all of them are known to vary."""
    table = pd.read_parquet(DATA / "ztf_dr_whitedwarfs_panel.parquet")
    table = table.rename(columns={"night_mjd": "mjd", "mag_binned": "mag", "mag_err": "magerr"})
    table = fluxes(table[table["magerr"] > 0])
    curve = table["source_id"].astype(str) + table["band"].astype(str)
    table = table.assign(source=table["source_id"], curve=curve, mjd=table["mjd"] + 0.3)
    return pool("white dwarf", table, longitude=LONGITUDES["ztf"])


@functools.cache
def rubin(least: int = 10) -> Pool:
    """Return total brightness of Rubin's diaObjects that SIMBAD calls quasars or active nuclei."""
    curves = pd.read_parquet(DATA / "lsst_lightcurves_from_fink_alerts.parquet")
    objects = pd.read_parquet(DATA / "lsst_objects_from_fink_alerts.parquet")
    kinds = {"QSO", "Sy1", "AGN", "AG?", "LIN", "rG"}
    nuclei = objects.loc[objects["simbad"].astype(str).isin(kinds), "diaObjectId"]
    curves = curves[curves["diaObjectId"].isin(nuclei)]
    curves = curves.drop_duplicates(["diaObjectId", "visit", "detector"])
    table = pd.DataFrame(
        {
            "source": curves["diaObjectId"],
            "curve": curves["diaObjectId"].astype(str) + curves["band"].astype(str),
            "band": curves["band"].astype(str),
            "mjd": mjd_utc_from_tai(curves["mjd_tai"]),
            "flux": curves["scienceFlux_nJy"].astype(float) / 1000,
            "flux_err": curves["scienceFluxErr_nJy"].astype(float) / 1000,
        }
    )
    return pool("Rubin quasar", table, agn=True, longitude=LONGITUDES["lsst"], least=least)


@functools.cache
def tdes() -> tuple[Pool, np.ndarray]:
    """Return forced ZTF photometry of tidal disruptions (manyTDE), and the times of their peaks."""
    table = pd.read_parquet(DATA / "tde_manytde_photometry.parquet")
    objects = pd.read_parquet(DATA / "tde_manytde_objects.parquet").set_index("name")
    band, name = table["band"].astype(str), table["name"].astype(str)
    table = pd.DataFrame(
        {
            "source": name,
            "curve": name + band,
            "band": band,
            "mjd": table["mjd"],
            "flux": table["flux_uJy"].astype(float),
            "flux_err": table["flux_err_uJy"].astype(float),
        }
    )[band.str.endswith(".ztf")]
    found = pool("TDE", table, longitude=LONGITUDES["ztf"], least=1)
    return found, objects["peak_mjd"].loc[found.names].to_numpy(float)


def half(names: list[str]) -> np.ndarray:
    """Return 0 or 1 for each source, by a hash: learnt on one half, shown on the other."""
    return np.array([hashlib.sha256(one.encode()).digest()[0] % 2 for one in names])


def interval(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, Clopper & Pearson (1934)."""
    low = float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0
    high = float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
    return low, high


@dataclass(frozen=True)
class Injected:
    """Sources with a change in each.

    Parameters
    ----------
    pool : Pool
    kind : str
    until : ndarray of float
        The middle of each source's nights: nothing was put in before [d].
    amplitude : ndarray of float
        [mag]
    signal : ndarray of float
        Flux put into each night [uJy].
    seen : ndarray of int
        Row of the first night with S/N > 5 of what was put in; -1: none.
    visible : ndarray of bool
        Three such nights or more.
    """

    pool: Pool
    kind: str
    until: np.ndarray
    amplitude: np.ndarray
    signal: np.ndarray
    seen: np.ndarray
    visible: np.ndarray


def shape(kind: str, x: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """Return a light curve of height 1, `x` days after t0, with parameters drawn from the priors.

    The templates of muse.md 1.2.8; log-uniform in both times.
    """

    def draw(low: float, high: float) -> float:
        return float(np.exp(dice.uniform(np.log(low), np.log(high))))

    if kind == "TDE":
        a, b = draw(5, 60), draw(10, 300)
        x = x - 2 * a  # the peak is two widths after the beginning
        fall = (1 + np.clip(x, 0, None) / b) ** (-5 / 3)
        return np.where(x < 0, np.exp(-0.5 * (x / a) ** 2), fall)
    if kind == "SN":
        a, b = draw(1, 12), draw(8, 80)
        x = x - 3 * a
        grid = np.linspace(-10 * a, 10 * b, 4000)
        top = (np.exp(-grid / b) / (1 + np.exp(-grid / a))).max()
        return np.exp(-np.clip(x, -600, None) / b) / (1 + np.exp(np.clip(-x / a, -600, 600))) / top
    if kind == "NOVA":
        a, b = draw(0.1, 3), draw(1, 60)
        return np.where(x < a, np.clip(x / a, 0, None), np.exp(-np.clip(x - a, 0, None) / b))
    if kind == "LBV":
        a, b = draw(30, 200), draw(200, 3000)
        rise = 1 / (1 + np.exp(np.clip(-(x - a) / (a / 4), -600, 600)))
        return rise * np.exp(-np.clip(x - a, 0, None) / b)
    a = draw(10, 300)
    return 1 / (1 + np.exp(np.clip(-(x - a) / (a / 4), -600, 600)))


def inject(quiet: Pool, kind: str, n: int, seed: int) -> Injected:
    """Put a change into the later half of `n` sources that are drawn from a pool.

    Only of those that have a baseline then: of others stage 1 says that they have none.
    """
    dice = np.random.default_rng([seed, sorted(AMPLITUDES).index(kind)])
    chosen = quiet.subset(dice.choice(np.flatnonzero(quiet.based()), n))
    flux, err = chosen.nights.flux.copy(), chosen.nights.flux_err.copy()
    signal = np.zeros(len(flux))
    until, amplitude = chosen.middle(), dice.uniform(*AMPLITUDES[kind], n)
    seen, visible = np.full(n, -1), np.zeros(n, dtype=bool)
    source = chosen.watched.source[chosen.nights.series]
    for k in range(n):
        rows = np.flatnonzero(source == k)
        t = chosen.nights.mjd[rows]
        begin = dice.uniform(until[k], t[-1] - 10)
        sign = -1.0 if kind == "CLAGN" and dice.random() < 0.5 else 1.0
        height = np.median(flux[rows]) * (10 ** (0.4 * sign * amplitude[k]) - 1)
        after = np.where(t > until[k], shape(kind, t - begin, dice), 0.0)
        signal[rows] = height * after
        extra = CALIBRATION * np.abs(signal[rows])
        err[rows] = np.hypot(err[rows], extra)
        flux[rows] += signal[rows] + dice.normal(0, 1, len(rows)) * extra
        clear = np.flatnonzero(np.abs(signal[rows]) > 5 * err[rows])
        visible[k] = len(clear) >= 3
        seen[k] = rows[clear[0]] if len(clear) else -1
    nights = replace(chosen.nights, flux=flux, flux_err=err)
    changed = replace(chosen, name=kind, nights=nights)
    return Injected(changed, kind, until, amplitude, signal, seen, visible)
