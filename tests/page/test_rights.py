"""Who may read and write: tokens, sessions, hosts, sizes, and how often one may ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.errors import UsageError
from aas2rto.page.rights import Door, Rate, Right, Tokens, check_host, is_loopback
from tests.page.conftest import Served, serving

WRITE, READ = "write-token-0123456789", "read-token-0123456789"


@pytest.fixture(scope="module")
def locked(made: Path, tmp_path_factory: pytest.TempPathFactory):
    """Serve with a token to write, and one to read."""
    import shutil

    folder = tmp_path_factory.mktemp("locked") / "project"
    shutil.copytree(made, folder)
    with serving(folder, token=WRITE, read_token=READ) as found:
        yield found


@pytest.fixture
def closed(locked: Served) -> Served:
    """Return it to somebody who is not in."""
    locked.client.cookies.clear()
    return locked


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_without_a_token_nobody_reads(closed: Served) -> None:
    """A person is asked for it, and led back; a program is told."""
    for path in ("/", "/candidate?id=bright", "/events", "/csv", "/nothing"):
        assert closed.get(path, 303).headers["location"].startswith("/login?to=%2F")
    for path in ("lists/science", "candidates/bright", "marks", "openapi.json"):
        answer = closed.get(f"/api/v1/{path}", 401)
        assert answer.headers["www-authenticate"] == "Bearer"
    answer = closed.client.post("/api/v1/marks", json={"candidate_id": "bright", "kind": "pin"})
    assert answer.status_code == 401
    assert "bright" not in closed.get("/login").text


def test_a_person_enters_once(closed: Served) -> None:
    """With a cookie that no script and no other site can use."""
    form = {"token": WRITE, "to": "/plan", "by": "Anna"}
    answer = closed.client.post("/login", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/plan")
    for cookie in answer.headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
    assert closed.get("/").status_code == 200
    assert closed.mark("bright", "comment", comment="hello").status_code == 303
    assert closed.get("/api/v1/marks").json()["rows"][0]["author"] == "Anna"


def test_who_may_read_cannot_mark(closed: Served) -> None:
    """There is no form on the page, and neither a form nor a program is heard."""
    assert closed.client.post("/login", data={"token": READ}).status_code == 303
    page = closed.get("/").text
    assert 'action="/mark"' not in page
    assert "csrf" not in page
    csrf = closed.site.door.csrf(closed.client.cookies["aas2rto_session"])
    before = closed.get("/api/v1/marks").json()["total"]
    form = {"csrf": csrf, "id": "bright", "kind": "veto"}
    assert closed.client.post("/mark", data=form).status_code == 403
    new = {"candidate_id": "bright", "kind": "veto"}
    for headers in ({}, bearer(READ)):
        answer = closed.client.post("/api/v1/marks", json=new, headers=headers)
        assert answer.status_code == 403
    assert closed.get("/api/v1/marks").json()["total"] == before


@pytest.mark.parametrize("cookie", ["", "2", "2.abc", "2.abc.def", f"2.{16 * '0'}.{64 * 'f'}"])
def test_a_cookie_of_ones_own_opens_nothing(closed: Served, cookie: str) -> None:
    """It is signed; and the right in it cannot be raised."""
    closed.get("/", 303, headers={"Cookie": f"aas2rto_session={cookie}"})
    mine = closed.site.door.session(Right.READ)
    closed.get("/", 303, headers={"Cookie": f"aas2rto_session=2{mine[1:]}"})
    closed.get("/", 200, headers={"Cookie": f"aas2rto_session={mine}"})


def test_a_program_brings_its_token(closed: Served) -> None:
    """Right ones open; wrong ones do not, and soon are not even looked at."""
    closed.get("/api/v1/lists/science", 200, headers=bearer(READ))
    found = [closed.client.get("/api/v1/lists", headers=bearer(f"guess-{n}")) for n in range(15)]
    assert {answer.status_code for answer in found[:9]} == {401}
    assert found[-1].status_code == 429
    assert closed.get("/api/v1/lists", 200, headers=bearer(WRITE))


def test_a_session_outlives_a_restart() -> None:
    """It follows from the tokens; another token ends it."""
    tokens = Tokens(WRITE, READ)
    cookie = Door.of(tokens).session(Right.READ)
    assert Door.of(tokens).right_of({}, cookie) == Right.READ
    assert Door.of(Tokens(WRITE)).right_of({}, cookie) == Right.NONE


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_made_up_cookie_or_token_opens(cookie: str, token: str) -> None:
    """Whatever it is, it is compared, not read."""
    door = Door(Tokens(WRITE, READ), b"secret")
    headers = {"authorization": f"Bearer {token}"}
    assert door.right_of({}, cookie) == Right.NONE
    assert door.right_of(headers, cookie) == Right.NONE
    assert not door.is_ours({"host": "x"}, cookie, token or "x")


def test_without_tokens_only_this_machine_is_answered(reading: Served) -> None:
    """A name that somebody turned to this machine is not one of ours."""
    for host in ("evil.example", "evil.example:8642", "192.168.1.5", ""):
        answer = reading.get("/api/v1/lists", 421, headers={"Host": host})
        assert "localhost alone" in answer.json()["error"]
    for host in ("localhost:8642", "127.0.0.1", "[::1]:8642"):
        reading.get("/api/v1/lists", headers={"Host": host})


def test_another_host_needs_a_token() -> None:
    """One error, with what to do."""
    with pytest.raises(UsageError, match=r"--host 0\.0\.0\.0: others could read .* give --token"):
        check_host("0.0.0.0", Tokens())
    check_host("0.0.0.0", Tokens(WRITE))
    check_host("::1", Tokens())
    assert not is_loopback("localhost.evil.example")


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (("short", ""), "--token: a token has at least 12"),
        (("", "with blanks inside"), "--read-token: a token has at least 12"),
        ((WRITE, WRITE), "are the same"),
    ],
)
def test_a_token_can_not_be_guessed(tokens: tuple[str, str], words: str) -> None:
    """Or it is refused at the start."""
    with pytest.raises(UsageError, match=words):
        Tokens(*tokens)


def test_headers_keep_others_out(reading: Served) -> None:
    """Of every answer, errors too."""
    for path, status in (("/", 200), ("/api/v1/lists", 200), ("/nothing", 404)):
        headers = reading.get(path, status).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "private, no-cache"
        assert "server" not in headers


def test_what_is_too_large_is_not_read(reading: Served) -> None:
    """Nor what does not say how large it is."""
    assert reading.client.post("/mark", content=b"x" * 70_000).status_code == 413
    assert reading.client.post("/mark", content=iter([b"x"])).status_code == 413


def test_who_asks_too_often_waits(project: Path) -> None:
    """And is told how long."""
    with serving(project, rates={"reads": Rate(5, 0.5), "writes": Rate(2, 0.5)}) as served:
        found = [served.client.get("/api/v1/lists").status_code for _ in range(7)]
        assert found == [200] * 5 + [429] * 2
        assert int(served.client.get("/").headers["retry-after"]) >= 1
        posts = [served.client.post("/mark", data={}).status_code for _ in range(3)]
        assert posts == [403, 403, 429]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.floats(1, 20), st.floats(0.1, 10))
def test_nobody_gets_more_than_the_rate(steps: list[float], burst: float, rate: float) -> None:
    """In any stretch: the burst, and what has grown since."""
    bucket, at, taken = Rate(burst, rate), 0.0, 0
    for step in steps:
        at += step
        wait = bucket.take("a", at=at)
        taken += wait == 0.0
        assert taken <= burst + rate * (at - steps[0]) + 1e-6
        if wait > 0:
            assert bucket.take("a", at=at + wait + 1e-6) == 0.0
            at, taken = at + wait + 1e-6, taken + 1


def test_of_many_addresses_the_oldest_are_forgotten() -> None:
    """So that memory does not grow."""
    bucket = Rate(1, 0.001, clients=3)
    for name in "abcd":
        assert bucket.take(name, at=0.0) == 0.0
    assert bucket.take("d", at=0.0) > 0
    assert bucket.take("a", at=0.0) == 0.0
