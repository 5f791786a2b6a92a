"""The best of each day on the page: from ANTARES' stand-in over a socket, through the loop."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.time import Time

from aas2rto.cli.serve import make
from aas2rto.config.load import load
from aas2rto.page import export
from aas2rto.store import Store
from tests.page.conftest import Served, run_once, serving
from tests.standin.antares import Antares, lsst_alert, make_locus

ROOT = Path(__file__).resolve().parents[2]
DAY = 61366
NOW = ("2026-11-22T06:00:00", "2026-11-23T06:00:00", "2026-11-24T06:00:00")
NASTY = "<script>alert(1)</script>"
LAISS, NUCLEAR = "LAISS_RFC_AD_filter", "nuclear_transient"


def made(n: int, day: float) -> list[dict[str, Any]]:
    """Make loci of which every tenth has something to say, and six stand out."""
    rng = np.random.default_rng(1)
    found = []
    for k in range(n):
        number = 170_000_000_000_000_001 + k
        place = {
            "ra": float(rng.uniform(0, 360)),
            "dec": float(np.degrees(np.arcsin(rng.uniform(-1, 0.3)))),
        }
        alerts = [
            lsst_alert(
                number, number * 10 + j, day - 3 + j, "r", 500.0 * (j + 1), scienceFlux=f, **place
            )
            for j, f in enumerate((1000.0, 2000.0, 6000.0))
        ]
        tags = [[LAISS, NUCLEAR, "dwarf_nova_outburst"], ["extragalactic"]][k % 10 > 0][: 1 + k % 3]
        said = {"anomaly_score": 1 - k / n} if k % 10 == 0 else {}
        found.append(
            make_locus(
                f"ANT2026{k:06d}",
                day - 0.2 - k * 1e-5,
                **place,
                lsst=[str(number)],
                tags=tags if k else [*tags, NASTY],
                alerts=alerts,
                num_alerts=3,
                newest_alert_magnitude=20.1,
                **said,
            )
        )
    return found


@pytest.fixture(scope="module")
def service() -> Iterator[Antares]:
    one = Antares()
    one.start()
    yield one
    one.stop()


def project(folder: Path, service: Antares) -> Path:
    """Write the config of the project as `small.yaml`, but for where ANTARES is."""
    text = (ROOT / "configs" / "rubin_anomalies.yaml").read_text()
    network = "{rate: 500, burst: 500, max_wait: 0.1 s}"
    text = text.replace("project: rubin-anomalies", "project: small")
    text = text.replace(
        "    survey: lsst ", f"    url: {service.url}/v2\n    network: {network}\n    survey: lsst "
    )
    (folder / "small.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, service: Antares) -> Path:
    """Three days: 200 loci, nothing, and one that has risen."""
    where = project(tmp_path_factory.mktemp("anomalies"), service)
    service.made = made(200, DAY + 0.2)
    run_once(where, NOW[0])
    service.made = []
    run_once(where, NOW[1])
    (locus,) = made(1, DAY + 2.2)
    locus["locus"]["tags"] = [LAISS, "nova_test"]
    service.made = [locus]
    run_once(where, NOW[2])
    return where


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    with serving(folder, NOW[2]) as found:
        yield found


def test_the_days_are_told_as_json(served: Served):
    """The six best of the first; kept on the empty one; the one that has risen on the third."""
    assert served.get("/api/v1/snapshots").json() == {"days": ["2026-11-24", "2026-11-22"]}
    first, second, third = (served.get(f"/api/v1/snapshots/2026-11-2{k}").json() for k in (2, 3, 4))
    assert [len(one["candidates"]) for one in (first, second, third)] == [6, 6, 1]
    assert second["candidates"] == first["candidates"]
    assert (second["kept"], second["of"]) == (True, "2026-11-22")
    scores = [one["score"] for one in first["candidates"]]
    assert scores == sorted(scores, reverse=True)
    (card,) = third["candidates"]
    assert card["score"] > 80
    assert card["candidate_id"] == "170000000000000001"
    assert "1.95 mag" in card["summary"]


def test_the_page_shows_cards_and_an_archive(served: Served):
    """Position, links, light curve, parts of the score, summary; other people's words escaped."""
    page = served.get("/snapshot?day=2026-11-22").text
    assert page.count('<article class="card"') == 6
    assert page.count("<svg") >= 3, "the others have theirs fetched in the next poll"
    assert "www.legacysurvey.org" in page
    assert NASTY not in page
    assert re.search(r"tags</?[^>]*>.*?\+\d+", page, re.DOTALL)
    assert 'href="/snapshot?day=2026-11-24"' in page
    assert 'aria-current="page">Best of the day' in page
    kept = served.get("/snapshot?day=2026-11-23").text
    assert "what 2026-11-22 brought is kept" in kept
    assert served.get("/snapshot?day=2026-11-01").text.count('class="card"') == 0
    served.get("/snapshot?day=never", 404)
    assert "no date" in served.get("/api/v1/snapshots/x%00y", 404).json()["error"]


@pytest.mark.proof
def test_the_page_is_written_as_files(folder: Path, tmp_path: Path):
    case = load(folder / "small.yaml", need_secrets=False)
    moment = Time(NOW[2], scale="utc")
    export.write(make(case, folder / "outputs", lambda: moment), tmp_path)
    page = (tmp_path / "snapshot.html").read_text()
    assert 'href="snapshot-2026-11-22.html"' in page
    assert (tmp_path / "snapshot-2026-11-22.html").read_text().count('class="card"') == 6
    assert (tmp_path / "api" / "snapshots" / "2026-11-24.json").exists()


def test_a_thousand_loci_are_polled_scored_and_shown(tmp_path: Path, service: Antares):
    """Goal: 5 s on a machine of its own, see the line that this prints with -s."""
    where = project(tmp_path, service)
    service.made = made(1000, DAY + 0.2)
    start, cpu = time.monotonic(), time.process_time()
    run_once(where, NOW[0])
    ran, spent = time.monotonic() - start, time.process_time() - cpu
    with serving(where, NOW[0]) as found:
        begun, cpu = time.monotonic(), time.process_time()
        found.get("/snapshot")
        shown, drawn = time.monotonic() - begun, time.process_time() - cpu
    told = f"polled, scored, stored in {ran:.1f} s (CPU {spent:.1f} s)"
    print(f"\n1000 loci: {told}; page in {shown:.2f} s (CPU {drawn:.2f} s)")
    with Store(f"sqlite:///{where}/outputs/small/store.sqlite") as store:
        assert len(store.candidates(DAY + 1.0)) == 1000
    assert ran + shown < 60.0
    assert threading.active_count() < 50
