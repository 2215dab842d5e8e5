"""Text to ids, and how much of it a tokenizer does not know."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tokenizers import Encoding, Tokenizer

from lingraft_trainer.embeddings.surface import BYTE_OF

CHARACTERS = 1 << 20
"""Encoded at once: an encoding takes a hundred times the memory of its text."""


class Encoded(NamedTuple):
    """A text without special tokens."""

    ids: list[int]
    bytes: int
    """Of the text, in UTF-8."""
    unknown_bytes: int
    """Of those that are no white space, what stands behind the unknown token, or behind none."""


class Encoder:
    """A tokenizer.json, as `data` needs it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._backend = tokenizer
        content: dict[str, Any] = json.loads(tokenizer.to_str())
        self._unknown = _unknown_of(content["model"], tokenizer)
        self._absent = _absent_bytes(content, tokenizer)
        self._loses: dict[str, bool] = {}

    def __call__(self, texts: Sequence[str]) -> Iterator[Encoded]:
        """Each text's encoding, in their order."""
        start = 0
        while start < len(texts):
            end, size = start, 0
            while end < len(texts) and (end == start or size + len(texts[end]) <= CHARACTERS):
                size += len(texts[end])
                end += 1
            part = texts[start:end]
            found = self._backend.encode_batch_fast(part, add_special_tokens=False)
            for text, encoding in zip(part, found, strict=True):
                ids = encoding.ids
                suspect = self._unknown in ids or any(map(self._is_lost, set(text)))
                yield Encoded(ids, len(text.encode()), self._lost(text) if suspect else 0)
            start = end

    def _is_lost(self, character: str) -> bool:
        """Whether a character vanishes: no token, not even the unknown one, tells of it.

        A normaliser deletes it, or a model without an unknown token passes over it.
        """
        found = self._loses.get(character)
        if found is None:
            found = self._loses[character] = self._lost(character) > 0
        return found

    def _lost(self, text: str) -> int:
        encoding: Encoding = self._backend.encode(text, add_special_tokens=False)
        known = bytearray(len(text))
        told = zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True)
        for number, token, (start, end) in told:
            # A space that is put before a word is said to stand at the word's first character.
            if number != self._unknown and token.strip("\u2581\u0120"):
                known[start:end] = b"\1" * (end - start)
        lost = 0
        for character, here in zip(text, known, strict=True):
            content = character.encode()
            if not character.isspace() and (not here or not self._absent.isdisjoint(content)):
                lost += len(content)
        return lost


def unknown_id(tokenizer: Tokenizer) -> int | None:
    """The id that a tokenizer's model gives what it does not know; None where it knows all.

    A tokenizer's `unk_token` may be a name alone: of GPT-2, SmolLM2 and OLMo 2 it is the end of a
    document, which no text gives.
    """
    return _unknown_of(json.loads(tokenizer.to_str())["model"], tokenizer)


def _unknown_of(model: dict[str, Any], tokenizer: Tokenizer) -> int | None:
    unknown = model.get("unk_id")  # Unigram's
    if unknown is None and model.get("unk_token") is not None:
        unknown = tokenizer.token_to_id(model["unk_token"])
    return unknown


def _absent_bytes(content: dict[str, Any], tokenizer: Tokenizer) -> frozenset[int]:
    """Of byte-level BPE, the bytes that have no token: it passes over them."""
    if '"ByteLevel"' not in json.dumps(content["pre_tokenizer"]):
        return frozenset()
    return frozenset(
        byte for letter, byte in BYTE_OF.items() if tokenizer.token_to_id(letter) is None
    )
