"""The HTTP client over real sockets: what it repeats, what it refuses, and how long it waits."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler

import pytest
from pydantic import SecretStr

from aas2rto.sources.transport.answer import Cause, HttpError
from aas2rto.sources.transport.pacing import Deadline, TokenBucket, wait_in_words, wait_of
from tests.sources.transport.conftest import Scripted, answer, ask, error_of


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    """Promise 1000 bytes, send 10, reset the connection."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'[{"a": 1}, ')
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def test_server_errors_are_asked_again_with_doubling_pauses(client, server, time):
    """Two 503 and then data: the data, after pauses of 1 and 2 s."""
    server.scripts = [answer(503), answer(500), answer(body=b'[{"a": 1}]')]
    assert ask(client()) == [{"a": 1}]
    assert time.naps == [1.0, 2.0]


def test_an_error_text_names_service_host_question_status_and_tries(client, server, time):
    """An operator reads one line and knows whom to ask."""
    server.scripts = [answer(503, b'{"error": "down for\\nrepairs"}')]
    host = server.url.removeprefix("http://")
    error = error_of(client())
    assert str(error) == (
        f"demo ({host}): GET /things answered 503 Service Unavailable: "
        '{"error": "down for\\nrepairs"} (3 tries)'
    )
    assert (error.cause, error.status) == (Cause.SERVER, 503)


@pytest.mark.parametrize(
    ("status", "cause"),
    [(400, Cause.REJECTED), (401, Cause.REFUSED), (403, Cause.REFUSED), (404, Cause.NOT_FOUND)],
)
def test_refusals_are_not_asked_again(client, server, time, status, cause):
    """What is wrong with the question stays wrong."""
    server.scripts = [answer(status), answer()]
    assert error_of(client()).cause is cause
    assert len(server.seen) == 1


def test_retry_after_is_obeyed(client, server, time):
    """The pause is the one the service asks for, with up to a tenth of jitter."""
    server.scripts = [answer(429, Retry_After="7"), answer()]
    ask(client())
    assert time.naps == [pytest.approx(7.7)]


def test_retry_after_as_a_date_is_read_against_the_servers_own_clock(server, time):
    """Our clock may be wrong; theirs is the one the date refers to."""
    headers = {
        "date": "Sun, 22 Nov 2026 20:00:00 GMT",
        "retry-after": "Sun, 22 Nov 2026 20:02:00 GMT",
    }
    assert wait_of(headers, "") == 120.0


@pytest.mark.fault("HTTP", "range", "Retry-After: 99999999999999")
@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"retry-after": "99999999999999"}, ""),
        (
            {
                "retry-after": "Sun, 22 Nov 9999 20:00:00 GMT",
                "date": "Sun, 22 Nov 2026 20:00:00 GMT",
            },
            "",
        ),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "99999999999999"}, ""),
        ({}, "Expected available in 99999999999999 seconds."),
    ],
)
def test_no_service_is_left_alone_for_more_than_a_day(headers, words):
    """However it says so: one header must not silence a source for years."""
    assert wait_of(headers, words) == 86400.0


def test_a_long_wait_is_left_to_the_next_cycle(client, server, time):
    """Longer than max_wait: not sat out, but told to the caller."""
    server.scripts = [answer(429, b'{"detail": "Expected available in 23 minutes."}'), answer()]
    error = error_of(client())
    assert (error.cause, error.wait) == (Cause.THROTTLED, 23 * 60.0)
    assert time.naps == []


def test_a_wait_beyond_the_deadline_is_left_to_the_next_cycle(client, server, time):
    """The poll returns by itself rather than sleep into its deadline."""
    server.scripts = [answer(429, Retry_After="20"), answer()]
    assert error_of(client(), seconds=10.0).wait == 20.0
    assert time.naps == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Request was throttled. Expected available in 23 seconds.", 23.0),
        ("Expected available in 1 second.", 1.0),
        ("Request was throttled. Expected available in 2 minutes.", 120.0),
        ("Too Many Requests: retry after 12", 12.0),
        ("Request limit exceeded. Either wait an hour, or see the documentation", 3600.0),
        ("Please wait a moment", None),
        ("Internal error", None),
    ],
)
def test_waiting_times_are_read_from_the_services_own_words(text, seconds):
    """Each service has its own sentence for it."""
    assert wait_in_words(text) == seconds


