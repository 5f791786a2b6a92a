"""`aas2rto share`: a list for marshals, brokers, messages and observation blocks; requests in."""

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
    results_of,
)
from aas2rto.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aas2rto.config.case import Case
    from aas2rto.outlets.bundle.archive import Night
    from aas2rto.outlets.share.desk import Result
    from aas2rto.outlets.share.inlet import Taken
    from aas2rto.outlets.share.letters import Letter, Page
    from aas2rto.outlets.share.skyportal import SkyPortal
    from aas2rto.store import Store

FOLDER = "shared"
WHERE = ("skyportal", "tom", "lasair", "hermes", "p2")
TOKENS = {
    "skyportal": ("SKYPORTAL_TOKEN",),
    "tom": ("TOM_TOKEN",),
    "lasair": ("LASAIR_TOKEN",),
    "hermes": ("HERMES_TOKEN",),
    "p2": ("ESO_USER", "ESO_PASSWORD"),
}

app = typer.Typer(
    help="A list for SkyPortal, TOMs, Lasair, Hermes, ESO p2; requests of others in.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

WhereArgument = Annotated[
    str, typer.Argument(metavar="|".join(WHERE), help="Section of `share` in the config.")
]


@app.callback()
def share() -> None:
    """Share a list with marshals, take their requests; nothing goes out without --submit."""


@app.command("out")
def out(
    config: ConfigFile,
    where: WhereArgument,
    observatory: ObservatoryOption,
    submit: Annotated[bool, typer.Option("--submit", help="Send it.")] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also those that `not_if` keeps from being sent.")
    ] = False,
    date: DateOption = None,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
) -> None:
    """Write what would be sent; with --submit send it, once per candidate, site and night."""
    from aas2rto.config.load import load
    from aas2rto.outlets.bundle.gathering import night_of
    from aas2rto.steps.build import build
    from aas2rto.store.lock import hold

    when = parse_time(now)
    case = load(config, need_secrets=False)
    settings, site = settings_of(case, where), one_site(case, observatory)
    folder = results_of(case, output, quiet=True)
    with open_existing_store(case, output) as store:
        note_replay(store, when, given=now)
        parts = build(case, with_sources=False)
        night = night_of(parts, store, when, site, date=date_option(date), most=0)
        found, page = _letters(night, store, settings, float(when.utc.mjd))
        bodies = _bodies(where, settings, found, page)
        _write(folder, where, page, bodies, found)
        if not submit:
            for letter in found:
                for why in letter.not_sent:
                    typer.echo(f"{letter.name}: would not be sent: {why}")
            typer.echo("nothing was sent; --submit sends it")
            return
        with hold(folder / f"share_{where}.lock"):
            results = _send(case, where, store, found, page, bodies, anyway=anyway)
    _say(results)


@app.command("in")
def take_in(
    config: ConfigFile,
    where: Annotated[str, typer.Argument(metavar="skyportal|tom", help="Who is asked.")],
    list_name: Annotated[
        str | None, typer.Option("--list", help="Of a TOM: the name of the list to take.")
    ] = None,
    submit: Annotated[
        bool, typer.Option("--submit", help="Tell SkyPortal what became of its requests.")
    ] = False,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
) -> None:
    """Take follow-up requests (SkyPortal) or a list (TOM) as files of targets of opportunity."""
    from aas2rto.config.load import load
    from aas2rto.outlets.share import inlet

    when = parse_time(now)
    case = load(config, need_secrets=False)
    folder = _too_folder(case)
    folder.mkdir(parents=True, exist_ok=True)
    if where == "tom":
        if list_name is None:
            raise UsageError("--list NAME: which list of the TOM?")
        with _outlet(case, "tom") as tom:
            _said([*inlet.from_tom(tom.listed(list_name), folder)], folder)
        return
    if where != "skyportal":
        raise UsageError(f"{where!r} sends no requests; skyportal and tom do")
    with _outlet(case, "skyportal") as portal:
        taken = list(inlet.from_skyportal(portal, folder))
        _said([one for _, one in taken], folder)
        with open_existing_store(case, output) as store:
            sites = [site.name for site in case.observatories]
            _answer(portal, store, sites, float(when.utc.mjd), submit=submit)


