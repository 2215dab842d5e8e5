"""The ids that a checkpoint's config.json and generation_config.json name, and their new ones.

A causal model stops, pads and begins by ids. Under another vocabulary each of them is the id of
the token that says the same; one that was left out is one that can no longer be generated.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from lingraft.errors import UserError
from lingraft.selection import CONFIG, GENERATION
from lingraft_trainer.tokenization.chat import answer_end

FIELD = "spec.base.uri"
ROLES = (
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "unk_token_id",
    "sep_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
)
"""An id, or a list of them: without them a model does not begin or end as it did."""
DEFAULTED = ("bos_token_id", "eos_token_id")
"""Ids that config classes have a default for; padding is set with the vocabulary."""
SUPPRESSED = ("suppress_tokens", "begin_suppress_tokens")
"""Lists of ids."""
WORDS = ("bad_words_ids", "force_words_ids")
"""Lists of texts, each a list of ids."""
BIASED = "sequence_bias"
"""A list of texts as ids, each with a number."""


def read_configs(folder: Path) -> dict[str, dict[str, Any]]:
    """A checkpoint's two configs by their files' names; empty where there is no such file.

    Raises:
        UserError: One is no JSON object.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in (CONFIG, GENERATION):
        try:
            content = json.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            content = {}
        except ValueError as error:
            raise UserError(f"{name} is not JSON: {error}", where=FIELD) from error
        if not isinstance(content, dict):
            raise UserError(f"{name} holds no JSON object", where=FIELD)
        found[name] = content
    return found


def tokens_named(
    configs: Mapping[str, Mapping[str, Any]], tokenizer: PreTrainedTokenizerBase
) -> Iterator[str]:
    """The tokens that a checkpoint's configs have a role for.

    Raises:
        UserError: Its tokenizer has no such id.
    """
    for name, config in configs.items():
        for role in ROLES:
            for number in numbers_of(config.get(role)):
                yield _token(tokenizer, number, f"{name} has {role} {number}")


def renumbered(
    config: Mapping[str, Any], old: PreTrainedTokenizerBase, new: PreTrainedTokenizerBase
) -> dict[str, Any]:
    """A config under another vocabulary: what it says of no tokens is as it was.

    Args:
        config: config.json or generation_config.json.
        old: The vocabulary that it was written for.
        new: The other one, with the tokens that play a role.

    Raises:
        UserError: The new one lacks such a token.
    """
    vocabulary = new.get_vocab()
    size = 1 + max(old.get_vocab().values())

    def other(number: int) -> int | None:
        token = old.convert_ids_to_tokens(number) if 0 <= number < size else None
        return vocabulary.get(token) if isinstance(token, str) else None  # None: a hole

    def needed(role: str, number: int) -> int:
        found = other(number)
        if found is None:
            token = _token(old, number, f"{role} is {number}")
            raise UserError(
                f"the base's {role} is {token!r}, which the new vocabulary lacks: give a tokenizer "
                "that has it, or none to have one trained",
                where="spec.tokenizer.uri",
            )
        return found

    said = {*ROLES, *SUPPRESSED, *WORDS, BIASED}
    found = {name: value for name, value in config.items() if name not in said}
    for role in ROLES:
        if role in config:
            mine = [needed(role, number) for number in numbers_of(config[role])]
            several = isinstance(config[role], list)
            found[role] = mine if several else next(iter(mine), None)
    for field in SUPPRESSED:
        if config.get(field) is not None:
            found[field] = [n for one in config[field] if (n := other(one)) is not None]
    respell = _respell(old, new, other)
    for field in WORDS:
        if config.get(field) is not None:
            found[field] = [text for one in config[field] if (text := respell(one))]
    if config.get(BIASED) is not None:
        biased = [(respell(ids), bias) for ids, bias in config[BIASED]]
        found[BIASED] = [[ids, bias] for ids, bias in biased if ids]
    return {name: value for name, value in found.items() if name not in said or value != []}


def carry_ids(
    model: PreTrainedModel, base: Path, old: PreTrainedTokenizerBase, new: PreTrainedTokenizerBase
) -> dict[str, Any]:
    """Have a grafted causal model begin, pad and stop as its base does, in place.

    Args:
        model: With the new vocabulary.
        base: Folder of the base.
        old: The base's tokenizer.
        new: The model's.

    Returns:
        The ids that its config.json has now, by their fields there.

    Raises:
        UserError: The new tokenizer lacks a token that the base needs.
    """
    configs = {name: renumbered(one, old, new) for name, one in read_configs(base).items()}
    named = configs[CONFIG]
    ids = {role: named[role] for role in ROLES if named.get(role) is not None}
    # What config.json leaves out is its class's default, an id of no vocabulary: Llama's eos is 2.
    left_out = {role: getattr(new, role) for role in DEFAULTED if role not in named}
    for role, number in (left_out | ids).items():
        setattr(model.config, role, number)
    model.generation_config = GenerationConfig.from_model_config(model.config)
    if configs[GENERATION]:
        model.generation_config = _as_read(configs[GENERATION])
    return ids


def ends_of(model: PreTrainedModel) -> list[int]:
    """Ids at which a model stops, by its generation_config.json."""
    config: Any = model.generation_config
    return numbers_of(config.eos_token_id)


def stop_behind_answers(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Have a causal model that was tuned to answer stop where its answers end too, in place.

    Args:
        model: Whose generation config is written with it.
        tokenizer: The model's: its chat template says what ends an answer.
    """
    ends, end = ends_of(model), answer_end(tokenizer)
    if end is None or end in ends:
        return
    config: Any = model.generation_config
    said: dict[str, Any] = json.loads(config.to_json_string())
    # What says of itself that it is config.json's is made anew from there by transformers 4.
    said.pop("_from_model_config", None)
    model.generation_config = _as_read(said | {"eos_token_id": [*ends, end] if ends else end})


def _as_read(settings: Mapping[str, Any]) -> GenerationConfig:
    """A generation config: transformers writes settings that it finds odd only as it read them."""
    with TemporaryDirectory() as folder:
        (Path(folder) / GENERATION).write_text(json.dumps(settings), encoding="utf-8")
        return GenerationConfig.from_pretrained(folder)


def _respell(
    old: PreTrainedTokenizerBase,
    new: PreTrainedTokenizerBase,
    other: Callable[[int], int | None],
) -> Callable[[Sequence[int]], list[int]]:
    """How the new vocabulary writes what the old one wrote as ids; nothing where it cannot."""
    added = set(old.added_tokens_decoder)

    def respell(ids: Sequence[int]) -> list[int]:
        if added.isdisjoint(ids):
            return new.encode(str(old.decode(list(ids))), add_special_tokens=False)
        found = [other(number) for number in ids]
        return [n for n in found if n is not None] if None not in found else []

    return respell


def numbers_of(value: Any) -> list[int]:
    """One id or several; a negative one is how old checkpoints say that there is none."""
    several = value if isinstance(value, list) else [value]
    return [int(one) for one in several if one is not None and int(one) >= 0]


def _token(tokenizer: PreTrainedTokenizerBase, number: int, said: str) -> str:
    """The token of an id.

    Raises:
        UserError: There is none.
    """
    token = tokenizer.backend_tokenizer.id_to_token(number)  # type: ignore[attr-defined]
    if token is None:
        raise UserError(
            f"{said}, but its tokenizer has no such token: give the tokenizer that it was trained "
            "with",
            where=FIELD,
        )
    return str(token)
