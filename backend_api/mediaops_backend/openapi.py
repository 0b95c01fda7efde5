"""OpenAPI 3.1, from the routes and the models they read and give; and the same as a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Map

from mediaops_backend.documented import DOCUMENTED, Documented

_WHO = {
    "user": "A user's JWT or an API key.",
    "pod": "The projected service-account token of the Job's pod.",
    "n8n": "n8n's own bearer.",
    "operations": "A Job's pod token, or FLASK_API_SECRET from an operations image outside of Jobs.",
}
_PROBLEMS = {
    401: "No valid credentials.",
    403: "The capability, or the cluster, does not allow that.",
    404: "There is no such thing in your workspace.",
    409: "Its state does not allow that; the type says why.",
    413: "The body is too large.",
    415: "The body is encoded.",
    422: "A field is wrong; `errors` names it.",
    429: "Too many calls, or too much at once; see Retry-After.",
    503: "Something this stands on is away; see Retry-After.",
}
_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Stable name of the problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence that says what to do."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

_REFERENCE = "#/components/schemas/{model}"


def describe(routes: Map, functions: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """Give the OpenAPI document of an application's routes."""
    paths: dict[str, dict[str, Any]] = {}
    models: set[type[BaseModel]] = set()
    for rule in sorted(routes.iter_rules(), key=lambda rule: rule.rule):
        about: Documented | None = getattr(functions.get(rule.endpoint), DOCUMENTED, None)
        if about is None:
            continue
        asked = None if isinstance(about.query, tuple) else about.query
        models.update(model for model in (about.body, about.answer, asked) if model)
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(about, sorted(rule.arguments))
    _, schemas = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda m: m.__name__)],
        ref_template=_REFERENCE,
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "mediaops", "version": "v1alpha1"},
        "paths": paths,
        "components": {
            "schemas": {**schemas.get("$defs", {}), "Problem": _PROBLEM_SCHEMA},
            "securitySchemes": {
                who: {"type": "http", "scheme": "bearer", "description": words} for who, words in _WHO.items()
            },
        },
    }


def _operation(about: Documented, arguments: list[str]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Done."}
    if about.answer:
        answer["content"] = {"application/json": {"schema": _reference(about.answer)}}
    problems = set(about.problems)
    if about.who != "anyone":
        problems |= {401, 429, 503}
    if about.body:
        problems |= {413, 415, 422}
    operation: dict[str, Any] = {
        "summary": about.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in arguments
        ]
        + _query(about.query),
        "responses": {
            str(about.status): answer,
            **{
                str(status): {
                    "description": _PROBLEMS[status],
                    "content": {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    },
                }
                for status in sorted(problems)
            },
        },
    }
    if about.who != "anyone":
        operation["security"] = [{about.who: []}]
    if about.body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(about.body)}},
        }
    return operation


def _query(query: tuple[str, ...] | type[BaseModel]) -> list[dict[str, Any]]:
    if isinstance(query, tuple):
        return [
            {"name": name, "in": "query", "required": True, "schema": {"type": "string"}} for name in query
        ]
    schema = query.model_json_schema(ref_template=_REFERENCE)
    needed = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": about}
        for name, about in schema["properties"].items()
    ]


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def page(document: dict[str, Any]) -> str:
    """Give the document as HTML: each route with its caller, body and answers."""
    sections = [
        _section(method, path, operation, document["components"]["schemas"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>mediaops API</title>"
        "<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "code,pre{background:#f4f4f4;padding:.1em .3em}pre{overflow:auto;padding:1em}</style>"
        "<h1>mediaops API</h1><p>Errors are <code>application/problem+json</code>. "
        "The same for machines: <a href=/openapi.json>openapi.json</a>.</p>" + "".join(sections)
    )


def _section(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    who = next(iter(operation.get("security", [{}])[0]), None)
    parts = [
        f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}</p>",
        f"<p>Bearer: {escape(_WHO[who])}</p>" if who else "",
    ]
    if "requestBody" in operation:
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        parts.append(_fields(schemas[reference.rpartition("/")[2]]))
    answers = "".join(
        f"<li><code>{status}</code> {escape(answer['description'])}</li>"
        for status, answer in operation["responses"].items()
    )
    return "".join(parts) + f"<ul>{answers}</ul>"


def _fields(schema: dict[str, Any]) -> str:
    rows = "".join(
        f"<li><code>{escape(name)}</code> {escape(about.get('description', ''))}</li>"
        for name, about in schema.get("properties", {}).items()
    )
    return f"<p>Body:</p><ul>{rows}</ul>"
