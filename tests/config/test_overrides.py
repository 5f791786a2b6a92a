"""Settings that are changed for a question."""

from __future__ import annotations

import pytest

from aas2rto.config.overrides import changed, changes, places
from aas2rto.errors import UsageError

WRITTEN = {
    "score": {
        "factors": ["detections", {"magnitude": {"faint_limit": "18.5 mag"}}, {"expression": "1"}]
    },
    "visibility": {"min_altitude": "30 deg"},
}


def test_values_are_those_of_a_config() -> None:
    assert changes(["a.b=25 deg", "c=3", "d=[x, y]", "e=true", "f=a=b"]) == {
        "a.b": "25 deg",
        "c": 3,
        "d": ["x", "y"],
        "e": True,
        "f": "a=b",
    }


def test_factors_are_found_by_their_names() -> None:
    wanted = {
        "score.factors.magnitude.faint_limit": "19 mag",
        "score.factors.detections.min": 2,
        "score.factors.expression": "2",
        "plan.visits": 2,
    }
    found = changed(WRITTEN, wanted)
    assert found["score"]["factors"] == [
        {"detections": {"min": 2}},
        {"magnitude": {"faint_limit": "19 mag"}},
        {"expression": "2"},
    ]
    assert found["plan"] == {"visits": 2}
    assert WRITTEN["score"]["factors"][0] == "detections", "what was written stays"  # type: ignore[index]


def test_places_are_keys_as_errors_have_them() -> None:
    """The index of a factor and its name, as for the lines of the file."""
    wanted = {"score.factors.detections.min": 2, "visibility.min_alt": "25 deg"}
    assert places(changed(WRITTEN, wanted), wanted) == {
        ("score", "factors", 0, "detections", "min"),
        ("visibility", "min_alt"),
    }


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"score.factors.peek.sigma": 1}, "there is no 'peek'"),
        ({"visibility.min_altitude.unit": 1}, "visibility.min_altitude.unit leads nowhere"),
    ],
)
def test_keys_that_lead_nowhere_are_refused(wanted: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        changed(WRITTEN, wanted)


@pytest.mark.parametrize("text", ["min_altitude", "=3", "a={"])
def test_what_is_no_change_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--set: "):
        changes([text])


def test_places_end_where_another_change_took_the_rest_away() -> None:
    assert places({"plan": None}, {"plan.visits": 2}) == {("plan",)}
    gone: dict[str, object] = {"score": {"factors": []}}
    assert places(gone, {"score.factors.detections.min": 2}) == {("score", "factors")}


def test_of_two_factors_of_one_kind_each_can_be_meant() -> None:
    """By the name in its settings, or its number; before, the second could not be reached."""
    factors = [{"dip": {"model": "a"}}, {"dip": {"name": "paper", "model": "b"}}, "dip"]
    written = {"score": {"factors": factors}}
    wanted = {f"score.factors.{name}.use": name for name in ("dip", "paper", "dip#2")}
    found = changed(written, wanted)["score"]["factors"]
    assert [one["dip"]["use"] for one in found] == ["dip", "paper", "dip#2"]
    assert sorted(places({"score": {"factors": found}}, wanted)) == [
        ("score", "factors", n, "dip", "use") for n in range(3)
    ]
