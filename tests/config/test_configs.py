"""Every file that people copy from loads and means what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aas2rto.config.load import load
from aas2rto.sky import observatory_file

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
SITES = sorted((ROOT / "observatories").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_checks(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each config is right from any folder; secrets may be unset."""
    monkeypatch.chdir(tmp_path)
    case = load(path, environment={}, need_secrets=False)
    assert case.factors
    assert case.observatories


def test_an_example_shows_messages(tmp_path: Path) -> None:
    """With its secrets named, never written: unset they are told, set it is complete."""
    path = ROOT / "configs" / "with_messages.yaml"
    case = load(path, environment={}, need_secrets=False)
    assert [part.name for part in case.messengers] == ["slack", "mail", "operators"]
    assert [part.policy.role for part in case.messengers] == ["observers", "observers", "operators"]
    unset = {re.sub(r".* variable (\w+) is not set.*", r"\1", str(one)) for one in case.missing}
    assert unset == {"SLACK_TOKEN", "SLACK_APP_TOKEN", "SMTP_PASSWORD"}
    case = load(path, environment=dict.fromkeys(unset, "hush-hush"))
    assert case.missing == ()
    assert case.when.enters_top == 3
    assert "hush" not in repr(case.messengers)


@pytest.mark.parametrize("name", ["sn_ia_peak.yaml", "new.yaml"])
def test_the_defaults_rank_by_the_chance_of_success(name: str) -> None:
    """Nothing else enters the score, a fit that explains nothing is out, and a list can wait."""
    case = load(ROOT / "configs" / name)
    factors = {part.name: part.options for part in case.factors}
    assert {"chisq", "value", "wait_here"} <= set(factors)
    assert factors["magnitude"].ceiling == 1
    assert factors["magnitude"].zero_point == factors["magnitude"].faint_limit
    assert factors["chisq"].power == 0
    assert factors["time_span"].midpoint is None
    assert factors["value"].faint_limit == factors["wait_here"].faint_limit
    assert factors["value"].within == factors["wait_here"].within
    assert case.config.score.min_value == 0.2
    assert case.config.candidates.reconsider_after == 60
    assert case.config.candidates.quiet == 60


def test_the_papers_settings_stay_beside_them() -> None:
    """What the paper did not do is off."""
    case = load(ROOT / "configs" / "paper_2025.yaml")
    factors = {part.name: part.options.model_dump() for part in case.factors}
    assert list(factors) == ["magnitude", "detections", "rising_fraction", "time_span", "peak"]
    assert factors["magnitude"]["ceiling"] is None
    assert factors["rising_fraction"]["combine"] == "product"
    assert (factors["peak"]["uncertainty"], factors["peak"]["no_fit"]) == (False, 1)
    assert case.config.candidates.quiet is None
    assert [part.name for part in case.models] == ["salt"]
    assert case.models[0].options.model_dump()["priors"] == "none"


@pytest.mark.parametrize("name", ["demo", "demo.yaml", "configs/demo.yaml"])
def test_examples_are_found_from_any_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An example that came with the install is reached by its name."""
    monkeypatch.chdir(tmp_path)
    assert load(name).project == "demo"


@pytest.mark.parametrize("path", SITES, ids=lambda path: path.name)
def test_every_observatory_loads(path: Path) -> None:
    """Each site loads under its file's name."""
    assert observatory_file.load(path.stem).name == path.stem
    assert path.stem in observatory_file.available()


def test_there_is_a_polar_site_and_the_promised_four() -> None:
    """The sites of the examples exist, and one with polar day and night."""
    names = {"la_silla_dk154", "la_palma_not", "palomar_p60", "siding_spring_23m"}
    assert names <= {path.stem for path in SITES}
    assert any(abs(observatory_file.load(path.stem).latitude_deg) > 66.6 for path in SITES)


def test_a_null_turns_the_wait_off(tmp_path: Path) -> None:
    """`wait_here: null`: the others stay as they are."""
    text = (ROOT / "configs" / "demo.yaml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if "wait_here" in line)
    path = tmp_path / "case.yaml"
    path.write_text(text.replace(line, "    - wait_here: null"), encoding="utf-8")
    before, after = (
        [part.name for part in load(one).factors] for one in (ROOT / "configs" / "demo.yaml", path)
    )
    assert after == [name for name in before if name != "wait_here"]
