"""Train a target-language tokenizer: the same text and settings give the same file.

Unigram (Kudo 2018) by sentencepiece with the settings of the reference recipe, but for its
alphabet (see `alphabet.py`); `tokenizers`' own unigram trainer gives another file on every run.
Byte-level BPE by `tokenizers`. Either gives any text back, as its normaliser leaves it; a unigram
vocabulary that is too small for bytes does so for the characters it has.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import sentencepiece
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from lingraft.errors import UserError
from lingraft_trainer.tokenization.alphabet import BYTES, choose_alphabet
from lingraft_trainer.tokenization.bpe import FIELD, byte_level, like_base, too_large
from lingraft_trainer.tokenization.convert import unigram_tokenizer
from lingraft_trainer.tokenization.normalize import text_normalizer
from lingraft_trainer.tokenization.special import SpecialTokens
from lingraft_trainer.tokenization.swap import lay

THREADS = 8
"""Fixed: sentencepiece sums per thread, so another number could give another file."""
SENTENCE = 2000
"""Longest stretch of text given to sentencepiece, in characters; it skips long sentences."""
RESERVED = "\u2585"
"""sentencepiece writes it for what is unknown, and skips sentences that have it."""


def train_tokenizer(
    texts: Iterable[str],
    *,
    type: Literal["unigram", "bpe"],
    vocab_size: int,
    template: SpecialTokens,
    seed: int = 0,
    language: str | None = None,
    characters: Iterable[str] = (),
    like: Tokenizer | None = None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> PreTrainedTokenizerFast:
    """Train a tokenizer of exactly `vocab_size` tokens, the template's included.

    Args:
        texts: Paragraphs, cleaned; held in memory by both trainers.
        type: SentencePiece unigram, or byte-level BPE.
        like: A causal base's tokenizer, whose rules its BPE follows (see `bpe_like.py`).
        vocab_size: Tokens, special tokens included.
        template: The special tokens to lay it under.
        seed: Of sentencepiece's generator.
        language: Of the text, BCP 47: its scripts' alphabets are pieces of a unigram vocabulary.
        characters: More of its pieces: the single characters of the base's vocabulary.
        warn: Told what the user should know of the result, a sentence each.

    Raises:
        UserError: The text supports fewer tokens, or needs more.
    """
    if type == "unigram":
        backend = _unigram(texts, vocab_size, template, seed, language, tuple(characters), warn)
    elif like is None:
        backend = byte_level(texts, vocab_size, len(template.ids))
    else:
        specials = len(template.ids)
        backend = like_base(like, texts, vocab_size, specials, language, characters)
    tokenizer = lay(backend, template)
    if len(tokenizer) != vocab_size:  # a piece of the text was itself a special token
        raise UserError(
            f"{len(tokenizer)} tokens came out for vocabSize {vocab_size}: the text spells "
            "special tokens out; remove them from it",
            where=FIELD,
        )
    return tokenizer


class _TooLarge(Exception):
    """The text supports no more than `most` pieces, sentencepiece's unknown one included."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


def _unigram(
    texts: Iterable[str],
    vocab_size: int,
    template: SpecialTokens,
    seed: int,
    language: str | None,
    characters: tuple[str, ...],
    warn: Callable[[str], None],
) -> Tokenizer:
    normalizer = text_normalizer()
    read = normalizer.normalize_str
    sentences = [sentence for text in texts for sentence in _sentences(read(text))]
    counts: Counter[str] = Counter()
    for sentence in sentences:
        counts.update(sentence)
    apart = {" ", RESERVED, *template.ids}
    for char in apart:
        del counts[char]
    if not counts:
        raise UserError("there is nothing in the text to train a tokenizer on", where="corpus")
    specials, size = len(template.ids), vocab_size
    while True:
        alphabet = choose_alphabet(
            counts,
            size - specials,
            language=language,
            others=characters,
            plain=lambda char: char not in apart and read(char) == char,
        )
        if size < (least := len(alphabet.characters) + specials + 1):
            raise UserError(
                f"{size} tokens cannot hold the text's characters; set at least {least}, or "
                f"{alphabet.least + specials} to hold ASCII, its whole alphabet and bytes as well",
                where=FIELD,
            )
        fallback = BYTES if alphabet.bytes else ()
        others = specials - 1 + len(fallback)  # sentencepiece counts its own unknown token
        try:
            text = _written(sentences, counts, alphabet.characters)
            model = _sentencepiece(text, size - others, seed)
        except _TooLarge as error:
            # Fewer pieces may have no room for so many characters, and support fewer still.
            size = error.most + others
            continue
        if size < vocab_size:
            raise too_large(vocab_size, size)
        if not alphabet.bytes:
            warn(
                f"a vocabulary of {vocab_size} tokens has no room for bytes: a character that it "
                f"lacks is unknown; with {FIELD} of at least {alphabet.least + specials}, and text "
                "for so many, none is"
            )
        return unigram_tokenizer(model, normalizer, fallback)


def _written(sentences: list[str], counts: Counter[str], alphabet: str) -> Iterator[str]:
    """The text in an alphabet's characters alone, each of them at least once.

    sentencepiece's pieces are then those characters and no others, at full coverage: its own
    `required_chars` are left out where the text without them is covered.
    """
    lacking = map(re.escape, (*sorted(counts.keys() - set(alphabet)), RESERVED))
    lacks = re.compile(f"[{''.join(lacking)}]")
    for sentence in sentences:
        yield lacks.sub(" ", sentence)
    yield from _sentences(" ".join(char for char in alphabet if char not in counts))


def _sentencepiece(sentences: Iterator[str], size: int, seed: int) -> bytes:
    model = io.BytesIO()
    sentencepiece.set_random_generator_seed(seed)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=sentences,
            model_writer=model,
            model_type="unigram",
            vocab_size=size,
            normalization_rule_name="identity",
            character_coverage=1.0,
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
        if found := re.search(r"too high \(\d+\).*<= (\d+)", str(error)):
            raise _TooLarge(int(found[1])) from error
        reason = str(error).strip()
        raise UserError(
            f"sentencepiece cannot train on this text: {reason}", where=FIELD
        ) from error
    return model.getvalue()


def _sentences(text: str) -> Iterator[str]:
    """A text cut at spaces into stretches that sentencepiece does not skip."""
    while len(text) > SENTENCE:
        cut = text.rfind(" ", 1, SENTENCE)
        cut = cut if cut > 0 else SENTENCE
        yield text[:cut]
        text = text[cut:].lstrip(" ")
    if text:
        yield text
