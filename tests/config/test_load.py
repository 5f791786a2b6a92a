"""A config is read whole: what is right becomes a science case, what is wrong is said at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aas2rto.config.load import load
from aas2rto.errors import ConfigError, ConfigProblem, UsageError
from tests.config.cases import BASE, case, problems, service

pytestmark = pytest.mark.usefixtures("in_folder")


def test_a_small_config_is_enough():
    """Everything but the project, the factors and the sites has a default."""
    found = case()
    assert found.project == "test"
    assert [part.name for part in found.factors] == ["magnitude"]
    assert found.site_factor.name == "altitude_integral"
    assert [site.name for site in found.observatories] == ["la_palma_not"]
    assert (found.config.loop.interval, found.config.loop.deadline) == (600.0, 120.0)
    assert found.config.candidates.merge_radius == 5.0
    assert found.config.candidates.reconsider_after is None
    assert found.missing == ()


def test_settings_arrive_in_the_units_of_the_program():
    """A config may say it in any unit."""
    found = case(
        BASE
        + "loop: {interval: 0.5 h}\ncandidates: {merge_radius: 1 arcmin, reconsider_after: 48 h}\n"
    )
    assert found.config.loop.interval == 1800.0
    assert found.config.candidates.merge_radius == pytest.approx(60.0)
    assert found.config.candidates.reconsider_after == pytest.approx(2.0)


@pytest.mark.fault("config", "empty", "an empty section")
def test_a_section_with_all_lines_commented_out_is_empty():
    """Commenting out the last source does not break a config."""
    found = case(BASE + "sources:\n  # too: {}\nmodels:\n")
    assert (found.sources, found.models) == ((), ())


@pytest.mark.fault("config", "secret", "a secret in the digest")
def test_the_digest_follows_the_settings_and_knows_no_secret(tmp_path):
    """Provenance changes with a setting, not with a token."""
    text = BASE + f"sources:\n  s: {{type: '{service(tmp_path)}', token: '${{TOKEN}}'}}\n"
    digests = {case(text, environment={"TOKEN": token}).digest for token in ("first", "second")}
    assert len(digests) == 1
    assert case(text + "loop: {interval: 1 h}\n", environment={"TOKEN": "x"}).digest not in digests


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "case.yaml:1: (file): expected `key: value` lines of a config"),
        ("- a\n", "case.yaml:1: (file): expected `key: value` lines of a config"),
        ("project: x\nscore: [1\n", "case.yaml:3: (file): is not valid YAML: expected ',' or ']'"),
        (BASE + "project: again\n", "case.yaml:4: (file): 'project' stands twice (first in line 1"),
        (
            "score: {factors: [magnitude]}\nobservatories: [la_palma_not]\n",
            "case.yaml:1: project: is missing; it is required",
        ),
        (BASE.replace("test", "a b"), "case.yaml:1: project: String should match pattern"),
        (BASE.replace("test", "../up"), "case.yaml:1: project: String should match pattern"),
        (BASE.replace("test", "2026"), "case.yaml:1: project: Input should be a valid string"),
        (
            "project: x\nscore:\nobservatories: [la_palma_not]\n",
            "case.yaml:2: score: is missing; it is required",
        ),
        (
            "project: x\nscore: {base: .inf, factors: [magnitude]}\n"
            "observatories: [la_palma_not]\n",
            "case.yaml:2: score.base: Input should be a finite number (it is inf)",
        ),
        (
            "project: x\nscore: {base: 0, factors: [magnitude]}\nobservatories: [la_palma_not]\n",
            "case.yaml:2: score.base: Input should be greater than 0 (it is 0)",
        ),
        (
            BASE + "sourcess: {}\n",
            "case.yaml:4: sourcess: unknown setting 'sourcess'; did you mean 'sources'?",
        ),
    ],
)
def test_a_file_that_is_no_config_says_so(text, expected):
    """Bad YAML has its line, and what is missing its name."""
    assert problems(text)[0].startswith(expected)


@pytest.mark.fault("config", "gone", "a config that is not there")
def test_a_file_that_is_not_there_offers_its_neighbour():
    """The folder may hold one of nearly that name."""
    Path("my_case.yaml").write_text(BASE)
    with pytest.raises(UsageError, match=re.escape("there is no config my_csae.yaml; did you")):
        load("my_csae.yaml", environment={})


def test_one_problem_and_several_are_counted():
    """The title counts as people do."""
    one = ConfigProblem("a.yaml:1", "loop", "is wrong")
    assert str(ConfigError([one])) == "1 problem in the config:\n  a.yaml:1: loop: is wrong"
    assert str(ConfigError([one, one])).startswith("2 problems in the config:")
    assert ConfigError([one]).exit_code == 2
