"""Proof that a refactoring changes no result: old and new code side by side, byte for byte.

``python -m tests.compare`` runs an old commit (in a git worktree of its own, removed afterwards)
and this working tree on the same data, and compares all that they write: every CSV, JSON and
calendar below the project's folder, and what `whatif`, `plan` and, for all that are ranked and some
that are not, `explain` say as JSON (the latter on the first and the last of ten nights). Ignored
are timings, the version, and JSON keys that only the new code has. It ends with 1 and a diff if
anything else differs, and with 2 if nothing can be said, since the old code fails.

Only the command line is driven, so that modules may move. Both trees read the config of the old
one, and each its own observatories. A case whose real data are absent is skipped, with the reason.
"""

from __future__ import annotations

import argparse
import csv
import difflib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tests.shared import DATA, PAYLOADS, ROOT

ALERTS = PAYLOADS / "fink" / "ztf_part-3-305711.avro"

OLD_COMMIT = "a7cdceb"

FIRST_NIGHT, N_NIGHTS = 59192, 10
"""MJD, 2020-12-09: ten nights in which most objects of BTS were seen above 18.5 mag."""

AROUND = 60.0
"""Measurements up to this long before and after the stretch are kept [d]."""

HOUR = 0.3
"""Time of a night's cycle, as a fraction of the day: evening in Australia, morning in Chile."""

OTHERS_EXPLAINED = 3
"""So many excluded, and so many rejected candidates are explained besides all that are ranked."""

COMPARED = frozenset({".csv", ".json", ".ics"})
IGNORED_KEYS = frozenset({"timings", "version"})
"""Keys of the outermost object of a JSON file."""

VERSION = re.compile(rb"^(# aas2rto |PRODID:-//aas2rto//)[^,/\s]+", re.MULTILINE)

FILES_SHOWN, LINES_SHOWN = 5, 12

ASK = """
import contextlib, io, json, runpy, sys, time
answers = []
for arguments in json.load(sys.stdin):
    sys.argv, out, err, code = ["aas2rto", *arguments], io.StringIO(), io.StringIO(), 0
    begun = time.monotonic()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_module("aas2rto", run_name="__main__")
        except SystemExit as error:
            code = error.code or 0
    answers.append([code, out.getvalue(), err.getvalue(), time.monotonic() - begun])
json.dump(answers, sys.stdout)
"""
"""``python -m aas2rto`` many times in one process: most of a short command is its imports."""

Files = dict[str, bytes]


class UnusableError(Exception):
    """The old code cannot do what the new one should be compared with."""


# -- comparing --------------------------------------------------------------------------------


def difference(name: str, old: bytes | None, new: bytes | None) -> list[str]:
    """Compare one file.

    Parameters
    ----------
    name : str
        Its ending says how it is read.
    old, new : bytes or None
        The content; None if there is no such file.

    Returns
    -------
    list of str
        A unified diff of JSON values or of table cells; empty if nothing differs that counts.
    """
    if old is None or new is None:
        whose = "new" if old is None else "old"
        return [] if old == new else [f"only the {whose} code wrote {name}"]
    old, new = VERSION.sub(rb"\1-", old), VERSION.sub(rb"\1-", new)
    if old == new:
        return []
    before, after = _views(name, old, new)
    lines = difflib.unified_diff(before, after, f"old/{name}", f"new/{name}", lineterm="", n=0)
    return list(lines)


def _views(name: str, old: bytes, new: bytes) -> tuple[list[str], list[str]]:
    """Return both contents as lines to compare."""
    raw = [[repr(line)[1:] for line in data.splitlines(keepends=True)] for data in (old, new)]
    if name.endswith(".json"):
        try:
            before, after = _parse(old), _parse(new)
        except ValueError:
            return raw[0], raw[1]
        return list(_values(before, before)), list(_values(after, before))
    if name.endswith(".csv"):
        tables = _cells(old), _cells(new)
        if tables[0] != tables[1]:  # else they differ in quotes or ends of lines
            return tables
    return raw[0], raw[1]


class _Number(str):
    """A number of a JSON file as it is written there."""

    __slots__ = ()


def _parse(data: bytes) -> Any:
    value = json.loads(data, parse_float=_Number, parse_int=_Number, parse_constant=_Number)
    if isinstance(value, dict):
        return {key: one for key, one in value.items() if key not in IGNORED_KEYS}
    return value


