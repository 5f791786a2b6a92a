"""Lists: the best first, ties by a stated rule, and what a site cannot use beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.factors import Needs, answer
from aas2rto.sky.observatory import Instrument, Observatory
from aas2rto.steps import rank as ranking
from aas2rto.steps.column import BoundFactor, Column
from aas2rto.steps.cycle import Ranking
from aas2rto.steps.rank import order, rank_science, rank_site, with_reach
from tests.conftest import MJD, make_candidates, make_photometry

NOW = Time(MJD, format="mjd")
SITE = Observatory("here", longitude_deg=0.0, latitude_deg=40.0, elevation_m=1000.0)
NIGHT = Time(MJD, format="mjd")  # midnight at longitude 0, in November


def scored(names, score=1.0, mag=18.0, **columns):
    table = make_candidates(names, **columns)
    return table.assign(score=score, last_mag=mag, reason="", decision="keep", factor="")


def names(table):
    return table["candidate_id"].tolist()


def bound(function, name="mine"):
    return BoundFactor(name, Needs.SITE, function)


def site_list(table, *functions, now=NIGHT, min_altitude=30.0):
    factors = [bound(function, f"f{i}") for i, function in enumerate(functions)]
    return rank_site(SITE, table, factors, now, min_altitude=min_altitude)


# -- the order ------------------------------------------------------------------------------------


def test_the_best_score_comes_first():
    """Ranks count from 1 without a gap."""
    found = order(scored(["a", "b", "c"], [1.0, 3.0, 2.0]), "score")
    assert names(found) == ["b", "c", "a"]
    assert found["rank"].tolist() == [1, 2, 3]
    assert found.index.tolist() == [0, 1, 2]


def test_ties_go_to_the_brighter_and_then_by_name():
    """What has no magnitude stands behind what has one."""
    table = scored(["d", "c", "b", "a"], 1.0, [np.nan, 18.0, 17.0, 18.0])
    assert names(order(table, "score")) == ["b", "a", "c", "d"]


rows = st.lists(
    st.tuples(st.sampled_from([0.5, 1.0, 1000.0, np.inf]), st.sampled_from([17.0, 18.0, np.nan])),
    min_size=1,
    max_size=8,
)


@given(rows, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order(rows, chance):
    """The same candidates give the same list, however they came; and it is sorted."""
    score, mag = zip(*rows, strict=True)
    table = pd.DataFrame(
        {
            "candidate_id": [f"c{i}" for i in range(len(rows))],
            "score": score,
            "last_mag": mag,
            "too": False,
            "reason": "",
        }
    )
    shuffled = list(range(len(rows)))
    chance.shuffle(shuffled)
    found = order(table, "score")
    assert names(found) == names(order(table.iloc[shuffled], "score"))
    keys = [
        (-s, np.inf if np.isnan(m) else m, n)
        for s, m, n in zip(found["score"], found["last_mag"], found["candidate_id"], strict=True)
    ]
    assert keys == sorted(keys)


def test_the_science_list_knows_no_site():
    """All that was kept, by score alone; nobody is out."""
    found = rank_science(scored(["a", "b"], [1.0, 2.0]))
    assert found.observatory == "science"
    assert names(found.table) == ["b", "a"]
    assert found.out.empty
    assert rank_science(scored([])).table.empty


# -- at a site ------------------------------------------------------------------------------------


def test_site_factors_multiply_the_score():
    """S_site = S x x_vis (Eq. 14), with a column for each factor."""
    found = site_list(scored(["a", "b"], [1.0, 2.0]), lambda c, now: [10.0, 2.0])
    assert names(found.table) == ["a", "b"]
    assert found.table["site_score"].tolist() == [10.0, 4.0]
    assert found.table["factor_f0"].tolist() == [10.0, 2.0]
    assert found.table["score"].tolist() == [1.0, 2.0]


def test_a_site_excludes_and_never_rejects():
    """Who cannot be seen here tonight may be seen elsewhere, or tomorrow."""

    def strict(candidates, now):
        return answer(1.0, reject=candidates["candidate_id"] == "b", reason="behind the dome")

    found = site_list(scored(["a", "b"]), strict)
    assert names(found.table) == ["a"]
    assert names(found.out) == ["b"]
    row = found.out.iloc[0]
    assert (row["decision"], row["factor"], row["site_score"]) == ("exclude", "f0", -1.0)
    assert row["reason"].startswith("behind the dome")


def test_reasons_of_site_and_candidate_stand_together():
    """What made the score, then what the site adds."""
    table = scored(["a"]).assign(reason="magnitude x10 (16.5 mag)")
    found = site_list(table, lambda c, now: answer(3.0, reason=["sets soon"]))
    assert found.table["reason"].tolist() == ["magnitude x10 (16.5 mag); f0 x3 (sets soon)"]


def test_a_failing_site_factor_costs_itself_only():
    """It is left out, and the report says so."""

    def fail(candidates, now):
        raise KeyError("dome")

    found = site_list(scored(["a", "b"]), fail, lambda c, now: [2.0, 1.0])
    assert names(found.table) == ["a", "b"]
    assert [str(f) for f in found.failures] == [
        "factor f0: KeyError: 'dome'; it failed for all 2 candidates and was left out"
    ]


def test_a_site_whose_visibility_fails_says_so_for_everybody(monkeypatch):
    """The other sites have their lists."""

    def fail(*_, **__):
        raise RuntimeError("no ephemeris")

    monkeypatch.setattr(ranking.visibility, "site_table", fail)
    found = site_list(scored(["a", "b"]), lambda c, now: 1.0)
    assert found.table.empty
    assert {"rank", "site_score"} <= set(found.table)
    assert names(found.out) == ["a", "b"]
    assert set(found.out["reason"]) == {"RuntimeError: no ephemeris"}
    assert [str(f) for f in found.failures] == ["visibility at here: RuntimeError: no ephemeris"]


def test_nobody_to_rank_gives_an_empty_list():
    """With all its columns."""
    found = site_list(scored([]), lambda c, now: 1.0)
    assert found.table.empty
    assert found.out.empty
    assert {"rank", "site_score", "altitude", "factor_f0"} <= set(found.table)


def test_the_sky_decides_with_the_factor_of_the_config():
    """Overhead at midnight, below the horizon all night, and too low: only the first is in."""
    from aas2rto.factors.altitude_integral import altitude_integral

    table = scored(["up", "south", "down"], ra=60.0, dec=[40.0, -30.0, -80.0])
    found = site_list(table, altitude_integral)
    assert names(found.table) == ["up"]
    assert sorted(names(found.out)) == ["down", "south"]
    assert found.table["altitude"].iloc[0] > 70
    assert (found.out["reason"] != "").all()


def test_columns_of_a_site_stand_beside_those_of_the_candidates():
    """Where both have a name, the candidate's stays; rows are numbered anew."""
    table = scored(["a"], ra=60.0, dec=40.0).assign(altitude="mine").set_index(pd.Index([7]))
    found = ranking.seen_from(SITE, table, [], NIGHT, min_altitude=30.0)
    assert found["altitude"].tolist() == ["mine"]
    assert found["azimuth"].notna().all()
    assert found["candidate_id"].tolist() == ["a"]
    assert found.index.tolist() == [0]


