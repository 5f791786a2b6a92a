"""The hour angle factor looks at the moment nearest to the meridian that is left."""

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.hour_angle import hour_angle

NOW = Time(61366.125, format="mjd", scale="utc")


def rows(hour_angles, days_later):
    return pd.DataFrame(
        {
            "hour_angle": hour_angles,
            "culmination": 61366.125 + np.asarray(days_later),
            "status": "why",
        }
    )


def test_the_best_hour_angle_left_decides():
    sidereal = 1 / 1.00273781191135448
    table = rows([-3.0, 5.0, -11.0, -11.0, np.nan], [3 * sidereal / 24, 0.0, 0.1, 0.3, np.nan])
    found = hour_angle(table, NOW, limit=4.0)
    assert FACTORS.get("hour_angle").extras["needs"] is Needs.SITE
    assert found.value.tolist() == [1.0] * 5
    assert found.decision.tolist() == [
        Decision.KEEP,
        Decision.EXCLUDE,
        Decision.EXCLUDE,
        Decision.KEEP,
        Decision.EXCLUDE,
    ]
    assert found.reason.tolist() == [
        "at best at hour angle +0.0 h",
        "at best at hour angle +5.0 h, beyond 4 h",
        "at best at hour angle -8.6 h, beyond 4 h",
        "at best at hour angle -3.8 h",
        "why",
    ]


def test_its_limit_carries_a_unit():
    part = FACTORS.get("hour_angle")
    settings = part.arguments(part.options.model_validate({"limit": "300 min"}))
    assert settings == {"limit": 5.0}
    assert hour_angle(rows([4.9], [0.0]), NOW, **settings).decision.tolist() == [Decision.KEEP]


def test_it_agrees_with_a_real_table():
    from aas2rto.sky import observatory_file, visibility

    site = observatory_file.load("la_silla_dk154")
    ra, dec = np.linspace(0, 350, 36), np.full(36, -20.0)
    candidates = pd.DataFrame({"candidate_id": [str(r) for r in ra], "ra": ra, "dec": dec})
    table = visibility.site_table(site, candidates, NOW)
    best = hour_angle(table, NOW).inputs["hour_angle"]
    latitude, declination = np.radians(site.latitude_deg), np.radians(-20.0)
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(
        np.radians(15 * best)
    )
    altitude = np.degrees(np.arcsin(sine))
    np.testing.assert_allclose(altitude, table["culmination_altitude"], atol=0.3)
    assert hour_angle(table, NOW).decision.tolist().count(Decision.EXCLUDE) > 3
