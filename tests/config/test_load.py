"""A config is read whole: what is right becomes a science case, what is wrong is said at once."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from aas2rto.config import load as config
from aas2rto.errors import ConfigError, ConfigProblem, UsageError
from aas2rto.steps.column import RULES

BASE = """\
project: test
score: {factors: [magnitude]}
observatories: [la_palma_not]
"""


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    """Work in an empty folder, where files are named by their bare names."""
    monkeypatch.chdir(tmp_path)


def case(text: str = BASE, *, environment=None, **options) -> config.Case:
    Path("case.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
    return config.load("case.yaml", environment=environment or {}, **options)


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


# -- what is right --------------------------------------------------------------------------------


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


def test_a_case_cannot_be_changed_afterwards():
    """What was checked stays as it was checked."""
    found = case()
    with pytest.raises(ValidationError, match="frozen"):
        found.config.project = "other"


def test_factors_are_written_in_three_ways():
    """A bare name, a name with settings, and an expression as a text."""
    found = case(
        with_factors("magnitude", "time_span: {max: 20 day}", 'expression: "1 + mag_ztfg"')
    )
    assert [part.name for part in found.factors] == ["magnitude", "time_span", "expression"]
    assert found.factors[1].arguments()["max"] == 20.0
    assert found.factors[2].arguments()["formula"] == "1 + mag_ztfg"


def test_columns_of_factors_have_names_of_their_own():
    """Two of one kind are numbered, and never meet a name that a user gave."""
    two = "expression: {formula: '1', name: colour}"
    three = "expression: {formula: '1', name: colour_2}"
    rules = [f"expression: {{formula: '1', name: {name}}}" for name in sorted(RULES)]
    found = case(with_factors(two, two, three, two, *rules))
    names = [part.name for part in found.factors]
    assert names[:4] == ["colour", "colour_2", "colour_2_2", "colour_3"]
    assert names[4:] == [f"{name}_2" for name in sorted(RULES)]


def test_a_part_without_settings_may_stand_alone():
    """`salt:` with nothing behind it means all defaults."""
    found = case(BASE + "models:\n  salt:\n")
    assert found.models[0].options.min_detections == 5


def test_a_section_with_all_lines_commented_out_is_empty():
    """Commenting out the last source does not break a config."""
    found = case(BASE + "sources:\n  # too: {}\nmodels:\n")
    assert (found.sources, found.models) == ((), ())


def test_a_type_lets_a_user_name_a_part(tmp_path):
    """Two sources of one kind need two names."""
    name = service(tmp_path)
    found = case(
        BASE + f"sources:\n  one: {{type: '{name}', token: '${{A}}'}}\n"
        f"  two: {{type: '{name}', token: '${{B}}'}}\n",
        environment={"A": "first", "B": "second"},
    )
    assert [part.name for part in found.sources] == ["one", "two"]
    assert [part.build().token.get_secret_value() for part in found.sources] == ["first", "second"]


def test_files_take_the_place_of_live_sources(tmp_path):
    """With an archive, live sources are not asked, and need no secrets."""
    name = service(tmp_path)
    text = BASE + f"sources:\n  live: {{type: '{name}', token: '${{TOKEN}}'}}\n"
    found = case(text, archive=["night.avro"])
    assert [part.name for part in found.sources] == ["archive"]
    assert found.sources[0].arguments()["paths"] == ("night.avro",)


def test_the_digest_follows_the_settings_and_knows_no_secret(tmp_path):
    """Provenance changes with a setting, not with a token."""
    text = BASE + f"sources:\n  s: {{type: '{service(tmp_path)}', token: '${{TOKEN}}'}}\n"
    digests = {case(text, environment={"TOKEN": token}).digest for token in ("first", "second")}
    assert len(digests) == 1
    assert case(text + "loop: {interval: 1 h}\n", environment={"TOKEN": "x"}).digest not in digests


# -- what is wrong: sections and parts ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "loop: {intervall: 10 min}",
            "case.yaml:4: loop.intervall: unknown setting 'intervall'; did you mean 'interval'? "
            "(known: deadline, interval)",
        ),
        ("loop: {interval: 10}", "case.yaml:4: loop.interval: 10 needs a unit; write for example"
         " '10 s'"),
        ("loop: {interval: 10 deg}", "case.yaml:4: loop.interval: '10 deg' cannot be converted"
         " to s"),
        ("loop: {interval: -1 s}", "case.yaml:4: loop.interval: Input should be greater than 0"
         " (it is -1.0)"),
        ("loop: {interval: inf s}", "case.yaml:4: loop.interval: 'inf s' is not finite; write a"
         " number such as '1 s'"),
        ("loop: 5", "case.yaml:4: loop: Input should be a valid dictionary or instance of Loop"
         " (it is 5)"),
        ("candidates: {merge_radius: 2 deg}", "case.yaml:4: candidates.merge_radius: Input should"
         " be less than or equal to 60 (it is 7200.0)"),
        ("models: {salt: {min_detection: 3}}", "case.yaml:4: models.salt.min_detection: unknown"
         " setting 'min_detection'; did you mean 'min_detections'?"),
        ("models: {slat: {}}", "case.yaml:4: models.slat: no model is called 'slat'; did you mean"
         " 'salt'?"),
        ("models: {mine: {type: 5}}", "case.yaml:4: models.mine: no model is called '5' (known:"),
        ("models: {salt: 5}", "case.yaml:4: models.salt: expected settings as `key: value`, not"
         " 5"),
        ("models: [salt]", "case.yaml:4: models: Input should be a valid dictionary (it is"
         " ['salt'])"),
        ("models: {salt: {redshift: [0.2, 0.1]}}", "case.yaml:4: models.salt: salt: redshift"
         " [0.2, 0.1] is no range; give [low, high] with 0 <= low < high"),
        ("messages: {slakc: {}}", "case.yaml:4: messages.slakc: no messenger is called 'slakc'"),
        ("model_choice: worst", "case.yaml:4: model_choice: Input should be 'first_ok' or 'best'"
         " (it is 'worst')"),
        ("visibility: {factor: altitud}", "case.yaml:4: visibility: no factor is called 'altitud';"
         " did you mean 'altitude' or 'altitude_integral'?"),
        ("visibility: {min_altitude: 30}", "case.yaml:4: visibility.min_altitude: 30 needs a"
         " unit; write for example '30 deg'"),
        ("visibility: {factor: detections}", "case.yaml:4: visibility.factor: 'detections' does not"
         " depend on the site; put it into `score`"),
        ("visibility: {saturation: {maximum: 3}}", "case.yaml:4: visibility.saturation.maximum:"
         " unknown setting 'maximum'; did you mean 'max'? (known: form, max, power)"),
        ("visibility: high", "case.yaml:4: visibility: Input should be a valid dictionary (it is"
         " 'high')"),
    ],
)  # fmt: skip
def test_a_wrong_section_says_where_what_and_the_nearest_name(text, expected):
    """File, line, key, what was expected, and the nearest name."""
    found = problems(BASE + text + "\n")
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        ("magnitud", "[0].magnitud: no factor is called 'magnitud'; did you mean 'magnitude'?"),
        ("magnitude: {zero_point: 18}", "[0].magnitude.zero_point: 18 needs a unit"),
        ("magnitude: 5", "[0].magnitude: expected settings as `key: value`, not 5"),
        ("{a: 1, b: 2}", "[0]: expected `- name` or `- name: {settings}`, not {'a': 1, 'b': 2}"),
        ("7", "[0]: expected `- name` or `- name: {settings}`, not 7"),
        ("detections: {bands: [ztg]}", "[0]: unknown band 'ztg'; did you mean 'ztfg'?"),
        ("detections: {bands: []}", "[0]: bands: name at least one"),
        ("detections: {min: 4.5}", "[0].detections.min: Input should be a valid integer"),
        ("rising_fraction: {min: 40}", "[0].rising_fraction.min: Input should be less than or"),
        ("rising_fraction: {trusted: 1}", "[0].rising_fraction.trusted: Input should be greater"),
        ("rising_fraction: {combine: sum}", "[0].rising_fraction.combine: Input should be"
         " 'geometric_mean' or 'product' (it is 'sum')"),
        ("peak", "[0]: needs a light-curve model; add one to `models`, such as `salt: {}`"),
        ("expression: mag_ztfq", "[0]: there is no column 'mag_ztfq'; did you mean"),
        ("expression: last_magg + 1", "[0]: there is no column 'last_magg'; did you mean"
         " 'last_mag'?"),
        ("expression: 1 +", "[0]: '1 +' is not an expression: invalid syntax"),
        ("expression: open(1)", "[0]: 'open' may not be called here"),
        ("expression: {formul: '1'}", "[0].expression.formula: is missing; it is required"),
        ("altitude_integral", "[0]: 'altitude_integral' is the factor of `visibility` already"),
        ("gone.py:f", "[0].gone.py:f: 'gone.py:f': there is no file"),
    ],
)  # fmt: skip
def test_a_wrong_factor_says_which_and_why(factor, expected):
    """The place in the list, and the words of the factor itself."""
    found = problems(with_factors(factor))
    assert any(line.startswith(f"case.yaml:5: score.factors{expected}") for line in found), found


def test_a_factor_that_reads_a_model_wants_it_to_exist():
    """A misspelt model would leave every candidate unfitted."""
    text = with_factors("peak: {model: slat}") + "models: {salt: {}}\n"
    assert problems(text) == [
        "case.yaml:5: score.factors[0]: model: there is no model 'slat' in `models`; "
        "did you mean 'salt'?"
    ]


def test_columns_of_models_and_brokers_can_be_used():
    """Fits bring their parameters, brokers bring what only the night will tell."""
    factors = (
        "expression: salt_x1 + salt_t_peak_err + salt_c_err",
        "expression: fits_t_peak_ztfg",
        "expression: fink_snn_sn_vs_all * 2",
    )
    models = "models: {salt: {}, fits: {type: bazin}}\n"
    assert len(case(with_factors(*factors) + models).factors) == 3
    assert "no column 'salt_x1'" in problems(with_factors(*factors))[0]


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        ("[la_plama_not]", "observatories[0]: no observatory is called 'la_plama_not'; did you"
         " mean 'la_palma_not'?"),
        ("[la_palma_not, la_palma_not]", "observatories[1]: 'la_palma_not' stands here twice;"
         " each site has its own list"),
        ("[]", "observatories: List should have at least 1 item"),
        ("la_palma_not", "observatories: Input should be a valid list (it is 'la_palma_not')"),
    ],
)  # fmt: skip
def test_a_wrong_list_of_sites_is_refused(sites, expected):
    """A site that is listed twice would be ranked, and stored, twice."""
    text = f"project: test\nscore: {{factors: [magnitude]}}\nobservatories: {sites}\n"
    assert problems(text)[0].startswith(f"case.yaml:3: {expected}")


def test_a_wrong_site_of_ones_own_is_reported_with_its_own_line():
    """The problem stands in the site's file, and is reported with those of the config."""
    Path("mine.yaml").write_text("position: {longitude: 10, latitude: 0 deg, elevation: 0 m}\n")
    text = BASE.replace("la_palma_not", "mine.yaml") + "loop: {interval: 1}\n"
    found = problems(text)
    assert any("mine.yaml:1: position.longitude: 10 needs a unit" in line for line in found)
    assert any(line.startswith("case.yaml:4: loop.interval") for line in found)


