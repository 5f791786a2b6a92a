"""What is known of a candidate in a few plain sentences: never more than is known.

`facts_of` rounds every number once; the sentences then only put these in order, so that each number
in a summary is one of the facts. A program of the user's own may write in place of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astropy import units as u
from astropy.coordinates import SkyCoord, get_constellation

from aas2rto.sky.galactic import galactic
from aas2rto.tables.effect import Effect, Sum
from aas2rto.text.json_values import plain
from aas2rto.text.words import day, one_line

LONGEST = 1200
"""Most characters of a summary that a program writes."""

ALL, MAGNITUDES, REDSHIFTS = (-1e6, 1e6), (-30.0, 40.0), (1e-4, 20.0)
"""What is said of scores, magnitudes and redshifts; what lies beyond is an error of somebody's."""

MOST_BYTES, PAUSE = 1_000_000, 0.05
"""A program that says more is stopped; its answer is looked at so often [s]."""

MOST_NAMES = 6
"""Tags, catalogues and points that are named; of more it is said that there are more."""


@dataclass(frozen=True)
class Summary:
    """A summary, who wrote it (empty: we did), and why the program that should have did not."""

    text: str
    by: str = ""
    problem: str = ""


def facts_of(told: Mapping[str, Any], score: float, effect: Effect) -> dict[str, Any]:
    """Return what a summary may say of a candidate, every number rounded as it is said.

    Parameters
    ----------
    told : mapping
        What `aas2rto.questions.explain.explain_stored` says of it.
    score : float
        With which it was drawn.
    effect : Effect
        What its factors do to the score.

    Returns
    -------
    dict
        Only what is known, ready for JSON.
    """
    notes = told.get("annotations") or {}
    factors = {one["name"]: one for one in told["factors"]}
    ra, dec = float(told["ra"]), float(told["dec"])
    facts = {
        "candidate_id": told["candidate_id"],
        "name": told["name"] if told["name"] != told["candidate_id"] else None,
        "aliases": [one for one in told.get("aliases", ()) if one != told["candidate_id"]],
        "ra": round(ra, 4),
        "dec": round(dec, 4),
        "constellation": _constellation(ra, dec),
        "galactic_latitude": round(float(galactic(ra, dec)[1]), 0) + 0.0,
        "redshift": _rounded(told.get("redshift"), 4, REDSHIFTS),
        "type": told.get("spectral_type") or notes.get("tns_type") or None,
        "known_types": _texts(notes.get("antares_known_type")),
        "detections": told.get("n_detections") or None,
        **_brightness(told, notes),
        "peak_to_peak": _rounded(_input(factors, "peak_to_peak"), 2, MAGNITUDES),
        "anomaly_score": _anomaly(factors),
        "outlier": bool(factors["outlier"]["value"]) if "outlier" in factors else None,
        "tags": _texts(notes.get("antares_tags")),
        "catalogues": _texts(notes.get("antares_catalogs")),
        "score": _rounded(score, 1),
        "points_before_bound": _beyond(told, effect),
        "points": [
            {"name": one["name"], "effect": one["effect"], "reason": one["reason"]}
            for one in told["factors"]
            if one["value"] is not None and effect.strength(one["value"]) > effect.worth_saying
        ],
    }
    return {key: plain(one) for key, one in facts.items() if not _is_nothing(one)}


def _is_nothing(value: Any) -> bool:
    """Tell what says nothing; 0 says something."""
    return value is None or value is False or (isinstance(value, list | str) and not value)


def _beyond(told: Mapping[str, Any], effect: Effect) -> float | None:
    """Return the sum of all points where that is more than a score may have."""
    values = [one["value"] for one in told["factors"] if one["value"] is not None]
    total = effect.joint(values)
    is_more = isinstance(effect, Sum) and total > effect.high
    return _rounded(total, 1) if is_more else None


def _constellation(ra: float, dec: float) -> str:
    return str(get_constellation(SkyCoord(ra * u.deg, dec * u.deg)))


