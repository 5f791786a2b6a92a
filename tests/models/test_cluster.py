"""Fits on a real Dask cluster, in processes of their own, are those that are made here."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.errors import ModelError
from aas2rto.models.cluster import Cluster, OnCluster, split, take_complaints
from aas2rto.models.salt import Salt
from tests.benchmarks.light_curves import known, simulated
from tests.conftest import make_photometry

N = 60


class Mean:
    """A model whose fit is the mean flux, and that waits for somebody to kill its worker."""

    def __init__(self, flag=""):
        self.flag = flag

    def fit(self, photometry, candidates):
        if self.flag and not Path(self.flag).exists():
            Path(self.flag).write_text(str(os.getpid()), encoding="utf-8")
            time.sleep(60)
        mean = photometry.groupby("candidate_id")["flux"].mean()
        return pd.DataFrame(
            {
                "candidate_id": candidates["candidate_id"],
                "chisq": mean.reindex(candidates["candidate_id"]).to_numpy(),
            }
        )


def table_of(ids):
    rows = [
        make_photometry(name, np.arange(3.0) + 60000, flux=k + 1.0) for k, name in enumerate(ids)
    ]
    return pd.concat(rows, ignore_index=True), pd.DataFrame({"candidate_id": ids})


@contextmanager
def started(folder, workers):
    """Start a scheduler and workers; yield the address and the workers' processes."""
    pytest.importorskip("distributed", reason="distributed is not installed: pip install '.[dask]'")
    file = folder / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    how = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [str(Path(sys.executable).parent / "dask")]
    told = ["--host", "127.0.0.1", "--no-dashboard"]
    scheduler = subprocess.Popen(
        [*dask, "scheduler", "--port", "0", "--scheduler-file", str(file), *told], **how
    )
    processes = []
    try:
        while not (file.exists() and file.read_text()):
            assert scheduler.poll() is None
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        for k in range(workers):
            place = ["--nthreads", "1", "--no-nanny", "--local-directory", str(folder / f"w{k}")]
            processes.append(subprocess.Popen([*dask, "worker", address, *place, *told], **how))
        yield address, processes
    finally:
        for process in [*processes, scheduler]:
            process.kill()
            process.wait(20)


def wait_for_workers(cluster, n):
    for _ in range(600):
        try:
            if len(cluster.client().scheduler_info()["workers"]) >= n:
                return
        except ModelError:
            pass
        time.sleep(0.1)
    raise AssertionError("no workers")


@given(st.integers(1, 12), st.integers(1, 5), st.randoms())
def test_each_light_curve_goes_once_and_stays_in_order(n, size, random):
    ids = [f"c{k:02d}" for k in range(n)]
    photometry, candidates = table_of(ids)
    random.shuffle(ids)
    parts = split(photometry, pd.DataFrame({"candidate_id": ids}), size)
    assert [name for _, some in parts for name in some["candidate_id"]] == ids
    assert sum(len(rows) for rows, _ in parts) == len(photometry)
    for rows, some in parts:
        assert set(rows["candidate_id"]) == set(some["candidate_id"])
        for _, curve in rows.groupby("candidate_id", observed=True):
            assert curve["mjd"].is_monotonic_increasing
    assert len(candidates) == n


@pytest.mark.slow
def test_without_a_scheduler_the_fits_are_made_here(monkeypatch):
    monkeypatch.setattr("aas2rto.models.cluster.CONNECT_SECONDS", 0.5)
    pytest.importorskip("distributed", reason="distributed is not installed: pip install '.[dask]'")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        cluster = Cluster(address, 2)
        model = OnCluster(Mean(), cluster)
        found = model.fit(*table_of(["a", "b", "c"]))
    assert found["chisq"].tolist() == [1.0, 2.0, 3.0]
    (line,) = take_complaints(model)
    assert line.startswith(f"no Dask scheduler answers at {address}")
    assert line.endswith("or set executor: local; 3 candidates fitted here instead")
    assert take_complaints(model) == []
    cluster.close()


@pytest.mark.proof
@pytest.mark.dask
def test_fits_of_workers_are_those_made_here(tmp_path):
    table, truth = simulated(N, seed=4)
    candidates = known(truth, free=True)
    with started(tmp_path, 2) as (address, _):
        cluster = Cluster(address, 7)
        wait_for_workers(cluster, 2)
        model = OnCluster(Salt(), cluster)
        found = model.fit(table, candidates)
        assert take_complaints(model) == []
        cluster.close()
    expected = Salt().fit(table, candidates)
    assert repr(found.to_dict("list")) == repr(expected.to_dict("list"))


@pytest.mark.proof
@pytest.mark.dask
def test_a_worker_that_is_killed_costs_a_second_try(tmp_path):
    flag = tmp_path / "flag"
    with started(tmp_path, 2) as (address, _):
        cluster = Cluster(address, 2)
        wait_for_workers(cluster, 2)
        model = OnCluster(Mean(str(flag)), cluster)
        ids = [f"c{k}" for k in range(9)]
        killer = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import os, signal, sys, time\n"
                "while not (os.path.exists(sys.argv[1]) and open(sys.argv[1]).read()): "
                "time.sleep(.05)\n"
                "os.kill(int(open(sys.argv[1]).read()), signal.SIGKILL)",
                str(flag),
            ]
        )
        found = model.fit(*table_of(ids))
        killer.wait(10)
        assert killer.returncode == 0
        assert take_complaints(model) == []
        cluster.close()
    assert found["candidate_id"].tolist() == ids
    assert found["chisq"].tolist() == [k + 1.0 for k in range(9)]


@pytest.mark.proof
@pytest.mark.dask
def test_a_scheduler_without_workers_is_said(tmp_path):
    with started(tmp_path, 0) as (address, _):
        cluster = Cluster(address, 2)
        model = OnCluster(Mean(), cluster)
        found = model.fit(*table_of(["a"]))
        cluster.close()
    assert found["chisq"].tolist() == [1.0]
    (line,) = take_complaints(model)
    assert f"the Dask scheduler at {address} has no workers" in line
    assert f"'dask worker {address}'" in line
