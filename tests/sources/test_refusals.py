"""The stand-ins refuse what the services' published servers refuse, and take what those take.

Each rule names its source where it is made, in ``tests/standin``. Nothing here needs a process or
a socket: the services answer in this one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from aas2rto.sources.fink import Fink
from tests.sources.conftest import NETWORK, request, wanted
from tests.standin import sky
from tests.standin.alerce import STAMP, Alerce
from tests.standin.atlas import Atlas
from tests.standin.fink import FinkLsst, FinkZtf
from tests.standin.in_process import connect
from tests.standin.lasair import Lasair, LasairLsst, LasairZtf
from tests.standin.server import Question, Reply, Service

T = sky.transients()[0]
LSST_ID, ZTF_ID = str(T.lsst_id), T.ztf_id
TOKEN = {"authorization": f"Token {Lasair.token}"}
ATLAS_TOKEN = {"authorization": f"Token {Atlas.token}"}


def ask(
    service: Service,
    method: str,
    path: str,
    values: Any = (),
    *,
    body: str = "json",
    headers: Mapping[str, str] = {},
) -> Reply:
    """Put a question to a stand-in: parameters in the URL for GET, else in a body."""
    pairs = list(values.items()) if isinstance(values, dict) else list(values)
    query: dict[str, list[str]] = {}
    content, kind = b"", ""
    if method == "GET":
        for name, value in pairs:
            query.setdefault(name, []).append(str(value))
    elif body == "json":
        content, kind = json.dumps(dict(pairs)).encode(), "application/json"
    else:
        content, kind = urlencode(pairs).encode(), "application/x-www-form-urlencoded"
    question = Question(method, path, query, {"content-type": kind, **headers}, content)
    service.note(question)
    return service.answer(question)


# -- Fink -----------------------------------------------------------------------------------------

ISO = {"startdate": "2026-11-01 00:00:00", "stopdate": "2026-11-22 03:00:00.250"}


@pytest.mark.parametrize(
    ("dates", "status"),
    [
        (ISO, 200),
        ({"startdate": "2026-11-01", "stopdate": "2026-11-22T03:00:00"}, 200),
        ({}, 200),
        (ISO | {"startdate": "61350.5"}, 500),
        (ISO | {"stopdate": "2461366.5"}, 500),
        (ISO | {"startdate": "yesterday"}, 500),
        (ISO | {"startdate": 61350.5}, 500),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_fink_takes_dates_as_iso_text_alone(method, dates, status):
    """The published server hands the text to astropy's `Time`, which takes no bare number."""
    reply = ask(FinkLsst(), method, "/api/v1/tags", {"tag": "in_tns", "n": 500, **dates})
    assert reply.status == status
    if status == 200:
        assert len(reply.payload) > 20


@pytest.mark.parametrize(
    ("path", "values", "status", "words"),
    [
        ("tags", {"n": 3}, 400, "A value for `tag` is required"),
        ("tags", {"tag": "nonsense"}, 400, "is not a valid tag"),
        ("tags", {"tag": "in_simbad"}, 400, "no API support defined"),
        ("tags", {"tag": "in_tns", "n": "many"}, 500, "Internal Server Error"),
        ("sources", {"output-format": "json"}, 400, "A value for `diaObjectId` is required"),
        ("sources", {"diaObjectId": T.lsst_id}, 500, "Internal Server Error"),
        ("fp", {"diaObjectId": T.lsst_id}, 500, "Internal Server Error"),
        ("fp", {}, 400, "A value for `diaObjectId` is required"),
    ],
)
def test_fink_lsst_refuses(path, values, status, words):
    """Required arguments (in Python's quotes, no JSON), and numbers where texts must be."""
    reply = ask(FinkLsst(), "POST", f"/api/v1/{path}", values)
    assert reply.status == status
    assert words in str(reply.payload)


def test_fink_answers_get_as_post_and_selects_columns():
    """Unknown columns are ignored, and unknown objects are nothing."""
    values = {"diaObjectId": LSST_ID, "columns": "r:psfFlux, r:band,x:unknown"}
    got, posted = (ask(FinkLsst(), m, "/api/v1/sources", values) for m in ("GET", "POST"))
    assert got.payload == posted.payload
    assert set(got.payload[0]) == {"r:psfFlux", "r:band"}
    assert ask(FinkLsst(), "POST", "/api/v1/sources", {"diaObjectId": "12"}).payload == []
    ztf = {"objectId": f"{ZTF_ID},ZTF20aaaaaaa", "withupperlim": True}
    assert {row["d:tag"] for row in ask(FinkZtf(), "POST", "/api/v1/objects", ztf).payload} == {
        "valid",
        "upperlim",
    }
    assert ask(FinkZtf(), "POST", "/api/v1/objects", {"objectId": 5}).status == 500
    assert ask(FinkZtf(), "POST", "/api/v1/objects", {}).status == 400