def test_what_is_pinned_comes_first_and_says_who_said_so():
    """A person's wish before any score; a ToO keeps its place among the pinned."""
    table = scored(["a", "b", "c"], [3.0, 1.0, 2.0], too=[False, False, True])
    assert names(order(table, "score")) == ["a", "c", "b"]
    found = order(table.assign(pin=["", "pinned by me", ""]), "score")
    assert names(found) == ["c", "b", "a"]
    assert found["pinned"].tolist() == [False, True, False]
    assert found["reason"].tolist() == ["", "pinned by me; ", ""]
    elsewhere = table.assign(pin_there=["pinned by you", "", ""])
    assert names(order(elsewhere, "score", "here")) == ["a", "c", "b"]
    assert not order(elsewhere, "score", "here")["pinned"].any()


@pytest.mark.slow
@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=5))
def test_a_fainter_twin_never_ranks_higher(mags):
    """All else equal, from the photometry to the list."""
    from aas2rto.factors.magnitude import magnitude

    ids = [f"c{i}" for i in range(len(mags))]
    faint = 14 + np.sort(mags) / 3
    table = make_candidates(ids, make_photometry(ids, MJD, faint))
    table = table.assign(score=magnitude(table, NOW).value, reason="")
    found = rank_science(table).table
    assert (np.diff(found["last_mag"]) >= -1e-9).all()
    assert found["score"].tolist() == pytest.approx(sorted(found["score"], reverse=True))


