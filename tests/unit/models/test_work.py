"""What a result holds for whom."""

from __future__ import annotations

import pytest

from mediaops.models.work import StepResult, StoredFile


def stored(name: str, media_type: str) -> StoredFile:
    return StoredFile(name=name, key=f"acme/{name}", media_type=media_type, size_bytes=1, sha256="a" * 64)


@pytest.mark.parametrize(
    ("files", "shown"),
    [
        ({"rendition": "video/mp4", "crop-track.json": "application/json"}, ["rendition"]),
        ({"rendition": "audio/mp4"}, ["rendition"]),
        (
            {"thumbnail-0": "image/jpeg", "thumbnail-1": "image/avif", "sprite.vtt": "text/vtt"},
            ["thumbnail-0", "thumbnail-1"],
        ),
        ({"transcript.json": "application/json", "transcript.srt": "application/x-subrip"}, []),
    ],
)
def test_what_can_be_posted_of_a_result_is_what_people_look_at_or_listen_to(
    files: dict[str, str], shown: list[str]
) -> None:
    made = [stored(name, media_type) for name, media_type in files.items()]
    result = StepResult(step_key="one", type="crop", job="job", files=made)
    assert shown == [file.name for file in result.media]
