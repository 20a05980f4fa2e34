"""What the API accepts, as pydantic models: they validate, and `/openapi.json` is generated from them.

Bodies are strict (the string "5" is no number); query parameters come as text and are read leniently. Both refuse
fields they do not know, so that a typo is never lost.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, field_validator

from engine.delivery.request import HEADERS_MAX, Method
from engine.http.schedule_schemas import (
    INTERVAL_MAX_S,
    YEARS_100_S,
    Body,
    ScheduleInput,
    ScheduleSource,
    TimeText,
    Timezone,
)
from engine.http.validation_words import refuse
from engine.model.trigger import Misfire, RetryPolicy, Target

NAME_LENGTH_MAX = 200
PAYLOAD_BYTES_MAX = 256 * 1024
SCHEMA_BYTES_MAX = 64 * 1024
WEEK_MS = 7 * 86_400_000

Name: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=NAME_LENGTH_MAX), Field(examples=["nightly-report"])
]
Tags: TypeAlias = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=50)]], Field(max_length=20, examples=[["billing"]])
]
ReadOnly: TypeAlias = Annotated[
    Any, Field(description="set by the engine; accepted and ignored", json_schema_extra={"readOnly": True})
]


def _json_schema(value: Any) -> Any:
    if isinstance(value, dict | bool | None):
        return value
    raise refuse("an object, or true or false")


JsonSchema: TypeAlias = Annotated[dict[str, Any] | bool | None, BeforeValidator(_json_schema)]
Id: TypeAlias = Annotated[int, Field(ge=1, le=2**63 - 1)]


def plain_text(value: str) -> str:
    """Refuse control characters and white space at the ends; a name that looks like another one helps nobody."""
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise refuse("text without control characters")
    if value != value.strip():
        raise refuse("text without white space at its beginning or end")
    return value


StatusCode: TypeAlias = Annotated[int, Field(ge=100, le=599)]


class TargetInput(Body):
    """Where a fire is sent."""

    url: str = Field(min_length=1, max_length=2_048, examples=["https://example.org/hook"])
    method: Method = "POST"
    headers: dict[str, str] = Field(default_factory=dict, max_length=HEADERS_MAX, examples=[{"X-Team": "billing"}])
    timeout_ms: int = Field(Target(url="").timeout_ms, ge=100, le=120_000)
    success_codes: list[StatusCode] = Field(
        default_factory=list, max_length=50, description="statuses that count as delivered; empty: 200-299"
    )


_RETRY = RetryPolicy()


class RetryInput(Body):
    """When a failed delivery is tried again."""

    attempts_max: int = Field(_RETRY.attempts_max, ge=1, le=50, description="the first attempt included")
    backoff: Literal["exponential"] = "exponential"
    first_delay_ms: int = Field(_RETRY.first_delay_ms, ge=100, le=WEEK_MS)
    delay_max_ms: int = Field(_RETRY.delay_max_ms, ge=100, le=WEEK_MS)


_MISFIRE = Misfire()


class MisfireInput(Body):
    """What becomes of fires that were due while the engine was not running."""

    policy: Literal["coalesce", "all", "latest", "skip"] = _MISFIRE.policy.value
    window_s: float = Field(_MISFIRE.window.total_seconds(), ge=0, le=YEARS_100_S)


class TriggerFields(ScheduleSource):
    """What a user decides about a trigger."""

    name: Name
    type: Literal["scheduled", "api"] | None = Field(None, description="default: scheduled if there is a schedule")
    description: str = Field("", max_length=2_000)
    tags: Tags = Field(default_factory=list)
    payload: JsonValue = Field(None, description="any JSON, at most 256 KiB; sent byte for byte as it is given")
    payload_schema: JsonSchema = Field(
        None, description="JSON Schema (draft 2020-12) for what fires the trigger by call"
    )
    target: TargetInput | None = Field(None, description="null: a fire is logged, nothing is sent")
    retry: RetryInput = Field(default_factory=RetryInput)
    misfire: MisfireInput = Field(default_factory=MisfireInput)
    overlap: Literal["allow", "skip"] = "allow"
    is_active: bool | None = Field(None, description="default: true for a new trigger, else as it is")

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        return plain_text(value)

    @field_validator("tags")
    @classmethod
    def _plain_tags(cls, values: list[str]) -> list[str]:
        for value in values:
            plain_text(value)
        if len(set(values)) != len(values):
            raise refuse("tags that differ from each other")
        return values


class TriggerInput(TriggerFields):
    """A whole trigger. What the API shows of one can be given back as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "nightly-report",
                    "schedule": {"kind": "cron", "expression": "30 2 * * MON-FRI", "timezone": "Europe/Berlin"},
                    "payload": {"report": "daily"},
                    "target": {"url": "https://example.org/hook"},
                },
                {"name": "in-ten-seconds", "type": "scheduled", "schedule": "in 10s"},
                {"name": "called", "type": "api", "payload": "hello"},
            ]
        }
    )

    id: ReadOnly = None
    state: ReadOnly = None
    state_reason: ReadOnly = None
    paused_until: ReadOnly = None
    next_fire_at: ReadOnly = None
    last_fired_at: ReadOnly = None
    created_at: ReadOnly = None
    updated_at: ReadOnly = None
    version: ReadOnly = None


class TriggerPatch(ScheduleSource):
    """Some fields of a trigger. `null` puts a field back to its default; target, retry and misfire are merged.

    Only for `/openapi.json`: the patched whole is validated as a trigger.
    """

    name: Name | None = None
    type: Literal["scheduled", "api"] | None = None
    description: str | None = Field(None, max_length=2_000)
    tags: Tags | None = None
    payload: JsonValue = None
    payload_schema: JsonSchema = None
    target: dict[str, Any] | None = Field(None, examples=[{"timeout_ms": 5_000}])
    retry: dict[str, Any] | None = Field(None, examples=[{"attempts_max": 3}])
    misfire: dict[str, Any] | None = Field(None, examples=[{"policy": "skip"}])
    overlap: Literal["allow", "skip"] | None = None
    is_active: bool | None = None


class PauseInput(Body):
    """How long, and why."""

    until: TimeText | None = Field(None, description="when it resumes by itself; default: only by a call")
    note: str | None = Field(None, max_length=500)


class NothingInput(Body):
    """An object without fields."""


class ReplayInput(Body):
    """What is sent again."""

    through_trigger: bool = Field(
        False, description="false: the same bytes to the same place; true: through the trigger as it is now"
    )


class PreviewInput(Body):
    """A schedule to be tried out."""

    schedule: ScheduleInput
    timezone: Timezone | None = None
    after: TimeText | None = Field(None, description="default: now")
    count: int = Field(5, ge=1, le=1_000)


class SeedTriggerInput(Body):
    """A trigger as `POST /schedule_trigger` takes it."""

    trigger_name: Name
    trigger_type: Literal["scheduled", "api"]
    delay_seconds: float | None = Field(None, ge=0, le=YEARS_100_S, examples=[10])
    interval_seconds: float | None = Field(None, ge=1, le=INTERVAL_MAX_S)
    payload: JsonValue = None

    @field_validator("trigger_name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        return plain_text(value)


class SeedNameInput(Body):
    """The name of a trigger."""

    trigger_name: str = Field(min_length=1, max_length=NAME_LENGTH_MAX)
