"""Digests: the same today as yesterday, and changed by what defines a result alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.specs import ROBERTA_BASE, digests, pinned, planned, spec_of, task

PRETRAIN = {"pretrain": {"text": {"uri": "file:///english"}, "jointLayers": 4}}
BASES = {"loaded": {"uri": "file:///base"}, "pretrained": PRETRAIN}
CASES = BASES | {"causal": BASES["loaded"]}
METHODS = ["Standard", "MiniJoint", "MiniPost"]
SHARED = ("source-corpus", "pretrain", "mini-corpus", "mini", "finetune-xnli-0", "finetune-xnli-1")

# A digest that changes makes every user train again. Where a stage's meaning changed on
# purpose, raise CONTRACT and write the new ones here; otherwise the change is a mistake.
# Those of masked bases are older than causal ones, and stayed what they were when these came.
GOLDEN: dict[str, dict[str, str]] = {
    "Standard-loaded": {
        "corpus": "9e5e6d36fa27",
        "embed": "b593d400cb41",
        "finetune-xnli-0": "28fb44931928",
        "graft": "0f921164cc06",
    },
    "MiniJoint-pretrained": {
        "source-corpus": "e2a782af941d",
        "pretrain": "ab31397701f8",
        "corpus": "3c38ed403ddc",
        "mini": "c3f5ecaea3e7",
        "embed": "1f32437474c5",
        "finetune-xnli-0": "f365ef1b18f1",
        "graft": "b3f45cda0d09",
    },
    "Standard-causal": {
        "corpus": "47dc510670f1",
        "embed": "a86d9a67913b",
        "finetune-xnli-0": "28fb44931928",
        "graft": "e703174b4c08",
    },
    "MiniPost-loaded": {
        "corpus": "9e5e6d36fa27",
        "mini-corpus": "c4d8c8b0b2d4",
        "mini": "8cfaf4b05734",
        "embed": "7a12786cd19b",
        "finetune-xnli-0": "28fb44931928",
        "graft": "78c3399a9e4b",
    },
}


@pytest.mark.parametrize("case", GOLDEN)
def test_digests_are_those_of_yesterday(case: str):
    method, base = case.split("-")
    verses = {"name": "verses", "format": "retrieval", "test": "file:///verses"}
    tasks = [task(seeds=1)] if base == "causal" else [task(seeds=1), verses]
    shape = ROBERTA_BASE.model_copy(update={"model_type": "llama"} if base == "causal" else {})
    plan = planned(spec_of(method, base=CASES[base], tasks=tasks), shape)
    short = {name: ref.partition("/")[2][:12] for name, ref in digests(plan).items()}
    assert short == GOLDEN[case]


def embeddings() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "init": st.sampled_from(["random", "normal", "overlap", "mean", "focus"]),
            "steps": st.integers(1, 200_000),
            "sequenceLength": st.integers(128, 512),
            "learningRate": st.floats(1e-5, 1e-2),
            "dropout": st.floats(0, 0.5),
        },
    )


def gates() -> st.SearchStrategy[dict[str, Any] | None]:
    return st.none() | st.just({"metric": "accuracy", "min": 0.6})


TARGET_SIDE = st.fixed_dictionaries(
    {
        "language": st.sampled_from(["fr", "yo", "zh-Hant"]),
        "corpus": st.just({"uri": "file:///other"}),
        "tokenizer": st.sampled_from(
            [{"uri": "file:///bpe"}, {"train": {"type": "bpe", "vocabSize": 32_000}}]
        ),
        "embeddings": embeddings(),
        "seed": st.integers(0, 2**31 - 1),
        "store": st.just({"uri": "s3://elsewhere"}),
    }
)


@given(
    method=st.sampled_from(METHODS),
    base=st.sampled_from(list(BASES.values())),
    target=TARGET_SIDE,
    gate=gates(),
    source_test=st.none() | st.just("file:///xnli/en"),
    size=st.integers(1_000_000, 10**12),
)
def test_nothing_of_the_target_side_reaches_what_languages_share(
    method: str, base: Any, target: dict[str, Any], gate: Any, source_test: str | None, size: int
):
    before = digests(planned(spec_of(method, base=base, tasks=[task()])))
    other = task(test="file:///other/test", gate=gate, sourceTest=source_test)
    spec = spec_of(method, base=base, tasks=[other], **target)
    after = digests(planned(spec, corpus=pinned(spec.corpus.uri, size=size)))
    shared = [name for name in before if name in SHARED]
    assert len(shared) >= 2
    assert {name: before[name] for name in shared} == {name: after[name] for name in shared}
    assert all(before[name] != after[name] for name in ("corpus", "embed", "graft"))


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def full(**changes: Any) -> dict[str, str]:
    fields = {"tasks": [task(), task("paws")]} | changes
    return digests(planned(spec_of("MiniPost", **fields)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"seed": 1}, {"embed", "graft"}),
        ({"embeddings": {"init": "mean"}}, {"embed", "graft"}),
        ({"embeddings": {"init": "aligned"}}, {"embed", "graft"}),
        ({"language": "fr"}, {"corpus", "embed", "graft"}),
        ({"store": {"uri": "s3://elsewhere"}}, set()),
        ({"tasks": [task(), task("paws", gate={"metric": "accuracy", "min": 0.5})]}, set()),
        ({"tasks": [task(), task("paws", test="file:///new")]}, {"graft"}),
        (
            {"tasks": [task(), task("paws", epochs=4)]},
            {"finetune-paws-0", "finetune-paws-1", "graft"},
        ),
        ({"tasks": [task(), task("paws", seeds=3)]}, {"finetune-paws-2", "graft"}),
        ({"tasks": [task()]}, {"finetune-paws-0", "finetune-paws-1", "graft"}),
        (
            {"mini": {"text": {"uri": "file:///english"}, "newLayers": 1}},
            {"mini", "embed", "graft"},
        ),
    ],
    ids=str,
)
def test_an_edit_runs_again_what_it_changes_and_no_more(
    changes: dict[str, Any], expected: set[str]
):
    assert changed(full(), full(**changes)) == expected


@pytest.mark.parametrize(
    "edit",
    [
        {"train": "file:///new"},
        {"dev": "file:///new"},
        {"epochs": 4},
        {"batchSize": 8},
        {"learningRate": 1e-4},
        {"maxLength": 64},
        {"dropout": 0.0},
        {"format": "pairs"},
        {"format": "pairs", "labels": ["no", "yes"]},
        {"format": "pairs", "columns": {"label": "gold"}},
    ],
    ids=str,
)
def test_everything_that_defines_a_fine_tuned_model_is_in_its_digest(edit: dict[str, Any]):
    name = "finetune-xnli-0"
    plain = task(format=edit["format"]) if len(edit) > 1 else task()
    before, after = (digests(planned(spec_of(tasks=[one]))) for one in (plain, task(**edit)))
    assert before[name] != after[name]


def test_instructions_alone_are_tuned_to_stop_where_answers_end():
    """What a model that was tuned without it writes is not taken for it."""
    llama = ROBERTA_BASE.model_copy(update={"model_type": "llama"})
    tasks = [task("ask", format="instruction"), task()]
    plan = planned(spec_of("Standard", tasks=tasks), llama)
    assert plan["finetune-ask-0"].stage.params["answerEnd"] is True
    assert "answerEnd" not in plan["finetune-xnli-0"].stage.params


def test_the_same_content_elsewhere_is_the_same_stage():
    """A bucket that was renamed trains nothing again: sources are digested by content."""
    spec = spec_of(corpus={"uri": "file:///moved"})
    there = planned(spec_of())
    here = planned(spec, corpus=pinned("file:///swahili"))
    assert digests(here) == digests(there)


def test_the_order_of_tasks_moves_nothing_but_the_report():
    tasks = [task(), task("paws")]
    before, after = full(tasks=tasks), full(tasks=tasks[::-1])
    assert changed(before, after) == {"graft"}
