"""Packing: every token once, framed pieces or documents, nothing cut for a scrap of a row."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingraft_trainer.data.packing import LEAST, PackedText, PackWriter


def pack(folder: Path, documents: list[list[int]], length: int, shard: int = 4) -> PackedText:
    writer = PackWriter(
        folder,
        sequence_length=length,
        pad_id=1,
        mask_id=4,
        special_ids=[0, 1, 2, 3, 4],
        vocab_size=1000,
        prefix=[0],
        suffix=[2],
        rows_per_shard=shard,
    )
    for document in documents:
        writer.add(document, 3 * len(document))
    writer.close()
    return PackedText(folder)


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 200), max_size=30),
    st.sampled_from([4, 16, 40, 64, 128]),
    st.integers(1, 5),
)
def test_every_token_once_in_order(sizes: list[int], length: int, shard: int) -> None:
    documents = [[5 + (i * 7 + k) % 900 for k in range(n)] for i, n in enumerate(sizes)]
    with TemporaryDirectory() as folder:
        text = pack(Path(folder), documents, length, shard)
        tokens, segments = text.take(np.arange(text.rows))
    assert tokens.dtype == np.int64 and segments.dtype == np.uint8
    got: list[int] = []
    for row, pieces in zip(tokens, segments, strict=True):
        filled = int((pieces > 0).sum())
        assert (pieces[:filled] > 0).all() and (row[filled:] == 1).all() and filled > 0
        assert set(np.diff(pieces[:filled].astype(int))) <= {0, 1} and pieces[0] == 1
        for number in range(1, int(pieces.max()) + 1):
            piece = row[pieces == number]
            assert piece[0] == 0 and piece[-1] == 2 and len(piece) > 2
            got += piece[1:-1].tolist()
    assert got == [token for document in documents for token in document]
    assert text.tokens == int((segments > 0).sum())
    assert text.bytes == 3 * sum(sizes)


def test_a_long_document_is_not_cut_for_a_scrap(tmp_path: Path) -> None:
    # Row of 64: the first document leaves 20 places, 18 for text, fewer than LEAST.
    text = pack(tmp_path, [[7] * 42, [8] * 100], 64)
    _, segments = text.take(np.arange(text.rows))
    assert (segments[0] > 0).sum() == 44 and segments[0].max() == 1
    # But a whole document, or LEAST tokens of one, go in.
    text = pack(tmp_path / "b", [[7] * 42, [8] * 18], 64)
    assert text.rows == 1
    text = pack(tmp_path / "c", [[7] * (64 - LEAST - 4), [8] * 100], 64)
    assert (text.take(np.array([0]))[0] == 8).sum() == LEAST


def test_no_more_than_255_pieces_in_a_row(tmp_path: Path) -> None:
    text = pack(tmp_path, [[9]] * 600, 2048)
    _, segments = text.take(np.arange(text.rows))
    assert text.rows == 3 and segments.max() == 255


def test_rows_across_shards_in_any_order(tmp_path: Path) -> None:
    text = pack(tmp_path, [[10 + i] * 14 for i in range(11)], 16, shard=3)
    assert len(list(tmp_path.glob("tokens-*.npy"))) == 4 and text.rows == 11
    tokens, _ = text.take(np.array([10, 0, 5, 5, 3]))
    assert tokens[:, 1].tolist() == [20, 10, 15, 15, 13]
    with pytest.raises(IndexError):
        text.take(np.array([11]))


def test_a_missing_shard_is_noticed(tmp_path: Path) -> None:
    pack(tmp_path, [[10 + i] * 14 for i in range(11)], 16, shard=3)
    (tmp_path / "tokens-00002.npy").unlink()
    with pytest.raises(ValueError, match=r"packed\.json"):
        PackedText(tmp_path)


BEGIN, END = 0, 2


def pack_causal(
    folder: Path, documents: list[list[int]], length: int, *, whole: bool = False
) -> PackedText:
    writer = PackWriter(
        folder,
        sequence_length=length,
        pad_id=END,
        mask_id=None,
        special_ids=[BEGIN, END],
        vocab_size=1000,
        prefix=[BEGIN],
        suffix=[END],
        causal=True,
        whole=whole,
        rows_per_shard=4,
    )
    for document in documents:
        writer.add(document, 3 * len(document))
    writer.close()
    return PackedText(folder)


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 200), max_size=30),
    st.sampled_from([2, 16, 40, 64, 128]),
    st.booleans(),
)
def test_a_causal_model_predicts_every_token_once_from_its_own_document(
    sizes: list[int], length: int, whole: bool
) -> None:
    documents = [[5 + (i * 7 + k) % 900 for k in range(n)] for i, n in enumerate(sizes)]
    with TemporaryDirectory() as folder:
        text = pack_causal(Path(folder), documents, length, whole=whole)
        tokens, segments = text.take(np.arange(text.rows))
    predicted: list[tuple[int, int]] = []
    for row, pieces in zip(tokens, segments, strict=True):
        filled = int((pieces > 0).sum())
        assert (pieces[:filled] > 0).all() and (row[filled:] == END).all()
        for number in range(1, int(pieces.max(initial=0)) + 1):
            piece = row[pieces == number].tolist()
            assert len(piece) > 1
            predicted += pairwise(piece)
    framed = [[BEGIN, *document, END] for document in documents if document]
    assert predicted == [pair for one in framed for pair in pairwise(one)]
    assert text.tokens == int((segments > 0).sum()) and text.bytes == 3 * sum(sizes)


def test_a_short_document_is_whole_in_its_row(tmp_path: Path) -> None:
    text = pack_causal(tmp_path, [[7] * 42, [8] * 18, [9] * 10], 64)
    tokens, segments = text.take(np.arange(text.rows))
    assert [set(row[part > 0]) for row, part in zip(tokens, segments, strict=True)] == [
        {BEGIN, 7, 8, END},
        {BEGIN, 9, END},
    ]


@given(st.lists(st.integers(1, 62), min_size=1, max_size=30))
def test_a_whole_document_is_cut_only_where_it_is_longer_than_a_row(sizes: list[int]) -> None:
    documents = [[5 + number] * size for number, size in enumerate(sizes)]
    with TemporaryDirectory() as folder:
        text = pack_causal(Path(folder), documents, 64, whole=True)
        tokens, segments = text.take(np.arange(text.rows))
    found = [
        row[parts == number].tolist()
        for row, parts in zip(tokens, segments, strict=True)
        for number in range(1, int(parts.max()) + 1)
    ]
    assert found == [[BEGIN, *document, END] for document in documents]
