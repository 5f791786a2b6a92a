"""What is wrong with a config, with the line where it stands and without any secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from aas2rto.config.yaml_lines import Key
from aas2rto.errors import ConfigProblem
from aas2rto.text.words import nearest

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

SHORTEST_SECRET = 4
"""Shorter values from the environment are shown in errors: hiding `5` would hide every 5."""

SET = "--set"
"""Stands in place of file and line where an error is in a change that was asked for."""


@dataclass
class Reader:
    """Collects problems while a config is read."""

    path: Path
    lines: dict[Key, int] = field(default_factory=dict)
    problems: list[ConfigProblem] = field(default_factory=list)
    unset: dict[Key, list[str]] = field(default_factory=dict)
    substituted: set[Key] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    changed: frozenset[Key] = frozenset()

    def place(self, key: Key) -> str:
        """Say where a key stands: ``file:line``, or ``--set`` if that is what is to blame."""
        if any(key[: len(changed)] == changed for changed in self.changed):
            return SET
        written = f"{self.path}:{self.line(key)}"
        below = sorted(dotted(changed) for changed in self.changed if changed[: len(key)] == key)
        if not below:
            return written
        return f"{written} with {SET} {', '.join(below)}" if key in self.lines else SET

    def line(self, key: Key) -> int:
        """Line of a key, or of the nearest place above it."""
        while key not in self.lines and key:
            key = key[:-1]
        return self.lines.get(key, 1)

    def say(self, key: Key, message: str) -> None:
        """Note one problem."""
        self.problems.append(self.problem(key, message))

    def problem(self, key: Key, message: str) -> ConfigProblem:
        """Return one problem, without what came from the environment: it may be a secret."""
        return ConfigProblem(self.place(key), self.hidden(dotted(key)), self.hidden(message))

    def hidden(self, text: str) -> str:
        """Write the names of environment variables in place of their values."""
        for name, value in self.values.items():
            for form in (value, repr(value)[1:-1]) if len(value) >= SHORTEST_SECRET else ():
                text = text.replace(form, f"${{{name}}}")
        return text

    def shown(self, value: Any) -> str:
        """Show a value from a config in an error, shortened."""
        text = self.hidden(repr(value))
        return text if len(text) <= 60 else f"{text[:57]}..."

    def substitute(self, value: Any, key: Key, environment: Mapping[str, str]) -> Any:
        """Replace ``${NAME}`` in every text below `key`."""
        if isinstance(value, dict):
            return {k: self.substitute(v, (*key, k), environment) for k, v in value.items()}
        if isinstance(value, list):
            return [self.substitute(v, (*key, i), environment) for i, v in enumerate(value)]
        if not isinstance(value, str):
            return value

        def replace(match: re.Match[str]) -> str:
            name = match.group(1)
            self.substituted.add(key)
            found = environment.get(name, "")
            if not found:  # `export TOKEN=` sets nothing that a service would take
                self.unset.setdefault(key, []).append(name)
                return match.group(0)
            self.values[name] = found
            return found

        return _VARIABLE.sub(replace, value)

    def validate(self, model: type[BaseModel], data: Any, key: Key) -> BaseModel | None:
        """Check `data` against `model`, noting every problem under `key`.

        A variable that is not set is reported once, as such, and not as a wrong value; the
        answer is then what the rest says, or None where the model needs that value.
        """
        self._refuse_literal_secrets(model, data, key)
        try:
            return model.model_validate(data)
        except ValidationError as error:
            self._explain(model, error, key)
        try:
            return model.model_validate(self.known(data, key))
        except ValidationError:
            return None

    def known(self, data: Any, key: Key) -> Any:
        """Return `data` without values that need a variable that is not set."""
        if isinstance(data, dict):
            kept = {k: v for k, v in data.items() if (*key, k) not in self.unset}
            return {k: self.known(v, (*key, k)) for k, v in kept.items()}
        return data

    def _explain(self, model: type[BaseModel], error: ValidationError, key: Key) -> None:
        for item in error.errors(include_url=False):
            where = (*key, *item["loc"])
            if any(where[: len(unset)] == unset for unset in self.unset):
                continue
            if item["type"] == "extra_forbidden":
                known = _fields_at(model, item["loc"][:-1])
                self.say(
                    where,
                    f"unknown setting {item['loc'][-1]!r}{nearest(str(item['loc'][-1]), known)}"
                    f" (known: {', '.join(sorted(known)) or 'none'})",
                )
            elif item["type"] == "missing":
                self.say(where, "is missing; it is required")
            elif item["type"] == "unit":  # which shows the value itself
                self.say(where, item["msg"])
            else:
                self.say(where, f"{item['msg']} (it is {self.shown(item['input'])})")

    def _refuse_literal_secrets(self, model: type[BaseModel], data: Any, key: Key) -> None:
        for name, setting in model.model_fields.items():
            where = (*key, name)
            types = (setting.annotation, *get_args(setting.annotation))
            literal = where in {*self.lines, *self.changed} and where not in self.substituted
            if literal and SecretStr in types and data.get(name) is not None:
                variable = f"{key[-1] if key else 'aas2rto'}_{name}".upper()
                self.say(
                    where,
                    "a secret does not belong into a config; "
                    f"write ${{{variable}}} and set that environment variable",
                )

    def missing(self) -> tuple[ConfigProblem, ...]:
        """Return one problem for each environment variable that is not set."""
        return tuple(
            ConfigProblem(
                self.place(key),
                dotted(key),
                f"the environment variable {name} is not set; export it, or put it into the "
                "file that AAS2RTO_SECRETS names",
            )
            for key, names in self.unset.items()
            for name in names
        )


def dotted(key: Key) -> str:
    """Write a key as ``score.factors[2].magnitude``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return text.removeprefix(".") or "(file)"


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> set[str]:
    """Return the keys that are allowed at a place inside `model`."""
    for step in location:
        found = model.model_fields.get(str(step))
        inner = () if found is None else (found.annotation, *get_args(found.annotation))
        models = [one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)]
        if models:
            model = models[0]
        elif str(step) not in {one.__name__ for one in (model, *inner) if isinstance(one, type)}:
            return set()
    return set(model.model_fields)


def line_of(problem: ConfigProblem) -> int:
    """Return the line of a problem; what --set is to blame for comes first."""
    line = re.search(rf":(\d+)(?: with {SET} .*)?$", problem.where)
    return int(line.group(1)) if line else 0
