"""Transcripts that people correct: read, put into the one that was heard, stored, and named in spec.review.

The operation isn't run again; what reads its transcript gets a new step key by the edit's content, and runs. Each
operation's entry is applied under a field manager of its own, so one edit never takes another back.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any
from uuid import UUID

from kubernetes.client import ApiException
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mediaops.edits import MAX_CUES, MAX_TEXT, EditedCue, EditError, edited, of_transcript, subtitles
from mediaops.models.mediaasset import MediaAsset
from mediaops.problems import Problem, invalid, not_found
from mediaops.transcript import Transcript
from mediaops_backend import assets
from mediaops_backend.backend import Backend

MAX_TRANSCRIPT_BYTES = 16 * 1024 * 1024
"""A transcript of a day with every word's times."""
FIELD_MANAGER = "mediaops-backend-transcript"
_OWNERS = re.compile(r'conflict(?:s)? with "([^"]+)"')


class Caption(BaseModel):
    """One cue as the seed's callbacks have them; times in seconds."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=MAX_TEXT)]
    start: Annotated[float, Field(ge=0, le=1_000_000)]
    end: Annotated[float, Field(ge=0, le=1_000_000)]


class Captions(BaseModel):
    """An edited transcript by its captions; SubRip, WebVTT and a transcript.json are taken as well."""

    model_config = ConfigDict(extra="forbid")

    captions: Annotated[list[Caption], Field(min_length=1, max_length=MAX_CUES)]


class Edited(BaseModel):
    """What became of an edit."""

    operation: str
    sha256: str
    """Of the stored transcript.json."""
    captions: list[Caption]
    """As they were cut anew."""


def put(parts: Backend, workspace: str, asset: UUID, operation: str, text: str) -> Edited:
    """Store an edited transcript and name it in spec.review.

    Raises Problem: 404, 409 (nothing was heard yet, the resource is gone, or another field manager owns the entry),
    422 (what was sent is no transcript).
    """
    resource = _resource(parts, workspace, asset)
    spoken = next((o for o in resource.spec.operations if o.name == operation), None)
    if spoken is None or spoken.transcribe is None:
        raise not_found("transcribe operation")
    heard = _heard(parts, resource, operation)
    try:
        transcript = edited(heard, read(text, heard))
    except EditError as error:
        raise invalid("body", str(error)) from None
    content = transcript.to_json().encode()
    sha256 = hashlib.sha256(content).hexdigest()
    key = f"reviews/{asset}/{sha256}.json"
    parts.storage.put(f"{workspace}/{key}", content, media_type="application/json")
    entry = {"operation": operation, "key": key, "sha256": sha256}
    try:
        parts.cluster.apply_review(
            resource.namespace, resource.name, {"transcripts": [entry]}, _manager(operation)
        )
    except ApiException as error:
        if error.status != 409:
            raise
        raise _conflict(error) from None
    captions = [
        Caption(text=cue.text, start=cue.start_millis / 1000, end=cue.end_millis / 1000)
        for cue in transcript.cues
    ]
    return Edited(operation=operation, sha256=sha256, captions=captions)


def read(text: str, heard: Transcript) -> list[EditedCue]:
    """Read a body: captions or a transcript in JSON, SubRip or WebVTT; raises Problem (422), EditError. Pure."""
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return subtitles(text)
    try:
        body: Any = json.loads(text)
        json.dumps(body, ensure_ascii=False).encode()  # lone surrogates can't be stored
        if "captions" in body:
            captions = Captions.model_validate(body).captions
            return [
                EditedCue(
                    text=one.text, start_millis=round(one.start * 1000), end_millis=round(one.end * 1000)
                )
                for one in captions
            ]
        return of_transcript(Transcript.model_validate(body), heard)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise invalid(".".join(map(str, first["loc"])) or "body", str(first["msg"])) from None
    except (ValueError, RecursionError):
        raise invalid("body", "is neither JSON nor SubRip nor WebVTT") from None


def _resource(parts: Backend, workspace: str, asset: UUID) -> MediaAsset:
    row = assets.find(parts, workspace, asset).asset
    try:
        found = MediaAsset.model_validate(parts.cluster.asset(row.namespace, row.name))
    except ApiException as error:
        if error.status != 404:
            raise
        found = None
    if found is None or found.uid != str(row.resource_uid):
        raise Problem(409, "resource-gone", "the MediaAsset of this asset no longer exists; apply it again")
    return found


def _heard(parts: Backend, resource: MediaAsset, operation: str) -> Transcript:
    """Give the transcript that the operation made; raises Problem (409) where there is none yet."""
    named = (o for o in resource.status.outputs if (o.operation, o.name) == (operation, "transcript.json"))
    output = next(named, None)
    if output is None:
        raise Problem(409, "not-transcribed", f"{operation} has no transcript yet; wait until it is done")
    key = output.uri.removeprefix("s3://").partition("/")[2]
    return Transcript.model_validate_json(parts.storage.get_bytes(key, limit=MAX_TRANSCRIPT_BYTES))


def _manager(operation: str) -> str:
    return f"{FIELD_MANAGER}-{operation}"


def _conflict(error: ApiException) -> Problem:
    """Give a conflict as a Problem that names who owns the entry."""
    owners = ", ".join(sorted(set(_OWNERS.findall(str(json.loads(error.body or "{}").get("message", ""))))))
    kept = f"spec.review.transcripts is kept by {owners or 'another field manager'}"
    return Problem(409, "field-owned", f"{kept}: change it there, or leave review out of what it applies")
