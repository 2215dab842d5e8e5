"""Whether a resource is looked at: by this release, and by an operator that it does not kill."""

import logging
from collections.abc import Callable

from lingraft_operator import names
from lingraft_operator.status.conditions import Summary
from lingraft_operator.status.events import Note
from lingraft_operator.watches.claims import Claims
from lingraft_operator.watches.marks import DEATHS, Asked, Marks
from lingraft_operator.world import Key, Resource

log = logging.getLogger(__name__)

SET_ASIDE = Summary(
    "Stalled",
    "SetAside",
    f"the operator was killed {DEATHS} times or more while it looked at this resource, and looks "
    "at it again by itself only after minutes, later hours; see what is large in its buckets, then "
    f"edit it, or give the annotation {names.RETRY} a new value",
)


class Gate:
    """Asked before each pass."""

    def __init__(
        self, claims: Claims, marks: Marks, tell: Callable[[Resource, Note], None]
    ) -> None:
        self._claims, self._marks, self._tell = claims, marks, tell
        self.foreign: dict[Key, str] = {}
        """Which other release tends a resource, where that was said."""

    def leaves_to_another(self, resource: Resource) -> bool:
        """Whether another release tends it, which is said once.

        Raises:
            Unavailable: Nobody can say so now.
        """
        owner = resource.release or self._claims.owner(resource.namespace)
        if owner == self._claims.release:
            self.foreign.pop(resource.key, None)
            return False
        if self.foreign.get(resource.key) != owner:
            self.foreign[resource.key] = owner
            why = "as its annotation says" if resource.release else "which tends its namespace"
            words = (
                f"left to the release {owner}, {why}; the annotation {names.RELEASE}: "
                f"{self._claims.release} would have this one tend it"
            )
            self._tell(resource, Note("Normal", "LeftToAnotherRelease", words, "Reconcile"))
            details = {"namespace": resource.namespace, "resource": resource.name}
            log.info("%s", words, extra=details)
        return True

    def sets_aside(self, resource: Resource) -> float:
        """Seconds for which it is set aside, as it killed the operator too often; 0: it is not."""
        return self._marks.sets_aside(resource.key, _asked(resource))

    def begin(self, resource: Resource) -> bool:
        """Mark that a pass begins; False where it has to wait."""
        return self._marks.begin(resource.key, _asked(resource))

    def end(self, key: Key) -> None:
        """The pass came to its end; not said where the process itself ends."""
        self._marks.end(key)

    def forget(self, key: Key) -> None:
        """A resource is gone."""
        self.foreign.pop(key, None)
        self._marks.end(key)


def _asked(resource: Resource) -> Asked:
    return resource.uid, resource.generation, resource.retry
