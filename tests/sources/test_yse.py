"""YSE-PZ: pages to the last, links by their names, and what its people say of a transient."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from aas2rto.sources.yse import Yse
from aas2rto.store import Store
from aas2rto.tables.report import Outcome
from tests.sources.conftest import NETWORK, StandIn, request
from tests.standin import sky
from tests.standin.in_process import connect
from tests.standin.yse import Yse as Service
from tests.standin.yse import make

NOW = sky.NOW
NAME, PASSWORD = "observer", SecretStr("standin-yse-password")


@pytest.fixture
def service() -> Service:
    return Service()


def source(service: Service, **options: Any) -> Yse:
    asked = {"url": "https://host/yse", "username": NAME, "password": PASSWORD, **options}
    return connect(Yse(network=NETWORK, **asked), service)


def said(report: Any, name: str) -> dict[str, Any]:
    facts = report.facts[report.facts["object_id"] == name]
    return dict(zip(facts["key"], facts["value"], strict=True))


def test_pages_are_followed_though_their_links_name_another_host(service):
    service.made = [make(f"2026{n:03d}x", n, 1.0, modified=NOW - 0.5) for n in range(23)]
    report = source(service, page_size=5).poll(request(NOW))
    assert report.outcome is Outcome.DATA, report.error
    assert len(report.objects) == 23
    assert len([one for one in service.log if one["path"].endswith("/transients/")]) == 5
    assert report.cursor["complete"] == NOW


def test_what_is_known_of_a_transient(service):
    more = {"redshift": 0.03, "redshift_source": "host", "TNS_spec_class": "SN Ia"}
    service.made = [
        make("2026abc", 10.0, -5.0, modified=NOW, status="Following", tags=("Young", "YSE"), **more)
    ]
    report = source(service).poll(request(NOW))
    (row,) = report.objects.to_dict("records")
    assert (row["object_id"], row["survey"], row["ra"]) == ("yse_2026abc", "yse", 10.0)
    assert row["also_known_as"] == ("2026abc",)
    assert said(report, "yse_2026abc") == {
        "redshift": 0.03,
        "spectral_type": "SN Ia",
        "yse_real_bogus_score": None,
        "yse_point_source_probability": None,
        "yse_status": "Following",
        "yse_tags": "YSE, Young",
    }
    with Store("sqlite://") as store:
        store.ingest(report, NOW)
        (kept,) = store.candidates(NOW).to_dict("records")
        assert (kept["redshift"], kept["redshift_source"]) == (0.03, "YSE-PZ (host)")
        assert store.identities.resolve("2026abc") == "yse_2026abc"


@pytest.mark.parametrize("heedless", [False, True])
def test_only_what_is_meant_is_taken_whether_the_server_filters_or_not(service, heedless):
    service.heedless = heedless
    service.made = [
        make("2026a", 1.0, 1.0, modified=NOW, status="Watch", tags=("Young",)),
        make("2026b", 2.0, 1.0, modified=NOW, status="Ignore", tags=("Young",)),
        make("2026c", 3.0, 1.0, modified=NOW, status="Watch", tags=("YSE",)),
    ]
    report = source(service, tags=("Young",)).poll(request(NOW))
    assert report.objects["object_id"].tolist() == ["yse_2026a"]


def test_who_was_taken_and_is_ignored_now_says_so(service):
    service.made = [make("2026a", 1.0, 1.0, modified=NOW - 1.0)]
    asked = source(service)
    first = asked.poll(request(NOW))
    service.made = [make("2026a", 1.0, 1.0, modified=NOW + 0.1, status="Ignore")]
    second = asked.poll(request(NOW + 0.2, json.loads(json.dumps(first.cursor))))
    assert second.objects.empty
    assert said(second, "yse_2026a") == {"yse_status": "Ignore"}
    assert second.cursor["told"] == {"2026a": "Ignore"}
    third = asked.poll(request(NOW + 0.3, json.loads(json.dumps(second.cursor))))
    assert third.outcome is Outcome.EMPTY


def test_later_polls_ask_for_what_changed_and_once_a_day_for_all(service):
    service.made = []
    asked, cursor = source(service, since=30.0), {}
    for now in (NOW, NOW + 0.25, NOW + 1.0):
        cursor = json.loads(json.dumps(asked.poll(request(now, cursor)).cursor))
    times = [
        one["query"]["modified_date_gte"][0]
        for one in service.log
        if one["path"].endswith("/transients/")
    ]
    assert len(times) == 3
    assert times[0] < times[1]
    assert times[2] < times[1]


def test_an_entry_that_cannot_be_used_costs_itself(service):
    service.heedless = True
    service.made = [
        make("2026a", 400.0, 1.0, modified=NOW),
        make("", 1.0, 1.0, modified=NOW),
        make("2026b", 1.0, 1.0, modified=NOW, redshift="many"),
        make("2026c", 1.0, 1.0, modified=NOW, redshift=-9.0),
        "nonsense",
    ]
    report = source(service).poll(request(NOW))
    assert report.objects["object_id"].tolist() == ["yse_2026c"]
    assert said(report, "yse_2026c")["redshift"] is None
    assert len(report.problems) == 4
    assert "yse: a listed transient (2026a) cannot be used" in report.problems[0]


def test_a_wrong_password_is_refused_in_words(service):
    report = source(service, password=SecretStr("wrong-password")).poll(request(NOW))
    assert report.outcome is Outcome.FAILED
    assert "check the account" in report.error
    assert "wrong-password" not in report.error


def test_it_is_probed(service):
    assert source(service).probe() == "host answers, with 8 statuses"
    found = source(service, statuses=("New", "Hot")).probe()
    assert found.endswith("; it has no Hot")


def test_over_a_socket(standin: StandIn):
    url = f"{standin.urls['yse']}/yse"
    asked = Yse(url=url, username=NAME, password=PASSWORD, network=NETWORK, page_size=2)
    report = asked.poll(request(standin.now))
    assert report.outcome is Outcome.DATA, report.error
    assert len(report.objects) == 6