def settings_of(case: Case, where: str) -> Any:
    """Return what a case says of an outlet.

    Raises
    ------
    UsageError
        If it says nothing, or there is no such outlet.
    """
    if where not in WHERE:
        raise UsageError(f"{where!r} is none of {', '.join(WHERE)}")
    found = getattr(case.config.share, where, None)
    if found is None:
        raise UsageError(
            f"{case.path} has no section share: {where}; write it as docs/telescopes.md shows"
        )
    return found


@contextmanager
def _outlet(case: Case, where: str) -> Iterator[Any]:
    """Open a service with the secrets of the environment."""
    from aas2rto.config.secrets import known_environment
    from aas2rto.outlets.share.hermes import Hermes
    from aas2rto.outlets.share.lasair import Lasair
    from aas2rto.outlets.share.p2 import P2
    from aas2rto.outlets.share.skyportal import SkyPortal
    from aas2rto.outlets.share.tom import Tom

    settings = settings_of(case, where)
    secrets = {name: known_environment(None).get(name, "").strip() for name in TOKENS[where]}
    missing = [name for name, value in secrets.items() if not value]
    if missing:
        raise UsageError(
            f"the environment variable {' and '.join(missing)} is not set; export it, or put it "
            "into the file that AAS2RTO_SECRETS names"
        )
    made: Any = {"skyportal": SkyPortal, "tom": Tom, "lasair": Lasair, "hermes": Hermes, "p2": P2}
    outlet = made[where](settings, *secrets.values())
    try:
        yield outlet
    finally:
        outlet.close()


def _letters(night: Night, store: Store, settings: Any, now: float) -> tuple[list[Letter], Page]:
    from aas2rto.outlets.share.letters import Page, letters

    names: dict[str, list[str]] = {}
    for alias, owner in store.identities.aliases(now).itertuples(index=False):
        names.setdefault(str(owner), []).append(str(alias))
    ledger = store.requests.all("lco")
    found = letters(night, names, ledger, most=settings.most, guards=settings.not_if)
    site = night.plan.nights[0].observatory.name
    return found, Page(night.case.project, site, night.evening, now)


def _bodies(where: str, settings: Any, found: Sequence[Letter], page: Page) -> dict[str, Any]:
    """Return what is sent of each candidate; not of whom a service cannot know."""
    from aas2rto.outlets.share import hermes, lasair, p2, skyportal, tom

    if where == "hermes":
        return {
            one.candidate_id: hermes.message([one], page, settings)["data"]["targets"][0]
            for one in found
        }
    if where == "lasair":
        told = {one.candidate_id: lasair.body(one, page, settings.topic) for one in found}
        return {key: body for key, body in told.items() if body is not None}
    if where == "p2":
        return {one.candidate_id: p2.block(one, page, settings) for one in found}
    made: Any = skyportal.SkyPortal if where == "skyportal" else tom.Tom
    outlet = made(settings, "")  # asks nobody
    return {one.candidate_id: outlet.body(one, page) for one in found}


def _write(
    folder: Path, where: str, page: Page, bodies: dict[str, Any], found: Sequence[Letter]
) -> None:
    from aas2rto.outputs import write_atomically
    from aas2rto.text.words import counted

    path = folder / FOLDER / f"{where}_{page.site}_{page.evening}.json"
    write_atomically(path, json.dumps(list(bodies.values()), indent=1, ensure_ascii=False) + "\n")
    left = len(found) - len(bodies)
    lost = f"; {left} that LSST has not seen cannot be annotated" if left else ""
    typer.echo(f"written: {path} ({counted(len(bodies), 'candidate')}{lost})")


