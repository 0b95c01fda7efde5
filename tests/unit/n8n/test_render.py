"""Workflows from a deployment: complete, whitelisted, and only for the workspace an account belongs to."""

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from n8n.render import render, workflow_ids
from n8n.settings import Deployment, platforms

BACKEND = "https://backend.example"


def account(workspace: str = "acme", name: str = "main", kind: str = "twitterOAuth2Api") -> dict[str, Any]:
    credential = {"type": kind, "id": f"id-{name}", "name": f"X {name}"}
    return {"workspace": workspace, "platform": "x", "account": name, "credential": credential}


def deployment(*accounts: dict[str, Any], **more: Any) -> Deployment:
    return Deployment.model_validate({"config": {"backend_url": BACKEND}, "accounts": accounts, **more})


def nodes(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in workflow["nodes"]}


def config(workflow: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(nodes(workflow)["Config"]["parameters"]["jsonOutput"])
    return value


WORKFLOWS = render(deployment(account(), account("globex", kind="httpHeaderAuth"), account("*", "shared")))


def test_each_account_gets_a_workflow_and_receive_comes_last() -> None:
    expected = ["errors", "fallback", "acme/x/main", "globex/x/main", "*/x/shared", "receive"]
    assert expected == list(WORKFLOWS)


def test_ids_fit_into_n8n_and_are_distinct() -> None:
    ids = [workflow["id"] for workflow in WORKFLOWS.values()]
    assert len(set(ids)) == len(ids)
    assert all(len(one) <= 36 for one in ids)


def test_an_account_is_routed_for_its_own_workspace_only() -> None:
    routes = config(WORKFLOWS["receive"])["routes"]
    assert routes == {path: WORKFLOWS[path]["id"] for path in ("acme/x/main", "globex/x/main", "*/x/shared")}


@pytest.mark.parametrize("key", list(WORKFLOWS))
def test_nothing_is_left_to_fill_in_and_no_execution_is_saved(key: str) -> None:
    workflow = WORKFLOWS[key]
    assert not re.search(r'"\$[a-z]+":', json.dumps(workflow))
    saved = {name: value for name, value in workflow["settings"].items() if name.startswith("save")}
    assert saved == {
        "saveManualExecutions": False,
        "saveExecutionProgress": False,
        "saveDataSuccessExecution": "none",
        "saveDataErrorExecution": "none",
    }


@pytest.mark.parametrize("key", list(WORKFLOWS))
def test_every_connection_leads_to_a_node_and_every_reference_names_one(key: str) -> None:
    workflow = WORKFLOWS[key]
    known = set(nodes(workflow))
    links = [
        link["node"]
        for outputs in workflow["connections"].values()
        for output in outputs["main"]
        for link in output
    ]
    references = re.findall(r"\$\('([^']+)'\)", json.dumps(workflow))
    assert set(links) | set(references) | set(workflow["connections"]) <= known


@pytest.mark.parametrize("key", list(WORKFLOWS))
def test_no_request_follows_redirects_or_lacks_a_time_out(key: str) -> None:
    for node in WORKFLOWS[key]["nodes"]:
        if node["type"] == "n8n-nodes-base.httpRequest":
            options = node["parameters"]["options"]
            assert options["redirect"] == {"redirect": {"followRedirects": False}}, node["name"]
            assert "timeout_ms" in options["timeout"], node["name"]


def test_every_step_that_can_be_decided_has_its_node() -> None:
    upload = nodes(WORKFLOWS["acme/x/main"])
    code = upload["Next step"]["parameters"]["jsCode"]
    decided = set(re.findall(r"go\([^'\n]*'(\w+)'", code)) | {"save"}
    wired = {rule["outputKey"] for rule in upload["Which step"]["parameters"]["rules"]["values"]}
    assert decided - {"stop"} == wired


def test_the_post_is_the_one_call_that_is_never_made_by_itself_again() -> None:
    post = nodes(WORKFLOWS["acme/x/main"])["Post"]
    assert post["retryOnFail"] is False
    assert post["onError"] == "continueErrorOutput"


@pytest.mark.parametrize(
    ("path", "authentication"),
    [
        (
            "acme/x/main",
            {"authentication": "predefinedCredentialType", "nodeCredentialType": "twitterOAuth2Api"},
        ),
        (
            "globex/x/main",
            {"authentication": "genericCredentialType", "genericAuthType": "httpHeaderAuth"},
        ),
    ],
)
def test_calls_to_the_platform_are_signed_by_the_account(path: str, authentication: dict[str, str]) -> None:
    upload = nodes(WORKFLOWS[path])
    for name in ("Initialize", "Append", "Finalize", "Status", "Post", "Who am I", "Timeline"):
        assert authentication.items() <= upload[name]["parameters"].items()
        assert [one["id"] for one in upload[name]["credentials"].values()] == ["id-main"]
    assert "credentials" not in upload["Fetch part"]


def test_ids_chosen_by_n8n_replace_ours_everywhere() -> None:
    ours = workflow_ids(deployment(account()))
    theirs = {key: f"n8n-{i}" for i, key in enumerate(ours)}
    rendered = render(deployment(account()), theirs)
    assert {workflow["id"] for workflow in rendered.values()} == set(theirs.values())
    assert config(rendered["receive"])["routes"] == {"acme/x/main": theirs["acme/x/main"]}
    assert rendered["acme/x/main"]["settings"]["errorWorkflow"] == theirs["errors"]


def test_addresses_may_be_overridden_and_limits_come_from_the_table() -> None:
    ours = deployment(account(), platforms={"x": {"api_url": "http://127.0.0.1:1"}})
    platform = config(render(ours)["acme/x/main"])["platform"]
    assert platform["api_url"] == "http://127.0.0.1:1"
    assert platform["media"] == platforms()["x"]["media"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"accounts": [account(), account()]}, "named twice: acme/x/main"),
        ({"accounts": [{**account(), "platform": "myspace"}]}, "no template or no row"),
        ({"accounts": [{**account(), "account": "Main/../x"}]}, "String should match pattern"),
        ({"config": {"backend_url": "https://backend.example/"}}, "String should match pattern"),
        ({"config": {"backend_url": BACKEND, "timeout": 3}}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_deployment_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Deployment.model_validate({"config": {"backend_url": BACKEND}, **wrong})
