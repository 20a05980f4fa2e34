"""When to try again, and after what. Pure."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from engine.model.delivery import Exchange, Outcome
from engine.model.trigger import RetryPolicy

STEPS = (1, 6, 24, 120, 720, 2_160, 5_760)
"""Waits after the first, second ... failed attempt, in multiples of the first delay: with 5 s these are
5 s, 30 s, 2 min, 10 min, 1 h, 3 h and 8 h. Beyond the last, each wait is twice the one before."""
JITTER = 0.2
"""Either way, so that what failed together does not come back together."""

_DOUBLINGS_MAX = 32
"""Far past any cap; keeps the numbers small."""
_RETRYABLE_OUTCOMES = frozenset(
    {Outcome.TIMEOUT, Outcome.DNS_ERROR, Outcome.CONNECTION_ERROR, Outcome.TLS_ERROR, Outcome.PROTOCOL_ERROR}
)
"""TLS errors too: an expired certificate is usually renewed within the day that the attempts last."""


def delay(policy: RetryPolicy, attempt_number: int, rng: random.Random) -> timedelta:
    """How long to wait after failed attempt `attempt_number` (1, 2, 3 ...). Never more than `delay_max_ms`."""
    if attempt_number <= len(STEPS):
        step = STEPS[attempt_number - 1]
    else:
        step = STEPS[-1] * 2 ** min(attempt_number - len(STEPS), _DOUBLINGS_MAX)
    jittered_ms = policy.first_delay_ms * step * rng.uniform(1 - JITTER, 1 + JITTER)
    return timedelta(milliseconds=min(jittered_ms, policy.delay_max_ms))


def retryable(exchange: Exchange) -> bool:
    """Whether another attempt could end otherwise. Meant for exchanges that failed."""
    if exchange.outcome is Outcome.BAD_STATUS and exchange.response is not None:
        return exchange.response.status in (408, 429) or exchange.response.status >= 500
    return exchange.outcome in _RETRYABLE_OUTCOMES


def retry_after(exchange: Exchange, now: datetime) -> timedelta | None:
    """What a 429 or 503 asks for in Retry-After (RFC 9110, section 10.2.3: seconds or a date); None if nothing."""
    if exchange.response is None or exchange.response.status not in (429, 503):
        return None
    for name, value in exchange.response.headers:
        if name.lower() == "retry-after":
            return _read_retry_after(value.strip(), now)
    return None


def next_delay(
    policy: RetryPolicy, exchange: Exchange, attempt_number: int, now: datetime, rng: random.Random
) -> timedelta:
    """The longer of our own delay and the receiver's wish, within `delay_max_ms`."""
    own = delay(policy, attempt_number, rng)
    asked = retry_after(exchange, now)
    if asked is None:
        return own
    return min(max(own, asked), timedelta(milliseconds=policy.delay_max_ms))


def _read_retry_after(value: str, now: datetime) -> timedelta | None:
    if re.fullmatch(r"[0-9]{1,9}", value):
        return timedelta(seconds=int(value))
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter for numbers that fit no date, such as a year of twenty digits
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(date - now, timedelta(0))
