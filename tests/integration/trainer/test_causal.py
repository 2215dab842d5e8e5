"""A tiny random Llama from a resource to a checkpoint that transformers generates with."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from lingraft.plan import Plan
from lingraft.planning import plan_resource
from lingraft.report.results import heldout_facts
from lingraft.report.terminal import result_lines
from lingraft.resource import LanguageAdaptation
from lingraft.stage import Manifest
from lingraft.store import open_store
from lingraft.store.stages import fetch_artifact
from lingraft_trainer.packs.load import write_full
from lingraft_trainer.running.local import run_plan
from tests.support.newer_bases import eurobert
from tests.support.stages import PINNED
from tests.support.tiny import tiny_model
from tests.support.world import Recorder, resource_of, sentences, write_world

VOCABULARY = 320
"""A multiple of 64, with room for all bytes."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "cache"))


def write_base(folder: Path) -> Path:
    """A Llama under Llama 3's kind of tokenizer."""
    tokenizer: Any = eurobert()
    model = tiny_model("llama", vocabulary=len(tokenizer))
    for role in ("pad", "bos", "eos"):
        setattr(model.config, f"{role}_token_id", getattr(tokenizer, f"{role}_token_id"))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_tasks(folder: Path) -> None:
    """Choices and instructions beside the world's texts."""
    rows = sentences(24, seed=5)
    chosen = [
        {"context": "le vieux", "choices": [said, f"{said} voit"], "label": i % 2}
        for i, said in enumerate(" ".join(fr.split()[1:3]) for _, _, fr in rows)
    ]
    asked = [{"prompt": topic, "completion": f" {en}"} for topic, en, _ in rows]
    for name, content in (("chosen", chosen), ("asked", asked)):
        lines = (json.dumps(row) + "\n" for row in content)
        (folder / f"{name}.jsonl").write_text("".join(lines))


def planned(method: str, texts: Path, base: Path, store: Path, **embeddings: Any) -> Plan:
    given = resource_of(
        method, texts.as_uri() + "/", store.as_uri() + "/", base=base.as_uri() + "/"
    ).model_dump(by_alias=True, exclude_unset=True)
    spec = given["spec"]
    spec["tokenizer"] = {"train": {"type": "bpe", "vocabSize": VOCABULARY}}
    spec["embeddings"] |= embeddings
    del spec["tasks"][1]  # retrieval, which is not for causal bases
    spec["tasks"] += [
        {
            "name": "chosen",
            "format": "choice",
            "test": (texts / "chosen.jsonl").as_uri(),
            "sourceTest": (texts / "chosen.jsonl").as_uri(),
        },
        {
            "name": "asked",
            "format": "instruction",
            "train": (texts / "asked.jsonl").as_uri(),
            "test": (texts / "asked.jsonl").as_uri(),
            "maxLength": 32,
            "epochs": 1,
        },
    ]
    spec["generation"] = {"prompts": ["le vieux bateau"], "maxNewTokens": 5}
    if method == "MiniPost":
        spec["mini"] = {"layers": 2, "newLayers": 1, "newLayersFrom": "Top", "steps": 0}
    return plan_resource(LanguageAdaptation.model_validate(given))


def test_from_a_resource_to_a_checkpoint_that_generates(tmp_path: Path) -> None:
    texts, base = write_world(tmp_path / "texts"), write_base(tmp_path / "base")
    store = tmp_path / "store"
    write_tasks(texts)
    standard = planned("Standard", texts, base, store, outputSteps=4)
    done = run_plan(standard, PINNED, Recorder())
    tuned = {"finetune-topic-0", "finetune-asked-0"}
    assert set(done) == {"corpus", "embed", "graft"} | tuned
    _check(done, standard, base, tmp_path)
    assert done["embed"].metrics["calibration"]["divergenceAfter"] >= 0

    recorder = Recorder()
    mini = planned("MiniPost", texts, base, store)
    done = run_plan(mini, PINNED, recorder)
    assert set(recorder.ran) == {"mini", "embed", "graft"}, "the others are shared"
    assert "calibration" not in done["embed"].metrics
    assert done["graft"].metrics["compute"]["savedPerStep"] > 1


def _check(done: dict[str, Manifest], plan: Plan, base: Path, folder: Path) -> None:
    embed, graft = done["embed"], done["graft"]
    heldout = graft.metrics["heldout"]
    for one in (heldout, heldout["start"], heldout["untouched"]):
        assert one["bitsPerByte"] > 0 and "causalLmLoss" in one
    ((name, value), *_) = heldout_facts(graft)
    assert name.startswith("held-out bits per byte") and "untouched base" in value
    # The plan knows neither padding nor that the last token of a piece tells none.
    assert 0.5 < embed.compute.flops / plan["embed"].flops <= 1.01
    topic, chosen, asked, tuned = graft.metrics["evaluation"]
    assert [tuned["task"], tuned["rows"]] == ["chosen (asked)", chosen["rows"]]
    for one in (topic, chosen, tuned):
        assert 0 <= one["metrics"]["accuracy"]["mean"] <= 1
    assert chosen["floors"]["accuracy"]["untouched"] == chosen["sourceMetrics"]["accuracy"]
    assert asked["metrics"]["bitsPerByte"]["mean"] > 0
    shown, *answers = graft.metrics["samples"]["prompts"]
    assert len(answers) == 2 and all(one["prompt"].startswith("asked: ") for one in answers)
    assert shown["prompt"] == "le vieux bateau" and shown["grafted"].keys() == {"greedy", "sampled"}
    assert "prompt: le vieux bateau" in list(result_lines(plan, done, ()))

    pack = fetch_artifact(open_store(plan.store), graft, folder / "got") / "pack"
    model_dir = folder / "model"
    write_full(base, pack, model_dir)
    said = [
        (pack.parent / "predictions" / f"{name}.jsonl").read_text()
        for name in ("chosen", "chosen-asked-0")
    ]
    assert said[0] != said[1] and len({one.count("\n") for one in said}) == 1
    loaded: Any = AutoModelForCausalLM.from_pretrained(model_dir, output_loading_info=True)
    model, loading = loaded
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    assert model.config.vocab_size == len(tokenizer) == VOCABULARY
    given = tokenizer("le vieux bateau voit", add_special_tokens=False, return_tensors="pt")
    said = [
        model.generate(**given, max_new_tokens=9, do_sample=False, use_cache=cached)
        for cached in (True, False)
    ]
    assert torch.equal(*said)
    assert tokenizer.decode(said[0][0]).startswith("le vieux bateau voit")
    old, new = (load_file(path / "model.safetensors") for path in (base, model_dir))
    body = [name for name in old if "embed_tokens" not in name]
    assert all(torch.equal(old[name], new[name]) for name in body), "English keeps its body"
