"""`aas2rto plan`: tonight as a timeline, for one observatory or for all of them together."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    DateOption,
    JsonOption,
    NowOption,
    OutputOption,
    date_option,
    note_replay,
    open_existing_store,
    parse_time,
    results_of,
    sites_named,
)
from aas2rto.cli.closing import CloseOption, closures
from aas2rto.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from astropy.time import Time

    from aas2rto.config.case import Case
    from aas2rto.planning import NightPlan, SiteNight
    from aas2rto.planning.earlier import Earlier
    from aas2rto.planning.several import Several
    from aas2rto.sky.observatory import Observatory

NETWORK = "network"


def plan(
    config: ConfigFile,
    observatory: Annotated[
        list[str] | None, typer.Option(help="Plan this one; several are planned together.")
    ] = None,
    network: Annotated[
        bool, typer.Option("--network", help="Plan all together; so it is by default.")
    ] = False,
    date: DateOption = None,
    now: NowOption = None,
    close: CloseOption = None,
    interrupt: Annotated[
        bool,
        typer.Option(
            "--interrupt",
            help="Plan again from now: what is marked is done, what runs stays.",
        ),
    ] = False,
    nights: Annotated[
        int,
        typer.Option(
            min=1, max=30, help="Plan so many nights at once, under the weather expected."
        ),
    ] = 1,
    greedy: Annotated[
        bool, typer.Option("--greedy", help="Do not look for the joint optimum.")
    ] = False,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Plan the night from the stored state: who observes what, when, and what if it fails."""
    from aas2rto.config.load import load
    from aas2rto.outputs import plan_files
    from aas2rto.questions import plan as outlook
    from aas2rto.questions.nights import plan_several
    from aas2rto.steps.build import build

    if interrupt and nights > 1:
        raise UsageError("--nights plans from the evening on: leave out --interrupt")
    when = parse_time(now)
    case = load(config, need_secrets=False)
    name, sites = _chosen(case, observatory, network=network)
    folder = results_of(case, output, quiet=True)
    parts = build(case, with_sources=False)
    names = [site.name for site in sites]
    earlier = plan_files.running(folder, names, name) if interrupt else None
    asked: dict[str, Any] = {
        "sites": sites,
        "date": date_option(date),
        "close": closures(case, close),
    }
    several = None
    with open_existing_store(case, output) as store:
        note_replay(store, when, given=now)
        if nights > 1:
            found, several = plan_several(parts, store, when, nights, **asked, solve=not greedy)
        else:
            found = outlook.plan_stored(
                parts, store, when, **asked, earlier=earlier, solve=not greedy
            )
    paths = plan_files.write(folder, case, found, name, several=several)
    if as_json:
        print(plan_files.path_of(folder, name).read_text(encoding="utf-8"), end="")
        return
    _show(found, when)
    for line in [*([] if several is None else of_several(several)), *missed(found.not_planned)]:
        print(line)
    if earlier is not None:
        _say_what_became(found, earlier, str(config))
    for name in _over(found, sites):
        print(f"{name}: the night of {date} is over there")
    print(f"written: {', '.join(str(path) for path in paths)}")


def _chosen(
    case: Case, named: Sequence[str] | None, *, network: bool
) -> tuple[str, list[Observatory]]:
    """Return the name of the plan, and the observatories of it in the order of the config."""
    if not named:
        return NETWORK, list(case.observatories)
    if network:
        raise UsageError("give --observatory NAME or --network, not both")
    found = {one: sites_named(case, one) for one in dict.fromkeys(named)}
    wanted = {site.name for sites in found.values() for site in sites}
    names = [sites[0].name if len(sites) == 1 else one for one, sites in found.items()]
    sites = [site for site in case.observatories if site.name in wanted]
    return "+".join(dict.fromkeys(names)), sites


def _over(found: NightPlan, sites: Sequence[Observatory]) -> list[str]:
    """Return at which sites the night that was asked for is over."""
    planned = {night.observatory.name for night in found.nights}
    return [site.name for site in sites if site.name not in planned]


def _show(found: NightPlan, when: Time) -> None:
    from aas2rto.cli.showing import console
    from aas2rto.outputs.plan_csv import worth

    out = console()
    out.print(f"[bold]plan made {when.utc.isot[:16]} UTC[/bold]")
    out.print(worth(found), markup=False, soft_wrap=True)
    for night in found.nights:
        out.print(_head(night), markup=False, soft_wrap=True)
        out.print(_table(found.at(night.observatory.name), night.observatory))


def _head(night: SiteNight) -> str:
    from aas2rto.sky.visibility import clock

    site = night.observatory
    if not night.night.end > 0:
        return f"{site.name}: no night"
    told = f"{site.name}: night {clock(night.night.start)}-{clock(night.night.end)} UTC"
    first, last = (_local(site, mjd) for mjd in (night.night.start, night.night.end))
    if first:
        told += f" ({first}-{last} {site.timezone})"
    for start, end in night.closed:
        first_mjd, last_mjd = max(start, night.night.start), min(end, night.night.end)
        if last_mjd > first_mjd:
            told += f", closed {clock(first_mjd)}-{clock(last_mjd)}"
    return told


