"""Minimal pairs: a sentence, and the same with a fault of grammar (MultiBLiMP, BLiMP)."""

from collections.abc import Iterator

from lingraft.formats.examples import MinimalPair
from lingraft.formats.files import TaskFile, kind_of
from lingraft.formats.rows import Row, text_of
from lingraft.formats.tables import csv_rows, table_rows
from lingraft.formats.wanted import Wanted

_MULTIBLIMP = ("sen", "wrong_sen")
_BLIMP = ("sentence_good", "sentence_bad")


def pair_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of MultiBLiMP, whose .tsv is quoted as CSV is, or of any other table.

    Raises:
        UserError: it is none.
    """
    return csv_rows(file, "\t") if kind_of(file.name) == ".tsv" else table_rows(file)


def minimal_pair(row: Row, wanted: Wanted) -> MinimalPair:
    """A row of MultiBLiMP, or of BLiMP, whose names are those for pairs of one's own.

    Raises:
        UnusableRowError: a missing or wrong field, or two sentences that are one.
    """
    del wanted
    names = _MULTIBLIMP if _MULTIBLIMP[0] in row.fields else _BLIMP
    expected = f"{names[0]}, {names[1]}"
    right, wrong = (text_of(row, name, expected) for name in names)
    if right == wrong:
        raise row.unusable(names[1], "is the same sentence", expected)
    return MinimalPair(right, wrong)
