"""The server: one address, until somebody ends it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from aas2rto.errors import UsageError
from aas2rto.page.app import make_app
from aas2rto.page.site import Site

BACKLOG = 256
"""Who waits to be let in."""

GRACE = 3
"""At the end, for answers that are on their way [s]."""


def bound(host: str, port: int) -> socket.socket:
    """Take an address.

    Parameters
    ----------
    host : str
    port : int
        0 for any that is free.

    Raises
    ------
    UsageError
        If it cannot be taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named: asyncio then sends at once what it has, and not 40 ms later.
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host.strip("[]"), port))
        taken.listen(BACKLOG)  # who asks before the server is ready waits, and is not refused
    except (OSError, OverflowError) as error:
        taken.close()
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            f"--host {host} --port {port} cannot be taken: {why}; is the page being served "
            "already? --port 0 takes any that is free"
        ) from error
    return taken


def server_of(site: Site, **rates: Any) -> uvicorn.Server:
    """Return a server that is not running yet.

    Parameters
    ----------
    site : Site
    **rates
        Of `aas2rto.page.guarding.Guarded`, for tests.
    """
    config = uvicorn.Config(
        make_app(site, **rates),
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACE,
        server_header=False,
        h11_max_incomplete_event_size=32 * 1024,
        limit_concurrency=400,
    )
    return uvicorn.Server(config)


def serve(site: Site, host: str, port: int, told: Callable[[str], None]) -> None:
    """Serve until the program is told to end.

    Parameters
    ----------
    site : Site
    host, port
        See `bound`.
    told : callable
        Told where the page is.
    """
    with bound(host, port) as taken:
        name, number = taken.getsockname()[:2]
        shown = f"[{name}]" if ":" in name else name
        told(f"http://{shown}:{number}{site.links.root}/")
        server_of(site).run(sockets=[taken])
