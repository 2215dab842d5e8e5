"""Whether a pod is restricted: pure.

API: https://kubernetes.io/docs/concepts/security/pod-security-standards/ (Restricted, Linux)
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SELINUX = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
"""Annotations of before Kubernetes 1.30, which are still obeyed."""
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HOSTS = ("httpGet", "tcpSocket")
SECCOMP = {"RuntimeDefault", "Localhost"}


def faults(template: Mapping[str, Any]) -> Iterator[str]:
    """What of a pod template is not restricted: field and value."""
    spec: Mapping[str, Any] = template["spec"]
    notes: Mapping[str, str] = template["metadata"].get("annotations") or {}
    for key, value in notes.items():
        if key.startswith(APPARMOR) and not value.startswith(("runtime/default", "localhost/")):
            yield f"the annotation {key}"
    pod: Mapping[str, Any] = spec.get("securityContext") or {}
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"spec.{field}"
    for volume in spec.get("volumes") or ():
        for kind in volume.keys() - VOLUMES - {"name"}:
            yield f"volume {volume.get('name')} of the kind {kind}"
    if pod.get("sysctls"):
        yield "spec.securityContext.sysctls"
    yield from _of_context(pod, "spec.securityContext")
    for kind in ("initContainers", "containers"):
        for container in spec.get(kind) or ():
            yield from _of_container(container, pod)


def _of_container(container: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[str]:
    name = f"container {container.get('name')}"
    own: Mapping[str, Any] = container.get("securityContext") or {}
    yield from _of_context(own, f"{name}: securityContext")
    both = {**pod, **own}
    if both.get("runAsNonRoot") is not True:
        yield f"{name}: securityContext.runAsNonRoot is not true"
    if cast(Mapping[str, Any], both.get("seccompProfile") or {}).get("type") not in SECCOMP:
        yield f"{name}: securityContext.seccompProfile is not RuntimeDefault"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: securityContext.allowPrivilegeEscalation is not false"
    if own.get("privileged"):
        yield f"{name}: securityContext.privileged"
    if own.get("procMount") not in (None, "Default"):
        yield f"{name}: securityContext.procMount"
    capabilities: Mapping[str, Any] = own.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or ()):
        yield f"{name}: securityContext.capabilities.drop is without ALL"
    if set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
        yield f"{name}: securityContext.capabilities.add"
    hooks: Mapping[str, Any] = container.get("lifecycle") or {}
    asked: list[Mapping[str, Any] | None] = [container.get(probe) for probe in PROBES]
    asked += hooks.values()
    ways: list[Mapping[str, Any]] = [one.get(how) or {} for one in asked if one for how in HOSTS]
    if any(way.get("host") for way in ways):
        yield f"{name}: a probe or hook asks another host"
    if any(port.get("hostPort") for port in container.get("ports") or ()):
        yield f"{name}: ports have a hostPort"


def _of_context(context: Mapping[str, Any], place: str) -> Iterator[str]:
    """What a pod's and a container's have in common."""
    if context.get("runAsUser") == 0:
        yield f"{place}.runAsUser is 0"
    selinux: Mapping[str, Any] = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in SELINUX or selinux.get("user") or selinux.get("role"):
        yield f"{place}.seLinuxOptions"
    apparmor: Mapping[str, Any] = context.get("appArmorProfile") or {}
    if apparmor.get("type") == "Unconfined":
        yield f"{place}.appArmorProfile"
    windows: Mapping[str, Any] = context.get("windowsOptions") or {}
    if windows.get("hostProcess"):
        yield f"{place}.windowsOptions.hostProcess"
