"""What just changed in the ledger, for whoever watches: a bounded memory of events and a queue for each watcher.

The feed lives in the process. Its ids (`<start>-<number>`) let a watcher that lost its connection go on where it was;
one that asks for more than is remembered, or comes from before a restart, is told to read the ledger again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from engine.model.event import Event

PAYLOAD_BYTES_MAX = 4_096
"""Longer payloads are not kept here; the ledger has them."""


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One change."""

    id: str
    event: Event | None
    """The event as it is now; None: something was missed, read the ledger again."""
    payload_omitted: bool = False
    """True when the event had a payload too long to be kept."""


class Feed:
    """Publishing costs a few microseconds a watcher and never waits for one."""

    def __init__(self, *, remembered_max: int = 1_000, queued_max: int = 1_000) -> None:
        self._start = secrets.token_hex(4)
        self._number = 0
        self._remembered: deque[FeedItem] = deque(maxlen=remembered_max)
        self._queued_max = queued_max
        self._subscriptions: set[Subscription] = set()

    @property
    def watchers(self) -> int:
        return len(self._subscriptions)

    def publish(self, event: Event) -> None:
        """Tell every watcher that `event` is new or has changed. Called after the commit."""
        self._number += 1
        omitted = event.payload is not None and len(event.payload.encode()) > PAYLOAD_BYTES_MAX
        kept = replace(event, payload=None) if omitted else event
        item = FeedItem(f"{self._start}-{self._number}", kept, omitted)
        self._remembered.append(item)
        for subscription in self._subscriptions:
            subscription.offer(item, self._queued_max)

    def subscribe(self, last_id: str | None = None) -> Subscription:
        """Watch from now on, or from after `last_id`. Use it as a context manager."""
        subscription = Subscription(self._subscriptions)
        for item in self._since(last_id):
            subscription.offer(item, self._queued_max)
        return subscription

    def _since(self, last_id: str | None) -> list[FeedItem]:
        newest = f"{self._start}-{self._number}"
        if last_id is None or last_id == newest:
            return []
        items = list(self._remembered)
        for position, item in enumerate(items):
            if item.id == last_id:
                return items[position + 1 :]
        return [FeedItem(newest, None)]


class Subscription:
    """One watcher's queue. A watcher too slow to keep up loses what is queued and is told so."""

    def __init__(self, subscriptions: set[Subscription]) -> None:
        self._subscriptions = subscriptions
        self._items: deque[FeedItem] = deque()
        self._ready = asyncio.Event()

    def __enter__(self) -> Self:
        self._subscriptions.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._subscriptions.discard(self)

    @property
    def ready(self) -> asyncio.Event:
        """Set while something is queued, so that a watcher can wait for that or a heartbeat."""
        return self._ready

    def take(self) -> list[FeedItem]:
        """All that is queued; empties the queue."""
        items = list(self._items)
        self._items.clear()
        self._ready.clear()
        return items

    def offer(self, item: FeedItem, queued_max: int) -> None:
        if len(self._items) >= queued_max:
            self._items.clear()
            item = FeedItem(item.id, None)
        self._items.append(item)
        self._ready.set()
