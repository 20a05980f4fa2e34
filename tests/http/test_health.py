"""Health endpoints."""

from __future__ import annotations

import pytest

from engine.errors import StorageError, StorageFull
from tests.http.client import Api


async def test_alive_and_ready(api: Api) -> None:
    assert (await api.get("/healthz")).json == {"status": "ok"}
    reply = await api.get("/readyz")
    assert (reply.status, reply.json) == (200, {"status": "ready", "problems": []})


async def test_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise StorageError("no answer")

    monkeypatch.setattr(api.engine.store, "check", broken)
    reply = await api.get("/readyz")
    assert (reply.status, reply.json["status"]) == (503, "not ready")
    assert "no answer" in reply.json["problems"][0]
    assert (await api.get("/healthz")).status == 200


async def test_metrics(api: Api) -> None:
    reply = await api.get("/metrics")
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# TYPE engine_info gauge" in reply.text


async def test_a_full_disk_and_a_store_that_does_not_answer(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object, **__: object) -> None:
        raise StorageFull("The disk is full.")

    async def away(*_: object, **__: object) -> None:
        raise StorageError("SELECT secrets FROM somewhere failed")

    monkeypatch.setattr(api.engine.store, "add_trigger", full)
    monkeypatch.setattr(api.engine.store, "list_triggers", away)
    reply = await api.post("/triggers/", {"name": "x"})
    assert (reply.status, reply.json["detail"]) == (507, "The disk is full.")
    reply = await api.get("/triggers/")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
    assert "SELECT" not in reply.text
