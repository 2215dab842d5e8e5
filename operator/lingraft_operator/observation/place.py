"""Where a resource publishes: what holds there, after the roll-back that was asked for."""

from collections.abc import Callable, Sequence

from lingraft.errors import LingraftError
from lingraft.publish import Place
from lingraft.resource import LanguageAdaptationSpec
from lingraft.stage import Failure
from lingraft.store.base import ArtifactStore
from lingraft.store.budget import within
from lingraft_operator import names
from lingraft_operator.config import Access
from lingraft_operator.decision.published import Seen, is_looked_at, rollback_wanted
from lingraft_operator.observation.sightings import utc_now
from lingraft_operator.planning.access import AccessDeniedError, may_use
from lingraft_operator.world import Resource

SECONDS = 30.0
"""How long a place may keep a pass."""


def look(
    resource: Resource,
    spec: LanguageAdaptationSpec,
    access: Sequence[Access],
    open_: Callable[[str], ArtifactStore],
) -> Seen | None:
    """Roll back where that is asked for, by the operator's own identity, and read what holds.

    Args:
        resource: As it was last seen.
        spec: Its spec.
        access: The chart's list.
        open_: Opens a store.

    Returns:
        None where the place is not to be read in this pass, or cannot be and nothing was asked.
    """
    if spec.publish is None or not is_looked_at(resource, spec):
        return None
    uri, asked = spec.publish.uri, rollback_wanted(resource)
    try:
        if not may_use(uri, access, resource.namespace):
            message = f"namespace {resource.namespace} may not use {uri}"
            raise AccessDeniedError(message, where="spec.publish.uri")
        with within(SECONDS):
            place = Place(open_(uri), now=utc_now)
            current = place.roll_back(asked) if asked else place.current()
            whole = place.version(current.version) if current is not None else None
    except LingraftError as error:
        return Seen(asked=asked, failure=_failure(error)) if asked else None
    return Seen(current, whole.as_ if whole is not None else None, asked)


def _failure(error: LingraftError) -> Failure:
    return Failure(
        failure_class=error.failure_class,
        reason=type(error).__name__,
        message=error.message,
        where=f"{names.ROLLBACK}: {error.where}" if error.where else names.ROLLBACK,
    )
