"""What a token says, apart from how its vocabulary writes it.

Vocabularies mark word starts differently (`▁word`, `Ġword`, `word` against `##piece`), and
byte-level BPE writes bytes as letters. A token's surface is its text, with a space in front
where a word starts, so that tokens of different vocabularies can be compared.

Bytes that are half a character have a surface too: lone surrogates, which no text holds (U+DC00
and the byte, as of Python's `surrogateescape`). A byte that a vocabulary falls back to (`<0xE3>`)
is written so whatever it is: it is like that byte of another vocabulary, and like no text.
"""

import json
import re
from collections.abc import Mapping

from transformers import PreTrainedTokenizerBase

_BYTE = re.compile("<0x([0-9A-F]{2})>")
_ESCAPED = re.compile("[\udc00-\udcff]")


def surfaces(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Surface to id, for every ordinary token; the lowest id wins where two look alike."""
    model = json.loads(tokenizer.backend_tokenizer.to_str())  # type: ignore[attr-defined]
    kind, special = model["model"]["type"], set(tokenizer.all_special_ids)
    byte_level = '"ByteLevel"' in json.dumps([model["pre_tokenizer"], model["decoder"]])
    falls_back = bool(model["model"].get("byte_fallback"))
    vocabulary: Mapping[str, int] = tokenizer.get_vocab()
    added = tokenizer.added_tokens_decoder  # which are written as they are read
    found: dict[str, int] = {}
    for token, number in sorted(vocabulary.items(), key=lambda item: item[1]):
        if number in special:
            continue
        if byte_level:
            surface = token if number in added else _bytes(token)
        elif falls_back and (byte := _BYTE.fullmatch(token)):
            surface = chr(0xDC00 + int(byte[1], 16))
        elif kind == "WordPiece":
            surface = token[2:] if token.startswith("##") else f" {token}"
        else:
            surface = token.replace("\u2581", " ")
        if surface is not None:
            found.setdefault(surface, number)
    return found


def is_text(surface: str) -> bool:
    """Whether it has no bytes in it that are no text."""
    return not _ESCAPED.search(surface)


def single_characters(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The characters that are a token of their own, at a word's start or within, by id."""
    found = (surface.removeprefix(" ") for surface in surfaces(tokenizer))
    return [char for char in dict.fromkeys(found) if len(char) == 1 and is_text(char)]


def lower_cases(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the tokenizer knows small letters only."""
    normalizer = tokenizer.backend_tokenizer.normalizer  # type: ignore[attr-defined]
    return normalizer is not None and normalizer.normalize_str("A") == "a"


def begins_with_space(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the tokenizer puts a space before any text, one that has a space too (Llama 2)."""
    normalizer = tokenizer.backend_tokenizer.normalizer  # type: ignore[attr-defined]
    return normalizer is not None and normalizer.normalize_str("a").startswith("\u2581")


def _byte_letters() -> dict[str, int]:
    """GPT-2's letters for bytes: printable ones stand for themselves, the rest from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    rest = (byte for byte in range(256) if byte not in printable)
    return {chr(byte): byte for byte in printable} | {
        chr(0x100 + i): byte for i, byte in enumerate(rest)
    }


BYTE_OF = _byte_letters()


def _bytes(token: str) -> str | None:
    try:
        return bytes(BYTE_OF[letter] for letter in token).decode(errors="surrogateescape")
    except KeyError:
        return None  # what no text is cut into
