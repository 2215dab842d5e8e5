"""Which stages a spec becomes, and what each of them reads."""

import pytest

from lingraft.errors import UserError
from lingraft.params import EmbedParams, GraftParams, MiniParams, PretrainParams
from lingraft.plan import Plan, readings
from lingraft.resource import LanguageAdaptationSpec
from lingraft.selection import Reading
from tests.support.specs import ROBERTA_BASE, pinned, planned, spec_of, task

PRETRAIN = {"pretrain": {"text": {"uri": "file:///english"}}}
SHAPES = {
    "Standard": ["corpus", "embed", "graft"],
    "MiniJoint": ["corpus", "mini", "embed", "graft"],
    "MiniPost": ["corpus", "mini-corpus", "mini", "embed", "graft"],
}


def names(plan: Plan) -> list[str]:
    return [one.name for one in plan.stages]


def edges(plan: Plan) -> dict[str, set[str]]:
    return {one.name: set(one.needs) for one in plan.stages}


def source_of(uri: str, reads: str) -> str:
    return f"source/{pinned(uri, reads).fingerprint}"


@pytest.mark.parametrize("method", SHAPES)
def test_stages_of_a_method(method: str):
    assert names(planned(spec_of(method))) == SHAPES[method]


@pytest.mark.parametrize("method", SHAPES)
def test_a_pretrained_base_comes_first(method: str):
    plan = planned(spec_of(method, base=PRETRAIN))
    assert names(plan) == ["source-corpus", "pretrain", *SHAPES[method]]
    assert edges(plan)["pretrain"] == {"source-corpus"}
    # Special tokens, and the model itself.
    assert all("pretrain" in edges(plan)[name] for name in ("corpus", "embed", "graft"))


def test_standard_learns_through_the_base():
    plan = planned(spec_of("Standard"))
    base, words = (source_of("file:///base", reads) for reads in ("checkpoint", "tokenizer"))
    inputs = plan["embed"].stage.inputs
    assert inputs == {"model": base, "base": words, "corpus": plan["corpus"].stage.ref}
    assert plan["corpus"].stage.inputs == {
        "text": source_of("file:///swahili", "text"),
        "base": words,
    }


def test_minijoint_cuts_its_mini_model_off_and_trains_nothing():
    plan = planned(spec_of("MiniJoint", base=PRETRAIN))
    mini = MiniParams.model_validate(plan["mini"].stage.params)
    assert mini == MiniParams(method="MiniJoint", layers=4, new_layers=0, training=None)
    assert plan["mini"].stage.inputs == {"base": plan["pretrain"].stage.ref}
    assert (plan["mini"].flops, plan["mini"].steps) == (0, 0)
    assert PretrainParams.model_validate(plan["pretrain"].stage.params).joint_layers == 4
    assert plan["embed"].stage.inputs["model"] == plan["mini"].stage.ref


def test_minipost_trains_its_mini_model_on_source_text_in_the_bases_words():
    plan = planned(spec_of("MiniPost"))
    mini = MiniParams.model_validate(plan["mini"].stage.params)
    assert (mini.method, mini.layers, mini.new_layers) == ("MiniPost", 4, 2)
    assert mini.training is not None and mini.training.steps == plan["mini"].steps > 1_000
    text = plan["mini-corpus"].stage
    assert text.params["tokenizer"]["source"] == "base" and text.params["language"] is None
    assert text.inputs["text"] == source_of("file:///english", "text")
    assert edges(plan)["mini"] == {"mini-corpus"}


def test_a_mini_model_of_the_bases_bottom_and_top_costs_nothing():
    plan = planned(spec_of("MiniPost", mini={"newLayersFrom": "Top", "steps": 0}))
    assert names(plan) == ["corpus", "mini", "embed", "graft"]
    mini = MiniParams.model_validate(plan["mini"].stage.params)
    assert (mini.training, mini.kept(12)) == (None, (0, 1, 2, 3, 10, 11))
    assert plan["mini"].flops == 0 and plan["embed"].flops < plan.embed_flops_standard
    paper = planned(spec_of("MiniPost"))["mini"].stage.params
    assert "newLayersFrom" not in paper
    assert MiniParams.model_validate(paper).kept(12) == (0, 1, 2, 3, 4, 5)


