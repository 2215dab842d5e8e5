"""BPE with all bytes, of exactly as many tokens as were asked for."""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from lingraft.errors import UserError
from lingraft.plan.scale import ROUND
from lingraft_trainer.tokenization.bpe_like import bpe_like

FIELD = "spec.tokenizer.train.vocabSize"
_WORD = r"\p{L}\p{M}\x{200C}\x{200D}"
"""A word is letters, their marks and joiners: GPT-2's pattern tears words of Thai or Hindi."""
WORDS = rf"'(?:[sdmt]|ll|ve|re)| ?[{_WORD}]+| ?\p{{N}}+| ?[^\s\p{{N}}{_WORD}]+|\s+(?!\S)|\s+"


def byte_level(texts: Iterable[str], vocab_size: int, specials: int) -> Tokenizer:
    """Byte-level BPE of exactly so many tokens, with room for special ones.

    Args:
        texts: Paragraphs.
        vocab_size: Tokens, special ones included.
        specials: How many of them are special.

    Raises:
        UserError: The text supports fewer, or the bytes need more.
    """
    letters = pre_tokenizers.ByteLevel.alphabet()
    _refuse_less_than_bytes(vocab_size, specials)
    tokenizer = Tokenizer(models.BPE())
    # With one space in front a text's first word is the same token as elsewhere.
    one_space = [normalizers.Replace(Regex(r"\A +"), ""), normalizers.Prepend(" ")]
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), *one_space])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
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


def like_base(
    base: Tokenizer,
    texts: Iterable[str],
    vocab_size: int,
    specials: int,
    language: str | None,
    characters: Iterable[str],
) -> Tokenizer:
    """As `byte_level`, under the rules of a causal base (see `bpe_like`)."""
    _refuse_less_than_bytes(vocab_size, specials)
    held, others, size = list(texts), tuple(characters), vocab_size
    while True:
        found = bpe_like(base, held, size - specials, language=language, characters=others)
        if (got := found.get_vocab_size() + specials) >= size:
            break
        size = got // ROUND * ROUND  # which has room for fewer characters, and may support fewer
    if size < vocab_size:
        raise too_large(vocab_size, size)
    return found


def _refuse_less_than_bytes(vocab_size: int, specials: int) -> None:
    if vocab_size < (least := len(pre_tokenizers.ByteLevel.alphabet()) + specials):
        raise UserError(
            f"a byte-level BPE needs at least {least} tokens (256 bytes and {specials} special "
            "tokens)",
            where=FIELD,
        )


def too_large(asked: int, most: int) -> UserError:
    """The error for a vocabulary that the text does not support."""
    return UserError(
        f"the corpus does not support a vocabulary of {asked} tokens; "
        f"set at most {most}, or give more text",
        where=FIELD,
    )
