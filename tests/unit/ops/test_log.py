"""What the log says, and what it never does."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from mediaops_ops.log import JsonFormatter, Tail, without_addresses


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "no connection to https://s3.example/media/key?X-Amz-Signature=abc now",
            "no connection to [address] now",
        ),
        ("url: /media/key?X-Amz-Signature=abc&X-Amz-Date=1 (broke)", "url: /media/key?[address] (broke)"),
        ("who? me = you", "who? me = you"),
        ("tcp://10.0.0.1:5432", "[address]"),
    ],
)
def test_addresses_and_queries_are_taken_out(text, wanted):
    assert wanted == without_addresses(text)


def test_a_line_stays_json_whatever_stands_in_it():
    record = logging.makeLogRecord(
        {"msg": 'got "https://a/?b=c" and more', "levelname": "INFO", "step": "small"}
    )

    line = json.loads(JsonFormatter().format(record))

    assert ('got "[address]" and more', "small", "info") == (line["message"], line["step"], line["level"])


def test_the_tail_keeps_the_last_lines():
    tail = Tail()
    tail.setFormatter(JsonFormatter())
    for number in range(500):
        tail.handle(logging.makeLogRecord({"msg": f"line {number}"}))

    lines = tail.text().decode().splitlines()
    assert (400, "line 499") == (len(lines), json.loads(lines[-1])["message"])


def loaded(*imported: str) -> set[str]:
    """Give the modules that a new Python has once it has imported these."""
    program = f"import sys, {', '.join(imported)}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(said.stdout.split())


def test_what_works_on_the_source_is_loaded_only_once_that_is_asked_for():
    first = loaded("mediaops_ops.run")

    assert "mediaops_ops.storage" in first
    assert not first & {"mediaops.graph", "mediaops.operations", "mediaops_ops.passes"}


def test_a_pod_starts_without_loading_what_it_may_not_need():
    """Each of these takes longer to import than the rest of the start together."""
    assert not loaded("mediaops_ops.run", "mediaops_ops.passes") & {
        "av",
        "cv2",
        "PIL",
        "numpy",
        "openai",
        "flask",
        "boto3",
        "googleapiclient",
        "pocketsphinx",
        "jwt",
    }
