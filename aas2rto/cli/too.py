"""`aas2rto too`: targets of opportunity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aas2rto.cli.arguments import DEC_HELP, RA_HELP, offline, parse_position

FolderOption = Annotated[Path, typer.Option(help="Where ToO files are dropped.")]
FOLDER = Path("too_targets")

app = typer.Typer(
    help="Targets of opportunity: a template, a new one, a list.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def template() -> None:
    """Print a commented ToO file."""
    from aas2rto.sources import too

    print(too.template(), end="")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the target.")],
    ra: Annotated[str, typer.Option(help=RA_HELP)],
    dec: Annotated[str, typer.Option(help=DEC_HELP)],
    base_score: Annotated[float | None, typer.Option(help="Default 1000.")] = None,
    comment: Annotated[str, typer.Option(help="For those who observe it.")] = "",
    valid_until: Annotated[str, typer.Option(help="ISO (UTC) or MJD.")] = "",
    redshift: Annotated[float | None, typer.Option(help="If it is known.")] = None,
    magnitude: Annotated[float | None, typer.Option(help="About how bright it is [mag].")] = None,
    urgent: Annotated[
        bool, typer.Option("--urgent", help="Plans take the first moment, however low it stands.")
    ] = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Check a target and drop it into the folder; the next cycle takes it."""
    from aas2rto.sources import too

    offline()
    parse_position(ra, dec)
    values = {
        "name": name,
        "ra": ra,
        "dec": dec,
        "base_score": base_score,
        "comment": comment,
        "valid_until": valid_until,
        "redshift": redshift,
        "magnitude": magnitude,
        "urgent": "yes" if urgent else "",
    }
    path = too.write(folder, {k: str(v) for k, v in values.items() if v not in {None, ""}})
    target, _ = too.read(path)
    wanted = f"; it is wanted {too.validity(target)}" if target else ""
    print(f"wrote {path}; the next cycle takes it{wanted}")


@app.command("list")
def list_targets(folder: FolderOption = FOLDER) -> None:
    """List targets that wait, that were accepted, and what is to mend in files."""
    from aas2rto.sources import too

    waiting, accepted = too.pending(folder), too.accepted(folder)
    if not waiting and not accepted:
        print(f"no targets of opportunity in {folder}")
    for title, paths in (("waiting", waiting), ("accepted", accepted)):
        for path in paths:
            target, mistakes = too.read(path)
            if target is not None:
                place = f"{target.ra:.5f} {target.dec:+.5f} deg"
                print(f"{title}: {path}: {target.name} at {place}, {too.validity(target)}")
                continue
            print(f"{'to mend' if title == 'waiting' else title}: {path}")
            for mistake in mistakes:
                print(f"  {mistake}")
