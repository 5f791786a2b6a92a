"""What brokers and TNS say: with the stated confusion, and never before they could."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from aas2rto.simulate import brokers

N = 20_000


def drawn(kind: str, survey: str = "ztf", *, mag: float = 18.25, alerts: int = 8) -> pd.DataFrame:
    """Return facts of many objects of one type with an alert a day from MJD 61000 on."""
    truth = pd.DataFrame(
        {"type": kind, "z": 0.1, "peak_mjd": 61010.0, "peak_mag": mag}, index=range(N)
    )
    owner = np.repeat(np.arange(N), alerts)
    known = 61000.0 + np.tile(np.arange(alerts), N)
    told = pd.DataFrame({"owner": owner, "known_at": known})
    return brokers.facts(np.random.default_rng(8), survey, truth, told)


@pytest.mark.parametrize(("kind", "group"), [("SN Ic", "explosion"), ("AGN", "AGN"), ("CV", "CV")])
def test_stamps_are_confused_as_stated(kind: str, group: str) -> None:
    """Shares of the classes are those of the table, minutes after the first alert."""
    told = drawn(kind)
    said = told[told["alerce_class"].notna()]
    assert len(said) == N
    shares = said["alerce_class"].value_counts(normalize=True).reindex(brokers.CLASSES).fillna(0)
    np.testing.assert_allclose(shares, brokers.CONFUSION[group], atol=0.01)
    delay = (said["known_at"] - 61000.0) * 1440
    assert delay.between(*brokers.BROKER_DELAY).all()
    assert said["alerce_probability"].between(0, 1).all()


@pytest.mark.parametrize(
    ("name", "count"), [("fink_rf_snia_vs_nonia", 3), ("fink_snn_snia_vs_nonia", 7)]
)
def test_scores_have_the_stated_roc(name: str, count: int) -> None:
    """The chance that a SN Ia scores above another supernova is Phi(d' / sqrt 2)."""
    ia, other = (drawn(kind) for kind in ("SN Ia", "SN II"))
    ours, theirs = (table.loc[table[name].notna(), name].to_numpy() for table in (ia, other))
    assert len(ours) == N
    above = (np.searchsorted(np.sort(theirs), ours) / N).mean()
    assert above == pytest.approx(ndtr(brokers.SEPARATION[count] / np.sqrt(2)), abs=0.01)
    at = ia.loc[ia[name].notna(), "known_at"]
    assert at.between(61000 + count - 1, 61000 + count - 1 + 0.01).all()


def test_a_score_needs_its_alerts() -> None:
    """With two alerts there is none; with one, no name in TNS either."""
    two, one = drawn("SN Ia", alerts=2), drawn("SN Ia", alerts=1)
    assert "fink_rf_snia_vs_nonia" not in two or two["fink_rf_snia_vs_nonia"].isna().all()
    assert two["tns_name"].notna().any()
    assert one["tns_name"].isna().all()


@pytest.mark.parametrize(("mag", "share"), [(17.0, 0.97), (18.25, 0.93), (18.75, 0.75), (21.0, 0)])
def test_the_bright_are_classified(mag: float, share: float) -> None:
    """The stated share of those reported; by their true type, some days about peak."""
    told = drawn("SN IIb", mag=mag)
    typed = told[told["spectral_type"].notna()] if "spectral_type" in told else told.iloc[:0]
    named = told[told["tns_name"].notna()]["owner"].nunique()
    assert named / N == pytest.approx(brokers.REPORTED, abs=0.01)
    assert len(typed) / named == pytest.approx(share, abs=0.01)
    if share:
        assert set(typed["spectral_type"]) == {"SN IIb"}
        assert (typed["redshift"] - 0.1).abs().max() < 0.03
        assert typed["known_at"].median() == pytest.approx(61012.0, abs=0.3)
        assert typed["known_at"].min() >= 61002.0
        reported = named and told[told["tns_name"].notna()].groupby("owner")["known_at"].min()
        assert (typed["known_at"].to_numpy() > reported[typed["owner"]].to_numpy()).all()


def test_names_are_unique_and_in_order() -> None:
    """As TNS gives them: three letters from aaa on, in the order of the reports of a year."""
    told = drawn("SN Ia")
    names = told.groupby("owner")["tns_name"].first().dropna()
    assert names.is_unique
    assert names.min() == "SIM2025aaa"
    assert names.str.match(r"SIM2025[a-z]{3,}$").all()


def test_what_does_not_explode_is_not_reported() -> None:
    """No name, no type."""
    told = drawn("variable star")
    assert told["tns_name"].isna().all()


def test_lsst_has_the_classifiers_of_lsst() -> None:
    """Codes that the packaged config reads; nine in ten right."""
    told = drawn("AGN", "lsst")
    codes = told["fink_clf_cats_class"].dropna()
    assert (codes == 22).mean() == pytest.approx(0.9 + 0.1 / 4, abs=0.01)
    assert told["fink_clf_snnSnVsOthers_score"].dropna().median() < 0.2
    twice = drawn("SN Ia", "lsst").groupby("owner")["fink_clf_earlySNIa_score"].count()
    assert (twice == 2).all()