def test_a_spent_quota_in_the_headers_holds_the_next_question(client, server, time):
    """TNS says with a success that the next question has to wait: reset plus one second."""
    quota = {"x_rate_limit_remaining": "0", "x_rate_limit_reset": "12"}
    server.scripts = [answer(**quota), answer()]
    asker = client()
    ask(asker)
    ask(asker)
    assert time.naps == [pytest.approx(13.0)]


def test_a_quota_that_leaves_no_room_is_an_error_without_a_question(client, server, time):
    """Where the wait is longer than patience, the service is not even asked."""
    quota = {"x_rate_limit_remaining": "Exceeded", "x_rate_limit_reset": "55"}
    server.scripts = [answer(**quota), answer()]
    asker = client()
    ask(asker)
    error = error_of(asker)
    assert "was not asked: its rate limit leaves no room for 56 s" in str(error)
    assert (error.wait, len(server.seen)) == (pytest.approx(56.0), 1)


def test_the_rate_of_a_host_is_kept(time):
    """A burst of two, then one per second."""
    bucket = TokenBucket(1.0, 2, time.clock)
    waits = []
    for _ in range(4):
        wait = bucket.reserve(10.0)
        waits.append(wait)
        time.sleep(wait)
    assert waits == [0.0, 0.0, 1.0, 1.0]


def test_clients_of_one_host_share_its_rate(client, server, time):
    """Two sources that ask one host do not double its load."""
    server.scripts = [answer()]
    first, second = (client(rate=0.5, burst=1) for _ in range(2))
    ask(first)
    ask(second)
    assert time.naps == [2.0]


@pytest.mark.fault("HTTP", "damaged", "a page in place of JSON")
def test_a_html_page_with_status_200_is_an_error(client, server, time):
    """Maintenance pages come as success."""
    server.scripts = [answer(body=b"\n <!DOCTYPE html><html>", kind="text/html")]
    error = error_of(client())
    assert "a page of HTML in place of data (maintenance?)" in str(error)
    assert error.cause is Cause.UNREADABLE


@pytest.mark.fault("HTTP", "damaged", "truncated JSON")
def test_truncated_json_is_an_error_that_says_where(client, server, time):
    """An answer that ends early is no empty answer."""
    server.scripts = [answer(body=b'[{"a": 1}, {"a"')]
    assert "answered with broken JSON (15 bytes: " in str(error_of(client()))


def test_json_of_the_wrong_shape_is_an_error_that_says_what_came(client, server, time):
    """`records` needs a list, or an object that holds one."""
    server.scripts = [answer(body=b'{"message": "hello", "count": 3}'), answer(body=b"3")]
    asker = client()
    for shape in ("an object with keys count, message", "a int"):
        with pytest.raises(HttpError, match=f"answered with {shape} where a list of records"):
            asker.get("x", until=asker.deadline(9)).records("items")


@pytest.mark.fault("HTTP", "nan", "NaN in JSON")
def test_nan_in_json_is_null(client, server):
    """Python and MySQL write it, though JSON has no such word."""
    server.scripts = [answer(body=b'[{"a": NaN, "b": -Infinity, "c": 1}]')]
    assert ask(client()) == [{"a": None, "b": None, "c": 1}]


def test_records_are_found_bare_and_under_a_key(client, server, time):
    """Some services wrap the same list, others do not."""
    server.scripts = [answer(body=b"[1]"), answer(body=b'{"total": 1, "items": [2]}')]
    asker = client()
    found = [asker.get("x", until=asker.deadline(9)).records("items") for _ in range(2)]
    assert found == [[1], [2]]


@pytest.mark.fault("HTTP", "dies", "a reset in mid-body")
def test_a_reset_in_mid_body_is_asked_again(client, server, time):
    """Half an answer is no answer."""
    server.scripts = [cut_off, answer(body=b"[3]")]
    assert ask(client()) == [3]


def test_a_reset_every_time_is_an_error(client, server, time):
    """It says that the answer broke off, and how often."""
    server.scripts = [cut_off]
    error = error_of(client())
    assert error.cause is Cause.BROKEN
    assert "broke off the answer" in str(error)
    assert str(error).endswith("(3 tries)")


