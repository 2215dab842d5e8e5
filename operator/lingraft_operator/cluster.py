"""The only file that talks to the Kubernetes API.

Every write is guarded by the resourceVersion that was judged: what changed meanwhile is
judged again. API: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

# The kubernetes package has no types: what it returns is JSON.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubernetes import client, config
from kubernetes.client import ApiClient, ApiException
from urllib3.exceptions import HTTPError

from lingraft.resource import API_VERSION, KIND
from lingraft_operator import metrics
from lingraft_operator.answers import Conflict, Missing, Refused, Unavailable, fault
from lingraft_operator.names import LEASE, OPERATOR, OURS
from lingraft_operator.watches.objects import is_going, key_of
from lingraft_operator.world import Key, RayJob, Resource

__all__ = ["Cluster", "Conflict", "Missing", "Refused", "Unavailable", "connect"]

GROUP, VERSION = API_VERSION.split("/")
TIMEOUTS = (5, 30)
"""Seconds to connect, and to wait for an answer."""
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PAGE = 250
"""Objects in one answer to a list."""


def connect() -> ApiClient:
    """A client for the pod's own cluster, or for $KUBECONFIG outside of one."""
    try:
        config.load_incluster_config()
    except config.ConfigException:
        config.load_kube_config()
    settings = client.Configuration.get_default_copy()
    settings.connection_pool_maxsize = 32
    settings.proxy = None  # HTTPS_PROXY is for S3: kopf's client ignores it too
    return ApiClient(settings)


