"""Values of settings as people write them in a config."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import PurePath
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, SecretStr

from aas2rto.units import Unit

HIDDEN = "***"

M = TypeVar("M")


def marker(hint: Any, kind: type[M]) -> M | None:
    """Find a marker, such as a unit, anywhere in a type hint, such as in ``Mag | None``."""
    if typing.get_origin(hint) is Annotated:
        for extra in typing.get_args(hint)[1:]:
            if isinstance(extra, kind):
                return extra
    inside = (marker(inner, kind) for inner in typing.get_args(hint))
    return next((found for found in inside if found is not None), None)


def in_yaml(value: Any, unit: str = "") -> str:
    """Write a value as it would stand in a config, on one line; secrets are not shown.

    Parameters
    ----------
    value : object
        A setting as the program holds it.
    unit : str
        Of the numbers in it.

    Examples
    --------
    >>> in_yaml((0.0, 0.2)), in_yaml(-1.0, "1 / day"), in_yaml(None), in_yaml("")
    ('[0, 0.2]', '-1 / day', 'null', "''")
    """
    if isinstance(value, BaseModel) or is_dataclass(value):
        return _braces(settings_in_yaml(value))
    if isinstance(value, Mapping):
        return _braces({str(key): in_yaml(one, unit) for key, one in value.items()})
    if isinstance(value, tuple | list | set | frozenset):
        return f"[{', '.join(in_yaml(one, unit) for one in value)}]"
    return _scalar(value, unit)


def _scalar(value: Any, unit: str) -> str:
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return _quantity(f"{value:.12g}", unit)
    return _text(str(value) if isinstance(value, str | PurePath) else repr(value))


def settings_in_yaml(options: Any) -> dict[str, str]:
    """Return settings as they would stand in a config.

    Parameters
    ----------
    options : pydantic model or dataclass
        What is wrong or not set in it yet, and so has no value, is left out.
    """
    hints = typing.get_type_hints(type(options), include_extras=True)
    if isinstance(options, BaseModel):
        fields = type(options).model_fields
        # What pydantic made of a signature has its units in the fields only.
        hints = {k: Annotated[(f.annotation, *f.metadata, None)] for k, f in fields.items()}
    written = {}
    for name in (name for name in hints if hasattr(options, name)):
        unit = marker(hints[name], Unit)
        written[name] = in_yaml(getattr(options, name), unit.unit if unit else "")
    return written


def _braces(written: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{name}: {value}' for name, value in written.items())}}}"


def _quantity(number: str, unit: str) -> str:
    return f"{number}{unit.removeprefix('1') if unit.startswith('1 /') else f' {unit}'}".rstrip()


def _text(text: str) -> str:
    """Write a text, in quotes where YAML would take it for something else."""
    listed: str = yaml.safe_dump([text], default_flow_style=True, width=1e9, allow_unicode=True)
    return listed.strip().removeprefix("[").removesuffix("]")
