from datetime import timedelta

import pytest

from engine import __version__
from engine.delivery.request import build_request, check_headers, check_method
from engine.errors import InvalidInput
from engine.model.trigger import Target
from tests.fakes.clock import START
from tests.fakes.records import event

URL = "http://receiver.test/hook"
SECONDS = "1795338000"  # 2026-11-22T09:00:00Z


def test_the_headers_of_a_plain_event() -> None:
    due = event(payload='{"a":1}', target=Target(url=URL, timeout_ms=700))
    request = build_request(due, 1, START + timedelta(milliseconds=999))
    assert request.headers == (
        ("webhook-id", due.message_id),
        ("webhook-timestamp", SECONDS),
        ("User-Agent", f"event-trigger-engine/{__version__}"),
        ("Accept-Encoding", "identity"),
        ("Content-Type", "application/json"),
    )
    assert (request.method, request.url, request.timeout_ms) == ("POST", URL, 700)


@pytest.mark.parametrize(
    "payload", ['{"b": 1,\n "a":9223372036854775808}', "1.0", '"Grüße \\u00fc"', "[ 1 ,2]", '"\\ud83d\\ude00"', '""']
)
def test_the_body_is_the_payload_byte_for_byte(payload: str) -> None:
    assert build_request(event(payload=payload, target=Target(url=URL)), 1, START).body == payload.encode()


def test_without_a_payload_there_is_no_body_and_no_content_type() -> None:
    request = build_request(event(payload=None, target=Target(url=URL)), 1, START)
    assert request.body is None
    assert "content-type" not in {name.lower() for name, _ in request.headers}


def test_what_the_trigger_sets_replaces_ours_in_any_case() -> None:
    chosen = (("content-type", "text/plain"), ("USER-AGENT", "me"), ("accept-encoding", "gzip"), ("X-A", "b"))
    request = build_request(event(payload="1", target=Target(url=URL, headers=chosen)), 1, START)
    assert [name.lower() for name, _ in request.headers] == [
        "webhook-id",
        "webhook-timestamp",
        "content-type",
        "user-agent",
        "accept-encoding",
        "x-a",
    ]
    assert request.headers[2:] == chosen


def test_attempts_of_one_event_differ_in_the_timestamp_only() -> None:
    due = event(payload="1", target=Target(url=URL))
    first, second = build_request(due, 1, START), build_request(due, 2, START + timedelta(seconds=5))
    assert dict(second.headers)["webhook-timestamp"] == str(int(SECONDS) + 5)
    assert [header for header in first.headers if header[0] != "webhook-timestamp"] == [
        header for header in second.headers if header[0] != "webhook-timestamp"
    ]


def test_an_event_without_a_target_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no target"):
        build_request(event(), 1, START)


@pytest.mark.parametrize("target", [Target(url="ftp://h/"), Target(url=URL, method="CONNECT")])
def test_a_target_that_can_never_be_called_is_refused(target: Target) -> None:
    with pytest.raises(InvalidInput):
        build_request(event(target=target), 1, START)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_methods_that_are_allowed(method: str) -> None:
    check_method(method)


@pytest.mark.parametrize("method", ["", "post", "CONNECT", "OPTIONS", "TRACE", "POST ", "GET\r\n", "BREW"])
def test_methods_that_are_not(method: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_method(method)
    assert raised.value.errors[0].field == "target.method"
    assert raised.value.errors[0].value == method


def test_ordinary_headers_are_allowed() -> None:
    check_headers({"Authorization": "Bearer a.b-c", "X-Empty": "", "!#$%&'*+-.^_`|~09az": "a\tb c", "Cerulean": "x"})
    check_headers({f"X-{number}": "v" for number in range(50)})


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "CONTENT-LENGTH",
        "Transfer-Encoding",
        "connection",
        "Upgrade",
        "Expect",
        "Trailer",
        "Cookie",
        "Proxy-Authorization",
        "proxy-connection",
        "Webhook-Id",
        "webhook-signature",
        "CE-Type",
    ],
)
def test_headers_that_are_ours_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_headers({name: "x"})
    assert raised.value.errors[0].field == f"target.headers.{name}"


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "ü", "a(b)", "a\x00"])
def test_names_that_are_no_tokens(name: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_headers({name: "x"})
    assert (raised.value.errors[0].field, raised.value.errors[0].value) == ("target.headers", name)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\n", "a\x00b", "ü", " a", "a ", "\x7f", "\t"])
def test_values_that_cannot_be_sent(value: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_headers({"X-A": value}, "headers")
    assert (raised.value.errors[0].field, raised.value.errors[0].value) == ("headers.X-A", value)


def test_names_that_differ_only_in_case_are_the_same() -> None:
    with pytest.raises(InvalidInput) as raised:
        check_headers({"X-A": "1", "x-a": "2"})
    assert raised.value.errors[0].field == "target.headers.x-a"


def test_limits_and_every_error_at_once() -> None:
    with pytest.raises(InvalidInput, match="at most 50 headers"):
        check_headers({f"X-{number}": "v" for number in range(51)})
    check_headers({"X": "a" * 8_191})
    with pytest.raises(InvalidInput, match="8,192 bytes"):
        check_headers({"X": "a" * 8_192})
    with pytest.raises(InvalidInput) as raised:
        check_headers({"Host": "x", "a b": "y", "X-A": "\n"})
    assert len(raised.value.errors) == 3
