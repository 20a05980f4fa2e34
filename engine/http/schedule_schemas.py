"""What the API accepts as a schedule: objects with `kind`, a short string, and the fields of both seeds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from engine.http.validation_words import TAG_PREFIX

YEARS_100_S = 100 * 366 * 86_400
INTERVAL_MAX_S = 3_650 * 86_400

TimeText: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    Field(
        description="RFC 3339; without an offset it is read in the trigger's timezone",
        examples=["2026-12-01T09:00:00Z"],
    ),
]
Timezone: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=64), Field(description="IANA name", examples=["Europe/Berlin"])
]


class Body(BaseModel):
    """Base of everything that comes as a JSON body."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class AtInput(Body):
    """Once, at an instant. One in the past fires at once."""

    kind: Literal["at"]
    at: TimeText
    timezone: Timezone | None = None


class DelayInput(Body):
    """Once, so many seconds after the trigger is created."""

    kind: Literal["delay"]
    delay_s: float = Field(ge=0, le=YEARS_100_S, examples=[10])
    timezone: Timezone | None = None


class IntervalInput(Body):
    """At `anchor + n * every_s`."""

    kind: Literal["interval"]
    every_s: float = Field(ge=1, le=INTERVAL_MAX_S, description="seconds, to the millisecond", examples=[300])
    anchor: TimeText | None = Field(None, description="default: when the trigger is created")
    timezone: Timezone | None = None


class CronInput(Body):
    """At the wall-clock times that match."""

    kind: Literal["cron"]
    expression: str = Field(
        min_length=1,
        max_length=256,
        description="five fields, or six with seconds first",
        examples=["30 2 * * MON-FRI"],
    )
    timezone: Timezone | None = None


ShorthandText: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=256),
    Field(
        description=(
            "a cron expression, @daily, every 5m, in 10s, at 2026-12-01T09:00; an ISO 8601 duration, which means every "
            "so often: PT15M; or an expression of Amazon EventBridge: rate(5 minutes), at(2026-12-01T09:00:00), "
            "cron(0 9 ? * MON-FRI *), with year * and without W"
        ),
        examples=[
            "*/5 * * * *",
            "@daily",
            "every 5m",
            "in 10s",
            "at 2026-12-01T09:00",
            "PT15M",
            "rate(5 minutes)",
            "at(2026-12-01T09:00:00)",
            "cron(0 9 ? * MON-FRI *)",
        ],
    ),
]


def _schedule_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return f"{TAG_PREFIX}text"
    if isinstance(value, dict):
        return f"{TAG_PREFIX}{value['kind']}" if "kind" in value else None
    kind = getattr(value, "kind", None)
    return f"{TAG_PREFIX}{kind}" if kind else None


ScheduleInput: TypeAlias = Annotated[
    Annotated[AtInput, Tag(f"{TAG_PREFIX}at")]
    | Annotated[DelayInput, Tag(f"{TAG_PREFIX}delay")]
    | Annotated[IntervalInput, Tag(f"{TAG_PREFIX}interval")]
    | Annotated[CronInput, Tag(f"{TAG_PREFIX}cron")]
    | Annotated[ShorthandText, Tag(f"{TAG_PREFIX}text")],
    Discriminator(_schedule_tag),
    Field(description="when it fires: an object, or a short string"),
]


class ScheduleSource(Body):
    """The ways to say when; at most one of them is given."""

    schedule: ScheduleInput | None = None
    schedule_time: TimeText | None = Field(None, description="the same as a schedule of kind at")
    delay_seconds: float | None = Field(None, ge=0, le=YEARS_100_S, description="the same as a schedule of kind delay")
    interval_seconds: float | None = Field(
        None, ge=1, le=INTERVAL_MAX_S, description="the same as a schedule of kind interval"
    )
    timezone: Timezone | None = Field(None, description="for a schedule that does not name one; default UTC")
