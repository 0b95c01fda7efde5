"""FFmpeg's failures in our words."""

from __future__ import annotations

import signal

import pytest

from mediaops_ops.ffmpeg import failure


@pytest.mark.parametrize(
    ("code", "errors", "reason", "permanent"),
    [
        (-signal.SIGKILL, [], "OutOfMemory", False),
        (1, ["[libx264 @ 0x55d0] malloc of size 9 failed", "Cannot allocate memory"], "OutOfMemory", False),
        (1, ["av_interleaved_write_frame(): No space left on device"], "DiskFull", False),
        (69, ["Error while decoding"], "InvalidMedia", True),
        (183, ["Error opening input: Invalid data found when processing input"], "InvalidMedia", True),
        (187, ["[vf#0:0 @ 0x56] Error while filtering: Generic error"], "EncodeFailed", False),
        (-signal.SIGSEGV, [], "EncodeFailed", False),
    ],
)
def test_each_failure_has_its_reason(code, errors, reason, permanent):
    error = failure(code, errors)

    assert (reason, permanent) == (error.reason, error.permanent)


def test_the_first_cause_is_told_without_paths_addresses_and_end():
    errors = [  # /work is where a pod's work folder is mounted
        "[Parsed_zscale_0 @ 0x7ff8500029c0] code 3074: no path between colorspaces",
        "[out#0/mp4 @ 0x1] Could not write /work/run-a1b2/small/rendition.mp4 to https://host/key?sig=1",
    ]

    assert "FFmpeg failed (187): code 3074: no path between colorspaces" == failure(187, errors).message
    said = failure(187, errors[1:]).message
    assert "/work" not in said
    assert "host" not in said
    assert len(failure(1, ["x" * 5000]).message) < 250


def test_without_a_word_it_says_how_it_ended():
    assert "FFmpeg was ended by signal 11: it gave no reason" == failure(-11, ["", "  "]).message
