"""Schedules in words, and what a person should know before relying on one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from cron_descriptor import DescriptionTypeEnum, ExpressionDescriptor, Options

from engine.model.document import seconds
from engine.model.schedule import AtSchedule, CronSchedule, IntervalSchedule, Schedule
from engine.timers.cron_expression import CronExpression, parse
from engine.timers.fire_times import gap_note, overlap_note, zone
from engine.timers.zones import transitions

WARNED_DAYS = 366
"""How far ahead daylight-saving changes are named."""

_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60))

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def sentence(schedule: Schedule) -> str:
    """One line for a person, without a full stop. A cron expression without good words is shown as it was written."""
    match schedule:
        case AtSchedule():
            local = schedule.at.astimezone(zone(schedule.timezone))
            time = local.strftime("%H:%M:%S" if local.second else "%H:%M")
            return f"Once, on {local.day} {_MONTHS[local.month - 1]} {local.year} at {time} ({schedule.timezone})"
        case IntervalSchedule():
            return f"Every {_period(schedule.every)}"
        case CronSchedule():
            try:
                return _cron_sentence(parse(schedule.expression))
            except Exception:  # the library's failures are of many kinds, and none is worth a failed answer
                return schedule.expression


def warnings(schedule: Schedule, now: datetime) -> list[str]:
    """Sentences about what may surprise: most schedules have none."""
    match schedule:
        case AtSchedule():
            return ["This time is in the past: it fires at once."] if schedule.at <= now else []
        case IntervalSchedule():
            return []
        case CronSchedule():
            expression = parse(schedule.expression)
            return _field_warnings(expression) + _clock_warnings(schedule, expression, now)


def short(schedule: Schedule | None, created_at: datetime) -> str:
    """A few characters for a list: `10s` after creation, `every 30s`, the cron expression, or `manual`."""
    match schedule:
        case None:
            return "manual"
        case AtSchedule():
            return f"{max(round((schedule.at - created_at).total_seconds()), 0)}s"
        case IntervalSchedule():
            return f"every {seconds(schedule.every)}s"
        case CronSchedule():
            return schedule.expression


def _period(every: timedelta) -> str:
    """`5 minutes`, `hour`, `1 hour and 30 minutes`."""
    milliseconds = every // timedelta(milliseconds=1)
    whole_s, fraction_ms = divmod(milliseconds, 1_000)
    parts: list[tuple[str, str]] = []
    for unit, length_s in _UNITS:
        # Weeks only where they come out even: "8 days" says more than "1 week and 1 day".
        if unit == "week" and (whole_s % length_s or fraction_ms):
            continue
        number, whole_s = divmod(whole_s, length_s)
        if number:
            parts.append((str(number), unit))
    if whole_s or fraction_ms:
        parts.append((f"{whole_s}.{fraction_ms:03}".rstrip("0").rstrip("."), "second"))
    if len(parts) == 1 and parts[0][0] == "1":
        return parts[0][1]
    named = [f"{number} {unit}{'' if number == '1' else 's'}" for number, unit in parts]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


# --- cron -----------------------------------------------------------------------------------------------------------


def _cron_sentence(expression: CronExpression) -> str:
    if not _has_words(expression):
        return expression.text
    # The locale is given, or the library would take that of the machine.
    descriptor = ExpressionDescriptor(expression.canonical, Options(locale_code="en_US", use_24hour_time_format=True))
    text = str(descriptor.get_full_description())
    month_day = str(descriptor.get_description(DescriptionTypeEnum.DAYOFMONTH))
    weekday = str(descriptor.get_description(DescriptionTypeEnum.DAYOFWEEK))
    if weekday and month_day in text and expression.canonical.split()[-3] != "*":
        # The library does not say which of *and* and *or* joins the day fields; the rule does.
        bare = re.sub("^, (or on |only on |on )?", "", weekday)
        text = text.replace(weekday, f", {'or' if expression.day_or else 'and only'} on {bare}")
    return text.replace(" through ", " to ").replace(", only on ", ", on ").replace(", only in ", ", in ")


_PLAIN_ITEM = re.compile("(?:[0-9]+|[A-Z]{3})(?:-(?:[0-9]+|[A-Z]{3}))?")


def _has_words(expression: CronExpression) -> bool:
    """False for what the library garbles: steps, stars, L and # inside a list, steps that are never taken, weekdays."""
    for part in expression.canonical.split():
        if "," in part and not all(_PLAIN_ITEM.fullmatch(item) for item in part.split(",")):
            return False
    if "/" in expression.canonical.split()[-1]:
        return False
    return not any(step >= length for _, step, length in _steps(expression))


def _steps(expression: CronExpression) -> list[tuple[str, int, int]]:
    """Name, step and length of the time fields of the form `*/n`."""
    *seconds_part, minute, hour = expression.canonical.split()[:-3]
    fields = [("second", part, 60) for part in seconds_part] + [("minute", minute, 60), ("hour", hour, 24)]
    return [(name, int(part[2:]), length) for name, part, length in fields if re.fullmatch(r"\*/[0-9]+", part)]


def _field_warnings(expression: CronExpression) -> list[str]:
    found = []
    for name, step, length in _steps(expression):
        whole = {"second": "minute", "minute": "hour", "hour": "day"}[name]
        if step >= length:
            found.append(
                f"A step of {step} {name}s is longer than {whole}s are: this fires at {name} 0 of each {whole}."
            )
        elif length % step:
            found.append(
                f"{step} does not divide {length}: the last step of each {whole} is shorter than {step} {name}s."
            )
    if expression.day_or:
        found.append("Day of month and day of week are combined by or: it fires on days that match either of them.")
    return found


def _clock_warnings(schedule: CronSchedule, expression: CronExpression, now: datetime) -> list[str]:
    """Fixed times only: the others take part in what the clock does, as anybody would expect."""
    if expression.is_interval:
        return []
    now = now.astimezone(UTC)
    changes = transitions(schedule.timezone, now, now + timedelta(days=WARNED_DAYS))
    notes = [gap_note(schedule, change) if change.is_gap else overlap_note(schedule, change) for change in changes]
    return [f"{note} ({schedule.timezone})." for note in notes if note]
