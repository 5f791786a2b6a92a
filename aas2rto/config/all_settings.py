"""Every setting of a science case by the key that ``--set`` takes, with its value and default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from aas2rto.config.case import Case, PartConfig
from aas2rto.config.overrides import labels
from aas2rto.parts.setting_text import in_yaml, marker, settings_in_yaml
from aas2rto.units import Unit

SECTIONS = ("loop", "candidates", "plan", "figures")
"""Sections of the config whose settings stand directly below them."""

OPTIONAL = ("snapshot", "lco")
"""The same of sections without which a config does without what they are for."""

SCORE = ("score.base", "score.combine", "score.clip", "score.keep_from")
"""What `--set` takes of the score, besides its factors."""

PLAIN = ("store", "model_choice", "observatories")
"""Settings that stand at the top of a config."""


@dataclass(frozen=True)
class KeyedSetting:
    """One setting.

    Parameters
    ----------
    key : str
        Dotted, as ``score.factors.magnitude.faint_limit``.
    value, default : str
        As they would stand in a config; no default: it is required.
    unit : str
        Of the numbers in it; empty: none.
    """

    key: str
    value: str
    default: str
    unit: str


def settings_of(case: Case) -> list[KeyedSetting]:
    """Return every setting of a science case that ``--set`` takes, in the order of the config.

    Parts of files of the user's own have a dot in their name, so their settings cannot be named.
    """
    found = [*_plain(case)]
    for section in SECTIONS:
        found += _of_model(section, getattr(case.config, section))
    found += _parts("sources", case.sources)
    found += _parts("models", case.models)
    found += [one for one in _of_model("score", case.config.score) if one.key in SCORE]
    for name, part in zip(factor_names(case), case.factors, strict=True):
        found += _of_model(f"score.factors.{name}", part.options)
    name = case.site_factor.part.name
    found.append(KeyedSetting("visibility.factor", name, "altitude_integral", ""))
    found += _of_model("visibility", case.site_factor.options)
    found += _of_model("messages.when", case.when)
    found += _parts("messages", case.messengers)
    found += _outlets(case)
    return [one for one in found if _can_be_named(one.key)]


def _outlets(case: Case) -> Iterator[KeyedSetting]:
    """Yield the settings of the sections that a config need not have."""
    for section in OPTIONAL:
        options = getattr(case.config, section)
        if options is not None:
            yield from _of_model(section, options)
    for name in type(case.config.share).model_fields if case.config.share else ():
        options = getattr(case.config.share, name)
        if options is not None:
            yield from _of_model(f"share.{name}", options)


def factor_names(case: Case) -> list[str]:
    """Return what the factors are called in keys, see `aas2rto.config.overrides.labels`."""
    return labels(case.config.score.factors)


def _can_be_named(key: str) -> bool:
    return ".py:" not in key


def _plain(case: Case) -> Iterator[KeyedSetting]:
    for name in PLAIN:
        default = type(case.config).model_fields[name].default
        yield KeyedSetting(name, in_yaml(getattr(case.config, name)), _default(default, ""), "")


def _parts(section: str, parts: tuple[PartConfig, ...]) -> Iterator[KeyedSetting]:
    for part in parts:
        yield from _of_model(f"{section}.{part.name}", part.options)


def _of_model(above: str, options: BaseModel) -> Iterator[KeyedSetting]:
    values = settings_in_yaml(options)
    for name, field in type(options).model_fields.items():
        marked = marker(Annotated[(field.annotation, *field.metadata, None)], Unit)
        unit = marked.unit if marked else ""
        default = field.get_default(call_default_factory=True)
        yield KeyedSetting(f"{above}.{name}", values.get(name, ""), _default(default, unit), unit)


def _default(value: Any, unit: str) -> str:
    return "" if value is PydanticUndefined else in_yaml(value, unit)
