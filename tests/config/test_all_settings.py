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


OUTLETS = """
snapshot: {size: 4}
lco: {proposal: A, exposure: 90 s, not_if: [spectrum]}
share:
  skyportal: {url: 'http://x', group_ids: [1, 2]}
  p2: {container: 7}
"""


def test_outlets_are_listed_where_a_config_has_them(tmp_path: Path) -> None:
    """And can be set, as all others."""
    text = (Path(__file__).parents[2] / "configs" / "demo.yaml").read_text()
    (tmp_path / "a.yaml").write_text(text + OUTLETS)
    case = load(tmp_path / "a.yaml", need_secrets=False)
    found = {one.key: one for one in settings_of(case)}
    assert (found["lco.exposure"].value, found["lco.exposure"].default) == ("90 s", "120 s")
    assert (found["lco.proposal"].default, found["lco.not_if"].value) == ("", "[spectrum]")
    assert found["snapshot.size"].value == "4"
    assert found["share.skyportal.group_ids"].value == "[1, 2]"
    assert "share.tom.url" not in found
    texts = [f"{one.key}={one.value}" for one in found.values() if "." in one.key and one.value]
    mine = [one for one in texts if one.startswith(("lco.", "share.", "snapshot."))]
    again = load(tmp_path / "a.yaml", need_secrets=False, changes=changes(mine))
    assert [(o.key, o.value) for o in settings_of(again)] == [
        (o.key, o.value) for o in found.values()
    ]
    assert (
        load(
            tmp_path / "a.yaml", need_secrets=False, changes=changes(["lco.exposure=60 s"])
        ).config.lco.exposure
        == 60.0
    )  # type: ignore[union-attr]
    plain = load(Path(__file__).parents[2] / "configs" / "demo.yaml", need_secrets=False)
    assert not any(one.key.startswith("lco.") for one in settings_of(plain))


def test_a_unit_is_that_of_the_value() -> None:
    case = load(CONFIGS[0], need_secrets=False)
    for one in settings_of(case):
        if one.unit and one.value not in {"null", ""} and one.value[0] not in "[{":
            assert one.value.endswith(one.unit.removeprefix("1").strip()), one
