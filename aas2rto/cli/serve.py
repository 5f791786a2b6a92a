"""`aas2rto serve`: the lists, candidates, plan and marks as pages in a browser, and as JSON."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    NowOption,
    OutputOption,
    note_replay,
    open_existing_store,
    parse_time,
    results_of,
)
from aas2rto.errors import UsageError
from aas2rto.text.cache import user_name
from aas2rto.text.words import counted

if TYPE_CHECKING:
    from astropy.time import Time

    from aas2rto.config.case import Case
    from aas2rto.page.site import Site

HOST, PORT = "127.0.0.1", 8642

TokenOption = Annotated[
    str,
    typer.Option(
        help="Who has it may read and mark; needed for any --host but this machine.",
        envvar="AAS2RTO_TOKEN",
        show_envvar=True,
    ),
]
ReadTokenOption = Annotated[
    str,
    typer.Option(help="Who has it may read.", envvar="AAS2RTO_READ_TOKEN", show_envvar=True),
]


def serve(
    config: ConfigFile,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = PORT,
    root_path: Annotated[
        str, typer.Option(help="Path below which a proxy shows the pages, as /aas2rto.")
    ] = "",
    token: TokenOption = "",
    read_token: ReadTokenOption = "",
    export: Annotated[
        Path | None, typer.Option(help="Write the pages as files into this folder, and end.")
    ] = None,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
) -> None:
    """Show the night in a browser: lists, candidates, plan, marks; and as JSON for programs."""
    from aas2rto.config.load import load

    when = parse_time(now)
    need_packages()
    case = load(config, need_secrets=False)
    with open_existing_store(case, output) as store:
        note_replay(store, when, given=now)
    clock = (lambda: when) if now is not None else (lambda: parse_time(None))
    site = make(case, output, clock, token=token, read_token=read_token, root=root_path, host=host)
    if export is not None:
        from aas2rto.page.export import write

        if export.exists() and not export.is_dir():
            raise UsageError(f"--export {export} is a file; name a folder")
        count = write(site, export)
        typer.echo(f"{counted(count, 'file')} written to {export}; open {export / 'index.html'}")
        return
    from aas2rto.page.server import serve as run

    # A loop that ran before in this program has its own; the server puts its in the place of these.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    run(site, host, port, lambda url: typer.echo(f"the page is at {url}; Ctrl-C ends it"))


def need_packages() -> None:
    """Make sure that what the page needs is installed: it is an extra.

    Raises
    ------
    UsageError
        If it is not.
    """
    try:
        import aas2rto.page.server  # noqa: F401
    except ModuleNotFoundError as error:
        if str(error.name).startswith("aas2rto"):
            raise
        raise UsageError(
            f"the page needs the package {error.name}: pip install 'aas2rto[web]'"
        ) from error


def make(
    case: Case,
    output: Path,
    clock: Callable[[], Time],
    *,
    token: str = "",
    read_token: str = "",
    root: str = "",
    host: str = HOST,
) -> Site:
    """Make a science case ready to be served.

    Raises
    ------
    UsageError
        If what the page needs is not installed, or others could ask and there is no token.
    """
    need_packages()
    from aas2rto.page.app import site_of
    from aas2rto.page.rights import Tokens, check_host
    from aas2rto.steps.build import build

    tokens = Tokens(token, read_token)
    check_host(host, tokens)
    if root and not root.startswith("/"):
        raise UsageError(f"--root-path {root!r} is no path; write for example /aas2rto")
    parts = build(case, with_sources=False)
    user = "" if tokens else user_name()  # who comes from elsewhere is somebody else
    opened = lambda: open_existing_store(case, output)  # noqa: E731  one line says it
    folder = results_of(case, output, quiet=True)
    return site_of(parts, opened, clock, tokens=tokens, root=root, user=user, folder=folder)
