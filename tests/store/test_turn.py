"""Of several programs on one PostgreSQL one ranks; its death is noticed, however it died."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from aas2rto.errors import StoreError
from aas2rto.store import Store
from aas2rto.store import turn as turns
from aas2rto.store.turn import Turn, turn


def never():
    """Nobody wants to end."""
    return False


HOLD = (
    "import sys, time\n"
    "from aas2rto.store import Store\n"
    "from aas2rto.store.turn import Turn\n"
    "store = Store(sys.argv[1])\n"
    "turn = Turn(store.engine)\n"
    "print(turn.taken(), flush=True)\n"
    "time.sleep(60)\n"
)


def test_a_file_has_nobody_else(sqlite_url):
    """Who works in the folder is another matter, see `test_lock`."""
    with (
        Store(sqlite_url) as store,
        turn(store.engine, never, print, wait=False) as one,
    ):
        one.check()


@pytest.mark.proof
@pytest.mark.postgres
def test_a_second_program_is_told_or_stands_by(postgres_url, monkeypatch):
    monkeypatch.setattr(turns, "ASK_AGAIN", 0.05)
    said = []
    with Store(postgres_url) as first, Store(postgres_url) as second:
        ranker = Turn(first.engine)
        assert ranker.taken()
        ranker.check()
        with (
            pytest.raises(StoreError, match="another aas2rto ranks this database"),
            turn(second.engine, never, said.append, wait=False),
        ):
            pass
        threading.Timer(0.3, ranker.leave).start()
        with turn(second.engine, never, said.append, wait=True) as mine:
            mine.check()
            assert not ranker.taken()
        ranker.leave()
    assert said == [
        "another aas2rto ranks this database: standing by, asking every 0.05 s",
        "the other one has ended: ranking from here on",
    ]


@pytest.mark.proof
@pytest.mark.postgres
def test_a_ranker_that_is_killed_is_followed(postgres_url, monkeypatch):
    monkeypatch.setattr(turns, "ASK_AGAIN", 0.1)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, postgres_url],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with other, Store(postgres_url) as store:
        assert other.stdout.readline().strip() == "True"
        threading.Timer(0.5, other.send_signal, (signal.SIGKILL,)).start()
        begun = time.monotonic()
        with turn(store.engine, never, lambda _: None, wait=True) as mine:
            mine.check()
        assert time.monotonic() - begun < 30


LOSE = (
    "import sys\n"
    "from aas2rto.errors import StoreError\n"
    "from aas2rto.store import Store\n"
    "from aas2rto.store.turn import Turn\n"
    "turn = Turn(Store(sys.argv[1]).engine)\n"
    "print(turn.taken(), flush=True)\n"
    "for line in sys.stdin:\n"
    "    try:\n"
    "        turn.check()\n"
    "        print('ours', flush=True)\n"
    "    except StoreError as error:\n"
    "        print(error, flush=True)\n"
)
"""In a process of its own: the driver leaves the socket open of a connection that was cut."""


@pytest.mark.proof  # and not of those that CI runs: how a cut connection fails is up to the kernel
def test_a_turn_that_the_server_took_away_is_noticed(postgres_url, postgres_server):
    ranker = subprocess.Popen(
        [sys.executable, "-c", LOSE, postgres_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    def checked():
        ranker.stdin.write("\n")
        ranker.stdin.flush()
        return ranker.stdout.readline().strip()

    with ranker, Store(postgres_url) as store:
        assert ranker.stdout.readline().strip() == "True"
        assert checked() == "ours"
        postgres_server.order(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        )
        other = Turn(store.engine)
        assert other.taken()
        assert checked().startswith("the store does not answer: ")
        assert checked() == "another aas2rto ranks this database now; this one lost its turn"
        other.leave()
        assert checked() == "ours"


CUT = (
    "import sys\n"
    "from aas2rto.errors import StoreError\n"
    "from aas2rto.store import Store\n"
    "from aas2rto.store.access import Access\n"
    "from sqlalchemy import text\n"
    "with Store(sys.argv[1]) as store:\n"
    "    try:\n"
    "        with Access(store.engine).transaction('marks') as connection:\n"
    "            print(connection.execute(text('SELECT pg_backend_pid()')).scalar_one())\n"
    "            sys.stdout.flush()\n"
    "            sys.stdin.readline()\n"
    "            connection.execute(text('SELECT 1'))\n"
    "    except StoreError as error:\n"
    "        print(error, flush=True)\n"
    "    print(len(store.candidates(60000.0)), flush=True)\n"
)
"""A transaction whose connection the server cuts, and another one after it."""


@pytest.mark.proof
def test_a_transaction_that_the_server_cut_is_one_error_of_the_store(postgres_url, postgres_server):
    with Store(postgres_url):
        pass  # its tables are made
    with subprocess.Popen(
        [sys.executable, "-c", CUT, postgres_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as writer:
        postgres_server.order(f"SELECT pg_terminate_backend({int(writer.stdout.readline())})")
        said, _ = writer.communicate("\n", timeout=60)
    error, after = said.splitlines()
    assert error.startswith("marks: the store did not take it: ")
    assert after == "0"
