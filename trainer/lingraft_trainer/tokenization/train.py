"""Train a target-language tokenizer: the same text and settings give the same file.

Unigram (Kudo 2018) by sentencepiece with the settings of the reference recipe; `tokenizers`'
own unigram trainer gives another file on every run. Byte-level BPE by `tokenizers`.
"""

import io
import re
from collections.abc import Iterable, Iterator
from typing import Literal

import sentencepiece
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from lingraft.errors import UserError
from lingraft_trainer.tokenization.convert import unigram_tokenizer
from lingraft_trainer.tokenization.special import SpecialTokens
from lingraft_trainer.tokenization.swap import lay

FIELD = "spec.tokenizer.train.vocabSize"
THREADS = 8
"""Fixed: sentencepiece sums per thread, so another number could give another file."""
SENTENCE = 2000
"""Longest stretch of text given to sentencepiece, in characters; it skips long sentences."""


def train_tokenizer(
    texts: Iterable[str],
    *,
    type: Literal["unigram", "bpe"],
    vocab_size: int,
    template: SpecialTokens,
    seed: int = 0,
) -> PreTrainedTokenizerFast:
    """Train a tokenizer of exactly `vocab_size` tokens, the template's included.

    Args:
        texts: Paragraphs, cleaned; held in memory by both trainers.
        type: SentencePiece unigram, or byte-level BPE.
        vocab_size: Tokens, special tokens included.
        template: The special tokens to lay it under.
        seed: Of sentencepiece's generator.

    Raises:
        UserError: The text supports fewer tokens, or needs more.
    """
    if type == "unigram":
        backend = _unigram(texts, vocab_size, len(template.ids), seed)
    else:
        backend = _bpe(texts, vocab_size, len(template.ids))
    tokenizer = lay(backend, template)
    if len(tokenizer) != vocab_size:  # a piece of the text was itself a special token
        raise UserError(
            f"{len(tokenizer)} tokens came out for vocabSize {vocab_size}: the text spells "
            "special tokens out; remove them from it",
            where=FIELD,
        )
    return tokenizer


def _unigram(texts: Iterable[str], vocab_size: int, specials: int, seed: int) -> Tokenizer:
    others = specials - 1  # sentencepiece counts its own unknown token
    model = io.BytesIO()
    sentencepiece.set_random_generator_seed(seed)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_sentences(texts),
            model_writer=model,
            model_type="unigram",
            vocab_size=vocab_size - others,
            normalization_rule_name="nmt_nfkc",
            character_coverage=0.9995,
            byte_fallback=False,
            num_threads=THREADS,
            max_sentence_length=SENTENCE * 8,
            shuffle_input_sentence=False,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            unk_id=0,
            minloglevel=3,
        )
    except (RuntimeError, OSError) as error:
        raise _explained(str(error), vocab_size, others) from error
    return unigram_tokenizer(model.getvalue())


def _explained(message: str, asked: int, others: int) -> UserError:
    if found := re.search(r"too high \(\d+\).*<= (\d+)", message):
        return too_large(asked, int(found[1]) + others)
    if found := re.search(r"required_chars\. \d+ vs (\d+)", message):
        return UserError(
            f"{asked} tokens cannot hold the text's letters; set at least "
            f"{int(found[1]) + others + 1}",
            where=FIELD,
        )
    return UserError(f"sentencepiece cannot train on this text: {message.strip()}", where=FIELD)


def too_large(asked: int, most: int) -> UserError:
    """The error for a vocabulary that the text does not support."""
    return UserError(
        f"the corpus does not support a vocabulary of {asked} tokens; "
        f"set at most {most}, or give more text",
        where=FIELD,
    )


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    """Texts cut at spaces into stretches that sentencepiece does not skip."""
    for text in texts:
        while len(text) > SENTENCE:
            cut = text.rfind(" ", 1, SENTENCE)
            cut = cut if cut > 0 else SENTENCE
            yield text[:cut]
            text = text[cut:].lstrip(" ")
        if text:
            yield text


def _bpe(texts: Iterable[str], vocab_size: int, specials: int) -> Tokenizer:
    letters = pre_tokenizers.ByteLevel.alphabet()
    if vocab_size < len(letters) + specials:
        raise UserError(
            f"a byte-level BPE needs at least {len(letters) + specials} tokens "
            f"(256 bytes and {specials} special tokens)",
            where=FIELD,
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    # With a space in front a text's first word is the same token as elsewhere.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - specials,
        min_frequency=2,
        initial_alphabet=sorted(letters),
        special_tokens=[],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if (got := tokenizer.get_vocab_size()) < vocab_size - specials:
        raise too_large(vocab_size, got + specials)
    return tokenizer
