"""From the seed's request to a MediaAsset: pure, and as strict as the API server that has the last word."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, ValidationError
from pydantic.alias_generators import to_camel

from mediaops.identity import digest
from mediaops.models.base import API_VERSION, FileType
from mediaops.models.exchange import Body
from mediaops.operations import REGISTRY, Operation, caption, transcribe
from mediaops.problems import Problem, invalid

PLATFORM_FIELDS = ("platforms", "target_platforms")
"""The names under which the seed's metadata says where to publish."""

REQUEST_ANNOTATION = "mediaops.dev/request-sha256"
"""Holds the hash of the body that made the asset, beside its idempotency key's name."""

_ENGINE_MODELS: dict[str, Mapping[Any, str]] = {
    "transcribe": transcribe.DEFAULT_MODELS,
    "caption": caption.DEFAULT_MODELS,
}
_DRIVE_ID = re.compile(r"(?:/d/|[?&]id=)([A-Za-z0-9_-]+)")


class ProcessRequest(Body):
    """POST /api/media/process: the seed's body."""

    workspace_id: Annotated[str, Field(max_length=63)] | None = None
    """The caller's own workspace; another is refused."""
    source: Literal["google_drive", "url", "upload", "generated"]
    """Where the file is; upload and generated: in the workspace's storage already."""
    source_id: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """The Drive file's id, or the key in the workspace's storage."""
    file_type: FileType
    original_url: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    """The file's address (source url), or its Drive link."""
    source_secret: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Secret of the workspace's namespace with the source's credential; for google_drive by default
    mediaops-source-google-drive, for url the one that holds a signed address."""
    operations: Annotated[list[str | dict[str, Any]], Field(max_length=32)] = []
    """Names (transforms are chained in their order), or objects: {type, name, input, params}, or as in the
    resource."""
    params: dict[str, Any] = {}
    """Parameters of the operations given by name, each to those it fits; OPERATION_PARAMETER for one alone."""
    metadata: dict[str, Any] = {}
    """Attributes of the asset; `platforms` or `target_platforms` say where to publish."""
    publish: list[str] | dict[str, Any] | None = None
    """Where to publish: platforms by name, or {key, targets} as in the resource."""


class RetryRequest(Body):
    """POST /api/media/process for an asset that failed."""

    asset_id: UUID
    retry_failed_only: Literal[True]
    """Opens the next round for what failed."""


def read(body: dict[str, Any]) -> ProcessRequest:
    """Read a request for a new asset; raises ValidationError, and Problem (422) for what comes later."""
    if "callback_url" in body:
        raise invalid(
            "callback_url",
            "callbacks are not sent yet; leave it out and ask GET /api/media/process?asset_id=ID",
        )
    return ProcessRequest.model_validate(body)


def asset_name(workspace: str, idempotency_key: str) -> str:
    """Give the name of the asset that a key stands for, so that creating it again is refused."""
    return f"asset-{digest('idempotency', workspace, idempotency_key)[:20]}"


def manifest(request: ProcessRequest, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Give the MediaAsset a request asks for; raises Problem (422) naming the field that is wrong."""
    operations = _operations(request)
    spec: dict[str, Any] = {
        "fileType": request.file_type.value,
        "source": _source(request),
        "operations": operations,
        "attributes": _attributes(request.metadata),
    }
    if publish := _publish(request, operations):
        spec["publish"] = publish
    return {
        "apiVersion": API_VERSION,
        "kind": "MediaAsset",
        "metadata": {"name": name, "annotations": {REQUEST_ANNOTATION: digest(body)}},
        "spec": {field: value for field, value in spec.items() if value},
    }


