"""What surveys announce to observe tonight, kept in a folder for the factor `covered_tonight`.

ZTF publishes one file a night (public surveys alone), Rubin answers questions; both use the columns
of IVOA ObsLocTAP 1.0, and neither needs an account.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from aas2rto.errors import InputError, SourceError
from aas2rto.parts.path_setting import OwnFolder
from aas2rto.sky.schedules.folder import RUBIN_FILE, ztf_file
from aas2rto.sky.schedules.pointings import NUMBERS, TEXTS, read, wrapped
from aas2rto.sources import source
from aas2rto.sources.poll_result import DEADLINE_SHARE, Harvest
from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.tables.report import PollRequest, Report, failed, is_older
from aas2rto.text.words import counted
from aas2rto.units import Hour

NAME = "schedules"

ZTF_URL = "http://schedule.ztf.uw.edu"
"""ZwickyTransientFacility/schedule_reporting_service, docs/index.md."""

RUBIN_URL = "https://usdf-rsp.slac.stanford.edu/obsloctap"

COLUMNS = ",".join(one for one in (*NUMBERS, *TEXTS))
"""Those of Rubin's that are read; a name that it does not know is answered with 400
(lsst-dm/obsloctap, handlers/external.py)."""

LOOK_BACK = 1.0 / 48.0
"""[d] Rubin's service selects by ``t_planning``, which differs from ``t_min`` by 10 min and more
(db.py, get_schedule; tests/fixtures)."""

AHEAD_H = 36
"""[h] 1 to 48 are allowed. ``start=tonight`` is not asked for: during a night it means the next
one (handlers/external.py, _get_twilight_start)."""

KEPT = 14
"""Files of ZTF's that are kept."""

SERVICES: tuple[Literal["ztf", "rubin"], ...] = ("ztf", "rubin")


@source(NAME)
class Schedules:
    """Nightly schedules of ZTF and Rubin, as files in a folder; they bring no candidates.

    Parameters
    ----------
    folder : str
        Where the factor `covered_tonight` looks for them.
    services : tuple of str
        ``ztf``, ``rubin``.
    refresh : float
        Each is asked again after so long [hour]; ZTF's file, which does not change, when it is not
        there.
    ztf_url, rubin_url : str
        Other addresses, such as those of a test server.
    network : Policy
        Timeouts and tries.
    """

    asks_by_object = False

    def __init__(
        self,
        *,
        folder: OwnFolder = "schedules",
        services: tuple[Literal["ztf", "rubin"], ...] = SERVICES,
        refresh: Annotated[Hour, Field(gt=0, le=48)] = 1.0,
        ztf_url: str = ZTF_URL,
        rubin_url: str = RUBIN_URL,
        network: Policy | None = None,
    ) -> None:
        if not services:
            raise ValueError("services: name at least one of ztf, rubin")
        self.folder = Path(folder).expanduser()
        self.refresh = refresh
        urls = {"ztf": ztf_url, "rubin": rubin_url}
        self._clients = {
            name: Client(f"schedule of {name}", urls[name], policy=network) for name in services
        }

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def probe(self) -> str:
        """Ask whether each service answers.

        Raises
        ------
        HttpError
            If one does not.
        """
        told = []
        try:
            for name, client in self._clients.items():
                until = client.deadline(client.policy.read)
                if name == "rubin":
                    question = {"start": "now", "time": "24", "columns": "s_ra"}
                    rows = client.get("schedule", until=until, params=question).records()
                    told.append(f"rubin announces {counted(len(rows), 'exposure')}")
                else:
                    self._knock(client, until)
                    told.append("ztf answers")
        finally:
            self.close()
        return "; ".join(told)

    @staticmethod
    def _knock(client: Client, until: Deadline) -> None:
        try:
            client.get("", until=until)
        except HttpError as error:
            # It serves files; whether it lists them is its own affair.
            if error.status not in {403, 404}:
                raise

    def poll(self, request: PollRequest) -> Report:
        """Ask each service whose schedule is old; what comes lies in the folder afterwards."""
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            return failed(
                NAME,
                f"the folder {self.folder} cannot be used ({error.strerror}); make it, or correct "
                "'folder' in the config",
            )
        harvest = Harvest(NAME, request)
        asked: dict[str, float] = harvest.cursor.setdefault("asked", {})
        if request.reacting:
            return harvest.report()
        for name, client in self._clients.items():
            path = self._path(name, request.now)
            if not self._is_due(name, path, asked.get(name), request.now):
                continue
            until = client.deadline(DEADLINE_SHARE * request.deadline / len(self._clients))
            if harvest.part(functools.partial(self._fetch, client, path, request.now, until)):
                asked[name] = request.now
        self.close()
        self._prune()
        return harvest.report()

    def _is_due(self, name: str, path: Path, asked: float | None, now: float) -> bool:
        """Tell whether to ask: ZTF's file of a night, once it is there, does not change."""
        if path.exists() and name == "ztf":
            return False
        is_old = is_older(asked, now, self.refresh / 24.0)
        return is_old or (name == "rubin" and not path.exists())

    def _path(self, name: str, now: float) -> Path:
        return self.folder / (ztf_file(now) if name == "ztf" else RUBIN_FILE)

    def _fetch(self, client: Client, path: Path, now: float, until: Deadline) -> bool:
        """Fetch one schedule; True unless it raises. A night without a file is no error."""
        is_rubin = path.name == RUBIN_FILE
        question: Mapping[str, Any] | None = None
        if is_rubin:
            question = {
                "start": f"{now - LOOK_BACK:.5f}",
                "time": str(AHEAD_H),
                "RESPONSEFORMAT": "json",
                "columns": COLUMNS,
            }
        try:
            told = client.get("schedule" if is_rubin else path.name, until=until, params=question)
        except HttpError as error:
            if error.cause is Cause.NOT_FOUND and not is_rubin:
                return True
            raise
        answer = told.records() if is_rubin else told.json()
        text = wrapped(answer, now)
        try:
            plan = read(text.encode())
        except InputError as error:
            raise told.unreadable(f"what is no schedule: it {error}") from error
        if plan.problems and not len(plan):
            raise told.unreadable(f"with a schedule of which {plan.problems[0]}")
        draft = path.with_name(f".{path.name}.tmp")
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            raise SourceError(f"{path} cannot be written ({error.strerror})") from error
        return True

    def _prune(self) -> None:
        for path in sorted(self.folder.glob("ZTF_ObsLoc_*.json"))[:-KEPT]:
            path.unlink(missing_ok=True)
