"""What goes wrong while resources are worked on; each scenario is a function of world and chance.

Moments are chosen by what has happened, not by a clock: after so many changes in the cluster,
or in the middle of a stage.
"""

import random

from tests.cluster.bed.api import Object
from tests.cluster.bed.paths import rayjob_path
from tests.cluster.chaos.recorder import is_failed, is_finished
from tests.cluster.chaos.world import Scenario, World

KINDS = ("corpus", "finetune", "embed", "graft")
REAL_KINDS = ("corpus", "embed", "graft")


def kinds(world: World, chance: random.Random, count: int) -> list[str]:
    """Kinds of stages to disturb, in the order in which they come."""
    known = REAL_KINDS if world.real else KINDS
    return sorted(chance.sample(known, count), key=known.index)


def nothing(world: World, chance: random.Random) -> None:
    """The undisturbed run."""


def operator_killed(world: World, chance: random.Random) -> None:
    """SIGKILL at any moment, several times; sometimes things happen while nobody looks."""
    for _ in range(chance.randint(3, 5)):
        world.pass_events(chance.randint(1, 20))
        world.operator.kill()
        if chance.random() < 0.5:
            world.until_a_rayjob_ends()
        world.operator.start(wait=False)


def api_server_restarted(world: World, chance: random.Random) -> None:
    """SIGKILL to the API server, which comes back on the same port.

    KubeRay and the scheduler start anew with it, as they do where they lose a leader's lease: by
    themselves they look again after half a minute, and KubeRay doubles the pause after every error,
    so that a RayCluster may wait for five.
    """
    world.forgetful = True
    for _ in range(chance.randint(1, 2)):
        world.pass_events(chance.randint(5, 40))
        world.bed.cluster.restart_api_server()
        world.bed.cluster.restart_scheduler()
        world.bed.kuberay.stop()
        world.bed.kuberay.start()


def watch_cut(world: World, chance: random.Random) -> None:
    """The operator's connections break, or go silent and then break, or go on late."""
    for _ in range(chance.randint(2, 4)):
        world.pass_events(chance.randint(1, 20))
        how = chance.choice(["cut", "silent", "late"])
        if how == "cut":
            world.to_api.cut()
            continue
        world.to_api.silence()
        world.until_a_rayjob_ends()
        if how == "silent":
            world.to_api.cut()
        world.to_api.allow()


def rayjob_deleted(world: World, chance: random.Random) -> None:
    """Somebody deletes RayJobs by hand, in the middle of their work."""
    for kind in kinds(world, chance, 2):
        rayjob = world.midway(kind, chance)["metadata"]
        world.excused += 1
        world.bed.api.delete(rayjob_path(rayjob["namespace"], rayjob["name"]))


def rayjob_said_failed(world: World, chance: random.Random) -> None:
    """Ray says that jobs failed which wrote their manifests: only the manifest counts."""
    for kind in kinds(world, chance, 2):
        world.bed.dashboard.faults.say_failed(namespace=world.namespaces[0], rayjob=kind)
    world.wait(lambda: len(failed(world)) >= 2, "two RayJobs are said to have failed")


def failed(world: World) -> list[Object]:
    """RayJobs that ended Failed."""
    return [one for one in world.rayjobs() if is_failed(one)]


def head_lost(world: World, chance: random.Random) -> None:
    """The head pod goes, and KubeRay submits the same job again."""
    for kind in kinds(world, chance, 2):
        rayjob = world.midway(kind, chance)
        if not is_finished(rayjob):
            meta = rayjob["metadata"]
            world.bed.delete_head(meta["namespace"], meta["name"])


def store_refuses(world: World, chance: random.Random) -> None:
    """Nobody reaches the store for a while: neither the operator nor the trainers."""
    for _ in range(2):
        world.pass_events(chance.randint(5, 40))
        world.to_s3.refuse()
        world.pass_refusals(chance.randint(3, 12))
        world.to_s3.allow()
    world.excused += 4  # whoever found no store may have failed


def two_operators(world: World, chance: random.Random) -> None:
    """A second one comes by accident, at any moment, and one of them is killed later."""
    world.pass_events(chance.randint(0, 20))
    world.add_operator().start(wait=False)
    world.pass_events(chance.randint(10, 60))
    if chance.random() < 0.5:
        chance.choice(world.operators).kill()


def two_namespaces(world: World, chance: random.Random) -> None:
    """Another namespace wants the same stages in the same store."""
    world.pass_events(chance.randint(0, 40))
    world.settle()
    world.excused += 4  # who starts a stage at the same moment finds it busy, and ends


def edited(world: World, chance: random.Random) -> None:
    """A stage's recipe changes while it runs, and changes back while the other one is at work."""
    home = world.homes[0]
    name = chance.choice(world.names)
    kind = chance.choice(kinds(world, chance, 2))
    world.midway(kind, chance)
    spec = world.body(home, name)["spec"]
    field = chance.choice(["embeddings", "tokenizer"])
    changed = {
        "embeddings": spec["embeddings"] | {"steps": 13},
        "tokenizer": {"train": spec["tokenizer"]["train"] | {"vocabSize": 81}},
    }
    home.edit(name, **{field: changed[field]})
    world.pass_events(chance.randint(1, 30))
    home.edit(name, **{field: spec[field]})
    world.excused += 4  # what was left runs anew: one of each kind at most


def suspended(world: World, chance: random.Random) -> None:
    """A resource is suspended in the middle of a stage and goes on later."""
    home = world.homes[0]
    for kind in kinds(world, chance, 2):
        name = chance.choice(world.names)
        world.midway(kind, chance)
        home.edit(name, suspend=True)
        if chance.random() < 0.5:
            world.wait(
                lambda name=name: home.get(name)["status"]["phase"] == "Suspended",
                f"{name} is suspended",
            )
            world.pass_events(chance.randint(0, 5))
        home.edit(name, suspend=False)
        world.excused += 4


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        nothing,
        operator_killed,
        api_server_restarted,
        watch_cut,
        rayjob_deleted,
        rayjob_said_failed,
        head_lost,
        store_refuses,
        two_operators,
        two_namespaces,
        edited,
        suspended,
    )
}
