"""Language packs of tiny bases: random rows under a language's own tokenizer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from lingraft.pack import PackBase
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.family import embeddings, is_tied, output
from lingraft_trainer.models.grafted import Graft
from lingraft_trainer.packs.write import fingerprint, record_of, write_pack
from lingraft_trainer.tokenization.base import is_causal, load_base_tokenizer
from lingraft_trainer.tokenization.generation import carry_ids
from tests.support.tiny import tiny_tokenizer


def write_language(base: Path, folder: Path, language: str, words: Sequence[str]) -> Path:
    """What `graft` writes of a language, its rows drawn from its name."""
    loaded = load_lm(base)
    model: Any = loaded.model
    of = PackBase(ref="source/0", embeddings=fingerprint(embeddings(model).weight))
    tokenizer = tiny_tokenizer(model.config.model_type, words)
    generator = torch.Generator().manual_seed(sum(map(ord, language)))
    shape = len(tokenizer), embeddings(model).weight.shape[1]
    tensors = {"weight": torch.randn(shape, generator=generator)}
    if output(model).bias is not None:
        tensors["bias"] = torch.randn(shape[:1], generator=generator)
    if not is_tied(model):
        tensors["output"] = torch.randn(shape, generator=generator)
    folder.mkdir(parents=True)
    learned = folder.with_name(f"{folder.name}-learned.safetensors")
    save_file(tensors, learned)
    graft = Graft(learned, tokenizer, loaded.dtype)
    graft.into(model, loaded.family)
    ids = {}
    if is_causal(base):
        ids = carry_ids(model, base, load_base_tokenizer(base), tokenizer)
    said = {"language": language, "source_language": "en", "method": "Standard"}
    write_pack(record_of(graft, model, of, ids, **said), graft, model, folder)
    return folder
