"""Observatories load, and a bad file says everything that is wrong with it."""

import typing
from pathlib import Path

import pytest

from aas2rto.errors import ConfigError, InputError, UnknownNameError
from aas2rto.sky import observatory_file
from aas2rto.sky.observatory import Instrument, Observatory

GOOD = """\
title: Home
position: {longitude: 12.5 deg, latitude: 55.7 deg, elevation: 10 m}
"""


def test_all_sites_of_the_repository_load():
    names = observatory_file.available()
    assert {"la_silla_dk154", "la_palma_not", "palomar_p60", "siding_spring_23m"} <= set(names)
    for name in names:
        assert observatory_file.load(name).name == name


def test_every_number_in_the_site_files_is_followed_by_its_source():
    folder = Path(observatory_file.__file__).parents[2] / "observatories"
    files = sorted(folder.glob("*.yaml"))
    assert files
    for path in files:
        for line in path.read_text().splitlines():
            setting, _, source = line.partition("#")
            if any(character.isdigit() for character in setting.partition(":")[2]):
                named = "title" in setting
                assert named or source.strip(), f"{path.name}: no source: {line}"


def test_a_file_becomes_an_observatory(tmp_path):
    path = tmp_path / "home.yaml"
    path.write_text(
        GOOD
        + "twilight: -12 deg\n"
        + "timezone: Europe/Copenhagen\n"
        + "limits:\n  min_altitude: 20 deg\n  max_altitude: 88 deg\n  hour_angle: 300 min\n"
        + "  horizon:\n    - {azimuth: 180 deg, altitude: 10 deg}\n"
        + "    - {azimuth: 0 deg, altitude: 15 deg}\n"
        + "moon: {min_separation: 30 deg}\n"
        + "telescope: {aperture: 40 cm, slew_rate: 60 deg / min, settle: 5 s, overhead: 1 min}\n"
    )
    assert observatory_file.load(path) == Observatory(
        "home",
        title="Home",
        longitude_deg=12.5,
        latitude_deg=55.7,
        elevation_m=10.0,
        timezone="Europe/Copenhagen",
        twilight_deg=-12.0,
        min_altitude_deg=20.0,
        max_altitude_deg=88.0,
        hour_angle_limit_h=5.0,
        horizon=((0.0, 15.0), (180.0, 10.0)),
        moon_separation_deg=30.0,
        aperture_m=0.4,
        slew_rate_deg_s=1.0,
        settle_s=5.0,
        overhead_s=60.0,
    )


def test_an_instrument_is_read_with_its_units():
    text = GOOD + (
        "instrument: {name: ALFOSC, reference_mag: 18 mag, reference_time: 20 min, "
        "sky_mag: 20 mag, extinction: 0.12 mag, bright_limit: 8 mag, faint_limit: 20 mag, "
        "min_exposure: 10 s, max_exposure: 1 h}\n"
    )
    assert observatory_file.parse(text, Path("a.yaml")).instrument == Instrument(
        name="ALFOSC",
        reference_mag=18.0,
        reference_time_s=1200.0,
        sky_mag=20.0,
        extinction_mag=0.12,
        bright_limit_mag=8.0,
        faint_limit_mag=20.0,
        min_exposure_s=10.0,
        max_exposure_s=3600.0,
    )


@pytest.mark.fault("observatory", "nan", "an instrument that is none")
def test_a_wrong_instrument_is_reported_like_the_rest():
    with pytest.raises(ConfigError) as caught:
        observatory_file.parse(
            GOOD + "instrument:\n  reference_mag: 18\n  exposure: 3 s\n", Path("a.yaml")
        )
    assert [str(problem) for problem in caught.value.problems] == [
        "a.yaml:3: instrument.reference_time: is missing, but required",
        "a.yaml:4: instrument.reference_mag: 18 needs a unit; write for example '18 mag'",
        "a.yaml:5: instrument.exposure: is unknown; did you mean 'max_exposure' or 'min_exposure'? "
        "(known: name, reference_mag, reference_time, sky_mag, extinction, bright_limit, "
        "faint_limit, min_exposure, max_exposure)",
    ]


