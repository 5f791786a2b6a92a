"""The ledger and reports of replays as pages: the same as the verbs say, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from aas2rto.replay.truth import load_truth
from tests.cli.conftest import NOW, Cli
from tests.page.conftest import Served, serving


def test_the_page_says_what_the_verb_says(
    project: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and sums as JSON; a visit that was marked is in both."""
    monkeypatch.chdir(project)
    assert aas2rto("mark", "small.yaml", "bright", "observed", "--now", NOW).code == 0
    said = aas2rto("ledger", "small.yaml", "--now", NOW, "--json")
    assert said.code == 0, said.err
    with serving(project) as served:
        assert served.get("/api/v1/ledger").json() == json.loads(said.out)
        page = served.get("/ledger").text
        csv = served.get("/ledger.csv").text
    assert "bright" in page
    assert "not classified" in page
    assert csv == aas2rto("ledger", "small.yaml", "--now", NOW, "--csv").out
    (project / "ledger.csv").write_text(csv)
    objects = pd.DataFrame({"candidate_id": ["bright", "fainter"], "aliases": ["", ""]})
    truth = load_truth(project / "ledger.csv", objects)
    assert set(truth.table["candidate_id"]) == {"bright", "fainter"}
    assert truth.unmatched == 0


def test_the_verb_says_it_in_sentences(
    project: Path, aas2rto: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    aas2rto("mark", "small.yaml", "bright", "observed", "la_palma_not", "--now", NOW)
    said = aas2rto("ledger", "small.yaml", "--now", NOW)
    assert "2 recommended, 0 requested, 1 observed, 0 classified" in said.out
    assert "20 Mar: 1 observed, 0 hits" in said.out
    assert aas2rto("ledger", "small.yaml", "--json", "--csv").code == 2


def report(folder: Path, name: str = "replay") -> Path:
    where = folder / "outputs/small" / name
    where.mkdir(parents=True)
    (where / "report.html").write_text("<!doctype html><script>alert(1)</script><h1>Report</h1>")
    about = {"from": 61100.0, "to": 61110.0, "runs": [{"name": "ours", "digest": "<b>x"}]}
    value = {"title": "purity", "unit": "%", "value": 0.64}
    told = {
        "replay": about,
        "candidates": {"all": 7},
        "runs": {"ours": {"lists": {"science": {"a": value}}}},
    }
    (where / "metrics.json").write_text(json.dumps(told))
    return where


@pytest.mark.fault("page", "forged", "a report of a replay with scripts")
def test_reports_are_listed_and_harmless(project: Path) -> None:
    """A report runs nothing, even if somebody wrote a script into it."""
    report(project)
    with serving(project) as served:
        page = served.get("/replays").text
        assert "2026-03-01 to 2026-03-11, 7 candidates" in page
        assert "ours: purity 64 %" in page
        assert "<b>x" not in page
        found = served.get("/replays/file?name=replay")
    policy = found.headers["content-security-policy"]
    assert "<h1>Report</h1>" in found.text
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "script-src" not in policy


@pytest.mark.parametrize(
    "query",
    [
        "name=..",
        "name=.",
        "name=../small/replay",
        "name=replay&file=../store.sqlite",
        "name=replay&file=replay.log",
        "name=linked",
        "name=",
        "name=%00",
    ],
)
@pytest.mark.fault("page", "forged", "paths out of the folder of reports: {query}")
def test_nothing_but_reports_is_served(project: Path, tmp_path: Path, query: str) -> None:
    """Neither the store nor what a link leads to."""
    report(project)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "report.html").write_text("secret")
    (project / "outputs/small/linked").symlink_to(outside)
    with serving(project) as served:
        assert "linked" not in served.get("/replays").text
        served.get(f"/replays/file?{query}", 404)


@pytest.mark.fault("page", "damaged", "metrics.json of a replay")
def test_a_damaged_report_costs_its_own_words(project: Path) -> None:
    for number, text in enumerate(("", "[]", "{", '{"replay": 3}', "\x00\xff", "null")):
        (report(project, f"bad{number}") / "metrics.json").write_text(text)
    report(project)
    with serving(project) as served:
        page = served.get("/replays").text
    assert page.count("metrics.json: ") == 6
    assert "7 candidates" in page


def test_a_list_as_it_was(reading: Served) -> None:
    """The ranks of the cycle; before the first there was none."""
    told = reading.get("/past.json?list=la_palma_not").json()
    assert [row["candidate_id"] for row in told["rows"]] == ["bright", "fainter"]
    assert [(row["rank"], row["now"], row["moved"]) for row in told["rows"]] == [
        (1, 1, 0),
        (2, 2, 0),
    ]
    assert told["cycle_mjd"] == pytest.approx(61119.916667, abs=1e-5)
    page = reading.get("/past?list=science&at=61000").text
    assert "there was no cycle by then" in page
    for odd in ("nan", "inf", "1e300", "what", "-1"):
        assert "as it was" in reading.get(f"/past?list=science&at={odd}").text
    reading.get("/past?list=nowhere", 404)


def test_the_plan_is_made_again_with_closed_hours(reading: Served) -> None:
    """Nothing is planned where it is closed; the verb that writes it is said."""
    told = reading.get("/api/v1/plan").json()
    open_ = {name: len(one["slots"]) for name, one in told["observatories"].items()}
    assert open_["la_palma_not"] >= 1
    told = reading.get("/api/v1/plan?close=la_palma_not").json()
    assert told["observatories"]["la_palma_not"]["slots"] == []
    page = reading.get("/plan?close=la_palma_not&at=la_silla_dk154&hours=02:00-04:00").text
    assert "aas2rto plan small.yaml --close la_palma_not --close la_silla_dk154 02:00-04:00" in page
    assert page.count('class="closed"') >= 1
    assert reading.get("/api/v1/plan").json()["observatories"].keys() == open_.keys()
    assert "did you mean" in reading.get("/plan?close=la_palma", 404).text
    assert "is no interval" in reading.get("/plan?close=la_palma_not 2-4", 404).text


def test_what_is_hidden_is_not_in_the_csv(reading: Served) -> None:
    whole = reading.get("/csv?list=science").text.splitlines()
    less = reading.get("/csv?list=science&hide=moon why nonsense").text.splitlines()
    heads = [
        next(line for line in lines if not line.startswith("#")).split(",")
        for lines in (whole, less)
    ]
    assert set(heads[0]) - set(heads[1]) == {"moon_sep", "reason"}


def test_the_light_curve_is_numbers(reading: Served) -> None:
    """By band: what the drawing shows, in magnitudes and fluxes that say the same."""
    told = reading.get("/api/v1/light_curves/bright").json()
    assert [one["band"] for one in told["bands"]] == ["ztfg", "ztfr"]
    for one in told["bands"]:
        assert len(one["days"]) == len(one["mag"]) == len(one["flux"]) == len(one["kind"]) == 4
        assert all(days < 0 for days in one["days"])
        for mag, flux in zip(one["mag"], one["flux"], strict=True):
            assert 10 ** ((23.9 - mag) / 2.5) == pytest.approx(flux, rel=1e-3)
    assert told["axis"]["mag"][0] < 17.0 < told["axis"]["mag"][1]
    reading.get("/api/v1/light_curves/nobody", 404)
