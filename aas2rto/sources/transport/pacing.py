"""Patience: deadlines, rate limits, and how services say that they want to be left alone."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from aas2rto.tables.report import LONGEST_WAIT


class Deadline:
    """The time that is left for one poll.

    Parameters
    ----------
    seconds : float
        From now.
    clock : callable
        Seconds that never go back; tests pass their own.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds that remain; never negative."""
        return max(0.0, self._end - self._clock())


class TokenBucket:
    """Lets `burst` questions through at once and `rate` per second in the long run.

    Parameters
    ----------
    rate : float
        [1 / s].
    burst : int
    clock : callable
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._tokens = float(burst)
        self._stamp = clock()
        self._held_until = self._stamp
        self._lock = threading.Lock()

    def reserve(self, patience: float) -> float:
        """Return the seconds to wait before asking; takes a token if that is within `patience`."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._stamp) * self._rate)
            self._stamp = now
            wait = max(0.0, (1.0 - self._tokens) / self._rate, self._held_until - now)
            if wait <= patience:
                self._tokens -= 1.0
            return wait

    def hold(self, seconds: float) -> None:
        """Let nothing through for `seconds`: the service said that the quota is spent."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + seconds)


_buckets: dict[tuple[Any, ...], TokenBucket] = {}
_buckets_lock = threading.Lock()


def bucket_of(
    host: str, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
) -> TokenBucket:
    """Return the bucket that all clients of `host` in this process share."""
    key = (host, rate, burst, clock)
    with _buckets_lock:
        if key not in _buckets:
            _buckets[key] = TokenBucket(rate, burst, clock)
        return _buckets[key]


# "Expected available in 23 seconds." (Django REST framework, ATLAS), "retry after 12" (Telegram's
# way), "Either wait an hour" (Lasair).
_WAIT_WORDS = re.compile(
    r"(?:available in|retry after|try again in|wait)\s+"
    r"(?:(\d+(?:\.\d+)?)\s*(seconds?|secs?|s\b|minutes?|mins?|hours?)?|an? (minute|hour)\b)",
    re.IGNORECASE,
)
MOST_SECONDS = LONGEST_WAIT * 86400.0
_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def wait_in_words(text: str) -> float | None:
    """Read the seconds to wait from a service's own sentence; None if it names none.

    Examples
    --------
    >>> wait_in_words("Request was throttled. Expected available in 2 minutes.")
    120.0
    """
    found = _WAIT_WORDS.search(text)
    if found is None:
        return None
    unit = found[2] or found[3] or "s"
    return float(found[1] or 1) * _UNIT_SECONDS[unit[0].lower()]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After``, seconds or a date, the latter against the server's own clock."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        return max(0.0, (until - parsedate_to_datetime(headers.get("date", ""))).total_seconds())
    except (TypeError, ValueError):
        return None


def spent_quota(headers: Mapping[str, str]) -> float | None:
    """Return seconds until a sliding quota recovers (TNS's headers), or None if some is left."""
    waits = []
    for prefix in ("x-rate-limit", "x-cone-rate-limit"):
        remaining = headers.get(f"{prefix}-remaining", "").strip().lower()
        reset = headers.get(f"{prefix}-reset", "").strip()
        if remaining in {"0", "exceeded"} and re.fullmatch(r"\d+(\.\d+)?", reset):
            # One second more: the reset is rounded down, and asking early extends the wait.
            waits.append(min(float(reset) + 1.0, MOST_SECONDS))
    return max(waits, default=None)


def wait_of(headers: Mapping[str, str], text: str) -> float | None:
    """Find how long a service wants to be left alone [s], in its headers or its words.

    A day at most: one header must not silence a source for a season.
    """
    for wait in (_retry_after(headers), spent_quota(headers), wait_in_words(text)):
        if wait is not None:
            return min(wait, MOST_SECONDS)
    return None
