"""What brokers and TNS say of objects, and when: classes with a stated confusion.

The numbers here are stated, not measured on any broker: of the order of what is published for
ALeRCE's stamp classifier (Carrasco-Davis et al. 2021), Fink's early SN Ia classifier (Leoni et al.
2022) and SuperNNova (Moeller & de Boissiere 2020), and simple, so that a test of a scoring function
knows them exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.simulate.contaminants import AGN, ARTEFACT, ASTEROID, CV, STAR
from aas2rto.simulate.supernovae_ia import TYPE as SN_IA

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Random = np.random.Generator

CLASSES = ("SN", "AGN", "VS", "asteroid", "bogus")
"""Of ALeRCE's stamp classifier, which sees an object's first alert."""
NUCLEAR = "TDE"
CONFUSION: dict[str, tuple[float, ...]] = {
    "explosion": (0.85, 0.07, 0.03, 0.02, 0.03),
    NUCLEAR: (0.45, 0.47, 0.03, 0.02, 0.03),
    AGN: (0.11, 0.81, 0.05, 0.01, 0.02),
    STAR: (0.05, 0.06, 0.85, 0.01, 0.03),
    CV: (0.15, 0.05, 0.76, 0.01, 0.03),
    ASTEROID: (0.03, 0.01, 0.01, 0.91, 0.04),
    ARTEFACT: (0.04, 0.01, 0.02, 0.04, 0.89),
}
"""Chance of each class, by what the object is."""
NO_EXPLOSION = (AGN, STAR, CV, ASTEROID, ARTEFACT)

EARLY, LATE = 3, 7
"""Alerts after which SN Ia scores are told."""
SEPARATION = {EARLY: 1.5, LATE: 2.5}
"""d' of the scores: Phi(N(+-d'/2, 1)) for SNe Ia and for the rest, so that the area under the ROC
is Phi(d'/sqrt 2): 0.86 with three alerts and 0.96 with seven."""
SN_SEPARATION = 2.4
"""The same of the score that tells supernovae from the rest: 0.955."""
SCORES = {
    "ztf": ("fink_rf_snia_vs_nonia", "fink_snn_snia_vs_nonia", "fink_snn_sn_vs_all"),
    "lsst": (
        "fink_clf_earlySNIa_score",
        "fink_clf_earlySNIa_score",
        "fink_clf_snnSnVsOthers_score",
    ),
}
"""Names of the early SN Ia score, the late one, and that of supernovae."""
CATS = "fink_clf_cats_class"
CATS_CODES = {AGN: 22, STAR: 21, CV: 12}
"""Codes of Fink's classifier of LSST light curves: 22 active nuclei, 21 periodic, 12 fast, and 11
supernova-like for the rest; told after `LATE` alerts."""
CATS_RIGHT = 0.9
"""Share that it gets right; the others are one of the four codes at random."""
BROKER_DELAY = (1.0, 10.0)
"""Minutes from an alert to what a broker says of it."""

REPORTED = 0.9
"""Share of explosions with two alerts that are reported to TNS, within a day."""
CLASSIFIED = ((0.0, 0.97), (18.0, 0.97), (18.25, 0.93), (18.75, 0.75), (19.5, 0.2), (20.5, 0.0))
"""Share with a spectrum in TNS by peak magnitude: Perley et al. 2020 find 97 % brighter than 18
mag, 93 % than 18.5, 75 % than 19; what is fainter is ours. Between, it is interpolated."""
CLASSIFIED_AFTER = (2.0, 5.0)
"""Days from peak to the spectrum's report: mean and width; no sooner than a day after the second
alert."""
TEMPLATE_ERROR, TEMPLATES = 0.004, 0.4
"""Error of a redshift from the supernova's own lines, and the share of such; others: of hosts."""
HOST_Z = ((0.0, 0.9), (0.03, 0.9), (0.1, 0.5), (0.2, 0.3), (0.5, 0.05))
"""Share of hosts whose redshift is in a catalogue, by redshift (Fremling et al. 2020 find it to
fall from 0.9 below 0.03 to 0.5 at 0.1)."""


def facts(rng: Random, survey: str, truth: pd.DataFrame, alerts: pd.DataFrame) -> pd.DataFrame:
    """Draw what is said of objects.

    Parameters
    ----------
    rng : numpy.random.Generator
    survey : str
        ``ztf`` or ``lsst``.
    truth : DataFrame
        ``type, z, peak_mjd, peak_mag``, one row for each object.
    alerts : DataFrame
        ``owner`` (row of `truth`) and ``known_at`` of all alerts, sorted by both.

    Returns
    -------
    DataFrame
        ``owner, known_at`` and one column per fact, empty where the row does not say it.
    """
    known = _known_of(alerts, len(truth))
    parts = [
        _stamps(rng, truth, known[1]),
        *_scores(rng, survey, truth, known),
        _hosts(rng, truth, known[1]),
        _tns(rng, truth, known[2]),
    ]
    if survey == "lsst":
        parts.append(_cats(rng, truth, known[LATE]))
    said: pd.DataFrame = pd.concat(parts, ignore_index=True)
    said = said.loc[np.isfinite(said["known_at"])]
    return said.sort_values(["owner", "known_at"], kind="stable", ignore_index=True)


def _known_of(alerts: pd.DataFrame, n: int) -> dict[int, Floats]:
    """Return when the first, second, ... alert of each object was known; NaN without one."""
    number = alerts.groupby("owner").cumcount().to_numpy() + 1
    owner, at = alerts["owner"].to_numpy(), alerts["known_at"].to_numpy(float)
    found = {}
    for count in (1, 2, EARLY, LATE):
        found[count] = np.full(n, np.nan)
        here = number == count
        found[count][owner[here]] = at[here]
    return found


def _soon(rng: Random, at: Floats) -> Floats:
    return at + rng.uniform(*BROKER_DELAY, at.size) / 1440.0


def _group(types: pd.Series) -> NDArray[np.object_]:
    own = types.isin([*NO_EXPLOSION, NUCLEAR])
    return np.asarray(types.where(own, "explosion"), dtype=object)


def _stamps(rng: Random, truth: pd.DataFrame, at: Floats) -> pd.DataFrame:
    group = _group(truth["type"])
    chances = np.array([CONFUSION[one] for one in CONFUSION])
    row = pd.Index(list(CONFUSION)).get_indexer(pd.Index(group))
    drawn = rng.random(len(truth))
    said = (drawn[:, None] > np.cumsum(chances, axis=1)[row]).sum(axis=1)
    said = np.minimum(said, len(CLASSES) - 1)
    right = said == chances.argmax(axis=1)[row]
    surety = np.where(right, rng.beta(6, 2, len(truth)), rng.beta(4, 4, len(truth)))
    return pd.DataFrame(
        {
            "owner": np.arange(len(truth)),
            "known_at": _soon(rng, at),
            "alerce_class": np.array(CLASSES, dtype=object)[said],
            "alerce_probability": surety.round(3),
        }
    )


def _scores(
    rng: Random, survey: str, truth: pd.DataFrame, known: dict[int, Floats]
) -> list[pd.DataFrame]:
    from scipy.special import ndtr  # noqa: PLC0415

    is_ia = (truth["type"] == SN_IA).to_numpy()
    is_sn = ~np.isin(truth["type"].to_numpy(dtype=object), [*NO_EXPLOSION, NUCLEAR])
    names = SCORES[survey]
    parts = []
    for name, count, member, apart in (
        (names[0], EARLY, is_ia, SEPARATION[EARLY]),
        (names[1], LATE, is_ia, SEPARATION[LATE]),
        (names[2], EARLY, is_sn, SN_SEPARATION),
    ):
        score = ndtr(np.where(member, apart / 2, -apart / 2) + rng.normal(size=len(truth)))
        at = _soon(rng, known[count])
        told = pd.DataFrame({"owner": np.arange(len(truth)), "known_at": at, name: score.round(4)})
        parts.append(told[np.isfinite(at)])
    return parts


def _cats(rng: Random, truth: pd.DataFrame, at: Floats) -> pd.DataFrame:
    own = truth["type"].map(CATS_CODES).fillna(11).to_numpy(int)
    other = rng.choice([11, 12, 21, 22], len(truth))
    code = np.where(rng.random(len(truth)) < CATS_RIGHT, own, other)
    told = pd.DataFrame({"owner": np.arange(len(truth)), "known_at": _soon(rng, at), CATS: code})
    return told[np.isfinite(at)]


def _share(table: Sequence[tuple[float, float]], at: Floats) -> Floats:
    """Interpolate a table of pairs."""
    x, y = np.array(table).T
    return np.asarray(np.interp(at, x, y))


def _hosts(rng: Random, truth: pd.DataFrame, at: Floats) -> pd.DataFrame:
    z = truth["z"].to_numpy(float)
    share = _share(HOST_Z, z)
    told = (rng.random(z.size) < share) & np.isfinite(z)
    owner = np.flatnonzero(told)
    soon = _soon(rng, at)[owner]
    return pd.DataFrame({"owner": owner, "known_at": soon, "lasair_z": z[owner].round(4)})


def _tns(rng: Random, truth: pd.DataFrame, second: Floats) -> pd.DataFrame:
    """Draw names in TNS, and for the bright share a type and redshift some days after peak."""
    n = len(truth)
    explodes = ~np.isin(truth["type"].to_numpy(dtype=object), NO_EXPLOSION)
    named = np.flatnonzero(explodes & np.isfinite(second) & (rng.random(n) < REPORTED))
    named = named[np.argsort(second[named], kind="stable")]
    reported = second[named] + rng.uniform(0.1, 1.0, named.size)
    names = pd.DataFrame(
        {"owner": named, "known_at": reported, "tns_name": _names(second[named])},
    )
    share = _share(CLASSIFIED, truth["peak_mag"].to_numpy(float))
    seen = rng.random(n) < share
    spectrum = truth["peak_mjd"].to_numpy(float) + rng.normal(*CLASSIFIED_AFTER, n)
    z = truth["z"].to_numpy(float)
    own_lines = rng.random(n) < TEMPLATES
    redshift = np.maximum(z + np.where(own_lines, rng.normal(0, TEMPLATE_ERROR, n), 0.0), 0.0005)
    classified = names[seen[named]].copy()
    owner = classified["owner"].to_numpy()
    classified["known_at"] = np.maximum(
        np.maximum(spectrum[owner], second[owner] + 1.0), classified["known_at"] + 0.01
    )
    classified["spectral_type"] = truth["type"].to_numpy(dtype=object)[owner]
    classified["redshift"] = redshift[owner].round(4)
    return pd.concat([names, classified], ignore_index=True)


def _names(at: Floats) -> list[str]:
    """Name objects as TNS does, in the order of their reports: SIM2026aaa, SIM2026aab."""
    year = (pd.Timestamp("1858-11-17") + pd.to_timedelta(at, unit="D")).year
    numbers = pd.Series(year).groupby(np.asarray(year)).cumcount().to_numpy()
    return [f"SIM{y}{_letters(int(k))}" for y, k in zip(year, numbers, strict=True)]


def _letters(number: int) -> str:
    """Return a number in letters, at least three."""
    word = ""
    while number or len(word) < 3:
        number, rest = divmod(number, 26)
        word = chr(ord("a") + rest) + word
    return word
