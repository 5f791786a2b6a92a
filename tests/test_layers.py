"""The shape of the program: imports point one way, and some things stand in one place only."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "aas2rto"

ROOMS = (
    "",
    "text",
    "units",
    "errors",
    "guard",
    "data",
    "parts",
    "tables",
    "sky",
    "config",
    "sources",
    "models",
    "factors",
    "planning",
    "store",
    "steps",
    "messaging",
    "outputs",
    "inform",
    "loop",
    "questions",
    "outlets",
    "replay",
    "page",
    "simulate",
    "cli",
    "__main__",
)
"""Folders and files directly below the package; an arrow goes to an earlier one only."""

LATER: dict[tuple[str, str], str] = {}
"""Arrows that point back, each with its reason; there is none."""

KINDS = {"factor", "model", "source", "messenger"}
"""Decorators that make a part."""

CLOCKS = {
    "Time.now",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "time.ctime",
    "time.strftime",
}
"""What reads the wall clock; `time.monotonic` and `time.perf_counter` time the program itself."""

CLOCK_PLACES = {
    "sources.too": "how long ago a file was written, which only the machine that wrote it knows",
}
"""Modules outside the CLI that may read it, each with its reason."""

BROAD_PLACES = {"guard"}
"""Modules that may catch every exception."""


@dataclass
class Module:
    """One file of the package."""

    name: str
    tree: ast.Module
    imports: set[str] = field(default_factory=set)
    imports_later: set[str] = field(default_factory=set)

    @property
    def room(self) -> str:
        """The module or folder directly below the package."""
        return self.name.partition(".")[0]


@cache
def modules() -> dict[str, Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts).removesuffix("__init__").removesuffix(".")
        found[name] = Module(name, ast.parse(path.read_text(encoding="utf-8")))
    for module in found.values():
        for target, is_later in imports_of(module.tree, set(found)):
            (module.imports_later if is_later else module.imports).add(target)
    return found


def imports_of(tree: ast.Module, known: set[str]) -> Iterator[tuple[str, bool]]:
    """Yield the modules of this package that a file imports, and whether a function does it."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, functions) for n in ast.walk(f)}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            head, _, rest = name.partition(".")
            if head == "aas2rto":
                # `from aas2rto.units import Mag` names a module, or something inside one.
                yield (rest if rest in known else rest.rpartition(".")[0]), id(node) in inside


def place(room: str) -> int:
    return ROOMS.index(room) if room in ROOMS else -1


def is_part(module: Module) -> bool:
    marks = (
        mark.func.id
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name)
    )
    return any(mark in KINDS for mark in marks)


def dotted(node: ast.AST) -> str:
    """Return the last two names of what is called: ``Time.now`` of ``astropy.time.Time.now``."""
    return ".".join(ast.unparse(node).split(".")[-2:])


def calls(module: Module) -> Iterator[tuple[str, int]]:
    """Yield what a module calls, and where; ``from time import time`` counts as a call."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from ((f"time.{alias.name}", node.lineno) for alias in node.names)


def test_every_room_has_its_place():
    """A new room is put into ROOMS, where its author wants it."""
    lost = {module.room for module in modules().values() if place(module.room) < 0}
    assert lost == set(), f"say in ROOMS where {sorted(lost)} belong"


def test_the_house_stays_small():
    """At most 21 folders at the top; a later science case may add a room of its own."""
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert len(folders) <= 21
    assert folders <= set(ROOMS)


def test_imports_go_down_the_list():
    """A room knows only those before it in ROOMS, so there is no circle and no arrow back."""
    back = {
        (name, target)
        for name, module in modules().items()
        for target in module.imports | module.imports_later
        if place(target.partition(".")[0]) > place(module.room)
    }
    assert back == set(LATER)


def test_parts_of_one_kind_do_not_know_each_other():
    """One file can be read, tested and thrown away alone; what is shared is no part."""
    parts = {name: module for name, module in modules().items() if is_part(module)}
    known = {
        (name, target)
        for name, module in parts.items()
        for target in module.imports | module.imports_later
        if target in parts and parts[target].room == module.room
    }
    assert known == set()


def test_parts_are_recognised():
    """The rule above means something."""
    parts = {name for name, module in modules().items() if is_part(module)}
    assert {"factors.magnitude", "models.salt", "sources.too", "sources.archive"} <= parts
    assert "sources.packets" not in parts


@pytest.mark.parametrize("room", ["sources", "models", "factors", "visibility"])
def test_parts_do_not_know_the_store(room):
    """They turn one table into another; only the loop and what serves it keep state."""
    for name, module in modules().items():
        if module.room == room:
            targets = {t.partition(".")[0] for t in module.imports | module.imports_later}
            assert "store" not in targets, name


def catches_everything(node: ast.AST) -> bool:
    """Tell whether a handler swallows what it does not know; one that raises it again does not."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    last = node.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False
    caught = "" if node.type is None else ast.unparse(node.type)
    return bool({"Exception", "BaseException", ""} & {c.strip(" ()") for c in caught.split(",")})


def test_only_the_guard_catches_everything():
    """Elsewhere, what is caught is named."""
    broad = {
        name
        for name, module in modules().items()
        if any(map(catches_everything, ast.walk(module.tree)))
    }
    assert broad == BROAD_PLACES


def test_only_the_command_line_prints():
    """A library says what it has to say to its caller, or to the log."""
    printed = [
        f"{name}:{line}"
        for name, module in modules().items()
        for called, line in calls(module)
        if module.room != "cli" and called in {"print", "typer.echo"}
    ]
    assert printed == []


def test_only_the_command_line_reads_the_clock():
    """`now` is an argument, so that a night can be replayed; the exceptions are needed."""
    read = {
        name
        for name, module in modules().items()
        for called, _ in calls(module)
        if module.room != "cli" and called in CLOCKS
    }
    assert read == set(CLOCK_PLACES)


def test_the_guards_of_this_file_see_something():
    """A rule that finds nothing even where it should is no rule."""
    tree = ast.parse(
        "import aas2rto.store.rows\nfrom aas2rto import config\n"
        "def f():\n    from aas2rto.units import Mag\n    astropy.time.Time.now()\n"
    )
    module = Module("x", tree)
    found = dict(imports_of(tree, {"store.rows", "config", "units"}))
    assert found == {"store.rows": False, "config": False, "units": True}
    assert [called for called, _ in calls(module)] == ["Time.now"]
    sly = Module("y", ast.parse("from time import time\ntime()"))
    assert "time.time" in [called for called, _ in calls(sly)]


def test_every_import_finds_what_it_names():
    """Also those inside functions, of tests and benchmarks too: mypy reads the package alone."""
    lost = set()
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.with_name("tests").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aas2rto"):
                lost |= {f"{path.name}:{node.lineno} {one}" for one in missing_from(node)}
    assert lost == set()


def missing_from(node: ast.ImportFrom) -> Iterator[str]:
    """Yield what an import names and does not find."""
    for alias in node.names:
        try:
            module = importlib.import_module(str(node.module))
            if not hasattr(module, alias.name):
                importlib.import_module(f"{node.module}.{alias.name}")
        except ModuleNotFoundError as error:
            if str(error.name).startswith("aas2rto"):  # others are extras
                yield f"{node.module}.{alias.name}"
