"""Secrets stand in the environment, or in the file that ``AAS2RTO_SECRETS`` names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from aas2rto.errors import UsageError

_ASSIGNMENT = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<quote>["']?)(?P<value>.*?)(?P=quote)\s*$"""
)
"""A line of a file of secrets, as shells read it, too."""


def known_environment(environment: Mapping[str, str] | None) -> dict[str, str]:
    """Return the variables that a config may use: the environment wins over the file of secrets.

    Parameters
    ----------
    environment : mapping or None
        None: the environment of the process.
    """
    found = dict(os.environ if environment is None else environment)
    return {**secrets_from_file(found), **found}


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
