"""How well a tokenizer fits its text, in figures: written as tokenizer_report.json."""

from collections import Counter
from collections.abc import Container, Iterable
from typing import Any

from transformers import PreTrainedTokenizerBase

from lingraft_trainer.embeddings.surface import is_text, single_characters, surfaces
from lingraft_trainer.tokenization.alphabet import ASCII, BYTES


def tokenizer_report(
    tokenizer: PreTrainedTokenizerBase,
    paragraphs: Iterable[str],
    *,
    sequence_length: int,
    base: PreTrainedTokenizerBase | None = None,
) -> dict[str, Any]:
    """Figures over a sample of paragraphs.

    Args:
        tokenizer: The target tokenizer.
        paragraphs: A sample of the text.
        sequence_length: Tokens of a training sequence, its special tokens included.
        base: The base's tokenizer, to count what the vocabularies share.

    Returns:
        `unknownRate` (share of pieces), `byteRate` (share of pieces that are bytes of a character
        that has no piece), `writesAnything` (no character is unknown to it: it has bytes),
        `piecesPerWord` (words are split at white space), `charactersPerPiece`, `truncatedShare`
        (share of paragraphs longer than a sequence), `sharedWithBase` (share of ordinary tokens
        that say what one of the base says), `sharedCharacters` (share of the base's single
        characters that are single characters here too); the last two are None without a base.
    """
    room = sequence_length - tokenizer.num_special_tokens_to_add()
    texts = list(paragraphs)
    encoded = tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)  # type: ignore[attr-defined]
    mine = surfaces(tokenizer)
    times = Counter(number for e in encoded for number in e.ids)
    pieces = times.total()
    in_bytes = sum(times[number] for surface, number in mine.items() if not is_text(surface))
    words = sum(len(text.split()) for text in texts)
    long = sum(len(e.ids) > room for e in encoded)
    report: dict[str, Any] = {
        "vocabulary": len(tokenizer),
        "sampleParagraphs": len(texts),
        "unknownRate": _share(times[tokenizer.unk_token_id], pieces),
        "byteRate": _share(in_bytes, pieces),
        "writesAnything": _writes_anything(mine),
        "piecesPerWord": _share(pieces, words),
        "charactersPerPiece": _share(sum(map(len, texts)), pieces),
        "truncatedShare": _share(long, len(texts)),
        "sequenceLength": sequence_length,
        "sharedWithBase": None,
        "sharedCharacters": None,
    }
    if base is not None:
        report["sharedWithBase"] = _share(len(mine.keys() & surfaces(base).keys()), len(mine))
        theirs = set(single_characters(base))
        shared = theirs & set(single_characters(tokenizer))
        report["sharedCharacters"] = _share(len(shared), len(theirs))
    return report


def _writes_anything(surfaces: Container[str]) -> bool:
    """Whether ASCII, or its bytes, and the bytes of all other characters are tokens."""
    return all(chr(0xDC00 + byte) in surfaces for byte in BYTES) and all(
        c in surfaces or chr(0xDC00 + ord(c)) in surfaces for c in ASCII
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