def test_no_site_may_take_the_name_of_the_list_without_a_site():
    """Its list would be written over the science list."""
    site = "position: {longitude: 10 deg, latitude: 0 deg, elevation: 0 m}\n"
    Path("science.yaml").write_text("title: Science\ntimezone: UTC\n" + site)
    found = problems(BASE.replace("la_palma_not", "science.yaml"))
    assert found == [
        "case.yaml:3: observatories[0]: 'science' names the list without a site; "
        "each site has its own list"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "case.yaml:1: (file): expected `key: value` lines of a config"),
        ("- a\n", "case.yaml:1: (file): expected `key: value` lines of a config"),
        ("project: x\nscore: [1\n", "case.yaml:3: (file): is not valid YAML: expected ',' or ']'"),
        (BASE + "project: again\n", "case.yaml:4: (file): 'project' stands twice (first in line 1"),
        ("score: {factors: [magnitude]}\nobservatories: [la_palma_not]\n",
         "case.yaml:1: project: is missing; it is required"),
        (BASE.replace("test", "a b"), "case.yaml:1: project: String should match pattern"),
        (BASE.replace("test", "../up"), "case.yaml:1: project: String should match pattern"),
        (BASE.replace("test", "2026"), "case.yaml:1: project: Input should be a valid string"),
        ("project: x\nscore:\nobservatories: [la_palma_not]\n",
         "case.yaml:2: score: is missing; it is required"),
        ("project: x\nscore: {base: .inf, factors: [magnitude]}\nobservatories: [la_palma_not]\n",
         "case.yaml:2: score.base: Input should be a finite number (it is inf)"),
        ("project: x\nscore: {base: 0, factors: [magnitude]}\nobservatories: [la_palma_not]\n",
         "case.yaml:2: score.base: Input should be greater than 0 (it is 0)"),
        (BASE + "sourcess: {}\n", "case.yaml:4: sourcess: unknown setting 'sourcess'; did you mean"
         " 'sources'?"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_config_says_so(text, expected):
    """Bad YAML has its line, and what is missing its name."""
    assert problems(text)[0].startswith(expected)


def test_everything_that_is_wrong_is_said_at_once_in_order():
    """Unknown keys, wrong units, unknown names and missing variables, sorted by line."""
    found = problems(
        """\
        project: bad name
        loop: {intervall: 10 min, interval: 10}
        models:
          salt: {}
        score:
          factors:
            - magnitud
            - expression: mag_ztfq + 1
            - magnitude: {zero_point: 18}
        observatories: [la_plama_not]
        store: ${DATABASE}
        """
    )
    lines = [int(line.split(":")[1]) for line in found]
    assert lines == [1, 2, 2, 7, 8, 9, 10, 11]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("visibility.min_alt", "25 deg",
         "--set: visibility.min_alt: unknown setting 'min_alt'; did you mean 'min_altitude'?"),
        ("visibility.min_altitude", 25,
         "--set: visibility.min_altitude: 25 needs a unit; write for example '25 deg'"),
        ("looop.interval", "1 min", "--set: looop: unknown setting 'looop'; did you mean 'loop'?"),
        ("score.factors.magnitude.faint", "19 mag",
         "--set: score.factors[0].magnitude.faint: unknown setting 'faint'; did you mean"),
        ("observatories", ["mauna_kea"], "--set: observatories[0]: no observatory is called"),
        ("visibility.factor", "nope", "--set: visibility: no factor is called 'nope'"),
        ("score.factors.magnitude", 3, "--set: score.factors[0].magnitude: expected settings"),
        ("score.base", 0, "--set: score.base: "),
        ("sources.tns", {"bot_id": "1", "bot_name": "b", "api_key": "${NOT_SET}"},
         "--set: sources.tns.api_key: the environment variable NOT_SET is not set"),
    ],
)  # fmt: skip
def test_a_wrong_change_is_blamed_on_set_and_not_on_the_file(key, value, expected):
    """Nobody should look for a mistake in a line that does not have it."""
    told = problems(BASE, changes={key: value})
    assert [line for line in told if line.startswith(expected)], told
    assert not [line for line in told if line.startswith("case.yaml") and "--set" not in line]


