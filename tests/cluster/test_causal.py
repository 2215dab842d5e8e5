"""A causal instruct model from `kubectl apply` to Ready, by the real trainer; then it is talked to.

`kubectl explain` and the CRD's rules know what differs of causal bases.
"""

from collections.abc import Callable
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import pytest
import torch
import yaml

import lingraft
from lingraft.files import load_resource
from lingraft.planning import manifests_of, plan_resource
from lingraft.store import open_store
from lingraft.store.stages import fetch_artifact
from tests.cluster.bed.adaptations import Adaptations, write_secret
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.buckets import BUCKETS, make_buckets
from tests.cluster.bed.chart import ensure_namespace
from tests.cluster.bed.operator import Operator
from tests.cluster.bed.processes import wait_until
from tests.integration.seaweed import Seaweed
from tests.support.causal import smollm2, tiny_llama
from tests.support.world import write_world

NAMESPACE, NAME = "decoders", "plaudern"
VOCABULARY = 320


def resource() -> dict[str, Any]:
    return {
        "apiVersion": "lingraft.dev/v1alpha1",
        "kind": "LanguageAdaptation",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "language": "fr",
            "base": {"uri": "s3://models/smollm2/"},
            "corpus": {"uri": "s3://corpora/fr/"},
            "tokenizer": {"train": {"type": "bpe", "vocabSize": VOCABULARY}},
            "embeddings": {
                "steps": 30,
                "sequenceLength": 64,
                "outputSteps": 4,
                "batchTokens": 512,
            },
            "store": {"uri": "s3://lingraft/", "credentialsSecret": "s3-credentials"},
        },
    }


@pytest.fixture
def buckets(s3: Seaweed, tmp_path: Path) -> None:
    make_buckets(s3)
    texts = write_world(tmp_path / "world")
    tiny_llama(smollm2().write(tmp_path / "base"))
    open_store("s3://models/").upload(tmp_path / "base", "smollm2/")
    open_store("s3://corpora/").put_file("fr/text.txt", texts / "fr.txt")


@pytest.mark.timeout(600)
def test_an_instruct_model_goes_to_ready_and_answers(
    operator_with: Callable[..., Operator],
    bed: Bed,
    s3: Seaweed,
    buckets: None,
    tmp_path: Path,
) -> None:
    file = tmp_path / "decoder.yaml"
    file.write_text(yaml.safe_dump(resource()))
    allowed = [f"s3://{bucket}/" for bucket in (*BUCKETS, "lingraft")]
    operator_with(access=[{"namespace": NAMESPACE, "prefixes": allowed}])
    bed.dashboard.trainer = "real"
    ensure_namespace(bed.cluster, NAMESPACE)
    write_secret(bed.api, NAMESPACE, s3.environment)

    kubectl = bed.cluster.kubectl
    kubectl("apply", "-f", str(file))
    ready = Adaptations(bed.api, NAMESPACE, "", "").wait(NAME, seconds=420)
    plan = plan_resource(load_resource(file))
    here = {planned.name: planned.stage.digest for planned in plan.stages}
    assert {stage["name"]: stage["digest"] for stage in ready["status"]["stages"]} == here
    assert set(here) == {"corpus", "embed", "graft"}, "Standard: a decoder has no mini-model"

    manifests = manifests_of(plan)
    assert "calibration" in manifests["embed"].metrics
    assert manifests["graft"].metrics["heldout"]["causalLmLoss"] > 0
    folder = fetch_artifact(open_store(plan.store), manifests["graft"], tmp_path / "cache")
    _answers(*lingraft.load(resource()["spec"]["base"]["uri"], folder / "pack"))
    kubectl("delete", "-f", str(file))


def _answers(model: Any, tokenizer: Any) -> None:
    """It is asked through its chat template, and stops where a turn ends, or is cut off."""
    assert model.config.vocab_size == len(tokenizer) == VOCABULARY
    asked = [{"role": "user", "content": "le vieux bateau voit"}]
    text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert "<|im_start|>user\nle vieux bateau voit<|im_end|>" in text
    given = tokenizer(text, return_tensors="pt", add_special_tokens=False)
    assert tokenizer.unk_token_id not in given["input_ids"]
    torch.manual_seed(0)
    said = model.generate(**given, max_new_tokens=8, do_sample=False)
    assert said.shape[1] > given["input_ids"].shape[1]
    ends = model.generation_config.eos_token_id
    assert tokenizer.convert_tokens_to_ids("<|im_end|>") in (
        ends if isinstance(ends, list) else [ends]
    )
    assert tokenizer.decode(said[0]).startswith(text)


def test_the_schema_knows_of_causal_bases(bed: Bed) -> None:
    kubectl = bed.cluster.kubectl
    # A new API server publishes its schema a moment after it serves the kind.
    wait_until(lambda: "mini" in kubectl("explain", "la.spec"), "its OpenAPI is published")
    for field, words in {
        "method": "for a causal one Standard, from init mean",
        "tokenizer.train.vocabSize": "of a causal base rounded up to a multiple of 64",
        "embeddings.calibrate": "Default: true for a causal base",
        "embeddings.maskProbability": "Not for a causal base",
        "embeddings.outputSteps": "nothing goes back through the layers",
    }.items():
        said = " ".join(kubectl("explain", f"la.spec.{field}").split())
        assert words in said, f"{field}: {said}"
    content = resource()
    content["spec"] |= {"method": "MiniPost", "mini": {"steps": 0}}
    content["spec"]["embeddings"]["calibrate"] = True
    ensure_namespace(bed.cluster, NAMESPACE)
    with pytest.raises(CalledProcessError) as refused:
        kubectl("apply", "-f", "-", stdin=yaml.safe_dump(content))
    assert "embeddings.calibrate is Standard's" in refused.value.stderr
