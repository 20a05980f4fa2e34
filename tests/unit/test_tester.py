"""Trying a trigger out: what is sent, what is kept, what is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from engine.errors import InvalidInput
from engine.model.delivery import Outcome
from engine.model.event import Event, EventKind, EventStatus
from engine.model.trigger import RetryPolicy
from engine.storage.memory.store import MemoryStore
from engine.storage.port import AggregateQuery, EventQuery, TriggerQuery
from engine.tester import Tester
from tests.fakes.clock import START, FakeClock
from tests.fakes.records import RECEIVER, cron, definition, every
from tests.fakes.transport import FakeTransport, response_of


class Bench:
    """A tester and what it works with."""

    def __init__(self) -> None:
        self.store, self.transport = MemoryStore(), FakeTransport()
        self.published: list[Event] = []
        self.tester = Tester(
            store=self.store, transport=self.transport, clock=FakeClock(), publish=self.published.append
        )


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    await made.store.open()
    yield made
    assert await made.store.count_triggers(TriggerQuery()) == 0, "a test never saves a trigger"
    await made.store.close()


async def test_without_a_target_it_is_recorded_as_a_test(bench: Bench) -> None:
    result = await bench.tester.test(definition(payload="1", schedule=every(60)))
    assert result.event is not None
    assert (result.event.kind, result.event.status, result.event.payload) == (
        EventKind.TEST,
        EventStatus.RECORDED,
        "1",
    )
    assert (result.request, result.attempt) == (None, None)
    assert [(fire.at - START).total_seconds() for fire in result.fires] == [60, 120, 180, 240, 300]
    assert bench.published == [result.event]


async def test_with_a_target_one_attempt_is_made_and_recorded(bench: Bench) -> None:
    result = await bench.tester.test(definition(payload="1", target=RECEIVER))
    assert result.event is not None
    assert result.attempt is not None
    assert result.event.status is EventStatus.DELIVERED
    assert bench.transport.requests == [result.request]
    assert [attempt.number for attempt in await bench.store.get_attempts(result.event.id)] == [1]
    assert dict(bench.transport.requests[0].headers)["webhook-id"] == result.event.message_id


async def test_a_failure_is_told_and_not_tried_again(bench: Bench) -> None:
    bench.transport.script(RECEIVER.url, 503)
    result = await bench.tester.test(definition(target=RECEIVER, retry=RetryPolicy(attempts_max=8)))
    assert result.event is not None
    assert (result.event.status, result.event.next_attempt_at) == (EventStatus.FAILED, None)
    assert result.event.reason == "status_503"
    assert "503" in result.event.details
    assert "not tried again" in result.event.details


async def test_a_receivers_absurd_answer_is_a_result_too(bench: Bench) -> None:
    absurd = (("Retry-After", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"),)
    bench.transport.script(RECEIVER.url, response_of(503, headers=absurd))
    result = await bench.tester.test(definition(target=RECEIVER, retry=RetryPolicy(attempts_max=8)))
    assert result.event is not None
    assert result.event.status is EventStatus.FAILED
    assert result.event.details.startswith("Answered 503 Service Unavailable")


async def test_a_bug_in_judging_is_a_result_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("engine.delivery.verdict.next_delay", broken)
    bench.transport.script(RECEIVER.url, 503)
    with capture_logs() as logs:
        result = await bench.tester.test(definition(target=RECEIVER, retry=RetryPolicy(attempts_max=8)))
    assert result.event is not None
    assert (result.event.status, result.event.reason) == (EventStatus.FAILED, "engine_error")
    assert any(entry.get("exc_info") for entry in logs)


async def test_render_only_sends_and_keeps_nothing(bench: Bench) -> None:
    result = await bench.tester.test(definition(payload='{"a":1}', target=RECEIVER), send=False)
    assert result.request is not None
    assert result.request.body == b'{"a":1}'
    assert (result.event, result.attempt) == (None, None)
    assert bench.transport.requests == []
    assert await bench.store.list_events(EventQuery(archived=None)) == []


async def test_it_checks_what_saving_would(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="expression"):
        await bench.tester.test(definition(schedule=cron("61 * * * *")))
    with pytest.raises(InvalidInput, match="payload"):
        await bench.tester.test(definition(payload="1", payload_schema='{"type": "object"}'))


async def test_tests_are_counted_in_no_aggregate_unless_asked_for(bench: Bench) -> None:
    await bench.tester.test(definition())
    assert await bench.store.aggregate(AggregateQuery()) == []
    assert [row.count for row in await bench.store.aggregate(AggregateQuery(kind=(EventKind.TEST,)))] == [1]


async def test_a_status_that_the_target_counts_as_success_is_one(bench: Bench) -> None:
    bench.transport.script(RECEIVER.url, 404)
    result = await bench.tester.test(definition(target=replace(RECEIVER, success_codes=(404,))))
    assert result.event is not None
    assert result.attempt is not None
    assert result.event.status is EventStatus.DELIVERED
    assert result.attempt.exchange.outcome is Outcome.SUCCEEDED
