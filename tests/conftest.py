"""What every test stands on: no network, no home folder, and small builders of tables."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from aas2rto.config.load import load
from aas2rto.steps.build import build
from aas2rto.steps.cycle import Parts
from aas2rto.store import Store
from aas2rto.tables import candidates as candidate_table
from aas2rto.tables import photometry as phot
from aas2rto.tables import summary
from aas2rto.tables.report import FACT_COLUMNS, FACTS, Outcome, Report, fact_table, split
from tests import postgres, shared

# Machines differ in speed, and the same commit must give the same result: no deadlines, and
# the same examples every time. `--hypothesis-profile=explore` looks farther.
settings.register_profile("repeatable", deadline=None, max_examples=25, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("repeatable")

MJD = 61000.0
"""The `now` of most tests [d, UTC]."""

LATE = 70000.0
"""A time at which all that a test tells a store is known [d, UTC]."""
OWN_VARIABLES = frozenset({"AAS2RTO_KILLS", shared.VARIABLE})
"""Variables of the suite itself: how often tests kill what they start, and where real data lie."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "", "0.0.0.0"})


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a home of its own, before anything reads the developer's."""
    home = tempfile.TemporaryDirectory(prefix="aas2rto-tests-")
    config.add_cleanup(home.cleanup)
    for name in [name for name in os.environ if name.startswith(("AAS2RTO_", "XDG_"))]:
        if name not in OWN_VARIABLES:
            del os.environ[name]
    os.environ["HOME"] = home.name
    if shared.VARIABLE in os.environ:
        if not shared.SHARED.is_dir():
            # Whoever names the folder wants these tests to run.
            raise pytest.UsageError(f"{shared.VARIABLE}: there is no folder {shared.SHARED}")
        os.environ[shared.VARIABLE] = str(shared.SHARED)  # for processes with other folders


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of real data where there is none."""
    why = shared.absence(shared.PAYLOADS)
    for item in items if why else ():
        if item.get_closest_marker("real_data") is not None:
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line that tests of real data did not run, so that nobody takes green for all."""
    reports = terminalreporter.stats.get("skipped", [])
    skipped = sum("real_data" in report.keywords for report in reports)
    if skipped:
        terminalreporter.write_line(shared.told(skipped), yellow=True)


def _refuse(host: object) -> None:
    if isinstance(host, bytes):
        host = host.decode()
    if host is not None and host not in LOOPBACK:
        raise AssertionError(f"a test wanted to talk to {host!r}; only this machine may be asked")


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection and every look-up of a name but this machine's own."""
    patch = pytest.MonkeyPatch()
    look_up = socket.getaddrinfo
    methods = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}

    def guarded(name: str) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX:
                _refuse(address[0])
            return methods[name](self, address)

        return call

    def guarded_look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        _refuse(host)
        return look_up(host, *arguments, **options)

    for name in methods:
        patch.setattr(socket.socket, name, guarded(name))
    patch.setattr(socket, "getaddrinfo", guarded_look_up)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def astropy_offline() -> Iterator[None]:
    """Let astropy use the Earth-rotation tables it came with."""
    from astropy.utils import iers

    with (
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
    ):
        yield


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one empty store, to be copied: its migrations take longer than most tests."""
    path = tmp_path_factory.mktemp("store") / "empty.sqlite"
    Store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def store(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return an empty store of one's own."""
    path = tmp_path_factory.mktemp("store") / "store.sqlite"
    shutil.copyfile(empty_store, path)
    with Store(f"sqlite:///{path}") as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    """Start a PostgreSQL server; skip, with the reason, where there can be none."""
    if reason := postgres.why_not():
        pytest.skip(reason)
    with postgres.server(tmp_path_factory.mktemp("postgres")) as running:
        Store(running.database("template0")).close()
        running.order("ALTER DATABASE template0_0 RENAME TO empty")
        yield running


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> str:
    """Return the URL of an empty store of one's own on PostgreSQL."""
    return postgres_server.database("empty")


# -- builders ---------------------------------------------------------------------------------


def make_photometry(
    candidate_id: str | Sequence[str] = "a",
    mjd: float | Sequence[float] = MJD - 1.0,
    mag: Any = 18.0,
    **columns: Any,
) -> pd.DataFrame:
    """Return a photometry table of detections, each 20 sigma unless `columns` says otherwise.

    Scalars hold for all rows; `flux` wins over `mag`; rows without `measurement_id` are numbered.
    """
    given = {"candidate_id": candidate_id, "mjd": mjd, "mag": mag, **columns}
    n = max([np.size(value) for value in given.values() if not isinstance(value, str)], default=1)
    table = pd.DataFrame(
        {
            name: [value] * n if isinstance(value, str) else np.broadcast_to(np.asarray(value), n)
            for name, value in given.items()
        }
    )
    flux = columns.get("flux", phot.flux_from_mag(table["mag"].to_numpy(float)))
    defaults: dict[str, Any] = {
        "flux": flux,
        "flux_err": np.abs(np.asarray(flux, float)) / 20,
        "band": "ztfg",
        "kind": phot.DETECTION,
        "survey": "ztf",
        "source": "test",
        "measurement_id": [f"m{number}" for number in range(n)],
        "known_at": table["mjd"],
    }
    for name, value in defaults.items():
        if name not in columns:
            table[name] = value
    return phot.conform(table)


