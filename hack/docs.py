"""Write the pages that are made from code: `python -m hack.docs`, or with `--check` say which are stale.

- docs/reference/: every field of both resources, from the CRDs;
- docs/troubleshooting.md: every reason, from the table of reasons.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from mediaops.crd import RESOURCES, Resource, Schema, openapi
from mediaops.models.base import API_VERSION
from mediaops.reasons import Reason

ROOT = Path(__file__).parent.parent

MADE = "<!-- Written by `make docs` from {}; change that instead. -->\n"

INTRODUCTIONS = {
    "MediaAsset": """\
You write its `spec`; the operator writes its `status`. A manifest to start from is in the
[README](../../README.md); more are in [examples/](../../examples). What a reason in `status` means and what
to do about it is in [Troubleshooting](../troubleshooting.md).

The API server itself refuses what can't be meant. Ask it for strict field validation (kubectl does), so that
it refuses misspelt fields too instead of dropping them.
""",
    "ProcessingJob": """\
The operator makes one for each operation of a [MediaAsset](mediaasset.md), owned by it, once the content of
the source is known. You read it; you never write one. Editing an operation makes another ProcessingJob.
""",
}

TROUBLESHOOTING = """\
# Troubleshooting

Each state has a reason, the same word wherever it shows: in conditions, in Events, in the failures of a
ProcessingJob and in the posts of a publication.

```sh
kubectl get mediaassets                      # the column REASON is that of the condition Ready
kubectl describe mediaasset NAME             # all conditions, and Events
kubectl get processingjobs --field-selector spec.assetRef.name=NAME
kubectl describe processingjob NAME          # attempts that failed, with pod, exit code and log
```

To have failed work tried again once its cause is repaired, open another round; a finished one stays finished:

```sh
kubectl annotate mediaasset NAME --overwrite mediaops.dev/retry="$(date +%s)"
```
"""


def pages() -> dict[Path, str]:
    """Give each page's text by its path below the project's root."""
    reference = Path("docs/reference")
    made = {reference / f"{resource.singular}.md": reference_page(resource) for resource in RESOURCES}
    return {**made, Path("docs/troubleshooting.md"): troubleshooting_page()}


def reference_page(resource: Resource) -> str:
    """Give the page that lists every field of a resource."""
    schema = openapi(resource)
    lines = [
        MADE.format("common/mediaops/models"),
        f"# {resource.kind}\n",
        f"{schema['description']}\n",
        INTRODUCTIONS[resource.kind],
        f"`apiVersion: {API_VERSION}`, `kind: {resource.kind}`; kubectl knows it as `{resource.plural}`, "
        f"`{resource.singular}` and `{resource.short_name}`.\n",
        *_columns(resource),
        *_rules(schema),
    ]
    for part in ("spec", "status"):
        for path, node in objects(schema["properties"][part], part):
            lines += _section(path, node)
    return "\n".join(lines)


def troubleshooting_page() -> str:
    """Give the page that explains every reason."""
    lines = [MADE.format("common/mediaops/reasons.py"), TROUBLESHOOTING]
    for topic, reasons in groupby(Reason, key=lambda reason: reason.topic):
        lines += [f"## {topic}\n"]
        for reason in reasons:
            lines += [
                f"### {reason}\n",
                f"{reason.sentence}\n",
                f"- Why: {reason.cause}",
                f"- What to do: {reason.fix}\n",
            ]
    return "\n".join(lines)


def _columns(resource: Resource) -> Iterator[str]:
    """Say what `kubectl get` shows."""
    names = ", ".join(column.name for column in resource.columns if not column.wide)
    more = ", ".join(column.name for column in resource.columns if column.wide)
    yield f"`kubectl get {resource.short_name}` shows {names}; with `-o wide` also {more}.\n"
    if resource.selectable:
        fields = ", ".join(f"`{path.removeprefix('.')}`" for path in resource.selectable)
        yield f"Field selectors: {fields}.\n"


def objects(node: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Give each object below a node that has fields, by its path, parents first."""
    if node.get("properties"):
        yield path, node
    for name, child in node.get("properties", {}).items():
        yield from objects(child, f"{path}.{name}")
    if "items" in node:
        yield from objects(node["items"], f"{path}[]")


