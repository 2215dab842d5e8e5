"""Static vectors of a vocabulary from the company its tokens keep, without another library.

Positive pointwise mutual information of tokens at most `WINDOW` apart, and its strongest
eigenvectors, each scaled by the root of its eigenvalue. It is what skip-gram with negative
sampling factorises implicitly (Levy and Goldberg 2014, "Neural Word Embedding as Implicit
Matrix Factorization"), found in seconds rather than epochs.
"""

import warnings

import numpy as np
import torch
from torch import Tensor

from lingraft_trainer.data.packing import PackedText

WINDOW = 5
LEAST = 5
"""A token seen less often has no vector: its company is chance."""
MOST_TOKENS = 5_000_000
"""Positions that are read at most, which bounds time and memory: of more text every n-th row."""
DIMENSIONS = 128
SPARE = 16
"""Directions beyond those that are kept: they make the kept ones exact."""
ROUNDS = 3


def cooccurrence_vectors(text: PackedText, *, seed: int) -> Tensor:
    """Vectors of length one, [V, D]; zero for special tokens and for tokens that are too rare.

    Args:
        text: Packed text of the vocabulary.
        seed: Of the directions that the search for the eigenvectors starts from.
    """
    pmi_VV = _positive_pmi(text)
    vectors_VD = eigenvectors(pmi_VV, min(DIMENSIONS, text.vocab_size), seed)
    lengths_V = vectors_VD.norm(dim=1, keepdim=True)
    seen_V = pmi_VV.crow_indices().diff()[:, None] > 0  # else what is there is rounding
    return torch.where(seen_V & (lengths_V > 0), vectors_VD / lengths_V, 0.0)


def _positive_pmi(text: PackedText) -> Tensor:
    """A symmetric sparse matrix, [V, V] as CSR."""
    size = text.vocab_size
    tokens, segments = text.take(sampled_rows(text, MOST_TOKENS))
    counts = np.bincount(tokens[segments > 0], minlength=size)
    known = counts >= LEAST
    known[list(text.special_ids)] = False
    usable = (segments > 0) & known[tokens]
    keys: list[np.ndarray] = []
    for distance in range(1, WINDOW + 1):
        one, other = tokens[:, :-distance], tokens[:, distance:]
        near = usable[:, :-distance] & usable[:, distance:]
        near &= segments[:, :-distance] == segments[:, distance:]
        low, high = np.minimum(one, other)[near], np.maximum(one, other)[near]
        keys.append(low * size + high)
    pairs, times = np.unique(np.concatenate(keys), return_counts=True)
    del keys
    low, high = np.divmod(pairs, size)
    # Every pair from both sides; a token beside itself counts twice, as it does in a full table.
    company = np.bincount(low, times, size) + np.bincount(high, times, size)
    each = np.where(low == high, 2 * times, times)
    pmi = np.log(each * company.sum() / (company[low] * company[high])).astype(np.float32)
    low, high, pmi = (part[pmi > 0] for part in (low, high, pmi))
    mirrored = low != high
    indices = np.stack(
        [np.concatenate([low, high[mirrored]]), np.concatenate([high, low[mirrored]])]
    )
    values = np.concatenate([pmi, pmi[mirrored]])
    table = torch.sparse_coo_tensor(
        torch.from_numpy(indices), torch.from_numpy(values), (size, size), check_invariants=False
    )
    with warnings.catch_warnings():  # "CSR is in beta"; its product is the one that uses all cores
        warnings.simplefilter("ignore", UserWarning)
        return table.to_sparse_csr()


def sampled_rows(text: PackedText, tokens: int) -> np.ndarray:
    """Numbers of rows of about so many tokens in all at most, evenly from the whole text."""
    every = -(-text.rows * text.sequence_length // tokens)
    return np.arange(0, text.rows, max(1, every))


def eigenvectors(matrix_VV: Tensor, rank: int, seed: int) -> Tensor:
    """The eigenvectors of the largest eigenvalues, by subspace iteration, [V, rank].

    A direction whose eigenvalue is negative (tokens that never meet but could) counts by its
    size, as in a singular value decomposition.
    """
    size = matrix_VV.shape[0]
    generator = torch.Generator().manual_seed(seed)
    wide = min(size, rank + SPARE)
    basis_VK = torch.randn(size, wide, generator=generator)
    for _ in range(ROUNDS):
        basis_VK = torch.linalg.qr(matrix_VV @ basis_VK).Q
    small_KK = basis_VK.T @ (matrix_VV @ basis_VK)
    # In fp64: in fp32 LAPACK does not converge on some tables of few words, whose values repeat.
    values_K, turns_KK = torch.linalg.eigh((small_KK + small_KK.T).double() / 2)
    values_K, turns_KK = values_K.float(), turns_KK.float()
    kept = values_K.abs().argsort(descending=True)[:rank]
    return basis_VK @ turns_KK[:, kept] * values_K[kept].abs().sqrt()
