"""First values of the target embeddings: random, normal, overlap, mean, focus or aligned.

The special tokens' rows are the base's own, by role or by name, whatever the kind.
"""

from typing import Literal

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.aligned import aligned_rows
from lingraft_trainer.embeddings.cooccurrence import cooccurrence_vectors
from lingraft_trainer.embeddings.focus import mixed_rows
from lingraft_trainer.embeddings.surface import (
    begins_with_space,
    is_text,
    lower_cases,
    surfaces,
)

Kind = Literal["random", "normal", "overlap", "mean", "focus", "aligned"]
ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def initial_embeddings(
    kind: Kind,
    source_VH: Tensor,
    source: PreTrainedTokenizerBase,
    target: PreTrainedTokenizerBase,
    *,
    seed: int,
    text: PackedText | None = None,
    source_text: PackedText | None = None,
) -> tuple[Tensor, int]:
    """First values of the new matrix.

    Args:
        kind: `random`: drawn with the mean and deviation of the source rows, per dimension;
            `normal`: N(0, 0.02); `overlap`: the row of the source token with the same text,
            else random; `mean`: the mean of the source pieces of the same text, else random;
            `focus`: as `overlap`, and a token of the new vocabulary alone starts as a mixture
            of the shared ones that keep similar company in the text (see `focus.py`); random
            where it is too rare to tell; `aligned`: every token as a mixture of those of the
            base that keep similar company in source text (see `aligned.py`); as `mean` where it
            is too rare to tell.
        source_VH: The base's embeddings, [V, H].
        source: The base's tokenizer.
        target: The new language's tokenizer, with ids 0..V'-1.
        seed: Of the draws.
        text: Packed text of the new language; `focus` and `aligned` read it.
        source_text: Packed text of the base's language in its tokens; only `aligned` reads it.

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
    if kind in ("overlap", "mean", "focus", "aligned"):
        matches = _matches(kind, source, target)
        for target_id, source_ids in matches.items():
            matrix_VH[target_id] = source_VH[source_ids].mean(dim=0)
        taken = len(matches)
        if kind == "focus":
            assert text is not None, "focus reads the text"
            taken += _mix(matrix_VH, list(matches), cooccurrence_vectors(text, seed=seed))
        if kind == "aligned":
            assert text is not None and source_text is not None, "aligned reads both texts"
            vectors = (cooccurrence_vectors(one, seed=seed) for one in (text, source_text))
            shared = [(new, known) for new, (known, *more) in matches.items() if not more]
            mixed = _align(matrix_VH, source_VH, shared, *vectors)
            taken = len(matches.keys() | mixed)
    known = source.get_vocab()
    for number, token in target.added_tokens_decoder.items():  # of a chat, say, which have no role
        if token.special and str(token) in known:
            matrix_VH[number] = source_VH[known[str(token)]]
    for role in ROLES:
        old, new = (getattr(t, f"{role}_id", None) for t in (source, target))
        if old is not None and new is not None:
            matrix_VH[new] = source_VH[old]
    return matrix_VH, taken


def _mix(matrix_VH: Tensor, shared: list[int], vectors_VD: Tensor) -> int:
    """Mix the rows of tokens that are not shared, in place; how many could be."""
    known_V = vectors_VD.any(dim=1)
    is_shared_V = torch.zeros_like(known_V)
    is_shared_V[shared] = True
    from_S, to_N = (known_V & is_shared_V).nonzero()[:, 0], (known_V & ~is_shared_V).nonzero()[:, 0]
    if len(from_S) == 0:
        return 0
    matrix_VH[to_N] = mixed_rows(vectors_VD[from_S], matrix_VH[from_S], vectors_VD[to_N])
    return len(to_N)


def _align(
    matrix_VH: Tensor,
    source_VH: Tensor,
    shared: list[tuple[int, int]],
    new_VD: Tensor,
    known_VD: Tensor,
) -> set[int]:
    """Mix the rows of all tokens with a vector, in place; which."""
    new_N, known_M = (one.any(dim=1).nonzero()[:, 0] for one in (new_VD, known_VD))
    of_new = {int(number): i for i, number in enumerate(new_N)}
    of_known = {int(number): i for i, number in enumerate(known_M)}
    pairs = [(of_new[a], of_known[b]) for a, b in shared if a in of_new and b in of_known]
    if not pairs:
        return set()
    rows = aligned_rows(new_VD[new_N], known_VD[known_M], torch.tensor(pairs), source_VH[known_M])
    matrix_VH[new_N] = rows
    return set(of_new)


def _matches(
    kind: Kind, source: PreTrainedTokenizerBase, target: PreTrainedTokenizerBase
) -> dict[int, list[int]]:
    """For target ids, the source ids whose rows' mean they start from."""
    known, fold, spaced = surfaces(source), lower_cases(source), begins_with_space(source)
    found: dict[int, list[int]] = {}
    for surface, target_id in surfaces(target).items():
        text = surface.lower() if fold else surface
        if text in known:
            found[target_id] = [known[text]]
        elif kind in ("mean", "aligned") and text.strip() and is_text(text):
            # With its space: byte-level BPE has other pieces for the start of a word.
            said = text.removeprefix(" ") if spaced else text
            pieces = source(said, add_special_tokens=False)["input_ids"]
            if pieces and source.unk_token_id not in pieces:
                found[target_id] = list(pieces)
    return found
