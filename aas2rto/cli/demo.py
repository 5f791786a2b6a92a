"""`aas2rto demo`: the main job on a simulated night, without account or network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aas2rto.cli.arguments import OutputOption, parse_time, project_folder
from aas2rto.text.words import counted


def demo(
    seed: Annotated[int, typer.Option(help="Another seed, another night.")] = 42,
    output: OutputOption = Path("outputs"),
    serve: Annotated[
        bool, typer.Option("--serve", help="Then show it in a browser, until Ctrl-C.")
    ] = False,
) -> None:
    """Simulate a night of supernovae, variables and artefacts, and rank it for three sites."""
    from aas2rto.cli import serve as page
    from aas2rto.cli.run import run
    from aas2rto.config.examples import read_config
    from aas2rto.outputs import write_atomically
    from aas2rto.simulate import demo as nights

    if serve:
        page.need_packages()
    folder = project_folder(output, "demo")
    now = parse_time(nights.NIGHT)
    typer.echo(f"simulating a night at {nights.NIGHT} UTC in {folder}")
    count = nights.prepare(folder, now.mjd, seed=seed)
    text = read_config("demo.yaml").replace("outputs/demo", folder.as_posix())
    config = folder / "demo.yaml"
    write_atomically(config, text)
    typer.echo(f"{counted(count, 'object')}; now: aas2rto run {config} --once --now {nights.NIGHT}")
    run(config, once=True, now=nights.NIGHT, archive=None, output=output, dry_run=False)
    typer.echo(f"figures of the first of each list: {folder / 'figures'}")
    typer.echo(f"why? aas2rto explain {config} CANDIDATE --now {nights.NIGHT}")
    if serve:
        page.serve(config, now=nights.NIGHT, output=output)
    else:
        typer.echo(f"on one screen: aas2rto serve {config} --now {nights.NIGHT}")
