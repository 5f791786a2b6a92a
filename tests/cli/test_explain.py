"""The verb `explain`: one decision, or one light curve from a file."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pandas as pd
import pytest

from aas2rto.cli.explain import fit_line
from tests.cli.conftest import NOW, Cli, explained

KEYS = {"candidate_id", "now", "score", "decision", "factors", "fits", "observatories"}
SITE_KEYS = {
    "score",
    "decision",
    "reason",
    "factor",
    "altitude",
    "airmass",
    "moon_sep",
    "sets",
    "rises",
    "hours_left",
}


@pytest.mark.slow
def test_explain_agrees_with_the_list(project: Path, aas2rto: Cli) -> None:
    """The score that `explain` gives is the one in the list, and its factors multiply to it."""
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    folder = project / "outputs" / "small" / "ranked"
    science = pd.read_csv(folder / "science.csv", comment="#").set_index("candidate_id")
    site = pd.read_csv(folder / "la_palma_not.csv", comment="#").set_index("candidate_id")
    told = explained(aas2rto, "bright")
    assert set(told) >= KEYS
    assert told["decision"] == "keep"
    assert told["score"] == pytest.approx(science.loc["bright", "score"], rel=1e-5)
    product = math.prod(factor["value"] for factor in told["factors"])
    assert product == pytest.approx(told["score"])
    here = told["observatories"]["la_palma_not"]
    assert set(here) >= SITE_KEYS
    assert here["score"] == pytest.approx(site.loc["bright", "site_score"], rel=1e-5)
    assert here["score"] == pytest.approx(told["score"] * here["factor"])


@pytest.mark.slow
def test_explain_says_why_one_is_above_another(project: Path, aas2rto: Cli) -> None:
    """--over compares two candidates factor by factor."""
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    told = explained(aas2rto, "bright", "--over", "fainter")
    assert re.match(
        r"bright ranks above fainter \(.*\): magnitude x", told["comparison"]["sentence"]
    )
    said = aas2rto("explain", "small.yaml", "bright", "--over", "too_faint", "--now", NOW)
    assert "too_faint is not ranked (exclude: " in said.out


@pytest.mark.slow
def test_explain_gives_units(project: Path, aas2rto: Cli) -> None:
    """A number without a unit is a riddle."""
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    said = aas2rto("explain", "small.yaml", "bright", "--now", NOW)
    heads = next(line for line in said.out.splitlines() if line.startswith("observatory "))
    for head in ("alt [deg]", "left [h]", "sets [UTC]", "moon [deg]"):
        assert head in heads
    fit = {
        "status": "ok",
        "chisq": 3.0,
        "ndof": 1,
        "errors": {"t0": 0.5, "t0_ztfg": 0.2},
        "parameters": {
            "z": 0.05,
            "t0": 61120.271,
            "x0": 0.004,
            "mB": 16.48,
            "ebv": 0.06,
            "t0_ztfg": 61121.0,
            "tau_fall_ztfr": 20.0,
            "t_peak_err_ztfg": 0.3,
            "A_ztfg": 300.0,
            "dchisq_other": 3.0,
        },
    }
    assert fit_line(fit) == (
        "z = 0.05, t0 = 61120.27 +- 0.5 d (MJD), x0 = 0.004, mB = 16.48 mag, ebv = 0.06 mag, "
        "t0_ztfg = 61121.00 +- 0.2 d (MJD), tau_fall_ztfr = 20 d, t_peak_err_ztfg = 0.30 d, "
        "A_ztfg = 300 uJy, dchisq_other = 3; chi2 = 3.0 for 1 degree of freedom"
    )


@pytest.mark.slow
def test_explain_shows_why_a_candidate_is_out(project: Path, aas2rto: Cli) -> None:
    """Excluded and rejected candidates keep the paper's score and say the reason."""
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    assert explained(aas2rto, "too_faint")["score"] == -1
    told = explained(aas2rto, "declining")
    assert told["decision"] == "reject"
    assert told["score"] == -math.inf
    assert "below 40%, declining" in told["reason"]


@pytest.mark.slow
def test_explain_offers_the_nearest_name(project: Path, aas2rto: Cli) -> None:
    """A misspelt candidate is met with the nearest one."""
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    said = aas2rto("explain", "small.yaml", "brigth", "--now", NOW)
    assert said.code == 2
    assert "no candidate is known as 'brigth'; did you mean 'bright'?" in said.err


def test_explain_needs_a_run_first(project: Path, aas2rto: Cli) -> None:
    """Without a store there is nothing to explain, and what to do is said."""
    said = aas2rto("explain", "small.yaml", "bright")
    assert said.code == 2
    assert "run this science case first" in said.err


@pytest.mark.slow
def test_explain_a_light_curve_from_a_file(project: Path, aas2rto: Cli) -> None:
    """A CSV light curve gets the same score as the same one in the store."""
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    table = pd.read_csv("night.csv")
    table[table["candidate_id"] == "bright"][["mjd", "band", "mag", "magerr"]].to_csv(
        "bright.csv", index=False
    )
    stored = explained(aas2rto, "bright")
    told = explained(aas2rto, "--light-curve", "bright.csv", "--ra", 150.0, "--dec", 10.0)
    assert told["score"] == pytest.approx(stored["score"], rel=1e-9)
    told = explained(
        aas2rto, "--light-curve", "bright.csv", "--ra", 150.0, "--dec", 10.0, "--base-score", 7
    )
    assert told["score"] == pytest.approx(7 * stored["score"], rel=1e-9)


