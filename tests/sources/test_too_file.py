"""One ToO file: what people write, and what they are told."""

import contextlib

import pytest
from astropy.coordinates import Angle
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.sources import too_file
from aas2rto.sources.files.coordinates import declination, right_ascension
from tests.sources.too_folder import GOOD, NOW

FORMATS = pytest.mark.parametrize(
    "text",
    [
        "10:20:30.5",
        "10h20m30.5s",
        "10 20 30.5",
        "10h 20m 30.5s",
        "155.12708333333333",
        "155.12708333333333d",
        "155.12708333333333 deg",
        "10.341805555555556h",
        "155d07m37.5s",
        "１０：２０：３０．５",
        "+10:20:30.5",
        "10:20.508333333333333",
    ],
)


# Coordinates


@FORMATS
def test_every_way_to_write_a_right_ascension(text):
    assert right_ascension(text) == pytest.approx(155.12708333333333, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("-00:30:00", -0.5),
        ("-0 30 0", -0.5),
        ("-00d30m00s", -0.5),
        ("+05:15:20", 5.2555555556),
        ("05 15", 5.25),
        ("-5.25", -5.25),
        ("−5.25", -5.25),
        ("-05°15′00″", -5.25),
        ("90", 90.0),
        ("-90:00:00", -90.0),
        ("-5.25deg", -5.25),
        ("- 05:15:00", -5.25),
    ],
)
def test_every_way_to_write_a_declination(text, degrees):
    assert declination(text) == pytest.approx(degrees, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("24:00:00", "is 24 hours; a right ascension has less than 24"),
        ("360", "out of range; a right ascension runs from 0 to 360 degrees"),
        ("-1", "is negative"),
        ("-10:20:30", "is negative"),
        ("10:60:00", "has 60 minutes; there are less than 60"),
        ("10:20:61.5", "has 61.5 seconds; there are less than 60"),
        ("155,127", "write a point, not a comma"),
        ("10:20:30, -5", "write one value, without a comma"),
        ("nan", "'nan' is no angle"),
        ("1_0", "'1_0' is no angle"),
        ("ten", "'ten' is no angle"),
        ("10:20:30:40", "is no angle"),
        ("", "there is no value"),
    ],
)
def test_wrong_right_ascensions_are_explained(text, words):
    with pytest.raises(ValueError, match=r".") as caught:
        right_ascension(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("90.1", "out of range; a declination runs from -90 to 90 degrees"),
        ("-90:00:01", "out of range"),
        ("10h20m30s", "is in hours; a declination is in degrees"),
    ],
)
def test_wrong_declinations_are_explained(text, words):
    with pytest.raises(ValueError, match=r".") as caught:
        declination(text)
    assert words in str(caught.value)


@given(
    st.floats(0, 359.999999),
    st.sampled_from(["hour", "degree"]),
    st.sampled_from([":", " ", "fromunit"]),
)
def test_right_ascensions_as_astropy_writes_them_come_back(degrees, unit, sep):
    if unit == "degree" and sep != "fromunit":
        sep = "fromunit"  # without letters, a right ascension is in hours
    text = Angle(degrees, "deg").to_string(unit=unit, sep=sep, precision=6)
    assert abs(right_ascension(text) - degrees) < 1e-8


@given(st.floats(-89.999999, 89.999999), st.sampled_from([":", " ", "fromunit"]), st.booleans())
def test_declinations_as_astropy_writes_them_come_back(degrees, sep, sign):
    text = Angle(degrees, "deg").to_string(sep=sep, precision=6, alwayssign=sign, pad=True)
    assert abs(declination(text) - degrees) < 1e-8


@given(st.floats(0, 359.99999999))
def test_decimal_degrees_come_back_exactly(degrees):
    assert right_ascension(repr(degrees)) == degrees


@pytest.mark.fault("ToO file", "text", "any text for a position")
@given(st.text(max_size=30))
def test_no_text_breaks_the_reader(text):
    for read, low, high in ((right_ascension, 0, 360), (declination, -90, 90)):
        with contextlib.suppress(ValueError):
            assert low <= read(text) <= high


# One file


def test_minimal_file():
    target, mistakes = too_file.parse(GOOD)
    assert mistakes == []
    assert target.name == "SN2026abc"
    assert target.ra == pytest.approx(155.127083333)
    assert target.dec == pytest.approx(-5.25555555)
    assert target.base_score is None


def test_full_file():
    target, mistakes = too_file.parse(
        GOOD + "base_score: 2000\ncomment: spectrum: soon # not this\nvalid_until: 61150.5\n"
        "redshift: 0.05\nmagnitude: 17.5\n"
    )
    assert mistakes == []
    assert (target.base_score, target.redshift, target.magnitude) == (2000.0, 0.05, 17.5)
    assert target.comment == "spectrum: soon"
    assert target.valid_until == 61150.5


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        "# a comment\n\n---\n" + GOOD,
        "Name :\tSN2026abc\nRA:10:20:30.5\n DEC : '-05:15:20'  # south\n",
        'name： "SN2026abc"\nra： 10:20:30.5\ndec： −05:15:20\n',
        "name = SN2026abc\nright ascension = 10:20:30.5\ndeclination = -05:15:20\n",
        "name: SN2026abc\u00a0\nra: 10:20:30.5\ndec: -05:15:20",
    ],
)
def test_kindness_to_editors_and_keyboards(text):
    decoded, mistakes = too_file.decode(text.encode())
    assert mistakes == []
    target, mistakes = too_file.parse(decoded)
    assert mistakes == []
    assert target == too_file.parse(GOOD)[0]


