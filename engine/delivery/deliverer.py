"""Attempts, one task each: send, judge, record. Retries are rows in the store, never tasks that sleep here."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from engine.clock import Clock
from engine.delivery.address import read_url
from engine.delivery.lanes import Admission, Lanes
from engine.delivery.outcomes import OutcomeWriter
from engine.delivery.request import build_request
from engine.delivery.transport import Transport
from engine.delivery.verdict import conclude
from engine.errors import InvalidInput, StorageError
from engine.model.delivery import Attempt, Exchange, Outcome, Request, Timing
from engine.model.event import UNDELIVERED, Event, EventStatus
from engine.storage.port import Store

MARKED_AFTER = timedelta(milliseconds=200)
"""An attempt that lasts longer is shown as `running`; faster ones do not cost that write."""
MARKED_MAX = 500
"""Events marked in one write."""
LAST_WRITES_S = 5.0
"""How long `stop` waits for outcomes that are being written, after its grace."""

log = structlog.get_logger(__name__)


class Deliverer:
    """Takes events that are due and makes the next attempt of each, at most one at a time for one event.

    An attempt counts once its outcome is in the store. One that is cancelled by `stop` leaves no trace and is made
    again after the next start, with the same message id: at least once. One whose outcome cannot be written is held,
    with its place among those in flight, and written again until it succeeds; it is never sent again for that.
    """

    def __init__(
        self,
        *,
        store: Store,
        transport: Transport,
        clock: Clock,
        on_change: Callable[[Event], None],
        on_room: Callable[[list[int]], None],
        rng: random.Random | None = None,
        in_flight_per_host_max: int = 64,
        queued_max: int = 2_000,
        overflow_max: int = 100_000,
    ) -> None:
        """`on_change` is told of each event whose attempt begins to last or has been recorded, after the commit.

        Beyond `queued_max` only the ids of events are kept. `on_room` gets them back in their turn, when there is room:
        read these events and `submit` them, or `excuse` those that are not to be sent now.
        """
        self._store = store
        self._transport = transport
        self._clock = clock
        self._on_change = on_change
        self._on_room = on_room
        self._rng = rng or random.SystemRandom()
        self._lanes: Lanes[Event] = Lanes(
            in_flight_per_host_max=in_flight_per_host_max, queued_max=queued_max, overflow_max=overflow_max
        )
        self._taken: set[int] = set()
        self._outcomes = OutcomeWriter(store=store, clock=clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self._unmarked: dict[int, tuple[Event, datetime]] = {}
        self._marking: dict[int, asyncio.Event] = {}
        self._accepting = False
        self._stopped = False
        self._crash: BaseException | None = None
        self._wakeup = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Attempts that are being sent or recorded."""
        return self._lanes.in_flight

    @property
    def queued(self) -> int:
        """Events that wait for a place in their host's lane, in its queue or its overflow."""
        return self._lanes.queued + self._lanes.noted

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take events from now on. Starting twice is harmless."""
        self._accepting = True
        self._stopped = False
        self._outcomes.resume()

    async def run(self) -> None:
        """Show attempts that last as `running`, until `stop`. Raises what an attempt failed with, if one ever does:
        that is a bug, and the engine should not go on half alive.
        """
        while not self._stopped:
            if self._crash is not None:
                raise self._crash
            deadline = next((started_at + MARKED_AFTER for _, started_at in self._unmarked.values()), None)
            if deadline is not None and deadline <= self._clock.now():
                await self._mark_running()
            elif await self._clock.wait_until(deadline, self._wakeup):
                self._wakeup.clear()

    async def stop(self, grace_s: float = 10.0) -> None:
        """Make no new attempts, wait up to `grace_s` for those in flight, and cancel what is still being sent.

        Outcomes that exist by then are still written, within LAST_WRITES_S. What was queued stays in the store.
        Stopping twice, or what was never started, is harmless.
        """
        self._accepting = False
        self._stopped = True
        self._wakeup.set()
        queued, noted = self._lanes.clear_queues()
        self._taken.difference_update((event.id for event in queued), noted)
        await self._wait_for_tasks(grace_s)
        if self._sending:
            log.warning(
                "attempts cut off by the stop; they are made again after the next start", count=len(self._sending)
            )
        for task in self._sending:
            task.cancel()
        self._outcomes.give_up()
        await self._wait_for_tasks(LAST_WRITES_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait_for_tasks(self, seconds: float) -> None:
        if not self._tasks:
            return
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        all_done = asyncio.ensure_future(asyncio.wait(set(self._tasks)))
        try:
            await asyncio.wait({timer, all_done}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            all_done.cancel()
            await asyncio.gather(timer, all_done, return_exceptions=True)

    # --- in -------------------------------------------------------------------------------------------------------

    def submit(self, event: Event) -> bool:
        """Make the next attempt of `event`, which is due. Needs a running loop.

        True: it is taken, or was taken already, or `event` is an old copy whose attempt is recorded; there is nothing
        left to do for the caller, unless `on_room` asks for it. False: there is no room even for its id, or the
        deliverer is not running; try again later.
        Raises ValueError for an event without a target.
        """
        if event.target is None:
            raise ValueError(f"event {event.id} has no target")
        if event.status not in UNDELIVERED or event.id in self._taken or self._outcomes.is_stale(event):
            return True
        if not self._accepting:
            return False
        lane = _lane(event)
        admission = self._lanes.enter(lane, event.id, event)
        if admission is Admission.REFUSED:
            return False
        self._taken.add(event.id)
        if admission is Admission.STARTED:
            self._begin(event, lane)
        return True

    def knows(self, event_id: int) -> bool:
        """Whether the event is in flight, queued or in an overflow: there is nothing to read and submit it for."""
        return event_id in self._taken

    def excuse(self, event_ids: Iterable[int]) -> None:
        """Those of `event_ids` that `on_room` asked for and that have not been submitted are not coming: they are gone,
        or not due. Others get their places. Ids that nobody asked for do no harm."""
        for event_id in event_ids:
            lane = self._lanes.excuse(event_id)
            if lane is not None:
                self._call(lane)

    def _call(self, lane: Hashable) -> None:
        event_ids = self._lanes.call(lane)
        if event_ids:
            self._taken.difference_update(event_ids)
            self._on_room(event_ids)

    def _begin(self, event: Event, lane: Hashable) -> None:
        task = asyncio.create_task(self._attempt(event), name=f"attempt {event.attempts_made + 1} of event {event.id}")
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, event, lane))

    def _ended(self, event: Event, lane: Hashable, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._taken.discard(event.id)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an attempt crashed", event_id=event.id, exc_info=error)
            self._crash = error
            self._wakeup.set()
        following = self._lanes.leave(lane)
        if following is not None:
            self._begin(following, lane)
        self._call(lane)

    # --- one attempt ----------------------------------------------------------------------------------------------

    async def _attempt(self, event: Event) -> None:
        number = event.attempts_made + 1
        started_at = self._clock.now()
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("an attempt is a task of its own")
        if not self._unmarked:
            self._wakeup.set()
        self._unmarked[event.id] = (event, started_at)
        self._sending.add(task)
        try:
            exchange = await self._exchange(event, number, started_at)
        finally:
            self._sending.discard(task)
            self._unmarked.pop(event.id, None)
        exchange, verdict = conclude(event, exchange, number, self._clock.now(), self._rng)
        attempt = Attempt(event_id=event.id, number=number, started_at=started_at, exchange=exchange)
        if event.id in self._marking:  # so that `running` is not written over the outcome
            await self._marking[event.id].wait()
        recorded = await self._outcomes.write(attempt, verdict)
        if recorded is not None:
            self._tell(recorded)

    async def _exchange(self, event: Event, number: int, started_at: datetime) -> Exchange:
        """Whatever happens is an exchange, also a bug: the event must not hang, and its attempts are counted."""
        began = self._clock.monotonic()
        try:
            request = build_request(event, number, started_at)
        except InvalidInput as error:
            return _unsent(event, Outcome.INVALID_REQUEST, f"The request cannot be made: {error}")
        except Exception as error:
            log.exception("the request could not be built", event_id=event.id, attempt=number)
            sentence = (
                f"The engine itself failed while building the request ({type(error).__name__}); its log says more."
            )
            return _unsent(event, Outcome.INVALID_REQUEST, sentence)
        try:
            return await self._transport.send(request)
        except Exception as error:
            log.exception("the transport raised", event_id=event.id, attempt=number)
            sentence = f"The engine itself failed while sending ({type(error).__name__}); its log says more."
            total_ms = (self._clock.monotonic() - began) * 1000
            return Exchange(
                request=request,
                outcome=Outcome.CONNECTION_ERROR,
                error=sentence,
                timing=Timing(total_ms=total_ms),
            )

    # --- telling --------------------------------------------------------------------------------------------------

    async def _mark_running(self) -> None:
        """Mark what has lasted long enough, oldest first, in one write. It is for show: a failure is only logged."""
        since = self._clock.now() - MARKED_AFTER
        slow = [event for event, started_at in self._unmarked.values() if started_at <= since][:MARKED_MAX]
        written = asyncio.Event()
        for event in slow:
            del self._unmarked[event.id]
            self._marking[event.id] = written
        try:
            await self._store.mark_running([event.id for event in slow])
            for event in slow:
                self._tell(replace(event, status=EventStatus.RUNNING))
        except StorageError as error:
            log.warning("attempts under way could not be marked", count=len(slow), error=str(error))
        finally:
            for event in slow:
                del self._marking[event.id]
            written.set()

    def _tell(self, event: Event) -> None:
        try:
            self._on_change(event)
        except Exception:
            log.exception("on_change raised", event_id=event.id)


def _lane(event: Event) -> Hashable:
    """Events to one scheme, host and port share a lane. A URL that cannot be read fails without a connection."""
    url = event.target.url if event.target is not None else ""
    try:
        return read_url(url).origin
    except InvalidInput:
        return url


def _unsent(event: Event, outcome: Outcome, error: str) -> Exchange:
    """The exchange of a request that could not be built, shown as the target has it."""
    target = event.target
    if target is None:
        raise ValueError(f"event {event.id} has no target")
    request = Request(
        method=target.method, url=target.url, headers=target.headers, body=None, timeout_ms=target.timeout_ms
    )
    return Exchange(request=request, outcome=outcome, error=error, timing=Timing(total_ms=0.0))
