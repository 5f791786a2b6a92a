"""A TOM: targets by the rules of tom_targets/serializers.py and api_views.py (TOM Toolkit 3.1)."""

from __future__ import annotations

from typing import Any

from tests.standin.server import Question, Reply, Route, Service


class Tom(Service):
    """One user."""

    name = "tom"
    token = "standin-tom-token"

    def reset(self) -> None:
        super().reset()
        self.targets: dict[int, dict[str, Any]] = {}
        self.extras = self.lists = 0
        self.lose_answers = 0
        self.changes: dict[str, Any] = {}

    def routes(self) -> dict[str, Route]:
        return {
            "GET /api/targets/": self.listing,
            "POST /api/targets/": self.create,
            r"PATCH /api/targets/(\d+)/": self.change,
        }

    def answer(self, question: Question) -> Reply:
        if question.headers.get("authorization") != f"Token {self.token}":
            return Reply({"detail": "Invalid token."}, 401)
        return super().answer(question)

    def listing(self, question: Question) -> Any:
        """Filter by a part of the name (filters.py), LimitOffset pages of 100 (settings)."""
        part = question.get("name").lower()
        found = [one for one in self.targets.values() if part in one["name"].lower()]
        begin = int(question.get("offset", "0"))
        rows = found[begin : begin + int(question.get("limit", "100"))]
        return {"count": len(found), "next": None, "previous": None, "results": rows}

    def create(self, question: Question) -> Any:
        form = question.form()
        if any(one["name"] == form["name"] for one in self.targets.values()):
            return Reply({"name": ["target with this name already exists."]}, 400)
        clash = [one["name"] for one in form.get("aliases", []) if one["name"] == form["name"]]
        if clash:  # the target is deleted again
            return Reply([f"Alias '{clash[0]}' conflicts with Target name '{form['name']}'."], 400)
        key = 1 + len(self.targets)
        stored = {**form, "id": key, "aliases": [], "targetextra_set": [], "target_lists": []}
        self.targets[key] = stored | self.changes
        self._add(self.targets[key], form)
        if self.lose_answers:
            self.lose_answers -= 1
            return Reply("<html>502</html>", 502, "text/html")
        return Reply(self.targets[key] | {"message": "Target successfully uploaded."}, 201)

    def change(self, question: Question, key: str) -> Any:
        stored, form = self.targets.get(int(key)), question.form()
        if stored is None:
            return Reply({"detail": "No Target matches the given query."}, 404)
        if any("id" not in one for one in form.get("groups", [])):
            return Reply("<h1>Server Error (500)</h1>", 500, "text/html")  # group['id'], KeyError
        stored.update({one: form[one] for one in ("ra", "dec", "epoch") if one in form})
        self._add(stored, form)
        return stored | {"message": "Target successfully updated."}

    def _add(self, stored: dict[str, Any], form: dict[str, Any]) -> None:
        """Add what has no id: extras twice if they are sent twice; lists are made, never left."""
        for one in form.get("aliases", []):
            stored["aliases"].append({"id": 1000 + len(stored["aliases"]), **one})
        for one in form.get("targetextra_set", []):
            rows = stored["targetextra_set"]
            known = next((some for some in rows if some["id"] == one.get("id")), None)
            if known is not None:
                known.update(one)
            else:
                self.extras += 1
                rows.append({"id": self.extras, **one})
        for one in form.get("target_lists", []):
            if one["name"] not in {some["name"] for some in stored["target_lists"]}:
                self.lists += 1
                stored["target_lists"].append({"id": self.lists, **one})
