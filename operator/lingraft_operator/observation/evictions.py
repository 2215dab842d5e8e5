"""What the kubelet evicted a pod for: its own doing, or its node's need. Pure.

The kubelet tells the two apart in words only: `pkg/kubelet/eviction/helpers.go` of Kubernetes.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from lingraft_operator import names

RAISE_SCRATCH = "raise scratchSize of its pool (head.scratchSize for a head beside workers)"


class OwnDoing(NamedTuple):
    """A limit, or a request under pressure, that the pod itself went over."""

    reason: str
    message: str


def own_doing(status: Mapping[str, Any]) -> OwnDoing | None:
    """Why a pod was evicted, if that was its own doing; None for all else.

    What stands over a container that others put into the pod, or over their volumes, is not.
    """
    words = str(status.get("message") or "").strip()
    if status.get("reason") != "Evicted":
        return None
    if _over_its_disk(words) or _used_more_than_asked(words, "ephemeral-storage"):
        return OwnDoing(names.OUT_OF_DISK, f"{words.rstrip('.')}; {RAISE_SCRATCH}")
    if _volume(words) == names.SHARED_MEMORY or _used_more_than_asked(words, "memory"):
        return OwnDoing("OutOfMemory", words)
    return None


def _over_its_disk(words: str) -> bool:
    """A volume of ours, a container of ours, or the pod as a whole is over its limit."""
    container = re.search(r"Container (\S+) exceeded its local ephemeral storage limit", words)
    if container is not None:
        return container[1] in names.CONTAINERS
    whole = "Pod ephemeral local storage usage exceeds the total limit" in words
    return whole or _volume(words) == names.SCRATCH


def _volume(words: str) -> str:
    """Name of the emptyDir that is over its limit."""
    found = re.search(r'Usage of EmptyDir volume "([^"]+)" exceeds the limit', words)
    return found[1] if found else ""


def _used_more_than_asked(words: str, resource: str) -> bool:
    """Whether a node that ran low chose the pod for what a container of ours used.

    One that asked for nothing, as those of older operators, is over its request whatever it does.
    """
    pattern = (
        rf"Container (\S+) was using \S+, request is (\S+), has larger consumption of {resource}\b"
    )
    return any(
        container in names.CONTAINERS and request != "0"
        for container, request in re.findall(pattern, words)
    )
