"""A base that reads and writes tokens by two matrices: both are learned, both are grafted."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy
from transformers import AutoModelForMaskedLM, AutoTokenizer

from lingraft.families import family_of
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.family import embeddings, output
from lingraft_trainer.stages.embed import EMBEDDINGS, embed, train_embeddings_only
from lingraft_trainer.stages.graft import graft
from lingraft_trainer.stages.mini import mini
from lingraft_trainer.training.lm import FrozenObjective, LmObjective
from tests.support import families
from tests.support.tiny import (
    MASKED_TYPES,
    SOURCE_WORDS,
    TARGET_WORDS,
    context,
    tiny_corpus,
    tiny_model,
    tiny_tokenizer,
    training,
)
from tests.unit.trainer.training.test_lm import batch, pieces

PARAMS = {"method": "Standard", "init": "overlap", "training": training()}


def untied_base(model_type: str, folder: Path) -> Path:
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    model = tiny_model(model_type, vocabulary=len(tokenizer), tied=False)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("objective", [LmObjective, FrozenObjective])
@pytest.mark.parametrize("model_type", MASKED_TYPES)
def test_loss_and_gradients_are_transformers_own(
    model_type: str, objective: Any, tmp_path: Path
) -> None:
    if objective is FrozenObjective and not family_of(model_type).frozen:
        pytest.skip("it goes by transformers' own forward pass")
    given = batch([pieces(LENGTH_OF_ROW) for _ in range(3)], model_type)
    plain: Any = AutoModelForMaskedLM.from_pretrained(untied_base(model_type, tmp_path))
    logits = plain(given.input_ids, position_ids=given.position_ids).logits.flatten(0, 1)
    masked = given.told[: len(given.labels)]
    cross_entropy(logits[masked], given.labels, reduction="sum").backward()

    loaded = load_lm(tmp_path)
    train_embeddings_only(loaded.model)
    objective(loaded.model, loaded.family)(given).backward()
    for ours, theirs in (
        (embeddings(loaded.model).weight, embeddings(plain).weight),
        (output(loaded.model).weight, output(plain).weight),
        (output(loaded.model).bias, output(plain).bias),
    ):
        if ours is None:
            continue
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-4)


LENGTH_OF_ROW = 32


def has_bias(model_type: str) -> tuple[str, ...]:
    """EuroBERT's decoder alone has none."""
    return () if model_type == "eurobert" else ("bias",)


def learned(base: Path, folder: Path, model_type: str, model: Path | None = None) -> Path:
    corpus = tiny_corpus(model_type, TARGET_WORDS, folder / "corpus")
    ctx = context(folder / "embed", PARAMS, model=model or base, base=base, corpus=corpus)
    embed(ctx)
    return ctx.out


@pytest.mark.parametrize("model_type", MASKED_TYPES)
def test_both_matrices_are_learned_and_a_stranger_gets_both(
    model_type: str, tmp_path: Path
) -> None:
    base = untied_base(model_type, tmp_path / "base")
    found = learned(base, tmp_path, model_type)
    tensors = load_file(found / EMBEDDINGS)
    assert {name: len(t) for name, t in tensors.items()} == dict.fromkeys(
        ("weight", "output", *has_bias(model_type)), len(TARGET_WORDS) + 5
    )
    assert not torch.equal(tensors["weight"], tensors["output"])
    params = {"language": "fr", "method": "Standard", "init": "overlap", "seed": 0, "tasks": []}
    corpus = tmp_path / "corpus"
    ctx = context(tmp_path / "graft", params, base=base, corpus=corpus, embed=found)
    ctx.ancestors = families.embed_manifest
    result = graft(ctx)
    families.write_whole(ctx.out, base)
    heldout = result.metrics["heldout"]
    assert heldout["bitsPerByte"] < heldout["start"]["bitsPerByte"]

    model, loading = AutoModelForMaskedLM.from_pretrained(
        ctx.out / "model", output_loading_info=True
    )
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    for name, parameter in (
        ("weight", embeddings(model).weight),
        ("output", output(model).weight),
        *((name, output(model).bias) for name in has_bias(model_type)),
    ):
        torch.testing.assert_close(parameter.data, tensors[name], rtol=0, atol=0)
    AutoTokenizer.from_pretrained(ctx.out / "model")


@pytest.mark.parametrize("model_type", ["bert", "roberta"])
def test_a_mini_model_of_it_is_untied_too(model_type: str, tmp_path: Path) -> None:
    base = untied_base(model_type, tmp_path / "base")
    corpus = tiny_corpus(model_type, SOURCE_WORDS, tmp_path / "en")
    params = {"method": "MiniPost", "layers": 2, "newLayers": 1, "training": training()}
    ctx = context(tmp_path / "mini", params, base=base, corpus=corpus)
    mini(ctx)
    before, after = load_lm(base).model, load_lm(ctx.out).model
    torch.testing.assert_close(output(after).weight, output(before).weight, rtol=0, atol=0)
    assert not torch.equal(output(after).bias, output(before).bias), "its own head has learned"
    found = learned(base, tmp_path, model_type, model=ctx.out)
    assert "output" in load_file(found / EMBEDDINGS)
