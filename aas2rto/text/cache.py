"""Where the program keeps what it can make or fetch again: compiled code, maps, tables of TNS."""

from __future__ import annotations

import functools
import os
import stat
import sys
import tempfile
from pathlib import Path

VARIABLE = "AAS2RTO_CACHE"
"""Names the folder; before what the system says."""

PREFIX = "aas2rto-"
"""Of names of temporary folders."""


def cache_folder() -> Path:
    """Return the folder of the program's cache; nothing is created but a temporary one.

    It is what ``AAS2RTO_CACHE`` says, or systemd's ``CacheDirectory=``, or ``XDG_CACHE_HOME``, or
    the cache of the user's home; where none of them can be written, as for a service without a
    home, a temporary folder of our own.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    places = [*_of_system(), *_of_user()]
    return next((place for place in places if can_hold(place)), None) or temporary_folder()


def is_temporary(folder: Path) -> bool:
    """Tell whether a folder is below a temporary one of ours, which nobody promises to keep."""
    place = Path(tempfile.gettempdir())
    return folder.is_relative_to(place) and folder.relative_to(place).parts[0].startswith(PREFIX)


def can_hold(folder: Path) -> bool:
    """Tell whether files may be made in `folder`, or it may be made itself."""
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    except OSError:  # it lies in a folder that we may not look into
        return False


def user_name() -> str:
    """Return the name of the user, or the number of one who has none."""
    import getpass  # noqa: PLC0415  only who asks pays for it

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}"


def _of_system() -> list[Path]:
    """Return what systemd made for the service, and what the desktop's standard names."""
    made = os.environ.get("CACHE_DIRECTORY", "").split(":")[0]
    named = os.environ.get("XDG_CACHE_HOME", "")
    return [Path(made)] * bool(made) + [Path(named) / "aas2rto"] * bool(named)


def _of_user() -> list[Path]:
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and no entry in the list of users
        return []
    caches = ("Library", "Caches") if sys.platform == "darwin" else (".cache",)
    return [home.joinpath(*caches, "aas2rto")]


@functools.cache
def temporary_folder() -> Path:
    """Return a folder among the temporary ones that nobody else can write.

    Compiled code is read from it: a folder that somebody else made under the name that we would
    take is not used.
    """
    usual = Path(tempfile.gettempdir()) / f"{PREFIX}{os.getuid()}"
    try:
        usual.mkdir(mode=0o700, exist_ok=True)
        found = usual.lstat()
        is_ours = found.st_uid == os.getuid() and not found.st_mode & 0o022
        if is_ours and stat.S_ISDIR(found.st_mode):
            return usual
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix=PREFIX))


def find_home() -> None:
    """Give a process without a home a temporary one: astropy does not start without.

    That is a service, or a container, run by a number that is no user's, or by a user whose home
    was never made, or whose HOME is somebody else's, as after ``su`` without a login. A home that
    may be looked into stays, also where it cannot be written.
    """
    try:
        there = Path.home().is_dir() and os.access(Path.home(), os.R_OK | os.X_OK)
    except (RuntimeError, OSError):
        there = False
    if not there:
        os.environ["HOME"] = str(temporary_folder())


def help_matplotlib() -> None:
    """Let matplotlib keep its list of fonts where it can; else it warns, and makes it each time."""
    if "MPLCONFIGDIR" not in os.environ and not any(map(can_hold, _of_user())):
        os.environ["MPLCONFIGDIR"] = str(cache_folder() / "matplotlib")
