"""Task files as lines of text, each with its place, so that an error can name `file:line`."""

import io
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from lingraft.errors import UserError
from lingraft.formats.codecs import BROKEN, Reader, broken, codec_of, decompressed, plain_name
from lingraft.store.disk import disk_errors

NO_TEXT = {
    b"\x1f\x8b": "gzip; name it .gz",
    b"\x28\xb5\x2f\xfd": "zstd; name it .zst",
    b"BZh": "bzip2; name it .bz2",
    b"\xfd7zXZ\x00": "xz; name it .xz",
    b"PK\x03\x04": "a zip archive; unpack it",
    b"PAR1": "Parquet; name it .parquet",
    b"ARROW1": "Arrow; name it .arrow",
}
"""First bytes of what is no text, and what it is."""
_CHUNK = 1 << 14
LONGEST_LINE = 1 << 20
"""Bytes of a line of which only a beginning is read: a few packed ones may hold gigabytes."""
MOST_LINES = 300_000
"""Of a file of which only a beginning is read: each costs time, an empty one too."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
NOT_UTF8 = "not UTF-8 text; convert the file to UTF-8"


@dataclass
class TaskFile:
    """A file that can be opened: a local one, or an object of which only the beginning is read.

    Attributes:
        name: Path or URI, for errors.
        key: Path below the task's folder; of a single file its name.
        open_raw: Opens it at its start.
        limit: Bytes to read, at most, and of a compressed file bytes to unpack; None reads all.
        consumed: Bytes that were read so far, as they are stored.
        handed: Bytes that were handed out so far, unpacked.
        cut: Whether the limit was met before the end.
    """

    name: str
    key: str
    open_raw: Callable[[], BinaryIO]
    limit: int | None = None
    consumed: int = 0
    handed: int = 0
    cut: bool = False

    @property
    def codec(self) -> str | None:
        """How it is compressed, by its name."""
        return codec_of(self.name)


def local_file(path: Path, key: str) -> TaskFile:
    """A file on this machine, whole."""

    def opened() -> BinaryIO:
        with disk_errors(path):
            return path.open("rb")

    return TaskFile(str(path), key, opened)


def kind_of(name: str) -> str:
    """The suffix that tells how a file is written, unpacked and in lower case: `.jsonl` ..."""
    return PurePosixPath(plain_name(name).lower()).suffix


def lines_of(file: TaskFile) -> Iterator[tuple[str, str]]:
    r"""(`file:line`, line) of a UTF-8 text file, plain or compressed, without its line end.

    Lines end with \n or \r\n only: sentences do contain the other separators of Unicode. Bytes
    that are not UTF-8 become lone surrogates, so that only a text that has them is at fault.
    A line that the file's limit cuts is left out. Where there is a limit, so is what follows a line
    of more than LONGEST_LINE bytes, or MOST_LINES lines.
    """
    number = 0
    longest = -1 if file.limit is None else LONGEST_LINE
    with _text(file) as binary:
        for raw in _read(file, lambda: binary.readline(longest)):
            number += 1
            if file.limit is not None and number > MOST_LINES:
                file.cut = True
                return
            if not raw.endswith(b"\n"):
                file.cut = file.cut or len(raw) == longest
                if file.cut:
                    return
            yield f"{file.name}:{number}", _decoded(raw, first=number == 1, file=file)


def text_of_file(file: TaskFile) -> str:
    """All of a UTF-8 file's text, or as much as its limit allows; other bytes as `lines_of`."""
    with _text(file) as binary:
        # Not `read`: a compressed file's beginning would be lost with its end.
        data = b"".join(_read(file, lambda: binary.read1(_CHUNK)))
    return _decoded(data, first=True, file=file)


def bytes_of(file: TaskFile) -> bytes:
    """All of a file's bytes, unpacked, or as many as its limit allows."""
    with _opened(file) as binary:
        return b"".join(_read(file, lambda: binary.read1(_CHUNK)))


def _decoded(raw: bytes, *, first: bool, file: TaskFile) -> str:
    if first and raw.startswith(_UTF16):
        raise UserError(NOT_UTF8, where=file.name)
    text = raw.decode("utf-8-sig" if first else "utf-8", errors="surrogateescape")
    return text.removesuffix("\n").removesuffix("\r")


def _read(file: TaskFile, read: Callable[[], bytes]) -> Iterator[bytes]:
    """What `read` gives until there is no more."""
    try:
        while data := read():
            file.handed += len(data)
            yield data
    except BROKEN as error:
        if file.cut:  # a compressed file's beginning has no end
            return
        if file.codec is None:
            raise
        raise broken(file.name, file.codec, error) from error


@contextmanager
def _opened(file: TaskFile) -> Generator[Reader]:
    """A file's bytes, unpacked."""
    counted: Reader = io.BufferedReader(_Counted(file), _CHUNK)
    with counted as binary:
        if file.codec is not None:
            with decompressed(binary, file.codec) as stream:
                yield io.BufferedReader(_Unpacked(file, stream), _CHUNK)
            return
        yield binary


@contextmanager
def _text(file: TaskFile) -> Generator[Reader]:
    """The same, of a file that must be text."""
    with _opened(file) as binary:
        start = next(_read(file, lambda: binary.peek(8)), b"")
        for magic, said in NO_TEXT.items():
            if start.startswith(magic):
                raise UserError(f"this is no text but {said}", where=file.name)
        yield binary


class _Counted(io.RawIOBase):
    """A file's bytes up to its limit, counted."""

    def __init__(self, file: TaskFile) -> None:
        self._file, self._raw = file, file.open_raw()
        file.consumed, file.handed, file.cut = 0, 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]", /) -> int:  # type: ignore[override]
        file, want = self._file, len(buffer)
        if file.limit is not None and file.consumed + want > file.limit:
            want = file.limit - file.consumed
            if want <= 0:
                file.cut = file.cut or bool(self._raw.read(1))
                return 0
        data = self._raw.read(want)
        buffer[: len(data)] = data
        file.consumed += len(data)
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Unpacked(io.RawIOBase):
    """What a compressed file holds, up to its limit: few bytes may unpack to gigabytes."""

    def __init__(self, file: TaskFile, stream: io.RawIOBase | io.BufferedIOBase) -> None:
        self._file, self._stream, self._left = file, stream, file.limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]", /) -> int:  # type: ignore[override]
        want = len(buffer) if self._left is None else min(len(buffer), self._left)
        if want == 0:
            self._file.cut = self._file.cut or bool(self._stream.read(1))
            return 0
        data = self._stream.read(want) or b""
        buffer[: len(data)] = data
        if self._left is not None:
            self._left -= len(data)
        return len(data)
