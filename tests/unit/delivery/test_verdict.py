import random
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.delivery.verdict import graded, judge
from engine.delivery.wording import elapsed, span
from engine.model.delivery import Outcome, Verdict
from engine.model.event import Event, EventStatus
from engine.model.trigger import RetryPolicy, Target
from tests.fakes.clock import START
from tests.fakes.records import RECEIVER, event
from tests.fakes.transport import exchange, response_of

NOW = START + timedelta(seconds=1)
DUE = event(target=RECEIVER, retry=RetryPolicy())


def verdict(answer: int | Outcome, number: int = 1, due: Event = DUE) -> Verdict:
    return judge(due, exchange(answer), number, NOW, random.Random(1))


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_is_delivered(status: int) -> None:
    judged = verdict(status)
    assert (judged.status, judged.reason) == (EventStatus.DELIVERED, None)
    assert (judged.finished_at, judged.next_attempt_at) == (NOW, None)


def test_details_of_a_delivery() -> None:
    assert verdict(200).details == "Answered 200 OK in 12 ms."
    assert verdict(200, 3).details == "Answered 200 OK in 12 ms; attempt 3 of 8."
    assert verdict(299).details == "Answered 299 in 12 ms."


@pytest.mark.parametrize(("number", "low_s", "high_s"), [(1, 4, 6), (2, 24, 36), (7, 23_040, 34_560)])
def test_a_failure_that_may_pass_is_tried_again(number: int, low_s: int, high_s: int) -> None:
    judged = verdict(503, number)
    assert (judged.status, judged.reason, judged.finished_at) == (EventStatus.RETRYING, None, None)
    assert judged.next_attempt_at is not None
    wait = judged.next_attempt_at - NOW
    assert timedelta(seconds=low_s) <= wait <= timedelta(seconds=high_s)
    assert judged.details == f"Answered 503 Service Unavailable in 12 ms; attempt {number} of 8, next in {span(wait)}."


def test_the_last_attempt_fails_the_event_and_says_so() -> None:
    judged = verdict(503, 8)
    assert (judged.status, judged.reason) == (EventStatus.FAILED, "status_503")
    assert (judged.finished_at, judged.next_attempt_at) == (NOW, None)
    assert judged.details == "Answered 503 Service Unavailable in 12 ms; attempt 8 of 8, none left."


@pytest.mark.parametrize("status", [301, 302, 304, 400, 404, 410])
def test_a_failure_that_stays_is_not_tried_again(status: int) -> None:
    judged = verdict(status)
    assert (judged.status, judged.reason) == (EventStatus.FAILED, f"status_{status}")
    assert judged.details.endswith("; not tried again.")


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.DNS_ERROR, Outcome.CONNECTION_ERROR, Outcome.TLS_ERROR])
def test_reasons_are_the_outcomes_names(outcome: Outcome) -> None:
    judged = verdict(outcome, 8)
    assert (judged.status, judged.reason) == (EventStatus.FAILED, outcome.value)
    assert judged.details == f"It ended as {outcome.value}; attempt 8 of 8, none left."


def test_a_request_that_cannot_be_made_fails_at_once() -> None:
    judged = verdict(Outcome.INVALID_REQUEST)
    assert (judged.status, judged.reason) == (EventStatus.FAILED, "invalid_request")


def test_an_event_without_a_policy_has_one_attempt() -> None:
    judged = verdict(503, due=event(target=RECEIVER, retry=None))
    assert judged.status is EventStatus.FAILED
    assert "attempt 1 of 1" in judged.details


def test_retry_after_is_heard() -> None:
    answer = exchange(response_of(429, headers=(("Retry-After", "90"),)))
    judged = judge(DUE, answer, 1, NOW, random.Random(1))
    assert judged.next_attempt_at == NOW + timedelta(seconds=90)
    assert judged.details.endswith("next in 1 min 30 s.")


@pytest.mark.parametrize(
    ("codes", "status", "delivered"),
    [((302,), 302, True), ((302,), 200, False), ((200, 404), 404, True), ((), 404, False)],
)
def test_the_targets_own_codes_replace_2xx(codes: tuple[int, ...], status: int, delivered: bool) -> None:
    target = Target(url="http://receiver.test/", success_codes=codes)
    judged = verdict(status, due=event(target=target, retry=RetryPolicy()))
    assert (judged.status is EventStatus.DELIVERED) is delivered
    outcome = graded(exchange(status), target).outcome
    assert outcome is (Outcome.SUCCEEDED if delivered else Outcome.BAD_STATUS)


def test_an_answer_that_broke_off_is_no_success_whatever_its_status() -> None:
    broken = replace(exchange(200), outcome=Outcome.PROTOCOL_ERROR, error="It broke off.")
    assert graded(broken, RECEIVER) is broken
    assert judge(DUE, broken, 1, NOW, random.Random(1)).status is EventStatus.RETRYING


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0.4, "under 1 ms"), (12.4, "12 ms"), (999.4, "999 ms"), (999.6, "1 s"), (1_500, "1.5 s"), (15_000, "15 s")],
)
def test_elapsed(milliseconds: float, text: str) -> None:
    assert elapsed(milliseconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "250 ms"),
        (30, "30 s"),
        (112.4, "1 min 52 s"),
        (120, "2 min"),
        (3_600, "1 h"),
        (3_605, "1 h"),
        (28_800 + 1_260 + 4, "8 h 21 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text
