"""Run a whole plan on this machine: the same stages a cluster runs, one after the other."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lingraft.errors import LingraftError, StageBusyError
from lingraft.plan import Plan
from lingraft.stage import Execution, Manifest, Progress, StageSpec
from lingraft.store import open_store
from lingraft.store.lease import Lease, local_holder
from lingraft.store.stages import StageStore, read_manifest
from lingraft_trainer.renewal import awaited

if TYPE_CHECKING:
    from lingraft.views.listener import Listener

LOOK_SECONDS = 1.0
"""Between two looks at a stage that another run is writing."""


def run_plan(
    plan: Plan, execution: Execution, listener: "Listener", resource: str = ""
) -> dict[str, Manifest]:
    """Run every stage that is not in the store yet.

    A stage that another run is writing is waited for, and its result taken.

    Args:
        plan: What to run; its order is one in which the stages can run.
        execution: How to run each of them.
        listener: Told of everything that happens.
        resource: What the plan is of, by name.

    Returns:
        The manifest of every stage, by its name in the plan.

    Raises:
        LingraftError: A stage failed; the ones before it stay in the store.
    """
    store = open_store(plan.store)
    manifests: dict[str, Manifest] = {}
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
            listener.started(name)
            spec = plan.spec(planned, local_holder()).model_copy(update={"execution": execution})
            try:
                manifests[name] = run_or_wait(spec, tell, f"{resource}/{name}" if resource else "")
            except LingraftError as error:
                listener.failed(name, error)
                raise
            listener.finished(name, manifests[name])
    return manifests


def run_or_wait(spec: StageSpec, tell: Callable[[Progress], None], name: str = "") -> Manifest:
    """The stage's manifest, once it is made here or elsewhere."""
    # Heavy: only a plan with something to do pays for it.
    from lingraft_trainer.runner import run

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
