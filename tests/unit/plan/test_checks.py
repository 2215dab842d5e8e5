"""Specs whose parts do not fit are refused, by the field to change."""

from typing import Any

import pytest

from lingraft.architecture import Shape
from lingraft.compute import calibration, embed_step
from lingraft.errors import UserError
from lingraft.plan import Plan, plan, readings
from tests.support.specs import ROBERTA_BASE, pinned, planned, spec_of, task

ENGLISH = {"text": {"uri": "file:///english"}}
SMALL = ROBERTA_BASE.model_copy(update={"layers": 3, "positions": 128})
EUROBERT = ROBERTA_BASE.model_copy(update={"model_type": "eurobert"})
BODY = ROBERTA_BASE.model_copy(update={"has_head": False})
LLAMA = ROBERTA_BASE.model_copy(update={"model_type": "llama"})
LLAMA_BODY = LLAMA.model_copy(update={"has_head": False})


def pretrain(**changes: Any) -> dict[str, Any]:
    return {"pretrain": ENGLISH | changes}


def untrained(**changes: Any) -> dict[str, Any]:
    """A task without data to train on."""
    return {"name": "xcopa", "test": "file:///sw"} | changes


REFUSED: list[tuple[str, str, str, Shape, dict[str, Any]]] = [
    ("mini.layers", "not shallower", "MiniJoint", SMALL, {"mini": {"layers": 3}}),
    ("mini.layers", "8.4 layers", "MiniPost", ROBERTA_BASE, {
        "mini": ENGLISH | {"layers": 8, "newLayers": 4}
    }),
    ("mini.layers", "make them equal", "MiniJoint", SMALL, {
        "base": pretrain(jointLayers=3), "mini": {"layers": 4}
    }),
    ("base.pretrain.jointLayers", "below the top", "MiniJoint", SMALL, {
        "base": pretrain(jointLayers=12)
    }),
    ("base.pretrain.jointLayers", "below the top", "Standard", SMALL, {
        "base": pretrain(jointLayers=13)
    }),
    ("base.uri", "no masked-LM head", "Standard", BODY, {}),
    ("base.uri", "no masked-LM head", "MiniJoint", BODY, {}),
    ("tasks[0].format", "family eurobert that answers", "Standard", EUROBERT, {
        "tasks": [task(format="mlqa")]
    }),
    ("tasks[0].format", "family eurobert for multiple choice", "Standard", EUROBERT, {
        "tasks": [task(format="belebele")]
    }),
    ("embeddings.sequenceLength", "128 positions", "Standard", SMALL, {
        "embeddings": {"sequenceLength": 129}
    }),
    ("mini.sequenceLength", "512 positions", "MiniPost", ROBERTA_BASE, {
        "mini": ENGLISH | {"sequenceLength": 513}
    }),
    ("base.pretrain.sequenceLength", "64 positions", "Standard", ROBERTA_BASE, {
        "base": pretrain(sequenceLength=128, architecture={"positions": 64})
    }),
    ("tasks[1].maxLength", "longer than the 128 tokens", "Standard", SMALL, {
        "tasks": [task(), task("paws", maxLength=129)]
    }),
    ("tasks[0].maxLength", "raise embeddings.sequenceLength", "Standard", ROBERTA_BASE, {
        "embeddings": {"sequenceLength": 64}, "tasks": [task(maxLength=65)]
    }),
    ("tasks[0].labels", "'yes' stands there twice", "Standard", ROBERTA_BASE, {
        "tasks": [task(format="pairs", labels=["Yes", "no", "yes "])]
    }),
    ("tasks[0].columns", "'a' stands there twice", "Standard", ROBERTA_BASE, {
        "tasks": [task(format="pairs", columns={"text": "a", "textPair": "a"})]
    }),
    ("tasks[0].maxLength", "is 129, longer than the 128 tokens", "Standard", SMALL, {
        "tasks": [task(format="qa", maxLength=129)]
    }),
    ("embeddings.maskProbability", "causal .llama.: it tells the next token", "Standard", LLAMA, {
        "embeddings": {"maskProbability": 0.15}
    }),
    ("mini.maskProbability", "masks none; leave it out", "MiniPost", LLAMA, {
        "mini": ENGLISH | {"maskProbability": 0.3}
    }),
    ("method", "use Standard or MiniPost", "MiniJoint", LLAMA, {}),
    ("base.uri", "ForCausalLM class", "Standard", LLAMA_BODY, {}),
    ("embeddings.outputSteps", "is 700, but the run has 600 updates", "Standard", LLAMA, {
        "embeddings": {"outputSteps": 700, "steps": 600}
    }),
    ("base.uri", "ForCausalLM class", "MiniPost", LLAMA_BODY, {}),
    *(("tasks[1].format", "chooses by log-likelihood: leave the task out", "Standard", LLAMA, {
        "tasks": [task(), task("other", format=format)]
    }) for format in ("mlqa", "qa", "ner", "pos")),
    ("tasks[0].format", "give a masked base", "Standard", LLAMA, {
        "tasks": [untrained(format="retrieval")]
    }),
    *(("tasks[0].train", "nothing is trained for it", "Standard", LLAMA, {
        "tasks": [task(format=format)]
    }) for format in ("belebele", "xcopa", "xstorycloze", "choice")),
    *(("tasks[0].train", "is fine-tuned to choose: give", "Standard", ROBERTA_BASE, {
        "tasks": [untrained(format=format)]
    }) for format in ("belebele", "choice")),
    ("tasks[0].format", "told apart by a causal base", "Standard", ROBERTA_BASE, {
        "tasks": [untrained(format="multiblimp")]
    }),
    ("tasks[0].format", "answered by a causal base", "Standard", ROBERTA_BASE, {
        "tasks": [task(format="instruction")]
    }),
    ("tasks[0].maxLength", "is 600, more than the base's 512", "Standard", LLAMA, {
        "tasks": [task(format="instruction", maxLength=600)]
    }),
    ("tasks[0].gate.metric", "log-likelihoods.*write accuracy", "Standard", ROBERTA_BASE, {
        "tasks": [task(format="xcopa", gate={"metric": "accuracyNorm", "min": 0.5})]
    }),
    ("generation", "continues no text", "Standard", ROBERTA_BASE, {"generation": {}}),
    ("generation.maxNewTokens", "has 512 positions: lower it", "Standard", LLAMA, {
        "generation": {"maxNewTokens": 512}
    }),
    ("tasks[0].maxLength", "is 513, more than the base's 512 positions", "Standard", LLAMA, {
        "tasks": [untrained(format="xcopa", maxLength=513)]
    }),
]  # fmt: skip


