"""What a job's callback says came out: the seed's names where it has one; pure."""

from __future__ import annotations

from typing import Any

from mediaops.media import Media
from mediaops.models.work import PostText, StoredFile
from mediaops.transcript import Transcript

URL_FIELDS = {"rendition": "processed_url", "thumbnail-0": "thumbnail_url"}
"""Files that the seed has a field for."""


def output_data(
    *,
    files: list[tuple[StoredFile, str]],
    values: dict[str, str],
    texts: list[PostText],
    skipped: str | None,
    media: Media | None,
    transcript: Transcript | None,
) -> dict[str, Any]:
    """Give `output_data`; `files` with the URL of each. Times in seconds, sizes in bytes and pixels."""
    out: dict[str, Any] = {}
    if media and media.duration_millis is not None:
        out["duration"] = media.duration_millis / 1000
    if skipped:
        out["skipped"] = skipped
    if transcript:
        out |= transcript.seed_fields()
    for file, url in files:
        if field := URL_FIELDS.get(file.name):
            out[field] = url
        if file.name == "rendition":
            out |= _facts(file)
    if texts:
        out["caption"] = texts[0].text
        out["hashtags"] = texts[0].hashtags
        out["texts"] = [text.wire() for text in texts]
    if values:
        out["values"] = values
    if files:
        out["files"] = [{"name": file.name, "url": url, **_described(file)} for file, url in files]
    return out


def _facts(file: StoredFile) -> dict[str, Any]:
    """Give the measures of the processed file."""
    facts: dict[str, Any] = {
        "width": file.width_pixels,
        "height": file.height_pixels,
        "file_size_bytes": file.size_bytes,
    }
    if file.duration_millis is not None:
        facts["duration"] = file.duration_millis / 1000
    return {name: value for name, value in facts.items() if value is not None}


def _described(file: StoredFile) -> dict[str, Any]:
    return {
        "key": file.key,
        "media_type": file.media_type,
        "file_size_bytes": file.size_bytes,
        "sha256": file.sha256,
    }
