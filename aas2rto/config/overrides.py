"""Settings of a config, changed for a question: ``visibility.min_altitude=25deg``."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from aas2rto.config.yaml_lines import Key
from aas2rto.errors import UsageError
from aas2rto.text.words import nearest


def changes(texts: Iterable[str]) -> dict[str, Any]:
    """Read changes.

    Parameters
    ----------
    texts : iterable of str
        ``key=value`` each; the value as it would stand in the config.

    Raises
    ------
    UsageError
        If one is not of this form.

    Examples
    --------
    >>> changes(["visibility.min_altitude=25deg", "plan.visits=2"])
    {'visibility.min_altitude': '25deg', 'plan.visits': 2}
    """
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                f"--set: {text!r} is no change; write key=value, such as "
                "visibility.min_altitude=25deg or score.factors.magnitude.faint_limit='19 mag'"
            )
        try:
            found[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"--set: {value!r} of {key} is no YAML value") from error
    return found


def changed(written: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with some settings changed.

    Parameters
    ----------
    written : mapping
        As in the file; it stays as it is.
    wanted : mapping
        From dotted keys to values; factors are named, as in ``score.factors.peak.sigma``.

    Raises
    ------
    UsageError
        If a key leads nowhere. Whether the setting exists is found when the config is checked.
    """
    data = copy.deepcopy(dict(written))
    for key, value in wanted.items():
        _put(data, key.split("."), value, key)
    return data


def _put(data: Any, path: list[str], value: Any, key: str) -> None:
    name, rest = path[0], path[1:]
    if isinstance(data, list):
        data = _entry(data, name, key)
        name = next(iter(data))
    if not isinstance(data, dict):
        raise UsageError(f"--set: {key} leads nowhere: there are no settings above {name!r}")
    if not rest:
        data[name] = value
        return
    if data.get(name) is None:
        data[name] = {}
    _put(data[name], rest, value, key)


def places(data: Mapping[str, Any], wanted: Mapping[str, Any]) -> frozenset[Key]:
    """Return where the changed settings stand, for errors that must not blame the file.

    Parameters
    ----------
    data : mapping
        What `changed` returned.
    wanted : mapping
        What it was asked for.

    Examples
    --------
    >>> sorted(places({"plan": {"visits": 2}}, {"plan.visits": 2}))
    [('plan', 'visits')]
    """
    return frozenset(_place(data, key.split(".")) for key in wanted)


def _place(data: Any, path: list[str]) -> Key:
    """Follow a path as far as it is there: another change may have put something in its place."""
    key: Key = ()
    for step in path:
        name = step
        if isinstance(data, list):
            if step not in labels(data):
                return key
            index = labels(data).index(step)
            key, data = (*key, index), data[index]
            name = next(iter(data)) if isinstance(data, dict) and data else step
        if not isinstance(data, dict) or name not in data:
            return key
        key, data = (*key, name), data[name]
    return key


def _entry(entries: list[Any], name: str, key: str) -> dict[str, Any]:
    """Return the mapping ``{name: settings}`` of a list of named parts."""
    names = labels(entries)
    if name not in names:
        known = [str(one) for one in names]
        raise UsageError(
            f"--set: {key}: there is no {name!r}{nearest(name, known)} (there: {', '.join(known)})"
        )
    place = names.index(name)
    if not isinstance(entries[place], dict):
        entries[place] = {str(entries[place]): {}}
    found: dict[str, Any] = entries[place]
    return found


def labels(entries: Sequence[Any]) -> list[str]:
    """Return what each of a list of ``name`` or ``{name: settings}`` is called in a key.

    Parameters
    ----------
    entries : sequence
        As a config writes them.

    Returns
    -------
    list of str
        Its name; of several with the same one its setting ``name``, or ``name#2`` and so on.

    Examples
    --------
    >>> labels(["chisq", {"dip": {}}, {"dip": {"name": "dip_paper"}}, {"dip": {}}])
    ['chisq', 'dip', 'dip_paper', 'dip#2']
    """
    plain = [str(next(iter(one)) if isinstance(one, dict) and one else one) for one in entries]
    told: list[str] = []
    for one, name in zip(entries, plain, strict=True):
        settings = one.get(name) if isinstance(one, dict) else None
        own = settings.get("name") if isinstance(settings, dict) else None
        free = (f"{name}#{n}" if n > 1 else name for n in itertools.count(1))
        is_own = plain.count(name) > 1 and isinstance(own, str) and own not in {"", *plain, *told}
        told.append(str(own) if is_own else next(label for label in free if label not in told))
    return told
