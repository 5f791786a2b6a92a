"""A database of any age opens, or says in words why it does not."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, inspect

from aas2rto.errors import StoreError
from aas2rto.store import Store, schema
from aas2rto.store.database import SCHEMA_VERSION, migrate, open_engine
from aas2rto.store.migrations.versions import v0001_first, v0003_messages
from tests.conftest import LATE, MJD, make_facts, make_objects, make_report
from tests.store.first_schema import FIRST
from tests.store.test_fits import FITS
from tests.store.test_history import NAMES, SITES, kept, reduced, save


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
        assert store.candidates(LATE)["candidate_id"].tolist() == ["a"]
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


@pytest.mark.slow
@pytest.mark.parametrize("made", [0, 1, 5, 11])
def test_a_kill_while_the_tables_are_made_is_repaired(path, made):
    """The next start makes the tables that miss."""
    engine = create_engine(f"sqlite:///{path}")
    v0001_first.metadata.create_all(engine, tables=v0001_first.metadata.sorted_tables[:made])
    engine.dispose()
    run(path, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    with Store(f"sqlite:///{path}") as store:
        assert store.ingest(make_report(make_objects("a")), MJD).new_candidates == 1


def shape(engine):
    """Return columns and keys of all tables, in an order that does not matter."""
    found = inspect(engine)
    return {
        table: (
            {(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)},
            tuple(found.get_pk_constraint(table)["constrained_columns"]),
            {
                (tuple(k["constrained_columns"]), k["referred_table"])
                for k in found.get_foreign_keys(table)
            },
            {tuple(index["column_names"]) for index in found.get_indexes(table)},
        )
        for table in found.get_table_names()
    }


@pytest.mark.slow
def test_a_store_of_the_first_version_is_brought_up_to_date(path):
    """It has the shape of a new one, and all that was in it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST)
    with Store(f"sqlite:///{path}") as store, Store("sqlite://") as new:
        assert shape(store.engine) == shape(new.engine)
        row = store.candidates(LATE).iloc[0]
        assert (row["candidate_id"], row["spectral_type"], row["redshift"]) == ("a", "SN Ia", 0.1)
        assert store.photometry.of(store.candidates(LATE))["measurement_id"].tolist() == ["m1"]
        assert store.sources.state("fink").cursor == {"offset": 7}
        with store.engine.connect() as connection:
            said = connection.exec_driver_sql("SELECT kind, author, comment FROM marks").all()
        assert said == [("veto", "me", "a galaxy")]
        assert store.ingest(make_report(make_objects("d")), MJD).new_candidates == 1


@pytest.mark.slow
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
            said = connection.exec_driver_sql("SELECT kind, author, comment FROM marks").all()
        assert said == [("veto", "me", "a galaxy")]


