"""What a replay has done so far, on disk: killed at any instant, it goes on from there.

The store of a replay lives in memory. Now and then a copy of it is written, after the tables of
the nights since the last one, and then the line that says so: whatever is newer than that line is
done again, and comes out the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aas2rto.errors import UsageError
from aas2rto.outputs import write_atomically
from aas2rto.store import Store, recorded

STATE, PARTS = "state.json", "parts"


@dataclass(frozen=True)
class Checkpoint:
    """The folder of a run while it is not done.

    Parameters
    ----------
    folder : Path
    identity : mapping
        What the run depends on; with another one it is begun anew.
    """

    folder: Path
    identity: Mapping[str, Any]

    def done(self) -> int:
        """Return how many nights are done.

        Raises
        ------
        UsageError
            If the folder holds another replay.
        """
        state = self._state()
        if state is None:
            return 0
        if state["identity"] != json.loads(json.dumps(self.identity)):
            before, now = state["identity"], self.identity
            other = [name for name in now if before.get(name) != now[name]]
            raise UsageError(
                f"{self.folder} holds another replay (other: {', '.join(other)}); "
                "add --anew to replace it, or choose another --output"
            )
        return int(state["nights"])

    def clear(self) -> None:
        """Begin anew: what was there is removed."""
        if (
            self.folder.exists()
            and not (self.folder / STATE).exists()
            and any(self.folder.iterdir())
        ):
            raise UsageError(f"{self.folder} holds something else than a replay; name another one")
        shutil.rmtree(self.folder, ignore_errors=True)

    def load(self, store: Store) -> None:
        """Fill an empty store in memory with the copy."""
        state = self._state()
        if state is None:
            return
        recorded.fill(store, self.folder / state["store"])

    def save(
        self, store: Store, nights: int, tables: Mapping[str, list[pd.DataFrame]], seconds: float
    ) -> None:
        """Keep what was found since the last time: all of it, or nothing.

        Parameters
        ----------
        store : Store
        nights : int
            How many are done.
        tables : mapping
            What they brought.
        seconds : float
            What they took in all [s].
        """
        part = self.folder / PARTS / f"{nights:06d}"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name, frames in tables.items():
            full = [frame for frame in frames if len(frame)]
            if full:
                table = pa.Table.from_pandas(
                    pd.concat(full, ignore_index=True), preserve_index=False
                )
                pq.write_table(table.replace_schema_metadata(), part / f"{name}.parquet")
        kept = self.folder / f"store-{nights:06d}.sqlite"
        kept.unlink(missing_ok=True)
        recorded.write(store, kept)
        told = {
            "identity": dict(self.identity),
            "nights": nights,
            "parts": [*self.parts(), part.name],
            "store": kept.name,
            "seconds": seconds,
        }
        # It names the parts and the store that belong together, so that one rename decides.
        write_atomically(self.folder / STATE, json.dumps(told, indent=1))
        for old in self.folder.glob("store-*.sqlite"):
            if old != kept:
                old.unlink()

    def parts(self) -> list[str]:
        """Return the names of the parts that count."""
        state = self._state()
        return [] if state is None else list(state["parts"])

    def seconds(self) -> float:
        """Return what the nights took that are done [s]."""
        state = self._state()
        return 0.0 if state is None else float(state["seconds"])

    def _state(self) -> dict[str, Any] | None:
        path = self.folder / STATE
        if not path.exists():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
