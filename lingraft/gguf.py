"""A GGUF file's header: what `config.json` would say of the model, read without its weights.

    "GGUF" version:u32 tensors:u64 settings:u64, then each setting as name, type, value

Numbers are little-endian, a text has its length in bytes in front (u64), a list its type and its
length. llama.cpp's specification is in docs/gguf.md of ggml.
"""

import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

from lingraft.errors import UserError

SUFFIX = ".gguf"
_NUMBERS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
"""Types of one number, by `struct`'s letters."""
_TEXT, _LIST = 8, 9
_TYPES = {"gemma3": "gemma3_text"}
"""transformers' names of architectures, where they differ."""
_SIZES = {
    "hidden_size": "embedding_length",
    "num_hidden_layers": "block_count",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "max_position_embeddings": "context_length",
    "num_local_experts": "expert_count",
}
_SCALED = "rope.scaling.type"


def one_gguf(keys: Sequence[str], name: str) -> str | None:
    """The key of a place's GGUF file, where it is one or has one and no other weights.

    Args:
        keys: Of all files, relative to the place; one empty key if it is a file.
        name: The last part of its URI.

    Raises:
        UserError: There are several, or parts of one.
    """
    if list(keys) == [""]:
        return "" if name.endswith(SUFFIX) else None
    found = [key for key in keys if key.endswith(SUFFIX) and "/" not in key]
    if not found or any(key.endswith(".safetensors") for key in keys):
        return None
    if len(found) > 1:
        raise UserError(
            f"there are {len(found)} {SUFFIX} files, {found[0]} among them: name the one that is "
            "meant; a model in parts is joined with llama-gguf-split --merge"
        )
    return found[0]


def config_of_gguf(stream: BinaryIO, *, where: str) -> dict[str, Any]:
    """The sizes of a model by transformers' names, as `shape_of_config` reads them.

    Args:
        stream: The file, at its start.
        where: URI of the file, for errors.

    Raises:
        UserError: It is no GGUF file, or its positions are scaled.
    """
    try:
        settings = _settings(stream)
    except (struct.error, KeyError, UnicodeDecodeError, ValueError) as error:
        raise UserError("this is no GGUF file, or only a part of one", where=where) from error
    architecture = str(settings.get("general.architecture", ""))
    if (scaled := settings.get(f"{architecture}.{_SCALED}", "none")) != "none":
        raise UserError(
            f"its positions are scaled ({_SCALED} {scaled}), which is lost in reading a {SUFFIX} "
            "file: give the checkpoint that it was made of",
            where=where,
        )
    sizes = {
        name: settings[f"{architecture}.{key}"]
        for name, key in _SIZES.items()
        if f"{architecture}.{key}" in settings
    }
    return sizes | {
        "model_type": _TYPES.get(architecture, architecture),
        "architectures": [f"{architecture}ForCausalLM"],
        "vocab_size": settings.get("tokenizer.ggml.tokens"),
    }


def _settings(stream: BinaryIO) -> dict[str, Any]:
    """All settings; of a list its length."""
    magic, version, _, count = struct.unpack("<4sIQQ", _read(stream, 24))
    if magic != b"GGUF" or version not in (2, 3):
        raise ValueError(magic)
    found: dict[str, Any] = {}
    for _ in range(count):
        name = _text(stream)
        found[name] = _value(stream, _number(stream, "I"))
    return found


def _value(stream: BinaryIO, kind: int) -> Any:
    if kind == _TEXT:
        return _text(stream)
    if kind != _LIST:
        return _number(stream, _NUMBERS[kind])
    inner, length = _number(stream, "I"), _number(stream, "Q")
    if inner in (_TEXT, _LIST):
        for _ in range(length):
            _value(stream, inner)
    else:
        _read(stream, length * struct.calcsize(_NUMBERS[inner]))
    return length


def _text(stream: BinaryIO) -> str:
    return _read(stream, _number(stream, "Q")).decode()


def _number(stream: BinaryIO, letter: str) -> Any:
    return struct.unpack(f"<{letter}", _read(stream, struct.calcsize(f"<{letter}")))[0]


def _read(stream: BinaryIO, size: int) -> bytes:
    """Exactly so many bytes; of a damaged length no more than there are."""
    if size > 1 << 28:
        raise ValueError(size)
    found = stream.read(size)
    while len(found) < size and (more := stream.read(size - len(found))):
        found += more
    if len(found) < size:
        raise ValueError(size)
    return found
