"""Every manifest that the project shows to people is one that the API server takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.cluster.control_plane import ControlPlane
from tests.api.resources import create

EXAMPLES = Path(__file__).parents[2] / "examples"

ASSETS: dict[str, dict[str, Any]] = {
    f"{path.relative_to(EXAMPLES)}:{document['metadata']['name']}": document
    for path in sorted(EXAMPLES.rglob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
    if document and document.get("kind") == "MediaAsset"
}


def test_there_are_examples() -> None:
    assert "mediaasset.yaml:launch-clip" in ASSETS


@pytest.mark.parametrize("example", ASSETS.values(), ids=ASSETS.keys())
def test_accepts_example(api_server: ControlPlane, example: dict[str, Any]) -> None:
    here = example | {"metadata": {**example["metadata"], "namespace": "default"}}
    accepted = create(api_server.api, "default", here, dry_run=True)
    assert accepted["spec"].get("operations") == example["spec"].get("operations")
