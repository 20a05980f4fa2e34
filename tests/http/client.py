"""A client that holds every answer against `/openapi.json`, so that each test is also a test of the description."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from typing import Any

import aiohttp
from jsonschema import Draft202012Validator, FormatChecker
from multidict import CIMultiDict

from engine.app import Engine

_UNSET: Any = object()
_FORMATS = FormatChecker(formats=["uuid"])
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?(Z|[+-]\d\d:\d\d)")


@_FORMATS.checks("date-time")
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or _TIME.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: CIMultiDict[str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def errors(self) -> dict[str, str]:
        """Of a problem: what is allowed, by field."""
        return {error["field"]: error["allowed"] for error in self.json["errors"]}


class Api:
    """Calls one running engine."""

    def __init__(self, engine: Engine, session: aiohttp.ClientSession, description: dict[str, Any]) -> None:
        self.engine = engine
        self.url = engine.server.url
        self.session = session
        self._description = description
        self._paths = {
            re.compile(re.sub(r"{\w+}", r"[^/]+", path).rstrip("/") + "/?"): operations
            for path, operations in sorted(description["paths"].items(), key=lambda item: item[0].count("{"))
        }

    async def call(
        self,
        method: str,
        path: str,
        body: Any = _UNSET,
        *,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Send `body` as JSON, or `data` as it is, and check the answer against the description."""
        headers = dict(headers or {})
        if body is not _UNSET:
            data = json.dumps(body).encode()
        if data is not None:
            headers.setdefault("Content-Type", "application/json")
        # As a stream, because aiohttp warns of large bodies in one piece.
        body_stream = None if data is None else io.BytesIO(data)
        async with self.session.request(
            method,
            self.url + path,
            data=body_stream,
            headers=headers,
            allow_redirects=False,
            skip_auto_headers=("Accept",),
        ) as response:
            reply = Reply(response.status, response.headers.copy(), await response.text())
        self._check(method, path, reply)
        return reply

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = _UNSET, **options: Any) -> Reply:
        return await self.call("POST", path, body, **options)

    async def put(self, path: str, body: Any = _UNSET, **options: Any) -> Reply:
        return await self.call("PUT", path, body, **options)

    async def patch(self, path: str, body: Any = _UNSET, **options: Any) -> Reply:
        return await self.call("PATCH", path, body, **options)

    async def delete(self, path: str, **options: Any) -> Reply:
        return await self.call("DELETE", path, **options)

    async def create(self, **fields: Any) -> dict[str, Any]:
        """A trigger that is there afterwards."""
        reply = await self.post("/triggers/", {"name": "t", **fields})
        assert reply.status == 201, reply.text
        made: dict[str, Any] = reply.json
        return made

    def _check(self, method: str, path: str, reply: Reply) -> None:
        operation = self._operation(method, path)
        if operation is None or reply.headers["Content-Type"].startswith("text/html"):
            return
        described = operation["responses"].get(str(reply.status))
        assert described is not None, f"{method} {path}: {reply.status} is not described\n{reply.text}"
        media_type = reply.headers["Content-Type"].partition(";")[0]
        assert media_type in described["content"], f"{method} {path}: {media_type} is not described"
        for name, header in described["headers"].items():
            assert name in reply.headers or not header.get("required"), f"{method} {path}: no {name}"
        if media_type.endswith("json"):
            schema = {**described["content"][media_type]["schema"], "components": self._description["components"]}
            Draft202012Validator(schema, format_checker=_FORMATS).validate(reply.json)

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        plain = "/" + path.partition("?")[0].lstrip("/")
        for pattern, operations in self._paths.items():
            if pattern.fullmatch(plain):
                found: dict[str, Any] | None = operations.get(method.lower())
                return found
        return None
