"""From cycles to the outbox: who is told what, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto import loop
from aas2rto.config.load import load
from aas2rto.inform.tell import Telling
from aas2rto.messaging import alarms
from aas2rto.sky.visibility import site_table
from aas2rto.steps.build import build
from aas2rto.steps.cycle import Cycle
from aas2rto.store import Store
from aas2rto.store.outbox import Entry, Mail, State
from aas2rto.tables import marks as feedback
from aas2rto.tables.marks import Kind
from aas2rto.tables.report import Outcome
from tests.conftest import make_objects, make_photometry, make_report

NOW = 61119.9
HOUR = 1.0 / 24

CASE = """\
project: small
score:
  factors:
    - magnitude: {{zero_point: 18.5 mag, faint_limit: 20 mag, bands: [ztfg]}}
observatories: [la_palma_not, siding_spring_23m]
visibility: {{factor: altitude_integral, min_altitude: 30 deg}}
figures: {{top: 0}}
messages:
  when: {{enters_top: 2, within: 5, quiet_period: 6 hour{when}}}
  {channels}
"""


class World:
    """A store, a case, and cycles on demand."""

    def __init__(self, folder: Path, channels: str, when: str) -> None:
        path = folder / "case.yaml"
        path.write_text(CASE.format(channels=channels, when=when))
        self.case = load(path)
        self.store = Store(f"sqlite:///{folder / 'store.sqlite'}")
        self.parts = build(self.case, with_sources=False)

    def see(
        self, name: str, mag: float, *, ra: float = 150.0, at: float = NOW - 0.1, **columns: Any
    ) -> None:
        """Let a survey see something."""
        seen = make_photometry(
            name, mjd=at, mag=mag, band="ztfg", known_at=at, measurement_id=str(at)
        )
        objects = make_objects(name, ra=ra, dec=12.0, known_at=at, **columns)
        self.store.ingest(make_report(objects, seen), at)

    def cycle(self, now: float = NOW) -> Cycle:
        """Run a cycle."""
        return loop.run_cycle(
            self.parts, self.store, Time(now, format="mjd"), inform=lambda _: None
        )

    def texts(self, channel: str = "all") -> list[Entry]:
        return [e for e in self.store.outbox.entries(channel=channel) if e.part == "text"]

    def titles(self, channel: str = "all") -> list[str]:
        return [str(entry.message["title"]) for entry in self.texts(channel)]

    def arrive(self, now: float, channel: str = "all") -> None:
        """Pretend that what is due was sent."""
        for entry in self.store.outbox.due(channel, now):
            self.store.outbox.settle(entry, State.SENT, sent_at=now)


Make = Callable[..., World]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return what makes a world."""
    made: list[World] = []

    def make_world(channels: str = "all: {type: terminal}", when: str = "") -> World:
        made.append(World(tmp_path, channels, when))
        return made[-1]

    yield make_world
    for world in made:
        world.store.close()


@pytest.mark.slow
def test_a_first_cycle_tells_the_heads_of_the_lists(make: Make) -> None:
    """And nothing else: what was there before is no change."""
    world = make()
    for number, name in enumerate(("first", "second", "third")):
        world.see(name, 16.0 + number, ra=150.0 + number)
    cycle = world.cycle()
    assert cycle.problems == []
    assert world.titles() == [
        "first enters the top 2 at la_palma_not (#1) and siding_spring_23m (#1)",
        "second enters the top 2 at la_palma_not (#2) and siding_spring_23m (#2)",
    ]


@pytest.mark.slow
def test_a_cycle_without_change_says_nothing(make: Make) -> None:
    """Neither does the same cycle when it is run again."""
    world = make()
    world.see("first", 16.0)
    for now in (NOW, NOW, NOW + 0.007, NOW + 0.014):
        world.cycle(now)
    assert len(world.titles()) == 1


