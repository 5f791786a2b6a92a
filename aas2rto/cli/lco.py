"""`aas2rto lco`: write, check, send, follow and cancel requests to LCO's telescopes."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    DateOption,
    NowOption,
    ObservatoryOption,
    OutputOption,
    date_option,
    note_replay,
    one_site,
    open_existing_store,
    parse_time,
    resolve_candidate,
    results_of,
)
from aas2rto.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.time import Time

    from aas2rto.config.case import Case
    from aas2rto.config.sections import Lco
    from aas2rto.outlets.bundle.archive import Night
    from aas2rto.outlets.lco.desk import Sent
    from aas2rto.outlets.lco.payload import Wish
    from aas2rto.outlets.lco.service import Portal
    from aas2rto.sky.observatory import Observatory
    from aas2rto.store import Store
    from aas2rto.store.requests import Request

TOKEN = "LCO_TOKEN"  # noqa: S105  the name of the variable
FOLDER = "requests"

app = typer.Typer(
    help="Requests to the telescopes of Las Cumbres Observatory.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def lco() -> None:
    """Write, check, send, follow and cancel requests to LCO; nothing goes without --submit."""


@app.command("instruments")
def instruments(config: ConfigFile, output: OutputOption = Path("outputs")) -> None:
    """Fetch what LCO's instruments take, so that requests are checked against it."""
    from aas2rto.config.load import load
    from aas2rto.outlets.lco.instruments import FILE
    from aas2rto.outputs import write_atomically

    case = load(config, need_secrets=False)
    with _portal(settings_of(case)) as portal:
        found = portal.instruments()
    path = results_of(case, output, quiet=True) / FILE
    write_atomically(path, json.dumps(found, indent=1, sort_keys=True) + "\n")
    for name, one in sorted(found.items()):
        elements = one.get("optical_elements") or {}
        codes = [str(e["code"]) for some in elements.values() for e in some]
        typer.echo(f"{name} ({one.get('class', '?')}): {', '.join(codes) or '-'}")
    typer.echo(f"written: {path}")


@app.command("request")
def request(
    config: ConfigFile,
    candidate: Annotated[str, typer.Argument(help="Id or name of a candidate of the list.")],
    observatory: ObservatoryOption,
    spectrum: Annotated[
        bool, typer.Option("--spectrum", help="A spectrum with lamps, in place of images.")
    ] = False,
    validate: Annotated[
        bool, typer.Option("--validate", help="Ask LCO whether it would be taken; sends nothing.")
    ] = False,
    submit: Annotated[bool, typer.Option("--submit", help="Send it.")] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also if it is classified, reported or requested.")
    ] = False,
    date: DateOption = None,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
) -> None:
    """Write a request for tonight; with --submit send it, once per candidate, site and night."""
    from aas2rto.config.load import load
    from aas2rto.outlets.lco import guards, payload
    from aas2rto.outlets.lco.desk import SERVICE
    from aas2rto.outputs import write_atomically

    when = parse_time(now)
    case = load(config, need_secrets=False)
    settings, site = settings_of(case), one_site(case, observatory)
    payload.place_of(site)
    folder = results_of(case, output, quiet=True)
    kind = payload.Kind.SPECTRUM if spectrum else payload.Kind.IMAGES
    with open_existing_store(case, output) as store:
        note_replay(store, when, given=now)
        candidate_id = resolve_candidate(store, candidate)
        night = _night(case, store, when, site, date_option(date))
        row = _row(night, candidate_id)
        wish = _wish(night, row, kind, settings)
        group = payload.build(wish, settings)
        _check(group, wish, folder, settings)
        path = folder / FOLDER / f"{group['name'].replace(' ', '_')}.json"
        write_atomically(path, json.dumps(group, indent=1) + "\n")
        _show(group, path)
        why_not = guards.reasons(wish, row, store.requests.all(SERVICE), settings)
        for reason in why_not:
            typer.echo(f"{'although' if anyway else 'not sent'}: {reason}")
        if (why_not and not anyway) or not (validate or submit):
            if submit:
                raise InputError(f"{candidate_id}: nothing was sent (--anyway sends it)")
            typer.echo("nothing was sent; --validate asks LCO, --submit sends it")
            return
        _ask(store, settings, wish, group, when, folder, send=submit)


