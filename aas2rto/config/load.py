"""A config file -> a frozen, typed science case; everything that is wrong is said at once.

The sections are those of a config file, in its order. Settings of parts (sources, models,
factors, messengers) are checked against the signature of the part itself.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, create_model

from aas2rto.config import examples as share
from aas2rto.config import yaml_lines
from aas2rto.config.messages import ChannelPolicy, Figures, When
from aas2rto.config.overrides import changed, places
from aas2rto.config.yaml_lines import Key
from aas2rto.errors import ConfigError, ConfigProblem, UnknownNameError, UsageError
from aas2rto.guard import attempt
from aas2rto.parts.path_setting import OnDisk
from aas2rto.parts.registry import Part, Registry, nearest
from aas2rto.units import Arcsec, Day, Degree, Hour, Second

PROJECT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""A project's name is the name of a folder in outputs/."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_ASSIGNMENT = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<quote>["']?)(?P<value>.*?)(?P=quote)\s*$"""
)
"""A line of a file of secrets, as shells read it, too."""

SHORTEST_SECRET = 4
"""Shorter values from the environment are shown in errors: hiding `5` would hide every 5."""

SET = "--set"
"""Stands in place of file and line where an error is in a change that was asked for."""

RESERVED_FACTORS = frozenset({"valid_until", "feedback"})
"""The loop's own rules, which stand among the factors."""

SCIENCE_LIST = "science"
"""Name of the ranked list that knows no site."""

SITE = "site"
"""What a factor for `visibility` needs."""

REGISTRIES: dict[str, str] = {
    "sources": "aas2rto.sources:SOURCES",
    "models": "aas2rto.models:MODELS",
    "factors": "aas2rto.factors:FACTORS",
    "messages": "aas2rto.messaging:MESSENGERS",
}
"""Where the parts of each kind are registered; imported when a config is read."""


class Section(BaseModel):
    """A part of a config: frozen, and strict about its keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False
    )


class Loop(Section):
    """How often a cycle runs.

    Parameters
    ----------
    interval : float
        From the start of one cycle to the start of the next [s].
    deadline : float
        Longest time that a cycle waits for any one source [s].
    """

    interval: Second = Field(default=600.0, gt=0)
    deadline: Second = Field(default=120.0, gt=0)


class Candidates(Section):
    """How candidates are told apart and remembered.

    Parameters
    ----------
    merge_radius : float
        Objects of different surveys within this distance are one candidate [arcsec].
    reconsider_after : float or None
        A rejected candidate starts afresh when a detection arrives this long after its
        rejection [day]; None: never.
    """

    merge_radius: Arcsec = Field(default=5.0, gt=0, le=60)
    reconsider_after: Day | None = Field(default=None, gt=0)


class Score(Section):
    """What the score is made of.

    Parameters
    ----------
    base : float
        Score of a candidate before any factor; a ToO carries its own.
    factors : list
        Names, or names with settings, in the order in which people should read them.
    """

    base: float = Field(default=1.0, gt=0)
    factors: list[Any] = Field(min_length=1)


_DATED = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:[\d.]+)?"
CLOSED_PATTERN = rf"^(\d{{1,2}}:\d{{2}}-\d{{1,2}}:\d{{2}}|{_DATED}/{_DATED})$"
"""``02:00-04:00`` (UTC, in any night) or ``2026-03-21T02:00/2026-03-21T04:00``."""


class Plan(Section):
    """How a night is planned, see `aas2rto plan`.

    Parameters
    ----------
    step : float
        The night is cut into steps of this length; a visit takes whole steps [s].
    visits : int
        Most visits to one candidate in a night, all observatories together.
    gap : float
        Least time between two visits to one candidate [hour].
    worth : str
        ``slot``: a slot is worth the candidate's site score in that slot: its score times the
        sine of its altitude at the middle of the slot (x_alt, A&A 698, A153, Eq. 11) to the power
        `airmass_power`, times the site's factors other than the visibility factor. ``list``: it is
        worth the site score of the ranked list times (least airmass there tonight / airmass of the
        slot)^`airmass_power`. The list's visibility factor lifts what is hard to see, so that an
        observer looks at it in time; a plan knows by itself what sets when.
    airmass_power : float
        0: the airmass does not matter.
    exposure : float
        Where the magnitude is not known [s].
    max_exposure : float
        What would take longer is not planned [s].
    moon_separation : float
        Not closer to the Moon while it is up, unless the observatory's own limit is larger [deg].
        30 deg is the default of ESO's Phase 2 constraints.
    time_limit : float
        For the joint optimum [s]; greedy's plan stands if it takes longer.
    optimality_gap : float
        The optimum is found when objective and bound differ by less than this share.
    closed : dict
        Intervals per observatory in which it does not observe, such as maintenance.
    """

    step: Second = Field(default=300.0, ge=60, le=3600)
    visits: int = Field(default=1, ge=1, le=10)
    gap: Hour = Field(default=1.0, ge=0, le=24)
    worth: Literal["slot", "list"] = "slot"
    airmass_power: float = Field(default=1.0, ge=0, le=10)
    exposure: Second = Field(default=1800.0, gt=0)
    max_exposure: Second = Field(default=7200.0, gt=0)
    moon_separation: Degree = Field(default=30.0, ge=0, le=180)
    time_limit: Second = Field(default=30.0, gt=0)
    optimality_gap: float = Field(default=0.01, ge=0, lt=1)
    closed: dict[str, list[Annotated[str, Field(pattern=CLOSED_PATTERN)]]] = {}


class Config(Section):
    """A whole science case, as written."""

    project: str = Field(pattern=PROJECT_PATTERN)
    loop: Loop = Loop()
    store: str = "sqlite"
    candidates: Candidates = Candidates()
    sources: dict[str, Any] = {}
    models: dict[str, Any] = {}
    model_choice: Literal["first_ok", "best"] = "first_ok"
    score: Score
    observatories: list[str] = Field(min_length=1)
    visibility: dict[str, Any] = {}
    plan: Plan = Plan()
    figures: Figures = Figures()
    messages: dict[str, Any] = {}


@dataclass(frozen=True)
class PartConfig:
    """A part with its checked settings.

    Parameters
    ----------
    name : str
        The name under which it appears: a column, a source in the reports.
    part : Part
        What it is.
    options : BaseModel
        Its settings, checked.
    missing : tuple of str
        Environment variables that its settings need and that are not set.
    """

    name: str
    part: Part
    options: BaseModel
    missing: tuple[str, ...] = ()

    @property
    def policy(self) -> ChannelPolicy:
        """What a channel hears, and when; of a messenger."""
        if not isinstance(self.options, ChannelPolicy):
            raise TypeError(f"{self.name} is a {self.part.kind}, no channel")
        return self.options

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of the part."""
        return self.part.arguments(self.options)

    def build(self) -> Any:
        """Make the part with its settings."""
        return self.part.make(**self.arguments())


