"""The numbers that docs/replay.md states are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr

from aas2rto.simulate import brokers, cadence, explosions, supernovae_ia
from aas2rto.simulate.contaminants import PER_YEAR
from aas2rto.simulate.surveys import SURVEYS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")


def row(name: str) -> str:
    """Return the first row of a table that begins with a name."""
    found = re.search(rf"^\| {re.escape(name)} \|.*$", PAGE, re.MULTILINE)
    assert found is not None, name
    return found.group()


@pytest.mark.parametrize("kind", explosions.KINDS, ids=lambda kind: kind.type)
def test_rates_and_luminosities(kind) -> None:
    """A share of core collapse, or a rate; mean and width of the luminosity."""
    told = row(kind.type)
    mean, width = kind.peak_abs
    assert f"{mean:g} +- {width:g}" in told.replace("1.0 ", "1 ")
    if kind.rate.at_z == 0.028:
        assert f"{100 * kind.rate.value / explosions.CC:.1f} %" in told
    else:
        mantissa, exponent = f"{kind.rate.value:.1e}".split("e")
        assert f"{mantissa}e{int(exponent)}" in told


def test_supernovae_ia() -> None:
    """Rate, Tripp's relation and scatter."""
    told = row("SN Ia")
    rate, (a, b) = supernovae_ia.RATE, (supernovae_ia.ALPHA, supernovae_ia.BETA)
    assert rate.value == 2.43e-5
    assert f"2.43e-5 at z = {rate.at_z:g}" in told
    assert f"(1 + z)^{rate.power:g}" in told
    assert f"{supernovae_ia.PEAK_MAG:g} - {a:g} x1 + {b:g} c +- {supernovae_ia.SCATTER:g}" in told


@pytest.mark.parametrize("name", PER_YEAR["ztf"])
def test_contaminants(name: str) -> None:
    """So many a year for each survey."""
    told = row(name)
    for survey in ("ztf", "lsst"):
        assert f"| {PER_YEAR[survey][name]:,.0f} |" in told


def test_brokers() -> None:
    """Areas under the ROC, and who is called a supernova."""
    for apart in (*brokers.SEPARATION.values(), brokers.SN_SEPARATION):
        assert f"{ndtr(apart / np.sqrt(2)):.2f}" in PAGE
    told = row("`alerce_class`, `alerce_probability`")
    for group, word in (
        ("explosion", "% of explosions"),
        ("AGN", "of AGN"),
        ("CV", "CVs"),
        ("artefact", "artefacts"),
    ):
        share = f"{100 * brokers.CONFUSION[group][0]:.0f} %"
        assert share in told, (group, word)
    for chances in brokers.CONFUSION.values():
        assert sum(chances) == pytest.approx(1.0)


def test_cadence_and_limits() -> None:
    """Weather, depth, and how faint explosions are drawn."""
    assert f"{100 * cadence.LOST_WINTER:.0f} % of nights in February" in PAGE
    assert f"{100 * cadence.LOST_SUMMER:.0f} % in August" in PAGE
    assert f"{cadence.FULL_MOON_LOSS:g} mag less at full Moon" in PAGE
    for survey in SURVEYS.values():
        assert f"{survey.faintest:g}" in PAGE
    assert f"{cadence.LATENCY:.0f} min (ZTF) or {SURVEYS['lsst'].latency:.0f} min (LSST)" in PAGE