@app.command("state")
def state(
    config: ConfigFile, output: OutputOption = Path("outputs"), now: NowOption = None
) -> None:
    """Ask LCO how the requests stand, and say when and where they are observed."""
    from aas2rto.config.load import load
    from aas2rto.outlets.lco import desk

    when = parse_time(now)
    case = load(config, need_secrets=False)
    with open_existing_store(case, output) as store, _portal(settings_of(case)) as portal:
        found = desk.follow(store, portal, float(when.utc.mjd))
    for one, blocks in found:
        typer.echo(_line(one))
        for block in blocks:
            told = (str(block.get(key, "?")) for key in ("state", "site", "start", "end"))
            typer.echo("  " + " ".join(told))
    if not found:
        typer.echo("no requests")


@app.command("cancel")
def cancel(
    config: ConfigFile,
    candidate: Annotated[str, typer.Argument(help="Id or name of a candidate.")],
    observatory: ObservatoryOption,
    date: Annotated[
        str | None, typer.Option(help="Local date of the evening. Default: the last request.")
    ] = None,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
) -> None:
    """Cancel the request of a candidate at an observatory."""
    from aas2rto.config.load import load
    from aas2rto.outlets.lco import desk

    when = parse_time(now)
    case = load(config, need_secrets=False)
    site = one_site(case, observatory)
    with open_existing_store(case, output) as store, _portal(settings_of(case)) as portal:
        candidate_id = resolve_candidate(store, candidate)
        known = [
            one
            for one in store.requests.all(desk.SERVICE)
            if (one.candidate_id, one.site) == (candidate_id, site.name)
            and date in {None, one.night}
        ]
        if not known:
            raise UsageError(f"there is no request for {candidate_id} at {site.name}")
        typer.echo(_line(desk.cancel(store, portal, known[-1], float(when.utc.mjd))))


def settings_of(case: Case) -> Lco:
    """Return what a case says of LCO.

    Raises
    ------
    UsageError
        If it says nothing.
    """
    if case.config.lco is None:
        raise UsageError(
            f"{case.path} has no section lco; write lco: {{proposal: LCO2026B-000}} "
            "(docs/telescopes.md)"
        )
    return case.config.lco


@contextmanager
def _portal(settings: Lco) -> Iterator[Portal]:
    from aas2rto.config.secrets import known_environment
    from aas2rto.outlets.lco.service import Portal

    token = known_environment(None).get(TOKEN, "").strip()
    if not token:
        raise UsageError(
            f"the environment variable {TOKEN} is not set; export it, or put it into the file "
            "that AAS2RTO_SECRETS names (the token is on your profile page at LCO)"
        )
    portal = Portal(settings.url, token)
    try:
        yield portal
    finally:
        portal.close()


def _night(case: Case, store: Store, when: Time, site: Observatory, date: float | None) -> Night:
    from aas2rto.outlets.bundle.gathering import night_of
    from aas2rto.steps.build import build

    parts = build(case, with_sources=False)
    return night_of(parts, store, when, site, date=date, most=0)


def _row(night: Night, candidate_id: str) -> dict[str, Any]:
    """Return a candidate's row of tonight's list, with its place in it."""
    (one,) = night.plan.nights
    table = one.table.assign(place=range(1, len(one.table) + 1))
    for row in table[table["candidate_id"] == candidate_id].to_dict("records"):
        return {str(key): value for key, value in row.items()}
    out = night.ranking.out
    why = out.loc[out["candidate_id"] == candidate_id, "reason"].tolist()
    told = why[0] if why else "it is excluded or rejected; aas2rto explain says why"
    raise InputError(f"{candidate_id} is not in the list of {one.observatory.name}: {told}")


