"""What a service stored otherwise is said, and what is its own is not."""

from __future__ import annotations

import pytest

from aas2rto.outlets.lco.compare import differences
from aas2rto.outlets.lco.service import told


@pytest.mark.parametrize(
    ("sent", "stored", "lines"),
    [
        ({"a": 1}, {"a": 1.0, "id": 3, "state": "PENDING"}, []),
        ({"t": 120}, {"t": 8}, ["t: sent 120, stored 8"]),
        (
            {"a": [{"b": 1}]},
            {"a": [{"b": 2}, {"b": 3}]},
            ["a[0].b: sent 1, stored 2", "a[1]: added {'b': 3}"],
        ),
        ({"a": [1, 2]}, {"a": [1]}, ["a[1]: sent 2, stored None"]),
        ({"w": "2026-03-20T22:00:00Z"}, {"w": "2026-03-20T22:00:00"}, []),
        ({"x": {}}, {"x": None}, []),
        ({"x": {"mode": "ON"}}, {"x": {"mode": "ON", "name": "kb"}}, ["x.name: added kb"]),
        ({"x": 1}, {}, ["x: sent 1, stored None"]),
    ],
)
def test_differences(sent: object, stored: object, lines: list[str]) -> None:
    assert list(differences(sent, stored)) == lines


def test_errors_of_the_portal_are_lines() -> None:
    """Nested as Django writes them, each with its place."""
    errors = {
        "proposal": ["not yours"],
        "requests": [{}, {"windows": [{"end": ["in the past", "no date"]}]}],
    }
    assert told(errors) == [
        "proposal: not yours",
        "requests[1].windows[0].end: in the past",
        "requests[1].windows[0].end: no date",
    ]
