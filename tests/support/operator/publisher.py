"""The stage `publish`, as far as readers of the place can see it; it writes by the real code."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lingraft.publish import Place, Published
from lingraft.publish.record import PUBLISHED, version_of
from lingraft.stage import Stage
from lingraft.store.base import ArtifactStore
from lingraft.store.json_object import timestamp, write_object


def publish(store: ArtifactStore, stage: Stage, now: Callable[[], datetime]) -> dict[str, Any]:
    """Make a version without files the current one; what stands in the manifest.

    Args:
        store: At the place.
        stage: Whose version it is.
        now: The trainer's clock.
    """
    params = stage.params
    version = version_of(stage.inputs["graft"], params["as"])
    made = Published.model_validate(
        {
            "version": version,
            "language": params["language"],
            "as": params["as"],
            "graft": stage.inputs["graft"],
            "created_at": timestamp(now()),
            "files": (),
            "scores": {},
            "load_test": {},
        }
    )
    write_object(store, f"{version}/{PUBLISHED}", made)
    current = Place(store, now=now).make_current(made)
    holds = current.version == version
    return {
        "uri": params["uri"],
        "as": params["as"],
        "published": holds,
        "reason": "" if holds else f"{version} was rolled back from; {current.version} holds",
        "version": version,
        "since": current.since if holds else None,
    }