@pytest.mark.slow
def test_messages_stand_in_the_transaction_of_their_cycle(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cycle that cannot be stored says nothing; run again, it says it once."""
    world = make()
    world.see("first", 16.0)
    with monkeypatch.context() as patch:
        patch.setattr(world.store.results, "add", _fail)
        with pytest.raises(RuntimeError):
            world.cycle()
    assert world.titles() == []
    assert world.store.outbox.told() == []
    world.cycle()
    assert len(world.titles()) == 1


def _fail(*_: Any, **__: Any) -> None:
    raise RuntimeError("the disk is full")


@pytest.mark.slow
def test_a_rise_is_told_with_what_it_was(make: Make) -> None:
    """Three times the score that was told is news; less is not."""
    world = make(when=", score_up: 3")
    world.see("first", 18.0)
    world.cycle()
    world.arrive(NOW)
    world.see("first", 17.5, at=NOW + 1)
    world.cycle(NOW + 1.01)
    assert len(world.titles()) == 1
    world.see("first", 16.5, at=NOW + 2)
    world.cycle(NOW + 2.01)
    assert "5.6 times that of 20 Mar 21:36 UT" in world.titles()[-1]


@pytest.mark.slow
def test_within_the_quiet_period_news_wait_and_are_told_together(make: Make) -> None:
    """A second message about one candidate comes six hours after the first, with everything."""
    world = make()
    world.see("first", 18.0)
    world.cycle()
    world.arrive(NOW)
    world.see("first", 16.0, at=NOW + HOUR)
    world.cycle(NOW + 1.1 * HOUR)
    held = world.texts()[-1]
    assert (held.state, held.held) == (State.WAITING, True)
    assert held.due == pytest.approx(NOW + 6 * HOUR)
    world.see("first", 16.0, at=NOW + 2 * HOUR, spectral_type="SN Ia", redshift=0.03)
    world.cycle(NOW + 2.1 * HOUR)
    *_, old, new = world.texts()
    assert (old.state, old.follows, new.state) == (State.MERGED, new.id, State.WAITING)
    assert new.due == pytest.approx(NOW + 6 * HOUR)
    text = str(new.message)
    assert "is classified as SN Ia, z = 0.03" in text
    assert "10.0 times that of" in text


@pytest.mark.slow
def test_quiet_hours_hold_everything_but_what_is_urgent(make: Make) -> None:
    """A ToO wakes people; the rest comes when they are up."""
    # 21:36 UT is 21:36 in the Canary Islands in winter.
    world = make("all: {type: terminal, quiet_hours: '21:00-06:00', timezone: Atlantic/Canary}")
    world.see("first", 16.0)
    world.see("target", 19.0, ra=170.0, too=True, base_score=1000.0)
    world.cycle()
    held = {e.message["candidate_id"]: e.due for e in world.texts()}
    assert held["target"] == NOW
    assert held["first"] == pytest.approx(61120.25)  # 06:00 UT


@pytest.mark.slow
def test_a_digest_comes_once_a_day(make: Make) -> None:
    """It holds the heads of the lists, and what happened since the last one."""
    world = make("all: {type: terminal, digest: '16:00'}")
    world.see("first", 16.0)
    world.cycle(NOW)  # 21:36: too late for the one of today
    assert [e.held for e in world.texts()] == [True]
    world.cycle(NOW + 12 * HOUR)
    assert len(world.texts()) == 1
    world.cycle(NOW + 19 * HOUR)  # 16:36 of the next day
    merged, digest = world.texts()
    assert (merged.state, merged.follows) == (State.MERGED, digest.id)
    assert digest.message["title"] == "small: the lists of 21 Mar 16:36 UT"
    lines = dict(digest.message["lines"])
    assert lines["la_palma_not"].startswith("first (17.8, 16.0 mag, best")
    assert "first enters the top 2" in str(digest.message["lines"])
    world.cycle(NOW + 20 * HOUR)
    assert len(world.texts()) == 2


@pytest.mark.slow
def test_a_channel_hears_what_it_wants_to_hear(make: Make) -> None:
    """Triggers are chosen per channel; one that hears nothing does not silence another."""
    world = make(
        "all: {type: terminal}\n  spectra: {type: terminal, triggers: [new_classification]}"
    )
    world.see("first", 16.0)
    world.cycle()
    assert (len(world.titles()), world.titles("spectra")) == (1, [])
    world.see("first", 16.0, at=NOW + 1, spectral_type="SN II")
    world.cycle(NOW + 1.01)
    assert "first is classified as SN II" in world.titles()[-1]
    assert world.titles("spectra") == world.titles()[-1:]


@pytest.mark.slow
def test_what_was_announced_is_taken_back(make: Make) -> None:
    """Too faint now: people who were told of it hear so, once."""
    world = make()
    world.see("first", 16.0)
    world.cycle()
    world.arrive(NOW)
    world.see("first", 21.0, at=NOW + 1)
    for step in range(3):
        world.cycle(NOW + 1.01 + step)
    assert [title for title in world.titles() if "out of the lists" in title] == [
        "first is out of the lists: magnitude, 21.00 mag in ztfg is fainter than 20"
    ]


@pytest.mark.slow
def test_a_veto_is_told_to_nobody(make: Make) -> None:
    """Who vetoed it knows."""
    world = make()
    world.see("first", 16.0)
    world.cycle()
    world.arrive(NOW)
    when = Time(NOW + 1, format="mjd")
    world.store.marks.save(feedback.rows("first", Kind.VETO, when, author="Anna"))
    world.cycle(NOW + 1.01)
    assert len(world.titles()) == 1


@pytest.mark.slow
def test_a_site_whose_season_ends_is_named(make: Make) -> None:
    """What can be observed tonight but not in three days is about to set for good."""
    world = make()
    sky = pd.DataFrame(
        {"candidate_id": [str(ra) for ra in range(360)], "ra": np.arange(360.0), "dec": 12.0}
    )
    la_palma = world.case.observatories[0]
    tonight, later = (
        site_table(la_palma, sky, Time(t, format="mjd"))["hours_left"] for t in (NOW, NOW + 3)
    )
    last = float(sky["ra"][(tonight > 0) & (later <= 0)].iloc[-1])
    world.see("west", 16.0, ra=last, at=NOW - 1.1)
    world.see("other", 16.5, ra=150.0, at=NOW - 1.1)
    for now in (NOW - 1, NOW, NOW + 0.01):
        world.cycle(now)
        world.arrive(now)
    assert [title for title in world.titles() if "for good" in title] == [
        "west is about to set for good at la_palma_not: in 3 d it cannot be observed there any more"
    ]


@pytest.mark.slow
def test_every_message_names_the_figures_that_go_with_it(make: Make) -> None:
    """As the channel wants them; a terminal shows none."""
    world = make("all: {type: terminal, figures: [score]}")
    world.see("first", 16.0)
    cycle = world.cycle()
    assert cycle.mail.posts[0].message["figures"] == ("score",)
    assert cycle.mail.posts[0].figures is False
    from aas2rto.messaging.composing import figures_of

    assert figures_of(cycle.mail) == {"first": ("score",)}


@pytest.mark.slow
def test_a_failure_in_the_messages_costs_the_messages(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lists are made all the same, and the report says what failed."""
    world = make()
    world.see("first", 16.0)
    monkeypatch.setattr("aas2rto.messaging.composing.facts_of", _fail)
    cycle = world.cycle()
    assert cycle.problems == ["messages: RuntimeError: the disk is full"]
    assert len(cycle.judged.rankings[1].table) == 1
    assert world.titles() == []


# -- operators -----------------------------------------------------------------------------------

OPERATORS = "all: {type: terminal}\n  ops: {type: terminal, role: operators}"


def fail_with(world: World, *problems: str) -> None:
    """Let parts of the case fail in the coming cycles."""
    from dataclasses import replace

    from aas2rto.guard import Failure

    failures = tuple(Failure(*one.split(": ", 1)) for one in problems)
    world.parts = replace(world.parts, failures=failures)


@pytest.mark.slow
def test_operators_hear_of_failures_and_nothing_else(make: Make) -> None:
    """Observers hear of candidates."""
    world = make(OPERATORS)
    world.see("first", 16.0)
    fail_with(world, "source fink: SourceError: no answer")
    world.cycle()
    assert world.titles("ops") == ["small: source fink: SourceError: no answer"]
    assert len(world.titles()) == 1


DARK = OPERATORS + "\nsources:\n  fink: {topics: [t], group_id: g}\nloop: {react: null}"


@pytest.mark.fault("fink stream", "slow", "a stream that is dark, or far behind")
@pytest.mark.slow
def test_operators_hear_of_dark_streams_and_of_those_behind(make: Make) -> None:
    """Once, and when it is over; though the source answers."""
    world = make(DARK)
    world.see("first", 16.0)
    cursor = {"lag": 123_456}
    old = make_report(source="fink", outcome=Outcome.EMPTY, newest_alert=NOW - 5.0, cursor=cursor)
    world.store.ingest(old, NOW)
    world.cycle()
    world.cycle(NOW + 0.1 * HOUR)
    (title,) = world.titles("ops")
    assert title == "small: 2 things to know"
    shown = str(world.texts("ops")[0].message)
    assert "its newest alert is 5.0 d old, though it answers" in shown
    assert "123456 messages left after it was read" in shown
    well = make_report(source="fink", outcome=Outcome.EMPTY, newest_alert=NOW, cursor={"lag": 0})
    world.store.ingest(well, NOW)
    world.cycle(NOW + 2 * HOUR)
    assert "stream of fink dark" in str(world.texts("ops")[-1].message)
    assert "is over" in str(world.texts("ops")[-1].message)


@pytest.mark.fault("loop", "again", "lost cycles reach operators")
def test_operators_hear_of_a_lost_cycle_once_an_hour(make: Make, tmp_path: Path) -> None:
    """The first at once; observers do not."""
    world = make(OPERATORS)
    telling = Telling(
        world.parts,
        world.store,
        tmp_path,
        clock=Time.now,
        open_store=lambda: world.store,
        explain=_fail,
        forever=True,
    )
    start = np.ceil(NOW * 24) / 24  # an hour of the clock
    for step in range(8):
        telling.lost(Time(start + step / 144, format="mjd"), "OSError: the disk is full")
    assert world.titles() == []
    assert len(world.titles("ops")) == 2
    assert world.titles("ops")[0].endswith("UT was lost: OSError: the disk is full")


@pytest.mark.slow
def test_a_lasting_failure_is_no_flood(make: Make) -> None:
    """Told at once, after an hour, after six more, then daily; and when it is over."""
    world = make(OPERATORS)
    outbox = world.store.outbox
    for step in range(3 * 144 + 12):  # three days, every ten minutes; then it is mended
        now = NOW + step / 144
        wrong = ["fink: failed: no answer"] if step < 3 * 144 else []
        told = alarms.alarms_of(world.case, outbox, wrong, now)
        with world.store._access.transaction("test") as connection:
            outbox.add(connection, Mail(told.posts, (), told.alarms, told.over), now)
    texts = world.texts("ops")
    assert [round((e.at - NOW) * 24, 1) for e in texts[:-1]] == [0.0, 1.0, 7.0, 31.0, 55.0]
    assert world.titles("ops")[0] == "small: fink: failed: no answer"
    assert world.titles("ops")[-1] == "small: fink: is over"


def test_a_hundred_faults_of_one_part_are_one_line(make: Make) -> None:
    """The first is shown, the others are counted."""
    from dataclasses import replace

    from aas2rto.guard import Failure

    world = make(OPERATORS)
    failures = tuple(Failure("factor mine", "boom", f"ZTF{n}") for n in range(100))
    world.parts = replace(world.parts, failures=failures)
    world.cycle()
    assert world.titles("ops") == ["small: factor mine: boom (and 99 more)"]


@pytest.mark.slow
def test_a_stopped_channel_is_told_on_the_others_once(make: Make) -> None:
    """Somebody must know that nobody hears anything."""
    world = make(OPERATORS)
    world.store.outbox.set_channel("all", stopped="telegram forbids it: blocked")
    world.see("first", 16.0)
    world.cycle()
    world.store.outbox.post([], NOW)
    world.cycle(NOW + 0.007)
    assert world.titles("ops") == ["small: channel all stopped: telegram forbids it: blocked"]


@pytest.mark.slow
def test_starts_are_told_once_an_hour(make: Make) -> None:
    """A program that falls over every ten seconds is no flood."""
    world = make(OPERATORS)
    for second in range(0, 3600, 10):
        now = 61120.0 + second / 86400
        message = alarms.started(world.case, "1.0", now)
        alarms.announce(world.case, world.store.outbox, "started", message, now)
    assert world.titles("ops") == ["small has started"]
    assert world.titles() == []
