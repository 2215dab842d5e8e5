"""Run a whole plan on this machine: the same stages a cluster runs, one after the other."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lingraft.errors import LingraftError, StageBusyError, UserError
from lingraft.plan import Plan
from lingraft.plan.capacity import check_machine
from lingraft.planning import manifests_of
from lingraft.resource.budget import Budget
from lingraft.spending import check_run
from lingraft.stage import Execution, Manifest, Progress, StageSpec
from lingraft.store import open_store
from lingraft.store.lease import Lease, local_holder
from lingraft.store.stages import StageStore, read_manifest
from lingraft_trainer.running.renewal import awaited

if TYPE_CHECKING:
    from lingraft.views.listener import Listener

LOOK_SECONDS = 1.0
"""Between two looks at a stage that another run is writing."""


def run_plan(
    plan: Plan,
    execution: Execution,
    listener: "Listener",
    resource: str = "",
    budget: Budget | None = None,
) -> dict[str, Manifest]:
    """Run every stage that is not in the store yet.

    A stage that another run is writing is waited for, and its result taken.

    Args:
        plan: What to run; its order is one in which the stages can run.
        execution: How to run each of them.
        listener: Told of everything that happens.
        resource: What the plan is of, by name.
        budget: What the run may spend, in FLOPs.

    Returns:
        The manifest of every stage, by its name in the plan.

    Raises:
        UserError: This machine cannot hold a stage, the budget does not suffice, or the store's
            server lacks what stages rely on.
        LingraftError: A stage failed; the ones before it stay in the store.
    """
    store = open_store(plan.store)
    manifests: dict[str, Manifest] = {}
    own: dict[str, Manifest] = {}
    before = manifests_of(plan) if budget is not None else {}
    checked = False
    for planned in plan.stages:
        name = planned.name

        def tell(progress: Progress, name: str = name) -> None:
            listener.progress(name, progress)

        with awaited(lambda words, tell=tell: tell(Progress(step=0, steps=0, phase=words))):
            done = read_manifest(store, planned.stage.ref)
            if done is not None:
                listener.cached(name, done)
                manifests[name] = done
                continue
            if not checked:
                store.check_writes()
                check_memory(plan, execution)
                checked = True
            check_run(budget, plan, before | manifests, own)
            listener.started(name)
            spec = plan.spec(planned, local_holder()).model_copy(update={"execution": execution})
            try:
                manifests[name] = run_or_wait(spec, tell, f"{resource}/{name}" if resource else "")
            except LingraftError as error:
                listener.failed(name, error)
                raise
            own[name] = manifests[name]
            listener.finished(name, manifests[name])
    return manifests


def check_memory(plan: Plan, execution: Execution) -> None:
    """Refuse a plan that this machine cannot hold, before its first stage starts.

    Raises:
        UserError: Names the stage.
    """
    import torch

    from lingraft_trainer.machine.memory import memory_of_worker

    gpu = torch.cuda.is_available()
    workers = max(1, execution.workers)
    has = memory_of_worker(torch.device("cuda" if gpu else "cpu"), workers)
    try:
        check_machine(plan, has, workers=workers, gpu=gpu)
    except UserError:  # what is cached already has to be held by nobody: seldom worth a look
        check_machine(plan, has, workers=workers, gpu=gpu, done=manifests_of(plan))


def run_or_wait(spec: StageSpec, tell: Callable[[Progress], None], name: str = "") -> Manifest:
    """The stage's manifest, once it is made here or elsewhere."""
    # Heavy: only a plan with something to do pays for it.
    from lingraft_trainer.running.runner import run

    while True:
        try:
            return run(spec, tell, name)
        except StageBusyError:
            _wait(spec, tell)


def _wait(spec: StageSpec, tell: Callable[[Progress], None]) -> None:
    """Until the other one is done with the stage, or gone."""
    store = open_store(spec.store)
    stages, lease = (
        StageStore(store, spec.stage, spec.holder),
        Lease(store, spec.stage, spec.holder),
    )
    while stages.manifest() is None and not lease.free():
        found = lease.read()
        holder = found[0].holder if found else ""
        theirs = stages.read_progress(holder) or Progress(step=0, steps=0)
        tell(theirs.model_copy(update={"phase": f"waiting for {holder}, which is writing it"}))
        time.sleep(LOOK_SECONDS)
