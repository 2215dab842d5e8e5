"""Read a language pack, and the base or task model that it is for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoTokenizer, GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from lingraft.errors import UserError
from lingraft.pack import RECORD, TENSORS, Pack
from lingraft.selection import GENERATION
from lingraft_trainer.models.checkpoint import load, load_body, load_lm
from lingraft_trainer.models.config import read_config
from lingraft_trainer.models.family import embeddings
from lingraft_trainer.packs.vocabulary import Vocabulary, frozen
from lingraft_trainer.packs.write import fingerprint

TASKS = (
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForMultipleChoice",
)
"""Endings of the classes of task models."""


@dataclass(frozen=True)
class ReadPack:
    """A pack in memory.

    Attributes:
        record: What it says of itself.
        vocabulary: What goes into a model.
        tokenizer: The language's.
    """

    record: Pack
    vocabulary: Vocabulary
    tokenizer: PreTrainedTokenizerBase

    @property
    def dtype(self) -> torch.dtype:
        """Of a model that it goes into."""
        return getattr(torch, self.record.dtype)


def read_record(folder: Path) -> Pack:
    """What a pack says of itself.

    Raises:
        UserError: It is no pack, or one of a format that this version does not know.
    """
    try:
        return Pack.model_validate_json((folder / RECORD).read_bytes())
    except FileNotFoundError:
        message = f"this is no language pack: it has no {RECORD}; give the folder that has one"
        raise UserError(message, where=str(folder)) from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        message = f"{RECORD} cannot be read ({field}: {first['msg']}); is lingraft older than it?"
        raise UserError(message, where=str(folder)) from error


def read_pack(folder: Path) -> ReadPack:
    """A pack's record, tensors and tokenizer.

    Raises:
        UserError: It is no whole pack.
    """
    record = read_record(folder)
    try:
        tensors = load_file(folder / TENSORS)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        generation = None
        if (folder / GENERATION).is_file():
            generation = GenerationConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, SafetensorError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"the pack is not whole: {reason}", where=str(folder)) from error
    wanted = (record.vocabulary, record.width)
    if "weight" not in tensors or tuple(tensors["weight"].shape) != wanted:
        message = f"{TENSORS} holds no weight of {wanted[0]} x {wanted[1]}: fetch the pack again"
        raise UserError(message, where=str(folder))
    parts = {name: frozen(one) for name, one in tensors.items()}
    pad_id = record.roles["pad_token_id"]
    assert pad_id is not None  # `Graft.roles` pads whatever the tokenizer has for it
    vocabulary = Vocabulary(
        matrix=parts["weight"],
        pad_id=pad_id,
        bias=parts.get("bias"),
        output=parts.get("output"),
        roles=record.roles,
        config=record.config,
        generation=generation,
    )
    return ReadPack(record, vocabulary, tokenizer)


def read_model(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    """A base with its head, a body where it has none, or a task model, to put packs into.

    Args:
        folder: Of the checkpoint.
        dtype: Of the model.

    Raises:
        UserError: It cannot be read, or its family is not supported.
    """
    config = read_config(folder)
    names: list[str] = list(getattr(config, "architectures", None) or [])
    for name in names:
        if name.endswith(TASKS):
            auto: Any = getattr(transformers, f"AutoModel{name[name.rindex('For') :]}")
            return load(folder, auto, config, may_be_new=lambda one: False, dtype=dtype)[0]
    loaded = load_lm(folder, dtype=dtype)
    return loaded.model if loaded.has_head else load_body(folder, dtype)


def check_fits(pack: Pack, model: PreTrainedModel, *, where: str) -> None:
    """Refuse a model that a pack was not learned for.

    Args:
        pack: The pack's record.
        model: With its own vocabulary still in place.
        where: The model, for the message.

    Raises:
        UserError: It is another family, or another base.
    """
    own: Any = model.config.model_type
    if own != pack.model_type:
        message = f"the pack of {pack.language} is for a {pack.model_type}, and this is a {own}"
        raise UserError(message, where=where)
    if fingerprint(embeddings(model).weight) != pack.base.embeddings:
        raise UserError(
            f"the pack of {pack.language} was learned for another {own}: give the base that it was "
            f"grafted on ({pack.base.ref[:24]}), or a task model of it",
            where=where,
        )
