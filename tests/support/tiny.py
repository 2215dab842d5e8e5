"""A tiny world for stage tests: tokenizers, models of every family, packed text, a context."""

import copy
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, PreTrainedModel, PreTrainedTokenizerFast

from lingraft.families import FAMILIES, Family, family_of
from lingraft.stage import Execution
from lingraft_trainer.data.packing import PackWriter
from lingraft_trainer.models.config import cut
from lingraft_trainer.models.family import AUTO
from lingraft_trainer.running.context import StageContext

MODEL_TYPES = tuple(FAMILIES)
MASKED_TYPES = tuple(name for name in FAMILIES if not FAMILIES[name].causal)
CAUSAL_TYPES = tuple(name for name in FAMILIES if FAMILIES[name].causal)
LIKE_BERT = ("bert", "distilbert", "electra", "modernbert")
"""Their tokenizers say [CLS] and [SEP], and pad with 0."""
SEGMENTS = ("bert", "electra")
LENGTH = 32
SETTINGS: dict[str, dict[str, Any]] = {
    "electra": {"embedding_size": 8},
    "modernbert": {"local_attention": 10, "cls_token_id": 2, "sep_token_id": 3},
    "deberta-v2": {
        "relative_attention": True,
        "position_buckets": 3,
        "pos_att_type": "p2c|c2p",
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
    },
    "eurobert": {"num_key_value_heads": 1, "mask_token_id": 4},
    "llama": {
        "num_key_value_heads": 1,
        "attention_bias": True,
        "mlp_bias": True,
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16,
        },
    },
    "mistral": {"num_key_value_heads": 1, "head_dim": 12, "sliding_window": 7},
    "qwen2": {
        "num_key_value_heads": 1,
        "use_sliding_window": True,
        "sliding_window": 7,
        "max_window_layers": 2,
    },
    "qwen3": {"num_key_value_heads": 1, "head_dim": 12},
    "gemma2": {
        "num_key_value_heads": 1,
        "head_dim": 12,
        "sliding_window": 7,
        "query_pre_attn_scalar": 5,
        "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 3.0,
    },
    "gemma3_text": {
        "num_key_value_heads": 1,
        "head_dim": 12,
        "sliding_window": 7,
        "sliding_window_pattern": 2,
        "query_pre_attn_scalar": 5,
    },
    "olmo2": {"num_key_value_heads": 1},
    "phi3": {"num_key_value_heads": 1, "partial_rotary_factor": 0.5, "sliding_window": 7},
    "smollm3": {"num_key_value_heads": 1, "no_rope_layer_interval": 2},
}
"""What makes a tiny model of a family one that shows all that the family may have."""
MATRIX = ("word_embeddings.weight", "tok_embeddings.weight", "embed_tokens.weight")
"""Endings of the token embeddings' names."""
SOURCE_TEXT = "the cat dog sat ran on a mat sea and saw big red old house 1 2 3 tree bird"
TARGET_TEXT = "le chat chien assis sur un tapis mer et vu grand rouge maison 1 2 3 oiseau"
SOURCE_WORDS, TARGET_WORDS = SOURCE_TEXT.split(), TARGET_TEXT.split()


def tiny_tokenizer(model_type: str, words: Sequence[str]) -> PreTrainedTokenizerFast:
    """Words by white space, with the special tokens and template of the family."""
    bert, causal = model_type in LIKE_BERT, model_type in CAUSAL_TYPES
    special = (
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        if bert
        else ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    )
    first, last = ("[CLS]", "[SEP]") if bert else ("<s>", "</s>")
    vocabulary = {token: i for i, token in enumerate([*special, *words])}
    unknown = "[UNK]" if bert else "<unk>"
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    pair = f"{first} $A {last} {last} $B {last}"
    if bert:
        pair = f"{first}:0 $A:0 {last}:0 $B:1 {last}:1"
    backend.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=pair,
        special_tokens=[(first, vocabulary[first]), (last, vocabulary[last])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=None if bert else "<s>",
        eos_token=None if bert else "</s>",
        cls_token=None if causal else first,
        sep_token=None if causal else last,
        unk_token=unknown,
        pad_token="[PAD]" if bert else "<pad>",
        mask_token=None if causal else "[MASK]" if bert else "<mask>",
        model_max_length=LENGTH,
    )