def test_with_text_a_bridge_stands_below_its_top():
    mini = {"newLayersFrom": "Top", "steps": 0}
    bare = planned(spec_of("MiniPost", mini=mini))
    plan = planned(spec_of("MiniPost", mini=mini | {"text": {"uri": "file:///english"}}))
    assert names(plan) == ["corpus", "mini-corpus", "mini", "embed", "graft"]
    found = MiniParams.model_validate(plan["mini"].stage.params)
    assert found.training is None and found.bridge is not None
    assert (found.bridge.tokens, found.bridge.mask_probability) == (32_768, 0.15)
    assert "bridge" not in bare["mini"].stage.params
    assert 0 < plan["mini"].flops < 0.01 * plan["embed"].flops
    assert bare["embed"].flops < plan["embed"].flops < 1.02 * bare["embed"].flops


def test_a_bridge_needs_a_layer_above_it():
    mini = {"newLayersFrom": "Top", "steps": 0, "newLayers": 0, "text": {"uri": "file:///english"}}
    with pytest.raises(UserError, match="a bridge needs a layer above it") as error:
        planned(spec_of("MiniPost", mini=mini))
    assert error.value.where == "spec.mini.newLayers"


@pytest.mark.parametrize("method", ["Standard", "MiniPost"])
def test_without_minijoint_a_base_gets_a_middle_head_only_if_asked(method: str):
    plan = planned(spec_of(method, base=PRETRAIN))
    assert plan["pretrain"].stage.params["jointLayers"] is None
    asked = {"pretrain": PRETRAIN["pretrain"] | {"jointLayers": 3}}
    assert planned(spec_of(method, base=asked))["pretrain"].stage.params["jointLayers"] == 3


def test_a_loaded_tokenizer_is_an_input():
    base = {"pretrain": PRETRAIN["pretrain"] | {"tokenizer": {"uri": "file:///bpe"}}}
    plan = planned(spec_of(base=base, tokenizer={"uri": "file:///unigram"}))
    for name, uri in {"corpus": "file:///unigram", "source-corpus": "file:///bpe"}.items():
        assert plan[name].stage.inputs["tokenizer"] == source_of(uri, "tokenizer")
        choice = plan[name].stage.params["tokenizer"]
        assert choice == {"source": "uri", "train": None, "vocabSize": None}


def test_tasks_are_fine_tuned_seed_by_seed_and_grafted_together():
    bible = {"name": "verses", "format": "retrieval", "test": "file:///verses"}
    xnli = task(dev="file:///xnli/dev", sourceTest="file:///xnli/en")
    plan = planned(spec_of(language="fr", tasks=[xnli, bible]))
    assert names(plan)[2:] == ["finetune-xnli-0", "finetune-xnli-1", "graft"]
    base = source_of("file:///base", "checkpoint")
    for seed in (0, 1):
        stage = plan[f"finetune-xnli-{seed}"].stage
        assert stage.params["seed"] == seed and stage.params["sourceLanguage"] == "en"
        assert stage.inputs == {
            "base": base,
            "train": source_of("file:///xnli/train", "task:xnli:train:en"),
            "dev": source_of("file:///xnli/dev", "task:xnli:dev:en"),
        }
    graft = plan["graft"].stage
    assert graft.inputs == {
        "base": base,
        "corpus": plan["corpus"].stage.ref,
        "embed": plan["embed"].stage.ref,
        "test:xnli": source_of("file:///xnli/sw", "task:xnli:test:fr"),
        "source_test:xnli": source_of("file:///xnli/en", "task:xnli:sourceTest:en"),
        "finetune:xnli:0": plan["finetune-xnli-0"].stage.ref,
        "finetune:xnli:1": plan["finetune-xnli-1"].stage.ref,
        "test:verses": source_of("file:///verses", "task:retrieval:test:fr"),
    }
    params = GraftParams.model_validate(graft.params)
    assert (params.language, params.method) == ("fr", "Standard")
    assert [(one.name, one.seeds) for one in params.tasks] == [("xnli", (0, 1)), ("verses", ())]


