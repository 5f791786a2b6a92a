"""As a service: without a home, a name or a writable package, and with a disk that goes away."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import pytest

from aas2rto import loop
from aas2rto.errors import StoreError
from aas2rto.store.watch import watch
from aas2rto.text import cache
from tests.cli.conftest import NOW, Cli, too_text

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "docs" / "deploy"
NOBODY = 54321
"""The number of no user."""

needs_root = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root becomes another user"
)

Run = Callable[..., subprocess.CompletedProcess[str]]

HOMES: list[dict[str, str]] = [
    {},
    {"HOME": "/nonexistent"},
    {"HOME": "{place}/locked"},
    {"HOME": "{place}/closed"},
]


@pytest.fixture
def service(project: Path) -> Iterator[Run]:
    """Run as a user without name and home, from a package that cannot be written."""
    with tempfile.TemporaryDirectory(prefix="as-a-service-") as name:
        place = Path(name)
        place.chmod(0o755)
        skipped = shutil.ignore_patterns("__pycache__")
        for part in ("aas2rto", "observatories"):
            shutil.copytree(ROOT / part, place / part, ignore=skipped)
        shutil.copytree(project, place / "project")
        (place / "tmp").mkdir()
        for path in (place / "tmp", place / "project", *(place / "project").rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        # Homes that exist, of somebody else: one may be looked into, the other not even that.
        (place / "locked").mkdir(mode=0o555)
        (place / "closed").mkdir(mode=0o700)
        libraries = Path(numpy.__file__).parents[1]
        given = {
            "PATH": os.defpath,
            "PYTHONPATH": f"{name}:{libraries}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(place / "tmp"),
        }

        def run(
            *arguments: str, python: str = sys.executable, **more: str
        ) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [python, *arguments],
                env=given | {key: value.format(place=place) for key, value in more.items()},
                cwd=place / "project",
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )

        yield functools.partial(run, python=_readable(run))


def _readable(run: Run) -> str:
    """Return a Python of this version that another user may start: ours may lie in a home."""
    same = shutil.which(f"python{sys.version_info[0]}.{sys.version_info[1]}", path="/usr/bin")
    for python in (sys.executable, same):
        with contextlib.suppress(PermissionError):
            if python and run("-c", "import numpy", python=python).returncode == 0:
                return python
    pytest.skip("another user can start no Python of this version")


@pytest.mark.proof
@pytest.mark.fault(
    "home",
    "gone",
    "a home that is missing, or cannot be written or looked into; a uid without passwd entry",
)
@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("home", HOMES, ids=str)
def test_a_night_without_home_name_and_writable_package(service: Run, home: dict[str, str]) -> None:
    """A cycle, a mark and a figure, without a warning of any library."""
    for verb in (("run", "--once"), ("mark", "bright", "pin"), ("figure", "bright")):
        word, *rest = verb
        done = service("-m", "aas2rto", word, "small.yaml", *rest, "--now", NOW, **home)
        assert (done.returncode, done.stderr) == (0, ""), (verb, done.stderr)
    listed = service("-c", "print(open('outputs/small/ranked/science.csv').read())").stdout
    assert (
        "pinned by user 54321"
        in service("-m", "aas2rto", "explain", "small.yaml", "bright", "--now", NOW, **home).stdout
    )
    assert "bright" in listed


KERNEL = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s")
from aas2rto.models.compiled import jit

@jit.entry
def twice(x):
    return 2.0 * x

jit.prepare(twice, lambda: twice(1.0), "a kernel")
print(jit.CODE_FOLDER)
"""


@pytest.mark.fault("home", "gone", "a read-only package and cache")
@needs_root
@pytest.mark.slow
def test_compiled_fits_go_where_they_can_and_it_says_so(service: Run) -> None:
    """To a temporary folder, in one line; or where a variable says, and nothing is said."""
    script = "import pathlib; pathlib.Path('kernel.py').write_text('''" + KERNEL + "''')"
    assert service("-c", script).returncode == 0
    first = service("-c", "import kernel")
    assert first.returncode == 0, first.stderr
    (said,) = [line for line in first.stderr.splitlines() if "can be written" in line]
    assert "neither the package nor a home can be written: compiled fits are kept in " in said
    assert "let AAS2RTO_CACHE name a folder that stays" in said
    assert f"aas2rto-{NOBODY}/compiled/" in first.stdout
    again = service("-c", "import kernel")
    assert "compiling" not in again.stderr  # it was kept
    named = service("-c", "import kernel", AAS2RTO_CACHE="kept")
    assert named.stdout.startswith("kept/compiled/")
    assert "can be written" not in named.stderr
    lock = "import os; [os.chmod(p, 0o555) for p, _, _ in os.walk('kept')]"
    assert service("-c", lock).returncode == 0
    read_only = service("-c", "import kernel", AAS2RTO_CACHE="kept")  # as in an image
    assert read_only.returncode == 0, read_only.stderr
    assert "compiling" not in read_only.stderr


