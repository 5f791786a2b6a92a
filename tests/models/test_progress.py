"""People see that a long batch is alive."""

import logging
import sys

import pytest

from aas2rto.models.pool import run_limited
from aas2rto.models.progress import Progress
from aas2rto.text.logs import PROGRESS, progress_to


def test_lines_come_now_and_then(caplog):
    with caplog.at_level(logging.INFO, logger=PROGRESS):
        run = Progress("SALT fits", 8, every=0.0).counting(lambda a, b: None)
        run(0, 4)
        run(4, 8)
    assert caplog.messages == ["SALT fits: 4 of 8 (50 %)", "SALT fits: 8 of 8 (100 %)"]


def test_short_batches_say_nothing(caplog):
    with caplog.at_level(logging.INFO, logger=PROGRESS):
        Progress("SALT fits", 8).add(8)
    assert caplog.messages == []


def test_a_terminal_sees_it_while_it_wants_to(capsys):

    with progress_to(sys.stderr):
        Progress("fits", 2, every=0.0).add(1)
    Progress("fits", 2, every=0.0).add(1)
    assert capsys.readouterr().err == "fits: 1 of 2 (50 %)\n"


@pytest.mark.slow
def test_fits_in_processes_are_counted(caplog):
    with caplog.at_level(logging.INFO, logger=PROGRESS):
        outcomes = run_limited(
            abs,
            [-1, 2],
            part="test",
            subjects=["a", "b"],
            seconds=30.0,
            workers=1,
            progress=Progress("fits by sncosmo", 2, every=0.0),
        )
    assert [outcome.value for outcome in outcomes] == [1, 2]
    assert caplog.messages[-1] == "fits by sncosmo: 2 of 2 (100 %)"
