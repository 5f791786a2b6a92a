"""The other verbs: check, explain, visibility, list, new, prime, too, demo."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from aas2rto.cli import main
from aas2rto.cli.explain import fit_line
from tests.cli.conftest import NOW, Said, too_text

Cli = Callable[..., Said]


def test_check_shows_the_resolved_science_case(project: Path, aas2rto: Cli) -> None:
    """`check` names sources, factors with units, and sites."""
    said = aas2rto("check", "small.yaml")
    assert said.code == 0, said.err
    settings = (
        "{zero_point: 18.5 mag, faint_limit: 19 mag, bands: [ztfg, ztfr], ceiling: null, "
        "use: last, stale: 5 day}"
    )
    assert f"magnitude: {settings}" in said.out
    assert "rate: -1 / day" in said.out
    assert "la_palma_not: " in said.out
    assert said.out.rstrip().endswith("ok")
    assert not re.search(r"None|True|False|\('|1 1 / ", said.out), (
        "as in the YAML, not as in Python"
    )


def test_check_reports_every_mistake_at_once(project: Path, aas2rto: Cli) -> None:
    """Each mistake has file:line, key, what was expected, and the nearest name."""
    (project / "bad.yaml").write_text(
        "project: bad\n"
        "sources:\n"
        "  archiv: {paths: [night.csv]}\n"
        "score:\n"
        "  factors:\n"
        "    - magnitude: {zero_point: 18.5}\n"
        "    - time_span: {midpoint: 25 mag}\n"
        "    - detection: {min: 4}\n"
        "    - expression: '1 + exp(mag_ztgf)'\n"
        "observatories: [la_sila_dk154]\n"
        "visibility: {factor: altitude_integral, min_alt: 30 deg}\n"
        "looop: {}\n"
    )
    said = aas2rto("check", "bad.yaml")
    assert said.code == 2
    for words in (
        "bad.yaml:3: sources.archiv: no source is called 'archiv'; did you mean 'archive'?",
        "bad.yaml:6: score.factors[0].magnitude.zero_point: 18.5 needs a unit",
        "bad.yaml:7: score.factors[1].time_span.midpoint: '25 mag' cannot be converted to day",
        "bad.yaml:8: score.factors[2].detection: no factor is called 'detection'; did you mean",
        "bad.yaml:9: score.factors[3]: there is no column 'mag_ztgf'; did you mean 'mag_ztfg'?",
        "bad.yaml:10: observatories[0]:",
        "did you mean 'la_silla_dk154'?",
        "bad.yaml:11: visibility.min_alt: unknown setting 'min_alt'; did you mean 'min_altitude'?",
        "bad.yaml:12: looop: unknown setting 'looop'; did you mean 'loop'?",
    ):
        assert words in said.err
    assert "Traceback" not in said.err


def test_check_says_which_paths_are_not_there(project: Path, aas2rto: Cli) -> None:
    """Where in the config, what, and what next; as for a variable that is not set, exit 0."""
    text = (project / "small.yaml").read_text()
    text = text.replace("[night.csv]", "[night.csv, nigth.csv, 'alerts/*.avro', '${NIGHT}']")
    (project / "small.yaml").write_text(text.replace("folder: too", "folder: nowhere/too"))
    said = aas2rto("check", "small.yaml")
    assert said.code == 0, said.err
    lines = [line for line in said.out.splitlines() if line.startswith("not there: ")]
    here = f"in {project}, the folder where you started"
    todo = "correct the path, or put there what is missing"
    assert lines == [
        f"not there: small.yaml:3: sources.archive.paths[1]: there is no nigth.csv {here}; {todo}",
        "not there: small.yaml:3: sources.archive.paths[2]: no file is called like alerts/*.avro "
        f"{here}; {todo}",
        f"not there: small.yaml:4: sources.too.folder: there is no folder nowhere {here}; {todo}",
    ]
    last = "the science case is right; `run` needs what is not set and what is not there"
    assert said.out.splitlines()[-1] == last
    told = json.loads(aas2rto("check", "small.yaml", "--json").out)
    assert told["not_there"] == [line.removeprefix("not there: ") for line in lines]


def test_check_says_that_a_path_is_not_beside_the_config_either(
    project: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths begin beside the config, or else where the program is started."""
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    assert "not there" not in aas2rto("check", "../small.yaml").out
    (project / "night.csv").unlink()
    said = aas2rto("check", "../small.yaml")
    assert said.code == 0
    here = f"in {project}/elsewhere, the folder where you started, nor beside the config"
    assert f"there is no night.csv {here}; correct the path" in said.out
    assert said.out.splitlines()[-1] == "the science case is right; `run` needs what is not there"