def test_a_change_within_what_stands_in_the_file_is_named_beside_its_line():
    text = BASE + "visibility: {min_altitude: 30 deg}\n"
    told = problems(text, changes={"visibility.factor": "nope"})
    assert told[0].startswith("case.yaml:4 with --set visibility.factor: visibility: no factor")


def test_a_wrong_change_does_not_take_the_blame_of_the_file():
    told = problems(BASE + "looop: 1\n", changes={"visibility.min_alt": "25 deg"})
    assert [line.partition(": ")[0] for line in told] == ["--set", "case.yaml:4"]


def test_a_secret_in_a_change_is_refused_as_one_in_the_file():
    told = problems(BASE, changes={"sources.tns": {"bot_id": "1", "bot_name": "b"},
                                   "sources.tns.api_key": "hush-hush"})  # fmt: skip
    assert "--set: sources.tns.api_key: a secret does not belong into a config" in told[0]
    assert "hush" not in "".join(told)


def test_a_long_value_is_shortened():
    """An error shows what was written, not a page of it."""
    found = problems(BASE.replace("test", "'" + "a b " * 100 + "'"))
    assert len(found[0]) < 160
    assert "...)" in found[0]


def test_a_file_that_is_not_there_offers_its_neighbour():
    """The folder may hold one of nearly that name."""
    Path("my_case.yaml").write_text(BASE)
    with pytest.raises(UsageError, match=re.escape("there is no config my_csae.yaml; did you")):
        config.load("my_csae.yaml", environment={})