def _brightness(told: Mapping[str, Any], notes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the newest brightness: of our light curve, or what the broker says of its own."""
    if told.get("n_detections"):
        found = {"mag": told.get("last_mag"), "band": told.get("last_band")}
        found["mjd"] = told.get("last_detection")
    else:
        found = {
            "mag": notes.get("antares_newest_alert_magnitude"),
            "band": None,
            "mjd": notes.get("antares_newest_alert_observation_time"),
        }
    mjd, alerts = found["mjd"], notes.get("antares_num_alerts")
    return {
        "last_mag": _rounded(found["mag"], 2, MAGNITUDES),
        "last_band": found["band"],
        # Alerts of LSST measure what is left after a template was taken off.
        "difference": str(found["band"] or "").startswith("lsst"),
        "last_seen": day(float(mjd)) if isinstance(mjd, int | float) else None,
        "alerts": alerts if isinstance(alerts, int) and alerts > 1 else None,
    }


def _input(factors: Mapping[str, Any], name: str) -> Any:
    """Return what a factor was computed from."""
    found = (one["inputs"][name] for one in factors.values() if name in one["inputs"])
    return next(found, None)


def _anomaly(factors: Mapping[str, Any]) -> str | None:
    if "anomaly_score" not in factors or not factors["anomaly_score"]["value"]:
        return None
    return str(factors["anomaly_score"]["reason"])


def _rounded(value: Any, digits: int, within: tuple[float, float] = ALL) -> float | None:
    """Return a number as it is said; None for what is none, or can be none of its kind."""
    if not isinstance(value, int | float) or not within[0] <= value <= within[1]:
        return None
    return round(float(value), digits) + 0.0


def _texts(value: Any) -> list[str]:
    """Return other people's words as harmless lines."""
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [one_line(one, 60) for one in values if isinstance(one, str)]


def sentences(facts: Mapping[str, Any]) -> Summary:
    """Write what is known, in the same words for the same facts.

    Parameters
    ----------
    facts : mapping
        See `facts_of`.
    """
    parts = (_what_and_where(facts), _light(facts), _said(facts), _why(facts))
    return Summary(" ".join(part for part in parts if part))


def _what_and_where(facts: Mapping[str, Any]) -> str:
    name = one_line(str(facts.get("name") or facts["candidate_id"]), 60)
    if known := facts.get("type"):
        what = f"is classified as {one_line(str(known), 30)} and lies"
    elif types := facts.get("known_types"):
        what = f"is listed as {_listed(types)} and lies"
    else:
        what = "lies"
    z = f", at redshift {_short(facts['redshift'], 4)}" if "redshift" in facts else ""
    height = f"{abs(facts['galactic_latitude']):.0f} deg from the plane of the Milky Way"
    place = f"RA {facts['ra']:.4f}, Dec {facts['dec']:+.4f} deg"
    return f"{name} {what} in {facts['constellation']} ({place}), {height}{z}."


def _light(facts: Mapping[str, Any]) -> str:
    """Say how bright it is and how it changes."""
    told = []
    if "last_mag" in facts:
        n, alerts = facts.get("detections"), facts.get("alerts")
        of = f"{n} detections" if n and n > 1 else f"{alerts} alerts" if alerts else ""
        on = f"on {facts['last_seen']}" if "last_seen" in facts else ""
        band = f" in {one_line(str(facts['last_band']), 20)}" if "last_band" in facts else ""
        image = " (difference image)" if facts.get("difference") else ""
        begin = f"the last of its {of}{f', {on},' if on else ''} was of" if of else ""
        begin = begin or f"it was last seen {on} at".replace("  ", " ")
        told.append(f"{begin} {facts['last_mag']:.2f} mag{band}{image}")
    if "peak_to_peak" in facts:
        told.append(f"its brightness in r has changed by {facts['peak_to_peak']:.2f} mag")
    words = "; ".join(told)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _said(facts: Mapping[str, Any]) -> str:
    """Say what others say of it."""
    told = []
    if tags := facts.get("tags"):
        told.append(f"tags it {_listed(tags)}")
    if score := facts.get("anomaly_score"):
        told.append(f"gives it an anomaly score of {score}")
    if facts.get("outlier"):
        told.append("calls it an outlier")
    if catalogues := facts.get("catalogues"):
        told.append(f"finds it in {_listed(catalogues)}")
    return f"ANTARES {_listed(told)}." if told else ""


def _why(facts: Mapping[str, Any]) -> str:
    points = [f"{one_line(one['name'], 30)} {one['effect']}" for one in facts.get("points", ())]
    because = f": {_listed(points)}" if points else ""
    total = facts.get("points_before_bound")
    bound = f" (bounded, of {_short(total, 1)})" if total is not None else ""
    return f"It scores {_short(facts['score'], 1)}{bound}{because}." if "score" in facts else ""


def _short(value: float, digits: int) -> str:
    """Write a number that is rounded to some digits without zeros at its end."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def _listed(words: Sequence[str]) -> str:
    """Put words into a list; after the first few it is said that there are more."""
    shown = list(words[:MOST_NAMES])
    if len(words) > len(shown):
        return f"{', '.join(shown)} and more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


# -- a program of the user's own -------------------------------------------------------------------


def by_command(facts: Mapping[str, Any], command: str, timeout: float) -> Summary:
    """Let a program write the summary; where it fails, our own sentences stand, and it is said.

    Parameters
    ----------
    facts : mapping
        Go to its standard input as JSON.
    command : str
        With its arguments; no shell reads it.
    timeout : float
        [s], after which it is killed with all that it has started.

    Returns
    -------
    Summary
        At most `LONGEST` characters on one harmless line. Whatever shows it escapes it: it is not
        our word, nor checked against the facts.
    """
    words, why = _answer(facts, command, timeout)
    told = one_line(words, LONGEST)
    if why or not told:
        return Summary(sentences(facts).text, problem=f"{_name(command)} {why or 'said nothing'}")
    return Summary(told, _name(command))


def _name(command: str) -> str:
    return one_line(Path(command.split(maxsplit=1)[0] if command.split() else "").name, 40)


def _answer(facts: Mapping[str, Any], command: str, timeout: float) -> tuple[str, str]:
    """Return what a program answers, and why it could not be used."""
    try:
        arguments = shlex.split(command)
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as answer:
            asked.write(json.dumps(facts, ensure_ascii=False).encode())
            asked.seek(0)
            program = subprocess.Popen(  # noqa: S603  the user's own
                arguments,
                stdin=asked,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                why = _await(program, answer.fileno(), timeout)
            finally:
                _kill(program)
            answer.seek(0)
            return answer.read(8 * LONGEST).decode(errors="replace"), why
    except (OSError, ValueError, IndexError) as error:
        return "", f"could not be run ({one_line(str(error), 80)})"


def _await(program: subprocess.Popen[bytes], answer: int, timeout: float) -> str:
    """Wait until a program ends; say what was wrong, if anything was."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = program.wait(PAUSE)
            return "" if status == 0 else f"ended with status {status}"
        if os.fstat(answer).st_size > MOST_BYTES:
            return f"said more than {MOST_BYTES} bytes"
    return f"took longer than {timeout:g} s"


def _kill(program: subprocess.Popen[bytes]) -> None:
    """End a program and what it has left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()
