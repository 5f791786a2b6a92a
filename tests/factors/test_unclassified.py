"""The factor that leaves out what others have classified."""

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.factors import Decision
from aas2rto.factors.unclassified import unclassified

NOW = Time(61366.0, format="mjd")


def table(**columns):
    return pd.DataFrame(columns)


def test_what_is_classified_is_excluded_and_says_as_what():
    """A candidate without a type is neutral."""
    found = unclassified(table(tns_type=["SN Ia", None, ""]), NOW)
    assert found.decision.tolist() == [Decision.EXCLUDE, Decision.KEEP, Decision.KEEP]
    assert found.reason.tolist() == [
        "classified as SN Ia",
        "not classified yet",
        "not classified yet",
    ]
    assert found.value.tolist() == [1.0, 1.0, 1.0]


def test_demote_lowers_the_score_and_keeps_the_candidate():
    """For networks that still want a spectrum of their own."""
    found = unclassified(table(tns_type=["SN Ia", ""]), NOW, mode="demote", value=0.2)
    assert found.decision.tolist() == [Decision.KEEP, Decision.KEEP]
    assert found.value.tolist() == [0.2, 1.0]


@pytest.mark.parametrize(
    ("keep", "excluded"),
    [((), [1, 1, 1]), (("SN Ia",), [0, 1, 1]), (("SN Ia*",), [0, 0, 1]), (("SN II",), [1, 1, 0])],
)
def test_some_types_may_be_kept(keep, excluded):
    """Follow-up of classified supernovae is a science case, too."""
    found = unclassified(table(tns_type=["SN Ia", "SN Ia-91T-like", "SN II"]), NOW, keep=keep)
    assert (found.decision == Decision.EXCLUDE).tolist() == [bool(x) for x in excluded]


def test_a_type_from_elsewhere_counts_where_tns_has_none():
    """A broker's or a person's type; TNS's own word comes first."""
    both = table(tns_type=["SN Ia", np.nan, None], spectral_type=["SN II", "TDE", ""])
    found = unclassified(both, NOW)
    assert found.inputs["type"].tolist() == ["SN Ia", "TDE", ""]


def test_nothing_is_known_before_tns_has_been_asked():
    """The columns exist only once somebody has written them."""
    found = unclassified(table(candidate_id=["a", "b"]), NOW)
    assert found.decision.tolist() == [Decision.KEEP] * 2


def test_a_too_stays():
    """Somebody has asked for it by name."""
    found = unclassified(table(tns_type=["SN Ia", "SN Ia"], too=[True, False]), NOW)
    assert found.decision.tolist() == [Decision.KEEP, Decision.EXCLUDE]
