"""What each class must fulfil, criterion by criterion: its value, what is asked, and whether.

The rules A to E of the OpenAstro project's design note, in the form that real light curves were
found to bear out (docs/muse.md). What the data cannot tell is not evaluated, and excludes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aas2rto.models.watched.baseline import THRESHOLDS, Quiescence, quiescence
from aas2rto.models.watched.measures import Measures

NOT_EVALUATED = "not evaluated"


@dataclass(frozen=True)
class Environment:
    """What catalogues know of a place; None is unknown.

    Parameters
    ----------
    kind : str
        ``galaxy``, ``agn``, ``star``; empty: unknown.
    host, catalogue : str
        Names.
    offset, psf : float or None
        Distance to the host's nucleus, and FWHM of the images [arcsec].
    redshift, distance : float or None
        Of the host [Mpc].
    within_d25, point_source, massive_star, star_forming : bool or None
    parallax, proper_motion : float or None
        Of the star at the place, if any [mas], [mas/yr].
    latitude : float or None
        Galactic [deg].
    """

    kind: str = ""
    host: str = ""
    catalogue: str = ""
    offset: float | None = None
    psf: float | None = None
    redshift: float | None = None
    distance: float | None = None
    within_d25: bool | None = None
    point_source: bool | None = None
    massive_star: bool | None = None
    star_forming: bool | None = None
    parallax: float | None = None
    proper_motion: float | None = None
    latitude: float | None = None


@dataclass(frozen=True)
class Criterion:
    """One condition of a class.

    Parameters
    ----------
    name : str
    value : str
        What was found, with its unit; `NOT_EVALUATED` and why.
    asked : str
    passed : bool or None
        None: not evaluated.
    """

    name: str
    value: str
    asked: str
    passed: bool | None

    def __str__(self) -> str:
        mark = {True: "met", False: "NOT MET", None: NOT_EVALUATED}[self.passed]
        return f"{self.name}: {self.value} (asked: {self.asked}; {mark})"


def criteria(name: str, found: Measures, place: Environment) -> list[Criterion]:
    """Return the criteria of a class.

    Parameters
    ----------
    name : str
        TDE, CLAGN, NOVA, LBV or SN.
    found : Measures
    place : Environment
    """
    return {"TDE": _tde, "CLAGN": _clagn, "NOVA": _nova, "LBV": _lbv, "SN": _sn}[name](found, place)


def fails(told: list[Criterion]) -> list[Criterion]:
    """Return those that are evaluated and not met."""
    return [one for one in told if one.passed is False]


def is_early(found: Measures) -> bool:
    """Tell whether it is a supernova on its first days (the fast path).

    Seen at S/N 5 in two exposures, and the last limit at most 2.5 d before is 1 mag deeper, or it
    changes by 0.3 mag/d.
    """
    jump = found.gap <= 2.5 and found.deeper >= 1.0
    return bool(found.first_points >= 2 and (jump or (found.daily >= 0.3 and found.rising)))


def _number(name: str, value: float, words: str, asked: str, passed: bool) -> Criterion:  # noqa: FBT001
    if not np.isfinite(value):
        return Criterion(name, f"{NOT_EVALUATED}: the light curve cannot tell", asked, None)
    return Criterion(name, words.format(value), asked, bool(passed))


def _known(name: str, value: float | None, words: str, asked: str, passed: bool) -> Criterion:  # noqa: FBT001
    if value is None:
        return Criterion(name, f"{NOT_EVALUATED}: unknown", asked, None)
    return Criterion(name, words.format(value), asked, bool(passed))


def _fact(name: str, fact: bool | None, asked: str) -> Criterion:  # noqa: FBT001
    value = f"{NOT_EVALUATED}: unknown" if fact is None else "yes" if fact else "no"
    return Criterion(name, value, asked, fact)


def _amplitude(found: Measures, least: float) -> Criterion:
    """Compare the amplitude; a lower limit below what is asked says nothing."""
    words = "at least {:.2f} mag" if found.at_least else "{:.2f} mag"
    told = _number(
        "amplitude", found.amplitude, words, f"> {least:g} mag", abs(found.amplitude) > least
    )
    if told.passed is False and found.at_least:
        return Criterion("amplitude", f"{told.value}, a lower limit", told.asked, None)
    return told


def _significance(found: Measures) -> Criterion:
    words = f"S {{:.1f}}, {found.nights} consecutive nights above 5"
    return _number(
        "significance",
        found.significance,
        words,
        "S > 5 on 2 consecutive nights",
        found.significance > 5 and found.nights >= 2,
    )


def _onset_time(found: Measures) -> float:
    return found.onset.rise if found.onset is not None else np.nan


def _quiet(found: Measures) -> Criterion:
    """Whether nothing varied before, from both limits: unknown is an answer."""
    low, high = found.scatter_mag
    limit = THRESHOLDS["tde"]
    asked = f"own scatter < {limit:g} mag"
    if found.base is None or found.base.status != "ok" or not np.isfinite(high):
        why = "no baseline" if found.base is None else "no level to compare with"
        if found.base is not None and found.base.status != "ok":
            why = f"{found.base.status} ({found.base.n})"
        return Criterion("no prior variability", f"{NOT_EVALUATED}: {why}", asked, None)
    state = quiescence(low, high, limit)
    passed = {Quiescence.QUIESCENT: True, Quiescence.VARIABLE: False, Quiescence.UNKNOWN: None}
    return Criterion(
        "no prior variability", f"{state.value}: {low:.3f} to {high:.3f} mag", asked, passed[state]
    )


def _nuclear(place: Environment) -> Criterion:
    asked = "offset < PSF / 2 from the nucleus"
    if place.offset is None:
        return Criterion("position", f"{NOT_EVALUATED}: no offset known", asked, None)
    half = (place.psf or 2.0) / 2  # ZTF's images: 2 arcsec, Masci et al. (2019), PASP 131, 018003
    return Criterion("position", f"{place.offset:.2f} arcsec", asked, place.offset < half)


def _tde(found: Measures, place: Environment) -> list[Criterion]:
    rise = _onset_time(found)
    monotonic = found.onset is not None and found.onset.monotonic
    known = found.onset is not None and found.onset.status == "ok"
    reversals = float(found.onset.reversals) if found.onset is not None and known else np.nan
    contrast = (
        _number("contrast", np.nan, "", ">= 0.3 mag of the total", passed=False)
        if found.at_least
        else _number(
            "contrast",
            found.amplitude,
            "{:.2f} mag of the total",
            ">= 0.3 mag of the total",
            found.amplitude >= 0.3,
        )
    )
    return [
        _number(
            "difference flux",
            float(found.strong),
            "S/N >= 10 on {:.0f} nights",
            "2 nights",
            found.strong >= 2,
        ),
        contrast,
        _number("rise from the onset", rise, "{:.0f} d", "< 60 d", rise < 60),
        _number("rise", reversals, "{:.0f} reversals", "at most 1", passed=monotonic),
        _nuclear(place),
        _quiet(found),
        _significance(found),
    ]


def _clagn(found: Measures, place: Environment) -> list[Criterion]:
    low = found.scatter_mag[0]
    known = place.kind == "agn" or low > 0.05
    unknown = not place.kind and not np.isfinite(low)
    is_agn = None if unknown else bool(known)
    trend = found.trend_p < 0.01 or found.step > 3
    return [
        _fact("active nucleus", is_agn, "of a catalogue, or varied by > 0.05 mag before"),
        _amplitude(found, 0.5),
        _fact("sustained", found.sustained, "30 d, 5 nights, every 15 d on the same side"),
        _number(
            "trend",
            found.step,
            f"block step {{:.1f}} sigma, Kendall p {found.trend_p:.2g}",
            "step > 3 sigma or p < 0.01",
            trend,
        ),
        _number("cumulative sum", found.cusum, "{:.1f}", "> 8.05", found.cusum > 8.05),
    ]


def _nova(found: Measures, place: Environment) -> list[Criterion]:
    rise = _onset_time(found)
    galactic = None
    if place.parallax is not None or place.proper_motion is not None:
        galactic = (place.parallax or 0.0) > 0.5 or (place.proper_motion or 0.0) > 2.0
    return [
        _amplitude(found, 2.0),
        _number("rise from the onset", rise, "{:.1f} d", "< 5 d", rise < 5),
        _known("host", place.distance, "{:.1f} Mpc", "< 30 Mpc", (place.distance or np.inf) < 30),
        _fact("within its D25", place.within_d25, "yes"),
        _fact("point source", place.point_source, "yes"),
        _fact(
            "no foreground star",
            None if galactic is None else not galactic,
            "parallax < 0.5 mas, proper motion < 2 mas/yr",
        ),
        _number(
            "consecutive nights", float(found.nights), "{:.0f} above S 5", "2", found.nights >= 2
        ),
    ]


def _lbv(found: Measures, place: Environment) -> list[Criterion]:
    place_fits = None
    if place.massive_star is not None or place.star_forming is not None:
        place_fits = bool(place.massive_star or place.star_forming)
    return [
        _amplitude(found, 1.0),
        _number("duration", found.since, "{:.0f} d", "> 60 d", found.since > 60),
        _number("fastest change", found.daily, "{:.2f} mag/d", "< 0.3 mag/d", found.daily < 0.3),
        _fact("massive star or star-forming region", place_fits, "yes"),
        _number("reddening", found.redder, "{:+.2f} mag in g - r", "> 0.2 mag", found.redder > 0.2),
        _number(
            "scatter about a parabola",
            found.jitter,
            "{:.2f} mag",
            "< 0.15 mag",
            found.jitter < 0.15,
        ),
    ]


def _sn(found: Measures, place: Environment) -> list[Criterion]:
    associated = None if not place.kind and not place.host else place.kind != "star"
    jump = found.gap <= 2.5 and found.deeper >= 1.0
    return [
        _number(
            "last limit",
            found.gap,
            f"{{:.1f}} d before, {found.deeper:+.1f} mag deeper",
            "<= 2.5 d before and >= 1 mag deeper, or the rate",
            jump or found.daily >= 0.3,
        ),
        _number(
            "rate",
            found.daily,
            "{:.2f} mag/d",
            ">= 0.3 mag/d, or the limit",
            found.daily >= 0.3 or jump,
        ),
        _number(
            "first detection",
            found.first_points,
            "{:.0f} exposures",
            "2 exposures or sites",
            found.first_points >= 2,
        ),
        _fact("galaxy, or new source", associated, "yes"),
        _fact("point source", place.point_source, "yes"),
    ]
