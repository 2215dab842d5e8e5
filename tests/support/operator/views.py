"""Single RayJobs, attempts and stages as the operator sees them, for tests of one function."""

from typing import Any

from lingraft.status import Attempt, StageStatus
from lingraft_operator.world import RayJob
from tests.support.operator.clock import START


def rayjob(**changes: Any) -> RayJob:
    """A RayJob that does not run yet, with the holder `h`."""
    fields: dict[str, Any] = {
        "namespace": "a",
        "name": "embed-1",
        "uid": "u",
        "resource_version": "1",
        "stage": "embed/d",
        "holder": "h",
        "pool": "small",
        "micro_batch_tokens": 1024,
        "created_at": START,
    }
    return RayJob(**(fields | changes))


def attempt(**changes: Any) -> Attempt:
    """The attempt of that RayJob, under way."""
    fields: dict[str, Any] = {
        "number": 1,
        "ray_job": "embed-1",
        "uid": "u",
        "holder": "h",
        "micro_batch_tokens": 1024,
        "started_at": START,
    }
    return Attempt(**(fields | changes))


def stage(**changes: Any) -> StageStatus:
    """A stage that waits."""
    fields: dict[str, Any] = {"name": "embed", "kind": "embed", "digest": "d", "state": "Waiting"}
    return StageStatus(**(fields | changes))
