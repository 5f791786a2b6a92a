"""The factor `last_chance` in a whole run: the same data, judged a day later."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import NOW, Cli, light_curve


@pytest.mark.slow
def test_what_is_out_tomorrow_is_lifted_tonight(project: Path, aas2rto: Cli) -> None:
    """One that is too old tomorrow gets the bound, another one what it loses, a third nothing."""
    rows = light_curve("ageing", 150.0, 20.0, [18.2] * 7 + [18.1] * 8)
    with (project / "night.csv").open("a") as night:
        night.write("\n".join(rows) + "\n")
    text = (project / "small.yaml").read_text().replace("max: 30 day", "max: 29.3 day")
    text = text.replace("rising_fraction: {min: 0.4}", "last_chance: {limit: 2}")
    (project / "small.yaml").write_text(text)
    assert aas2rto("run", "small.yaml", "--once", "--now", NOW).code == 0
    table = pd.read_csv(project / "outputs/small/ranked/la_palma_not.csv", comment="#")
    factor = table.set_index("candidate_id")["factor_last_chance"]
    assert factor["ageing"] == 2.0
    assert factor["bright"] == pytest.approx(1.0, abs=0.01)
    said = aas2rto("explain", "small.yaml", "ageing", "--now", NOW, "--json")
    told = json.loads(said.out)["observatories"]["la_palma_not"]["factors"]
    found = next(one for one in told if one["name"] == "last_chance")
    assert found["value"] == 2.0
    assert found["reason"] == "not observable or out tomorrow"
    said = aas2rto("plan", "small.yaml", "--now", NOW, "--json")
    slots = [s for one in json.loads(said.out)["observatories"].values() for s in one["slots"]]
    own = next(slot for slot in slots if slot["candidate_id"] == "ageing")
    assert own["score_tomorrow"] == 0.0
    assert own["last_chance"] is None
    assert "last chance" in aas2rto("plan", "small.yaml", "--now", NOW).out
