"""Run a whole plan on this machine: the same stages a cluster runs, one after the other."""

from typing import TYPE_CHECKING

from lingraft.errors import LingraftError
from lingraft.plan import Plan
from lingraft.stage import Execution, Manifest
from lingraft.store import open_store
from lingraft.store.lease import local_holder
from lingraft.store.stages import read_manifest

if TYPE_CHECKING:
    from lingraft.views.listener import Listener


def run_plan(plan: Plan, execution: Execution, listener: "Listener") -> dict[str, Manifest]:
    """Run every stage that is not in the store yet.

    Args:
        plan: What to run; its order is one in which the stages can run.
        execution: How to run each of them.
        listener: Told of everything that happens.

    Returns:
        The manifest of every stage, by its name in the plan.

    Raises:
        LingraftError: A stage failed; the ones before it stay in the store.
    """
    store = open_store(plan.store)
    manifests: dict[str, Manifest] = {}
    for planned in plan.stages:
        name = planned.name
        done = read_manifest(store, planned.stage.ref)
        if done is not None:
            listener.cached(name, done)
            manifests[name] = done
            continue
        listener.started(name)
        # Heavy: only a plan with something to do pays for it.
        from lingraft_trainer.runner import run

        spec = plan.spec(planned, local_holder()).model_copy(update={"execution": execution})
        try:
            manifests[name] = run(
                spec, lambda progress, name=name: listener.progress(name, progress)
            )
        except LingraftError as error:
            listener.failed(name, error)
            raise
        listener.finished(name, manifests[name])
    return manifests
