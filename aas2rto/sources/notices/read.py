"""A message or a file, to what it says: GCN's JSON, LIGO/Virgo/KAGRA's, VOEvent, a sky map."""

from __future__ import annotations

from aas2rto.sources.notices import unified, voevent
from aas2rto.sources.notices.notice import MOST_BYTES, Notice, safe, unreadable

FITS_BEGIN = (b"SIMPLE  =", b"\x1f\x8b")
"""FITS, or packed by gzip."""


def read(content: bytes, where: str) -> Notice:
    """Read a notice, whatever its form.

    Parameters
    ----------
    content : bytes
    where : str
        The topic, or the name of the file: it tells the mission where the notice does not.

    Raises
    ------
    InputError
        If it cannot be used; the text says why.
    """
    if len(content) > MOST_BYTES:
        raise unreadable(f"it has {len(content)} bytes")
    begin = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.startswith(FITS_BEGIN):
        return Notice("map", safe(where.partition(".")[0]), sky_map=content)
    if begin.startswith(b"{"):
        return unified.read(content, where)
    if begin.startswith(b"<"):
        return voevent.read(content, where)
    raise unreadable("it is neither JSON nor VOEvent nor FITS" if begin else "it is empty")
