"""The chart as the API server sees it: admitted whole, restricted pods, least privilege."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.build import tool
from mediaops.prices import load_prices

CHART = Path(__file__).parents[2] / "helm" / "mediaops"
NAMESPACE = "mediaops-system"
WRITES = {"create", "update", "patch", "delete", "deletecollection", "*"}


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(tool("helm")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    values = str(CHART / "ci" / "values.yaml")
    done = helm("template", "mediaops", str(CHART), "--namespace", NAMESPACE, "--values", values)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(rendered, kind):
    return {d["metadata"]["name"]: d for d in rendered if d["kind"] == kind}


def pod_specs(rendered):
    return {
        f"{d['kind']}/{d['metadata']['name']}": d["spec"]["template"]["spec"]
        for d in rendered
        if d["kind"] in ("Deployment", "StatefulSet", "Job")
    }


def test_the_api_server_takes_all_of_it_under_the_restricted_profile(rendered, kubectl):
    for name in (NAMESPACE, "acme"):
        labels = {
            "pod-security.kubernetes.io/enforce": "restricted",
            "pod-security.kubernetes.io/warn": "restricted",
        }
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        assert kubectl("apply", "-f", "-", stdin=body).returncode == 0
    for document in rendered:
        if document["kind"] not in ("ClusterRole", "ClusterRoleBinding", "PriorityClass"):
            document["metadata"].setdefault("namespace", NAMESPACE)
    listed = {"apiVersion": "v1", "kind": "List", "items": rendered}
    done = kubectl("apply", "--dry-run=server", "-f", "-", stdin=listed)
    assert done.returncode == 0, done.stderr
    # Pod Security speaks of a workload's template in warnings.
    assert "violate" not in done.stderr, done.stderr


def test_every_pod_is_restricted_and_reads_only_its_own_root(rendered):
    specs = pod_specs(rendered)
    assert len(specs) == 4
    for name, spec in specs.items():
        security = spec["securityContext"]
        assert (True, "RuntimeDefault") == (security["runAsNonRoot"], security["seccompProfile"]["type"]), (
            name
        )
        for container in spec["containers"]:
            inner = container["securityContext"]
            assert inner == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_secrets_come_by_name_and_never_by_value(rendered):
    assert of_kind(rendered, "Secret") == {}
    for name, spec in pod_specs(rendered).items():
        for container in spec["containers"]:
            for variable in container.get("env", []):
                words = variable["name"].lower()
                assert not any(word in words for word in ("secret", "password", "token")), (name, words)


def test_the_operator_reads_no_secret_and_writes_no_spec(rendered):
    rules = of_kind(rendered, "ClusterRole")["mediaops-operator"]["rules"]
    allowed = {(r, v) for rule in rules for r in rule["resources"] for v in rule["verbs"]}
    assert {v for r, v in allowed if r == "secrets"} <= {"create", "delete"}
    assert not {v for r, v in allowed if r == "mediaassets"} & WRITES
    assert not any("*" in (r, v) for r, v in allowed)


def test_the_backend_writes_nothing_but_media_assets(rendered):
    rules = of_kind(rendered, "ClusterRole")["mediaops-backend"]["rules"]
    written = {r for rule in rules for r in rule["resources"] if set(rule["verbs"]) & WRITES}
    assert written == {"mediaassets"}


def test_operation_pods_take_no_calls_and_reach_backend_and_storage_only(rendered):
    policy = of_kind(rendered, "NetworkPolicy")["mediaops-operations"]
    assert policy["metadata"]["namespace"] == "acme"
    assert (policy["spec"]["ingress"], sorted(policy["spec"]["policyTypes"])) == ([], ["Egress", "Ingress"])
    dns, backend, storage = policy["spec"]["egress"]
    assert {p["port"] for p in dns["ports"]} == {53}
    component = backend["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
    assert (component, storage["ports"]) == ("backend", [{"port": 443}])


def test_what_goes_outside_may_not_go_to_private_networks(rendered):
    policies = of_kind(rendered, "NetworkPolicy")
    for name in ("mediaops-ingest", "mediaops-engines"):
        (rule,) = policies[name]["spec"]["egress"]
        assert_public_or_allowed(rule)


def assert_public_or_allowed(rule):
    public, allowed = [to["ipBlock"] for to in rule["to"]]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(public["except"])
    assert (allowed, rule["ports"]) == ({"cidr": "10.9.0.0/16"}, [{"port": 443}])


def test_served_operations_are_called_by_those_named_and_reach_storage_and_the_outside(rendered):
    policy = of_kind(rendered, "NetworkPolicy")["mediaops-served"]["spec"]
    labels = of_kind(rendered, "StatefulSet")["mediaops-operations"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"] == labels
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    dns, storage, outside = policy["egress"]
    assert ({p["port"] for p in dns["ports"]}, storage["ports"]) == ({53}, [{"port": 443}])
    assert_public_or_allowed(outside)


def test_nobody_calls_the_served_operations_where_nobody_is_named():
    n8n = ["--set-json", "networkPolicies.n8n.peers=[]"]
    assert (policy(*n8n)["policyTypes"], policy(*n8n)["ingress"]) == (["Ingress", "Egress"], [])
    named = ["--set-json", 'networkPolicies.operationsClients=[{"podSelector":{}}]']
    (rule,) = policy(*n8n, *named)["ingress"]
    assert rule == {"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}


def policy(*settings):
    """Give the served operations' policy under further settings."""
    done = helm("template", "mediaops", str(CHART), "--values", str(CHART / "ci" / "values.yaml"), *settings)
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    return of_kind(documents, "NetworkPolicy")["mediaops-served"]["spec"]


