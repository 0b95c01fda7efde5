"""What the stand-in writes: a language model played by a few lines that do what a prompt of ours asks.

It reads the JSON in the first user message (the task, notes and transcript of mediaops_ops.engines.openai_writing,
the task and cues of openai_translating) and answers from it, so that an answer depends on what was sent. Asked
anything else, it gives the smallest instance of the schema.
"""

import json
from typing import Any

from hack.services.standins.openai import subtitles

OPENINGS = (
    "Watch how it went",
    "Did you know",
    "One moment stays",
    "It began on a quiet day",
    "In their own words",
    "Press play",
    "For the record",
    "No popcorn needed",
)


def answer(
    messages: list[dict[str, Any]],
    sizes: list[tuple[int, int]],
    schema: dict[str, Any] | None,
    manner: str = "",
) -> str:
    """The content of the assistant's message. `sizes`: width and height of each image that was sent.

    manner: long (texts beyond any limit) or same (variants that are all one); else as asked.
    """
    asked = _task(messages)
    if schema is None:
        return "I see " + (f"{len(sizes)} images." if sizes else "no image.")
    if asked is not None and "cues" in schema.get("properties", {}):
        return json.dumps({"cues": subtitles.translated(asked, manner)})
    if asked is None or "texts" not in schema.get("properties", {}):
        return json.dumps(_smallest(schema))
    if "from" in asked["task"]:
        return json.dumps(_translated(asked))
    task, said = asked["task"], (asked.get("transcript") or "").split()
    topic = asked.get("notes", {}).get("campaign", "this")
    voice = (task.get("brand_voice") or "").split()[:3]
    texts = []
    for platform in task["platforms"]:
        for variant in range(len(task["variants"])):
            number = 0 if manner == "same" else variant
            words = said[number * 4 :][:8] if number % 2 else said[-8 - number :][:8]
            text = " ".join([*voice, f"{OPENINGS[number]}: {topic}.", *words])
            texts.append(
                {
                    "platform": platform,
                    "variant": variant,
                    "text": f"{text} " * 80 if manner == "long" else text,
                    "hashtags": [word.strip(".,").capitalize() for word in said if len(word) > 5][
                        : task["hashtags_at_most"]
                    ],
                }
            )
    images = ", ".join(f"{width} by {height} pixels" for width, height in sizes) or "no picture"
    return json.dumps({"texts": texts, "alt_text": f"Seen: {images}."})


def _translated(asked: dict[str, Any]) -> dict[str, Any]:
    """Texts as if in another language: each word says which."""
    language = asked["task"]["language"]
    return {
        "texts": [
            each | {"text": " ".join(f"{word}-{language}" for word in each["text"].split())}
            for each in asked["texts"]
        ],
        "alt_text": f"{asked['alt_text']} ({language})",
    }


def _task(messages: list[dict[str, Any]]) -> dict[str, Any] | None:
    for message in messages:
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        for part in parts:
            try:
                value = json.loads(part.get("text") or "")
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
