"""The page in a real browser: every width, every theme, keys alone, and names that attack."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.page.conftest import HOSTILE, Served, serving

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.proof,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium (Debian: apt install chromium)"),
]

PAGES = (
    "/?list=la_palma_not",
    "/?list=science",
    "/candidate?id=bright",
    "/candidate?id=too_faint",
    "/triage",
    "/candidate?id=bright&period=0.53",
    "/plan",
    "/why?id=too_faint",
    "/sources",
    "/config",
    "/marks",
    "/ledger",
    "/replays",
    "/past?list=la_palma_not",
    "/plan?close=la_silla_dk154",
    "/api",
)
WIDTHS, THEMES = (360, 768, 1440), ("light", "dark", "red")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=["--no-sandbox"]
        )
        yield found
        found.close()


@contextmanager
def opened(browser: Any, served: Served, *, theme: str = "", **options: Any) -> Iterator[Any]:
    """Open a tab; whatever it asks elsewhere, or complains about, is an error at the end."""
    context = browser.new_context(base_url=served.url, **options)
    if theme:
        context.add_init_script(f"localStorage.setItem('aas2rto-theme', '{theme}')")
    page, wrong = context.new_page(), []

    def asked(request: Any) -> None:
        if not request.url.startswith((f"{served.url}/", "data:,")):
            wrong.append(f"asked {request.url}")

    page.on("request", asked)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("console", lambda m: wrong.append(m.text) if m.type in {"error", "warning"} else None)
    page.set_default_timeout(30_000)
    try:
        yield page
    finally:
        context.close()
    assert wrong == []


def axe() -> str:
    package = pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    return next(Path(package.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_and_can_be_read(
    browser: Any, reading: Served, width: int, theme: str
) -> None:
    """No scrolling sideways, nothing from elsewhere, no violation of WCAG 2.2 AA by axe."""
    checker = axe()
    with opened(
        browser, reading, theme=theme, viewport={"width": width, "height": 800}, bypass_csp=True
    ) as page:
        for path in PAGES:
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            page.evaluate(checker)
            run = "tags => axe.run({runOnly: {type: 'tag', values: tags}})"
            found = page.evaluate(run, TAGS)["violations"]
            told = [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
            assert told == [], path


def test_the_policy_of_the_page_is_kept(browser: Any, reading: Served) -> None:
    """With it in force, no page breaks it: a breach would be an error in the console."""
    with opened(browser, reading) as page:
        for path in PAGES:
            page.goto(path)
            page.wait_for_load_state("load")


def test_red_is_red(browser: Any, reading: Served) -> None:
    """No green and no blue on the whole screen."""
    import io

    import numpy as np
    from PIL import Image

    size = {"width": 768, "height": 1200}
    with opened(browser, reading, theme="red", viewport=size) as page:
        for path in PAGES:
            page.goto(path)
            image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            assert int(np.asarray(image)[..., 1:].max()) <= 8, path


def test_the_system_decides_about_the_dark(browser: Any, reading: Served) -> None:
    """Until somebody chooses, and then the choice stays."""
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    with opened(browser, reading, color_scheme="dark") as page:
        page.goto("/")
        dark = page.evaluate(ground)
        page.click("button[data-theme-to=light]")
        light = page.evaluate(ground)
        page.goto("/plan")
        assert page.evaluate(ground) == light == "rgb(255, 255, 255)"
        assert dark != light


def test_a_night_by_keys_alone(browser: Any, served: Served) -> None:
    """Next, pin, undo, comment, search, open, observed: without a mouse."""
    with opened(browser, served) as page:
        page.goto("/?list=la_palma_not")
        chosen = "document.querySelector('.row[aria-current]')?.dataset.id"
        for key, expected in (("j", "bright"), ("j", "fainter"), ("j", "fainter"), ("k", "bright")):
            page.keyboard.press(key)
            assert page.evaluate(chosen) == expected
        page.keyboard.press("j")
        page.keyboard.press("p")
        page.wait_for_selector("text=fainter: pinned by")
        page.wait_for_selector("li.row:first-of-type[data-id=fainter]")
        assert page.evaluate(chosen) == "fainter"
        page.keyboard.press("u")
        page.wait_for_selector("text=pin is taken back")
        page.wait_for_selector("li.row:first-of-type[data-id=bright]")
        page.keyboard.press("c")
        page.keyboard.type("jkx near a star?")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=comment by")
        page.keyboard.press("?")
        assert page.is_visible("#keys")
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.keyboard.type("bright")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=bright**")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/candidate?id=bright")
        page.wait_for_selector("text=Nothing keeps it out")
        page.keyboard.press("o")
        page.wait_for_selector("text=bright: observed")
    rows = served.get("/api/v1/marks").json()["rows"]
    assert [(row["kind"], row["candidate_id"]) for row in rows] == [
        ("observed", "bright"),
        ("comment", "fainter"),
        ("pin", "fainter"),
        ("pin", "fainter"),
    ]
    assert rows[1]["comment"] == "jkx near a star?"


def test_what_has_the_focus_is_seen(browser: Any, reading: Served) -> None:
    """Every stop of the Tab key has an outline, and the first leads past the head."""
    with opened(browser, reading) as page:
        page.goto("/?list=la_palma_not")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        for _ in range(40):
            page.keyboard.press("Tab")
            outline = page.evaluate(
                "(() => { const at = document.activeElement;"
                " return at === document.body || getComputedStyle(at).outlineStyle })()"
            )
            assert outline in {True, "solid"}


def test_it_updates_itself(browser: Any, served: Served) -> None:
    """What somebody else says, or a new cycle, is shown without loading the page anew."""
    served.planned()
    with opened(browser, served) as page:
        page.goto("/?list=science")
        page.goto("/?list=science")  # the second visit: what has changed since the first is marked
        page.evaluate("window.here = true")
        new = {"candidate_id": "bright", "kind": "veto", "by": "Robot"}
        assert served.client.post("/api/v1/marks", json=new).status_code == 201
        page.wait_for_selector("li.row[data-id=bright]", state="detached")
        assert page.evaluate("window.here") is True
        page.wait_for_selector("li.row[data-id=fainter] >> text=up 1")


def test_it_works_without_scripts(browser: Any, served: Served) -> None:
    """Buttons are forms: mark, and take back."""
    with opened(browser, served, java_script_enabled=False) as page:
        page.goto("/?list=la_palma_not")
        page.click("li.row[data-id=bright] button[value=observed]")
        page.wait_for_selector("text=bright: observed at la_palma_not by")
        served.night(lambda night: night.seen.mark == 1)
        page.click(".said button")
        page.wait_for_selector("text=observed is taken back")
        served.night(lambda night: night.seen.mark == 2)
        page.goto("/?list=la_palma_not")
        assert page.locator("li.row").count() == 2


def test_hostile_names_do_nothing(browser: Any, hostile: Path) -> None:
    """No script runs, nothing is asked elsewhere, and no page grows sideways."""
    with serving(hostile) as served:
        served.planned()
        for theme, width in (("light", 360), ("red", 1440)):
            size = {"width": width, "height": 800}
            with opened(browser, served, theme=theme, viewport=size) as page:
                paths = ["/?list=science", "/?list=la_palma_not", "/plan"]
                for name in HOSTILE.values():
                    paths += [f"/{at}?{urlencode({'id': name})}" for at in ("candidate", "why")]
                for path in paths:
                    page.goto(path)
                    wide = page.evaluate("document.documentElement.scrollWidth")
                    assert wide <= width, path[:100]
                page.goto("/?list=science")
                page.keyboard.press("j")
                page.keyboard.press("c")
                page.keyboard.type("<script>alert(2)</script>")
                page.keyboard.press("Enter")
                page.wait_for_selector("text=comment by")


MINUTES = float(os.environ.get("PROOF_MINUTES", "10"))
"""So long a loop writes while three browsers read."""

LOOP = """
import sys, time
from pathlib import Path
from astropy.time import Time
from tests.page.conftest import run_once
start = Time("2026-03-20T22:00:00").mjd
end = time.monotonic() + 60 * float(sys.argv[2])
n = 0
while time.monotonic() < end:
    n += 1
    run_once(Path(sys.argv[1]), Time(start + n / 86400, format="mjd").isot)
    time.sleep(1)
