"""Your own data as JSON Lines: classification, sentence pairs, parallel sentences."""

from lingraft.formats.examples import Example, ParallelPair
from lingraft.formats.rows import Row, optional_name, text_of
from lingraft.formats.wanted import Wanted, label_of

_CLASSIFICATION = '{"text", "label"[, "group"]}'
_PAIRS = '{"text", "textPair", "label"[, "group"]}'
_RETRIEVAL = '{"source", "target"}'


def classification(row: Row, wanted: Wanted) -> Example:
    """`{text, label[, group]}`.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    text, label = text_of(row, "text", _CLASSIFICATION), label_of(row, wanted, _CLASSIFICATION)
    return Example(text, None, label, optional_name(row, "group"))


def pair(row: Row, wanted: Wanted) -> Example:
    """`{text, textPair, label[, group]}`.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    first, second = text_of(row, "text", _PAIRS), text_of(row, "textPair", _PAIRS)
    return Example(first, second, label_of(row, wanted, _PAIRS), optional_name(row, "group"))


def retrieval(row: Row, wanted: Wanted) -> ParallelPair:
    """`{source, target}`.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    del wanted
    return ParallelPair(text_of(row, "source", _RETRIEVAL), text_of(row, "target", _RETRIEVAL))
