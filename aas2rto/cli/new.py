"""`aas2rto new`: a commented config to start from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from aas2rto.errors import UsageError


def new(
    name: Annotated[str, typer.Argument(help="Name of the project, such as my-supernovae.")],
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path("configs"),
) -> None:
    """Write a commented config that passes `aas2rto check`."""
    from aas2rto.config.examples import read_config
    from aas2rto.config.sections import PROJECT_PATTERN
    from aas2rto.outputs import write_atomically

    if not re.match(PROJECT_PATTERN, name):
        raise UsageError(
            f"{name!r} cannot name a folder; use letters, digits, '-', '_' and '.', "
            "beginning with a letter or digit"
        )
    path = folder / f"{name}.yaml"
    if path.exists():
        raise UsageError(f"{path} exists already; choose another name")
    text = re.sub(r"(?m)^project: \S+", f"project: {name}", read_config("new.yaml"))
    write_atomically(path, text)
    print(f"wrote {path}; read it, change it, then: aas2rto check {path}")
