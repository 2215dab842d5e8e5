"""What makes the result's tokenizer right: it cuts as what was asked for, and loses nothing."""

import unicodedata
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from tests.matrix.corpora import DOCUMENTS
from tests.matrix.vocabularies import Vocabulary

TEXTS = [text for document in DOCUMENTS[:10] for text in document]
UNKNOWN = ("[UNK]", "<unk>")


def check_tokenizer(folder: Path, base: Path, files: Path, kind: Vocabulary, rows: int) -> Any:
    """Hold the tokenizer of a checkpoint against its model, its base and its origin.

    Args:
        folder: The result.
        base: The base.
        files: What `kind` was given.
        kind: Which tokenizer was asked for.
        rows: Of the result's embeddings.

    Returns:
        The tokenizer.
    """
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    assert sorted(tokenizer.get_vocab().values()) == list(range(rows))
    reference = None if kind.pieces is None else kind.pieces(files, base)
    unknown = tokenizer.unk_token
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        pieces = tokenizer.tokenize(text)
        assert max(ids) < rows
        if reference is not None:
            assert pieces == [unknown if p in UNKNOWN else p for p in reference(text)], text
        if reference is not None and unknown in pieces:
            continue  # to the original too
        assert pieces and unknown not in pieces, text
        read = tokenizer.decode(ids, skip_special_tokens=True)
        assert _bare(read) == _bare(text), text
    _check_frame(tokenizer, base)
    return tokenizer


def _bare(text: str) -> str:
    """What has to be read back: letters. BERT's have neither case nor marks, and lose spaces."""
    parts = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in parts if unicodedata.category(c)[0] not in "MZ")


def _check_frame(tokenizer: Any, base: Path) -> None:
    """Sequences are framed by the same special tokens as the base's, padding keeps its id."""
    own: Any = AutoTokenizer.from_pretrained(base)
    for pair in (None, TEXTS[1]):
        assert _frame(own, pair) == _frame(tokenizer, pair)
    assert tokenizer.pad_token == own.pad_token and tokenizer.mask_token == own.mask_token
    assert tokenizer.pad_token_id == own.pad_token_id


def _frame(tokenizer: Any, pair: str | None) -> list[str]:
    """The special tokens around one text or two."""
    tokens = tokenizer.convert_ids_to_tokens(tokenizer(TEXTS[0], pair)["input_ids"])
    return [token for token in tokens if token in tokenizer.all_special_tokens]
