"""A PostgreSQL server of one's own: Debian's, in a temporary folder, gone at the end."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

ROOT = 0
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""A server that lives for a test need not survive a power cut."""


def program(name: str) -> str | None:
    """Find a program of the server: Debian keeps them out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


def why_not() -> str:
    """Say why there can be no server; empty if there can."""
    if program("initdb") is None or program("postgres") is None:
        return "PostgreSQL is not installed (Debian: apt install postgresql)"
    try:
        import pg8000  # noqa: F401
    except ImportError:
        return "its driver is not installed (pip install 'aas2rto[postgres]')"
    if os.getuid() == ROOT and _other_user() is None:
        return "PostgreSQL does not run as root, and there is no user 'postgres'"
    return ""


def _other_user() -> str | None:
    """Return who runs the server in the place of root."""
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None


class Server:
    """A running server.

    Parameters
    ----------
    port : int
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._numbers = itertools.count()
        self._templates: dict[str, str] = {}

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql+pg8000://tester@127.0.0.1:{self.port}/{name}"

    def database(self, template: str = "template0") -> str:
        """Make a database, and return its URL."""
        name = f"{template}_{next(self._numbers)}"
        self.order(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def order(self, statement: str) -> None:
        """Give an order that stands outside of transactions."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Start a server in an empty folder that any user may enter; stop it at the end."""
    user = _other_user() if os.getuid() == ROOT else None
    data = folder / "data"
    data.mkdir()
    if user is not None:
        shutil.chown(data, user)
        for parent in [folder, *folder.parents]:
            if parent.stat().st_uid == ROOT and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
    initdb, postgres = program("initdb"), program("postgres")
    assert initdb is not None
    assert postgres is not None
    how = ["--username=tester", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    subprocess.run(
        [initdb, *how, "-D", str(data)], check=True, capture_output=True, user=user, cwd=data
    )
    port = _free_port()
    settings = {**FAST, "port": str(port), "listen_addresses": "127.0.0.1"}
    settings |= {"unix_socket_directories": str(data), "max_connections": "60"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [postgres, "-D", str(data), *options], stderr=log, stdout=log, user=user, cwd=data
    )
    try:
        _wait(process, folder / "log")
        yield Server(port)
    finally:
        process.send_signal(2)  # fast shutdown: it throws connections out
        process.wait(30)
        log.close()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        said = log.read_text(errors="replace")
        if "ready to accept connections" in said:
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"the server does not answer: {log.read_text()}")
