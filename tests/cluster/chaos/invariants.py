"""What must be so after every run, however it was disturbed; each function names what is not."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from lingraft.plan import Plan
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft.store.stages import read_manifest
from lingraft_operator.names import HOLDER, STAGE
from tests.cluster.bed.adaptations import conditions_of
from tests.cluster.bed.api import Object
from tests.cluster.bed.paths import rayjob_path
from tests.cluster.chaos.recorder import ADAPTATION, RAYJOB, Change, is_finished
from tests.cluster.chaos.world import MAX_ATTEMPTS, World

SLACK = timedelta(seconds=5)
"""Between looking for a manifest and creating a RayJob; times of Kubernetes are whole seconds."""


def broken(world: World) -> Iterator[str]:
    """All that is wrong once every resource is Ready and the last pods are gone."""
    store = open_store(f"{world.s3.uri}store/")

    def over() -> bool:
        left = any(world.bed.pods(namespace) for namespace in world.namespaces)
        return not left and all(is_finished(rayjob) for rayjob in world.rayjobs())

    world.wait(over, "the last RayJobs end and their pods go")
    adaptations = [home.get(name) for home in world.homes for name in world.names]
    for one in adaptations:
        plan = world.plan(one["metadata"]["name"])
        yield from of_resource(one, plan, store, MAX_ATTEMPTS)
    for namespace in world.namespaces:
        yield from of_rayjobs(world.bed.api.list(rayjob_path(namespace)), adaptations)
    changes = world.recorder.changes(world.namespaces, RAYJOB)
    yield from of_history(changes, store, world.excused + len(_doubled(adaptations)))
    yield from of_generations(world.recorder.changes(world.namespaces, ADAPTATION))
    for operator in world.operators:
        yield from of_log(operator.log, refusals=world.forgetful)


def _doubled(adaptations: Iterable[Object]) -> set[str]:
    """UIDs of RayJobs for which KubeRay made two heads, having not heard of the first."""
    return {
        attempt["uid"]
        for one in adaptations
        for stage in one["status"]["stages"]
        for attempt in stage.get("attempts", ())
        if attempt.get("reason") == "TwoHeadPods"
    }


def of_resource(found: Object, plan: Plan, store: ArtifactStore, most: int) -> Iterator[str]:
    """A resource is Ready with the stages of an undisturbed run, each in the store.

    Args:
        found: The LanguageAdaptation.
        plan: What its file means.
        store: Where its artifacts are.
        most: maxAttempts.
    """
    name, generation = found["metadata"]["name"], found["metadata"]["generation"]
    status = found["status"]
    conditions = conditions_of(found)
    if set(conditions) != {"Ready", "EmbeddingsTrained"} or status["phase"] != "Ready":
        yield f"{name} is {status['phase']}, conditions {sorted(conditions)}"
    for one in conditions.values():
        if one["status"] != "True" or one["observedGeneration"] != generation:
            yield f"{name}: {one} at generation {generation}"
    if status["observedGeneration"] != generation:
        yield f"{name}: observedGeneration {status['observedGeneration']}, not {generation}"
    expected = {p.name: p.stage.digest for p in plan.stages}
    digests = {stage["name"]: stage["digest"] for stage in status["stages"]}
    if digests != expected:
        yield f"{name}: stages {digests}, undisturbed {expected}"
    for stage in status["stages"]:
        where = f"{name} {stage['name']}"
        if stage["state"] != "Done":
            yield f"{where} is {stage['state']}"
        attempts = stage.get("attempts", [])
        if any("endedAt" not in attempt for attempt in attempts):
            yield f"{where} has an attempt without an end: {attempts}"
        if sum(attempt["counted"] for attempt in attempts) > most:
            yield f"{where} has more attempts than allowed: {attempts}"
        yield from _of_artifact(where, stage, store)


def _of_artifact(where: str, stage: Object, store: ArtifactStore) -> Iterator[str]:
    """A stage that is done has a manifest, and all the files that it names."""
    ref = f"{stage['kind']}/{stage['digest']}"
    manifest = read_manifest(store, ref)
    if manifest is None:
        yield f"{where} has no manifest"
        return
    if manifest.holder != stage.get("holder"):
        yield f"{where} is said to be of {stage.get('holder')}, and is of {manifest.holder}"
    prefix = f"{ref}/{manifest.holder}/files/"
    sizes = {one.key.removeprefix(prefix): one.size for one in store.list(prefix)}
    if sizes != {file.path: file.size for file in manifest.files}:
        yield f"{where}: files {sizes}, in the manifest {manifest.files}"


def of_rayjobs(rayjobs: Iterable[Object], adaptations: Iterable[Object]) -> Iterator[str]:
    """No RayJob is at work, and none is there that nobody wants."""
    wanted = {
        one["metadata"]["uid"]: {f"{s['kind']}/{s['digest']}" for s in one["status"]["stages"]}
        for one in adaptations
    }
    for rayjob in rayjobs:
        meta = rayjob["metadata"]
        if not is_finished(rayjob):
            yield f"RayJob {meta['name']} is unfinished: {rayjob.get('status')}"
        owners = [owner["uid"] for owner in meta.get("ownerReferences", [])]
        stage = meta["annotations"][STAGE]
        if not owners or any(stage not in wanted.get(owner, ()) for owner in owners):
            yield f"RayJob {meta['name']} of {stage} has owners that do not want it: {owners}"


def of_history(changes: Sequence[Change], store: ArtifactStore, excused: int) -> Iterator[str]:
    """At no time were there two RayJobs for one stage, nor more of them than there had to be.

    Args:
        changes: Of RayJobs, in order.
        store: Where their manifests are.
        excused: RayJobs that a scenario destroyed.
    """
    live: dict[tuple[str, str], str] = {}
    launches: defaultdict[tuple[str, str], dict[str, Object]] = defaultdict(dict)
    for change in changes:
        meta, rayjob = change.meta, change.event.object
        key, uid = (meta["namespace"], meta["annotations"][STAGE]), meta["uid"]
        launches[key].setdefault(uid, meta)
        if change.event.type == "DELETED" or is_finished(rayjob):
            if live.get(key) == uid:
                del live[key]
        elif live.setdefault(key, uid) != uid:
            yield f"two live RayJobs for {key}: {live[key]} and {uid}"
    more = {key: len(made) - 1 for key, made in launches.items() if len(made) > 1}
    if sum(more.values()) > excused:
        yield f"more RayJobs than the {excused} that were excused: {more}"
    made = [meta for key in launches for meta in launches[key].values()]
    for holder, count in Counter(m["annotations"][HOLDER] for m in made).items():
        if count > 1:
            yield f"{count} RayJobs wrote as {holder}"
    for meta in made:
        manifest = read_manifest(store, meta["annotations"][STAGE])
        created = datetime.fromisoformat(meta["creationTimestamp"])
        if manifest and created > datetime.fromisoformat(manifest.created_at) + SLACK:
            yield f"RayJob {meta['name']} was made at {created}, after {manifest.created_at}"


def of_generations(changes: Iterable[Change]) -> Iterator[str]:
    """observedGeneration never runs ahead, never goes back, and no condition is newer than it."""
    seen: dict[str, int] = {}
    for change in changes:
        meta, status = change.meta, change.event.object.get("status", {})
        observed = status.get("observedGeneration", 0)
        if not seen.get(meta["uid"], 0) <= observed <= meta["generation"]:
            yield f"{meta['name']}: observedGeneration {observed} at {meta['generation']}"
        seen[meta["uid"]] = observed
        for condition in status.get("conditions", []):
            if condition["observedGeneration"] != observed:
                yield f"{meta['name']}: {condition}, observedGeneration {observed}"


# What kopf says of its watches while the API server or the way to it is broken.
NETWORK = ("ConnectionError", "aiohttp")
FORBIDDEN = "lingraft_operator.cluster.Refused"


def of_log(file: Path, *, refusals: bool) -> Iterator[str]:
    """Every line is JSON, and no pass failed for a reason of the operator's own.

    Args:
        file: The operator's log.
        refusals: Whether the API server may have refused what the operator has a right to.
    """
    known = (*NETWORK, FORBIDDEN) if refusals else NETWORK
    for text in file.read_text().splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            yield f"{file.name}: not JSON: {text}"
            continue
        last = line.get("traceback", "").strip().rpartition("\n")[2]
        if last and not last.startswith(known):
            yield f"{file.name}: {line['message']}\n{line['traceback']}"