def _wish(night: Night, row: dict[str, Any], kind: Any, settings: Lco) -> Wish:
    from aas2rto.outlets.lco import payload
    from aas2rto.outlets.lco.windows import windows
    from aas2rto.text.words import number

    (one,) = night.plan.nights
    found = windows(
        one,
        row["ra"],
        row["dec"],
        telescope_class=payload.place_of(one.observatory)[1],
        max_airmass=settings.max_airmass,
        moon_separation=settings.moon_separation,
    )
    return payload.Wish(
        project=night.case.project,
        candidate_id=row["candidate_id"],
        name=row["name"] or row["candidate_id"],
        ra=float(row["ra"]),
        dec=float(row["dec"]),
        site=one.observatory,
        evening=night.evening,
        windows=found,
        kind=kind,
        why=f"rank {row['place']} score {number(row['site_score'])}: {row['reason']}",
    )


def _check(group: dict[str, Any], wish: Wish, folder: Path, settings: Lco) -> None:
    """Refuse what LCO would refuse, as far as it is known here."""
    from aas2rto.outlets.lco import instruments as known
    from aas2rto.outlets.lco import payload

    longest = max((end - start for start, end in wish.windows), default=0.0) * 86400
    needed = payload.open_shutter(group)
    if longest < needed:
        raise InputError(
            f"{wish.candidate_id} can be observed at {wish.site.name} for {longest / 60:.0f} min "
            f"in that night (airmass {settings.max_airmass:g}, Moon {settings.moon_separation:g} "
            f"deg, hour angle); it takes {needed / 60:.0f} min"
        )
    found = known.load(folder)
    if found is None:
        typer.echo("instruments and filters were not checked: aas2rto lco instruments CONFIG")
        return
    wrong = known.problems(group, found)
    if wrong:
        raise InputError("; ".join(wrong))


def _show(group: dict[str, Any], path: Path) -> None:
    (one,) = group["requests"]
    place = one["location"]
    typer.echo(f"{group['name']}: {place['telescope_class']} at {place['site']}")
    for window in one["windows"]:
        typer.echo(f"  {window['start']} to {window['end']}")
    for part in one["configurations"]:
        for exposure in part["instrument_configs"]:
            elements = ", ".join(exposure["optical_elements"].values())
            typer.echo(
                f"  {part['type']} {part['instrument_type']} {elements}: "
                f"{exposure['exposure_count']} x {exposure['exposure_time']:g} s"
            )
    typer.echo(f"written: {path}")


def _ask(
    store: Store,
    settings: Lco,
    wish: Wish,
    group: dict[str, Any],
    when: Time,
    folder: Path,
    *,
    send: bool,
) -> None:
    """Validate a request at LCO, and send it if that is asked for."""
    from aas2rto.outlets.lco import desk, service
    from aas2rto.store.lock import hold

    with _portal(settings) as portal, hold(folder / "lco.lock"):
        wrong = service.told(portal.validate(group))
        if wrong:
            raise InputError("LCO would refuse it: " + "; ".join(wrong))
        typer.echo("LCO would take it")
        if not send:
            typer.echo("nothing was sent; --submit sends it")
            return
        try:
            sent = desk.submit(store, portal, wish, group, float(when.utc.mjd))
        except service.LostError as error:
            raise InputError(
                f"{error}; nobody knows whether it arrived: ask again with --submit, it is looked "
                "for first"
            ) from error
    _say(sent)


def _say(sent: Sent) -> None:
    how = {
        "sent": "sent",
        "found": "it had arrived before, and was not sent again",
        "known": "was sent before, and not again",
    }
    typer.echo(f"{how[sent.how]}: {_line(sent.request)}")
    for line in sent.differences:
        typer.echo(f"  LCO stored it otherwise: {line}")
    if sent.how != "known" and not sent.differences:
        typer.echo("  stored as it was sent")


def _line(one: Request) -> str:
    numbers = ", ".join(str(r["id"]) for r in one.facts.get("requests", []))
    key = one.facts.get("id")
    told = f", request group {key}" + (f" (requests {numbers})" if numbers else "") if key else ""
    return f"{one.candidate_id} at {one.site}, {one.night}: {one.state}{told}"
