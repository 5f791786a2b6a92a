"""What counts as a difference between two trees, and what does not."""

from __future__ import annotations

import json

import pytest

from tests import compare

TABLE = (
    b"# aas2rto 0.1.0, doi:10.1051/0004-6361/202452099\n# now: 2026-03-20\n"
    b'rank,candidate_id,score,reason\n1,ZTF26a,4.98457,"peak, 2 d ago"\n2,ZTF26b,0.3,faint\n'
)
CYCLE = {
    "version": "0.1.0",
    "funnel": {"candidates": 3, "excluded": {"magnitude": 1}},
    "factors": [{"name": "peak", "value": 1.5}, {"name": "magnitude", "value": 2.0}],
    "timings": {"fit": 0.5},
}


def as_bytes(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()


def test_equal_files_do_not_differ() -> None:
    """The same bytes are no difference, whatever they are."""
    files = {"a.csv": TABLE, "cycle.json": as_bytes(CYCLE), "broken.json": b"{"}
    assert compare.differences(files, dict(files)) == {}


def test_a_changed_cell_is_named_with_candidate_and_column() -> None:
    """The diff of a table shows the cell, not the whole row."""
    lines = compare.difference("a.csv", TABLE, TABLE.replace(b"4.98457", b"4.98458"))
    assert lines[:2] == ["--- old/a.csv", "+++ new/a.csv"]
    assert lines[3:] == ["-ZTF26a score: 4.98457", "+ZTF26a score: 4.98458"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\n", b"\r\n"),  # the same cells
        (b"faint", b'"faint"'),
        (b"# now: 2026-03-20", b"# now: 2026-03-21"),
        (b"2,ZTF26b,0.3,faint\n", b""),
        (b"score,reason", b"reason,score"),
    ],
)
def test_every_byte_of_a_table_counts(old: bytes, new: bytes) -> None:
    """Ends of lines, quotes, comments, rows and the order of columns are output, too."""
    assert compare.difference("a.csv", TABLE, TABLE.replace(old, new))


def test_rows_in_another_order_differ() -> None:
    """A list is its order."""
    *head, first, second = TABLE.splitlines(keepends=True)
    assert compare.difference("a.csv", TABLE, b"".join([*head, second, first]))


def test_the_version_of_a_table_or_calendar_does_not_count() -> None:
    """A release changes it in every file."""
    assert compare.difference("a.csv", TABLE, TABLE.replace(b"0.1.0", b"1.0.0")) == []
    old, new = (b"PRODID:-//aas2rto//%s//EN\r\nSUMMARY:a\r\n" % one for one in (b"1", b"2"))
    assert compare.difference("a.ics", old, new) == []
    assert compare.difference("a.ics", old, new.replace(b"SUMMARY:a", b"SUMMARY:b"))


def test_timings_version_and_added_keys_do_not_count() -> None:
    """New code may say more, at any depth, in lists too, and take another time."""
    new = json.loads(as_bytes(CYCLE))
    new |= {"timings": {"fit": 9.0}, "version": "2", "added": [1]}
    new["funnel"]["waiting"] = 1
    new["factors"][1]["inputs"] = {"mag": 17.0}
    assert compare.difference("cycle.json", as_bytes(CYCLE), as_bytes(new)) == []


def test_a_changed_value_is_named_with_its_place() -> None:
    """The diff of JSON shows where a value stands."""
    new = as_bytes(CYCLE).replace(b"1.5", b"1.25")
    lines = compare.difference("cycle.json", as_bytes(CYCLE), new)
    assert lines[3:] == ["-factors[0].value: 1.5", "+factors[0].value: 1.25"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"1.5", b"1.50"),  # the same number, other bytes
        (b"2.0", b"2"),
        (b'"candidates": 3', b'"candidates": "3"'),
        (b'"candidates": 3', b'"candidates": {}'),
        (b'"candidates": 3', b'"candidate": 3'),
        (b'"magnitude": 1', b'"magnitude": null'),
    ],
)
def test_every_value_of_json_counts(old: bytes, new: bytes) -> None:
    """Digits, types, and keys that are gone are differences."""
    before = as_bytes(CYCLE)
    assert before.count(old) == 1
    assert compare.difference("cycle.json", before, before.replace(old, new))


@pytest.mark.parametrize("factors", [[1, 0], [0], [0, 1, 1]])
def test_lists_of_json_keep_order_and_length(factors: list[int]) -> None:
    """An item that is added to a list is no added key."""
    new = {**CYCLE, "factors": [CYCLE["factors"][n] for n in factors]}  # type: ignore[index]
    assert compare.difference("cycle.json", as_bytes(CYCLE), as_bytes(new))


def test_what_is_no_json_differs_from_json() -> None:
    """A command that failed said why in place of its answer."""
    lines = compare.difference("asked/plan.json", as_bytes(CYCLE), b"exit 1\nerror: no plan\n")
    assert "+'exit 1\\n'" in lines


def test_files_of_one_side_only_are_differences() -> None:
    """Missing files and new ones are told."""
    found = compare.differences({"a.csv": TABLE}, {"b.csv": TABLE})
    assert found == {
        "a.csv": ["only the old code wrote a.csv"],
        "b.csv": ["only the new code wrote b.csv"],
    }


def test_long_diffs_are_cut_and_counted() -> None:
    """A terminal shows the first differences, and how many more there are."""
    many = {f"{n}.csv": [f"line {k}" for k in range(compare.LINES_SHOWN + 2)] for n in range(7)}
    told = compare.shown(many)
    assert told.count("... and 2 more lines") == compare.FILES_SHOWN
    assert told[-1] == f"... and {7 - compare.FILES_SHOWN} more files differ"
