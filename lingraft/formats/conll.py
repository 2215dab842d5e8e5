"""Files of one word a line, a blank line between sentences: CoNLL's, WikiANN's, UD's and their kin.

Which column is the word and which its tag is told by a file's first sentence:
    word tag             WikiANN, XTREME, MasakhaNER; WikiANN's words begin with `sw:`
    word ... tag         CoNLL-2002 and 2003 (`ner` alone)
    1 word tag ...       Universal NER (.iob2), GermEval: words are numbered, comments begin with #
    CoNLL-U's ten        Universal Dependencies (`pos` alone): UPOS; ranges and empty nodes are none
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, takewhile

from lingraft.errors import UserError
from lingraft.formats.codecs import plain_name
from lingraft.formats.files import TaskFile, lines_of
from lingraft.formats.rows import Row

LINES, FAULT = "lines", "fault"
"""Beside `tokens`, `tags` and `group`: each word's place; what is wrong with the sentence."""
PLACED = re.compile(r"O|[BIES]|[BIESLU]-.+")
"""A tag of an entity's word: outside of any, or a place in one of a type."""
_RAW = re.compile(r"((?:[a-z]{2,3}|simple)(?:-[a-z]+)*:)")
_CONLLU = 10
_UPOS = 3


@dataclass(frozen=True)
class _Line:
    place: str
    columns: tuple[str, ...]

    @property
    def starts_with_hash(self) -> bool:
        return self.columns[0].startswith("#")


@dataclass(frozen=True)
class _Style:
    """How a file is written.

    Attributes:
        columns: Of a line.
        word: The word's column.
        tag: The tag's.
        numbered: Whether words are numbered.
        prefix: What is put before every word.
    """

    columns: int
    word: int = 0
    tag: int = -1
    numbered: bool = False
    prefix: str = ""


def word_rows(file: TaskFile, format: str) -> Iterator[Row]:
    """One row a sentence.

    Args:
        file: Plain or compressed.
        format: `ner` or `pos`.

    Raises:
        UserError: a file that cannot hold such tags.
    """
    style: _Style | None = None
    document = 0
    for lines in _sentences(file):
        if lines[0].columns[0] == "-DOCSTART-":
            document += 1
            continue
        style = style or _style(lines, format)
        comments, words = _parted(lines, style, format)
        document += any(" ".join(line.columns).startswith("# newdoc") for line in comments)
        if words:
            group = f"{plain_name(file.key)}#{document}" if document else None
            yield _row(words, style, format, group)


def _sentences(file: TaskFile) -> Iterator[list[_Line]]:
    """Lines between blank ones; a `-DOCSTART-` stands for itself."""
    lines: list[_Line] = []
    for place, text in lines_of(file):
        if text.strip():
            tabs = "\t" in text
            columns = text.rstrip(" \t")
            line = _Line(place, tuple(columns.split("\t") if tabs else re.split(" +", columns)))
            if line.columns[0] != "-DOCSTART-":
                lines.append(line)
                continue
            if lines:
                yield lines
            yield [line]
        elif lines:
            yield lines
        lines = []
    if lines and not file.cut:  # half a sentence is none
        yield lines


def _style(lines: Sequence[_Line], format: str) -> _Style:
    """How a file is written, from its first sentence.

    Raises:
        UserError: as no file with such tags is.
    """
    words = [line for line in lines if not line.starts_with_hash] or list(lines)
    count = len(words[0].columns)
    ids = [line.columns[0] for line in words]
    if count == _CONLLU and ids[0].partition("-")[0] in ("1", "0.1"):
        if format == "ner":
            message = "this is CoNLL-U, which has parts of speech and no entities: name a file of "
            raise UserError(message + "entities, or the format pos", where=words[0].place)
        return _Style(_CONLLU, word=1, tag=_UPOS, numbered=True)
    counted = ids == [str(number) for number in range(1, len(ids) + 1)]
    if count > 2 and len(ids) > 1 and counted:
        return _Style(count, word=1, tag=2, numbered=True)
    if format == "pos" and count > 2:
        message = f"expected a word and its part of speech, or CoNLL-U's {_CONLLU} columns, "
        raise UserError(f"{message}and found {count}", where=words[0].place)
    found = {match[0] if (match := _RAW.match(one)) else "" for one in ids}
    return _Style(count, prefix=found.pop() if len(found) == 1 else "")


def _parted(lines: Sequence[_Line], style: _Style, format: str) -> tuple[list[_Line], list[_Line]]:
    """The comments before a sentence, and its words."""

    def is_comment(line: _Line) -> bool:
        if not line.starts_with_hash or style.numbered:
            return line.starts_with_hash
        fits = len(line.columns) == style.columns
        return not fits or (format == "ner" and not PLACED.fullmatch(line.columns[-1]))

    words = list(dropwhile(is_comment, lines))
    if style.columns == _CONLLU and style.numbered:
        words = [line for line in words if not re.search(r"[-.]", line.columns[0])]
    return list(takewhile(is_comment, lines)), words


def _row(words: Sequence[_Line], style: _Style, format: str, group: str | None) -> Row:
    for line in words:
        if fault := _fault(line, style):
            return Row(line.place, {FAULT: fault})
    return Row(
        words[0].place,
        {
            "tokens": [line.columns[style.word].removeprefix(style.prefix) for line in words],
            "tags": [line.columns[style.tag] for line in words],
            "group": group,
            LINES: [line.place for line in words],
        },
    )


def _fault(line: _Line, style: _Style) -> str | None:
    """What is wrong with a word's line."""
    found = len(line.columns)
    if found == 1:
        return (
            f"expected a word and its tag on every line, found only '{line.columns[0][:40]}' "
            "(XTREME leaves the tags of its test files out: take those of WikiANN or UD)"
        )
    if found != style.columns:
        return f"expected {style.columns} columns as in the file's first sentence, found {found}"
    if style.tag == _UPOS and line.columns[_UPOS] == "_":
        return f"the word '{line.columns[style.word][:40]}' has no UPOS"
    return None
