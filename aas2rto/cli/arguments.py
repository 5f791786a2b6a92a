"""Reading what people type: times, and the shared options of the verbs."""

from __future__ import annotations

import glob
import math
import os
import re
import warnings
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aas2rto.errors import UsageError
from aas2rto.text.words import in_range, iso, out_of_range

if TYPE_CHECKING:
    from astropy.time import Time

    from aas2rto.config.case import Case
    from aas2rto.sky.observatory import Observatory
    from aas2rto.store import Store

ConfigFile = Annotated[
    Path,
    typer.Argument(help="A science case, such as configs/demo.yaml, or an example by its name."),
]
NowOption = Annotated[
    str | None, typer.Option("--now", help="Time of the cycle, ISO (UTC) or MJD. Default: now.")
]
OutputOption = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for results, in place of outputs/.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON for programs.")]

ObservatoryOption = Annotated[str, typer.Option(help="For this one.")]
DateOption = Annotated[
    str | None, typer.Option(help="Local date of the evening. Default: the next night.")
]

RA_HELP = "Right ascension, ICRS: degrees, or hours as 10:20:30.5 or 10h20m30.5s."
DEC_HELP = "Declination, ICRS: degrees, or -05:15:20 or -5d15m20s."


def parse_time(text: str | None, *, option: str = "--now") -> Time:
    """Read a time as ISO 8601 (UTC) or MJD; the present if there is none.

    Raises
    ------
    UsageError
        If it is neither.
    """
    offline()
    from astropy.time import Time

    if text is None:
        return Time.now()
    try:
        mjd = float(text)
    except ValueError:
        time = _parse_iso(text, option)
    else:
        time = Time(mjd, format="mjd", scale="utc") if in_range(mjd) else None
    if time is None or not in_range(float(time.utc.mjd)):
        raise UsageError(
            f"{option}: {out_of_range(text)}; "
            "write an MJD such as 61121.83, or ISO such as 2026-03-22T20:00"
        )
    return time


def date_option(text: str | None) -> float | None:
    """Return the MJD of the day that `--date` names, if it names one."""
    if text is None:
        return None
    return float(math.floor(parse_time(text, option="--date").utc.mjd))


def parse_position(ra: str, dec: str) -> tuple[float, float]:
    """Read `--ra` and `--dec` as people write them.

    Returns
    -------
    ra, dec : float
        ICRS [deg].

    Raises
    ------
    UsageError
        With everything that is wrong with either.
    """
    from aas2rto.sources.files import coordinates

    found, wrong = [], []
    for option, read, text, example in (
        ("--ra", coordinates.right_ascension, ra, "155.127 (degrees) or 10:20:30.5 (hours)"),
        ("--dec", coordinates.declination, dec, "-5.2556 or -05:15:20 (degrees)"),
    ):
        try:
            found.append(read(text))
        except ValueError as error:
            wrong.append(f"{option}: {error}; write for example {example}")
    if wrong:
        raise UsageError("\n".join(wrong))
    return found[0], found[1]


def _parse_iso(text: str, option: str) -> Time:
    from astropy.time import Time
    from erfa import ErfaWarning  # type: ignore[import-untyped]

    told = text.strip().removesuffix("Z").removesuffix("+00:00")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ErfaWarning)  # of years far away, refused by the caller
            warnings.simplefilter("ignore", RuntimeWarning)  # of years beyond all numbers
            if re.search(r"T?\d\d:\d\d.*[+-]\d\d:?\d\d$", told):
                return Time(datetime.fromisoformat(told), scale="utc")
            return Time(told, scale="utc")
    except ValueError as error:
        raise UsageError(
            f"{option}: {text!r} is no time; write ISO (UTC) such as 2026-03-22T20:00, "
            "or an MJD such as 61121.83"
        ) from error


def offline() -> None:
    """Keep astropy from downloading anything during a night.

    The packaged Earth-rotation tables hold predictions for a year; later times use the last
    known values, which costs less than an arcsecond.
    """
    from astropy.utils import iers

    iers.conf.auto_download = False
    iers.conf.iers_degraded_accuracy = "ignore"


def expect_archive(paths: Iterable[Path]) -> None:
    """Raise if a file or folder that `--archive` names is not there; patterns may find nothing yet.

    Raises
    ------
    UsageError
    """
    for path in paths:
        if not path.exists() and not glob.has_magic(str(path)):
            raise UsageError(f"--archive: there is no {path}")


def project_folder(output: Path, project: str) -> Path:
    """Return the folder for the results of a project."""
    return output / project


OUTPUTS = Path("outputs")
"""Where results are without --output: in the folder where the program is started."""


