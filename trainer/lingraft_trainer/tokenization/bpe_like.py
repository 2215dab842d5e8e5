"""BPE trained on a text under a causal base's own rules: its normaliser, pre-tokeniser and decoder.

Two kinds have all bytes, so that any text comes back. Byte-level BPE (GPT-2, Llama 3, Qwen)
writes text in bytes, and its pre-tokeniser says what a word is, digits included. SentencePiece's
BPE (Llama 2, Mistral, Gemma) writes characters, and bytes where it lacks one. That kind cuts no
words when it reads, so the merges alone keep them apart: they are learned in words that are cut
here, of letters, of digits or of other signs, with the spaces before them.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tokenizers import Regex, Tokenizer, pre_tokenizers, trainers
from transformers.convert_slow_tokenizer import bytes_to_unicode

from lingraft.errors import UserError
from lingraft_trainer.tokenization.alphabet import choose_alphabet

SPACE = "\u2581"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_LETTERS = r"\p{L}\p{M}\x{200C}\x{200D}"
_WORDS = rf"{SPACE}*[{_LETTERS}]+|{SPACE}*[^{SPACE}\p{{N}}{_LETTERS}]+"
_NUMBERS = rf"{SPACE}*\p{{N}}+|{SPACE}+"
_DIGITS = rf"\p{{N}}|{SPACE}+"
_NEVER_IN_TEXT = {*range(32), *range(0xF5, 256), 0x7F, 0xC0, 0xC1, 0xF1, 0xF2, 0xF4} - set(
    b"\t\n\r"
)
"""Of control characters, of planes without writing, or in no UTF-8: a vocabulary that was learned
without an alphabet (SmolLM2's) lacks some."""
_SEVERAL_DIGITS = re.compile(rf"{SPACE}?\d\d+")


def bpe_like(
    base: Tokenizer,
    texts: Iterable[str],
    pieces: int,
    *,
    language: str | None = None,
    characters: Iterable[str] = (),
) -> Tokenizer:
    """Train BPE of at most `pieces` pieces, without special tokens.

    Args:
        base: The base's tokenizer, BPE with all bytes of text; is not changed.
        texts: Paragraphs, cleaned.
        pieces: Of the vocabulary, bytes included: at least 257.
        language: Of the text, BCP 47: of a vocabulary of characters it chooses some of them (see
            `alphabet.py`).
        characters: More of those: the single characters of the base's vocabulary.

    Raises:
        UserError: The base's pieces have not all bytes.
    """
    state: dict[str, Any] = json.loads(base.to_str())
    model: dict[str, Any] = state["model"]
    known: dict[str, int] = model["vocab"]
    state["added_tokens"] = []
    state["post_processor"] = state["padding"] = state["truncation"] = None
    if not has_all_bytes(state):
        raise UserError(
            "the base's tokenizer has not all bytes of text, some of which would be lost: give "
            "spec.tokenizer.uri",
            where="spec.base.uri",
        )
    state["model"] = model | {"vocab": {}, "merges": [], "unk_token": None, "dropout": None}
    tokenizer = Tokenizer.from_str(json.dumps(state))
    if _is_byte_level(state):
        letters = sorted(pre_tokenizers.ByteLevel.alphabet())
        _train(tokenizer, texts, pieces, letters)
        return tokenizer
    held = list(texts)
    letters = _characters(tokenizer, held, pieces - len(BYTES), language, characters)
    apart = _DIGITS if not any(map(_SEVERAL_DIGITS.fullmatch, known)) else _NUMBERS
    words = pre_tokenizers.Split(Regex(f"{_WORDS}|{apart}"), "isolated")
    own = tokenizer.pre_tokenizer
    trained = Tokenizer.from_str(tokenizer.to_str())
    trained.pre_tokenizer = words if own is None else pre_tokenizers.Sequence([own, words])
    _train(trained, held, pieces - len(BYTES), letters)
    learned: dict[str, Any] = json.loads(trained.to_str())["model"]
    by_id = sorted(learned["vocab"], key=learned["vocab"].__getitem__)
    state["model"] |= {
        "vocab": {piece: number for number, piece in enumerate([*BYTES, *by_id])},
        "merges": learned["merges"],
        "unk_token": model["unk_token"],
    }
    return Tokenizer.from_str(json.dumps(state))


def has_all_bytes(state: dict[str, Any]) -> bool:
    """Whether a BPE's pieces tell any text, byte by byte where they must.

    Args:
        state: Its tokenizer.json.
    """
    if _is_byte_level(state):
        pieces, written = state["model"]["vocab"].keys(), bytes_to_unicode()
        return all(written[byte] in pieces for byte in {*range(256)} - _NEVER_IN_TEXT)
    return bool(state["model"].get("byte_fallback")) and state["model"]["vocab"].keys() >= set(
        BYTES
    )


def _is_byte_level(state: dict[str, Any]) -> bool:
    return '"ByteLevel"' in json.dumps([state["pre_tokenizer"], state["decoder"]])


def _train(tokenizer: Tokenizer, texts: Iterable[str], size: int, letters: list[str]) -> None:
    """Learn merges of these letters alone, in place."""
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        special_tokens=[],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)


def _characters(
    tokenizer: Tokenizer,
    texts: list[str],
    pieces: int,
    language: str | None,
    others: Iterable[str],
) -> list[str]:
    """The characters that are pieces: the rest of the text is written in bytes."""
    normal = tokenizer.normalizer
    read: Callable[[str], str] = normal.normalize_str if normal else str
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    del counts[" "], counts[SPACE]
    alphabet = choose_alphabet(
        counts,
        pieces,
        language=language,
        others=others,
        plain=lambda char: char != SPACE and read(char).removeprefix(SPACE) == char,
    ).characters
    if len(alphabet) >= pieces:
        raise UserError(
            f"{pieces} pieces beside bytes and special tokens cannot hold the text's "
            f"{len(alphabet)} characters: make the vocabulary larger",
            where="spec.tokenizer.train.vocabSize",
        )
    return [SPACE, *alphabet]
