"""Marks: when they end, which one counts, and what they do to a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.errors import UsageError
from aas2rto.factors import Decision
from aas2rto.steps.rules import taken_out
from aas2rto.store import Store
from aas2rto.tables import marks as feedback
from aas2rto.tables.marks import Ending, Kind
from aas2rto.tables.photometry import conform, flux_from_mag

NOW = Time(61119.0, format="mjd", scale="utc")


def at(mjd: float) -> Time:
    return Time(mjd, format="mjd", scale="utc")


def photometry(*points: tuple[str, float, float, str]) -> pd.DataFrame:
    """Build detections (candidate, mjd, mag, band), known when they were measured."""
    table = pd.DataFrame(points, columns=["candidate_id", "mjd", "mag", "band"])
    return conform(
        table.assign(flux=flux_from_mag(table["mag"]), kind="detection", known_at=table["mjd"])
    )


BEFORE = photometry(("a", 61118.0, 18.0, "ztfg"), ("a", 61118.1, 18.2, "ztfr"))


def marks(*rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return marks as the store does."""
    frame = pd.DataFrame([row for part in rows for row in part])
    return frame.astype({"until": float, "until_mag": float, "until_new_data": bool})


def active(table: pd.DataFrame, when: float, points: pd.DataFrame = BEFORE) -> list[bool]:
    found: list[bool] = feedback.standing(table, points, when)["active"].tolist()
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3d", Ending(until=61122.0)),
        ("12 h", Ending(until=61119.5)),
        ("2026-03-21T12:00", Ending(until=61120.5)),
        ("2026-03-21T12:00Z", Ending(until=61120.5)),
        ("61120.5", Ending(until=61120.5)),
        ("now", Ending(until=61119.0)),
        ("new-data", Ending(new_data=True)),
        ("new data", Ending(new_data=True)),
        ("0.5 mag", Ending(mag=0.5)),
        ("0.5mag", Ending(mag=0.5)),
    ],
)
def test_an_end_is_a_time_a_duration_new_data_or_a_change(text: str, expected: Ending) -> None:
    assert feedback.ending([text], NOW) == expected


def test_the_first_of_several_ends_counts() -> None:
    found = feedback.ending(["3d", "2d", "0.5 mag", "new-data"], NOW)
    assert found == Ending(until=61121.0, mag=0.5, new_data=True)
    assert (
        str(found) == "until 2026-03-22 00:00 UTC or until new data or until it changes by 0.5 mag"
    )


@pytest.mark.fault("marks", "range", "mark --until 1774000000")
@pytest.mark.fault("marks", "nan", "mark --until nan, inf")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("soon", "'soon' is no end; write a time .*, a duration .*, new-data, a change .*, or now"),
        ("-1 mag", "is no end"),
        ("2026-03-19", "2026-03-19 is over already; write a later time, or now"),
        ("-2 d", "is over already"),
        (
            "1774000000",
            r"1774000000 is no time between MJD 40000 \(1968\) and 80000",
        ),
        ("20260325", "is no time between"),
        ("2461125.5", "is no time between"),
        ("inf", "is no time between"),
        ("nan", "is no time between"),
        ("1e10d", "is no time between"),
        ("9999-12-31", "is no time between"),
    ],
)
def test_what_is_no_end_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        feedback.ending([text], NOW)


def test_a_snooze_needs_an_end_and_a_comment_a_text() -> None:
    with pytest.raises(UsageError, match="a snooze needs an end: --until"):
        feedback.rows("a", Kind.SNOOZE, NOW)
    with pytest.raises(UsageError, match="a comment needs a text: comment WORDS, or --comment"):
        feedback.rows("a", Kind.COMMENT, NOW, comment="  ")


def test_a_snooze_ends_at_its_date() -> None:
    table = marks(feedback.rows("a", Kind.SNOOZE, NOW, ends=Ending(until=61122.0)))
    assert active(table, 61121.99) == [True]
    assert active(table, 61122.0) == [False]


def test_a_snooze_ends_at_new_data_but_not_at_an_upper_limit() -> None:
    table = marks(feedback.rows("a", Kind.SNOOZE, NOW, ends=Ending(new_data=True)))
    new = photometry(("a", 61120.0, 18.0, "ztfg"))
    assert active(table, 61120.5) == [True]
    assert active(table, 61120.5, pd.concat([BEFORE, new.assign(kind="limit")])) == [True]
    assert active(table, 61120.5, pd.concat([BEFORE, new])) == [False]
    other = new.assign(candidate_id="b")
    assert active(table, 61120.5, pd.concat([BEFORE, other])) == [True]


def test_data_that_were_measured_before_but_known_later_are_new() -> None:
    table = marks(feedback.rows("a", Kind.SNOOZE, NOW, ends=Ending(new_data=True)))
    late = photometry(("a", 61117.0, 18.0, "ztfg")).assign(known_at=61120.0)
    assert active(table, 61120.5, pd.concat([BEFORE, late])) == [False]