@pytest.fixture
def third(path):
    """Return the path of a store of schema 0003, made of the tables as they were then."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        v0001_first.metadata.create_all(connection)
        v0003_messages.metadata.create_all(connection, tables=list(v0003_messages.TABLES))
    engine.dispose()
    columns = "ra, dec, name, too, base_score, redshift, redshift_source, spectral_type, host"
    run(
        path,
        "ALTER TABLE feedback ADD COLUMN until_mag FLOAT",
        "ALTER TABLE feedback ADD COLUMN until_new_data BOOLEAN DEFAULT (0) NOT NULL",
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
        "INSERT INTO alembic_version VALUES ('0003')",
        f"INSERT INTO candidates (id, candidate_id, {columns}, comment, magnitude, valid_until, "
        "state, first_known) VALUES "
        "(1, 'a', 10.0, 20.0, '2026abc', 0, NULL, 0.1, 'TNS', 'SN Ia', '', '', NULL, NULL, "
        "'active', 61000.0), "
        "(2, 'b', 30.0, 20.0, 'b', 1, 1000.0, NULL, '', '', '', 'mine', 17.0, 61107.0, "
        "'active', NULL), "
        "(3, 'c', 50.0, 20.0, '', 0, NULL, NULL, '', '', '', '', NULL, NULL, 'rejected', 61001.0)",
        "INSERT INTO aliases VALUES ('a', 1, 'ztf'), ('2026abc', 1, 'tns'), ('b', 2, 'too'), "
        "('c', 3, 'ztf')",
        "INSERT INTO photometry VALUES (2, 'ztf', 'm1', 61000.0, 'ztfg', 100.0, 5.0, NULL, "
        "'detection', 'fink', 61002.5)",
        "INSERT INTO annotations VALUES (1, 'fink_p', '0.5', 61003.0)",
        "INSERT INTO rejections VALUES (3, 'time_span', 'too old', 61005.0, '{}')",
        "INSERT INTO feedback VALUES (7, 1, 'veto', 61004.0, NULL, '', 'me', 'a star', NULL, 0)",
        "INSERT INTO marks VALUES (1, 'told', '3.0', 61004.5)",
    )
    return path


@pytest.mark.slow
def test_what_an_old_store_knew_becomes_history(third, caplog):
    """Known since the candidate's first sight: its own, or that of its first measurement."""
    with Store(f"sqlite:///{third}") as store, Store("sqlite://") as new:
        assert shape(store.engine) == shape(new.engine)
        sights = {
            at: store.candidates(at, state=None)["candidate_id"].tolist()
            for at in (60999.0, 61000.0, 61001.0, 61002.5)
        }
        assert sights == {
            60999.0: [],
            61000.0: ["a"],
            61001.0: ["a", "c"],
            61002.5: ["a", "b", "c"],
        }
        first = store.candidates(61000.0).iloc[0]
        assert (first["redshift"], first["redshift_source"]) == (0.1, "TNS")
        assert (first["name"], first["spectral_type"]) == ("2026abc", "SN Ia")
        target = store.candidates(61003.0).iloc[1]
        assert (target["too"], target["base_score"], target["comment"]) == (True, 1000.0, "mine")
        assert store.facts.as_known(61002.9).empty
        assert store.facts.as_known(61003.0)["fink_p"].tolist() == [0.5]
        assert store.candidates(61004.9)["candidate_id"].tolist() == ["a", "b", "c"]
        assert store.candidates(61005.0)["candidate_id"].tolist() == ["a", "b"]
        assert store.rejections.as_known(61005.0)["reason"].tolist() == ["too old"]
        assert store.marks.as_known(61004.0)["comment"].tolist() == ["a star"]
        assert [(one.topic, one.value) for one in store.outbox.told()] == [("told", "3.0")]
        assert store.identities.resolve("2026abc") == "a"
    # Name, redshift and type of a; name, score, comment, magnitude, end and ToO of b.
    assert [record.getMessage() for record in caplog.records if record.name == "aas2rto.store"] == [
        "the store keeps the history of facts now: 9 facts that it held count as known since the "
        "first sight of their candidates"
    ]


def test_the_words_of_an_old_too_are_not_overwritten(third):
    """A person said them."""
    with Store(f"sqlite:///{third}") as store:
        facts = make_facts("b", known_at=61100.0, comment="theirs", redshift=0.2)
        store.ingest(make_report(facts=facts), MJD)
        row = store.candidates(61101.0).set_index("candidate_id").loc["b"]
        assert (row["comment"], row["redshift"]) == ("mine", 0.2)


@pytest.mark.slow
def test_what_an_old_store_knew_can_be_taken_back(third):
    """It did not say from whom it was: whoever takes back the like is meant; not a person's."""
    with Store(f"sqlite:///{third}") as store:
        for name in "ab":
            facts = make_facts(name, known_at=61100.0, spectral_type=None, comment=None)
            store.ingest(make_report(facts=facts, source="tns"), MJD)
        types = [store.candidates(at)["spectral_type"].tolist()[0] for at in (61099.0, 61100.0)]
        assert types == ["SN Ia", ""]
        assert store.candidates(61100.0)["comment"].tolist() == ["", "mine"]


