"""Total brightness on the page: template plus difference, as numbers and in the chart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aas2rto.store import Store
from aas2rto.tables.photometry import TEMPLATE, TEMPLATE_ERR, flux_from_mag
from tests.conftest import make_light_curve
from tests.page.conftest import NOW_MJD, Served, run_once, serving
from tests.page.test_browser import CHROMIUM, opened

MAGS = [18.5, 18.0, 17.5, 17.0]


@pytest.fixture
def star(project: Path) -> Iterator[Served]:
    """Serve the small project with a variable star whose template is known."""
    report = make_light_curve("star", MAGS, ra=152.0, last=NOW_MJD - 0.4)
    known = {TEMPLATE: float(flux_from_mag(16.0)), TEMPLATE_ERR: 1.0}
    with Store(f"sqlite:///{project}/outputs/small/store.sqlite") as store:
        store.ingest(replace(report, photometry=report.photometry.assign(**known)), NOW_MJD)
    run_once(project)
    with serving(project) as found:
        yield found


@pytest.mark.slow
def test_total_magnitudes_stand_beside_those_of_the_difference(star: Served) -> None:
    told = star.get("/api/v1/light_curves/star").json()
    (g,) = (one for one in told["total"] if one["band"] == "ztfg")
    expected = [-2.5 * math.log10(10 ** (-0.4 * 16.0) + 10 ** (-0.4 * mag)) for mag in MAGS]
    assert g["mag"] == pytest.approx(expected, abs=1e-3)
    assert g["kind"] == ["point"] * 4
    assert star.get("/api/v1/light_curves/bright").json()["total"] == []


@pytest.mark.proof
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium (Debian: apt install chromium)")
def test_the_chart_changes_to_apparent_magnitudes(star: Served) -> None:
    playwright: Any = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=["--no-sandbox"]
        )
        with opened(browser, star) as page:
            page.goto("/candidate?id=star")
            page.wait_for_selector(".curve-tools")
            box = page.get_by_label("apparent")
            before = page.locator(".chart canvas").first.screenshot()
            box.check()
            assert page.locator(".chart canvas").first.screenshot() != before
            box.uncheck()
            assert page.locator(".chart canvas").first.screenshot() == before
            page.goto("/candidate?id=bright")
            page.wait_for_selector(".curve-tools")
            assert page.get_by_label("apparent").count() == 0
        browser.close()
