"""`aas2rto check`: is this science case right? Touches no network, unless asked to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aas2rto.cli.arguments import ConfigFile, JsonOption, OutputOption, offline
from aas2rto.errors import SourceError, UsageError
from aas2rto.text.words import counted

if TYPE_CHECKING:
    from aas2rto.config.case import Case, PartConfig


def check(
    config: ConfigFile,
    as_json: JsonOption = False,
    online: Annotated[
        bool, typer.Option("--online", help="Ask every service one cheap question.")
    ] = False,
    test_message: Annotated[
        bool, typer.Option("--test-message", help="With --online: send one to every channel.")
    ] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="Remove from the store what cannot be read.")
    ] = False,
    output: OutputOption = Path("outputs"),
) -> None:
    """Load a config, report everything that is wrong with it, show what it resolves to."""
    import json

    from aas2rto.cli.showing import console
    from aas2rto.config.load import load
    from aas2rto.questions.rehearsal import rehearse

    offline()
    case = load(config, need_secrets=online)
    if test_message and not online:
        raise UsageError("--test-message talks to services; add --online")
    stored = unreadable(case, output, mend=mend)
    tried = rehearse(case)
    answers = ask(case) if online else []
    answers += send_test(case) if test_message else []
    if as_json:
        print(
            json.dumps(
                {**as_dictionary(case), "online": answers, "store": stored, "tried": tried.told()},
                indent=2,
            )
        )
    else:
        out = console()
        *told, verdict = lines(case)
        for line in [*told, *tried.lines(), *([] if tried.failures else [verdict])]:
            out.print(line, soft_wrap=True, markup=False)
        for line in stored:
            out.print(f"store: {line}", soft_wrap=True, markup=False)
        for answer in answers:
            mark = "answers" if answer["ok"] else "FAILS"
            out.print(f"{answer['source']} {mark}: {answer['said']}", soft_wrap=True, markup=False)
    if tried.failures:
        told_n = counted(len(tried.failures), "part")
        raise UsageError(f"{told_n} failed on made-up candidates, and would fail every night")
    failing = [str(answer["source"]) for answer in answers if not answer["ok"]]
    if failing:
        raise SourceError(f"{', '.join(failing)}: did not answer as a working service does")


def unreadable(case: Case, output: Path, *, mend: bool) -> list[str]:
    """Say what the store of a project holds that cannot be read; remove it if that was asked."""
    from aas2rto.cli.arguments import open_existing_store

    try:
        store = open_existing_store(case, output)
    except UsageError:
        return []  # nothing has run yet
    with store:
        found = store.marks.unreadable()
        if found and mend:
            store.marks.drop_unreadable()
    return [f"{line}; {'removed' if mend else '--mend removes it'}" for line in found]


def ask(case: Case) -> list[dict[str, object]]:
    """Ask every source of a config one cheap question, side by side."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(_ask_one, case.sources))


def _ask_one(part: PartConfig) -> dict[str, object]:
    from aas2rto.guard import attempt

    made = attempt(part.name, part.build)
    probe = getattr(made.value, "probe", None)
    if made.failure is not None or probe is None:
        said = made.failure.error if made.failure else "nothing to ask"
        return {"source": part.name, "ok": made.failure is None, "said": said}
    told = attempt(part.name, probe)
    attempt(part.name, getattr(made.value, "close", lambda: None))
    said = told.failure.error if told.failure else str(told.value)
    return {"source": part.name, "ok": told.failure is None, "said": said}


def send_test(case: Case) -> list[dict[str, object]]:
    """Send a test message to every channel; say what each service answered."""
    from aas2rto.cli.arguments import parse_time
    from aas2rto.config.redaction import Redactor
    from aas2rto.messaging import Result
    from aas2rto.messaging.courier import try_out
    from aas2rto.messaging.wording import test_message

    hide, message = Redactor.of(case), test_message(case.project, parse_time(None).utc.mjd)
    answers: list[dict[str, object]] = []
    for part in case.messengers:
        told = try_out(part, message)
        ok = told.result is Result.SENT
        said = "took the test message" if ok else hide(told.why)
        answers.append({"source": f"channel {part.name}", "ok": ok, "said": said})
    return answers


def as_dictionary(case: Case) -> dict[str, object]:
    """Return the resolved science case for programs."""
    return {
        "project": case.project,
        "config": case.digest,
        "sources": {part.name: _settings(part) for part in case.sources},
        "models": {part.name: _settings(part) for part in case.models},
        "factors": {part.name: _settings(part) for part in case.factors},
        "visibility": {case.site_factor.name: _settings(case.site_factor)},
        "observatories": [site.name for site in case.observatories],
        "messages": {part.name: _settings(part) for part in case.messengers},
        "not_set": [str(problem) for problem in case.missing],
        "not_there": [str(problem) for problem in case.absent],
    }


def lines(case: Case) -> list[str]:
    """Return the resolved science case for people."""
    config = case.config
    store = config.store.url.split("@")[-1]
    told = [
        f"{case.path}: project {case.project}, config {case.digest}",
        f"  a cycle every {config.loop.interval / 60:g} min; store: {store}",
    ]
    sections = {
        "sources": case.sources,
        "models": case.models,
        f"factors (base score {config.score.base:g})": case.factors,
        "visibility": (case.site_factor,),
        "messages": case.messengers,
    }
    for title, parts in sections.items():
        told.append(f"{title}:" + ("" if parts else " none"))
        told.extend(f"  {part.name}: {_shown(part)}" for part in parts)
    told.append("observatories:")
    told.extend(f"  {site.name}: {site.title}" for site in case.observatories)
    told.extend(f"note: {problem}" for problem in case.to_be_made)
    told.extend(f"not set: {problem}" for problem in case.missing)
    told.extend(f"not there: {problem}" for problem in case.absent)
    lacks = ["not set"] if case.missing else []
    lacks += ["not there"] if case.absent else []
    needs = f"the science case is right; `run` needs what is {' and what is '.join(lacks)}"
    return [*told, needs if lacks else "ok"]


def _settings(part: PartConfig) -> dict[str, str]:
    from aas2rto.parts.setting_text import settings_in_yaml

    return settings_in_yaml(part.options)


def _shown(part: PartConfig) -> str:
    return f"{{{', '.join(f'{name}: {value}' for name, value in _settings(part).items())}}}"
