"""What an exchange means for its event. Pure, but for the log of what should not happen.

Reasons of failed events are the last attempt's: `status_404` for an answer that does not count as success, else the
outcome's own name: `timeout`, `dns_error`, `connection_error`, `tls_error`, `protocol_error`, `invalid_request`.
`engine_error` stands for a bug of ours in the judging itself. Whether the attempts were spent or another one was
pointless stands in the details. An event that will be tried again has no reason yet.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

import structlog

from engine.delivery.retry import next_delay, retryable
from engine.delivery.wording import elapsed, span
from engine.model.delivery import Exchange, Outcome, Response, Verdict
from engine.model.event import Event, EventStatus
from engine.model.trigger import RetryPolicy, Target

ENGINE_ERROR = "engine_error"

_ONE_ATTEMPT = RetryPolicy(attempts_max=1)

log = structlog.get_logger(__name__)


def conclude(
    event: Event, exchange: Exchange, number: int, now: datetime, rng: random.Random
) -> tuple[Exchange, Verdict]:
    """The exchange as `graded`, and its verdict as `judge` has it. Never raises.

    What a receiver answers must not be able to stop the engine, and an attempt without a verdict would be made again
    for ever. So a bug in here fails its event, with the exchange in the record and the traceback in the log.
    """
    try:
        exchange = graded(exchange, event.target)
        return exchange, judge(event, exchange, number, now, rng)
    except Exception as error:
        log.exception("an answer could not be judged", event_id=event.id, attempt=number)
        sentence = f"The engine itself failed while judging the answer ({type(error).__name__}); its log says more."
        return exchange, Verdict(
            status=EventStatus.FAILED, reason=ENGINE_ERROR, details=sentence, finished_at=now, next_attempt_at=None
        )


def graded(exchange: Exchange, target: Target | None) -> Exchange:
    """`exchange` with the outcome by the target's own rule of success.

    A transport knows only that a whole answer came, and calls it a success when it is 2xx; which codes count is for
    the target to say. Other outcomes stay as they are.
    """
    if exchange.response is None or exchange.outcome not in (Outcome.SUCCEEDED, Outcome.BAD_STATUS):
        return exchange
    codes = target.success_codes if target is not None else ()
    status = exchange.response.status
    succeeded = status in codes if codes else 200 <= status <= 299
    return replace(exchange, outcome=Outcome.SUCCEEDED if succeeded else Outcome.BAD_STATUS)


def judge(event: Event, exchange: Exchange, number: int, now: datetime, rng: random.Random) -> Verdict:
    """What attempt `number` (1, 2, 3 ...), ended at `now`, means. An event without a retry policy has one attempt."""
    exchange = graded(exchange, event.target)
    policy = event.retry or _ONE_ATTEMPT
    happened = _happened(exchange)
    attempt = f"attempt {number} of {max(policy.attempts_max, number)}"
    if exchange.outcome is Outcome.SUCCEEDED:
        return Verdict(
            status=EventStatus.DELIVERED,
            reason=None,
            details=f"{happened}." if number == 1 else f"{happened}; {attempt}.",
            finished_at=now,
            next_attempt_at=None,
        )
    if retryable(exchange) and number < policy.attempts_max:
        wait = next_delay(policy, exchange, number, now, rng)
        return Verdict(
            status=EventStatus.RETRYING,
            reason=None,
            details=f"{happened}; {attempt}, next in {span(wait)}.",
            finished_at=None,
            next_attempt_at=now + wait,
        )
    consequence = f"{attempt}, none left" if retryable(exchange) else "not tried again"
    return Verdict(
        status=EventStatus.FAILED,
        reason=failure_reason(exchange),
        details=f"{happened}; {consequence}.",
        finished_at=now,
        next_attempt_at=None,
    )


def failure_reason(exchange: Exchange) -> str:
    """The short code for an exchange that was no success."""
    if exchange.outcome is Outcome.BAD_STATUS and exchange.response is not None:
        return f"status_{exchange.response.status}"
    return exchange.outcome.value


def _happened(exchange: Exchange) -> str:
    """The beginning of a sentence."""
    if exchange.error is not None:
        return exchange.error.removesuffix(".")
    if exchange.response is None:
        return f"No answer ({exchange.outcome.value})"
    return f"Answered {_status_line(exchange.response)} in {elapsed(exchange.timing.total_ms)}"


def _status_line(response: Response) -> str:
    try:
        return f"{response.status} {HTTPStatus(response.status).phrase}"
    except ValueError:
        return str(response.status)