def test_explain_names_rows_of_a_file_that_it_left_out(project: Path, aas2rto: Cli) -> None:
    """Whoever typed 17.2? for 17.2 shall know; a decimal comma is read."""
    rows = pd.read_csv("night.csv", dtype=str).query("candidate_id == 'bright'")
    rows.iloc[0, rows.columns.get_loc("mag")] = "17.2?"
    rows.iloc[1, rows.columns.get_loc("mag")] = "17,2"
    rows.to_csv("bright.csv", index=False)
    said = aas2rto(
        "explain",
        "small.yaml",
        "--light-curve",
        "bright.csv",
        "--ra",
        150.0,
        "--dec",
        10.0,
        "--now",
        NOW,
    )
    assert said.code == 0
    assert said.err == (
        "warning: bright.csv: 1 of 8 rows left out: whose mag is no number (first: row 1)\n"
        "note: bright.csv: 8 rows: 7 detections, 1 left out\n"
    )


@pytest.mark.slow
def test_explain_takes_position_and_redshift_from_the_file(project: Path, aas2rto: Cli) -> None:
    """As the archive does; without them it says what to give."""
    rows = pd.read_csv("night.csv").query("candidate_id == 'bright'")
    rows.assign(ra="10:00:00", dec="+10:00:00").to_csv("here.csv", index=False)
    rows[["mjd", "band", "mag", "magerr"]].to_csv("nowhere.csv", index=False)
    here = explained(aas2rto, "--light-curve", "here.csv")
    there = explained(aas2rto, "--light-curve", "nowhere.csv", "--ra", 150.0, "--dec", 10.0)
    assert here["observatories"] == there["observatories"]
    said = aas2rto("explain", "small.yaml", "--light-curve", "nowhere.csv", "--now", NOW)
    assert said.code == 2
    assert "nowhere.csv: has no position; give --ra and --dec, or columns ra and dec" in said.err
    said = aas2rto("explain", "small.yaml", "--light-curve", "nowhere.csv", "--ra", 150.0)
    assert said.code == 2
    assert "give both --ra and --dec, or neither" in said.err


@pytest.mark.slow
def test_a_time_with_an_offset_is_read(project: Path, aas2rto: Cli) -> None:
    """22:00 UTC is 23:00 in Paris in winter."""
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    one = json.loads(aas2rto("explain", "small.yaml", "bright", "--json", "--now", NOW).out)
    other = json.loads(
        aas2rto("explain", "small.yaml", "bright", "--json", "--now", f"{NOW[:11]}23:00+01:00").out
    )
    assert one["now"] == other["now"]


@pytest.mark.slow
def test_explain_a_light_curve_in_flux(project: Path, aas2rto: Cli) -> None:
    """Fluxes in uJy say the same as magnitudes."""
    rows = pd.read_csv("night.csv").query("candidate_id == 'bright'")
    flux = 10 ** (0.4 * (23.9 - rows["mag"]))
    table = pd.DataFrame({"mjd": rows["mjd"], "band": rows["band"], "flux": flux})
    table["flux_err"] = flux * 0.05 / 1.0857362
    table.to_csv("flux.csv", index=False)
    rows[["mjd", "band", "mag", "magerr"]].to_csv("mag.csv", index=False)
    where = ("--ra", 150.0, "--dec", 10.0)
    one = explained(aas2rto, "--light-curve", "flux.csv", *where)
    other = explained(aas2rto, "--light-curve", "mag.csv", *where)
    assert one["score"] == pytest.approx(other["score"], rel=1e-9)


SUSPECT = """\
object_id,ra,dec,mjd,fid,mag,magerr,isdiffpos,rb,nbad
ZTF26a,150.0,10.0,61117.0,1,18.0,0.1,t,0.9,0
ZTF26a,150.0,10.0,61118.0,1,18.0,0.1,f,0.9,0
ZTF26a,150.0,10.0,61118.5,1,18.0,0.1,t,0.2,0
ZTF26a,150.0,10.0,61118.7,2,18.0,0.1,t,0.2,3
ZTF26a,150.0,10.0,61119.0,2,18.0,0.1,t,0.9,3
"""


@pytest.mark.parametrize("stored", [True, False])
def test_it_says_which_test_made_a_point_suspect(project: Path, aas2rto: Cli, stored: bool) -> None:
    """Of the store, and of a file alone."""
    (project / "night.csv").write_text(SUSPECT)
    if stored:
        assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    found = explained(aas2rto, *(("ZTF26a",) if stored else ("--light-curve", "night.csv")))
    suspect = found["suspect"]
    assert suspect["sentence"] == (
        "4 suspect points, in fits only: 2 of them rb below 0.55; 1 of them a negative flux: "
        "fainter than the template; 1 of them bad pixels (nbad above 0)"
    )
    assert suspect["points"][1] == {"mjd": 61118.5, "band": "ztfg", "why": "rb below 0.55"}
