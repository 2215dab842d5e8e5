"""The stage `embed` follows `bench/reference.py`: plain transformers, nothing of this project."""

import ast
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lingraft.selection import MIDDLE_HEAD
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.mini import head_tensors
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages.embed import EMBEDDINGS, embed
from lingraft_trainer.stages.mini import mini
from tests.support import reference
from tests.support.tiny import (
    LENGTH,
    SOURCE_WORDS,
    TARGET_WORDS,
    context,
    tiny_base,
    tiny_corpus,
    training,
)

STEPS, LAYERS = 50, 2


def test_the_reference_is_short_and_imports_nothing_of_ours() -> None:
    source = reference.PATH.read_text()
    assert len(source.splitlines()) < 150
    imported = {
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }
    assert not [name for name in imported if name.startswith("lingraft")]


def mini_model(method: str, base: Path, folder: Path) -> Path:
    """The model that step 2 trains through, made by the stage `mini` where there is one."""
    if method == "Standard":
        return base
    params = {"method": method, "layers": LAYERS, "newLayers": 0, "training": None}
    inputs = {"base": base}
    if method == "MiniPost":
        params |= {"newLayers": 1, "training": training(steps=5)}
        corpus = tiny_corpus(load_lm(base).family.model_type, SOURCE_WORDS, folder / "en")
        inputs["corpus"] = corpus
    ctx = context(folder / "mini", params, **inputs)
    mini(ctx)
    return ctx.out


def add_middle_head(base: Path) -> None:
    """A middle head that is not the top one."""
    loaded = load_lm(base)
    torch.manual_seed(3)
    head = {
        name: tensor + 0.3 * torch.randn_like(tensor)
        for name, tensor in head_tensors(loaded.model, loaded.family).items()
    }
    save_file(head, base / MIDDLE_HEAD)


@pytest.mark.parametrize("model_type", ["bert", "roberta", "roberta-prelayernorm"])
@pytest.mark.parametrize("method", ["Standard", "MiniJoint", "MiniPost"])
def test_embed_follows_the_reference(method: str, model_type: str, tmp_path: Path) -> None:
    base = tiny_base(model_type, tmp_path / "base")
    add_middle_head(base)
    corpus = tiny_corpus(model_type, TARGET_WORDS, tmp_path / "corpus")
    model = mini_model(method, base, tmp_path)
    wanted = training(steps=STEPS, warmupSteps=4, learningRate=5e-3)
    params = {"method": method, "init": "random", "training": wanted}
    ctx: StageContext = context(tmp_path, params, model=model, base=base, corpus=corpus)
    result = embed(ctx)

    plain = reference.load()
    args = Namespace(
        steps=STEPS,
        batch_rows=wanted["batchTokens"] // LENGTH,
        mask_probability=wanted["maskProbability"],
        learning_rate=wanted["learningRate"],
        warmup_steps=wanted["warmupSteps"],
        weight_decay=wanted["weightDecay"],
        seed=wanted["seed"],
    )
    its = plain.load_model(model if method == "MiniPost" else base, method, LAYERS).eval()
    tokenizers = [plain.AutoTokenizer.from_pretrained(p) for p in (base, corpus / "tokenizer")]
    parameters = plain.swap_embeddings(its, *tokenizers, args.seed)
    first = 0 if model_type == "bert" else its.config.pad_token_id + 1
    expected = list(plain.train(its, parameters, plain.batches(corpus, args, first), args))

    losses = [point["loss"] for point in result.metrics["curve"]]
    assert losses == pytest.approx(expected, abs=1e-4)
    assert losses[-1] < losses[0] - 0.1, "nothing was learned: equality would show little"
    learned = load_file(ctx.out / EMBEDDINGS)
    for ours, theirs in zip(learned.values(), (parameters[1], parameters[0]), strict=True):
        torch.testing.assert_close(ours, theirs.detach(), atol=1e-3, rtol=0)
