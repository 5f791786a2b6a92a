"""What others see: every public thing is described, and every error has tested words."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from aas2rto import errors
from aas2rto.config.resolve import REGISTRIES, registry

ROOT = Path(__file__).resolve().parents[1]
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@cache
def trees(folder: str) -> dict[str, ast.Module]:
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield functions, classes and methods whose names have no underscore in front."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{node.name}.")


@cache
def definitions() -> dict[str, Definition]:
    return {
        f"{path}: {name}": node
        for path, tree in trees("aas2rto").items()
        for name, node in public(tree.body)
    }


def test_every_module_says_what_it_is_for():
    """The first line of a file is a sentence."""
    silent = [path for path, tree in trees("aas2rto").items() if not ast.get_docstring(tree)]
    assert silent == []


def is_sentence(said: str | None) -> bool:
    first = (said or "").partition("\n\n")[0].rstrip()
    return len(first.split()) >= 2 and first[-1] in ".:?!"


def test_every_public_thing_is_described():
    """A sentence, which ends as sentences do."""
    silent = [
        name for name, node in definitions().items() if not is_sentence(ast.get_docstring(node))
    ]
    assert silent == []
    assert len(definitions()) > 300


def documented(node: Definition) -> set[str]:
    """Return the names in the section ``Parameters`` of a docstring."""
    said = ast.get_docstring(node) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S.*\n-+\n|\Z)", said, re.DOTALL | re.MULTILINE)
    if section is None:
        return set()
    heads = re.findall(r"^(?!\s)([^:\n]+?)(?: :.*)?$", section.group(1), re.MULTILINE)
    return {name.strip().strip("*`") for head in heads for name in head.split(",")}


@cache
def classes(path: str) -> dict[str, ast.ClassDef]:
    """Return the classes of a file by their names."""
    body = trees("aas2rto")[path].body
    return {node.name: node for node in body if isinstance(node, ast.ClassDef)}


def accepted(node: Definition, path: str = "") -> set[str]:
    """Return the arguments of a function, or those of a class, its fields and those it inherits.

    What it inherits counts where the class above stands in the same file.
    """
    if isinstance(node, ast.ClassDef):
        inside = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        fields = {
            n.target.id
            for n in node.body
            if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
        }
        names = {base.id for base in node.bases if isinstance(base, ast.Name)} if path else set()
        above = [classes(path)[name] for name in sorted(names & classes(path).keys())]
        inherited = [accepted(one, path) for one in above]
        return fields.union(*(accepted(n) for n in inside), *inherited)
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return {argument.arg for argument in every}


def test_what_is_documented_is_there():
    """A parameter that was renamed or removed leaves the docstring as well."""
    stale = {
        name: documented(node) - accepted(node, name.partition(": ")[0])
        for name, node in definitions().items()
    }
    assert {name: found for name, found in stale.items() if found} == {}
    assert sum(bool(documented(node)) for node in definitions().values()) > 100


def parts() -> list[tuple[str, str]]:
    return [(section, name) for section in REGISTRIES for name in registry(section).names()]


@pytest.mark.parametrize(("section", "name"), parts())
def test_every_setting_of_a_part_is_described(section, name):
    """What a config may say stands in the docstring of the part."""
    part = registry(section).get(name)
    said = inspect.getdoc(part.make) or ""
    missing = [s.name for s in part.settings if not re.search(rf"\b{s.name}\b", said)]
    assert missing == []
    assert part.summary.endswith(".")


# -- errors ---------------------------------------------------------------------------------------

ERRORS = {
    name: found
    for name, found in vars(errors).items()
    if inspect.isclass(found) and issubclass(found, errors.Aas2rtoError)
}


@cache
def raised() -> dict[str, str]:
    """Return which of our errors the library raises, and one place of each.

    The command line's own are seen by its tests as what it prints.
    """
    found = {}
    library = (item for item in trees("aas2rto").items() if "/cli/" not in item[0])
    for path, tree in library:
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                found.setdefault(ast.unparse(node.exc.func), f"{path}:{node.lineno}")
    return {name: place for name, place in found.items() if name in ERRORS}


def words_in_tests() -> set[str]:
    """Return the errors whose text a test looks at: by ``match``, or by ``as caught``."""
    found = set()
    for tree in trees("tests").values():
        for node in ast.walk(tree):
            if not isinstance(node, ast.withitem) or not isinstance(node.context_expr, ast.Call):
                continue
            call = node.context_expr
            if ast.unparse(call.func) != "pytest.raises" or not call.args:
                continue
            looks = node.optional_vars or any(k.arg == "match" for k in call.keywords)
            if looks:
                found.add(ast.unparse(call.args[0]).rpartition(".")[2])
    return found


@pytest.mark.slow
def test_every_error_has_tested_words():
    """A message that nobody tests is, one day, a message that cannot be formatted."""
    tested = words_in_tests()
    silent = {name: place for name, place in raised().items() if name not in tested}
    assert silent == {}


def test_the_errors_we_raise_are_ours():
    """The rule above means something."""
    assert {"ConfigError", "UnknownNameError", "InputError", "StoreError"} <= set(raised())


def test_the_tree_of_errors_is_drawn():
    """Each class stands in the docstring, under its parent."""
    drawn = re.findall(r"^(.*?)(\w+Error)\s", errors.__doc__ or "", re.MULTILINE)
    depth = {name: len(indent) // 4 - 1 for indent, name in drawn}
    assert set(depth) == set(ERRORS)
    for name, found in ERRORS.items():
        assert depth[name] == len(found.__mro__) - len(errors.Aas2rtoError.__mro__)


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_every_error_ends_the_program_with_the_code_that_is_drawn(name):
    """Its own, or that of the nearest parent that has one."""
    drawn = dict(re.findall(r"(\w+Error) +exit code (\d)", errors.__doc__ or ""))
    parents = [parent.__name__ for parent in ERRORS[name].__mro__]
    assert ERRORS[name].exit_code == int(next(drawn[p] for p in parents if p in drawn))


def test_no_constant_is_given_twice():
    """The second would count, and the first be read."""
    twice = []
    for path, tree in trees("aas2rto").items():
        targets = [t for node in tree.body if isinstance(node, ast.Assign) for t in node.targets]
        names = [
            one.id
            for t in targets
            for one in ast.walk(t)
            if isinstance(one, ast.Name) and one.id != "_"
        ]
        twice += [f"{path}: {name}" for name in sorted(set(names)) if names.count(name) > 1]
    assert twice == []
