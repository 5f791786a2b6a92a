"""`make reference`: verbs, parts, settings and columns as one page, made from the program itself.

Settings come from signatures and the sections of a config, their meaning from docstrings, columns
from `aas2rto.tables`. So the page cannot say what the program does not do.
"""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from aas2rto.cli import app
from aas2rto.config.messages import ChannelPolicy, When
from aas2rto.config.sections import Config
from aas2rto.config.sharing import Share
from aas2rto.factors import FACTORS, Needs
from aas2rto.messaging import MESSENGERS
from aas2rto.models import MODELS
from aas2rto.outputs import write_atomically
from aas2rto.parts.registry import Part, Registry
from aas2rto.parts.setting_text import in_yaml, marker
from aas2rto.sky import observatory_file
from aas2rto.sources import SOURCES
from aas2rto.sources.transport.http import Policy
from aas2rto.tables import columns, report, summary
from aas2rto.units import Unit

HEAD = """\
# Reference

Made by `make reference` from the program itself; do not edit.

Settings are written as in a config, with their unit. *required*: there is no default.
"""

PARTS = (
    ("Sources", "sources:", SOURCES),
    ("Models", "models:", MODELS),
    ("Factors", "score: factors:", FACTORS),
    ("Messengers", "messages:", MESSENGERS),
)
"""Heading, place in a config, and the parts themselves."""

NEEDS = {
    Needs.LIGHT_CURVE: "runs before the fits",
    Needs.FIT: "runs after the fits",
    Needs.SITE: "runs per observatory, and can never reject",
}

_SECTION = re.compile(r"^([A-Z]\w+)\n-+\n", re.MULTILINE)
"""A heading of a docstring, as numpydoc has them."""


def page() -> str:
    """Return the whole reference as Markdown."""
    blocks = [HEAD, *_verbs()]
    for title, place, registry in PARTS:
        blocks += [f"## {title}\n", f"In a config below `{place}`.\n", *_parts(registry)]
    blocks += [*_sections(), *_observatories(), *_columns()]
    return "\n".join(blocks)


# -- docstrings ---------------------------------------------------------------------------------


def sections_of(doc: str) -> dict[str, str]:
    """Part a docstring at its headings; what stands before the first has an empty name."""
    first, *rest = _SECTION.split(doc)
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return {"": first.strip()} | {name: text.strip() for name, text in pairs}


def meanings(doc: str) -> dict[str, str]:
    """Return what a docstring says of each parameter, in one line each."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in sections_of(doc).get("Parameters", "").splitlines():
        if line and not line[0].isspace():
            head = line.partition(" :")[0]
            names = [name.strip().strip("*`").rstrip("_") for name in head.split(",")]
            found |= dict.fromkeys(names, "")
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
    return found


def _doc(thing: Any) -> str:
    return inspect.getdoc(thing) or ""


def _plain(text: str) -> str:
    """Write a docstring's words as Markdown; a table stays as it is drawn."""
    text = re.sub(r":\w+:`([^`]*)`", r"`\1`", text).replace("``", "`")
    return re.sub(
        r"^=+( =+)+$.*^=+( =+)+$", r"```\n\g<0>\n```", text, flags=re.DOTALL | re.MULTILINE
    )


# -- tables -------------------------------------------------------------------------------------


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *map(list, rows)]
    cells = ([_plain(cell).replace("|", "\\|") for cell in row] for row in lines)
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _settings(kind: Any, said: Mapping[str, str]) -> Iterator[str]:
    """Yield the table of a section or a part, then those of settings that have their own."""
    found = fields_of(kind)
    rows = (
        (f"`{name}`", default_of(field), allowed(field), in_config(said.get(name, "")))
        for name, field in found.items()
    )
    yield _table(("setting", "default", "values", "meaning"), rows)
    for name, field in found.items():
        if default_of(field) == "see below":
            inner = type(field.default)
            yield f"Its `{name}`. {_plain(sections_of(_doc(inner))[''])}\n"
            yield from _settings(inner, meanings(_doc(inner)))


