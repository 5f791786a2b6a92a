"""One program per project."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from aas2rto.errors import StoreError
from aas2rto.store.lock import hold

HOLDER = """
import sys, time
from pathlib import Path
from aas2rto.store.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_program_is_told_who_works_here(tmp_path):
    """The error names the process and the folder, and what to do."""
    path = tmp_path / "run.lock"
    with hold(path), pytest.raises(StoreError) as caught, hold(path):
        pass
    assert str(caught.value) == (
        f"another aas2rto (process {os.getpid()}) works in {tmp_path}; stop it first, "
        "or give this one another --output"
    )


def test_the_lock_is_free_afterwards(tmp_path):
    """Also after an error inside."""
    path = tmp_path / "run.lock"
    with pytest.raises(ValueError, match="inside"), hold(path):
        raise ValueError("inside")
    with hold(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_a_folder_that_cannot_be_used_is_said_in_words(tmp_path):
    """A file stands where the project's folder should be, or a folder where the lock should."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match=f"^cannot make the folder {tmp_path}/file/a: Not a dir"),
        hold(tmp_path / "file" / "a" / "run.lock"),
    ):
        pass
    with (
        pytest.raises(StoreError, match=f"^cannot write {tmp_path}: Is a directory; choose anot"),
        hold(tmp_path),
    ):
        pass


def test_two_projects_do_not_meet(tmp_path):
    """Each folder has its own lock."""
    with hold(tmp_path / "one.lock"), hold(tmp_path / "two.lock"):
        pass


@pytest.mark.fault("store", "slow", "a lock that nobody holds")
@pytest.mark.slow
def test_a_killed_program_leaves_no_lock_behind(tmp_path):
    """The system frees it; the number of a dead process in the file means nothing."""
    path = tmp_path / "run.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=f"process {holder.pid}"), hold(path):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with hold(path):
        pass
