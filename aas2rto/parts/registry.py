"""Name -> part: factors, models, sources and messengers are found here.

A part is a function or a class. Its keyword-only arguments, with their annotations and
defaults, are its settings in a config; nothing else has to be written down.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from aas2rto.errors import UnknownNameError
from aas2rto.guard import attempt
from aas2rto.parts.path_setting import OnDisk
from aas2rto.parts.setting_text import in_yaml, marker
from aas2rto.text.words import nearest
from aas2rto.units import Unit

PART_ATTRIBUTE = "__aas2rto_part__"


@dataclass(frozen=True)
class Setting:
    """One setting of a part, as `aas2rto list` shows it."""

    name: str
    default: Any
    unit: str
    required: bool
    on_disk: OnDisk | None = None

    def __str__(self) -> str:
        # In a config `class` is a fine name; in Python it is not.
        name = self.name.rstrip("_")
        if self.required:
            return f"{name} [{self.unit}] (required)" if self.unit else f"{name} (required)"
        return f"{name}: {in_yaml(self.default, self.unit)}"


@dataclass(frozen=True)
class Part:
    """A named part of the program and the settings it takes.

    Parameters
    ----------
    kind : str
        ``factor``, ``model``, ``source`` or ``messenger``.
    name : str
        Its name in a config.
    make : callable
        The function or class itself.
    extras : mapping
        What the kind needs to know beside: a factor's ``needs``, for example.
    """

    kind: str
    name: str
    make: Callable[..., Any]
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.make) or "").partition("\n")[0]

    @functools.cached_property
    def options(self) -> type[BaseModel]:
        """A pydantic model of the settings; unknown keys are refused."""
        return options_model(self.make, name=self.name)

    def arguments(self, options: BaseModel) -> dict[str, Any]:
        """Turn checked settings into the keyword arguments of the part."""
        return {key: getattr(options, key.rstrip("_")) for key in keyword_parameters(self.make)}

    @property
    def settings(self) -> list[Setting]:
        """The settings with defaults and units."""
        hints = typing.get_type_hints(_signature_owner(self.make), include_extras=True)
        return [
            Setting(
                name,
                parameter.default,
                getattr(marker(hints.get(name), Unit), "unit", ""),
                parameter.default is inspect.Parameter.empty,
                marker(hints.get(name), OnDisk),
            )
            for name, parameter in keyword_parameters(self.make).items()
        ]


def _signature_owner(make: Callable[..., Any]) -> Callable[..., Any]:
    return make.__init__ if inspect.isclass(make) else make


def keyword_parameters(make: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the keyword-only parameters of a function or class: its settings."""
    parameters = inspect.signature(_signature_owner(make)).parameters
    return {n: p for n, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}


def options_model(make: Callable[..., Any], *, name: str) -> type[BaseModel]:
    """Build the pydantic model that checks the settings of `make`."""
    hints = typing.get_type_hints(_signature_owner(make), include_extras=True)
    fields: dict[str, Any] = {
        # `class`, `from` and the like are Python words: a part writes `class_`, a config `class`.
        key.rstrip("_"): (
            hints.get(key, Any),
            ... if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for key, parameter in keyword_parameters(make).items()
    }
    return create_model(
        name,
        __config__=ConfigDict(
            extra="forbid",
            frozen=True,
            arbitrary_types_allowed=True,
            protected_namespaces=(),
            allow_inf_nan=False,
        ),
        **fields,
    )


class Registry:
    """All parts of one kind: built-in, from entry points, and from users' own files.

    Parameters
    ----------
    kind : str
        ``factor``, ``model``, ``source`` or ``messenger``.
    package : str
        The package whose modules hold the built-in parts; each is imported on first use.

    Notes
    -----
    Installed packages add parts through the entry-point group ``aas2rto.<kind>s``.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._parts: dict[str, Part] = {}
        self._broken: dict[str, str] = {}
        self._loaded = False

    def register(self, name: str, **extras: Any) -> Callable[[Any], Any]:
        """Decorate a function or class to make it a part of this kind."""

        def mark(make: Any) -> Any:
            part = Part(self.kind, name, make, extras)
            setattr(make, PART_ATTRIBUTE, part)
            if make.__module__.startswith(f"{self._package}."):
                self._parts[name] = part
            return make

        return mark

    def _load(self) -> None:
        if self._loaded:
            return
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self._package}.{module.name}")
        for point in entry_points(group=f"{self._package.partition('.')[0]}.{self.kind}s"):
            # A package that cannot be imported costs its own parts only.
            made = attempt(f"entry point {point.name}", functools.partial(self._enter, point))
            if made.failure is not None:
                self._broken[point.name] = made.failure.error
        self._loaded = True

    def _enter(self, point: EntryPoint) -> None:
        self._parts.setdefault(point.name, self._as_part(point.name, point.load()))

    def names(self) -> list[str]:
        """Return all names, sorted."""
        self._load()
        return sorted(self._parts)

    def get(self, name: str) -> Part:
        """Find a part by its name, or by ``path/to/file.py:function``.

        Raises
        ------
        UnknownNameError
            If there is none; the text offers the nearest name.
        """
        if ".py:" in name:
            return self._from_file(name)
        self._load()
        if name in self._broken and name not in self._parts:
            raise UnknownNameError(
                f"the {self.kind} {name!r} of an installed package cannot be used: "
                f"{self._broken[name]}; mend or update that package"
            )
        if name not in self._parts:
            raise UnknownNameError(
                f"no {self.kind} is called {name!r}{nearest(name, self._parts)} "
                f"(known: {', '.join(self.names())})"
            )
        return self._parts[name]

    def _as_part(self, name: str, make: Any) -> Part:
        if not callable(make):
            raise UnknownNameError(f"{name!r} is {make!r}, which is no function or class")
        part = getattr(make, PART_ATTRIBUTE, None)
        # A class inherits the mark of its parent, which it is not.
        if not isinstance(part, Part) or part.make is not make:
            part = Part(self.kind, name, make)
        if part.kind != self.kind:
            raise UnknownNameError(f"{name!r} is a {part.kind}, not a {self.kind}")
        read = attempt(name, lambda: part.options)
        if read.failure is not None:
            raise UnknownNameError(f"{name!r}: its settings make no sense: {read.failure.error}")
        return part

    def _from_file(self, reference: str) -> Part:
        file_name, _, attribute = reference.rpartition(":")
        path = Path(file_name).expanduser()
        if not path.is_file():
            raise UnknownNameError(f"{reference!r}: there is no file {path.resolve()}")
        place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
        module_name = f"aas2rto_user_{path.stem}_{place}"
        spec = importlib.util.spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None:
            raise UnknownNameError(f"{reference!r}: {path} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module  # dataclasses and pickles look their module up there
        loader = spec.loader
        imported = attempt(reference, lambda: loader.exec_module(module))
        if imported.failure is not None:
            raise UnknownNameError(
                f"{reference!r}: importing {path} failed with {imported.failure.error}"
            )
        if not hasattr(module, attribute):
            raise UnknownNameError(
                f"{reference!r}: {path} has no {attribute!r}{nearest(attribute, vars(module))}"
            )
        return self._as_part(reference, getattr(module, attribute))
