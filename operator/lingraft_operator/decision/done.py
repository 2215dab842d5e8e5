"""A resource whose stages are all done: its artifacts are looked at again, slowly.

What is gone is said, and never computed again unasked: whoever deleted it may have meant it.
"""

import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from lingraft.errors import CorruptArtifactError
from lingraft.limits import LISTED, at_most
from lingraft.plan import Plan
from lingraft.plan.packs import writes_pack
from lingraft.stage import Manifest, StageKind
from lingraft.status import StageStatus
from lingraft.store.base import ArtifactStore
from lingraft.store.stages import read_manifest
from lingraft_operator import names
from lingraft_operator.status.conditions import Aspect, Summary
from lingraft_operator.world import RayJob, Resource

LOOK_SECONDS = 6 * 3600
"""Between two looks at the artifacts of a resource."""
NAMED: frozenset[StageKind] = frozenset({"corpus", "embed", "graft"})
"""Stages that status.artifacts names; what lies between them may be cleaned up."""
BODIES: frozenset[StageKind] = frozenset({"finetune"})
"""Stages that it names too where a pack goes into what they wrote."""
GONE = "ArtifactsGone"


def is_done(resource: Resource, rayjobs: Iterable[RayJob]) -> bool:
    """Whether all that is asked for was done, and nothing of it runs any more."""
    status, pinned = resource.status, resource.status.plan
    return (
        pinned is not None
        and (resource.generation, resource.retry) == (pinned.generation, status.retry)
        and {stage.state for stage in status.stages} == {"Done"}
        and is_of(status.last_ready, status.stages)  # else the model of before stays
        and all(job.finished or not job.owned_by(resource.uid) for job in rayjobs)
    )


def is_due(resource: Resource, looked_at: datetime | None, now: datetime) -> bool:
    """Whether it is time for a look: long after the last one, and after Ready last changed.

    What is gone is looked for whenever the resource is judged: somebody may restore it.
    """
    if resource.status.heals:
        return True
    ready = (one for one in resource.status.conditions if one.type == "Ready")
    times = [one.last_transition_time for one in ready]
    last = max([*times, looked_at] if looked_at is not None else times, default=now)
    return now - last >= timedelta(seconds=LOOK_SECONDS)


def first_look(uid: str) -> float:
    """Seconds until the first look after a start: spread, so that not all come at once."""
    return float(zlib.crc32(uid.encode()) % LOOK_SECONDS)


def gone_of(store: ArtifactStore, refs: Iterable[str]) -> tuple[str, ...]:
    """Those of some artifacts, `<kind>/<digest>` each, that the store no longer has whole.

    Raises:
        LingraftError: The store cannot be read.
    """
    return tuple(ref for ref in refs if not _is_whole(store, ref))


def named_refs(plan: Plan) -> tuple[str, ...]:
    """`<kind>/<digest>` of what `status.artifacts` names, or a pack needs."""
    named = NAMED | BODIES if writes_pack(plan) else NAMED
    return tuple(one.stage.ref for one in plan.stages if one.stage.kind in named)


def model_refs(plan: Plan) -> tuple[str, ...]:
    """`<kind>/<digest>` of what the model of a plan is made of."""
    return tuple(one.stage.ref for one in plan.stages if one.stage.kind in NAMED)


def is_of(refs: Iterable[str], stages: Iterable[StageStatus]) -> bool:
    """Whether artifacts are of these stages, and of no plan before."""
    return {f"{one.kind}/{one.digest}" for one in stages}.issuperset(refs)


def _is_whole(store: ArtifactStore, ref: str) -> bool:
    """Whether there is a manifest, and every file of it with its size; bytes are not read."""
    try:
        manifest: Manifest | None = read_manifest(store, ref)
    except CorruptArtifactError:
        return False
    if manifest is None:
        return False
    home = f"{ref}/{manifest.holder}/files/"
    wanted = {(home + file.path, file.size) for file in manifest.files}
    for info in at_most(LISTED, store.list(home), store.uri + home):
        wanted.discard((info.key, info.size))
    return not wanted


def gone_summary(gone: tuple[str, ...], plan: Plan) -> Summary:
    """What is said of it, and what to do."""
    folders = ", ".join(f"{plan.store.rstrip('/')}/{ref}/" for ref in gone)
    message = (
        f"the store no longer has all of {folders}: restore it, or delete what is left there and "
        f"give the annotation {names.RETRY} a new value, and it is computed again"
    )
    return Summary("Stalled", GONE, message, heals=True)


def gone_aspect(aspect: Aspect, gone: tuple[str, ...]) -> Aspect:
    """An aspect as it is with these artifacts gone."""
    if aspect[0] == "EmbeddingsTrained" and any(ref.startswith("embed/") for ref in gone):
        return (aspect[0], "False", GONE, "the embeddings are no longer in the store")
    return aspect
