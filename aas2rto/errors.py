"""The errors of this program, all under one root, so that a caller can catch them narrowly.

::

    Aas2rtoError              exit code 1: one line for the user
    |-- UsageError            exit code 2: bad config or arguments
    |   |-- ConfigError       everything that is wrong with a config, together
    |   `-- UnknownNameError  a name that no registry holds, with the nearest one
    |-- InputError            one file or record from a person or a network is unusable
    |-- SourceError           a service did not answer, or not as it should
    |-- StoreError            the database cannot be opened or written
    |-- ModelError            a light-curve model cannot be set up
    `-- MessageError          a messenger refused or lost a message

Each text says where, what, why, and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aas2rto.text.words import counted


class Aas2rtoError(Exception):
    """Root of all errors that this program raises on purpose."""

    exit_code = 1


class UsageError(Aas2rtoError):
    """A config or a command-line argument cannot be used."""

    exit_code = 2


@dataclass(frozen=True)
class ConfigProblem:
    """One thing that is wrong with a config.

    Parameters
    ----------
    where : str
        ``file:line``.
    key : str
        Dotted path of the setting, such as ``visibility.min_altitude``.
    message : str
        What is wrong, what was expected, and the nearest name if there is one.
    """

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.message}"


class ConfigError(UsageError):
    """Everything that is wrong with a config, together.

    Parameters
    ----------
    problems : sequence of ConfigProblem
        At least one.
    """

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        title = f"{counted(count, 'problem')} in the config:"
        super().__init__("\n".join([title, *(f"  {problem}" for problem in self.problems)]))


class UnknownNameError(UsageError):
    """A name that no registry holds; the text offers the nearest ones."""


class InputError(Aas2rtoError):
    """One file or record that came from a person or a network is unusable."""


class SourceError(Aas2rtoError):
    """A service did not answer, or not as it should."""


class StoreError(Aas2rtoError):
    """The database cannot be opened, read or written."""


class ModelError(Aas2rtoError):
    """A light-curve model cannot be set up."""


class MessageError(Aas2rtoError):
    """A messenger refused or lost a message."""