def test_the_example_of_the_readme_loads():
    readme = Path(observatory_file.__file__).parents[2] / "observatories" / "README.md"
    _, _, rest = readme.read_text().partition("```yaml\n")
    example = observatory_file.parse(rest.partition("```")[0], Path("mine.yaml"))
    assert example.horizon == ((60.0, 20.0), (90.0, 35.0), (120.0, 20.0))
    assert example.instrument is not None


def test_the_readme_describes_every_setting():
    text = (Path(observatory_file.__file__).parents[2] / "observatories" / "README.md").read_text()

    def check(section):
        for name, field in section.model_fields.items():
            assert any(f"{before}{name}" in text for before in ("`", ".", "{")), name
            for kind in (field.annotation, *typing.get_args(field.annotation)):
                if isinstance(kind, type) and hasattr(kind, "model_fields"):
                    check(kind)

    check(observatory_file._File)


def test_the_users_own_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "observatories").mkdir()
    (tmp_path / "observatories" / "la_palma_not.yaml").write_text(GOOD)
    (tmp_path / "observatories" / "home.yaml").write_text(GOOD)
    assert observatory_file.load("la_palma_not").title == "Home"
    assert "home" in observatory_file.available()
    assert "la_silla_dk154" in observatory_file.available()


@pytest.mark.fault("observatory", "range", "limits that cannot be")
def test_all_problems_of_a_file_are_reported_together_with_their_lines():
    text = (
        "titel: x\n"
        "position: {longitude: 10, latitude: 95 deg}\n"
        "timezone: Europe/Copenhage\n"
        "limits:\n"
        "  horizon:\n"
        "    - {azimuth: 3 deg, altitud: 4 deg}\n"
        "moon: 3\n"
        "moon: {}\n"
        "twilight: -18 m\n"
    )
    with pytest.raises(ConfigError) as caught:
        observatory_file.parse(text, Path("a.yaml"))
    assert [str(problem) for problem in caught.value.problems] == [
        "a.yaml:1: titel: is unknown; did you mean 'title'? "
        "(known: title, position, timezone, twilight, limits, moon, telescope, instrument)",
        "a.yaml:1: title: is missing, but required",
        "a.yaml:2: position.elevation: is missing, but required",
        "a.yaml:2: position.latitude: '95 deg' should be less than or equal to 90",
        "a.yaml:2: position.longitude: 10 needs a unit; write for example '10 deg'",
        "a.yaml:3: timezone: 'Europe/Copenhage' is no IANA time zone; did you mean "
        "'Europe/Copenhagen'?; expected a name such as 'America/Santiago'",
        "a.yaml:6: limits.horizon.0.altitud: is unknown; did you mean 'altitude'? "
        "(known: azimuth, altitude)",
        "a.yaml:6: limits.horizon.0.altitude: is missing, but required",
        "a.yaml:8: moon: stands twice; keep one",
        "a.yaml:9: twilight: '-18 m' cannot be converted to deg",
    ]


@pytest.mark.fault("observatory", "damaged", "a file that is no mapping")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.yaml:1: (file): is empty or no mapping; expected settings such as 'title: ...'"),
        ("- 3", "a.yaml:1: (file): is empty or no mapping; expected settings such as 'title: ...'"),
        ("title: x\nposition: {", "a.yaml:2: (file): is not YAML: "),
        (GOOD + "moon: 3", "a.yaml:3: moon: expected settings (min_separation)"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(text, message):
    with pytest.raises(ConfigError) as caught:
        observatory_file.parse(text, Path("a.yaml"))
    assert str(caught.value.problems[0]).startswith(message)


def test_an_unknown_name_offers_the_nearest_one_and_says_where_was_looked():
    with pytest.raises(UnknownNameError) as caught:
        observatory_file.load("la_silla_dk145")
    text = str(caught.value)
    assert text.startswith(
        "no observatory is called 'la_silla_dk145'; did you mean 'la_silla_dk154'? (known: "
    )
    assert "looked in observatories, " in text


@pytest.mark.fault("observatory", "gone", "a file that is not there")
def test_a_missing_or_unreadable_file_is_one_clear_error(tmp_path):
    with pytest.raises(UnknownNameError, match=r"there is no observatory file .*nowhere\.yaml"):
        observatory_file.load(tmp_path / "nowhere.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"binary\.yaml cannot be read: "):
        observatory_file.load(tmp_path / "binary.yaml")
