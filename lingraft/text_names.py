"""Which files of a folder are text, by their names alone."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from lingraft.errors import UserError
from lingraft.formats.folders import SPLITS

FORMATS = {
    ".txt": "txt",
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
}
"""By suffix. What C4 calls .json has an object a line; `datasets` saves .arrow to disk."""
CODECS = {".gz": "gzip", ".zst": "zstd", ".xz": "xz", ".bz2": "bz2"}
_WIKI = re.compile(r"wiki_\d+")
"""What WikiExtractor calls its files, in folders AA, AB ..."""

_ABOUT = re.compile(
    r"(readme|licen[cs]e|copying|copyright)([._-].*)?"
    r"|(notice|changelog|citation|authors|credits)\.txt(\..*)?"
    r"|(dataset_infos?|dataset_dict|state)\.json"
    r"|cache-.*\.arrow",  # what `datasets` leaves of a `map` or a `filter`
    re.I,
)
_NEEDED = "it needs .txt, .jsonl, .parquet or .arrow (plain, .gz, .zst, .xz or .bz2)"


class TextName(NamedTuple):
    """How a file of text is written, told from its name."""

    format: str
    """One of `FORMATS`' values, or `wiki`."""
    codec: str | None
    """One of `CODECS`' values."""


def text_name(name: str) -> TextName | None:
    """What a file's name says of it; None if it is no text. Capitals count for nothing."""
    path = PurePosixPath(name.lower())
    codec = CODECS.get(path.suffix)
    suffix = PurePosixPath(path.stem).suffix if codec else path.suffix
    if not suffix and _WIKI.fullmatch(PurePosixPath(path.stem if codec else path.name).name):
        return TextName("wiki", codec)
    return TextName(FORMATS[suffix], codec) if suffix in FORMATS else None


def check_text_file(name: str) -> None:
    """Refuse a single file that is no text by its name.

    Raises:
        UserError: It is none.
    """
    if text_name(name) is None:
        raise UserError(f"{name or 'this'} is no text by its name: {_NEEDED}")


class TextFiles:
    """Tells a folder's text from its other files, one name after the other.

    What only tells of the others (README.txt, LICENSE.txt) is no text.
    """

    def __init__(self) -> None:
        self._about, self._found = "", False
        self._splits: dict[str, str] = {}

    def takes(self, key: str) -> bool:
        """Whether a file is text, by its path in the folder."""
        if text_name(key) is None:
            return False
        if _ABOUT.fullmatch(PurePosixPath(key).name):
            self._about = self._about or key
            return False
        self._found = True
        splits = {SPLITS[word] for word in re.split(r"[^a-z]+", key.lower()) if word in SPLITS}
        if len(splits) == 1:
            self._splits.setdefault(splits.pop(), key)
        return True

    def check(self) -> None:
        """Judge the folder, once all names are known.

        Raises:
            UserError: There is no text, or one split of a data set beside another: a test set must
                not be trained on because it lies beside the training text.
        """
        if not self._found:
            only = f" but {self._about}, which is about others" if self._about else ""
            raise UserError(f"no text in it{only}: {_NEEDED}")
        if len(self._splits) > 1:
            one, other = list(self._splits.values())[:2]
            raise UserError(
                f"it holds {one} and {other}, two splits of one data set: give the file, or a "
                "folder, with the text to train on alone"
            )


def text_files(keys: Sequence[str]) -> list[str]:
    """The files of a folder that are text, in their order.

    Args:
        keys: Of all its files, relative to it.

    Raises:
        UserError: As `TextFiles.check`.
    """
    files = TextFiles()
    found = [key for key in keys if files.takes(key)]
    files.check()
    return found
