"""The joint optimum is the optimum, and whatever happens to the solver there is a plan."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from aas2rto.planning import joint
from aas2rto.planning.greedy import dispatch, greedy, independent, reserve
from aas2rto.planning.joint import optimise
from aas2rto.planning.problem import Problem
from tests.planning.nights import problem

SEEDS = range(200)


def is_possible(one: Problem, chosen: tuple[int, ...]) -> bool:
    """Tell whether options go together; written without any of the code that is tested."""
    for a, b in itertools.combinations(chosen, 2):
        ends_a, ends_b = one.start[a] + one.length[a], one.start[b] + one.length[b]
        if one.site[a] == one.site[b] and one.start[a] < ends_b and one.start[b] < ends_a:
            return False
        apart = one.start[b] - ends_a >= one.gap or one.start[a] - ends_b >= one.gap
        if one.candidate[a] == one.candidate[b] and not apart:
            return False
    counts = np.bincount(one.candidate[list(chosen)], minlength=len(one.allowed))
    return bool((counts <= one.allowed).all())


def brute_force(one: Problem) -> float:
    """Return what the best of all sets of options is worth."""
    everything = range(len(one))
    return max(
        float(one.value[list(chosen)].sum())
        for size in range(len(one) + 1)
        for chosen in itertools.combinations(everything, size)
        if is_possible(one, chosen)
    )


@pytest.mark.slow
@pytest.mark.parametrize("few", [joint.FEW, 0], ids=["at once", "by price"])
@pytest.mark.parametrize("visits", [1, 3])
def test_the_joint_optimum_equals_brute_force(
    visits: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On 200 random instances, in one piece and by way of the prices of the options."""
    monkeypatch.setattr(joint, "FEW", few)
    several = 0
    for seed in SEEDS:
        one = problem(seed, visits=visits)
        best = brute_force(one)
        found = optimise(one, gap=0.0, time_limit=60.0)
        assert found.status == "optimal", seed
        assert found.chosen is not None
        assert is_possible(one, tuple(found.chosen.tolist())), seed
        assert one.worth(found.chosen) == pytest.approx(best, rel=1e-7), seed
        assert found.bound == pytest.approx(best, rel=1e-6), seed
        several += one.worth(greedy(one)) < best * 0.999
    assert several > 10, "on such instances greedy is as good: they test nothing"


@pytest.mark.slow
@pytest.mark.parametrize("visits", [1, 3])
def test_greedy_plans_are_possible_and_not_better_than_the_best(visits: int) -> None:
    for seed in SEEDS:
        one = problem(seed, visits=visits)
        best = brute_force(one)
        for plan in (dispatch, reserve, greedy, independent):
            chosen = plan(one)
            assert one.worth(chosen) <= best * (1 + 1e-9)
            if plan is independent:  # its telescopes do not know of each other
                counts = np.bincount(one.candidate[chosen], minlength=len(one.allowed))
                assert (counts <= one.allowed).all()
            else:
                assert is_possible(one, tuple(chosen.tolist())), (seed, plan.__name__)


def test_the_bound_holds_when_the_gap_is_wide() -> None:
    for seed in range(50):
        one = problem(seed)
        best = brute_force(one)
        found = optimise(one, gap=0.2, time_limit=60.0)
        assert found.chosen is not None
        assert one.worth(found.chosen) <= best * (1 + 1e-9) <= found.bound * (1 + 1e-6)
        assert one.worth(found.chosen) >= 0.8 * found.bound * (1 - 1e-6)


def empty() -> Problem:
    return problem(0).only(np.zeros(len(problem(0)), dtype=bool))


def test_without_options_there_is_nothing_to_plan() -> None:
    found = optimise(empty(), gap=0.0, time_limit=1.0)
    assert found.chosen is not None
    assert len(found.chosen) == 0
    assert found.bound == 0
    for plan in (dispatch, reserve, greedy, independent):
        assert len(plan(empty())) == 0


def test_a_solver_that_raises_is_a_status() -> None:
    """Guarded: the greedy plan stands, see test_night_plan."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joint, "milp", broken)
        found = optimise(problem(3), gap=0.0, time_limit=1.0)
    assert found.chosen is None
    assert found.status == "RuntimeError: out of memory"
    assert found.bound >= brute_force(problem(3))


@pytest.mark.slow
def test_the_solver_keeps_quiet() -> None:
    """HiGHS writes past Python to the standard output, where programs may read JSON."""
    code = (
        "import json, os\n"
        "from aas2rto.planning import joint\n"
        "from tests.planning.nights import problem\n"
        "real = joint.milp\n"
        "def loud(*a, **k):\n"
        "    os.write(1, b'HighsMipSolverData::noise')\n"
        "    return real(*a, **k)\n"
        "joint.milp = loud\n"
        "print('first', flush=True)\n"
        "found = joint.optimise(problem(3), gap=0.0, time_limit=9.0)\n"
        "print(json.dumps(found.status))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["first", json.dumps("optimal")]
