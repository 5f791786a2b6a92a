"""YAML with line numbers: plain data, and for each key the line where it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

Key = tuple[str | int, ...]
"""Where a value stands: ``("score", "factors", 2, "magnitude")``."""


_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Stand for the braces of ``${NAME}`` while YAML is read: it takes braces inside ``{...}`` and
``[...]`` for its own. Private-use characters, which no other text has."""


class YamlError(ValueError):
    """A file is not YAML, or says one key twice.

    Parameters
    ----------
    message : str
        What is wrong.
    line : int
        Counted from 1.
    """

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.SafeLoader):
    """A safe loader that leaves sexagesimal numbers (``10:20:30``) and dates as text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(path: Path) -> tuple[Any, dict[Key, int]]:
    """Read a YAML file.

    Parameters
    ----------
    path : Path
        UTF-8 text.

    Returns
    -------
    data : object
        Dictionaries, lists and scalars.
    lines : dict
        The line, from 1, of each key and list item.

    Raises
    ------
    YamlError
        If it cannot be read as YAML, or a key stands twice in one place.
    OSError
        If the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise YamlError(f"is not UTF-8 text (byte {error.start}); save it as UTF-8", 1) from error
    try:
        return _load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise YamlError(f"is not valid YAML: {error.problem or error.context}", line) from error
    except yaml.YAMLError as error:
        raise YamlError(f"is not valid YAML: {' '.join(str(error).split())}", 1) from error
    except RecursionError as error:
        raise YamlError("nests too deeply, or contains itself", 1) from error


def _load(text: str) -> tuple[Any, dict[Key, int]]:
    loader = _Loader(
        _VARIABLE.sub(rf"${_OPEN}\1{_CLOSE}", text)
    )  # raises, too, where a character is not printable
    try:
        node = loader.get_single_node()
        lines: dict[Key, int] = {(): 1}
        data = None if node is None else _read(loader, node, (), lines)
    finally:
        loader.dispose()
    return data, lines


def _with_braces(text: str) -> str:
    return text.replace(_OPEN, "{").replace(_CLOSE, "}")


def _read(loader: _Loader, node: yaml.Node, key: Key, lines: dict[Key, int]) -> Any:
    if isinstance(node, yaml.ScalarNode):
        node.value = _with_braces(node.value)
    if isinstance(node, yaml.MappingNode):
        return _read_mapping(loader, node, key, lines)
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, child in enumerate(node.value):
            lines[(*key, index)] = child.start_mark.line + 1
            items.append(_read(loader, child, (*key, index), lines))
        return items
    if isinstance(node, yaml.ScalarNode) and ":" in node.value and node.style is None:
        return node.value  # YAML 1.1 would read 10:20:30 as a number of base 60
    return loader.construct_object(node, deep=True)


def _read_mapping(
    loader: _Loader, node: yaml.MappingNode, key: Key, lines: dict[Key, int]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name_node, child in node.value:
        line = name_node.start_mark.line + 1
        if not isinstance(name_node, yaml.ScalarNode):
            raise YamlError("a key must be a text, not a list or a mapping", line)
        name = _with_braces(name_node.value)
        if name in values:
            first = lines[(*key, name)]
            raise YamlError(f"{name!r} stands twice (first in line {first}); remove one", line)
        lines[(*key, name)] = line
        values[name] = _read(loader, child, (*key, name), lines)
    return values
