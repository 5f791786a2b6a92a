"""compact, backup, restore: the store grows old in order, and there is a way back."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from aas2rto.store import Store
from aas2rto.store.database import SCHEMA_VERSION
from aas2rto.store.lock import hold
from tests.cli.conftest import NOW, Said
from tests.conftest import LATE, MJD, make_objects, make_photometry, make_report

Cli = Callable[..., Said]


@pytest.fixture
def store_path(project: Path, empty_store: Path) -> Path:
    """Return a store with two candidates, one of them in its journal only."""
    path = project / "outputs" / "small" / "store.sqlite"
    path.parent.mkdir(parents=True)
    shutil.copyfile(empty_store, path)
    with Store(f"sqlite:///{path}") as store:
        for name, ra in (("a", 10.0), ("b", 20.0)):
            points = make_photometry(name, MJD - 1)
            store.ingest(make_report(make_objects(name, ra=ra), points), MJD)
    return path


def names_in(path: Path) -> list[str]:
    with Store(f"sqlite:///{path}") as store:
        return store.candidates(LATE)["candidate_id"].tolist()


@pytest.mark.slow
def test_a_backup_is_one_sound_file(store_path: Path, aas2rto: Cli, tmp_path: Path) -> None:
    """Also while a loop writes; an older backup is replaced."""
    file = tmp_path / "backups" / "of_today.sqlite"
    with Store(f"sqlite:///{store_path}") as store, hold(store_path.parent / "run.lock"):
        store.ingest(make_report(make_objects("c", ra=30.0)), MJD)
        said = aas2rto("backup", "small.yaml", file)
        assert said.code == 0, said.err
        store.ingest(make_report(make_objects("d", ra=40.0)), MJD)
    size = file.stat().st_size
    assert said.out == f"{file}: {size} bytes, sound, schema {SCHEMA_VERSION}\n"
    assert [one.name for one in file.parent.iterdir()] == [file.name]
    shutil.copyfile(file, tmp_path / "copy.sqlite")
    assert names_in(tmp_path / "copy.sqlite") == ["a", "b", "c"]
    again = json.loads(aas2rto("backup", "small.yaml", file, "--json").out)
    assert (again["file"], again["schema"]) == (str(file), SCHEMA_VERSION)
    shutil.copyfile(file, tmp_path / "copy.sqlite")
    assert names_in(tmp_path / "copy.sqlite") == ["a", "b", "c", "d"]


@pytest.mark.slow
def test_a_backup_overwrites_nothing_else(store_path: Path, aas2rto: Cli, tmp_path: Path) -> None:
    """A misspelt name costs no other file, nor the store."""
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    for file in (notes, store_path, tmp_path):
        said = aas2rto("backup", "small.yaml", file)
        assert (said.code, said.err) == (
            2,
            f"error: {file} is there and is no backup; name another file\n",
        )
    assert notes.read_text() == "mine"
    assert names_in(store_path) == ["a", "b"]


@pytest.mark.slow
def test_what_was_backed_up_is_restored(store_path: Path, aas2rto: Cli, tmp_path: Path) -> None:
    """What was there is kept beside, with what stood in its journal only."""
    file = tmp_path / "backup.sqlite"
    assert aas2rto("backup", "small.yaml", file).code == 0
    with Store(f"sqlite:///{store_path}") as store:
        store.ingest(make_report(make_objects("later", ra=30.0)), MJD)
    refused = aas2rto("restore", "small.yaml", file)
    assert (refused.code, refused.err) == (
        2,
        f"error: there is a store already, {store_path.relative_to(tmp_path)}; "
        "add --force to replace it (it is kept beside)\n",
    )
    said = aas2rto("restore", "small.yaml", file, "--force")
    assert said.code == 0, said.err
    aside = store_path.with_name("store-before-1.sqlite")
    assert said.out.splitlines() == [
        f"{store_path.relative_to(tmp_path)}: restored from {file}",
        f"{aside.relative_to(tmp_path)}: the store that was there",
    ]
    assert names_in(store_path) == ["a", "b"]
    assert names_in(aside) == ["a", "b", "later"]
    assert file.exists()
    again = json.loads(aas2rto("restore", "small.yaml", file, "--force", "--json").out)
    assert again["kept_beside"].endswith("store-before-2.sqlite")


def test_a_lost_store_is_restored_without_a_question(
    store_path: Path, aas2rto: Cli, tmp_path: Path
) -> None:
    """There is nothing to overwrite."""
    file = tmp_path / "backup.sqlite"
    assert aas2rto("backup", "small.yaml", file).code == 0
    shutil.rmtree(store_path.parent)
    said = aas2rto("restore", "small.yaml", file)
    assert said.out == f"{store_path.relative_to(tmp_path)}: restored from {file}\n"
    assert names_in(store_path) == ["a", "b"]


def test_a_damaged_store_is_put_aside_with_its_journal(
    store_path: Path, aas2rto: Cli, tmp_path: Path
) -> None:
    """It is what one restores for; the new store must not read the old one's journal."""
    file = tmp_path / "backup.sqlite"
    assert aas2rto("backup", "small.yaml", file).code == 0
    store_path.write_bytes(b"no database " * 1000)
    journal = store_path.with_name("store.sqlite-wal")
    journal.write_bytes(b"who knows")
    said = aas2rto("restore", "small.yaml", file, "--force")
    assert said.code == 0, said.err
    assert names_in(store_path) == ["a", "b"]
    assert store_path.with_name("store-before-1.sqlite").read_bytes()[:11] == b"no database"
    assert store_path.with_name("store-before-1.sqlite-wal").read_bytes() == b"who knows"