def make_candidates(
    candidate_id: str | Sequence[str] = "a",
    photometry: pd.DataFrame | None = None,
    **columns: Any,
) -> pd.DataFrame:
    """Return the candidate table that factors read: stored columns, then the summary."""
    ids = [candidate_id] if isinstance(candidate_id, str) else list(candidate_id)
    n = len(ids)
    stored = {
        name: [np.nan if dtype == "float64" else False if dtype == "bool" else ""] * n
        for name, dtype in candidate_table.COLUMNS.items()
    }
    stored |= {
        "candidate_id": ids,
        "ra": np.full(n, 150.0),
        "dec": np.full(n, 10.0),
        "base_score": np.ones(n),
        "state": [candidate_table.ACTIVE] * n,
    }
    table = pd.DataFrame(stored)
    table["too"] = table["too"].astype(bool)
    light_curves = phot.empty() if photometry is None else photometry
    light_curves = light_curves.sort_values(["candidate_id", "mjd"], kind="stable")
    table = pd.concat([table, summary.summarise(light_curves, table["candidate_id"])], axis=1)
    return table.assign(**columns)


def make_objects(
    object_id: str | Sequence[str] = "ZTF26a",
    ra: Any = 150.0,
    dec: Any = 10.0,
    *,
    survey: str = "ztf",
    known_at: Any = MJD - 1.0,
    **columns: Any,
) -> pd.DataFrame:
    """Return objects with what is known of them, see `aas2rto.tables.report.split`."""
    ids = [object_id] if isinstance(object_id, str) else list(object_id)
    return pd.DataFrame({"object_id": ids}).assign(
        survey=survey, ra=ra, dec=dec, known_at=known_at, **columns
    )


def make_facts(object_id: str, *, known_at: float = MJD - 1.0, **facts: Any) -> pd.DataFrame:
    """Return what a source says about one object, one row per fact; None takes back."""
    return fact_table((object_id, key, value, known_at, "") for key, value in facts.items())


def told(report: Any) -> pd.DataFrame:
    """Return the objects of a report with the newest of the facts of each, by key."""
    facts = report.facts.sort_values("known_at", kind="stable")
    last = facts.drop_duplicates(["object_id", "key"], keep="last").set_index("object_id")
    wide = report.objects.copy()
    for key, dtype in FACTS.items():
        values = wide["object_id"].map(last.loc[last["key"] == key, "value"])
        blank = {"str": "", "float64": np.nan, "bool": False}[dtype]
        wide[key] = values.astype(object).where(values.notna(), blank).astype(dtype)
    origin = wide["object_id"].map(last.loc[last["key"] == "redshift", "origin"])
    return wide.assign(redshift_source=origin.astype(object).where(origin.notna(), ""))


def make_report(
    objects: pd.DataFrame | None = None,
    photometry: pd.DataFrame | None = None,
    *,
    source: str = "test",
    **columns: Any,
) -> Report:
    """Return a report with data; what `objects` say beside who and where they are is facts."""
    rows, told = split(() if objects is None else objects.to_dict("records"))
    facts = columns.pop("facts", pd.DataFrame(columns=list(FACT_COLUMNS)))
    return Report(
        source,
        columns.pop("outcome", Outcome.DATA),
        objects=rows,
        photometry=phot.empty() if photometry is None else photometry,
        facts=pd.concat([told, facts], ignore_index=True) if len(told) else facts,
        **columns,
    )


CASE = """\
project: small
score:
  factors:
    - magnitude: {zero_point: 18.5 mag, faint_limit: 19 mag}
    - detections: {min: 4}
observatories: [la_palma_not, la_silla_dk154]
visibility: {factor: altitude_integral, min_altitude: 30 deg}
figures: {top: 0}
"""
"""A science case without sources, models and messages."""

NIGHT = 61119.916666667
"""22:00 UTC on 2026-03-20, when La Palma and La Silla see RA 10 h [d, MJD]."""


def make_case(folder: Path, text: str = CASE) -> Parts:
    """Return a science case made ready to run, from the text of its config."""
    path = folder / "case.yaml"
    path.write_text(text)
    return build(load(path), with_sources=False)


def make_light_curve(
    name: str,
    mags: Sequence[float],
    *,
    ra: float = 150.0,
    dec: float = 10.0,
    last: float = NIGHT - 0.5,
    **facts: Any,
) -> Report:
    """Return a report of a candidate seen in g and r every other night, the last `mags` newest."""
    n = len(mags)
    mjd = np.repeat(last - 2.0 * np.arange(n)[::-1], 2) - np.tile([0.02, 0.0], n)
    points = make_photometry(
        name, mjd=mjd, mag=np.repeat(mags, 2), band=np.tile(["ztfr", "ztfg"], n)
    )
    return make_report(make_objects(name, ra=ra, dec=dec, known_at=mjd[0], **facts), points)