def test_a_snooze_ends_at_a_change_in_the_same_band() -> None:
    table = marks(feedback.rows("a", Kind.SNOOZE, NOW, ends=Ending(mag=0.5)))
    for mag, band, expected in (
        (17.6, "ztfg", True),
        (17.4, "ztfg", False),
        (18.6, "ztfg", False),
        (17.6, "ztfr", False),
        (10.0, "ztfi", True),
    ):
        new = photometry(("a", 61120.0, mag, band))
        assert active(table, 61120.5, pd.concat([BEFORE, new])) == [expected], (mag, band)


def test_where_nothing_was_seen_before_a_detection_is_a_change() -> None:
    table = marks(feedback.rows("a", Kind.SNOOZE, NOW, ends=Ending(mag=0.5)))
    assert active(table, 61120.5, BEFORE.iloc[:0]) == [True]
    assert active(table, 61120.5, photometry(("a", 61120.0, 18.0, "ztfg"))) == [False]


def test_the_newest_mark_of_a_kind_counts_and_now_takes_it_back() -> None:
    table = marks(
        feedback.rows("a", Kind.VETO, at(61119.0)),
        feedback.rows("a", Kind.PIN, at(61119.1)),
        feedback.rows("a", Kind.VETO, at(61119.2), ends=Ending(until=61119.2)),
        feedback.rows("b", Kind.VETO, at(61119.3)),
    )
    assert active(table, 61119.1) == [True, True]
    assert active(table, 61120.0) == [False, True, False, True]


def test_a_mark_for_everywhere_replaces_those_of_single_sites() -> None:
    one = feedback.rows("a", Kind.VETO, at(61119.0), observatories=["x", "y"])
    other = feedback.rows("a", Kind.VETO, at(61119.1), observatories=["y"])
    assert active(marks(one, other), 61120.0) == [True, False, True]
    everywhere = feedback.rows("a", Kind.VETO, at(61119.2))
    assert active(marks(one, other, everywhere), 61120.0) == [False, False, False, True]


def test_a_mark_of_the_future_is_not_known_yet() -> None:
    table = marks(feedback.rows("a", Kind.VETO, at(61120.0)))
    assert len(feedback.standing(table, BEFORE, 61119.5)) == 0


def candidates(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"candidate_id": list(names)})


def test_marks_exclude_with_who_when_and_why() -> None:
    table = marks(
        feedback.rows("a", Kind.VETO, NOW, author="Anna", comment="near a star"),
        feedback.rows("b", Kind.OBSERVED, NOW, observatories=["la_palma_not"]),
        feedback.rows("c", Kind.PIN, NOW, author="Bo"),
        feedback.rows("d", Kind.COMMENT, NOW, comment="pretty"),
    )
    found = feedback.join(candidates("a", "b", "c", "d"), table, BEFORE, NOW)
    told = taken_out(found).factor
    assert told.decision.tolist() == [Decision.EXCLUDE, Decision.EXCLUDE, 0, 0]
    assert told.reason.tolist() == [
        "vetoed by Anna on 2026-03-20 00:00 UTC: near a star",
        "observed at la_palma_not on 2026-03-20 00:00 UTC",
        "",
        "",
    ]
    assert feedback.told(found, "pin").tolist() == [
        "",
        "",
        "pinned by Bo on 2026-03-20 00:00 UTC",
        "",
    ]


def test_a_mark_for_one_site_holds_there_only() -> None:
    table = marks(
        feedback.rows("a", Kind.VETO, NOW, observatories=["x"]),
        feedback.rows("b", Kind.PIN, NOW, observatories=["x"]),
    )
    found = feedback.join(candidates("a", "b"), table, BEFORE, NOW)
    assert taken_out(found).factor.decision.tolist() == [0, 0]
    assert taken_out(found, "y").factor.decision.tolist() == [0, 0]
    assert taken_out(found, "x").factor.decision.tolist() == [Decision.EXCLUDE, 0]
    assert (feedback.told(found, "pin", "x") != "").tolist() == [False, True]
    assert (feedback.told(found, "pin") != "").tolist() == [False, False]


def test_without_marks_nothing_is_said() -> None:
    empty = marks(feedback.rows("a", Kind.VETO, NOW)).iloc[:0]
    found = feedback.join(candidates("a"), empty, BEFORE, NOW)
    assert taken_out(found).factor.decision.tolist() == [0]
    assert taken_out(candidates("a")).factor.decision.tolist() == [0]


