"""What went wrong, as RFC 9457 `application/problem+json`: one table from the engine's errors to statuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from engine import json_text
from engine.errors import (
    Conflict,
    EngineError,
    FieldError,
    IdempotencyConflict,
    InvalidInput,
    NameTaken,
    NotActive,
    NotFound,
    StorageError,
    StorageFull,
    UnreadableInput,
    VersionConflict,
)

MEDIA_TYPE = "application/problem+json"
VALUE_LENGTH_MAX = 100
"""Characters of a refused value that are shown again."""
RETRY_AFTER_S = 5
INTEGER_MAX = 2**63 - 1


class Problem(Exception):
    """An answer that is an error. Handlers raise it for what only HTTP knows; the rest comes from `problem_of`."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.detail, self.code, self.errors = status, detail, code, errors
        self.headers = dict(headers or {})
        super().__init__(detail)

    @property
    def title(self) -> str:
        return _TITLES.get(self.code or "", HTTPStatus(self.status).phrase)

    def document(self, instance: str) -> dict[str, Any]:
        """The problem as JSON. `instance` is a URI that is also in the log."""
        document: dict[str, Any] = {
            "type": f"urn:problem-type:engine:{self.code}" if self.code else "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            document["errors"] = [
                {"field": error.field, "value": shortened(error.value), "allowed": error.allowed}
                for error in self.errors
            ]
        return document


_TITLES = {
    "invalid-input": "The input cannot be accepted",
    "unreadable-input": "The input cannot be read",
    "name-taken": "The name is taken",
    "not-active": "The trigger is not active",
    "version-conflict": "The trigger has changed",
    "idempotency-conflict": "The Idempotency-Key was used for another request",
    "storage-full": "There is no room left",
    "storage-error": "The store does not answer",
}

# The first class that matches decides, so the narrow ones stand before the wide ones.
_STATUSES: tuple[tuple[type[EngineError], int, str | None], ...] = (
    (UnreadableInput, 400, "unreadable-input"),
    (InvalidInput, 422, "invalid-input"),
    (NotFound, 404, None),
    (NameTaken, 409, "name-taken"),
    (NotActive, 409, "not-active"),
    (VersionConflict, 412, "version-conflict"),
    (IdempotencyConflict, 422, "idempotency-conflict"),
    (Conflict, 409, None),
    (StorageFull, 507, "storage-full"),
    (StorageError, 503, "storage-error"),
)


def problem_of(error: EngineError) -> Problem | None:
    """The answer to an error the engine raised on purpose; None for one that should not have come this far."""
    for kind, status, code in _STATUSES:
        if isinstance(error, kind):
            return Problem(
                status,
                _detail(error),
                code=code,
                errors=_field_errors(error),
                headers={"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None,
            )
    return None


def problem_response(problem: Problem, request_id: str) -> web.Response:
    """Render `problem`."""
    return web.Response(
        status=problem.status,
        body=json_text.write(problem.document(f"urn:uuid:{request_id}")),
        content_type=MEDIA_TYPE,
        headers=problem.headers,
    )


def shortened(value: Any) -> Any:
    """`value` as it may be shown: short, and always possible to write as JSON."""
    if isinstance(value, bool | None):
        return value
    if isinstance(value, int | float) and abs(value) <= INTEGER_MAX:
        return value
    if isinstance(value, dict | list):
        try:
            value = json_text.write(value).decode()
        except TypeError:
            value = repr(value)
    text = str(value).encode("utf-8", "replace").decode()
    return text if len(text) <= VALUE_LENGTH_MAX else text[:VALUE_LENGTH_MAX] + "…"


def _detail(error: EngineError) -> str:
    if isinstance(error, StorageError) and not isinstance(error, StorageFull):
        return "The store does not answer; nothing was changed. Try again soon."  # the log has what it said
    if isinstance(error, InvalidInput):
        return f"{error}"[:1_000] + "."
    return str(error).encode("utf-8", "replace").decode()


def _field_errors(error: EngineError) -> Sequence[FieldError]:
    if isinstance(error, InvalidInput):
        return error.errors
    if isinstance(error, NameTaken):
        return (FieldError(field="name", value=error.name, allowed="a name that no other trigger has"),)
    if isinstance(error, VersionConflict):
        return (FieldError(field="If-Match", value=f'"{error.expected}"', allowed=f'"{error.actual}"'),)
    if isinstance(error, IdempotencyConflict):
        return (FieldError(field="Idempotency-Key", value=error.key, allowed="a key not used before"),)
    return ()
