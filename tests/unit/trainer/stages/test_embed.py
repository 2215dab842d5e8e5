"""Step 2 trains the embedding matrix and a fresh output bias, and no other tensor."""

import pytest
import torch
from safetensors.torch import load_file

from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.family import embeddings, output
from lingraft_trainer.stages import embed as embed_stage
from lingraft_trainer.stages.embed import EMBEDDINGS, embed
from tests.support.tiny import (
    MODEL_TYPES,
    SOURCE_WORDS,
    TARGET_WORDS,
    context,
    tiny_base,
    tiny_corpus,
    training,
)


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_only_the_matrix_and_the_bias_change(model_type, tmp_path, monkeypatch):
    base = tiny_base(model_type, tmp_path / "base")
    corpus = tiny_corpus(model_type, TARGET_WORDS, tmp_path / "corpus")
    seen = {}

    def spy(ctx, objective, *args, **kwargs):
        before = {n: t.clone() for n, t in objective.model.state_dict().items()}
        done = fit(ctx, objective, *args, **kwargs)
        after = objective.model.state_dict()
        seen["changed"] = {n for n in before if not torch.equal(before[n], after[n])}
        seen["biasBefore"] = before
        return done

    fit = embed_stage.fit
    monkeypatch.setattr(embed_stage, "fit", spy)
    ctx = context(
        tmp_path,
        {"method": "Standard", "init": "random", "training": training(model_type)},
        model=base,
        base=base,
        corpus=corpus,
    )
    result = embed(ctx)

    loaded = load_lm(base)
    matrix, bias = embeddings(loaded.model).weight, output(loaded.model).bias
    may = {
        n for n, t in loaded.model.state_dict(keep_vars=True).items() if t is matrix or t is bias
    }
    assert seen["changed"] == may
    learned = load_file(ctx.out / EMBEDDINGS)
    assert learned["weight"].shape == (len(TARGET_WORDS) + 5, matrix.shape[1])
    assert ("bias" in learned) == (bias is not None)
    assert bias is None or learned["bias"].shape == (len(TARGET_WORDS) + 5,)
    for name in may:
        if name.endswith("bias"):
            assert not seen["biasBefore"][name].any(), "the output bias starts at zero"
    assert result.metrics["curve"][-1]["loss"] < result.metrics["curve"][0]["loss"]


def test_focus_starts_from_the_corpus(tmp_path):
    base = tiny_base("roberta", tmp_path / "base")
    corpus = tiny_corpus("roberta", TARGET_WORDS, tmp_path / "corpus")
    params = {"method": "Standard", "init": "focus", "training": training(steps=1)}
    result = embed(context(tmp_path, params, model=base, base=base, corpus=corpus))
    assert result.metrics["rowsFromSource"] == len(TARGET_WORDS)


def test_aligned_starts_from_both_texts(tmp_path):
    base = tiny_base("roberta", tmp_path / "base")
    corpus = tiny_corpus("roberta", TARGET_WORDS, tmp_path / "corpus")
    source = tiny_corpus("roberta", SOURCE_WORDS, tmp_path / "source")
    params = {"method": "Standard", "init": "aligned", "training": training(steps=1)}
    inputs = {"model": base, "base": base, "corpus": corpus, "source": source}
    result = embed(context(tmp_path, params, **inputs))
    assert result.metrics["rowsFromSource"] == len(TARGET_WORDS)
