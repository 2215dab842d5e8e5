"""Files of text: their names, how they are opened, and the count of what was read of them."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from lingraft.errors import UserError
from lingraft.formats.codecs import decompressed
from lingraft.selection import selected
from lingraft.sources import local_keys
from lingraft.text_names import text_name

HOPELESS = 1_000
"""Unusable rows after which a file is given up, if they are most of its rows so far."""
_END_OF_LINE, _LAST_END = re.compile(r"\r\n|\r|\n"), re.compile(r"(?:\r\n|\r|\n)\Z")


@dataclass(frozen=True)
class TextFile:
    """One file of a corpus: where it is, what the user calls it, how it is written."""

    path: str
    name: str
    format: str
    codec: str | None
    bytes: int


def text_files(source: Path) -> list[TextFile]:
    """The text files of a directory (or the one file), ordered by name.

    Raises:
        UserError: There are none.
    """
    found: list[TextFile] = []
    for key in selected(local_keys(source), "text", source.name):
        path = source / key if key else source
        name = text_name(path.name)
        assert name is not None  # or it would not be selected
        size = path.stat().st_size
        found.append(TextFile(str(path), key or source.name, name.format, name.codec, size))
    if not found:
        raise UserError("there is nothing in it; give a file with text", where="corpus")
    return sorted(found, key=lambda file: file.name)


@dataclass
class Tally:
    """What was read: rows (of `.txt`, lines that are not blank), and those left out."""

    rows: int = 0
    unusable: int = 0
    where: str | None = None
    """Of the first of those, `file:line`."""
    why: str | None = None
    """What is wrong with it."""

    def leave_out(self, where: str, why: str) -> None:
        """Count a row that cannot be used.

        Raises:
            UserError: There is no hope for the file.
        """
        self.unusable += 1
        if self.where is None:
            self.where, self.why = where, why
        if self.unusable > HOPELESS and 2 * self.unusable > self.rows:
            raise self.error()

    def add(self, other: "Tally") -> None:
        """Count what another one counted, of a later file."""
        self.rows += other.rows
        self.unusable += other.unusable
        if self.where is None:
            self.where, self.why = other.where, other.why

    def error(self) -> UserError:
        """Too many rows are unusable."""
        return UserError(
            f"{self.why}; of {self.rows:,} rows read {self.unusable:,} are unusable, and at most "
            "1 % are left out",
            where=self.where or "",
        )


def opened(file: TextFile) -> Any:
    """A stream of its bytes, unpacked."""
    if file.codec in ("xz", "bz2"):  # Python's own readers pass over what is broken in the middle
        raw = io.BufferedReader(io.FileIO(file.path))
        return decompressed(raw, "bzip2" if file.codec == "bz2" else "xz")
    raw = pa.OSFile(file.path)
    return pa.CompressedInputStream(raw, file.codec) if file.codec else raw


def paragraphs_of(text: str) -> list[str]:
    """A text's lines, whichever of the three ends of lines it has."""
    return _END_OF_LINE.split(_LAST_END.sub("", text))


def no_text(field: str, others: list[str]) -> str:
    """What is said of a row without its text."""
    # Names may be long, and hold what no file may: half a surrogate pair.
    names = ", ".join(ascii(name)[1:-1][:40] for name in others[:8])
    have = f", only {names}: set textField" if others and field not in others else ""
    return f'the row has no field "{field}" with a string in it{have}'
