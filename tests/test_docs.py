"""What is not tested drifts: verbs, files, rooms and blocks of the README and of docs/."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer.main

from aas2rto.cli import app
from aas2rto.config.load import load
from tests.test_layers import PACKAGE, ROOMS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_every_verb_is_in_the_readme_and_has_help(verb: str) -> None:
    """A verb that nobody can find does not exist."""
    assert f"`aas2rto {verb}" in README
    assert COMMANDS[verb].help or COMMANDS[verb].callback.__doc__


def test_the_readme_is_for_a_newcomer() -> None:
    """Short enough to be read; each page of docs/ is one link away."""
    assert len(README.splitlines()) <= 200
    assert [path.name for path in PAGES if f"](docs/{path.name})" not in README] == []


@pytest.mark.parametrize("path", [ROOT / "README.md", *PAGES], ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    """To a file that is there, and to a heading of it."""
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    for target in links:
        name, _, heading = target.partition("#")
        found = path.parent / name if name else path
        assert found.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {one.lower().replace(" ", "-") for one in headings}, target


def first_sentence(room: str) -> str:
    """Return the first paragraph of what a room says of itself."""
    path = PACKAGE / room / "__init__.py"
    path = path if path.exists() else PACKAGE / f"{room}.py"
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(said.partition("\n\n")[0].split()).replace("``", "`")


def test_where_things_are_names_every_room_and_nothing_else() -> None:
    """In the order of imports, each with the first sentence of its own file."""
    section = README.partition("## Where things are\n")[2].partition("\n## ")[0]
    table = section.partition("| room |")[2].partition("\n\n")[0]
    told = re.findall(r"^\| `(\w+)/?` \| (.+) \|$", table, re.MULTILINE)
    rooms = [room for room in ROOMS if room not in {"", "__main__"}]
    assert told == [(room, first_sentence(room)) for room in rooms]


def test_files_that_the_readme_names_are_there() -> None:
    """In the answers below the rooms."""
    section = README.partition("| question |")[2].partition("\n\n")[0]
    named = re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", section)
    assert len(named) >= 6
    for name in named:
        assert (PACKAGE / name).exists() or (ROOT / name).exists(), name


def test_the_example_factor_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The factor that its page shows can be used as the page says."""
    import numpy as np
    import pandas as pd
    from astropy.time import Time

    from aas2rto.steps.column import bind
    from aas2rto.steps.evaluate import evaluate

    code = re.search(r"```python\n(# my_factors\.py.*?)```", page("own_factor"), re.DOTALL)
    assert code is not None
    (tmp_path / "my_factors.py").write_text(code.group(1))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "case.yaml").write_text(
        "project: readme\nscore: {factors: [{'my_factors.py:blue_colour': {limit: 0.3 mag}}]}\n"
        "observatories: [la_palma_not]\n"
    )
    case = load("case.yaml")
    table = pd.DataFrame(
        {"candidate_id": ["a", "b"], "mag_ztfg": [17.0, 18.0], "mag_ztfr": [17.0, 17.5]}
    )
    column = evaluate(bind(case.factors)[0], table, Time(61121.0, format="mjd"))
    assert column.failures == ()
    np.testing.assert_allclose(column.factor.value[0], 1.0)
    assert column.factor.decision.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["own_factor", "rank_light_curves"])
def test_the_scores_that_a_page_shows_are_valid(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each can be copied into a config."""
    factor = re.search(r"```python\n(# my_factors\.py.*?)```", page("own_factor"), re.DOTALL)
    assert factor is not None
    (tmp_path / "my_factors.py").write_text(factor.group(1))
    monkeypatch.chdir(tmp_path)
    (score,) = re.findall(r"```yaml\n(score:.*?)```", page(name), re.DOTALL)
    (tmp_path / "case.yaml").write_text(
        f"project: docs\nmodels: {{salt: {{}}}}\nobservatories: [la_palma_not]\n{score}"
    )
    assert load("case.yaml").factors


def test_the_table_that_a_page_shows_is_read(tmp_path: Path) -> None:
    """Five measurements of one supernova, without a complaint."""
    from aas2rto.sources.archive import Archive
    from aas2rto.tables.report import PollRequest

    text = re.search(r"```\n(id,ra,.*?)```", page("rank_light_curves"), re.DOTALL)
    assert text is not None
    (tmp_path / "lc.csv").write_text(text.group(1))
    report = Archive(paths=(str(tmp_path / "lc.csv"),)).poll(PollRequest(61119.9))
    assert report.problems == ()
    assert (len(report.objects), len(report.photometry)) == (1, 5)


def commands() -> list[str]:
    """Return every `aas2rto ...` line of a shell block, without its comment."""
    texts = [README, *(path.read_text(encoding="utf-8") for path in PAGES)]
    blocks = [b for text in texts for b in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("aas2rto ")})


@pytest.mark.parametrize("line", commands())
def test_commands_have_the_options_that_pages_write(line: str) -> None:
    """A renamed verb or option would be found by a tired observer otherwise."""
    _, verb, *rest = line.split()
    found = COMMANDS[verb]
    if hasattr(found, "commands"):
        found = found.commands[rest[0]]
    known = {name for parameter in found.params for name in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known


def test_the_version_stands_in_one_place() -> None:
    """pyproject.toml takes the version from the package."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in text