@pytest.mark.parametrize(("field", "message", "method", "shape", "changes"), REFUSED)
def test_refused_by_its_field(
    field: str, message: str, method: str, shape: Shape, changes: dict[str, Any]
):
    with pytest.raises(UserError, match=message) as caught:
        planned(spec_of(method, **changes), shape)
    assert caught.value.where == f"spec.{field}"


TINY, SOME = 10_000, 3_500_000
SHORT: list[tuple[str, str, int, str, dict[str, Any]]] = [
    ("embeddings.steps", "give more text", TINY, "Standard", {}),
    ("embeddings.batchTokens", "only 34 updates.*lower it", SOME, "Standard", {
        "embeddings": {"batchTokens": 1_048_576}
    }),
    ("embeddings.steps", "give more text", TINY, "Standard", {
        "embeddings": {"batchTokens": 1_024}
    }),
    ("mini.steps", "give more text", TINY, "MiniPost", {"embeddings": {"steps": 600}}),
    ("mini.batchTokens", "leave it out", SOME, "MiniPost", {
        "mini": ENGLISH | {"batchTokens": 2**20}
    }),
    ("base.pretrain.steps", "or set steps", TINY, "Standard", {"base": pretrain()}),
    ("embeddings.warmupSteps", "is 10000, but the run has 8545", SOME, "Standard", {
        "embeddings": {"warmupSteps": 10_000}
    }),
    ("mini.warmupSteps", "or set mini.steps", SOME, "MiniPost", {
        "mini": ENGLISH | {"warmupSteps": 9_000}
    }),
]  # fmt: skip


