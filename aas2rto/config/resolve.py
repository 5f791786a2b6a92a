"""Names in a config become parts, factors, a site factor and observatories that fit together."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, create_model

from aas2rto.config.case import Case, PartConfig
from aas2rto.config.messages import ChannelPolicy, When
from aas2rto.config.reader import Reader, dotted
from aas2rto.config.sections import Config
from aas2rto.config.yaml_lines import Key
from aas2rto.errors import ConfigError, ConfigProblem, UnknownNameError, UsageError
from aas2rto.guard import attempt
from aas2rto.parts.path_setting import OnDisk
from aas2rto.parts.registry import Part, Registry
from aas2rto.sky import observatory_file

RESERVED_FACTORS = frozenset({"valid_until", "feedback", "telescope"})
"""The loop's own rules, which stand among the factors."""

SCIENCE_LIST = "science"
"""Name of the ranked list that knows no site."""

POINTS = "points"
"""What the `scale` of a factor is that only a sum can take, see `aas2rto.factors`."""

SITE = "site"
"""What a factor for `visibility` needs."""

REGISTRIES: dict[str, str] = {
    "sources": "aas2rto.sources:SOURCES",
    "models": "aas2rto.models:MODELS",
    "factors": "aas2rto.factors:FACTORS",
    "messages": "aas2rto.messaging:MESSENGERS",
}
"""Where the parts of each kind are registered; imported when a config is read."""


def registry(section: str) -> Registry:
    """Return the registry of a section of the config, importing it if need be."""
    module, _, name = REGISTRIES[section].partition(":")
    found = getattr(importlib.import_module(module), name)
    if not isinstance(found, Registry):
        raise TypeError(f"{REGISTRIES[section]} is not a registry")
    return found


@dataclass(frozen=True)
class _Parts:
    """What the names in a config stand for; None where a problem has been noted instead."""

    sources: list[PartConfig | None]
    models: list[PartConfig | None]
    factors: list[PartConfig | None]
    site_factor: PartConfig | None
    messengers: list[PartConfig | None]
    when: When
    observatories: list[Any]

    def keyed(self) -> Iterator[tuple[Key, PartConfig]]:
        """Yield the parts with the keys below which their settings stand."""
        for section, parts in (
            ("sources", self.sources),
            ("models", self.models),
            ("messages", self.messengers),
        ):
            yield from (((section, part.name), part) for part in _complete(parts))
        for index, factor in enumerate(self.factors):
            if factor is not None:
                yield ("score", "factors", index, factor.part.name), factor
        if self.site_factor is not None:
            yield ("visibility",), self.site_factor


def resolve(
    reader: Reader,
    config: BaseModel | None,
    data: dict[str, Any],
    archive: tuple[str, ...],
    *,
    digest: str,
) -> Case | None:
    """Find every part by its name, and check its settings and how it fits to the others.

    Parameters
    ----------
    reader : Reader
        Takes the problems; if there is any, there is no case.
    config : Config or None
        The sections; None if they cannot be used.
    data : dict
        The config as written, with its variables filled in.
    archive : tuple of str
        Files that take the place of the live sources.
    digest : str
        Short hash of the settings, for provenance.
    """
    parts = _find(reader, data, archive)
    _try_models(reader, parts.models)
    _refuse_to_count_twice(reader, parts.factors, parts.site_factor)
    _refuse_points_in_a_product(reader, data, parts.factors)
    sources = _annotates(data, parts.sources)
    _check_names(reader, parts.models, parts.factors, sources=sources)
    if not isinstance(config, Config) or reader.problems or parts.site_factor is None:
        return None
    found = list(_on_disk(reader, parts.keyed()))
    return Case(
        path=reader.path,
        config=config,
        sources=_complete(parts.sources),
        models=_complete(parts.models),
        factors=_complete(parts.factors),
        site_factor=parts.site_factor,
        messengers=_complete(parts.messengers),
        observatories=tuple(parts.observatories),
        digest=digest,
        when=parts.when,
        missing=reader.missing(),
        absent=tuple(_absent(reader, found)),
        to_be_made=tuple(_to_be_made(reader, found)),
    )


def _find(reader: Reader, data: Mapping[str, Any], archive: tuple[str, ...]) -> _Parts:
    """Look every name up."""
    sources = _section(reader, "sources", _items(data, "sources"))
    if archive:
        kept = [s for s in sources if s is not None and s.part.name == "too"]
        named = [
            one for one in _section(reader, "sources", [("archive", {"paths": archive})]) if one
        ]
        # What the command line names begins where it was typed, not beside the config.
        typed = [
            replace(one, options=one.options.model_copy(update={"paths": archive})) for one in named
        ]
        sources = [*typed, *kept]
    models = _section(reader, "models", _items(data, "models"))
    messages = dict(_items(data, "messages"))
    when = reader.validate(When, messages.pop("when", None) or {}, ("messages", "when"))
    return _Parts(
        sources=sources,
        models=models,
        messengers=_section(reader, "messages", messages.items()),
        factors=_factors(reader, data),
        site_factor=_site_factor(reader, data),
        when=when if isinstance(when, When) else When(),
        observatories=_observatories(reader, data),
    )


def _section(
    reader: Reader, section: str, written: Iterable[tuple[str, Any]]
) -> list[PartConfig | None]:
    """Look up the parts of a section whose keys are names."""
    return [_part(reader, section, name, one, (section, name)) for name, one in written]


