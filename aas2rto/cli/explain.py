"""`aas2rto explain`: why a candidate has the score it has."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aas2rto.cli.arguments import (
    DEC_HELP,
    RA_HELP,
    ConfigFile,
    JsonOption,
    NowOption,
    OutputOption,
    note_replay,
    open_existing_store,
    parse_position,
    parse_time,
    resolve_candidate,
)
from aas2rto.errors import UsageError
from aas2rto.text.words import counted

if TYPE_CHECKING:
    from astropy.time import Time

    from aas2rto.config.case import Case


def explain(
    config: ConfigFile,
    candidate: Annotated[str | None, typer.Argument(help="Id or name of a candidate.")] = None,
    over: Annotated[str | None, typer.Option(help="Compare with this candidate.")] = None,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
    light_curve: Annotated[
        Path | None,
        typer.Option(help="A file that --archive would read; 'aas2rto list columns' says how."),
    ] = None,
    ra: Annotated[str | None, typer.Option(help=f"With --light-curve. {RA_HELP}")] = None,
    dec: Annotated[str | None, typer.Option(help=f"With --light-curve. {DEC_HELP}")] = None,
    redshift: Annotated[float | None, typer.Option(help="With --light-curve.")] = None,
    base_score: Annotated[float | None, typer.Option(help="With --light-curve.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show every factor, fit and site of a candidate: of the store, or of a light curve."""
    from aas2rto.config.load import load

    when = parse_time(now)
    case = load(config, need_secrets=False)
    if light_curve is not None:
        if (ra is None) is not (dec is None):
            raise UsageError("--light-curve: give both --ra and --dec, or neither")
        place = None if ra is None or dec is None else parse_position(ra, dec)
        told = _explain_file(case, light_curve, place, redshift, base_score, when)
    elif candidate is None:
        raise UsageError("name a candidate, or give --light-curve FILE (--ra RA --dec DEC)")
    else:
        told = _explain_stored(case, candidate, over, output, when, given=now)
    print(to_json(told)) if as_json else _show(told)


def _explain_file(
    case: Case,
    path: Path,
    position: tuple[float, float] | None,
    redshift: float | None,
    base_score: float | None,
    when: Time,
) -> dict[str, Any]:
    from aas2rto.questions.explain import explain
    from aas2rto.sources.files.light_curve_table import read_light_curve
    from aas2rto.steps.build import build
    from aas2rto.steps.fit_memory import OnlyRead
    from aas2rto.steps.prefilter import light_curve_alone

    found = read_light_curve(path, candidate_id=path.stem)
    for problem in found.problems:
        print(f"warning: {path}: {problem}", file=sys.stderr)
    for note in found.notes:
        print(f"note: {path}: {note}", file=sys.stderr)
    if position is None:
        if found.ra is None or found.dec is None:
            raise UsageError(f"{path}: has no position; give --ra and --dec, or columns ra and dec")
        position = found.ra, found.dec
    parts = build(case, with_sources=False)
    known = light_curve_alone(
        parts,
        found.photometry,
        when,
        ra=position[0],
        dec=position[1],
        redshift=found.redshift if redshift is None else redshift,
        base_score=base_score,
    )
    return explain(parts, known, when, memory=OnlyRead(), suspicions=found.suspicions)


def _explain_stored(
    case: Case,
    candidate: str,
    over: str | None,
    output: Path,
    when: Time,
    *,
    given: str | None,
) -> dict[str, Any]:
    from aas2rto.questions.explain import compare, explain_stored, what_would_do
    from aas2rto.steps.build import build

    parts = build(case, with_sources=False)
    with open_existing_store(case, output) as store:
        note_replay(store, when, given=given)
        ids = [resolve_candidate(store, name) for name in (candidate, over) if name is not None]
        if len(set(ids)) < len(ids):
            raise UsageError(
                f"--over: {candidate} and {over} are one candidate, {ids[0]}; name another"
            )
        told = [explain_stored(parts, store, one, when) for one in ids]
        if len(told) == 2:
            told[0]["comparison"] = compare(told[0], told[1], effect=parts.case.config.score.effect)
        told[0]["counterfactual"] = what_would_do(parts, store, told, when)
    return told[0]


MINUS_INFINITY = "-1e999"
"""A number that JSON's grammar allows and that every reader takes for minus infinity."""


def to_json(told: dict[str, Any]) -> str:
    """Write JSON; the score of a rejected candidate, -inf, as a number that overflows to it."""
    return json.dumps(told, indent=2).replace("-Infinity", MINUS_INFINITY)


