"""Compiled code is kept on disk, whatever happens to the process that compiles it."""

import subprocess
import sys
import time

import pytest
from astropy.time import Time

from aas2rto.models import priming
from aas2rto.models.compile_time import WAITED
from aas2rto.models.compiled import jit
from aas2rto.models.compiled.jit import CODE_FOLDER, in_threads
from aas2rto.steps.cycle import Cycle

PROGRAM = """
import logging, pathlib, sys, time
sys.path.insert(0, sys.argv[1])
from aas2rto.models.compiled import jit
jit.CODE_FOLDER = pathlib.Path(sys.argv[1]) / "kept"
logging.getLogger("aas2rto.progress").addHandler(logging.StreamHandler(sys.stdout))
logging.getLogger("aas2rto.progress").setLevel("INFO")
import kernel_of_a_test as kernel
def run():
    time.sleep(float(sys.argv[2]))
    kernel.twice(2.0)
jit.prepare(kernel.twice, run, "a test")
print("answer", kernel.twice(21.0), flush=True)
"""
KERNEL = """
from aas2rto.models.compiled.jit import entry
@entry
def twice(x: float) -> float:
    return 2.0 * x
"""


def start(folder, delay):
    arguments = [sys.executable, "-c", PROGRAM, str(folder), str(delay)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_process_leaves_nothing_behind_and_of_two_only_one_compiles(tmp_path):
    (tmp_path / "kernel_of_a_test.py").write_text(KERNEL)
    killed = start(tmp_path, 60.0)
    assert "compiling a test, once" in killed.stdout.readline()
    killed.kill()
    killed.communicate()
    both = [start(tmp_path, 1.0) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert all("answer 42.0" in text for text in said)
    assert sum("compiling" in text for text in said) == 1
    assert sum("waiting for another program that makes a test ready" in text for text in said) == 1
    assert start(tmp_path, 0.0).communicate(timeout=60)[0] == "answer 42.0\n"


def test_waiting_for_a_compilation_is_a_step_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(jit, "CODE_FOLDER", tmp_path)
    WAITED.take()
    cycle = Cycle(Time(61119.0, format="mjd"))
    with cycle.timed("fit"):
        jit.prepare(lambda: None, lambda: time.sleep(0.2), "a test")
    assert 0.2 <= cycle.timings["compilation"] < 1.0
    assert cycle.timings["fit"] < 0.2
    with cycle.timed("score"):
        pass
    assert set(cycle.timings) == {"fit", "compilation", "score"}


@pytest.mark.slow
def test_priming_compiles_all_fits_without_a_network():
    first = priming.fetch(priming.COMPILED)
    assert first.ok, first.sentence
    assert priming.fetch(priming.COMPILED).sentence == f"already compiled: {CODE_FOLDER}"


def test_every_item_is_worked_on_once():
    seen = []
    for workers in (1, 3):
        seen.clear()
        in_threads(lambda a, b: seen.extend(range(a, b)), 10, workers=workers, chunk=3)
        assert sorted(seen) == list(range(10))
