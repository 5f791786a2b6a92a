"""A science case made ready to run: sources, models and factors with their settings."""

from __future__ import annotations

from dataclasses import replace

from aas2rto.config.case import Case
from aas2rto.factors import Needs
from aas2rto.models.cluster import Cluster, OnCluster
from aas2rto.steps import column, fit
from aas2rto.steps.cycle import Parts
from aas2rto.steps.poller import make_pollers


def build(case: Case, *, with_sources: bool = True) -> Parts:
    """Set up the parts of a science case; what cannot be set up becomes a failure.

    Parameters
    ----------
    case : Case
    with_sources : bool
        If False, for questions that ask nobody.
    """
    pollers, source_failures = make_pollers(case.sources if with_sources else ())
    models, model_failures = fit.bind(case.models)
    where = case.config.executor
    cluster = Cluster(where.address, where.batch) if where.type == "dask" else None
    if cluster is not None:
        models = tuple(replace(one, model=OnCluster(one.model, cluster)) for one in models)
    failures = (*source_failures, *model_failures)
    bare = Parts(case, pollers, models, (), (), failures, cluster)
    return with_factors_of(bare, case)


def with_factors_of(parts: Parts, case: Case) -> Parts:
    """Return the parts with the factors, sites and settings of a case; models stay as they are."""
    factors = column.bind(case.factors, case.config.score.effect)
    sites = (
        *column.bind([case.site_factor]),
        *(bound for bound in factors if bound.needs is Needs.SITE),
    )
    return replace(parts, case=case, factors=factors, site_factors=sites)
