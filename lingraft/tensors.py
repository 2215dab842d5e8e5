"""What safetensors files hold, from their headers, and some of their tensors without the others.

The format: eight bytes with the header's length (little-endian), the header (JSON: name to dtype,
shape and the two ends of its bytes, counted from the header's end), and the bytes of the tensors.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from lingraft.errors import UserError
from lingraft.store.disk import disk_errors, in_order

MOST_HEADER = 64 << 20
"""Bytes of a header, at most; one of 10,000 tensors takes one MiB."""
RANGE, AT_ONCE = 8 << 20, 8
"""Bytes of one request, and how many are under way."""

Read = Callable[[int, int], bytes]
"""`read(start, size)` gives that part of a file, or less at its end."""


class Part(NamedTuple):
    """Some of a checkpoint's tensors."""

    name: str
    """Tells it from other parts of the same checkpoint."""
    wanted: Callable[[str], bool]
    """Whether a tensor is one of them, by its name."""


class Entry(NamedTuple):
    """One tensor of a file."""

    dtype: str
    """As the format writes it: F32, BF16, I64 ..."""
    shape: tuple[int, ...]
    start: int
    """Of its bytes, from the file's beginning."""
    end: int


def read_header(read: Read, *, where: str) -> dict[str, Entry]:
    """Every tensor of a file by its name, in the order of their bytes.

    Raises:
        UserError: It is no safetensors file.
    """
    size = int.from_bytes(read(0, 8), "little")
    if not 2 <= size <= MOST_HEADER:
        raise UserError("this is no safetensors file: send it again", where=where)
    try:
        header: Any = json.loads(read(8, size))
        entries = {
            str(name): _entry(one, 8 + size)
            for name, one in cast(dict[str, Any], header).items()
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = "its header cannot be read: the file is damaged; send it again"
        raise UserError(message, where=where) from error
    return dict(sorted(entries.items(), key=lambda item: item[1].start))


def _entry(one: dict[str, Any], offset: int) -> Entry:
    start, end = one["data_offsets"]
    return Entry(str(one["dtype"]), tuple(one["shape"]), offset + int(start), offset + int(end))


def copy_tensors(files: Mapping[str, Read], part: Part, target: Path) -> None:
    """Write one file with the tensors that are wanted of several.

    Args:
        files: Reads of each file, by its name for errors.
        part: Which tensors.
        target: The new file.

    Raises:
        UserError: One is no safetensors file, or shorter than its header says.
    """
    chosen: list[tuple[Read, str, str, Entry]] = []
    for where, read in files.items():
        entries = read_header(read, where=where)
        chosen += [(read, where, n, entry) for n, entry in entries.items() if part.wanted(n)]

    def fetch(piece: tuple[Read, str, int, int]) -> bytes:
        read, where, start, end = piece
        data = read(start, end - start)
        if len(data) != end - start:
            raise UserError("it ends before its header says: send it again", where=where)
        return data

    with disk_errors(target), target.open("wb") as out:
        out.write(head([(name, entry) for _, _, name, entry in chosen]))
        for data in in_order(fetch, _pieces(chosen), AT_ONCE):
            out.write(data)


def head(entries: Sequence[tuple[str, Entry]]) -> bytes:
    """The head of a file that holds these tensors in this order, one behind the other."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, entry in entries:
        size = entry.end - entry.start
        ends = [at, at + size]
        header[name] = {"dtype": entry.dtype, "shape": entry.shape, "data_offsets": ends}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors are to lie at multiples of eight
    return len(text).to_bytes(8, "little") + text


def _pieces(
    chosen: Sequence[tuple[Read, str, str, Entry]],
) -> Iterator[tuple[Read, str, int, int]]:
    """What to read, in order: neighbours in one file together, none longer than RANGE."""
    runs: list[tuple[Read, str, int, int]] = []
    for read, where, _, entry in chosen:
        if runs and runs[-1][1] == where and runs[-1][3] == entry.start:
            runs[-1] = (read, where, runs[-1][2], entry.end)
        else:
            runs.append((read, where, entry.start, entry.end))
    for read, where, start, end in runs:
        for at in range(start, end, RANGE):
            yield read, where, at, min(at + RANGE, end)
