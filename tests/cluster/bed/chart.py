"""The chart, rendered by the real helm, on a cluster where our operator runs as a process."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import yaml

from lingraft.resource import API_VERSION
from tests.cluster.bed.api import Api, ApiError, Object
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.processes import wait_until
from tools.chart import CHART
from tools.kube.build import binary

RELEASE = "lingraft"
NAMESPACE = "lingraft-system"


class HelmError(Exception):
    """Helm refused; the message is its own."""


def helm(*arguments: str, values: Object | None = None) -> str:
    """Run helm; its output.

    Raises:
        HelmError: It refused.
    """
    command = [binary("helm"), *arguments, *([] if values is None else ["--values=-"])]
    given = json.dumps(values)
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise HelmError(done.stderr + done.stdout)
    return done.stdout


def render(values: Object | None = None, *, release: str = RELEASE) -> list[Object]:
    """Every manifest of the release, in the order that helm applies them."""
    text = helm("template", release, str(CHART), f"--namespace={NAMESPACE}", values=values)
    return [manifest for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest]


COMPONENT = "app.kubernetes.io/component"


def one(manifests: Iterable[Object], kind: str, *, component: str = "operator") -> Object:
    """The manifest of this kind in a component of the chart; there must be exactly one."""
    (found,) = (
        manifest
        for manifest in manifests
        if manifest["kind"] == kind
        and manifest["metadata"].get("labels", {}).get(COMPONENT, component) == component
    )
    return found


def config_text(manifests: Iterable[Object]) -> str:
    """The operator's config.yaml."""
    return one(manifests, "ConfigMap")["data"]["config.yaml"]


@dataclass(frozen=True)
class Applied:
    """The chart on the bed, without the Deployment: the operator is a process of the test.

    Attributes:
        config: The config.yaml that its pod would mount; LINGRAFT_CONFIG names it.
        kubeconfig: Of the operator's ServiceAccount, so it may do what the chart allows.
        environment: The plain environment variables that its container would have.
        namespace: The release's namespace.
        service_account: The operator's, in that namespace.
    """

    config: Path
    kubeconfig: Path
    environment: dict[str, str]
    namespace: str
    service_account: str

    @property
    def user(self) -> str:
        """As whom the audit log and RBAC know the operator."""
        return f"system:serviceaccount:{self.namespace}:{self.service_account}"


def apply_chart(
    cluster: ControlPlane, values: Object | None = None, *, release: str = RELEASE
) -> Applied:
    """Render the chart and apply everything but the Deployment; again to upgrade.

    What new values no longer render stays: another list of namespaces is another release.
    """
    manifests = render(values, release=release)
    ensure_namespace(cluster)
    for manifest in manifests:
        match manifest["kind"]:
            case "CustomResourceDefinition":
                apply(cluster.admin, manifest)
                wait_until(lambda: served(cluster.admin), "the CRD is served")
            case "Deployment":
                pass
            case _:
                apply(cluster.admin, manifest)
    pod = one(manifests, "Deployment")["spec"]["template"]["spec"]
    config = cluster.folder / f"{release}-config.yaml"
    config.write_text(config_text(manifests))
    account = pod["serviceAccountName"]
    user = cluster.service_account(NAMESPACE, account)
    for role in manifests:
        if role["metadata"]["name"] == account and role["kind"] in ("Role", "ClusterRole"):
            wait_until(partial(in_force, user, role), f"{account} may do what its role says")
    return Applied(
        config=config,
        kubeconfig=cluster.service_account_kubeconfig(NAMESPACE, account),
        environment={e["name"]: e["value"] for e in pod["containers"][0].get("env", [])},
        namespace=NAMESPACE,
        service_account=account,
    )


def in_force(user: Api, role: Object) -> bool:
    """Whether the API server allows this user what its role says; it learns so a little late."""
    namespace = role["metadata"].get("namespace", NAMESPACE)
    review = user.create(
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        },
    )
    allowed = {
        (verb, group, resource)
        for rule in review["status"]["resourceRules"]
        for verb, group, resource in product(rule["verbs"], rule["apiGroups"], rule["resources"])
    }
    return all(
        right in allowed
        for rule in role["rules"]
        for right in product(rule["verbs"], rule["apiGroups"], rule["resources"])
    )


def ensure_namespace(cluster: ControlPlane, name: str = NAMESPACE) -> None:
    """Make a namespace, the release's unless named, if it is not there."""
    if cluster.admin.find(f"/api/v1/namespaces/{name}") is None:
        cluster.namespace(name)


def served(api: Api, collection: str = f"/apis/{API_VERSION}/languageadaptations") -> bool:
    """Whether these can be listed; what a new CRD defines is not found and then makes ready."""
    try:
        api.list(collection, limit="1")
    except ApiError as error:
        if error.code not in (404, 429):
            raise
        return False
    return True


def apply(api: Api, manifest: Object, *, dry_run: bool = False) -> Object:
    """Server-side apply, where a field that Kubernetes does not know is an error."""
    query = {"fieldManager": "helm", "force": "true", "fieldValidation": "Strict"}
    if dry_run:
        query["dryRun"] = "All"
    content_type = "application/apply-patch+yaml"
    return api.request("PATCH", path_of(manifest), manifest, content_type=content_type, **query)


def path_of(manifest: Object) -> str:
    """Where a manifest lives."""
    group, metadata = manifest["apiVersion"], manifest["metadata"]
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    kind = manifest["kind"].lower()
    plural = f"{kind[:-1]}ies" if kind.endswith("cy") else f"{kind}s"
    return f"{root}{namespace}/{plural}/{metadata['name']}"
