"""Which files of a source are read: the others are neither fingerprinted nor fetched.

A README that is added to a checkpoint changes no result, and the same weights in another format
need not travel. Everything here is a function of the files' names.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from lingraft.encoder_names import files_of_encoder, refuse_former_layout
from lingraft.errors import UserError
from lingraft.formats.examples import Purpose
from lingraft.formats.folders import files_to_read
from lingraft.formats.wanted import Wanted
from lingraft.gguf import one_gguf
from lingraft.text_names import check_text_file, text_files

CONFIG = "config.json"
GENERATION = "generation_config.json"
"""At which ids a causal model stops, and which it never gives."""
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
MIDDLE_HEAD = "middle_head.safetensors"
"""MiniJoint's second head, beside the checkpoint that it was pretrained with."""
SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
TOKENIZER = frozenset(
    {
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.txt",
        "vocab.json",
        "merges.txt",
    }
)
BESIDE = frozenset({CONFIG, GENERATION, "chat_template.jinja"})
"""What says something of tokens and is no tokenizer."""
CHAT_TEMPLATES = "additional_chat_templates/"
"""Folder with the templates that are not the usual one."""
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")


class Reading(NamedTuple):
    """A place that a resource names, and as what it is read (see `selected`)."""

    uri: str
    reads: str


def task_reads(format: str, purpose: Purpose, language: str) -> str:
    """As what a task's files are read: which of a folder's are meant hangs on all three."""
    return f"task:{format}:{purpose}:{language}"


def selected(keys: Sequence[str], reads: str | None, name: str) -> list[str]:
    """The keys that count, in their order.

    Args:
        keys: Of all visible files, relative to the source's URI; one empty key if that is a file.
        reads: As what it is read: checkpoint, tokenizer, text, or what `task_reads` gives. None:
            all count.
        name: The last part of the URI: a file's name tells how it is written.

    Raises:
        UserError: Nothing there can be read as that, or there is no telling what.
    """
    if list(keys) == [""] and reads == "text":
        check_text_file(name)
    if reads is None or list(keys) == [""] or not keys:
        return list(keys)
    if reads.startswith("task:"):
        _, format, purpose, language = reads.split(":")
        wanted = Wanted(format=format, language=language, purpose=cast(Purpose, purpose))
        return files_to_read(keys, wanted, "")
    return _BY_READS[reads](keys)


def is_weights(name: str) -> bool:
    """Whether a file at the top of a checkpoint holds its tensors, or says where they are."""
    return name in (WEIGHTS, WEIGHTS_INDEX) or SHARD.fullmatch(name) is not None


def of_tokenizer(name: str) -> bool:
    """Whether a file at the top of a checkpoint says how its tokenizer works."""
    # config.json names the class where tokenizer_config.json does not, and the padding id.
    return (
        name in TOKENIZER | BESIDE
        or name.endswith(".model")
        or (name.startswith(CHAT_TEMPLATES) and name.endswith(".jinja"))
    )


def _checkpoint(keys: Sequence[str]) -> list[str]:
    if (whole := one_gguf(keys, "")) is not None:
        return [whole]
    _refuse_what_is_no_checkpoint(keys)
    weights = {WEIGHTS} if WEIGHTS in keys else {WEIGHTS_INDEX, *filter(SHARD.fullmatch, keys)}
    encoder = files_of_encoder(keys)
    return [k for k in keys if of_tokenizer(k) or k in weights or k == MIDDLE_HEAD or k in encoder]


def _refuse_what_is_no_checkpoint(keys: Sequence[str]) -> None:
    refuse_former_layout(keys)
    if CONFIG not in keys:
        raise UserError(f"no {CONFIG} there: give the directory of a Hugging Face checkpoint")
    if WEIGHTS in keys or WEIGHTS_INDEX in keys:
        return
    if "adapter_config.json" in keys:
        raise UserError(
            "these are an adapter's weights (LoRA): merge them into their base with "
            "merge_and_unload() and save the result"
        )
    found = next((key for key in keys if key.endswith(PICKLED)), None)
    have = f" ({found} is never read)" if found else ""
    raise UserError(f"the checkpoint has no {WEIGHTS}{have}: convert it with save_pretrained(...)")


def _tokenizer(keys: Sequence[str]) -> list[str]:
    if (whole := one_gguf(keys, "")) is not None:
        return [whole]
    found = [key for key in keys if of_tokenizer(key)]
    if set(found) <= BESIDE:
        raise UserError(
            "there is no tokenizer in it: it needs tokenizer.json, or the files of its vocabulary"
        )
    return found


_BY_READS: dict[str, Callable[[Sequence[str]], list[str]]] = {
    "checkpoint": _checkpoint,
    "tokenizer": _tokenizer,
    "text": text_files,
}
