"""A database of any age opens, or says in words why it does not."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import create_engine, inspect

from aas2rto.errors import StoreError
from aas2rto.store import Store, schema
from aas2rto.store.database import SCHEMA_VERSION
from tests.conftest import MJD, make_objects, make_report


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