def with_text(size: int, method: str, **changes: Any) -> Plan:
    spec = spec_of(method, **changes)
    sources = {one: pinned(*one, size=size) for one in readings(spec)}
    return plan(spec, sources, None if spec.base.pretrain else ROBERTA_BASE)


@pytest.mark.parametrize(("field", "message", "size", "method", "changes"), SHORT)
def test_a_run_that_would_learn_nothing_is_refused_by_its_field(
    field: str, message: str, size: int, method: str, changes: dict[str, Any]
):
    with pytest.raises(UserError, match=message) as caught:
        with_text(size, method, **changes)
    assert caught.value.where == f"spec.{field}"


def test_a_short_run_that_is_asked_for_is_run_and_told_of():
    assert with_text(SOME, "Standard").warnings == ()
    (said,) = with_text(TINY, "Standard", embeddings={"steps": 20}).warnings
    assert said.startswith("spec.embeddings: 20 updates are few")
    small = {"steps": 499}
    spoken = with_text(SOME, "MiniPost", mini=ENGLISH | small, embeddings=small).warnings
    assert [one.partition(":")[0] for one in spoken] == ["spec.mini", "spec.embeddings"]


@pytest.mark.parametrize(
    ("method", "shape", "changes"),
    [
        ("MiniPost", BODY, {}),
        ("MiniJoint", SMALL, {"mini": {"layers": 2}}),
        ("MiniPost", ROBERTA_BASE, {"mini": ENGLISH | {"layers": 8, "newLayers": 3}}),
        ("MiniJoint", SMALL, {"base": pretrain(jointLayers=11)}),
        ("Standard", SMALL, {"embeddings": {"sequenceLength": 128}}),
        ("Standard", SMALL, {"tasks": [task(maxLength=128)]}),
        # Defaults are shortened to what fits.
        ("Standard", SMALL, {"tasks": [task(format="squad")]}),
        ("Standard", SMALL, {"tasks": [task()], "embeddings": {"sequenceLength": 64}}),
        # Settings of a step that the method does not have are nobody's mistake.
        ("Standard", SMALL, {"mini": {"layers": 99, "sequenceLength": 4096}}),
    ],
)
def test_the_last_that_fits(method: str, shape: Shape, changes: dict[str, Any]):
    assert planned(spec_of(method, **changes), shape)["graft"].needs


def test_a_causal_base_is_told_in_the_plan_by_what_is_not_digested():
    masked, causal = (planned(spec_of("Standard"), shape) for shape in (ROBERTA_BASE, LLAMA))
    given = [one["embed"].stage.params["training"] for one in (masked, causal)]
    assert given[0].pop("maskProbability") == 0.15 and given[0] == given[1]


def test_a_causal_base_says_in_the_digest_of_its_text_that_documents_are_held_out():
    masked, causal = (planned(spec_of("Standard"), shape) for shape in (ROBERTA_BASE, LLAMA))
    assert "heldOut" not in masked["corpus"].stage.params
    assert causal["corpus"].stage.params["heldOut"] == "Documents"


def test_a_causal_base_has_its_head_at_every_token():
    """Without layers, a causal step costs what a masked one does at as many tokens as it tells."""
    masked, causal = (
        embed_step(
            shape, layers=0, vocabulary=1000, tokens=100, told=100 * told, sequence_length=64
        )
        for shape, told in ((ROBERTA_BASE, 0.15), (LLAMA, 1.0))
    )
    dense = 15 * 2 * 2 * 768 * 768  # llama has none
    assert causal / (masked - dense) == pytest.approx(1 / 0.15)
    flops = planned(spec_of("Standard"), LLAMA)["embed"]
    params = flops.stage.params["training"]
    tokens = params["steps"] * params["batchTokens"]
    rows = planned(spec_of("Standard"), LLAMA)["corpus"].stage.params["tokenizer"]["vocabSize"]
    assert flops.flops == pytest.approx(
        embed_step(
            LLAMA, layers=12, vocabulary=rows, tokens=tokens, told=tokens, sequence_length=512
        )
        + calibration(LLAMA, vocabulary=rows, told=1.0, sequence_length=512)
    )


