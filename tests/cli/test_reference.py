"""The reference says what the program does, completely, and as it is today."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from aas2rto.cli import reference
from aas2rto.config.sections import Config
from aas2rto.tables import columns, summary
from aas2rto.units import Day

WRITTEN = Path(__file__).resolve().parents[2] / "docs" / "reference.md"


@pytest.fixture(scope="module")
def page() -> str:
    return reference.page()


def chapter(page: str, title: str) -> str:
    """Return what stands between a heading and the next of its level."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found.group(1)


def headings(text: str) -> list[str]:
    return re.findall(r"^### (.+)$", text, re.MULTILINE)


def test_the_reference_is_current(page: str) -> None:
    """Whoever changes a setting, a part or a column runs `make reference`."""
    assert WRITTEN.read_text(encoding="utf-8") == page, "run: make reference"


@pytest.mark.parametrize(("title", "place", "registry"), reference.PARTS)
def test_every_part_and_every_setting_is_there(page, title, place, registry) -> None:
    """In order, each with all its settings."""
    text = chapter(page, title)
    assert headings(text) == registry.names()
    for name in registry.names():
        own = text[text.index(f"### {name}\n") :]
        for setting in registry.get(name).options.model_fields:
            assert f"| `{setting}` |" in own, (name, setting)


def test_every_section_of_a_config_is_there(page: str) -> None:
    """Those that are parts stand in chapters of their own."""
    text = chapter(page, "The rest of a config")
    elsewhere = {"sources", "models", "visibility", "messages"}
    for name in set(Config.model_fields) - elsewhere:
        assert f"### {name}\n" in text or f"| `{name}` |" in text, name


def test_every_row_has_a_meaning(page: str) -> None:
    """A setting without words would be a riddle with a default."""
    rows = re.findall(r"^\| `.*\|$", page, re.MULTILINE)
    assert len(rows) > 300
    assert [row for row in rows if re.search(r"\|\s*\|$", row)] == []


def test_every_column_is_there(page: str) -> None:
    """Of all tables, with the words of `aas2rto.tables`."""
    text = chapter(page, "Columns")
    for table in (columns.CANDIDATE, columns.FIT, columns.SITE, columns.LISTS, summary.COLUMNS):
        for name, meaning in table.items():
            assert f"| `{name}` | {meaning} |" in text


class Example(BaseModel):
    """A section."""

    wait: Day | None = Field(default=None, gt=0, le=7)
    mode: Literal["a", "b"] = "a"
    pair: tuple[float, Annotated[float, Field(gt=0)]] = (0.0, 1.0)
    size: Day


def test_defaults_are_written_as_in_a_config() -> None:
    """With their unit, even where there is no number."""
    found = {name: reference.default_of(one) for name, one in Example.model_fields.items()}
    assert found == {
        "wait": "`null` [day]",
        "mode": "`a`",
        "pair": "`[0, 1]`",
        "size": "*required* [day]",
    }


def test_values_are_bounds_and_choices() -> None:
    """The bound of one number of several is not said of all."""
    found = {name: reference.allowed(one) for name, one in Example.model_fields.items()}
    assert found == {"wait": "> 0, <= 7", "mode": "`a` or `b`", "pair": "", "size": ""}


def test_docstrings_are_read_as_numpydoc_writes_them() -> None:
    """Several names in one line share their words; sections are told apart."""
    doc = (
        "A.\n\nParameters\n----------\na, b_ : int\n    Of\n    both.\n*c : str\n    C.\n\n"
        "Notes\n-----\nN."
    )
    assert reference.meanings(doc) == {"a": "Of both.", "b": "Of both.", "c": "C."}
    assert reference.sections_of(doc)["Notes"] == "N."
    assert reference.in_config("None; if True, NoneSuch") == "null; if true, NoneSuch"
