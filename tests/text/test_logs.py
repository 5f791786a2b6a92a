"""Logs: one JSON object per line, without secrets, also where logging itself fails."""

from __future__ import annotations

import io
import json
import logging
import stat
import sys
from pathlib import Path

import pytest

from aas2rto.text.logs import progress_to, to_file

SECRET = "hunter22-is-secret"
log = logging.getLogger("aas2rto.tests")


def hide(text: str) -> str:
    return text.replace(SECRET, "***")


@pytest.mark.fault("log", "secret", "logging's own tracebacks (raiseExceptions)")
def test_a_message_whose_arguments_do_not_fit_shows_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is logged as far as it goes; Python would write it, with its arguments, to stderr."""
    with to_file(tmp_path / "log.jsonl", hide=hide):
        log.error("asked with hunter22-is-secret: %d", "no number")
        log.error("%s %s", SECRET)  # noqa: PLE1206
        log.error("the next one")
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["message"] for line in lines] == [
        "asked with ***: %d (arguments that do not fit it)",
        "%s %s (arguments that do not fit it)",
        "the next one",
    ]
    assert capsys.readouterr() == ("", "")


@pytest.mark.fault("log", "secret", "tracebacks of libraries")
def test_a_traceback_shows_no_secret(tmp_path: Path) -> None:
    """Neither in its words nor in its lines of code."""
    with to_file(tmp_path / "log.jsonl", hide=hide):
        try:
            int(f"refused {SECRET}")
        except ValueError:
            log.exception("failed")
    text = (tmp_path / "log.jsonl").read_text()
    assert "refused ***" in text
    assert SECRET not in text


@pytest.mark.fault("log", "gone", "a full disk")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_log_on_a_full_disk_says_so_once_and_shows_no_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each record would be a traceback with its arguments."""
    with to_file(Path("/dev/full"), hide=hide):
        for _ in range(3):
            log.error("asked with %s", SECRET)
    assert capsys.readouterr().err == "the log cannot be written: No space left on device\n"


@pytest.mark.fault("log", "gone", "a closed stream")
def test_progress_to_a_stream_that_is_closed_shows_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line, not a traceback."""
    stream = io.StringIO()
    stream.close()
    with progress_to(stream):
        logging.getLogger("aas2rto.progress").info("compiling %s", SECRET)
    assert capsys.readouterr().err == "the log cannot be written: ValueError\n"


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_others_do_not_read_the_log(tmp_path: Path) -> None:
    """It may name people."""
    with to_file(tmp_path / "log.jsonl"):
        log.error("a")
    assert stat.S_IMODE((tmp_path / "log.jsonl").stat().st_mode) == 0o640
