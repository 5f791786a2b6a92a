"""What listing objects has in common, whoever lists them: the window, its dates, what is kept.

A list is asked for from a cursor on, page by page. The cursor moves only behind what was listed
completely; what is asked once a day (the present name of a classifier, the tags that there are)
is kept in it, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aas2rto.tables.report import is_older
from aas2rto.text.words import MJD_EPOCH

TAI_MINUS_UTC = 37.0 / 86400.0
"""[d] since 2017; LSST times are TAI."""


def window_start(
    seen: float | None, complete: float | None, end: float, *, since: float, overlap: float
) -> float:
    """Say from when on to list objects, so that neither outages nor late data leave a gap.

    Parameters
    ----------
    seen : float or None
        Time of the newest object listed so far.
    complete : float or None
        End of the last list that was read to its end.
    end : float
        End of the list to come, in the same scale [d].
    since : float
        Days to look back at first, and at any time when nothing newer has been seen: brokers
        may be days behind the sky.
    overlap : float
        Days before the newest object that are listed again: data come late and out of order.

    Examples
    --------
    >>> window_start(100.0, 100.5, 101.0, since=7.0, overlap=1.0)  # as on most days
    99.0
    >>> window_start(100.0, 100.5, 120.0, since=7.0, overlap=1.0)  # after an outage
    99.0
    >>> window_start(100.0, 199.9, 200.0, since=7.0, overlap=1.0)  # the stream is dark
    192.9
    """
    oldest = (end if complete is None else complete) - since
    return oldest if seen is None else max(seen - overlap, oldest)


def iso_date(mjd: float) -> str:
    """Write a time as services read dates, to the millisecond: a bare number is refused by some.

    Parameters
    ----------
    mjd : float
        In whatever scale the service counts [d].

    Examples
    --------
    >>> iso_date(61233.5)
    '2026-07-12 12:00:00.000'
    """
    moment = MJD_EPOCH + timedelta(milliseconds=round(mjd * 86_400_000.0))
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


def once_a_day(
    cursor: dict[str, Any], key: str, now: float, ask: Callable[[], Any], *, about: Any = None
) -> Any:
    """Return what was asked within the last day, or ask.

    Parameters
    ----------
    cursor : dict
        Of the harvest; the answer (which must be JSON) is kept under `key`.
    key : str
    now : float
        MJD (UTC).
    ask : callable
        Asks the service; what it raises is passed on, and nothing is kept.
    about : object
        What the answer is about; another one (JSON) makes the kept answer useless.
    """
    kept = cursor.get(key)
    known = kept if isinstance(kept, dict) and kept.get("about") == about else None
    if known is not None and not is_older(known["asked"], now, 1.0):
        return known["answer"]
    answer = ask()
    cursor[key] = {"about": about, "asked": now, "answer": answer}
    return answer


def pages(ask: Callable[[int], list[Any]], size: int) -> Iterator[list[Any]]:
    """Yield pages of a list until one is not full: what services say of their length is wrong.

    Parameters
    ----------
    ask : callable
        Returns the records from a position on, at most `size`.
    size : int
    """
    start = 0
    while True:
        page = ask(start)
        yield page
        if len(page) < size:
            return
        start += size


def newest_of(times: list[float], default: float) -> float:
    """Return the latest finite time of a page, or `default`."""
    return max([default, *(time for time in times if math.isfinite(time))])


def next_page(link: Any) -> list[tuple[str, str]] | None:
    """Return the parameters of the next page, which its address carries; None: it was the last.

    The address itself is not followed: services have named http there, and hosts behind a proxy.

    Parameters
    ----------
    link : Any
        What stands in an answer: an address, or none.
    """
    return parse_qsl(urlsplit(link).query) or None if isinstance(link, str) else None
