"""What a service stored, against what it was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aas2rto.text.words import one_line

OWN = frozenset(
    {
        *("id", "state", "created", "modified", "submitter", "submitter_id", "duration"),
        *("priority", "parent", "configuration_status", "request_group"),
    }
)
"""What the portal adds to every request, and nobody asks for."""

LONGEST = 60


def differences(sent: Any, stored: Any, at: str = "") -> Iterator[str]:
    """Yield what was changed, lost or added, one line each; numbers and times by their value.

    Parameters
    ----------
    sent, stored : object
        JSON.
    at : str
        Where it stands.
    """
    if isinstance(sent, Mapping) and isinstance(stored, Mapping):
        for key in sent:
            yield from differences(sent[key], stored.get(key), f"{at}.{key}".lstrip("."))
        for key in stored:
            if key not in sent and key not in OWN and stored[key] not in (None, "", {}, []):
                yield f"{at}.{key}".lstrip(".") + f": added {_shown(stored[key])}"
    elif _is_list(sent) and _is_list(stored):
        for place, one in enumerate(sent):
            other = stored[place] if place < len(stored) else None
            yield from differences(one, other, f"{at}[{place}]")
        for place in range(len(sent), len(stored)):
            yield f"{at}[{place}]: added {_shown(stored[place])}"
    elif not _same(sent, stored):
        yield f"{at}: sent {_shown(sent)}, stored {_shown(stored)}"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _same(sent: Any, stored: Any) -> bool:
    if sent in (None, {}, []) and stored in (None, {}, []):
        return True
    if isinstance(sent, int | float) and isinstance(stored, int | float):
        return abs(float(sent) - float(stored)) <= 1e-9 * max(1.0, abs(float(sent)))
    if isinstance(sent, str) and isinstance(stored, str):
        return sent == stored or sent.rstrip("Z") == stored.rstrip("Z")
    return bool(sent == stored)


def _shown(value: Any) -> str:
    return one_line(str(value), LONGEST)