def test_check_says_which_folder_will_be_made(project: Path, aas2rto: Cli) -> None:
    """A misspelt ToO folder would be made in silence, and stay empty."""
    text = (project / "small.yaml").read_text()
    (project / "small.yaml").write_text(text.replace("folder: too", "folder: toos"))
    said = aas2rto("check", "small.yaml")
    note = "there is no folder toos yet; the first cycle makes it"
    assert f"note: small.yaml:4: sources.too.folder: {note}\n" in said.out
    assert said.out.splitlines()[-1] == "ok"
    (project / "toos").write_text("a file")
    assert "sources.too.folder: toos is no folder" in aas2rto("check", "small.yaml").out


def test_check_names_unknown_columns_of_an_expression(project: Path, aas2rto: Cli) -> None:
    """A misspelt column is found when the config loads, not at night."""
    text = (project / "small.yaml").read_text()
    text = text.replace("observatories:", "    - expression: '1 + exp(mag_ztgf)'\nobservatories:")
    (project / "small.yaml").write_text(text)
    said = aas2rto("check", "small.yaml")
    assert said.code == 2
    assert "there is no column 'mag_ztgf'; did you mean 'mag_ztfg'?" in said.err


def test_missing_secrets_stop_a_run_but_not_a_check(project: Path, aas2rto: Cli) -> None:
    """`check` says what is not set; `run` refuses to start without it."""
    text = (project / "small.yaml").read_text().replace("paths: [night.csv]", "paths: ['${NIGHT}']")
    (project / "small.yaml").write_text(text)
    said = aas2rto("check", "small.yaml")
    assert said.code == 0
    assert "the environment variable NIGHT is not set" in said.out
    said = aas2rto("run", "small.yaml", "--once")
    assert said.code == 2
    assert "small.yaml:3: sources.archive.paths[0]: the environment variable NIGHT" in said.err


def test_unknown_config_offers_the_nearest(project: Path, aas2rto: Cli) -> None:
    """A misspelt file name is met with the nearest one."""
    said = aas2rto("check", "smal.yaml")
    assert said.code == 2
    assert "there is no config smal.yaml; did you mean 'small.yaml'?" in said.err


def test_bad_times_are_refused_in_words(project: Path, aas2rto: Cli) -> None:
    """A time is ISO or MJD; anything else is said so."""
    assert "--now: 'yesterday' is no time" in aas2rto("run", "small.yaml", "--now", "yesterday").err
    said = aas2rto("run", "small.yaml", "--now", "2461119.9")
    assert said.code == 2
    assert "is no MJD between" in said.err


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


def explained(aas2rto: Cli, *arguments: object) -> dict[str, object]:
    said = aas2rto("explain", "small.yaml", *arguments, "--now", NOW, "--json")
    assert said.code == 0, said.err
    told: dict[str, object] = json.loads(said.out)
    return told


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


def test_explain_says_why_one_is_above_another(project: Path, aas2rto: Cli) -> None:
    """--over compares two candidates factor by factor."""
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    told = explained(aas2rto, "bright", "--over", "fainter")
    assert re.match(
        r"bright ranks above fainter \(.*\): magnitude x", told["comparison"]["sentence"]
    )
    said = aas2rto("explain", "small.yaml", "bright", "--over", "too_faint", "--now", NOW)
    assert "too_faint is not ranked (exclude: " in said.out


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


def test_explain_shows_why_a_candidate_is_out(project: Path, aas2rto: Cli) -> None:
    """Excluded and rejected candidates keep the paper's score and say the reason."""
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    assert explained(aas2rto, "too_faint")["score"] == -1
    told = explained(aas2rto, "declining")
    assert told["decision"] == "reject"
    assert told["score"] == -math.inf
    assert "below 40%, declining" in told["reason"]


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
    )


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


