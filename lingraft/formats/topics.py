"""Texts of one label each, as published: SIB-200 (topics) and MASSIVE (intents)."""

from collections.abc import Iterator

from lingraft.formats.examples import Example, OtherLanguage
from lingraft.formats.files import TaskFile, kind_of
from lingraft.formats.languages import same_language
from lingraft.formats.quoted import line_rows
from lingraft.formats.rows import Row, name_of, text_of
from lingraft.formats.tables import table_rows
from lingraft.formats.wanted import Wanted

_SIB = ("index_id", "category", "text")
_MASSIVE = "locale, partition (train, dev or test), intent, utt"
_PARTITIONS = {"train": "train", "dev": "dev", "test": "test", "sourceTest": "test"}


def sib_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of SIB-200 (`data/annotated/swh_Latn/test.tsv`), or of its export.

    Raises:
        UserError: it is neither.
    """
    return line_rows(file, _SIB) if kind_of(file.name) == ".tsv" else table_rows(file)


def sib(row: Row, wanted: Wanted) -> Example:
    """A sentence and its topic.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    del wanted
    expected = ", ".join(_SIB)
    return Example(text_of(row, "text", expected), None, name_of(row, "category", expected))


def massive(row: Row, wanted: Wanted) -> Example | OtherLanguage | None:
    """An utterance and its intent; None where the row is for another purpose.

    A file holds all of a locale's rows, each with its partition.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    locale = row.value("locale")
    if locale is not None and not same_language(str(locale), wanted.language):
        return OtherLanguage(str(locale))
    partition = row.value("partition")
    if partition is not None and partition != _PARTITIONS[wanted.purpose]:
        return None
    return Example(text_of(row, "utt", _MASSIVE), None, name_of(row, "intent", _MASSIVE))
