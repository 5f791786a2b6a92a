"""A config file -> a frozen, typed science case; everything that is wrong is said at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aas2rto.config import examples, yaml_lines
from aas2rto.config.case import Case
from aas2rto.config.overrides import changed, places
from aas2rto.config.reader import Reader, line_of
from aas2rto.config.resolve import resolve
from aas2rto.config.secrets import known_environment
from aas2rto.config.sections import Config
from aas2rto.errors import ConfigError, ConfigProblem, UsageError
from aas2rto.text.words import nearest


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
    path = examples.find_config(Path(path))
    reader = Reader(path)
    written = changed(_read_file(path, reader), changes or {})
    reader.changed = places(written, changes or {})
    data = reader.substitute(written, (), known_environment(environment))
    config = reader.validate(Config, data, ())
    case = resolve(reader, config, data, tuple(archive), digest=_digest(written))
    if need_secrets or case is None:
        reader.problems.extend(_missing_for(reader, archive=bool(tuple(archive))))
    if reader.problems or case is None:
        raise ConfigError(sorted(reader.problems, key=line_of))
    return case


def _missing_for(reader: Reader, *, archive: bool) -> tuple[ConfigProblem, ...]:
    """Return missing variables, but for those of live sources that an archive replaces."""
    missing = reader.missing()
    return tuple(p for p in missing if not (archive and p.key.startswith("sources.")))


def _read_file(path: Path, reader: Reader) -> dict[str, Any]:
    if not path.is_file():
        places = (path.parent, *examples.folders("configs"))
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


def _digest(data: Any) -> str:
    """Return a short hash of the settings as written, without secrets, for provenance."""
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