@pytest.mark.fault("home", "forged", "a temporary folder of somebody else")
def test_a_temporary_folder_of_somebody_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code is read from it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cache.temporary_folder.cache_clear()
    usual = tmp_path / f"aas2rto-{os.getuid()}"
    try:
        assert cache.temporary_folder() == usual
        assert stat.S_IMODE(usual.stat().st_mode) == 0o700
        for spoil in (lambda: usual.chmod(0o777), lambda: _link(usual, tmp_path / "elsewhere")):
            cache.temporary_folder.cache_clear()
            spoil()
            other = cache.temporary_folder()
            assert other != usual
            assert stat.S_IMODE(other.stat().st_mode) == 0o700
            assert cache.is_temporary(other / "compiled")
    finally:
        cache.temporary_folder.cache_clear()


def _link(usual: Path, elsewhere: Path) -> None:
    usual.rmdir()
    elsewhere.mkdir()
    usual.symlink_to(elsewhere)


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is configured comes before systemd's folder, the desktop's and the home's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / ".cache" / "aas2rto"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_folder() == tmp_path / "xdg" / "aas2rto"
    monkeypatch.setenv("CACHE_DIRECTORY", f"{tmp_path / 'service'}:{tmp_path / 'second'}")
    assert cache.cache_folder() == tmp_path / "service"
    monkeypatch.setenv("AAS2RTO_CACHE", str(tmp_path / "named"))
    assert cache.cache_folder() == tmp_path / "named"


# -- a folder that goes away ----------------------------------------------------------------------


@pytest.mark.fault("results", "gone", "another disk in its place")
def test_what_is_gone_or_another_is_noticed(tmp_path: Path) -> None:
    """Deleted, made anew, or covered by another disk; what was moved back is the same."""
    folder = tmp_path / "results"
    folder.mkdir()
    check = watch(folder, folder / "not there")
    check()
    folder.rename(tmp_path / "away")
    with pytest.raises(StoreError, match="results is gone: nothing is taken from sources until"):
        check()
    folder.mkdir()
    with pytest.raises(StoreError, match="results is another one than at the start"):
        check()
    folder.rmdir()
    (tmp_path / "away").rename(folder)
    check()


@pytest.mark.fault("results", "gone", "an output folder that disappears")
def test_nothing_is_taken_when_the_results_are_gone(
    project: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target stays in its folder, and the loop says what is wrong; operators hear as of any."""
    target, cycles = project / "too" / "grb.txt", []
    real = loop.run_cycle

    def once(*arguments: object, **options: object) -> object:
        cycles.append(real(*arguments, **options))  # type: ignore[arg-type]
        shutil.rmtree(project / "outputs")
        target.write_text(too_text())
        return cycles[-1]

    def twice(one_cycle: Callable[..., object], clock: Callable[[], object], **_: object) -> None:
        one_cycle(clock())
        one_cycle(clock())

    monkeypatch.setattr(loop, "run_cycle", once)
    monkeypatch.setattr(loop, "run_forever", twice)
    said = aas2rto("run", "small.yaml", "--now", NOW)
    assert said.code == 1
    assert "nothing is taken from sources until it is back" in said.err
    assert len(cycles) == 1
    assert target.exists()


# -- examples -------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_one(tmp_path: Path) -> None:
    """Systemd reads it without a word; only the program's place is another here."""
    text = (DEPLOY / "aas2rto@.service").read_text()
    unit = tmp_path / "aas2rto@case.service"
    unit.write_text(text.replace("/opt/aas2rto/bin/aas2rto", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "Failed to " in done.stderr and "bus" in done.stderr:
        pytest.skip(f"systemd-analyze does not work here: {done.stderr.splitlines()[0]}")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_examples_use_words_that_exist(aas2rto: Cli) -> None:
    """Verbs, options and extras; the variable that names the cache."""
    unit, image = ((DEPLOY / name).read_text() for name in ("aas2rto@.service", "Dockerfile"))
    assert "run /etc/aas2rto/%i.yaml --output" in unit
    assert "--output" in aas2rto("run", "--help").out
    assert "aas2rto prime --models" in image
    assert "--models" in aas2rto("prime", "--help").out
    assert f"{cache.VARIABLE}=" in image
    extras = (ROOT / "pyproject.toml").read_text()
    for extra in ("kafka", "messages"):
        assert extra in image
        assert f"\n{extra} = [" in extras
