"""How the control plane's parts are set up."""

from pathlib import Path
from typing import Any

# One line a request, but for the bed's own parts, when it has been answered.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {
            "level": "None",
            "users": [
                "system:apiserver",
                "system:kube-controller-manager",
                "system:kube-scheduler",
                "kubelet",
            ],
        },
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "Metadata"},
    ],
}
# Users of the static token file and their groups.
USERS = {
    "admin": "system:masters",
    "kuberay": "system:masters",
    "kubelet": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
}
# Of the two clients. Port 0: they serve nothing. The rates are far above their defaults, which
# would hold back the tests of scale.
CLIENT = {
    "leader_elect": "false",
    "secure_port": 0,
    "profiling": "false",
    "kube_api_qps": 500,
    "kube_api_burst": 1000,
}
# Nodes that must be lost are said to be (`Kubelet.lose_node`). The controller-manager may be deaf
# for half a minute after the API server was killed, on a busy machine for more than its 50 s.
NODE_SILENCE = "600s"
# Pods on a lost node are evicted at once, not after Kubernetes' five minutes.
EVICT_SECONDS = 2


def api_server_flags(folder: Path, etcd_port: int, address: str, port: int) -> dict[str, Any]:
    """The API server's flags.

    Args:
        folder: With certificates and policy; the audit log is written to it.
        etcd_port: Of etcd's clients.
        address: To serve on.
        port: To serve on.
    """
    loopback = address.startswith("127.")
    return {
        "etcd_servers": f"http://127.0.0.1:{etcd_port}",
        "bind_address": address,
        "advertise_address": address,
        "secure_port": port,
        # Its own address in the Service `kubernetes` may not be loopback; only pods need it.
        "endpoint_reconciler_type": "none" if loopback else "lease",
        "kubelet_preferred_address_types": "InternalIP",
        "service_cluster_ip_range": "10.96.0.0/12",
        "tls_cert_file": folder / "server.crt",
        "tls_private_key_file": folder / "server.key",
        "token_auth_file": folder / "users.csv",
        "authorization_mode": "RBAC",
        "service_account_issuer": "https://kubernetes.default.svc",
        "service_account_key_file": folder / "tokens.pub",
        "service_account_signing_key_file": folder / "tokens.key",
        "audit_policy_file": folder / "audit-policy.json",
        "audit_log_path": folder / "audit.log",
        "audit_log_maxsize": 4096,
        "default_unreachable_toleration_seconds": EVICT_SECONDS,
        "default_not_ready_toleration_seconds": EVICT_SECONDS,
        "profiling": "false",
    }
