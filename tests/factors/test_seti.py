"""Stars on the SETI Ellipsoid and on Seto's rings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.config.load import load
from aas2rto.errors import ConfigError
from aas2rto.factors import Decision
from aas2rto.factors.seti_ellipsoid import seti_ellipsoid
from aas2rto.factors.seto import seto

STARS = pd.DataFrame(
    {
        "candidate_id": ["TRAPPIST-1", "Vega", "far away"],
        "ra": [346.6224, 279.2347, 10.0],
        "dec": [-5.0414, 38.7837, 10.0],
        "parallax": [1000 / 12.43, 130.2, np.nan],
        "parallax_err": [0.06, 0.36, np.nan],
    }
)
CROSSING = Time(2026.17, format="jyear")


def test_a_star_counts_while_it_crosses() -> None:
    found = seti_ellipsoid(STARS, CROSSING)
    assert found.value.tolist() == [5.0, 1.0, 1.0]
    assert found.reason.tolist() == [
        "crosses the ellipsoid of SN1987A in 2026.16 +- 0.03 (100 % within the window)",
        "crosses the ellipsoid of SN1987A in 2033.54 +- 0.13",
        "no distance: no crossing can be computed",
    ]
    later = seti_ellipsoid(STARS, Time(2026.30, format="jyear"), outside="exclude")
    assert later.decision.tolist() == [Decision.EXCLUDE] * 3


def test_a_vague_distance_can_be_refused() -> None:
    """The chance is the share of the crossing's error that lies in the window."""
    vague = STARS.assign(parallax_err=5.0)
    assert seti_ellipsoid(vague, CROSSING).value[0] == 5.0
    assert seti_ellipsoid(vague, CROSSING, least_chance=0.3).value[0] == 1.0
    assert seti_ellipsoid(STARS, CROSSING, least_chance=0.3).value[0] == 5.0


def test_rings_need_no_distance() -> None:
    """A star 9.342 deg from the Crab is on the ring of SN 1054; a known far one lies behind it."""
    now = Time(61374.0, format="mjd")
    stars = pd.DataFrame(
        {
            "candidate_id": ["on", "off", "behind", "lost"],
            "ra": [83.63308, 83.63308, 83.63308, np.nan],
            "dec": [22.0145 + 9.342, 22.0145 + 20, 22.0145 + 9.342, 0.0],
            "distance": [np.nan, np.nan, 1990.0, np.nan],
        }
    )
    found = seto(stars, now)
    assert found.value.tolist() == [5.0, 1.0, 1.0, 1.0]
    assert found.reason.tolist()[0] == "9.34 deg from SN1054, on a ring"
    assert found.reason.tolist()[1] == "20.00 deg from SN1054, 10.66 deg off the ring"
    assert found.reason.tolist()[3] == "its position is not known"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("seti_ellipsoid: {event: sn2024x}", "event 'sn2024x' is none of sn1987a"),
        ("seti_ellipsoid: {date: soon}", "date: 'soon' is no date"),
        ("seto: {distance: 51 kg}", "cannot be converted to pc"),
    ],
)
def test_wrong_events_are_told_when_the_config_loads(
    tmp_path: Path, settings: str, told: str
) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(
        f"project: z\nobservatories: [la_palma_not]\nscore: {{factors: [{settings}]}}\n"
    )
    with pytest.raises(ConfigError, match=told):
        load(path)
