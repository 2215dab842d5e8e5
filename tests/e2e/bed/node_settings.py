"""The settings of a node's daemons: containerd, CNI, kubelet and kube-proxy."""

import json
from pathlib import Path

import yaml

from tests.cluster.bed.api import Object
from tests.e2e.bed.network import HERE, PODS, Addresses

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
KUBELET_ROOT = "/run/kubelet"

_CONTAINERD = """\
version = 2
root = "/run/images"
state = "/run/containerd"
[grpc]
address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
# Nobody here may make a process less likely to be killed than it is.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{cni}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"""


def write(
    folder: Path, name: str, addresses: Addresses, kubeconfig: Path, cgroup: str, pause: str
) -> None:
    """Write containerd.toml, cni/pods.conflist, kubelet.yaml and kube-proxy.yaml.

    Args:
        folder: Of the node.
        name: The node's.
        addresses: The node's.
        kubeconfig: Of the daemons.
        cgroup: Absolute, of all its pods.
        pause: The image of every pod's first process.
    """
    cni = folder / "cni"
    cni.mkdir()
    (cni / "pods.conflist").write_text(json.dumps(_cni(addresses)))
    toml = _CONTAINERD.format(socket=CONTAINERD_SOCKET, pause=pause, cni=cni)
    (folder / "containerd.toml").write_text(toml)
    (folder / "resolv.conf").write_text("")
    kubelet = _kubelet(addresses, folder / "resolv.conf", cgroup)
    (folder / "kubelet.yaml").write_text(yaml.safe_dump(kubelet))
    (folder / "kube-proxy.yaml").write_text(yaml.safe_dump(_kube_proxy(name, kubeconfig)))


def _cni(addresses: Addresses) -> Object:
    """A veth pair and a route for each pod."""
    ipam = {
        "type": "host-local",
        "dataDir": "/run/cni",
        "ranges": [[{"subnet": addresses.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugin = {"type": "ptp", "ipMasq": False, "ipam": ipam}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [plugin]}


def _kubelet(addresses: Addresses, resolv_conf: Path, cgroup: str) -> Object:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": addresses.node,
        # Nobody reaches it but the API server and the bed's own pods.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "failCgroupV1": False,
        "volumePluginDir": f"{KUBELET_ROOT}/plugins",
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "clusterDNS": [HERE],
        "clusterDomain": "cluster.local",
        "resolvConf": str(resolv_conf),
        # Images are kept from run to run; how full the machine's disk is says nothing here.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
    }


def _kube_proxy(name: str, kubeconfig: Path) -> Object:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "hostnameOverride": name,
        # What comes from elsewhere, that is from the tests, returns by the way it came.
        "clusterCIDR": PODS,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "oomScoreAdj": 0,
        # 0 leaves alone what belongs to the whole machine.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
