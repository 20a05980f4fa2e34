"""Pydantic's complaints in our words: the field, the value given, and what is allowed."""

from __future__ import annotations

from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from engine.errors import FieldError, InvalidInput

Model = TypeVar("Model", bound=BaseModel)

ERRORS_MAX = 20
"""How many are named at once."""

TAG_PREFIX = "kind:"
"""Begins the tags of unions in `schemas.py`; they appear in pydantic's locations and are no fields."""

_WORDS = {
    "missing": "given; it is required",
    "string_type": "a string",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of at most 19 digits",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "too_short": "at least {min_length} items long",
    "too_long": "at most {max_length} items long",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "union_tag_invalid": "{expected_tags}",
    "union_tag_not_found": "a schedule: an object with kind (at, delay, interval or cron), or text such as every 5m",
    "string_pattern_mismatch": "text that matches {pattern}",
}


def refuse(allowed: str) -> PydanticCustomError:
    """For validators: raise this to say what would have been accepted."""
    return PydanticCustomError("refused", "{allowed}", {"allowed": allowed})


def checked(model: type[Model], value: Any) -> Model:
    """Validate `value`. Raises InvalidInput with a dotted field for everything that is wrong (at most ERRORS_MAX)."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False)[:ERRORS_MAX]
        raise InvalidInput(*(_field_error(model, details) for details in found)) from None


def _field_error(model: type[BaseModel], error: ErrorDetails) -> FieldError:
    path = [str(part) for part in error["loc"] if not str(part).startswith(TAG_PREFIX)]
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "missing":
        value = None
    if kind == "extra_forbidden":
        allowed = _known_fields(model, error["loc"])
    elif kind == "refused":
        allowed = context["allowed"]
    elif kind == "union_tag_invalid":
        path.append("kind")
        value = value.get("kind")
        allowed = "one of at, delay, interval, cron"
    else:
        allowed = _WORDS.get(kind, "something else").format(**context)
        allowed = allowed.replace("'", "") if kind == "literal_error" else allowed
    return FieldError(field=".".join(path), value=value, allowed=allowed)


def _known_fields(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """The names that exist where an unknown one was given."""
    inside: list[type[BaseModel]] = [model]
    for part in map(str, location[:-1]):
        if part.startswith(TAG_PREFIX):
            kind = part.removeprefix(TAG_PREFIX)
            inside = [each for each in inside if kind in get_args(each.model_fields["kind"].annotation)]
        elif not part.isdecimal():
            inside = [found for each in inside if part in each.model_fields for found in _models(each, part)]
    names = [field.alias or name for each in inside for name, field in each.model_fields.items()]
    return f"left out; known here: {', '.join(names)}" if names else "left out; nothing is known here"


def _models(model: type[BaseModel], field: str) -> list[type[BaseModel]]:
    """The models that the annotation of `field` holds."""
    found, stack = [], [model.model_fields[field].annotation]
    while stack:
        annotation: Any = stack.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        stack.extend(get_args(annotation))
    return found
