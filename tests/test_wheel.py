"""What is installed suffices: the wheel runs the demo in an empty folder, far from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = [pytest.mark.proof, pytest.mark.wheel]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, and unpack it as an installer would: it holds Python and data only."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel; make installs it")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str) -> str:
    """Run Python on the wheel and what it depends on, in a folder, and return what it printed.

    ``-S`` leaves out the `.pth` files by which an editable install would lead to the checkout.
    """
    packages = [path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), *packages])}
    done = subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_checkout_is_not_used(installed: Path, tmp_path: Path) -> None:
    """The rest of this file means something."""
    said = run(installed, tmp_path, "-c", "import aas2rto, sys; print(aas2rto.__file__, *sys.path)")
    package, *places = said.split()
    assert Path(package).parent == installed / "aas2rto"
    assert str(ROOT) not in places


def test_the_wheel_holds_no_tests(installed: Path) -> None:
    """The package, what travels with it, and its description."""
    folders = sorted(path.name.partition("-")[0] for path in installed.iterdir())
    assert folders == ["aas2rto", "aas2rto"]
    points = next(installed.glob("*.dist-info/entry_points.txt")).read_text()
    assert "aas2rto = aas2rto.cli:main" in points


def test_examples_come_along(installed: Path, tmp_path: Path) -> None:
    """A science case of one's own begins anywhere, with a site of ours."""
    run(installed, tmp_path, "-m", "aas2rto", "new", "mine")
    assert "mine" in run(installed, tmp_path, "-m", "aas2rto", "check", "configs/mine.yaml")
    assert "palomar_p60" in run(installed, tmp_path, "-m", "aas2rto", "list", "observatories")


def test_the_demo_runs_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """Simulated night, fits, three lists and figures, from the wheel's files alone."""
    run(installed, tmp_path, "-m", "aas2rto", "demo")
    lists = sorted(path.name for path in (tmp_path / "outputs/demo/ranked").iterdir())
    assert lists == [
        "la_palma_not.csv",
        "la_silla_dk154.csv",
        "science.csv",
        "siding_spring_23m.csv",
    ]
    science = (tmp_path / "outputs/demo/ranked/science.csv").read_text()
    assert "SIM42Z" in science
    assert list((tmp_path / "outputs/demo/figures").rglob("*.png"))
