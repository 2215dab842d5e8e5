"""Held-out sentences for people: as both tokenizers cut them, and a hidden word as models guess it.

They are shown, never scored. The untouched base reads them in its own tokens, the graft in those of
the new language; in both, one mask stands in place of the whole hidden word.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.machine.device import roomy
from lingraft_trainer.models.checkpoint import LoadedModel
from lingraft_trainer.running.context import StageContext

SENTENCES, GUESSES = 4, 3
WORDS, CHARACTERS = 12, 90
"""Of a sentence, at most."""
LEAST_WORDS, LEAST_CHARACTERS = 6, 16
"""Of a sentence; characters in a script that has no spaces."""

Guesses = list[tuple[str, float]]
"""Pieces and their probabilities, the likeliest first."""


PARAGRAPHS, LONGEST_WORD = 200, 20
"""That tokens are counted in, and the mean characters of a word above which there are no spaces."""


@dataclass(frozen=True)
class Sentence:
    """A sentence of held-out text.

    Attributes:
        text: The beginning of a paragraph.
        hidden: Where the word stands that models are to guess; None where none fits.
    """

    text: str
    hidden: tuple[int, int] | None


def sentences_of(heldout: PackedText, tokenizer: Tokenizer) -> list[Sentence]:
    """A few beginnings of held-out paragraphs, far apart; the same ones every time.

    Args:
        heldout: Packed text of the new language.
        tokenizer: Its tokenizer.
    """
    found: dict[str, Sentence] = {}
    for ids in _paragraphs(heldout):
        text = _beginning(str(tokenizer.decode(ids, skip_special_tokens=True)))
        if text:
            found.setdefault(text, Sentence(text, _hidden(text, tokenizer)))
        if len(found) == SENTENCES:
            break
    return list(found.values())


def tokens_per_word(heldout: PackedText, own: Tokenizer, new: Tokenizer) -> dict[str, float] | None:
    """Tokens of a word of held-out text, by both tokenizers; None in a script without spaces.

    Args:
        heldout: Packed text of the new language.
        own: The base's tokenizer.
        new: The new language's.
    """
    texts = [str(new.decode(ids, skip_special_tokens=True)) for ids in _paragraphs(heldout)]
    words = sum(len(text.split()) for text in texts)
    if not words or sum(map(len, texts)) > LONGEST_WORD * words:
        return None

    def count(tokenizer: Tokenizer) -> float:
        read: Any = tokenizer(texts, add_special_tokens=False)
        return round(sum(map(len, read["input_ids"])) / words, 4)

    return {"untouched": count(own), "grafted": count(new)}


def _paragraphs(heldout: PackedText) -> Iterator[list[int]]:
    """A paragraph's tokens of each row; the second, which begins in it, where there is one."""
    for row in np.random.default_rng(0).permutation(heldout.rows)[:PARAGRAPHS]:
        tokens, segments = heldout.take(np.array([row]))
        wanted = min(2, int(segments.max()))
        yield tokens[0][segments[0] == wanted].tolist()


def _beginning(text: str) -> str:
    """The first words, or characters, of a text; empty where there are too few."""
    words = text.split()
    if len(words) >= LEAST_WORDS:
        return " ".join(words[:WORDS])[:CHARACTERS].strip()
    whole = " ".join(words)
    return whole[:CHARACTERS] if len(whole) >= LEAST_CHARACTERS * max(1, len(words)) else ""


def _hidden(text: str, tokenizer: Tokenizer) -> tuple[int, int] | None:
    """The word nearest to the middle that is one piece of the new vocabulary."""
    spaced = " " in text
    fitting: list[tuple[int, int]] = []
    for start, end in _offsets(tokenizer, text):
        start += len(text[start:end]) - len(text[start:end].lstrip())
        whole = not spaced or not (_in_word(text[start - 1 : start]) or _in_word(text[end:][:1]))
        if whole and end - start >= (3 if spaced else 1) and all(map(_in_word, text[start:end])):
            fitting.append((start, end))
    return min(fitting, key=lambda span: abs(sum(span) - len(text)), default=None)


