"""The sky that `bench_yield` replays: episodes of real transients, their truth, and what is known.

Read from ../shared/data/ztf_bts_*: alerts of the Bright Transient Survey (no limits), their
positions and spectroscopic types.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto import __version__
from aas2rto.models import calibration
from aas2rto.models.salt import Salt
from aas2rto.replay.cast import SN_IA
from aas2rto.replay.cast import SN_IA_KIN as NEITHER
from aas2rto.sky import observatory_file
from aas2rto.sky.visibility import site_tables
from aas2rto.steps.prefilter import Known, assemble
from aas2rto.tables import photometry as phot
from aas2rto.tables import summary
from aas2rto.tables.candidates import ACTIVE, COLUMNS
from tests.benchmarks.light_curves import bts

FOLDER = Path(tempfile.gettempdir()) / "aas2rto-bench-yield"
"""Fits are kept here from one run to the next, by a digest of all that they depend on."""
FIRST, LAST = 58260, 59400
"""Nights, as floor(MJD): the one that begins in America about 0 h UT of that date."""
GAP, OLDEST = 45.0, 31.0
"""A longer gap between detections starts an episode [d]; an older episode is in no list [d]."""
SITES = ("palomar_p60", "la_silla_dk154")
HOURS = 1.0
"""So long [h] above 30 deg in a dark sky, and it is visible."""
PHASES = np.arange(-3.0, 3.01, 0.25)


@dataclass(frozen=True)
class Truth:
    """What is true of each episode.

    Parameters
    ----------
    is_ia, is_other : ndarray of bool
        A success if it is caught; a contaminant.
    t_true : ndarray
        Peak [d, MJD UTC].
    mag : ndarray, shape (n, phases)
        Brighter of g and r at `PHASES` [mag].
    """

    is_ia: np.ndarray
    is_other: np.ndarray
    t_true: np.ndarray
    mag: np.ndarray


@dataclass(frozen=True)
class World:
    """What there is to see.

    Parameters
    ----------
    photometry : DataFrame
        By episode and time.
    start : ndarray of int
        First row of each episode in it, and its end.
    episodes : DataFrame
        ``candidate_id, name, type, ra, dec``.
    truth : Truth
    states : DataFrame
        ``episode, n, begin, end``: with how many points it is known on which nights.
    summaries : DataFrame
        Of each state.
    """

    photometry: pd.DataFrame
    start: np.ndarray
    episodes: pd.DataFrame
    truth: Truth
    states: pd.DataFrame
    summaries: pd.DataFrame

    def on(self, night: int) -> np.ndarray:
        """Return the states that are known on a night."""
        begin, end = self.states["begin"].to_numpy(), self.states["end"].to_numpy()
        return np.flatnonzero((begin <= night) & (night < end))

    def rows(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of photometry of some states, and whose they are."""
        first = self.start[self.states["episode"].to_numpy()[states]]
        count = self.states["n"].to_numpy()[states]
        owner = np.repeat(np.arange(len(states)), count)
        step = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        return first[owner] + step, owner

    def held(self, states: np.ndarray) -> pd.DataFrame:
        """Return the candidate table of some states, as a store would."""
        own = self.episodes.iloc[self.states["episode"].to_numpy()[states]].reset_index(drop=True)
        nothing = {
            name: np.nan if dtype == "float64" else "" for name, dtype in COLUMNS.items()
        } | {"too": False, "state": ACTIVE}
        table = pd.DataFrame(nothing, index=own.index)
        return table.assign(**{name: own[name] for name in ("candidate_id", "ra", "dec")})

    def known(self, night: int, base: float = 1.0) -> tuple[np.ndarray, Known]:
        """Return what is known on a night: the states, and what the program reads of them."""
        states = self.on(night)
        rows, owner = self.rows(states)
        summaries = self.summaries.iloc[states].reset_index(drop=True)
        table = assemble(self.held(states), summaries, pd.DataFrame(), base)
        names = table["candidate_id"].to_numpy(object)[owner]
        photometry = self.photometry.iloc[rows].reset_index(drop=True).assign(candidate_id=names)
        return states, Known(table, photometry, pd.DataFrame())

    def by_state(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return all states as candidates of their own, and their photometry: for one batch."""
        every = np.arange(len(self.states))
        rows, owner = self.rows(every)
        names = pd.Series([state_name(k) for k in every])
        photometry = self.photometry.iloc[rows].reset_index(drop=True)
        photometry["candidate_id"] = names.to_numpy(object)[owner]
        return self.held(every).assign(candidate_id=names), photometry


def state_name(number: int) -> str:
    return f"S{number:06d}"


def world() -> World:
    """Read it all."""
    photometry, objects = bts(types=(), any_redshift=True)
    photometry = photometry.assign(known_at=photometry["mjd"])
    photometry, episodes = in_episodes(photometry, objects)
    change = np.flatnonzero(np.diff(pd.factorize(photometry["candidate_id"])[0]))
    start = np.concatenate([[0], change + 1, [len(photometry)]])
    states = all_states(photometry["mjd"].to_numpy(float), start)
    truth = truth_of(objects, photometry, episodes)
    made = World(photometry, start, episodes, truth, states, pd.DataFrame())
    held, rows = made.by_state()
    summaries = summary.summarise(rows, held["candidate_id"])
    # Columns of bands that nobody measured cost most of a night's time.
    used = [c for c in summaries if c in summary.COLUMNS or c.endswith(("ztfg", "ztfr"))]
    return replace(made, summaries=summaries[used])


def in_episodes(
    photometry: pd.DataFrame, objects: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give each episode a name of its own: that of the object, with a number from the second on."""
    name = photometry["candidate_id"].to_numpy(object)
    mjd = photometry["mjd"].to_numpy(float)
    other = np.concatenate([[True], name[1:] != name[:-1]])
    late = np.concatenate([[False], np.diff(mjd) > GAP]) & ~other
    number = np.cumsum(late)
    number = number - number[np.flatnonzero(other)][np.cumsum(other) - 1]
    own = np.array([f"{n}.{k + 1}" if k else n for n, k in zip(name, number, strict=True)], object)
    photometry = photometry.assign(candidate_id=own)
    first = np.flatnonzero(other | late)
    episodes = pd.DataFrame({"candidate_id": own[first], "name": name[first]})
    episodes = episodes.merge(objects[["name", "type", "ra", "dec"]], on="name", how="left")
    return photometry, episodes


def all_states(mjd: np.ndarray, start: np.ndarray) -> pd.DataFrame:
    """Return what of each episode is known on which nights: detections before floor(MJD)."""
    rows = []
    for episode, (low, high) in enumerate(itertools.pairwise(start)):
        night = np.floor(mjd[low:high]).astype(int) + 1
        last = int(np.floor(mjd[low] + OLDEST)) + 1
        count = np.append(np.flatnonzero(np.diff(night)) + 1, high - low)
        begin = night[count - 1]
        end = np.minimum(np.append(begin[1:], last), last)
        rows += [
            (episode, n, max(b, FIRST), min(e, LAST))
            for n, b, e in zip(count.tolist(), begin.tolist(), end.tolist(), strict=True)
        ]
    states = pd.DataFrame(rows, columns=["episode", "n", "begin", "end"])
    return states[states["begin"] < states["end"]].reset_index(drop=True)


def truth_of(objects: pd.DataFrame, photometry: pd.DataFrame, episodes: pd.DataFrame) -> Truth:
    """Return type, peak and magnitudes near it, by the fit to all detections with known z.

    Where there is no such fit, the peak is the survey's catalogue's, and so is its magnitude.
    """
    by_name = episodes.set_index("candidate_id")["name"]
    rows = photometry.assign(candidate_id=photometry["candidate_id"].map(by_name))
    peak = objects.set_index("name")["peak_mjd"]
    days = rows["mjd"] - rows["candidate_id"].map(peak)
    rows = rows[days.between(-40, 80)].reset_index(drop=True)
    ia = objects[objects["type"].isin(SN_IA) & (objects["redshift"] > 0.001)].reset_index(drop=True)
    asked = ia[["name", "redshift", "ebv"]].rename(columns={"name": "candidate_id"})
    t_peak, curves = kept_peaks(rows, asked)
    at = {name: k for k, name in enumerate(objects["name"])}
    own = np.array([at[name] for name in ia["name"]])
    good = np.isfinite(t_peak)
    t_true = objects["peak_mjd"].to_numpy(float).copy()
    t_true[own[good]] = t_peak[good]
    mag = np.repeat(objects["peak_mag"].to_numpy(float)[:, None], len(PHASES), axis=1)
    mag[own[good]] = curves[good]
    kind = objects["type"].astype(str)
    is_ia = kind.isin(SN_IA).to_numpy()
    is_other = ~kind.isin((*SN_IA, *NEITHER)).to_numpy()
    episode = np.array([at[name] for name in episodes["name"]])
    return Truth(is_ia[episode], is_other[episode], t_true[episode], mag[episode])


def kept_peaks(rows: pd.DataFrame, asked: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return peaks [d] and magnitudes at `PHASES` of SNe Ia, kept on disk; NaN without a fit."""
    content = pd.util.hash_pandas_object(rows[["mjd", "flux", "flux_err"]], index=False).sum()
    learnt = calibration.FILE.read_text(encoding="utf-8")
    digest = hashlib.sha256(f"{__version__} {content} {learnt}".encode()).hexdigest()[:12]
    path = FOLDER / f"truth-{digest}.npz"
    if not path.exists():
        FOLDER.mkdir(exist_ok=True)
        salt, mag = Salt(), np.full((len(asked), len(PHASES)), np.nan)
        fits = salt.fit(rows, asked)
        good = (fits["status"] == "ok").to_numpy()
        for k in np.flatnonzero(good):
            fit = fits.iloc[k]
            curve = salt.light_curve(fit, ("ztfg", "ztfr"), fit["t_peak"] + PHASES)
            flux = curve["flux"].to_numpy(float).reshape(2, -1).max(axis=0)
            mag[k] = phot.mag_from_flux(flux)
        np.savez(path, t_peak=np.where(good, fits["t_peak"], np.nan), mag=mag)
    with np.load(path) as kept:
        return kept["t_peak"], kept["mag"]


def seen_from(made: World) -> dict[str, list[dict[int, float]]]:
    """Return, by site and night, when each visible episode is highest [d]; kept on disk."""
    path = FOLDER / f"visible-{FIRST}-{LAST}-{len(made.states)}.npz"
    if not path.exists():
        FOLDER.mkdir(exist_ok=True)
        np.savez(path, **visible(made))
    found = {}
    with np.load(path) as kept:
        for site in SITES:
            night, episode, at = kept[site]
            found[site] = [
                dict(zip(episode[own].astype(int).tolist(), at[own].tolist(), strict=True))
                for own in (night == n for n in range(FIRST, LAST))
            ]
    return found


def visible(made: World) -> dict[str, np.ndarray]:
    """Return, by site, night, episode and culmination of all that is visible, shape (3, m)."""
    sites = [observatory_file.load(name) for name in SITES]
    found: dict[str, list[np.ndarray]] = {name: [] for name in SITES}
    for night in range(FIRST, LAST):
        states = made.on(night)
        episode = made.states["episode"].to_numpy()[states]
        now = Time(float(night), format="mjd", scale="utc")
        for name, table in site_tables(sites, made.held(states), now).items():
            up = (table["hours_left"] >= HOURS).to_numpy()
            at = table["culmination"].to_numpy(float)
            found[name].append(np.stack([np.full(up.sum(), night), episode[up], at[up]]))
    return {name: np.concatenate(parts, axis=1) for name, parts in found.items()}
