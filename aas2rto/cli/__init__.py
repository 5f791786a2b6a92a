"""The command line: one file per verb, which does nothing but call the library.

Only here is the clock read. Heavy imports stand inside the commands, so that `--help` is quick.
"""

from __future__ import annotations

import functools
import logging
import sys
from contextlib import nullcontext
from typing import Annotated, NoReturn

import typer

from aas2rto import __version__
from aas2rto.cli import (
    ahead,
    backup,
    bundle,
    check,
    compact,
    crossings,
    demo,
    explain,
    figure,
    inject,
    lco,
    ledger,
    list_,
    mark,
    messages,
    new,
    plan,
    prime,
    proposal,
    region,
    replay,
    run,
    serve,
    share,
    simulate,
    snapshot,
    starlist,
    status,
    targets,
    too,
    visibility,
    whatif,
)
from aas2rto.cli.closing import TakesIntervals
from aas2rto.cli.terminal import clean, occupy
from aas2rto.errors import Aas2rtoError
from aas2rto.guard import attempt
from aas2rto.text.cache import find_home
from aas2rto.text.logs import progress_to

app = typer.Typer(
    name="aas2rto",
    help="Decide which transient the telescope turns to next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # it would take the units of options, [deg], for markup
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("simulate", epilog=simulate.EXAMPLES)(simulate.simulate)
app.command("snapshot")(snapshot.snapshot)
app.command("demo")(demo.demo)
app.command("check")(check.check)
app.command("serve")(serve.serve)
app.command("status")(status.status)
app.command("explain")(explain.explain)
app.command("mark")(mark.mark)
app.command("crossings")(crossings.crossings)
app.command("plan", cls=TakesIntervals)(plan.plan)
app.command("ahead")(ahead.ahead)
app.command("ledger")(ledger.ledger)
app.command("starlist")(starlist.starlist)
app.command("bundle")(bundle.bundle)
app.command("proposal")(proposal.proposal)
app.command("whatif", cls=TakesIntervals)(whatif.whatif)
app.command("replay")(replay.replay)
app.command("figure")(figure.figure)
app.command("inject")(inject.inject)
app.command("messages")(messages.messages)
app.command("compact")(compact.compact)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("visibility")(visibility.visibility)
app.command("list")(list_.list_parts)
app.command("new")(new.new)
app.command("prime")(prime.prime)
app.add_typer(too.app, name="too")
app.add_typer(targets.app, name="targets")
app.add_typer(region.app, name="region")
app.add_typer(lco.app, name="lco")
app.add_typer(share.app, name="share")


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"aas2rto {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Decide which transient the telescope turns to next."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; never show a traceback unless asked to.

    Exits with 0 when done, 1 after our own error in one line, 2 after bad config or arguments.
    """
    occupy()
    find_home()
    # A log that fails would write whole records to the terminal, with secrets in them.
    logging.raiseExceptions = False
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments  # before or after the verb
    arguments = [argument for argument in arguments if argument != "--debug"]
    if debug:
        _command()(args=arguments, prog_name="aas2rto")
        sys.exit(0)
    # Help holds words of ours alone, and styles.
    with nullcontext() if "--help" in arguments else clean():
        done = attempt("aas2rto", functools.partial(_invoke, arguments))
        if done.failure is not None:
            typer.echo(
                f"error: unexpected {done.failure.error} (add --debug for the traceback)", err=True
            )
    sys.exit(1 if done.value is None else done.value)


_command = functools.cache(lambda: typer.main.get_command(app))
"""Made once: a program that calls `main` many times, as the tests do, need not wait each time."""


def _invoke(arguments: list[str]) -> int:
    try:
        with progress_to(sys.stderr):
            _command()(args=arguments, prog_name="aas2rto")
    except Aas2rtoError as error:
        typer.echo(f"error: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:  # `aas2rto list factors | head`
        return 0
    return 0
