"""First values of the target embeddings: random, normal, overlap or mean.

The special tokens' rows are the base's own, by role, whatever the kind. FOCUS (Dobler and
de Melo 2023, arXiv 2305.14481) and others can join here as one more branch.
"""

from typing import Literal

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from lingraft_trainer.embeddings.surface import lower_cases, surfaces

Kind = Literal["random", "normal", "overlap", "mean"]
ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def initial_embeddings(
    kind: Kind,
    source_VH: Tensor,
    source: PreTrainedTokenizerBase,
    target: PreTrainedTokenizerBase,
    *,
    seed: int,
) -> tuple[Tensor, int]:
    """First values of the new matrix.

    Args:
        kind: `random`: drawn with the mean and deviation of the source rows, per dimension;
            `normal`: N(0, 0.02); `overlap`: the row of the source token with the same text,
            else random; `mean`: the mean of the source pieces of the same text, else random.
        source_VH: The base's embeddings, [V, H].
        source: The base's tokenizer.
        target: The new language's tokenizer, with ids 0..V'-1.
        seed: Of the draws.

    Returns:
        The matrix [V', H] and how many of its rows were taken from the source (special tokens
        left out).
    """
    generator = torch.Generator().manual_seed(seed)
    rows, width = len(target), source_VH.shape[1]
    matrix_VH = torch.randn(rows, width, generator=generator)
    if kind == "normal":
        matrix_VH *= 0.02
    else:
        matrix_VH = matrix_VH * source_VH.std(dim=0) + source_VH.mean(dim=0)
    taken = 0
    if kind in ("overlap", "mean"):
        for target_id, source_ids in _matches(kind, source, target).items():
            matrix_VH[target_id] = source_VH[source_ids].mean(dim=0)
            taken += 1
    for role in ROLES:
        old, new = (getattr(t, f"{role}_id", None) for t in (source, target))
        if old is not None and new is not None:
            matrix_VH[new] = source_VH[old]
    return matrix_VH, taken


def _matches(
    kind: Kind, source: PreTrainedTokenizerBase, target: PreTrainedTokenizerBase
) -> dict[int, list[int]]:
    """For target ids, the source ids whose rows' mean they start from."""
    known, fold = surfaces(source), lower_cases(source)
    found: dict[int, list[int]] = {}
    for surface, target_id in surfaces(target).items():
        text = surface.lower() if fold else surface
        if text in known:
            found[target_id] = [known[text]]
        elif kind == "mean" and text.strip():
            # With its space: byte-level BPE has other pieces for the start of a word.
            pieces = source(text, add_special_tokens=False)["input_ids"]
            if pieces and source.unk_token_id not in pieces:
                found[target_id] = list(pieces)
    return found
