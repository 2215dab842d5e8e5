"""Kinds of tokenizers for the new language: trained, or as people have them in files."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tokenizers import AddedToken
from transformers import BertTokenizer

from lingraft_trainer.tokenization.load import load_tokenizer
from tests.support.bases import BASES
from tests.support.vocabularies import gpt2, sentencepiece_model, unigram, word_pieces

BYTE_FALLBACK: dict[str, Any] = {
    "model_type": "bpe",
    "vocab_size": 900,
    "normalization_rule_name": "identity",
    "byte_fallback": True,
}
Pieces = Callable[[str], list[str]]


@dataclass(frozen=True)
class Vocabulary:
    """One kind.

    Attributes:
        fields: `(empty folder, folder of the base)` to what `spec.tokenizer` says.
        pieces: `(folder, folder of the base)` to how the files cut a text, by their own library;
            None of a trained one, which there is no other opinion on.
    """

    fields: Callable[[Path, Path], dict[str, Any]]
    pieces: Callable[[Path, Path], Pieces] | None = None


def trained(kind: str, size: int) -> Vocabulary:
    """Trained on the corpus."""
    return Vocabulary(lambda folder, base: {"train": {"type": kind, "vocabSize": size}})


def of_folder(write: Callable[[Path], Pieces]) -> Vocabulary:
    """A folder that `write` fills; it gives the pieces of a text."""

    def fields(folder: Path, base: Path) -> dict[str, Any]:
        write(folder)
        return {"uri": f"{folder.as_uri()}/"}

    def pieces(folder: Path, base: Path) -> Pieces:
        shutil.rmtree(folder)
        folder.mkdir()
        return write(folder)

    return Vocabulary(fields, pieces)


def of_file(write: Callable[[Path], Pieces], name: str) -> Vocabulary:
    """One file of such a folder."""
    whole = of_folder(write)

    def fields(folder: Path, base: Path) -> dict[str, Any]:
        write(folder)
        return {"uri": (folder / name).as_uri()}

    return Vocabulary(fields, whole.pieces)


def _encoded(tokenizer: Any, text: str) -> list[str]:
    return tokenizer.encode(text, add_special_tokens=False).tokens


def unigram_json(folder: Path) -> Pieces:
    """tokenizer.json and nothing else."""
    made = unigram()
    made.save(str(folder / "tokenizer.json"))
    return partial(_encoded, made)


def with_added(folder: Path) -> Pieces:
    """A WordPiece to which somebody added tokens, under a class that would lower its case."""
    made = word_pieces()
    made.add_tokens(["mtoto mdogo", AddedToken("habari", single_word=True)])
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    return partial(_encoded, made)


def sentencepiece(folder: Path, **settings: Any) -> Pieces:
    """A SentencePiece model and nothing else."""
    model = sentencepiece_model(**settings)
    (folder / "spiece.model").write_bytes(model)
    from sentencepiece import SentencePieceProcessor

    made: Any = SentencePieceProcessor(model_proto=model)
    return lambda text: made.encode(text, out_type=str)


def t5(folder: Path) -> Pieces:
    """The same with T5's class named, which adds a hundred special tokens."""
    pieces = sentencepiece(folder, model_type="unigram")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "T5Tokenizer"}))
    return pieces


def gpt2_files(folder: Path) -> Pieces:
    """vocab.json and merges.txt: no padding, no mask, no unknown token."""
    return partial(_encoded, gpt2(folder))


def gpt2_with_config(folder: Path) -> Pieces:
    """The same beside the config of its model."""
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    return partial(_encoded, gpt2(folder))


def vocab_txt(folder: Path) -> Pieces:
    """BERT's vocab.txt alone, with its class named."""
    made: Any = BASES["bert"]()
    words = sorted(made.get_vocab(), key=made.get_vocab().get)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    read: Any = BertTokenizer(vocab=str(folder / "vocab.txt"))
    return read.tokenize


def saved(folder: Path) -> Pieces:
    """What save_pretrained of a class leaves."""
    made: Any = BASES["roberta"]()
    made.save_pretrained(folder)
    return made.tokenize


def of_base() -> Vocabulary:
    """The base's own."""

    def pieces(folder: Path, base: Path) -> Pieces:
        return load_tokenizer(base).tokenize

    return Vocabulary(lambda folder, base: {"uri": f"{base.as_uri()}/"}, pieces)


VOCABULARIES: dict[str, Vocabulary] = {
    "unigram": trained("unigram", 96),
    "bpe": trained("bpe", 320),
    "tokenizer.json": of_file(unigram_json, "tokenizer.json"),
    "added tokens": of_folder(with_added),
    "sentencepiece unigram": of_file(partial(sentencepiece, model_type="unigram"), "spiece.model"),
    "sentencepiece bpe": of_folder(partial(sentencepiece, **BYTE_FALLBACK)),
    "t5": of_folder(t5),
    "gpt2": of_folder(gpt2_files),
    "gpt2 with config": of_folder(gpt2_with_config),
    "vocab.txt": of_folder(vocab_txt),
    "saved": of_folder(saved),
    "the base's": of_base(),
}