def test_utf16_of_windows_is_read():
    assert too_file.decode(GOOD.encode("utf-16"))[0] == GOOD


def test_quotes_protect_a_hash():
    target, _ = too_file.parse(GOOD + 'comment: "slot #3" # note\n')
    assert target.comment == "slot #3"


@pytest.mark.parametrize(
    ("text", "mjd"),
    [
        ("2026-12-24", 61399.0),
        ("2026-12-24T06:00", 61398.25),
        ("2026-12-24 06:00:00Z", 61398.25),
        ("2026-12-24T08:00+02:00", 61398.25),
        ("61398.25", 61398.25),
        ("2461398.75", 61398.25),
        ("20261224", 61399.0),
        ("2026-12-24 06:00 UTC", 61398.25),
    ],
)
def test_every_way_to_write_valid_until(text, mjd):
    target, mistakes = too_file.parse(f"{GOOD}valid_until: {text}\n", now=NOW)
    assert mistakes == []
    assert target.valid_until == pytest.approx(mjd, abs=1e-9)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("valid_until: 2026-01-01", "line 4: valid_until: '2026-01-01' is in the past"),
        ("valid_until: soon", "'soon' is neither a date nor an MJD"),
        ("valid_until: 12", "'12' is no time between MJD 40000"),
        ("base_scor: 5", "line 4: there is no key 'base_scor'; did you mean 'base_score'?"),
        ("xyzzy: 5", "there is no key 'xyzzy'; the keys are name, ra, dec, base_score"),
        ("base_score: high", "base_score: 'high' is not a number"),
        ("base_score: 0", "a base score is larger than 0"),
        ("base_score: -5", "'-5' is out of range; a base score runs from 0"),
        ("base_score: inf", "'inf' is not a number"),
        ("base_score: 1e3_0", "is not a number"),
        ("base_score:", "base_score: there is no value"),
        ("redshift: 1100", "out of range; a redshift runs from 0 to 20"),
        ("magnitude: bright", "magnitude: 'bright' is not a number"),
        ("please observe", "line 4: 'please observe' is not 'key: value'"),
        ("dec: 3", "line 4: dec was given in line 3 already; delete one of them"),
        ("- name: b", "line 4: name was given in line 1 already"),
    ],
)
def test_mistakes_say_line_and_reason(line, words):
    target, mistakes = too_file.parse(GOOD + line + "\n", now=NOW)
    assert target is None
    assert words in str(mistakes[0])


@pytest.mark.fault("ToO file", "range", "valid_until beyond all plans")
@pytest.mark.parametrize("text", ["9999-12-31", "9999-12-31T23:59", "1774000000"])
def test_an_end_beyond_all_plans_is_a_mistake_like_others(text):
    _, mistakes = too_file.parse(f"name: a\nra: 10\ndec: 10\nvalid_until: {text}\n", now=NOW)
    (mistake,) = mistakes
    assert "is no time between MJD 40000 (1968) and 80000 (2077)" in str(mistake)
    assert "line 4: valid_until" in str(mistake)


def test_all_mistakes_are_told_together_with_examples():
    text = "nane: x\nra: 25:00:00\nvalid_until: 2001-01-01\nfoo\n"
    _, mistakes = too_file.parse(text, now=NOW)
    told = too_file.error_text("x.txt", mistakes)
    assert told.startswith("x.txt cannot be taken: 6 mistakes\n")
    for words in (
        "line 1: there is no key 'nane'; did you mean 'name'?",
        "line 2: ra: '25:00:00'",
        "line 3: valid_until",
        "line 4: 'foo' is not 'key: value'",
        "name is missing",
        "dec is missing",
        "for example   ra: 10:20:30.5",
        "Mend the file and save it",
    ):
        assert words in told


@pytest.mark.fault("ToO file", "damaged", "bytes that are no text")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b" \r\n\n", "it is empty"),
        (b"name: caf\xe9\nra: 1\n", "line 1: the byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (b"x" * 70000, "it is larger than 64 kB"),
        (b"name: a\x00b\n", "it is not a text file"),
    ],
)
def test_bytes_that_are_no_text(content, words):
    text, mistakes = too_file.decode(content)
    assert text == ""
    assert words in str(mistakes[0])


@pytest.mark.fault("ToO file", "damaged", "any text")
@given(st.text(max_size=200))
def test_no_file_breaks_the_reader(text):
    target, mistakes = too_file.parse(text, now=NOW)
    assert (target is None) == bool(mistakes)
