"""Dips: each test has its number, can be turned off, and the script's faults are avoided."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.factors import Decision
from aas2rto.factors.dip import dip
from aas2rto.models.dip import Dip
from aas2rto.models.dip_statistics import chisq, chisq_90, ks_p
from aas2rto.steps.fit import fits_of, join
from aas2rto.tables.photometry import flux_err_from_magerr, flux_from_mag
from aas2rto.tables.total import ALERT, HISTORY

FIRST_ALERT = 60500.0


def star(
    name: str = "star",
    *,
    depth: float = 0.1,
    n: int = 10,
    history: int = 400,
    std: float = 0.02,
    bands: tuple[str, ...] = ("ztfr",),
    drift: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a star's total brightness: a history, and alerts fainter by `depth` [mag].

    The template is brighter than the history by `drift`, as after a slow decline.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for band in bands:
        for kind, mjd, mag, size in (
            (HISTORY, np.linspace(58200, FIRST_ALERT - 40, history), 15.0, history),
            (ALERT, FIRST_ALERT + np.arange(n), 15.0 + depth, n),
        ):
            flux = flux_from_mag(rng.normal(mag, std, size))
            template = flux_from_mag(15.0 - drift)
            parts.append(
                pd.DataFrame(
                    {
                        "candidate_id": name,
                        "mjd": mjd,
                        "band": band,
                        "flux": flux,
                        "flux_err": flux_err_from_magerr(flux, std),
                        "kind": kind,
                        "difference": flux - template if kind == ALERT else np.nan,
                        "difference_err": flux_err_from_magerr(flux, std),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True).sort_values("mjd", ignore_index=True)


def judged(*stars: pd.DataFrame, model: Dip | None = None, **options: object):  # type: ignore[no-untyped-def]
    """Return what the factor says of stars, by way of the model and the candidate table."""
    table = pd.concat(stars, ignore_index=True)
    names = pd.unique(table["candidate_id"])
    candidates = pd.DataFrame({"candidate_id": names})
    fits = (model or Dip()).fit(table, candidates)
    return dip(join(candidates, fits_of({"dip": fits})), None, **options)  # type: ignore[arg-type]


def test_a_dip_is_kept_and_told_with_every_number() -> None:
    found = judged(star(depth=0.1), star("quiet", depth=0.0, seed=1))
    assert found.decision.tolist() == [Decision.KEEP, Decision.EXCLUDE]
    kept, out = found.reason.tolist()
    assert kept.startswith("dips: ztfr 0.")
    for words in ("mag = ", " sd: ", "old points", "chi2 1.0", "5-95 % chi2 0.", "KS p "):
        assert words in kept, (words, kept)
    assert kept.endswith("seen fainter on 10 nights")
    assert "FAILS: must be fainter" in out
    assert found.value[0] == pytest.approx(5, abs=0.6)


@pytest.mark.parametrize(
    ("options", "given", "failing"),
    [
        ({"min_history": 100}, {"history": 90}, "old points (FAILS: at least 100)"),
        ({"max_chisq": 0.5}, {}, "(FAILS: below 0.5)"),
        ({"max_chisq_90": 0.1}, {}, "(FAILS: below 0.1)"),
        ({"max_p": 1e-30}, {}, "(FAILS: below 1e-30)"),
        ({"below_limit": True}, {"depth": 0.01}, "(FAILS: must be fainter)"),
        ({"min_alerts": 3}, {"n": 2}, "2 alerts (FAILS: at least 3)"),
        ({"min_sigmas": 20}, {}, "sd deep (FAILS: at least 20)"),
        ({"min_depth": 0.5}, {}, "mag deep (FAILS: at least 0.5)"),
        ({"only_fainter": True}, {"drift": -0.5}, "10 brighter than the template (FAILS: none"),
    ],
)
def test_each_test_can_be_on_and_off(
    options: dict[str, object], given: dict[str, object], failing: str
) -> None:
    """On, it alone excludes this star; off, the star is kept."""
    off = {
        "min_history": None,
        "max_chisq": None,
        "max_chisq_90": None,
        "max_p": None,
        "below_limit": False,
        "min_alerts": None,
        "only_fainter": False,
    }
    model = Dip(least=1)
    on = judged(star(**given), model=model, **{**off, **options})  # type: ignore[arg-type]
    assert on.decision.tolist() == [Decision.EXCLUDE]
    assert failing in on.reason.tolist()[0]
    assert judged(star(**given), model=model, **off).decision.tolist() == [Decision.KEEP]  # type: ignore[arg-type]


def test_every_band_with_alerts_must_pass() -> None:
    """Or one, where the config says so."""
    red, blue = star(depth=0.1), star(depth=0.0, bands=("ztfg",), seed=3)
    both = pd.concat([red, blue], ignore_index=True)
    assert judged(both).decision.tolist() == [Decision.EXCLUDE]
    assert judged(both, every_band=False).decision.tolist() == [Decision.KEEP]
    only = pd.concat([red, blue[blue["kind"] == HISTORY]], ignore_index=True)
    assert judged(only).decision.tolist() == [Decision.KEEP]  # no alert there: it has no say


def test_telling_changes_nothing() -> None:
    found = judged(star(depth=0.0), use="tell")
    assert (found.decision.tolist(), found.value.tolist()) == ([Decision.KEEP], [1.0])
    assert found.reason.tolist()[0].startswith("no dip: ztfr")


def test_repeats_are_counted_per_object() -> None:
    """The published script looks one fixed object up, so that its count is that object's for all.

    Here each star has the nights on which it was itself seen fainter.
    """
    found = judged(star("once", n=4), star("often", n=30), star("never", depth=-0.1))
    counted = dict(zip(["once", "often", "never"], found.inputs["repeats"], strict=True))
    assert counted == {"once": 4, "often": 30, "never": 0}
    database = ["often"] * 3 + ["once"]
    script = {name: database.count("often") for name in ("once", "often")}
    assert script == {"once": 3, "often": 3}  # the fault: alike for all


def test_the_reference_is_the_template_and_not_the_median() -> None:
    """Where 0.3 mag lie between the two, the script makes a deeper dip, or none, of the same star.

    It adds the difference to the median of the history.
    """
    faded = star(depth=0.1, drift=0.3)
    right = judged(faded)
    assert right.decision.tolist() == [Decision.KEEP]
    assert right.value[0] == pytest.approx(5, abs=0.6)
    script = judged(faded, model=Dip(reference="history"))
    # It takes the fading since the template for a part of the dip: five times as deep.
    assert script.value[0] == 10
    assert script.reason.tolist()[0].startswith("dips: ztfr 0.56")
    brightened = star(depth=0.1, drift=-0.3)
    assert judged(brightened, only_fainter=False).decision.tolist() == [Decision.KEEP]
    lost = judged(brightened, model=Dip(reference="history"), only_fainter=False)
    assert lost.decision.tolist() == [Decision.EXCLUDE]


def test_what_is_between_history_and_alert_counts_for_neither() -> None:
    """The history ends 130 d before the first alert, so that an early decline is not in it."""
    table = star(history=400)
    fit = Dip().fit(table, pd.DataFrame({"candidate_id": ["star"]})).iloc[0]
    old = table[(table["kind"] == HISTORY) & (table["mjd"] < FIRST_ALERT - 130)]
    assert fit["parameters"]["n_history_ztfr"] == len(old) < 400
    assert fit["parameters"]["n_alert_ztfr"] == 10


def test_without_history_or_template_it_is_said() -> None:
    table = star()
    fit = Dip().fit(table[table["kind"] == HISTORY], pd.DataFrame({"candidate_id": ["star"]}))
    assert fit["reason"].tolist() == ["no alert whose template is known"]
    found = judged(table[table["kind"] == ALERT])
    assert "0 old points (FAILS: at least 100)" in found.reason.tolist()[0]
    none = Dip().fit(table.iloc[:0], pd.DataFrame({"candidate_id": ["star"]}))
    assert none["status"].tolist() == ["not_enough_data"]


def test_chi2_is_the_mean_about_the_median() -> None:
    """A Gaussian gives 1 in full, and 0.623 between its 5th and 95th percentile."""
    mag = np.random.default_rng(2).normal(15, 0.03, 200_000)
    error = np.full(len(mag), 0.03)
    assert chisq(mag, error) == pytest.approx(1, abs=0.01)
    assert chisq_90(mag, error) == pytest.approx(0.623, abs=0.01)
    assert chisq(np.array([1.0, 2.0, 4.0]), np.ones(3)) == pytest.approx(5 / 3)


@settings(max_examples=20)
@given(st.integers(20, 300), st.floats(0.005, 0.05))
def test_one_alert_alone_cannot_have_a_small_p(n: int, std: float) -> None:
    """The smallest possible is about 2 / (n + 1), however deep the dip."""
    history = np.random.default_rng(n).normal(15, std, n)
    assert ks_p(history, np.array([25.0])) == pytest.approx(2 / (n + 1), rel=1e-6)


def test_whoever_is_beyond_the_percentile_has_a_small_p() -> None:
    """The test by p is redundant with ten alerts: their median beyond it means p < 0.05."""
    for seed in range(200):
        table = star(depth=0.034, seed=seed, n=10)
        fit = Dip().fit(table, pd.DataFrame({"candidate_id": ["star"]})).iloc[0]["parameters"]
        if fit["alert_ztfr"] > fit["limit_ztfr"]:
            assert fit["p_ztfr"] < 0.05
