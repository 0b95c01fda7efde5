"""Write the two CustomResourceDefinitions out from the models: `python -m mediaops.crd OUTDIR…`.

What Pydantic calls a JSON schema becomes what the API server calls a structural schema: references are
put in place, `null` alternatives go, titles go, constants become one-word enums. Anything that could not
be carried over is an error here, so that no rule of a model is lost on the way.

Defaults: the API server fills in those of the scalars of spec that lie outside of lists. Inside lists
(operations, targets) they are only named in the description. The API server would write them into the
object, where `kubectl apply` and Argo CD, which compare lists of custom resources as a whole, would see a
difference at every apply; and a CRD with one more default would change every stored object's meaning.
ProcessingJobs get none, because the operator writes them in full. `status` gets `observedGeneration: -1`,
so that nothing takes a new object for a settled one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mediaops.models.base import GROUP, VERSION, Model
from mediaops.models.mediaasset import MediaAsset
from mediaops.models.processingjob import ProcessingJob

Schema = dict[str, Any]

_HEADER = "# Written by `make crds` from common/mediaops/models; change the models instead.\n"

_RULES = "x-kubernetes-validations"

_CARRIED = (
    "description",
    "type",
    "format",
    "enum",
    "default",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    _RULES,
    "required",
    "properties",
    "additionalProperties",
    "items",
)
"""What a structural schema may hold, in the order in which it is written."""

_API_VERSION_TEXT = f"{GROUP}/{VERSION}: the version of this resource's schema."


class SchemaError(ValueError):
    """A model says something that a structural schema can't."""


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`."""

    name: str
    path: str
    type: str = "string"
    description: str = ""
    wide: bool = False
    """Shown with `-o wide` only."""

    def wire(self) -> Schema:
        """Give the column as the CustomResourceDefinition wants it."""
        column: Schema = {"name": self.name, "type": self.type, "jsonPath": self.path}
        if self.description:
            column["description"] = self.description
        return column | ({"priority": 1} if self.wide else {})


@dataclass(frozen=True)
class Resource:
    """One resource: its model, and what only a CustomResourceDefinition needs."""

    model: type[Model]
    short_name: str
    columns: tuple[Column, ...]
    defaults: bool = False
    """Whether people write it, so that the API server fills in defaults."""
    selectable: tuple[str, ...] = ()
    """Paths that field selectors may name (`kubectl get --field-selector`)."""

    @property
    def kind(self) -> str:
        """Give the kind."""
        return self.model.__name__

    @property
    def singular(self) -> str:
        """Give the name in one."""
        return self.kind.lower()

    @property
    def plural(self) -> str:
        """Give the name in many, as URLs hold it."""
        return f"{self.singular}s"

    @property
    def file_name(self) -> str:
        """Name the file it is written to."""
        return f"{GROUP}_{self.plural}.yaml"


_AGE = Column("Age", ".metadata.creationTimestamp", "date")

RESOURCES = (
    Resource(
        model=MediaAsset,
        short_name="ma",
        defaults=True,
        columns=(
            Column("Phase", ".status.phase"),
            Column("Ready", '.status.conditions[?(@.type=="Ready")].status'),
            Column("Reason", '.status.conditions[?(@.type=="Ready")].reason'),
            Column("Done", ".status.progress.summary", description="Operations completed, of all."),
            Column("Left", ".status.progress.secondsLeft", "integer", "Seconds the operations still take."),
            _AGE,
            Column("Type", ".spec.fileType", wide=True),
            Column("MicroUSD", ".status.cost.microUsd", "integer", "What it cost.", wide=True),
            Column("Message", '.status.conditions[?(@.type=="Ready")].message', wide=True),
        ),
    ),
    Resource(
        model=ProcessingJob,
        short_name="pj",
        columns=(
            Column("Operation", ".spec.operation.name"),
            Column("Type", rf".metadata.labels.{GROUP.replace('.', chr(92) + '.')}/operation-type"),
            Column("Phase", ".status.phase"),
            Column("%", ".status.percent", "integer", "How much is done."),
            Column("Left", ".status.secondsLeft", "integer", "Seconds its pass still takes."),
            Column("Attempts", ".status.attempts", "integer", "Attempts counted in this round."),
            Column("Job", ".status.jobName", description="The Job that runs, or ran last."),
            _AGE,
            Column("Reason", '.status.conditions[?(@.type=="Succeeded")].reason', wide=True),
            Column("Message", '.status.conditions[?(@.type=="Succeeded")].message', wide=True),
        ),
        selectable=(".spec.assetRef.name",),
    ),
)


def definition(resource: Resource) -> Schema:
    """Give the CustomResourceDefinition of a resource."""
    version: Schema = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [column.wire() for column in resource.columns],
    }
    if resource.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in resource.selectable]
    version["schema"] = {"openAPIV3Schema": openapi(resource)}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.singular,
                "shortNames": [resource.short_name],
                "categories": ["mediaops"],
            },
            "versions": [version],
        },
    }


def openapi(resource: Resource) -> Schema:
    """Give the structural schema of a resource; raises SchemaError where its model can't have one."""
    schema = structural(resource.model.model_json_schema(by_alias=True), resource.defaults)
    properties = schema["properties"]
    properties["status"]["default"] = {"observedGeneration": -1}
    schema["properties"] = {
        "apiVersion": {"description": _API_VERSION_TEXT, "type": "string"},
        "kind": {"description": f"{resource.kind}.", "type": "string"},
        "metadata": {"type": "object"},  # the API server knows it, and refuses another word about it
        "spec": properties["spec"],
        "status": properties["status"],
    }
    return schema


def structural(source: Schema, defaults: bool) -> Schema:
    """Turn a model's JSON schema into a structural one, `defaults` for the API server to fill in or not.

    Raises SchemaError where the model says what no structural schema can say.
    """
    definitions = source.get("$defs", {})
    root = {key: value for key, value in source.items() if key != "$defs"}
    return _Structural(definitions, defaults).of(root, "")


class _Structural:
    """Turns the JSON schemas of one model into structural ones."""

    def __init__(self, definitions: dict[str, Schema], defaults: bool) -> None:
        self._definitions = definitions
        self._defaults = defaults

    def of(self, node: Schema, path: str) -> Schema:
        """Give the structural schema of the node at a path such as `.spec.operations[].crop`."""
        node = self._in_place(node, path)
        if "properties" in node:
            node["properties"] = {
                name: self.of(child, f"{path}.{name}") for name, child in node["properties"].items()
            }
        if isinstance(node.get("additionalProperties"), dict):
            node["additionalProperties"] = self.of(node["additionalProperties"], f"{path}.*")
        else:  # "no others" is what strict field validation means
            node.pop("additionalProperties", None)
        if "items" in node:
            node["items"] = self.of(node["items"], f"{path}[]")
        self._settle_default(node, path)
        unknown = node.keys() - set(_CARRIED)
        if unknown:
            raise SchemaError(f"{path}: a structural schema has no {', '.join(sorted(unknown))}")
        if node.get("type") == "number":
            raise SchemaError(f"{path}: a float; use an integer with its unit in the name")
        return {key: node[key] for key in _CARRIED if key in node}

    def _in_place(self, node: Schema, path: str) -> Schema:
        """Give a copy without reference, `null` alternative, constant and title."""
        node = dict(node)
        while {"$ref", "anyOf"} & node.keys():
            if "$ref" in node:
                target = self._definitions[node.pop("$ref").removeprefix("#/$defs/")]
            else:
                present = [choice for choice in node.pop("anyOf") if choice.get("type") != "null"]
                target = present[0] if len(present) == 1 else self._int_or_word(present, path)
            rules = target.get(_RULES, []) + node.get(_RULES, [])
            node = {**target, **node, **({_RULES: rules} if rules else {})}
        node.pop("title", None)
        if "description" in node:
            node["description"] = " ".join(node["description"].split())
        if _RULES in node:
            node[_RULES] = [{"rule": rule["rule"], "message": rule["message"]} for rule in node[_RULES]]
        if "const" in node:
            node["enum"] = [node.pop("const")]
        return node

    def _int_or_word(self, choices: list[Schema], path: str) -> Schema:
        """Give the schema of a bounded integer that one word may stand for; no other union of types is written."""
        match choices:
            case [
                {"type": "integer", "minimum": least, "maximum": most},
                {"type": "string", "const": word},
            ]:
                rule = f"type(self) == int ? self >= {least} && self <= {most} : self == '{word}'"
                message = f"give a whole number from {least} to {most}, or {word}"
                return {
                    "x-kubernetes-int-or-string": True,
                    _RULES: [{"rule": rule, "message": message}],
                }
        raise SchemaError(f"{path}: a union of types; write blocks of which one is set")

    def _settle_default(self, node: Schema, path: str) -> None:
        """Leave the default to the API server, name it in the description, or drop it (see the module)."""
        default = node.pop("default", None)
        if default is None or not path.startswith(".spec."):
            return
        single = self._defaults and "[]" not in path
        if single and node["type"] not in {"array", "object"}:
            node["default"] = default
        elif single and "properties" in node:
            node["default"] = {}  # each property brings its own
        elif default not in ([], {}) and "default" not in node.get("description", "").lower():
            words = (
                ", ".join(default) if isinstance(default, list) else yaml.safe_dump(default).split("\n")[0]
            )
            node["description"] = f"{node.get('description', '')} Default: {words}.".strip()


class _Plain(yaml.SafeDumper):
    """Writes every value out, without anchors, and lists indented below their name."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Say that nothing is written as an alias."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Indent lists too."""
        super().increase_indent(flow, False)

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Quote what kubectl's YAML 1.1 reads as a boolean and PyYAML does not: crop's `y`."""
        style = "'" if data.lower() in ("y", "n") else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Plain.add_representer(str, _Plain.represent_str)


def render(resource: Resource) -> str:
    """Give the text of the CustomResourceDefinition's file."""
    return _HEADER + yaml.dump(
        definition(resource), Dumper=_Plain, sort_keys=False, width=110, allow_unicode=True
    )


def outdated(folder: Path) -> Iterator[Path]:
    """Give the files in the folder that are missing or not what the models say today."""
    for resource in RESOURCES:
        path = folder / resource.file_name
        if not path.is_file() or path.read_text(encoding="utf-8") != render(resource):
            yield path


def main(arguments: list[str]) -> int:
    """Write the files into each folder named, or with `--check` say which ones aren't current."""
    check = "--check" in arguments
    folders = [Path(argument) for argument in arguments if argument != "--check"]
    if not folders:
        print("usage: python -m mediaops.crd [--check] OUTDIR…", file=sys.stderr)
        return 2
    stale = [path for folder in folders for path in outdated(folder)]
    if check:
        for path in stale:
            print(f"{path} is not what the models say; run `make crds`", file=sys.stderr)
        return 1 if stale else 0
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for resource in RESOURCES:
            (folder / resource.file_name).write_text(render(resource), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
