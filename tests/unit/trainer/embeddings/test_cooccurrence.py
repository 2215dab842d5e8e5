"""Static vectors: against a table of co-occurrences counted one by one."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lingraft_trainer.data.packing import PackedText, PackWriter
from lingraft_trainer.embeddings import cooccurrence
from lingraft_trainer.embeddings.cooccurrence import (
    LEAST,
    WINDOW,
    cooccurrence_vectors,
    eigenvectors,
)
from lingraft_trainer.tokenization.special import special_tokens_of
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support.bases import BASES, TEXT
from tests.support.tiny import pack

VOCABULARY, LENGTH = 30, 40


def packed(folder: Path, documents: list[list[int]]) -> PackedText:
    writer = PackWriter(
        folder,
        sequence_length=LENGTH,
        pad_id=1,
        mask_id=4,
        special_ids=[0, 1, 2, 3, 4],
        vocab_size=VOCABULARY,
        prefix=[0],
        suffix=[2],
    )
    for document in documents:
        writer.add(document, len(document))
    writer.close()
    return PackedText(folder)


def random_documents(least: int, most: int, count: int = 80) -> list[list[int]]:
    """Short enough that rows hold several; the first ordinary token is rare, others repeat."""
    rng = np.random.default_rng(2)
    documents = [
        (least + rng.binomial(most - least - 1, 0.4, rng.integers(3, 15))).tolist()
        for _ in range(count)
    ]
    documents[0] = [5, 6, 5, 7]
    return documents


def cosines_by_hand(text: PackedText) -> np.ndarray:
    """The definition, pair by pair."""
    tokens, segments = text.take(np.arange(text.rows))
    often = np.bincount(tokens[segments > 0], minlength=VOCABULARY) >= LEAST
    table = np.zeros((VOCABULARY, VOCABULARY))
    for row, pieces in zip(tokens, segments, strict=True):
        for i in range(LENGTH):
            for j in range(LENGTH):
                a, b = row[i], row[j]
                if 0 < abs(i - j) <= WINDOW and pieces[i] == pieces[j] > 0:
                    table[a, b] += min(a, b) > 4 and often[a] and often[b]
    sums = table.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        pmi = np.nan_to_num(np.log(table * table.sum() / np.outer(sums, sums)), neginf=0.0)
    values, vectors = np.linalg.eigh(np.maximum(pmi, 0.0))
    scaled = vectors * np.sqrt(np.abs(values))
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    unit = np.divide(scaled, lengths, out=np.zeros_like(scaled), where=lengths > 1e-6)
    return unit @ unit.T


def test_cosines_are_those_of_the_table(tmp_path: Path) -> None:
    text = packed(tmp_path, random_documents(6, VOCABULARY))
    vectors = cooccurrence_vectors(text, seed=0)
    assert vectors.shape == (VOCABULARY, VOCABULARY)
    found = (vectors @ vectors.T).numpy()
    np.testing.assert_allclose(found, cosines_by_hand(text), atol=1e-4)
    assert not vectors[:6].any(), "special tokens, and one seen twice"
    assert np.diag(found)[10:20] == pytest.approx(1.0)


def test_of_a_long_text_rows_from_everywhere_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = packed(tmp_path, random_documents(5, 15, 200) + random_documents(18, 28, 200))
    read: list[int] = []
    take = text.take
    monkeypatch.setattr(text, "take", lambda rows: read.append(len(rows)) or take(rows))
    monkeypatch.setattr(cooccurrence, "MOST_TOKENS", text.rows * LENGTH // 3 + LENGTH)
    vectors = cooccurrence_vectors(text, seed=0)
    assert read[0] == pytest.approx(text.rows / 3, abs=1)
    assert vectors[[9, 22]].any(dim=1).all()


def test_the_strongest_directions_are_found_by_size_not_by_sign() -> None:
    generator = torch.Generator().manual_seed(4)
    basis = torch.linalg.qr(torch.randn(400, 400, generator=generator)).Q
    values = 0.8 ** torch.arange(400.0)
    values[1::3] *= -1
    matrix = (basis * values) @ basis.T
    found = eigenvectors(matrix.to_sparse_csr(), 10, seed=0)
    assert found.shape == (400, 10)
    expected = (basis[:, :10] * values[:10].abs()) @ basis[:, :10].T
    torch.testing.assert_close(found @ found.T, expected, atol=1e-4, rtol=0)


def test_text_of_few_words_has_vectors_too(tmp_path: Path) -> None:
    """A table with few directions: LAPACK does not always find them in fp32."""
    special = special_tokens_of(BASES["bert"]())
    pack(train_tokenizer(TEXT, type="unigram", vocab_size=96, template=special), TEXT, tmp_path)
    for seed in (4, 8, 11, 14):
        assert torch.isfinite(cooccurrence_vectors(PackedText(tmp_path), seed=seed)).all()
