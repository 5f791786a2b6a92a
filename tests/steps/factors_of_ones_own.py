"""Factors of one's own, and what becomes of their answers."""

from __future__ import annotations

import functools

from astropy.time import Time

from aas2rto.factors import Decision, Needs
from aas2rto.steps.column import BoundFactor
from aas2rto.steps.evaluate import evaluate
from tests.conftest import MJD, make_candidates

NOW = Time(MJD, format="mjd")
KEEP, EXCLUDE, REJECT = Decision.KEEP, Decision.EXCLUDE, Decision.REJECT


def bound(function, name="mine", needs=Needs.FIT, **settings):
    return BoundFactor(name, needs, function, settings)


@functools.cache
def bare_table(n):
    return make_candidates([f"c{i}" for i in range(n)])


def table(n=3, **columns):
    return bare_table(n).assign(**columns)


def run(function, n=3, **columns):
    return evaluate(bound(function), table(n, **columns), NOW)
