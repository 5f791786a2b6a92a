"""A store is opened, shared and interrupted: what then is said, and what stays."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from aas2rto.errors import StoreError
from aas2rto.store import Store
from aas2rto.store.sources import Sources
from tests.conftest import (
    LATE,
    MJD,
    make_objects,
    make_report,
)
from tests.store.conftest import ingest, light_curve

# -- when something goes wrong --------------------------------------------------------------------


class UnusualError(Exception):
    """Something that no database raises."""


@pytest.mark.fault("store", "dies", "a report that fails half-way")
@pytest.mark.slow
@pytest.mark.parametrize("error", [UnusualError, KeyError, KeyboardInterrupt])
def test_a_report_that_fails_half_way_leaves_nothing_behind(store, monkeypatch, error):
    """Neither in the database nor in memory: the report comes again as if for the first time."""
    report = make_report(make_objects(name="2026abc"), light_curve(), cursor={"page": 2})

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Sources, "save", fail)
        with pytest.raises(error):
            store.ingest(report, MJD)
    assert store.candidates(LATE).empty
    assert store.identities.resolve("2026abc") is None
    assert store.sources.state("test").cursor == {}
    added = store.ingest(report, MJD)
    assert (added.new_candidates, added.new_measurements) == (1, 3)
    assert len(store.candidates(LATE)) == 1


def fill_up(url):
    """Let the database grow by no more than a few pages."""
    store = Store(url)
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    return store


@pytest.mark.fault("store", "gone", "a full disk")
def test_a_full_disk_is_said_in_words_and_loses_nothing(sqlite_url):
    """What was committed stays; the report is not half stored."""
    with Store(sqlite_url) as store:
        ingest(store, make_objects("a"), light_curve("a"))
    with fill_up(sqlite_url) as store:
        many = make_objects([f"x{i}" for i in range(2000)], ra=np.linspace(0, 350, 2000))
        with pytest.raises(StoreError) as caught:
            ingest(store, many)
        assert str(caught.value) == (
            "report of test: the store did not take it: database or disk is full"
        )
        assert store.identities.resolve("x5") is None
        assert store.candidates(LATE)["candidate_id"].tolist() == ["a"]
    with Store(sqlite_url) as store:
        assert store.photometry.count() == 3


def test_a_reader_does_not_wait_for_the_writer(url):
    """`explain` works while a night runs."""
    with Store(url) as store:
        ingest(store, make_objects("a"))
        with store.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE objects SET survey = 'half'")
            with Store(url) as reader:
                assert len(reader.candidates(LATE)) == 1


def test_a_store_may_be_used_from_another_thread(url):
    """Polls run in threads of their own."""
    with Store(url) as store:
        said = []
        thread = threading.Thread(target=lambda: said.append(ingest(store, make_objects("a"))))
        thread.start()
        thread.join()
        assert said[0].new_candidates == 1
        assert len(store.candidates(LATE)) == 1


# -- opening --------------------------------------------------------------------------------------


def refusal(url) -> str:
    with pytest.raises(StoreError) as caught:
        Store(url)
    return str(caught.value)


def test_folders_are_made(tmp_path):
    """A project's first night has no folder yet."""
    with Store(f"sqlite:///{tmp_path}/a/b/store.sqlite"):
        assert (tmp_path / "a" / "b" / "store.sqlite").exists()


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    said = refusal(f"sqlite:///{tmp_path}/file/deep/store.sqlite")
    assert said == (
        f"cannot make the folder {tmp_path}/file/deep: Not a directory; "
        "choose another --output, or another `store`"
    )


@pytest.mark.fault("store", "gone", "a place that cannot be written")
def test_a_place_that_cannot_be_written_is_said_in_words(tmp_path):
    """A folder stands where the database should be."""
    said = refusal(f"sqlite:///{tmp_path}")
    assert said == f"cannot open the store sqlite:///{tmp_path}: unable to open database file"


@pytest.mark.fault("store", "damaged", "a file that is no database")
def test_a_file_that_is_no_database_is_said_in_words(tmp_path):
    """It is not overwritten."""
    path = tmp_path / "notes.txt"
    path.write_text("This is not a database. " * 100)
    assert refusal(f"sqlite:///{path}") == (
        f"cannot open the store sqlite:///{path}: file is not a database"
    )
    assert path.read_text().startswith("This is not")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlit", "cannot open the store sqlit: Could not parse SQLAlchemy URL"),
        ("nosql://u:hush@host/x", "cannot open the store nosql://...@host/x: Can't load plugin"),
        ("mysql://u:hush@host/x", "cannot open the store mysql://...@host/x: No module named"),
    ],
)
def test_a_url_that_is_none_says_what_could_be(url, words):
    """The password is not repeated."""
    said = refusal(url)
    assert said.startswith(words)
    assert "expected 'sqlite', or a URL such as postgresql+pg8000://user@host/name" in said
    assert "hush" not in said


@pytest.mark.fault("store", "damaged", "a database that was cut off")
def test_a_database_that_was_cut_off_is_said_in_words(sqlite_url, tmp_path):
    """A disk that lost its end is not taken for an empty store."""
    with Store(sqlite_url) as store:
        ingest(store, make_objects(), light_curve(n=200))
        with closing(sqlite3.connect(tmp_path / "store.sqlite")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = tmp_path / "store.sqlite"
    path.write_bytes(path.read_bytes()[:5000])
    assert "malformed" in refusal(sqlite_url)


WRITE = (
    "import sys\n"
    "from aas2rto.store import Store\n"
    "from aas2rto.tables import marks\n"
    "from astropy.time import Time\n"
    "with Store(sys.argv[1]) as store:\n"
    "    at = Time(float(sys.argv[2]), format='mjd')\n"
    "    store.marks.save(marks.rows('SN', marks.Kind.VETO, at))\n"
)


def test_another_store_of_the_same_file_gives_up_no_lock(tmp_path):
    """Whoever closes a descriptor of a file gives up all locks of its process on it (POSIX).

    A program that writes and ends would then take itself for the last one, and remove the log that
    the others still read: to them the file is malformed.
    """
    file = tmp_path / "store.sqlite"
    url = f"sqlite:///{file}"
    with Store(url) as first:
        first.ingest(make_report(make_objects("SN")), MJD)
        with Store(url):
            pass
        done = subprocess.run(
            [sys.executable, "-c", WRITE, url, str(MJD)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert done.returncode == 0, done.stderr
        assert Path(f"{file}-wal").exists()
        assert len(first.marks.as_known(MJD + 1)) == 1
