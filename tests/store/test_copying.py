"""A dry run plays with a copy of the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from aas2rto.errors import StoreError, UsageError
from aas2rto.store import Store
from aas2rto.store.copying import temporary_copy
from tests.conftest import LATE, MJD, make_objects, make_report


def test_what_is_written_to_the_copy_is_thrown_away(tmp_path):
    """The copy knows all that the store knows, also what is not yet in its main file."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    with Store(url) as store:
        store.ingest(make_report(make_objects("a")), MJD)
        with temporary_copy(url) as other:
            assert other != url
            with Store(other) as copy:
                assert copy.candidates(LATE)["candidate_id"].tolist() == ["a"]
                copy.ingest(make_report(make_objects("b", ra=9.0)), MJD)
                assert len(copy.candidates(LATE)) == 2
            place = Path(other.removeprefix("sqlite:///"))
            assert place.exists()
        assert not place.parent.exists()
        assert store.candidates(LATE)["candidate_id"].tolist() == ["a"]


def test_a_store_that_is_not_there_yet_is_not_made(tmp_path):
    """A dry run before the first night leaves nothing behind."""
    with temporary_copy(f"sqlite:///{tmp_path / 'store.sqlite'}") as other, Store(other) as copy:
        assert copy.candidates(LATE).empty
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_several_machines_is_not_copied():
    """A dry run on PostgreSQL would have to copy the server."""
    with (
        pytest.raises(UsageError, match=r"^--dry-run works on a copy of the store, which needs"),
        temporary_copy("postgresql+pg8000://user@host/name"),
    ):
        pass


def test_a_file_that_is_no_database_is_said_in_words(tmp_path):
    """One line, no traceback."""
    path = tmp_path / "store.sqlite"
    path.write_text("no database " * 100)
    with (
        pytest.raises(StoreError, match=f"^cannot copy the store {path}: file is not a database"),
        temporary_copy(f"sqlite:///{path}"),
    ):
        pass
