"""The source language is kept: a graft reads the new one only, and the base is only read."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from lingraft_trainer.stages.graft import graft
from tests.support import families
from tests.support.tiny import MATRIX, SOURCE_WORDS, context, tiny_corpus, tiny_tokenizer
from tests.support.translated import THEIRS, base_of, learned


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.mark.parametrize("model_type", ["llama", "qwen2"])
def test_the_base_is_untouched_and_its_rows_put_back_give_it_again(
    model_type: str, tmp_path: Path
) -> None:
    base = base_of(model_type, tmp_path / "base")
    before = hashes(base)
    ctx = context(
        tmp_path / "graft",
        {"language": "sw", "method": "Standard", "init": "overlap", "seed": 0, "tasks": []},
        base=base,
        corpus=tiny_corpus(model_type, THEIRS, tmp_path / "corpus"),
        embed=learned(model_type, base, tmp_path / "embed"),
    )
    ctx.ancestors = families.embed_manifest
    graft(ctx)
    families.write_whole(ctx.out, base)
    assert hashes(base) == before

    old, new = (load_file(path / "model.safetensors") for path in (base, ctx.out / "model"))
    rows = {name for name in old if name.endswith((*MATRIX, "lm_head.weight"))}
    assert old.keys() == new.keys() and rows
    assert all(torch.equal(old[name], new[name]) for name in old if name not in rows)
    assert not any(torch.equal(old[name], new[name]) for name in rows)

    whole: Any
    back: Any
    whole, back = (
        AutoModelForCausalLM.from_pretrained(path).eval() for path in (base, ctx.out / "model")
    )
    back.get_input_embeddings().weight.data = whole.get_input_embeddings().weight.data
    back.get_output_embeddings().weight.data = whole.get_output_embeddings().weight.data
    text = tiny_tokenizer(model_type, SOURCE_WORDS)("the cat sat on a mat", return_tensors="pt")
    with torch.no_grad():
        given = {"input_ids": text["input_ids"]}
        assert torch.equal(whole(**given).logits, back(**given).logits)
