"""`aas2rto backup` and `aas2rto restore`: a copy of the store to keep, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    JsonOption,
    OutputOption,
    project_folder,
    store_url,
)
from aas2rto.errors import UsageError

if TYPE_CHECKING:
    from aas2rto.config.case import Case

BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup: one SQLite file.")]


def backup(
    config: ConfigFile,
    file: BackupFile,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Copy the store into one file, checked; a running loop need not stop."""
    from aas2rto.config.load import load
    from aas2rto.store import copying

    case = load(config, need_secrets=False)
    url = _url(case, output)
    path = copying.path_of(url, "a backup copies a file (of PostgreSQL, pg_dump makes one)")
    if not path.exists():
        raise UsageError(
            f"there is no store {path}; run this science case first (aas2rto run CONFIG), "
            "or say where its results are with --output"
        )
    version = copying.backup(url, file)
    size = file.stat().st_size
    if as_json:
        print(json.dumps({"file": str(file), "bytes": size, "schema": version}))
    else:
        print(f"{file}: {size} bytes, sound, schema {version}")


def restore(
    config: ConfigFile,
    file: BackupFile,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a store that is there; it is kept beside.")
    ] = False,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the store's place, after it was checked; no loop may run."""
    from aas2rto.config.load import load
    from aas2rto.store import copying
    from aas2rto.store.lock import hold

    case = load(config, need_secrets=False)
    url = _url(case, output)
    with hold(project_folder(output, case.project) / "run.lock"):
        aside = copying.restore(file, url, force=force)
    store = copying.path_of(url, url)
    if as_json:
        kept = None if aside is None else str(aside)
        print(json.dumps({"store": str(store), "kept_beside": kept}))
        return
    print(f"{store}: restored from {file}")
    if aside is not None:
        print(f"{aside}: the store that was there")


def _url(case: Case, output: Path) -> str:
    return store_url(case.config.store.url, project_folder(output, case.project))
