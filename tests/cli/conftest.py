"""Helpers for tests of the command line."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aas2rto.cli import main

NOW = "2026-03-20T22:00:00"
NOW_MJD = 61119.916666667

CONFIG = """\
project: small
sources:
  archive: {paths: [night.csv]}
  too: {folder: too}
score:
  factors:
    - magnitude: {zero_point: 18.5 mag, faint_limit: 19 mag}
    - detections: {min: 4}
    - rising_fraction: {min: 0.4}
    - time_span: {midpoint: 25 day, rate: -1 / day, max: 30 day}
observatories: [la_palma_not, la_silla_dk154]
visibility: {factor: altitude_integral, min_altitude: 30 deg}
figures: {top: 0}
"""
"""Without figures, which take longer than everything else; `demo` and `figure` draw them."""


@dataclass
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Cli = Callable[..., Said]
"""Takes the words of a command line."""


def explained(aas2rto: Cli, *arguments: object) -> dict[str, object]:
    """Return what `explain --json` says of a candidate of the project."""
    said = aas2rto("explain", "small.yaml", *arguments, "--now", NOW, "--json")
    assert said.code == 0, said.err
    told: dict[str, object] = json.loads(said.out)
    return told


@pytest.fixture
def aas2rto(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run the command line in this process."""

    def call(*arguments: object) -> Said:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 1, said.out, said.err)

    return call


def light_curve(
    name: str, ra: float, dec: float, mags: list[float], *, last: float = NOW_MJD - 0.5
) -> list[str]:
    """Return CSV lines of a candidate seen in g and r every other night."""
    lines = []
    for step, mag in enumerate(reversed(mags)):
        for shift, band in ((0.0, "ztfg"), (0.02, "ztfr")):
            mjd = last - 2 * step - shift
            lines.append(f"{name},{ra},{dec},{mjd:.5f},{band},{mag + shift},0.05")
    return lines


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with a config, a night of candidates, and a ToO folder."""
    monkeypatch.chdir(tmp_path)
    rows = [
        *light_curve("bright", 150.0, 10.0, [18.5, 18.0, 17.5, 17.0]),
        *light_curve("fainter", 165.0, -5.0, [19.0, 18.6, 18.4, 18.2]),
        *light_curve("too_faint", 170.0, 0.0, [21.0, 20.5, 20.2, 20.0]),
        *light_curve("declining", 155.0, 5.0, [16.0, 16.5, 17.0, 17.5]),
        *light_curve("few", 160.0, 5.0, [17.0]),
    ]
    head = "candidate_id,ra,dec,mjd,band,mag,magerr"
    (tmp_path / "night.csv").write_text("\n".join([head, *rows]) + "\n")
    (tmp_path / "small.yaml").write_text(CONFIG)
    (tmp_path / "too").mkdir()
    return tmp_path


def too_text(**changes: str) -> str:
    """Return the text of a ToO file."""
    values = {"name": "GRB260320A", "ra": "11:32:10.5", "dec": "+05:14:20", **changes}
    return textwrap.dedent("".join(f"{key}: {value}\n" for key, value in values.items()))
