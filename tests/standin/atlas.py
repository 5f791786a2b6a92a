"""The ATLAS forced photometry server: a queue that works while nobody looks.

What it refuses follows the published server, lukeshingles/atlasserver (commit 5cc8859); each
rule names its file there, below ``atlasserver/forcephot/``.
"""

from __future__ import annotations

import math
from typing import Any

from tests.standin import recorded, sky
from tests.standin.server import Question, Reply, Route, Service

HEADER = (
    "###MJD          m      dm   uJy   duJy F err chi/N     RA       Dec        x        y"
    "     maj  min   phi  apfit mag5sig Sky   Obs"
)
OTHERS = {"id": 7, "comment": "somebody else's", "ra": 1.0, "dec": 2.0}
"""A task of the same account that another program has asked for."""


class Atlas(Service):
    """Every look at an unfinished task brings it one step nearer: queued, running, finished."""

    name = "atlas"
    token = "standin-atlas-token"
    user, password = "observer", "standin-atlas-password"
    queue_cap = 500

    def reset(self) -> None:
        super().reset()
        self.tasks: dict[int, dict[str, Any]] = {7: self._task(7, OTHERS)}
        self.asked: dict[int, int] = {7: -(10**9)}
        self.next_id = 100
        self.steps = 2
        self.deleted: list[int] = []

    def routes(self) -> dict[str, Route]:
        return {
            "POST /forcedphot/api-token-auth/": self.sign_in,
            "GET /forcedphot/queue/": self.list_tasks,
            "POST /forcedphot/queue/": self.submit,
            "GET /forcedphot/queue/(\\d+)/": self.show,
            "DELETE /forcedphot/queue/(\\d+)/": self.delete,
            "GET /forcedphot/static/results/job(\\d+).txt": self.result,
        }

    def wait_words(self, wait: float) -> tuple[dict[str, str], Any]:
        """In words only, as Django REST framework does."""
        return {}, {"detail": f"Request was throttled. Expected available in {wait:.0f} seconds."}

    def spoil(self, payload: Any, kind: str) -> Any:
        """Make an empty result what it is here: a finished task without a result."""
        if kind == "empty" and isinstance(payload, dict) and payload.get("finishtimestamp"):
            return payload | {"result_url": None, "error_msg": "No data returned"}
        if kind == "empty" and not isinstance(payload, str):
            return payload
        return super().spoil(payload, kind)

    def sign_in(self, question: Question) -> Any:
        if (question.get("username"), question.get("password")) == (self.user, self.password):
            return {"token": self.token}
        return Reply({"non_field_errors": ["Unable to log in with provided credentials."]}, 400)

    def _denied(self, question: Question) -> Reply | None:
        if question.headers.get("authorization") == f"Token {self.token}":
            return None
        return Reply({"detail": "Invalid token."}, 401)

    def _task(self, number: int, asked: dict[str, Any]) -> dict[str, Any]:
        return {
            "url": f"{self.url}/forcedphot/queue/{number}/",
            "id": number,
            "user_id": 7,
            "username": self.user,
            "timestamp": "2026-11-22T00:00:00Z",
            "mpc_name": None,
            "ra": asked["ra"],
            "dec": asked["dec"],
            "mjd_min": asked.get("mjd_min"),
            "mjd_max": asked.get("mjd_max"),
            "use_reduced": False,
            "finished": False,
            "result_url": None,
            "comment": asked.get("comment"),
            "send_email": False,
            "starttimestamp": None,
            "finishtimestamp": None,
            "error_msg": None,
            "request_type": "FP",
            "queuepos": 12,
            "waittime": None,
            "attempt_count": 0,
        }

    def submit(self, question: Question) -> Any:
        denied = self._denied(question)
        if denied:
            return denied
        # views.py, ``create``: tasks that have started do not count.
        queued = sum(not task["starttimestamp"] for task in self.tasks.values())
        if queued + 1 > self.queue_cap:
            words = f"ERROR: You have too many queued tasks ({queued} queued + 1 requested"
            return Reply({"non_field_errors": f"{words} > {self.queue_cap})."}, 400)
        form = question.form()
        if errors := self._errors(form):
            return Reply(errors, 400)
        asked = form | {key: float(form[key]) for key in ("ra", "dec")}
        # models.py, ``get_mjd_min_default``: left out is a month; empty is no bound.
        asked["mjd_min"] = _number(form, "mjd_min") if "mjd_min" in form else self.now - 30.0
        asked["mjd_max"] = _number(form, "mjd_max")
        number = self.next_id
        self.next_id += 1
        self.tasks[number] = self._task(number, asked)
        self.asked[number] = 0
        return Reply(self.tasks[number], 201)

    def _errors(self, form: dict[str, Any]) -> dict[str, Any]:
        """Check the fields of a request (serializers.py, ``ForcePhotTaskSerializer``)."""
        for name in ("ra", "dec", "mjd_min", "mjd_max"):
            value = form.get(name)
            if value in (None, ""):
                continue
            try:
                number = float(value)
            except (TypeError, ValueError):
                return {name: ["A valid number is required."]}
            if not math.isfinite(number):
                return {name: f"{name} must be a finite floating-point number."}
        missing = [name for name in ("ra", "dec") if form.get(name) in (None, "")]
        if form.get("mpc_name"):
            return {"mpc_name": "not simulated"}
        if len(missing) == 2:
            return {"non_field_errors": "Either an mpc_name or (ra, dec) must be specified."}
        if missing:
            other = "dec" if missing[0] == "ra" else "ra"
            return {missing[0]: f"{other} was set but {missing[0]} is missing."}
        # models.py: comment is a CharField of 300 letters.
        if len(str(form.get("comment", ""))) > 300:
            return {"comment": ["Ensure this field has no more than 300 characters."]}
        return self._bad_span(form)

    def _bad_span(self, form: dict[str, Any]) -> dict[str, Any]:
        last = _number(form, "mjd_max")
        first = _number(form, "mjd_min") if "mjd_min" in form else self.now - 30.0
        if last is not None and last <= 0:
            return {"mjd_max": "mjd_max must be a positive MJD."}
        if last is not None and first is not None and last <= first:
            return {"mjd_max": f"mjd_max must be greater than mjd_min ({first} was applied)."}
        return {}

    def list_tasks(self, question: Question) -> Any:
        """Pages of six, to be followed by ``next``."""
        denied = self._denied(question)
        if denied:
            return denied
        start = int(question.get("cursor", "0"))
        size = min(int(question.get("pagesize", "6")), 100)
        chosen = [self._advance(number) for number in sorted(self.tasks)]
        end = start + size
        following = f"{self.url}/forcedphot/queue/?cursor={end}&pagesize={size}"
        return {
            "next": following if end < len(chosen) else None,
            "previous": None,
            "results": chosen[start:end],
        }

    def show(self, question: Question, number: str) -> Any:
        denied = self._denied(question)
        if denied:
            return denied
        if int(number) not in self.tasks:
            return Reply("<h1>Not Found</h1>", 404, "text/html")
        return self._advance(int(number))

    def _advance(self, number: int) -> dict[str, Any]:
        task = self.tasks[number]
        self.asked[number] += 1
        if self.asked[number] >= self.steps:
            task["starttimestamp"] = "2026-11-22T00:01:00Z"
        if self.asked[number] > self.steps:
            task["finishtimestamp"] = "2026-11-22T00:05:00Z"
            task["finished"] = True
            has_data = bool(self._lines(task)) or bool(self._recorded(task))
            result = f"{self.url}/forcedphot/static/results/job{number:05d}.txt"
            task["result_url"] = result if has_data else None
            task["error_msg"] = None if has_data else "No data returned"
        return task

    def result(self, question: Question, number: str) -> Any:
        if int(number) not in self.tasks:
            return Reply("<h1>Not Found</h1>", 404, "text/html")
        known = self._recorded(self.tasks[int(number)])
        if known:
            return Reply(known, kind="text/plain")
        lines = self._lines(self.tasks[int(number)])
        return Reply("\n".join([HEADER, *lines]) + "\n", kind="text/plain")

    def delete(self, question: Question, number: str) -> Any:
        denied = self._denied(question)
        if denied:
            return denied
        if self.tasks.pop(int(number), None) is None:
            return Reply("<h1>Not Found</h1>", 404, "text/html")
        self.deleted.append(int(number))
        return Reply(b"", 204)

    @staticmethod
    def _recorded(task: dict[str, Any]) -> str:
        ra, dec = recorded.ATLAS_PLACE
        is_there = math.hypot(task["ra"] - ra, task["dec"] - dec) < 1.0 / 3600.0
        return recorded.atlas() if is_there else ""

    def _lines(self, task: dict[str, Any]) -> list[str]:
        found = [
            t
            for t in sky.transients()
            if math.hypot(t.ra - task["ra"], t.dec - task["dec"]) < 3.0 / 3600.0
        ]
        low, high = task["mjd_min"] or 0.0, task["mjd_max"] or 1e9
        return [
            line(look, t) for t in found for look in t.atlas(self.now) if low <= look.mjd <= high
        ]


def _number(form: dict[str, Any], name: str) -> float | None:
    value = form.get(name)
    return None if value in (None, "") else float(value)


def line(look: sky.Exposure, t: sky.Transient) -> str:
    """One line of a result file."""
    mag = math.copysign(look.mag, look.flux)
    name = f"01a{int(look.mjd)}{look.band}{int(look.mjd % 1 * 9999):04d}{look.band}"
    return (
        f"{look.mjd:.6f} {mag:.3f} {look.magerr:.3f} {look.flux:.0f} {look.flux_err:.0f} "
        f"{look.band} 0 1.10 {t.ra:.5f} {t.dec:.5f} 5000.00 5000.00 2.10 2.00 -60.0 -0.420 "
        f"19.30 20.40 {name}"
    )
