"""`aas2rto status`: how the sources are doing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    JsonOption,
    NowOption,
    OutputOption,
    open_existing_store,
    parse_time,
)

if TYPE_CHECKING:
    from aas2rto.store import SourceState


def status(
    config: ConfigFile,
    now: NowOption = None,
    dark_after: Annotated[
        float, typer.Option(help="Days without an alert after which a stream is called dark.")
    ] = 3.0,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Show each source: last success, newest alert, failures in a row, and what to make of it."""
    import pandas as pd

    from aas2rto.cli.showing import console, table_of
    from aas2rto.config.load import load

    when = parse_time(now).utc.mjd
    case = load(config, need_secrets=False)
    with open_existing_store(case, output) as store:
        names = list(dict.fromkeys([*(part.name for part in case.sources), *store.sources.names()]))
        rows = [row(store.sources.state(name), when, dark_after) for name in names]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    shown = [{key: value for key, value in one.items() if not key.endswith("_mjd")} for one in rows]
    console().print(table_of(pd.DataFrame(shown).fillna("-")))


def row(state: SourceState, now: float, dark_after: float) -> dict[str, Any]:
    """Say how a source is doing.

    Parameters
    ----------
    state : SourceState
    now : float
        MJD (UTC).
    dark_after : float
        Age of the newest alert from which a stream that answers is called dark [day].
    """
    return {
        "source": state.source,
        "verdict": verdict(state, now, dark_after),
        "last_success": ago(state.last_success, now),
        "newest_alert": ago(state.newest_alert, now),
        "failures": state.failures,
        "last_error": state.last_error,
        "next_try": in_future(state.retry_at, now),
        "last_success_mjd": state.last_success,
        "newest_alert_mjd": state.newest_alert,
    }


def verdict(state: SourceState, now: float, dark_after: float) -> str:
    """Tell a failing source from a dark stream, and that from a quiet one."""
    if state.last_poll is None:
        return "never asked"
    if state.failures:
        return f"failing ({state.failures} in a row)"
    if state.newest_alert is not None and now - state.newest_alert > dark_after:
        return "stream dark"
    return "ok"


def ago(mjd: float | None, now: float) -> str | None:
    """Write a time as its age."""
    return None if mjd is None else f"{duration(now - mjd)} ago"


def in_future(mjd: float | None, now: float) -> str | None:
    """Write a time as a wait."""
    return None if mjd is None or mjd <= now else f"in {duration(mjd - now)}"


def duration(days: float) -> str:
    """Write a time span in the unit that suits it."""
    if abs(days) >= 2:
        return f"{days:.1f} d"
    if abs(days) * 24 >= 2:
        return f"{days * 24:.1f} h"
    return f"{days * 1440:.0f} min"