def test_a_source_can_be_polled_without_a_process():
    """A client takes its transport: the service answers in this process."""
    service = FinkLsst()
    source = connect(Fink(survey="lsst", tags=("in_tns",), network=NETWORK), service)
    report = source.poll(request(sky.NOW, wanted=wanted({"aliases": (LSST_ID,)})))
    assert (report.error, report.problems) == ("", ())
    assert LSST_ID in set(report.objects["object_id"])
    dated = [q["form"] for q in service.log if "startdate" in q["form"]]
    assert dated
    assert all(FinkLsst.date(form["startdate"]) < sky.NOW for form in dated)


# -- Lasair ---------------------------------------------------------------------------------------

QUERY = {"selected": "objects.diaObjectId", "tables": "objects", "conditions": ""}
LAST = "objects.lastDiaSourceMjdTai"


def lasair(
    values: dict[str, Any], path: str = "query", service: Lasair | None = None, **more: Any
) -> Reply:
    return ask(
        service or LasairLsst(),
        more.pop("method", "POST"),
        f"/api/{path}/",
        values,
        body="form",
        headers=TOKEN,
        **more,
    )


@pytest.mark.parametrize("name", ["selected", "tables", "conditions"])
def test_lasair_wants_all_fields_of_a_query(name):
    """Conditions may be blank, but not absent."""
    reply = lasair({key: value for key, value in QUERY.items() if key != name})
    assert (reply.status, reply.payload) == (400, {name: ["This field is required."]})
    assert lasair(QUERY).status == 200


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"selected": ""}, 400, "may not be blank"),
        ({"limit": "ten"}, 400, "A valid integer is required"),
        ({"limit": 2_000_000}, 400, "less than or equal to 1000000"),
        ({"conditions": f"{LAST} > 0 ORDER BY {LAST} DESC"}, 200, ""),
        ({"conditions": f"ORDER BY {LAST}"}, 200, ""),
        ({"conditions": f"({LAST} > 0) AND 1 = 1 ORDER BY {LAST}"}, 200, ""),
        ({"conditions": f"({LAST} > 0 ORDER BY {LAST}) AND 1 = 1"}, 400, "returned the error"),
        ({"conditions": f"{LAST} > mjdnow() - 3"}, 200, ""),
        ({"conditions": f"{LAST} > 0 limit 3"}, 400, "Dont put LIMIT in the WHERE clause"),
        ({"conditions": "1 = 1; drop"}, 400, "Cannot use ;"),
        ({"conditions": "1 = (select 1)"}, 400, "Cannot use the word SELECT"),
        ({"conditions": "objects.gMag > 3"}, 400, "no such column"),
        ({"selected": "objects.nSources"}, 400, "no such column"),
    ],
)
def test_lasair_refuses_queries(changes, status, words):
    """The SQL goes to a database as the published code puts it together."""
    reply = lasair(QUERY | changes)
    assert reply.status == status
    assert words in str(reply.payload)


@pytest.mark.parametrize("added", ["True", "False"])
@pytest.mark.parametrize(("survey", "status"), [("ztf", 500), ("lsst", 404)])
def test_lasair_on_objects_that_it_does_not_know(survey, status, added):
    """Only what Lasair adds makes it fail; without, the lists are empty."""
    service, name = (LasairZtf(), "ZTF20aaaaaaa") if survey == "ztf" else (LasairLsst(), "99")
    reply = lasair({"objectId": name, "lite": "True", "lasair_added": added}, "object", service)
    assert reply.status == (status if added == "True" else 200)


def test_lasair_on_long_lived_objects():
    """`image_urls` is missing for old sources, which only the added part reads."""
    service = LasairLsst()
    service.cutout_days = 2.0
    plain = {"objectId": LSST_ID, "lite": "False", "lasair_added": "False"}
    assert lasair(plain | {"lasair_added": "True"}, "object", service).status == 400
    found = lasair(plain, "object", service).payload
    assert {"diaObject", "diaSourcesList", "diaForcedSourcesList"} <= set(found)
    assert "diaObject" not in lasair(plain | {"lite": "True"}, "object", service).payload


def test_lasair_refuses_what_is_no_question_about_an_object():
    """The ZTF view returns nothing for a broken POST, which is a 500."""
    assert lasair({"lite": "True"}, "object").status == 400
    assert lasair({"objectId": LSST_ID, "lite": "maybe"}, "object").status == 400
    assert lasair({"lite": "True"}, "object", LasairZtf()).status == 500
    assert lasair({"lite": "True"}, "object", LasairZtf(), method="GET").status == 400