@dataclass(frozen=True)
class Case:
    """A config that has been read, checked and resolved: everything a cycle needs to know.

    `missing` are environment variables that are not set, `absent` files and folders that are not
    there, `to_be_made` folders that the program makes.
    """

    path: Path
    config: Config
    sources: tuple[PartConfig, ...]
    models: tuple[PartConfig, ...]
    factors: tuple[PartConfig, ...]
    site_factor: PartConfig
    messengers: tuple[PartConfig, ...]
    observatories: tuple[Any, ...]
    digest: str
    when: When = field(default_factory=When)
    missing: tuple[ConfigProblem, ...] = ()
    absent: tuple[ConfigProblem, ...] = ()
    to_be_made: tuple[ConfigProblem, ...] = ()

    @property
    def project(self) -> str:
        """Name of the project, and of its folder."""
        return self.config.project

    @property
    def reads_files_only(self) -> bool:
        """Whether no source is a live service."""
        return {part.part.name for part in self.sources} <= {"archive", "too"}


@dataclass
class _Reader:
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
            else:
                self.say(where, f"{item['msg']} (it is {self.shown(item['input'])})"
                         if item["type"] != "unit" else item["msg"])  # fmt: skip

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


def registry(section: str) -> Registry:
    """Return the registry of a section of the config, importing it if need be."""
    import importlib  # noqa: PLC0415

    module, _, name = REGISTRIES[section].partition(":")
    found = getattr(importlib.import_module(module), name)
    if not isinstance(found, Registry):
        raise TypeError(f"{REGISTRIES[section]} is not a registry")
    return found