@pytest.mark.fault("HTTP", "slow", "a server that hangs")
def test_a_hang_ends_at_the_read_timeout(client, server, time):
    """A service that accepts and never answers costs the timeout, no more."""
    release = threading.Event()
    server.scripts = [lambda handler: release.wait(5) and None]
    try:
        error = error_of(client(read=0.1, tries=1))
    finally:
        release.set()
    assert error.cause is Cause.TIMEOUT
    assert "gave no answer in 0.1 s" in str(error)


@pytest.mark.fault("HTTP", "slow", "an answer that drips")
def test_an_answer_that_drips_ends_at_the_deadline(client, server, time):
    """Bytes that keep coming never trip a read timeout; the deadline does."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for _ in range(50):
            time.now += 1.0
            handler.wfile.write(b" " * 10)
            handler.wfile.flush()

    server.scripts = [drip]
    error = error_of(client(tries=1), seconds=5.0)
    assert "was still sending at the deadline" in str(error)


@pytest.mark.fault("HTTP", "gone", "a closed port")
def test_a_closed_port_is_an_error_that_says_so(client, time):
    """Refused connections name the service and its host."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    asker = client(f"http://127.0.0.1:{port}", {"jitter": lambda: 0.0})
    error = error_of(asker)
    assert error.cause is Cause.UNREACHABLE
    assert f"demo (127.0.0.1:{port}): GET /things cannot be reached" in str(error)
    assert time.naps == [0.5, 1.0]


def test_nothing_is_asked_after_the_deadline(client, server, time):
    """A poll that is over asks nothing more."""
    server.scripts = [answer()]
    assert "was not asked: the poll's time is over" in str(error_of(client(), seconds=0))
    assert server.seen == []


@pytest.mark.fault("HTTP", "bomb", "an answer that is too long")
def test_an_answer_that_is_too_long_is_refused(client, server, time):
    """Also when a few compressed bytes unpack to many."""
    bomb = gzip.compress(b" " * 3_000_000)
    server.scripts = [answer(body=bomb, Content_Encoding="gzip")]
    error = error_of(client(max_bytes=2**20))
    assert "answered with more than 1 MiB; ask for less at once" in str(error)


def test_a_question_that_must_not_be_doubled_is_put_once(client, server, time):
    """A queue that may have taken the request is not asked to take it again."""
    server.scripts = [cut_off]
    asker = client()
    with pytest.raises(HttpError):
        asker.post("queue/", json={"ra": 1.0}, until=asker.deadline(9), repeat=False)
    assert len(server.seen) == 1
    assert json.loads(server.seen[0][3]) == {"ra": 1.0}


@pytest.mark.fault("HTTP", "secret", "credential headers on redirects")
def test_the_token_goes_to_its_own_host_only(client, server, time):
    """A URL out of an answer may lead to another host, which must not see our token."""
    server.scripts = [answer()]
    other = Scripted()
    other.scripts = [answer()]
    asker = client()
    asker.credentials["Authorization"] = SecretStr("Token s3cret")
    try:
        ask(asker, "mine")
        ask(asker, f"{other.url}/theirs")
    finally:
        other.close()
    assert server.seen[0][2]["authorization"] == "Token s3cret"
    assert "authorization" not in other.seen[0][2]


@pytest.mark.fault("HTTP", "secret", "secrets in error texts")
def test_secrets_are_struck_from_error_texts(client, server, caplog):
    """Even when the service sends them back; and no log line carries them."""
    caplog.set_level("DEBUG")
    server.scripts = [answer(400, b"bad token s3cret for key k-e-y")]
    secrets = {
        "credentials": {"Authorization": SecretStr("Token s3cret")},
        "secrets": [SecretStr("k-e-y")],
    }
    asker = client(settings=secrets)
    text = str(error_of(asker))
    assert "bad token *** for key ***" in text
    assert "s3cret" not in caplog.text + repr(vars(asker))


def test_a_deadline_counts_down_to_zero(time):
    """Never below."""
    until = Deadline(3.0, time.clock)
    time.sleep(1.0)
    assert until.left() == 2.0
    time.sleep(5.0)
    assert until.left() == 0.0
