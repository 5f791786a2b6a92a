"""Names that a telescope takes: short, without blanks, and no two of a list alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

UNLIMITED = 60
"""Signs where a dialect gives no limit: longer names break the columns of those who read along."""

HEAD = 3
"""Signs kept of the beginning of a long name, such as ``ZTF``: its end tells it from others."""

_TAKEN = re.compile(r"[^A-Za-z0-9+._-]+")


def short_names(names: Sequence[str], longest: int = UNLIMITED) -> list[str]:
    """Return a name for each target that every dialect takes.

    Parameters
    ----------
    names : sequence of str
        Other people's, of any length, some alike.
    longest : int
        Signs of a short name, at least 8.

    Returns
    -------
    list of str
        ASCII letters, digits and ``+ - . _`` (Las Campanas takes no others), beginning and ending
        with a letter or digit (ING: no name ends with a point), with a letter in them (a number
        would be read as a position or an index), and different also without regard to case
        (ING's catalogue has none).

    Examples
    --------
    >>> short_names(["SN 2026abcd", "LSST170587117720698934", "SN2026abcd"], 15)
    ['SN2026abcd', 'LSS_17720698934', 'SN2026abcd-2']
    """
    used: set[str] = set()
    found = []
    for name in names:
        base = _allowed(name)
        short, count = _cut(base, longest), 1
        while short.casefold() in used:
            count += 1
            short = _cut(base, longest - len(str(count)) - 1) + f"-{count}"
        used.add(short.casefold())
        found.append(short)
    return found


def _allowed(name: str) -> str:
    letters = unicodedata.normalize("NFKD", str(name)[:1000])
    word = _TAKEN.sub("", "".join(one for one in letters if not unicodedata.combining(one)))
    word = word.strip("+._-") or "target"
    return word if any(sign.isalpha() for sign in word) else f"ID{word}"


def _cut(word: str, longest: int) -> str:
    if len(word) <= longest:
        return word
    head, tail = word[:HEAD].rstrip("+._-"), word[-(longest - HEAD - 1) :].lstrip("+._-")
    return f"{head}_{tail}"
