"""What is done of a plan is what people marked; the clock alone says nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.planning import SiteNight, make_plan
from aas2rto.planning.earlier import Earlier, counted, kept_of, reopened, with_past_closures
from aas2rto.planning.timeline import CLOSED, CLOUDED, DONE, FAILED, RUNNING, UNCONFIRMED
from aas2rto.sky import observatory_file
from aas2rto.tables import marks as feedback
from aas2rto.tables.marks import Ending, Kind
from tests.planning.nights import candidates, site_night
from tests.planning.test_night_plan import NOW, QUICK

SITE = "la_palma_not"
MINUTE = 1 / 1440
NOTHING_SAID = pd.DataFrame(
    columns=["candidate_id", "kind", "at", "until", "observatory", "until_mag", "until_new_data"]
)


def at(mjd: float) -> Time:
    return Time(mjd, format="mjd", scale="utc")


def said(*rows: tuple[str, Kind, float, dict[str, Any]]) -> pd.DataFrame:
    """Return marks (candidate, kind, time, more) as the store does."""
    told = [
        row for who, kind, when, more in rows for row in feedback.rows(who, kind, at(when), **more)
    ]
    return pd.DataFrame(told).astype({"until": float, "until_mag": float})


@pytest.fixture(scope="module")
def night() -> SiteNight:
    scored = candidates(np.random.default_rng(5), 40)
    return site_night(observatory_file.load(SITE), scored, NOW)


@pytest.fixture(scope="module")
def slots(night: SiteNight) -> pd.DataFrame:
    return make_plan([night], QUICK, NOW, solve=False).slots


def states(
    slots: pd.DataFrame, night: SiteNight, words: pd.DataFrame, now: float, **more: Any
) -> list[str]:
    found: list[str] = kept_of(slots, [night], words, now, **more)["state"].tolist()
    return found


def test_without_a_mark_nothing_is_done(slots: pd.DataFrame, night: SiteNight) -> None:
    now = slots["start"].iloc[3] + MINUTE
    kept = kept_of(slots, [night], NOTHING_SAID, now)
    assert kept["state"].tolist() == [*[UNCONFIRMED] * 3, RUNNING]
    assert counted(kept)["candidate_id"].tolist() == [slots["candidate_id"].iloc[3]]


def test_each_word_about_a_visit_has_its_state(slots: pd.DataFrame, night: SiteNight) -> None:
    now = slots["start"].iloc[3] + MINUTE
    who = slots["candidate_id"]
    words = said(
        (who[0], Kind.OBSERVED, slots["end"][0], {}),
        (who[1], Kind.FAILED, slots["end"][1], {"observatories": [SITE]}),
        (who[2], Kind.CLOUDED, slots["end"][2], {}),
    )
    assert states(slots, night, words, now) == [DONE, FAILED, CLOUDED, RUNNING]
    elsewhere = said((who[0], Kind.OBSERVED, slots["end"][0], {"observatories": ["la_silla_ntt"]}))
    assert states(slots, night, elsewhere, now)[0] == UNCONFIRMED
    yesterday = said((who[0], Kind.OBSERVED, night.night.start - 0.1, {}))
    assert states(slots, night, yesterday, now)[0] == UNCONFIRMED


def test_the_last_word_counts_and_one_that_is_taken_back_does_not(
    slots: pd.DataFrame, night: SiteNight
) -> None:
    now = slots["start"].iloc[2] + MINUTE
    who, end = slots["candidate_id"][0], slots["end"][0]
    observed = (who, Kind.OBSERVED, end, {})
    failed = (who, Kind.FAILED, end + MINUTE, {})
    undone = (who, Kind.FAILED, end + 2 * MINUTE, {"ends": Ending(until=end + 2 * MINUTE)})
    back = (who, Kind.OBSERVED, end + MINUTE, {"ends": Ending(until=end + MINUTE)})
    assert states(slots, night, said(observed, failed), now)[0] == FAILED
    assert states(slots, night, said(observed, failed, undone), now)[0] == DONE
    assert states(slots, night, said(observed, back), now)[0] == UNCONFIRMED


def test_a_word_is_about_the_latest_slot_that_had_begun(
    slots: pd.DataFrame, night: SiteNight
) -> None:
    twice = slots.assign(
        candidate_id=[
            slots["candidate_id"][0] if row in {0, 2} else f"x{row}" for row in slots.index
        ]
    )
    now = slots["end"][3]
    first, second = slots["end"][0], slots["end"][2]
    who = slots["candidate_id"][0]
    assert states(twice, night, said((who, Kind.OBSERVED, second, {})), now)[:3] == [
        UNCONFIRMED,
        UNCONFIRMED,
        DONE,
    ]
    both = said((who, Kind.FAILED, first, {}), (who, Kind.OBSERVED, second, {}))
    assert states(twice, night, both, now)[:3] == [FAILED, UNCONFIRMED, DONE]
    ahead = said(("x1", Kind.OBSERVED, slots["start"][1] - MINUTE, {}))
    assert states(twice, night, ahead, now)[1] == DONE


def test_what_runs_stays_unless_the_dome_closes_or_somebody_ends_it(
    slots: pd.DataFrame, night: SiteNight
) -> None:
    now = slots["start"].iloc[1] + 2 * MINUTE
    who, end = slots["candidate_id"][1], slots["end"][1]
    for words in (
        said((who, Kind.OBSERVED, now - MINUTE, {})),
        said((who, Kind.CLOUDED, now - MINUTE, {})),
    ):
        kept = kept_of(slots, [night], words, now)
        assert kept["state"].iloc[1] in {DONE, CLOUDED}
        assert kept["end"].iloc[1] == now < end, "the telescope is free"
        assert kept["exposure_s"].iloc[1] < slots["exposure_s"].iloc[1]
    assert states(slots, night, NOTHING_SAID, now, out={who}) == [UNCONFIRMED]
    closing = replace(night, closed=((now, np.inf),))
    assert states(slots, closing, NOTHING_SAID, now)[1] == CLOSED
    later = replace(night, closed=((end, np.inf),))
    assert states(slots, later, NOTHING_SAID, now)[1] == RUNNING


def test_a_slot_in_a_closed_dome_stays_closed_when_nobody_repeats_it(
    slots: pd.DataFrame, night: SiteNight
) -> None:
    now = slots["end"].iloc[2] + MINUTE
    shut = replace(night, closed=((slots["start"][1], slots["end"][2]),))
    first = kept_of(slots, [shut], NOTHING_SAID, now)
    assert first["state"].tolist()[:3] == [UNCONFIRMED, CLOSED, CLOSED]
    again = kept_of(first, [night], NOTHING_SAID, now + MINUTE)
    assert again["state"].tolist()[:3] == [UNCONFIRMED, CLOSED, CLOSED]
    words = said((slots["candidate_id"][1], Kind.OBSERVED, now, {}))
    assert states(first, night, words, now + MINUTE)[1] == DONE, "people know better"


def test_closures_of_the_earlier_plan_are_kept_up_to_now(night: SiteNight) -> None:
    now = night.night.start + 0.1
    told = ((-np.inf, night.night.start + 0.2),)
    earlier = Earlier(pd.DataFrame(), {SITE: told}, {SITE: night.night.start})
    after = with_past_closures(night, earlier, now)
    assert after.closed == ((night.night.start, now),)
    assert reopened(after, earlier, now) == night.night.start + 0.2
    still = replace(after, closed=(*after.closed, (now, np.inf)))
    assert reopened(still, earlier, now) is None
    yesterday = Earlier(pd.DataFrame(), {SITE: told}, {SITE: night.night.start - 1})
    assert with_past_closures(night, yesterday, now) is night
    assert reopened(night, yesterday, now) is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_too_is_never_lost_while_the_dome_is_closed(seed: int) -> None:
    """Replanned every half hour of a closed dome, it stays in the plan until it has set."""
    rng = np.random.default_rng(seed)
    scored = candidates(rng, 25)
    site = observatory_file.load(SITE)
    first = site_night(site, scored, NOW)
    seen = first.table[first.table["hours_left"] > 6]["candidate_id"].tolist()
    scored["too"] = scored["candidate_id"] == rng.choice(seen)
    who = scored.loc[scored["too"], "candidate_id"].iloc[0]
    plan = make_plan([site_night(site, scored, NOW)], QUICK, NOW, solve=False)
    start = plan.slots.set_index("candidate_id").loc[who, "start"]
    for step in range(1, 7):
        now = at(start + 0.003 + step / 48)
        night = replace(site_night(site, scored, now), closed=((start - MINUTE, now.mjd + 1 / 48),))
        kept = kept_of(plan.slots, [night], NOTHING_SAID, now.mjd)
        plan = make_plan([night], QUICK, now, kept=kept, solve=False)
        ahead = plan.slots[(plan.slots["candidate_id"] == who) & (plan.slots["state"] == "planned")]
        assert len(ahead) == 1, f"lost after {step} replans"
        assert ahead["start"].iloc[0] >= now.mjd + 1 / 48 - 1e-6