def _values(value: Any, like: Any, path: str = "") -> Iterator[str]:
    """Yield one line per value; keys that `like` does not have are left out."""
    if isinstance(value, dict):
        yield f"{path or 'all'}: object"
        known = like if isinstance(like, dict) else {}
        for key in value:
            if key in known:
                yield from _values(value[key], known[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        yield f"{path or 'all'}: list of {len(value)}"
        pairs = itertools.zip_longest(value, like if isinstance(like, list) else [])
        for number, (one, other) in enumerate(itertools.islice(pairs, len(value))):
            yield from _values(one, other, f"{path}[{number}]")
    else:
        yield f"{path or 'all'}: {value if isinstance(value, _Number) else json.dumps(value)}"


def _cells(data: bytes) -> list[str]:
    """Return one line per cell, with its candidate and its column, and comments as they are."""
    lines = data.decode(errors="replace").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    rows = list(csv.reader(line for line in lines if not line.startswith("#")))
    columns = rows[0] if rows else []
    place = columns.index("candidate_id") if "candidate_id" in columns else None
    cells = [f"columns: {','.join(columns)}"]
    for number, row in enumerate(rows[1:], start=1):
        subject = row[place] if place is not None and len(row) > place else f"row {number}"
        names = itertools.zip_longest(columns, row, fillvalue="(none)")
        cells += [f"{subject} {column}: {cell}" for column, cell in names]
    return comments + cells


def differences(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> dict[str, list[str]]:
    """Compare two sets of files by name; return the diff of each that differs."""
    found = {name: difference(name, old.get(name), new.get(name)) for name in sorted({*old, *new})}
    return {name: lines for name, lines in found.items() if lines}


def shown(found: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the first lines of the first differences, and how many more there are."""
    told: list[str] = []
    for lines in list(found.values())[:FILES_SHOWN]:
        told += lines[:LINES_SHOWN]
        if len(lines) > LINES_SHOWN:
            told.append(f"... and {len(lines) - LINES_SHOWN} more lines")
    if len(found) > FILES_SHOWN:
        told.append(f"... and {len(found) - FILES_SHOWN} more files differ")
    return told


# -- running ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One cycle: the command that runs it, where it writes, and whether all is asked after it."""

    name: str
    command: tuple[str, ...]
    config: str
    now: str
    output: str
    project: str
    is_thorough: bool = True


@dataclass(frozen=True)
class Case:
    """Steps one after the other, on what `prepare` writes into the folder ``../input``."""

    name: str
    needs: tuple[Path, ...]
    prepare: Callable[[Path, Path], None]
    steps: tuple[Step, ...]


@dataclass
class Outcome:
    """What one tree wrote in all steps of a case, and how long its verbs took [s]."""

    files: Files = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    explained: int = 0

    def add(self, verb: str, seconds: float) -> None:
        self.seconds[verb] = self.seconds.get(verb, 0.0) + seconds


def python(tree: Path, arguments: Sequence[str], folder: Path, text: str = "") -> Any:
    """Run this Python on the code of a tree; return the completed process."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AAS2RTO_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(tree)},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def run_case(case: Case, tree: Path, folder: Path, *, is_old: bool) -> Outcome:
    """Run all steps of a case with the code of a tree.

    Raises
    ------
    UnusableError
        If the old code fails; a failure of the new one is a difference.
    """
    outcome = Outcome()
    (folder / "too_targets").mkdir(parents=True)
    for step in case.steps:
        begun = time.monotonic()
        done = python(tree, ["-m", "aas2rto", *step.command], folder)
        outcome.add("run", time.monotonic() - begun)
        _keep(outcome, f"{step.name}/run.txt", done.returncode, "", done.stderr, is_old=is_old)
        if done.returncode:
            break
        _ask(outcome, step, tree, folder, is_old=is_old)
        project = folder / step.output / step.project
        for path in sorted(project.rglob("*")):
            if path.suffix in COMPARED and path.is_file():
                name = f"{step.name}/{path.relative_to(project).as_posix()}"
                outcome.files[name] = path.read_bytes()
    return outcome


def _keep(outcome: Outcome, name: str, code: int, out: str, err: str, *, is_old: bool) -> None:
    """Keep what a command said, or that and how it failed."""
    if code and is_old:
        raise UnusableError(f"the old code fails in {name} with {code}: {err.strip()[-2000:]}")
    outcome.files[name] = (f"exit {code}\n{err}" if code else out).encode()


def _ask(outcome: Outcome, step: Step, tree: Path, folder: Path, *, is_old: bool) -> None:
    """Ask what `explain`, `whatif` and `plan` say after a cycle."""
    common = ("--now", step.now, "--output", step.output, "--json")
    names = _candidates(folder / step.output / step.project)
    if is_old and not names[0]:
        raise UnusableError(f"the old code ranks nothing in {step.name}: nothing to compare")
    questions: dict[str, tuple[str, ...]] = {
        "whatif": ("whatif", step.config, "--set", "visibility.min_altitude=25deg", *common),
        "plan-greedy": ("plan", step.config, "--greedy", *common),
    }
    if step.is_thorough:
        explained = list(dict.fromkeys([*names[0], *names[1]]))
        outcome.explained += len(explained)
        questions["plan-joint"] = ("plan", step.config, *common)
        questions |= {f"explain-{one}": ("explain", step.config, one, *common) for one in explained}
    done = python(tree, ["-c", ASK], folder, json.dumps(list(questions.values())))
    if done.returncode:
        _keep(outcome, f"{step.name}/asked.txt", done.returncode, "", done.stderr, is_old=is_old)
        return
    answers = json.loads(done.stdout)
    for (name, question), (code, out, err, seconds) in zip(questions.items(), answers, strict=True):
        _keep(outcome, f"{step.name}/asked/{name}.json", code, out, err, is_old=is_old)
        outcome.add(question[0], seconds)


def _candidates(project: Path) -> tuple[list[str], list[str]]:
    """Return the candidates of all ranked lists, and some that are in none."""
    ranked = [name for path in sorted(project.glob("ranked/*.csv")) for name in _ids(path)]
    others = [_ids(project / f"{word}.csv")[:OTHERS_EXPLAINED] for word in ("excluded", "rejected")]
    return ranked, [*others[0], *others[1]]


def _ids(path: Path) -> list[str]:
    if not path.exists():
        return []
    table = pd.read_csv(path, comment="#", dtype=str)
    return [str(name) for name in table["candidate_id"]]


# -- cases ------------------------------------------------------------------------------------


def derived_config(old: Path, path: Path, **models: Any) -> None:
    """Write the Sect. 3.2 config without figures, and with all the time a plan may need.

    A solver that is stopped by a clock finds another plan on another day.
    """
    text = (old / "configs" / "sn_ia_peak.yaml").read_text(encoding="utf-8")
    told = yaml.safe_load(text)
    told["figures"] = {"top": 0}
    told["plan"]["time_limit"] = "1 hour"
    told["models"] |= models
    path.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")


def _recorded(folder: Path, old: Path) -> None:
    derived_config(old, folder / "case.yaml")


def _nights(folder: Path, old: Path) -> None:
    """Write the light curves of ten nights as one table, and a config with two models."""
    derived_config(old, folder / "case.yaml", bazin={})
    first, last = FIRST_NIGHT - AROUND, FIRST_NIGHT + N_NIGHTS + AROUND
    rows = pd.read_parquet(DATA / "ztf_bts_photometry.parquet")
    rows = rows[rows["mjd"].between(first, last)].drop(columns="src")
    objects = pd.read_parquet(DATA / "ztf_bts_objects.parquet")
    table = rows.merge(objects[["objectId", "ra", "dec", "redshift"]], on="objectId")
    table = table.sort_values(["objectId", "mjd", "band"], kind="stable").assign(survey="ztf")
    table.to_csv(folder / "light_curves.csv", index=False)


def _step(name: str, now: str, archive: str, output: str, *, is_thorough: bool = True) -> Step:
    config = "../input/case.yaml"
    command = ("run", config, "--archive", archive, "--once", "--now", now, "--output", output)
    return Step(name, command, config, now, output, "sn-ia-peak", is_thorough)


CASES = (
    Case(
        "recorded",
        (ALERTS,),
        _recorded,
        tuple(
            _step(now[:13], now, str(ALERTS), f"outputs_{n}")  # each with a store of its own
            for n, now in enumerate(("2026-03-22T20:00", "2026-03-23T08:00"))
        ),
    ),
    Case(
        "demo",
        (),
        lambda folder, old: None,
        (
            Step(
                "demo",
                ("demo", "--output", "outputs"),
                "outputs/demo/demo.yaml",
                "2026-03-20T22:00:00",
                "outputs",
                "demo",
            ),
        ),
    ),
    Case(
        "nights",
        (DATA / "ztf_bts_photometry.parquet", DATA / "ztf_bts_objects.parquet"),
        _nights,
        tuple(
            _step(
                f"night_{n:02d}",
                str(FIRST_NIGHT + n + HOUR),
                "../input/light_curves.csv",
                "outputs",
                is_thorough=n in (0, N_NIGHTS - 1),
            )
            for n in range(N_NIGHTS)
        ),
    ),
)


# -- the command ------------------------------------------------------------------------------


@contextmanager
def old_tree(commit: str, folder: Path) -> Iterator[Path]:
    """Check out a commit of this repository for a while."""
    git = ("git", "-C", str(ROOT), "worktree")
    add = [*git, "add", "--quiet", "--detach", str(folder), commit]
    done = subprocess.run(add, check=False, capture_output=True, text=True)
    if done.returncode:
        raise UnusableError(f"{commit} cannot be checked out: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=False)


def ready(name: str, tree: Path, folder: Path) -> None:
    """See that a tree's own code is what runs, and compile its fits before anything is timed."""
    where = python(tree, ["-c", "import aas2rto; print(aas2rto.__file__)"], folder)
    if where.returncode or not Path(where.stdout.strip()).is_relative_to(tree):
        raise UnusableError(f"{tree}: its code does not run ({where.stdout}{where.stderr})")
    begun = time.monotonic()
    python(tree, ["-m", "aas2rto", "prime", "--models"], folder)
    print(f"{name}: {tree}, ready in {time.monotonic() - begun:.0f} s", flush=True)


def compare_case(case: Case, trees: Sequence[Path], folder: Path) -> bool:
    """Run a case with both trees, print what came out, and say whether they agree."""
    absent = [str(path) for path in case.needs if not path.exists()]
    if absent:
        print(f"{case.name}: skipped, there is no {' and no '.join(absent)}", flush=True)
        return True
    (folder / "input").mkdir(parents=True)
    case.prepare(folder / "input", trees[0])
    outcomes = []
    for name, tree in zip(("old", "new"), trees, strict=True):
        # Both work in a folder of the same name, since a path may be part of what they say.
        outcomes.append(run_case(case, tree, folder / "work", is_old=name == "old"))
        (folder / "work").rename(folder / name)
    old, new = outcomes
    found = differences(old.files, new.files)
    verdict = f"{len(found)} FILES DIFFER" if found else "equal"
    size = sum(map(len, old.files.values()))
    verbs = [
        f"{verb} {seconds:.1f}/{new.seconds.get(verb, 0.0):.1f}"
        for verb, seconds in old.seconds.items()
    ]
    print(
        f"{case.name}: {verdict}; {len(case.steps)} cycles, {len(old.files)} files, "
        f"{size / 1000:.0f} kB, {old.explained} explained; old/new [s]: {', '.join(verbs)}",
        flush=True,
    )
    print("".join(f"  {line}\n" for line in shown(found)), end="", flush=True)
    return not found


def _arguments() -> argparse.Namespace:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="python -m tests.compare", description=__doc__)
    parser.add_argument("--old", default=OLD_COMMIT, metavar="COMMIT", help="default: %(default)s")
    parser.add_argument("--old-tree", type=Path, metavar="DIR", help="in place of a commit")
    parser.add_argument("--new-tree", type=Path, default=ROOT, metavar="DIR")
    parser.add_argument("--case", nargs="+", choices=names, default=names)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave all results in DIR")
    return parser.parse_args()


def _compare(asked: argparse.Namespace, old: Path, folder: Path) -> bool:
    trees = [old.resolve(), asked.new_tree.resolve()]
    for name, tree in zip(("old", "new"), trees, strict=True):
        ready(name, tree, folder)
    chosen = [case for case in CASES if case.name in asked.case]
    agree = [compare_case(case, trees, folder / case.name) for case in chosen]
    return all(agree)


def _run(asked: argparse.Namespace, temporary: Path) -> bool:
    folder = (asked.keep or temporary / "results").resolve()
    if folder.exists() and any(folder.iterdir()):
        raise UnusableError(f"--keep: {folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    if asked.old_tree is not None:
        return _compare(asked, asked.old_tree, folder)
    with old_tree(asked.old, temporary / "old") as tree:
        return _compare(asked, tree, folder)


def main() -> int:
    """Compare; return 0 if all agrees, 1 if something differs, 2 if nothing can be said."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the worktree is removed
    with tempfile.TemporaryDirectory(prefix="aas2rto-compare-") as temporary:
        try:
            return 0 if _run(asked, Path(temporary)) else 1
        except UnusableError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
