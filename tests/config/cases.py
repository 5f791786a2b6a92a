"""Small configs, and what is said of them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from aas2rto.config.case import Case
from aas2rto.config.load import load
from aas2rto.errors import ConfigError

BASE = """\
project: test
score: {factors: [magnitude]}
observatories: [la_palma_not]
"""


def case(text: str = BASE, *, environment=None, **options) -> Case:
    Path("case.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
    return load("case.yaml", environment=environment or {}, **options)


def problems(text: str, *, environment=None, **options) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        case(text, environment=environment, **options)
    lines = str(caught.value).splitlines()
    assert [line.removeprefix("  ") for line in lines[1:]] == list(map(str, caught.value.problems))
    return lines[1:] and [line.removeprefix("  ") for line in lines[1:]]


def with_factors(*factors: str) -> str:
    lines = "".join(f"    - {factor}\n" for factor in factors)
    return f"project: test\nobservatories: [la_palma_not]\nscore:\n  factors:\n{lines}"


def service(folder: Path = Path()) -> str:
    """Write a source of one's own that takes a secret; return how a config names it."""
    (folder / "mine.py").write_text(
        textwrap.dedent(
            """
            from pydantic import SecretStr

            class Service:
                def __init__(self, *, token: SecretStr, second: SecretStr | None = None,
                             probability: float = 0.8, topics: tuple[str, ...] = ()) -> None:
                    self.token = token
            """
        )
    )
    return "mine.py:Service"