def _section(path: str, node: Schema) -> Iterator[str]:
    """Give the section of one object: its fields in a table, then what is refused."""
    required = set(node.get("required", []))
    yield f"## `{path}`\n"
    yield f"{node['description']}\n"
    yield "| field | value | meaning |"
    yield "| --- | --- | --- |"
    for name, child in node["properties"].items():
        star = " (required)" if name in required else ""
        yield f"| `{name}`{star} | {_value(child, f'{path}.{name}')} | {_meaning(child)} |"
    yield ""
    yield from _rules(node)
    for name, child in node["properties"].items():
        if "items" in child:
            yield from _rules(child, f"{path}.{name}")


def _rules(node: Schema, path: str = "") -> Iterator[str]:
    """Give the sentences with which the API server refuses."""
    sentences = [rule["message"] for rule in node.get("x-kubernetes-validations", [])]
    if sentences:
        yield f"The API server refuses{f' `{path}`' if path else ''} with:\n"
        yield from (f"- {sentence}" for sentence in sentences)
        yield ""


def _meaning(node: Schema) -> str:
    """Give a field's description, with the sentences of its own rules, for a table's cell."""
    sentences = [rule["message"] for rule in node.get("x-kubernetes-validations", [])]
    alone = node.get("type", "string") == "string"
    own = f" Refused otherwise: {'; '.join(sentences)}." if sentences and alone else ""
    return f"{node['description']}{own}".replace("|", "\\|")


def _value(node: Schema, path: str) -> str:
    """Say what a field may hold, for a table's cell; an object's fields are in a section of their own."""
    default = f"; default `{_word(node['default'])}`" if node.get("default") not in (None, {}) else ""
    kind = _kind(node)
    if node.get("properties") or node.get("items", {}).get("properties"):
        anchor = "".join(letter for letter in path.lower() if letter.isalnum())
        first, comma, rest = kind.partition(",")
        kind = f"[{first}](#{anchor}){comma}{rest}"
    return f"{kind}{default}".replace("|", "\\|")


def _kind(node: Schema) -> str:
    """Say type and bounds of a value."""
    if "enum" in node:
        return " · ".join(f"`{word}`" for word in node["enum"])
    if "additionalProperties" in node:
        return f"map, ≤ {node['maxProperties']}; each {_kind(node['additionalProperties'])}"
    if node.get("format") == "date-time":
        return "time"
    if "x-kubernetes-int-or-string" in node:
        return "integer or word"
    match node["type"]:
        case "string":
            bounds = f", {_span(node.get('minLength', 0), node['maxLength'])} characters"
            more = f", `{node['pattern']}`" if "pattern" in node else ""
        case "integer":
            bounds, more = f", {_span(node['minimum'], node['maximum'])}", ""
        case "array":
            keys = node.get("x-kubernetes-list-map-keys")
            bounds = f", {_span(node.get('minItems', 0), node['maxItems'])}"
            bounds += f", unique by `{keys[0]}`" if keys else ""
            more = "" if node["items"]["type"] == "object" else f"; each {_kind(node['items'])}"
        case _:
            bounds, more = "", ""
    name = "list" if node["type"] == "array" else node["type"]
    return f"{name}{bounds}{more}"


def _span(low: int, high: int) -> str:
    """Write two bounds."""
    if low == high:
        return f"{low}"
    return f"≤ {high}" if low == 0 else f"{low} to {high}"


def _word(value: object) -> str:
    """Write a value as YAML does."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def stale() -> list[Path]:
    """Give the pages that are missing or not what the code says today."""
    return [path for path, text in pages().items() if not _is_written(ROOT / path, text)]


def _is_written(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` name those that aren't current."""
    if "--check" in arguments:
        found = stale()
        for path in found:
            print(f"{path} is not what the code says; run `make docs`", file=sys.stderr)
        return 1 if found else 0
    for path, text in pages().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