def test_list_columns_shows_every_spelling(aas2rto: Cli) -> None:
    """With kinds and units, for people and as JSON."""
    said = aas2rto("list", "columns")
    assert said.code == 0
    for words in (
        "mag: magnitude, AB unless",
        "forcediffimflux",
        "'JD-2450000' is understood",
        "mJy",
        "ztfr",
        "discovery_mag_flux",
    ):
        assert words in said.out
    told = json.loads(aas2rto("list", "columns", "--json").out)
    names = {row["name"]: row["spellings"] for row in told["columns"]}
    assert "magpsf" in names["mag"]


def test_a_time_with_an_offset_is_read(project: Path, aas2rto: Cli) -> None:
    """22:00 UTC is 23:00 in Paris in winter."""
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    one = json.loads(aas2rto("explain", "small.yaml", "bright", "--json", "--now", NOW).out)
    other = json.loads(
        aas2rto("explain", "small.yaml", "bright", "--json", "--now", f"{NOW[:11]}23:00+01:00").out
    )
    assert one["now"] == other["now"]


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


def test_visibility_as_json(project: Path, aas2rto: Cli) -> None:
    """`visibility` gives the factor, the night, the culmination and the Moon."""
    said = aas2rto(
        "visibility",
        "--observatory",
        "la_palma_not",
        "--ra",
        164.09,
        "--dec",
        6.99,
        "--at",
        "2026-03-22T22:00",
        "--json",
    )
    assert said.code == 0, said.err
    told = json.loads(said.out)
    text = json.dumps(sorted(told))
    for word in ("x_vis", "x_alt", "altitude", "azimuth", "culmination", "moon", "rises", "sets"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("--ra", 400, "--dec", 0),
            "--ra: '400' is out of range; a right ascension runs from 0 to 360 degrees; "
            "write for example 155.127 (degrees) or 10:20:30.5 (hours)",
        ),
        (("--ra", "24:00:01", "--dec", 0), "--ra: '24:00:01' is "),
        (
            ("--ra", 10, "--dec", 91),
            "--dec: '91' is out of range; a declination runs from -90 to 90 degrees; "
            "write for example -5.2556 or -05:15:20 (degrees)",
        ),
        (("--ra", "north", "--dec", "1h"), "--ra: 'north' is no angle; write for example 155.127"),
        (("--ra", "north", "--dec", "1h"), "--dec: '1h' is in hours; a declination is in degrees"),
    ],
)
@pytest.mark.parametrize(
    "verb",
    [
        ("visibility", "--observatory", "la_palma_not"),
        ("explain", "small.yaml", "--light-curve", "night.csv"),
        ("too", "add", "GRB1", "--folder", "too"),
    ],
    ids=lambda verb: verb[0],
)
def test_positions_that_are_not_on_the_sky_are_refused(
    project: Path, verb: tuple[str, ...], arguments: tuple[object, ...], words: str, aas2rto: Cli
) -> None:
    """By every verb in the same words, with exit code 2."""
    said = aas2rto(*verb, *arguments)
    assert said.code == 2
    assert words in said.err


@pytest.mark.parametrize(
    ("ra", "dec"),
    [("10:20:30.5", "-00:30:36"), ("10h20m30.5s", "-0d30m36s"), ("10 20 30.5", "-00 30 36")],
)
def test_every_verb_takes_sexagesimal_positions(
    project: Path, ra: str, dec: str, aas2rto: Cli
) -> None:
    """Hours, minutes and seconds mean the same as degrees."""
    at = ("--at", "2026-03-22T22:00", "--json")
    site = ("visibility", "--observatory", "la_palma_not", *at)
    in_degrees = ("--ra", repr(15 * (10 + 20 / 60 + 30.5 / 3600)), "--dec", "-0.51")
    told = json.loads(aas2rto(*site, "--ra", ra, "--dec", dec).out)
    expected = json.loads(aas2rto(*site, *in_degrees).out)
    assert told.pop("ra") == pytest.approx(expected.pop("ra"), abs=1e-9)
    assert told.pop("dec") == pytest.approx(expected.pop("dec"), abs=1e-9)
    assert told["altitude"] == pytest.approx(expected["altitude"], abs=1e-7)
    rows = pd.read_csv("night.csv").query("candidate_id == 'bright'")
    rows.to_csv("bright.csv", index=False)
    found = explained(aas2rto, "--light-curve", "bright.csv", "--ra", ra, "--dec", dec)
    assert found["ra"] == pytest.approx(155.1270833, abs=1e-6)
    assert found["dec"] == pytest.approx(-0.51)


