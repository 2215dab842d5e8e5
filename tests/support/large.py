"""A sharded random Llama in bf16, of any size, made a shard at a time; and text for it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from lingraft.selection import WEIGHTS_INDEX
from lingraft_trainer.data.packing import PackWriter
from tests.support.tiny import tiny_tokenizer

SHARDS = 4


def words(prefix: str, count: int) -> list[str]:
    """So many words, of a language of its own."""
    return [f"{prefix}{i}" for i in range(count)]


def sharded_llama(
    folder: Path,
    *,
    vocabulary: int,
    hidden: int,
    intermediate: int,
    layers: int,
    heads: int,
    key_heads: int,
    length: int = 512,
) -> Path:
    """A checkpoint in several files, with a tokenizer of words; never all of it in memory."""
    tokenizer = tiny_tokenizer("llama", words("a", vocabulary - 5))
    config: Any = AutoConfig.for_model(
        "llama",
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        max_position_embeddings=length,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        architectures=["LlamaForCausalLM"],
        dtype="bfloat16",
    )
    folder.mkdir(parents=True)
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    shapes = {name: tuple(one.shape) for name, one in model.named_parameters()}
    generator = torch.Generator().manual_seed(0)
    names, weight_map = list(shapes), {}
    for shard in range(SHARDS):
        file = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        mine = names[len(names) * shard // SHARDS : len(names) * (shard + 1) // SHARDS]
        save_file(
            {name: _drawn(shapes[name], generator) for name in mine},
            folder / file,
            {"format": "pt"},
        )
        weight_map |= dict.fromkeys(mine, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / WEIGHTS_INDEX).write_text(json.dumps(index))
    return folder


def _drawn(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    if len(shape) == 1:
        return torch.ones(shape, dtype=torch.bfloat16)
    return torch.empty(shape, dtype=torch.bfloat16).normal_(0.0, 0.02, generator=generator)


def packed(folder: Path, prefix: str, vocabulary: int, *, rows: int, length: int) -> Path:
    """What the corpus stage writes of a language of random words."""
    tokenizer: Any = tiny_tokenizer("llama", words(prefix, vocabulary - 5))
    tokenizer.save_pretrained(folder / "tokenizer")
    for split, count in (("train", rows), ("heldout", max(2, rows // 8))):
        writer = PackWriter(
            folder / split,
            sequence_length=length,
            pad_id=tokenizer.pad_token_id,
            mask_id=None,
            prefix=[tokenizer.bos_token_id],
            suffix=[tokenizer.eos_token_id],
            special_ids=tokenizer.all_special_ids,
            vocab_size=len(tokenizer),
        )
        for ids in _documents(count, length, len(tokenizer)):
            writer.add(ids, 4 * len(ids))
        writer.close()
    return folder


def _documents(count: int, length: int, vocabulary: int) -> Iterator[list[int]]:
    rng = np.random.default_rng(5)
    for _ in range(count):
        yield rng.integers(5, vocabulary, length - 2).tolist()