def _local(site: Observatory, mjd: float) -> str:
    """Write a time by the clocks of a site, as ``23:05``; empty if its file gives no zone."""
    from aas2rto.sky.local import local_time

    moment = local_time(site, round(mjd * 1440) / 1440)
    return "" if moment is None else f"{moment:%H:%M}"


def of_several(several: Several) -> list[str]:
    """Say what the nights after tonight are for, and what all of them should bring."""
    from aas2rto.sky.visibility import clock
    from aas2rto.text.words import day

    total = several.expected
    lines = [
        f"expected successes: {total[0]:.2f} tonight, {total.sum():.2f} in {len(total)} nights"
        + ("" if several.status == "optimal" else f" (solver: {several.status})")
    ]
    for (evening, site), slots in several.later.groupby(["evening", "observatory"], sort=True):
        told = ", ".join(
            f"{row['candidate_id']} {clock(row['start'])} ({row['site_score']:.2f})"
            for row in slots.to_dict("records")
        )
        lines.append(f"  {day(float(str(evening)))} {site}: {told}")
    return lines


MOST = 10
"""Candidates that are named with the reason why they are not planned; the files hold all."""


def missed(table: pd.DataFrame) -> list[str]:
    """Say which candidates are not planned, and why, the highest score first."""
    ids = list(dict.fromkeys(table["candidate_id"]))
    if not ids:
        return []
    from aas2rto.text.words import counted

    lines = [f"not planned, although wanted: {counted(len(ids), 'candidate')}"]
    for name in ids[:MOST]:
        own = table[table["candidate_id"] == name].to_dict("records")
        mark = " (ToO)" if own[0]["too"] else " (pinned)" if own[0]["pinned"] else ""
        told = "; ".join(f"{row['observatory']}: {row['reason']}" for row in own)
        lines.append(f"  {name}{mark}: {told}")
    if len(ids) > MOST:
        lines.append(f"  and {len(ids) - MOST} more: *_not_planned.csv")
    return lines


def _say_what_became(found: NightPlan, earlier: Earlier, config: str) -> None:
    """Say which slots nobody spoke of, and which dome is taken as open again."""
    from aas2rto.planning.earlier import reopened
    from aas2rto.planning.timeline import UNCONFIRMED
    from aas2rto.sky.visibility import clock
    from aas2rto.text.words import counted

    open_ = found.slots[found.slots["state"] == UNCONFIRMED]
    if len(open_):
        first = open_.iloc[0]
        told = ", ".join(open_["candidate_id"].unique())
        print(
            f"planned, not confirmed: {told}; {counted(len(open_), 'slot')} without a mark, "
            "offered again. "
            f"What was observed, mark: aas2rto mark {config} {first['candidate_id']} observed "
            f"{first['observatory']} (or failed, clouded), then plan --interrupt again"
        )
    for night in found.nights:
        until = reopened(night, earlier, float(found.now.utc.mjd))
        if until is not None:
            name = night.observatory.name
            print(
                f"{name}: the earlier plan had it closed until {clock(until)}; now it is taken as "
                f"open. If it is not: --close {name}"
            )


def _table(slots: pd.DataFrame, site: Observatory) -> Any:
    import pandas as pd

    from aas2rto.cli.showing import table_of
    from aas2rto.sky.local import has_zone

    rows: list[dict[str, str]] = []
    last: float | None = None
    for row in slots.to_dict("records"):
        if last is not None and row["start"] - last > 1e-4:
            rows.append({"UTC": _span(last, row["start"]), "candidate": "-"})
        rows.append(_cells(row, site))
        last = row["end"]
    heads = ["#", "UTC", *(["local"] if has_zone(site) else []), "LST", "candidate", "mag"]
    heads += ["expose", "alt [deg]", "moon [deg]", "score", "if it fails", "note"]
    return table_of(pd.DataFrame(rows, columns=heads).fillna(""))


def _span(start: float, end: float) -> str:
    from aas2rto.sky.visibility import clock

    return f"{clock(start)}-{clock(end)}"


def _cells(row: dict[Any, Any], site: Observatory) -> dict[str, str]:
    from aas2rto.sky.local import sidereal_words

    return {
        "#": str(row["slot"]),
        "UTC": _span(row["start"], row["end"]),
        "local": _local(site, row["start"]),
        "LST": sidereal_words(site, row["start"]),
        "candidate": row["candidate_id"],
        "mag": f"{row['mag']:.1f}" if row["mag"] == row["mag"] else "-",
        "expose": f"{row['exposure_s'] / 60:.0f} min",
        "alt [deg]": f"{row['altitude']:.0f}",
        "moon [deg]": f"{row['moon_sep']:.0f}",
        "score": f"{row['value']:.3g}",
        "if it fails": row["backup"],
        "note": _note(row),
    }


def _note(row: dict[Any, Any]) -> str:
    """Say what is special about a slot, and what waiting a day would do."""
    from aas2rto.planning.timeline import PLANNED, fill_words

    parts = [] if row["state"] == PLANNED else [row["state"]]
    parts += [word for word in ("too", "pinned") if row[word]]
    parts += [fill_words(row)] if row["fill"] else []
    tonight = float(row["last_chance"])
    if math.isinf(tonight):
        parts.append("last chance")
    elif tonight < 0.8 or tonight > 1.25:
        parts.append(f"x{1 / tonight:.2g} tomorrow")
    return ", ".join(parts)
