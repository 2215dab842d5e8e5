"""Which release of the chart tends a namespace: one, however many watch it.

A Lease of the namespace says it, which its owner renews; another release takes it over once it was
not renewed for a while, by that release's own clock. Copies of one release share it.
API: https://kubernetes.io/docs/concepts/architecture/leases/
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lingraft_operator.cluster import Cluster, Conflict, Refused, Unavailable
from lingraft_operator.names import LEASE

log = logging.getLogger(__name__)

RENEW_SECONDS, GONE_SECONDS = 60.0, 300.0
"""How often a claim is renewed, and after how long without that its owner is gone."""


class _Claim(NamedTuple):
    owner: str
    body: dict[str, Any]
    since: float
    """When this version of it was seen first."""
    checked: float


class Claims:
    """The claims that are known, for all worker threads."""

    def __init__(
        self, cluster: Cluster, release: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Know none.

        Args:
            cluster: Where Leases are.
            release: Ours.
            now: Seconds.
        """
        self._cluster, self.release, self._now = cluster, release, now
        self._lock = threading.Lock()
        self._claims: dict[str, _Claim] = {}

    def owner(self, namespace: str) -> str:
        """The release that tends a namespace; ours, if nobody does.

        Raises:
            Unavailable: Nobody can say so now.
        """
        with self._lock:
            known = self._claims.get(namespace)
            # Ours is renewed by `renew`; if that fails for long, somebody may have taken it.
            fresh = GONE_SECONDS / 2 if known and known.owner == self.release else RENEW_SECONDS
            if known is not None and self._now() - known.checked < fresh:
                return known.owner
            return self._look(namespace)

    def renew(self, namespaces: Iterable[str]) -> list[str]:
        """Renew what is ours, and look after the others; the namespaces that became ours.

        Namespaces that come and go are not kept in mind for ever.
        """
        won: list[str] = []
        named = set(namespaces)
        with self._lock:
            over = self._now() - GONE_SECONDS
            kept = (k for k, one in self._claims.items() if k in named or one.checked > over)
            self._claims = {namespace: self._claims[namespace] for namespace in kept}
        for namespace in sorted(named):
            with self._lock:
                before = self._claims.get(namespace)
                try:
                    owner = self._look(namespace)
                except Unavailable as error:
                    log.warning("the claim on namespace %s: %s", namespace, error)
                    continue
            if before is not None and owner == self.release != before.owner:
                won.append(namespace)
        return won

    def _look(self, namespace: str) -> str:
        try:
            for _ in range(3):
                found = self._cluster.lease(namespace)
                try:
                    return self._judge(namespace, found)
                except Conflict:  # somebody was faster
                    continue
            raise Unavailable(f"the Lease {LEASE} of {namespace} changes all the time")
        except Refused as error:
            # Rights of an older chart, or a quota: as if we were alone, as long as that is so.
            log.warning("no Lease says who tends namespace %s: %s", namespace, error)
            return self._know(namespace, self.release, {})

    def _judge(self, namespace: str, found: dict[str, Any] | None) -> str:
        if found is None:
            body = {"metadata": {"name": LEASE, "namespace": namespace}, "spec": {}}
            return self._take(namespace, body)
        owner = str(found["spec"].get("holderIdentity") or "")
        known = self._claims.get(namespace)
        same = known is not None and _version(known.body) == _version(found)
        since = known.since if same and known is not None else self._now()
        if owner in ("", self.release) or self._now() - since >= GONE_SECONDS:
            return self._take(namespace, found)
        return self._know(namespace, owner, found, since)

    def _take(self, namespace: str, found: dict[str, Any]) -> str:
        """Write that it is ours, over just what was found."""
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = found["spec"]
        if spec.get("holderIdentity") != self.release:
            changes = int(spec.get("leaseTransitions") or 0) + 1
            spec = spec | {"acquireTime": now, "leaseTransitions": changes}
        spec = spec | {
            "holderIdentity": self.release,
            "leaseDurationSeconds": int(GONE_SECONDS),
            "renewTime": now,
        }
        written = self._cluster.put_lease(namespace, found | {"spec": spec})
        return self._know(namespace, self.release, written)

    def _know(
        self, namespace: str, owner: str, body: dict[str, Any], since: float | None = None
    ) -> str:
        now = self._now()
        self._claims[namespace] = _Claim(owner, body, now if since is None else since, now)
        return owner


def _version(body: dict[str, Any]) -> str:
    return str(body.get("metadata", {}).get("resourceVersion", ""))
