from engine.delivery.lanes import Admission, Lanes


def test_the_overflow_of_a_host_waits_in_its_order() -> None:
    lanes: Lanes[int] = Lanes(in_flight_per_host_max=2, queued_max=100)
    assert [lanes.enter("a", number) for number in range(4)] == [
        Admission.STARTED,
        Admission.STARTED,
        Admission.QUEUED,
        Admission.QUEUED,
    ]
    assert (lanes.in_flight, lanes.queued) == (2, 2)
    assert [lanes.leave("a") for _ in range(4)] == [2, 3, None, None]
    assert (lanes.in_flight, lanes.queued) == (0, 0)


def test_a_full_lane_leaves_the_others_free() -> None:
    lanes: Lanes[int] = Lanes(in_flight_per_host_max=1, queued_max=8)
    while lanes.enter("dead", 0) is not Admission.REFUSED:
        pass
    assert lanes.queued == 2, "one host has a quarter of the places"
    assert lanes.enter("well", 0) is Admission.STARTED
    assert lanes.enter("well", 1) is Admission.QUEUED


def test_all_queues_together_are_bounded() -> None:
    lanes: Lanes[int] = Lanes(in_flight_per_host_max=1, queued_max=8)
    for host in range(20):
        for _ in range(5):
            lanes.enter(host, 0)
    assert (lanes.in_flight, lanes.queued) == (20, 8)


def test_clearing_the_queues_keeps_what_is_in_flight() -> None:
    lanes: Lanes[int] = Lanes(in_flight_per_host_max=1, queued_max=8)
    for number in range(3):
        lanes.enter("a", number)
    assert lanes.clear_queues() == [1, 2]
    assert (lanes.in_flight, lanes.queued) == (1, 0)
    assert lanes.leave("a") is None


def test_lanes_that_are_empty_are_forgotten() -> None:
    lanes: Lanes[int] = Lanes(in_flight_per_host_max=1, queued_max=8)
    for host in range(1_000):
        lanes.enter(host, 0)
        lanes.leave(host)
    assert not lanes._lanes