def tiny_model(
    model_type: str, *, layers: int = 4, vocabulary: int = 40, tied: bool = True
) -> PreTrainedModel:
    """A language model whose every parameter is random, biases and norms too."""
    config = tiny_config(model_type, layers=layers, vocabulary=vocabulary, tied=tied)
    torch.manual_seed(7)
    model = AUTO[family_of(model_type).objective].from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.3)
    return model.eval()


def pad_of(model_type: str) -> int:
    """The padding id of a family's tiny tokenizer."""
    return 0 if model_type in LIKE_BERT else 1


def tiny_config(model_type: str, **changes: Any) -> Any:
    """The configuration of a tiny model: `layers`, `vocabulary`, `tied`, `length`, sizes."""
    family = family_of(model_type)
    sizes = {"hidden": 16, "layers": 4, "heads": 2, "intermediate": 32}
    settings = {"pad_token_id": pad_of(model_type), "bos_token_id": None, "eos_token_id": None}
    return AutoConfig.for_model(
        model_type,
        vocab_size=changes.get("vocabulary", 40),
        max_position_embeddings=changes.get("length", LENGTH) + 2,
        tie_word_embeddings=changes.get("tied", True),
        **settings | SETTINGS.get(model_type, {}) | dict.fromkeys(family.dropouts, 0.0),
        **family.config(**{name: changes.get(name, size) for name, size in sizes.items()}),
    )


def truncated(model: PreTrainedModel, family: Family, depth: int) -> PreTrainedModel:
    """The bottom `depth` layers of a model under a copy of its head, all tensors copied."""
    config = copy.deepcopy(model.config)
    cut(config, depth)
    bottom = AUTO[family.objective].from_config(config)
    kept = {n: t for n, t in model.state_dict().items() if family.layer_of(n) < depth}
    bottom.load_state_dict(kept)
    return bottom


def tiny_base(model_type: str, folder: Path, *, layers: int = 4) -> Path:
    """An ordinary checkpoint with its tokenizer."""
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    tiny_model(model_type, layers=layers, vocabulary=len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def reading_base(model_type: str, text: Path, folder: Path) -> Path:
    """An ordinary checkpoint whose tokenizer knows every word of a text."""
    words = sorted(set(re.findall(r"\w+|[^\w\s]+", text.read_text())))
    tokenizer = tiny_tokenizer(model_type, words)
    tiny_model(model_type, vocabulary=len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def pack(tokenizer: Any, texts: Sequence[str], folder: Path) -> None:
    """Pack texts into rows of LENGTH tokens, as the corpus stage does."""
    first, last = tokenizer("")["input_ids"]
    writer = PackWriter(
        folder,
        sequence_length=LENGTH,
        pad_id=tokenizer.pad_token_id,
        mask_id=tokenizer.mask_token_id,
        prefix=[first],
        suffix=[last],
        special_ids=tokenizer.all_special_ids,
        vocab_size=len(tokenizer),
    )
    for text in texts:
        writer.add(tokenizer(text, add_special_tokens=False)["input_ids"], len(text))
    writer.close()


def tiny_corpus(
    model_type: str, words: Sequence[str], folder: Path, *, documents: int = 60
) -> Path:
    """What the corpus stage writes: tokenizer, train and heldout, of random sentences."""
    # Any: to transformers, any special id may be missing, or a list.
    tokenizer: Any = tiny_tokenizer(model_type, words)
    tokenizer.save_pretrained(folder / "tokenizer")
    rng = np.random.default_rng(5)
    for split, count in (("train", documents), ("heldout", 6)):
        texts = [" ".join(rng.choice(list(words), rng.integers(5, 50))) for _ in range(count)]
        pack(tokenizer, texts, folder / split)
    return folder


def training(model_type: str = "roberta", **changes: Any) -> dict[str, Any]:
    """Parameters of a short run of a family."""
    return {
        "steps": 20,
        "batchTokens": 8 * LENGTH,
        "sequenceLength": LENGTH,
        "maskProbability": None if FAMILIES[model_type].causal else 0.3,
        "learningRate": 1e-2,
        "warmupSteps": 2,
        "weightDecay": 0.01,
        "dropout": 0.0,
        "seed": 0,
    } | changes


def context(folder: Path, params: dict[str, Any], **inputs: Path) -> StageContext:
    """A context whose outputs lie in `folder/out`."""
    out, scratch = folder / "out", folder / "scratch"
    out.mkdir(parents=True)
    scratch.mkdir()
    execution = Execution(precision="fp32", threads=1)
    return StageContext(
        params=params, inputs=dict(inputs), out=out, scratch=scratch, execution=execution
    )
