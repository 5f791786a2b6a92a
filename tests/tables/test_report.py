"""Objects and facts of a report."""

from __future__ import annotations

import math

from aas2rto.tables.report import split


def test_rows_that_say_all_at_once_are_split():
    """Who and where it is goes to the objects, everything else to the facts."""
    rows = [
        {
            "object_id": "a",
            "survey": "mine",
            "ra": 1.0,
            "dec": 2.0,
            "known_at": 3.0,
            "also_known_as": ("2026abc",),
            "redshift": 0.1,
            "redshift_source": "host",
            "spectral_type": "",
            "host": None,
            "magnitude": math.nan,
            "mine_good": False,
        },
        {"object_id": "b", "survey": "mine", "ra": 5.0, "dec": 6.0, "known_at": 4.0},
    ]
    objects, facts = split(rows)
    assert objects["object_id"].tolist() == ["a", "b"]
    assert objects["also_known_as"].tolist() == [("2026abc",), ()]
    assert "redshift" not in objects
    assert facts.to_numpy().tolist() == [
        ["a", "redshift", 0.1, 3.0, "host"],
        ["a", "host", None, 3.0, ""],
        ["a", "mine_good", False, 3.0, ""],
    ]


def test_nothing_is_split_into_nothing():
    """The columns are there."""
    objects, facts = split([])
    assert (len(objects), len(facts)) == (0, 0)
    assert list(facts) == ["object_id", "key", "value", "known_at", "origin"]
