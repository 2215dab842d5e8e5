"""Tokenizers as people have them, of every kind of model: for `spec.tokenizer.uri`."""

import io
from pathlib import Path
from typing import Any

import sentencepiece
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from lingraft_trainer.tokenization.sentencepiece_model import PROBES
from tests.support.bases import TEXT


def unigram() -> Tokenizer:
    """A cased unigram with a normaliser and a pre-tokeniser of its own."""
    letters = sorted({c for text in [*TEXT, *PROBES] for c in text} - {" "})
    vocabulary = [(t, 0.0) for t in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")]
    vocabulary += [("\u2581", -2.0), *((c, -5.0) for c in letters)]
    backend = Tokenizer(models.Unigram(vocabulary, 3, False))
    backend.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.StripAccents()])
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Metaspace("\u2581")]
    )
    backend.decoder = decoders.Metaspace("\u2581")
    backend.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return backend


def word_pieces() -> Tokenizer:
    """A cased WordPiece; BertTokenizer would make it small."""
    letters = sorted({c for text in TEXT for c in text} - {" "})
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    backend = Tokenizer(models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.add_special_tokens(tokens[:5])
    return backend


def byte_level() -> Tokenizer:
    """Byte-level BPE with a space in front; RobertaTokenizer would leave it out."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *alphabet]
    backend = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, []))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(tokens[:5])
    return backend


MADE = {"unigram": unigram, "wordpiece": word_pieces, "byte-level": byte_level}


def sentencepiece_model(**settings: Any) -> bytes:
    """A SentencePiece model, by its own trainer."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*TEXT, *PROBES * 3]),
        model_writer=model,
        minloglevel=3,
        hard_vocab_limit=False,
        **({"character_coverage": 1.0, "vocab_size": 560} | settings),
    )
    return model.getvalue()


def gpt2(folder: Path) -> Tokenizer:
    """GPT-2's two files: no padding, no mask, one special token at the end."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    end = ["<|endoftext|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=330, initial_alphabet=alphabet, show_progress=False, special_tokens=end
    )
    backend.train_from_iterator(TEXT, trainer)
    backend.model.save(str(folder))
    return backend
