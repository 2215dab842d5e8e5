"""The tokenizer of a checkpoint, held against its model.

What the model is fed is decided by its config: the padding id that positions are counted from,
whether it knows segments, how long a sequence may be. A tokenizer's own attributes may be the
defaults of a class that somebody named.
"""

from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from lingraft.architecture import shape_of_config
from lingraft.errors import UserError
from lingraft.families import family_of
from lingraft.selection import CONFIG
from lingraft_trainer.models.checkpoint import read_config
from lingraft_trainer.tokenization.load import load_tokenizer

FIELD = "spec.base.uri"


def load_base_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """A checkpoint's tokenizer, with the inputs, the padding and the length of its model.

    Args:
        folder: Of the checkpoint: its config.json and its tokenizer's files suffice.

    Raises:
        UserError: There is none, or it does not fit the model.
    """
    tokenizer = load_tokenizer(folder, where=FIELD)
    config = read_config(folder)
    _check_rows(tokenizer, config.vocab_size)
    _set_padding(tokenizer, config)
    tokenizer.model_input_names = _input_names(tokenizer, getattr(config, "type_vocab_size", 1))
    positions = shape_of_config(config.to_dict(), where=FIELD).positions
    tokenizer.model_max_length = min(positions, tokenizer.model_max_length)
    return tokenizer


def keeps_padding(folder: Path) -> bool:
    """Whether a checkpoint's positions are counted from its padding id."""
    return family_of(read_config(folder).model_type).counts_from_padding


def is_causal(folder: Path) -> bool:
    """Whether a checkpoint predicts each token from those before it."""
    return shape_of_config(read_config(folder).to_dict(), where=FIELD).family.causal


def size_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """Ids that a tokenizer may give, from 0: one more than the highest; there may be holes."""
    return 1 + max(tokenizer.get_vocab().values())


def _check_rows(tokenizer: PreTrainedTokenizerFast, rows: int) -> None:
    token, number = max(tokenizer.get_vocab().items(), key=lambda item: item[1])
    if number >= rows:
        raise UserError(
            f"its tokenizer gives {token!r} the id {number}, but the model has {rows} rows: give "
            "the tokenizer that it was trained with",
            where=FIELD,
        )


def _set_padding(tokenizer: PreTrainedTokenizerFast, config: Any) -> None:
    """Take the padding from the config where the tokenizer has none; refuse another.

    Only a family whose positions start behind the padding id depends on it.
    """
    family, wanted = family_of(config.model_type), config.pad_token_id
    if tokenizer.pad_token_id is None and wanted is not None and int(wanted) >= 0:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(int(wanted))
    if not family.counts_from_padding:
        return
    if wanted is None:
        raise UserError(
            f"{CONFIG} has no pad_token_id, which the model counts positions from: set it",
            where=FIELD,
        )
    if tokenizer.pad_token_id != int(wanted):
        raise UserError(
            f"its tokenizer pads with {tokenizer.pad_token!r}, id {tokenizer.pad_token_id}, but "
            f"{CONFIG} counts positions from pad_token_id {wanted}: make them equal",
            where=FIELD,
        )


def _input_names(tokenizer: PreTrainedTokenizerFast, segments: int) -> list[str]:
    """What the model is fed: segment ids where it has more than one and the template tells them."""
    names = ["input_ids", "attention_mask"]
    if segments < 2:
        return names
    told = max(tokenizer("a", "b", return_token_type_ids=True)["token_type_ids"])
    if told >= segments:
        raise UserError(
            f"its tokenizer numbers segments up to {told}, but the model has {segments}: give the "
            "tokenizer that it was trained with",
            where=FIELD,
        )
    return ["input_ids", "token_type_ids", "attention_mask"] if told else names
