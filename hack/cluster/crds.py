"""Our CRDs in a bare control plane, waited for until they are served."""

import time
from pathlib import Path
from typing import Any

import yaml

from hack.cluster.api import Api

CRDS = Path(__file__).parents[2] / "crds"
ESTABLISHED_WITHIN = 30  # seconds


def install_crds(api: Api) -> None:
    """Create all of them."""
    for path in sorted(CRDS.glob("*.yaml")):
        install(api, yaml.safe_load(path.read_text()))


def install(api: Api, definition: dict[str, Any]) -> None:
    """Create a CRD and wait until its resource is served and its conditions say that all of it is taken."""
    name = definition["metadata"]["name"]
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    api.apply(path, definition)
    end = time.monotonic() + ESTABLISHED_WITHIN
    while True:
        conditions = api.get(path).get("status", {}).get("conditions") or []
        true = {condition["type"] for condition in conditions if condition["status"] == "True"}
        if {"Established", "NamesAccepted"} <= true:
            assert "NonStructuralSchema" not in true, conditions
            break
        assert time.monotonic() < end, conditions
        time.sleep(0.05)
    group, version = definition["spec"]["group"], definition["spec"]["versions"][0]["name"]
    while not api.ready(f"/apis/{group}/{version}/{definition['spec']['names']['plural']}"):
        assert time.monotonic() < end, f"{name} is not served"
        time.sleep(0.05)