def in_config(text: str) -> str:
    """Write Python's words in a docstring as those of a config."""
    words = {"None": "null", "True": "true", "False": "false"}
    return re.sub(r"\b(None|True|False)\b", lambda found: words[found.group()], text)


def fields_of(kind: Any) -> dict[str, FieldInfo]:
    """Return the settings of a pydantic model, or of a dataclass."""
    if issubclass(kind, BaseModel):
        return dict(kind.model_fields)
    hints = typing.get_type_hints(kind, include_extras=True)
    return {
        one.name: FieldInfo.from_annotated_attribute(hints[one.name], one.default)
        for one in fields(kind)
    }


def _hint(field: FieldInfo) -> Any:
    return typing.Annotated[(field.annotation, *field.metadata, None)]


def default_of(field: FieldInfo) -> str:
    """Write the default of a setting as a config would, with its unit even where it is null."""
    found = marker(_hint(field), Unit)
    unit = found.unit if found else ""
    if field.is_required():
        return f"*required* [{unit}]" if unit else "*required*"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Policy):
        return "see [network](#network)"
    if isinstance(value, BaseModel) or is_dataclass(value):
        return "see below"
    written = f"`{in_yaml(value, unit)}`"
    return f"{written} [{unit}]" if unit and value is None else written


def allowed(field: FieldInfo) -> str:
    """Say which values a setting may have, as far as its type says more than its default."""
    parts = list(_limits(_hint(field)))
    choices = [text for text in parts if not text.startswith((">", "<"))]
    bounds = [text for text in parts if text.startswith((">", "<"))]
    return " or ".join(dict.fromkeys(choices)) or ", ".join(dict.fromkeys(bounds))


def _limits(hint: Any) -> Iterator[str]:
    """Yield choices and bounds anywhere in a type."""
    if typing.get_origin(hint) is Literal:
        yield from (f"`{choice}`" for choice in typing.get_args(hint))
        return
    if typing.get_origin(hint) is tuple and Ellipsis not in typing.get_args(hint):
        return  # the bounds of one of its numbers are not those of the others
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    for inner in (*typing.get_args(hint), *getattr(hint, "metadata", ())):
        yield from _limits(inner)
        for name, sign in signs.items():
            if isinstance(getattr(inner, name, None), int | float):
                yield f"{sign} {getattr(inner, name):g}"


# -- chapters -----------------------------------------------------------------------------------


def _verbs() -> Iterator[str]:
    yield "## Verbs\n"
    yield "`aas2rto --help` and `aas2rto VERB --help` say the same.\n"
    group: Any = typer.main.get_command(app)
    yield from _commands(group, "aas2rto")


def _commands(group: Any, start: str) -> Iterator[str]:
    for name, command in group.commands.items():
        called = f"{start} {name}"
        if hasattr(command, "commands"):
            yield from _commands(command, called)
            continue
        yield f"### {called}\n"
        yield f"{_plain(_doc(command.callback))}\n"
        told = [parameter for parameter in command.params if not parameter.hidden]
        if told:
            yield _table(("argument", "meaning"), map(_argument, told))


def _argument(parameter: Any) -> tuple[str, str]:
    """Say what an argument is called and means, whatever the version of what parses it."""
    is_option = parameter.param_type_name == "option"
    name = ", ".join(parameter.opts) if is_option else str(parameter.name).upper()
    words = str(parameter.help or "")
    if not is_option and not parameter.required:
        words += " Need not be given."
    if is_option and parameter.default not in (None, False, (), ""):
        words += f" Default: `{parameter.default}`."
    return f"`{name}`", words


def _parts(registry: Registry) -> Iterator[str]:
    for name in registry.names():
        yield from _part(registry.get(name))


def _part(part: Part) -> Iterator[str]:
    said = sections_of(_doc(part.make))
    yield f"### {part.name}\n"
    needs = part.extras.get("needs")
    when = f" It {NEEDS[needs]}." if needs else ""
    yield f"{_plain(said[''])}{when}\n"
    if part.options.model_fields:
        yield from _settings(part.options, meanings(_doc(part.make)))
    if said.get("Notes"):
        yield f"{_plain(said['Notes'])}\n"


