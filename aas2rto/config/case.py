"""A science case: a config that has been read, checked and resolved, and its parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from aas2rto.config.messages import ChannelPolicy, When
from aas2rto.config.sections import Config
from aas2rto.errors import ConfigProblem
from aas2rto.parts.registry import Part


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