def test_the_installations_credentials_go_to_namespaces_that_are_named(rendered):
    (container,) = pod_specs(rendered)["Deployment/mediaops-operator"]["containers"]
    given = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert given["MEDIAOPS_CREDENTIAL_NAMESPACES"] == "acme"
    assert {"secretRef": {"name": "mediaops-operator"}} in container["envFrom"]


def test_the_sweeper_has_a_key_of_its_own_where_it_is_wanted(rendered):
    def told(documents):
        (container,) = pod_specs(documents)["Deployment/mediaops-operator"]["containers"]
        secrets = [source["secretRef"]["name"] for source in container["envFrom"]]
        return secrets, {entry["name"]: entry.get("value") for entry in container["env"]}

    secrets, variables = told(rendered)
    assert secrets == ["mediaops-operator", "mediaops-sweeper"]
    assert variables["MEDIAOPS_SWEEP_GRACE_SECONDS"] == "259200"
    base = str(CHART / "ci" / "values.yaml")
    off = ["--values", base, "--set", "operator.sweeper.enabled=false"]
    done = helm("template", "mediaops", str(CHART), *off)
    assert done.returncode == 0, done.stderr
    secrets, variables = told([document for document in yaml.safe_load_all(done.stdout) if document])
    assert secrets == ["mediaops-operator"]
    assert "MEDIAOPS_SWEEP_SECONDS" not in variables


def test_prices_are_mounted_as_the_operator_reads_them(rendered, tmp_path):
    def told(documents):
        (container,) = pod_specs(documents)["Deployment/mediaops-operator"]["containers"]
        return {entry["name"]: entry.get("value") for entry in container["env"]}.get("MEDIAOPS_PRICES_FILE")

    assert told(rendered) is None
    values = tmp_path / "values.yaml"
    model = {"engine": "openai", "model": "whisper-1", "audioMinuteMicroUsd": 6000}
    table = {"date": "2026-11-26", "cpuHourMicroUsd": 40_000_000_000, "models": [model]}
    values.write_text(yaml.safe_dump({"prices": table}))
    base = str(CHART / "ci" / "values.yaml")
    done = helm("template", "mediaops", str(CHART), "--values", base, "--values", str(values))
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    assert told(documents) == "/etc/mediaops/profiles/prices.yaml"
    mounted = tmp_path / "prices.yaml"
    mounted.write_text(of_kind(documents, "ConfigMap")["mediaops-profiles"]["data"]["prices.yaml"])
    prices = load_prices(mounted)
    assert prices.cpu_hour_micro_usd == 40_000_000_000
    assert prices.of_model("openai", "whisper-1").audio_minute_micro_usd == 6000


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (["storage.publicUrl="], "storage.publicUrl: the S3 endpoint as browsers reach it"),
        (["n8n.webhookUrl="], "n8n.webhookUrl: the receiving workflow's webhook"),
        (["capability.publicKeys=null"], "capability.publicKeys"),
        (["backend.replicas=0"], "/backend/replicas"),
        (["operator.secret=x"], "/operator"),
        (["operator.sweeper.graceSeconds=60"], "/operator/sweeper/graceSeconds"),
        (["operator.credentialNamespaces={acme,*}"], "/operator/credentialNamespaces/1"),
        (["profiles.default.workSizeLimit=much"], "workSizeLimit"),
        (["prices.cpuHourMicroUsd=4"], "/prices"),
        (["prices.date=2026-11-26", "prices.cpuHour=4"], "/prices"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(values, sentence):
    settings = [part for value in values for part in ("--set", value)]
    base = str(CHART / "ci" / "values.yaml")
    done = helm("template", "mediaops", str(CHART), "--values", base, *settings)
    assert done.returncode != 0
    assert sentence in done.stderr
