"""An archive is told in the order in which it became known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.replay.feed import Told
from aas2rto.tables.report import Outcome, PollRequest, Report
from tests.conftest import MJD, make_facts, make_objects, make_photometry


def archive(days: list[float], since: float = 0.0) -> Report:
    """Return a report of one object, with one measurement for each day, and a fact of each."""
    objects = make_objects("a", known_at=MJD + since)
    known_at = [MJD + day for day in days]
    ids = [str(k) for k in range(len(days))]
    points = make_photometry("a", np.array(known_at), known_at=known_at, measurement_id=ids)
    facts = pd.concat(
        [make_facts("a", known_at=at, redshift=0.01 + k / 100) for k, at in enumerate(known_at)]
    )
    return Report("archive", Outcome.DATA, objects, points, facts)


def ask(told: Told, day: float, cursor: dict[str, float]) -> Report:
    return told.poll(PollRequest(MJD + day, cursor))


@given(
    days=st.lists(st.integers(0, 20), min_size=1, max_size=15),
    nights=st.lists(st.integers(-2, 25), min_size=1, max_size=8),
    since=st.integers(0, 20),
)
def test_all_is_told_once_and_nothing_before_its_time(days, nights, since):
    """Whatever the nights: what is told by a night is what is known by then, each row once."""
    told = Told([archive([float(day) for day in days], since)])
    cursor: dict[str, float] = {}
    rows = []
    for night in sorted(nights):
        report = ask(told, night, cursor)
        cursor = dict(report.cursor)
        rows.append(report.photometry)
        assert (report.outcome is Outcome.DATA) == bool(
            len(report.photometry) + len(report.objects) + len(report.facts)
        )
        assert (report.photometry["known_at"] <= MJD + night).all()
        assert (report.facts.get("known_at", pd.Series(dtype=float)) <= MJD + night).all()
    found = pd.concat(rows)["measurement_id"].tolist()
    # Of an object that is known later than its points, they are told when it is known.
    assert sorted(found) == sorted(
        str(k) for k, day in enumerate(days) if max(day, since) <= max(nights)
    )


def test_a_measurement_waits_for_its_object():
    """It would be left out, for nobody knows whose it is."""
    told = Told([archive([1.0, 2.0], since=5.0)])
    assert ask(told, 4, {}).outcome is Outcome.EMPTY
    report = ask(told, 5, {})
    assert (len(report.objects), len(report.photometry), len(report.facts)) == (1, 2, 2)


def test_a_repeated_night_brings_nothing_and_an_earlier_one_neither():
    told = Told([archive([1.0, 2.0])])
    report = ask(told, 2, {})
    for night in (2, 1):
        again = ask(told, night, dict(report.cursor))
        assert again.outcome is Outcome.EMPTY
        assert again.cursor == report.cursor


def test_many_files_are_read_as_they_come_due_and_give_the_same(tmp_path):
    """Night by night in files of their own, or all in one: told alike."""
    from aas2rto.config.load import load
    from aas2rto.replay.feed import read
    from aas2rto.steps.build import build
    from tests.replay.nights import CONFIG, FIRST, season

    table, until = season(), FIRST + 25
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    table.to_csv(tmp_path / "one" / "all.csv", index=False)
    for night, rows in table.groupby(np.floor(table["mjd"])):
        rows.to_csv(tmp_path / "many" / f"{night:.0f}.csv", index=False)
    told = {}
    for name in ("one", "many"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(CONFIG.replace("[alerts.csv]", f"[{name}]"), encoding="utf-8")
        feed = read(build(load(path)), FIRST, until)
        nights, cursor = [], {}
        for day in range(26):
            report = feed.sources[0].poll(PollRequest(FIRST + day, cursor))
            cursor = dict(report.cursor)
            columns = ["candidate_id", "mjd", "band", "flux", "known_at", "measurement_id"]
            rows = report.photometry[columns] if len(report.photometry) else report.photometry
            nights.append(
                (
                    sorted(map(str, rows.to_numpy().tolist())),
                    sorted(map(str, report.objects.get("object_id", []))),
                )
            )
        told[name] = nights
    assert sum(len(points) for points, _ in told["one"]) > 100
    first = {name: {one for _, names in nights for one in names} for name, nights in told.items()}
    assert first["one"] == first["many"]
    for one, other in zip(told["one"], told["many"], strict=True):
        assert one[0] == other[0]
        assert set(one[1]) <= set(other[1])


@pytest.mark.parametrize("column", ["candidate_id", "band", "kind", "flux", "measurement_id"])
def test_whatever_is_other_in_an_archive_has_another_digest(column):
    """A replay that was killed goes on with the same archive only."""
    report = archive([1.0, 2.0])
    assert Told([report]).digest == Told([archive([1.0, 2.0])]).digest
    points = report.photometry.copy()
    points.loc[1, column] = 3.0 if column == "flux" else "other"
    assert Told([replace(report, photometry=points)]).digest != Told([report]).digest
