"""The pods of a RayJob: restricted, with a read-only root and no token of a ServiceAccount.

API: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lingraft.pools import HeadSize, Pool, amount
from lingraft.store.credentials import FOLDER
from lingraft_operator import names
from lingraft_operator.config import Config
from lingraft_operator.jobs.merge import with_template
from lingraft_operator.podtemplate import PodTemplate

USER = 1000
"""Of the trainer's image, and of Ray's own ones."""
GRACE_SECONDS = 60
"""Ray drains a preempted node for 30 s, and the trainer gives its lease back."""
FALLBACK = Pool(
    workers=0,
    cpu="2",
    memory="8Gi",
    gpus=0,
    gpu_resource="nvidia.com/gpu",
    scratch_size="20Gi",
    head=HeadSize(cpu="1", memory="3Gi", scratch_size="10Gi"),
)
"""What neither the chart nor the resource says."""
SCRATCH_FOLDER, CA_FOLDER, KEYS_FOLDER = "/tmp", "/etc/lingraft-ca", "/etc/lingraft-credentials"


@dataclass(frozen=True)
class Size:
    """What one pod gets, requests and limits alike.

    Attributes:
        cpu: Such as 500m or 4.
        memory: Such as 8Gi.
        scratch: Limit of its disk for caches, temporary files and Ray's logs.
        gpus: How many.
        gpu_resource: Their name, such as nvidia.com/gpu.
    """

    cpu: str
    memory: str
    scratch: str
    gpus: int = 0
    gpu_resource: str = ""

    @property
    def cores(self) -> int:
        """Whole cores, at least one."""
        return max(1, int(amount(self.cpu)))

    @property
    def shared_memory(self) -> int:
        """Bytes of /dev/shm, a quarter of the memory: what lies there counts as the pod's."""
        return max(2**27, int(amount(self.memory)) // 4)

    @property
    def object_store(self) -> int:
        """Bytes of Ray's object store. The rest of /dev/shm is NCCL's; Ray wants 75 MiB."""
        return self.shared_memory * 3 // 4

    @property
    def resources(self) -> dict[str, dict[str, str]]:
        """Requests and limits of the container."""
        amounts = {"cpu": self.cpu, "memory": self.memory, "ephemeral-storage": self.scratch}
        if self.gpus:
            amounts[self.gpu_resource] = str(self.gpus)
        return {"requests": amounts, "limits": dict(amounts)}


def head_size_of(pool: Pool) -> Size:
    """What a head beside workers gets: for GCS, the dashboard and the driver, which waits."""
    head = FALLBACK.overridden_by(pool).head or HeadSize()
    return Size(cpu=str(head.cpu), memory=str(head.memory), scratch=str(head.scratch_size))


def size_of(pool: Pool) -> Size:
    """What one worker of a pool gets."""
    full = FALLBACK.overridden_by(pool)
    return Size(
        cpu=str(full.cpu),
        memory=str(full.memory),
        scratch=str(full.scratch_size),
        gpus=full.gpus or 0,
        gpu_resource=str(full.gpu_resource),
    )


@dataclass(frozen=True)
class Pods:
    """What head and workers of a RayJob have in common.

    Attributes:
        pool: The chart's, with the resource's overrides.
        image: Of Ray containers.
        credentials_secret: Its keys become environment variables, and files, in which they are read
            anew when they change; None: workload identity.
        labels: Of the pods.
        config: The chart's settings.
        patch: The chart's template, which is merged into ours.
    """

    pool: Pool
    image: str
    credentials_secret: str | None
    labels: Mapping[str, str]
    config: Config
    patch: PodTemplate | None

    def template(
        self,
        container: str,
        size: Size,
        *,
        apart: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """A pod template of one container; KubeRay adds its command, probes and port.

        The container that waits for the head, which KubeRay puts before workers, takes its
        security context, environment and mounts from here.

        Args:
            container: Its name.
            size: What it gets.
            apart: Whether it is a head beside workers, which goes to the pool's nodes for heads,
                where there are such.
            environment: Variables of this container alone.
        """
        pool = self.pool
        spec: dict[str, Any] = {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "securityContext": {
                "runAsNonRoot": True,
                **self._user(),
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [self._container(container, size, environment or {})],
            "volumes": [volume for volume, _ in self._volumes(size)],
        } | _placement(pool, apart=apart)
        if pool.service_account_name:
            spec["serviceAccountName"] = pool.service_account_name
        if pool.image_pull_secrets:
            spec["imagePullSecrets"] = [{"name": one.name} for one in pool.image_pull_secrets]
        if pool.priority_class_name:
            spec["priorityClassName"] = pool.priority_class_name
        beside = {names.HEAD: names.BESIDE_WORKERS} if apart else {}
        ours = {"metadata": {"labels": dict(self.labels) | beside}, "spec": spec}
        return with_template(ours, self.patch)

    def _user(self) -> dict[str, int]:
        if not self.config.fixed_users:
            return {}
        return {"runAsUser": USER, "runAsGroup": USER, "fsGroup": USER}

    def _container(self, name: str, size: Size, own: Mapping[str, str]) -> dict[str, Any]:
        variables = self._environment() | dict(own)
        container: dict[str, Any] = {
            "name": name,
            "image": self.image,
            "imagePullPolicy": self.config.image_pull_policy,
            "env": [{"name": key, "value": value} for key, value in variables.items()],
            "resources": size.resources,
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
            "volumeMounts": [
                {"name": volume["name"]} | mount for volume, mount in self._volumes(size)
            ],
        }
        if self.credentials_secret:
            container["envFrom"] = [{"secretRef": {"name": self.credentials_secret}}]
        return container

    def _volumes(self, size: Size) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Volumes, and where they are mounted: the root is read-only."""
        shared = {"medium": "Memory", "sizeLimit": f"{size.shared_memory >> 20}Mi"}
        found: list[tuple[dict[str, Any], dict[str, Any]]] = [
            (
                {"name": names.SCRATCH, "emptyDir": {"sizeLimit": size.scratch}},
                {"mountPath": SCRATCH_FOLDER},
            ),
            ({"name": names.SHARED_MEMORY, "emptyDir": shared}, {"mountPath": "/dev/shm"}),
        ]
        if name := self.config.s3.ca_config_map:
            mount = {"mountPath": CA_FOLDER, "readOnly": True}
            found.append(({"name": "ca", "configMap": {"name": name}}, mount))
        if self.credentials_secret:
            # A Secret that is missing is told by the environment, in the status of the container.
            secret = {"secretName": self.credentials_secret, "optional": True}
            mount = {"mountPath": KEYS_FOLDER, "readOnly": True}
            found.append(({"name": "credentials", "secret": secret}, mount))
        return found

    def _environment(self) -> dict[str, str]:
        """Of every Ray container; what the pool says wins."""
        given = {
            # Caches and temporary files; the user need not have a name in the image.
            "HOME": SCRATCH_FOLDER,
            "USER": "lingraft",
            "HF_HUB_OFFLINE": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        s3 = self.config.s3
        if s3.endpoint:
            given["AWS_ENDPOINT_URL"] = s3.endpoint
        if s3.region:
            given["AWS_DEFAULT_REGION"] = s3.region  # boto3 does not read AWS_REGION
        if s3.ca_config_map:
            given["AWS_CA_BUNDLE"] = f"{CA_FOLDER}/ca.crt"
        if self.credentials_secret:
            given[FOLDER] = KEYS_FOLDER
        own = {one.name: one.value for one in self.pool.env or ()}
        return given | self.config.proxy | own


def _placement(pool: Pool, *, apart: bool) -> dict[str, Any]:
    """Tolerations are for the taints of the workers' nodes: a head elsewhere has none."""
    found: dict[str, Any] = {}
    apart = apart and pool.head_node_selector is not None
    selector = pool.head_node_selector if apart else pool.node_selector
    if selector:
        found["nodeSelector"] = dict(selector)
    if pool.tolerations and not apart:
        found["tolerations"] = [
            one.model_dump(by_alias=True, exclude_none=True) for one in pool.tolerations
        ]
    return found