def test_one_problem_and_several_are_counted():
    """The title counts as people do."""
    one = ConfigProblem("a.yaml:1", "loop", "is wrong")
    assert str(ConfigError([one])) == "1 problem in the config:\n  a.yaml:1: loop: is wrong"
    assert str(ConfigError([one, one])).startswith("2 problems in the config:")
    assert ConfigError([one]).exit_code == 2


# -- what comes from the environment --------------------------------------------------------------


def test_all_missing_variables_are_said_together(tmp_path):
    """Each with its line, two in one setting as well, and one that is set but empty."""
    found = problems(
        BASE + f"store: postgresql+psycopg://${{DB_USER}}:${{DB_PASSWORD}}@host/x\nsources:\n"
        f"  mine: {{type: '{service(tmp_path)}', token: '${{TOKEN}}'}}\n",
        environment={"TOKEN": ""},
    )
    says = "is not set; export it, or put it into the file that AAS2RTO_SECRETS names"
    assert found == [
        f"case.yaml:4: store: the environment variable DB_USER {says}",
        f"case.yaml:4: store: the environment variable DB_PASSWORD {says}",
        f"case.yaml:6: sources.mine.token: the environment variable TOKEN {says}",
    ]


def test_a_check_needs_no_secrets(tmp_path):
    """What is missing is only noted, with the source that will miss it."""
    text = BASE + f"sources:\n  mine: {{type: '{service(tmp_path)}', token: '${{TOKEN}}'}}\n"
    found = case(text, need_secrets=False)
    assert found.sources[0].missing == ("TOKEN",)
    assert [problem.key for problem in found.missing] == ["sources.mine.token"]