def _on_disk(
    reader: Reader, parts: Iterable[tuple[Key, PartConfig]]
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


def _absent(reader: Reader, found: Iterable[tuple[Key, str, OnDisk]]) -> Iterator[ConfigProblem]:
    for key, text, place in found:
        why = place.absence(text, reader.path.parent)
        if why:
            yield reader.problem(key, why)


def _to_be_made(
    reader: Reader, found: Iterable[tuple[Key, str, OnDisk]]
) -> Iterator[ConfigProblem]:
    for key, text, place in found:
        if place.to_be_made(text):
            yield reader.problem(key, f"there is no folder {text} yet; the first cycle makes it")


def _complete(parts: list[PartConfig | None]) -> tuple[PartConfig, ...]:
    return tuple(part for part in parts if part is not None)


def _items(data: Mapping[str, Any], section: str) -> list[tuple[str, Any]]:
    value = data.get(section)
    return list(value.items()) if isinstance(value, dict) else []


def _part(reader: Reader, section: str, name: str, settings: Any, key: Key) -> PartConfig | None:
    """Find a part and check its settings; ``type:`` names it where `name` is the user's own."""
    settings = {} if settings is None else settings
    if not isinstance(settings, dict):
        reader.say(key, f"expected settings as `key: value`, not {reader.shown(settings)}")
        return None
    settings = dict(settings)
    type_ = settings.pop("type", name) if section in {"sources", "messages", "models"} else name
    try:
        part = registry(section).get(_beside(str(type_), reader.path.parent))
    except UnknownNameError as error:
        reader.say(key, str(error))
        return None
    model = with_policy(part.options) if section == "messages" else part.options
    options = reader.validate(model, settings, key)
    missing = tuple(v for k, names in reader.unset.items() if k[: len(key)] == key for v in names)
    if options is None:
        # Good enough to show, and to check names; with a problem noted it is never built.
        options = model.model_construct(**reader.known(settings, key))
    return PartConfig(name, part, _located(part, options, reader.path.parent), missing)


def _beside(reference: str, folder: Path) -> str:
    """Return ``file.py:name`` with the file beside the config, if there is one."""
    file, colon, name = reference.rpartition(".py:")
    path = folder / f"{file}.py"
    if not colon or observatory_file.is_here(folder) or not path.is_file():
        return reference
    return f"{path}:{name}"


def _located(part: Part, options: BaseModel, folder: Path) -> BaseModel:
    """Let settings that name files lead to those beside the config, where there are such."""
    changed: dict[str, Any] = {}
    for setting in part.settings:
        name, place = setting.name.rstrip("_"), setting.on_disk
        value = getattr(options, name, None)
        if place is None or value is None:
            continue
        if isinstance(value, tuple | list):
            found: Any = tuple(place.located(str(one), folder) for one in value)
        else:
            found = place.located(str(value), folder)
        if found != value:
            changed[name] = found
    return options.model_copy(update=changed) if changed else options


def with_policy(options: type[BaseModel]) -> type[BaseModel]:
    """Return the settings of a messenger together with those that every channel has."""
    return create_model(options.__name__, __base__=(options, ChannelPolicy))


def _factors(reader: Reader, data: Mapping[str, Any]) -> list[PartConfig | None]:
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
        if settings is None and found is not None and found.part.extras.get("null_turns_off"):
            continue
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


def _factor_entry(reader: Reader, entry: Any, key: Key) -> tuple[str, Any]:
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, dict) and len(entry) == 1:
        return next(iter(entry.items()))
    reader.say(key, f"expected `- name` or `- name: {{settings}}`, not {reader.shown(entry)}")
    return "", {}


def _site_factor(reader: Reader, data: Mapping[str, Any]) -> PartConfig | None:
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


def _observatories(reader: Reader, data: Mapping[str, Any]) -> list[Any]:
    names = data.get("observatories")
    found: dict[str, Any] = {}
    for index, name in enumerate(names if isinstance(names, list) else []):
        try:
            site = observatory_file.load(str(name), beside=reader.path.parent)
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


def _try_models(reader: Reader, models: list[PartConfig | None]) -> None:
    """Set up each model once: one that cannot be would miss every night."""
    for bound in _complete(models):
        key: Key = ("models", bound.name)
        if bound.missing or any(problem.key.startswith(dotted(key)) for problem in reader.problems):
            continue
        made = attempt(f"model {bound.name}", bound.build)
        if made.failure is not None:
            reader.say(key, made.failure.error.removeprefix("ModelError: "))


def _refuse_to_count_twice(
    reader: Reader, factors: list[PartConfig | None], site_factor: PartConfig | None
) -> None:
    for index, bound in enumerate(factors):
        if bound is not None and site_factor is not None and bound.part is site_factor.part:
            reader.say(
                ("score", "factors", index),
                f"{bound.part.name!r} is the factor of `visibility` already; remove one",
            )


def _refuse_points_in_a_product(
    reader: Reader, data: Mapping[str, Any], factors: list[PartConfig | None]
) -> None:
    score = data.get("score")
    if isinstance(score, dict) and score.get("combine") == "sum":
        return
    for index, bound in enumerate(factors):
        if bound is not None and bound.part.extras.get("scale") == POINTS:
            reader.say(
                ("score", "factors", index),
                f"{bound.part.name!r} gives points, which a product cannot take; write "
                "combine: sum in `score`",
            )


def _check_names(
    reader: Reader,
    models: list[PartConfig | None],
    factors: list[PartConfig | None],
    *,
    sources: Mapping[str, tuple[str, ...]],
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
    data: Mapping[str, Any], sources: Iterable[PartConfig | None]
) -> dict[str, tuple[str, ...]]:
    """Return how the names of each source's annotations begin, besides its own name."""
    found: dict[str, tuple[str, ...]] = {name: () for name, _ in _items(data, "sources")}
    for part in sources:
        if part is not None:
            begins = part.part.extras.get("annotates", ())
            found[part.name] = (begins,) if isinstance(begins, str) else tuple(begins)
    return found
