"""A report about one position says all that a site knows of it."""

from __future__ import annotations

import json

import pytest
from astropy.time import Time

from aas2rto.sky.observatory_file import load
from aas2rto.sky.point_report import point_report
from aas2rto.sky.visibility import saturate


def test_a_point_report_can_be_written_as_json():
    site = load("la_silla_dk154")
    report = point_report(site, 30.0, -20.0, Time("2026-11-22T03:00:00"))
    again = json.loads(json.dumps(report, allow_nan=False))
    assert again["night"] == "night"
    assert again["night_start"].startswith("2026-11-22T00:5")
    assert again["x_alt"] == pytest.approx(1 / again["airmass"])
    assert again["observable_now"] is True
    assert again["rises"] is None
    assert again["sets"].startswith("2026-11-22T07:0")
    assert 1 < again["x_vis"] < 10
    assert again["x_vis_saturated"] == pytest.approx(saturate(again["x_vis"]))


def test_a_point_report_on_a_polar_day_has_no_night():
    site = load("dome_c_concordia")
    report = point_report(site, 30.0, -20.0, Time("2026-12-21T03:00:00"))
    assert report["night"] == "polar_day"
    assert report["night_start"] is None
    assert report["x_vis"] is None
    json.dumps(report, allow_nan=False)
