"""SkyPortal: sources, annotations, follow-up requests, by the rules of its handlers.

skyportal/handlers/api/ of github.com/skyportal/skyportal: ``annotation.py``, ``source.py``,
``followup_request.py``; routes: ``app_server.py``.
"""

from __future__ import annotations

from typing import Any

from tests.standin.server import Question, Reply, Route, Service

GROUPS = {52, 53}
ID = r"([0-9A-Za-z\-_.+]+)"  # app_server.py


class SkyPortal(Service):
    """Two groups, one allocation."""

    name = "skyportal"
    token = "standin-skyportal-token"

    def reset(self) -> None:
        super().reset()
        self.sources: dict[str, dict[str, Any]] = {}
        self.annotations: dict[int, dict[str, Any]] = {}
        self.requests: dict[int, dict[str, Any]] = {}
        self.lose_answers = 0
        self.changes: dict[str, Any] = {}

    def routes(self) -> dict[str, Route]:
        return {
            "POST /api/sources": self.post_source,
            f"GET /api/sources/{ID}": self.get_source,
            f"GET /api/sources/{ID}/annotations": self.get_annotations,
            f"POST /api/sources/{ID}/annotations": self.post_annotation,
            rf"PUT /api/sources/{ID}/annotations/(\d+)": self.put_annotation,
            "GET /api/followup_request": self.get_requests,
            r"PUT /api/followup_request/(\d+)": self.put_request,
        }

    def answer(self, question: Question) -> Reply:
        """Refuse strangers as baselayer does; "Credentials malformed" is its sentence."""
        if question.headers.get("authorization") != f"token {self.token}":
            return error("Credentials malformed; expected form", 401)
        return super().answer(question)

    def post_source(self, question: Question) -> Any:
        form = question.form()
        groups = form.get("group_ids")
        if "id" not in form or not {"ra", "dec"} <= set(form):
            return error("Failed to post source: RA must not be null for a new Obj")
        if groups is not None and not set(groups) <= GROUPS:
            return error("Invalid group_ids field. Please specify at least one valid group ID.")
        self.sources[form["id"]] = {**form, "group_ids": groups or sorted(GROUPS)}
        return good({"id": form["id"]})

    def get_source(self, question: Question, name: str) -> Any:
        if name not in self.sources:
            return error("Source not found", 404)
        return good(self.sources[name])

    def get_annotations(self, question: Question, name: str) -> Any:
        return good([one for one in self.annotations.values() if one["obj_id"] == name])

    def post_annotation(self, question: Question, name: str) -> Any:
        form = question.form()
        if name not in self.sources:
            return error(f"Obj {name} not found", 404)
        if not set(form.get("group_ids") or GROUPS) <= GROUPS:
            return error(f"Cannot find one or more groups with IDs: {form['group_ids']}.")
        if not isinstance(form.get("data"), dict) or not form.get("origin"):
            return error("Invalid/missing parameters: {'data': ['Field may not be null.']}")
        twin = (name, form["origin"])
        if any((one["obj_id"], one["origin"]) == twin for one in self.annotations.values()):
            # models/annotation.py: UniqueConstraint("obj_id", "origin")
            return error("Annotation already exists: duplicate key value")
        key = 100 + len(self.annotations)
        groups = [{"id": one} for one in form.get("group_ids") or sorted(GROUPS)]
        self.annotations[key] = {
            "id": key,
            "obj_id": name,
            "origin": form["origin"],
            "data": form["data"] | self.changes,
            "groups": groups,
        }
        if self.lose_answers:
            self.lose_answers -= 1
            return Reply("<html>502</html>", 502, "text/html")
        return good({"annotation_id": key})

    def put_annotation(self, question: Question, name: str, key: str) -> Any:
        stored = self.annotations.get(int(key))
        if stored is None:
            return error("Could not find any accessible annotations.", 403)
        if stored["obj_id"] != name:
            return error("Annotation resource ID does not match resource ID given in path")
        form = question.form()
        stored.update({key: form[key] for key in ("data", "origin") if form.get(key) is not None})
        return good({})

    def get_requests(self, question: Question) -> Any:
        """Return pages, by allocation."""
        wanted = [
            one
            for one in self.requests.values()
            if question.get("allocationID") in {"", str(one["allocation_id"])}
        ]
        size, page = int(question.get("numPerPage", "100")), int(question.get("pageNumber", "1"))
        rows = wanted[size * (page - 1) : size * page]
        return good({"followup_requests": rows, "totalMatches": len(wanted)})

    def put_request(self, question: Question, key: str) -> Any:
        """Set what is given if there is a status: that needs no API of an instrument."""
        stored = self.requests.get(int(key))
        if stored is None:
            return error(f"Missing FollowUpRequest with id {key}")
        form = question.form()
        if "status" not in form:
            return error("Cannot update requests on this instrument.")
        stored.update(form)
        return good({})


def good(data: Any) -> Reply:
    return Reply({"status": "success", "message": "", "data": data, "version": "1.5.0"})


def error(message: str, status: int = 400) -> Reply:
    return Reply({"status": "error", "message": message, "data": {}, "version": "1.5.0"}, status)
