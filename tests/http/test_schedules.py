"""Previews of schedules, and the next fires of triggers."""

from __future__ import annotations

from tests.fakes.clock import FakeClock
from tests.http.client import Api
from tests.http.conftest import StartApi


async def test_preview(api: Api) -> None:
    reply = await api.post(
        "/schedules/preview", {"schedule": "30 2 * * MON-FRI", "timezone": "Europe/Berlin", "count": 2}
    )
    assert reply.status == 200
    assert reply.json == {
        "sentence": "At 02:30, Monday to Friday",
        "fires": [
            {"at": "2026-11-23T01:30:00Z", "local": "2026-11-23T02:30:00+01:00", "notes": []},
            {"at": "2026-11-24T01:30:00Z", "local": "2026-11-24T02:30:00+01:00", "notes": []},
        ],
        "warnings": [],
    }


async def test_preview_from_another_time_on(api: Api) -> None:
    body = {"schedule": {"kind": "cron", "expression": "30 2 * * *", "timezone": "Europe/Berlin"}, "count": 1}
    reply = await api.post("/schedules/preview", {**body, "after": "2027-03-27T12:00:00Z"})
    (fire,) = reply.json["fires"]
    assert fire["local"] == "2027-03-28T03:00:00+02:00"
    assert fire["notes"]
    assert reply.json["warnings"]


async def test_preview_of_every_kind(api: Api) -> None:
    for schedule, at in (
        ({"kind": "at", "at": "2026-12-01T09:00:00Z"}, "2026-12-01T09:00:00Z"),
        ({"kind": "delay", "delay_s": 10}, "2026-11-22T09:00:10Z"),
        ({"kind": "interval", "every_s": 300}, "2026-11-22T09:05:00Z"),
        ("in 10s", "2026-11-22T09:00:10Z"),
    ):
        reply = await api.post("/schedules/preview", {"schedule": schedule})
        assert reply.json["fires"][0]["at"] == at
    past = await api.post("/schedules/preview", {"schedule": "at 2020-01-01T00:00Z"})
    assert past.json["warnings"]


async def test_preview_counts_to_a_thousand(api: Api) -> None:
    assert len((await api.post("/schedules/preview", {"schedule": "* * * * *"})).json["fires"]) == 5
    assert len((await api.post("/schedules/preview", {"schedule": "* * * * *", "count": 1_000})).json["fires"]) == 1_000
    for count in (0, 1_001, "5"):
        reply = await api.post("/schedules/preview", {"schedule": "* * * * *", "count": count})
        assert (reply.status, list(reply.errors)) == (422, ["count"])


async def test_what_a_preview_refuses(api: Api) -> None:
    for body, field in (
        ({}, "schedule"),
        ({"schedule": {"kind": "cron", "expression": "61 * * * *"}}, "schedule.expression"),
        ({"schedule": {"kind": "cron", "expression": "0 0 31 2 *"}}, "schedule.expression"),
        ({"schedule": {"kind": "interval", "every_s": 0}}, "schedule.every_s"),
        ({"schedule": "0 0 31 2 *"}, "schedule"),
        ({"schedule": "@daily", "timezone": "Mars/Olympus"}, "timezone"),
        ({"schedule": "@daily", "after": "x"}, "after"),
    ):
        reply = await api.post("/schedules/preview", body)
        assert (reply.status, list(reply.errors)) == (422, [field])


async def test_upcoming(api: Api, clock: FakeClock) -> None:
    trigger = await api.create(schedule="every 1h")
    path = f"/triggers/{trigger['id']}"

    async def fires(query: str = "") -> list[str]:
        return [fire["at"] for fire in (await api.get(f"{path}/upcoming{query}")).json["fires"]]

    assert await fires("?count=2") == ["2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"]
    assert len(await fires()) == 5
    await api.post(f"{path}/pause", {"until": "2026-11-22T12:30:00Z"})
    assert await fires("?count=1") == ["2026-11-22T13:00:00Z"]
    await api.post(f"{path}/pause")
    assert await fires() == []
    called = await api.create(name="called")
    assert (await api.get(f"/triggers/{called['id']}/upcoming")).json == {"fires": []}
    assert (await api.get("/triggers/999/upcoming")).status == 404
    assert list((await api.get(f"{path}/upcoming?count=0")).errors) == ["count"]


async def test_upcoming_of_a_one_off_that_comes_due_in_a_pause_is_the_end_of_the_pause(api: Api) -> None:
    trigger = await api.create(schedule="in 10s")
    await api.post(f"/triggers/{trigger['id']}/pause", {"until": "2026-11-22T09:01:00Z"})
    (fire,) = (await api.get(f"/triggers/{trigger['id']}/upcoming")).json["fires"]
    assert (fire["at"], fire["notes"]) == ("2026-11-22T09:01:00Z", ["came due during the pause; fires when it ends"])


async def test_an_interval_first_fires_after_one_period_whatever_the_fraction_of_the_second(
    start_api: StartApi, clock: FakeClock
) -> None:
    api = await start_api()
    await clock.advance(0.123456)
    as_object = {"kind": "interval", "every_s": 300}
    for form in ({"schedule": "every 5m"}, {"interval_seconds": 300}, {"schedule": as_object}):
        trigger = await api.create(name=str(form), **form)
        assert trigger["next_fire_at"] == "2026-11-22T09:05:00.123000Z"


async def test_a_thousand_rare_fires_come_whole(api: Api) -> None:
    body = {"schedule": "0 0 29 2 *", "count": 1000}
    fires = (await api.post("/schedules/preview", body)).json["fires"]
    assert len(fires) == 1000
    assert len({fire["at"] for fire in fires}) == 1000
