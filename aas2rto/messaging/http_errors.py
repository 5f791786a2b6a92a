"""What a failed request over HTTP says about whether it was acted upon."""

from __future__ import annotations

import logging

from aas2rto.messaging import Delivery, Result

GATEWAY_TIMEOUT = 504
TOO_MANY = 429


def by_status(status: int, why: str, *, wait: float | None = None) -> Delivery:
    """Judge an answer by its HTTP status.

    Parameters
    ----------
    status : int
    why : str
        What the service said.
    wait : float, optional
        ``Retry-After`` [s].

    Notes
    -----
    A server that answers 5xx says that it failed; only 504 says that it does not know what the
    server behind it did. RFC 9110, Sect. 15.6.
    """
    if status == GATEWAY_TIMEOUT:
        return Delivery(Result.UNKNOWN, why)
    if status == TOO_MANY or status >= 500 or status == 408:
        return Delivery(Result.LATER, why, wait=wait)
    return Delivery(Result.REFUSED, why)


def quiet_logger(name: str) -> logging.Logger:
    """Return a logger for a client library that says only what has gone wrong.

    At finer levels they log addresses and requests, which hold tokens.
    """
    logger = logging.getLogger(f"aas2rto.{name}")
    logger.setLevel(logging.ERROR)
    return logger


def seconds(text: str | None) -> float | None:
    """Read a ``Retry-After`` header that gives seconds; None for anything else."""
    try:
        value = float(text) if text else -1.0
    except ValueError:
        return None
    return value if 0 <= value <= 86400 else None
