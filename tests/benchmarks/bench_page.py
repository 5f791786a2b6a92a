"""The page at many candidates: how long people and programs wait, alone and beside a loop.

``python -m tests.benchmarks.bench_page [--n 1000 10000 100000] [--folder DIR] [--seconds 60]``
builds the season of `bench_cycle` (all fitted and ranked at five sites) in ``DIR/N``, unless it is
there, runs a cycle, and serves it by a program of its own. Shown are, for each page, the median and
the 95th percentile of the time to the whole answer over a real socket [ms], made anew (the question
was not asked before) and asked again, how long the server's processor worked for one made anew
[ms], which others on the machine disturb less, and the size as sent [kB]. Then 20 readers ask once
a second each while cycles run, one after the other.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from astropy.time import Time

from tests.benchmarks.bench_cycle import NOW, SITES, prepare

READERS, REPEATS, FOR = 20, 12, 60.0
"""Readers; questions of each kind; how long they read beside the loop [s]."""


def at(step: float) -> str:
    return str(Time(NOW + step, format="mjd").isot)


def run_once(folder: Path, step: float) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "aas2rto", "run", str(folder / "bench.yaml"), "--once"]
    command += ["--now", at(step), "--output", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def worked(pid: int) -> float:
    """Return how long the processors have worked for a program [ms] (Linux)."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1e3 * (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "aas2rto", "serve", str(folder / "bench.yaml"), "--port", "0"]
    command += ["--now", at(0.01), "--output", str(folder)]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    yield program.stdout.readline().split()[4].rstrip(";"), program.pid
    program.send_signal(signal.SIGINT)
    _, status, usage = os.wait4(program.pid, 0)
    print(f"the server: peak memory {usage.ru_maxrss / 1024:.0f} MB, ended with {status}")


def kinds(n: int) -> dict[str, Iterator[str]]:
    """Return questions of each kind, of which none is asked twice."""
    names = [f"BEN{i:07d}" for i in np.random.default_rng(3).permutation(n)]
    two = itertools.count(1)

    def fresh(form: str) -> Iterator[str]:
        return (form.format(name=name, page=next(two)) for name in names)

    return {
        "list of a site": fresh(f"/?list={SITES[1]}&page={{page}}"),
        "science list": fresh("/?list=science&page={page}"),
        "search": fresh("/?list=science&q={name}"),
        "candidate": fresh("/candidate?id={name}"),
        "why not": fresh("/why?id={name}"),
        "what would do": fresh("/would?id={name}"),
        "API list": fresh(f"/api/v1/lists/{SITES[1]}?page={{page}}"),
        "API list of 500": fresh("/api/v1/lists/science?per_page=500&x={page}"),
        "API candidate": fresh("/api/v1/candidates/{name}?x={page}"),
        "CSV": fresh("/csv?list=science&x={page}"),
        "plan": fresh("/plan?x={page}"),
    }


def ask(client: httpx.Client, path: str) -> tuple[float, int]:
    start, size = time.perf_counter(), 0
    with client.stream("GET", path) as answer:
        for chunk in answer.iter_raw():
            size += len(chunk)
        assert answer.status_code in {200, 303}, (path, answer.status_code)
    return 1e3 * (time.perf_counter() - start), size


def line(name: str, new: list[float], *more: float) -> str:
    told = [np.median(new), np.percentile(new, 95), *more]
    return f"{name:18s} {' '.join(f'{one:8.0f}' for one in told)}"


def alone(url: str, pid: int, n: int) -> None:
    heads = ("new", "95 %", "again", "work", "kB")
    print(f"{'':18s} {' '.join(f'{one:>8s}' for one in heads)}")
    with httpx.Client(base_url=url, timeout=600) as client:
        for name, paths in kinds(n).items():
            chosen = list(itertools.islice(paths, REPEATS))
            before = worked(pid)
            new = [ask(client, path) for path in chosen]
            work = (worked(pid) - before) / len(chosen)
            again = float(np.median([ask(client, path)[0] for path in chosen]))
            size = max(s for _, s in new) / 1e3
            print(line(name, [t for t, _ in new], again, work, size), flush=True)


def beside(folder: Path, url: str, n: int, seconds: float) -> None:
    """Let readers ask while cycles run."""
    ending, taken = threading.Event(), {name: [] for name in kinds(n)}
    skipped = {"what would do", "CSV", "API list of 500"}

    def read(number: int) -> None:
        own = {name: paths for name, paths in kinds(n).items() if name not in skipped}
        for paths in own.values():  # each asks for others
            next(itertools.islice(paths, 40 * number, None))
        with httpx.Client(base_url=url, timeout=600) as client:
            for name in itertools.cycle(own):
                if ending.is_set():
                    return
                taken[name].append(ask(client, next(own[name]))[0])
                ending.wait(1.0)

    readers = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    for one in readers:
        one.start()
    start, cycles = time.perf_counter(), []
    while time.perf_counter() - start < seconds:
        cycles.append(run_once(folder, 0.02 + 0.001 * len(cycles)))
    ending.set()
    for one in readers:
        one.join()
    print(f"{READERS} readers beside {len(cycles)} cycles of {np.median(cycles):.1f} s each:")
    for name, times in taken.items():
        if times:
            print(line(name, times), f"of {len(times)}", flush=True)


def measure(folder: Path, n: int, seconds: float) -> None:
    if not (folder / "bench.yaml").exists():
        folder.mkdir(parents=True, exist_ok=True)
        prepare(folder, n, 0)
        run_once(folder, 0.0)
    print(f"{n} candidates x {len(SITES)} sites")
    with serving(folder) as (url, pid):
        start = time.perf_counter()
        while httpx.get(f"{url}api/v1/lists", timeout=600).status_code != 200:
            time.sleep(0.1)
        print(f"first list after {time.perf_counter() - start:.1f} s", flush=True)
        while httpx.get(f"{url}api/v1/plan", timeout=600).status_code == 503:
            time.sleep(0.2)
        print(f"first plan after {time.perf_counter() - start:.1f} s", flush=True)
        alone(url, pid, n)
        if seconds:
            beside(folder, url, n, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, nargs="+", default=[10_000])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seconds", type=float, default=FOR, help="so long readers read; 0: not")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for n in options.n:
            measure((options.folder or Path(temporary)) / str(n), n, options.seconds)


if __name__ == "__main__":
    main()