@pytest.mark.parametrize(
    ("method", "shape", "asked", "calibrated"),
    [
        ("Standard", LLAMA, None, True),
        ("Standard", LLAMA, False, False),
        ("Standard", ROBERTA_BASE, None, False),
        ("Standard", ROBERTA_BASE, True, True),
        ("MiniPost", LLAMA, None, False),
    ],
)
def test_a_causal_bases_start_is_calibrated_unless_it_is_asked_for_otherwise(
    method: str, shape: Shape, asked: bool | None, calibrated: bool
):
    found = planned(spec_of(method, embeddings={"calibrate": asked}), shape)
    for name in ("embed", "graft"):  # who trains from it, and who scores it
        assert found[name].stage.params.get("calibrate", False) is calibrated
        assert calibrated or "calibrate" not in found[name].stage.params


def test_a_causal_base_chooses_without_training_and_reads_as_much_as_it_can():
    rows = {"embeddings": {"sequenceLength": 64}}
    gate = {"metric": "accuracyBytes", "min": 0.5}
    given = [
        untrained(format="belebele", gate=gate, sourceTest="file:///en"),
        untrained(name="pairs", format="multiblimp", maxLength=128),
    ]
    found = planned(spec_of("Standard", tasks=given, **rows), LLAMA)
    assert [one.name for one in found.stages] == ["corpus", "embed", "graft"]
    tasks = found["graft"].stage.params["tasks"]
    assert [one["seeds"] for one in tasks] == [[], []]
    assert [one["maxLength"] for one in tasks] == [512, 128]
    assert "source_test:xcopa" in found["graft"].stage.inputs


def test_instructions_are_tuned_and_scored_at_their_own_length():
    rows = {"embeddings": {"sequenceLength": 64}}
    long = LLAMA.model_copy(update={"positions": 4096})
    found = planned(spec_of("Standard", tasks=[task(format="instruction")], **rows), long)
    assert found["finetune-xnli-1"].stage.params["maxLength"] == 1024
    (given,) = found["graft"].stage.params["tasks"]
    assert given["maxLength"] == 1024 and given["seeds"] == [0, 1]


def test_what_is_written_for_people_is_digested_where_it_is_asked_for():
    def given(**asked: Any) -> dict[str, Any]:
        return planned(spec_of("Standard", **asked), LLAMA)["graft"].stage.params

    usual = given()
    assert "generation" not in usual
    assert given(generation={}) == usual == given(generation={"maxNewTokens": 48})
    prompts = given(generation={"prompts": ["Il neige"]})
    assert prompts["generation"] == {"prompts": ["Il neige"], "maxNewTokens": 48}


def test_updates_of_the_output_side_alone_are_cheaper_and_saved_by_no_method():
    half, none = (
        planned(spec_of("Standard", embeddings={"outputSteps": steps, "steps": 600}), LLAMA)
        for steps in (300, 0)
    )
    assert 0.6 < half["embed"].flops / none["embed"].flops < 0.8
    assert half.saved_per_step == none.saved_per_step == 1
    assert half["embed"].stage.params["outputSteps"] == 300
    assert "outputSteps" not in none["embed"].stage.params


def test_a_mini_model_of_a_causal_base_is_warned_of():
    said = {
        (method, shape.model_type): any(
            "more compute than Standard" in one for one in found.warnings
        )
        for method in ("Standard", "MiniPost")
        for shape in (LLAMA, ROBERTA_BASE)
        if (found := planned(spec_of(method), shape))
    }
    assert [key for key, warned in said.items() if warned] == [("MiniPost", "llama")]


def test_tags_that_may_not_be_meant_are_told_of():
    """Files and rows of data sets are chosen by them, and the script is known by them."""
    assert planned(spec_of()).warnings == ()
    (same,) = planned(spec_of(language="en-GB")).warnings
    assert "spec.language: en-GB is the base's language too (en)" in same
    (misspelt,) = planned(spec_of(language="jp")).warnings
    assert "spec.language: jp is no code of ISO 639-1" in misspelt
    (misspelt,) = planned(spec_of(sourceLanguage="cn")).warnings
    assert "spec.sourceLanguage: cn is no code" in misspelt
    assert planned(spec_of(language="swh")).warnings == ()
    assert planned(spec_of(language="yue")).warnings == ()