def secrets_from_file(environment: Mapping[str, str]) -> dict[str, str]:
    """Read ``NAME=value`` lines from the file that ``AAS2RTO_SECRETS`` names, if any.

    ``export NAME="value"`` is read as a shell does; other lines are comments.

    Raises
    ------
    UsageError
        If the file cannot be read, or other people can: its mode must be 0600.
    """
    name = environment.get("AAS2RTO_SECRETS")
    if not name:
        return {}
    path = Path(name).expanduser()
    try:
        mode = path.stat().st_mode & 0o777
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"AAS2RTO_SECRETS: {path} is not UTF-8 text") from error
    except OSError as error:
        raise UsageError(f"AAS2RTO_SECRETS: cannot read {path}: {error.strerror}") from error
    if mode & 0o077:
        raise UsageError(
            f"AAS2RTO_SECRETS: {path} has mode {mode:04o}, others may read it; "
            f"correct it with: chmod 600 {path}"
        )
    found = (match for line in text.splitlines() if (match := _ASSIGNMENT.match(line)))
    return {match["name"]: match["value"] for match in found}


def load(
    path: Path | str,
    *,
    environment: Mapping[str, str] | None = None,
    archive: Iterable[str] = (),
    need_secrets: bool = True,
    changes: Mapping[str, Any] | None = None,
) -> Case:
    """Read and check a config.

    Parameters
    ----------
    path : path
        A YAML file.
    environment : mapping, optional
        Where ``${NAME}`` comes from; the process environment by default.
    archive : iterable of str
        Files to read alerts from in place of the live sources.
    need_secrets : bool
        If False, environment variables that are not set are only noted in ``Case.missing``.
    changes : mapping, optional
        Settings to change before anything is checked, see `aas2rto.config.overrides`.

    Raises
    ------
    ConfigError
        With every problem there is, each with file and line.
    UsageError
        If the file cannot be read.
    """
    path = share.find_config(Path(path))
    reader = _Reader(path)
    written = changed(_read_file(path, reader), changes or {})
    reader.changed = places(written, changes or {})
    environment = dict(os.environ if environment is None else environment)
    environment = {**secrets_from_file(environment), **environment}
    data = reader.substitute(written, (), environment)
    config = reader.validate(Config, data, ())
    case = _resolve(reader, config, data, tuple(archive), digest=_digest(written))
    if need_secrets or case is None:
        reader.problems.extend(_missing_for(reader, archive=bool(tuple(archive))))
    if reader.problems or case is None:
        raise ConfigError(sorted(reader.problems, key=_line_of))
    return case


def _line_of(problem: ConfigProblem) -> int:
    """Return the line of a problem; what --set is to blame for comes first."""
    line = re.search(rf":(\d+)(?: with {SET} .*)?$", problem.where)
    return int(line.group(1)) if line else 0


def _missing_for(reader: _Reader, *, archive: bool) -> tuple[ConfigProblem, ...]:
    """Return missing variables, but for those of live sources that an archive replaces."""
    missing = reader.missing()
    return tuple(p for p in missing if not (archive and p.key.startswith("sources.")))


def _read_file(path: Path, reader: _Reader) -> dict[str, Any]:
    if not path.is_file():
        places = (path.parent, *share.folders("configs"))
        known = sorted(p.name for folder in places for p in folder.glob("*.y*ml"))
        raise UsageError(f"there is no config {path}{nearest(path.name, known)}")
    try:
        data, reader.lines = yaml_lines.load(path)
    except yaml_lines.YamlError as error:
        raise ConfigError([ConfigProblem(f"{path}:{error.line}", "(file)", str(error))]) from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if not isinstance(data, dict):
        problem = ConfigProblem(f"{path}:1", "(file)", "expected `key: value` lines of a config")
        raise ConfigError([problem])
    # A section whose lines are all commented out is an empty section.
    return {name: value for name, value in data.items() if value is not None}


