"""ANTARES: loci are listed once, in pages, whatever the list does; their alerts become points."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.sources import antares_records as records
from aas2rto.sources.antares import Antares
from aas2rto.store import Store
from aas2rto.tables.report import Outcome
from tests.shared import PAYLOADS, absence
from tests.sources.conftest import NETWORK, request, wanted
from tests.standin import sky
from tests.standin.antares import Antares as Service
from tests.standin.antares import locus_id, lsst_alert, make_locus
from tests.standin.in_process import connect

NOW = sky.NOW
IDS = [170_000_000_000_000_001 + n for n in range(200)]


@pytest.fixture
def service() -> Service:
    return Service()


def source(service: Service, **options: Any) -> Antares:
    return connect(Antares(network=NETWORK, **{"light_curves": 0, **options}), service)


def loci(n: int, *, step: float = 0.001, **more: Any) -> list[dict[str, Any]]:
    return [
        make_locus(
            f"ANT2026x{k:04d}", NOW - 0.01 - step * k, ra=k % 360, lsst=[str(IDS[0] + k)], **more
        )
        for k in range(n)
    ]


def listed(report: Any) -> list[str]:
    objects = report.objects
    return (
        [] if objects.empty else objects.loc[objects["survey"] == "antares", "object_id"].tolist()
    )


def said(report: Any) -> dict[str, Any]:
    return dict(zip(report.facts["key"], report.facts["value"], strict=True))


def polls(asked: Antares, n: int, cursor: Any = None, now: float = NOW) -> Iterator[Any]:
    for _ in range(n):
        report = asked.poll(request(now, cursor))
        cursor = json.loads(json.dumps(report.cursor))
        yield report


# -- the list --------------------------------------------------------------------------------------


def test_pages_are_followed_to_the_last(service):
    """Until `links.next` is null, each locus once; then nothing is left to list."""
    service.made = loci(23)
    report = source(service, page_size=5).poll(request(NOW))
    assert report.outcome is Outcome.DATA
    assert sorted(listed(report)) == sorted(one["locus"]["locus_id"] for one in service.made)
    assert len(service.log) == 5
    assert report.cursor["spans"] == []
    assert report.newest_alert == NOW - 0.01


def test_the_question_is_the_client_s_own(service):
    """The sort that it asks for, and a query with the key `query` alone."""
    service.made = loci(1)
    source(service, since=2.0).poll(request(NOW))
    asked = service.log[0]["query"]
    query = json.loads(asked["elasticsearch_query"][0])
    assert asked["sort"] == ["-properties.newest_alert_observation_time"]
    low = query["query"]["bool"]["filter"][0]["range"]["properties.newest_alert_observation_time"]
    assert low == {"gte": NOW - 2.0, "lte": NOW}
    assert query["query"]["bool"]["filter"][1] == {
        "exists": {"field": "properties.survey.lsst.dia_object_id"}
    }


def test_the_next_poll_begins_where_this_one_ended(service):
    """A tenth of a day before the newest that was seen, as data come late."""
    service.made = loci(3)
    last = list(polls(source(service), 2))[-1]
    low = json.loads(service.log[-1]["query"]["elasticsearch_query"][0])
    found = low["query"]["bool"]["filter"][0]["range"]["properties.newest_alert_observation_time"]
    assert found["gte"] == pytest.approx(NOW - 0.01 - 0.1)
    assert last.error == ""


def test_a_list_that_repeats_itself_ends(service):
    """A page with nothing new is the last, though its link names another."""
    service.made = loci(4)
    first = service.loci

    def again(question: Any) -> Any:
        answer = first(question)
        answer["links"]["next"] = f"{service.url}/v2/loci?limit=2&elasticsearch_query=" + (
            question.get("elasticsearch_query")
        )
        return answer

    service.loci = again  # type: ignore[method-assign]
    assert len(listed(source(service, page_size=4).poll(request(NOW)))) == 4
    assert len(service.log) == 2


def test_a_list_that_reaches_behind_the_last_poll_ends(service):
    """If the server does not heed the range, the first locus before it ends the list."""
    service.made = loci(30, step=0.1)
    first = service.loci

    def heedless(question: Any) -> Any:
        query = json.dumps({"query": {}})
        asked = {**question.query, "elasticsearch_query": [query]}
        return first(type(question)("GET", question.path, asked, {}, b""))

    service.loci = heedless  # type: ignore[method-assign]
    assert len(listed(source(service, page_size=4, since=1.0).poll(request(NOW)))) == 10
    assert len(service.log) == 3


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 12), st.integers(1, 7), st.integers(2, 9), st.booleans())
def test_what_one_poll_has_no_time_for_the_next_ones_list(n, page, most, alike):
    """However long the list is; also where many have one time."""
    service = Service()
    service.made = loci(n, step=0.0 if alike else 0.003)
    asked = source(service, page_size=max(page, 40 if alike else 1), most=most)
    found: set[str] = set()
    for report in polls(asked, 15):
        found |= set(listed(report))
        if not report.cursor["spans"]:
            break
    assert len(found) == n


def test_a_failure_midway_skips_nothing(service):
    """What came is kept, and the rest of the span is asked for in the next poll."""
    service.made = loci(12)
    first, turn = service.loci, iter(range(100))

    def breaking(question: Any) -> Any:
        return {"oh": "no"} if next(turn) == 1 else first(question)

    service.loci = breaking  # type: ignore[method-assign]
    one, two = polls(source(service, page_size=4), 2)
    assert one.outcome is Outcome.FAILED
    assert len(listed(one)) == 4
    assert {*listed(one), *listed(two)} == {x["locus"]["locus_id"] for x in service.made}


def test_loci_of_other_surveys_are_left_out(service):
    """Also if the server took `exists` for something else."""
    service.made = [*loci(2), make_locus("ANT2026zzzz", NOW - 0.1, ztf=["ZTF26aaaaaab"])]
    assert len(listed(source(service).poll(request(NOW)))) == 2
    assert len(listed(source(service, survey="any").poll(request(NOW)))) == 3
    assert listed(source(service, survey="ztf").poll(request(NOW))) == ["ANT2026zzzz"]


def test_a_damaged_locus_costs_itself(service):
    broken = make_locus("ANT2026broken", NOW - 0.02, lsst=["1"])
    broken["locus"]["ra"] = "north"
    service.made = [*loci(2), broken]
    report = source(service).poll(request(NOW))
    assert len(listed(report)) == 2
    assert "ANT2026broken) cannot be used" in report.problems[0]


# -- what is said of a locus -----------------------------------------------------------------------


def test_one_locus_is_one_candidate_under_all_its_names(service, store: Store):
    """By the ids of both surveys and by that of ANTARES; what is said is said of it."""
    service.made = [
        make_locus(
            "ANT2026b", NOW - 0.1, lsst=[str(IDS[1]), str(IDS[2])], ztf=["ZTF26aaaaaab"],
            tags=["nuclear_transient"], catalogs=["sdss_gals"], anomaly=-1, anomaly_score=-1,
            anomaly_note="x", LAISS_RFC_anomaly_score=62.0,
        )
    ]  # fmt: skip
    report = source(service, survey="any").poll(request(NOW))
    store.ingest(report, NOW)
    table = store.candidates(NOW)
    assert table["candidate_id"].tolist() == [str(IDS[1])]
    aliases = set(store.identities.aliases(NOW)["alias"])
    assert {str(IDS[1]), str(IDS[2]), "ZTF26aaaaaab", "ANT2026b"} <= aliases
    (notes,) = store.facts.as_known(NOW).to_dict("records")
    assert notes["antares_tags"] == ["nuclear_transient"]
    assert notes["antares_catalogs"] == ["sdss_gals"]
    assert (notes["antares_anomaly"], notes["antares_LAISS_RFC_anomaly_score"]) == (-1, 62.0)
    assert "antares_anomaly_score" not in notes, "-1 of a score is no score"
    assert "antares_anomaly_note" not in notes


def test_further_properties_are_kept_by_name(service):
    service.made = loci(1, feature_x=1.5, feature_y="a", mine=[1])
    report = source(service, properties=("feature_*", "mine")).poll(request(NOW))
    facts = said(report)
    assert (facts["antares_feature_x"], facts["antares_feature_y"]) == (1.5, "a")
    assert "antares_mine" not in facts


# -- alerts ----------------------------------------------------------------------------------------


def test_alerts_become_photometry_of_both_surveys(service):
    """LSST in nJy and TAI, ZTF in magnitudes and UTC; limits too."""
    found = source(service, light_curves=3, survey="any", since=20.0).poll(request(NOW))
    assert found.problems == ()
    points = found.photometry
    assert set(points["survey"]) == {"lsst", "ztf"}
    for transient in sky.transients():
        mine = points[points["candidate_id"] == str(transient.lsst_id)].sort_values("mjd")
        if mine.empty:
            continue
        looks = transient.detections("lsst", NOW)
        assert mine["mjd"].to_numpy() == pytest.approx([x.mjd for x in looks], abs=1e-9)
        assert mine["flux"].to_numpy() == pytest.approx([x.flux for x in looks])
    assert (points["kind"] == "limit").any()
    assert points["candidate_id"].nunique() > 3


def test_who_is_ranked_comes_first_and_again(service):
    """The budget is for those that matter; what is ranked is refreshed after a day."""
    ids = [locus_id(t) for t in sky.transients() if t.detections("lsst", NOW)]
    ranked = wanted({"candidate_id": "x", "aliases": (ids[3],)})
    asked = source(service, light_curves=1, since=30.0)
    report = asked.poll(request(NOW, wanted=ranked))
    assert [x["path"] for x in service.log if "alerts" in x["path"]] == [
        f"/v2/loci/{ids[3]}/alerts"
    ]
    service.log.clear()
    asked.poll(request(NOW + 1.5, report.cursor, wanted=ranked))
    assert f"/v2/loci/{ids[3]}/alerts" not in [x["path"] for x in service.log]
    asked = source(service, light_curves=30, since=30.0)
    asked.poll(request(NOW + 1.5, report.cursor, wanted=ranked))
    assert f"/v2/loci/{ids[3]}/alerts" in [x["path"] for x in service.log]


@pytest.mark.skipif(bool(absence(PAYLOADS)), reason=absence(PAYLOADS))
def test_the_recorded_locus_is_read(service):
    """Three alerts in i: the magnitudes of antares.md; no amplitude in r."""
    recorded = json.loads((PAYLOADS / "antares/skyportal_antares_lsst_locus.json").read_text())
    alerts = [
        {"id": f"lsst_diaSource:{k}", "mjd": 0.0, "properties": one, "survey": "lsst"}
        for k, one in enumerate(recorded["alerts"])
    ]
    entry = {**recorded, "tags": [], "catalogs": []}
    entry["properties"] = {**recorded["properties"], "newest_alert_observation_time": 61221.3654}
    service.made = [{"locus": entry, "alerts": alerts}]
    report = source(service, light_curves=5).poll(request(61221.5))
    mags = 23.9 - 2.5 * np.log10(report.photometry.sort_values("mjd")["flux"])
    assert mags.round(4).tolist() == [19.1848, 19.1667, 19.1862]
    assert np.ptp(mags) == pytest.approx(0.0195, abs=5e-5)
    assert "antares_amplitude_r" not in set(report.facts["key"])
    assert set(report.photometry["candidate_id"]) == {"170595943059554358"}


def test_an_amplitude_is_that_of_the_total_flux():
    """A difference flux says nothing of it, negative or not."""
    first, last = ({"band": "r", "psfFlux": f, "psfFluxErr": 1.0} for f in (-500.0, 9000.0))
    assert records.amplitude([first, last]) is None
    both = [{**one, "templateFlux": 1000.0} for one in (first, last)]
    assert records.amplitude(both) == pytest.approx(2.5 * np.log10(20.0))
    science = [{**first, "scienceFlux": 100.0}, {**last, "scienceFlux": 1000.0}]
    assert records.amplitude(science) == pytest.approx(2.5)
    noisy = [{**science[0], "scienceFluxErr": 30.0}, science[1]]
    assert records.amplitude(noisy) is None
    assert records.amplitude(both, band="g") is None


def test_an_amplitude_and_types_of_catalogues_become_annotations(service):
    alerts = [
        lsst_alert(IDS[5], k, NOW - 2 + k, "r", 100.0, scienceFlux=flux)
        for k, flux in enumerate((1000.0, 4000.0))
    ]
    one = make_locus("ANT2026t", NOW - 0.1, lsst=[str(IDS[5])], catalogs=["vsx"], alerts=alerts)
    service.made = [one]
    report = source(service, light_curves=5).poll(request(NOW))
    facts = said(report)
    assert facts["antares_amplitude_r"] == pytest.approx(2.5 * np.log10(4.0))
    assert facts["antares_known_type"] == ["RRAB"]


def test_an_unknown_locus_costs_one_line(service):
    """The real one answers 500; the others go on, and it is asked for again later."""
    ranked = wanted({"candidate_id": "x", "aliases": ("ANT2026nobody",)})
    report = source(service, light_curves=30, since=30.0).poll(request(NOW, wanted=ranked))
    assert report.outcome is Outcome.DATA
    assert len(report.photometry)


def test_probe_says_how_many_tags_there_are(service):
    assert source(service).probe() == "api.antares.noirlab.edu answers, with 4 tags"
