"""Step 1b: what MiniPost and MiniJoint leave alone, and what they refuse."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from lingraft.errors import UserError
from lingraft.selection import MIDDLE_HEAD
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.mini import head_tensors
from lingraft_trainer.stages.mini import mini
from tests.support.tiny import (
    MODEL_TYPES,
    SOURCE_WORDS,
    context,
    tiny_base,
    tiny_corpus,
    training,
    truncated,
)


def post(layers=2, new=1, model_type="roberta"):
    run = training(model_type)
    return {"method": "MiniPost", "layers": layers, "newLayers": new, "training": run}


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_minipost_leaves_copied_layers_and_embeddings_byte_identical(model_type, tmp_path):
    base = tiny_base(model_type, tmp_path / "base")
    corpus = tiny_corpus(model_type, SOURCE_WORDS, tmp_path / "corpus")
    ctx = context(tmp_path, post(model_type=model_type), base=base, corpus=corpus)
    mini(ctx)
    loaded = load_lm(ctx.out)
    before = load_lm(base).model.state_dict()
    head = set(head_tensors(loaded.model, loaded.family))
    changed = {n for n, t in loaded.model.state_dict().items() if not torch.equal(t, before[n])}
    prefix = f"{loaded.family.layers}2."
    assert changed, "something must have trained"
    assert all(n.startswith(prefix) or n in head or n.endswith("decoder.bias") for n in changed), (
        changed
    )
    assert any(n.startswith(prefix) for n in changed)


def test_minipost_takes_a_body_without_a_head(tmp_path):
    base = tiny_base("bert", tmp_path / "base")
    body = AutoModel.from_pretrained(base)
    (base / "model.safetensors").unlink()
    body.save_pretrained(base)
    assert not load_lm(base).has_head
    corpus = tiny_corpus("bert", SOURCE_WORDS, tmp_path / "corpus")
    ctx = context(tmp_path, post(), base=base, corpus=corpus)
    result = mini(ctx)
    assert load_lm(ctx.out).has_head
    assert result.metrics["curve"][-1]["loss"] < result.metrics["curve"][0]["loss"]


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_bottom_and_top_need_no_training(model_type, tmp_path):
    base = tiny_base(model_type, tmp_path / "base")
    params = post(layers=1) | {"newLayersFrom": "Top", "training": None}
    ctx = context(tmp_path, params, base=base)
    assert mini(ctx).compute.flops == 0
    before = load_lm(base)
    top = before.model.config.num_hidden_layers - 1
    expected, found = before.model.state_dict(), load_lm(ctx.out).model.state_dict()
    for name, tensor in found.items():
        whence = before.family.renumbered(name, top if before.family.layer_of(name) else 0)
        assert torch.equal(tensor, expected[whence]), name


def test_the_top_may_be_trained_too(tmp_path):
    base = tiny_base("bert", tmp_path / "base")
    corpus = tiny_corpus("bert", SOURCE_WORDS, tmp_path / "corpus")
    params = post(layers=1) | {"newLayersFrom": "Top"}
    result = mini(context(tmp_path, params, base=base, corpus=corpus))
    assert result.metrics["curve"][-1]["loss"] < result.metrics["curve"][0]["loss"]


def test_without_a_head_something_must_train(tmp_path):
    base = tiny_base("bert", tmp_path / "base")
    body = AutoModel.from_pretrained(base)
    (base / "model.safetensors").unlink()
    body.save_pretrained(base)
    params = post() | {"newLayersFrom": "Top", "training": None}
    with pytest.raises(UserError, match="no masked-LM head"):
        mini(context(tmp_path, params, base=base))


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_minijoint_is_the_bottom_layers_under_the_middle_head(model_type, tmp_path):
    base = tiny_base(model_type, tmp_path / "base")
    loaded = load_lm(base)
    expected = truncated(loaded.model, loaded.family, 2)
    head = {n: torch.randn_like(t) for n, t in head_tensors(expected, loaded.family).items()}
    save_file(head, base / MIDDLE_HEAD)
    params = {"method": "MiniJoint", "layers": 2, "newLayers": 0, "training": None}
    ctx = context(tmp_path, params, base=base)
    mini(ctx)
    expected.load_state_dict(head, strict=False)
    ids = torch.tensor([[2, 5, 9, 7, 3]])
    found = load_lm(ctx.out).model.eval()
    torch.testing.assert_close(found(ids).logits, expected.eval()(ids).logits)
    assert set(load_file(base / MIDDLE_HEAD)) == set(head)


def test_minijoint_refuses_a_base_without_a_middle_head(tmp_path):
    base = tiny_base("roberta", tmp_path / "base")
    params = {"method": "MiniJoint", "layers": 2, "newLayers": 0, "training": None}
    with pytest.raises(UserError, match="middle head"):
        mini(context(tmp_path, params, base=base))


def test_minijoint_refuses_a_middle_head_of_another_depth(tmp_path):
    base = tiny_base("roberta", tmp_path / "base")
    loaded = load_lm(base)
    head = head_tensors(truncated(loaded.model, loaded.family, 2), loaded.family)
    save_file(head, base / MIDDLE_HEAD, metadata={"layers": "2"})
    params = {"method": "MiniJoint", "layers": 1, "newLayers": 0, "training": None}
    with pytest.raises(UserError, match="stands after layer 2, not 1"):
        mini(context(tmp_path, params, base=base))


def test_a_mini_model_as_deep_as_its_base_is_refused(tmp_path):
    base = tiny_base("roberta", tmp_path / "base")
    with pytest.raises(UserError, match="not shallower"):
        mini(context(tmp_path, post(3, 1), base=base))