def _show(told: dict[str, Any]) -> None:
    import pandas as pd

    from aas2rto.cli.showing import console, table_of

    out = console()
    title = told["candidate_id"] + (f" ({told['name']})" if told["name"] else "")
    out.print(f"{title} at {told['now'][:16]} UTC", markup=False, soft_wrap=True)
    out.print(
        f"score {told['score']:.5g}, {told['decision']}: {told['reason']}",
        markup=False,
        soft_wrap=True,
    )
    if told["magnitude"]:
        out.print(told["magnitude"]["sentence"], markup=False, soft_wrap=True)
    if told["suspect"]:
        out.print(told["suspect"]["sentence"], markup=False, soft_wrap=True)
    if told["set_aside"]:
        out.print(told["set_aside"]["sentence"], markup=False, soft_wrap=True)
    factors = pd.DataFrame(told["factors"])
    if len(factors):
        factors["value"] = [_number(value) for value in factors["value"]]
        out.print(table_of(factors[["name", "value", "decision", "reason"]]))
    for name, fit in told["fits"].items():
        out.print(f"{name}: {fit_line(fit)}", markup=False, soft_wrap=True)
    sites = pd.DataFrame(
        [{"observatory": name, **_site_row(site)} for name, site in told["observatories"].items()]
    )
    out.print(table_of(sites))
    for line in _remarks(told):
        out.print(line, markup=False, soft_wrap=True)


def _remarks(told: dict[str, Any]) -> Iterator[str]:
    """Yield what is said below the tables, one line each."""
    from aas2rto.factors import Decision
    from aas2rto.tables.candidates import REJECTED

    for name, site in told["observatories"].items():
        for factor in site["factors"]:
            if "best_night" in factor["inputs"]:
                waits = factor["decision"] == "exclude" and factor["inputs"]["best_night"]
                lost = "; tonight only if that night is lost" if waits else ""
                yield f"{name}: {factor['reason']}{lost}"
    if told.get("p_top5"):
        chances = (f"{100 * p:.0f}% in {name}" for name, p in told["p_top5"].items())
        yield f"chance to be among the first five, given the errors: {', '.join(chances)}"
    for mark in told.get("feedback", []):
        over = "" if mark["active"] else " (no longer)"
        yield f"feedback: {mark['sentence']}{over}"
    if told.get("state") == REJECTED and told["decision"] != Decision.REJECT.label:
        yield (
            "it stands as rejected (rejected.csv), by earlier settings or data; by the present "
            "ones it would not be: the next cycle judges it anew if a setting changed"
        )
    if "comparison" in told:
        yield told["comparison"]["sentence"]
    if told.get("counterfactual"):
        yield f"what would change it: {told['counterfactual']['sentence']}"
    yield from (f"problem: {failure}" for failure in told["failures"])


def fit_line(fit: dict[str, Any]) -> str:
    """Say in one line what a fit found."""
    if fit["status"] != "ok":
        return f"{fit['status']}: {fit['reason']}"
    errors = fit.get("errors") or {}
    values = ", ".join(
        f"{name} = {_value(name, value)}"
        + (f" +- {errors[name]:.2g}" if errors.get(name) else "")
        + unit_of(name)
        for name, value in (fit["parameters"] or {}).items()
        if isinstance(value, float)
    )
    if fit["ndof"] is None or fit["chisq"] is None:  # it compares, and fits nothing
        return values
    freedom = counted(round(fit["ndof"]), "degree of freedom", "degrees of freedom")
    return f"{values}; chi2 = {fit['chisq']:.1f} for {freedom}"


UNITS = {
    "t_peak_err": "d",
    "t0_other": "d (MJD)",
    "t_peak": "d (MJD)",
    "t0": "d (MJD)",
    "tau_rise": "d",
    "tau_fall": "d",
    "mB": "mag",
    "ebv": "mag",
    "A": "uJy",
    "q": "uJy",
}
"""Units of the parameters of a fit, alone or in a band (``t0_ztfg``); others have none."""


def unit_of(name: str) -> str:
    """Return the unit of a parameter, after a blank."""
    stems = (stem for stem in UNITS if name == stem or name.startswith(f"{stem}_"))
    return next((f" {UNITS[stem]}" for stem in stems), "")


def _value(name: str, value: float) -> str:
    """Write a parameter; of times [MJD] four digits would say nothing."""
    return f"{value:.2f}" if name.startswith(("t0", "t_peak")) else f"{value:.4g}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _site_row(site: dict[str, Any]) -> dict[str, str]:
    return {
        "score": _number(site["score"]),
        "decision": site["decision"],
        "factor": _number(site["factor"]),
        "alt [deg]": _number(site["altitude"]),
        "left [h]": _number(site["hours_left"]),
        "sets [UTC]": (site["sets"] or "-")[11:] or "-",
        "moon [deg]": _number(site["moon_sep"]),
        "status": site["status"],
    }