@pytest.mark.fault("CLI", "damaged", "a backup that is not sound")
@pytest.mark.slow
def test_what_is_no_sound_backup_is_refused_in_words(
    store_path: Path, aas2rto: Cli, tmp_path: Path
) -> None:
    """Before anything is touched."""
    good, bad = tmp_path / "backup.sqlite", tmp_path / "bad.sqlite"
    assert aas2rto("backup", "small.yaml", good).code == 0

    def refusal(**_: object) -> str:
        said = aas2rto("restore", "small.yaml", bad, "--force")
        assert said.code in (1, 2)
        assert names_in(store_path) == ["a", "b"]
        assert not list(store_path.parent.glob("*before*"))
        return said.err

    assert refusal() == f"error: there is no backup {bad}\n"
    bad.write_text("notes")
    assert refusal() == f"error: {bad} is no sound store: file is not a database\n"
    bad.unlink()
    with closing(sqlite3.connect(bad)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    assert refusal() == f"error: {bad} is no store of aas2rto: it lacks its tables\n"
    shutil.copyfile(good, bad)
    with closing(sqlite3.connect(bad)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    assert "has schema 9999, this program knows up to" in refusal()
    data = bytearray(good.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    bad.write_bytes(data)
    assert re.match(rf"error: {bad} is (damaged|no sound store): ", refusal())


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["compact", "restore"])
def test_a_running_loop_is_not_disturbed(
    store_path: Path, aas2rto: Cli, tmp_path: Path, verb: str
) -> None:
    """Who restores or compacts stops it first."""
    file = tmp_path / "backup.sqlite"
    assert aas2rto("backup", "small.yaml", file).code == 0
    with hold(store_path.parent / "run.lock"):
        more = [] if verb == "compact" else [file, "--force"]
        said = aas2rto(verb, "small.yaml", *more)
    assert said.code == 1
    assert "another aas2rto" in said.err
    assert "stop it first" in said.err


def test_compact_gives_space_back(store_path: Path, aas2rto: Cli, tmp_path: Path) -> None:
    """And says how much; what stands stays."""
    with closing(sqlite3.connect(store_path)) as connection:
        connection.execute("CREATE TABLE ballast (x)")
        connection.execute("INSERT INTO ballast VALUES (zeroblob(3000000))")
        connection.execute("DROP TABLE ballast")
        connection.commit()
    before = store_path.stat().st_size
    said = aas2rto("compact", "small.yaml")
    assert said.code == 0, said.err
    after = store_path.stat().st_size
    assert said.out == (
        f"{store_path.relative_to(tmp_path)}: {before} bytes before, {after} after; "
        "0 rows of the history thinned out\n"
    )
    assert after < before - 2_900_000
    assert names_in(store_path) == ["a", "b"]


@pytest.mark.fault("CLI", "empty", "a project without a store")
def test_a_project_without_a_store_has_nothing_to_keep(project: Path, aas2rto: Cli) -> None:
    """Nothing is made either."""
    for verb in ("compact", "backup"):
        more = [] if verb == "compact" else ["x.sqlite"]
        said = aas2rto(verb, "small.yaml", *more)
        assert said.code == 2
        assert "run this science case first (aas2rto run CONFIG)" in said.err
    assert not (project / "x.sqlite").exists()


def test_a_database_server_is_backed_up_by_its_own_tools(project: Path, aas2rto: Cli) -> None:
    """The error names them."""
    text = (project / "small.yaml").read_text()
    (project / "small.yaml").write_text(text + "store: postgresql+pg8000://me@host/name\n")
    for verb, tool in (("backup", "pg_dump"), ("restore", "pg_restore")):
        said = aas2rto(verb, "small.yaml", "x.sqlite")
        assert said.code == 2
        assert tool in said.err


@pytest.mark.slow
def test_a_cycle_prunes_by_the_retention_of_the_config(project: Path, aas2rto: Cli) -> None:
    """Reports of cycles are thinned as the history is; a wrong retention is said in words."""
    text = (project / "small.yaml").read_text()
    config = project / "small.yaml"
    config.write_text(text + "store: {retention: {all: 1 day, hourly: 2 day}}\n")
    days = ("2026-03-10T20:00", "2026-03-10T20:10", "2026-03-10T22:00", NOW)
    for at in days:
        said = aas2rto("run", "small.yaml", "--once", "--now", at)
        assert said.code == 0, said.err
    with closing(sqlite3.connect(project / "outputs" / "small" / "store.sqlite")) as connection:
        count = connection.execute("SELECT COUNT(*) FROM cycles").fetchone()[0]
    assert count == 3, "the first, the last of that day, and the newest"
    config.write_text(text + "store: {retention: {all: 40 day}}\n")
    said = aas2rto("check", "small.yaml")
    assert said.code == 2
    assert "hourly: 30 day is less than all: 40 day" in said.err
    config.write_text(text + "store: {retention: {al: 40 day}}\n")
    assert "unknown setting 'al'; did you mean 'all'?" in aas2rto("check", "small.yaml").err
