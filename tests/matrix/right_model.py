"""What makes a grafted checkpoint right: nothing of its base has changed but the vocabulary."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModel, AutoModelForMaskedLM

from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.training.masking import mask_tokens
from tests.matrix.files import Tensors, tensors_of

OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
VOCABULARY = ("word_embeddings.weight", "decoder.weight", "decoder.bias", "lm_head.bias")
HELDOUT_PROBABILITY = 0.15


def loaded(folder: Path, *, head: bool) -> Any:
    """The checkpoint as anybody loads it, in fp32; no tensor is missing or left over."""
    auto: Any = AutoModelForMaskedLM if head else AutoModel
    model, info = auto.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
    found = {kind: names for kind, names in info.items() if names}
    if not head:  # a masked LM's body has none, and AutoModel makes one
        found.pop("missing_keys", None)
    assert not found, found
    if head:
        tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
        assert model.config.tie_word_embeddings == tied
    return model.eval()


def check_tensors(base: Path, folder: Path, learned: Path, dtype: torch.dtype) -> None:
    """Bit-equal to the base, but for what step 2 learned; all in a type that loses nothing."""
    before, after = _named(tensors_of(base)), _named(tensors_of(folder))
    new = load_file(learned)
    for name, tensor in after.items():
        assert torch.isfinite(tensor).all() and tensor.dtype == dtype, name
        part = _part_of_vocabulary(name)
        if part is None:
            assert torch.equal(tensor, before[name].to(dtype)), name
            continue
        wanted = new[part if part in new else "weight"]
        assert torch.equal(tensor, wanted.to(dtype)), name
    lost = {name for name in before if name not in after and not _of_other_heads(name)}
    assert not lost, lost


def _named(tensors: Tensors) -> Tensors:
    """Under the names of today."""
    found: Tensors = {}
    for name, tensor in tensors.items():
        for old, now in OLD_NAMES.items():
            name = name.replace(old, now)
        found[name] = tensor
    return found


def _part_of_vocabulary(name: str) -> str | None:
    """The tensor of step 2 that stands in a tensor's place."""
    if name.endswith("word_embeddings.weight"):
        return "weight"
    if name.endswith("decoder.weight"):
        return "output"
    if name in ("cls.predictions.bias", "lm_head.bias") or name.endswith("decoder.bias"):
        return "bias"
    return None


def _of_other_heads(name: str) -> bool:
    # The decoder of a tied model is its embeddings, and its bias has two names.
    parts = ("pooler", "seq_relationship", "position_ids", "decoder.")
    return any(part in name for part in parts)


def heldout_loss(model: Any, text: PackedText) -> float:
    """The masked-LM loss on packed text by plain transformers, piece by piece.

    Nothing but ids goes in: positions, segments and attention are the model's own affair.
    """
    total, count = 0.0, 0
    special = np.zeros(text.vocab_size, dtype=bool)
    special[list(text.special_ids)] = True
    for start in range(0, text.rows, 32):
        tokens, segments = text.take(np.arange(start, min(start + 32, text.rows)))
        maskable = (segments > 0) & ~special[tokens]
        inputs, chosen = mask_tokens(
            tokens,
            maskable,
            seed=0,
            step=start,
            probability=HELDOUT_PROBABILITY,
            mask_id=text.mask_id,
            vocabulary=text.vocab_size,
        )
        for ids, labels, where in _pieces(tokens, segments, inputs, chosen):
            with torch.no_grad():
                logits = model(input_ids=ids[None]).logits[0]
            total += float(cross_entropy(logits[where], labels[where], reduction="sum"))
            count += int(where.sum())
    return total / max(1, count)


def _pieces(
    tokens: Any, segments: Any, inputs: Any, chosen: Any
) -> Iterable[tuple[Tensor, Tensor, Tensor]]:
    """(Ids, labels, where the loss is taken) of every piece of every row."""
    for row in range(len(tokens)):
        for number in range(1, int(segments[row].max()) + 1):
            own = segments[row] == number
            if chosen[row][own].any():
                parts = (inputs[row][own], tokens[row][own], chosen[row][own])
                ids, labels, where = map(torch.from_numpy, parts)
                yield ids, labels, where
