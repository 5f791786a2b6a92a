"""`aas2rto compact`: thin what is old, and give the space back."""

from __future__ import annotations

import json
from pathlib import Path

from aas2rto.cli.arguments import (
    ConfigFile,
    JsonOption,
    OutputOption,
    open_existing_store,
    project_folder,
    store_url,
)
from aas2rto.text.words import counted


def compact(
    config: ConfigFile, output: OutputOption = Path("outputs"), as_json: JsonOption = False
) -> None:
    """Thin the history to what `store: retention` says, and shrink the file; no loop may run."""
    from aas2rto.config.load import load
    from aas2rto.store import copying
    from aas2rto.store.database import file_of
    from aas2rto.store.lock import hold

    case = load(config, need_secrets=False)
    folder = project_folder(output, case.project)
    url = store_url(case.config.store.url, folder)
    path = file_of(url)
    before = copying.size_of(path) if path else None
    with open_existing_store(case, output) as store, hold(folder / "run.lock"):
        dropped = store.compact(case.config.store.retention)
    after = copying.size_of(path) if path else None
    if as_json:
        print(json.dumps({"rows_dropped": dropped, "bytes_before": before, "bytes_after": after}))
        return
    thinned = f"{counted(dropped, 'row')} of the history thinned out"
    if before is None or after is None:
        print(f"{url.split('@')[-1]}: {thinned}")
    else:
        print(f"{path}: {before} bytes before, {after} after; {thinned}")
