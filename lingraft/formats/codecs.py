"""Compressed files, opened as what they hold: by their names, and never more than is asked for."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import PurePosixPath
from typing import Any, Protocol, TypeAlias

from lingraft.errors import UserError

CODECS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
"""Suffix to what people call it."""
XZ_MEMORY = 128 << 20
"""Bytes that a decoder of .xz may take; `xz -9` takes 65 MiB."""
_CHUNK = 1 << 14

Reader: TypeAlias = "io.BufferedReader[Any]"


class BrokenError(Exception):
    """The compressed data are not whole, or are none."""


BROKEN = (gzip.BadGzipFile, EOFError, zlib.error, BrokenError)
"""What the streams here raise of such a file."""


class NotHereError(Exception):
    """A library that reads such a file is not installed: the operator has none of the trainer's."""


def pyarrow() -> Any:
    """The library, which only the trainer has.

    Raises:
        NotHereError: this is not the trainer.
    """
    try:
        return import_module("pyarrow")
    except ModuleNotFoundError as error:
        raise NotHereError from error


class _Decoder(Protocol):
    """What bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def codec_of(name: str) -> str | None:
    """How a file is compressed, by its suffix; None if it is not."""
    return CODECS.get(PurePosixPath(name.lower()).suffix)


def plain_name(name: str) -> str:
    """A file's name without the suffix of its compression."""
    return name[: name.rindex(".")] if codec_of(name) else name


def decompressed(raw: Reader, codec: str) -> io.RawIOBase | io.BufferedIOBase:
    """A stream of what a compressed one holds.

    Raises:
        NotHereError: the library for zstd, pyarrow, is not here.
    """
    match codec:
        case "gzip":
            return gzip.GzipFile(fileobj=raw)
        case "bzip2":
            return _Stream(raw, bz2.BZ2Decompressor)
        case "xz":
            return _Stream(raw, lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY))
        case _:
            return _Zstd(raw)


class _Stream(io.RawIOBase):
    """One or more compressed streams after another, read as one.

    Python's own classes for that have no bound on the memory of a decoder.
    """

    def __init__(self, raw: Reader, decoder: Callable[[], _Decoder]) -> None:
        self._raw, self._new = raw, decoder
        self._decoder, self._begun = decoder(), False

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._raw.close()
        super().close()

    def readinto(self, buffer: "memoryview[int]", /) -> int:  # type: ignore[override]
        while True:
            data = b""
            if self._decoder.eof:
                rest = self._decoder.unused_data
                data = rest.lstrip(b"\0") or self._raw.read1(_CHUNK)  # xz may be padded
                if not data:
                    return 0
                self._decoder = self._new()
            elif self._decoder.needs_input:
                data = self._raw.read1(_CHUNK)
                if not data:
                    if not self._begun:
                        return 0
                    raise BrokenError("it has no end")
            self._begun = True
            try:
                found = self._decoder.decompress(data, len(buffer))
            except (OSError, ValueError, lzma.LZMAError) as error:
                raise BrokenError(str(error)) from error
            if found:
                buffer[: len(found)] = found
                return len(found)


class _Zstd(io.RawIOBase):
    """A stream of zstd, by pyarrow, which notices a missing end."""

    def __init__(self, raw: Reader) -> None:
        pa = pyarrow()
        self._stream: Any = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]", /) -> int:  # type: ignore[override]
        try:
            data: bytes = self._stream.read(len(buffer))
        except (OSError, ValueError) as error:
            raise BrokenError(str(error)) from error
        buffer[: len(data)] = data
        return len(data)


def broken(name: str, codec: str, error: Exception) -> UserError:
    """What is said of a file that does not decompress."""
    suffix = next(one for one, known in CODECS.items() if known == codec)
    message = f"not a whole {codec} file; compress it again or name it without {suffix}"
    if codec == "xz" and "limit" in str(error).lower():
        message = f"its decoder needs more than {XZ_MEMORY >> 20} MiB; compress it with `xz -9`"
    return UserError(message, where=name)
