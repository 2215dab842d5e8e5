"""What goes wrong, and what becomes of it: states, reasons, attempts."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.cluster.bed.adaptations import SECRET, Adaptations, conditions_of, write_secret
from tests.cluster.bed.api import Object
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.operator import Operator
from tests.cluster.bed.processes import wait_until
from tests.cluster.test_operator import launches
from tests.integration.seaweed import Seaweed


def stalled(adaptations: Adaptations, name: str) -> Object:
    """Wait until it is Stalled; the condition."""
    return conditions_of(adaptations.wait(name, "Stalled"))["Stalled"]


def reconciling(adaptations: Adaptations, name: str, reason: str) -> Object:
    """Wait until it is Reconciling for that reason; the condition."""

    def found() -> bool:
        condition = conditions_of(adaptations.get(name)).get("Reconciling", {})
        return condition.get("reason") == reason

    wait_until(found, f"{name} is Reconciling: {reason}")
    return conditions_of(adaptations.get(name))["Reconciling"]


def test_what_only_the_operator_can_know_stalls_at_once(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    adaptations.create("absent", corpus={"uri": f"{adaptations.texts}nowhere/"})
    said = stalled(adaptations, "absent")
    assert said["reason"] == "InputUnavailable"
    assert adaptations.get("absent")["status"]["heals"]
    assert said["message"].startswith(f"spec.corpus.uri: {adaptations.texts}nowhere/: nothing")
    adaptations.create("deep", "MiniJoint", mini={"layers": 40})
    said = stalled(adaptations, "deep")
    assert said["reason"] == "InvalidSpec" and "is not shallower than its base" in said["message"]
    assert not adaptations.get("deep")["status"].get("heals")
    assert launches(bed, adaptations.namespace) == {}


def test_a_uri_outside_the_access_list_is_not_even_asked_for(
    operator: Operator, adaptations: Adaptations
) -> None:
    adaptations.create("curious", corpus={"uri": "s3://secrets-of-others/text/"})
    said = stalled(adaptations, "curious")
    assert said["reason"] == "AccessDenied"
    assert "s3://secrets-of-others/text/" in said["message"]


def test_an_upgrade_that_takes_access_away_stops_nothing_and_its_rollback_goes_on(
    operator_with: Callable[..., Operator], adaptations: Adaptations, bed: Bed
) -> None:
    denied = operator_with(access=[])
    bed.behaviours.set("corpus", seconds=30)
    adaptations.create("french")
    assert stalled(adaptations, "french")["reason"] == "AccessDenied"
    denied.stop()
    allowed = operator_with()
    rayjob = adaptations.wait_for_stage("french", "corpus")["rayJob"]
    allowed.stop()
    denied = operator_with(access=[])
    assert stalled(adaptations, "french")["reason"] == "AccessDenied"
    denied.stop()
    path = f"/apis/ray.io/v1/namespaces/{adaptations.namespace}/rayjobs/{rayjob}"
    assert "deletionTimestamp" not in bed.api.get(path)["metadata"]
    operator_with()
    adaptations.wait("french")
    assert launches(bed, adaptations.namespace)["corpus"] == 1


def test_a_user_error_is_not_retried_until_somebody_asks(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.behaviours.set("corpus", fail="user", message="row 7 is not text", times=1)
    adaptations.create("french")
    assert "row 7 is not text" in stalled(adaptations, "french")["message"]
    assert launches(bed, adaptations.namespace)["corpus"] == 1
    adaptations.annotate("french", retry="1")
    adaptations.wait("french")
    assert launches(bed, adaptations.namespace)["corpus"] == 2


def test_infrastructure_failures_are_retried_so_often_and_no_oftener(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.behaviours.set("corpus", fail="infrastructure", message="disk gone", times=2)
    adaptations.create("lucky")
    adaptations.wait("lucky")
    assert len(adaptations.stage("lucky", "corpus")["attempts"]) == 3
    bed.behaviours.set("embed", fail="infrastructure", message="disk gone")
    retry = {"maxAttempts": 2, "backoffSeconds": 1}
    adaptations.create("unlucky", language="de", retry=retry)
    said = stalled(adaptations, "unlucky")
    assert "failed 2 times, last: disk gone" in said["message"]
    assert len(adaptations.stage("unlucky", "embed")["attempts"]) == 2


def test_out_of_memory_is_tried_once_more_with_half_the_micro_batch(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.behaviours.set("embed", fail="resource", message="CUDA out of memory", times=1)
    adaptations.create("french")
    ready = adaptations.wait("french")
    embed = next(s for s in ready["status"]["stages"] if s["name"] == "embed")
    first, second = (attempt["microBatchTokens"] for attempt in embed["attempts"])
    assert second == first // 2


def test_a_head_that_is_killed_for_its_memory_ends_the_attempt(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.behaviours.set("embed", seconds=60)
    adaptations.create("french")
    rayjob = adaptations.wait_for_stage("french", "embed")["rayJob"]
    (head,) = bed.pods(adaptations.namespace, rayjob, head=True)
    bed.kubelet.oom_kill(head)
    bed.behaviours.clear()
    ready = adaptations.wait("french")
    embed = next(s for s in ready["status"]["stages"] if s["name"] == "embed")
    assert [a["reason"] for a in embed["attempts"]] == ["OOMKilled", "Succeeded"]


def test_a_silent_stage_is_ended(
    operator_with: Callable[..., Operator], adaptations: Adaptations, bed: Bed
) -> None:
    operator_with(heartbeatTimeoutSeconds=60, pollSeconds=1)
    bed.behaviours.set("embed", hang=True, times=1)
    adaptations.create("french")
    ready = adaptations.wait("french")
    embed = next(s for s in ready["status"]["stages"] if s["name"] == "embed")
    assert [a["reason"] for a in embed["attempts"]] == ["HeartbeatLost", "Succeeded"]


def test_a_missing_secret_is_told_and_heals(
    operator_with: Callable[..., Operator], adaptations: Adaptations, bed: Bed, s3: Seaweed
) -> None:
    operator_with(graceSeconds=60)
    secret = f"/api/v1/namespaces/{adaptations.namespace}/secrets/{SECRET}"
    bed.api.delete(secret)
    adaptations.create("french")
    said = reconciling(adaptations, "french", "CreateContainerConfigError")
    assert SECRET in said["message"]
    write_secret(bed.api, adaptations.namespace, s3.environment)
    adaptations.wait("french")


def test_an_image_that_cannot_be_pulled_stalls_after_a_while(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.kubelet.refuse(namespace=adaptations.namespace)
    adaptations.create("french")
    assert stalled(adaptations, "french")["reason"] == "ImagePullBackOff"
    wait_until(lambda: not bed.pods(adaptations.namespace), "its pods are gone")


def test_waiting_for_a_node_is_no_failure(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    nowhere: dict[str, Any] = {"small": {"nodeSelector": {"pool": "none"}}}
    adaptations.create("french", pools=nowhere)
    said = reconciling(adaptations, "french", "WaitingForCapacity")
    assert "didn't match Pod's node affinity/selector" in said["message"]
    adaptations.edit("french", pools={"small": {"nodeSelector": {"pool": "small"}}})


def test_a_failed_gate_stalls_and_keeps_the_artifacts(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    strict = {"metric": "accuracy", "min": 1.0}
    adaptations.create("french", tasks=[adaptations.task("topic", gate=strict)])
    adaptations.wait("french", "Stalled")
    found = adaptations.get("french")
    conditions = conditions_of(found)
    assert conditions["Stalled"]["reason"] == "QualityGateFailed"
    assert conditions["QualityGatePassed"]["status"] == "False"
    assert conditions["EmbeddingsTrained"]["status"] == "True"
    assert found["status"]["artifacts"]["pack"]
    adaptations.edit("french", tasks=[adaptations.task("topic", gate=strict | {"min": 0.1})])
    assert conditions_of(adaptations.wait("french"))["QualityGatePassed"]["status"] == "True"


def test_kueue_holding_a_rayjob_back_is_queued(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.behaviours.set("corpus", seconds=5, times=1)
    adaptations.create("french", queue="team-a")
    rayjob = adaptations.wait_for_stage("french", "corpus")["rayJob"]
    path = f"/apis/ray.io/v1/namespaces/{adaptations.namespace}/rayjobs/{rayjob}"
    assert bed.api.get(path)["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-a"
    bed.api.merge(path, {"spec": {"suspend": True}})
    adaptations.wait_for_stage("french", "corpus", "Queued")
    bed.api.merge(path, {"spec": {"suspend": False}})
    adaptations.wait("french")


def test_progress_is_shown_while_a_stage_runs(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.behaviours.set("embed", seconds=30)
    adaptations.create("french")
    wait_until(lambda: "progress" in adaptations.stage("french", "embed"), "progress is shown")
    progress = adaptations.stage("french", "embed")["progress"]
    assert datetime.fromisoformat(progress["updatedAt"]) <= datetime.now(UTC)
    assert adaptations.get("french")["status"]["progress"].startswith("2/4 embed")
