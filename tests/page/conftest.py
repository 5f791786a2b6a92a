"""Builders of the tests of the page: a project that has run, and a server on a free port."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from astropy.time import Time

pytest.importorskip("fastapi", reason="the page needs FastAPI (pip install 'aas2rto[web]')")

from aas2rto.cli import main
from aas2rto.cli.serve import make
from aas2rto.config.load import load
from aas2rto.page.night import Night
from aas2rto.page.server import bound, server_of
from aas2rto.page.site import Site
from aas2rto.store import Store
from tests.cli.conftest import (  # noqa: F401  a fixture
    CONFIG,
    NOW,
    NOW_MJD,
    aas2rto,
    light_curve,
)
from tests.conftest import make_facts, make_light_curve

WAIT = 60.0
"""For a judgement of a few candidates on a busy machine [s]."""

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "template": "{{ 7 * 7 }}{% include 'x' %}",
    "turned": "SN\u202e2026abc\u2066x\u200b",
    "path": "../../etc/passwd",
    "address": "a b/c?d=e&f#g%2Fh",
    "formula": '=HYPERLINK("http://x")',
    "long": "L" + "o" * 10_000 + "ng",
    "zalgo": "Z" + "\u0300" * 500,
}
"""Names that nobody should have, and services do send."""


def run_once(folder: Path, now: str = NOW) -> None:
    """Run a cycle of the project in a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with pytest.raises(SystemExit) as ended:
            main(["run", "small.yaml", "--once", "--now", now])
        assert ended.value.code == 0
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project that has run once: `bright` and `fainter` are ranked, three are not."""
    folder = tmp_path_factory.mktemp("project")
    rows = [
        *light_curve("bright", 150.0, 10.0, [18.5, 18.0, 17.5, 17.0]),
        *light_curve("fainter", 165.0, -5.0, [19.0, 18.6, 18.4, 18.2]),
        *light_curve("too_faint", 170.0, 0.0, [21.0, 20.5, 20.2, 20.0]),
        *light_curve("declining", 155.0, 5.0, [16.0, 16.5, 17.0, 17.5]),
        *light_curve("old", 160.0, 5.0, [18.0 + 0.1 * n for n in range(20)][::-1]),
    ]
    head = "candidate_id,ra,dec,mjd,band,mag,magerr"
    (folder / "night.csv").write_text("\n".join([head, *rows]) + "\n")
    (folder / "small.yaml").write_text(CONFIG)
    (folder / "too").mkdir()
    run_once(folder)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """Return a copy of the project that has run once."""
    folder = tmp_path / "project"
    shutil.copytree(made, folder)
    return folder


@pytest.fixture
def hostile(made: Path, tmp_path: Path) -> Path:
    """Return a project whose candidates have hostile ids and names."""
    folder = tmp_path / "hostile"
    shutil.copytree(made, folder)
    with Store(f"sqlite:///{folder}/outputs/small/store.sqlite") as store:
        for number, name in enumerate(HOSTILE.values()):
            report = make_light_curve(
                name,
                [18.5, 18.0, 17.5, 17.0],
                ra=152.0 + number,
                last=NOW_MJD - 0.4,
            )
            said = {"name": f"{name} called", "spectral_type": name, "comment": name}
            facts = make_facts(name, known_at=NOW_MJD - 1.0, **said)
            store.ingest(replace(report, facts=facts), NOW_MJD)
    run_once(folder)
    return folder


@dataclass
class Served:
    """A server that runs, and a client that keeps its cookies."""

    site: Site
    client: httpx.Client
    folder: Path

    @property
    def url(self) -> str:
        return str(self.client.base_url).rstrip("/")

    def night(self, good: Callable[[Night], bool] = lambda _: True) -> Night:
        """Wait for a night that is good."""
        found = self.site.watch.wait_for(lambda one: one is not None and good(one), WAIT)
        assert found is not None, self.site.watch.trouble
        assert good(found)
        return found

    def planned(self) -> Night:
        return self.night(lambda one: one.planned == one.serial)

    def get(self, path: str, status: int = 200, **options: Any) -> httpx.Response:
        answer = self.client.get(path, **options)
        assert answer.status_code == status, answer.text[:500]
        return answer

    def form(self, path: str = "/") -> str:
        """Return what the forms of a page carry."""
        text = self.get(path).text
        start = text.index('name="csrf" value="') + len('name="csrf" value="')
        return text[start : text.index('"', start)]

    def mark(self, candidate: str, kind: str, **more: str) -> httpx.Response:
        """Post the form of a page."""
        fields = {"csrf": self.form(), "id": candidate, "kind": kind, "back": "/", **more}
        return self.client.post("/mark", data=fields)


@contextmanager
def serving(
    folder: Path, now: str | None = NOW, *, rates: dict[str, Any] | None = None, **options: Any
) -> Iterator[Served]:
    """Serve a project on a free port."""
    case = load(folder / "small.yaml", need_secrets=False)
    fixed = Time(NOW if now is None else now, scale="utc")
    site = make(case, folder / "outputs", lambda: fixed, **options)
    server = server_of(site, **(rates or {}))
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            deadline = time.monotonic() + WAIT
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.02)
            base = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=base, timeout=WAIT) as client:
                served = Served(site, client, folder)
                served.night()
                yield served
        finally:
            server.should_exit = True
            thread.join(WAIT)
            assert not thread.is_alive()


@pytest.fixture
def served(project: Path) -> Iterator[Served]:
    """Serve the small project."""
    with serving(project) as found:
        yield found


@pytest.fixture(scope="module")
def reading(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a copy that no test of a module writes to."""
    folder = tmp_path_factory.mktemp("reading") / "project"
    shutil.copytree(made, folder)
    with serving(folder) as found:
        found.planned()
        yield found
