"""What the API server is asked, where what the watches told may be behind.

A watch that broke says nothing. And if etcd is restored from a backup, versions begin at an older
one: what is told from then on looks older than what is known. But an answer to a question is never
older than the question, so that one with an older version tells that this is so.
"""

from collections.abc import Mapping
from typing import Any

from lingraft.plan import Plan
from lingraft_operator.cluster import Cluster
from lingraft_operator.config import Config
from lingraft_operator.names import rayjob_name
from lingraft_operator.watches.cache import Cache
from lingraft_operator.watches.objects import is_going
from lingraft_operator.world import RayJob, Resource


class Asking:
    """Keeps the cache right where nobody else does."""

    def __init__(self, cache: Cache, cluster: Cluster, config: Config) -> None:
        self._cache, self._cluster, self._config = cache, cluster, config

    def rayjobs(
        self, resource: Resource, plan: Plan | None, credentials_secret: str | None
    ) -> dict[str, RayJob]:
        """The RayJobs of the plan's stages, and whatever else the resource owns."""
        found = {rayjob.name: rayjob for rayjob in self._cache.owned(resource.uid)}
        latest = [a for stage in resource.status.stages for a in stage.attempts[-1:]]
        uids = {a.ray_job: a.uid for a in latest if a.ended_at is None}
        for planned in plan.stages if plan is not None else ():
            name = rayjob_name(planned.stage, plan.store, credentials_secret) if plan else ""
            key = (resource.namespace, name)
            known = self._cache.rayjob(key)
            old = known is not None and known[1] > self._config.poll_seconds
            if old and known is not None and (known[0].deleting or not known[0].finished):
                known = self.look_up(key)  # a watch that broke may have missed its end
            elif name in uids and (known is None or known[0].uid != uids[name]):
                known = self.look_up(key)  # before it is given up: the watch may be behind
            if known is not None:
                found[name] = known[0]
            else:
                found.pop(name, None)
        return found

    def look_again(self, resource: Resource) -> None:
        """It changed or went while it was judged; a watch that broke may never say so."""
        before = self._cache.version(resource.key)
        body = self._cluster.get_resource(resource.key)
        if body is not None and not is_going(body):
            self._cache.put_resource(body, answer=True, before=before)
        else:
            self._cache.drop_resource(resource.key, resource.uid)

    def look_up(self, key: tuple[str, str]) -> tuple[RayJob, float] | None:
        """Ask the API server for a RayJob, and remember the answer."""
        before = self._cache.rayjob(key)
        body = self._cluster.get_rayjob(key)
        if body is not None:
            if before is not None and _version(body) < int(before[0].resource_version):
                self._cache.drop_rayjob(key, before[0].uid)  # etcd was restored
            self._cache.put_rayjob(body)
        elif (known := self._cache.rayjob(key)) is not None:
            self._cache.drop_rayjob(key, known[0].uid)
        return self._cache.rayjob(key)


def _version(body: Mapping[str, Any]) -> int:
    return int(body["metadata"]["resourceVersion"])
