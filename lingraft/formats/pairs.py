"""Sentence pairs as published: XNLI and MultiNLI, PAWS-X."""

from collections.abc import Iterator
from pathlib import Path

from lingraft.errors import UserError
from lingraft.formats.examples import Example
from lingraft.formats.files import Row, jsonl_rows, kind_of, text_of, tsv_rows

NLI_LABELS = ("entailment", "neutral", "contradiction")
PAWS_LABELS = ("0", "1")

_NLI_COLUMNS = ("gold_label", "sentence1", "sentence2")
_PAWS_COLUMNS = ("id", "sentence1", "sentence2", "label")


def read_nli(files: list[Path], language: str) -> Iterator[tuple[str, Example]]:
    """XNLI (`xnli.test.tsv`, .jsonl) or MultiNLI (.txt, .tsv, .jsonl): place and example.

    Of a file with a `language` column only that language's rows are read; MultiNLI has none
    and is all English. Pairs whose annotators disagreed (gold label `-`) are left out, as in
    the papers. Hypotheses on one premise (`promptID`) are one group.

    Raises:
        UserError: a row that is not of this format, or no row of the language.
    """
    wanted = language.lower().split("-")[0]
    seen: set[str] = set()
    read = False
    for row in (row for file in files for row in _nli_rows(file)):
        found = row.fields.get("language", wanted)
        seen.add(str(found))
        if found != wanted:
            continue
        read = True
        label = text_of(row, "gold_label", f"{', '.join(NLI_LABELS)}, or - for none")
        if label == "-":
            continue
        yield (
            row.place,
            Example(
                text_of(row, "sentence1", "the premise"),
                text_of(row, "sentence2", "the hypothesis"),
                label,
                # A number in no release, but JSON would allow it.
                str(row.fields["promptID"]) if row.fields.get("promptID") else None,
            ),
        )
    if not read:
        have = f"it has {', '.join(sorted(seen))}" if seen else "it is empty"
        where = str(files[0] if len(files) == 1 else files[0].parent)
        raise UserError(f"no row in the language '{wanted}' ({have})", where=where)


def _nli_rows(file: Path) -> Iterator[Row]:
    match kind_of(file):
        case ".jsonl":
            return jsonl_rows(file)
        case ".tsv" | ".txt":
            return tsv_rows(file, _NLI_COLUMNS)
        case _:
            message = "not an XNLI or MultiNLI file; expected .tsv, .txt or .jsonl, plain or .gz"
            raise UserError(message, where=str(file))


def read_paws(files: list[Path], language: str) -> Iterator[tuple[str, Example]]:
    """PAWS-X (`fr/test_2k.tsv`): place and example; the language is the directory's, not a column.

    Rows with a sentence that was not translated (`NS`, or empty) are left out, as its README
    asks.

    Raises:
        UserError: a row that is not of this format.
    """
    del language
    for row in (row for file in files for row in tsv_rows(file, _PAWS_COLUMNS)):
        first, second = row.fields["sentence1"], row.fields["sentence2"]
        if any(not text.strip() or text.strip() == "NS" for text in (first, second)):
            continue
        label = text_of(row, "label", "0 or 1 (a paraphrase)")
        yield row.place, Example(first, second, label)
