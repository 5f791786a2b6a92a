"""The snapshot beside a store: it makes a restart quick, and is never believed against the rows."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aas2rto.store import Store, cache, snapshot
from tests.conftest import MJD, make_objects, make_photometry, make_report

NAMES = [f"SN{i:04d}" for i in range(cache.WORTH_A_FILE)]


def points(names, first=0.0, n=3):
    parts = [
        make_photometry(
            name, MJD + first + np.arange(n), measurement_id=[f"{first}{i}" for i in range(n)]
        )
        for name in names
    ]
    return pd.concat(parts, ignore_index=True)


def ingest(url, names=NAMES, first=0.0):
    ra = np.linspace(0.0, 300.0, len(NAMES))
    chosen = [NAMES.index(name) for name in names]
    objects = make_objects(list(names), ra=ra[chosen], known_at=MJD - 1)
    with Store(url) as store:
        store.ingest(make_report(objects, points(names, first)), MJD)


def known(url, *, keep=False):
    with Store(url) as store:
        found = store.photometry.as_known(store.candidates(MJD + 50), MJD + 50)
        if keep:
            assert store.photometry.keep_snapshot(last=True)
    return found


def assert_same(one, other):
    pd.testing.assert_frame_equal(one.summary, other.summary)
    np.testing.assert_array_equal(one.content, other.content)
    plain = [
        p.astype({n: str for n in p if p[n].dtype == "category"})
        for p in (one.photometry, other.photometry)
    ]
    pd.testing.assert_frame_equal(*plain)


@pytest.fixture
def kept(sqlite_url):
    """Return a store with a snapshot, its path, and what it says."""
    ingest(sqlite_url)
    wanted = known(sqlite_url, keep=True)
    with Store(sqlite_url) as store:
        path = snapshot.path_of(store.engine)
    assert path is not None
    return sqlite_url, path, wanted


@pytest.fixture
def rows_read(monkeypatch):
    """Return a list that tells of how many candidates rows were read."""
    read, told = cache._read, []

    def counting(connection, keys, n):
        told.append(len(keys))
        return read(connection, keys, n)

    monkeypatch.setattr(cache, "_read", counting)
    return told


@pytest.mark.slow
def test_a_restart_reads_the_snapshot_and_not_the_rows(kept, rows_read):
    url, path, wanted = kept
    assert_same(known(url), wanted)
    assert sum(rows_read) == 0
    assert path.stat().st_mode & 0o077 == 0, "it is as private as the store"


@pytest.mark.slow
def test_what_changed_since_is_read_from_the_rows(kept, rows_read):
    url, path, _ = kept
    ingest(url, NAMES[:3], first=20.0)
    found = known(url)
    assert sum(rows_read) == 3
    path.unlink()
    assert_same(found, known(url))
    assert found.summary["n_detections"].iloc[0] == 6


@pytest.mark.slow
def test_it_is_written_when_much_changed_and_at_the_end(kept):
    url, _, _ = kept
    with Store(url) as store:
        store.photometry.as_known(store.candidates(MJD + 50), MJD + 50)
        assert not store.photometry.keep_snapshot(last=True), "nothing changed since"
    ingest(url, NAMES[:3], first=20.0)
    with Store(url) as store:
        store.photometry.as_known(store.candidates(MJD + 50), MJD + 50)
        assert not store.photometry.keep_snapshot()
        assert store.photometry.keep_snapshot(last=True)


@pytest.mark.fault("store", "damaged", "a damaged snapshot")
@pytest.mark.slow
@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_a_flipped_bit_or_a_cut_end_is_noticed(kept, place, bit, cut):
    """Wherever it is: the store itself is read."""
    url, path, wanted = kept
    whole = path.read_bytes()
    at = int(place * len(whole))
    changed = bytearray(whole)
    changed[at] ^= 1 << bit
    path.write_bytes(whole[:at] if cut else bytes(changed))
    try:
        assert_same(known(url), wanted)
    finally:
        path.write_bytes(whole)


@pytest.mark.slow
def test_a_damaged_one_has_a_line(kept, caplog, rows_read):
    url, path, wanted = kept
    path.write_bytes(path.read_bytes()[:1000])
    assert_same(known(url), wanted)
    assert f"the snapshot {path} cannot be used (" in caplog.text
    assert "the store itself is read" in caplog.text
    assert sum(rows_read) == len(NAMES)


@pytest.mark.slow
def test_one_of_another_version_has_a_line(kept, caplog, monkeypatch, rows_read):
    caplog.set_level(logging.INFO)
    url, path, wanted = kept
    monkeypatch.setattr(snapshot, "made_by", lambda: "other code")
    assert_same(known(url), wanted)
    assert f"the snapshot {path} is of another version of the program" in caplog.text
    assert sum(rows_read) == len(NAMES)


@pytest.mark.slow
def test_one_that_is_newer_than_a_restored_store_is_ignored(
    sqlite_url, tmp_path, caplog, rows_read
):
    """The generation alone proves nothing: the restored store may reach it with other rows."""
    caplog.set_level(logging.INFO)
    ingest(sqlite_url, NAMES)
    file = tmp_path / "store.sqlite"
    old = tmp_path / "old.sqlite"
    with Store(sqlite_url) as store, store._access.transaction("x") as connection:
        connection.exec_driver_sql("SELECT 1")
    shutil.copyfile(file, old)
    ingest(sqlite_url, NAMES[:3], first=20.0)
    known(sqlite_url, keep=True)
    for end in ("-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    shutil.copyfile(old, file)
    ingest(sqlite_url, NAMES[5:9], first=30.0)
    rows_read.clear()
    found = known(sqlite_url)
    assert "is not of this store" in caplog.text
    assert sum(rows_read) == len(NAMES)
    assert found.summary["n_detections"].tolist() == [3] * 5 + [6] * 4 + [3] * (len(NAMES) - 9)


@pytest.mark.fault("store", "gone", "no room for a snapshot")
@pytest.mark.slow
def test_a_disk_that_does_not_take_it_costs_a_line(kept, caplog):
    url, path, _ = kept
    path.with_name(path.name + ".new").mkdir()
    ingest(url, NAMES[:3], first=20.0)
    with Store(url) as store:
        store.photometry.as_known(store.candidates(MJD + 50), MJD + 50)
        assert not store.photometry.keep_snapshot(last=True)
    assert f"the snapshot {path} was not written: " in caplog.text


def test_a_store_in_memory_has_none():
    with Store("sqlite://") as store:
        assert snapshot.path_of(store.engine) is None
