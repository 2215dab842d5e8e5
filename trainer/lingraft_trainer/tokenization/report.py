"""How well a tokenizer fits its text, in figures: written as tokenizer_report.json."""

from collections.abc import Iterable
from typing import Any

from transformers import PreTrainedTokenizerBase

from lingraft_trainer.embeddings.surface import surfaces


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
        `unknownRate` (share of pieces), `piecesPerWord` (words are split at white space),
        `charactersPerPiece`, `truncatedShare` (share of paragraphs longer than a sequence),
        `sharedWithBase` (share of ordinary tokens whose text the base has too; None without).
    """
    room = sequence_length - tokenizer.num_special_tokens_to_add()
    texts = list(paragraphs)
    encoded = tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)  # type: ignore[attr-defined]
    unk = tokenizer.unk_token_id
    pieces = sum(len(e.ids) for e in encoded)
    unknown = sum(e.ids.count(unk) for e in encoded)
    words = sum(len(text.split()) for text in texts)
    long = sum(len(e.ids) > room for e in encoded)
    report: dict[str, Any] = {
        "vocabulary": len(tokenizer),
        "sampleParagraphs": len(texts),
        "unknownRate": _share(unknown, pieces),
        "piecesPerWord": _share(pieces, words),
        "charactersPerPiece": _share(sum(map(len, texts)), pieces),
        "truncatedShare": _share(long, len(texts)),
        "sequenceLength": sequence_length,
        "sharedWithBase": None,
    }
    if base is not None:
        mine = surfaces(tokenizer)
        report["sharedWithBase"] = _share(len(mine.keys() & surfaces(base).keys()), len(mine))
    return report


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