def refused(status: dict[str, Any]) -> Problem:
    """Give the API server's refusal of a manifest (its Status) as ours, fields named as they stand there."""
    causes = (status.get("details") or {}).get("causes") or []
    errors = [
        {
            "field": str(c.get("field", "")).removeprefix("spec."),
            "message": _sentence(str(c.get("message", ""))),
        }
        for c in causes
    ]
    if errors:
        detail = "; ".join(f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in errors)
        return Problem(422, "invalid", detail, errors=errors)
    # Unknown fields come as one line: strict decoding error: unknown field "spec.operations[0].crop.aspct"
    fields = re.findall(r'unknown field "(?:spec\.)?([^"]+)"', str(status.get("message", "")))
    errors = [{"field": field, "message": "is not known"} for field in fields]
    detail = "; ".join(f"{field}: is not known" for field in fields) or "the API server refused it"
    return Problem(422, "invalid", detail, errors=errors)


def _sentence(message: str) -> str:
    """Leave out the value that the API server repeats before its sentence: it may be an address."""
    rest = message.removeprefix("Invalid value: ")
    value = re.match(r'(?:"(?:[^"\\]|\\.)*"|[-\d.]+|true|false|null|\{.*\}|\[.*\]): ', rest, re.DOTALL)
    return rest[value.end() :] if value and rest != message else rest


def _source(request: ProcessRequest) -> dict[str, Any]:
    secret = {"secretRef": {"name": request.source_secret}} if request.source_secret else {}
    match request.source:
        case "google_drive":
            found = _DRIVE_ID.search(request.original_url or "")
            file_id = request.source_id or (found.group(1) if found else None)
            if file_id is None:
                raise invalid("source_id", "give the Drive file's id, or its link in original_url")
            return {"googleDrive": {"fileId": file_id, **secret}}
        case "url":
            if (request.original_url is None) != bool(secret):
                raise invalid(
                    "original_url",
                    "give the file's https address, or source_secret where a Secret holds it (not both)",
                )
            return {"url": secret or {"address": request.original_url}}
        case _:
            if secret:
                raise invalid("source_secret", "only google_drive and url take one; leave it out")
            if request.source_id is None:
                raise invalid("source_id", "give the file's key in the workspace's storage")
            block = "upload" if request.source == "upload" else "object"
            return {block: {"key": request.source_id}}


def _operations(request: ProcessRequest) -> list[dict[str, Any]]:
    """Give the resource's operations: those by name chained and with their parameters, objects as they are."""
    blocks = _parameters_by_operation(request)
    operations: list[dict[str, Any]] = []
    used: set[str] = set()
    transform: str | None = None
    transcript: str | None = None
    for index, wanted in enumerate(request.operations):
        if isinstance(wanted, dict):
            written = _written(wanted, f"operations.{index}")
            kind = next((name for name in REGISTRY if name in written), None)
            written.setdefault("name", _free(kind or "operation", used))
        else:
            kind = wanted
            written = {"name": _free(kind, used), kind: dict(blocks[kind])}
            if REGISTRY[kind].transforms:
                written |= {"input": transform} if transform else {}
                transform = written["name"]
            if kind == "caption" and transcript:
                written[kind].setdefault("transcriptFrom", transcript)
        if kind == "transcribe":
            transcript = str(written["name"])
        used.add(str(written["name"]))
        operations.append(written)
    return operations


def _free(name: str, used: set[str]) -> str:
    """Give a name that no operation has yet: crop, crop-2, …"""
    return next(n for n in (name, *(f"{name}-{i}" for i in range(2, 40))) if n not in used)


def _written(wanted: dict[str, Any], field: str) -> dict[str, Any]:
    """Read an operation object: `type` and `params`, or a block as in the resource."""
    written: dict[str, Any] = _camel(
        {name: v for name, v in wanted.items() if name not in ("type", "params")}
    )
    if "type" in wanted:
        if wanted["type"] not in REGISTRY:
            raise invalid(f"{field}.type", f"must be one of {', '.join(REGISTRY)}")
        params = wanted.get("params", {})
        if not isinstance(params, dict):
            raise invalid(f"{field}.params", "must be an object")
        written[wanted["type"]] = _camel(params)
    elif "params" in wanted:
        raise invalid(f"{field}.type", "say which operation params are for")
    return written


