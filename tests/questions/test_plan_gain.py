"""Plans: a slot goes to what cannot wait."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aas2rto.factors import answer
from aas2rto.questions.plan import LEAST_GAIN, gained, worth_a_slot
from aas2rto.steps.column import Column
from aas2rto.steps.cycle import Ranking

KEPT = pd.DataFrame({"candidate_id": ["a", "b", "c"]})


def ranking(**inputs: list[float]) -> Ranking:
    column = Column("wait_here", answer(np.ones(3), reason="", **inputs))
    return Ranking("here", KEPT.iloc[:0], KEPT.iloc[:0], (), (column,))


def test_a_slot_is_worth_what_is_lost_without_it() -> None:
    """V - J as a share of V, whatever the order of the list; and never nothing."""
    found = ranking(tonight=[0.8, 0.5, 0.4], waiting=[0.2, 0.5, 0.0])
    asked = KEPT.iloc[[2, 0, 1]]
    np.testing.assert_allclose(gained(found, KEPT, asked), [1.0, 0.75, LEAST_GAIN])


def test_where_nothing_looks_ahead_it_is_worth_its_score() -> None:
    assert gained(ranking(), KEPT, KEPT).tolist() == [1.0, 1.0, 1.0]


def test_what_is_not_worth_a_slot_leaves_the_time_free() -> None:
    """But for what a person asked for."""
    table = pd.DataFrame(
        {
            "candidate_id": ["good", "poor", "too", "pinned"],
            "site_score": [0.5, 0.1, 0.1, 0.1],
            "too": [False, False, True, False],
            "pinned": [False, False, False, True],
        }
    )
    assert worth_a_slot(table, 0.2)["candidate_id"].tolist() == ["good", "too", "pinned"]
    assert worth_a_slot(table, None) is table
