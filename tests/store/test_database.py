"""Transactions: who reads never waits, and who writes builds on what is there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from aas2rto.store.database import migrate, open_engine, writing

COUNT = text("SELECT count(*) FROM cycles")
ADD = text("INSERT INTO cycles VALUES (:at, '', '', '{}')")


@pytest.fixture
def engine(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.mark.slow
def test_writers_take_turns(engine):
    """What one reads before it writes is not old by then: no number is given twice."""

    def add(times):
        for _ in range(times):
            with writing(engine) as connection:
                number = connection.execute(COUNT).scalar_one()
                connection.execute(ADD, {"at": number})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, [20] * 4))
    with engine.connect() as connection:
        assert connection.execute(COUNT).scalar_one() == 80


def test_a_reader_sees_one_state_and_does_not_wait_for_a_writer(engine):
    """What is written meanwhile is seen by the next one who reads."""
    with engine.connect() as reader, writing(engine) as writer:
        writer.execute(ADD, {"at": 1.0})
        assert reader.execute(COUNT).scalar_one() == 0
        writer.commit()
        assert reader.execute(COUNT).scalar_one() == 0
    with engine.connect() as reader:
        assert reader.execute(COUNT).scalar_one() == 1


def test_a_transaction_that_fails_leaves_nothing(engine):
    """Tables that it made are gone, too."""

    def fail():
        with writing(engine) as connection:
            connection.execute(text("CREATE TABLE new (x INTEGER)"))
            connection.execute(ADD, {"at": 1.0})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with engine.connect() as connection:
        assert connection.execute(COUNT).scalar_one() == 0
        assert (
            connection.execute(text("SELECT name FROM sqlite_master WHERE name = 'new'")).all()
            == []
        )


def test_references_are_checked_after_a_migration(engine):
    """They are not while it copies tables."""
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
