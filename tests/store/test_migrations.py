"""A database of any age opens, or says in words why it does not."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from aas2rto.errors import StoreError
from aas2rto.store import Store, schema
from aas2rto.store.database import SCHEMA_VERSION
from tests.conftest import MJD, make_objects, make_report
from tests.store.first_schema import FIRST


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.sqlite"


def run(path, *statements):
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_new_store_has_the_tables_of_the_schema(path):
    """Migrations and schema say the same: tables, columns, keys and indices."""
    with Store(f"sqlite:///{path}") as store:
        found = inspect(store.engine)
        assert set(found.get_table_names()) == {*schema.metadata.tables, "alembic_version"}
        reference = create_engine("sqlite://")
        schema.metadata.create_all(reference)
        expected = inspect(reference)
        for table in schema.metadata.tables:
            columns = [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)]
            assert columns == [
                (c["name"], str(c["type"]), c["nullable"]) for c in expected.get_columns(table)
            ]
            assert found.get_pk_constraint(table) == expected.get_pk_constraint(table)
            assert found.get_foreign_keys(table) == expected.get_foreign_keys(table)
            assert found.get_indexes(table) == expected.get_indexes(table)


def test_a_store_of_this_version_is_opened_as_it_is(path):
    """The second start changes nothing."""
    with Store(f"sqlite:///{path}") as store:
        store.ingest(make_report(make_objects("a")), MJD)
    with Store(f"sqlite:///{path}") as store:
        assert store.candidates()["candidate_id"].tolist() == ["a"]
        with store.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
            assert list(found) == [SCHEMA_VERSION]


def test_a_store_of_a_newer_program_is_refused_in_words(path):
    """An old program would damage what it does not know."""
    Store(f"sqlite:///{path}").close()
    run(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{path}")
    assert str(caught.value) == (
        f"the store has schema 9999, this program knows up to {SCHEMA_VERSION}; "
        "update the program (pip install --upgrade aas2rto)"
    )


def test_a_version_that_nobody_knows_is_refused_in_words(path):
    """Another program uses alembic, too."""
    Store(f"sqlite:///{path}").close()
    run(path, "UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{path}")
    said = str(caught.value)
    assert said.startswith("the store was not made by this program, or is damaged: ")
    assert said.endswith("; move it away, or name another `store`")
    assert "0000" in said


@pytest.mark.parametrize("made", [0, 1, 5, 11])
def test_a_kill_while_the_tables_are_made_is_repaired(path, made):
    """The next start makes the tables that miss."""
    Store(f"sqlite:///{path}").close()
    drop = [f"DROP TABLE {table.name}" for table in reversed(schema.metadata.sorted_tables)]
    run(path, "DELETE FROM alembic_version", *drop[: len(drop) - made])
    with Store(f"sqlite:///{path}") as store:
        assert store.ingest(make_report(make_objects("a")), MJD).new_candidates == 1


def shape(engine):
    """Return columns and keys of all tables, in an order that does not matter."""
    found = inspect(engine)
    return {
        table: (
            {(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)},
            tuple(found.get_pk_constraint(table)["constrained_columns"]),
            {(tuple(k["constrained_columns"]), k["referred_table"])
             for k in found.get_foreign_keys(table)},
            {tuple(index["column_names"]) for index in found.get_indexes(table)},
        )
        for table in found.get_table_names()
    }  # fmt: skip


def test_a_store_of_the_first_version_is_brought_up_to_date(path):
    """It has the shape of a new one, and all that was in it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST)
    with Store(f"sqlite:///{path}") as store, Store("sqlite://") as new:
        assert shape(store.engine) == shape(new.engine)
        row = store.candidates().iloc[0]
        assert (row["candidate_id"], row["spectral_type"], row["redshift"]) == ("a", "SN Ia", 0.1)
        assert store.photometry(store.candidates())["measurement_id"].tolist() == ["m1"]
        assert store.source_state("fink").cursor == {"offset": 7}
        with store.engine.connect() as connection:
            said = connection.exec_driver_sql("SELECT kind, author, comment FROM feedback").all()
        assert said == [("veto", "me", "a galaxy")]
        assert store.ingest(make_report(make_objects("d")), MJD).new_candidates == 1


@pytest.mark.parametrize("table_is_there", [True, False])
def test_the_copy_of_a_table_that_a_killed_program_left_is_no_hindrance(path, table_is_there):
    """It is dropped where its table is there, and takes the table's place where it is not."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST)
        if table_is_there:
            connection.execute("CREATE TABLE _alembic_tmp_feedback (id INTEGER)")
        else:
            connection.execute("ALTER TABLE feedback RENAME TO _alembic_tmp_feedback")
    with Store(f"sqlite:///{path}") as store, Store("sqlite://") as new:
        assert shape(store.engine).keys() == shape(new.engine).keys()
        with store.engine.connect() as connection:
            said = connection.exec_driver_sql("SELECT kind, author, comment FROM feedback").all()
        assert said == [("veto", "me", "a galaxy")]


def test_the_newest_migration_is_the_version_of_the_program():
    """Each file continues the one before it."""
    folder = Path(schema.__file__).parent / "migrations" / "versions"
    files = sorted(folder.glob("v*.py"))
    found = [re.search(r'^revision = "(\d+)"', f.read_text(), re.MULTILINE)[1] for f in files]
    before = [re.search(r"^down_revision = (.*)$", f.read_text(), re.MULTILINE)[1] for f in files]
    assert found == [f"{number:04d}" for number in range(1, len(files) + 1)]
    assert before == ["None", *(f'"{number}"' for number in found[:-1])]
    assert found[-1] == SCHEMA_VERSION
