"""`kubectl apply -f examples/french.yaml`, to Ready, by the real trainer on a small base."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import lingraft
from lingraft.files import load_resource
from lingraft.planning import manifests_of, plan_resource
from lingraft.publish import Place
from lingraft.store import open_store
from lingraft.store.stages import fetch_artifact
from tests.cluster.bed.adaptations import Adaptations, write_secret
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.buckets import BUCKETS, make_buckets
from tests.cluster.bed.chart import ensure_namespace
from tests.cluster.bed.operator import Operator
from tests.integration.seaweed import Seaweed
from tests.support.tiny import reading_base
from tests.support.world import write_world

EXAMPLE = Path("examples/french.yaml")
PLACE = "s3://models/published-french/"


@pytest.fixture
def buckets(s3: Seaweed, tmp_path: Path) -> None:
    """What the example names, in buckets of a real S3 server."""
    make_buckets(s3)
    texts = write_world(tmp_path / "world")
    reading_base("bert", texts / "en.txt", tmp_path / "base")
    open_store("s3://models/").upload(tmp_path / "base", "small-bert/")
    for language in ("en", "fr"):
        open_store("s3://corpora/").put_file(f"{language}/text.txt", texts / f"{language}.txt")
        for part in ("train", "test"):
            key = f"topic/{language}/{part}.jsonl"
            open_store("s3://tasks/").put_file(key, texts / f"{language}-{part}.jsonl")


@pytest.mark.timeout(600)
def test_the_example_goes_to_ready(
    operator_with: Callable[..., Operator],
    bed: Bed,
    s3: Seaweed,
    buckets: None,
    tmp_path: Path,
) -> None:
    content = yaml.safe_load(EXAMPLE.read_text())
    # A base as small as the test's learns no task, and a model that gives every example the same
    # answer passes no gate.
    del content["spec"]["tasks"][0]["gate"]
    content["spec"]["publish"] = {"uri": PLACE}
    file = tmp_path / EXAMPLE.name
    file.write_text(yaml.safe_dump(content))
    name, namespace = content["metadata"]["name"], content["metadata"]["namespace"]
    allowed = [f"s3://{bucket}/" for bucket in (*BUCKETS, "lingraft")]
    operator_with(access=[{"namespace": namespace, "prefixes": allowed}])
    bed.dashboard.trainer = "real"
    ensure_namespace(bed.cluster, namespace)
    write_secret(bed.api, namespace, s3.environment)

    kubectl = bed.cluster.kubectl
    kubectl("apply", "-f", str(file))
    adaptations = Adaptations(bed.api, namespace, "", "")
    ready = adaptations.wait(name, seconds=420)
    kubectl("wait", "--for=condition=Ready", f"la/{name}", "-n", namespace, "--timeout=5s")

    status = ready["status"]
    plan = plan_resource(load_resource(file))
    here = {planned.name: planned.stage.digest for planned in plan.stages}
    assert {stage["name"]: stage["digest"] for stage in status["stages"]} == here
    manifests = manifests_of(plan)
    assert set(manifests) == set(here), "what the cluster computed is cached on one machine"

    folder = fetch_artifact(open_store(plan.store), manifests["graft"], tmp_path / "cache")
    model: Any
    read: Any
    model, tokenizer = lingraft.load(content["spec"]["base"]["uri"], folder / "pack")
    assert model.get_input_embeddings().weight.shape[0] == len(tokenizer)
    assert status["artifacts"]["pack"].endswith("files/pack/")
    current = Place(open_store(PLACE)).current()
    assert current and status["published"]["version"] == current.version
    read, _ = lingraft.load(content["spec"]["base"]["uri"], PLACE)
    assert torch.equal(read.get_input_embeddings().weight, model.get_input_embeddings().weight)
    scores = {(e["task"], e["metric"]): e for e in status["evaluation"]}
    measured = json.loads((folder / "evaluation.json").read_text())[0]["metrics"]
    assert scores["topic", "accuracy"]["value"] == measured["accuracy"]["mean"]
    # Less compute by the smaller number of layers, by formula.
    assert float(status["compute"]["savedPerStep"].removesuffix("x")) > 1
    kubectl("delete", "-f", str(file))