def every_kind() -> list[LanguageAdaptationSpec]:
    tasks = [task(), task("paws", dev="file:///paws/dev")]
    return [spec_of(m, base=b, tasks=tasks) for m in SHAPES for b in ({"uri": "s3://b"}, PRETRAIN)]


@pytest.mark.parametrize("spec", every_kind(), ids=lambda s: f"{s.method}-{s.base.uri}")
def test_stages_stand_after_what_they_need_and_read_nothing_else(spec: LanguageAdaptationSpec):
    plan = planned(spec)
    assert len(set(names(plan))) == len(plan.stages)
    done: dict[str, str] = {}
    for one in plan.stages:
        assert set(one.needs) <= set(done)
        read = {ref for ref in one.stage.inputs.values() if not ref.startswith("source/")}
        assert read == {done[name] for name in one.needs}
        done[one.name] = one.stage.ref
    assert len(set(done.values())) == len(done)


def test_a_stages_process_gets_the_sources_it_reads_and_no_others():
    plan = planned(spec_of("MiniPost", tasks=[task()]))
    for one in plan.stages:
        spec = plan.spec(one, "me")
        refs = {f"source/{print_}" for print_ in spec.sources}
        assert refs == {r for r in one.stage.inputs.values() if r.startswith("source/")}
        assert (spec.stage, spec.store, spec.holder) == (one.stage, "file:///store", "me")
    assert EmbedParams.model_validate(plan["embed"].stage.params).method == "MiniPost"


def test_every_uri_is_found_by_its_field():
    base = {"pretrain": {"text": {"uri": "s3://en"}, "tokenizer": {"uri": "s3://en-bpe"}}}
    mini = {"text": {"uri": "s3://mini"}}
    xnli = task(dev="s3://dev", sourceTest="s3://source")
    found = readings(
        spec_of("MiniPost", base=base, mini=mini, tokenizer={"uri": "s3://bpe"}, tasks=[xnli])
    )
    assert {field: uri for (uri, _), field in found.items()} == {
        "spec.corpus.uri": "file:///swahili",
        "spec.tokenizer.uri": "s3://bpe",
        "spec.base.pretrain.text.uri": "s3://en",
        "spec.base.pretrain.tokenizer.uri": "s3://en-bpe",
        "spec.mini.text.uri": "s3://mini",
        "spec.tasks[0].train": "file:///xnli/train",
        "spec.tasks[0].dev": "s3://dev",
        "spec.tasks[0].test": "file:///xnli/sw",
        "spec.tasks[0].sourceTest": "s3://source",
    }
    # Text that the method does not read is not looked for.
    assert "spec.mini.text.uri" not in readings(spec_of("Standard", mini=mini)).values()


def test_a_bases_tokenizer_is_read_apart_from_it():
    base = {one for one, field in readings(spec_of()).items() if field == "spec.base.uri"}
    assert base == {("file:///base", "checkpoint"), ("file:///base", "tokenizer")}
    heavy = Reading("file:///base", "checkpoint")
    plan = planned(spec_of("MiniPost", tasks=[task()]))
    whole = f"source/{next(s for s in plan.sources if (s.uri, s.reads) == heavy).fingerprint}"
    readers = {one.name for one in plan.stages if whole in one.stage.inputs.values()}
    assert readers == {"mini", "finetune-xnli-0", "finetune-xnli-1", "graft"}


def test_a_plan_survives_being_stored():
    plan = planned(spec_of("MiniPost", tasks=[task()]), ROBERTA_BASE)
    assert Plan.model_validate(plan.to_json()) == plan
