"""What a user leaves out: the paper's depths, the recipe's steps, and what it all costs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import UserError
from lingraft.params import EmbedParams, FinetuneParams, GraftParams, MiniParams
from lingraft.plan import plan, readings
from lingraft.plan.defaults import snapshot_steps
from lingraft.selection import Reading
from tests.support.specs import ROBERTA_BASE, pinned, planned, spec_of, task

ENGLISH = {"text": {"uri": "file:///english"}}


def mini(method: str, depth: int = 12, **changes: Any) -> tuple[int, int]:
    spec = spec_of(method, **changes)
    stage = planned(spec, ROBERTA_BASE.model_copy(update={"layers": depth}))["mini"].stage
    params = MiniParams.model_validate(stage.params)
    return params.layers, params.new_layers


def embed(corpus_bytes: int = 10_000_000, key: str = "a.txt", **changes: Any) -> EmbedParams:
    corpus = pinned("file:///swahili", size=corpus_bytes, key=key)
    stage = planned(spec_of(embeddings=changes), corpus=corpus)["embed"].stage
    return EmbedParams.model_validate(stage.params)


def test_depths_are_the_papers():
    assert mini("MiniJoint") == (4, 0)
    assert mini("MiniPost") == (4, 2)
    assert mini("MiniPost", 24) == (8, 4)
    assert mini("MiniPost", 3) == (1, 1)
    assert mini("MiniJoint", 2) == (1, 0)


@given(st.integers(3, 96))
def test_depths_are_a_third_and_a_sixth(depth: int):
    copied, new = mini("MiniPost", depth)
    assert copied == max(1, depth // 3) and new == max(1, depth // 6)
    assert mini("MiniJoint", depth) == (copied, 0)


def test_depths_can_be_chosen():
    assert mini("MiniPost", mini=ENGLISH | {"layers": 6, "newLayers": 0}) == (6, 0)
    joint = {"pretrain": ENGLISH | {"jointLayers": 3}}
    assert mini("MiniJoint", base=joint) == (3, 0), "the mini-model ends at the middle head"
    assert mini("MiniPost", base=joint) == (4, 2)


def test_steps_are_forty_epochs():
    # 40 x 1e10 bytes / 4 bytes a token / 1,048,576 tokens an update
    assert embed(10_000_000_000).training.steps == 95_368
    assert embed(10_000_000_000, batchTokens=2_097_152).training.steps == 47_684
    # A third of the size that it has once decompressed.
    for key in ("a.txt.gz", "a.jsonl.zst", "a.parquet"):
        assert embed(1_000_000_000, key).training.steps == embed(3_000_000_000).training.steps


def test_steps_are_at_most_those_of_the_reference():
    assert embed(10**12).training.steps == 125_000
    assert embed(10**12, steps=7).training.steps == 7


def test_what_the_issue_tried_trains_now():
    """3.5 MB were 33 updates, and 190 kB were 2, warm-up included."""
    some, little = embed(3_500_000).training, embed(190_000).training
    assert (some.batch_tokens, some.steps, some.warmup_steps) == (4096, 8545, 684)
    assert (little.batch_tokens, little.steps, little.warmup_steps) == (2048, 928, 74)


def test_a_large_corpus_gets_the_reference_recipe():
    training = embed(20_000_000_000).training
    assert (training.batch_tokens, training.steps) == (1_048_576, 125_000)
    assert (training.learning_rate, training.warmup_steps) == (7e-4, 10_000)


@given(st.integers(50_000, 10**12), st.fixed_dictionaries({}, optional={
    "steps": st.integers(100, 10**6),
    "batchTokens": st.integers(1, 2**12),
    "learningRate": st.floats(1e-6, 1),
    "warmupSteps": st.integers(0, 50),
}))  # fmt: skip
def test_what_is_set_is_obeyed(corpus_bytes: int, asked: dict[str, Any]):
    planned_with = embed(corpus_bytes, **asked).training.to_json()
    assert {name: planned_with[name] for name in asked} == asked


def test_step_1b_and_pretraining_scale_with_their_own_text():
    english = pinned("file:///english", size=3_500_000)
    spec = spec_of("MiniPost", base={"pretrain": ENGLISH})
    sources = {one: pinned(*one, size=10**12) for one in readings(spec)}
    found = plan(spec, sources | {Reading(english.uri, "text"): english}, None)
    for name, field in {"pretrain": "training", "mini": "training"}.items():
        training = found[name].stage.params[field]
        assert (training["batchTokens"], training["steps"]) == (4096, 8545)
        # Layers train: the rate goes with the root of the batch's share of the reference's.
        assert training["learningRate"] == 4.4e-5
    assert found["embed"].stage.params["training"]["learningRate"] == 7e-4
    assert found.shape.vocabulary == 2_944
    assert found["source-corpus"].stage.params["tokenizer"]["vocabSize"] == 2_944
    large = plan(spec, sources, None)
    assert large["pretrain"].steps == 125_000
    # 20 tokens for each of the 14.7M parameters of two layers and the head's dense part.
    training = large["mini"].stage.params["training"]
    read = training["steps"] * training["batchTokens"]
    assert training["steps"] == 9_000 and read == pytest.approx(2.95e8, rel=0.01)


def test_a_vocabulary_is_what_the_text_supports():
    def size(text: int, language: str = "sw", **train: Any) -> int | None:
        changes: dict[str, Any] = {"tokenizer": {"train": train}} if train else {}
        spec = spec_of(language=language, **changes)
        corpus = pinned("file:///swahili", size=text)
        return planned(spec, corpus=corpus)["corpus"].stage.params["tokenizer"]["vocabSize"]

    assert size(190_000) == 640
    assert size(3_500_000) == 2_944
    assert size(3_500_000, "zh-Hant") == 11_776
    assert size(10**10) == 50_000
    assert size(190_000, vocabSize=50_000) == 50_000, "what is set is obeyed"


def test_warm_up_is_a_twelfth():
    assert embed(steps=125_000).training.warmup_steps == 10_000
    assert embed(steps=100, warmupSteps=0).training.warmup_steps == 0


def test_rows_are_as_long_as_the_base_allows_up_to_512():
    for positions, length in ((512, 512), (128, 128), (4096, 512)):
        plan = planned(spec_of(), ROBERTA_BASE.model_copy(update={"positions": positions}))
        assert plan["corpus"].stage.params["sequenceLength"] == length
        assert plan["embed"].stage.params["training"]["sequenceLength"] == length


def test_a_rows_worth_is_the_least_update():
    assert embed(batchTokens=1).training.batch_rows == 1
    assert embed(10**10).training.batch_rows == 2048


@pytest.mark.parametrize(
    ("format", "positions", "length", "lengths"),
    [
        ("xnli", 512, 512, (128, 128)),
        ("squad", 512, 512, (384, 384)),
        ("mlqa", 512, 512, (384, 384)),
        ("qa", 512, 512, (384, 384)),
        ("qa", 256, 256, (256, 256)),
        ("pairs", 64, 64, (64, 64)),
        # Languages share fine-tuned models: how long one's rows are has no say in them.
        ("qa", 512, 128, (384, 128)),
        ("pairs", 512, 100, (128, 100)),
    ],
)
def test_questions_have_longer_windows_and_short_bases_what_fits(
    format: str, positions: int, length: int, lengths: tuple[int, int]
):
    shape = ROBERTA_BASE.model_copy(update={"positions": positions})
    tasks = [task(format=format, seeds=1)]
    plan = planned(spec_of(tasks=tasks, embeddings={"sequenceLength": length}), shape)
    finetune = FinetuneParams.model_validate(plan["finetune-xnli-0"].stage.params)
    graft = GraftParams.model_validate(plan["graft"].stage.params)
    assert (finetune.max_length, graft.tasks[0].max_length) == lengths
    chosen = planned(spec_of(tasks=[task(format=format, maxLength=48)]), shape)
    assert chosen["finetune-xnli-0"].stage.params["maxLength"] == 48


def test_compute_saved_per_step_is_that_of_roberta_base():
    """The ceilings of a frozen body with a head on masked positions only."""
    words = {"train": {"vocabSize": 50_000}}
    assert planned(spec_of("Standard")).saved_per_step == 1
    joint, post = (planned(spec_of(m, tokenizer=words)) for m in ("MiniJoint", "MiniPost"))
    assert joint.saved_per_step == pytest.approx(2.58, abs=0.005)
    assert post.saved_per_step == pytest.approx(1.85, abs=0.005)


def test_only_what_trains_costs():
    plan = planned(spec_of("MiniPost", base={"pretrain": ENGLISH}))
    costs = {one.name for one in plan.stages if one.flops > 0}
    assert costs == {one.name for one in plan.stages if one.steps > 0}
    assert costs == {"pretrain", "mini", "embed"}


@given(st.integers(1, 200_000), st.integers(1, 40))
def test_snapshots_rise_to_the_end(steps: int, count: int) -> None:
    found = snapshot_steps(steps, count)
    assert found is not None and found[0] == 0 and found[-1] == steps
    assert list(found) == sorted(set(found))


def test_snapshots_are_only_kept_where_they_are_asked_for() -> None:
    params = planned(spec_of())["embed"].stage.params
    assert "snapshots" not in params
    asked = planned(spec_of(embeddings={"steps": 100, "snapshots": 3}))["embed"].stage
    assert asked.params["snapshots"] == [0, 50, 71, 100]


def words(shape: Any = ROBERTA_BASE, **train: Any) -> dict[str, Any]:
    spec = spec_of(tokenizer={"train": train})
    found = planned(spec, shape)["corpus"].stage.params["tokenizer"]
    return {name: value for name, value in found.items() if value is not None}


def test_a_causal_bases_tokenizer_is_bpe_of_whole_tiles():
    llama = ROBERTA_BASE.model_copy(update={"model_type": "llama"})
    assert words() == {"train": "unigram", "vocabSize": 4992}
    assert words(llama) == {"train": "bpe", "vocabSize": 4992}
    assert words(vocabSize=1000, type="bpe") == {"train": "bpe", "vocabSize": 1000}
    assert words(llama, vocabSize=1000) == {"train": "bpe", "vocabSize": 1024}
    with pytest.raises(UserError, match=r"is unigram, but the base is causal") as refused:
        words(llama, type="unigram")
    assert refused.value.where == "spec.tokenizer.train.type"