def _send(
    case: Case,
    where: str,
    store: Store,
    found: Sequence[Letter],
    page: Page,
    bodies: dict[str, Any],
    *,
    anyway: bool,
) -> list[Result]:
    from aas2rto.outlets.share import desk, hermes
    from aas2rto.outlets.share.dropping import gone, settle_gone

    with _outlet(case, where) as outlet:
        if where not in {"lasair", "hermes"}:
            return desk.submit(store, outlet, found, page, anyway=anyway)
        known = [one for one in found if one.candidate_id in bodies]
        if where == "hermes":

            def publish(some: Sequence[Letter]) -> Any:
                told = hermes.message(some, page, outlet.settings)
                wrong = outlet.validate(told)
                if wrong:
                    raise InputError(f"Hermes would refuse it: {json.dumps(wrong)[:300]}")
                return outlet.send(told)

            return desk.submit_together(store, where, known, page, bodies, publish, anyway=anyway)
        left = gone(store, outlet, page, {one.candidate_id for one in known})

        def annotate(some: Sequence[Letter]) -> Any:
            told = [bodies[one.candidate_id] for one in some]
            return outlet.send([*told, *(body for _, body in left)])

        results = desk.submit_together(store, where, known, page, bodies, annotate, anyway=anyway)
        sent = any(one.how == "sent" for one in results)
        if left and not sent and not any(one.how in {"lost", "refused"} for one in results):
            outlet.send([body for _, body in left])
            sent = True
        if sent:
            settle_gone(store, left, page)
            for one, _ in left:
                typer.echo(f"{one.candidate_id}: dropped, it is not in the list any more")
        return results


def _say(results: Sequence[Result]) -> None:
    """Say what became of each; the exit code tells whether all went well."""
    words = {
        "sent": "sent",
        "changed": "was there, and was changed",
        "found": "was there already, the same",
        "known": "was sent before, and not again",
        "lost": "it may have arrived, or not; ask again, it is looked for first",
    }
    for one in results:
        why = f": {one.why}" if one.why else ""
        typer.echo(f"{one.letter.name}: {words.get(one.how, one.how)}{why}")
        for line in one.differences:
            typer.echo(f"  stored otherwise: {line}")
        if one.how in {"sent", "changed"} and not one.differences:
            typer.echo("  stored as it was sent")
    failed = [one for one in results if one.how in {"lost", "refused"}]
    if failed:
        raise InputError(f"{len(failed)} of {len(results)} were not sent, or nobody knows")


def _too_folder(case: Case) -> Path:
    for one in case.sources:
        if one.part.name == "too":
            return Path(str(getattr(one.options, "folder", "too_targets"))).expanduser()
    raise UsageError(f"{case.path} has no source too, which would read the files; add too: {{}}")


def _said(taken: Sequence[Taken], folder: Path) -> None:
    words = {"new": f"is a file in {folder} now", "there": "was taken before"}
    for one in taken:
        typer.echo(f"{one.name}: {words.get(one.how, f'cannot be taken: {one.how}')}")
    if not taken:
        typer.echo("nobody asks for anything")


def _answer(
    portal: SkyPortal, store: Store, sites: Sequence[str], now: float, *, submit: bool
) -> None:
    """Say, or with `submit` tell SkyPortal, what became of its requests."""
    from aas2rto.outlets.share import inlet

    candidates, marks = store.candidates(now), store.marks.as_known(now)
    places: dict[str, str] = {}
    for site in sites:
        for row in store.results.list_at(now, site).to_dict("records"):
            places.setdefault(str(row["candidate_id"]), f"rank {int(row['rank'])} at {site}")
    for one in portal.requests():
        status = inlet.status_of(one, candidates, marks, places)
        if not status or status == one.status or not one.is_open:
            continue
        if submit:
            portal.answer(one.key, status)
        typer.echo(f"request {one.key} of {one.name}: {'' if submit else 'would be '}{status}")