def results_of(case: Case, output: Path, *, quiet: bool = False) -> Path:
    """Return the folder for the results of a science case, and say so if it is not as expected.

    That is ``outputs/PROJECT`` in the folder where the program is started. Where there is none,
    but there is one beside the config, that one is used: the config was run from there.
    """
    here = project_folder(output, case.project)
    beside = project_folder(case.path.parent / OUTPUTS, case.project)
    if output != OUTPUTS or here.exists() or beside.resolve() == here.resolve():
        return here
    if (beside / "store.sqlite").exists():
        if not quiet:
            typer.echo(f"note: results are in {beside}, beside the config", err=True)
        return beside
    return here


def note_new(case: Case, folder: Path) -> None:
    """Say that a folder for results is new, unless the config is where the program was started."""
    elsewhere = case.path.parent.resolve() not in {Path.cwd(), Path.cwd() / "configs"}
    if elsewhere and not folder.exists():
        typer.echo(
            f"note: new results in {folder.resolve()}; the config is in "
            f"{case.path.parent.resolve()} (--output DIR chooses)",
            err=True,
        )


def store_url(written: str, folder: Path) -> str:
    """Return the URL of the store: a file beside the results unless the config names one."""
    return f"sqlite:///{folder / 'store.sqlite'}" if written == "sqlite" else written


def open_existing_store(case: Case, output: Path) -> Store:
    """Open the store of a project that has run before.

    Raises
    ------
    UsageError
        If there is none yet.
    """
    from aas2rto.store import Store

    written, folder = case.config.store.url, results_of(case, output)
    if written == "sqlite" and not (folder / "store.sqlite").exists():
        raise UsageError(
            f"there is no store in {folder}; run this science case first (aas2rto run CONFIG), "
            "or say where its results are with --output"
        )
    return Store(store_url(written, folder))


REPLAYED = 1.0
"""Who asks about what was last ranked so long ago [d] is looking at an old night."""


def note_replay(store: Store, when: Time, *, given: str | None) -> None:
    """Say how to ask about the night of the newest cycle, if that was long ago.

    Parameters
    ----------
    store : Store
    when : Time
    given : str or None
        What the user said with --now; whoever said a time needs no note.
    """
    newest = store.results.newest_cycle()
    if given is None and newest is not None and when.utc.mjd - newest > REPLAYED:
        last = iso(newest)
        typer.echo(
            f"note: the newest cycle is of {last} UTC; for that night, say --now {last}", err=True
        )


def resolve_candidate(store: Store, name: str) -> str:
    """Return the candidate_id of any id or name that a candidate is known by.

    Raises
    ------
    UsageError
        If there is none; the text offers the nearest.
    """
    from aas2rto.text.words import nearest

    found = store.identities.resolve(name)
    if found is None:
        known = store.identities.aliases()["alias"].tolist()
        raise UsageError(f"no candidate is known as {name!r}{nearest(name, known)}")
    return found


def sites_named(case: Case, name: str) -> list[Observatory]:
    """Return the observatories of a case by name, or all of a site by the start of their names.

    ``la_silla`` means ``la_silla_dk154`` and ``la_silla_ntt``: clouds do not tell telescopes
    apart.

    Raises
    ------
    UsageError
        If the case has none; the text offers the nearest.
    """
    from aas2rto.text.words import nearest

    sites: list[Observatory] = list(case.observatories)
    exact = [site for site in sites if site.name == name]
    found = exact or [site for site in sites if site.name.startswith(f"{name}_")]
    if not found:
        known = [site.name for site in sites]
        raise UsageError(
            f"this science case has no observatory {name!r}{nearest(name, known)} "
            f"(it has: {', '.join(known)})"
        )
    return found


def one_site(case: Case, name: str) -> Observatory:
    """Return the observatory of a case that is meant.

    Raises
    ------
    UsageError
        If there is none, or more than one.
    """
    sites = sites_named(case, name)
    if len(sites) > 1:
        raise UsageError(
            f"--observatory: {name!r} is {' and '.join(site.name for site in sites)}; say which"
        )
    return sites[0]


def site_words(case: Case) -> set[str]:
    """Return the words that name one or several observatories of a case.

    Those are their names, and what they begin with; not its first part alone, since ``dome`` and
    ``la`` may begin a comment.
    """
    parts = [site.name.split("_") for site in case.observatories]
    starts = {"_".join(some[:count]) for some in parts for count in range(2, len(some) + 1)}
    return starts | {site.name for site in case.observatories}


def is_terminal() -> bool:
    """Tell whether a person reads along."""
    return os.isatty(1)
