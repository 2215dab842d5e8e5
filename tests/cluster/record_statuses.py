"""States of a LanguageAdaptation, each brought about on the bed, and what was recorded of them.

    LINGRAFT_RECORD=1 tools/loopback.sh .venv/bin/pytest tests/cluster/test_gitops.py -k recorded

writes `tests/unit/gitops/statuses/` anew; without the variable the same test compares.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.bed.adaptations import Adaptations, conditions_of
from tests.cluster.bed.api import Object
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.processes import wait_until

FOLDER = Path(__file__).parents[1] / "unit" / "gitops" / "statuses"
NAME = "french"
HELD = "lingraft.dev/held-by-a-test"


def created(adaptations: Adaptations, bed: Bed) -> Object:
    return adaptations.create(NAME)


def waiting_for_capacity(adaptations: Adaptations, bed: Bed) -> Object:
    nowhere = {"small": {"nodeSelector": {"pool": "none"}}}
    return reconciling(adaptations, "WaitingForCapacity", pools=nowhere, tasks=[])


def running(adaptations: Adaptations, bed: Bed) -> Object:
    bed.behaviours.set("corpus", seconds=20)
    return reconciling(adaptations, "Running", tasks=[])


def retrying(adaptations: Adaptations, bed: Bed) -> Object:
    bed.behaviours.set("corpus", fail="infrastructure", message="the disk is gone")
    retry = {"backoffSeconds": 300}
    return reconciling(adaptations, "Retrying", tasks=[], retry=retry)


def ready(adaptations: Adaptations, bed: Bed) -> Object:
    adaptations.create(NAME)
    return adaptations.wait(NAME)


def refreshing(adaptations: Adaptations, bed: Bed) -> Object:
    adaptations.create(NAME, corpus={"uri": adaptations.upload_corpus()}, tasks=[])
    adaptations.wait(NAME)
    bed.behaviours.set("corpus", seconds=20)
    adaptations.upload_corpus("Une phrase de plus.\n")
    adaptations.annotate(NAME, refresh="1")
    wait_until(
        lambda: adaptations.stage(NAME, "corpus").get("state") == "Running", "it is followed"
    )
    return adaptations.get(NAME)


def budget_exceeded(adaptations: Adaptations, bed: Bed) -> Object:
    adaptations.create(NAME, budget={"flops": 1}, tasks=[])
    return adaptations.wait(NAME, "Stalled")


def invalid_spec(adaptations: Adaptations, bed: Bed) -> Object:
    adaptations.create(NAME, "MiniJoint", mini={"layers": 40})
    return adaptations.wait(NAME, "Stalled")


def input_unavailable(adaptations: Adaptations, bed: Bed) -> Object:
    adaptations.create(NAME, corpus={"uri": f"{adaptations.texts}nowhere/"})
    return adaptations.wait(NAME, "Stalled")


def access_denied(adaptations: Adaptations, bed: Bed) -> Object:
    adaptations.create(NAME, corpus={"uri": "s3://secrets-of-others/text/"})
    return adaptations.wait(NAME, "Stalled")


def user_error(adaptations: Adaptations, bed: Bed) -> Object:
    bed.behaviours.set("corpus", fail="user", message="row 7 is not text")
    adaptations.create(NAME, tasks=[])
    return adaptations.wait(NAME, "Stalled")


def quality_gate_failed(adaptations: Adaptations, bed: Bed) -> Object:
    gate = {"metric": "accuracy", "min": 1.0}
    adaptations.create(NAME, tasks=[adaptations.task("topic", gate=gate)])
    return adaptations.wait(NAME, "Stalled")


def suspended(adaptations: Adaptations, bed: Bed) -> Object:
    running(adaptations, bed)
    adaptations.edit(NAME, suspend=True)
    wait_until(lambda: adaptations.get(NAME)["status"]["phase"] == "Suspended", "it is suspended")
    return adaptations.get(NAME)


def edited_when_ready(adaptations: Adaptations, bed: Bed) -> Object:
    ready(adaptations, bed)
    return adaptations.edit(NAME, tasks=[])


def edited_when_stalled(adaptations: Adaptations, bed: Bed) -> Object:
    input_unavailable(adaptations, bed)
    return adaptations.edit(NAME, corpus={"uri": f"{adaptations.texts}text/fr.txt"})


def deleting(adaptations: Adaptations, bed: Bed) -> Object:
    ready(adaptations, bed)
    path = adaptations.path(NAME)
    bed.api.merge(path, {"metadata": {"finalizers": [HELD]}})
    adaptations.delete(NAME)
    found = adaptations.get(NAME)
    bed.api.merge(path, {"metadata": {"finalizers": []}})
    return found


STATES: dict[str, Callable[[Adaptations, Bed], Object]] = {
    state.__name__.replace("_", "-"): state
    for state in (
        created,
        waiting_for_capacity,
        running,
        retrying,
        ready,
        refreshing,
        budget_exceeded,
        invalid_spec,
        input_unavailable,
        access_denied,
        user_error,
        quality_gate_failed,
        suspended,
        edited_when_ready,
        edited_when_stalled,
        deleting,
    )
}


def reconciling(adaptations: Adaptations, reason: str, **spec: Any) -> Object:
    """Create one and wait until it is Reconciling for that reason."""
    found: Object = {}

    def reached() -> bool:
        nonlocal found
        found = adaptations.get(NAME)
        return conditions_of(found).get("Reconciling", {}).get("reason") == reason

    adaptations.create(NAME, **spec)
    wait_until(reached, f"it is Reconciling: {reason}")
    return found


def file_of(state: str) -> Path:
    """Where a state is recorded."""
    return FOLDER / f"{state}.yaml"


def recorded(body: Object) -> Object:
    """What is kept of an object: all that judges read, without what only makes it long."""
    kept = ("name", "generation", "deletionTimestamp", "finalizers")
    metadata = {key: value for key, value in body["metadata"].items() if key in kept}
    status = dict(body.get("status", {}))
    if "plan" in status:
        status["plan"] = status["plan"] | {"content": "(left out)"}
    made = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata}
    return made | ({"status": status} if status else {})


def record(state: str, body: Object) -> None:
    """Write a state's file."""
    text = yaml.safe_dump(recorded(body), sort_keys=False, width=100)
    file_of(state).write_text(
        f"# Recorded by tests/cluster/record_statuses.py; do not edit.\n{text}"
    )


def shape(body: Object) -> Object:
    """What must be as it was recorded: everything but names, times, figures and sentences."""
    status = body.get("status", {})
    return {
        "phase": status.get("phase"),
        "behind": status.get("observedGeneration") != body["metadata"]["generation"],
        "deleting": "deletionTimestamp" in body["metadata"],
        "conditions": {k: (c["status"], c["reason"]) for k, c in conditions_of(body).items()},
        "fields": sorted(status),
    }
