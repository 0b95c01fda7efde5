"""The CRDs say what the models say, in the form the API server wants, with bounds and text everywhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mediaops import crd
from mediaops.models.base import Model
from mediaops.operations import REGISTRY

ROOT = Path(__file__).parents[3]
FOLDERS = (ROOT / "crds", ROOT / "helm" / "mediaops" / "crds")

Schema = dict[str, Any]


def schema(kind: str) -> Schema:
    resource = next(resource for resource in crd.RESOURCES if resource.kind == kind)
    return crd.openapi(resource)


def nodes(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from nodes(node["additionalProperties"], f"{path}.*")


def at(kind: str, path: str) -> Schema:
    return dict(nodes(schema(kind)))[path]


def every_node() -> Iterator[tuple[str, Schema]]:
    for resource in crd.RESOURCES:
        for path, node in nodes(crd.openapi(resource)):
            if path.startswith((".spec", ".status")):
                yield f"{resource.kind}{path}", node


def bounded(node: Schema) -> bool:
    if "x-kubernetes-int-or-string" in node:
        return any("type(self) == int" in rule["rule"] for rule in node["x-kubernetes-validations"])
    match node["type"]:
        case "string":
            return "enum" in node or "maxLength" in node
        case "array":
            return "maxItems" in node
        case "integer":
            return "minimum" in node and "maximum" in node
        case "object":
            return "properties" in node or "maxProperties" in node
    return bool(node["type"] == "boolean")


@pytest.mark.parametrize("folder", FOLDERS, ids=["crds", "chart"])
def test_files_are_what_the_models_say(folder: Path) -> None:
    assert list(crd.outdated(folder)) == []


def test_check_names_a_file_that_is_not_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert crd.main([str(tmp_path)]) == 0
    assert crd.main(["--check", str(tmp_path)]) == 0
    stale = tmp_path / "mediaops.dev_mediaassets.yaml"
    stale.write_text(stale.read_text() + "# touched\n")
    assert crd.main(["--check", str(tmp_path)]) == 1
    assert str(stale) in capsys.readouterr().err


def test_two_runs_write_the_same_bytes() -> None:
    for resource in crd.RESOURCES:
        assert crd.render(resource) == crd.render(resource)
        assert yaml.safe_load(crd.render(resource)) == crd.definition(resource)


def test_every_value_has_bounds() -> None:
    assert [path for path, node in every_node() if not bounded(node)] == []


def test_every_field_has_a_description_in_one_paragraph() -> None:
    # Items are explained by the list or map they are in.
    fields = [(path, node.get("description", "")) for path, node in every_node() if path[-1] not in "]*"]
    assert len(fields) > 200
    assert [path for path, text in fields if not text or "\n" in text] == []


def test_status_is_unobserved_by_default_and_has_no_other_default() -> None:
    for resource in crd.RESOURCES:
        defaults = {
            path: node["default"]
            for path, node in nodes(crd.openapi(resource))
            if path.startswith(".status") and "default" in node
        }
        assert defaults == {".status": {"observedGeneration": -1}}


def test_api_server_fills_in_only_scalars_outside_of_lists() -> None:
    defaults = {
        path: node["default"]
        for path, node in nodes(schema("MediaAsset")["properties"]["spec"])
        if "default" in node
    }
    assert defaults == {
        ".execution": {},
        ".execution.mode": "Job",
        ".execution.profile": "default",
        ".execution.priority": "normal",
        ".execution.deadlineSeconds": 3600,
        ".retry": {},
        ".retry.limit": 3,
        ".retry.backoffSeconds": 10,
        ".publish.key": "default",
        ".suspend": False,
        ".deletionPolicy": "Retain",
    }
    assert not [
        path for path, node in nodes(schema("ProcessingJob")["properties"]["spec"]) if "default" in node
    ]


def test_defaults_inside_lists_are_named_in_the_description() -> None:
    operation = ".spec.operations[]"
    assert at("MediaAsset", f"{operation}.gpu")["description"].endswith("Default: 0.")
    assert at("MediaAsset", f"{operation}.thumbnail.width")["description"].endswith("Default: 640.")
    assert at("MediaAsset", f"{operation}.thumbnail.format")["description"].endswith("Default: jpeg.")
    assert at("MediaAsset", f"{operation}.transcribe.formats")["description"].endswith(
        "Default: json, srt, vtt, txt."
    )


def test_every_operation_of_the_registry_is_a_block_of_both_resources() -> None:
    for path in (".spec.operations[]", ".spec.operation"):
        kind = "MediaAsset" if path.endswith("[]") else "ProcessingJob"
        blocks = at(kind, path)
        assert set(REGISTRY) <= blocks["properties"].keys()
        (rule,) = blocks["x-kubernetes-validations"]
        assert all(f"has(self.{name})" in rule["rule"] for name in REGISTRY)


def test_step_rule_knows_every_filter() -> None:
    step = at("MediaAsset", ".spec.operations[].filter.steps[]")
    (rule,) = step["x-kubernetes-validations"]
    assert all(f"has(self.{name})" in rule["rule"] for name in step["properties"])


def test_every_rule_has_a_sentence() -> None:
    rules = [
        rule
        for resource in crd.RESOURCES
        for _, node in nodes(crd.openapi(resource))
        for rule in node.get("x-kubernetes-validations", [])
    ]
    assert len(rules) > 20
    assert all(rule.keys() == {"rule", "message"} and len(rule["message"]) > 15 for rule in rules)


def test_constant_becomes_an_enum_of_one_word() -> None:
    assert at("MediaAsset", ".spec.execution.mode")["enum"] == ["Job"]


def test_reserved_python_names_keep_their_name_on_the_wire() -> None:
    assert "from" in at("MediaAsset", ".spec.publish.targets[].media[]")["properties"]
    assert "pass" in at("ProcessingJob", ".status")["properties"]


class WithUnion(Model):
    size: int | str = 0


class WithSet(Model):
    tags: set[str] = set()


class WithFloat(Model):
    seconds: float = 0.5


@pytest.mark.parametrize(
    ("model", "word"), [(WithUnion, "union"), (WithSet, "uniqueItems"), (WithFloat, "float")]
)
def test_what_a_structural_schema_cannot_say_is_an_error(model: type[Model], word: str) -> None:
    source = model.model_json_schema(by_alias=True)
    with pytest.raises(crd.SchemaError, match=word):
        crd.structural(source, defaults=False)
