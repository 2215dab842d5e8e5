"""Why stages are not cached: what is said of an edit, and which run it is compared with."""

from collections.abc import Sequence
from typing import Any

import pytest

from lingraft.crd.fields import root, walk
from lingraft.plan import Plan, plan, readings
from lingraft.plan.fields import field_of_param, field_of_source
from lingraft.plan.why import FIRST, Why, leaves, why_not_cached
from lingraft.resource import LanguageAdaptationSpec
from lingraft.selection import Reading
from lingraft.stage import CONTRACT, Compute, Manifest, StageKind
from tests.support.specs import ROBERTA_BASE, pinned, planned, spec_of, task

ENGLISH = {"text": {"uri": "file:///english"}}
PRETRAIN = {"pretrain": ENGLISH | {"jointLayers": 4}}


def manifests(found: Plan, made: str = "2026-01-01T10:00:00Z", contract: int = CONTRACT):
    return [
        Manifest(
            contract=contract,
            stage=one.stage,
            holder="me",
            files=(),
            metrics={},
            compute=Compute(),
            environment={},
            created_at=made,
        )
        for one in found.stages
    ]


def compared(now: Plan, before: Sequence[Manifest], *, cached: bool = True) -> dict[str, Why]:
    refs = {one.stage.ref for one in before}
    done = [one.name for one in now.stages if cached and one.stage.ref in refs]
    others: dict[StageKind, list[Manifest]] = {}
    for one in before:
        others.setdefault(one.stage.kind, []).append(one)
    return why_not_cached(now, done, others)


def after(edit: dict[str, Any], method: str = "MiniPost", **same: Any) -> dict[str, Why]:
    fields = {"tasks": [task(seeds=1)]} | same
    before = manifests(planned(spec_of(method, **fields)))
    return compared(planned(spec_of(method, **fields | edit)), before)


EDITS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"sourceLanguage": "de"}, "finetune-xnli-0", "spec.sourceLanguage is de, en then", "graft"),
    ({"seed": 3}, "embed", "spec.seed is 3, 0 then", "graft"),
    ({"embeddings": {"init": "mean"}}, "embed", "spec.embeddings.init is mean, overlap then", ""),
    ({"language": "fr"}, "corpus", "spec.language is fr, sw then", "embed"),
    (
        {"tokenizer": {"train": {"vocabSize": 8000}}},
        "corpus",
        "spec.tokenizer.train.vocabSize is 8000, 4992 then",
        "embed",
    ),
    ({"mini": ENGLISH | {"layers": 3}}, "mini", "spec.mini.layers is 3, 4 then", "embed"),
    (
        {"mini": ENGLISH | {"sequenceLength": 128}},
        "mini-corpus",
        "spec.mini.sequenceLength is 128, 512 then",
        "mini",
    ),
    ({"corpus": {"uri": "file:///new"}}, "corpus", "spec.corpus.uri has other content", "embed"),
    (
        {"mini": {"text": {"uri": "file:///new"}}},
        "mini-corpus",
        "spec.mini.text.uri has other content",
        "mini",
    ),
    ({"base": {"uri": "file:///new"}}, "corpus", "spec.base.uri has other content", "embed"),
    ({"tokenizer": {"uri": "file:///bpe"}}, "corpus", "spec.tokenizer.uri is new", "embed"),
    (
        {"tasks": [task(seeds=1, epochs=9)]},
        "finetune-xnli-0",
        "spec.tasks[0].epochs is 9, 3 then",
        "graft",
    ),
    (
        {"tasks": [task(seeds=1, dev="file:///dev")]},
        "finetune-xnli-0",
        "spec.tasks[0].dev is new",
        "graft",
    ),
    (
        {"tasks": [task(seeds=1, test="file:///new")]},
        "graft",
        "spec.tasks[0].test has other content",
        "",
    ),
    (
        {"tasks": [task(seeds=1, maxLength=64)]},
        "graft",
        "spec.tasks[0].maxLength is 64, 128 then",
        "",
    ),
    ({"tasks": []}, "graft", "spec.tasks had xnli", ""),
    ({"tasks": [task("paws"), task(seeds=1)]}, "graft", "spec.tasks has paws", ""),
]


@pytest.mark.parametrize(("edit", "stage", "sentence", "reader"), EDITS, ids=lambda x: str(x)[:40])
def test_an_edit_is_told_where_it_is_read_and_by_name_where_that_is(
    edit: dict[str, Any], stage: str, sentence: str, reader: str
):
    found = after(edit)
    assert sentence in found[stage].changes
    assert "(nearest: made 2026-01-01 10:00)" in found[stage].sentence
    if reader:
        assert stage in found[reader].because


