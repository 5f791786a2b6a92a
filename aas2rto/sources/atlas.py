"""ATLAS forced photometry: requests for the best candidates, results when they are ready.

The server works through a queue for minutes to hours, so that a poll never waits: it asks what
has become of earlier requests, fetches what is finished, and requests what is missing. All that
must outlive a restart (open tasks, finished ones still to be deleted) is in the cursor. A task is
deleted in the poll after its result was stored, so that a crash in between loses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import SecretStr

from aas2rto.errors import SourceError
from aas2rto.parts.web_address import WebAddress
from aas2rto.sources import atlas_photometry, source
from aas2rto.sources.poll_result import DEADLINE_SHARE, Harvest
from aas2rto.sources.transport.answer import Answer, Cause, HttpError
from aas2rto.sources.transport.http import Client, Policy
from aas2rto.sources.transport.pacing import Deadline
from aas2rto.sources.transport.worklist import MAX_FAILURES, WHOLE_SERVICE
from aas2rto.tables import photometry
from aas2rto.tables.report import PollRequest, Report, is_older
from aas2rto.text.words import one_line
from aas2rto.units import Day, Mag

URL = "https://fallingstar-data.com/forcedphot"

NETWORK = Policy(rate=5.0, burst=10)
"""The server allows 600 reads a minute and user."""

WRITES_PER_SECOND = 50.0 / 60.0
"""The server allows 60 writes a minute and user; a few are left for the user."""

NO_DATA = "no data returned"
"""How a finished task says that the place was never observed: an empty result, no failure."""

QUEUE_FULL = "too many queued tasks"

SETTLED = 0.125
"""Days before `now` at which a visit must have begun: four exposures and their reduction."""

OVERLAP = 1.0
"""Days before the last fetched visit at which the next request begins."""

PAGES = 20
"""Pages of the queue to look through for tasks that were lost: 20 x 100."""


@dataclass(frozen=True)
class Task:
    """A request that the server has taken.

    Parameters
    ----------
    url : str
    candidate_id : str
    ra, dec : float
        [deg].
    begin : float
        MJD from which photometry was asked for; visits cut by it are not used.
    """

    url: str
    candidate_id: str
    ra: float
    dec: float
    begin: float


@source("atlas", wants="best")
class Atlas:
    """Forced photometry of ranked candidates, highest score first.

    Parameters
    ----------
    token : SecretStr
        From the server (``/api-token-auth/``); or give username and password.
    username, password : str and SecretStr
        Of the account, in place of a token.
    project : str
        Marks our tasks in the account's queue; no others are touched. Projects that share an
        account need different ones.
    queue_limit : int
        Tasks in the queue at a time, at most.
    before : float
        Days before the first detection at which the photometry begins.
    refresh : float
        Days after which a candidate's photometry is requested again.
    faintest : float or None
        Candidates whose last detection is fainter than this [mag] are not requested: a stack of
        four exposures reaches about 20 mag. Unknown magnitudes are no reason.
    oldest : float or None
        Candidates without a detection for so many days are not requested.
    limit : str
        ``stacked``, or ``paper`` for the higher limits of A&A 698, A153.
    url : str
        Another address, such as that of a test server.
    network : Policy
        Timeouts, tries and rate.
    """

    def __init__(  # noqa: PLR0913  the settings of a config
        self,
        *,
        token: SecretStr | None = None,
        username: str = "",
        password: SecretStr | None = None,
        project: str = "aas2rto",
        queue_limit: int = 25,
        before: Day = 30.0,
        refresh: Day = 1.0,
        faintest: Mag | None = None,
        oldest: Day | None = None,
        limit: Literal["stacked", "paper"] = "stacked",
        url: WebAddress = URL,
        network: Policy = NETWORK,
    ) -> None:
        if token is None and (not username or password is None):
            raise ValueError("give a token, or username and password (fallingstar-data.com)")
        self.queue_limit = queue_limit
        self.before = before
        self.refresh = refresh
        self.faintest = faintest
        self.oldest = oldest
        self.limit = limit
        self._mark = f"{project}: "
        self._username, self._password = username, password
        secrets = [password] if password is not None else []
        slow = replace(network, rate=min(network.rate, WRITES_PER_SECOND), burst=5)
        if network.rate > NETWORK.rate:  # Only a test server is asked faster than allowed.
            slow = network
        self._reads = Client("atlas", url, policy=network, secrets=secrets)
        self._writes = Client("atlas", url, policy=slow, secrets=secrets)
        if token is not None:
            self._use_token(token)

    def close(self) -> None:
        """Close the connections."""
        self._reads.close()
        self._writes.close()

    def probe(self) -> str:
        """Ask for one page of the queue.

        Raises
        ------
        HttpError
            If the server does not answer, or refuses the account.
        """
        until = self._reads.deadline(self._reads.policy.read)
        try:
            answer = self._authorised(until, lambda: self._page("queue/?pagesize=1", until))
            answer.records("results")
        finally:
            self.close()
        return f"{self._reads.host} answers, and knows the account"

    def poll(self, request: PollRequest) -> Report:
        """Delete what is stored, fetch what is finished, request what is missing."""
        harvest = Harvest("atlas", request)
        until = self._reads.deadline(DEADLINE_SHARE * request.deadline)
        try:
            self._authorised(until, lambda: self._work(harvest, until))
        except SourceError as error:
            harvest.fail(error)
        finally:
            self.close()
        return harvest.report()

    # -- account ----------------------------------------------------------------------------

    def _use_token(self, token: SecretStr) -> None:
        header = SecretStr(f"Token {token.get_secret_value()}")
        for client in (self._reads, self._writes):
            client.credentials["Authorization"] = header

    def _sign_in(self, until: Deadline) -> None:
        """Get a token for username and password; it stays in memory."""
        password = self._password or SecretStr("")
        form = {"username": self._username, "password": password.get_secret_value()}
        answer = self._writes.post("api-token-auth/", data=form, until=until)
        token = answer.mapping().get("token")
        if not isinstance(token, str):
            raise answer.unreadable("without a token")
        self._use_token(SecretStr(token))

    def _authorised(self, until: Deadline, work: Any) -> Any:
        """Do some work; with a password, sign in first, and again if the token has expired."""
        can_sign_in = self._password is not None
        if can_sign_in and "Authorization" not in self._reads.credentials:
            self._sign_in(until)
            can_sign_in = False
        try:
            return work()
        except HttpError as error:
            if error.cause is not Cause.REFUSED or not can_sign_in:
                raise
        self._sign_in(until)
        return work()

    # -- the queue --------------------------------------------------------------------------

    def _work(self, harvest: Harvest, until: Deadline) -> None:
        cursor = harvest.cursor
        for key, blank in (("tasks", {}), ("fetched", {}), ("delete", [])):
            cursor.setdefault(key, blank)
        if cursor.pop("lost", not cursor["tasks"]):
            self._adopt(harvest, until)
        self._delete(harvest, until)
        failed: HttpError | None = None
        try:
            self._collect(harvest, until)
        except HttpError as error:
            if error.cause in WHOLE_SERVICE or error.cause is Cause.OUT_OF_TIME:
                raise
            failed = error
        self._submit(harvest, until)
        self._forget(harvest)
        if failed is not None:
            raise failed

    def _page(self, path: str, until: Deadline) -> Answer:
        return self._reads.get(path, until=until)

    def _adopt(self, harvest: Harvest, until: Deadline) -> None:
        """Find tasks of ours that the cursor does not know: their answer, or a store, was lost.

        Those of candidates that are not wanted (any more), and second ones, are deleted.
        """
        tasks, delete = harvest.cursor["tasks"], harvest.cursor["delete"]
        known = {*(task["url"] for task in tasks.values()), *delete}
        wanted = set() if harvest.wanted.empty else set(map(str, harvest.wanted["candidate_id"]))
        for found in self._listed(until):
            comment, url = found.get("comment"), found.get("url")
            ours = isinstance(comment, str) and comment.startswith(self._mark)
            if not ours or not isinstance(url, str) or url in known:
                continue
            name = str(comment).removeprefix(self._mark)
            if name in tasks or name not in wanted:
                delete.append(url)
                continue
            task = _task(found, url, name)
            if task is None:
                # Nobody could say of which place its result is; it is requested again.
                harvest.problems.append(
                    f"atlas: the queue's request for {one_line(name, 60)} has no position; it is "
                    "deleted, and made anew"
                )
                delete.append(url)
                continue
            tasks[name] = vars(task)

    def _listed(self, until: Deadline) -> Iterator[dict[str, Any]]:
        """Yield the tasks of the account, page by page."""
        path: Any = "queue/?pagesize=100"
        for _ in range(PAGES):
            answer = self._page(path, until)
            yield from (task for task in answer.records("results") if isinstance(task, dict))
            path = answer.mapping().get("next")
            if not path:
                return

    def _delete(self, harvest: Harvest, until: Deadline) -> None:
        """Delete tasks whose results were stored with the last cursor."""
        waiting: list[str] = harvest.cursor["delete"]
        while waiting and until.left() > 0:
            try:
                self._writes.request("DELETE", waiting[0], until=until)
            except HttpError as error:
                if error.cause is not Cause.NOT_FOUND:  # Gone is gone.
                    raise
            waiting.pop(0)

    # -- results ----------------------------------------------------------------------------

    def _collect(self, harvest: Harvest, until: Deadline) -> None:
        """Look after every open task; one that the server chokes on does not stop the others."""
        tasks = harvest.cursor["tasks"]
        failures: list[HttpError] = []
        for name in list(tasks):
            if until.left() <= 0 or len(failures) >= MAX_FAILURES:
                break
            try:
                self._look_after(Task(**tasks[name]), harvest, until)
            except HttpError as error:
                if error.cause in WHOLE_SERVICE or error.cause is Cause.OUT_OF_TIME:
                    raise
                if error.cause is Cause.NOT_FOUND:
                    # Archived after a month, or its result has expired: it is requested again.
                    harvest.problems.append(f"{error}: the request for {name} is gone")
                    harvest.cursor["lost"] = True
                    del tasks[name]
                else:
                    failures.append(error)
                    tasks[name] = tasks.pop(name)  # Next time, the others come first.
        if failures:
            raise failures[-1]

    def _look_after(self, task: Task, harvest: Harvest, until: Deadline) -> None:
        """Ask how far a task is; fetch its result at once, for it is kept a short time only."""
        answer = self._page(task.url, until)
        state = answer.mapping()
        if "finishtimestamp" not in state:
            raise answer.unreadable("without a finishtimestamp: it is no task")
        if not state["finishtimestamp"]:
            return
        last = math.nan
        message = str(state.get("error_msg") or "")
        if state.get("result_url"):
            last = self._take(task, self._page(str(state["result_url"]), until), harvest)
        elif NO_DATA not in message.lower():
            harvest.problems.append(
                f"atlas: the request for {task.candidate_id} failed: {message or 'no reason'}"
            )
        known = harvest.cursor["fetched"].get(task.candidate_id, [0.0, None])[1]
        last_visit = known if math.isnan(last) else last
        harvest.cursor["fetched"][task.candidate_id] = [harvest.now, last_visit]
        harvest.cursor["delete"].append(task.url)
        del harvest.cursor["tasks"][task.candidate_id]

    def _take(self, task: Task, answer: Answer, harvest: Harvest) -> float:
        """Turn a result into photometry; returns its last exposure [MJD]."""

        def complain(what: str) -> None:
            harvest.problems.append(f"atlas: result for {task.candidate_id}: {what}")

        try:
            exposures = atlas_photometry.read(answer.text(), complain)
        except ValueError as error:
            raise answer.unreadable(f"with no result table: {error}") from error
        exposures = exposures[exposures["MJD"] <= harvest.now]
        # A visit that was cut by the beginning of the request, or goes on, is not used yet.
        begin = task.begin + atlas_photometry.VISIT
        points = atlas_photometry.stack(
            exposures, limit=self.limit, begin=begin, end=harvest.now - SETTLED
        )
        if points.empty:
            return math.nan
        harvest.objects.append(
            {
                "object_id": task.candidate_id,
                "survey": "atlas",
                "ra": task.ra,
                "dec": task.dec,
                "known_at": harvest.now,
            }
        )
        table = points.assign(
            candidate_id=task.candidate_id, survey="atlas", source="atlas", known_at=harvest.now
        )
        harvest.photometry.append(photometry.conform(table))
        harvest.saw(float(points["mjd"].max()))
        return float(points["mjd"].max())

    # -- requests ---------------------------------------------------------------------------

    def _submit(self, harvest: Harvest, until: Deadline) -> None:
        tasks = harvest.cursor["tasks"]
        for row in self._eligible(harvest):
            if len(tasks) >= self.queue_limit or until.left() <= 0:
                return
            form, name = self._form(row, harvest), str(row["candidate_id"])
            try:
                answer = self._writes.post("queue/", data=form, until=until, repeat=False)
                url = answer.mapping().get("url")
                if not isinstance(url, str):
                    raise answer.unreadable("without the url of a task")
            except HttpError as error:
                if QUEUE_FULL in str(error):
                    harvest.problems.append(f"{error}; requests go on when tasks have finished")
                    return
                if error.cause is Cause.REJECTED:
                    # It concerns this request alone, and would be refused again in each cycle.
                    harvest.problems.append(f"{error}: no request for {name}")
                    known = harvest.cursor["fetched"].get(name, [0.0, None])[1]
                    harvest.cursor["fetched"][name] = [harvest.now, known]
                    continue
                # The server may have taken the request though its answer was lost.
                harvest.cursor["lost"] = True
                raise
            task = Task(url, name, form["ra"], form["dec"], form["mjd_min"])
            tasks[name] = vars(task)

    def _eligible(self, harvest: Harvest) -> Iterator[dict[str, Any]]:
        """Yield ranked candidates without an open task whose photometry is old, best first."""
        if harvest.wanted.empty:
            return
        scores = harvest.wanted["score"].to_numpy(float)
        ranked = np.isfinite(scores) & (scores > 0)
        valid = harvest.wanted[ranked & self._is_worth(harvest.wanted, harvest.now)]
        for row in valid.to_dict("records"):
            name = str(row["candidate_id"])
            fetched = harvest.cursor["fetched"].get(name)
            is_old = is_older(fetched[0] if fetched else None, harvest.now, self.refresh)
            if is_old and name not in harvest.cursor["tasks"]:
                yield {str(key): value for key, value in row.items()}

    def _is_worth(self, wanted: pd.DataFrame, now: float) -> pd.Series:
        """Say of each candidate whether ATLAS may see it, as far as that is known."""
        worth = np.isfinite(wanted["ra"]) & np.isfinite(wanted["dec"])
        if self.faintest is not None and "last_mag" in wanted:
            worth &= ~(wanted["last_mag"] > self.faintest)
        if self.oldest is not None:
            worth &= ~(now - wanted["last_detection"] > self.oldest)
        return pd.Series(worth)

    def _form(self, row: dict[str, Any], harvest: Harvest) -> dict[str, Any]:
        """Write a request: all of the light curve first, later only what is new."""
        name = str(row["candidate_id"])
        first = row.get("first_detection", math.nan)
        start = (harvest.now if pd.isna(first) else float(first)) - self.before
        known = harvest.cursor["fetched"].get(name, [0.0, None])[1]
        if known is not None:
            start = max(start, known - OVERLAP)
        return {
            "ra": float(row["ra"]),
            "dec": float(row["dec"]),
            # Without it the server would begin 30 days before now.
            "mjd_min": round(start, 5),
            "use_reduced": False,
            "send_email": False,
            "comment": f"{self._mark}{name}"[:300],
        }

    def _forget(self, harvest: Harvest) -> None:
        """Drop candidates that have not been fetched for so long that all may be asked anew."""
        fetched = harvest.cursor["fetched"]
        old = harvest.now - 10.0 * max(self.refresh, self.before)
        harvest.cursor["fetched"] = {k: v for k, v in fetched.items() if v[0] > old}


def _task(found: Mapping[str, Any], url: str, name: str) -> Task | None:
    """Return a task as the queue lists it; None if it says no position that is one."""
    try:
        ra, dec = float(found["ra"]), float(found["dec"])
        begin = float(found.get("mjd_min") or 0.0)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    is_place = 0.0 <= ra <= 360.0 and -90.0 <= dec <= 90.0 and math.isfinite(begin)
    return Task(url, name, ra, dec, begin) if is_place else None