def _sections() -> Iterator[str]:
    yield "## The rest of a config\n"
    own = {
        "project": "name of the project, and of its folder in `outputs/`",
        "model_choice": "whose peak counts where several models fit",
        "observatories": "names of files in `observatories/`",
    }
    plain = {name: Config.model_fields[name] for name in own}
    rows = ((f"`{n}`", default_of(f), allowed(f), own[n]) for n, f in plain.items())
    yield _table(("setting", "default", "values", "meaning"), rows)
    for name, field in Config.model_fields.items():
        for kind in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _section(name, kind)
    for name, field in Share.model_fields.items():
        for kind in typing.get_args(field.annotation):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _section(f"share: {name}", kind)
    yield from _section("messages: when", When)
    yield from _section("messages: every channel", ChannelPolicy)
    yield "### network\n"
    yield "Of every source that asks over HTTP, below the source.\n"
    yield from _settings(Policy, meanings(_doc(Policy)))


def _section(name: str, kind: type[BaseModel]) -> Iterator[str]:
    yield f"### {name}\n"
    yield f"{_plain(sections_of(_doc(kind))[''])}\n"
    yield from _settings(kind, meanings(_doc(kind)))


def _observatories() -> Iterator[str]:
    yield "## Observatories\n"
    yield "How to write one: [observatories/README.md](../observatories/README.md).\n"
    sites = map(observatory_file.load, observatory_file.available())
    rows = (
        (
            f"`{s.name}`",
            s.title,
            f"{s.longitude_deg:.4f}",
            f"{s.latitude_deg:.4f}",
            f"{s.elevation_m:.0f}",
        )
        for s in sites
    )
    yield _table(("name", "telescope", "longitude [deg]", "latitude [deg]", "height [m]"), rows)


def _columns() -> Iterator[str]:
    yield "## Columns\n"
    yield "Unknown numbers are empty in CSV, NaN in Python; unknown texts are empty.\n"
    per_band = {f"{name}_<band>": words for name, words in summary.BAND_COLUMNS.items()}
    chapters = (
        (
            "The candidate table",
            "What factors and expressions read: what is stored,",
            columns.CANDIDATE,
        ),
        ("", "the summary of the light curve,", summary.COLUMNS | per_band),
        ("", "and what a cycle adds.", columns.OF_CYCLE),
        (
            "Fits",
            "One row per candidate and model. In the candidate table with the model's name "
            "in front, as `salt_chisq`, with its parameters and errors, as `salt_x1, salt_x1_err`.",
            columns.FIT,
        ),
        ("Sites", "What factors of a site read, too; computed per observatory.", columns.SITE),
        (
            "CSV files",
            "Columns that only the lists have. Their times are ISO 8601, UTC, to the "
            "minute; all other columns are those above.",
            columns.LISTS,
        ),
        ("Photometry", "One row per measurement; also what a source returns.", columns.PHOTOMETRY),
    )
    for title, words, table in chapters:
        if title:
            yield f"### {title}\n"
        yield f"{words}\n"
        yield _table(("column", "meaning"), ((f"`{n}`", words) for n, words in table.items()))
    yield from _of_models()


def _of_models() -> Iterator[str]:
    for name, table in columns.PARAMETERS.items():
        yield f"### Parameters of {name}\n"
        yield _table(("column", "meaning"), ((f"`{name}_{n}`", w) for n, w in table.items()))
    yield from _reports()


def _reports() -> Iterator[str]:
    yield "### Reports of sources\n"
    yield f"Objects have the columns {_names(report.OBJECT_COLUMNS)};"
    yield f"facts {_names(report.FACT_COLUMNS)}.\n"
    yield (
        f"Keys of facts are {_names(report.FACTS)}, or names that begin with the source's, such as "
        "`fink_...`, `alerce_...`, `lasair_...`: these become columns, too; `aas2rto explain "
        "CONFIG CANDIDATE` shows them.\n"
    )


def _names(found: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in found)


if __name__ == "__main__":
    write_atomically(Path(sys.argv[1]), page())
