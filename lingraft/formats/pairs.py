"""Sentence pairs as published: XNLI and MultiNLI, PAWS and PAWS-X."""

from collections.abc import Iterator

from lingraft.errors import UserError
from lingraft.formats.examples import Example, OtherLanguage
from lingraft.formats.files import TaskFile, kind_of
from lingraft.formats.languages import same_language
from lingraft.formats.rows import Row, jsonl_rows, name_of, optional_name, text_of, tsv_rows
from lingraft.formats.wanted import NLI_LABELS, Wanted

_NLI_COLUMNS = ("gold_label", "sentence1", "sentence2")
_MT_COLUMNS = ("premise", "hypo", "label")
"""XNLI-MT's, whose label of a contradiction is `contradictory`."""
_PAWS_COLUMNS = ("id", "sentence1", "sentence2", "label")
_LABEL = f"{', '.join(NLI_LABELS)}, or - for none"


def nli_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of XNLI (`xnli.test.tsv`, .jsonl), XNLI-MT or MultiNLI (.txt, .tsv, .jsonl).

    Raises:
        UserError: it is none of them.
    """
    match kind_of(file.name):
        case ".jsonl":
            return jsonl_rows(file)
        case ".tsv" | ".txt":
            return tsv_rows(file, _NLI_COLUMNS, _MT_COLUMNS)
        case _:
            message = "not an XNLI or MultiNLI file; expected .tsv, .txt or .jsonl, plain or .gz"
            raise UserError(message, where=file.name)


def nli(row: Row, wanted: Wanted) -> Example | OtherLanguage | None:
    """A pair; None where its annotators disagreed (gold label `-`), as in the papers.

    A file without a `language` column is all of one language. Hypotheses on one premise
    (`promptID`) are one group.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    found = row.value("language")
    if found is not None and not same_language(str(found), wanted.language):
        return OtherLanguage(str(found))
    translated = "hypo" in row.fields
    label = name_of(row, "label" if translated else "gold_label", _LABEL)
    if label == "-":
        return None
    return Example(
        text_of(row, "premise" if translated else "sentence1", "the premise"),
        text_of(row, "hypo" if translated else "sentence2", "the hypothesis"),
        "contradiction" if translated and label == "contradictory" else label,
        optional_name(row, "promptID"),
    )


def paws_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of PAWS or PAWS-X (`fr/test_2k.tsv`).

    Raises:
        UserError: it is neither.
    """
    return tsv_rows(file, _PAWS_COLUMNS)


def paws(row: Row, wanted: Wanted) -> Example | None:
    """A pair; None where a sentence was not translated (`NS`, or empty), as its README asks.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    del wanted
    sentences = (row.fields["sentence1"], row.fields["sentence2"])
    if any(text.strip() in ("", "NS") for text in sentences):
        return None
    first, second = (text_of(row, name, "a sentence") for name in ("sentence1", "sentence2"))
    return Example(first, second, name_of(row, "label", "0 or 1 (a paraphrase)"))
