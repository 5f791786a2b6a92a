"""`explain` says what would bring a candidate in, and that is so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.cli.conftest import NOW, NOW_MJD, Said

Cli = Callable[..., Said]


@pytest.fixture
def ran(project: Path, aas2rto: Cli) -> Path:
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    return project


def told(aas2rto: Cli, *names: str) -> dict[str, Any]:
    said = aas2rto("explain", "small.yaml", *names, "--now", NOW, "--json")
    assert said.code == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def ranks(aas2rto: Cli, project: Path, name: str, *settings: str) -> dict[str, int]:
    """Run the science case anew with other settings; return where a candidate ranks."""
    text = (project / "small.yaml").read_text()
    for setting in settings:
        old, new = setting.split(" => ")
        assert old in text
        text = text.replace(old, new)
    (project / "other.yaml").write_text(text)
    said = aas2rto("run", "other.yaml", "--once", "--now", NOW, "--output", f"other-{name}")
    assert said.code == 0, said.err
    found = {}
    for path in (project / f"other-{name}/small/ranked").glob("*.csv"):
        table = pd.read_csv(path, comment="#")
        own = table.loc[table["candidate_id"] == name, "rank"]
        if len(own):
            found[path.stem] = int(own.iloc[0])
    return found


@pytest.mark.slow
def test_the_setting_that_would_do_does(ran: Path, aas2rto: Cli) -> None:
    """The value is what a run with it needs, and the ranks are those of that run."""
    found = told(aas2rto, "too_faint")["counterfactual"]
    assert found["factor"] == "magnitude"
    (one,) = found["settings"]
    assert one["key"] == "score.factors.magnitude.faint_limit"
    assert (one["value"], one["needed"]) == ("19 mag", "20.01 mag")
    assert one["ranks"] == {"science": 3, "la_palma_not": 3, "la_silla_dk154": 3}
    assert found["sentence"] == (
        "score.factors.magnitude.faint_limit 19 mag -> 20.01 mag: rank 3 at la_palma_not, "
        "rank 3 at la_silla_dk154, 3 of 3 in the science list"
    )
    limit = "faint_limit: 19 mag"
    assert ranks(aas2rto, ran, "too_faint", f"{limit} => faint_limit: 20.01 mag") == one["ranks"]
    said = aas2rto("explain", "small.yaml", "too_faint", "--now", NOW)
    assert f"what would change it: {found['sentence']}\n" in said.out


@pytest.mark.slow
def test_what_is_rejected_has_one_too(ran: Path, aas2rto: Cli) -> None:
    found = told(aas2rto, "declining")["counterfactual"]
    assert found["factor"] == "rising_fraction"
    keys = {one["key"]: one for one in found["settings"]}
    assert keys["score.factors.rising_fraction.min"]["needed"] == "0"
    assert all(one["ranks"]["science"] <= 3 for one in found["settings"])


@pytest.mark.slow
def test_the_next_in_the_way_is_named(ran: Path, aas2rto: Cli) -> None:
    """With one detection per band it needs fewer, and then nothing of it rises."""
    found = told(aas2rto, "few")["counterfactual"]
    assert found["factor"] == "detections"
    assert (
        found["settings"]
        or "no single setting of detections would bring it in" in found["sentence"]
    )
    assert "score.factors.detections.min" in found["sentence"]


@pytest.mark.slow
def test_what_is_ranked_needs_nothing(ran: Path, aas2rto: Cli) -> None:
    assert told(aas2rto, "bright")["counterfactual"] is None


@pytest.mark.slow
def test_a_mark_is_no_setting(ran: Path, aas2rto: Cli) -> None:
    aas2rto("mark", "small.yaml", "bright", "veto", "near a star", "--now", NOW)
    found = told(aas2rto, "bright")["counterfactual"]
    assert found["settings"] == []
    assert found["sentence"].startswith("no setting would bring it in: feedback decides (vetoed")


@pytest.mark.slow
def test_bands_that_do_not_count_are_named_and_would_bring_it_in(
    project: Path, aas2rto: Cli
) -> None:
    """Seen in ATLAS's o alone; and what is seen there too faintly is told why not."""
    night = project / "night.csv"
    rows = [
        f"{name},{ra},50.0,{NOW_MJD - day:.5f},atlaso,{mag + day / 10:.2f},0.05"
        for name, ra, mag in (("orange", 170.0, 17.0), ("dim", 175.0, 20.0))
        for day in (8.5, 6.5, 4.5, 2.5, 0.5)
    ]
    night.write_text("\n".join([night.read_text().rstrip(), *rows, ""]))
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    rejected = pd.read_csv(project / "outputs/small/excluded.csv", comment="#")
    own = rejected.set_index("candidate_id")["reason"]
    assert own["orange"] == "no detection in ztfg, ztfr (5 in atlaso)"
    found = told(aas2rto, "orange")["counterfactual"]
    assert found["sentence"].startswith(
        "no single setting of magnitude would bring it in; with score.factors.magnitude.bands "
        "[ztfg, ztfr, atlaso], detections would leave it out: 0 detections in ztfg+ztfr (5 in "
        "atlaso), needs 4"
    )
    text = (project / "small.yaml").read_text()
    wide = "detections: {min: 4, bands: [ztfg, ztfr, atlaso]}"
    (project / "small.yaml").write_text(text.replace("detections: {min: 4}", wide))
    found = told(aas2rto, "orange")["counterfactual"]
    (one,) = found["settings"]
    assert one["needed"] == "[ztfg, ztfr, atlaso]"
    assert one["ranks"]["science"] >= 1
    assert one["sentence"].startswith(
        "score.factors.magnitude.bands [ztfg, ztfr] -> [ztfg, ztfr, atlaso]: rank "
    )
    assert "settings" in (dim := told(aas2rto, "dim")["counterfactual"])
    assert dim["settings"] == []


