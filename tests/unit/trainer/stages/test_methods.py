"""Every family through every method: a tiny random checkpoint to a graft that anybody loads."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForMaskedLM

from lingraft.selection import MIDDLE_HEAD
from lingraft.tensors import Part
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.mini import head_tensors
from lingraft_trainer.stages.embed import embed
from lingraft_trainer.stages.graft import graft
from lingraft_trainer.stages.mini import mini
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.swap import save_tokenizer
from tests.support import families
from tests.support.bases import TEXT
from tests.support.families import PUBLISHED
from tests.support.tiny import MATRIX, context, pack, training

COPIED, NEW = 2, 1
"""Layers of the mini-model; a base has four."""


def mini_model(method: str, base: Path, folder: Path) -> Path:
    """What step 2 trains through."""
    if method == "Standard":
        return base
    joint = method == "MiniJoint"
    bottom = only_the_bottom(base, COPIED + (0 if joint else NEW), folder / "bottom")
    params = {
        "method": method,
        "layers": COPIED,
        "newLayers": 0 if joint else NEW,
        "training": None if joint else training(steps=3),
    }
    tokenizer = load_base_tokenizer(base)
    save_tokenizer(tokenizer, folder / "source" / "tokenizer")
    for split in ("train", "heldout"):
        pack(tokenizer, TEXT[:20], folder / "source" / split)
    ctx = context(folder / "mini", params, base=bottom, corpus=folder / "source")
    mini(ctx)
    return ctx.out


def only_the_bottom(base: Path, depth: int, folder: Path) -> Path:
    """The base as the stage `mini` fetches it: without the tensors of its upper layers."""
    family = load_lm(base).family
    part = Part("bottom", lambda name: family.layer_of(name) < depth)
    folder.mkdir(parents=True)
    for file in filter(Path.is_file, base.iterdir()):
        (folder / file.name).write_bytes(file.read_bytes())
    tensors = load_file(base / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if part.wanted(name)}
    assert len(kept) < len(tensors)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("method", ["Standard", "MiniJoint", "MiniPost"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_checkpoint_becomes_a_graft_that_anybody_loads(
    name: str, method: str, tmp_path: Path
) -> None:
    base = families.write_base(name, tmp_path / "base")
    loaded = load_lm(base, layers=COPIED)
    head = head_tensors(loaded.model, loaded.family)
    save_file({n: torch.randn_like(t) for n, t in head.items()}, base / MIDDLE_HEAD)
    corpus = families.write_corpus(base, tmp_path / "corpus")
    model = mini_model(method, base, tmp_path)
    params = {"method": method, "init": "overlap", "training": training(steps=3)}
    ctx = context(tmp_path / "embed", params, model=model, base=base, corpus=corpus)
    result = embed(ctx)
    assert result.metrics["layers"] == {"Standard": 4, "MiniJoint": 2, "MiniPost": 3}[method]

    params = {"language": "sw", "method": method, "init": "overlap", "seed": 0, "tasks": []}
    grafted = context(tmp_path / "graft", params, base=base, corpus=corpus, embed=ctx.out)
    grafted.ancestors = families.embed_manifest
    graft(grafted)
    families.write_whole(grafted.out, base)
    _, loading = AutoModelForMaskedLM.from_pretrained(
        grafted.out / "model", output_loading_info=True
    )
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    old, new = (load_file(p / "model.safetensors") for p in (base, grafted.out / "model"))
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    learned = {n for n in old if old[n].shape[0] != new[n].shape[0]}
    assert changed == learned and any(name.endswith(MATRIX) for name in changed)
