"""What stands around a text in packed rows, in ids of its tokenizer.

Of a masked language model: what the tokenizer puts around any text. Of a causal one: what the
tokenizer begins with, else the token that stands between documents, for that is what a base read
before each of its own; then the text, then that token. So every token of the text is predicted, and
a model learns where a text ends.
"""

from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from lingraft_trainer.tokenization.base import size_of
from lingraft_trainer.tokenization.causal import document_end


@dataclass(frozen=True)
class Frame:
    """As `PackWriter` takes it."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    pad_id: int
    mask_id: int | None
    special_ids: tuple[int, ...]
    vocab_size: int
    causal: bool


def around(tokenizer: PreTrainedTokenizerBase) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What a tokenizer puts before and behind any text."""
    framed = tokenizer("a", truncation=False, padding=False)
    own = [number is not None for number in framed.sequence_ids()]
    ids: list[int] = framed["input_ids"]
    return tuple(ids[: own.index(True)]), tuple(ids[len(own) - own[::-1].index(True) :])


def frame_of(tokenizer: PreTrainedTokenizerBase, *, causal: bool) -> Frame:
    """How a tokenizer's text is framed for its model.

    Raises:
        UserError: A causal model's knows no end of a document.
    """
    prefix, suffix = around(tokenizer)
    pad_id, mask_id = tokenizer.pad_token_id, tokenizer.mask_token_id
    special = set(tokenizer.all_special_ids)
    if causal:
        end = tokenizer.get_vocab()[document_end(tokenizer)]
        prefix, suffix = prefix or (end,), (end,)
        pad_id = end if pad_id is None else pad_id
        special |= {n for n, token in tokenizer.added_tokens_decoder.items() if token.special}
    # A masked language model's always has both.
    assert isinstance(pad_id, int) and (causal or isinstance(mask_id, int))
    return Frame(
        prefix=prefix,
        suffix=suffix,
        pad_id=pad_id,
        mask_id=mask_id if isinstance(mask_id, int) else None,
        special_ids=tuple(sorted(special)),
        vocab_size=size_of(tokenizer),
        causal=causal,
    )
