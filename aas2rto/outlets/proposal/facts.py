"""What a proposal may say: facts with their units, and a text that is made of nothing else.

Every number of the text is a fact; tests read the numbers of the text back and look for each.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from aas2rto.models.watched.classes import FLAG, MARGIN, UNKNOWN
from aas2rto.models.watched.templates import TEMPLATES
from aas2rto.outlets.proposal.subject import Subject
from aas2rto.tables.sexagesimal import degrees, hours
from aas2rto.text.words import one_line

UNKNOWN_FACT = "unknown"

MOST = 60
"""Signs of a name."""

NAMES: Mapping[str, str] = {
    "TDE": "tidal disruption event",
    "CLAGN": "changing-look active nucleus",
    "NOVA": "nova",
    "LBV": "eruption of a luminous blue variable",
    "SN": "supernova",
}

LITERATURE: Mapping[str, str] = {
    "limits": "95 per cent",
    "line_he_ii": "He II 4686",
    "line_c_iii": "C III 5696",
    "tde_population": "van Velzen et al. (2021)",
}
"""Numbers that belong to names: they are facts, too."""

ASKED: Mapping[str, str] = {
    "TDE": "Would the spectrum show broad H-alpha and {line_he_ii} lines, as of tidal disruptions "
    "({tde_population})? The nucleus is resolved from the transient, and the widths of the lines "
    "bound the mass of the black hole.",
    "CLAGN": "Have broad H-beta and Mg II appeared or disappeared? Their profiles tell whether the "
    "accretion rate changed or the obscuration.",
    "NOVA": "Nebular lines give the abundances of the ejecta (C, N, O, Ne), and so the sort of "
    "white dwarf; their widths give the velocity.",
    "LBV": "P Cygni profiles of H-alpha and Fe II give the mass loss, and tell an eruption that "
    "the star survives from the precursor of a collapse.",
    "SN": "Early lines show the outermost ejecta: unburned carbon, high-velocity calcium, or flash "
    "lines of a wind ({line_he_ii}, {line_c_iii}); the field maps the host around it.",
}
"""The question that MUSE would answer, by class; after the design note, Sects. 2 and 5."""


def known(value: float | None, form: str) -> str:
    """Write a number, or that it is unknown."""
    return form.format(value) if value is not None and np.isfinite(value) else UNKNOWN_FACT


def day(mjd: float) -> str:
    """Write a date of a time [d, MJD UTC]."""
    from astropy.time import Time  # noqa: PLC0415  half a second at import

    return str(Time(mjd, format="mjd").utc.iso[:10]) if np.isfinite(mjd) else UNKNOWN_FACT


def facts_of(subject: Subject) -> dict[str, str]:
    """Return every fact as it is written, by name."""
    told = {**_of_place(subject), **_of_class(subject), **_of_change(subject)}
    return {**told, **_of_window(subject), **LITERATURE}


def _of_place(subject: Subject) -> dict[str, str]:
    row, place = subject.row, subject.place
    ra, dec = np.array([float(row["ra"])]), np.array([float(row["dec"])])
    name = row.get("name")
    label = name if isinstance(name, str) and name else str(row["candidate_id"])
    far = known(place.distance, "{:.1f} Mpc")
    return {
        "source": one_line(label, MOST),
        "candidate_id": one_line(str(row["candidate_id"]), MOST),
        "position": f"{hours(ra, 2)[0]} {degrees(dec, 1)[0]} (J2000)",
        "position_deg": f"{ra[0]:.6f} {dec[0]:+.6f} deg",
        "position_error": known(_of(row, "position_err_arcsec"), "{:.2f} arcsec"),
        "galactic_latitude": known(place.latitude, "{:+.1f} deg"),
        "kind": place.kind or UNKNOWN_FACT,
        "host": one_line(place.host, MOST) or UNKNOWN_FACT,
        "offset": known(place.offset, "{:.2f} arcsec"),
        "redshift": known(place.redshift, "{:.4f}"),
        "distance": far,
        "parallax": known(place.parallax, "{:.2f} mas"),
        "proper_motion": known(place.proper_motion, "{:.1f} mas/yr"),
    }


def _of(row: Mapping[str, object], name: str) -> float | None:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else None


def _of_class(subject: Subject) -> dict[str, str]:
    found = subject.analysis.found
    assert found is not None  # noqa: S101  a subject has a class
    told = {
        "class": found.name if found.flagged else "none",
        "best": found.best,
        "best_name": NAMES[found.best],
        "second": found.second,
        "second_name": NAMES[found.second],
        "ln_b": f"{found.ln_b:.1f}",
        "ln_b_asked": f"{FLAG:g}",
        "margin": f"{found.margin:.1f}",
        "margin_asked": f"{MARGIN:g}",
        "confidence": _share(found.confidence),
        "p_none": _share(found.posterior["none"]),
        "shape": TEMPLATES[found.best].words,
        "colour_verdict": found.by_colour,
    }
    order = sorted(found.posterior, key=lambda one: -found.posterior[one])
    told["posterior"] = ", ".join(f"{one} {_share(found.posterior[one])}" for one in order)
    return told


def _share(value: float) -> str:
    return f"{value:.3f}" if value >= 0.0005 else "below 0.0005"


def _of_change(subject: Subject) -> dict[str, str]:
    found = subject.analysis.measures
    base, onset = found.base, found.onset
    sort = "at least " if found.at_least else ""
    low, high = found.scatter_mag
    scatter = f"{low:.3f} to {high:.3f} mag" if np.isfinite(low + high) else UNKNOWN_FACT
    return {
        "band": found.band,
        "amplitude": known(abs(found.amplitude), sort + "{:.2f} mag"),
        "direction": "brightening" if onset is None or onset.sign >= 0 else "dimming",
        "onset": day(found.t_on),
        "last_quiet": day(onset.t_0 if onset else np.nan),
        "peak": day(onset.t_peak if onset else np.nan),
        "rise": known(onset.rise if onset else np.nan, "{:.0f} d"),
        "rise_most": known(onset.rise_most if onset else np.nan, "{:.0f} d"),
        "since": known(found.since, "{:.0f} d"),
        "significance": known(found.significance, "{:.1f}"),
        "nights_above": f"{found.nights}",
        "base_nights": f"{base.n}" if base else UNKNOWN_FACT,
        "base_span": known(base.span if base else np.nan, "{:.0f} d"),
        "base_level": known(base.mean if base else np.nan, "{:.1f} uJy"),
        "base_scatter": scatter,
        "colour": known(found.colour, "{:+.2f}"),
        "colour_err": known(found.colour_err, "{:.2f} mag"),
        "redder": known(found.redder, "{:+.2f} mag"),
        "rate": known(found.rate_now, "{:+.3f} mag/d"),
        "daily": known(found.daily, "{:.2f} mag/d"),
        "magnitude": known(found.magnitude, "{:.2f}"),
        "first": day(found.first),
        "gap": known(found.gap, "{:.1f} d"),
    }


def _of_window(subject: Subject) -> dict[str, str]:
    table = subject.nights
    good = table[table["hours"] > 0]
    best = good.sort_values("hours", kind="stable").iloc[-1] if len(good) else None
    return {
        "priority": subject.priority.letter or "none",
        "priority_reason": subject.priority.reason,
        "window_end": day(subject.priority.until),
        "site": subject.site.title or subject.site.name,
        "now": day(float(subject.now.utc.mjd)),
        "nights": f"{len(table)}",
        "nights_visible": f"{len(good)}",
        "hours": known(None if best is None else float(best["hours"]), "{:.1f} h"),
        "best_night": UNKNOWN_FACT if best is None else str(best["evening"]),
        "airmass": known(None if best is None else float(best["airmass"]), "{:.2f}"),
        "moon": known(None if best is None else 100 * float(best["moon_illumination"]), "{:.0f} %"),
        "moon_sep": known(None if best is None else float(best["moon_sep"]), "{:.0f} deg"),
        "lowest": "30 deg",
        "review": subject.review or "nobody has reviewed it yet",
    }


def justification(told: Mapping[str, str]) -> list[str]:
    """Return the text, one paragraph each, of facts alone; what is unknown is left out or said."""
    parts = [_what(told), _evidence(told)]
    if told["class"] != "none":
        parts += [_own(told), [ASKED[told["best"]].format(**told)]]
    return [" ".join(part) for part in [*parts, _feasible(told)]]


def _has(told: Mapping[str, str], *names: str) -> bool:
    return all(told[name] != UNKNOWN_FACT for name in names)


def _what(told: Mapping[str, str]) -> list[str]:
    lines = []
    if told["class"] == "none":
        lines.append("{source} at {position} shows no change that a spectrum should be asked for.")
    elif _has(told, "amplitude", "rise", "onset"):
        lines.append(
            "{source} at {position} showed a {direction} of {amplitude} in {band}, within {rise} "
            "of its onset on {onset}."
        )
    else:
        lines.append("{source} at {position} showed a {direction} in {band}.")
    if told["class"] != "none" and _has(told, "rise_most"):
        lines.append(
            "Counted from the last quiet night, {last_quiet}, that is {rise_most} at most."
        )
    if told["base_nights"] not in {"0", UNKNOWN_FACT}:
        lines.append("Before, it was seen on {base_nights} nights over {base_span}")
        lines[-1] += (
            "; its own scatter was {base_scatter} (limits of {limits})."
            if _has(told, "base_scatter")
            else "; there is no total flux to give its scatter in magnitudes."
        )
    else:
        lines.append("There is no baseline: what it was like before is unknown.")
    return [line.format(**told) for line in lines]


def _evidence(told: Mapping[str, str]) -> list[str]:
    if told["class"] == "none":
        lines = [
            "The likeliest event, a {best_name}, has ln B {ln_b} against no event; "
            "{ln_b_asked} would be asked for."
        ]
    elif told["class"] == UNKNOWN:
        lines = [
            "Something happened (ln B {ln_b} against the better of a constant and a random walk), "
            "but its class is not decided: {best_name} and {second_name} are {margin} apart in "
            "ln Z, and {margin_asked} are asked for."
        ]
    else:
        lines = [
            "The light curve is that of a {best_name} ({shape}): ln B {ln_b} against the better of "
            "a constant and a random walk, and ln Z {margin} above the next class, {second_name}. "
            "The posterior with yearly rates is {confidence}."
        ]
    if told["colour_verdict"]:
        lines.append("Its colour decides: {colour_verdict}.")
    return [line.format(**told) for line in lines]


def _own(told: Mapping[str, str]) -> list[str]:
    """Return the sentence of the class, with what is known only."""
    name, lines = told["best"], []
    if name in {"TDE", "SN"} and _has(told, "host"):
        where = ", {offset} from its nucleus" if _has(told, "offset") else ""
        lines.append("It lies in {host}" + where + ".")
    elif name in {"TDE", "SN"}:
        lines.append("Its host is unknown, and so is its offset from a nucleus.")
    if name == "TDE" and _has(told, "colour") and not told["colour_verdict"]:
        lines.append("At the peak g - r is {colour} +- {colour_err}.")
    if name == "CLAGN":
        lines.append(
            "It is catalogued as an active nucleus."
            if told["kind"] == "agn"
            else "Whether it is an active nucleus is unknown."
        )
        if _has(told, "rate"):
            lines.append("It now changes by {rate}.")
    if name == "NOVA":
        lines.append(
            "It lies in {host}, at {distance}."
            if _has(told, "host", "distance")
            else "No nearby galaxy is known at this place."
        )
    if name == "LBV" and _has(told, "redder"):
        lines.append("Its g - r changed by {redder}.")
    if name == "SN" and _has(told, "first", "gap"):
        lines.append("It was first seen on {first}, {gap} after the last night without it.")
    if _has(told, "redshift"):
        lines.append("The redshift is {redshift}.")
    return [line.format(**told) for line in lines]


def _feasible(told: Mapping[str, str]) -> list[str]:
    lines = []
    if told["priority"] == "none":
        lines.append("No priority is given.")
    else:
        lines.append("Priority {priority}: {priority_reason}. The window ends on {window_end}.")
    if told["nights_visible"] == "0":
        lines.append(
            "From {site}, it is never above {lowest} in the dark in these {nights} nights."
        )
    else:
        lines.append(
            "From {site}, it is above {lowest} in the dark on {nights_visible} of {nights} nights, "
            "longest on {best_night}: {hours}, airmass {airmass} at best, Moon {moon} lit at "
            "{moon_sep}."
        )
    if _has(told, "magnitude"):
        lines.append("It was last seen at {magnitude} mag (difference, AB).")
    return [line.format(**told) for line in lines]
