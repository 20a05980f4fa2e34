"""From validated input to a definition: schedules in all their forms, payload texts kept byte for byte, patches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.delivery.request import check_headers, check_url
from engine.errors import FieldError, InvalidInput
from engine.http.representations import definition_document
from engine.http.requests import read_instant
from engine.http.schedule_schemas import (
    AtInput,
    CronInput,
    DelayInput,
    IntervalInput,
    ScheduleInput,
    ScheduleSource,
)
from engine.http.schemas import PAYLOAD_BYTES_MAX, SCHEMA_BYTES_MAX, TargetInput, TriggerInput
from engine.http.validation_words import checked
from engine.json_text import Document
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.model.trigger import (
    Definition,
    Misfire,
    MisfirePolicy,
    OverlapPolicy,
    RetryPolicy,
    Target,
    Trigger,
    TriggerType,
)
from engine.timers.shorthand import parse_shorthand, to_millisecond
from engine.timers.zones import zone

SOURCES = ("schedule", "schedule_time", "delay_seconds", "interval_seconds")
OUTPUT_ONLY = frozenset(TriggerInput.model_fields) - frozenset(
    name for base in TriggerInput.__bases__ for name in getattr(base, "model_fields", ())
)
_MERGED = frozenset({"target", "retry", "misfire"})


def definition_from(
    fields: TriggerInput, texts: Mapping[str, str], now: datetime, saved: Schedule | None = None
) -> Definition:
    """The definition that `fields` describe. Raises InvalidInput.

    `texts` has the payload and its schema as they were written. An interval without an anchor keeps that of `saved`
    if the period is the same, and otherwise begins `now`.
    """
    schedule = schedule_from(fields, now, saved)
    kind = TriggerType(fields.type or ("scheduled" if schedule else "api"))
    if kind is TriggerType.API and schedule is not None:
        raise InvalidInput.of(
            _given(fields)[0], _value(fields, _given(fields)[0]), "left out for a trigger of type api"
        )
    if kind is TriggerType.SCHEDULED and schedule is None:
        allowed = "given for a trigger of type scheduled: an object with kind, or a string such as every 5m"
        raise InvalidInput.of("schedule", None, allowed)
    return Definition(
        name=fields.name,
        type=kind,
        description=fields.description,
        tags=tuple(fields.tags),
        schedule=schedule,
        payload=payload_text(texts.get("payload")),
        payload_schema=_text("payload_schema", texts, SCHEMA_BYTES_MAX),
        target=_target(fields.target) if fields.target else None,
        retry=RetryPolicy(**fields.retry.model_dump()),
        misfire=Misfire(policy=MisfirePolicy(fields.misfire.policy), window=timedelta(seconds=fields.misfire.window_s)),
        overlap=OverlapPolicy(fields.overlap),
    )


def patched(trigger: Trigger, patch: Document, now: datetime) -> tuple[Definition, bool | None]:
    """`trigger` with the members of `patch` in place of its own (RFC 7396), and whether it is to be active.

    `target`, `retry` and `misfire` are merged member by member; a schedule is replaced whole; `null` puts a field
    back to its default.
    """
    if not isinstance(patch.value, dict):
        raise InvalidInput.of("", patch.value, "an object with the fields to change")
    for name in patch.value.keys() & OUTPUT_ONLY:
        raise InvalidInput.of(name, patch.value[name], "left out; the engine sets it")
    document, texts = definition_document(trigger.definition)
    changes = dict(patch.value)
    if any(changes.get(name) is not None for name in SOURCES):
        document.pop("schedule", None)
    elif changes.get("timezone") and document.get("schedule"):
        document["schedule"] = {**document["schedule"], "timezone": changes.pop("timezone")}
    for name, value in changes.items():
        saved = document.get(name)
        if name in _MERGED and isinstance(value, dict) and isinstance(saved, dict):
            merged = {**saved, **value}
            document[name] = {key: part for key, part in merged.items() if part is not None or key not in value}
        elif value is None:
            document.pop(name, None)
        else:
            document[name] = value
    for name in ("payload", "payload_schema"):
        if name in changes:
            texts[name] = patch.members[name]
    fields = checked(TriggerInput, document)
    return definition_from(fields, texts, now, trigger.definition.schedule), fields.is_active


def schedule_from(fields: ScheduleSource, now: datetime, saved: Schedule | None = None) -> Schedule | None:
    """The one schedule that `fields` give, in whichever form; None when they give none."""
    zone_name = fields.timezone or "UTC"
    checked_zone(zone_name, "timezone")
    given = _given(fields)
    schedules = [_from_source(name, fields, zone_name, now, saved) for name in given]
    # What the API shows of a one-off has both `schedule` and `schedule_time`; given back unchanged, they agree.
    moments = {each.at if isinstance(each, AtSchedule) else None for each in schedules}
    if len(given) > 1 and not (
        set(given) == {"schedule", "schedule_time"} and len(moments) == 1 and None not in moments
    ):
        allowed = f"the only one of {', '.join(SOURCES)} that is given"
        raise InvalidInput(*(FieldError(field=name, value=_value(fields, name), allowed=allowed) for name in given))
    return schedules[0] if schedules else None


def schedule_of(given: ScheduleInput, zone_name: str, now: datetime, saved: Schedule | None = None) -> Schedule:
    """The schedule behind one of the objects, or behind the shorthand."""
    if isinstance(given, str):
        schedule = parse_shorthand(given, now=now, timezone=zone_name)
        if isinstance(schedule, IntervalSchedule):
            return _interval(schedule.every / timedelta(seconds=1), None, zone_name, now, saved)
        return schedule
    zone_name = given.timezone or zone_name
    local = checked_zone(zone_name, "schedule.timezone")
    match given:
        case AtInput():
            return AtSchedule(at=read_instant("schedule.at", given.at, local), timezone=zone_name)
        case DelayInput():
            return AtSchedule(at=now + timedelta(seconds=given.delay_s), timezone=zone_name)
        case IntervalInput():
            anchor = None if given.anchor is None else read_instant("schedule.anchor", given.anchor, local)
            return _interval(given.every_s, anchor, zone_name, now, saved)
        case CronInput():
            return CronSchedule(expression=given.expression, timezone=zone_name)


def _from_source(name: str, fields: ScheduleSource, zone_name: str, now: datetime, saved: Schedule | None) -> Schedule:
    if fields.schedule_time is not None and name == "schedule_time":
        local = checked_zone(zone_name, "timezone")
        return AtSchedule(at=read_instant(name, fields.schedule_time, local), timezone=zone_name)
    if fields.delay_seconds is not None and name == "delay_seconds":
        return AtSchedule(at=now + timedelta(seconds=fields.delay_seconds), timezone=zone_name)
    if fields.interval_seconds is not None and name == "interval_seconds":
        return _interval(fields.interval_seconds, None, zone_name, now, saved, name)
    assert fields.schedule is not None  # noqa: S101 - `_given` says so
    return schedule_of(fields.schedule, zone_name, now, saved)


def _interval(
    every_s: float,
    anchor: datetime | None,
    zone_name: str,
    now: datetime,
    saved: Schedule | None,
    field: str = "schedule.every_s",
) -> IntervalSchedule:
    every_ms = round(every_s * 1_000)
    if abs(every_s * 1_000 - every_ms) > 1e-6 * every_ms:
        raise InvalidInput.of(field, every_s, "seconds with at most three decimals")
    every = timedelta(milliseconds=every_ms)
    if anchor is None:
        same = isinstance(saved, IntervalSchedule) and saved.every == every
        anchor = saved.anchor if same and isinstance(saved, IntervalSchedule) else to_millisecond(now)
    return IntervalSchedule(every=every, anchor=anchor, timezone=zone_name)


def checked_zone(name: str, field: str) -> ZoneInfo:
    """The zone of that name. Raises InvalidInput naming `field`."""
    try:
        return zone(name)
    except InvalidInput as error:
        raise InvalidInput(*(replace(each, field=field) for each in error.errors)) from None


def _given(fields: ScheduleSource) -> list[str]:
    return [name for name in SOURCES if getattr(fields, name) is not None]


def _value(fields: ScheduleSource, name: str) -> Any:
    value = getattr(fields, name)
    return value.model_dump(exclude_none=True) if hasattr(value, "model_dump") else value


def payload_text(text: str | None) -> str | None:
    """A payload as it is kept: None for none and for `null`. Raises InvalidInput on one that is too long."""
    return _text("payload", {} if text is None else {"payload": text}, PAYLOAD_BYTES_MAX)


def _text(name: str, texts: Mapping[str, str], bytes_max: int) -> str | None:
    text = texts.get(name)
    if text is None or text == "null":
        return None
    if len(text.encode()) > bytes_max:
        raise InvalidInput.of(name, text, f"at most {bytes_max} bytes ({bytes_max // 1024} KiB) of JSON")
    return text


def _target(given: TargetInput) -> Target:
    check_url(given.url)
    check_headers(given.headers)
    return Target(
        url=given.url,
        method=given.method,
        headers=tuple(given.headers.items()),
        timeout_ms=given.timeout_ms,
        success_codes=tuple(given.success_codes),
    )