"""


@pytest.mark.skipif("PROOF_MINUTES" not in os.environ, reason="ten minutes: PROOF_MINUTES=10")
def test_a_loop_writes_while_three_browsers_read(browser: Any, served: Served) -> None:
    """Each tab follows by itself, none complains, every cycle is stored, and nothing swells."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", LOOP, str(served.folder), str(MINUTES)]
    loop = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL)
    served.planned()
    with ExitStack() as held:
        tabs = [held.enter_context(opened(browser, served)) for _ in range(3)]
        for tab, path in zip(
            tabs, ("/?list=science", "/candidate?id=bright", "/plan"), strict=True
        ):
            tab.goto(path)
        first, steps = [tab.evaluate("document.body.dataset.edition") for tab in tabs], 0
        while loop.poll() is None:
            for tab in tabs:
                tab.wait_for_timeout(300)
                assert tab.query_selector("footer") is not None
            tabs[0].goto(("/?list=science", "/ledger", "/past", "/?list=la_palma_not")[steps % 4])
            steps += 1
        assert loop.returncode == 0
        footers = [tab.inner_text("footer") for tab in tabs]
        nodes = [tab.evaluate("document.querySelectorAll('*').length") for tab in tabs]
    assert first
    assert all("newest cycle 2026-03-20 22:" in one for one in footers)
    assert max(nodes) < 2000
    answer = served.client.get("/api/v1/cycles?per_page=500")
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] >= 1
