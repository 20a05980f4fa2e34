"""`/openapi.json`: OpenAPI 3.1, generated from the route table and the models that validate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter

from engine import __version__, json_text
from engine.http.answers import ProblemOut, SeedErrorOut
from engine.http.endpoint import Answer, Endpoint
from engine.http.problems import INTEGER_MAX, MEDIA_TYPE
from engine.http.queries import Query

Json = dict[str, Any]
Route = tuple[str, str, Endpoint]

_REF = "#/components/schemas/{model}"
_STRING: Json = {"type": "string"}

RESPONSE_HEADERS: dict[str, Json] = {
    "X-Request-Id": {"description": "names this answer in the log", "schema": {"type": "string", "format": "uuid"}},
    "ETag": {"description": "the version, for If-Match", "schema": {"type": "string", "pattern": '^"[0-9]+"$'}},
    "Location": {"description": "where the new thing is", "schema": _STRING},
    "Link": {"description": 'the next page, as rel="next"; not on the last one', "schema": _STRING},
    "X-Total-Count": {
        "description": "how many there are on all pages, where that is cheap to tell",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Idempotent-Replayed": {
        "description": "there when the Idempotency-Key was known, and nothing was done again",
        "schema": {"type": "string", "const": "true"},
    },
    "Retry-After": {"description": "seconds to wait", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "how to identify yourself", "schema": _STRING},
}
_REQUIRED_HEADERS = frozenset({"X-Request-Id", "ETag", "Location", "WWW-Authenticate"})
_PROBLEM_HEADERS = {401: ("WWW-Authenticate",), 503: ("Retry-After",)}

REQUEST_HEADERS: dict[str, Json] = {
    "If-Match": {
        "description": "the ETag that the trigger must still have; * for any",
        "schema": {"type": "string", "pattern": r'^("[0-9]{1,18}"|\*)$'},
    },
    "Idempotency-Key": {
        "description": "the same key again answers what the first request made",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
    "Last-Event-ID": {
        "description": "the id of the last item received; the stream goes on after it",
        "schema": {"type": "string", "pattern": "^[!-~]{1,64}$"},
    },
}


def openapi_document(routes: Sequence[Route]) -> bytes:
    """The description of all `routes`, but those of files, as JSON."""
    described = [route for route in routes if "*}" not in route[1]]
    schemas, components = _schemas([endpoint for _, _, endpoint in described])
    paths: dict[str, Json] = {}
    for method, path, endpoint in described:
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, endpoint, schemas)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Event trigger engine",
            "version": __version__,
            "description": (
                "Triggers that fire on time, and a record of every one that did. Every path answers with and without "
                "its trailing slash. Fields and parameters that are not known are refused."
            ),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"bearer": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.tag for _, _, endpoint in described)],
        "paths": paths,
        "components": {
            "schemas": components,
            "headers": RESPONSE_HEADERS,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }
    return json_text.write(document)


def _schemas(endpoints: Sequence[Endpoint]) -> tuple[dict[int, Json], dict[str, Json]]:
    """The schema of every body, by the id of its type, and what they refer to."""
    bodies = [endpoint.body for endpoint in endpoints if endpoint.body is not None]
    bodies += [answer.body for endpoint in endpoints for answer in endpoint.answers.values() if answer.body is not None]
    types = {id(body): body for body in [*bodies, ProblemOut, SeedErrorOut]}
    by_key, definitions = TypeAdapter.json_schemas(
        [(key, "validation", TypeAdapter(body)) for key, body in types.items()], ref_template=_REF
    )
    return {int(key): schema for (key, _), schema in by_key.items()}, definitions["$defs"]


def _operation(method: str, path: str, endpoint: Endpoint, schemas: dict[int, Json]) -> Json:
    words = re.findall(r"[a-z_]+", path) or ["page"]
    operation: Json = {
        "operationId": "_".join([method.lower(), *words]),
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "responses": _responses(path, endpoint, schemas),
    }
    if endpoint.description:
        operation["description"] = endpoint.description
    if parameters := _parameters(path, endpoint):
        operation["parameters"] = parameters
    if endpoint.body is not None:
        content = {"application/json": {"schema": schemas[id(endpoint.body)]}}
        operation["requestBody"] = {"required": endpoint.body_required, "content": content}
    if endpoint.open:
        operation["security"] = []
    return operation


def _parameters(path: str, endpoint: Endpoint) -> list[Json]:
    identifier = {"type": "integer", "minimum": 1, "maximum": INTEGER_MAX}
    found: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": identifier} for name in re.findall(r"{(\w+)}", path)
    ]
    found += _query_parameters(endpoint.query)
    found += [{"name": name, "in": "header", **REQUEST_HEADERS[name]} for name in endpoint.headers]
    return found


def _query_parameters(query: type[Query]) -> list[Json]:
    model = query.model_json_schema()
    required = model.get("required", [])
    found = []
    for name, given in model.get("properties", {}).items():
        schema = {key: value for key, value in given.items() if key != "title" and value is not None}
        description = schema.pop("description", None)
        # `null` says "not given" to pydantic; a query string has no way to say it.
        options = [option for option in schema.pop("anyOf", []) if option != {"type": "null"}]
        for option in options:
            schema = {**option, **schema}
        description = description or schema.pop("description", None)
        parameter: Json = {"name": name, "in": "query", "required": name in required, "schema": schema}
        if schema.get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        if description:
            parameter["description"] = description
        found.append(parameter)
    return found


def _responses(path: str, endpoint: Endpoint, schemas: dict[int, Json]) -> Json:
    responses = {str(status): _answer(answer, schemas) for status, answer in endpoint.answers.items()}
    for status in sorted(_problem_statuses(path, endpoint)):
        responses.setdefault(str(status), _problem(status, endpoint, schemas))
    return responses


def _answer(answer: Answer, schemas: dict[int, Json]) -> Json:
    schema = _STRING if answer.body is None else schemas[id(answer.body)]
    return {
        "description": answer.description,
        "headers": _headers("X-Request-Id", *answer.headers),
        "content": {answer.media_type: {"schema": schema}},
    }


def _problem_statuses(path: str, endpoint: Endpoint) -> set[int]:
    statuses = {400, 403, 422, 500, *endpoint.problems}
    if not endpoint.open:
        statuses |= {401, 503}
    if "{" in path:
        statuses.add(404)
    if endpoint.body is not None:
        statuses |= {413, 415}
    return statuses


def _problem(status: int, endpoint: Endpoint, schemas: dict[int, Json]) -> Json:
    # What is refused before the route is known (403) cannot know that it concerns the second seed's clients.
    as_seed = endpoint.seed_errors and status < 500 and status != 403
    schema, media_type = (SeedErrorOut, "application/json") if as_seed else (ProblemOut, MEDIA_TYPE)
    content: Json = {media_type: {"schema": schemas[id(schema)]}}
    if as_seed and status == 400:
        content[MEDIA_TYPE] = {"schema": schemas[id(ProblemOut)]}  # not even HTTP
    return {
        "description": HTTPStatus(status).phrase,
        "headers": _headers("X-Request-Id", *_PROBLEM_HEADERS.get(status, ())),
        "content": content,
    }


def _headers(*names: str) -> Json:
    required = {name: name in _REQUIRED_HEADERS for name in names}
    return {
        name: {**RESPONSE_HEADERS[name], "required": True} if must else {"$ref": f"#/components/headers/{name}"}
        for name, must in required.items()
    }
