"""What a user sees of the operator: a real control plane, the real KubeRay, an instant trainer."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import pytest
from kubernetes import config

from lingraft_operator.cluster import Cluster
from tests.cluster.bed.adaptations import Adaptations, conditions_of
from tests.cluster.bed.api import ApiError
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.operator import Operator
from tests.cluster.bed.processes import wait_until
from tests.integration.seaweed import Seaweed


def launches(bed: Bed, namespace: str) -> Counter[str]:
    """RayJobs that the operator has created in a namespace, by kind of stage."""
    found: Counter[str] = Counter()
    for request in bed.cluster.audit():
        target = request.get("objectRef", {})
        made = request["verb"] == "create" and request["responseStatus"]["code"] == 201
        if made and target.get("resource") == "rayjobs" and target["namespace"] == namespace:
            found[target["name"].partition("-")[0]] += 1
    return found


def reasons(bed: Bed, adaptations: Adaptations, name: str) -> list[str]:
    """The reasons of the Events about a resource, oldest first."""
    events = bed.api.list(f"/apis/events.k8s.io/v1/namespaces/{adaptations.namespace}/events")
    about = [e for e in events if e["regarding"]["name"] == name]
    return [e["reason"] for e in sorted(about, key=lambda e: e["eventTime"])]


def test_a_resource_goes_to_ready(operator: Operator, adaptations: Adaptations, bed: Bed) -> None:
    adaptations.create("french", "MiniPost")
    status = adaptations.wait("french")["status"]
    assert (status["phase"], status["progress"], status["observedGeneration"]) == (
        "Ready",
        "6/6",
        1,
    )
    assert status["compute"]["savedPerStep"].endswith("x")
    assert {c["type"] for c in status["conditions"]} == {"Ready", "EmbeddingsTrained"}
    assert status["artifacts"]["pack"].startswith(adaptations.store)
    assert all(stage["state"] == "Done" for stage in status["stages"])
    wait_until(lambda: "Ready" in reasons(bed, adaptations, "french"), "the last Event")
    told = reasons(bed, adaptations, "french")
    assert told[0] == "Planned"
    assert Counter(told)["StageStarted"] == Counter(told)["StageSucceeded"] == 6
    table = bed.cluster.kubectl("get", "la", "-n", adaptations.namespace)
    columns = "NAME LANGUAGE BASE METHOD PHASE PROGRESS COMPUTE READY AGE"
    assert table.splitlines()[0].split() == columns.split()


def test_five_languages_share_what_does_not_depend_on_the_language(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    languages = ("fr", "de", "sw", "vi", "tr")
    for language in languages:
        adaptations.create(language, "MiniPost", language=language)
    for language in languages:
        adaptations.wait(language)
    ran = launches(bed, adaptations.namespace)
    assert ran == {"corpus": 6, "mini": 1, "finetune": 1, "embed": 5, "graft": 5}


def test_editing_a_task_runs_only_what_depends_on_it(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    adaptations.create("french")
    adaptations.wait("french")
    before = launches(bed, adaptations.namespace)
    adaptations.edit("french", tasks=[adaptations.task("topic", epochs=2)])
    status = adaptations.wait("french")["status"]
    assert launches(bed, adaptations.namespace) - before == {"finetune": 1, "graft": 1}
    assert {s["name"] for s in status["stages"] if s["cached"]} == set()


def test_deleting_one_language_harms_no_other(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.behaviours.set("finetune", seconds=4)
    adaptations.create("first")
    shared = adaptations.wait_for_stage("first", "finetune-topic-0")["rayJob"]
    adaptations.create("second", language="de")
    path = f"/apis/ray.io/v1/namespaces/{adaptations.namespace}/rayjobs/{shared}"
    wait_until(lambda: len(bed.api.get(path)["metadata"]["ownerReferences"]) == 2, "both own it")
    adaptations.delete("first")
    adaptations.wait("second")
    assert launches(bed, adaptations.namespace)["finetune"] == 1


def test_deleting_the_last_one_ends_what_runs(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.behaviours.set("corpus", seconds=60)
    adaptations.create("french")
    adaptations.wait_for_stage("french", "corpus")
    adaptations.delete("french")
    rayjobs = f"/apis/ray.io/v1/namespaces/{adaptations.namespace}/rayjobs"
    wait_until(lambda: not bed.api.list(rayjobs), "its RayJobs are gone")
    wait_until(lambda: not bed.pods(adaptations.namespace), "its pods are gone")


def test_what_was_computed_elsewhere_is_cached(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    adaptations.create("french")
    adaptations.wait("french")
    before = launches(bed, adaptations.namespace)
    adaptations.create("again")
    status = adaptations.wait("again")["status"]
    assert launches(bed, adaptations.namespace) == before
    assert all(stage["cached"] for stage in status["stages"])
    assert status["compute"].get("ownDeviceSeconds", 0) == 0


def test_a_suspended_resource_runs_nothing_and_goes_on_later(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.behaviours.set("embed", seconds=30)
    adaptations.create("french")
    adaptations.wait_for_stage("french", "embed")
    adaptations.edit("french", suspend=True)
    wait_until(
        lambda: adaptations.get("french")["status"]["phase"] == "Suspended", "it is suspended"
    )
    conditions = conditions_of(adaptations.get("french"))
    assert "Reconciling" not in conditions and conditions["Ready"]["reason"] == "Suspended"
    wait_until(lambda: not bed.pods(adaptations.namespace), "its pods are gone")
    bed.behaviours.clear()
    adaptations.edit("french", suspend=False)
    ready = adaptations.wait("french")
    embed = next(s for s in ready["status"]["stages"] if s["name"] == "embed")
    assert [a["reason"] for a in embed["attempts"]] == ["Suspended", "Succeeded"]


def test_a_pool_runs_no_more_stages_than_it_may_oldest_first(
    operator_with: Callable[..., Operator], adaptations: Adaptations, bed: Bed
) -> None:
    pools = {name: {"workers": 0, "maxConcurrentStages": 1} for name in ("small", "large")}
    operator_with(pools=pools)
    bed.behaviours.set("corpus", seconds=2)
    for number in range(3):
        adaptations.create(f"n{number}", language=("fr", "de", "sw")[number], tasks=[])
    most = 0

    def all_ready() -> bool:
        nonlocal most
        listed = bed.api.list(f"/apis/ray.io/v1/namespaces/{adaptations.namespace}/rayjobs")
        live = [
            job
            for job in listed
            if job["metadata"]["labels"]["lingraft.dev/pool"] == "small"
            and job.get("status", {}).get("jobDeploymentStatus") not in ("Complete", "Failed")
        ]
        most = max(most, len(live))
        return all(
            one.get("status", {}).get("phase") == "Ready"
            for one in bed.api.list(adaptations.path())
        )

    wait_until(all_ready, "all are Ready", seconds=120)
    assert most == 1


def test_the_operator_stops_in_time_and_what_runs_does_not_notice(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.behaviours.set("embed", seconds=6)
    adaptations.create("french")
    adaptations.wait_for_stage("french", "embed")
    assert operator.stop() == 0
    operator.start()
    embed = next(s for s in adaptations.wait("french")["status"]["stages"] if s["name"] == "embed")
    assert len(embed["attempts"]) == 1


def test_nothing_that_the_operator_asks_is_forbidden(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    # Started anew: while an API server starts it refuses what it has not read the roles of yet,
    # and other tests restarted it under this operator.
    operator.stop()
    operator.start()
    adaptations.create("french")
    adaptations.wait("french")
    user = operator.applied.user
    refused = [
        (r["verb"], r.get("objectRef"))
        for r in bed.cluster.audit()
        if datetime.fromisoformat(r["requestReceivedTimestamp"]) > operator.since
        and r["user"]["username"] == user
        and r["responseStatus"]["code"] in (401, 403)
        and "being terminated" not in r["responseStatus"].get("message", "")
    ]
    assert refused == []


def test_no_secret_is_told(operator: Operator, adaptations: Adaptations, s3: Seaweed) -> None:
    adaptations.create("french")
    ready = adaptations.wait("french")
    secret = s3.environment["AWS_SECRET_ACCESS_KEY"]
    assert secret not in str(ready)
    assert secret not in operator.log.read_text()


def test_the_api_server_refuses_a_wrong_spec_in_words(adaptations: Adaptations) -> None:
    with pytest.raises(ApiError, match="exactly one of uri and pretrain"):
        adaptations.create("french", base={})
    with pytest.raises(ApiError, match=r"MiniPost needs mini\.text"):
        adaptations.create("french", "MiniPost", mini={"layers": 2})


def test_versions_are_listed_without_what_is_in_them(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    for number in range(3):
        adaptations.create(f"n{number}", suspend=True)
    api = config.new_client_from_config(str(operator.applied.kubeconfig))
    found = Cluster(api).resource_versions([adaptations.namespace])
    listed = bed.api.list(adaptations.path())
    assert set(found) == {(adaptations.namespace, one["metadata"]["name"]) for one in listed}
    assert all(isinstance(version, int) for version in found.values())
