"""Query parameters, as pydantic models: they validate, and `/openapi.json` is generated from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from engine.errors import FieldError, InvalidInput
from engine.http.schemas import Id
from engine.http.validation_words import checked

Archived: TypeAlias = Literal["true", "false", "all"]
Status: TypeAlias = Literal["waiting", "running", "retrying", "delivered", "failed", "skipped", "recorded"]
Kind: TypeAlias = Literal["scheduled", "api", "manual", "test", "replay", "backfill"]
Group: TypeAlias = Literal["trigger_id", "status", "kind", "archived", "hour"]
Sort = Literal[
    "id", "-id", "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at",
    "next_fire_at", "-next_fire_at", "last_fired_at", "-last_fired_at",
]  # fmt: skip


def _split(value: Any) -> Any:
    return [part for part in value.split(",") if part] if isinstance(value, str) else value


Listed = BeforeValidator(_split)
"""Several values in one parameter, separated by commas."""
TimeParameter: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=64, description="RFC 3339; without an offset it is UTC")
]
Text: TypeAlias = Annotated[str, Field(max_length=200)]
Cursor: TypeAlias = Annotated[str, Field(max_length=2_048, description="from the Link header of the page before")]


class Query(BaseModel):
    """Base of all query parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(Query):
    """For calls that take none."""


class TriggerListQuery(Query):
    type: Literal["scheduled", "api"] | None = None
    state: Literal["active", "paused", "completed", "disabled"] | None = None
    tag: Text | None = None
    q: Text | None = Field(None, description="a part of the name, the description, a tag or the target's URL")
    sort: Sort = Field("id", description="a minus in front: descending; what has no value comes last")
    limit: int = Field(100, ge=1, le=1_000)
    cursor: Cursor | None = None


class EventListQuery(Query):
    archived: Archived = "false"
    page: int = Field(1, ge=1, le=1_000_000, description="not together with cursor")
    limit: int = Field(10, ge=1, le=1_000)
    cursor: Cursor | None = None
    trigger_id: Id | None = None
    trigger_name: Text | None = None
    status: Annotated[list[Status], Listed] = Field(default_factory=list, max_length=7)
    kind: Annotated[list[Kind], Listed] = Field(default_factory=list, max_length=6)
    from_: TimeParameter | None = Field(None, alias="from", description="fired at or after this")
    to: TimeParameter | None = Field(None, description="fired before this")
    q: Text | None = Field(None, description="a part of the trigger's name, the details, the reason or the payload")


class AggregateListQuery(Query):
    group_by: Annotated[list[Group], Listed] = Field(["trigger_id"], max_length=5)
    archived: Archived = "all"
    kind: Annotated[list[Kind], Listed] = Field(
        default_factory=list, max_length=6, description="default: every kind but test"
    )
    trigger_id: Id | None = None
    from_: TimeParameter | None = Field(None, alias="from", description="fired at or after this")
    to: TimeParameter | None = Field(None, description="fired before this")


class UpcomingQuery(Query):
    count: int = Field(5, ge=1, le=1_000)


class SendQuery(Query):
    send: Literal["true", "false"] = Field("true", description="false: render and check, send nothing, log nothing")


class StreamQuery(Query):
    last_event_id: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="for clients that cannot set the Last-Event-ID header"
    )


class NameQuery(Query):
    trigger_name: str = Field(min_length=1, max_length=200)


Parameters = TypeVar("Parameters", bound=Query)


def read_query(request: web.Request, model: type[Parameters]) -> Parameters:
    """Validate the query string. Raises InvalidInput naming the parameter, also for one that is unknown or repeated."""
    given = request.query
    repeated = [name for name in given if len(given.getall(name)) > 1]
    if repeated:
        name = repeated[0]
        raise InvalidInput(FieldError(field=name, value=given.getall(name), allowed="given once"))
    return checked(model, dict(given))


def three_way(archived: Archived) -> bool | None:
    """`archived` as a store's queries have it: None is both."""
    return None if archived == "all" else archived == "true"