@pytest.mark.parametrize("kind", ["sources", "factors", "models", "observatories", "messengers"])
def test_list_has_one_line_each(kind: str, aas2rto: Cli) -> None:
    """`list` prints name and summary, and the same names as JSON."""
    said = aas2rto("list", kind)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    rows = json.loads(aas2rto("list", kind, "--json").out)
    assert [line.split(":")[0] for line in lines] == [row["name"] for row in rows]
    assert all(row["summary"].strip() for row in rows)


def shown_settings(out: str) -> str:
    """Return what stands in the last brackets of each line."""
    return "\n".join(line.partition(" [")[2] for line in out.splitlines())


def test_list_factors_shows_defaults_with_units(aas2rto: Cli) -> None:
    """Defaults and units are those of the science case of the paper."""
    assert "class_" not in aas2rto("list", "sources").out
    said = aas2rto("list", "factors")
    assert "zero_point: 18.5 mag" in said.out
    assert "midpoint: 25 day" in said.out
    assert "rate: -1 / day" in said.out
    assert "bands: [ztfg, ztfr]" in said.out
    for kind in ("sources", "factors", "models", "messengers"):
        assert not re.search(
            r"None|True|False|\('|\(0|=", shown_settings(aas2rto("list", kind).out)
        )


def test_new_writes_a_config_that_passes_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aas2rto: Cli
) -> None:
    """`new` from any folder gives a commented config; it does not overwrite."""
    monkeypatch.chdir(tmp_path)
    assert aas2rto("new", "mine").code == 0
    said = aas2rto("check", "configs/mine.yaml")
    assert said.code == 0, said.err
    assert "project mine" in said.out
    again = aas2rto("new", "mine")
    assert again.code == 2
    assert "exists already" in again.err
    assert aas2rto("new", "../evil").code == 2


def test_too_template_add_list(project: Path, aas2rto: Cli) -> None:
    """A target is added from the command line, waits, and is taken by the next cycle."""
    assert "name:" in aas2rto("too", "template").out
    said = aas2rto(
        "too",
        "add",
        "GRB1",
        "--ra",
        "10:20:30.5",
        "--dec",
        "-00:30:00",
        "--folder",
        "too",
        "--comment",
        "spectrum wanted",
    )
    assert said.code == 0, said.err
    listed = aas2rto("too", "list", "--folder", "too").out
    assert listed.startswith("waiting: too/")
    ends = "for the config's lifetime after it is taken (default 7 d)"
    assert f"the next cycle takes it; it is wanted {ends}" in said.out
    assert listed.endswith(f": GRB1 at 155.12708 -0.50000 deg, {ends}\n")
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    assert "accepted: " in aas2rto("too", "list", "--folder", "too").out
    science = pd.read_csv("outputs/small/ranked/science.csv", comment="#").set_index("candidate_id")
    assert science.loc["GRB1", "dec"] == pytest.approx(-0.5)
    assert science.loc["GRB1", "ra"] == pytest.approx(155.127083, abs=1e-6)
    assert science.loc["GRB1", "reason"].startswith("ToO until 27 Mar 22:00 UT: spectrum wanted")


