"""What a tokenizer does not know is counted, by the bytes of the text."""

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from lingraft_trainer.data import encode
from lingraft_trainer.data.encode import Encoder
from tests.support.bases import BASES

LATIN = {"<unk>": 0, **{c: i for i, c in enumerate("abcdefghijklmnopqrstuvwxyz", 1)}}


def bpe(unknown: str | None, **settings: object) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(dict(LATIN), [], unk_token=unknown, **settings))  # type: ignore[arg-type]
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    return tokenizer


def unigram() -> Tokenizer:
    words = [("<unk>", 0.0), ("\u2581", -1.0), *((c, -2.0) for c in LATIN if len(c) == 1)]
    tokenizer = Tokenizer(models.Unigram(words, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()  # type: ignore[assignment]
    tokenizer.decoder = decoders.Metaspace()  # type: ignore[assignment]
    return tokenizer


MAKERS = {
    "unigram": unigram,
    "bpe": lambda: bpe("<unk>"),
    "fused": lambda: bpe("<unk>", fuse_unk=True),
    "dropping": lambda: bpe(None),
    "words": lambda: _words(),
    "bytes of its text alone": lambda: _some_bytes(),
    "bytes it does not have": lambda: bpe(None, byte_fallback=True),
    "deleting": lambda: _deleting(),
}


def _some_bytes() -> Tokenizer:
    """Byte-level BPE as trained without an initial alphabet."""
    tokenizer = Tokenizer(models.BPE({**LATIN, "\u0120": 27}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()  # type: ignore[assignment]
    return tokenizer


def _deleting() -> Tokenizer:
    tokenizer = _words()
    tokenizer.normalizer = normalizers.Replace(Regex("[^ -~]"), "")  # type: ignore[assignment]
    return tokenizer


def _words() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(dict(LATIN), unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    return tokenizer


@pytest.mark.parametrize("kind", MAKERS)
def test_bytes_behind_no_known_token(kind: str) -> None:
    texts = ["a b", "привет мир", "a при b", "", "é a"]
    found = list(Encoder(MAKERS[kind]())(texts))
    assert [one.bytes for one in found] == [len(text.encode()) for text in texts]
    assert [one.unknown_bytes for one in found] == [0, 18, 6, 0, 2]


@pytest.mark.parametrize("family", ["roberta"])
def test_bytes_are_known(family: str) -> None:
    encoder = Encoder(BASES[family]().backend_tokenizer)  # type: ignore[arg-type]
    assert [one.unknown_bytes for one in encoder(["привет мир", "\U0001f600"])] == [0, 0]


def test_much_text_is_encoded_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a" * n for n in (3, 9, 1, 1, 1, 30, 2)]
    at_once = list(Encoder(bpe("<unk>"))(texts))
    monkeypatch.setattr(encode, "CHARACTERS", 4)
    assert list(Encoder(bpe("<unk>"))(texts)) == at_once
    assert [len(one.ids) for one in at_once] == [3, 9, 1, 1, 1, 30, 2]