def test_lasair_takes_a_token_in_header_or_url():
    """And nobody without."""
    path = "/api/query/"
    assert ask(LasairLsst(), "POST", path, QUERY, body="form").status == 401
    assert ask(LasairLsst(), "GET", path, QUERY | {"token": Lasair.token}).status == 200


# -- ALeRCE ---------------------------------------------------------------------------------------


def alerce(path: str, *values: tuple[str, Any]) -> Reply:
    return ask(Alerce(), "GET", path, values)


def test_alerce_sends_objects_without_slash_to_the_path_with_it():
    """With all of the question."""
    reply = alerce("/ztf/v1/objects", ("lastmjd", 1.0), ("lastmjd", 2.0))
    target = "/ztf/v1/objects/?lastmjd=1.0&lastmjd=2.0"
    assert (reply.status, reply.headers["Location"]) == (308, target)


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ((("class", "SN"), ("page_size", 3), ("order_by", "lastmjd"), ("order_mode", "ASC")), 200),
        ((("lastmjd", "[61000, 61400]"),), 400),
        ((("page", "first"),), 400),
        ((("order_by", "brightness"),), 400),
        ((("order_mode", "up"),), 400),
        ((("count", "maybe"),), 400),
    ],
)
def test_alerce_ztf_refuses(values, status):
    """What flask-restx's parsers do not take."""
    assert alerce("/ztf/v1/objects/", *values).status == status


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ((("classifier", STAMP), ("class_name", "SN"), ("page_size", 5)), 200),
        ((("classifier", "stamp_classifier_rubin"),), 500),
        ((("oid", "ZTF20aaaaaaa"),), 500),
        ((("order_mode", "up"),), 422),
        ((("page", "first"),), 422),
        ((("n_det", 5), ("n_det", 2)), 422),
    ],
)
def test_alerce_lsst_refuses(values, status):
    """An unknown classifier is a ValueError inside, and answers 500."""
    assert alerce("/object_api/list_objects", ("survey", "lsst"), *values).status == status


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ((("survey_id", "lsst"), ("oid", LSST_ID)), 200),
        ((("survey_id", "lsst"), ("oid", "99")), 200),
        ((("survey", "lsst"), ("oid", LSST_ID)), 422),
        ((("survey_id", "atlas"), ("oid", LSST_ID)), 400),
        ((("survey_id", "lsst"),), 422),
    ],
)
def test_alerce_lsst_light_curves(values, status):
    """The survey is `survey_id` here; nothing is an answer, not an error."""
    assert alerce("/lightcurve_api/lightcurve", *values).status == status


def test_alerce_counts_a_page_and_one_more():
    """`total` says nothing of the whole list."""
    values = (("classifier", STAMP), ("class_name", "SN"), ("page_size", 3))
    page = alerce("/object_api/list_objects", *values).payload
    assert (page["total"], len(page["items"]), page["has_next"]) == (4, 3, True)


# -- ATLAS ----------------------------------------------------------------------------------------

PLACE = {"ra": 10.0, "dec": -5.0}


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, 201, ""),
        ({"mjd_min": 60000.0, "mjd_max": 61000.0}, 201, ""),
        ({"mjd_min": ""}, 201, ""),
        ({"ra": "nan"}, 400, "ra must be a finite floating-point number."),
        ({"dec": "inf"}, 400, "dec must be a finite floating-point number."),
        ({"ra": "12:00:00"}, 400, "A valid number is required."),
        ({"ra": ""}, 400, "dec was set but ra is missing."),
        ({"ra": "", "dec": ""}, 400, "Either an mpc_name or (ra, dec) must be specified."),
        ({"mjd_min": "nan"}, 400, "mjd_min must be a finite"),
        ({"mjd_max": 0.0}, 400, "mjd_max must be a positive MJD."),
        ({"mjd_max": 61000.0}, 400, "mjd_max must be greater than mjd_min"),
        ({"comment": "x" * 301}, 400, "no more than 300 characters"),
    ],
)
def test_atlas_refuses(changes, status, words):
    """Positions and times must be finite; a span must be one."""
    service = Atlas()
    reply = ask(
        service, "POST", "/forcedphot/queue/", PLACE | changes, body="form", headers=ATLAS_TOKEN
    )
    assert reply.status == status
    assert words in str(reply.payload)
    assert len(service.tasks) == (2 if status == 201 else 1)


def test_atlas_counts_tasks_that_have_not_begun():
    """500 of them, no more."""
    service = Atlas()
    service.queue_cap = 2
    posts = [
        ask(service, "POST", "/forcedphot/queue/", PLACE, body="form", headers=ATLAS_TOKEN)
        for _ in range(2)
    ]
    assert [reply.status for reply in posts] == [201, 400]
    assert "too many queued tasks (2 queued + 1 requested > 2)" in str(posts[1].payload)
