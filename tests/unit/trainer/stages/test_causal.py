"""Every causal family through every method, to a graft that anybody loads and generates with."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerFast,
)

from lingraft_trainer.evaluation.heldout import IN_OWN_TOKENS
from lingraft_trainer.stages.embed import EMBEDDINGS, embed
from lingraft_trainer.stages.finetune import finetune
from lingraft_trainer.stages.graft import graft
from lingraft_trainer.stages.mini import mini
from lingraft_trainer.training import checkpoints
from tests.support import families
from tests.support.tiny import (
    CAUSAL_TYPES,
    MATRIX,
    SOURCE_WORDS,
    TARGET_WORDS,
    context,
    tiny_base,
    tiny_corpus,
    tiny_model,
    tiny_tokenizer,
    training,
)

UNTIED = ("olmo2", "phi3", "qwen2")
"""Families whose tiny base here has a decoder of its own."""
METHODS = ("Standard", "Next", "Top")
NEW_TOKENS = 12
"""More than a local layer sees."""


def base_of(model_type: str, folder: Path) -> Path:
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    tied = model_type not in UNTIED
    tiny_model(model_type, vocabulary=len(tokenizer), tied=tied).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def corpus_of(model_type: str, folder: Path) -> Path:
    """Of the target language, its held-out text in the base's tokens too."""
    own = tiny_corpus(model_type, TARGET_WORDS, folder / "own")
    source = tiny_corpus(model_type, SOURCE_WORDS, folder / "source")
    shutil.copytree(source / "heldout", own / IN_OWN_TOKENS)
    return own


def mini_model(method: str, model_type: str, base: Path, folder: Path) -> Path:
    """What step 2 trains through: the base, two layers and a trained one, or two and the top."""
    if method == "Standard":
        return base
    run = training(model_type, steps=3) if method == "Next" else None
    params: dict[str, Any] = {"method": "MiniPost", "layers": 2, "newLayers": 1, "training": run}
    inputs = {"base": base}
    if method == "Next":
        inputs["corpus"] = tiny_corpus(model_type, SOURCE_WORDS, folder / "text")
    else:
        params["newLayersFrom"] = "Top"
    ctx = context(folder / "mini", params, **inputs)
    mini(ctx)
    return ctx.out


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model_type", CAUSAL_TYPES)
def test_a_base_becomes_a_graft_that_generates(
    model_type: str, method: str, tmp_path: Path
) -> None:
    base = base_of(model_type, tmp_path / "base")
    corpus = corpus_of(model_type, tmp_path)
    model = mini_model(method, model_type, base, tmp_path)
    name = "Standard" if method == "Standard" else "MiniPost"
    params = {"method": name, "init": "overlap", "training": training(model_type, steps=3)}
    learned = context(tmp_path / "embed", params, model=model, base=base, corpus=corpus)
    result = embed(learned)
    assert result.metrics["layers"] == (4 if method == "Standard" else 3)

    params = {"language": "sw", "method": name, "init": "overlap", "seed": 0, "tasks": []}
    grafted = context(tmp_path / "graft", params, base=base, corpus=corpus, embed=learned.out)
    grafted.ancestors = families.embed_manifest
    heldout = graft(grafted).metrics["heldout"]
    for one in (heldout, heldout["start"], heldout["untouched"]):
        assert one["bitsPerByte"] > 0 and one["causalLmLoss"] > 0

    families.write_whole(grafted.out, base)
    folder = grafted.out / "model"
    loaded: Any = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    again, loading = loaded
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    old, new = (load_file(path / "model.safetensors") for path in (base, folder))
    assert old.keys() == new.keys()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    wanted = {name for name in old if name.endswith((*MATRIX, "lm_head.weight"))}
    assert changed == wanted and len(changed) == 1 + (model_type in UNTIED)

    # By this class: of words, as here, there is no Qwen2 that AutoTokenizer would make.
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    given = tokenizer("le chat assis", add_special_tokens=False, return_tensors="pt")
    said = [
        again.generate(
            **given,
            max_new_tokens=NEW_TOKENS,
            min_new_tokens=NEW_TOKENS,
            do_sample=False,
            use_cache=cached,
        )
        for cached in (True, False)
    ]
    assert torch.equal(*said) and said[0].shape[1] == given["input_ids"].shape[1] + NEW_TOKENS
    assert int(said[0].max()) < len(tokenizer)


def without_padding(folder: Path) -> Path:
    """A tokenizer as many causal bases have it."""
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"pad_token": None}))
    for name in ("config.json", "special_tokens_map.json"):
        if (other := folder / name).exists():
            content = json.loads(other.read_text())
            key = "pad_token_id" if name == "config.json" else "pad_token"
            other.write_text(json.dumps(content | {key: None}))
    return folder