# -- the telescope's own limits -------------------------------------------------------------------


def site_with(**limits):
    instrument = Instrument(reference_mag=18.0, reference_time_s=900.0, **limits)
    return replace(SITE, instrument=instrument)


def listed(table, site):
    return rank_site(site, table, [], NIGHT, min_altitude=30.0)


def test_what_a_telescope_does_not_take_is_not_in_its_list():
    """A ToO's file gives a magnitude where there is no measured one; unknown is no reason."""
    up = {"ra": 60.0, "dec": 40.0}
    mags = [18.0, 19.0, np.nan, np.nan, 12.0]
    table = scored(list("abcde"), 1.0, mags, **up).assign(
        magnitude=[np.nan, 18.0, 19.5, np.nan, np.nan]
    )
    found = listed(table, site_with(faint_limit_mag=18.5, bright_limit_mag=13.0))
    assert names(found.table) == ["a", "d"]
    out = found.out.set_index("candidate_id")
    assert set(out["factor"]) == {"telescope"}
    assert out.loc["b", "reason"] == (
        "19.00 mag is fainter than the telescope takes: faint_limit 18.5 mag"
    )
    assert "19.50 mag is fainter" in out.loc["c", "reason"]
    assert "12.00 mag is brighter than the telescope takes" in out.loc["e", "reason"]
    assert names(listed(table, SITE).table) == ["e", "a", "b", "c", "d"]


def test_a_telescope_keeps_its_own_distance_from_the_moon():
    full = Time("2026-04-01T23:00:00", scale="utc")
    table = scored(["a"], ra=195.0, dec=0.0)
    near = rank_site(replace(SITE, moon_separation_deg=60.0), table, [], full, min_altitude=30.0)
    assert names(near.table) == []
    assert near.out["reason"].iloc[0].endswith("from the Moon, closer than the telescope's 60")
    assert names(rank_site(SITE, table, [], full, min_altitude=30.0).table) == ["a"]


def test_who_waits_everywhere_is_not_out_of_reach():
    table = scored(["a", "b"], 1.0, [17.0, 19.0], ra=60.0, dec=40.0)
    column = Column("later", answer([1.0, 1.0], exclude=[True, False], best_night=[61125.0, 0.0]))
    out = table.iloc[[0]].assign(factor="later", reason="worth more on 25 Mar")
    site = Ranking("here", table.iloc[:0], out, (), (column,))
    told = with_reach(rank_science(table), [site]).table.set_index("candidate_id")["reason"]
    assert told["a"] == "waits for a better night at every site that can take it"
    assert told["b"] == "reachable from no site tonight"


def test_the_science_list_says_from_where_it_can_be_reached():
    table = scored(["a", "b"], 1.0, [17.0, 19.0], ra=60.0, dec=40.0)
    deep = replace(site_with(faint_limit_mag=20.0), name="deep")
    shallow = replace(site_with(faint_limit_mag=18.0), name="shallow")
    science = rank_science(table)
    both = with_reach(science, [listed(table, deep), listed(table, shallow)]).table
    assert both["reachable_from"].tolist() == ["deep shallow", "deep"]
    assert both["reason"].tolist() == ["", ""]
    one = with_reach(science, [listed(table, shallow)]).table
    assert one["reachable_from"].tolist() == ["shallow", ""]
    assert one["reason"].tolist() == ["", "reachable from no site tonight"]
    nobody = table.iloc[:0]
    assert with_reach(rank_science(nobody), [listed(nobody, deep)]).table.empty
