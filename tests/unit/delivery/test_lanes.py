from engine.delivery.lanes import Admission, Lanes

STARTED, QUEUED, NOTED, REFUSED = Admission.STARTED, Admission.QUEUED, Admission.NOTED, Admission.REFUSED


def made(*, in_flight: int = 1, queued: int = 8, overflow: int = 100) -> Lanes[int]:
    return Lanes(in_flight_per_host_max=in_flight, queued_max=queued, overflow_max=overflow)


def test_what_finds_no_place_in_flight_waits_in_its_order() -> None:
    lanes = made(in_flight=2, queued=100)
    assert [lanes.enter("a", number, number) for number in range(4)] == [STARTED, STARTED, QUEUED, QUEUED]
    assert (lanes.in_flight, lanes.queued) == (2, 2)
    assert [lanes.leave("a") for _ in range(4)] == [2, 3, None, None]
    assert (lanes.in_flight, lanes.queued) == (0, 0)


def test_a_full_lane_leaves_the_others_free() -> None:
    lanes = made(overflow=10)
    number = 0
    while lanes.enter("dead", number, number) is not REFUSED:
        number += 1
    assert (lanes.queued, lanes.noted) == (2, 5), "one host has a quarter of the queues and half of the overflow"
    assert [lanes.enter("well", 100 + n, 0) for n in range(4)] == [STARTED, QUEUED, QUEUED, NOTED]


def test_all_queues_and_all_overflows_are_bounded() -> None:
    lanes = made(overflow=10)
    for number in range(100):
        lanes.enter(number % 20, number, 0)
    assert (lanes.in_flight, lanes.queued, lanes.noted) == (20, 8, 10)


def test_noted_numbers_are_called_in_order_as_places_get_free() -> None:
    lanes = made()
    assert [lanes.enter("a", number, number) for number in range(6)] == [STARTED, QUEUED, QUEUED, NOTED, NOTED, NOTED]
    assert lanes.call("a") == []
    assert lanes.leave("a") == 1
    assert lanes.call("a") == [3]
    assert lanes.call("a") == [], "its place is kept"
    assert lanes.enter("a", 6, 6) is NOTED, "who comes later stands behind"
    assert lanes.enter("a", 3, 3) is QUEUED
    assert [lanes.leave("a"), lanes.leave("a")] == [2, 3]
    assert lanes.call("a") == [4, 5]
    assert (lanes.in_flight, lanes.queued, lanes.noted) == (1, 0, 1)


def test_a_called_number_that_does_not_come_makes_room_for_the_next() -> None:
    lanes = made()
    for number in range(5):
        lanes.enter("a", number, number)
    lanes.leave("a")
    assert lanes.call("a") == [3]
    assert lanes.excuse(4) is None, "nobody called it"
    assert lanes.excuse(3) == "a"
    assert lanes.call("a") == [4]
    assert [lanes.leave("a"), lanes.leave("a")] == [2, None]
    assert lanes.excuse(4) == "a"
    assert not lanes._lanes


def test_queues_that_others_have_filled_do_not_hold_up_a_lane_that_moves() -> None:
    lanes = made()
    for number in range(12):  # four dead hosts fill the queues
        lanes.enter(number % 4, number, number)
    assert lanes.queued == 8
    assert [lanes.enter("well", 100 + n, 0) for n in range(4)] == [STARTED, NOTED, NOTED, NOTED]
    for number in (101, 102, 103):
        assert lanes.leave("well") is None
        assert lanes.call("well") == [number]
        assert lanes.enter("well", number, number) is STARTED


def test_clearing_the_queues_keeps_what_is_in_flight() -> None:
    lanes = made()
    for number in range(6):
        lanes.enter("a", number, number)
    lanes.leave("a")
    assert lanes.call("a") == [3]
    assert lanes.clear_queues() == ([2], [4, 5])
    assert (lanes.in_flight, lanes.queued, lanes.noted) == (1, 0, 0)
    assert lanes.call("a") == []
    assert lanes.excuse(3) is None
    assert lanes.leave("a") is None
    assert not lanes._lanes


def test_lanes_that_are_empty_are_forgotten() -> None:
    lanes = made()
    for host in range(1_000):
        lanes.enter(host, host, 0)
        lanes.leave(host)
    assert not lanes._lanes


def test_who_comes_later_stands_behind_the_overflow_also_when_others_make_room() -> None:
    lanes = made()
    for number in range(12):
        lanes.enter(number % 4, number, number)
    assert [lanes.enter("well", 100 + n, 0) for n in range(2)] == [STARTED, NOTED]
    lanes.leave(0)
    assert lanes.enter("well", 102, 0) is NOTED
    lanes.leave("well")
    assert lanes.call("well") == [101, 102]