def test_the_store_keeps_marks_in_their_order(tmp_path: Any) -> None:
    from aas2rto.tables.report import Outcome, Report

    objects = pd.DataFrame(
        {"object_id": ["a"], "ra": [10.0], "dec": [0.0], "survey": ["ztf"], "known_at": [61110.0]}
    )
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    with Store(url) as store:
        store.ingest(Report("s", Outcome.DATA, objects=objects), 61111.0)
        store.marks.save(feedback.rows("a", Kind.VETO, at(61119.5), author="Anna"))
        store.marks.save(feedback.rows("a", Kind.SNOOZE, NOW, ends=Ending(None, 0.5, True)))
    with Store(url) as store:
        found = store.marks.as_known(61120.0)
        assert found["kind"].tolist() == ["snooze", "veto"]
        assert found["until_mag"].iloc[0] == 0.5
        assert np.isnan(found["until"]).all()
        assert found["until_new_data"].tolist() == [True, False]
        assert store.marks.as_known(61119.2)["kind"].tolist() == ["snooze"]


def test_what_came_to_nothing_lifts_what_was_observed_there_before() -> None:
    """It is no observation; another site's stands, and so does one that is said after it."""

    def stands(*told: tuple[Kind, str]) -> list[bool]:
        rows = [
            feedback.rows("a", kind, at(NOW.mjd + n / 1440), observatories=[site] if site else ())
            for n, (kind, site) in enumerate(told)
        ]
        return active(marks(*rows), NOW.mjd + 0.1)

    observed, failed, clouded = Kind.OBSERVED, Kind.FAILED, Kind.CLOUDED
    assert stands((observed, "here"), (failed, "here")) == [False, True]
    assert stands((observed, "here"), (clouded, "")) == [False, True]
    assert stands((observed, ""), (clouded, "here")) == [False, True]
    assert stands((observed, "here"), (failed, "there")) == [True, True]
    assert stands((failed, "here"), (observed, "here")) == [True, True]


def test_a_failure_that_is_taken_back_lifts_nothing() -> None:
    later = NOW.mjd + 0.1
    table = marks(
        feedback.rows("a", Kind.OBSERVED, NOW),
        feedback.rows("a", Kind.FAILED, at(later)),
        feedback.rows("a", Kind.FAILED, at(later), ends=Ending(until=later)),
    )
    assert active(table, later) == [True, False, False]


def test_what_came_to_nothing_takes_nobody_out() -> None:
    table = marks(feedback.rows("a", Kind.CLOUDED, NOW), feedback.rows("b", Kind.FAILED, NOW))
    candidates = pd.DataFrame({"candidate_id": ["a", "b"]})
    assert feedback.join(candidates, table, BEFORE, NOW)["mark"].tolist() == ["", ""]


def test_what_came_to_nothing_has_no_end() -> None:
    with pytest.raises(UsageError, match="clouded has no end: the candidate is free at once"):
        feedback.rows("a", Kind.CLOUDED, NOW, ends=Ending(new_data=True))


def opinion(*rows: list[dict[str, Any]]) -> list[float]:
    found = feedback.join(candidates("a", "b"), marks(*rows), BEFORE, at(61121.0))
    values: list[float] = found[feedback.TRIAGE].tolist()
    return values


def test_an_opinion_is_a_column_for_factors_and_takes_nobody_out() -> None:
    """1 possible, -1 bogus, 0 where nobody has said so."""
    rows = feedback.rows("a", Kind.BOGUS, NOW, author="Anna", comment="a diffraction spike")
    table = marks(rows)
    found = feedback.join(candidates("a", "b"), table, BEFORE, NOW)
    assert found[feedback.TRIAGE].tolist() == [-1.0, 0.0]
    assert taken_out(found).factor.decision.tolist() == [0, 0]
    told = feedback.sentence(table.to_dict("records")[0])
    assert told == "called bogus by Anna on 2026-03-20 00:00 UTC: a diffraction spike"


def test_the_newer_opinion_counts_and_is_taken_back_alone() -> None:
    """Each replaces the other; taking back what nobody says any more changes nothing."""
    bogus = feedback.rows("a", Kind.BOGUS, NOW)
    possible = feedback.rows("a", Kind.POSSIBLE, at(61119.5))
    later = at(61120.0)
    back = {
        kind: feedback.rows("a", kind, later, ends=Ending(until=later.utc.mjd))
        for kind in feedback.OPINIONS
    }
    assert opinion(bogus, possible) == [1.0, 0.0]
    assert opinion(bogus, possible, back[Kind.BOGUS]) == [1.0, 0.0]
    assert opinion(bogus, possible, back[Kind.POSSIBLE]) == [0.0, 0.0]
    assert opinion(bogus, back[Kind.POSSIBLE]) == [-1.0, 0.0]
    assert opinion(possible, feedback.rows("b", Kind.BOGUS, later)) == [1.0, -1.0]


def test_an_opinion_holds_everywhere() -> None:
    with pytest.raises(UsageError, match="bogus says what the candidate is, and holds everywhere"):
        feedback.rows("a", Kind.BOGUS, NOW, observatories=["la_palma_not"])
