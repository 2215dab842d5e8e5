"""What a store holds beside a plan: stages to compare with, and checkpoints that wait."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

from lingraft.errors import CorruptArtifactError
from lingraft.plan import Plan
from lingraft.plan.outlook import History
from lingraft.stage import DATA_PARALLEL, Manifest, StageKind
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft.store.json_object import parse_object
from lingraft.store.stages import StageStore

MOST_MANIFESTS = 50
"""Read of each kind, the newest ones: a plan must stay quick."""
MOST_OBJECTS = 20_000
"""Listed of each kind."""


def look_back(plan: Plan, cached: Iterable[str]) -> History:
    """Look at what else is in the plan's store, for its stages that are not cached."""
    done = set(cached)
    left = [planned for planned in plan.stages if planned.name not in done]
    kinds: list[StageKind] = list(dict.fromkeys(planned.stage.kind for planned in left))
    trained = [planned for planned in left if planned.stage.kind in DATA_PARALLEL]
    store = open_store(plan.store)
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = pool.map(partial(newest_manifests, store), kinds)
        stages = [StageStore(store, planned.stage, holder="") for planned in trained]
        newest = pool.map(StageStore.latest_checkpoint, stages)
        return History(
            others=dict(zip(kinds, found, strict=True)),
            checkpoints={
                planned.name: checkpoint.step
                for planned, checkpoint in zip(trained, newest, strict=True)
                if checkpoint is not None
            },
        )


def newest_manifests(store: ArtifactStore, kind: StageKind) -> list[Manifest]:
    """The newest manifests of a kind; what cannot be read is left out."""
    listed = islice(store.list(f"{kind}/"), MOST_OBJECTS)
    found = [one for one in listed if one.key.split("/")[2:] == ["manifest.json"]]
    found.sort(key=lambda one: one.modified, reverse=True)
    read = (_readable(store, one.key) for one in found[:MOST_MANIFESTS])
    return [manifest for manifest in read if manifest is not None]


def _readable(store: ArtifactStore, key: str) -> Manifest | None:
    try:
        manifest = parse_object(store, key, Manifest)
    except CorruptArtifactError:
        return None
    return manifest[0] if manifest else None
