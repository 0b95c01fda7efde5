"""The node: containerd, kubelet, kube-proxy and CoreDNS as processes of this machine, and their configuration."""

import http.client
import json
from functools import cached_property
from pathlib import Path

import yaml

from hack.build import tool
from hack.cluster.api import replace_file
from hack.cluster.control_plane import POD_RANGE, ControlPlane, checked_socket, listens
from hack.cluster.images import ImageStore
from hack.cluster.leftovers import CGROUP
from hack.cluster.network import NODE_ADDRESS
from hack.cluster.processes import Component

NODE_NAME = "mediaops"
NETWORK = "mediaops"
NODE_PODS = "10.244.0.0/24"
DNS_SERVICE = "10.96.0.10"
DOMAIN = "cluster.local"
CNI_PROGRAMS = Path("/usr/lib/cni")
KUBELET_HEALTH, PROXY_HEALTH, DNS_READY = 10248, 10256, 8181


class Node:
    """The parts of a node of `plane`. Files go into the plane's folder, what a reboot may lose into `volatile`.

    All ports are opened on the node's own address, so none collides with another program's.
    """

    def __init__(self, plane: ControlPlane, pause_image: str, volatile: Path) -> None:
        self.plane = plane
        self.pause_image = pause_image
        self.state_dir = plane.state_dir
        self.volatile = volatile
        self.socket = volatile / "containerd.sock"
        self.images = ImageStore(self.socket)
        self.kubelet_dir = self.state_dir / "kubelet"
        checked_socket(self.kubelet_dir / "device-plugins" / "kubelet.sock")  # its longest
        self.pod_logs = self.state_dir / "pod-logs"

    def components(self) -> list[Component]:
        """Return the parts in the order they start in."""
        return [self.containerd, self._kubelet(), self._proxy(), self._dns()]

    @cached_property
    def containerd(self) -> Component:
        """The container runtime; it needs no API server."""
        command: list[str | Path] = ["containerd", "--config", self.state_dir / "containerd.toml"]
        return Component("containerd", command, lambda: listens(self.socket))

    def write_files(self) -> None:
        """Write the configuration of all parts."""
        replace_file(self.state_dir / "containerd.toml", self._containerd_config())
        replace_file(
            self.state_dir / "cni" / "10-mediaops.conflist", json.dumps(self._cni_config(), indent=2)
        )
        for name, config in (("kubelet", self._kubelet_config()), ("proxy", self._proxy_config())):
            replace_file(self.state_dir / f"{name}.yaml", yaml.safe_dump(config, sort_keys=False))
        replace_file(self.state_dir / "Corefile", self._corefile())

    def _containerd_config(self) -> str:
        # Namespaces of pods are mounted below the state folder, so one sweep finds them; an unprivileged
        # machine may not lower oom scores, hence restrict_oom_score_adj.
        return f"""\
version = 2
root = "{self.state_dir}/containerd"
state = "{self.volatile}/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "{self.socket}"
[ttrpc]
  address = "{self.socket}.ttrpc"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{self.pause_image}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PROGRAMS}"
    conf_dir = "{self.state_dir}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "{self.volatile}/runc"
"""

    def _cni_config(self) -> dict[str, object]:
        addresses = {
            "type": "host-local",
            "dataDir": str(self.volatile / "addresses"),
            "ranges": [[{"subnet": NODE_PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        plugins = [{"type": "ptp", "ipMasq": False, "ipam": addresses}]
        return {"cniVersion": "1.0.0", "name": NETWORK, "plugins": plugins}

    def _kubelet(self) -> Component:
        user = self.plane.kubeconfig_for(f"system:node:{NODE_NAME}", "system:nodes")
        return Component(
            "kubelet",
            [
                tool("hyperkube"), "kubelet",
                f"--config={self.state_dir / 'kubelet.yaml'}",
                f"--kubeconfig={user}",
                f"--root-dir={self.kubelet_dir}",
                f"--hostname-override={NODE_NAME}",
                f"--node-ip={NODE_ADDRESS}",
            ],
            lambda: _answers(KUBELET_HEALTH, "/healthz") and self._is_ready(),
        )  # fmt: skip

    def _kubelet_config(self) -> dict[str, object]:
        serving = self.plane.authority.issue(f"kubelet-{NODE_NAME}", sans=[NODE_NAME, NODE_ADDRESS])
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": NODE_ADDRESS,
            "healthzBindAddress": NODE_ADDRESS,
            "healthzPort": KUBELET_HEALTH,
            "tlsCertFile": str(serving.cert),
            "tlsPrivateKeyFile": str(serving.key),
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(self.plane.authority.cert)},
            },
            "authorization": {"mode": "Webhook"},
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{CGROUP}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "makeIPTablesUtilChains": False,
            "podLogsDir": str(self.pod_logs),
            "clusterDNS": [DNS_SERVICE],
            "clusterDomain": DOMAIN,
            "resolvConf": "/dev/null",  # the machine's search domains are no business of pods
            "serializeImagePulls": False,
            "imageGCHighThresholdPercent": 100,  # images are imported by hand: none may be cleaned away
            "evictionHard": {
                "memory.available": "100Mi",
                "nodefs.available": "1%",
                "imagefs.available": "1%",
            },
        }

    def _proxy(self) -> Component:
        command: list[str | Path] = [
            tool("hyperkube"),
            "kube-proxy",
            f"--config={self.state_dir / 'proxy.yaml'}",
        ]
        return Component("kube-proxy", command, lambda: _answers(PROXY_HEALTH, "/healthz"))

    def _proxy_config(self) -> dict[str, object]:
        user = self.plane.kubeconfig_for("system:kube-proxy")
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "clusterCIDR": POD_RANGE,
            "hostnameOverride": NODE_NAME,
            "clientConnection": {"kubeconfig": str(user)},
            "healthzBindAddress": f"{NODE_ADDRESS}:{PROXY_HEALTH}",
            "metricsBindAddress": f"{NODE_ADDRESS}:10249",
            "nodePortAddresses": [f"{NODE_ADDRESS}/32"],
            "iptables": {"localhostNodePorts": False, "minSyncPeriod": "100ms"},
            # The machine's connection tracking stays as it is.
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        }

    def _dns(self) -> Component:
        command: list[str | Path] = [tool("coredns"), "-conf", self.state_dir / "Corefile"]
        return Component("coredns", command, lambda: _answers(DNS_READY, "/ready"))

    def _corefile(self) -> str:
        # Short lives: in tests Services come and go by the second.
        return f"""\
{DOMAIN} 10.in-addr.arpa {{
  bind {NODE_ADDRESS}
  errors
  ready {NODE_ADDRESS}:{DNS_READY}
  kubernetes {DOMAIN} 10.in-addr.arpa {{
    kubeconfig {self.plane.kubeconfig_for("system:coredns")}
    ttl 5
  }}
  cache 5
}}
. {{
  bind {NODE_ADDRESS}
  forward . /etc/resolv.conf
}}
"""

    def _is_ready(self) -> bool:
        if not self.plane.api.ready(f"/api/v1/nodes/{NODE_NAME}"):
            return False
        conditions = self.plane.api.get(f"/api/v1/nodes/{NODE_NAME}")["status"].get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _answers(port: int, path: str) -> bool:
    """Return whether a part of the node says at its health address that it works."""
    connection = http.client.HTTPConnection(NODE_ADDRESS, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()
