"""What the handlers work with. The composition root fills it in; a handler finds it in its application."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aiohttp import web

from engine.clock import Clock
from engine.feed import Feed
from engine.registry import Registry
from engine.retention import Retention
from engine.settings import Settings
from engine.storage.cache import ReadCache
from engine.storage.port import Store
from engine.tester import Tester


class Health(Protocol):
    """How the engine does, as whoever put it together knows."""

    async def ready(self) -> list[str]:
        """Problems that keep the engine from doing its work, a sentence each; empty when it is ready."""
        ...

    def metrics(self) -> bytes:
        """Prometheus text."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Everything a handler may call."""

    store: Store
    """For reading only; writes go through the verbs below."""
    registry: Registry
    tester: Tester
    retention: Retention
    feed: Feed
    cache: ReadCache
    clock: Clock
    settings: Settings
    health: Health
    web_directory: Path


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)


def services_of(request: web.Request) -> Services:
    """The services of the application that serves `request`."""
    return request.app[SERVICES]
