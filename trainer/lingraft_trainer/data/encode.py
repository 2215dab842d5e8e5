"""Text to ids, and how much of it a tokenizer does not know."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tokenizers import Encoding, Tokenizer

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
        model: dict[str, Any] = content["model"]
        unknown = model.get("unk_id")  # Unigram's
        if unknown is None and model.get("unk_token") is not None:
            unknown = tokenizer.token_to_id(model["unk_token"])
        self._unknown: int | None = unknown
        # Such a model passes over what it does not know without a token.
        self._drops = unknown is None and not _has_bytes(content)

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
                lost = self._lost(text) if self._drops or self._unknown in ids else 0
                yield Encoded(ids, len(text.encode()), lost)
            start = end

    def _lost(self, text: str) -> int:
        encoding: Encoding = self._backend.encode(text, add_special_tokens=False)
        known = bytearray(len(text))
        told = zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True)
        for number, token, (start, end) in told:
            # A space that is put before a word is said to stand at the word's first character.
            if number != self._unknown and token.strip("\u2581"):
                known[start:end] = b"\1" * (end - start)
        lost = (c for c, here in zip(text, known, strict=True) if not here and not c.isspace())
        return sum(len(c.encode()) for c in lost)


def _has_bytes(content: dict[str, Any]) -> bool:
    """Whether any text can be written: bytes are its alphabet, or its last resort."""
    return '"ByteLevel"' in json.dumps(content["pre_tokenizer"]) or bool(
        content["model"].get("byte_fallback")
    )