def _parameters_by_operation(request: ProcessRequest) -> dict[str, dict[str, Any]]:
    """Share `params` out among the operations given by name; raises Problem for one that fits none."""
    named = [name for name in request.operations if isinstance(name, str)]
    for index, name in enumerate(request.operations):
        if isinstance(name, str) and name not in REGISTRY:
            raise invalid(f"operations.{index}", f"must be one of {', '.join(REGISTRY)}")
    blocks: dict[str, dict[str, Any]] = {name: {} for name in named}
    for parameter, value in request.params.items():
        fits = _fits(parameter, value, list(blocks))
        if not fits:
            raise invalid(
                f"params.{parameter}", "no operation given by name takes this parameter with this value"
            )
        for name, field in fits:
            blocks[name][to_camel(field)] = _camel(value)
    for name, models in _ENGINE_MODELS.items():
        block = blocks.get(name, {})
        # A model says which engine is meant where the engine isn't said.
        if "model" in block and "engine" not in block:
            meant = next((engine for engine, model in models.items() if model == block["model"]), None)
            block |= {"engine": meant.value} if meant else {}
    return blocks


def _fits(parameter: str, value: Any, names: list[str]) -> list[tuple[str, str]]:
    """Give the operations, and their fields, that a parameter goes to."""
    for name in names:
        field = parameter.removeprefix(f"{name}_")
        if field != parameter and field in REGISTRY[name].parameters.model_fields:
            return [(name, field)]
    takers = [name for name in names if parameter in REGISTRY[name].parameters.model_fields]
    if len(takers) > 1:
        takers = [name for name in takers if _accepts(REGISTRY[name], parameter, value)]
    if len(takers) > 1 and parameter == "model":
        takers = [name for name in takers if value in _ENGINE_MODELS[name].values()]
    return [(name, parameter) for name in takers]


def _accepts(operation: Operation, field: str, value: Any) -> bool:
    """Say whether the value would do for that field, whatever else is missing."""
    try:
        operation.parameters.model_validate({field: value})
    except ValidationError as error:
        return all(
            problem["loc"][0] not in (field, to_camel(field)) for problem in error.errors() if problem["loc"]
        )
    return True


def _attributes(metadata: dict[str, Any]) -> dict[str, str]:
    """Give the asset's attributes: what isn't text is written as JSON."""
    attributes = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in metadata.items()
        if name not in PLATFORM_FIELDS
    }
    for name, value in attributes.items():
        if len(value) > 256:
            raise invalid(f"metadata.{name}", "at most 256 characters (as JSON, where it is no text)")
    return attributes


def _publish(request: ProcessRequest, operations: list[dict[str, Any]]) -> dict[str, Any] | None:
    platforms = _platforms(request)
    if isinstance(request.publish, dict):
        if platforms:
            raise invalid("publish", "give targets here or platforms in metadata, not both")
        publish: dict[str, Any] = _camel(request.publish)
        return publish
    if not platforms:
        return None
    writer = next((o["name"] for o in operations if "caption" in o), None)
    text = {"text": {"from": writer}} if writer else {}
    return {"targets": [{"name": platform, "platform": platform, **text} for platform in platforms]}


def _platforms(request: ProcessRequest) -> list[str]:
    """Give the platforms named, each once."""
    named: list[str] = list(request.publish) if isinstance(request.publish, list) else []
    for field in PLATFORM_FIELDS:
        platforms = request.metadata.get(field, [])
        if not isinstance(platforms, list) or not all(isinstance(p, str) for p in platforms):
            raise invalid(f"metadata.{field}", "must be a list of platforms by name")
        named += platforms
    return list(dict.fromkeys(named))


def _camel(value: Any) -> Any:
    """Write snake_case names as the resource writes them, all the way down."""
    if isinstance(value, dict):
        return {to_camel(str(name)): _camel(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_camel(inner) for inner in value]
    return value
