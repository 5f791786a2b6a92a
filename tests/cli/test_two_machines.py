"""More than one machine: the same lists on another store and another cluster; one ranks."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from astropy.time import Time
from sqlalchemy import create_engine

from aas2rto.config.examples import read_config
from aas2rto.simulate import demo as nights
from aas2rto.store import Store, turn
from tests.conftest import MJD, make_objects, make_photometry, make_report
from tests.models.test_cluster import started

CONFIG = """
project: shared
store: {url}
loop: {{interval: 2 s}}
score:
  factors:
    - magnitude: {{faint_limit: 22 mag}}
observatories: [palomar_p60]
"""
NOW = ("--now", "2026-03-21T04:00")
CODE = (
    "from aas2rto.store import turn\n"
    "turn.ASK_AGAIN = 0.2\n"
    "from aas2rto.cli import main\n"
    "import sys\n"
    "main(sys.argv[1:])\n"
)


@contextmanager
def loop(config, output):
    """Start a loop; its words come on standard error."""
    with subprocess.Popen(
        [sys.executable, "-c", CODE, "run", str(config), "--output", str(output), *NOW],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(what, seconds=120.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def line_with(process, words):
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"it ended without {words!r}")


@pytest.mark.proof
@pytest.mark.postgres
def test_the_second_stands_by_and_takes_over(postgres_url, tmp_path):
    config = tmp_path / "shared.yaml"
    config.write_text(CONFIG.format(url=postgres_url))
    with Store(postgres_url) as store:
        store.ingest(make_report(make_objects("a"), make_photometry("a")), MJD)
    lists = [tmp_path / name / "shared" / "ranked" / "science.csv" for name in ("one", "two")]
    with loop(config, tmp_path / "one") as first:
        wait_for(lists[0].exists)
        with loop(config, tmp_path / "two") as second:
            told = line_with(second, "another aas2rto ranks this database")
            assert "standing by" in told
            assert not lists[1].exists()
            first.send_signal(signal.SIGKILL)
            begun = time.monotonic()
            line_with(second, "ranking from here on")
            wait_for(lists[1].exists)
            assert time.monotonic() - begun < 60
    assert turn.ASK_AGAIN <= 15
    rows = [path.read_text().splitlines()[-1].split(",")[:4] for path in lists]
    assert rows[0] == rows[1]


def bytes_of(folder):
    """Return the lists without the lines that name the config."""
    files = sorted([*folder.rglob("ranked/*.csv"), *folder.rglob("not_tonight/*.csv")])
    lines = {path.name + path.parent.name: path.read_text().splitlines() for path in files}
    return {name: [one for one in all_ if "config:" not in one] for name, all_ in lines.items()}


@pytest.mark.proof
@pytest.mark.postgres
@pytest.mark.dask
def test_the_same_night_gives_the_same_bytes_everywhere(postgres_url, tmp_path):
    """On SQLite, on PostgreSQL, and on PostgreSQL with the fits on two Dask workers."""
    second = postgres_url.replace("/empty_", "/second_")
    name = postgres_url.rpartition("/")[2]
    engine = create_engine(postgres_url.replace(name, "postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {second.rpartition('/')[2]} TEMPLATE {name}")
    engine.dispose()
    lists, seconds = {}, {}
    how = ("--now", nights.NIGHT, "--output")
    with started(tmp_path, 2) as (address, _):
        ways = {
            "SQLite": "",
            "PostgreSQL": f"store: {postgres_url}\n",
            "PostgreSQL and Dask": f"store: {second}\n"
            f"executor: {{type: dask, address: '{address}', batch: 16}}\n",
        }
        for way, lines in ways.items():
            night = tmp_path / f"night {way}"  # its own: the ToO's file is moved when it is read
            nights.prepare(night, Time(nights.NIGHT).mjd)
            text = read_config("demo.yaml").replace("outputs/demo", night.as_posix())
            config = tmp_path / f"{way[-4:]}.yaml"
            config.write_text(text + "\n" + lines)
            out = tmp_path / f"out-{way}"
            begun = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", "aas2rto", "run", str(config), "--once", *how, str(out)],
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert "fitted here instead" not in done.stdout + done.stderr
            lists[way], seconds[way] = bytes_of(out), time.monotonic() - begun
    print({way: round(one, 1) for way, one in seconds.items()})
    assert len(lists["SQLite"]) >= 6
    assert lists["PostgreSQL"] == lists["SQLite"]
    assert lists["PostgreSQL and Dask"] == lists["SQLite"]
