"""Who may read what holds names of people: the owner the store, his group the lists."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aas2rto.outputs import write_atomically
from aas2rto.store import Store
from aas2rto.store.copying import backup, restore, temporary_copy
from tests.conftest import make_objects, make_photometry, make_report

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Be as generous as a program can be."""
    before = os.umask(0o002)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def filled(file: Path) -> str:
    url = f"sqlite:///{file}"
    with Store(url) as store:
        store.ingest(make_report(make_objects("ZTF26a"), make_photometry("ZTF26a")), 61000.0)
        files = list(file.parent.iterdir())
        assert {path.name.removeprefix(file.name) for path in files} >= {"", "-wal"}
        assert {mode(path) for path in files} == {0o600}  # the journals, too
    return url


@pytest.mark.fault("store", "secret", "names of people in the store")
def test_a_store_and_its_copies_are_the_owners(tmp_path: Path) -> None:
    """Backup, restored store, the one that is kept beside, and a dry run's."""
    url = filled(tmp_path / "store" / "store.sqlite")
    copy = tmp_path / "copies" / "night.sqlite"
    backup(url, copy)
    aside = restore(copy, url, force=True)
    assert aside is not None
    assert [mode(path) for path in (copy, aside, tmp_path / "store" / "store.sqlite")] == [
        0o600
    ] * 3
    with temporary_copy(url) as other:
        assert mode(Path(other.removeprefix("sqlite:///")).parent) == 0o700


def test_permissions_that_somebody_chose_stay(tmp_path: Path) -> None:
    """A group that reads the store, or a backup, goes on reading it."""
    store = tmp_path / "store" / "store.sqlite"
    url, copy = filled(store), tmp_path / "night.sqlite"
    store.chmod(0o660)
    backup(url, copy)
    assert mode(copy) == 0o600
    copy.chmod(0o640)
    backup(url, copy)
    assert mode(copy) == 0o640
    restore(copy, url, force=True)
    assert mode(store) == 0o660
    with Store(url):
        pass
    assert mode(store) == 0o660


@pytest.mark.fault("results", "secret", "names of people in lists")
def test_lists_are_the_groups(tmp_path: Path) -> None:
    """New ones; one that is replaced keeps what somebody chose, and a kill leaves nothing open."""
    file = tmp_path / "ranked" / "science.csv"
    write_atomically(file, "a\n")
    assert mode(file) == 0o640
    file.chmod(0o644)
    (file.parent / ".science.csv.part").write_text("left by a kill")
    write_atomically(file, "b\n")
    assert (mode(file), file.read_text()) == (0o644, "b\n")


def test_a_stricter_umask_counts(tmp_path: Path) -> None:
    """What the user says is not widened."""
    os.umask(0o077)
    write_atomically(tmp_path / "science.csv", "a\n")
    assert mode(tmp_path / "science.csv") == 0o600