def test_a_check_knows_the_rest_of_a_section_with_a_missing_variable():
    """One variable that is not set does not hide the other settings."""
    found = case(BASE + "loop: {interval: '${X}', deadline: 1 min}\n", need_secrets=False)
    assert (found.config.loop.interval, found.config.loop.deadline) == (600.0, 60.0)


def test_a_check_without_what_every_case_needs_says_so():
    """A project without a name cannot even be checked."""
    found = problems(BASE.replace("test", "${PROJECT}"), need_secrets=False)
    assert len(found) == 1
    assert "the environment variable PROJECT is not set" in found[0]


def test_a_literal_secret_is_refused_whatever_else_is_wrong(tmp_path):
    """A token in a config ends in a repository; it is not repeated in the error."""
    text = (
        BASE + f"sources:\n  mine: {{type: '{service(tmp_path)}', token: sesame, second: s2, a: 1}}"
    )
    found = problems(text)
    assert (
        "case.yaml:5: sources.mine.token: a secret does not belong into a config; "
        "write ${MINE_TOKEN} and set that environment variable"
    ) in found
    assert any(line.startswith("case.yaml:5: sources.mine.second: a secret") for line in found)
    assert any("unknown setting 'a'" in line for line in found)
    assert "sesame" not in "".join(found)


SECRET = "hush-hush \\ 'quoted'" + "x" * 60


@pytest.mark.parametrize(
    "text",
    [
        "loop: {interval: '${TOKEN}'}",
        "loop: '${TOKEN}'",
        "models: {salt: {min_detections: '${TOKEN}'}}",
        "models: {salt: '${TOKEN}'}",
        "models: {salt: {source: ['${TOKEN}'], engine: '${TOKEN}'}}",
        "model_choice: 'a${TOKEN}b'",
        "visibility: {factor: '${TOKEN}'}",
        "messages: {x: {type: '${TOKEN}'}}",
        "sources: {mine: {type: 'mine.py:Service', token: ['${TOKEN}'], probability: '${TOKEN}'}}",
    ],
)
def test_what_came_from_the_environment_is_never_shown(text, tmp_path):
    """A secret in the wrong place is named by its variable, not by its value."""
    service(tmp_path)
    found = "\n".join(problems(BASE + text + "\n", environment={"TOKEN": SECRET}))
    assert "TOKEN" in found
    assert "hush" not in found
    assert "xxx" not in found


