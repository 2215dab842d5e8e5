"""What a file of text looks like by its beginning, where that is no text to learn from.

Much of it can be read as text all the same, and a model would learn its numbers and its marks.
"""

import codecs
import json
import re
from collections import Counter
from pathlib import Path

from lingraft.errors import LingraftError, UserError
from lingraft.files import Fault
from lingraft.formats.codecs import NotHereError
from lingraft.formats.files import NO_TEXT, bytes_of, local_file
from lingraft.resource import LanguageAdaptationSpec
from lingraft.selection import selected
from lingraft.sources import local_keys
from lingraft.store.uri import parse_uri
from lingraft.text_names import text_name

HEAD = 1 << 16
"""Bytes of a file that it is judged by."""
LEAST = 20
"""Lines that are looked at before they are called a table."""
NEARLY_ALL = 0.95
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}")


def fault_of(head: bytes, *, lines: bool) -> str | None:
    """What a file's first bytes are, in a sentence; None of text.

    Args:
        head: The bytes, unpacked.
        lines: Whether all of each line is read as text.
    """
    for magic, said in NO_TEXT.items():
        if head.startswith(magic):
            return f"this is no text but {said}"
    if kind := _wide(head):
        return f"it is {kind}; convert the file to UTF-8"
    return _table(head.decode(errors="replace")) if lines else None


def _wide(head: bytes) -> str | None:
    """Two or four bytes a letter, much of which can be read as UTF-8."""
    if head.startswith(_MARKS):
        return "UTF-16 or UTF-32"
    if 10 * head.count(0) > len(head):
        return "UTF-16 without its mark, or no text: a tenth of its beginning is NUL"
    # A block of Unicode is one value of the higher byte: 4 is Cyrillic, 9 Devanagari, 14 Thai.
    for half in (head[0::2], head[1::2]) if head.strip() else ():
        if len(half) > LEAST and 4 * sum(byte < 32 for byte in half) > 3 * len(half):
            return "UTF-16 without its mark: every other byte is none of a letter"
    return None


def _table(text: str) -> str | None:
    """Rows in place of lines."""
    if 3 * 6 * len(_ESCAPE.findall(text)) > len(text) > 0:
        return r"its letters are written as \uXXXX: write them as they are, in UTF-8"
    whole = text.split("\n")
    whole = whole[:-1] if len(whole) > 1 else whole  # the last may be cut
    lines = [line for one in whole if (line := one.strip("\ufeff \t\r"))]
    if lines and all(map(_is_object, lines[:LEAST])):
        return "its lines are JSON: name it .jsonl"
    if len(lines) < LEAST:
        return None
    tabs, times = Counter(line.count("\t") for line in lines).most_common(1)[0]
    if not tabs or times < NEARLY_ALL * len(lines):
        return None
    return (
        f"its lines are a table's, {tabs + 1} columns with tabs between them: leave the one with "
        "the text, as `cut -f2` does"
    )


def _is_object(line: str) -> bool:
    try:
        return line.startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def text_mistakes(spec: LanguageAdaptationSpec) -> list[Fault]:
    """What is wrong with the beginnings of texts on this machine, each with its field.

    Of a folder with its first file. What is not there, or cannot be opened, others tell of.
    """
    named: dict[tuple[str, ...], str] = {("corpus", "uri"): spec.corpus.uri}
    if spec.mini.text is not None:
        named["mini", "text", "uri"] = spec.mini.text.uri
    if spec.base.pretrain is not None:
        named["base", "pretrain", "text", "uri"] = spec.base.pretrain.text.uri
    found = [(("spec", *at), first_fault(uri)) for at, uri in named.items()]
    return [(at, fault) for at, fault in found if fault is not None]


def first_fault(uri: str) -> UserError | None:
    """What the beginning of a text on this machine is, where it is none."""
    if not uri.startswith("file://"):
        return None
    try:
        place = parse_uri(uri)
        assert isinstance(place, Path)
        keys = selected(local_keys(place), "text", place.name)
        file = place / keys[0] if keys and keys[0] else place
        name = text_name(file.name)
        if not file.is_file() or name is None or name.format in ("parquet", "arrow"):
            return None
        beginning = local_file(file, file.name)
        beginning.limit = HEAD
        head = bytes_of(beginning)
    except (LingraftError, NotHereError, OSError):
        return None
    # WikiExtractor writes either, under one name.
    lines = name.format == "txt" or (name.format == "wiki" and not head.startswith(b"{"))
    fault = fault_of(head, lines=lines)
    return None if fault is None else UserError(fault, where=str(file))
