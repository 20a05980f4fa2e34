"""What has to hold of a definition beyond the form of its fields, and JSON Schema on what fires a trigger by call."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any

import referencing
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing.exceptions import Unresolvable

from engine.errors import FieldError, InvalidInput
from engine.model.trigger import Definition, TriggerType
from engine.timers.fire_times import check_schedule

VIOLATIONS_MAX = 20
"""How many are named at once."""


def check_definition(definition: Definition, now: datetime) -> None:
    """Raise InvalidInput unless `definition` can be saved: a schedule that fires, for exactly the scheduled ones."""
    if definition.type is TriggerType.SCHEDULED:
        if definition.schedule is None:
            raise InvalidInput.of("schedule", None, "a schedule, for a trigger of type scheduled")
        check_schedule(definition.schedule, now)
    elif definition.schedule is not None:
        raise InvalidInput.of("schedule", definition.schedule, "none, for a trigger of type api")
    check_payload_schema(definition.payload_schema)


def check_payload_schema(schema: str | None) -> None:
    """Raise InvalidInput on `payload_schema` unless it is a JSON Schema (draft 2020-12) that can be asked."""
    if schema is None:
        return
    document = json.loads(schema)
    try:
        Draft202012Validator.check_schema(document)
    except SchemaError as error:
        allowed = f"a JSON Schema (draft 2020-12); {error.message}"
        raise InvalidInput.of("payload_schema", document, allowed) from None
    for probe in ("null", "{}", "[]", '""', "0"):
        _violations(schema, probe)


def check_payload(schema: str | None, payload: str | None) -> None:
    """Raise InvalidInput naming the violations (at most VIOLATIONS_MAX) of `payload` against `schema`.

    A schema can refer to its own parts only; nothing is ever fetched.
    """
    if schema is None:
        return
    errors = _violations(schema, payload or "null")
    if errors:
        raise InvalidInput(
            *(
                FieldError(field=".".join(["payload", *map(str, e.absolute_path)]), value=e.instance, allowed=e.message)
                for e in errors[:VIOLATIONS_MAX]
            )
        )


def _violations(schema: str, payload: str) -> list[ValidationError]:
    """By their place. Raises InvalidInput on `payload_schema` where the schema itself cannot be followed."""
    try:
        return sorted(_validator(schema).iter_errors(json.loads(payload)), key=lambda error: str(error.json_path))
    except Unresolvable as error:
        allowed = f"references within the schema itself; {error.ref!r} is not there"
        raise InvalidInput.of("payload_schema", error.ref, allowed) from None
    except RecursionError:
        allowed = "a schema that comes to an end; this one refers to itself for ever"
        raise InvalidInput.of("payload_schema", schema, allowed) from None


@lru_cache(maxsize=256)
def _validator(schema: str) -> Draft202012Validator:
    nothing_outside: referencing.Registry[Any] = referencing.Registry()
    return Draft202012Validator(json.loads(schema), registry=nothing_outside)
