"""What the stand-in writes: a language model played by a few lines that do what a prompt of ours asks.

It reads the JSON in the first user message (the task, notes and transcript of mediaops_ops.engines.openai_writing)
and answers from it, so that an answer depends on what was sent. Asked anything else, it gives the smallest
instance of the schema.
"""

import json
from typing import Any


def answer(
    messages: list[dict[str, Any]], sizes: list[tuple[int, int]], schema: dict[str, Any] | None
) -> str:
    """The content of the assistant's message. `sizes`: width and height of each image that was sent."""
    asked = _task(messages)
    if schema is None:
        return "I see " + (f"{len(sizes)} images." if sizes else "no image.")
    if asked is None or "texts" not in schema.get("properties", {}):
        return json.dumps(_smallest(schema))
    task, said = asked["task"], asked.get("transcript") or ""
    topic = asked.get("notes", {}).get("campaign", "this")
    openings = ("Watch", "Listen", "Look", "Discover", "Here is", "Meet", "See", "Hear")
    texts = [
        {
            "platform": platform,
            "variant": variant,
            "text": f"{openings[variant]} {topic}: {' '.join(said.split()[:12])}".strip(": "),
            "hashtags": [word.strip(".,").capitalize() for word in said.split() if len(word) > 5][
                : task["hashtags_at_most"]
            ],
        }
        for platform in task["platforms"]
        for variant in range(task["variants_per_platform"])
    ]
    images = ", ".join(f"{width} by {height} pixels" for width, height in sizes) or "no picture"
    return json.dumps({"texts": texts, "alt_text": f"Seen: {images}."})


def _task(messages: list[dict[str, Any]]) -> dict[str, Any] | None:
    for message in messages:
        content = message.get("content")
        parts = content if isinstance(content, list) else []
        for part in parts:
            try:
                value = json.loads(part.get("text", ""))
            except ValueError:
                continue
            if isinstance(value, dict) and "task" in value:
                return value
    return None


def _smallest(schema: dict[str, Any]) -> Any:
    """The smallest value that a schema of the strict subset allows."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _smallest(schema["anyOf"][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: _smallest(each) for name, each in schema.get("properties", {}).items()}
    return {"array": [], "string": "", "integer": 0, "number": 0, "boolean": False, "null": None}[kind]
