"""Settings with units: read as numbers in the program's unit, or refused in words."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from aas2rto.units import Arcsec, Day, Degree, Mag, PerDay, Second, Unit, parse


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("10 min", "s", 600.0),
        ("10min", "s", 600.0),
        ("  2   h ", "s", 7200.0),
        ("1e3 s", "s", 1000.0),
        ("18.5 mag", "mag", 18.5),
        ("-1 / day", "1 / day", -1.0),
        ("-1 / h", "1 / day", -24.0),
        ("90°", "deg", 90.0),
        ("30 arcmin", "deg", 0.5),
        ("0.5 deg", "arcsec", 1800.0),
        ("2 mJy", "uJy", 2000.0),
        ("2.4 km", "m", 2400.0),
        ("3 %", "", 0.03),
    ],
)
def test_a_quantity_becomes_a_number_in_the_wanted_unit(text, unit, value):
    """What a person writes in any unit arrives in the program's."""
    assert parse(text, unit) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        ("10", "s", "'10' has no unit; write for example '10 s'"),
        ("18.5", "mag", "'18.5' has no unit; write for example '18.5 mag'"),
        ("30 %", "deg", "'30 %' has no unit; write for example '30 % deg'"),
        ("10 min", "deg", "'10 min' cannot be converted to deg"),
        ("10 h 5 min", "s", "'10 h 5 min' cannot be converted to s"),
        ("", "s", "'' is not a number with a unit, such as '1 s'"),
        ("ten minutes", "s", "'ten minutes' is not a number with a unit, such as '1 s'"),
        ("5 foo", "s", "'5 foo' is not a number with a unit, such as '1 s'"),
        ("1,5 mag", "mag", "'1,5 mag' is not a number with a unit, such as '1 mag'"),
        ("18.5 mag(AB)", "mag", "'18.5 mag(AB)' is not a number with a unit, such as '1 mag'"),
        ("nan mag", "mag", "'nan mag' is not finite; write a number such as '1 mag'"),
        ("inf day", "day", "'inf day' is not finite; write a number such as '1 day'"),
        ("1e400 s", "s", "'1e400 s' is not finite; write a number such as '1 s'"),
    ],
)
def test_what_is_no_quantity_is_refused_in_words(text, unit, words):
    """The error quotes what was written and shows what could be."""
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        parse(text, unit)


@given(value=st.floats(-1e12, 1e12), unit=st.sampled_from(["s", "day", "mag", "deg", "uJy"]))
def test_a_number_written_in_the_unit_itself_comes_back(value, unit):
    """Writing a number and reading it changes nothing."""
    assert parse(f"{value!r} {unit}", unit) == pytest.approx(value, rel=1e-15)


@given(st.floats(-1e6, 1e6))
def test_hours_and_days_mean_the_same_time(hours):
    """The unit that a person prefers makes no difference."""
    assert math.isclose(parse(f"{hours!r} h", "day") * 24, hours, rel_tol=1e-12, abs_tol=1e-300)


class Settings(BaseModel):
    """Settings of a part, as the registry builds them."""

    limit: Mag = 18.5
    span: Day | None = None
    pair: tuple[Degree, Degree] = (0.0, 1.0)
    rate: PerDay = -1.0
    radius: Arcsec = 5.0
    wait: Second = 1.0


def test_defaults_are_numbers_in_the_unit():
    """Only what a person writes needs a unit."""
    assert Settings() == Settings(limit="18.5 mag", rate="-1 / day", wait="1 s", radius="5 arcsec")


def test_optional_and_repeated_settings_carry_units_too():
    """A unit is checked wherever it stands in the type."""
    found = Settings(span="12 h", pair=("1 deg", "90 arcmin"))
    assert (found.span, found.pair) == (0.5, (1.0, 1.5))
    assert Settings(span=None).span is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (18, "18 needs a unit; write for example '18 mag'"),
        (18.5, "18.5 needs a unit; write for example '18.5 mag'"),
        (True, "expected a number with a unit, such as '1 mag', not True"),
        (None, "expected a number with a unit, such as '1 mag', not None"),
        ([18], "expected a number with a unit, such as '1 mag', not [18]"),
        ({}, "expected a number with a unit, such as '1 mag', not {}"),
        ("18 s", "'18 s' cannot be converted to mag"),
    ],
)
def test_a_bare_or_wrong_value_is_refused_in_words(value, words):
    """A number without a unit is never guessed at."""
    with pytest.raises(ValidationError) as caught:
        Settings(limit=value)
    assert [error["msg"] for error in caught.value.errors()] == [words]


def test_a_unit_shows_itself():
    """Lists of settings can name the unit."""
    assert repr(Unit("mag")) == "Unit('mag')"
