"""The feed: order, resume, and an honest "you missed something"."""

from __future__ import annotations

from engine.feed import Feed, FeedItem
from tests.fakes.records import event


def numbers(items: list[FeedItem]) -> list[int | None]:
    return [item.event.id if item.event else None for item in items]


def test_a_watcher_gets_what_is_published_while_it_watches() -> None:
    feed = Feed()
    feed.publish(event(1))
    with feed.subscribe() as watcher:
        assert not watcher.ready.is_set()
        feed.publish(event(2))
        feed.publish(event(3))
        assert watcher.ready.is_set()
        assert numbers(watcher.take()) == [2, 3]
        assert not watcher.ready.is_set()
        assert feed.watchers == 1
    feed.publish(event(4))
    assert watcher.take() == []
    assert feed.watchers == 0


def test_resuming_gives_what_came_after_and_nothing_twice() -> None:
    feed = Feed()
    with feed.subscribe() as watcher:
        for number in (1, 2, 3):
            feed.publish(event(number))
        first = watcher.take()[0]
    with feed.subscribe(first.id) as resumed:
        assert numbers(resumed.take()) == [2, 3]
    with feed.subscribe() as watcher:
        feed.publish(event(4))
        newest = watcher.take()[-1].id
    with feed.subscribe(newest) as resumed:
        assert resumed.take() == []


def test_resuming_from_what_is_forgotten_or_unknown_says_reset_and_can_go_on_from_there() -> None:
    feed = Feed(remembered_max=2)
    with feed.subscribe() as watcher:
        feed.publish(event(1))
        oldest = watcher.take()[0].id
    for number in (2, 3, 4):
        feed.publish(event(number))
    for unknown in (oldest, "another-run-7", "nonsense"):
        with feed.subscribe(unknown) as resumed:
            (reset,) = resumed.take()
            assert reset.event is None
    feed.publish(event(5))
    with feed.subscribe(reset.id) as resumed:
        assert numbers(resumed.take()) == [5]


def test_a_watcher_that_does_not_keep_up_is_told_to_read_again() -> None:
    feed = Feed(queued_max=3)
    with feed.subscribe() as slow, feed.subscribe() as quick:
        seen: list[int | None] = []
        for number in range(1, 6):
            feed.publish(event(number))
            seen += numbers(quick.take())
        assert seen == [1, 2, 3, 4, 5]
        assert numbers(slow.take()) == [None, 5]
