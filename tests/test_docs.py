"""What is not tested drifts: the README's verbs, files and blocks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from aas2rto.cli import app
from aas2rto.config.load import load

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_every_verb_is_in_the_readme_and_has_help(verb: str) -> None:
    """A verb that nobody can find does not exist."""
    assert f"`aas2rto {verb}" in README
    assert COMMANDS[verb].help or COMMANDS[verb].callback.__doc__


def test_every_link_leads_somewhere() -> None:
    """Links to files in the README point at files."""
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_example_factor_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The factor that the README shows can be used as the README says."""
    import numpy as np
    import pandas as pd
    from astropy.time import Time

    from aas2rto.steps.column import bind
    from aas2rto.steps.evaluate import evaluate

    code = re.search(r"```python\n(# my_factors\.py.*?)```", README, re.DOTALL)
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


def test_the_version_stands_in_one_place() -> None:
    """pyproject.toml takes the version from the package."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in text
