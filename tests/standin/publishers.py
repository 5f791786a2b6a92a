"""Lasair's annotator, Hermes, ESO's p2demo: what they store and what they refuse."""

from __future__ import annotations

from typing import Any

from tests.standin.server import Question, Reply, Route, Service


class LasairAnnotator(Service):
    """webserver/lasairapi/serializers.py (lasair-lsst): AnnotateListSerializer."""

    name = "lasair-annotator"
    token, topic = "standin-annotator-token", "aas2rto_snia"

    def reset(self) -> None:
        super().reset()
        self.annotations: dict[tuple[int, str], dict[str, Any]] = {}
        self.active = True
        self.lose_answers = 0

    def routes(self) -> dict[str, Route]:
        return {"POST /api/annotatelist/": self.annotate}

    def annotate(self, question: Question) -> Any:
        if question.headers.get("authorization") != f"Token {self.token}":
            return Reply({"detail": "Invalid token."}, 401)
        rows = question.form().get("annotations")
        if not isinstance(rows, list):
            return Reply({"annotations": ["This field is required."]}, 400)
        for one in rows:
            wrong = self._wrong(one)
            if wrong:
                return Reply(wrong, 400)
            if one["topic"] != self.topic:  # what came before is kept
                return {"error": f"Annotator error: topic {one['topic']} does not exist"}
            if not self.active:
                return {"error": f"Annotator error: topic {self.topic} is not active"}
            self.annotations[int(one["objectId"]), one["topic"]] = one
        if self.lose_answers:
            self.lose_answers -= 1
            return Reply("<html>502</html>", 502, "text/html")
        return {"status": "success", "n": len(rows)}

    @staticmethod
    def _wrong(one: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(one.get("objectId"), int):
            return {"objectId": ["A valid integer is required."]}
        longest = {"topic": 255, "classification": 80, "version": 80, "explanation": 1024}
        for key, most in (longest | {"classdict": 4096, "url": 1024}).items():
            value = one.get(key)
            blank = key in {"explanation", "url"}
            if not isinstance(value, str) or (not value and not blank):
                return {key: ["This field may not be blank."]}
            if len(value) > most:
                return {key: [f"Ensure this field has no more than {most} characters."]}
        return {}


class Hermes(Service):
    """hermes/serializers.py, HermesMessageSerializer; views.py, SubmitHermesMessageViewSet."""

    name = "hermes"
    token = "standin-hermes-token"

    def reset(self) -> None:
        super().reset()
        self.messages: list[dict[str, Any]] = []
        self.lose_answers = 0

    def routes(self) -> dict[str, Route]:
        return {
            "POST /api/v0/submit_message/validate/": self.validate,
            "POST /api/v0/submit_message/": self.submit,
            "GET /api/v0/messages/": self.listing,
        }

    def answer(self, question: Question) -> Reply:
        if question.headers.get("authorization") != f"Token {self.token}":
            return Reply({"detail": "Invalid token."}, 401)
        return super().answer(question)

    def validate(self, question: Question) -> Any:
        return wrong_of(question.form())

    def submit(self, question: Question) -> Any:
        form = question.form()
        wrong = wrong_of(form)
        if wrong:
            return Reply(wrong, 400)
        self.messages.append({**form, "uuid": f"u{len(self.messages)}"})
        if self.lose_answers:
            self.lose_answers -= 1
            return Reply("<html>502</html>", 502, "text/html")
        return {"message": {"uuid": self.messages[-1]["uuid"]}, "uuid": self.messages[-1]["uuid"]}

    def listing(self, question: Question) -> Any:
        name = question.get("target_name_exact")
        rows = [
            one
            for one in self.messages
            if not name or name in {some["name"] for some in one["data"]["targets"]}
        ]
        return {"count": len(rows), "results": rows}


def wrong_of(form: dict[str, Any]) -> dict[str, Any]:
    """Return what Hermes would say is wrong."""
    for key in ("title", "topic", "submitter"):
        if not form.get(key):
            return {key: ["This field is required."]}
    names = [one.get("name") for one in form.get("data", {}).get("targets", [])]
    if None in names or len(set(names)) != len(names):
        return {"data": {"targets": ["Target names must be unique"]}}
    for one in form["data"]["targets"]:
        redshift = one.get("redshift")
        if redshift is not None and not isinstance(redshift, int | float):
            return {"data": {"targets": [{"redshift": ["A valid number is required."]}]}}
        if not isinstance(one.get("aliases", []), list):
            return {"data": {"targets": [{"aliases": ["Expected a list of items"]}]}}
    return {}


class P2Demo(Service):
    """p2api 1.2.1: POST /login, containers and blocks with ETags; 412 for an old one."""

    name = "p2"
    user, password, container = "52052", "standin-eso-password", 1448455

    def reset(self) -> None:
        super().reset()
        self.blocks: dict[int, dict[str, Any]] = {}
        self.versions: dict[int, int] = {}
        self.lose_answers = 0

    def routes(self) -> dict[str, Route]:
        return {
            "POST /login": self.login,
            r"GET /v1/containers/(\d+)/items": self.items,
            r"POST /v1/containers/(\d+)/items": self.create,
            r"GET /v1/obsBlocks/(\d+)": self.block,
            r"PUT /v1/obsBlocks/(\d+)": self.save,
        }

    def answer(self, question: Question) -> Reply:
        bearer = question.headers.get("authorization") == "Bearer eso-token"
        if question.path != "/login" and not bearer:
            return Reply({"error": "not logged in"}, 401)
        return super().answer(question)

    def login(self, question: Question) -> Any:
        form = question.form()
        if (form.get("username"), form.get("password")) != (self.user, self.password):
            return Reply({"error": "bad credentials"}, 401)
        return {"access_token": "eso-token"}

    def items(self, question: Question, container: str) -> Any:
        if int(container) != self.container:
            return Reply({"error": f"container {container} not found"}, 404)
        return [{"itemType": "OB", **one} for one in self.blocks.values()]

    def create(self, question: Question, container: str) -> Any:
        if int(container) != self.container:
            return Reply({"error": f"container {container} not found"}, 404)
        key = 700 + len(self.blocks)
        self.blocks[key] = {
            "obId": key,
            "name": question.form()["name"],
            "userPriority": 1,
            "obStatus": "P",
            "target": {"name": "No name", "ra": "00:00:00.000", "dec": "00:00:00.000"},
            "constraints": {"name": "No name", "airmass": 2.8, "twilight": -30},
            "obsDescription": {"name": "No name", "userComments": "", "instrumentComments": ""},
        }
        self.versions[key] = 1
        if self.lose_answers:
            self.lose_answers -= 1
            return Reply("<html>502</html>", 502, "text/html")
        return self._tagged(key, 201)

    def block(self, question: Question, key: str) -> Any:
        if int(key) not in self.blocks:
            return Reply({"error": "OB not found"}, 404)
        return self._tagged(int(key))

    def save(self, question: Question, key: str) -> Any:
        number, form = int(key), question.form()
        if question.headers.get("if-match") != f'"{self.versions[number]}"':
            return Reply({"error": "the OB was changed meanwhile"}, 412)
        if any(form[one] != self.blocks[number][one] for one in ("obId", "obStatus")):
            return Reply({"error": "obStatus cannot be changed"}, 400)
        self.blocks[number] = form
        self.versions[number] += 1
        return self._tagged(number)

    def _tagged(self, key: int, status: int = 200) -> Reply:
        return Reply(self.blocks[key], status, headers={"ETag": f'"{self.versions[key]}"'})