def _in_word(letter: str) -> bool:
    return letter.isalnum() or (letter != "" and unicodedata.category(letter)[0] == "M")


def _offsets(tokenizer: Tokenizer, text: str) -> list[tuple[int, int]]:
    encoded: Any = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    return [(int(start), int(end)) for start, end in encoded["offset_mapping"]]


def pieces_of(text: str, tokenizer: Tokenizer) -> list[str]:
    """A text as a tokenizer cuts it; empty for a further piece of the same character."""
    pieces: list[str] = []
    done = 0
    for start, end in _offsets(tokenizer, text):
        # White space that belongs to no piece is the next one's.
        pieces.append(text[done : max(end, done)] if start >= done or end > done else "")
        done = max(end, done)
    return pieces


@torch.no_grad()
def guesses_of(
    ctx: StageContext,
    loaded: LoadedModel,
    own: Tokenizer,
    tokenizer: Tokenizer,
    sentences: list[Sentence],
) -> list[Guesses]:
    """What a masked model puts in place of each hidden word; leaves the model on the CPU.

    Args:
        ctx: Says where the model runs.
        loaded: The base, untouched or with the graft in it; one without a head guesses nothing.
        own: The base's tokenizer, which says how much it reads.
        tokenizer: The model's now.
        sentences: Read one by one.
    """
    if loaded.family.causal or not loaded.has_head:
        return []
    model: Any = loaded.model
    model.to(roomy(ctx.device, model)).eval()
    found = [_guess(model, tokenizer, one, own.model_max_length) for one in sentences]
    model.cpu()
    return found


def _guess(model: Any, tokenizer: Any, sentence: Sentence, longest: int) -> Guesses:
    if sentence.hidden is None:
        return []
    first, last = sentence.hidden
    read = tokenizer(sentence.text, return_offsets_mapping=True)
    ids: list[int] = read["input_ids"]
    hit = [
        i for i, (start, end) in enumerate(read["offset_mapping"]) if start < last and end > first
    ]
    if not hit or len(ids) > longest:
        return []
    masked = [*ids[: hit[0]], tokenizer.mask_token_id, *ids[hit[-1] + 1 :]]
    logits_V = model(input_ids=torch.tensor([masked], device=model.device)).logits[0, hit[0]]
    logits_V = logits_V.float()
    special = [number for number in tokenizer.all_special_ids if number < len(logits_V)]
    logits_V[special] = -torch.inf
    likeliest = torch.softmax(logits_V, dim=-1).topk(min(GUESSES, len(logits_V)))
    return [
        (str(tokenizer.decode([number])).strip(), round(share, 4))
        for share, number in zip(likeliest.values.tolist(), likeliest.indices.tolist(), strict=True)
    ]


def shown(
    sentences: list[Sentence],
    own: Tokenizer,
    new: Tokenizer,
    untouched: list[Guesses],
    grafted: list[Guesses],
) -> list[dict[str, Any]]:
    """As a graft's metrics have them.

    Args:
        sentences: In the new language.
        own: The base's tokenizer.
        new: The new language's.
        untouched: The base's guesses, one list a sentence; none of a causal model.
        grafted: The graft's.
    """
    found: list[dict[str, Any]] = []
    for i, one in enumerate(sentences):
        entry: dict[str, Any] = {
            "text": one.text,
            "untouchedPieces": pieces_of(one.text, own),
            "graftedPieces": pieces_of(one.text, new),
        }
        if one.hidden is not None and i < len(grafted):
            entry |= {
                "hidden": list(one.hidden),
                "untouchedGuesses": untouched[i],
                "graftedGuesses": grafted[i],
            }
        found.append(entry)
    return found
