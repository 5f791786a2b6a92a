"""What a part raises becomes a failure that names the part; nothing else is swallowed."""

from __future__ import annotations

import logging

import pytest

from aas2rto.guard import Failure, attempt, one_line


def fail(error):
    raise error


def test_a_value_comes_back():
    """A part that works is not touched."""
    done = attempt("part", lambda: 5)
    assert (done.value, done.failure) == (5, None)


def test_what_a_part_raises_is_told_in_one_line():
    """The failure names the culprit, its subject, and type and text of the error."""
    done = attempt("factor blue", lambda: fail(ValueError("no\n  colour")), subject="ZTF26a")
    assert done.value is None
    assert str(done.failure) == "factor blue (ZTF26a): ValueError: no colour"
    assert str(Failure("source x", "TimeoutError")) == "source x: TimeoutError"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_the_wish_to_stop_passes(error):
    """Ctrl-C and an exit are no failures of a part."""
    with pytest.raises(type(error)):
        attempt("part", lambda: fail(error))


def test_the_traceback_goes_to_the_log(caplog):
    """People see one line; who mends the part finds the rest."""
    with caplog.at_level(logging.DEBUG, logger="aas2rto.guard"):
        attempt("factor blue", lambda: fail(KeyError("mag_ztfg")))
    assert "factor blue failed" in caplog.text
    assert "Traceback" in caplog.text
    assert "mag_ztfg" in caplog.text


def test_an_error_without_words_is_its_type():
    """Some libraries raise without a text."""
    assert one_line(TimeoutError()) == "TimeoutError"


@pytest.mark.fault("loop", "damaged", "an error that cannot say what it is")
def test_an_error_that_cannot_say_what_it_is_is_a_failure_too():
    """A part's own exception class may be broken as well."""

    class Mute(Exception):  # noqa: N818
        def __str__(self):
            raise RuntimeError

    done = attempt("part", lambda: fail(Mute()))
    assert str(done.failure) == "part: Mute"
