"""Requests to telescopes: one for each candidate, site and night."""

from __future__ import annotations

from dataclasses import replace

from aas2rto.store import Store
from aas2rto.store.requests import SENDING, Request
from tests.conftest import MJD, make_objects, make_report


def request(who: str = "a", site: str = "lco_coj_1m0", **facts: object) -> Request:
    return Request(who, "lco", site, "2026-03-20", MJD, {"state": SENDING, **facts})


def test_a_request_is_claimed_once(store: Store) -> None:
    """For its key; another site or night is another request."""
    store.ingest(make_report(make_objects(["a", "b"], ra=[150.0, 160.0])), MJD)
    assert store.requests.claim(request())
    assert not store.requests.claim(request(name="again"))
    assert store.requests.claim(request(site="lco_lsc_1m0"))
    assert store.requests.claim(request("b"))
    assert store.requests.claim(replace(request(), night="2026-03-21"))
    found = store.requests.all("lco")
    assert [(one.night, one.site, one.candidate_id) for one in found] == [
        ("2026-03-20", "lco_coj_1m0", "a"),
        ("2026-03-20", "lco_coj_1m0", "b"),
        ("2026-03-20", "lco_lsc_1m0", "a"),
        ("2026-03-21", "lco_coj_1m0", "a"),
    ]
    assert "name" not in found[0].facts
    assert store.requests.all("other") == []


def test_it_is_settled_or_forgotten(store: Store) -> None:
    store.ingest(make_report(make_objects("a")), MJD)
    store.requests.claim(request())
    store.requests.settle(request(state="PENDING", id=7))
    (one,) = store.requests.all("lco")
    assert (one.state, one.facts["id"]) == ("PENDING", 7)
    store.requests.forget(one)
    assert store.requests.all("lco") == []
    assert store.requests.claim(request())


def test_it_is_no_message(store: Store) -> None:
    """The first message of a project still knows that it is the first."""
    store.ingest(make_report(make_objects("a")), MJD)
    store.requests.claim(request())
    assert not store.outbox.has_told()
