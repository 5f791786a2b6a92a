"""What is wrong is said with its place, with what is missing, and without any secret."""

from __future__ import annotations

import pytest

from tests.config.cases import BASE, case, problems, service

pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "loop: {intervall: 10 min}",
            "case.yaml:4: loop.intervall: unknown setting 'intervall'; did you mean 'interval'? "
            "(known: dark_after, deadline, interval, lag_after, react)",
        ),
        (
            "loop: {interval: 10}",
            "case.yaml:4: loop.interval: 10 needs a unit; write for example '10 s'",
        ),
        (
            "loop: {interval: 10 deg}",
            "case.yaml:4: loop.interval: '10 deg' cannot be converted to s",
        ),
        (
            "loop: {interval: -1 s}",
            "case.yaml:4: loop.interval: Input should be greater than 0 (it is -1.0)",
        ),
        (
            "loop: {interval: inf s}",
            "case.yaml:4: loop.interval: 'inf s' is not finite; write a number such as '1 s'",
        ),
        (
            "loop: 5",
            "case.yaml:4: loop: Input should be a valid dictionary or instance of Loop (it is 5)",
        ),
        (
            "candidates: {merge_radius: 2 deg}",
            "case.yaml:4: candidates.merge_radius: Input should"
            " be less than or equal to 60 (it is 7200.0)",
        ),
        (
            "models: {salt: {min_detection: 3}}",
            "case.yaml:4: models.salt.min_detection: unknown"
            " setting 'min_detection'; did you mean 'min_detections'?",
        ),
        (
            "models: {slat: {}}",
            "case.yaml:4: models.slat: no model is called 'slat'; did you mean 'salt'?",
        ),
        ("models: {mine: {type: 5}}", "case.yaml:4: models.mine: no model is called '5' (known:"),
        ("models: {salt: 5}", "case.yaml:4: models.salt: expected settings as `key: value`, not 5"),
        (
            "models: [salt]",
            "case.yaml:4: models: Input should be a valid dictionary (it is ['salt'])",
        ),
        (
            "models: {salt: {redshift: [0.2, 0.1]}}",
            "case.yaml:4: models.salt: salt: redshift"
            " [0.2, 0.1] is no range; give [low, high] with 0 <= low < high",
        ),
        ("messages: {slakc: {}}", "case.yaml:4: messages.slakc: no messenger is called 'slakc'"),
        (
            "model_choice: worst",
            "case.yaml:4: model_choice: Input should be 'first_ok' or 'best' (it is 'worst')",
        ),
        (
            "visibility: {factor: altitud}",
            "case.yaml:4: visibility: no factor is called 'altitud';"
            " did you mean 'altitude' or 'altitude_integral'?",
        ),
        (
            "visibility: {min_altitude: 30}",
            "case.yaml:4: visibility.min_altitude: 30 needs a unit; write for example '30 deg'",
        ),
        (
            "visibility: {factor: detections}",
            "case.yaml:4: visibility.factor: 'detections' does not"
            " depend on the site; put it into `score`",
        ),
        (
            "visibility: {saturation: {maximum: 3}}",
            "case.yaml:4: visibility.saturation.maximum:"
            " unknown setting 'maximum'; did you mean 'max'? (known: form, max, power)",
        ),
        (
            "visibility: high",
            "case.yaml:4: visibility: Input should be a valid dictionary (it is 'high')",
        ),
    ],
)
def test_a_wrong_section_says_where_what_and_the_nearest_name(text, expected):
    """File, line, key, what was expected, and the nearest name."""
    found = problems(BASE + text + "\n")
    assert found[0].startswith(expected)


@pytest.mark.fault("config", "damaged", "several mistakes at once")
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
        (
            "visibility.min_alt",
            "25 deg",
            "--set: visibility.min_alt: unknown setting 'min_alt'; did you mean 'min_altitude'?",
        ),
        (
            "visibility.min_altitude",
            25,
            "--set: visibility.min_altitude: 25 needs a unit; write for example '25 deg'",
        ),
        ("looop.interval", "1 min", "--set: looop: unknown setting 'looop'; did you mean 'loop'?"),
        (
            "score.factors.magnitude.faint",
            "19 mag",
            "--set: score.factors[0].magnitude.faint: unknown setting 'faint'; did you mean",
        ),
        ("observatories", ["mauna_kea"], "--set: observatories[0]: no observatory is called"),
        ("visibility.factor", "nope", "--set: visibility: no factor is called 'nope'"),
        ("score.factors.magnitude", 3, "--set: score.factors[0].magnitude: expected settings"),
        ("score.base", 0, "--set: score.base: "),
        (
            "sources.tns",
            {"bot_id": "1", "bot_name": "b", "api_key": "${NOT_SET}"},
            "--set: sources.tns.api_key: the environment variable NOT_SET is not set",
        ),
    ],
)
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
    told = problems(
        BASE,
        changes={
            "sources.tns": {"bot_id": "1", "bot_name": "b"},
            "sources.tns.api_key": "hush-hush",
        },
    )
    assert "--set: sources.tns.api_key: a secret does not belong into a config" in told[0]
    assert "hush" not in "".join(told)


@pytest.mark.fault("config", "bomb", "a value without end")
def test_a_long_value_is_shortened():
    """An error shows what was written, not a page of it."""
    found = problems(BASE.replace("test", "'" + "a b " * 100 + "'"))
    assert len(found[0]) < 160
    assert "...)" in found[0]


def test_all_missing_variables_are_said_together(tmp_path):
    """Each with its line, two in one setting as well, and one that is set but empty."""
    found = problems(
        BASE + f"store: postgresql+pg8000://${{DB_USER}}:${{DB_PASSWORD}}@host/x\nsources:\n"
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


@pytest.mark.fault("config", "secret", "a secret written out")
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


@pytest.mark.fault("config", "secret", "a wrong value from the environment")
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
    assert found.config.store.url == "sqlite:///tonight.sqlite"
    assert found.observatories[0].name == "la_silla_ntt"


def test_what_a_variable_holds_is_not_read_as_a_variable():
    """A password with a dollar sign stays as it is."""
    found = case(BASE + "store: '${A}'\n", environment={"A": "${B}", "B": "no"})
    assert found.config.store.url == "${B}"