def _resolve(
    reader: _Reader,
    config: BaseModel | None,
    data: dict[str, Any],
    archive: tuple[str, ...],
    *,
    digest: str,
) -> Case | None:
    """Find every part by its name and check its settings."""
    sources = [_part(reader, "sources", k, v, ("sources", k)) for k, v in _items(data, "sources")]
    if archive:
        options: dict[str, Any] = {"paths": archive}
        kept = [s for s in sources if s is not None and s.part.name == "too"]
        sources = [_part(reader, "sources", "archive", options, ("sources", "archive")), *kept]
    models = [_part(reader, "models", k, v, ("models", k)) for k, v in _items(data, "models")]
    messages = dict(_items(data, "messages"))
    when = reader.validate(When, messages.pop("when", None) or {}, ("messages", "when"))
    messengers = [_part(reader, "messages", k, v, ("messages", k)) for k, v in messages.items()]
    factors = _factors(reader, data)
    site_factor = _site_factor(reader, data)
    observatories = _observatories(reader, data)
    _try_models(reader, models)
    _refuse_to_count_twice(reader, factors, site_factor)
    _check_names(reader, models, factors, sources=_annotates(data, sources))
    if not isinstance(config, Config) or reader.problems or site_factor is None:
        return None
    named: list[tuple[Key, PartConfig]] = [
        *((("sources", part.name), part) for part in _complete(sources)),
        *((("models", part.name), part) for part in _complete(models)),
        *((("messages", part.name), part) for part in _complete(messengers)),
        *((("score", "factors", i, p.part.name), p) for i, p in enumerate(factors) if p),
        (("visibility",), site_factor),
    ]
    found = list(_on_disk(reader, named))
    return Case(
        path=reader.path,
        config=config,
        sources=_complete(sources),
        models=_complete(models),
        factors=_complete(factors),
        site_factor=site_factor,
        messengers=_complete(messengers),
        observatories=tuple(observatories),
        digest=digest,
        when=when if isinstance(when, When) else When(),
        missing=reader.missing(),
        absent=tuple(_absent(reader, found)),
        to_be_made=tuple(_to_be_made(reader, found)),
    )


def _on_disk(
    reader: _Reader, parts: Iterable[tuple[Key, PartConfig]]
) -> Iterator[tuple[Key, str, OnDisk]]:
    """Yield the settings that name files and folders, with their keys."""
    for key, part in parts:
        marked = {s.name.rstrip("_"): s.on_disk for s in part.part.settings if s.on_disk}
        for name, place in marked.items():
            for where, text in _texts((*key, name), getattr(part.options, name, None)):
                if where not in reader.unset:
                    yield where, text, place


def _texts(key: Key, value: Any) -> Iterator[tuple[Key, str]]:
    """Yield the texts of a setting that has one, several or none."""
    if isinstance(value, tuple | list):
        for index, one in enumerate(value):
            yield from _texts((*key, index), one)
    elif value is not None:
        yield key, str(value)


def _absent(reader: _Reader, found: Iterable[tuple[Key, str, OnDisk]]) -> Iterator[ConfigProblem]:
    for key, text, place in found:
        why = place.absence(text, reader.path.parent)
        if why:
            yield reader.problem(key, why)


def _to_be_made(
    reader: _Reader, found: Iterable[tuple[Key, str, OnDisk]]
) -> Iterator[ConfigProblem]:
    for key, text, place in found:
        if place.to_be_made(text):
            yield reader.problem(key, f"there is no folder {text} yet; the first cycle makes it")


def _complete(parts: list[PartConfig | None]) -> tuple[PartConfig, ...]:
    return tuple(part for part in parts if part is not None)


def _items(data: Mapping[str, Any], section: str) -> list[tuple[str, Any]]:
    value = data.get(section)
    return list(value.items()) if isinstance(value, dict) else []


def _part(reader: _Reader, section: str, name: str, settings: Any, key: Key) -> PartConfig | None:
    """Find a part and check its settings; ``type:`` names it where `name` is the user's own."""
    settings = {} if settings is None else settings
    if not isinstance(settings, dict):
        reader.say(key, f"expected settings as `key: value`, not {reader.shown(settings)}")
        return None
    settings = dict(settings)
    type_ = settings.pop("type", name) if section in {"sources", "messages", "models"} else name
    try:
        part = registry(section).get(str(type_))
    except UnknownNameError as error:
        reader.say(key, str(error))
        return None
    model = with_policy(part.options) if section == "messages" else part.options
    options = reader.validate(model, settings, key)
    missing = tuple(v for k, names in reader.unset.items() if k[: len(key)] == key for v in names)
    if options is None:
        # Good enough to show, and to check names; with a problem noted it is never built.
        options = model.model_construct(**reader.known(settings, key))
    return PartConfig(name, part, options, missing)


def with_policy(options: type[BaseModel]) -> type[BaseModel]:
    """Return the settings of a messenger together with those that every channel has."""
    return create_model(options.__name__, __base__=(options, ChannelPolicy))