def test_only_what_changed_is_said():
    found = after({"seed": 3})
    assert set(found) == {"embed", "graft"}
    assert found["embed"].changes == ("spec.seed is 3, 0 then",)
    assert found["graft"].changes == found["embed"].changes
    assert found["graft"].because == ("embed",)
    assert found["graft"].sentence.startswith("because embed changed; spec.seed is 3")


def test_a_pretrained_base_is_told_by_its_fields():
    other = {
        "pretrain": ENGLISH | {"jointLayers": 4, "architecture": {"layers": 9}, "dropout": 0.2}
    }
    found = after({"base": other}, "MiniJoint", base=PRETRAIN)
    assert found["pretrain"].changes == (
        "spec.base.pretrain.architecture.layers is 9, 12 then",
        "spec.base.pretrain.dropout is 0.2, 0 then",
    )


def test_the_order_of_tasks_is_a_reason():
    tasks = [task(), task("paws")]
    found = after({"tasks": tasks[::-1]}, tasks=tasks)
    assert found["graft"].changes == ("spec.tasks stand in another order",)


def test_the_nearest_is_taken_and_of_equal_ones_the_newest():
    far = manifests(planned(spec_of(language="fr", seed=9, embeddings={"init": "mean"})))
    old = manifests(planned(spec_of(seed=1)), "2026-01-02T00:00:00Z")
    new = manifests(planned(spec_of(seed=2)), "2026-01-03T00:00:00Z")
    why = compared(planned(spec_of(seed=3)), [*new, *old, *far])["embed"]
    assert why.changes == ("spec.seed is 3, 2 then",)
    assert why.since == "2026-01-03T00:00:00Z"


def test_another_contract_is_a_reason():
    now = planned(spec_of())
    why = compared(now, manifests(now, contract=CONTRACT - 1), cached=False)["corpus"]
    assert why.changes == (f"the contract of lingraft's stages is {CONTRACT}, {CONTRACT - 1} then",)


def test_the_first_of_its_kind_is_said_to_be_it():
    found = why_not_cached(planned(spec_of()), (), {})
    assert {why.sentence for why in found.values()} == {FIRST}


def test_many_differences_are_counted():
    other = {"steps": 7000, "maskProbability": 0.3, "dropout": 0.1, "batchTokens": 2048}
    assert "and 2 more differences" in after({"embeddings": other})["embed"].sentence


def every_plan() -> list[Plan]:
    tokens = {"tokenizer": {"uri": "file:///bpe"}}
    pretrain = {"pretrain": ENGLISH | tokens}
    tasks = [task(dev="file:///dev", sourceTest="file:///en")]
    return [
        planned(spec_of(method, base=base, tasks=tasks, **words))
        for method in ("Standard", "MiniJoint", "MiniPost")
        for base in ({"uri": "file:///base"}, PRETRAIN, pretrain)
        for words in ({}, tokens)
    ]


FIXED = {"heldoutShare", "pack", "seed", "training.seed", "tokenizer.source"}
"""Parameters that no field sets; a new one belongs here or into `lingraft.plan.fields`."""
OF_SHARED_TEXT = {"language", "tokenizer.train", "tokenizer.vocabSize"}
"""Of source text: it has no language to check, and step 1b's has the base's tokenizer."""


def test_every_parameter_and_source_has_the_field_that_sets_it():
    known = {field.path: field for field in walk(root())}
    for found in every_plan():
        for one in found.stages:
            for path, _ in leaves(one.stage.params):
                field = field_of_param(found, one, path)
                if path.endswith(("].name", "].seeds")) or path == "training":
                    continue  # what a task is called by, and MiniJoint's training: none
                shared = one.name.endswith("-corpus") and path in OF_SHARED_TEXT
                assert field or path in FIXED or shared, (one.name, path)
                assert field is None or _plain(field) in known
            for name, ref in one.stage.inputs.items():
                if ref.startswith("source/"):
                    field = field_of_source(found, one, name)
                    assert field and known[_plain(field)].type == "string", (one.name, name)


def _plain(field: str) -> str:
    return field.replace("[0]", "")


def test_a_source_that_grew_is_told_with_what_follows_from_its_size():
    spec: LanguageAdaptationSpec = spec_of()

    def of(size: int) -> Plan:
        sources = {one: pinned(*one) for one in readings(spec)}
        grown = pinned(f"{spec.corpus.uri}-{size}", size=size)
        corpus = Reading(spec.corpus.uri, "text")
        sources[corpus] = grown.model_copy(update={"uri": spec.corpus.uri})
        return plan(spec, sources, ROBERTA_BASE)

    found = compared(of(11_000_000), manifests(of(10_000_000)))
    assert "spec.corpus.uri has other content" in found["corpus"].changes
    assert any(one.startswith("spec.embeddings.steps is ") for one in found["embed"].changes)
