"""Every key that is listed is one that ``--set`` takes, and its value is what it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from aas2rto.config.all_settings import settings_of
from aas2rto.config.load import load
from aas2rto.config.overrides import changes

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_is_listed_can_be_set(path: Path) -> None:
    """All of them at once to their own values: the same science case."""
    case = load(path, need_secrets=False)
    found = settings_of(case)
    keys = [one.key for one in found]
    assert len(keys) == len(set(keys))
    texts = [f"{one.key}={one.value}" for one in found if one.value and "***" not in one.value]
    again = load(path, need_secrets=False, changes=changes(texts))
    assert [(o.key, o.value) for o in settings_of(again)] == [(o.key, o.value) for o in found]


def test_a_unit_is_that_of_the_value() -> None:
    case = load(CONFIGS[0], need_secrets=False)
    for one in settings_of(case):
        if one.unit and one.value not in {"null", ""} and one.value[0] not in "[{":
            assert one.value.endswith(one.unit.removeprefix("1").strip()), one
