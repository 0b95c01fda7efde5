"""Kubernetes objects that the project's tests and demo put into any cluster."""

from typing import Any

from hack.cluster.api import Api

WORKSPACE_LABEL = "mediaops.dev/workspace"
GPU = "nvidia.com/gpu"


def ensure_namespace(api: Api, name: str, workspace: str | None = None) -> None:
    """Make a namespace that admits restricted pods only, and belongs to a workspace where one is named."""
    labels = {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "latest",
    }
    if workspace is not None:
        labels[WORKSPACE_LABEL] = workspace
    _apply(api, "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})


def expose_service(
    api: Api, namespace: str, name: str, port: int, address: str, target_port: int | None = None
) -> str:
    """Let `NAME.NAMESPACE.svc.cluster.local:port` reach `address:target_port`, a process beside the cluster.

    The Service has no selector; its one endpoint is written here. Return that host name.
    """
    target = target_port or port
    _apply(
        api,
        f"/api/v1/namespaces/{namespace}/services",
        {"metadata": {"name": name}, "spec": {"ports": [_port(port, target)]}},
    )
    _apply(
        api,
        f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices",
        _endpoints(name, address, [{"port": target, "protocol": "TCP"}]),
    )
    return f"{name}.{namespace}.svc.cluster.local"


def apply_dns(api: Api, service_address: str, server_address: str) -> None:
    """Put a DNS server that runs outside the cluster behind `kube-dns`, and let it read what it answers."""
    ports = [{"name": name, "port": 53, "protocol": name.upper()} for name in ("udp", "tcp")]
    _apply(
        api,
        "/api/v1/namespaces/kube-system/services",
        {"metadata": {"name": "kube-dns"}, "spec": {"clusterIP": service_address, "ports": ports}},
    )
    _apply(
        api,
        "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices",
        _endpoints("kube-dns", server_address, ports),
    )
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    reads = {"verbs": ["list", "watch"]}
    rules = [
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], **reads},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], **reads},
    ]
    _apply(api, f"{rbac}/clusterroles", {"metadata": {"name": "system:coredns"}, "rules": rules})
    _apply(
        api,
        f"{rbac}/clusterrolebindings",
        {
            "metadata": {"name": "system:coredns"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:coredns",
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:coredns"}],
        },
    )


def advertise_gpus(api: Api, node: str, count: int) -> None:
    """Let a node say it has this many GPUs; the kubelet takes a resource that it doesn't know as it is."""
    quantity = {GPU: str(count)}
    api.patch(f"/api/v1/nodes/{node}/status", {"status": {"capacity": quantity, "allocatable": quantity}})


def advertised_gpus(api: Api, node: str) -> int:
    """Return how many GPUs a node lets pods ask for."""
    return int(api.get(f"/api/v1/nodes/{node}")["status"]["allocatable"].get(GPU, "0"))


_TYPES = {
    "namespaces": ("v1", "Namespace"),
    "services": ("v1", "Service"),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
    "clusterroles": ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    "clusterrolebindings": ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
}


def _apply(api: Api, collection: str, body: dict[str, Any]) -> None:
    version, kind = _TYPES[collection.rpartition("/")[2]]
    api.apply(f"{collection}/{body['metadata']['name']}", {"apiVersion": version, "kind": kind, **body})


def _port(port: int, target: int) -> dict[str, Any]:
    return {"port": port, "targetPort": target, "protocol": "TCP"}


def _endpoints(service: str, address: str, ports: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "metadata": {"name": service, "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address]}],
        "ports": ports,
    }
