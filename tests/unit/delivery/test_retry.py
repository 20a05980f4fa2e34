import random
from datetime import UTC, datetime, timedelta

import pytest

from engine.delivery.retry import JITTER, delay, next_delay, retry_after, retryable
from engine.model.delivery import Outcome
from engine.model.trigger import RetryPolicy
from tests.fakes.clock import START
from tests.fakes.transport import exchange, response_of

WEST = timedelta(hours=23, minutes=59)


class Middle(random.Random):
    """No jitter."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


@pytest.mark.parametrize(("number", "seconds"), list(enumerate([5, 30, 120, 600, 3_600, 10_800, 28_800], start=1)))
def test_the_default_delays_are_those_of_the_rules(number: int, seconds: int) -> None:
    assert delay(RetryPolicy(), number, Middle()) == timedelta(seconds=seconds)


def test_beyond_the_steps_delays_double_up_to_the_cap() -> None:
    policy = RetryPolicy(first_delay_ms=1, delay_max_ms=30_000)
    assert delay(policy, 8, Middle()) == timedelta(milliseconds=11_520)
    assert delay(policy, 9, Middle()) == timedelta(milliseconds=23_040)
    assert delay(policy, 10, Middle()) == delay(policy, 10_000, Middle()) == timedelta(seconds=30)


def test_jitter_spreads_over_a_fifth_either_way_and_never_beyond_the_cap() -> None:
    rng, policy = random.Random(1), RetryPolicy()
    waits = [delay(policy, 2, rng).total_seconds() for _ in range(2_000)]
    assert 30 * (1 - JITTER) <= min(waits) < 24.5
    assert 35.5 < max(waits) <= 30 * (1 + JITTER)
    capped = RetryPolicy(delay_max_ms=30_000)
    assert max(delay(capped, 2, rng) for _ in range(200)) == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        (Outcome.TIMEOUT, True),
        (Outcome.DNS_ERROR, True),
        (Outcome.CONNECTION_ERROR, True),
        (Outcome.TLS_ERROR, True),
        (Outcome.PROTOCOL_ERROR, True),
        (Outcome.INVALID_REQUEST, False),
        (408, True),
        (429, True),
        (500, True),
        (502, True),
        (503, True),
        (599, True),
        (101, False),
        (301, False),
        (304, False),
        (400, False),
        (401, False),
        (404, False),
        (409, False),
        (410, False),
        (425, False),
    ],
)
def test_what_is_tried_again(answer: int | Outcome, again: bool) -> None:
    assert retryable(exchange(answer)) is again


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta(0)),
        ("Sun, 22 Nov 2026 09:01:00 GMT", timedelta(minutes=1)),
        ("Sun, 22 Nov 2026 10:01:00 +0100", timedelta(minutes=1)),
        ("Sun, 22 Nov 2026 08:00:00 GMT", timedelta(0)),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("9" * 40, None),
        ("9" * 5_000, None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2027 00:00:00 +99999999999999999999", None),
        ("Mon, 01 Jan 2027 99999999999999999999:00:00 GMT", None),
        ("Mon, 01 Jan 2027 00:00:00 +9999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - START + WEST),
        ("Mon, 01 Jan 0001 00:00:00 +2359", timedelta(0)),
        ("Sun, 22 Nov 2026 09:01:00", timedelta(minutes=1)),
        ("Sun, 22 Nov 2026 09:01:00 -0000", timedelta(minutes=1)),
        ("", None),
    ],
)
def test_retry_after(value: str, expected: timedelta | None) -> None:
    assert retry_after(exchange(response_of(429, headers=(("RETRY-after", value),))), START) == expected


@pytest.mark.parametrize(("status", "heard"), [(429, True), (503, True), (500, False), (301, False), (200, False)])
def test_retry_after_counts_for_429_and_503_only(status: int, heard: bool) -> None:
    asked = retry_after(exchange(response_of(status, headers=(("Retry-After", "9"),))), START)
    assert asked == (timedelta(seconds=9) if heard else None)


@pytest.mark.parametrize(
    ("asked", "wait_s"), [("1", 5), ("60", 60), ("999999", 600), ("Wed, 25 Nov 2026 09:00:00 GMT", 600)]
)
def test_the_longer_wait_counts_within_the_cap(asked: str, wait_s: int) -> None:
    answer = exchange(response_of(503, headers=(("Retry-After", asked),)))
    policy = RetryPolicy(delay_max_ms=600_000)
    assert next_delay(policy, answer, 1, START, Middle()) == timedelta(seconds=wait_s)


def test_without_retry_after_it_is_our_own_delay() -> None:
    assert next_delay(RetryPolicy(), exchange(503), 1, START, Middle()) == timedelta(seconds=5)