@pytest.mark.parametrize("model_type", ["llama", "gemma2", "qwen2"])
def test_a_classifier_is_trained_and_grafted_without_a_token_for_padding(
    model_type: str, tmp_path: Path
) -> None:
    base = without_padding(base_of(model_type, tmp_path / "base"))
    corpus = corpus_of(model_type, tmp_path)
    without_padding(corpus / "tokenizer")
    rows = [
        {"text": " ".join(SOURCE_WORDS[i % 5 : 5 + i % 7]), "label": ("yes", "no")[i % 2]}
        for i in range(24)
    ]
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    params: dict[str, Any] = {
        "format": "classification",
        "sourceLanguage": "en",
        "epochs": 2,
        "batchSize": 8,
        "learningRate": 1e-3,
        "maxLength": 24,
        "dropout": 0.1,
        "seed": 0,
    }
    tuned = context(tmp_path / "tuned", params, base=base, train=data)
    finetune(tuned)
    params = {"method": "Standard", "init": "overlap", "training": training(model_type, steps=3)}
    learned = context(tmp_path / "embed", params, model=base, base=base, corpus=corpus)
    embed(learned)
    task = {"name": "topic", "format": "classification", "maxLength": 24, "seeds": [0]}
    params = {"language": "sw", "method": "Standard", "init": "overlap", "seed": 0, "tasks": [task]}
    inputs = {"finetune:topic:0": tuned.out, "test:topic": data}
    grafted = context(
        tmp_path / "graft", params, base=base, corpus=corpus, embed=learned.out, **inputs
    )
    grafted.ancestors = families.embed_manifest
    (found,) = graft(grafted).metrics["evaluation"]
    families.write_whole(grafted.out, base, {"topic-0": tuned.out})
    assert 0 <= found["metrics"]["accuracy"]["mean"] <= 1
    model: Any
    model, loading = AutoModelForSequenceClassification.from_pretrained(
        grafted.out / "tasks" / "topic-0", output_loading_info=True
    )
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    assert model.config.pad_token_id == model.config.eos_token_id


@pytest.mark.parametrize("init", ["random", "normal", "overlap", "mean", "focus"])
def test_every_start_works(init: str, tmp_path: Path) -> None:
    base = tiny_base("llama", tmp_path / "base")
    corpus = tiny_corpus("llama", TARGET_WORDS, tmp_path / "corpus")
    run = training("llama", steps=1, learningRate=1e-12)
    params = {"method": "Standard", "init": init, "training": run}
    ctx = context(tmp_path, params, model=base, base=base, corpus=corpus)
    taken = embed(ctx).metrics["rowsFromSource"]
    weight = load_file(ctx.out / EMBEDDINGS)["weight"]
    old = load_file(base / "model.safetensors")["model.embed_tokens.weight"]
    words = [tiny_tokenizer("llama", words).get_vocab() for words in (SOURCE_WORDS, TARGET_WORDS)]
    for token in ("<s>", "</s>", "<pad>", "<unk>"):
        torch.testing.assert_close(weight[words[1][token]], old[words[0][token]])
    shared = sorted(set(SOURCE_WORDS) & set(TARGET_WORDS))
    copied = [torch.allclose(weight[words[1][w]], old[words[0][w]], atol=1e-6) for w in shared]
    assert shared and all(copied) == (init in ("overlap", "mean", "focus"))
    assert taken == 0 if init in ("random", "normal") else taken >= len(shared)


@pytest.mark.parametrize("model_type", ["llama", "qwen2"])
def test_what_was_interrupted_ends_as_what_was_not(
    model_type: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a calibrated start, in the middle of the updates of the output side alone."""
    base = base_of(model_type, tmp_path / "base")
    corpus = tiny_corpus(model_type, TARGET_WORDS, tmp_path / "corpus")
    params = {"method": "Standard", "init": "mean", "training": training(model_type)}
    params |= {"calibrate": True, "outputSteps": 12, "keepUnseen": True}
    inputs = {"model": base, "base": base, "corpus": corpus}
    whole = context(tmp_path / "whole", params, **inputs)
    found = embed(whole)

    saved: list[Path] = []

    def save(step: int, folder: Path) -> None:
        saved.append(shutil.copytree(folder, tmp_path / f"checkpoint-{step}"))

    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
    embed(replace(context(tmp_path / "first", params, **inputs), save_checkpoint=save))
    second = context(tmp_path / "second", params, **inputs)
    half = tmp_path / "checkpoint-10"
    again = embed(replace(second, load_checkpoint=lambda: half))
    assert second.environment["resumedFrom"] == 10
    results = [(one.out / EMBEDDINGS).read_bytes() for one in (whole, second)]
    assert results[0] == results[1]
    assert again.metrics["calibration"] == found.metrics["calibration"]
    assert 0 < found.metrics["calibration"]["adamEps"] != 1e-6
    del params["outputSteps"]
    assert embed(context(tmp_path / "full", params, **inputs)).compute.flops > found.compute.flops


def test_what_is_scored_as_the_start_is_what_training_starts_from(tmp_path: Path) -> None:
    base = base_of("llama", tmp_path / "base")
    corpus = corpus_of("llama", tmp_path)
    run = training("llama", steps=1, learningRate=1e-12, weightDecay=0.0)
    scores: dict[bool, float] = {}
    for calibrated in (False, True):
        here = tmp_path / str(calibrated)
        params = {"method": "Standard", "init": "overlap", "calibrate": calibrated}
        asked = params | {"training": run, "keepUnseen": True}
        learned = context(here / "embed", asked, model=base, base=base, corpus=corpus)
        embed(learned)
        params |= {"language": "sw", "seed": 0, "tasks": []}
        grafted = context(here / "graft", params, base=base, corpus=corpus, embed=learned.out)
        grafted.ancestors = families.embed_manifest
        heldout = graft(grafted).metrics["heldout"]
        scores[calibrated] = heldout["start"]["bitsPerByte"]
        assert heldout["bitsPerByte"] == pytest.approx(scores[calibrated], rel=1e-6)
    assert scores[True] < scores[False]
