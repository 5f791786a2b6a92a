"""`aas2rto mark`: say what became of a visit; veto, pin, snooze, judge a candidate, comment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aas2rto.cli.arguments import (
    ConfigFile,
    JsonOption,
    NowOption,
    OutputOption,
    note_replay,
    open_existing_store,
    parse_time,
    resolve_candidate,
    site_words,
    sites_named,
)
from aas2rto.errors import UsageError
from aas2rto.text.cache import user_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.time import Time

    from aas2rto.config.case import Case
    from aas2rto.tables.marks import Kind, Spoken


def mark(
    config: ConfigFile,
    candidate: Annotated[
        str | None, typer.Argument(metavar="CANDIDATE", help="Id or name of a candidate.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="observed|failed|clouded|veto|pin|snooze|possible|bogus|comment",
        ),
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORDS]...",
            help="Why; or first where it was observed, or how long to snooze, and then why.",
        ),
    ] = None,
    until: Annotated[
        list[str] | None,
        typer.Option(
            help="A time, 3d, new-data or '0.5 mag', whichever comes first; now takes it back."
        ),
    ] = None,
    observatory: Annotated[
        str | None, typer.Option(help="Only there; for observed, failed, clouded: where it was.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who says so. Default: your login.")] = None,
    comment: Annotated[str, typer.Option(help="Why, in place of words.")] = "",
    log: Annotated[
        Path | None,
        typer.Option("--from", help="A log sheet of `aas2rto bundle` that was filled in."),
    ] = None,
    now: NowOption = None,
    output: OutputOption = Path("outputs"),
    as_json: JsonOption = False,
) -> None:
    """Tell the lists, plans and messages what you know about a candidate."""
    from aas2rto.config.load import load
    from aas2rto.tables import marks as feedback
    from aas2rto.text.words import nearest

    when = parse_time(now)
    case = load(config, need_secrets=False)
    if log is not None:
        if candidate is not None:
            raise UsageError("give a candidate and what became of it, or --from FILE, not both")
        _take_log(log, case, when, output, author=user_name() if by is None else by, now=now)
        return
    if candidate is None or kind is None:
        raise UsageError("say which candidate and what of it, or --from a log sheet")
    kinds = [one.value for one in feedback.Kind]
    if kind not in kinds:
        raise UsageError(f"{kind!r} is no mark{nearest(kind, kinds)} (known: {', '.join(kinds)})")
    given = feedback.Spoken(
        observatory or "", feedback.ending(until or [], when), [comment] if comment else []
    )
    said = _with_words(given, feedback.Kind(kind), words or [], when, case)
    sites = sites_named(case, said.observatory) if said.observatory else []
    with open_existing_store(case, output) as store:
        candidate_id = resolve_candidate(store, candidate)
        rows = feedback.rows(
            candidate_id,
            feedback.Kind(kind),
            when,
            ends=said.ends,
            observatories=[site.name for site in sites],
            author=user_name() if by is None else by,
            comment=" ".join(said.words),
        )
        store.marks.save(rows)
        marks = store.marks.as_known(when.utc.mjd).tail(len(rows))
        note_replay(store, when, given=now)
    sentences = [feedback.sentence(row) for row in marks.to_dict("records")]
    if as_json:
        print(json.dumps({"candidate_id": candidate_id, "kind": kind, "marks": sentences}))
        return
    if said.ends == feedback.Ending(until=when.utc.mjd):
        print(f"{candidate_id}: {kind} is taken back")
        return
    for sentence in sentences:
        print(f"{candidate_id}: {sentence}")


def _take_log(
    log: Path, case: Case, when: Time, output: Path, *, author: str, now: str | None
) -> None:
    """Store what a log sheet says; each line that cannot be taken is one line here."""
    from aas2rto.errors import InputError
    from aas2rto.outlets import log_sheet
    from aas2rto.text.words import counted

    sites = {site.name: site for site in case.observatories}
    taken, twice, wrong = 0, 0, 0
    with open_existing_store(case, output) as store:
        found = log_sheet.read(
            log,
            sites,
            when,
            resolve=lambda name: resolve_candidate(store, name),
            known=store.marks.as_known(when.utc.mjd),
            author=author,
        )
        rows = []
        for one in found:
            if one.wrong:
                wrong += 1
                typer.echo(f"{log}:{one.line}: {one.wrong}", err=True)
                continue
            rows += [row for row in one.rows if row not in rows]
            taken, twice = taken + bool(one.rows), twice + (not one.rows)
            for row in one.rows:
                told = " ".join(filter(None, [row["kind"], row["observatory"], row["comment"]]))
                typer.echo(f"{one.candidate_id}: {told}")
        store.marks.save(rows)
        note_replay(store, when, given=now)
    typer.echo(f"{counted(taken, 'mark')} taken, {twice} known already, {wrong} refused")
    if wrong:
        raise InputError(f"{log}: {counted(wrong, 'line')} refused; put right, then read again")


def _with_words(given: Spoken, kind: Kind, words: Sequence[str], when: Time, case: Case) -> Spoken:
    """Add the words after the kind, read as in a reply to a message, to what options say."""
    from aas2rto.tables import marks as feedback

    if not words:
        return given
    where = () if given.observatory else site_words(case)
    if kind in feedback.VISITS and where and "_" in words[0] and words[0] not in where:
        sites_named(case, words[0])  # a misspelt name is no comment: it says so
    # Who gave --until has said the end: a snooze's words are then its comment.
    has_end = kind is feedback.Kind.SNOOZE and bool(given.ends)
    said = feedback.spoken(feedback.Kind.COMMENT if has_end else kind, words, when, where)
    if said.words and given.words:
        raise UsageError(
            f"there are two comments, {' '.join(said.words)!r} and --comment "
            f"{given.words[0]!r}; write one of them"
        )
    return feedback.Spoken(
        said.observatory or given.observatory, said.ends or given.ends, said.words or given.words
    )
