"""From `helm install` and `kubectl apply` to Ready: every stage in real pods on its own nodes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import lingraft
from lingraft.pools import POOL_OF
from lingraft.store import open_store
from lingraft.store.stages import fetch_artifact
from tests.cluster.bed.adaptations import Adaptations
from tests.cluster.bed.chart import RELEASE
from tests.e2e.bed.bed import Bed
from tests.e2e.bed.release import Release
from tests.e2e.runs import READY_SECONDS, Finished

pytestmark = pytest.mark.timeout(READY_SECONDS + 300)


def test_kubectl_sees_it_ready(bed: Bed, adaptations: Adaptations, finished: Finished) -> None:
    where = f"--namespace={adaptations.namespace}"
    bed.cluster.kubectl("wait", "--for=condition=Ready", "la/french", where, "--timeout=5s")


def test_digests_are_those_of_this_machine(finished: Finished) -> None:
    here = {planned.name: planned.stage.digest for planned in finished.plan.stages}
    assert {stage["name"]: stage["digest"] for stage in finished.status["stages"]} == here
    assert set(finished.manifests) == set(here), "what the cluster computed is cached here"


def test_pods_ran_on_the_nodes_of_their_pools(finished: Finished) -> None:
    for planned in finished.plan.stages:
        kind = planned.stage.kind
        seen = [pod for pod in finished.pods if pod.stage == kind]
        assert {pod.node for pod in seen} == {POOL_OF[kind]}, kind
        assert {pod.head for pod in seen} == {True, False}, kind


def test_helm_test_in_a_real_pod(
    adaptations: Adaptations, release: Release, finished: Finished
) -> None:
    """Of the same spec, so that what it needs is there already."""
    spec = yaml.safe_load(finished.file.read_text())["spec"]
    test = {"namespace": adaptations.namespace, "spec": spec, "timeoutSeconds": 240}
    release.upgrade(test=test | {"enabled": True})
    said = release.test(seconds=300)
    assert "Ready: " in said and finished.manifests["graft"].stage.digest in said, said
    adaptations.delete(f"{RELEASE}-test")


def test_artifacts_load_without_this_project(finished: Finished, tmp_path: Path) -> None:
    manifest = finished.manifests["graft"]
    folder = fetch_artifact(open_store(finished.plan.store), manifest, tmp_path)
    base = yaml.safe_load(finished.file.read_text())["spec"]["base"]["uri"]
    model: Any
    model, tokenizer = lingraft.load(base, folder / "pack")
    assert model.get_input_embeddings().weight.shape[0] == len(tokenizer)
    measured = json.loads((folder / "evaluation.json").read_text())[0]["metrics"]
    evaluation = finished.status["evaluation"]
    scores = {(one["task"], one["metric"]): one["value"] for one in evaluation}
    assert scores["topic", "accuracy"] == measured["accuracy"]["mean"]
