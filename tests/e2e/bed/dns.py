"""The cluster's DNS: CoreDNS as a process, at the address that the kubelets tell pods."""

import urllib3

from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.processes import Process, free_ports, start, wait_until
from tests.e2e.bed.network import HERE
from tools.kube.build import binary

# Names outside of the cluster are refused: there is nothing to ask.
_COREFILE = """\
cluster.local in-addr.arpa {{
    bind {address}
    ready 127.0.0.1:{port}
    errors
    cache 2
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig}
        ttl 2
    }}
}}
"""


def start_dns(cluster: ControlPlane) -> Process:
    """Start it and wait until it knows the Services."""
    (port,) = free_ports(1)
    corefile = cluster.folder / "Corefile"
    kubeconfig = cluster.kubeconfig("kubelet")
    corefile.write_text(_COREFILE.format(address=HERE, port=port, kubeconfig=kubeconfig))
    log = cluster.folder / "coredns.log"
    process = start("coredns", [binary("coredns"), "-conf", corefile], log)
    pool = urllib3.PoolManager(retries=False, timeout=2)

    def ready() -> bool:
        try:
            return pool.request("GET", f"http://127.0.0.1:{port}/ready").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    wait_until(ready, "CoreDNS", process)
    return process