@pytest.fixture
def fourth(path):
    """Return the path of a store of schema 0004, and what its cycles had found."""
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine, "0004")
    rng = np.random.default_rng(4)
    found, fits = {}, []
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        run("INSERT INTO candidates VALUES " + ",".join(f"({i + 1}, '{n}')" for i, n in NUMBERED))
        run(
            "INSERT INTO objects (id, candidate, object_id, survey, ra, dec, known_at) VALUES "
            + ",".join(f"({i + 1}, {i + 1}, '{n}', 'ztf', {i}, 0, 61000)" for i, n in NUMBERED)
        )
        for cycle in range(40):
            at = 61000.0 + cycle / 144.0
            found[at] = any_cycle(rng)
            run(f"INSERT INTO cycles VALUES ({at!r}, '1', 'c', '{{}}')")
            for name, (score, decision, factor) in found[at]["scores"].items():
                values = (NAMES.index(name) + 1, at, score, decision, factor)
                run("INSERT INTO scores VALUES (?, ?, ?, ?, ?)", values)
            for site, names in found[at]["ranks"].items():
                for place, name in enumerate(names, start=1):
                    values = (NAMES.index(name) + 1, site, at, place, 1.0 / place)
                    run("INSERT INTO ranks VALUES (?, ?, ?, ?, ?)", values)
        for number, fit in enumerate(FITS.values(), start=1):
            fits.append(json.dumps(fit))
            run("INSERT INTO fits VALUES (?, 'mine', ?, ?)", (number, f"d{number}", fits[-1]))
    engine.dispose()
    return path, found, fits


NUMBERED = list(enumerate(NAMES))


def any_cycle(rng):
    """Return what a cycle found: scores that drift, lists longer than what is watched."""
    names = [name for name in NAMES if rng.random() < 0.95]
    told = {
        name: (float(rng.choice([1.0, 1.05, 1.2, -1.0])), str(rng.choice(["keep", "exclude"])), "f")
        for name in names
    }
    ranks = {site: rng.permutation(names).tolist() for site in SITES if rng.random() < 0.8}
    return {"scores": told, "ranks": ranks}


@pytest.mark.slow
def test_what_old_cycles_found_becomes_what_changed(fourth, caplog):
    """As the program would have kept it; the newest two stay whole; fits come back as they were."""
    path, found, fits = fourth
    old = sum(len(one["scores"]) + sum(map(len, one["ranks"].values())) for one in found.values())
    with Store(f"sqlite:///{path}") as store, Store("sqlite://") as new:
        assert shape(store.engine) == shape(new.engine)
        expected = reduced(found)
        assert kept(store) == expected
        last, before = sorted(found)[-1], sorted(found)[-2]
        scores = {name: value[0] for name, value in found[last]["scores"].items()}
        assert store.results.last_scores().to_dict() == scores
        said = store.results.before(NAMES, SITES, last)
        assert said.at == before
        assert said.scores == {name: value[0] for name, value in found[before]["scores"].items()}
        ranks = {}
        for site, names in found[before]["ranks"].items():
            for place, name in enumerate(names, start=1):
                ranks.setdefault(name, {})[site] = place
        assert said.ranks == ranks
        table = store.fits.of("mine").set_index("candidate_id")
        for number, fit in enumerate(fits, start=1):
            row = table.loc[NAMES[number - 1]]
            assert row["digest"] == f"d{number}"
            assert json.dumps(dict(row[list(json.loads(fit))])) == fit
    assert [record.getMessage() for record in caplog.records if record.name == "aas2rto.store"] == [
        f"the store keeps scores and ranks where they changed, and fits as numbers now: {old} rows "
        f"of each cycle became {len(expected)} of history; {len(fits)} fits were packed"
    ]


@pytest.mark.slow
def test_an_old_store_goes_on_from_its_last_cycle(fourth):
    """The next cycle is compared with it, and adds what changed since."""
    path, found, _ = fourth
    with Store(f"sqlite:///{path}") as store:
        at = max(found) + 1.0 / 144.0
        found[at] = any_cycle(np.random.default_rng(99))
        save(store, at, found[at])
        assert kept(store) == reduced(found)


def test_the_newest_migration_is_the_version_of_the_program():
    """Each file continues the one before it."""
    folder = Path(schema.__file__).parent / "migrations" / "versions"
    files = sorted(folder.glob("v*.py"))
    found = [re.search(r'^revision = "(\d+)"', f.read_text(), re.MULTILINE)[1] for f in files]
    before = [re.search(r"^down_revision = (.*)$", f.read_text(), re.MULTILINE)[1] for f in files]
    # Sorted as they follow each other; numbers may be left out where work went on side by side.
    assert found == sorted(set(found))
    assert before == ["None", *(f'"{number}"' for number in found[:-1])]
    assert found[-1] == SCHEMA_VERSION
