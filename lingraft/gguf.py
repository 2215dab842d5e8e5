"""A GGUF file's header: what `config.json` would say of the model, read without its weights.

    "GGUF" version:u32 tensors:u64 settings:u64, then each setting as name, type, value,
    and each tensor as name, dimensions:u32, as many sizes:u64, type:u32, offset:u64

Numbers are little-endian, a text has its length in bytes in front (u64), a list its type and its
length. llama.cpp's specification is in docs/gguf.md of ggml.
"""

import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

from lingraft.errors import UserError
from lingraft.gguf_settings import Length, check_settings
from lingraft.limits import HEADER_BYTES, too_large

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
_HEAD = "output.weight"
"""Left out where the decoder is tied to the token embeddings."""
_MOST_SETTINGS, _MOST_TENSORS, _PIECE = 10_000, 100_000, 1 << 20


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
        UserError: It is no GGUF file, or it has settings that would be lost.
    """
    settings, tensors = header_of(stream, where=where)
    architecture = str(settings.get("general.architecture", ""))
    if (scaled := settings.get(f"{architecture}.{_SCALED}", "none")) != "none":
        raise UserError(
            f"its positions are scaled ({_SCALED} {scaled}), which is lost in reading a {SUFFIX} "
            "file: give the checkpoint that it was made of",
            where=where,
        )
    if not settings.get(f"{architecture}.{_SIZES['num_local_experts']}"):  # it is refused as such
        check_settings(settings, architecture, where=where)
    sizes = {
        name: settings[f"{architecture}.{key}"]
        for name, key in _SIZES.items()
        if f"{architecture}.{key}" in settings
    }
    return sizes | {
        "model_type": _TYPES.get(architecture, architecture),
        "architectures": [f"{architecture}ForCausalLM"],
        "vocab_size": settings.get("tokenizer.ggml.tokens"),
        "tie_word_embeddings": _HEAD not in tensors,
    }


def header_of(stream: BinaryIO, *, where: str) -> tuple[dict[str, Any], frozenset[str]]:
    """All settings, of a list its length; and the tensors' names.

    Args:
        stream: The file, at its start.
        where: URI of the file, for errors.

    Raises:
        UserError: It is no GGUF file.
    """
    try:
        return _read(_Header(stream, where))
    except (struct.error, KeyError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError("this is no GGUF file, or only a part of one", where=where) from error


class _Header:
    """The file's beginning: as much of it as a header may have."""

    def __init__(self, stream: BinaryIO, where: str) -> None:
        self._stream, self._where, self._left = stream, where, HEADER_BYTES

    def read(self, size: int) -> bytes:
        """Exactly so many bytes; of a damaged length no more than there are."""
        self._take(size)
        found = bytearray()
        while len(found) < size and (more := self._stream.read(size - len(found))):
            found += more
        if len(found) < size:
            raise ValueError(size)
        return bytes(found)

    def skip(self, size: int) -> None:
        """Read them in pieces."""
        self._take(size)
        while size:
            data = self._stream.read(min(size, _PIECE))
            if not data:
                raise ValueError(size)
            size -= len(data)

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            most = f"at most {HEADER_BYTES >> 20} MiB of such a header are read"
            raise too_large("its settings and its vocabulary take more", most, self._where)

    def number(self, letter: str) -> Any:
        """The next number."""
        return struct.unpack(f"<{letter}", self.read(struct.calcsize(f"<{letter}")))[0]

    def text(self) -> str:
        """The next text."""
        return self.read(self.number("Q")).decode()


def _read(header: _Header) -> tuple[dict[str, Any], frozenset[str]]:
    """All settings, of a list its length; and the tensors' names."""
    magic, version, tensors, settings = struct.unpack("<4sIQQ", header.read(24))
    if magic != b"GGUF" or version not in (2, 3):
        raise ValueError(magic)
    if settings > _MOST_SETTINGS or tensors > _MOST_TENSORS:
        raise ValueError(settings)
    found: dict[str, Any] = {}
    for _ in range(settings):
        name = header.text()
        found[name] = _value(header, header.number("I"))
    return found, frozenset(_tensor(header) for _ in range(tensors))


def _tensor(header: _Header) -> str:
    """The name of the next tensor."""
    name = header.text()
    header.skip(8 * header.number("I") + 4 + 8)
    return name


def _value(header: _Header, kind: int) -> Any:
    if kind == _TEXT:
        return header.text()
    if kind != _LIST:
        return header.number(_NUMBERS[kind])
    inner, length = header.number("I"), header.number("Q")
    if inner == _TEXT:
        for _ in range(length):
            header.skip(header.number("Q"))
    elif inner == _LIST:
        for _ in range(length):
            _value(header, inner)
    else:
        header.skip(length * struct.calcsize(_NUMBERS[inner]))
    return Length(length)
