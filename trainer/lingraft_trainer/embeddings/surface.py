"""What a token says, apart from how its vocabulary writes it.

Vocabularies mark word starts differently (`▁word`, `Ġword`, `word` against `##piece`), and
byte-level BPE writes bytes as letters. A token's surface is its text, with a space in front
where a word starts, so that tokens of different vocabularies can be compared.
"""

import json
from collections.abc import Mapping

from transformers import PreTrainedTokenizerBase


def surfaces(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Surface to id, for every ordinary token; the lowest id wins where two look alike."""
    model = json.loads(tokenizer.backend_tokenizer.to_str())  # type: ignore[attr-defined]
    kind, special = model["model"]["type"], set(tokenizer.all_special_ids)
    byte_level = '"ByteLevel"' in json.dumps([model["pre_tokenizer"], model["decoder"]])
    vocabulary: Mapping[str, int] = tokenizer.get_vocab()
    found: dict[str, int] = {}
    for token, number in sorted(vocabulary.items(), key=lambda item: item[1]):
        if number in special:
            continue
        if byte_level:
            surface = _bytes(token)
        elif kind == "WordPiece":
            surface = token[2:] if token.startswith("##") else f" {token}"
        else:
            surface = token.replace("\u2581", " ")
        if surface is not None:
            found.setdefault(surface, number)
    return found


def lower_cases(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the tokenizer knows small letters only."""
    normalizer = tokenizer.backend_tokenizer.normalizer  # type: ignore[attr-defined]
    return normalizer is not None and normalizer.normalize_str("A") == "a"


def _byte_letters() -> dict[str, int]:
    """GPT-2's letters for bytes: printable ones stand for themselves, the rest from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    rest = (byte for byte in range(256) if byte not in printable)
    return {chr(byte): byte for byte in printable} | {
        chr(0x100 + i): byte for i, byte in enumerate(rest)
    }


_BYTE_OF = _byte_letters()


def _bytes(token: str) -> str | None:
    try:
        return bytes(_BYTE_OF[letter] for letter in token).decode()
    except (KeyError, UnicodeDecodeError):
        return None  # half a character
