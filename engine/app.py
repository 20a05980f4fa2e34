"""The composition root: builds every part, starts them in order, stops them in reverse."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from engine import __version__
from engine.clock import Clock, SystemClock
from engine.delivery.deliverer import Deliverer
from engine.delivery.transport import AiohttpTransport, Transport
from engine.dispatcher import Dispatcher
from engine.errors import EngineError, SettingsError, StorageError
from engine.feed import Feed
from engine.http.server import Server
from engine.http.services import Services
from engine.metrics import Metrics
from engine.model.event import Event
from engine.registry import Registry
from engine.retention import Retention
from engine.settings import Settings
from engine.storage.cache import CacheBackend, MemoryCache, ReadCache
from engine.storage.open import make_store
from engine.storage.port import Store
from engine.storage.redis_cache import RedisCache
from engine.tester import Tester
from engine.timers.wheel import TimerWheel

log = structlog.get_logger(__name__)

DRAIN_S = 5.0
"""How long a stop waits for fires that are being written."""
GRACE_S = 10.0
"""How long a stop waits for attempts in flight."""


class Engine:
    """One engine. `start` and `stop` may be called in any order and number; `run` serves until told to stop."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        store: Store | None = None,
        transport: Transport | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock = clock or SystemClock()
        self._transport = transport or AiohttpTransport(clock=clock)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failed = asyncio.Event()
        self._started = False
        self.store = store or make_store(settings.database_url, clock)
        self._metrics = Metrics()
        self.feed = Feed()
        self.dispatcher = Dispatcher(store=self.store, clock=clock, publish=self._publish)
        self.wheel = TimerWheel(
            clock=clock, load=self.dispatcher.load, on_due=self.dispatcher.due, on_step=self.dispatcher.stepped
        )
        self.deliverer = Deliverer(
            store=self.store,
            transport=self._transport,
            clock=clock,
            on_change=self.dispatcher.changed,
            on_room=self.dispatcher.room,
        )
        self.dispatcher.connect(self.wheel, self.deliverer)
        self.registry = Registry(store=self.store, wheel=self.wheel, clock=clock, on_fired=self.dispatcher.fired)
        self.tester = Tester(store=self.store, transport=self._transport, clock=clock, publish=self._publish)
        self.retention = Retention(
            store=self.store,
            clock=clock,
            active=timedelta(hours=settings.events_active_hours),
            retention=timedelta(hours=settings.events_retention_hours),
            publish=self._publish,
        )
        backend: CacheBackend = (
            RedisCache(settings.redis_host, settings.redis_port, clock=clock)
            if settings.redis_host
            else MemoryCache(clock)
        )
        self.cache = ReadCache(self.store.generations, backend)
        self.server = Server(
            Services(
                store=self.store,
                registry=self.registry,
                tester=self.tester,
                retention=self.retention,
                feed=self.feed,
                cache=self.cache,
                clock=clock,
                settings=settings,
                health=self,
                web_directory=web_directory(),
            )
        )
        self._watch()

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the store, start the loops, serve. Raises EngineError with everything stopped again."""
        if self._started:
            return
        self._started = True
        try:
            await self.store.open()
            await self.deliverer.start()
            self._supervise("dispatcher", self.dispatcher.run())
            self._supervise("deliverer", self.deliverer.run())
            self._supervise("wheel", self.wheel.run())
            self._supervise("retention", self.retention.run())
            await self._first(self.wheel.loaded)
            await self._listen()
        except BaseException:
            await self.stop()
            raise
        log.info("serving", url=self.server.url, version=__version__, database=self._settings.database_url)

    async def stop(self) -> None:
        """No new requests, no new fires; finish what is under way; close what was opened."""
        if not self._started:
            return
        self._started = False
        await self.server.stop()
        await self._cancel("wheel")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self.dispatcher.drained()
        await self._cancel("dispatcher", "retention")
        await self.deliverer.stop(GRACE_S)
        await self._cancel("deliverer")
        await self._transport.close()
        await self.cache.close()
        await self.store.close()
        log.info("stopped")

    async def run(self, stop: asyncio.Event, announce: Callable[[], None]) -> None:
        """Serve until `stop` is set, also while it starts; `announce` is called once it serves.

        A background loop that dies stops the engine; its error is raised here.
        """
        starting = asyncio.create_task(self.start())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                announce()
                await self._first(stop)
        finally:
            starting.cancel()
            stopping.cancel()
            await asyncio.wait([starting, stopping])
            await self.stop()

    # --- health (what http/health.py asks) ------------------------------------------------------------------------

    async def ready(self) -> list[str]:
        """What keeps the engine from being ready, in sentences; empty when nothing does."""
        found = [f"The {name} has stopped." for name, task in self._tasks.items() if task.done()]
        if not self.wheel.loaded.is_set():
            found.append("The timers are being loaded.")
        try:
            await self.store.check()
        except StorageError as error:
            found.append(f"The database does not answer: {error}")
        return found

    def metrics(self) -> bytes:
        """Prometheus text."""
        return self._metrics.render()

    def _watch(self) -> None:
        watch = self._metrics.watch
        watch("timers_armed", "Timers in the wheel.", lambda: float(self.wheel.armed))
        watch("wheel_lag_seconds", "How late the last batch of timers was seen.", lambda: self.wheel.lag_s)
        watch("clock_steps", "Steps of the wall clock over 1 s.", lambda: float(self.wheel.steps))
        watch("attempts_in_flight", "Requests on their way.", lambda: float(self.deliverer.in_flight))
        watch("deliveries_queued", "Deliveries waiting for their host.", lambda: float(self.deliverer.queued))
        watch("fires", "Scheduled fires recorded.", lambda: float(self.dispatcher.counters.fired))
        watch("fires_skipped", "Scheduled fires skipped.", lambda: float(self.dispatcher.counters.skipped))
        watch("stream_watchers", "Open event streams.", lambda: float(self.feed.watchers))
        watch("cache_hits", "Reads answered by the cache.", lambda: float(self.cache.hits))
        watch("cache_misses", "Reads that went to the database.", lambda: float(self.cache.misses))
        watch("cache_errors", "Calls to the cache that failed.", lambda: float(self.cache.errors))
        watch("store_errors", "Batches the store refused.", lambda: float(self.dispatcher.counters.store_errors))
        watch("events_archived", "Events archived by age.", lambda: float(self.retention.archived))
        watch("events_deleted", "Events deleted by age.", lambda: float(self.retention.deleted))

    # --- inside ---------------------------------------------------------------------------------------------------

    def _publish(self, event: Event) -> None:
        self._metrics.observe(event)
        self.feed.publish(event)

    async def _listen(self) -> None:
        try:
            await self.server.start()
        except (OSError, UnicodeError) as error:  # UnicodeError: no host can have such a name
            where = f"{self._settings.host}:{self._settings.port}"
            raise SettingsError(f"Cannot listen on {where}: {getattr(error, 'strerror', None) or error}.") from error

    def _supervise(self, name: str, loop: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(loop, name=name)
        task.add_done_callback(lambda _: self._failed.set())
        self._tasks[name] = task

    async def _first(self, event: asyncio.Event) -> None:
        """Wait for `event`; raise if a background loop ends before it."""
        waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._failed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        for name, task in self._tasks.items():
            if task.done() and not task.cancelled():
                error = task.exception()
                log.error("a background loop died", loop=name, exc_info=error)
                raise EngineError(f"The {name} died: {error or 'it ended by itself'}.") from error

    async def _cancel(self, *names: str) -> None:
        for name in names:
            task = self._tasks.get(name)
            if task is not None:
                task.cancel()
                await asyncio.wait([task])


def web_directory() -> Path:
    """The page's files: beside the package in a checkout, inside it when installed from a wheel."""
    package = Path(__file__).parent
    inside = package / "_web"
    return inside if inside.is_dir() else package.parent / "web"
