"""`aas2rto simulate`: a survey of known truth, for replays, tests and trials of a config."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aas2rto.cli.arguments import JsonOption, OutputOption, parse_time
from aas2rto.errors import UsageError

if TYPE_CHECKING:
    from aas2rto.simulate.survey import Simulation
    from aas2rto.simulate.surveys import Survey
    from aas2rto.simulate.visits import Visits

EXAMPLES = """\b
Examples:
  aas2rto simulate --survey ztf --from 2026-03-01 --to 2026-04-01 --rate-scale 0.1
  aas2rto simulate --survey lsst --visits baseline_v3.3_10yrs.db --from 2026-05-01 --to 2026-08-01
  aas2rto run sn_ia_peak.yaml --archive outputs/simulated_ztf/archive --once --now 2026-03-20
"""
"""Shown below the help."""

LONGEST = 3700.0
"""Ten years of a survey [d]; what is asked for beyond is a mistake."""


def simulate(
    survey: Annotated[str, typer.Option(help="ztf: a made-up cadence; lsst: needs --visits.")],
    begin: Annotated[str, typer.Option("--from", help="First night, ISO (UTC) or MJD.")],
    end: Annotated[str, typer.Option("--to", help="End: nothing known later is in the archive.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another survey.")] = 0,
    rate_scale: Annotated[
        float, typer.Option("--rate-scale", min=0.0, help="So many times the rates of nature.")
    ] = 1.0,
    contaminants: Annotated[
        float, typer.Option(min=0.0, help="So many times what is no explosion, on top.")
    ] = 1.0,
    faintest: Annotated[
        float | None,
        typer.Option(help="Explosions that peak fainter [mag] are left out: 21.5 ztf, 22 lsst."),
    ] = None,
    visits: Annotated[
        Path | None,
        typer.Option(help="Visits: Parquet, SQLite (OpSim) or CSV; time, ra, dec, band, depth."),
    ] = None,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Simulate a survey: an archive to run and replay on, and the truth to judge by."""
    from aas2rto.simulate import archive_files
    from aas2rto.simulate.survey import check
    from aas2rto.simulate.surveys import SURVEYS
    from aas2rto.text.words import nearest

    if survey not in SURVEYS:
        raise UsageError(
            f"--survey: {survey!r}{nearest(survey, list(SURVEYS))} (known: {', '.join(SURVEYS)})"
        )
    own, span = SURVEYS[survey], _span(begin, end)
    limit = own.faintest if faintest is None else faintest
    check(rate_scale, contaminants, limit)
    seen = _visits(own, visits, span, seed)
    folder = output / f"simulated_{survey}" if output == Path("outputs") else output
    archive_files.prepare(folder)
    made = _simulated(own, seen, span, seed=seed, scales=(rate_scale, contaminants), faintest=limit)
    asked = {"survey": survey, "from": span[0], "to": span[1], "seed": seed}
    asked |= {"rate_scale": rate_scale, "contaminants": contaminants, "faintest": limit}
    told = _provenance(asked, made, seen, visits)
    counts = archive_files.write(folder, made, told)
    if as_json:
        paths = {"folder": str(folder), "archive": str(folder / archive_files.ARCHIVE)}
        print(json.dumps({**told, "counts": counts, **paths}))
        return
    _show(made, counts, folder, span)


def _span(begin: str, end: str) -> tuple[float, float]:
    from aas2rto.text.words import iso

    first = float(parse_time(begin, option="--from").utc.mjd)
    last = float(parse_time(end, option="--to").utc.mjd)
    if not last > first:
        raise UsageError(
            f"--to: {iso(last)} is not later than --from ({iso(first)}); give the end of the span"
        )
    if last - first > LONGEST:
        raise UsageError(
            f"--to: {(last - first) / 365.25:.0f} years are more than ten; simulate a part"
        )
    return first, last


def _visits(own: Survey, path: Path | None, span: tuple[float, float], seed: int) -> Visits:
    import numpy as np

    from aas2rto.simulate.cadence import ztf_like
    from aas2rto.simulate.survey import WARM_UP
    from aas2rto.simulate.visits import read_visits

    begin, end = span[0] - WARM_UP, span[1]
    rng = np.random.default_rng([seed, 0])
    if path is None:
        if own.name != "ztf":
            raise UsageError(
                f"--visits: {own.name} needs the visits of a survey simulation, such as an OpSim "
                "baseline (https://survey-strategy.lsst.io): Parquet, SQLite or CSV"
            )
        return ztf_like(rng, begin, end)
    return read_visits(
        path,
        survey=own.name,
        between=(begin, end),
        radius=own.radius,
        rng=rng,
        latency=own.latency,
    )


def _simulated(
    own: Survey,
    seen: Visits,
    span: tuple[float, float],
    *,
    seed: int,
    scales: tuple[float, float],
    faintest: float,
) -> Simulation:
    from aas2rto.simulate.survey import simulate as run

    return run(
        own,
        seen,
        span[1],
        seed=seed,
        rate_scale=scales[0],
        contaminant_scale=scales[1],
        faintest=faintest,
    )


def _provenance(
    asked: dict[str, Any], made: Simulation, seen: Visits, path: Path | None
) -> dict[str, Any]:
    from aas2rto import __version__
    from aas2rto.sky.dust import map_in_use

    types = {
        one.name: {
            "expected": round(one.expected, 1),
            "drawn": one.drawn,
            "with_alerts": one.alerted,
            "z_max": None if one.z_max != one.z_max else round(one.z_max, 4),
            "rate": one.source,
        }
        for one in made.populations
    }
    where = "made up, like ZTF's public survey" if path is None else str(path)
    return {
        "version": __version__,
        "command": shlex.join(["aas2rto", *sys.argv[1:]]),
        **asked,
        "visits": {"from": where, "number": len(seen)},
        "dust": map_in_use(),
        "types": types,
    }


def _show(
    made: Simulation, counts: dict[str, int], folder: Path, span: tuple[float, float]
) -> None:
    from aas2rto.text.words import counted, iso

    for one in made.populations:
        print(f"  {one.name}: {one.alerted} with alerts, of {one.drawn} drawn")
    print(
        f"{counted(counts['objects'], 'object')} with {counted(counts['alerts'], 'alert')} "
        f"({counted(counts['measurements'], 'measurement')}, {counted(counts['facts'], 'fact')}) "
        f"in {folder}"
    )
    print(f"truth: {folder / 'truth.parquet'}; rates and seed: {folder / 'simulate.json'}")
    print(f"now: aas2rto run CONFIG --once --archive {folder / 'archive'} --now {iso(span[1])}")
