"""Recorded answers of the real services, served over real sockets by the stand-ins."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from aas2rto.sources.alerce import Alerce
from aas2rto.sources.atlas import Atlas
from aas2rto.sources.fink import Fink
from aas2rto.sources.lasair import Lasair
from aas2rto.tables.report import Outcome
from tests.sources.conftest import NETWORK, StandIn, request, wanted
from tests.standin import recorded

pytestmark = pytest.mark.real_data

OBJECTS = {
    "fink-ztf": ("ZTF19aaosfcb", 3),
    "fink-lsst": ("170587117720698934", 1),
    "alerce-ztf": ("ZTF18abcgqmz", 2),
    "alerce-lsst": ("170587116732416143", 3),
    "lasair-ztf": ("ZTF23aabplmy", 2),
    "lasair-lsst": ("313637921267122191", 8),
}
"""An object of each service, and how many measurements its recorded answer holds."""


def source_of(name: str, standin: StandIn) -> Any:
    service, _, survey = name.partition("-")
    shared: Any = {"survey": survey, "network": NETWORK}
    if service == "fink":
        return Fink(url=standin.urls[name], **shared)
    if service == "alerce":
        classifier = "stamp_classifier_rubin*" if survey == "lsst" else "stamp_classifier"
        nothing = {"classifier": classifier, "class_": "bogus"}
        return Alerce(url=standin.urls["alerce"], **nothing, **shared)
    token = SecretStr("standin-lasair-token")
    return Lasair(url=f"{standin.urls[name]}/api", token=token, **shared)


@pytest.mark.parametrize("name", OBJECTS)
def test_recorded_light_curves_are_read(name, standin):
    """Every measurement of a real answer, without a complaint."""
    known, n = OBJECTS[name]
    asked = request(standin.now, wanted=wanted({"aliases": (known,)}))
    report = source_of(name, standin).poll(asked)
    assert (report.outcome, report.error, report.problems) == (Outcome.DATA, "", ())
    assert list(report.objects["object_id"]) == [known]
    assert len(report.photometry) == n


def test_a_recorded_atlas_result_is_stacked(standin):
    """Real exposures of 2020 and 2021, with their quality cuts."""
    standin.call("state/atlas", steps=0)
    ra, dec = recorded.ATLAS_PLACE
    asked = wanted({"candidate_id": "real", "ra": ra, "dec": dec, "first_detection": 59101.0})
    source = Atlas(
        url=f"{standin.urls['atlas']}/forcedphot",
        network=NETWORK,
        token=SecretStr("standin-atlas-token"),
    )
    first = source.poll(request(standin.now, wanted=asked))
    report = source.poll(request(standin.now, first.cursor, wanted=asked))
    assert (report.error, report.problems) == ("", ())
    assert set(report.photometry["band"]) <= {"atlasc", "atlaso"}
    assert len(report.photometry) > 10