def _factors(reader: _Reader, data: Mapping[str, Any]) -> list[PartConfig | None]:
    score = data.get("score")
    entries = score.get("factors") if isinstance(score, dict) else None
    factors: list[PartConfig | None] = []
    taken = set(RESERVED_FACTORS)
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        key: Key = ("score", "factors", index)
        name, settings = _factor_entry(reader, entry, key)
        if not name:
            continue
        if name == "expression" and isinstance(settings, str):
            settings = {"formula": settings}
        found = _part(reader, "factors", name, settings, (*key, name))
        if found is not None:
            column = str(getattr(found.options, "name", "") or name.rpartition(":")[2])
            found = replace(found, name=_new_name(column, taken))
        factors.append(found)
    return factors


def _new_name(name: str, taken: set[str]) -> str:
    """Return a name, with a number behind it where it is taken: ``expression_2``."""
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    found = next(one for one in itertools.chain([name], numbered) if one not in taken)
    taken.add(found)
    return found


def _factor_entry(reader: _Reader, entry: Any, key: Key) -> tuple[str, Any]:
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, dict) and len(entry) == 1:
        return next(iter(entry.items()))
    reader.say(key, f"expected `- name` or `- name: {{settings}}`, not {reader.shown(entry)}")
    return "", {}


def _site_factor(reader: _Reader, data: Mapping[str, Any]) -> PartConfig | None:
    settings = data.get("visibility") or {}
    if not isinstance(settings, dict):
        reader.say(
            ("visibility",), f"expected settings as `key: value`, not {reader.shown(settings)}"
        )
        return None
    settings = dict(settings)
    name = str(settings.pop("factor", "altitude_integral"))
    found = _part(reader, "factors", name, settings, ("visibility",))
    needs = None if found is None else found.part.extras.get("needs", SITE)
    if needs not in {None, SITE}:
        reader.say(
            ("visibility", "factor"), f"{name!r} does not depend on the site; put it into `score`"
        )
    return found


def _observatories(reader: _Reader, data: Mapping[str, Any]) -> list[Any]:
    from aas2rto.sky import observatory  # noqa: PLC0415  brings astropy, which `--help` must not pay

    names = data.get("observatories")
    found: dict[str, Any] = {}
    for index, name in enumerate(names if isinstance(names, list) else []):
        try:
            site = observatory.load(str(name))
        except ConfigError as error:
            reader.problems.extend(error.problems)
            continue
        except UsageError as error:
            reader.say(("observatories", index), str(error))
            continue
        if site.name in {*found, SCIENCE_LIST}:
            why = "stands here twice" if site.name in found else "names the list without a site"
            reader.say(("observatories", index), f"{site.name!r} {why}; each site has its own list")
        found[site.name] = site
    return list(found.values())


def _try_models(reader: _Reader, models: list[PartConfig | None]) -> None:
    """Set up each model once: one that cannot be would miss every night."""
    for bound in _complete(models):
        key: Key = ("models", bound.name)
        if bound.missing or any(problem.key.startswith(dotted(key)) for problem in reader.problems):
            continue
        made = attempt(f"model {bound.name}", bound.build)
        if made.failure is not None:
            reader.say(key, made.failure.error.removeprefix("ModelError: "))


def _refuse_to_count_twice(
    reader: _Reader, factors: list[PartConfig | None], site_factor: PartConfig | None
) -> None:
    for index, bound in enumerate(factors):
        if bound is not None and site_factor is not None and bound.part is site_factor.part:
            reader.say(
                ("score", "factors", index),
                f"{bound.part.name!r} is the factor of `visibility` already; remove one",
            )


def _check_names(
    reader: _Reader,
    models: list[PartConfig | None],
    factors: list[PartConfig | None],
    *,
    sources: Mapping[str, Sequence[str]],
) -> None:
    """Let each factor check its settings against the columns that there will be."""
    known = {model.name: model.part for model in models if model is not None}
    for index, bound in enumerate(factors):
        if bound is None or "check" not in bound.part.extras:
            continue
        check: Callable[..., list[str]] = bound.part.extras["check"]
        for message in check(bound.options, models=known, sources=sources):
            reader.say(("score", "factors", index), message)


def _annotates(
    data: Mapping[str, Any], sources: Sequence[PartConfig | None]
) -> dict[str, tuple[str, ...]]:
    """Return how the names of each source's annotations begin; of a faulty one, anyhow."""
    found: dict[str, tuple[str, ...]] = {name: ("",) for name, _ in _items(data, "sources")}
    for part in sources:
        if part is not None:
            begins = part.part.extras.get("annotates", ())
            found[part.name] = (begins,) if isinstance(begins, str) else tuple(begins)
    return found


def _digest(data: Any) -> str:
    """Return a short hash of the settings as written, without secrets, for provenance."""
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