def test_a_variable_may_stand_within_a_text():
    """A URL carries a password in its middle; a name in a list is filled in, too."""
    text = BASE.replace("la_palma_not", "${SITE}") + "store: sqlite:///${NIGHT}.sqlite\n"
    found = case(text, environment={"NIGHT": "tonight", "SITE": "la_silla_ntt"})
    assert found.config.store == "sqlite:///tonight.sqlite"
    assert found.observatories[0].name == "la_silla_ntt"


def test_what_a_variable_holds_is_not_read_as_a_variable():
    """A password with a dollar sign stays as it is."""
    found = case(BASE + "store: '${A}'\n", environment={"A": "${B}", "B": "no"})
    assert found.config.store == "${B}"


# -- the file of secrets --------------------------------------------------------------------------


def secrets(text: str | bytes, mode: int = 0o600) -> dict[str, str]:
    path = Path("secrets.env")
    path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
    path.chmod(mode)
    return config.secrets_from_file({"AAS2RTO_SECRETS": str(path)})


def test_a_file_of_secrets_is_read_as_a_shell_reads_it():
    """The same file can be sourced."""
    found = secrets(
        """\
        # tokens
        A=one
        export B="two words"
         C = 'three'
        D=a=b"c
        E=
        not an assignment
        #F=no
        """
    )
    assert found == {"A": "one", "B": "two words", "C": "three", "D": 'a=b"c', "E": ""}


def test_the_environment_wins_over_the_file_of_secrets():
    """What one exports now is what one means."""
    path = Path("secrets.env")
    path.write_text("STORE=sqlite:///file.sqlite\nSITE=la_silla_ntt\n")
    path.chmod(0o600)
    found = case(
        BASE.replace("la_palma_not", "${SITE}") + "store: ${STORE}\n",
        environment={"AAS2RTO_SECRETS": str(path), "STORE": "sqlite"},
    )
    assert found.config.store == "sqlite"
    assert found.observatories[0].name == "la_silla_ntt"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o606, 0o660])
def test_a_file_of_secrets_that_others_may_read_is_refused(mode):
    """The error says how to mend it."""
    with pytest.raises(UsageError) as caught:
        secrets("A=1\n", mode)
    assert str(caught.value) == (
        f"AAS2RTO_SECRETS: secrets.env has mode {mode:04o}, others may read it; "
        "correct it with: chmod 600 secrets.env"
    )


def test_a_file_of_secrets_that_cannot_be_read_is_named():
    """A path that leads nowhere, a folder, or bytes that are no text."""
    for path, why in (("gone.env", "No such file or directory"), (".", "Is a directory")):
        with pytest.raises(UsageError, match=f"^AAS2RTO_SECRETS: cannot read {path}: {why}$"):
            config.secrets_from_file({"AAS2RTO_SECRETS": path})
    with pytest.raises(UsageError, match=r"^AAS2RTO_SECRETS: secrets.env is not UTF-8 text$"):
        secrets(b"A=\xff\n")


def test_the_process_environment_is_used_by_default(monkeypatch):
    """`run` takes what was exported."""
    monkeypatch.setitem(os.environ, "AAS2RTO_TEST_SITE", "la_silla_ntt")
    Path("case.yaml").write_text(BASE.replace("la_palma_not", "${AAS2RTO_TEST_SITE}"))
    assert config.load("case.yaml").observatories[0].name == "la_silla_ntt"


def test_secrets_do_not_show_in_a_case(tmp_path):
    """A case can be printed and logged."""
    text = BASE + f"sources:\n  mine: {{type: '{service(tmp_path)}', token: '${{TOKEN}}'}}\n"
    found = case(text, environment={"TOKEN": "hush-hush"})
    assert isinstance(found.sources[0].options.token, SecretStr)
    assert "hush-hush" not in repr(found.sources)
    assert "hush-hush" not in str(found.sources[0].options.model_dump())
