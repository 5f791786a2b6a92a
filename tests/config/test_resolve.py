"""Names become parts and sites that fit together, or are said to be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from aas2rto.steps.column import RULES
from tests.config.cases import BASE, case, problems, service, with_factors

pytestmark = pytest.mark.usefixtures("in_folder")


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
        (
            "rising_fraction: {combine: sum}",
            "[0].rising_fraction.combine: Input should be"
            " 'geometric_mean' or 'product' (it is 'sum')",
        ),
        ("peak", "[0]: needs a light-curve model; add one to `models`, such as `salt: {}`"),
        ("expression: mag_ztfq", "[0]: there is no column 'mag_ztfq'; did you mean"),
        (
            "expression: last_magg + 1",
            "[0]: there is no column 'last_magg'; did you mean 'last_mag'?",
        ),
        ("expression: 1 +", "[0]: '1 +' is not an expression: invalid syntax"),
        ("expression: open(1)", "[0]: 'open' may not be called here"),
        ("expression: {formul: '1'}", "[0].expression.formula: is missing; it is required"),
        ("altitude_integral", "[0]: 'altitude_integral' is the factor of `visibility` already"),
        ("gone.py:f", "[0].gone.py:f: 'gone.py:f': there is no file"),
    ],
)
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


OWN_SOURCE = '''
from aas2rto.sources import source


@source("mine", annotates="ms_")
class Mine:
    """A source of one's own."""

    def __init__(self) -> None: ...
'''


def test_a_source_says_which_annotations_it_writes(tmp_path):
    """Besides those that begin with its own name."""
    file = tmp_path / "own.py"
    file.write_text(OWN_SOURCE)
    sources = f'sources: {{mine: {{type: "{file}:Mine"}}}}\n'
    good = with_factors("expression: ms_real + mine_real")
    assert len(case(good + sources).factors) == 1
    assert "no column 'ms_real'" in problems(good)[0]
    assert "no column 'other_real'" in problems(with_factors("expression: other_real") + sources)[0]


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        (
            "[la_plama_not]",
            "observatories[0]: no observatory is called 'la_plama_not'; did you"
            " mean 'la_palma_not'?",
        ),
        (
            "[la_palma_not, la_palma_not]",
            "observatories[1]: 'la_palma_not' stands here twice; each site has its own list",
        ),
        ("[]", "observatories: List should have at least 1 item"),
        ("la_palma_not", "observatories: Input should be a valid list (it is 'la_palma_not')"),
    ],
)
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
