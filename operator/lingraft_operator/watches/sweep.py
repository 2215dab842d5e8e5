"""What nobody's events bring up: RayJobs that are over or unowned, and what watches kept back."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from lingraft_operator import metrics
from lingraft_operator.cluster import Cluster, Conflict
from lingraft_operator.config import Config
from lingraft_operator.observation.observe import Observer
from lingraft_operator.watches.cache import Cache
from lingraft_operator.watches.claims import Claims
from lingraft_operator.watches.objects import is_going
from lingraft_operator.world import Key, RayJob

log = logging.getLogger(__name__)

SWEEP_SECONDS = 60.0
LISTED_EVERY = 5
"""Sweeps. A watch that died tells nothing of itself: now and then we ask what it should know."""
CONFIRM_SECONDS = 600.0
"""A RayJob that was not heard of for so long may be gone: watches that break tell nothing."""


def is_litter(rayjob: RayJob, keep: timedelta, now: datetime) -> bool:
    """Whether a RayJob has had its time; the history of attempts stays in the status."""
    if rayjob.deleting:
        return False
    if not rayjob.owners:  # deleted with --cascade=orphan
        return True
    return rayjob.finished and (rayjob.ended_at or rayjob.created_at) + keep <= now


class Sweeper:
    """Deletes litter once a minute, and asks after the watches."""

    def __init__(
        self,
        cache: Cache,
        cluster: Cluster,
        observer: Observer,
        config: Config,
        claims: Claims,
        wake: Callable[[Key], None],
    ) -> None:
        self._cache, self._cluster, self._observer = cache, cluster, observer
        self._claims, self._wake = claims, wake
        self._namespaces = config.namespaces
        self._keep = timedelta(seconds=config.keep_finished_seconds)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()

    def _run(self) -> None:
        sweeps = 0
        while not self._over.wait(SWEEP_SECONDS):
            sweeps += 1
            self.claim()
            self.sweep()
            self.forget_pods()
            if sweeps % LISTED_EVERY == 0:
                self.compare()

    def claim(self) -> None:
        """Renew our claims on namespaces, and tend those that another release has left."""
        keys = self._cache.keys()
        try:
            won = set(self._claims.renew(sorted({key[0] for key in keys})))
        except Exception as error:  # they are renewed again in a minute
            metrics.reconcile_errors.labels("sweep").inc()
            log.warning("claims on namespaces could not be renewed: %s", error)
            return
        for key in keys:
            if key[0] in won:
                self._wake(key)

    def compare(self) -> None:
        """Hold the cache against a listing; the liveness probe fails if the watch stays behind."""
        try:
            before = self._cache.versions()
            versions = self._cluster.resource_versions(self._namespaces)
            for key in [k for k, version in versions.items() if version < before.get(k, 0)]:
                if (known := self._cache.resource(key)) is not None:  # etcd was restored
                    self._observer.look_again(known)
                    self._wake(key)
            for key, uid in self._cache.expect(versions).items():
                body = self._cluster.get_resource(key)
                if body is None or is_going(body):
                    self._cache.drop_resource(key, uid)
                    self._wake(key)
        except Exception as error:  # they are compared again in some minutes
            metrics.reconcile_errors.labels("sweep").inc()
            log.warning("resources could not be listed: %s", error)

    def forget_pods(self) -> None:
        """Pods that went while the watch was away: it never says so."""
        try:
            known = self._cache.pods()
            there = self._cluster.pod_uids(self._namespaces) if known else set[str]()
            for uid in known.keys() - there:
                self._cache.forget_pod(known[uid], uid)
        except Exception as error:
            metrics.reconcile_errors.labels("sweep").inc()
            log.warning("pods could not be listed: %s", error)

    def sweep(self) -> None:
        """Delete what is litter now, and ask after what was not heard of for long."""
        for rayjob in self._cache.rayjobs():
            try:
                self._sweep(rayjob)
            except Exception as error:  # it is looked at again in a minute
                metrics.reconcile_errors.labels("sweep").inc()
                log.warning("RayJob %s could not be swept: %s", rayjob.name, error)

    def _sweep(self, rayjob: RayJob) -> None:
        if self._claims.owner(rayjob.namespace) != self._claims.release:
            return
        key = (rayjob.namespace, rayjob.name)
        if is_litter(rayjob, self._keep, datetime.now(UTC)):
            try:
                self._cluster.delete_rayjob(rayjob)
                log.info("deleted %s: over for long", rayjob.name)
            except Conflict:  # it changed, or went without our being told
                self._observer.look_up(key)
            return
        known = self._cache.rayjob(key)
        if known is not None and not rayjob.finished and known[1] > CONFIRM_SECONDS:
            self._observer.look_up(key)
