"""Names of files made from names that may be as long as a file system takes."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from aas2rto.text.files import LONGEST, short


@given(st.text(min_size=1, max_size=400), st.sampled_from([".txt", ".error.txt", "-12.yaml"]))
def test_a_name_fits_and_ends_as_it_should(name: str, suffix: str) -> None:
    """In bytes; a name that fits stays as it is."""
    made = short(name, suffix)
    assert made.endswith(suffix)
    if not any("\ud800" <= c <= "\udfff" for c in name):
        assert len(made.encode()) <= LONGEST
        if len(name.encode()) + len(suffix) <= LONGEST:
            assert made == name + suffix


def test_long_names_stay_apart(tmp_path: Path) -> None:
    """Two names that differ in their last letter are two files."""
    names = [short("n" * 300 + end, ".txt") for end in "ab"]
    for name in names:
        (tmp_path / name).write_text(name)
    assert len(list(tmp_path.iterdir())) == 2