def test_a_too_ends_by_itself(project: Path, aas2rto: Cli) -> None:
    """After the lifetime of the config, unless its file or the config says otherwise."""
    (project / "small.yaml").write_text(
        (project / "small.yaml").read_text().replace("folder: too", "folder: too, lifetime: 2 day")
    )
    (project / "too" / "a.txt").write_text(too_text(name="SHORT"))
    (project / "too" / "b.txt").write_text(
        too_text(name="LONG", ra="10:00:00", valid_until="2026-03-30")
    )
    listed = aas2rto("too", "list", "--folder", "too").out
    assert "LONG at 150.00000 +5.23889 deg, until 2026-03-31 00:00 UTC\n" in listed
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    science = pd.read_csv("outputs/small/ranked/science.csv", comment="#").set_index("candidate_id")
    assert science.loc["SHORT", "reason"].startswith("ToO until 22 Mar 22:00 UT")
    assert science.loc["LONG", "reason"].startswith("ToO until 31 Mar 00:00 UT")
    aas2rto("run", "small.yaml", "--once", "--now", "2026-03-22T22:01")
    out = pd.read_csv("outputs/small/excluded.csv", comment="#").set_index("candidate_id")
    assert out.loc["SHORT", "reason"] == "the ToO was valid until 2026-03-22T22:00"
    assert "LONG" not in out.index


def test_a_too_may_last_for_ever(project: Path, aas2rto: Cli) -> None:
    (project / "small.yaml").write_text(
        (project / "small.yaml").read_text().replace("folder: too", "folder: too, lifetime: null")
    )
    (project / "too" / "a.txt").write_text(too_text())
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    science = pd.read_csv("outputs/small/ranked/science.csv", comment="#").set_index("candidate_id")
    assert science.loc["GRB260320A", "reason"] == "ToO"


def test_an_empty_list_says_so(project: Path, aas2rto: Cli) -> None:
    """Silence would leave open whether the right folder was asked."""
    assert aas2rto("too", "list", "--folder", "too").out == "no targets of opportunity in too\n"
    aas2rto("run", "small.yaml", "--once", "--now", NOW)
    assert aas2rto("messages", "small.yaml").out.startswith("this config has no channels; ")


def test_too_list_says_what_is_to_mend(project: Path, aas2rto: Cli) -> None:
    """Before any cycle has looked at the file."""
    (project / "too" / "bad.txt").write_text(too_text(ra="25:00:00"))
    listed = aas2rto("too", "list", "--folder", "too")
    assert listed.code == 0
    assert "to mend: too/bad.txt" in listed.out
    assert "  line 2: ra" in listed.out


def test_too_add_refuses_bad_positions(project: Path, aas2rto: Cli) -> None:
    """A target that is not on the sky is refused before it is written."""
    said = aas2rto("too", "add", "X", "--ra", "10", "--dec", "+95", "--folder", "too")
    assert said.code != 0
    assert "dec" in said.err
    assert list((project / "too").iterdir()) == []


def test_errors_show_tracebacks_only_on_request(
    project: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error is one line; --debug shows where it came from."""
    from aas2rto.sky import observatory_file

    def broken() -> list[str]:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(observatory_file, "available", broken)
    said = aas2rto("list", "observatories")
    assert said.code == 1
    assert said.err.startswith("error: unexpected ZeroDivisionError: boom")
    with pytest.raises(ZeroDivisionError):
        main(["list", "observatories", "--debug"])


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["explain", "--help"]])
def test_help_is_light(arguments: list[str]) -> None:
    """--help imports none of the heavy libraries."""
    code = (
        "import sys\nfrom aas2rto.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'astropy', 'scipy', 'sncosmo', 'sqlalchemy', 'numba'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert "HEAVY []" in done.stdout


def test_version(aas2rto: Cli) -> None:
    """--version prints the one version there is."""
    from aas2rto import __version__

    assert aas2rto("--version").out.strip() == f"aas2rto {__version__}"


@pytest.mark.slow
def test_demo_ranks_three_sites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aas2rto: Cli
) -> None:
    """The demo needs nothing, ranks for three observatories, and its ToO leads."""
    monkeypatch.chdir(tmp_path)
    began = time.perf_counter()
    said = aas2rto("demo")
    assert said.code == 0, said.err
    folder = tmp_path / "outputs" / "demo" / "ranked"
    assert len(list(folder.glob("*.csv"))) == 4
    science = pd.read_csv(folder / "science.csv", comment="#")
    assert science["candidate_id"].iloc[0] == "GRB260320A"
    assert science["t_peak"].notna().sum() >= 3
    assert time.perf_counter() > began


def test_too_text_is_what_the_template_says(aas2rto: Cli) -> None:
    """The template holds the keys of the format."""
    template = aas2rto("too", "template").out
    for line in too_text().splitlines():
        assert f"{line.split(':')[0]}:" in template
