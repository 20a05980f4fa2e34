"""What has to hold of a definition beyond the form of its fields, and JSON Schema on what fires a trigger by call."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError

from engine.errors import FieldError, InvalidInput
from engine.model.trigger import Definition, TriggerType
from engine.timers.fire_times import check_schedule

VIOLATIONS_MAX = 20
"""How many are named at once."""
SCHEMA_SIZE_MAX = 1_000
"""Names and values in a schema. Checking one of this size against the metaschema takes about 0.1 s."""
WORK_MAX = 100_000
"""Values of a payload times parts of its schema: about a quarter of a second at the worst."""
REFUSED = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "pattern", "patternProperties", "uniqueItems"})
"""Keywords that make the work grow faster than that product: expressions that backtrack, references that multiply."""

_NAMED = frozenset({"properties", "$defs", "definitions", "dependentSchemas", "dependentRequired", "dependencies"})
_CONSTANTS = frozenset({"const", "enum", "default", "examples"})


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
    """Raise InvalidInput on `payload_schema` unless it is a JSON Schema (draft 2020-12) that can be asked in bounded
    time: without the keywords in REFUSED."""
    if schema is None:
        return
    document = json.loads(schema)
    size = _size(document)
    if size > SCHEMA_SIZE_MAX:
        raise InvalidInput.of(
            "payload_schema", f"{size:,} parts", f"a JSON Schema of at most {SCHEMA_SIZE_MAX:,} parts"
        )
    try:
        Draft202012Validator.check_schema(document)
    except SchemaError as error:
        allowed = f"a JSON Schema (draft 2020-12); {error.message}"
        raise InvalidInput.of("payload_schema", document, allowed) from None
    refused = sorted(REFUSED.intersection(_keywords(document)))
    if refused:
        allowed = f"a JSON Schema without {', '.join(sorted(REFUSED))}, which can take for ever"
        raise InvalidInput.of("payload_schema", ", ".join(refused), allowed)


def check_payload(schema: str | None, payload: str | None) -> None:
    """Raise InvalidInput naming the violations (at most VIOLATIONS_MAX) of `payload` against `schema`.

    It happens on the event loop, where everything else has to wait for it, so its work is bounded.
    """
    if schema is None:
        return
    errors = _violations(schema, payload or "null")
    if errors:
        raise InvalidInput(
            *(
                FieldError(field=".".join(["payload", *map(str, e.absolute_path)]), value=e.instance, allowed=e.message)
                for e in errors
            )
        )


def _violations(schema: str, payload: str) -> list[ValidationError]:
    """The first VIOLATIONS_MAX, by their place. Raises InvalidInput where looking for them would take too long."""
    value = json.loads(payload)
    work = _size(value) * _schema_size(schema)
    if work > WORK_MAX:
        allowed = f"small enough for its schema: values times parts of the schema at most {WORK_MAX:,}, not {work:,}"
        raise InvalidInput.of("payload", None, allowed)
    found = itertools.islice(_validator(schema).iter_errors(value), VIOLATIONS_MAX)
    return sorted(found, key=lambda error: str(error.json_path))


def _keywords(schema: object) -> Iterator[str]:
    """Every keyword in `schema`; names of properties and of definitions are none, and constants hold none."""
    if isinstance(schema, list):
        for part in schema:
            yield from _keywords(part)
    elif isinstance(schema, dict):
        for keyword, value in schema.items():
            yield keyword
            if keyword in _NAMED and isinstance(value, dict):
                yield from _keywords(list(value.values()))
            elif keyword not in _CONSTANTS:
                yield from _keywords(value)


def _size(value: object) -> int:
    """How many values there are in `value`, itself and the names of members included."""
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(_size, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_size, value))
    return 1


@lru_cache(maxsize=256)
def _schema_size(schema: str) -> int:
    return _size(json.loads(schema))


@lru_cache(maxsize=256)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))