class Cluster:
    """The calls that the operator makes."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    def missing_kinds(self) -> list[str]:
        """Kinds that must be known before watches start, and are not."""
        wanted = {API_VERSION: "languageadaptations", "ray.io/v1": "rayjobs"}
        return [
            f"{plural}.{version.split('/')[0]}"
            for version, plural in wanted.items()
            if plural not in self._served(version)
        ]

    def _served(self, version: str) -> set[str]:
        try:
            return {one["name"] for one in self._call("GET", f"/apis/{version}")["resources"]}
        except Conflict:
            return set()

    def list_all(
        self,
        kind: tuple[str, str, str],
        namespaces: Sequence[str],
        selector: str = "",
        accept: str = "application/json",
    ) -> Iterator[dict[str, Any]]:
        """Every object of a kind (group, version, plural), in these namespaces or in all."""
        group, version, plural = kind
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        scopes = [f"/namespaces/{name}" for name in namespaces] or [""]
        for path in (f"{root}{scope}/{plural}" for scope in scopes):
            query = {"limit": str(PAGE), "labelSelector": selector, "continue": ""}
            while True:
                page = self._call("GET", path, query=list(query.items()), accept=accept)
                yield from page["items"]
                query["continue"] = page["metadata"].get("continue", "")
                if not query["continue"]:
                    break

    def resource_versions(self, namespaces: Sequence[str]) -> dict[Key, int]:
        """The version of every LanguageAdaptation, without asking for what is in it."""
        kind = (GROUP, VERSION, "languageadaptations")
        listed = self.list_all(kind, namespaces, accept=METADATA)
        found = [body for body in listed if not is_going(body)]
        return {key_of(body): int(body["metadata"]["resourceVersion"]) for body in found}

    def pod_uids(self, namespaces: Sequence[str]) -> set[str]:
        """The pods of our RayJobs."""
        listed = self.list_all(("", "v1", "pods"), namespaces, OURS, accept=METADATA)
        return {body["metadata"]["uid"] for body in listed}

    def write_status(self, resource: Resource, status: Mapping[str, Any]) -> dict[str, Any]:
        """Apply a status that was judged on this version of the resource; the new object."""
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {
                "name": resource.name,
                "namespace": resource.namespace,
                "resourceVersion": resource.resource_version,
            },
            "status": status,
        }
        return self._call(
            "PATCH",
            f"{_resources(resource.namespace)}/{resource.name}/status",
            body,
            content_type="application/apply-patch+yaml",
            query=[("fieldManager", OPERATOR), ("force", "true")],
        )

    def get_resource(self, key: Key) -> dict[str, Any] | None:
        """A resource as it is now, or None."""
        try:
            return self._call("GET", f"{_resources(key[0])}/{key[1]}")
        except Conflict:
            return None

    def create_rayjob(self, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Create a RayJob, or only ask whether it would be taken; the object as it was stored.

        A field that its CRD does not know is refused, and not dropped in silence.
        """
        query = [("fieldValidation", "Strict"), *([("dryRun", "All")] if dry_run else [])]
        return self._call("POST", _rayjobs(body["metadata"]["namespace"]), body, query=query)

    def get_rayjob(self, key: Key) -> dict[str, Any] | None:
        """A RayJob as it is now, or None."""
        try:
            return self._call("GET", f"{_rayjobs(key[0])}/{key[1]}")
        except Conflict:
            return None

    def set_owners(self, rayjob: RayJob, owners: list[Mapping[str, Any]]) -> dict[str, Any]:
        """Replace a RayJob's owner references; the new object."""
        # Not by SSA: with one field manager it would drop the owners that it does not name.
        body = {"metadata": {"resourceVersion": rayjob.resource_version, "ownerReferences": owners}}
        path = f"{_rayjobs(rayjob.namespace)}/{rayjob.name}"
        return self._call("PATCH", path, body, content_type="application/merge-patch+json")

    def delete_rayjob(self, rayjob: RayJob) -> None:
        """Delete just this RayJob, just as it was seen."""
        guard = {"uid": rayjob.uid, "resourceVersion": rayjob.resource_version}
        body = {"preconditions": guard, "propagationPolicy": "Background"}
        self._call("DELETE", f"{_rayjobs(rayjob.namespace)}/{rayjob.name}", body)

    def lease(self, namespace: str) -> dict[str, Any] | None:
        """The Lease that says who tends a namespace, or None."""
        try:
            return self._call("GET", f"{_leases(namespace)}/{LEASE}")
        except Conflict:
            return None

    def put_lease(self, namespace: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create it, or write it over just what was seen; the new object."""
        if "resourceVersion" not in body["metadata"]:
            return self._call("POST", _leases(namespace), body)
        return self._call("PUT", f"{_leases(namespace)}/{LEASE}", body)

    def events_of(self, namespace: str, uid: str) -> list[dict[str, Any]]:
        """The Events about one object; none where they may not be read, or not now."""
        path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        query = [("fieldSelector", f"regarding.uid={uid}"), ("limit", str(PAGE))]
        try:
            return self._call("GET", path, query=query)["items"]
        except (Conflict, Refused, Unavailable):  # they only explain
            return []

    def record(self, event: Mapping[str, Any]) -> None:
        """Post an Event."""
        namespace = event["metadata"]["namespace"]
        self._call("POST", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", event)

    def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        query: list[tuple[str, str]] | None = None,
    ) -> dict[str, Any]:
        verb, kind = metrics.verb_and_kind(method, path)
        try:
            with metrics.api_seconds.labels(verb, kind).time():
                answer: Any = self._api.call_api(
                    path,
                    method,
                    query_params=query or [],
                    header_params={"Accept": accept, "Content-Type": content_type},
                    body=body,
                    auth_settings=["BearerToken"],
                    response_types_map={200: "object", 201: "object", 202: "object"},
                    _request_timeout=TIMEOUTS,
                )
        except ApiException as error:
            metrics.api_errors.labels(verb, kind, str(error.status)).inc()
            raise fault(method, error) from error
        except HTTPError as error:
            metrics.api_errors.labels(verb, kind, "unreachable").inc()
            raise Unavailable(f"{method} {path}: {error}") from error
        return answer[0]


def _resources(namespace: str) -> str:
    return f"/apis/{API_VERSION}/namespaces/{namespace}/languageadaptations"


def _leases(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"


def _rayjobs(namespace: str) -> str:
    return f"/apis/ray.io/v1/namespaces/{namespace}/rayjobs"
