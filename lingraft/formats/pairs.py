"""Sentence pairs as published: XNLI and MultiNLI, PAWS and PAWS-X."""

from collections.abc import Iterator
from typing import Any, cast

from lingraft.formats.examples import Example, OtherLanguage
from lingraft.formats.files import TaskFile, kind_of
from lingraft.formats.languages import same_language
from lingraft.formats.rows import Bare, Row, name_of, optional_name, text_of, tsv_rows
from lingraft.formats.tables import table_rows
from lingraft.formats.wanted import NLI_LABELS, NO_LABEL, PAWS_LABELS, Wanted

_EXPORTED = ("premise", "hypothesis", "label")
"""What `datasets` calls them. XTREME's files have these columns without a header."""
_NLI_NAMES = (
    ("sentence1", "sentence2", "gold_label"),
    ("premise", "hypo", "label"),  # XNLI-MT
    _EXPORTED,
)
_MT_CONTRADICTION = "contradictory"
_NLI_NUMBERS = {str(number): label for number, label in enumerate(NLI_LABELS)}
"""As `datasets` has them."""
_LABEL = f"{', '.join(NLI_LABELS)}, or - for none"


def nli_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of XNLI (`xnli.test.tsv`, .jsonl), XNLI-MT or MultiNLI (.txt, .tsv, .jsonl).

    Also of XTREME's files without a header, and of what `datasets` exports of any of them.

    Raises:
        UserError: it is none of them.
    """
    kind = kind_of(file.name)
    if kind not in (".tsv", ".txt"):
        return table_rows(file)
    return tsv_rows(file, *_NLI_NAMES, bare=Bare(_EXPORTED, NLI_LABELS))


def nli(row: Row, wanted: Wanted) -> Example | OtherLanguage | None:
    """A pair; None where its annotators disagreed (gold label `-`, or -1), as in the papers.

    A file without a `language` column is all of one language. Hypotheses on one premise
    (`promptID`) are one group.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    found = row.value("language")
    if found is not None and not same_language(str(found), wanted.language):
        return OtherLanguage(str(found))
    premise, hypothesis, gold = max(_NLI_NAMES, key=lambda names: len(set(names) & set(row.fields)))
    for name in (premise, hypothesis):
        if isinstance(many := row.value(name), dict):
            own = _in_language(cast(dict[str, Any], many), wanted.language)
            if isinstance(own, OtherLanguage):
                return own
            row = row._replace(fields={**row.fields, name: own})
    label = name_of(row, gold, _LABEL)
    if label == _MT_CONTRADICTION and "hypo" in row.fields:
        label = "contradiction"
    if label in ("-", NO_LABEL):
        return None
    return Example(
        text_of(row, premise, "the premise"),
        text_of(row, hypothesis, "the hypothesis"),
        _NLI_NUMBERS.get(label, label),
        optional_name(row, "promptID"),
    )


def _in_language(texts: dict[str, Any], language: str) -> Any:
    """What stands in a language, where a field holds many (XNLI's `all_languages`).

    It holds them by language, or as a list of languages beside one of translations.
    """
    if set(texts) == {"language", "translation"}:
        languages, translations = (cast(list[str], texts[one] or []) for one in sorted(texts))
        texts = dict[str, Any](zip(languages, translations, strict=False))
    own = next((one for one in texts if same_language(one, language)), None)
    return OtherLanguage(", ".join(sorted(texts))) if own is None else texts[own]


def paws_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of PAWS or PAWS-X (`fr/test_2k.tsv`), XTREME's of it, or what `datasets` exports.

    Raises:
        UserError: it is none of them.
    """
    if kind_of(file.name) != ".tsv":
        return table_rows(file)
    bare = Bare(("sentence1", "sentence2", "label"), PAWS_LABELS)
    return tsv_rows(file, ("id", "sentence1", "sentence2", "label"), bare=bare)


def paws(row: Row, wanted: Wanted) -> Example | None:
    """A pair; None where a sentence was not translated (`NS`, or empty), as its README asks.

    Raises:
        UnusableRowError: a missing or wrong field.
    """
    del wanted
    sentences = (row.value("sentence1"), row.value("sentence2"))
    if any(isinstance(text, str) and text.strip() in ("", "NS") for text in sentences):
        return None
    first, second = (text_of(row, name, "a sentence") for name in ("sentence1", "sentence2"))
    return Example(first, second, name_of(row, "label", "0 or 1 (a paraphrase)"))