@pytest.mark.slow
def test_a_telescopes_limit_is_turned_too(ran: Path, aas2rto: Cli) -> None:
    """The one that can reach it has the wrong instrument."""
    (ran / "observatories").mkdir()
    (ran / "observatories/small.yaml").write_text(
        "title: Small\nposition: {longitude: -18 deg, latitude: 29 deg, elevation: 2000 m}\n"
        "instrument: {reference_mag: 15 mag, reference_time: 900 s, faint_limit: 17.5 mag}\n"
    )
    text = (ran / "small.yaml").read_text()
    text = text.replace("[la_palma_not, la_silla_dk154]", "[small]")
    (ran / "small.yaml").write_text(text)
    found = told(aas2rto, "fainter")
    assert found["decision"] == "keep"
    assert found["observatories"]["small"]["status"].endswith("faint_limit 17.5 mag")
    change = found["counterfactual"]
    assert change["factor"] == "telescope"
    (one,) = change["settings"]
    assert one["key"] == "instrument.faint_limit of small.yaml"
    assert one["needed"] == "18.2 mag"
    assert one["ranks"] == {"science": 2, "small": 2}
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    science = pd.read_csv(ran / "outputs/small/ranked/science.csv", comment="#")
    row = science.set_index("candidate_id").loc["fainter"]
    assert row["reason"].startswith("reachable from no site tonight; ")
    assert pd.isna(row["reachable_from"])


@pytest.mark.slow
def test_over_says_what_would_put_it_above(ran: Path, aas2rto: Cli) -> None:
    assert told(aas2rto, "bright", "--over", "fainter")["counterfactual"] is None
    found = told(aas2rto, "fainter", "--over", "bright")["counterfactual"]
    assert found["settings"] or found["sentence"] == (
        "no single setting would put fainter above bright"
    )
    out = told(aas2rto, "too_faint", "--over", "bright")
    assert out["counterfactual"]["settings"][0]["needed"] == "20.01 mag"


@pytest.mark.slow
def test_a_candidate_over_itself_is_refused(ran: Path, aas2rto: Cli) -> None:
    said = aas2rto("explain", "small.yaml", "bright", "--over", "bright", "--now", NOW)
    assert said.code == 2
    assert said.err == "error: --over: bright and bright are one candidate, bright; name another\n"


@pytest.mark.slow
def test_every_key_that_set_takes_is_listed(ran: Path, aas2rto: Cli) -> None:
    said = aas2rto("list", "settings", "small.yaml", "--json")
    assert said.code == 0, said.err
    found = {one["key"]: one for one in json.loads(said.out)}
    limit = found["score.factors.magnitude.faint_limit"]
    assert (limit["value"], limit["default"], limit["unit"]) == ("19 mag", "18.5 mag", "mag")
    assert found["plan.fill"]["value"] == "none"
    lines = aas2rto("list", "settings", "small.yaml").out.splitlines()
    assert "score.factors.magnitude.faint_limit=19 mag  (default 18.5 mag, in mag)" in lines
    assert len(lines) == len(found)


@pytest.mark.slow
def test_list_settings_needs_a_config_and_others_take_none(ran: Path, aas2rto: Cli) -> None:
    said = aas2rto("list", "settings")
    assert said.code == 2
    assert "list settings needs a science case" in said.err
    assert aas2rto("list", "factors", "small.yaml").code == 2


@pytest.mark.slow
def test_a_stale_magnitude_is_said(ran: Path, aas2rto: Cli) -> None:
    """Nine days later; without a model there is no other one."""
    later = "2026-03-29T22:00"
    said = aas2rto("explain", "small.yaml", "bright", "--now", later)
    assert "the last magnitude, 17.00 in ztfg, is stale: 9.5 d old\n" in said.out
    assert told(aas2rto, "bright")["magnitude"] is None
