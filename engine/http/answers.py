"""What the API answers, as pydantic models. They are for `/openapi.json`, and tests hold real answers against them;
answers themselves are made by `representations.py`, several times faster."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from engine.delivery.request import Method
from engine.http.queries import Kind, Status

Time: TypeAlias = Annotated[AwareDatetime, Field(examples=["2026-11-22T09:00:00.123456Z"])]
Count: TypeAlias = Annotated[int, Field(ge=0)]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]


class Out(BaseModel):
    """Base of all answers: nothing is in them that is not described."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AtOut(Out):
    kind: Literal["at"]
    at: Time
    timezone: str


class IntervalOut(Out):
    kind: Literal["interval"]
    every_s: Number
    anchor: Time
    timezone: str


class CronOut(Out):
    kind: Literal["cron"]
    expression: str
    timezone: str


ScheduleOut: TypeAlias = Annotated[AtOut | IntervalOut | CronOut, Field(discriminator="kind")]


class TargetOut(Out):
    url: str
    method: Method
    headers: dict[str, str]
    timeout_ms: int
    success_codes: list[int] = Field(default_factory=list, description="only where the user chose them")


class RetryOut(Out):
    attempts_max: int
    backoff: Literal["exponential"]
    first_delay_ms: int
    delay_max_ms: int


class MisfireOut(Out):
    policy: Literal["coalesce", "all", "latest", "skip"]
    window_s: Number


class TriggerOut(Out):
    """A trigger."""

    id: int
    name: str
    type: Literal["scheduled", "api"]
    description: str
    tags: list[str]
    is_active: bool = Field(description="the same as state == active")
    state: Literal["active", "paused", "completed", "disabled"]
    state_reason: str | None
    paused_until: Time | None
    schedule: ScheduleOut | None
    schedule_time: Time | None = Field(description="of a one-off")
    next_fire_at: Time | None
    last_fired_at: Time | None
    payload: JsonValue
    payload_schema: dict[str, Any] | bool | None
    target: TargetOut | None
    retry: RetryOut
    misfire: MisfireOut
    overlap: Literal["allow", "skip"]
    created_at: Time
    updated_at: Time
    version: int


class EventOut(Out):
    """An event."""

    id: int
    trigger_id: int | None = Field(description="null for the test of a trigger that is not saved")
    trigger_name: str = Field(description="as it was at the fire")
    kind: Kind
    status: Status
    reason: str | None = Field(description="why it was skipped or failed")
    details: str = Field(description="one sentence for a person")
    timestamp: Time = Field(description="the same as fired_at")
    scheduled_for: Time
    fired_at: Time
    finished_at: Time | None
    lateness_ms: Number
    archived: bool
    attempts_made: Count
    next_attempt_at: Time | None
    message_id: str = Field(description="the webhook-id: the same on every attempt")
    missed_count: Count = Field(description="fires this row stands for after a misfire; 0 for an ordinary one")
    replay_of: int | None
    target_url: str | None
    payload: JsonValue


class RequestOut(Out):
    method: str
    url: str
    headers: dict[str, str] = Field(description="values of secret ones are masked")
    timeout_ms: int


class TestRequestOut(RequestOut):
    body: JsonValue = Field(description="the body that is sent; null: none")


class ResponseOut(Out):
    status: int
    headers: dict[str, str]
    body: str
    body_encoding: Literal["utf-8", "base64"]
    truncated: bool


class TimingOut(Out):
    dns_ms: Number | None
    connect_ms: Number | None
    wait_ms: Number | None
    body_ms: Number | None
    total_ms: Number


Outcome: TypeAlias = Literal[
    "succeeded", "bad_status", "timeout", "dns_error", "connection_error", "tls_error", "protocol_error",
    "invalid_request",
]  # fmt: skip


class AttemptOut(Out):
    """One attempt to deliver."""

    number: int
    started_at: Time
    outcome: Outcome
    error: str | None
    request: RequestOut
    response: ResponseOut | None
    timing: TimingOut


class EventWithAttempts(EventOut):
    """An event with everything that was tried."""

    attempts: list[AttemptOut]


class AggregateOut(Out):
    """One group; it has the fields it is grouped by."""

    count: Count
    trigger_id: int | None = None
    trigger_name: str | None = None
    status: Status | None = None
    kind: Kind | None = None
    archived: bool | None = None
    hour: Time | None = None
    last_fired_at: Time | None


class FireOut(Out):
    at: Time
    local: AwareDatetime
    notes: list[str]


class UpcomingOut(Out):
    fires: list[FireOut]


class PreviewOut(Out):
    """A schedule in words, and when it fires."""

    sentence: str
    fires: list[FireOut]
    warnings: list[str]


class TestOut(Out):
    """What a test gave; parts that do not apply are left out."""

    message: Literal["Test trigger fired"]
    payload: JsonValue
    event: EventOut | None = None
    request: TestRequestOut | None = None
    response: ResponseOut | None = None
    timing: TimingOut | None = None
    verdict: str | None = Field(None, description="one sentence for a person")
    error: str | None = None
    fires: list[FireOut] | None = None
    warnings: list[str] | None = None


class MessageOut(Out):
    message: str


class SeedPayloadOut(MessageOut):
    payload: JsonValue


class SeedTriggerOut(Out):
    name: str
    type: Literal["scheduled", "api"]
    schedule: str = Field(examples=["10s", "every 30s", "manual"])


class SeedListOut(Out):
    db_triggers: list[SeedTriggerOut]
    active_triggers: list[str]


class SeedLogOut(Out):
    trigger_name: str
    executed_at: Time


class SeedErrorOut(Out):
    error: str


class AliveOut(Out):
    status: Literal["ok"]


class ReadyOut(Out):
    status: Literal["ready", "not ready"]
    problems: list[str]


class FieldErrorOut(Out):
    field: str = Field(description="a dotted path; empty for the input as a whole")
    value: str | int | float | bool | None = Field(description="what was given, shortened")
    allowed: str


class ProblemOut(Out):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = Field(description="the X-Request-Id as a URI; the engine's log has it too")
    errors: list[FieldErrorOut] | None = None
